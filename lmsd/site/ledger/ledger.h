/* site/ledger/ledger.h - private to the site room: transactions in memory, and those that ended lately.
 *
 * Stations repeat what they are not sure of. So the ENDED_KEPT transactions that ended last are
 * remembered after their end, refused and orphaned ones included, to answer the same again.
 */
#pragma once

#include "site/site.h"

#define ENDED_KEPT 1024

struct ledger {
	struct tx *starts; /* by start_key: running ones, and ended ones that are remembered */
	struct tx *ended;  /* by id */
	struct tx *ring[ENDED_KEPT];
	size_t first, count; /* of the ring: the one that ended first, and how many */
	size_t replays;      /* running ones that are not their connector's */
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);
/* A key of 64 bits over station and content of a StartTransaction or StopTransaction. */
uint64_t ledger_key(const char *station, uint64_t hash);
/* Takes it into the running ones (its tag counts), or out of them. */
void ledger_run(struct site *s, struct tx *take_tx);
void ledger_unrun(struct site *s, struct tx *tx);
/* Takes it into the ended ones as the latest; frees the first of them if there are too many. */
void ledger_end(struct site *s, struct tx *take_tx);
/* At start, from new to old: takes it in as the first one, or frees it if there is no room. */
void ledger_end_before(struct site *s, struct tx *take_tx);
struct tx *ledger_ended(struct site *s, int32_t id);
/* By start_key, running or ended. */
struct tx *ledger_same(struct site *s, uint64_t key);

/* ---- tx_record.c: the stored form ---- */
void tx_store(const struct tx *tx, enum store_table table, struct effects *fx);
void tx_forget_running(const struct tx *tx, struct effects *fx);
/* The curve of one that has ended; nothing where it has none, or a longer one is stored. */
void tx_store_curve(struct tx *tx, struct effects *fx);
void tx_store_next(const struct site *s, struct effects *fx);
void tx_note(struct tx *tx, const char *text);

/* ---- tx.c ---- */
/* The energy up to this register. */
void tx_register(struct site *s, struct tx *tx, int64_t register_wh);
bool tx_is_register(int64_t wh);
/* More energy than its connector can deliver until then? */
bool tx_is_impossible(const struct site *s, const struct tx *tx, wall_t until);

/* ---- totals.c ---- */
void totals_add(struct site *s, wall_t start, int64_t sessions, int64_t energy_wh);
