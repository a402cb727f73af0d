/* store/page.c - pages of long tables. A page is copied out, so that its transaction is short: an
 * open one would keep LMDB from reusing any page that was freed since.
 */
#include "store/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A page of large records ends early: what a page holds in memory stays bounded. */
#define PAGE_BYTES_MAX ((size_t)1 << 20)

struct page_job *page_job_new(enum store_table table, const char *after_key, bool backwards,
			      size_t limit)
{
	struct page_job *job = xcalloc(1, sizeof(*job));

	lms_assert(table < STORE_TABLE_COUNT);
	job->table = table;
	job->backwards = backwards;
	job->limit = limit > STORE_PAGE_ROWS_MAX ? STORE_PAGE_ROWS_MAX : limit;
	/* A key longer than any of ours stands for its first bytes. */
	if (after_key)
		strncat(job->after, after_key, STORE_KEY_MAX);
	arena_init(&job->arena);
	return job;
}

void page_job_free(struct page_job *job)
{
	arena_fini(&job->arena);
	free(job);
}

/* Puts the cursor on the first record of the page. */
static int page_first(MDB_cursor *cursor, const struct page_job *job, MDB_val *key, MDB_val *value)
{
	char text[STORE_KEY_MAX + 1];
	int rc;

	if (!job->after[0])
		return mdb_cursor_get(cursor, key, value, job->backwards ? MDB_LAST : MDB_FIRST);
	memcpy(text, job->after, sizeof(text));
	*key = (MDB_val){ .mv_data = text, .mv_size = strlen(text) };
	rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (job->backwards)
		return mdb_cursor_get(cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
	if (rc == 0 && key->mv_size == strlen(text) && memcmp(key->mv_data, text, key->mv_size) == 0)
		rc = mdb_cursor_get(cursor, key, value, MDB_NEXT);
	return rc;
}

/* The size of a record that is worth showing, 0 for one that was counted as bad. */
static size_t page_add(struct page_job *job, const MDB_val *key, const MDB_val *value,
		       const char **keys, const char **values, size_t *lens)
{
	struct store_page *page = &job->page;
	char text[STORE_KEY_MAX + 1];
	const char *json;
	size_t len;

	if (!env_key_text(key, text) ||
	    record_unpack(text, value->mv_data, value->mv_size, &json, &len) < 0) {
		job->bad_records++;
		return 0;
	}
	keys[page->count] = arena_strdup(&job->arena, text);
	values[page->count] = arena_strndup(&job->arena, json, len);
	lens[page->count] = len;
	page->count++;
	return len;
}

static int page_fill(MDB_cursor *cursor, struct page_job *job)
{
	const char **keys = arena_array(&job->arena, job->limit, sizeof(*keys));
	const char **values = arena_array(&job->arena, job->limit, sizeof(*values));
	size_t *lens = arena_array(&job->arena, job->limit, sizeof(*lens));
	size_t bytes = 0;
	MDB_val key, value;
	int rc = page_first(cursor, job, &key, &value);

	job->page.keys = keys;
	job->page.values = values;
	job->page.lens = lens;
	while (rc == 0 && job->page.count < job->limit && bytes < PAGE_BYTES_MAX) {
		bytes += page_add(job, &key, &value, keys, values, lens);
		rc = mdb_cursor_get(cursor, &key, &value, job->backwards ? MDB_PREV : MDB_NEXT);
	}
	job->page.more = rc == 0;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

void page_read(struct env *e, struct page_job *job)
{
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	int rc;

	if (!e->there[job->table])
		return;
	rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_cursor_open(txn, e->dbi[job->table], &cursor);
	if (rc == 0)
		rc = page_fill(cursor, job);
	if (cursor)
		mdb_cursor_close(cursor);
	if (txn)
		mdb_txn_abort(txn);
	if (rc)
		job->page = (struct store_page){ .err = -LMS_EIO };
}
