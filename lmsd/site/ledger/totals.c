/* site/ledger/totals.c - sessions and energy of this week and this month, in the site's own time.
 *
 * A transaction belongs to the period in which it began, with all its energy: so the sums are the
 * same before and after a restart, and the same as a list by start.
 */
#include <string.h>

#include "site/ledger/ledger.h"

#define DAY_US (INT64_C(86400) * US_PER_S)

void totals_add(struct site *s, wall_t start, int64_t sessions, int64_t energy_wh)
{
	struct site_totals *t = &s->totals;

	if (start >= t->week_start) {
		t->sessions_week += sessions;
		t->energy_week_wh += energy_wh;
	}
	if (start >= t->month_start) {
		t->sessions_month += sessions;
		t->energy_month_wh += energy_wh;
	}
}

/* Local midnight: its own offset may differ from that of the moment that we came from. */
static wall_t midnight(const struct time_zone *tz, const struct civil *day, int32_t offset_s)
{
	wall_t t = wall_from_civil(day, offset_s);

	return wall_from_civil(day, tz_offset_s(tz, t));
}

static void period_starts(const struct time_zone *tz, wall_t wall, wall_t *week, wall_t *month)
{
	int32_t offset_s = tz_offset_s(tz, wall);
	struct civil now, day = {0};
	wall_t monday;

	civil_from_wall(wall, offset_s, &now);
	day.year = now.year;
	day.month = now.month;
	day.day = 1;
	*month = midnight(tz, &day, offset_s);
	day.day = now.day;
	/* Noon of Monday: a day is 23 to 25 hours long, so noon less whole days stays inside the
	 * day. */
	monday = wall_from_civil(&day, offset_s) + DAY_US / 2 - now.weekday * DAY_US;
	civil_from_wall(monday, tz_offset_s(tz, monday), &day);
	day.hour = day.minute = day.second = 0;
	*week = midnight(tz, &day, offset_s);
}

static bool is_counted(const struct tx *tx)
{
	return strcmp(tx->state, "refused") != 0;
}

/* Recounts one period from what is in memory: after its beginning that is everything. */
static void recount(struct site *s, wall_t from, int64_t *sessions, int64_t *energy_wh)
{
	*sessions = *energy_wh = 0;
	for (const struct tx *tx = s->running; tx; tx = tx->hh.next) {
		if (tx->start < from)
			continue;
		*sessions += 1;
		*energy_wh += tx->energy_wh;
	}
	for (const struct tx *tx = s->ledger->ended; tx; tx = tx->hh.next) {
		if (tx->start < from || !is_counted(tx))
			continue;
		*sessions += 1;
		*energy_wh += tx->energy_wh;
	}
}

/* The period moved on, or the clock was set; a new time zone moves it by hours and keeps the sums.
 */
static bool is_other_period(wall_t old, wall_t start)
{
	return old == WALL_NONE || start >= old + DAY_US || start <= old - DAY_US;
}

void site_totals_roll(struct site *s, wall_t wall)
{
	struct site_totals *t = &s->totals;
	wall_t week, month;

	period_starts(&s->tz, wall, &week, &month);
	if (is_other_period(t->week_start, week))
		recount(s, week, &t->sessions_week, &t->energy_week_wh);
	if (is_other_period(t->month_start, month))
		recount(s, month, &t->sessions_month, &t->energy_month_wh);
	t->week_start = week;
	t->month_start = month;
}
