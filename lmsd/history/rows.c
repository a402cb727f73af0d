/* history/rows.c */
#include "history/rows.h"

#include <stdlib.h>

#include "base/arena.h"

void history_column_add(struct history_column *c, const struct history_item *item)
{
	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 512;
		c->items = xrealloc(c->items, c->cap * sizeof(c->items[0]));
	}
	c->items[c->count++] = *item;
}

void history_rows_fini(struct history_rows *r)
{
	for (unsigned i = 0; i < r->count; i++)
		free(r->columns[i].items);
}

/* ---- text ---- */

static void put_int(struct buf *b, int64_t v)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		text[--at] = '-';
	buf_add(b, text + at, sizeof(text) - at);
}

static void put_value(struct buf *b, int64_t v)
{
	buf_putc(b, ',');
	if (v == NUM_NONE)
		buf_add(b, "null", 4);
	else
		put_int(b, v);
}

static void begin_row(struct history_rows *r, int64_t t_s)
{
	if (r->out->len > 0)
		buf_putc(r->out, ',');
	buf_putc(r->out, '[');
	put_int(r->out, t_s * 1000);
}

/* Of a register there is one number, of others one for each stat. */
static void put_point(struct history_rows *r, const struct history_column *c, const struct history_point *p)
{
	bool there = p != NULL && p->count > 0;

	if (history_var_info(c->var).is_register) {
		put_value(r->out, there ? p->last : NUM_NONE);
		return;
	}
	if (r->stats & HISTORY_MEAN)
		put_value(r->out, there ? p->mean : NUM_NONE);
	if (r->stats & HISTORY_MIN)
		put_value(r->out, there ? p->min : NUM_NONE);
	if (r->stats & HISTORY_MAX)
		put_value(r->out, there ? p->max : NUM_NONE);
}

/* ---- as they are ---- */

static const struct history_item *item_at(const struct history_column *c, int64_t t_s)
{
	return c->next < c->count && c->items[c->next].t_s == t_s ? &c->items[c->next] : NULL;
}

static void put_qualities(struct history_rows *r, int64_t t_s)
{
	static const char letters[HISTORY_QUALITIES] = {
		[HISTORY_GAP] = '-', [HISTORY_GOOD] = 'g', [HISTORY_DOUBTFUL] = 'i', [HISTORY_REFUSED] = 'i',
		[HISTORY_SILENT] = 's',
	};

	buf_add(r->out, ",\"", 2);
	for (unsigned i = 0; i < r->count; i++) {
		const struct history_item *item = item_at(&r->columns[i], t_s);

		buf_putc(r->out, item ? letters[item->quality] : '-');
	}
	buf_putc(r->out, '"');
}

static void put_items(struct history_rows *r, int64_t t_s)
{
	bool any = false, odd = false;

	for (unsigned i = 0; i < r->count; i++) {
		const struct history_item *item = item_at(&r->columns[i], t_s);

		any = any || (item && item->p.count > 0);
		odd = odd || (item && !item->is_point && item->quality != HISTORY_GOOD && item->quality != HISTORY_GAP);
	}
	if (!any)
		return;
	begin_row(r, t_s);
	for (unsigned i = 0; i < r->count; i++) {
		const struct history_item *item = item_at(&r->columns[i], t_s);

		if (item && item->is_point)
			put_point(r, &r->columns[i], &item->p);
		else
			put_value(r->out, item && item->p.count > 0 ? item->p.mean : NUM_NONE);
	}
	if (odd)
		put_qualities(r, t_s);
	buf_putc(r->out, ']');
}

/* ---- by steps ---- */

static void end_step(struct history_rows *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->count; i++)
		any = any || r->columns[i].bucket.p.count > 0;
	if (any)
		begin_row(r, r->step_at_s);
	for (unsigned i = 0; i < r->count && any; i++) {
		struct history_point p = history_bucket_point(&r->columns[i].bucket);

		put_point(r, &r->columns[i], &p);
	}
	if (any)
		buf_putc(r->out, ']');
	r->open = false;
}

static void begin_step(struct history_rows *r, int64_t at_s)
{
	r->open = true;
	r->step_at_s = at_s;
	for (unsigned i = 0; i < r->count; i++)
		history_bucket_begin(&r->columns[i].bucket, at_s);
}

static bool is_full(const struct history_rows *r)
{
	return r->out->len >= r->most_bytes;
}

static void add_to_step(struct history_rows *r, const struct history_item *item, struct history_column *c)
{
	int64_t at = item->is_point ? history_step_of(item->t_s, r->step_s) : history_step_of_reading(item->t_s, r->step_s);

	if (at < r->from_s || at >= r->until_s || item->p.count == 0 || (!item->is_point && item->quality != HISTORY_GOOD))
		return;
	if (r->open && at != r->step_at_s) {
		end_step(r);
		if (is_full(r)) {
			r->full = true;
			r->next_s = at;
			return;
		}
	}
	if (!r->open)
		begin_step(r, at);
	history_bucket_add(&c->bucket, &item->p);
}

/* ---- the next moment ---- */

static int by_time(const void *a, const void *b)
{
	const struct history_item *x = a, *y = b;

	return x->t_s < y->t_s ? -1 : x->t_s > y->t_s;
}

static void sort(struct history_column *c)
{
	for (size_t i = 1; i < c->count; i++)
		if (c->items[i].t_s < c->items[i - 1].t_s) {
			qsort(c->items, c->count, sizeof(c->items[0]), by_time);
			return;
		}
}

/* Readings of 12:00 come before points of 12:00: they are of the time before. */
static int64_t moment_of(const struct history_rows *r, const struct history_item *item)
{
	return r->step_s == 0 ? item->t_s : 2 * item->t_s - !item->is_point;
}

static bool next_moment(const struct history_rows *r, int64_t *moment)
{
	bool any = false;

	for (unsigned i = 0; i < r->count; i++) {
		const struct history_column *c = &r->columns[i];

		if (c->next < c->count && (!any || moment_of(r, &c->items[c->next]) < *moment)) {
			*moment = moment_of(r, &c->items[c->next]);
			any = true;
		}
	}
	return any;
}

static void take_as_they_are(struct history_rows *r, int64_t t_s)
{
	if (t_s >= r->from_s && t_s < r->until_s)
		put_items(r, t_s);
	for (unsigned i = 0; i < r->count; i++)
		r->columns[i].next += item_at(&r->columns[i], t_s) != NULL;
}

static void take_into_steps(struct history_rows *r, int64_t moment)
{
	for (unsigned i = 0; i < r->count && !r->full; i++) {
		struct history_column *c = &r->columns[i];

		while (c->next < c->count && moment_of(r, &c->items[c->next]) == moment && !r->full)
			add_to_step(r, &c->items[c->next++], c);
	}
}

void history_rows_take(struct history_rows *r)
{
	int64_t moment = INT64_MIN, before = INT64_MIN;

	for (unsigned i = 0; i < r->count; i++)
		sort(&r->columns[i]);
	while (!r->full && next_moment(r, &moment)) {
		/* Two rows of one time stay on one page: the cursor is a time. */
		if (r->step_s == 0 && moment != before && is_full(r)) {
			r->full = true;
			r->next_s = moment;
			break;
		}
		before = moment;
		if (r->step_s == 0)
			take_as_they_are(r, moment);
		else
			take_into_steps(r, moment);
	}
	for (unsigned i = 0; i < r->count; i++)
		r->columns[i].count = r->columns[i].next = 0;
}

void history_rows_end(struct history_rows *r)
{
	if (r->open)
		end_step(r);
}
