/* lmsctl/cmd/cmd_watch.c - -w, `events -f` and `station messages -f`: lmsd pushes, nobody polls.
 *
 * A table is drawn anew with every push; in the other formats each changed record is a line.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/output.h"

#define LINES_FIRST 10
#define COMPACT_ABOVE ((size_t)4 << 20)

struct watch {
	struct lmsctl *l;
	struct rows rows;	/* as they are now */
	struct rows fresh;	/* what is to be printed, where it is not the whole table */
	bool log;		/* records are things that happened, not how something is */
	bool whole;		/* … and from where on all are wanted was said */
	bool redraw, began;
	size_t compact_at;
	int ret;
};

/* ---- the rows as they are now ---- */

static size_t find_row(const struct rows *r, const char *id)
{
	size_t i = 0;

	while (i < r->count && strcmp(r->items[i].id, id) != 0)
		i++;
	return i;
}

/* A change in a field that nobody asked for is none. */
static bool looks_same(const struct rows *r, const struct row *a, const struct row *b)
{
	for (size_t i = 0; i < r->cols.count; i++) {
		if (!field_equal(r->cols.f[i], a->rec, b->rec))
			return false;
	}
	return r->cols.chosen;
}

/* 1 = something to see, 0 = nothing, or an error. */
static int put_row(struct watch *w, const struct json *item)
{
	struct rows *r = &w->rows;
	int ret = rows_add(r, w->l, item);
	struct row *old, *new;
	bool same = false;

	if (ret)
		return ret;
	new = &r->items[r->count - 1];
	old = &r->items[find_row(r, new->id)];
	if (old != new) {
		same = looks_same(r, old, new);
		*old = *new;
		r->count--;
	}
	return !same;
}

static bool drop_row(struct rows *r, const char *id)
{
	size_t i = find_row(r, id);

	if (i == r->count)
		return false;
	memmove(&r->items[i], &r->items[i + 1], (r->count - i - 1) * sizeof(*r->items));
	r->count--;
	return true;
}

/* Records that were replaced stay in the arena; a watch may run for months. */
static void compact(struct watch *w)
{
	struct rows *r = &w->rows;
	struct arena old = r->arena;
	size_t count = r->count;

	if (old.used < w->compact_at)
		return;
	arena_init(&r->arena);
	r->count = 0;
	/* Each new row overwrites an item that was read already. */
	for (size_t i = 0; i < count && w->ret == 0; i++)
		w->ret = rows_add(r, w->l, r->items[i].json);
	arena_fini(&old);
	w->compact_at = r->arena.used * 4 > COMPACT_ABOVE ? r->arena.used * 4 : COMPACT_ABOVE;
}

/* ---- showing ---- */

struct cell { const char *name; int width; };
static const struct cell event_cells[] = { { "time", 19 },   { "level", 7 },  { "subject", 7 },
					   { "object", 12 }, { "event", 16 }, { "text", 0 }, { 0 } };
static const struct cell message_cells[] = { { "time", 19 }, { "station", 12 }, { "direction", 3 }, { "text", 0 },
					     { 0 } };

/* One line of a log, in columns that need not know the lines to come. */
static void print_line(struct lmsctl *l, const struct ctl_noun_desc *n, const void *rec)
{
	const struct cell *cells = n->id == CTL_NOUN_message ? message_cells : event_cells;
	wall_t time = n->id == CTL_NOUN_message ? ((const struct ctl_message *)rec)->time
						: ((const struct ctl_event *)rec)->time;
	const struct time_zone *tz = time == WALL_NONE ? NULL : local_zone_at(l, time);
	struct buf raw, safe;

	buf_init(&raw);
	buf_init(&safe);
	for (const struct cell *c = cells; c->name; c++) {
		const struct field *f = field_find(n->fields, n->field_count, c->name, NULL);

		buf_clear(&raw);
		buf_clear(&safe);
		if (field_present(f, rec))
			field_format(f, rec, true, tz, &raw);
		text_escape(&safe, buf_cstr(&raw), raw.len);
		printf("%s%-*s", c > cells ? "  " : "", c->width, buf_cstr(&safe));
	}
	putchar('\n');
	buf_fini(&raw);
	buf_fini(&safe);
}

static bool is_table(const struct lmsctl *l)
{
	return l->opt.format == FORMAT_TABLE || l->opt.format == FORMAT_WIDE;
}

