/* chart/scale.h - round numbers for the axes of a chart, and how they are written. Pure. */
#pragma once

#include "base/buf.h"
#include "base/timefmt.h"

struct scale {		/* of values */
	int64_t low, high;		/* a little more than what is shown */
	int64_t first, step;		/* where the axis has its marks: the first one, multiples of step */
	int decimals;			/* as written, beyond the prefix */
	int shift;			/* digits that the prefix takes: 3 for k */
	int unit_decimals;
	char unit[12];			/* "kW" */
};

/* At most `ticks` steps (>= 2) over least..greatest, which may be equal or NUM_NONE (no value). */
void scale_fit(struct scale *s, int64_t least, int64_t greatest, int ticks, const char *unit, int unit_decimals,
	       bool from_zero);
/* As the axis is written: "12.5" of the scale's unit. */
void scale_put(const struct scale *s, int64_t value, int decimals, struct buf *out);

#define TIME_LABEL_MAX 12

struct time_tick {
	wall_t at;
	char label[TIME_LABEL_MAX];
};

/* Round local times in from <= t < until, at most `columns` / (label and a distance) of them; their number, at
 * most `max`. */
size_t scale_times(wall_t from, wall_t until, int columns, const struct time_zone *tz, struct time_tick *out,
		   size_t max);
