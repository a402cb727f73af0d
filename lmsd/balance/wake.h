/* balance/wake.h - a car that is offered current and takes none may be asleep: it is woken, once.
 *
 * Some cars fall asleep during a pause or a long wait and do not see that the current is back. Taking
 * their limit to 0 and giving it back wakes them. So a car whose silence is proven (its station tells of
 * no current, and says itself that the car takes nothing or has told of current before) is given 0 for
 * as long as it takes to be accepted and obeyed, then its minimum; if it still takes nothing it counts as
 * full. Its place is kept meanwhile. Once per transaction, and once more after each pause of ours that
 * found it drawing. The pulse only lowers; the way back passes the gate like any other.
 *
 * One that drew what it was offered and has stopped of itself is not asleep: it need not be woken to count
 * as full, but draws again when it likes, as long as there is something left to offer.
 */
#pragma once

#include "balance/balance.h"

struct balance;
struct conn;

enum wake_state {
	WAKE_READY,		/* may be woken */
	WAKE_LOW,		/* the limit is 0 for a moment */
	WAKE_BACK,		/* it is given back: does the car draw now? */
	WAKE_SPENT
};

struct wake {
	enum wake_state state;
	mono_t at;			/* the state began */
	mono_t woken_at;		/* the last pulse in this transaction; MONO_NEVER = none */
	mono_t silent_since;		/* the samples have been zero; MONO_NEVER = they are not */
	mono_t offered_since;		/* it has had a limit of at least its minimum; MONO_NEVER = it has not */
	bool drew;			/* since the last pulse */
	bool took;			/* since then it has drawn of it */
	bool stopped;			/* it has stopped of itself what it was offered all the time */
	bool full;			/* it was woken and took nothing */
	bool measures;			/* its station has told of current, be it of another car */
};

/* A new transaction, or none. */
void wake_reset(struct wake *w);
/* A sample: `top_ma` on its highest phase; NUM_NONE = it does not tell. */
void wake_draw(struct balance *b, struct conn *c, int64_t top_ma, mono_t at);
/* Brings the state up to now, before the targets of a turn are made; min_ma is known. */
void wake_turn(struct balance *b, struct conn *c, mono_t now);
/* What the car counts as: full only after its wake-up. */
enum bal_use wake_use(const struct conn *c);
