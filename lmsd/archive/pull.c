/* archive/pull.c - which level tells of a time, what it says, and where the page ends.
 *
 * The level is the coarsest that the step is made of, as far back as it, or one finer, goes; before that, the
 * next coarser one. What a level does not have yet is made of readings. No transaction is longer than one span
 * of a level: the writer can reuse pages meanwhile.
 */
#include "archive/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/blocks.h"
#include "base/arena.h"
#include "base/err.h"
#include "ctl/ctl.h"
#include "history/row.h"
#include "history/rows.h"

#define HOUR_S	   3600
#define MOST_BYTES ((size_t)384 << 10)	/* of rows in a page; one moment more fits */
#define MOST_SPANS 1500			/* looked into for one page: more than a step has */

struct reading {
	const struct vault *v;
	struct pull *job;
	struct vault_series series;
	struct history_rows rows;
	struct history_vars vars;
	int64_t from_s, until_s, at_s;
	enum archive_level level;
	int64_t end_s;			/* where this level stops being the best, INT64_MAX = nowhere */
	int64_t raw_s;			/* the oldest readings; INT64_MAX = there are none */
	int64_t hot_s;			/* the oldest rows that are not sealed */
	int64_t step_s;			/* of the rows; 0 = as readings are */
	int64_t seen_step_s;		/* of the first reading on the page */
	struct history_row row;
	MDB_txn *txn;
	MDB_cursor *raw, *hot;
};

struct pull *pull_new(const struct archive_query *q)
{
	struct pull *job = xcalloc(1, sizeof(*job));

	job->q = *q;
	buf_init(&job->pending.rows);
	buf_init(&job->page.json);
	return job;
}

void pull_free(struct pull *job)
{
	buf_fini(&job->pending.rows);
	buf_fini(&job->page.json);
	free(job);
}

static int64_t ceil_s(wall_t t)
{
	return t / US_PER_S + (t % US_PER_S > 0);
}

/* ---- transactions ---- */

static int begin(struct reading *r)
{
	int rc = mdb_txn_begin(r->v->mdb, NULL, MDB_RDONLY, &r->txn);

	if (rc)
		return rc;
	r->raw = r->hot = NULL;
	rc = mdb_cursor_open(r->txn, r->v->dbi[VAULT_RAW], &r->raw);
	return rc ? rc : mdb_cursor_open(r->txn, r->v->dbi[VAULT_HOT], &r->hot);
}

static void end(struct reading *r)
{
	if (r->raw)
		mdb_cursor_close(r->raw);
	if (r->hot)
		mdb_cursor_close(r->hot);
	if (r->txn)
		mdb_txn_abort(r->txn);
	r->raw = r->hot = NULL;
	r->txn = NULL;
}

/* ---- readings of an hour ---- */

struct into {
	struct reading *r;
	struct history_column *column;
};

static void add_reading(struct reading *r, struct history_column *c, int64_t t_s, int64_t v, uint8_t quality,
			unsigned step_s)
{
	struct history_item item = { .t_s = t_s, .quality = quality };

	if (quality == HISTORY_GAP)
		return;
	if (v != NUM_NONE)
		item.p = history_reading(t_s, v);
	if (r->seen_step_s == 0)
		r->seen_step_s = step_s;
	history_column_add(c, &item);
}

static void on_block(void *ctx, const struct history_block *block)
{
	struct into *to = ctx;

	for (unsigned i = 0; i < block->count; i++)
		add_reading(to->r, to->column, block->start_s + (int64_t)i * block->step_s, block->v[i], block->quality[i],
			    block->step_s);
}

static struct history_column *column_of(struct reading *r, unsigned var)
{
	for (unsigned i = 0; i < r->rows.count; i++)
		if (r->rows.columns[i].var == var)
			return &r->rows.columns[i];
	return NULL;
}

static void add_row(struct reading *r, int64_t t_s)
{
	for (unsigned i = 0; i < r->row.count; i++) {
		const struct history_sample *s = &r->row.s[i];
		struct history_column *c = column_of(r, r->v->known[s->var]);

		if (c != NULL)
			add_reading(r, c, t_s, s->v, s->quality, r->row.step_s);
	}
}

