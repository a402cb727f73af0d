/* balance/record/journal.h - what happened to a balance as compact rows, and the same again.
 *
 * Off until balance_journal_start(). Then each input (journal.def), each turn with a hash of what it
 * answered, and snapshots are appended to a buffer that the shell drains. Rows of one drained chunk
 * stand for themselves; a replay begins at a snapshot.
 */
#pragma once

#include "balance/balance.h"
#include "base/buf.h"

/* ---- recording ------------------------------------------------------------------------------------ */

/* Begins with a snapshot; so does each new configuration. */
void balance_journal_start(struct balance *b, mono_t now);
void balance_journal_snapshot(struct balance *b, mono_t now);

struct journal_chunk {
	const char *rows;	/* valid until the next input */
	size_t len;
	mono_t first, last;	/* times told in it; first = MONO_NEVER if none */
	mono_t snapshot;	/* of the first snapshot in it; MONO_NEVER = none */
};
/* What has gathered; len 0 = nothing. It stays until journal_drop(). */
size_t balance_journal_size(const struct balance *b);
void balance_journal_peek(const struct balance *b, struct journal_chunk *out);
void balance_journal_drop(struct balance *b);

/* ---- replaying ------------------------------------------------------------------------------------ */

struct replay {
	struct balance *b;	/* NULL before the first snapshot; the caller frees it */
	uint64_t stop_after;	/* turns to run, those before the first snapshot counted too */
	uint64_t seen;		/* so far */
	mono_t ran;		/* the last turn that was run; MONO_NEVER = none since the snapshot */
	uint64_t turns, orders;	/* run and given since the snapshot */
	uint64_t differ;	/* turns whose orders or stores were others than recorded */
	mono_t differs_at;	/* the first of them */
};

/* How many turns of a chunk are at or before `until`; *beyond says whether there is a later one.
 * Negative with diag: -LMS_EDATA, the chunk is damaged. */
int64_t replay_count(const void *rows, size_t len, mono_t until, bool *beyond, struct diag *d);
/* Runs a chunk again, up to and with the turn that r->stop_after tells. Rows before the first snapshot
 * are passed over, and a snapshot replaces what was there. 0, or negative with diag: -LMS_EPROTOCOL
 * (recorded by another version) or -LMS_EDATA. */
int replay_chunk(struct replay *r, const void *rows, size_t len, struct diag *d);

/* ---- inside of the room --------------------------------------------------------------------------- */

#define J_STR         const char *
#define J_U32         uint32_t
#define J_ZONE        int
#define J_NUM         int64_t
#define J_TOKEN       uint64_t
#define J_BOOL        bool
#define J_TIME        mono_t
#define J_USE         enum bal_use
#define J_KIND        enum bal_limit_kind
#define J_ANSWER      enum bal_answer
#define J_OUTER       enum bal_outer
#define J_PHASE       const struct phase_ma *
#define J_SAMPLE      const struct bal_sample *
#define J_SUN         enum bal_pv_source
#define J_SUN_SAMPLE  const struct bal_pv_sample *
#define J_OUTER_LIMIT const struct bal_outer_limit *

#define INPUT1(name, f, t1, a1) void journal_##name(struct balance *b, J_##t1 a1);
#define INPUT2(name, f, t1, a1, t2, a2) void journal_##name(struct balance *b, J_##t1 a1, J_##t2 a2);
#define INPUT3(name, f, t1, a1, t2, a2, t3, a3) \
	void journal_##name(struct balance *b, J_##t1 a1, J_##t2 a2, J_##t3 a3);
#define INPUT4(name, f, t1, a1, t2, a2, t3, a3, t4, a4) \
	void journal_##name(struct balance *b, J_##t1 a1, J_##t2 a2, J_##t3 a3, J_##t4 a4);
#define INPUT5(name, f, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	void journal_##name(struct balance *b, J_##t1 a1, J_##t2 a2, J_##t3 a3, J_##t4 a4, J_##t5 a5);
#include "balance/record/journal.def"
#undef INPUT1
#undef INPUT2
#undef INPUT3
#undef INPUT4
#undef INPUT5

void journal_turn(struct balance *b, mono_t now, const struct bal_turn *out);
void journal_free(struct balance *b);
