/* export/sheet.c - the file around a format, and the first error. */
#include "lmsctl/export/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "lmsctl/export/back.h"
#include "lmsctl/export/out_file.h"

struct sheet {
	const struct sheet_back *back;
	void *state;
	struct out_file file;
	bool to_stdout;
	struct diag first;	/* error */
};

static bool ends_with(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a > b && s[a - b - 1] == '.' && strcasecmp(s + a - b, end) == 0;
}

int sheet_choose(const char *path, const char *format, const char *dialect, bool all, enum sheet_format *out,
		 struct diag *d)
{
	static const struct { const char *name; enum sheet_format format; } rows[] = {
		{ "csv", SHEET_CSV }, { "xlsx", SHEET_XLSX }, { "pdf", SHEET_PDF }, { "json", SHEET_JSON },
	};

	*out = SHEET_CSV;
	for (size_t i = 0; i < (all ? ARRAY_LEN(rows) : 2); i++)
		if (format ? strcmp(format, rows[i].name) == 0 : ends_with(path, rows[i].name))
			*out = rows[i].format;
	if (dialect && *out != SHEET_CSV)
		return diag_set(d, -LMS_EUSAGE, "--dialect: is one of csv");
	if (dialect && strcmp(dialect, "excel") == 0)
		*out = SHEET_CSV_EXCEL;
	return 0;
}

int sheet_open(struct sheet **out, enum sheet_format format, const char *path, const struct sheet_layout *layout,
	       struct diag *d)
{
	static const struct sheet_back *const backs[] = {
		[SHEET_CSV] = &sheet_csv, [SHEET_CSV_EXCEL] = &sheet_csv_excel, [SHEET_XLSX] = &sheet_xlsx, [SHEET_PDF] = &sheet_pdf,
		[SHEET_JSON] = &sheet_json,
	};
	struct sheet *s = xcalloc(1, sizeof(*s));
	int ret;

	s->back = backs[format];
	s->to_stdout = strcmp(path, "-") == 0;
	diag_init(&s->first);
	if (s->to_stdout && (format == SHEET_XLSX || format == SHEET_PDF))
		ret = diag_set(d, -LMS_EUSAGE, "%s goes into a file (-O FILE)", format == SHEET_PDF ? "pdf" : "xlsx");
	else
		ret = s->to_stdout ? 0 : out_file_begin(&s->file, path, d);
	if (ret) {
		free(s);
		return ret;
	}
	s->state = s->back->open(s->to_stdout ? path : s->file.part, layout, d);
	if (!s->state) {
		if (!s->to_stdout)
			out_file_end(&s->file, false, d);
		free(s);
		return d->err;
	}
	*out = s;
	return 0;
}

void sheet_row(struct sheet *s, const struct sheet_cell *cells)
{
	if (!s->first.err)
		s->back->row(s->state, cells, &s->first);
}

void sheet_totals(struct sheet *s, const struct sheet_cell *cells)
{
	if (!s->first.err && s->back->totals)
		s->back->totals(s->state, cells, &s->first);
}

bool sheet_failed(const struct sheet *s)
{
	return s->first.err != 0;
}

int sheet_close(struct sheet *s, bool keep, struct diag *d)
{
	int ret;

	if (!s)
		return 0;
	s->back->close(s->state, keep && !s->first.err, &s->first);
	if (!s->to_stdout)
		out_file_end(&s->file, keep && !s->first.err, &s->first);
	ret = s->first.err;
	if (ret)
		diag_set(d, ret, "%s", s->first.text);
	free(s);
	return ret;
}
