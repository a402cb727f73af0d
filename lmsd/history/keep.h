/* history/keep.h - what of the history goes first. Levels are readings, minutes, quarters of an hour. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_LEVELS 3

struct history_extent {
	bool any;
	int64_t first_s, end_s;		/* seconds since 1970: where the oldest span begins, where the newest ends */
	int64_t bytes;
};

/* What began before this is too old: at most one day after the oldest, however far the clock is ahead. Asked once an
 * hour, so that a clock that is wrong for an hour does not cost years. INT64_MIN = nothing. */
int64_t history_keep_from(const struct history_extent *e, int64_t now_s, int64_t keep_s);
/* The level whose oldest span goes when all together may have `limit` bytes: minutes, while they have more than a
 * quarter of it (those of 10 s take as much as their readings); then readings, which become minutes, but not those of
 * the last day; then minutes; then quarters, but not those of the last year; then what is left. -1 = there is nothing. */
int history_keep_drop(const struct history_extent e[HISTORY_LEVELS], int64_t limit);
