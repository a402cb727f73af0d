/* balance/gate.h - what a connector may be obeying (W), and which message may leave now.
 *
 * Invariant 1 lives here: W covers the last limit of each kind that was accepted, everything that
 * is on its way or was not surely refused, and everything that was lowered less than a settle time
 * ago. An order that would raise W leaves only if the sum fits in every zone above, and says so.
 */
#pragma once

#include "balance/balance.h"

struct balance;
struct conn;

enum { GATE_KINDS = 2, GATE_FALLS = 4, GATE_PENDING = 4 };

/* Amounts are as given: a current per phase, or a sum over phases for who is told a power (watts.h). */
/* Of a connector with one limit the claim of the default is that limit, whatever kind of order set it; the one
 * of the transaction is kept beside it, as long as that runs. */
struct claim {				/* one kind of limit */
	int64_t now_ma;			/* last accepted; NUM_NONE = none */
	int64_t hold_ma;		/* the most that it may have: accepted, or sent and unclear */
	bool sure;			/* the station has now_ma, as far as anyone knows */
	struct { int64_t ma; mono_t until; } falls[GATE_FALLS];	/* lowered, not yet obeyed */
	int fall_count;
	uint64_t token;			/* of the last answer, or its lack: they may come out of order */
};

struct pending {
	uint64_t token;
	enum bal_limit_kind kind;
	int64_t given_ma;
	int64_t fall_ma;		/* what remains of it when nothing is heard of us; given_ma if all */
	int64_t session;
	phase_mask_t phases;		/* that its car used when it left */
	int spread;			/* of a power whose transaction is over: phases that its car used; 0 = may meet any car */
	bool manual;
	bool stale;			/* the station booted since */
};

struct gate {
	struct claim claims[GATE_KINDS];
	struct pending pending[GATE_PENDING];
	int pending_count;
	int64_t fall_ma;		/* the most that the transaction's limit may fall to by itself */
	mono_t renew_at;		/* the limit is said again, or it falls; 0 = at once */
	int64_t beneath_ma;		/* the profile of its transaction, told in another way before, holds beside that */
	int strikes;			/* refused or unanswered in a row */
	mono_t came_at;			/* online or booted */
	mono_t retry_at;		/* nothing before, except what is lower still */
	enum bal_limit_kind again_kind;	/* last order: what an uncontrollable one is asked again */
	int64_t again_ma;		/* NUM_NONE = none in this transaction */
	int64_t stored_ma;		/* NUM_NONE = nothing stored: counts as max */
	bool stored_acked;
	mono_t wanted_since;		/* the target has been as it is */
	int64_t wanted_ma;
};

void gate_init(struct conn *c);
void gate_restore(struct conn *c, int64_t w_ma, bool idle_acked);
/* Its transaction has begun, or is over. */
void gate_tx_begin(struct conn *c);
void gate_tx_end(struct conn *c);
void gate_booted(struct conn *c, mono_t now);
/* It is told its limits in another way from now on, and nobody knows what it has there. */
void gate_other_method(struct conn *c, bool had_one_limit);
void gate_online(struct conn *c, bool online, mono_t now);
/* Drops what has settled; tells in *due when to look again. */
void gate_settle(struct conn *c, mono_t now, mono_t *due);
/* The most that it may be obeying; `online` is its station's. */
int64_t gate_may(const struct conn *c, bool online);
/* W: that, and what it was caught drawing although it may not. */
int64_t gate_w(const struct conn *c, bool online);
/* The same per grid phase: what belongs to a transaction loads the phases that its car uses. */
void gate_phases_w(const struct conn *c, bool online, int64_t w[PHASES]);
/* What that may have come down to when nothing has been heard of us for long (fallback.h). */
void gate_phases_fallen(const struct conn *c, bool online, int64_t w[PHASES]);
/* Its orders so far carried no fallback after all. */
void gate_keeps(struct conn *c);
/* As given, without what is assumed of an unproven station: what a restart must know. */
int64_t gate_claim(const struct conn *c);
/* The most of one kind that is accepted, or sent and unclear, per phase. */
int64_t gate_hold(const struct conn *c, enum bal_limit_kind kind);
int64_t gate_pending_ma(const struct conn *c, const struct pending *p);
/* Was its default limit acknowledged since it may have lost it? Of one that knows one limit, refusals and
 * silence only say that it may have more, and how much: that is in `hold`. */
bool gate_idle_known(const struct conn *c);
/* May its transaction have been given any current? */
bool gate_was_given(const struct conn *c);
/* The limit that it confirmed last and obeys now; NUM_NONE = none. */
int64_t gate_limit(const struct conn *c);
/* What the others cannot have in any case; *due says when that may change by time alone. */
int64_t gate_floor(const struct conn *c, bool online, mono_t now, mono_t *due);
bool gate_uncontrollable(const struct conn *c);
/* The most that the connector could have beside what the others have now; INT64_MAX = no limit. */
int64_t orders_room_ma(const struct balance *b, const struct conn *c);
/* Decides what to send and to store (orders.c); sums and targets are those of this turn. */
void orders_run(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out);
