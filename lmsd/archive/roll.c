/* archive/roll.c - roll-ups of the spans that are over, and the end of what is too old.
 *
 * A roll-up is made from readings. That of quarters when its day is over, and again when an hour of it is sealed
 * late; that of minutes when its readings are dropped, in the same transaction: until then it would be told twice.
 * What readings do not tell any more stays as it was told before.
 */
#include <stdlib.h>
#include <string.h>

#include "archive/blocks.h"
#include "archive/writer.h"
#include "base/arena.h"
#include "history/keep.h"

#define HOUR_S	       3600
#define DROP_GROUP     20000	/* keys in one transaction */
#define DROP_SPANS_MAX 1000	/* for room, at a time */

/* ---- roll-ups ---- */

struct rolling {
	struct writer *w;
	const struct vault_level *level;
	int64_t span, bad;
	MDB_txn *txn;
	MDB_cursor *raw;
	struct history_rollup *fresh, *old;
	struct buf text;
};

static int roll_variable(struct rolling *r, uint32_t series, uint8_t var)
{
	const struct vault *v = &r->w->vault;
	struct vault_key key = vault_block_key(r->span, series, var, 0);
	bool added;
	int rc = blocks_make_rollup(r->raw, v, r->level, r->span, series, var, r->fresh, &r->bad);

	if (rc || history_rollup_empty(r->fresh))
		return rc;
	rc = blocks_rollup(r->txn, v, r->level, r->span, series, var, r->old);
	if (rc == 0)
		history_rollup_keep(r->fresh, r->old);
	else if (rc != MDB_NOTFOUND && rc != MDB_CORRUPTED)
		return rc;
	buf_clear(&r->text);
	history_rollup_write(&r->text, r->fresh);
	return vault_put(r->txn, v->dbi[r->level->table], &key, &r->text, true, &added);
}

static int roll_series(void *ctx, const char *name, const struct vault_series *s)
{
	struct rolling *r = ctx;
	int rc = 0;

	(void)name;
	for (unsigned var = 0; rc == 0 && var < VAULT_VARS; var++)
		if (s->has[var / 8] & 1 << var % 8)
			rc = roll_variable(r, s->number, (uint8_t)var);
	return rc == 0 && r->w->stop(r->w->stop_ctx) ? MDB_BAD_TXN : rc;
}

static int numbers_by_order(const void *a, const void *b)
{
	const struct vault_series *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

struct series_list {
	struct vault_series *s;
	size_t count, cap;
};

static int list_series(void *ctx, const char *name, const struct vault_series *s)
{
	struct series_list *l = ctx;

	(void)name;
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->s = xrealloc(l->s, l->cap * sizeof(l->s[0]));
	}
	l->s[l->count++] = *s;
	return 0;
}

/* In the order of keys, so that pages are filled one after the other. */
static int roll_all(struct rolling *r)
{
	struct series_list l = { 0 };
	int rc = vault_series_each(r->txn, &r->w->vault, list_series, &l);

	if (l.count > 0)
		qsort(l.s, l.count, sizeof(l.s[0]), numbers_by_order);
	for (size_t i = 0; rc == 0 && i < l.count; i++)
		rc = roll_series(r, NULL, &l.s[i]);
	free(l.s);
	return rc;
}

static int begin_rolling(struct rolling *r)
{
	int rc = mdb_txn_begin(r->w->vault.mdb, NULL, 0, &r->txn);

	if (rc)
		return rc;
	r->fresh = xmalloc(sizeof(*r->fresh));
	r->old = xmalloc(sizeof(*r->old));
	buf_init(&r->text);
	rc = mdb_cursor_open(r->txn, r->w->vault.dbi[VAULT_RAW], &r->raw);
	if (rc == 0) {
		rc = roll_all(r);
		mdb_cursor_close(r->raw);
	}
	return rc;
}

static int end_rolling(struct rolling *r, int rc)
{
	if (r->txn == NULL)
		return rc;
	if (rc)
		mdb_txn_abort(r->txn);
	else
		rc = mdb_txn_commit(r->txn);
	r->w->lost += r->bad;
	buf_fini(&r->text);
	free(r->fresh);
	free(r->old);
	/* What was cut short is begun again at the next start. */
	return rc == MDB_BAD_TXN && r->w->stop(r->w->stop_ctx) ? 0 : rc;
}

static int roll_todo(struct writer *w, const uint8_t todo[5])
{
	struct rolling r = { .w = w, .level = vault_level((enum archive_level)todo[0]), .span = vault_u32(todo + 1) };
	uint8_t key[5];
	MDB_val k = { .mv_size = sizeof(key), .mv_data = key };
	int rc = begin_rolling(&r);

	memcpy(key, todo, sizeof(key));
	if (rc == 0)
		rc = mdb_del(r.txn, w->vault.dbi[VAULT_TODO], &k, NULL);
	return end_rolling(&r, rc);
}

static bool is_due(const struct writer *w, const MDB_val *k)
{
	const uint8_t *p = k->mv_data;

	return k->mv_size == 5 && p[0] > ARCHIVE_RAW && p[0] < ARCHIVE_LEVELS &&
	       vault_u32(p + 1) != vault_span(vault_level((enum archive_level)p[0]), w->now_s);
}

/* One that is due into todo. MDB_NOTFOUND: none is. */
static int next_todo(struct writer *w, uint8_t todo[5])
{
	MDB_cursor *cursor;
	MDB_val k, v;
	MDB_txn *txn;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_cursor_open(txn, w->vault.dbi[VAULT_TODO], &cursor);
	if (rc == 0) {
		while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0 && !is_due(w, &k))
			;
		if (rc == 0)
			memcpy(todo, k.mv_data, 5);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return rc;
}

