/* balance/budget.h - what a measured zone leaves to the cars.
 *
 * The non-EV load is an estimate inside of an interval: the meter's value less what the cars may
 * draw at most and at least. The budget falls at once and rises carefully.
 */
#pragma once

#include "balance/balance.h"

struct balance;
struct zone;

enum meter_state {
	METER_NONE,		/* zone is not dynamic */
	METER_WAITS,		/* no sample since the start */
	METER_OK,
	METER_STALE,		/* no increases */
	METER_LOST		/* the meter_lost current holds */
};

struct budget {
	enum meter_state state;
	mono_t good_at;			/* last good sample, or the start */
	int good_row;			/* good samples one after the other */
	bool fresh;			/* a sample has come that no turn has seen */
	bool recovers;			/* slow ramp after a loss */
	struct phase_ma load;		/* measured */
	struct phase_ma non_ev;		/* estimate; NUM_NONE before the first sample */
	struct phase_ma held;		/* budget in force; NUM_NONE = none yet */
	bool begins;			/* what the cars draw is not known yet */
	mono_t began_at;		/* first sample since the start or a loss */
	mono_t cut_at, raised_at;
	mono_t over_at;			/* the cut that is still taking effect, and what the cars */
	struct phase_ma over_upper;	/* might have drawn then */
	bool over_still;		/* the sample before was above the limit, too */
};

void budget_init(struct zone *z, mono_t now);
void budget_sample(struct balance *b, struct zone *z, const struct bal_sample *s);
/* Brings states and budgets of all zones up to now. */
void budget_run(struct balance *b, mono_t now);
/* Below a zone whose meter is silent or late, or whose cars' draws are not known, nothing rises. */
bool budget_blocks(const struct zone *z);
