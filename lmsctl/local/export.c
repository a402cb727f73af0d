/* local/export.c - `meter export` and its kin: a history into a file, page by page.
 *
 * Rows are regular: where lmsd leaves one out, there is one with empty cells, so that a sum or a chart over the
 * rows does not take what is missing for what is there.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "lmsctl/export/sheet.h"
#include "lmsctl/local/draw.h"
#include "lmsctl/local/query.h"

struct export {
	struct query *q;
	enum sheet_format format;
	struct sheet *sheet;
	struct sheet_layout layout;
	struct sheet_column columns[HISTORY_COLUMNS_MAX + 2];	/* time, values, quality */
	struct history_column values[HISTORY_COLUMNS_MAX];
	char names[HISTORY_COLUMNS_MAX][48];
	struct sheet_cell cells[HISTORY_COLUMNS_MAX + 2];
	struct buf quality;
	wall_t last;			/* row that was written; WALL_NONE = none */
	int64_t last_step_us;		/* what that row stands for */
	bool progress, shown;
};

/* ---- progress ---- */

static void show_progress(struct export *e)
{
	const struct period *p = &e->q->period;

	if (!e->progress || e->last == WALL_NONE)
		return;
	fprintf(stderr, "\r%d %%", (int)((e->last - p->from) * 100 / (p->until - p->from)));
	fflush(stderr);
	e->shown = true;
}

static void end_progress(struct export *e)
{
	if (e->shown)
		fputs("\r\033[K", stderr);
}

/* ---- rows ---- */

static const char *quality_word(char letter)
{
	switch (letter) {
	case 'g':
		return "good";
	case 'i':
		return "implausible";
	case 's':
		return "silent";
	default:
		return "gap";
	}
}

/* One word where all columns are alike, else one for each. */
static const char *quality_of(struct export *e, const char *letters, size_t count)
{
	buf_clear(&e->quality);
	if (!letters)
		return "good";
	if (count && strspn(letters, (char[]){ letters[0], '\0' }) == count)
		return quality_word(letters[0]);
	for (size_t i = 0; i < count; i++)
		buf_printf(&e->quality, "%s%s", i ? " " : "", quality_word(letters[i]));
	return buf_cstr(&e->quality);
}

/* Without letters a number that is not there is a gap all the same. */
static const char *letters_of(const struct history_row *row, size_t count, char out[HISTORY_COLUMNS_MAX + 1])
{
	bool gap = false;

	if (row->quality)
		return row->quality;
	for (size_t i = 0; i < count; i++) {
		out[i] = row->values[i] == NUM_NONE ? '-' : 'g';
		gap |= out[i] == '-';
	}
	out[count] = '\0';
	return gap ? out : NULL;
}

static void put_row(struct export *e, const struct history_row *row)
{
	size_t count = e->layout.count - 2;
	char letters[HISTORY_COLUMNS_MAX + 1];

	e->cells[0].number = row->time;
	for (size_t i = 0; i < count; i++)
		e->cells[1 + i].number = row->values[i];
	e->cells[1 + count].text = quality_of(e, letters_of(row, count, letters), count);
	sheet_row(e->sheet, e->cells);
	e->last = row->time;
}

static void fill_gap(struct export *e, int64_t step_us, wall_t until, size_t count)
{
	struct history_row empty = { .quality = NULL };

	if (e->last == WALL_NONE || step_us <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		empty.values[i] = NUM_NONE;
	/* Where readings follow means, the last mean stands for more than a step of theirs. */
	empty.time = e->last + (e->last_step_us > step_us ? e->last_step_us : step_us);
	for (; empty.time < until && !sheet_failed(e->sheet); empty.time += step_us)
		put_row(e, &empty);
}

/* ---- the file ---- */

static void name_column(struct export *e, size_t i)
{
	const struct history_column *c = &e->values[i];
	bool extreme = strcmp(c->stat, "min") == 0 || strcmp(c->stat, "max") == 0;
	bool energy = strcmp(c->unit, "Wh") == 0 && c->decimals == 0;

	snprintf(e->names[i], sizeof(e->names[i]), "%s%s%s", extreme ? c->stat : "", extreme ? " " : "", c->variable);
	e->columns[1 + i] = (struct sheet_column){ e->names[i], energy ? "kWh" : c->unit, energy ? SHEET_ENERGY : SHEET_NUMBER,
						   c->decimals };
}

/* What the columns are is known with the first page. */
static int open_sheet(struct export *e, const struct history_page *p)
{
	struct lmsctl *l = e->q->l;
	const char *zone = e->q->tz ? e->q->tz->name : "UTC";

	memcpy(e->values, p->columns, p->count * sizeof(p->columns[0]));
	/* RFC 3339 says it with every time. */
	e->columns[0] = (struct sheet_column){ "time", e->format == SHEET_CSV ? NULL : zone, SHEET_TIME, 0 };
	for (size_t i = 0; i < p->count; i++)
		name_column(e, i);
	e->columns[1 + p->count] = (struct sheet_column){ "quality", NULL, SHEET_TEXT, 0 };
	e->layout = (struct sheet_layout){ e->q->a->id, e->columns, p->count + 2, e->q->tz, NULL };
	return sheet_open(&e->sheet, e->format, l->opt.out, &e->layout, &l->diag);
}

static int put_page(void *ctx, struct history_page *p)
{
	struct export *e = ctx;
	struct lmsctl *l = e->q->l;
	struct history_row row;
	int ret = e->sheet ? 0 : open_sheet(e, p);

	if (ret)
		return ret;
	if (p->count + 2 != e->layout.count)
		return diag_set(&l->diag, -LMS_EPROTOCOL, "lmsd answered a history whose columns change");
	while ((ret = history_page_next(p, &row, &l->diag)) > 0) {
		fill_gap(e, p->step_ms * US_PER_MS, row.time, p->count);
		put_row(e, &row);
		e->last_step_us = p->step_ms * US_PER_MS;
		if (sheet_failed(e->sheet))
			return 1;
	}
	show_progress(e);
	return ret;
}

int history_export(struct lmsctl *l, const char *method, const struct series_args *a)
{
	struct export *e = arena_alloc(&l->arena, sizeof(*e));
	struct query q;
	int ret, closed;

	memset(e, 0, sizeof(*e));
	e->q = &q;
	e->last = WALL_NONE;
	ret = data_check_options(l);
	if (ret)
		return ret;
	if (l->opt.format != FORMAT_TABLE)
		return diag_set(&l->diag, -LMS_EUSAGE, "-o: goes with history; a file is --format csv or xlsx");
	if (!l->opt.out)
		return diag_set(&l->diag, -LMS_EUSAGE, "where to? (-O FILE; -O - is standard output)");
	ret = sheet_choose(l->opt.out, a->format, a->dialect, false, &e->format, &l->diag);
	if (ret == 0)
		ret = query_begin(&q, l, method, a);
	if (ret)
		return ret;
	e->progress = !l->opt.quiet && isatty(STDERR_FILENO);
	buf_init(&e->quality);
	ret = query_pages(&q, put_page, e);
	end_progress(e);
	closed = sheet_close(e->sheet, ret == 0, &l->diag);
	buf_fini(&e->quality);
	return ret < 0 ? ret : closed;
}