int writer_roll(struct writer *w)
{
	uint8_t todo[5];
	int rc;

	while (!w->stop(w->stop_ctx) && (rc = next_todo(w, todo)) != MDB_NOTFOUND) {
		if (rc == 0)
			rc = roll_todo(w, todo);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- dropping ---- */

/* Deletes keys that begin with less than `before`, at most `most`; *more tells whether that was not all. */
static int drop_keys(struct writer *w, MDB_txn *txn, enum vault_table table, int64_t before, int64_t most, bool *more)
{
	int64_t samples = 0, count, dropped = 0;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, w->vault.dbi[table], &cursor);

	*more = false;
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST)) == 0) {
		const void *data;
		size_t len;

		if (k.mv_size >= 4 && vault_u32(k.mv_data) >= before)
			break;
		if ((*more = dropped++ >= most))
			break;
		data = table == VAULT_RAW ? vault_data(&k, &v, &len) : NULL;
		samples += data ? history_block_samples(data, len) : 0;
		rc = mdb_cursor_del(cursor, 0);
	}
	if (rc == MDB_NOTFOUND)
		rc = 0;
	if (rc == 0 && samples > 0 && (rc = vault_count_get(txn, &w->vault, "samples", &count)) == 0)
		rc = vault_count_put(txn, &w->vault, "samples", count - samples);
	return rc;
}

static int drop_group(struct writer *w, enum vault_table table, int64_t before, bool *more)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, 0, &txn);

	if (rc)
		return rc;
	rc = drop_keys(w, txn, table, before, DROP_GROUP, more);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	return rc;
}

static int drop_all(struct writer *w, enum vault_table table, int64_t before)
{
	bool more = true;
	int rc = 0;

	while (rc == 0 && more && !w->stop(w->stop_ctx))
		rc = drop_group(w, table, before, &more);
	return rc;
}

/* The readings of six hours become minutes. Where there is no room for these, quarters of an hour must do. */
static int minutes_of(struct writer *w, int64_t span)
{
	struct rolling r = { .w = w, .level = vault_level(ARCHIVE_MINUTE), .span = span };
	int64_t before = (span + 1) * vault_level(ARCHIVE_MINUTE)->span_s / HOUR_S;
	bool more;
	int rc = begin_rolling(&r);

	if (rc == 0)
		rc = drop_keys(w, r.txn, VAULT_RAW, before, INT64_MAX, &more);
	rc = end_rolling(&r, rc);
	return rc == MDB_MAP_FULL ? drop_all(w, VAULT_RAW, before) : rc;
}

static bool first_hour(struct writer *w, int64_t *hour)
{
	MDB_txn *txn;
	bool any;

	if (mdb_txn_begin(w->vault.mdb, NULL, MDB_RDONLY, &txn))
		return false;
	any = vault_edge(txn, &w->vault, VAULT_RAW, MDB_FIRST, hour);
	mdb_txn_abort(txn);
	return any;
}

/* Drops what began before the time, as far as whole spans of minutes do. */
static int drop_before(struct writer *w, enum archive_level level, int64_t time_s)
{
	int64_t span_s = vault_level(level == ARCHIVE_RAW ? ARCHIVE_MINUTE : level)->span_s, hour;
	int rc = 0;

	if (level != ARCHIVE_RAW)
		return drop_all(w, vault_level(level)->table, time_s / span_s);
	while (rc == 0 && !w->stop(w->stop_ctx) && first_hour(w, &hour) && hour * HOUR_S / span_s < time_s / span_s)
		rc = minutes_of(w, hour * HOUR_S / span_s);
	return rc;
}

static int look(struct writer *w, struct history_extent e[ARCHIVE_LEVELS], struct vault_size *size)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (int i = 0; i < ARCHIVE_LEVELS; i++) {
		const struct vault_level *l = vault_level((enum archive_level)i);
		int64_t first = 0, last = 0;

		e[i].any = vault_edge(txn, &w->vault, l->table, MDB_FIRST, &first) &&
			   vault_edge(txn, &w->vault, l->table, MDB_LAST, &last);
		e[i].first_s = first * l->span_s;
		e[i].end_s = (last + 1) * l->span_s;
	}
	rc = vault_size(txn, &w->vault, size);
	for (int i = 0; i < ARCHIVE_LEVELS; i++)
		e[i].bytes = size->table[vault_level((enum archive_level)i)->table];
	mdb_txn_abort(txn);
	return rc;
}

int writer_prune(struct writer *w, const int64_t keep_s[ARCHIVE_LEVELS], int64_t limit)
{
	struct history_extent e[ARCHIVE_LEVELS];
	int64_t hour = vault_span(vault_level(ARCHIVE_RAW), w->now_s);
	bool new_hour = w->pruned_hour != hour;
	struct vault_size size;
	int rc = look(w, e, &size);

	/* Once an hour: how much a clock may cost that is wrong is counted in hours (history/keep.h). */
	for (int i = 0; rc == 0 && new_hour && i < ARCHIVE_LEVELS; i++) {
		int64_t from = history_keep_from(&e[i], w->now_s, keep_s[i]);

		if (from != INT64_MIN)
			rc = drop_before(w, (enum archive_level)i, from);
	}
	w->pruned_hour = hour;
	for (int n = 0; rc == 0 && n < DROP_SPANS_MAX && !w->stop(w->stop_ctx); n++) {
		int level;

		rc = look(w, e, &size);
		level = history_keep_drop(e, limit);
		if (rc || level < 0 || size.used <= limit)
			break;
		/* The oldest span of it; of readings, what makes one of minutes. */
		rc = drop_before(w, (enum archive_level)level, e[level].first_s + vault_level(level == ARCHIVE_RAW
										      ? ARCHIVE_MINUTE
										      : (enum archive_level)level)->span_s);
	}
	return rc;
}
