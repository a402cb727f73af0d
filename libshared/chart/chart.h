/* chart/chart.h - curves over time as a picture of characters, for lmsctl and lmstop. Pure.
 *
 * Each curve has its ink, and its mark stands on it at regular distances, so that colour is never the only
 * signal. Curves are drawn in braille dots, or, where there is no UTF-8, with their marks alone. A gap in the
 * data is a gap in the picture: nothing is joined across it, and nothing is drawn as zero.
 */
#pragma once

#include "base/timefmt.h"

#define CHART_CURVES_MAX 9
#define CHART_WIDTH_MIN 24
#define CHART_HEIGHT_MIN 7

struct chart_curve {
	char label[40];		/* "L1": for the line above */
	char mark;		/* '1' */
	int ink;		/* 0 .. CHART_INKS - 1 */
	const int64_t *values;	/* one per time; NUM_NONE = a gap */
};

enum { CHART_INK_NONE = -1, CHART_INK_L1, CHART_INK_L2, CHART_INK_L3, CHART_INK_TOTAL, CHART_INK_OTHER, CHART_INKS };

struct chart {
	wall_t from, until;	/* what the axis shows */
	const wall_t *times;	/* ascending; those outside the axis are left out */
	size_t count;
	int64_t gap_us;		/* values further apart are not joined; 0 = all are */
	struct chart_curve curves[CHART_CURVES_MAX];
	size_t curve_count;
	const char *unit;	/* of values / 10^decimals */
	int decimals;
	bool from_zero;		/* zero is in the picture, whatever the values are */
	bool ascii;
	int width, height;	/* of the whole picture, at least CHART_…_MIN (smaller ones are made larger) */
	const struct time_zone *tz;
};

struct chart_cell {
	char text[5];		/* one character of one column */
	signed char ink;	/* CHART_INK_NONE: axes and their labels */
};

struct chart_picture {
	int width, height;
	struct chart_cell *cells;	/* height x width */
};

/* The first line names the curves with their least and greatest value, the last two are the time axis. */
void chart_draw(const struct chart *c, struct chart_picture *out);
void chart_picture_fini(struct chart_picture *p);
const struct chart_cell *chart_cell(const struct chart_picture *p, int y, int x);

/* What belongs on one chart: "current_l1" and "current_l2" do, of one unit. Ink, mark and label of a variable
 * by its name; the label is the name, or "L1" where the phase says it all. */
void chart_name_curve(const char *name, struct chart_curve *out);
/* Should the axis of this unit begin at zero? Voltages and frequencies say nothing there. */
bool chart_unit_from_zero(const char *unit);
