/* balance/split/alloc.h - who may draw how much, for one snapshot of the site.
 *
 * Pure: the same input gives the same output on every machine. Currents are integer mA per phase,
 * phases are bits 0..2 = grid L1..L3. Guarantees invariants 2 to 7 of balance.md; invariant 1 is
 * gate.h's, which sees what is in flight.
 */
#pragma once

#include "base/arena.h"
#include "base/types.h"

#define ALLOC_NO_CAP INT64_MAX
#define ALLOC_CAPS 4	/* L1, L2, L3, and the total of the phases */
#define ALLOC_SUN  ALLOC_CAPS	/* in a result: what the sun leaves, see alloc_zone.sun */

struct alloc_zone {
	int parent;			/* -1 for a root; parents precede children */
	bool one_phase;			/* only cap[0], which counts every connector below once */
	bool dynamic;			/* a start needs head-room */
	int64_t cap[ALLOC_CAPS];	/* mA, ALLOC_NO_CAP = none; cap[3] is mA summed over phases */
	int sessions;			/* connectors below that may have a limit above 0; 0 = any number */
	/* A wish, not a limit: connectors below share `sun_ma` (summed over phases) but those that are
	 * exempt; who starts finds only `sun_start_ma`, which is not above it. */
	bool sun;
	int64_t sun_ma, sun_start_ma;
};

struct alloc_conn {
	int zone;
	phase_mask_t phases;
	bool beside;			/* counts already in single-phase zones, by another entry */
	bool competes;			/* named in `order`, once */
	bool asks;			/* does not compete, but would its min fit? */
	bool seated;			/* does not compete, but takes a place where sessions are counted */
	bool starting;			/* draws nothing yet: needs `start_ma` where dynamic */
	bool last;			/* admitted from what is left when all others have their share */
	bool strict;			/* filled to its max before a lower class is admitted */
	bool fifo;			/* filled alone, in the order of admission */
	bool sun_exempt;		/* has no part in what the sun leaves, and is not bound by it */
	bool sun_held;			/* gets its min whatever the sun leaves */
	int cls;			/* larger is served first */
	int64_t floor_ma;		/* held in any case: default limit, or a reservation; <= min if it competes */
	int64_t min_ma, max_ma;		/* multiples of step_ma, 0 < min <= max */
	int64_t start_ma;
	int64_t step_ma;		/* ALLOC_STEP_FINE or ALLOC_STEP_COARSE */
};

#define ALLOC_STEP_FINE   100
#define ALLOC_STEP_COARSE 1000

struct alloc_in {
	const struct alloc_zone *zones;	size_t zone_count;
	const struct alloc_conn *conns;	size_t conn_count;
	const uint32_t *order;		/* competing connectors in the order of admission, */
	size_t order_count;		/* higher classes first, then those that are `last` */
};

enum alloc_why {
	ALLOC_IDLE,			/* does not compete */
	ALLOC_MAX,			/* has its max */
	ALLOC_FULL,			/* a zone is full: zone, cap */
	ALLOC_NO_ROOM,			/* not admitted, or asks: its min does not fit in zone, cap */
	ALLOC_NO_PLACE			/* the same: zone has as many sessions as it may */
};

struct alloc_result {
	int64_t x_ma;			/* 0, or min..max on the step; 0 where it does not compete */
	enum alloc_why why;
	int zone, cap;			/* -1 if none; cap is 0..ALLOC_CAPS-1, or ALLOC_SUN */
};

/* One result per connector, in `arena`. */
const struct alloc_result *alloc_run(const struct alloc_in *in, struct arena *arena);
