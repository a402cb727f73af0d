/* balance/model.h - inside of the balance room: the site as configured, and all that is known of it.
 *
 * Whoever changes something that may change a limit sets `dirty`; the next turn looks at everything.
 */
#pragma once

#include "balance/alert.h"
#include "balance/split/alloc.h"
#include "balance/balance.h"
#include "balance/budget.h"
#include "balance/demand.h"
#include "balance/fallback.h"
#include "balance/gate.h"
#include "balance/pv.h"
#include "balance/reason.h"
#include "balance/shortage.h"
#include "balance/trust.h"
#include "balance/wake.h"
#include "balance/voltage.h"
#include "balance/watts.h"

#define NO_INDEX UINT32_MAX

struct zone {
	struct bal_zone_conf conf;	/* id owned; timers resolved */
	struct budget budget;
	struct volts volts;
	struct pv pv;
	struct bal_outer_limit outer[BAL_OUTER_KINDS];
	int64_t cap[ALLOC_CAPS];	/* in force now; ALLOC_NO_CAP = none */
	int64_t sum_w[ALLOC_CAPS];	/* of all connectors below */
	int64_t sum_fallen[PHASES];	/* likewise when they have fallen back; see fallback.h */
	uint32_t lowering[ALLOC_CAPS];	/* one below whose W is still above its target, or NO_INDEX */
	enum cap_why {
		CAP_NONE, CAP_STATIC, CAP_DYNAMIC, CAP_METER_LOST,
		CAP_OUTER	/* + enum bal_outer */
	} why[ALLOC_CAPS];
	int sessions;			/* the least number of them from outside; 0 = any */
	enum bal_outer sessions_by;
	int competing, admitted;	/* below */
	int sharing[ALLOC_CAPS];	/* admitted ones that count in this cap */
	uint32_t top;			/* connector of the highest class admitted below */
	int waiting;			/* not admitted so far, in the order of the queue */
	phase_mask_t idle;		/* phases with room for one that waits for another phase, */
	mono_t idle_since;		/* some of them since then */
	bool over;			/* since the last turn */
	int64_t over_us;
	struct shortage shortage;
	struct alerts alerts;
};

struct station {
	char *id;
	bool online;
	bool takes_fallback;
	uint32_t first_conn, conn_count;/* in balance.by_station */
};

struct conn {
	struct bal_conn_conf conf;	/* strings owned */
	uint32_t station;
	int64_t idle_ma;		/* conf, on the step */
	int64_t cap_ma;			/* administrator's; NUM_NONE */
	int64_t car_min_ma;		/* the vehicle's; 0 = none */
	bool watts;			/* its limits are told as a power */

	enum bal_use use;
	int64_t session;
	bool session_known;		/* balance_use() has been called since the restart */
	bool tag_vip;
	bool pv_exempt;
	mono_t arrived, plugged;

	struct gate gate;
	struct demand demand;
	struct wake wake;
	struct trust trust;

	/* admission */
	bool admitted;
	mono_t on_since, off_since, slot_since;	/* off_since: MONO_NEVER = not paused */
	int64_t served_us;
	int64_t min_ma, max_ma;		/* in this turn */
	int cls;
	uint32_t rank;			/* place in the order of admission */
	int blocked;			/* zone that had no room for it beside others, or -1 */
	int64_t target_ma;
	int64_t fallback_ma;		/* share in what holds without us, of the last turn that needed it */
	struct bal_reason why;		/* of the target */
	struct bal_reason held;		/* why the limit is not the target; NONE if it is */

	struct alerts alerts;
};

struct balance {
	struct zone *zones;		size_t zone_count;
	struct conn *conns;		size_t conn_count;
	struct station *stations;	size_t station_count;	/* sorted by id */
	uint32_t *by_station;		/* connectors, grouped by station */
	uint32_t *order;		/* competing connectors, as admitted */
	size_t order_count;
	struct arena scratch;		/* of one turn */
	struct journal *journal;	/* NULL = nothing is recorded */
	struct alloc_in asked;		/* what the allocator was given; valid within the turn */
	bool fallen_known, fallbacks_known;	/* within the turn: zone.sum_fallen, conn.fallback_ma are true */
	int64_t voltage_min, voltage_max;	/* V */
	uint64_t last_token;
	bool store_failed;
	bool refused;			/* the last configuration contradicted itself */
	struct alerts alerts;
	bool dirty;			/* something changed: recompute when coalescing allows */
	int64_t wait_us;		/* so long after the last one */
	bool urgent;			/* recompute now: something may have to be lowered */
	bool metered;			/* a sample has come that no turn has seen */
	mono_t ran, due;		/* last recomputation; when to look again */
	mono_t meter_due;		/* when a meter becomes stale or lost */
	mono_t alert_due;		/* when an alert has held, or been over, long enough */
	mono_t counted;			/* until when the time over limits is counted */
	bool has_pv;
	mono_t pv_due;			/* the same of what the sun is measured by; INT64_MIN = a sample has come */
	mono_t served_at;
	mono_t short_at;		/* the zones' shortages are counted up to */
	bool waited;			/* somebody was not admitted in the last turn */
};

#define COALESCE_US (200 * US_PER_MS)

/* Somebody waits for what comes of it: in as long as is fit for the size of the site, since a
 * recomputation takes some 2 us for a connector; `least_us` at least, COALESCE_US at most. */
static inline void model_soon(struct balance *b, int64_t least_us)
{
	int64_t us = (int64_t)b->conn_count * 20;

	us = us > least_us ? us : least_us;
	b->dirty = true;
	if (us < b->wait_us)
		b->wait_us = us;
}

static inline void model_due(struct balance *b, mono_t at)
{
	if (at < b->due)
		b->due = at;
}

extern const struct bal_outer_limit model_no_outer;
struct station *model_find_station(struct balance *b, const char *id);
phase_mask_t model_wiring_phases(enum bal_wiring w);
/* Grid phases that the connector loads now. */
phase_mask_t model_phases(const struct conn *c);
phase_mask_t model_wired(const struct conn *c);	/* whatever the car */
/* Current in one cap of a zone from a connector's currents per phase. */
int64_t model_load(const struct zone *z, const int64_t w[PHASES], int cap);
/* How often the connector's current counts in a cap of the zone: 0 = not at all. */
int model_weight(const struct zone *z, phase_mask_t phases, int cap);
/* Caps and sums of W of all zones, as of now. */
void model_caps(struct balance *b);
void model_sums(struct balance *b);
/* Is a cap of the zone exceeded, by the last sums or the last sample? */
bool model_cap_over(const struct zone *z, int cap);
/* Did its meter see more than its dynamic limit? */
bool model_load_over(const struct zone *z, int phase);
/* Who charges at all and how much: sets target and why of every connector. */
void admit_run(struct balance *b, mono_t now);
/* Time that it has charged, for its place in the queue. */
int64_t admit_served(const struct balance *b, const struct conn *c, mono_t now);
