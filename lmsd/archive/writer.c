/* archive/writer.c - rows as they come, and series by name. */
#include "archive/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "history/row.h"

#define uthash_malloc(size) xmalloc(size)
#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#include <uthash.h>

#define PARTS_MAX    256
#define TIME_LEAST_S INT64_C(86400)
#define STEP_MAX_S   86400

/* What the table of series says, so that a row costs no look into it. */
struct series_cache {
	UT_hash_handle hh;
	char name[ARCHIVE_ID_MAX + 4];
	struct vault_series s;
};

struct batch *batch_new(void)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	buf_init(&b->rows);
	return b;
}

void batch_free(struct batch *b)
{
	buf_fini(&b->rows);
	free(b);
}

bool batch_add(struct batch *b, enum history_kind kind, const char *id, int64_t time_s, unsigned step_s,
	       const struct history_sample *s, size_t n)
{
	struct batch_row row;

	if (n > UINT8_MAX || time_s < TIME_LEAST_S || time_s > UINT32_MAX || step_s < 1 || step_s > STEP_MAX_S ||
	    strlen(id) >= sizeof(row.id))
		return false;
	memset(&row, 0, sizeof(row));
	row.time_s = time_s;
	row.step_s = step_s;
	row.kind = (uint8_t)kind;
	row.n = (uint8_t)n;
	strcpy(row.id, id);
	buf_add(&b->rows, &row, sizeof(row));
	buf_add(&b->rows, s, n * sizeof(*s));
	b->count++;
	return true;
}

const struct batch_row *batch_next(const struct batch *b, size_t *offset, const struct history_sample **s)
{
	const struct batch_row *row;

	if (*offset >= b->rows.len)
		return NULL;
	row = (const void *)(b->rows.data + *offset);
	*s = (const void *)(row + 1);
	*offset += sizeof(*row) + row->n * sizeof(**s);
	return row;
}

void writer_forget(struct writer *w)
{
	struct series_cache *s, *tmp;

	HASH_ITER(hh, w->cache, s, tmp) {
		HASH_DEL(w->cache, s);
		free(s);
	}
}

/* ---- series ---- */

static int new_number(struct writer *w, MDB_txn *txn, uint32_t *out)
{
	int64_t count;
	int rc = vault_count_get(txn, &w->vault, "series", &count);

	if (rc == 0)
		rc = vault_count_put(txn, &w->vault, "series", count + 1);
	*out = (uint32_t)count;
	return rc;
}

static int find_series(struct writer *w, MDB_txn *txn, const struct batch_row *row, struct series_cache **out)
{
	char name[ARCHIVE_ID_MAX + 4];
	struct series_cache *s;
	bool fresh;
	int rc;

	vault_series_name((enum history_kind)row->kind, row->id, name);
	HASH_FIND_STR(w->cache, name, s);
	*out = s;
	if (s != NULL)
		return 0;
	s = *out = xcalloc(1, sizeof(*s));
	strcpy(s->name, name);
	HASH_ADD_STR(w->cache, name, s);
	rc = vault_series_get(txn, &w->vault, name, &s->s);
	fresh = rc == MDB_NOTFOUND;
	if (fresh)
		rc = new_number(w, txn, &s->s.number);
	return rc == 0 && fresh ? vault_series_put(txn, &w->vault, name, &s->s) : rc;
}

static int note_variables(struct writer *w, MDB_txn *txn, struct series_cache *c, const struct history_sample *s, size_t n)
{
	bool more = false;

	for (size_t i = 0; i < n; i++) {
		uint8_t number = w->vault.stored[s[i].var], bit = (uint8_t)(1 << number % 8);

		more = more || !(c->s.has[number / 8] & bit);
		c->s.has[number / 8] |= bit;
	}
	return more ? vault_series_put(txn, &w->vault, c->name, &c->s) : 0;
}

/* ---- rows ---- */

static int put_row(struct writer *w, MDB_txn *txn, const struct batch_row *row, const struct history_sample *s,
		   struct buf *b)
{
	struct series_cache *c;
	bool added = false;
	int rc = find_series(w, txn, row, &c);

	if (rc == 0)
		rc = note_variables(w, txn, c, s, row->n);
	buf_clear(b);
	history_row_write(b, row->step_s, s, row->n, w->vault.stored);
	for (int part = 0; rc == 0 && !added && part < PARTS_MAX; part++) {
		struct vault_key key = vault_row_key(row->time_s, c->s.number, (uint8_t)part);

		rc = vault_put(txn, w->vault.dbi[VAULT_HOT], &key, b, false, &added);
	}
	w->lost += rc == 0 && !added;
	return rc;
}

int writer_rows(struct writer *w, const struct batch *b)
{
	const struct history_sample *s;
	const struct batch_row *row;
	int64_t now_s = w->now_s;
	size_t offset = 0;
	MDB_txn *txn;
	struct buf text;
	int rc = mdb_txn_begin(w->vault.mdb, NULL, 0, &txn);

	if (rc)
		return rc;
	buf_init(&text);
	while (rc == 0 && (row = batch_next(b, &offset, &s)) != NULL) {
		rc = put_row(w, txn, row, s, &text);
		now_s = row->time_s;
	}
	buf_fini(&text);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (rc)
		writer_forget(w);	/* it may know of series that are not there */
	else
		w->now_s = now_s;
	return rc;
}
