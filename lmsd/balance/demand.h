/* balance/demand.h - what a car can take: reclaiming, probing, the phases that it uses.
 *
 * Only ever lowers what a connector may get; what it gives back is shared after its lower limit
 * has been acknowledged (gate.h), since limits are summed and never draws.
 */
#pragma once

#include "balance/balance.h"

struct balance;
struct conn;

struct demand {
	struct phase_ma told;		/* last, as the station said */
	struct phase_ma draw;		/* as far as it may be believed, per grid phase; NUM_NONE = unknown */
	struct phase_ma before;		/* the sample before that */
	mono_t since;			/* this session began; what is older is another car's */
	mono_t draw_at;			/* MONO_NEVER = none in this session */
	mono_t raised_at, lowered_at;	/* last change of the limit in force */
	int64_t max_ma;			/* may take; NUM_NONE = all */
	int64_t step_ma;		/* next raise of max_ma */
	mono_t window_at;		/* start of the time in which `peak_ma` was seen */
	int64_t peak_ma;		/* NUM_NONE = nothing measured in the window */
	phase_mask_t learned;		/* fewer than are wired; 0 = not learned */
	phase_mask_t known;		/* that it certainly uses, all of them too; 0 = not known */
	phase_mask_t seen;		/* in the run of samples since seen_at */
	mono_t seen_at;
	int seen_count;			/* samples of that run */
	bool narrowed;			/* since the last turn: it leaves phases to others */
	bool was_narrowed;		/* once in this session */
};

void demand_reset(struct demand *d, mono_t now);
/* `nonsense`: it was no number. */
void demand_draw(struct balance *b, struct conn *c, const struct phase_ma *told, int64_t power_w,
		 bool nonsense, mono_t at);
/* One reading may be newer than the meter's sample; of two, one is true for it. */
bool demand_told_twice(const struct demand *d);
/* The limit in force has changed. */
void demand_limit(struct demand *d, int64_t old_ma, int64_t new_ma, mono_t now);
/* Draw of the highest phase in the last sample, however old; NUM_NONE = unknown. */
int64_t demand_top(const struct demand *d);
