/* balance/split/share.h - who gets the last steps of a cell that is full.
 *
 * Inside of the allocator. Members are grouped by the phases that they use: within a group everyone
 * counts alike in the cell.
 */
#pragma once

#include "base/types.h"

struct share {				/* by phase mask */
	int64_t weight[PHASE_ALL + 1];	/* of one member's step in the cell */
	int64_t members[PHASE_ALL + 1];
	int64_t taken[PHASE_ALL + 1];	/* how many of them get a step */
};

/* Fills `taken`, one step for a member at most, all together not more than `steps`. */
void share_steps(struct share *s, int64_t steps);
