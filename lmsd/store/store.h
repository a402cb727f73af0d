/* store/store.h - what survives a restart: tables of JSON records in LMDB, written by a thread of
 * their own, so that fsync never runs on the loop.
 *
 * The promise: once committed(seq) was called, every batch up to seq is on the disk, whole, and is
 * found by store_load() after kill -9 or power loss. Batches are committed in the order of their
 * submission; a batch is never there in part. The first commit that fails is the last one tried:
 * failed() comes once, and nothing later is ever acknowledged, because the next commit could
 * succeed and hide the hole.
 *
 * All functions are for the loop thread, all callbacks come on the loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "store/table.h"

struct loop;

#define STORE_KEY_MAX 64	/* bytes, without the NUL; a key has at least one */

/* ---- what one turn wants stored --------------------------------------------------------- */

struct store_op {
	enum store_table table;
	const char *key;
	const void *value;	/* JSON text of one object; NULL = delete */
	size_t len;
};

struct store_batch;

/* Key and text are copied into the batch. Of two operations on one key the later one wins.
 * Deleting what is not there is no error. */
struct store_batch *store_batch_new(void);
void store_batch_put(struct store_batch *b, enum store_table table, const char *key,
		     const char *json, size_t len);
void store_batch_del(struct store_batch *b, enum store_table table, const char *key);
size_t store_batch_count(const struct store_batch *b);		/* operations */
const struct store_op *store_batch_op(const struct store_batch *b, size_t index);
void store_batch_free(struct store_batch *b);			/* one that was not submitted */

/* ---- the store -------------------------------------------------------------------------- */

struct store;

struct store_ops {
	/* Every batch up to seq is durable; seq only rises. May call any function but store_close. */
	void (*committed)(void *ctx, uint64_t seq);
	/* Batch seq and all later ones are not durable and never will be. Comes at most once. */
	void (*failed)(void *ctx, uint64_t seq, const char *why);
};

/* Creates state_dir (0700; its parent must exist), takes its lock, opens the ledger, and proves by
 * a commit that it can be written. When that commit fails, or the disk is read-only, the store
 * opens all the same, for reading: store_is_failed() is true then. Ballast is freed first if the
 * disk is full. -LMS_ECONFLICT: another lmsd uses the directory; -LMS_EPROTOCOL: a newer lmsd
 * wrote it; -LMS_EIO: cannot be opened at all. ops must outlive the store. */
int store_open(struct loop *loop, const char *state_dir, const struct store_ops *ops, void *ctx,
	       struct store **out, struct diag *diag);

/* Takes the batch; returns its sequence number, 1, 2, 3 … Never blocks. An empty batch is fine:
 * it is acknowledged after those before it. On a failed store the batch is dropped and never
 * acknowledged. */
uint64_t store_submit(struct store *s, struct store_batch *take_batch);

/* The store cannot write: known after store_open(), or from failed() on. */
bool store_is_failed(const struct store *s);
/* Why; "" while it is not failed. Valid until store_close(). */
const char *store_why_failed(const struct store *s);

/* Commits what is queued, answers what is asked (so callbacks come from inside), closes. Batches
 * submitted by these callbacks are dropped. NULL is fine. */
void store_close(struct store *s);

/* Start-up only: blocks. Calls row for every record of a table in the order of keys; json is not
 * NUL-terminated and is valid during the call only. A record whose CRC is wrong, whose version is
 * unknown or that is no JSON object is logged, counted (store_stat) and skipped. One with a field
 * of the wrong type (records.def) is logged and counted, but handed out: the reader leaves it out.
 * Returns 0, what row returned if that is not 0, or -LMS_EIO. Sees what is committed, not what is
 * queued. */
typedef int (*store_row_fn)(void *ctx, const char *key, const char *json, size_t len);
int store_load(struct store *s, enum store_table table, store_row_fn row, void *ctx,
	       struct diag *diag);
/* The same from the last key to the first: for the newest of a long table, until row says stop. */
/* Damaged records too, with json NULL: for what must not be taken as absent. */
int store_load_strict(struct store *s, enum store_table table, store_row_fn row, void *ctx, struct diag *diag);
int store_load_backwards(struct store *s, enum store_table table, store_row_fn row, void *ctx,
			 struct diag *diag);

/* One page of a long table, read by a thread in one short transaction. */
#define STORE_PAGE_ROWS_MAX 1000

struct store_page {
	size_t count;
	const char *const *keys;	/* NUL-terminated, as are the values; all valid in done() only */
	const char *const *values;
	const size_t *lens;
	bool more;			/* there are records behind the last of these */
	int err;			/* 0, or -LMS_EIO */
};

/* Up to `limit` records behind after_key (which itself is left out; NULL = from the start, or from
 * the end if backwards), in the order of reading. A page may be cut short by its size in bytes;
 * `more` tells. done() is called exactly once, and from inside this call only where a callback
 * that store_close() makes asks for a page (with -LMS_EIO). */
void store_read_page(struct store *s, enum store_table table, const char *after_key, bool backwards,
		     size_t limit, void (*done)(void *ctx, const struct store_page *page), void *ctx);

struct store_stat {
	struct {
		size_t records;
		size_t bytes;		/* pages of the table */
	} table[STORE_TABLE_COUNT];
	uint64_t bytes_used;		/* of the map, free pages inside included */
	uint64_t bytes_map;
	uint64_t disk_free;		/* bytes, for us */
	uint64_t disk_size;
	uint64_t bad_records;		/* seen since store_open(), odd ones included */
	uint64_t submitted;		/* sequence number of the last batch */
	uint64_t durable;		/* last sequence number that was acknowledged */
	bool ballast;			/* the reserve for a full disk is in place */
	bool failed;
};
/* 0 or -LMS_EIO (the figures that are known are set even then). */
int store_stat(struct store *s, struct store_stat *out);

const char *store_table_name(enum store_table table);