/* Rows of one series lie between those of the others: from moment to moment by seeking. */
static int read_rows(struct reading *r, int64_t hour)
{
	struct vault_key at = vault_row_key(hour * HOUR_S + 1, r->series.number, 0);
	MDB_val k = vault_val(&at), v;
	int rc = mdb_cursor_get(r->hot, &k, &v, MDB_SET_RANGE);

	while (rc == 0) {
		uint32_t series;
		uint8_t part;
		int64_t t_s;

		if (!vault_row_key_read(&k, &t_s, &series, &part) || t_s > (hour + 1) * HOUR_S)
			break;
		if (series == r->series.number) {
			const void *data;
			size_t len;

			data = vault_data(&k, &v, &len);
			if (data != NULL && history_row_read(data, len, &r->row) == 0)
				add_row(r, t_s);
			else
				r->job->bad++;
			rc = mdb_cursor_get(r->hot, &k, &v, MDB_NEXT);
			continue;
		}
		at = vault_row_key(series < r->series.number ? t_s : t_s + 1, r->series.number, 0);
		k = vault_val(&at);
		rc = mdb_cursor_get(r->hot, &k, &v, MDB_SET_RANGE);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool has_time(const struct history_column *c, size_t count, int64_t t_s)
{
	while (count-- > 0)
		if (c->items[count].t_s == t_s)
			return true;
	return false;
}

/* What was committed since it was copied is there already. */
static void add_pending(struct reading *r, int64_t hour)
{
	size_t there[HISTORY_VAR_COUNT], offset = 0;
	const struct history_sample *s;
	const struct batch_row *row;

	for (unsigned i = 0; i < r->rows.count; i++)
		there[i] = r->rows.columns[i].count;
	while ((row = batch_next(&r->job->pending, &offset, &s)) != NULL) {
		if (vault_span(vault_level(ARCHIVE_RAW), row->time_s) != hour)
			continue;
		for (unsigned i = 0; i < row->n; i++) {
			struct history_column *c = column_of(r, s[i].var);

			if (c != NULL && !has_time(c, there[c - r->rows.columns], row->time_s))
				add_reading(r, c, row->time_s, s[i].v, s[i].quality, row->step_s);
		}
	}
}

static int read_hour(struct reading *r, int64_t hour)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < r->rows.count; i++) {
		struct into to = { r, &r->rows.columns[i] };

		rc = blocks_of_hour(r->raw, hour, r->series.number, r->v->stored[r->rows.columns[i].var], on_block, &to,
				    &r->job->bad);
	}
	if (rc == 0 && (hour + 1) * HOUR_S > r->hot_s)
		rc = read_rows(r, hour);
	add_pending(r, hour);
	return rc;
}

/* ---- a span of a level ---- */

static void add_points(struct history_column *c, const struct history_rollup *roll)
{
	for (unsigned i = 0; i < roll->count; i++) {
		struct history_item item = { .t_s = roll->k[i].p.t_s, .is_point = true, .quality = HISTORY_GOOD };

		item.p = history_bucket_point(&roll->k[i]);
		if (item.p.count > 0)
			history_column_add(c, &item);
	}
}

/* *lacks: no roll-up of any variable is there. */
static int read_rollups(struct reading *r, int64_t span, bool *lacks)
{
	struct history_rollup *roll = xmalloc(sizeof(*roll));
	int rc = 0;

	*lacks = true;
	for (unsigned i = 0; rc == 0 && i < r->rows.count; i++) {
		struct history_column *c = &r->rows.columns[i];

		rc = blocks_rollup(r->txn, r->v, vault_level(r->level), span, r->series.number, r->v->stored[c->var], roll);
		if (rc == 0) {
			add_points(c, roll);
			*lacks = false;
		}
		r->job->bad += rc == MDB_CORRUPTED;
		if (rc == MDB_NOTFOUND || rc == MDB_CORRUPTED)
			rc = 0;
	}
	free(roll);
	return rc;
}

