/* history/block.h - a stretch of one variable as it is kept: readings at even steps, with their qualities.
 *
 * Time is told by place: slot i is of start_s + i * step_s. What was not read is a slot without value, and
 * costs little; a clock that jumps begins another block.
 */
#pragma once

#include "base/types.h"
#include "history/ints.h"

#define HISTORY_BLOCK_SLOTS 900		/* at most: a quarter of an hour of seconds */

enum history_quality {
	HISTORY_GAP,		/* nothing was read in that step */
	HISTORY_GOOD,
	HISTORY_DOUBTFUL,	/* a number, which contradicts others or itself */
	HISTORY_REFUSED,	/* the device sent something that is no number, or none that can be */
	HISTORY_SILENT,		/* it did not answer, or for so long that its last value is too old */
	HISTORY_QUALITIES
};

/* One reading of one variable at a step. */
struct history_sample {
	int64_t v;		/* NUM_NONE unless GOOD or DOUBTFUL */
	uint8_t var;		/* enum history_var */
	uint8_t quality;
};

struct history_block {
	int64_t start_s;	/* seconds since 1970 UTC, of the first slot */
	unsigned step_s, count;
	int64_t v[HISTORY_BLOCK_SLOTS];		/* NUM_NONE where there is no number */
	uint8_t quality[HISTORY_BLOCK_SLOTS];
};

/* Appends the block: count 1 to HISTORY_BLOCK_SLOTS, step_s 1 to a day, start_s not before base_s, which is
 * known by where the block is kept. A value that is NUM_NONE makes its slot one without number. */
void history_block_write(struct buf *b, const struct history_block *block, int64_t base_s);
/* 0, or -LMS_EDATA. */
int history_block_read(const void *data, size_t len, int64_t base_s, struct history_block *out);
/* How many numbers are in it, without reading them; 0 if it is damaged. */
unsigned history_block_samples(const void *data, size_t len);

/* For blocks of other kinds: a list of qualities, each below `kinds`, as runs or one by one. */
void history_qualities_write(struct buf *b, const uint8_t *q, size_t n);
void history_qualities_read(struct history_in *in, uint8_t *q, size_t n, unsigned kinds);
