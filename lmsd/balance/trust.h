/* balance/trust.h - does a connector obey, and can what it reports be true?
 *
 * A report only ever takes trust away: what it says above W is reserved, up to what the connector
 * could draw at all; what it says below W is not believed of one that was caught. Between two
 * samples nobody knows: a lie is caught at the second sample in a row, never at one alone.
 */
#pragma once

#include "balance/balance.h"

struct balance;
struct conn;

enum trust_state {
	TRUST_OBEYS,
	TRUST_ASKED,			/* drew more than its limit: it is told its limit once more */
	TRUST_IGNORES			/* and still does: counts as uncontrollable */
};

struct trust {
	enum trust_state state;
	int lies;			/* times that it was caught: each makes the next proof longer */
	int over_row, good_row;		/* samples in a row above, or within, what it may draw */
	int strange_row, plain_row;	/* the same for what cannot be, and can be, true */
	bool strange;			/* reports what cannot be true */
	bool strange_now;		/* so did the last sample */
	int64_t strange_ma;		/* that report; NUM_NONE = no number */
	mono_t counted_at;		/* last sample that counted in a row */
	mono_t caught_at, accepted_at;	/* last time that it was caught; that it accepted an order */
	int64_t may_ma;			/* W without what is below, in the last turn, */
	mono_t fell_at;			/* and when that fell */
	int64_t drawn[PHASES];		/* the most that it drew beyond it, bounded */
	bool counts;			/* drawn is part of W */
};

/* Judges a sample before anything is learned from it: *draw becomes what may be believed. False: it
 * cannot be true, nothing may be learned from it. `nonsense`: it was no number. */
bool trust_sample(struct balance *b, struct conn *c, struct phase_ma *draw, bool nonsense, mono_t at);
/* Once per turn: has what it may draw fallen? */
void trust_turn(struct conn *c, bool online, mono_t now);
void trust_tx_begin(struct conn *c);
void trust_tx_end(struct conn *c);
void trust_accepted(struct conn *c, mono_t now);
/* Caught, and not proven since: it does not compete, and what it drew stays reserved. */
bool trust_doubted(const struct conn *c);
/* What is reserved for it beyond its limits on a phase. */
int64_t trust_drawn(const struct conn *c, int phase);