static int read_span(struct reading *r, int64_t span)
{
	int64_t span_s = vault_level(r->level)->span_s, hour = span * span_s / HOUR_S, end_hour = hour + span_s / HOUR_S;
	bool lacks = true;
	int rc = begin(r);

	if (rc == 0 && r->level != ARCHIVE_RAW)
		rc = read_rollups(r, span, &lacks);
	/* Those of spans that are not over yet are made of readings. */
	if (end_hour * HOUR_S <= r->raw_s)
		lacks = false;
	for (; rc == 0 && lacks && hour < end_hour; hour++)
		rc = read_hour(r, hour);
	end(r);
	if (rc == 0)
		history_rows_take(&r->rows);
	return rc;
}

/* ---- which level ---- */

/* Since when each level, or a finer one, tells something. */
static int look(struct reading *r, int64_t since[ARCHIVE_LEVELS])
{
	const struct history_sample *s;
	const struct batch_row *row;
	size_t offset = 0;
	int rc = begin(r);

	if (rc == 0) {
		int64_t first;

		r->hot_s = vault_edge(r->txn, r->v, VAULT_HOT, MDB_FIRST, &first) ? history_step_of_reading(first, HOUR_S)
										   : INT64_MAX;
		for (int i = 0; i < ARCHIVE_LEVELS; i++) {
			const struct vault_level *l = vault_level((enum archive_level)i);

			since[i] = vault_edge(r->txn, r->v, l->table, MDB_FIRST, &first) ? first * l->span_s : INT64_MAX;
		}
	}
	end(r);
	since[ARCHIVE_RAW] = r->hot_s < since[ARCHIVE_RAW] ? r->hot_s : since[ARCHIVE_RAW];
	while ((row = batch_next(&r->job->pending, &offset, &s)) != NULL) {
		int64_t hour_s = history_step_of_reading(row->time_s, HOUR_S);

		since[ARCHIVE_RAW] = hour_s < since[ARCHIVE_RAW] ? hour_s : since[ARCHIVE_RAW];
	}
	r->raw_s = since[ARCHIVE_RAW];
	for (int i = 1; i < ARCHIVE_LEVELS; i++)
		since[i] = since[i - 1] < since[i] ? since[i - 1] : since[i];
	return rc;
}

static enum archive_level level_for(int64_t step_s)
{
	return step_s == 0 ? ARCHIVE_RAW : step_s % HISTORY_QUARTER_S == 0 ? ARCHIVE_QUARTER : ARCHIVE_MINUTE;
}

static int choose(struct reading *r)
{
	int64_t wanted_s = r->job->q.step_ms / 1000, since[ARCHIVE_LEVELS] = { INT64_MAX, INT64_MAX, INT64_MAX };
	const enum archive_level wanted = level_for(wanted_s);
	int rc = look(r, since);

	if (rc)
		return rc;
	if (r->at_s < since[ARCHIVE_QUARTER])
		r->at_s = since[ARCHIVE_QUARTER];
	r->level = wanted;
	while (r->level < ARCHIVE_QUARTER && since[r->level] > r->at_s)
		r->level++;
	r->end_s = r->level > wanted ? since[r->level - 1] : INT64_MAX;
	r->step_s = wanted_s;
	if (r->level > wanted && (wanted_s == 0 || wanted_s % vault_level(r->level)->step_s != 0))
		r->step_s = vault_level(r->level)->step_s;
	return 0;
}

/* ---- the page ---- */

static bool was_kept(const struct reading *r, unsigned var)
{
	uint8_t number = r->v->stored[var];

	return r->series.has[number / 8] & 1 << number % 8;
}

static void choose_columns(struct reading *r)
{
	const struct history_vars *asked = &r->job->q.vars;

	r->vars.count = 0;
	for (unsigned i = 0; i < asked->count; i++)
		if (!r->job->q.trim || was_kept(r, asked->var[i]))
			r->vars.var[r->vars.count++] = asked->var[i];
	if (r->vars.count == 0)
		r->vars = *asked;
	r->rows.count = r->vars.count;
	r->rows.columns = xcalloc(r->vars.count, sizeof(r->rows.columns[0]));
	for (unsigned i = 0; i < r->vars.count; i++)
		r->rows.columns[i].var = r->vars.var[i];
}

