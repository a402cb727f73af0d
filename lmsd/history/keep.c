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

int history_keep_drop(const struct history_extent e[HISTORY_LEVELS])
{
	static const int64_t least_s[HISTORY_LEVELS] = { DAY_S, 7 * DAY_S, 365 * DAY_S };

	for (int i = 0; i < HISTORY_LEVELS; i++)
		if (e[i].any && e[i].end_s - e[i].first_s > least_s[i])
			return i;
	for (int i = 0; i < HISTORY_LEVELS; i++)
		if (e[i].any)
			return i;
	return -1;
}