/* Everything that is fresh, then forgets it. */
static void show_stream(struct watch *w)
{
	struct lmsctl *l = w->l;

	if (!w->began && !is_table(l))
		output_begin(&w->fresh, l);
	w->began = true;
	if (w->log && is_table(l) && !l->opt.fields) {
		for (size_t i = 0; i < w->fresh.count; i++)
			print_line(l, w->fresh.noun, w->fresh.items[i].rec);
	} else {
		output_part(&w->fresh, l);
	}
	rows_clear(&w->fresh);
}

static void redraw(struct watch *w)
{
	size_t count = w->rows.count;

	/* Home, draw over, and clear what is left of the picture before: no flicker. */
	if (w->l->opt.terminal)
		fputs(w->began ? "\033[H\033[J" : "\033[2J\033[H", stdout);
	else if (w->began)
		putchar('\n');
	w->began = true;
	rows_sort(&w->rows, w->l);
	if (w->l->opt.limit != NUM_NONE && count > (size_t)w->l->opt.limit)
		w->rows.count = (size_t)w->l->opt.limit;
	output_part(&w->rows, w->l);
	w->rows.count = count;
}

/* What happened is no state: none replaces another, and of the old ones a few are enough. */
static bool take_lines(struct watch *w, const struct json *items, bool first)
{
	size_t wanted = w->l->opt.limit == NUM_NONE ? LINES_FIRST : (size_t)w->l->opt.limit;
	size_t skip = first && items->count > wanted ? items->count - wanted : 0;

	for (const struct json *j = items->first; j && w->ret == 0; j = j->next) {
		if (skip > 0)
			skip--;
		else
			w->ret = rows_add(&w->fresh, w->l, j);
	}
	return w->fresh.count > 0;
}

static bool take_state(struct watch *w, const struct json *items)
{
	bool visible = false;

	for (const struct json *j = items->first; j && w->ret == 0; j = j->next) {
		int ret = put_row(w, j);

		if (ret > 0)
			visible = true;
		if (ret > 0 && !w->redraw)
			ret = rows_add(&w->fresh, w->l, j);
		if (ret < 0)
			w->ret = ret;
	}
	return visible;
}

static void on_push(void *ctx, const char *method, const struct json *params)
{
	struct watch *w = ctx;
	const struct json *snapshot = json_get(params, "snapshot"),
			  *gone = json_get(params, "gone");
	const struct json *items = snapshot ? snapshot : json_get(params, "changed");
	const struct json *ended = json_get(params, "ended");
	bool visible = snapshot != NULL;

	if (strcmp(method, "watch") != 0 || w->ret)
		return;
	if (ended) {
		client_read_error(ended, &w->l->diag);
		w->ret = w->l->diag.err;
		return;
	}
	if (snapshot)
		rows_clear(&w->rows);
	if (json_bool(json_get(params, "lagged"), false))
		fprintf(stderr, "lmsctl: %s: too many to follow, some are left out\n", w->l->label);
	if (items && w->log)
		visible |= take_lines(w, items, snapshot != NULL && !w->whole);
	else if (items)
		visible |= take_state(w, items);
	for (const struct json *j = gone ? gone->first : NULL; j; j = j->next)
		visible |= drop_row(&w->rows, json_str(j, "")) && w->redraw;
	compact(w);
	if (w->ret || !visible)
		return;
	if (w->redraw)
		redraw(w);
	else
		show_stream(w);
	if (fflush(stdout) != 0)
		w->ret = -LMS_EIO;
}

int cmd_watch(struct lmsctl *l, const char *params)
{
	static const struct client_ops ops = { .notify = on_push };
	struct watch w = { .l = l,
			   .log = ctl_noun_is_log(l->verb->records),
			   .whole = strstr(params, "\"since\":") || strstr(params, "\"last\":"),
			   .compact_at = COMPACT_ABOVE };
	const struct json *result;
	int ret;

	/* An array that never ends is no JSON: one record a line then. */
	if (l->opt.format == FORMAT_JSON)
		l->opt.format = FORMAT_NDJSON;
	w.redraw = is_table(l) && !w.log;
	ret = rows_init(&w.rows, l, &ctl_nouns[l->verb->records], l->verb->result == CTL_RECORD);
	if (ret == 0)
		ret = rows_init(&w.fresh, l, w.rows.noun, w.rows.record);
	if (ret == 0)
		ret = call_connect(l, &ops, &w);
	if (ret == 0)
		ret = client_call(l->client, "system.watch",
				  arena_printf(&l->arena, "{\"verb\":\"%s\",\"args\":%s}",
					       l->verb->method, params),
				  &result, &l->diag);
	while (ret >= 0 && w.ret == 0)
		ret = client_wait(l->client, -1, &l->diag);
	rows_fini(&w.rows);
	rows_fini(&w.fresh);
	return w.ret ? w.ret : ret;
}