static int find_series(struct reading *r)
{
	char name[ARCHIVE_ID_MAX + 4];
	int rc = begin(r);

	if (rc == 0)
		rc = vault_series_get(r->txn, r->v, vault_series_name(r->job->q.kind, r->job->q.id, name), &r->series);
	end(r);
	return rc;
}

/* The first number of a table whose keys begin with `from` or more; INT64_MAX = none. */
static int64_t first_from(struct reading *r, enum vault_table table, int64_t from)
{
	struct vault_key key = vault_block_key(from, 0, 0, 0);
	MDB_val k = { .mv_size = 4, .mv_data = key.bytes }, v;
	int64_t found = INT64_MAX;
	MDB_cursor *cursor;

	if (mdb_cursor_open(r->txn, r->v->dbi[table], &cursor))
		return found;
	if (mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) == 0 && k.mv_size >= 4)
		found = vault_u32(k.mv_data);
	mdb_cursor_close(cursor);
	return found;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first span behind this one in which anything is kept, INT64_MAX = none: what nobody measured in is passed by. */
static int64_t next_span(struct reading *r, int64_t span)
{
	const struct vault_level *l = vault_level(r->level);
	int64_t behind_s = (span + 1) * l->span_s, next = INT64_MAX, found;
	const struct history_sample *s;
	const struct batch_row *row;
	size_t offset = 0;

	if (begin(r) == 0) {
		next = first_from(r, l->table, span + 1);
		found = first_from(r, VAULT_RAW, behind_s / HOUR_S);
		if (found != INT64_MAX)
			next = least(next, found * HOUR_S / l->span_s);
		found = first_from(r, VAULT_HOT, behind_s + 1);
		if (found != INT64_MAX)
			next = least(next, vault_span(l, found));
	}
	end(r);
	while ((row = batch_next(&r->job->pending, &offset, &s)) != NULL)
		if (row->time_s > behind_s)
			next = least(next, vault_span(l, row->time_s));
	return next;
}

/* Fills rows; *cursor_s is where the next page begins, INT64_MAX = this is the last. */
static int read_page(struct reading *r, int64_t *cursor_s)
{
	int64_t span_s = vault_level(r->level)->span_s, last_s, span;
	int rc = 0, looked = 0;

	*cursor_s = INT64_MAX;
	r->rows.step_s = r->step_s;
	r->rows.from_s = r->step_s && r->job->q.at == r->job->q.from ? history_step_of(r->at_s, r->step_s) : r->at_s;
	r->rows.until_s = least(r->until_s, r->end_s);
	/* A step that begins before the end is told whole. */
	last_s = r->rows.until_s + r->step_s;
	span = r->level == ARCHIVE_RAW ? vault_span(vault_level(r->level), r->rows.from_s)
				       : history_step_of(r->rows.from_s, span_s) / span_s;
	while (rc == 0 && span != INT64_MAX && span * span_s < last_s && !r->rows.full) {
		if (looked++ == MOST_SPANS) {
			*cursor_s = r->rows.open ? r->rows.step_at_s : span * span_s;
			return 0;
		}
		rc = read_span(r, span);
		span = next_span(r, span);
	}
	if (r->rows.full) {
		*cursor_s = r->rows.next_s;
		return rc;
	}
	history_rows_end(&r->rows);
	if (r->end_s < r->until_s)
		*cursor_s = r->end_s;
	return rc;
}

/* ---- the answer ---- */

static void put_column(const struct history_var_info *info, const char *stat, struct json_writer *w)
{
	jw_object(w);
	jw_kstr(w, "variable", info->name);
	jw_kstr(w, "unit", info->dim->unit);
	jw_kint(w, "decimals", info->dim->decimals);
	jw_kstr(w, "stat", stat);
	jw_object_end(w);
}

