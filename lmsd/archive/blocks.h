/* archive/blocks.h - reading blocks and roll-ups of one series and variable out of the vault. For this room only. */
#pragma once

#include "archive/vault.h"

/* Calls fn for each sound block of the hour, in the order of parts; damaged ones are counted in *bad. */
int blocks_of_hour(MDB_cursor *raw, int64_t hour, uint32_t series, uint8_t var,
		   void (*fn)(void *ctx, const struct history_block *block), void *ctx, int64_t *bad);
/* Fills r, which was initialised for the span. MDB_NOTFOUND: there is none. MDB_CORRUPTED: it is damaged. */
int blocks_rollup(MDB_txn *txn, const struct vault *v, const struct vault_level *l, int64_t span, uint32_t series,
		  uint8_t var, struct history_rollup *r);
/* The same made of the readings of the span: empty where there are none. */
int blocks_make_rollup(MDB_cursor *raw, const struct vault *v, const struct vault_level *l, int64_t span,
		       uint32_t series, uint8_t var, struct history_rollup *r, int64_t *bad);
