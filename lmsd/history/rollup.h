/* history/rollup.h - readings of a step made one point: how many, mean, least, most, last.
 *
 * Steps begin at whole multiples since 1970 UTC; a reading is of the step that ends at its time, so one at 12:00:00
 * belongs to 11:59. Only good readings count. Exact: the mean of points is
 * weighted by how many readings each has, and rounded once, half away from zero.
 */
#pragma once

#include "history/block.h"

#define HISTORY_MINUTE_S  60
#define HISTORY_QUARTER_S 900

struct history_point {
	int64_t t_s;			/* where its step begins */
	unsigned count;			/* 0 = a gap */
	int64_t mean, min, max, last;
};

struct history_bucket {
	struct history_point p;
	uint64_t sum_low;		/* of 128 bits, two's complement */
	int64_t sum_high;
};

static inline int64_t history_step_of(int64_t t_s, int64_t step_s)
{
	int64_t rest = t_s % step_s;

	return t_s - (rest < 0 ? rest + step_s : rest);
}

/* Of a reading: where the step of `step_s` begins that it is of. */
static inline int64_t history_step_of_reading(int64_t t_s, int64_t step_s)
{
	return history_step_of(t_s - 1, step_s);
}

void history_bucket_begin(struct history_bucket *k, int64_t t_s);
/* Adds a point of a finer step, or a reading as a point of one. */
void history_bucket_add(struct history_bucket *k, const struct history_point *p);
struct history_point history_reading(int64_t t_s, int64_t v);
/* Its point as it is now. */
struct history_point history_bucket_point(const struct history_bucket *k);

/* ---- as they are kept ---- */

#define HISTORY_ROLLUP_SLOTS 360	/* at most: six hours of minutes */

struct history_rollup {
	int64_t start_s;
	unsigned step_s, count;
	bool is_register;		/* last and count are all that is kept of a point */
	struct history_bucket k[HISTORY_ROLLUP_SLOTS];
};

/* An empty one of `count` gaps. */
void history_rollup_init(struct history_rollup *r, int64_t start_s, unsigned step_s, unsigned count, bool is_register);
/* Adds what falls into it of a block. */
void history_rollup_add(struct history_rollup *r, const struct history_block *block);
/* Where an older roll-up of the same stretch knows of more readings, its point stays. */
void history_rollup_keep(struct history_rollup *r, const struct history_rollup *old);
bool history_rollup_empty(const struct history_rollup *r);
/* As bytes; start and step are known by where it is kept. Not of an empty one. */
void history_rollup_write(struct buf *b, const struct history_rollup *r);
/* Into one that was made by history_rollup_init(). 0 or -LMS_EDATA. */
int history_rollup_read(const void *data, size_t len, struct history_rollup *r);
