/* archive/seal.c - an hour of rows becomes a block for each series and variable, in the order of their keys.
 *
 * Blocks come and rows go in one transaction, so that every reading is in one of both, once.
 */
#include <stdlib.h>
#include <string.h>

#include "archive/writer.h"
#include "base/arena.h"
#include "history/row.h"

#define HOUR_S	  3600
#define PARTS_MAX 256

struct found {			/* a row of the hour; data is LMDB's, of a reading transaction */
	uint32_t series;
	uint8_t part;
	int64_t time_s;
	const void *data;
	size_t len;
};

struct sealing {
	struct writer *w;
	MDB_txn *txn;
	int64_t hour;
	struct found *rows;
	size_t count, cap;
	struct history_block *open[256];	/* by stored variable; NULL = never of any series */
	int parts[256];
	struct buf text;
	int64_t samples;
};

/* ---- rows of the hour ---- */

static int collect(struct sealing *s, MDB_txn *reading)
{
	struct vault_key from = vault_row_key(s->hour * HOUR_S + 1, 0, 0);
	MDB_val k = vault_val(&from), v;
	MDB_cursor *cursor;
	struct found f;
	int rc = mdb_cursor_open(reading, s->w->vault.dbi[VAULT_HOT], &cursor);

	if (rc)
		return rc;
	for (rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		if (!vault_row_key_read(&k, &f.time_s, &f.series, &f.part))
			continue;
		if (f.time_s > (s->hour + 1) * HOUR_S)
			break;
		f.data = vault_data(&k, &v, &f.len);
		if (f.data == NULL) {
			s->w->lost++;
			continue;
		}
		if (s->count == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 1024;
			s->rows = xrealloc(s->rows, s->cap * sizeof(s->rows[0]));
		}
		s->rows[s->count++] = f;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int by_series_and_part(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->time_s < y->time_s ? -1 : x->time_s > y->time_s;
}

static int delete_rows(struct sealing *s)
{
	struct vault_key from = vault_row_key(s->hour * HOUR_S + 1, 0, 0);
	MDB_val k = vault_val(&from), v;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(s->txn, s->w->vault.dbi[VAULT_HOT], &cursor);

	if (rc)
		return rc;
	for (rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		if (k.mv_size >= 4 && vault_u32(k.mv_data) > (s->hour + 1) * HOUR_S)
			break;
		if ((rc = mdb_cursor_del(cursor, 0)))
			break;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- blocks ---- */

static int end_block(struct sealing *s, uint32_t series, unsigned var)
{
	struct history_block *block = s->open[var];
	bool added = false;
	int rc = 0;

	if (block == NULL || block->count == 0)
		return 0;
	buf_clear(&s->text);
	history_block_write(&s->text, block, s->hour * HOUR_S);
	for (; rc == 0 && !added && s->parts[var] < PARTS_MAX; s->parts[var]++) {
		struct vault_key key = vault_block_key(s->hour, series, (uint8_t)var, (uint8_t)s->parts[var]);

		rc = vault_put(s->txn, s->w->vault.dbi[VAULT_RAW], &key, &s->text, false, &added);
	}
	if (rc == 0 && added)
		s->samples += history_block_samples(s->text.data, s->text.len);
	else if (rc == 0)
		s->w->lost++;
	block->count = 0;
	return rc;
}

static bool fits(const struct history_block *block, int64_t time_s, unsigned step_s)
{
	int64_t after = time_s - block->start_s;

	return block->count > 0 && block->step_s == step_s && after % step_s == 0 && after / step_s >= block->count &&
	       after / step_s < HISTORY_BLOCK_SLOTS;
}

static int add_sample(struct sealing *s, uint32_t series, const struct found *row, unsigned step_s,
		      const struct history_sample *sample)
{
	struct history_block *block = s->open[sample->var];
	unsigned slot;
	int rc = 0;

	if (block == NULL)
		block = s->open[sample->var] = xcalloc(1, sizeof(*block));
	if (!fits(block, row->time_s, step_s)) {
		rc = end_block(s, series, sample->var);
		block->start_s = row->time_s;
		block->step_s = step_s;
	}
	slot = (unsigned)((row->time_s - block->start_s) / step_s);
	for (; block->count < slot; block->count++) {
		block->v[block->count] = NUM_NONE;
		block->quality[block->count] = HISTORY_GAP;
	}
	block->v[slot] = sample->v;
	block->quality[slot] = sample->quality;
	block->count = slot + 1;
	return rc;
}

static int end_series(struct sealing *s, uint32_t series)
{
	int rc = 0;

	for (unsigned var = 0; rc == 0 && var < 256; var++) {
		rc = end_block(s, series, var);
		s->parts[var] = 0;
	}
	return rc;
}

static int put_blocks(struct sealing *s)
{
	struct history_row *row = xmalloc(sizeof(*row));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		const struct found *f = &s->rows[i];

		if (history_row_read(f->data, f->len, row) == 0)
			for (unsigned k = 0; rc == 0 && k < row->count; k++)
				rc = add_sample(s, f->series, f, row->step_s, &row->s[k]);
		else
			s->w->lost++;
		if (rc == 0 && (i + 1 == s->count || f[1].series != f->series))
			rc = end_series(s, f->series);
	}
	free(row);
	return rc;
}

/* ---- the hour ---- */

/* Quarters of an hour; minutes are made of readings when these go. */
static int mark_todo(struct sealing *s)
{
	uint8_t key[5] = { ARCHIVE_QUARTER };
	struct vault_key span = vault_block_key(s->hour * HOUR_S / vault_level(ARCHIVE_QUARTER)->span_s, 0, 0, 0);
	MDB_val k = { .mv_size = sizeof(key), .mv_data = key }, v = { 0 };

	memcpy(key + 1, span.bytes, 4);
	return mdb_put(s->txn, s->w->vault.dbi[VAULT_TODO], &k, &v, 0);
}

static int count_samples(struct sealing *s)
{
	int64_t count;
	int rc = vault_count_get(s->txn, &s->w->vault, "samples", &count);

	return rc ? rc : vault_count_put(s->txn, &s->w->vault, "samples", count + s->samples);
}

static int seal_hour(struct writer *w, int64_t hour)
{
	struct sealing s = { .w = w, .hour = hour };
	MDB_txn *reading;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, MDB_RDONLY, &reading);

	if (rc)
		return rc;
	buf_init(&s.text);
	rc = collect(&s, reading);
	if (rc == 0 && s.count > 0)
		qsort(s.rows, s.count, sizeof(s.rows[0]), by_series_and_part);
	if (rc == 0)
		rc = mdb_txn_begin(w->vault.mdb, NULL, 0, &s.txn);
	if (rc == 0) {
		if ((rc = put_blocks(&s)) || (rc = mark_todo(&s)) || (rc = count_samples(&s)) || (rc = delete_rows(&s)))
			mdb_txn_abort(s.txn);
		else
			rc = mdb_txn_commit(s.txn);
	}
	mdb_txn_abort(reading);
	for (int i = 0; i < 256; i++)
		free(s.open[i]);
	free(s.rows);
	buf_fini(&s.text);
	return rc;
}

/* The first hour of rows behind `after` that is not `open`; false = there is none. */
static int next_hour(struct writer *w, int64_t after, int64_t open, int64_t *hour)
{
	struct vault_key from = vault_row_key(after < 0 ? 0 : (after + 1) * HOUR_S + 1, 0, 0);
	MDB_val k = vault_val(&from), v;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_cursor_open(txn, w->vault.dbi[VAULT_HOT], &cursor);
	if (rc == 0) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		if (rc == 0)
			*hour = vault_span(vault_level(ARCHIVE_RAW), vault_u32(k.mv_data));
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return rc == 0 && *hour == open ? next_hour(w, open, open, hour) : rc;
}

int writer_seal(struct writer *w)
{
	int64_t open = vault_span(vault_level(ARCHIVE_RAW), w->now_s), hour = -1;
	int rc;

	while ((rc = next_hour(w, hour, open, &hour)) == 0 && !w->stop(w->stop_ctx))
		if ((rc = seal_hour(w, hour)))
			return rc;
	return rc == MDB_NOTFOUND ? 0 : rc;
}
