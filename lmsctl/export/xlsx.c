/* export/xlsx.c - Excel workbooks by libxlsxwriter in constant memory: times are dates, numbers are numbers, and
 * a sheet that is full is followed by the next one.
 *
 * The library writes a sheet into a temporary file first: beside the result, where there is room for that too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/arena.h"
#include "base/err.h"
#include "lmsctl/export/back.h"
#include "lmsctl/export/zip_size.h"

#define ROWS_MAX 1048576	/* of a sheet, header included: Excel's own bound */
#define DAY_S 86400.
#define FRAME_BYTES 500	/* head and foot of a sheet are more */
#define ROOM_MORE (256 << 10)
#define EXCEL_1970 25569.	/* days from Excel's day 0 */

struct xlsx {
	const struct sheet_layout *layout;
	const char *path;
	char dir[4096];
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *head, **formats, **bold;	/* per column */
	double *scale;			/* per column: a cell's number in the unit shown */
	lxw_row_t next;
	int sheets;
	bool filtered;		/* the last one, before its sums */
};

static int decimals_of(const struct sheet_column *c)
{
	return c->type == SHEET_ENERGY ? 3 : c->decimals;
}

static void make_formats(struct xlsx *x)
{
	for (size_t i = 0; i < x->layout->count; i++) {
		const struct sheet_column *c = &x->layout->columns[i];
		char format[24] = "yyyy-mm-dd hh:mm:ss";

		x->scale[i] = 1;
		for (int k = decimals_of(c); k > 0 && c->type != SHEET_TIME; k--)
			x->scale[i] *= 10;
		if (c->type == SHEET_TEXT)
			continue;
		if (c->type != SHEET_TIME)
			snprintf(format, sizeof(format), "0%s%.*s", decimals_of(c) ? "." : "",
				 decimals_of(c) < 9 ? decimals_of(c) : 9, "000000000");
		x->formats[i] = workbook_add_format(x->book);
		format_set_num_format(x->formats[i], format);
		x->bold[i] = workbook_add_format(x->book);
		format_set_num_format(x->bold[i], format);
		format_set_bold(x->bold[i]);
	}
	x->head = workbook_add_format(x->book);
	format_set_bold(x->head);
}

/* Arrows in the header, over all rows that there are. */
static void end_sheet(struct xlsx *x)
{
	if (x->next > 1)
		worksheet_autofilter(x->sheet, 0, 0, x->next - 1, (lxw_col_t)(x->layout->count - 1));
}

static bool begin_sheet(struct xlsx *x)
{
	char name[32], title[128];

	/* These are not allowed in a sheet's name. */
	snprintf(name, sizeof(name), x->sheets ? "%.25s (%d)" : "%.25s", x->layout->title, x->sheets + 1);
	for (char *p = name; *p; p++) {
		if (strchr("[]:*?/\\'", *p))
			*p = '_';
	}
	x->sheets++;
	x->sheet = workbook_add_worksheet(x->book, name);
	if (!x->sheet)
		return false;
	worksheet_freeze_panes(x->sheet, 1, 0);
	for (size_t i = 0; i < x->layout->count; i++) {
		const struct sheet_column *c = &x->layout->columns[i];
		bool unit = c->unit && *c->unit;
		const char *shown = unit ? c->unit : "";

		snprintf(title, sizeof(title), unit ? "%s [%s]" : "%s%s", c->name, shown);
		worksheet_set_column(x->sheet, (lxw_col_t)i, (lxw_col_t)i,
				     c->type == SHEET_TIME || strlen(title) > 18 ? 20 : (double)strlen(title) + 2, NULL);
		if (worksheet_write_string(x->sheet, 0, (lxw_col_t)i, title, x->head))
			return false;
	}
	x->next = 1;
	return true;
}

static void free_state(struct xlsx *x)
{
	free(x->formats);
	free(x->bold);
	free(x->scale);
	free(x);
}

