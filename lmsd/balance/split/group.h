/* balance/split/group.h - cars that share full caps, and all caps above them.
 *
 * Inside of exchange.h. A group is closed: whom a full cap of it holds up is in it. Groups are small; what
 * would be larger is left alone.
 */
#pragma once

#include "balance/split/exchange.h"

#define GROUP_BOUNDS 160	/* caps above the cars of one group */

struct bound {
	uint32_t cell;
	bool full;			/* holds somebody up; all whom it does are in the group */
	int64_t room_ma;		/* for the whole group */
	int64_t left;			/* in units of a part: what all parts leave */
	int64_t used_ma;		/* by the split that is tried */
	int64_t give_ma;		/* at most, by one who changes */
	int weight[EXCHANGE_CARS];
};

struct member {
	uint32_t conn;
	int64_t min_ma, max_ma;
	int64_t filled_ma;		/* what filling step by step gave */
	int64_t part;			/* in units: what it would have if currents could be divided */
	bool done;			/* has it */
	int64_t low_ma, high_ma;	/* what an exchange may give */
	int64_t x_ma;			/* of the split that is tried */
};

struct group {
	struct level *lv;
	int64_t step_ma;
	size_t cars, bounds;
	struct member car[EXCHANGE_CARS];	/* by connector */
	struct bound bound[GROUP_BOUNDS];
	size_t outside[EXCHANGE_CARS + 1];	/* of that many first cars: who must change */
	int64_t sorted_ma[EXCHANGE_CARS];	/* what filling gave, the poorest first */
	int64_t work;				/* that may still be done in this group */
};

struct exchange {
	uint32_t group;			/* the last one that was looked at */
	uint32_t *cell_group;		/* by cell: the group that it is a full cap of, or GROUP_LARGE; else 0 */
	uint32_t *cell_bound;		/* by cell: its place in a group's bounds; look there whether it is */
	uint32_t *conn_group;		/* by connector, or GROUP_MENDED */
	int64_t work;			/* that may still be done */
};

#define GROUP_LARGE  UINT32_MAX	/* a cell whose group is too large */
#define GROUP_MENDED UINT32_MAX	/* a connector whose group has exchanged steps: only once */

/* The group around a full cell. False: it is too large, moves in unequal steps, or has been looked at. */
bool group_find(struct group *g, uint32_t cell);
/* Whether all cars count alike in all full caps. */
bool group_is_even(const struct group *g);
/* The caps that may become full when steps change hands. False: too many. */
bool group_find_bounds(struct group *g);
