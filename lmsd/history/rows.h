/* history/rows.h - readings and points of several variables become rows of JSON: as they are, or by steps.
 *
 * Given are, stretch after stretch in the order of time, the items of each column. A page that is full says where
 * the next one begins; what it has then not told is asked for again.
 */
#pragma once

#include "history/rollup.h"
#include "history/variable.h"

enum history_stat { HISTORY_MEAN = 1, HISTORY_MIN = 2, HISTORY_MAX = 4 };

struct history_item {
	int64_t t_s;			/* of a reading, when its step ends; of a point, where it begins */
	bool is_point;
	uint8_t quality;		/* of a reading */
	struct history_point p;		/* of a reading, made by history_reading() */
};

struct history_column {
	unsigned var;
	struct history_item *items;
	size_t count, cap, next;
	struct history_bucket bucket;
};

struct history_rows {
	int64_t step_s;			/* 0 = as they are */
	unsigned stats;			/* of steps, and of points as they are; set of enum history_stat */
	int64_t from_s, until_s;	/* rows of these times, the end left out */
	size_t most_bytes;
	struct buf *out;		/* rows, separated by commas */

	struct history_column *columns;
	unsigned count;
	bool open;			/* a step has begun */
	int64_t step_at_s;
	bool full;			/* nothing more is taken */
	int64_t next_s;			/* then: where to go on */
};

void history_column_add(struct history_column *c, const struct history_item *item);
/* Makes rows of all items; columns are empty then. Items need not be sorted within a stretch. */
void history_rows_take(struct history_rows *r);
/* The step that is open is over. */
void history_rows_end(struct history_rows *r);
void history_rows_fini(struct history_rows *r);		/* frees the columns' items */
