/* balance/pv.h - what the sun leaves to the cars of a zone, and what it adds to a subscription.
 *
 * Surplus is a wish, not a limit: it bounds targets and never the gate's sums, so it neither stops
 * a decrease nor holds back what is safe. It falls within seconds, rises after half a minute, and
 * starts and stops cars only after their delays. Where its data is lost, it bounds nothing.
 * Boost is part of a limit: the least of the last minute's production, and none at once when the
 * last sample is late or doubtful.
 */
#pragma once

#include "balance/split/alloc.h"
#include "balance/balance.h"

struct balance;
struct zone;

struct pv_source {
	int64_t power_w;		/* NUM_NONE = none yet */
	mono_t good_at;
	int good_row;			/* good samples one after the other */
};

/* The least of a whole window: falls at once, rises when the lower values are past. */
#define PV_PARTS 6
struct pv_steady {
	int64_t v;
	int64_t low[PV_PARTS + 1];	/* of each part of the window, the running one too; INT64_MAX = no value */
	int running;
	mono_t since;			/* the running part began */
};

struct pv {
	enum bal_pv_state state;
	struct pv_source source[2];	/* by enum bal_pv_source */
	int64_t volt_mv;
	/* surplus */
	int64_t draw_w;			/* of all cars below, with the last sample */
	int64_t sum_w, sum_grid_w;	/* of a block of samples, whose mean is looked at */
	int samples;
	mono_t block_at, used_at;	/* the block began; last sample in any */
	int64_t surplus_w;		/* of the last block; NUM_NONE = none yet */
	int64_t now_w;			/* the same as far as cars may have it */
	struct pv_steady level, start;	/* what cars share, what may be started by */
	int64_t level_w;		/* the former without noise */
	mono_t short_since;		/* too little for those that charge; MONO_NEVER = enough */
	bool holds;			/* they keep their minima meanwhile */
	bool withdrawn;			/* a probe has failed: its car goes without delay */
	int64_t held_ma;		/* minima of those that charge, summed over phases */
	int64_t want_ma;		/* least minimum of those that wait; 0 = nobody waits */
	bool hungry;			/* somebody could take more than the sun leaves */
	int following, charging;
	/* probe */
	int64_t probe_w;		/* offered beyond what is measured; 0 = none */
	bool probe_starts;		/* nobody charged when it began */
	mono_t probe_at, probe_after;	/* began; none before */
	int64_t probe_wait_us;		/* after the next failure */
	int quiet, imports;		/* blocks in a row */
	/* boost */
	struct pv_steady boost[PHASES], boost_w;
};

void pv_init(struct zone *z, mono_t now);
void pv_sample(struct balance *b, struct zone *z, enum bal_pv_source source, const struct bal_pv_sample *s);
/* Brings states up to now: what is late, what is lost. True if one of them has changed. */
bool pv_run(struct balance *b, mono_t now);
/* Looks at the mean of a block of samples; true if what cars share has changed. */
bool pv_block(struct zone *z, int64_t surplus_w, int64_t grid_w, mono_t at);
/* Added to the zone's fixed cap on a phase, and to its total. */
int64_t pv_boosted(const struct zone *z, int phase, int64_t cap_ma);
int64_t pv_dynamic(const struct zone *z, int phase);	/* the dynamic limit with that; NUM_NONE = none */
int64_t pv_boosted_w(const struct zone *z, int64_t cap_w);
/* Writes what the sun leaves into the allocator's snapshot: one entry per zone and connector. */
void pv_bind(struct balance *b, struct alloc_zone *zones, struct alloc_conn *conns, mono_t now);
/* The zone above whose sun the connector shares, or -1. */
int pv_zone(const struct balance *b, int zone);
/* Does the strategy bound cars now? */
bool pv_binds(const struct zone *z);
bool pv_boosts(const struct zone *z);
int64_t pv_watts(const struct zone *z, int64_t ma);
