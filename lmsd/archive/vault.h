/* archive/vault.h - the LMDB environment of the archive: its tables, names and keys. For this room only.
 *
 * Errors are LMDB's or errno's positive numbers. Keys are big-endian, so that their order is that of time:
 *
 *   hot      time_s/4 series/4 part/1	a row of a step, until its hour is over
 *   raw      hour/4 series/4 variable/1 part/1	a block
 *   minute   span/4 series/4 variable/1 part/1	a roll-up of six hours
 *   quarter  day/4 series/4 variable/1 part/1	a roll-up of a day
 *   todo     level/1 span/4		roll-ups that are to be made (again)
 *   series   name			its number and which variables it has
 *   variable name			its number
 *   meta     name			what is counted
 *
 * A value of the first five begins with a CRC-32C of key and rest. `part` tells rows or blocks of the same time
 * apart, after a clock was set back. Numbers of series and variables are never used again.
 */
#pragma once

#include <lmdb.h>

#include "archive/archive.h"
#include "base/buf.h"
#include "history/rollup.h"
#include "store/dir.h"

#define VAULT_VARS 255

enum vault_table { VAULT_HOT, VAULT_RAW, VAULT_MINUTE, VAULT_QUARTER, VAULT_TODO, VAULT_SERIES, VAULT_VARIABLE, VAULT_META,
		   VAULT_TABLES };

struct vault {
	MDB_env *mdb;
	MDB_dbi dbi[VAULT_TABLES];
	uint8_t stored[HISTORY_VAR_COUNT];	/* enum history_var to the number on disk */
	uint8_t known[256];			/* and back; HISTORY_VAR_COUNT = not ours any more */
};

/* ---- levels ---- */

struct vault_level {
	enum vault_table table;
	int64_t span_s;			/* of one key */
	unsigned step_s, slots;		/* of a roll-up; 0 for blocks */
};
const struct vault_level *vault_level(enum archive_level level);

/* Where a key of the level begins that a row of this time belongs to. */
static inline int64_t vault_span(const struct vault_level *l, int64_t time_s)
{
	return history_step_of_reading(time_s, l->span_s) / l->span_s;
}

/* ---- keys ---- */

#define VAULT_ROW_KEY	9
#define VAULT_BLOCK_KEY 10

struct vault_key {
	uint8_t bytes[16];
	size_t len;
};
struct vault_key vault_row_key(int64_t time_s, uint32_t series, uint8_t part);
struct vault_key vault_block_key(int64_t span, uint32_t series, uint8_t var, uint8_t part);
uint32_t vault_u32(const void *p);
MDB_val vault_val(const struct vault_key *k);
/* False: not such a key. */
bool vault_row_key_read(const MDB_val *k, int64_t *time_s, uint32_t *series, uint8_t *part);
bool vault_block_key_read(const MDB_val *k, int64_t *span, uint32_t *series, uint8_t *var, uint8_t *part);

/* ---- values ---- */

/* Puts sum and data; *added false: the key is there already (and nothing was put), unless `replace`. */
int vault_put(MDB_txn *txn, MDB_dbi dbi, const struct vault_key *key, const struct buf *data, bool replace, bool *added);
/* The data behind the sum, or NULL if it is damaged. */
const void *vault_data(const MDB_val *key, const MDB_val *value, size_t *len);

/* ---- series ---- */

struct vault_series {
	uint32_t number;
	uint8_t has[32];		/* bits of stored variables */
};

/* "m/main", "c/cp1/2" … out has ARCHIVE_ID_MAX + 4. */
const char *vault_series_name(enum history_kind kind, const char *id, char *out);
int vault_series_get(MDB_txn *txn, const struct vault *v, const char *name, struct vault_series *out);
int vault_series_put(MDB_txn *txn, const struct vault *v, const char *name, const struct vault_series *s);
/* In the order of names. fn returns other than 0 to stop. */
int vault_series_each(MDB_txn *txn, const struct vault *v,
		      int (*fn)(void *ctx, const char *name, const struct vault_series *s), void *ctx);

/* ---- counters ---- */

int vault_count_get(MDB_txn *txn, const struct vault *v, const char *name, int64_t *out);	/* 0 if there is none */
int vault_count_put(MDB_txn *txn, const struct vault *v, const char *name, int64_t count);

/* ---- the environment ---- */

/* Opens or makes STATE/history. One that LMDB finds damaged is put aside as history.damaged (the one before it
 * goes), and *aside is set. */
int vault_open(struct vault *v, const struct state_dir *dir, int64_t max_bytes, bool *aside);
void vault_close(struct vault *v);

struct vault_size {
	int64_t file, used;		/* bytes: of the file, of pages in tables */
	int64_t table[VAULT_TABLES];
	uint64_t entries[VAULT_TABLES];
};
int vault_size(MDB_txn *txn, const struct vault *v, struct vault_size *out);
/* Span of the first or last key of a level; false if it has none. */
bool vault_edge(MDB_txn *txn, const struct vault *v, enum vault_table table, MDB_cursor_op op, int64_t *first4);
