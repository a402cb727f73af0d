/* site/ledger/curve.h - the course of one transaction: register, currents and power over time, bounded.
 *
 * At most CURVE_POINTS points, the latest sample always among them: when there are too many, every second
 * one goes, and from then on they are twice as far apart. As text a curve takes some ten bytes a point.
 */
#pragma once

#include "base/buf.h"
#include "base/types.h"

#define CURVE_POINTS 120

struct curve_point {
	uint32_t t_s;			/* since the start of the transaction */
	int32_t w;			/* CURVE_NONE = not said, as below */
	int64_t register_wh;		/* NUM_NONE */
	int32_t ma[PHASES];		/* on grid phases */
};
#define CURVE_NONE INT32_MIN

struct curve {
	struct curve_point *points;	/* owned; times rise */
	size_t count, room;
	uint32_t step_s;		/* no two are closer, the last one aside; 0 = not begun */
};

void curve_free(struct curve *c);	/* leaves an empty one */
/* A sample that is older than the last point is passed over; one of the same time completes it. */
void curve_add(struct curve *c, const struct curve_point *p);
/* Appends it as text: "T,REGISTER,MA,MA,MA,W;…" as differences to the point before (the first: to 0 and
 * to `base_wh`), nothing for a value that has not changed and "-" for one that is not known. */
void curve_write(const struct curve *c, int64_t base_wh, struct buf *out);
/* Reads that text into an empty curve, as far as it can be read. */
void curve_read(struct curve *c, const char *text, int64_t base_wh);
