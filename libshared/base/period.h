/* base/period.h - a stretch of time as people name it: PERIOD of every command that asks for one. Pure.
 *
 *	2026  2026-05  2026-W20  2026-05-17	the year, month, ISO week, day
 *	2026-05-01..2026-05-31			from the first to the last, both included
 *	2026-05-01..				until now
 *	2026-05-17T08:00..2026-05-17T18:00	times of day, the last one not included
 *	today yesterday this-week last-week this-month last-month this-year last-year
 *	30d 2h 90m				the latest so many, until now
 *
 * Days, weeks, months and years are those of the time zone: some have 23 or 25 hours more or less.
 */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"

#define PERIOD_EXAMPLES "2026-05, 2026-W20, 2026-05-01..2026-05-31, yesterday, last-month, 30d"

struct period {
	wall_t from, until;	/* from <= t < until */
};

/* 0, or -LMS_EDATA with a remedy. `out` is untouched then. */
int period_parse(const char *text, const struct time_zone *tz, wall_t now, struct period *out, struct diag *d);

/* The moment at which clocks show c: the first of two where an hour is shown twice, and the moment of the
 * change where it is skipped. Fields may be beyond their ends: day 32, month 13. */
wall_t local_wall(const struct time_zone *tz, const struct civil *c);
