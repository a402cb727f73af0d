/* export/csv.c - RFC 4180; and the dialect that spreadsheets of continental Europe open by a double click: BOM,
 * ';' between cells, decimal comma, and times as they write them, for they take neither an offset nor a 'T'.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "lmsctl/export/back.h"

#define FLUSH_AT ((size_t)64 << 10)

struct csv {
	const struct sheet_layout *layout;
	bool excel;
	FILE *file;		/* NULL: it could not be opened */
	const char *path;
	struct buf out;
};

/* ---- cells ---- */

/* A digit or a quote in front would be in the way of nobody but of formulas. */
static void put_text(struct csv *c, const char *s)
{
	bool formula = *s && strchr("=+-@\t\r", *s);

	if (!formula && strpbrk(s, c->excel ? ";\"\r\n" : ",\"\r\n") == NULL) {
		buf_puts(&c->out, s);
		return;
	}
	buf_puts(&c->out, formula ? "\"'" : "\"");
	for (; *s; s++) {
		if (*s == '"')
			buf_putc(&c->out, '"');
		buf_putc(&c->out, *s);
	}
	buf_putc(&c->out, '"');
}

static char *write_digits(char *end, uint64_t v, int least)
{
	for (; v || least > 0; least--, v /= 10)
		*--end = (char)('0' + v % 10);
	return end;
}

/* By hand: an export is millions of these. */
static void put_number(struct csv *c, int64_t v, int decimals)
{
	char text[40], *end = text + sizeof(text), *p = end;
	uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v, whole = size, unit = 1;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	if (decimals > 0) {
		p = write_digits(p, size % unit, decimals);
		*--p = c->excel ? ',' : '.';
		whole = size / unit;
	}
	p = write_digits(p, whole, 1);
	if (v < 0)
		*--p = '-';
	buf_add(&c->out, p, (size_t)(end - p));
}

static char *two(char *p, int v, char behind)
{
	*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	if (behind)
		*p++ = behind;
	return p;
}

static void put_time(struct csv *c, wall_t t)
{
	int32_t offset = tz_offset_s(c->layout->tz, t), minutes = (offset < 0 ? -offset : offset) / 60;
	int ms = (int)(t / US_PER_MS % 1000);
	struct civil at;
	char text[40], *p = text;

	civil_from_wall(t, offset, &at);
	p = two(p, at.year / 100, '\0');
	p = two(p, at.year, '-');
	p = two(p, at.month, '-');
	p = two(p, at.day, c->excel ? ' ' : 'T');
	p = two(p, at.hour, ':');
	p = two(p, at.minute, ':');
	p = two(p, at.second, '\0');
	if (!c->excel && ms > 0)
		p += snprintf(p, 5, ".%03d", ms % 1000);
	if (!c->excel && !c->layout->tz) {
		*p++ = 'Z';
	} else if (!c->excel) {
		*p++ = offset < 0 ? '-' : '+';
		p = two(p, minutes / 60, ':');
		p = two(p, minutes % 60, '\0');
	}
	buf_add(&c->out, text, (size_t)(p - text));
}

static void put_cell(struct csv *c, const struct sheet_column *column, const struct sheet_cell *cell)
{
	if (column->type == SHEET_TEXT) {
		put_text(c, cell->text ? cell->text : "");
		return;
	}
	if (cell->number == NUM_NONE)
		return;
	if (column->type == SHEET_TIME)
		put_time(c, cell->number);
	else
		put_number(c, cell->number, column->type == SHEET_ENERGY ? 3 : column->decimals);
}

/* ---- the file ---- */

static int flush(struct csv *c, struct diag *d)
{
	if (c->out.len && fwrite(c->out.data, 1, c->out.len, c->file) != c->out.len)
		return diag_set(d, -LMS_EIO, "%s: %s", c->path, strerror(errno));
	buf_clear(&c->out);
	return 0;
}

static void put_header(struct csv *c)
{
	struct buf name;

	buf_init(&name);
	if (c->excel)
		buf_puts(&c->out, "\xef\xbb\xbf");
	for (size_t i = 0; i < c->layout->count; i++) {
		const struct sheet_column *column = &c->layout->columns[i];

		buf_clear(&name);
		buf_puts(&name, column->name);
		if (column->unit && *column->unit)
			buf_printf(&name, " [%s]", column->unit);
		if (i)
			buf_putc(&c->out, c->excel ? ';' : ',');
		put_text(c, buf_cstr(&name));
	}
	buf_puts(&c->out, "\r\n");
	buf_fini(&name);
}

static void *open_csv(const char *path, const struct sheet_layout *layout, bool excel, struct diag *d)
{
	struct csv *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct csv){ .layout = layout, .excel = excel, .path = path };
	c->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!c->file) {
		diag_set(d, -LMS_ECANTCREAT, "%s: %s", path, strerror(errno));
		free(c);
		return NULL;
	}
	buf_init(&c->out);
	put_header(c);
	return c;
}

static void *open_rfc(const char *path, const struct sheet_layout *layout, struct diag *d)
{
	return open_csv(path, layout, false, d);
}

static void *open_excel(const char *path, const struct sheet_layout *layout, struct diag *d)
{
	return open_csv(path, layout, true, d);
}

static int row(void *state, const struct sheet_cell *cells, struct diag *d)
{
	struct csv *c = state;

	for (size_t i = 0; i < c->layout->count; i++) {
		if (i)
			buf_putc(&c->out, c->excel ? ';' : ',');
		put_cell(c, &c->layout->columns[i], &cells[i]);
	}
	buf_puts(&c->out, "\r\n");
	return c->out.len < FLUSH_AT ? 0 : flush(c, d);
}

static int close_csv(void *state, bool whole, struct diag *d)
{
	struct csv *c = state;
	int ret = whole ? flush(c, d) : 0;

	if (c->file == stdout)
		ret = ret ? ret : fflush(stdout);
	else if (fclose(c->file) != 0 && whole)
		ret = diag_set(d, -LMS_EIO, "%s: %s", c->path, strerror(errno));
	buf_fini(&c->out);
	free(c);
	return ret;
}

const struct sheet_back sheet_csv = { open_rfc, row, NULL, close_csv };
const struct sheet_back sheet_csv_excel = { open_excel, row, NULL, close_csv };
