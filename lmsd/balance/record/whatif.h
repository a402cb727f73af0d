/* balance/record/whatif.h - what the engine would make of another situation, in simulated time on a clone.
 *
 * Stations accept what they are sent; meters of measured zones see the building as it is and what the
 * cars draw. A car that leaves current unused now goes on drawing what it draws; every other takes all
 * that it may have.
 */
#pragma once

#include "balance/balance.h"

#define WHATIF_CARS_MAX 1000

struct whatif {
	int zone;
	int cars;			/* more, below the zone: on free connectors, then on ones that are made up */
	struct phase_ma cap;		/* in place of the fuse and static limit; NUM_NONE = as it is */
	struct phase_ma building;	/* in place of what the zone's meter sees that is not cars */
	bool meter_lost;		/* the zone's meter falls silent */
	const char *offline;		/* station that is lost; NULL = none */
	int64_t for_us;
	bool (*cancelled)(const void *ctx);	/* asked now and then; NULL = never */
	const void *ctx;
};

struct whatif_result {
	const uint32_t *cars;		/* connectors of the new cars; those from `made_up` on are not real */
	size_t car_count;
	uint32_t made_up;		/* first connector that is not real */
	size_t orders;
	mono_t last_order;		/* MONO_NEVER = none */
};

/* Changes `b`, which is a clone. 0, or -LMS_EDATA, -LMS_ENOTFOUND or -LMS_ECONFLICT with diag: this
 * cannot be so. The result lives in `arena`. */
int whatif_run(struct balance *b, const struct whatif *w, mono_t now, struct arena *arena,
	       struct whatif_result *out, struct diag *d);
