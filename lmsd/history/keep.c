/* history/keep.c */
#include "history/keep.h"

#define DAY_S INT64_C(86400)

int64_t history_keep_from(const struct history_extent *e, int64_t now_s, int64_t keep_s)
{
	int64_t from = now_s - keep_s;

	if (!e->any || from <= e->first_s)
		return INT64_MIN;
	return from < e->first_s + DAY_S ? from : e->first_s + DAY_S;
}

enum { READINGS, MINUTES, QUARTERS };

static bool longer(const struct history_extent *e, int64_t s)
{
	return e->any && e->end_s - e->first_s > s;
}

int history_keep_drop(const struct history_extent e[HISTORY_LEVELS], int64_t limit)
{
	if (e[MINUTES].any && e[MINUTES].bytes > limit / 4)
		return MINUTES;
	if (longer(&e[READINGS], DAY_S))
		return READINGS;
	if (e[MINUTES].any)
		return MINUTES;
	if (longer(&e[QUARTERS], 365 * DAY_S))
		return QUARTERS;
	return e[READINGS].any ? READINGS : e[QUARTERS].any ? QUARTERS : -1;
}
