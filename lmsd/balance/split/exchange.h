/* balance/split/exchange.h - steps that change hands when all zones are full.
 *
 * Inside of the allocator. Filling step by step is as fair as whole steps can be, but it may leave a car
 * far from its part: of three steps that are left of a total, a three-phase car takes none and one on a
 * single phase all. Where somebody is more than a step from the part that he would have if currents
 * could be divided, steps change hands, among as few cars as can mend it, so that
 *  - all of them are within a step of their parts,
 *  - their currents, from the poorest to the richest, differ from what filling step by step gives by a
 *    step at most, and nobody's by more than two,
 *  - no limit is exceeded, nothing is left over, and no step can move from a richer to a poorer one.
 * Where no such exchange exists, the filling stands.
 *
 * Bounds: looked at are groups of up to EXCHANGE_CARS cars that share full caps and move in equal steps.
 * A larger one stays as filled, and so does what is not found within EXCHANGE_GROUP_WORK for one group and
 * EXCHANGE_WORK for the whole split. The result depends on the snapshot alone.
 */
#pragma once

#include "balance/split/level.h"

#define EXCHANGE_CARS	    24
#define EXCHANGE_GROUP_WORK 25000	/* looks at what one car takes of one cap: 0.1 ms or so */
#define EXCHANGE_WORK	    250000

/* For the connectors of the last level_fill(). */
void exchange_steps(struct level *lv);
