/* balance/split/level.h - the water level: raises the poorest first until zones are full.
 *
 * Inside of the allocator. What a connector may have is bounded by `cell`s, one per zone and
 * phase (and per zone for the total, and for the sun); `free_ma` of a cell is its cap less all that
 * is fixed.
 * Rising connectors stand at the level, in whole steps; everyone else is inside `free_ma`.
 */
#pragma once

#include "balance/split/alloc.h"

#define LEVEL_CELLS (ALLOC_CAPS + 1)	/* per zone; the last is the sun's */

struct cell {
	int64_t free_ma;
	int64_t fine, coarse;		/* rising connectors by step, weighted */
	int64_t key_ma;			/* not above the level at which the cell is full */
	uint32_t agenda_at;		/* place in the agenda + 1, 0 = not in it */
	int zone, cap;
	uint32_t full_in;		/* the last filling in which it held somebody up */
};

struct hit {
	uint32_t cell;
	int32_t weight;			/* cell current per connector current */
};

enum rise_state { RISE_OUT, RISE_WAITING, RISE_RISING, RISE_SETTLING, RISE_DONE };

struct rise {
	uint32_t first_hit, hit_count;	/* nearest zone first */
	int64_t x_ma;			/* what it has while it is not rising */
	enum rise_state state;
	uint32_t fill;			/* the filling in which it rose */
	bool late;			/* a coarse jump put off until the fine ones have moved */
	int phase_count;
};

struct level {
	const struct alloc_in *in;
	struct arena *arena;
	struct cell *cells;		size_t cell_count;
	struct hit *hits;		/* of all connectors */
	struct rise *rises;		/* per connector */
	uint32_t *by_zone;		/* connectors in the pre-order of their zones */
	uint32_t *zone_from, *zone_to;	/* range of by_zone below a zone, itself included */
	int *seats;			/* sessions below each zone; NULL where none counts them */
	struct alloc_result *out;
	uint32_t fill;			/* number of this filling */
	size_t active;			/* waiting or rising in it */
	uint32_t *full;			size_t full_count;	/* cells that hold somebody up in it */
	struct exchange *exchange;	/* exchange.h's */
	/* agenda.h's: turns by level, and cells by the level at which they are full */
	struct turn *turns;		size_t turn_count, turn_room;
	uint32_t *soon;			size_t soon_count;
};

/* Cells, hits and ranges of a snapshot; floors are taken off the caps. */
void level_init(struct level *lv, const struct alloc_in *in, struct arena *arena);
/* Takes current from every cell of a connector; from the sun's, which no default limit counts in, `sun_ma`. */
void level_take(struct level *lv, uint32_t conn, int64_t ma, int64_t sun_ma);
/* The first cell where `ma` more does not fit, or -1; `need` is what dynamic zones must have. */
int level_blocked(const struct level *lv, uint32_t conn, int64_t ma, int64_t need);
/* The nearest zone that has as many sessions as it may, or -1. */
int level_crowded(const struct level *lv, uint32_t conn);
/* The connector is one more session in all zones above. */
void level_seat(struct level *lv, uint32_t conn);
/* Raises the connectors in `list`, each already holding rises[].x_ma, as far as all caps allow: each step
 * to the poorest whom it fits. */
void level_fill(struct level *lv, const uint32_t *list, size_t count);
/* What one mA of the connector takes of the cell; 0 where it does not count. */
int level_weight(const struct level *lv, uint32_t conn, uint32_t cell);
/* The cell holds somebody up in this filling. */
void level_note_full(struct level *lv, uint32_t cell);
/* Another current for a connector that has risen; and why it has no more. */
void level_move(struct level *lv, uint32_t conn, int64_t x_ma);
void level_explain(struct level *lv, uint32_t conn);
