/* archive/blocks.c */
#include "archive/blocks.h"

#include <string.h>

#define HOUR_S 3600

int blocks_of_hour(MDB_cursor *raw, int64_t hour, uint32_t series, uint8_t var,
		   void (*fn)(void *ctx, const struct history_block *block), void *ctx, int64_t *bad)
{
	struct vault_key from = vault_block_key(hour, series, var, 0);
	struct history_block block;
	MDB_val k = vault_val(&from), v;
	int rc;

	for (rc = mdb_cursor_get(raw, &k, &v, MDB_SET_RANGE); rc == 0; rc = mdb_cursor_get(raw, &k, &v, MDB_NEXT)) {
		const void *data;
		size_t len;

		/* All but the part. */
		if (k.mv_size != from.len || memcmp(k.mv_data, from.bytes, from.len - 1) != 0)
			break;
		data = vault_data(&k, &v, &len);
		if (data != NULL && history_block_read(data, len, hour * HOUR_S, &block) == 0)
			fn(ctx, &block);
		else
			++*bad;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static void init(struct history_rollup *r, const struct vault *v, const struct vault_level *l, int64_t span, uint8_t var)
{
	unsigned known = v->known[var];

	history_rollup_init(r, span * l->span_s, l->step_s, l->slots,
			    known < HISTORY_VAR_COUNT && history_var_info(known).is_register);
}

int blocks_rollup(MDB_txn *txn, const struct vault *v, const struct vault_level *l, int64_t span, uint32_t series,
		  uint8_t var, struct history_rollup *r)
{
	struct vault_key key = vault_block_key(span, series, var, 0);
	MDB_val k = vault_val(&key), value;
	const void *data;
	size_t len;
	int rc;

	init(r, v, l, span, var);
	rc = mdb_get(txn, v->dbi[l->table], &k, &value);
	if (rc)
		return rc;
	data = vault_data(&k, &value, &len);
	return data != NULL && history_rollup_read(data, len, r) == 0 ? 0 : MDB_CORRUPTED;
}

static void add_block(void *ctx, const struct history_block *block)
{
	history_rollup_add(ctx, block);
}

int blocks_make_rollup(MDB_cursor *raw, const struct vault *v, const struct vault_level *l, int64_t span,
		       uint32_t series, uint8_t var, struct history_rollup *r, int64_t *bad)
{
	int rc = 0;

	init(r, v, l, span, var);
	for (int64_t hour = span * l->span_s / HOUR_S; rc == 0 && hour < (span + 1) * l->span_s / HOUR_S; hour++)
		rc = blocks_of_hour(raw, hour, series, var, add_block, r, bad);
	return rc;
}
