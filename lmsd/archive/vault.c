/* archive/vault.c - keys, values and names in the environment of the archive. */
#include "archive/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/record.h"

#define SUM_SIZE 4

static const struct vault_level levels[ARCHIVE_LEVELS] = {
	[ARCHIVE_RAW] = { VAULT_RAW, 3600, 0, 0 },
	[ARCHIVE_MINUTE] = { VAULT_MINUTE, 6 * 3600, HISTORY_MINUTE_S, 360 },
	[ARCHIVE_QUARTER] = { VAULT_QUARTER, 24 * 3600, HISTORY_QUARTER_S, 96 },
};

const struct vault_level *vault_level(enum archive_level level)
{
	return &levels[level];
}

/* ---- keys ---- */

static void put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

uint32_t vault_u32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Times before 1970 and after 2106 are no times of readings. */
static uint32_t clamp(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

struct vault_key vault_row_key(int64_t time_s, uint32_t series, uint8_t part)
{
	struct vault_key k = { .len = VAULT_ROW_KEY };

	put_u32(k.bytes, clamp(time_s));
	put_u32(k.bytes + 4, series);
	k.bytes[8] = part;
	return k;
}

struct vault_key vault_block_key(int64_t span, uint32_t series, uint8_t var, uint8_t part)
{
	struct vault_key k = { .len = VAULT_BLOCK_KEY };

	put_u32(k.bytes, clamp(span));
	put_u32(k.bytes + 4, series);
	k.bytes[8] = var;
	k.bytes[9] = part;
	return k;
}

MDB_val vault_val(const struct vault_key *k)
{
	union { const void *in; void *out; } u = { .in = k->bytes };	/* LMDB does not write to it */

	return (MDB_val){ .mv_size = k->len, .mv_data = u.out };
}

bool vault_row_key_read(const MDB_val *k, int64_t *time_s, uint32_t *series, uint8_t *part)
{
	if (k->mv_size != VAULT_ROW_KEY)
		return false;
	*time_s = vault_u32(k->mv_data);
	*series = vault_u32((const uint8_t *)k->mv_data + 4);
	*part = ((const uint8_t *)k->mv_data)[8];
	return true;
}

bool vault_block_key_read(const MDB_val *k, int64_t *span, uint32_t *series, uint8_t *var, uint8_t *part)
{
	if (k->mv_size != VAULT_BLOCK_KEY)
		return false;
	*span = vault_u32(k->mv_data);
	*series = vault_u32((const uint8_t *)k->mv_data + 4);
	*var = ((const uint8_t *)k->mv_data)[8];
	*part = ((const uint8_t *)k->mv_data)[9];
	return true;
}

/* ---- values ---- */

int vault_put(MDB_txn *txn, MDB_dbi dbi, const struct vault_key *key, const struct buf *data, bool replace, bool *added)
{
	MDB_val k = vault_val(key), v = { .mv_size = SUM_SIZE + data->len };
	int rc = mdb_put(txn, dbi, &k, &v, MDB_RESERVE | (replace ? 0 : MDB_NOOVERWRITE));

	*added = rc == 0;
	if (rc)
		return rc == MDB_KEYEXIST ? 0 : rc;
	put_u32(v.mv_data, record_crc32c(record_crc32c(0, key->bytes, key->len), data->data, data->len));
	memcpy((uint8_t *)v.mv_data + SUM_SIZE, data->data, data->len);
	return 0;
}

const void *vault_data(const MDB_val *key, const MDB_val *value, size_t *len)
{
	const uint8_t *p = value->mv_data;

	if (value->mv_size < SUM_SIZE)
		return NULL;
	*len = value->mv_size - SUM_SIZE;
	if (vault_u32(p) != record_crc32c(record_crc32c(0, key->mv_data, key->mv_size), p + SUM_SIZE, *len))
		return NULL;
	return p + SUM_SIZE;
}

/* ---- series ---- */

static MDB_val text_val(const char *text)
{
	union { const void *in; void *out; } u = { .in = text };

	return (MDB_val){ .mv_size = strlen(text), .mv_data = u.out };
}

const char *vault_series_name(enum history_kind kind, const char *id, char *out)
{
	snprintf(out, ARCHIVE_ID_MAX + 4, "%c/%s", "mzc"[kind], id);
	return out;
}

static bool series_read(const MDB_val *v, struct vault_series *out)
{
	if (v->mv_size != 4 + sizeof(out->has))
		return false;
	out->number = vault_u32(v->mv_data);
	memcpy(out->has, (const uint8_t *)v->mv_data + 4, sizeof(out->has));
	return true;
}

int vault_series_get(MDB_txn *txn, const struct vault *v, const char *name, struct vault_series *out)
{
	MDB_val k = text_val(name), value;
	int rc = mdb_get(txn, v->dbi[VAULT_SERIES], &k, &value);

	return rc ? rc : series_read(&value, out) ? 0 : MDB_CORRUPTED;
}

int vault_series_put(MDB_txn *txn, const struct vault *v, const char *name, const struct vault_series *s)
{
	uint8_t bytes[4 + sizeof(s->has)];
	MDB_val k = text_val(name), value = { .mv_size = sizeof(bytes), .mv_data = bytes };

	put_u32(bytes, s->number);
	memcpy(bytes + 4, s->has, sizeof(s->has));
	return mdb_put(txn, v->dbi[VAULT_SERIES], &k, &value, 0);
}

int vault_series_each(MDB_txn *txn, const struct vault *v,
		      int (*fn)(void *ctx, const char *name, const struct vault_series *s), void *ctx)
{
	char name[ARCHIVE_ID_MAX + 4];
	struct vault_series s;
	MDB_cursor *cursor;
	MDB_val k, value;
	int rc = mdb_cursor_open(txn, v->dbi[VAULT_SERIES], &cursor);

	if (rc)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &k, &value, MDB_NEXT)) == 0) {
		if (k.mv_size >= sizeof(name) || !series_read(&value, &s))
			continue;
		memcpy(name, k.mv_data, k.mv_size);
		name[k.mv_size] = '\0';
		if ((rc = fn(ctx, name, &s)))
			break;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- counters ---- */

int vault_count_get(MDB_txn *txn, const struct vault *v, const char *name, int64_t *out)
{
	MDB_val k = text_val(name), value;
	int rc = mdb_get(txn, v->dbi[VAULT_META], &k, &value);

	*out = 0;
	if (rc == 0 && value.mv_size == sizeof(*out))
		memcpy(out, value.mv_data, sizeof(*out));
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int vault_count_put(MDB_txn *txn, const struct vault *v, const char *name, int64_t count)
{
	MDB_val k = text_val(name), value = { .mv_size = sizeof(count), .mv_data = &count };

	return mdb_put(txn, v->dbi[VAULT_META], &k, &value, 0);
}

/* ---- figures ---- */

int vault_size(MDB_txn *txn, const struct vault *v, struct vault_size *out)
{
	MDB_envinfo info;
	int rc;

	memset(out, 0, sizeof(*out));
	mdb_env_info(v->mdb, &info);
	for (int t = 0; t < VAULT_TABLES; t++) {
		MDB_stat st;

		if ((rc = mdb_stat(txn, v->dbi[t], &st)))
			return rc;
		out->table[t] = (int64_t)((st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize);
		out->entries[t] = st.ms_entries;
		out->used += out->table[t];
		out->file = (int64_t)((info.me_last_pgno + 1) * st.ms_psize);
	}
	return 0;
}

bool vault_edge(MDB_txn *txn, const struct vault *v, enum vault_table table, MDB_cursor_op op, int64_t *first4)
{
	MDB_cursor *cursor;
	MDB_val k, value;
	bool found;

	if (mdb_cursor_open(txn, v->dbi[table], &cursor))
		return false;
	found = mdb_cursor_get(cursor, &k, &value, op) == 0 && k.mv_size >= 4;
	if (found)
		*first4 = vault_u32(k.mv_data);
	mdb_cursor_close(cursor);
	return found;
}