static void put_columns(const struct reading *r, bool as_read, struct json_writer *w)
{
	jw_array(w);
	for (unsigned i = 0; i < r->vars.count; i++) {
		struct history_var_info info = history_var_info(r->vars.var[i]);

		if (as_read || info.is_register) {
			put_column(&info, as_read ? "value" : "last", w);
			continue;
		}
		if (r->rows.stats & HISTORY_MEAN)
			put_column(&info, "mean", w);
		if (r->rows.stats & HISTORY_MIN)
			put_column(&info, "min", w);
		if (r->rows.stats & HISTORY_MAX)
			put_column(&info, "max", w);
	}
	jw_array_end(w);
}

static void put_answer(struct reading *r, struct buf *rows, int64_t cursor_s)
{
	const struct archive_query *q = &r->job->q;
	struct ctl_history rec;
	struct json_writer w;
	struct buf columns;
	char cursor[48];

	ctl_record_clear(&ctl_nouns[CTL_NOUN_history], &rec);
	buf_init(&columns);
	jw_init(&w, &columns);
	put_columns(r, r->step_s == 0, &w);
	rec.id = q->id;
	rec.from = q->from;
	rec.until = q->until;
	rec.step_ms = r->step_s ? r->step_s * 1000 : r->seen_step_s ? r->seen_step_s * 1000 : q->stored_step_ms;
	rec.columns = buf_cstr(&columns);
	buf_putc(rows, ']');
	rec.rows = buf_cstr(rows);
	snprintf(cursor, sizeof(cursor), "%lld-%lld", (long long)cursor_s, (long long)q->until);
	rec.cursor = cursor_s < r->until_s ? cursor : NULL;
	jw_init(&w, &r->job->page.json);
	ctl_record_write(&ctl_nouns[CTL_NOUN_history], &rec, &w);
	buf_fini(&columns);
}

int archive_cursor_parse(const char *text, wall_t *at, wall_t *until)
{
	char *end;
	long long at_s = strtoll(text, &end, 10);

	if (end == text || *end != '-' || at_s < 0 || at_s > UINT32_MAX)
		return -LMS_EDATA;
	text = end + 1;
	*at = at_s * US_PER_S;
	*until = strtoll(text, &end, 10);
	return end == text || *end != '\0' || *until <= 0 ? -LMS_EDATA : 0;
}

void pull_page(const struct vault *v, struct pull *job)
{
	const struct archive_query *q = &job->q;
	struct reading *r = xcalloc(1, sizeof(*r));
	int64_t cursor_s = INT64_MAX;
	struct buf rows, text;
	int rc;

	r->v = v;
	r->job = job;
	r->until_s = ceil_s(q->until);
	r->at_s = ceil_s(q->at);
	buf_init(&rows);
	buf_init(&text);
	r->rows.out = &rows;
	r->rows.most_bytes = MOST_BYTES;
	r->rows.stats = q->step_ms ? q->stats : HISTORY_MEAN;
	rc = find_series(r);
	if (rc == MDB_NOTFOUND && (q->configured || job->pending.count > 0)) {
		r->series.number = UINT32_MAX;	/* nobody's */
		rc = 0;
	}
	choose_columns(r);
	if (rc == 0)
		rc = choose(r);
	if (rc == 0 && r->at_s < r->until_s)
		rc = read_page(r, &cursor_s);
	if (rc == 0) {
		buf_putc(&text, '[');
		buf_add(&text, rows.data ? rows.data : "", rows.len);
		put_answer(r, &text, cursor_s);
	} else if (rc == MDB_NOTFOUND) {
		job->page.err = -LMS_ENOTFOUND;
		snprintf(job->page.text, sizeof(job->page.text), "nothing is kept of a %s '%.60s'",
			 q->kind == HISTORY_METER ? "meter" : q->kind == HISTORY_ZONE ? "zone" : "connector", q->id);
	} else {
		job->page.err = -LMS_EIO;
		snprintf(job->page.text, sizeof(job->page.text), "the history cannot be read: %s", mdb_strerror(rc));
	}
	history_rows_fini(&r->rows);
	free(r->rows.columns);
	buf_fini(&rows);
	buf_fini(&text);
	free(r);
}