static void *open_xlsx(const char *path, const struct sheet_layout *layout, struct diag *d)
{
	struct xlsx *x = xcalloc(1, sizeof(*x));
	lxw_workbook_options options = { .constant_memory = LXW_TRUE };
	const char *slash = strrchr(path, '/');

	snprintf(x->dir, sizeof(x->dir), "%.*s", slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	options.tmpdir = x->dir;
	x->layout = layout;
	x->path = path;
	x->formats = xcalloc(layout->count, sizeof(x->formats[0]));
	x->bold = xcalloc(layout->count, sizeof(x->bold[0]));
	x->scale = xcalloc(layout->count, sizeof(x->scale[0]));
	x->book = workbook_new_opt(path, &options);
	if (!x->book) {
		diag_set(d, -LMS_ECANTCREAT, "%s: no workbook (is there memory?)", path);
		free_state(x);
		return NULL;
	}
	make_formats(x);
	if (!begin_sheet(x)) {
		diag_set(d, -LMS_ECANTCREAT, "%s: no sheet (is there room for a temporary file in %s?)", path, x->dir);
		lxw_workbook_free(x->book);
		free_state(x);
		return NULL;
	}
	return x;
}

static lxw_error put_cell(struct xlsx *x, size_t i, const struct sheet_cell *cell, bool total)
{
	lxw_format *format = total ? x->bold[i] : x->formats[i];
	const struct sheet_column *c = &x->layout->columns[i];
	lxw_col_t col = (lxw_col_t)i;

	if (c->type == SHEET_TEXT)
		return cell->text && *cell->text ? worksheet_write_string(x->sheet, x->next, col, cell->text,
									       total ? x->head : NULL)
						 : LXW_NO_ERROR;
	if (cell->number == NUM_NONE)
		return LXW_NO_ERROR;
	if (c->type == SHEET_TIME) {
		/* A date of Excel has no zone: it is what clocks showed. */
		double s = (double)(cell->number / US_PER_MS) / 1000 + tz_offset_s(x->layout->tz, cell->number);

		return worksheet_write_number(x->sheet, x->next, col, s / DAY_S + EXCEL_1970, format);
	}
	return worksheet_write_number(x->sheet, x->next, col, (double)cell->number / x->scale[i], format);
}

static int put_row(struct xlsx *x, const struct sheet_cell *cells, bool total, struct diag *d)
{
	if (x->next == ROWS_MAX) {
		end_sheet(x);
		x->next = 0;
	}
	if (x->next == 0 && !begin_sheet(x))
		return diag_set(d, -LMS_EIO, "%s: no further sheet (is there room for a temporary file in %s?)", x->path,
				x->dir);
	for (size_t i = 0; i < x->layout->count; i++) {
		lxw_error err = put_cell(x, i, &cells[i], total);

		/* Text beyond what a cell can hold is no reason to lose the rest. */
		if (err && err != LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED)
			return diag_set(d, -LMS_EIO, "%s: %s", x->path, lxw_strerror(err));
	}
	x->next++;
	return 0;
}

static int row(void *state, const struct sheet_cell *cells, struct diag *d)
{
	return put_row(state, cells, false, d);
}

/* The filter of the header hides and sorts what is above. */
static int totals(void *state, const struct sheet_cell *cells, struct diag *d)
{
	struct xlsx *x = state;

	end_sheet(x);
	x->filtered = true;
	return put_row(x, cells, true, d);
}

/* The library writes rows into a temporary file, copies that to another one and packs it, and does not look whether
 * the disk took them: so the rows are counted in bytes before, and what was packed after. -1: not even before. */
static int64_t bytes_of_rows(struct xlsx *x)
{
	lxw_worksheet *s;
	int64_t sum = 0;

	STAILQ_FOREACH(s, x->book->worksheets, list_pointers) {
		struct stat st;

		if (!s->optimize_tmpfile || fflush(s->optimize_tmpfile) != 0 || ferror(s->optimize_tmpfile) ||
		    fstat(fileno(s->optimize_tmpfile), &st) < 0)
			return -1;
		sum += st.st_size;
	}
	return sum;
}

/* Room for the copy and for what is packed; asked for before, as half of a workbook looks like a whole one. */
static bool there_is_room(const struct xlsx *x, int64_t bytes)
{
	int fd = open(x->dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600), ret;

	if (fd < 0)
		return true;
	ret = fallocate(fd, 0, 0, 2 * bytes + ROOM_MORE);
	if (ret < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		ret = 0;
	close(fd);
	return ret == 0;
}

static int close_xlsx(void *state, bool whole, struct diag *d)
{
	struct xlsx *x = state;
	int64_t bytes = whole ? bytes_of_rows(x) : -1;
	bool room = bytes >= 0 && there_is_room(x, bytes), written = false;
	int ret = 0;

	if (whole && !x->filtered)
		end_sheet(x);
	if (room)
		written = workbook_close(x->book) == LXW_NO_ERROR &&
			  zip_size(x->path, "xl/worksheets/sheet") >= bytes + x->sheets * FRAME_BYTES;
	else
		lxw_workbook_free(x->book);
	if (whole && !written)
		ret = diag_set(d, -LMS_EIO, "%s: there is no room for it in %s (until it is packed it takes some 500 bytes a row there)",
			       x->path, x->dir);
	free_state(x);
	return ret;
}

const struct sheet_back sheet_xlsx = { open_xlsx, row, totals, close_xlsx };
