/* chart/scale.c - see scale.h. Integers only: values are fixed-point, and steps are 1, 2 or 5 times a power of
 * ten of them.
 */
#include "chart/scale.h"

#include <stdio.h>
#include <string.h>

#include "base/period.h"

/* ---- values ---- */

static int64_t power_of_ten(int n)
{
	int64_t p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

static int64_t floor_to(int64_t v, int64_t step)
{
	int64_t rest = v % step;

	return v - rest - (rest < 0 ? step : 0);
}

static int64_t ceil_to(int64_t v, int64_t step)
{
	return -floor_to(-v, step);
}

/* 1, 2, 5, 10, 20, 50 … */
static int64_t next_step(int64_t step)
{
	int64_t lead = step;

	while (lead >= 10)
		lead /= 10;
	return lead == 2 ? step / 2 * 5 : step * 2;
}

static bool takes_prefix(const char *unit)
{
	static const char *const units[] = { "W", "Wh", "VA", "var" };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(units[i], unit) == 0)
			return true;
	}
	return false;
}

static void choose_unit(struct scale *s, const char *unit)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T" };
	int64_t most = -s->low > s->high ? -s->low : s->high;
	size_t prefix = 0;

	most /= power_of_ten(s->unit_decimals);
	while (takes_prefix(unit) && most >= 2000 && prefix + 1 < ARRAY_LEN(prefixes)) {
		most /= 1000;
		prefix++;
	}
	s->shift = 3 * (int)prefix;
	snprintf(s->unit, sizeof(s->unit), "%s%s", prefixes[prefix], unit);
}

void scale_fit(struct scale *s, int64_t least, int64_t greatest, int ticks, const char *unit, int unit_decimals,
	       bool from_zero)
{
	int64_t whole = power_of_ten(unit_decimals), fine, rest;

	*s = (struct scale){ .step = 1, .unit_decimals = unit_decimals };
	if (least == NUM_NONE)
		least = greatest = 0;
	if (from_zero && least > 0)
		least = 0;
	if (from_zero && greatest < 0)
		greatest = 0;
	/* A line of one value is no noise: it gets a unit of room. */
	if (greatest == least) {
		greatest += whole;
		least -= from_zero ? 0 : whole;
	}
	/* The ends are finer than the steps, else 0..31 would be drawn on an axis to 40. */
	while ((greatest - least) / s->step > ticks)
		s->step = next_step(s->step);
	fine = s->step >= 10 ? s->step / 10 : 1;
	s->low = floor_to(least, fine);
	s->high = ceil_to(greatest, fine);
	s->first = ceil_to(s->low, s->step);
	choose_unit(s, unit);
	s->decimals = unit_decimals + s->shift;
	for (rest = s->step; s->decimals > 0 && rest % 10 == 0; rest /= 10)
		s->decimals--;
}

void scale_put(const struct scale *s, int64_t value, int decimals, struct buf *out)
{
	int digits = s->unit_decimals + s->shift;
	int64_t cut, unit = power_of_ten(decimals);
	bool negative = value < 0;

	if (value == NUM_NONE) {
		buf_putc(out, '-');
		return;
	}
	if (negative)
		value = -value;
	cut = digits > decimals ? power_of_ten(digits - decimals) : 1;
	value = (value + cut / 2) / cut;
	if (digits < decimals)
		unit = power_of_ten(digits), decimals = digits;
	buf_printf(out, "%s%lld", negative && value ? "-" : "", (long long)(value / unit));
	if (decimals > 0)
		buf_printf(out, ".%0*lld", decimals, (long long)(value % unit));
}

/* ---- times ---- */

enum label { LABEL_SECONDS, LABEL_MINUTES, LABEL_DATE, LABEL_MONTH, LABEL_YEAR };

/* Each divides the next larger unit of the calendar, so that labels are round. */
static const struct grain {
	int seconds, days, months;	/* one of them */
	enum label label;
} grains[] = {
	{ 1, 0, 0, LABEL_SECONDS },	  { 2, 0, 0, LABEL_SECONDS },	    { 5, 0, 0, LABEL_SECONDS },
	{ 10, 0, 0, LABEL_SECONDS },	  { 15, 0, 0, LABEL_SECONDS },	    { 30, 0, 0, LABEL_SECONDS },
	{ 60, 0, 0, LABEL_MINUTES },	  { 120, 0, 0, LABEL_MINUTES },	    { 300, 0, 0, LABEL_MINUTES },
	{ 600, 0, 0, LABEL_MINUTES },	  { 900, 0, 0, LABEL_MINUTES },	    { 1800, 0, 0, LABEL_MINUTES },
	{ 3600, 0, 0, LABEL_MINUTES },	  { 2 * 3600, 0, 0, LABEL_MINUTES }, { 3 * 3600, 0, 0, LABEL_MINUTES },
	{ 4 * 3600, 0, 0, LABEL_MINUTES }, { 6 * 3600, 0, 0, LABEL_MINUTES }, { 12 * 3600, 0, 0, LABEL_MINUTES },
	{ 0, 1, 0, LABEL_DATE },	  { 0, 2, 0, LABEL_DATE },	    { 0, 5, 0, LABEL_DATE },
	{ 0, 10, 0, LABEL_DATE },	  { 0, 0, 1, LABEL_MONTH },	    { 0, 0, 2, LABEL_MONTH },
	{ 0, 0, 3, LABEL_MONTH },	  { 0, 0, 6, LABEL_MONTH },	    { 0, 0, 12, LABEL_YEAR },
	{ 0, 0, 24, LABEL_YEAR },	  { 0, 0, 60, LABEL_YEAR },	    { 0, 0, 120, LABEL_YEAR },
};

static int64_t grain_us(const struct grain *g)
{
	return (g->seconds + g->days * INT64_C(86400) + g->months * INT64_C(30) * 86400) * US_PER_S;
}

static int label_width(enum label l)
{
	return l == LABEL_SECONDS ? 8 : l == LABEL_MONTH ? 7 : l == LABEL_YEAR ? 4 : 5;
}

static const struct grain *choose_grain(int64_t span_us, int columns)
{
	const struct grain *g = grains, *last = &grains[ARRAY_LEN(grains) - 1];

	while (g < last && (__int128)grain_us(g) * columns < (__int128)span_us * (label_width(g->label) + 3))
		g++;
	return g;
}

static void write_label(const struct civil *c, enum label l, char out[TIME_LABEL_MAX])
{
	bool midnight = c->hour == 0 && c->minute == 0 && c->second == 0;

	if (l == LABEL_SECONDS)
		snprintf(out, TIME_LABEL_MAX, "%02d:%02d:%02d", c->hour % 100, c->minute % 100, c->second % 100);
	else if (l == LABEL_MINUTES && !midnight)
		snprintf(out, TIME_LABEL_MAX, "%02d:%02d", c->hour % 100, c->minute % 100);
	else if (l == LABEL_MONTH)
		snprintf(out, TIME_LABEL_MAX, "%04d-%02d", c->year % 10000, c->month % 100);
	else if (l == LABEL_YEAR)
		snprintf(out, TIME_LABEL_MAX, "%04d", c->year % 10000);
	else
		snprintf(out, TIME_LABEL_MAX, "%02d-%02d", c->month % 100, c->day % 100);
}

/* The n-th round time counted from the calendar's own beginning: the month for days, the day for hours. */
static struct civil begin_at(const struct grain *g, wall_t from, const struct time_zone *tz)
{
	struct civil c;

	civil_from_wall(from, tz_offset_s(tz, from), &c);
	if (g->seconds) {
		int of_day = c.hour * 3600 + c.minute * 60 + c.second;

		of_day -= of_day % g->seconds;
		c.hour = of_day / 3600;
		c.minute = of_day / 60 % 60;
		c.second = of_day % 60;
		return c;
	}
	c.hour = c.minute = c.second = 0;
	if (g->months) {
		int month = c.year * 12 + c.month - 1;

		month -= month % g->months;
		c.year = month / 12;
		c.month = month % 12 + 1;
	}
	c.day = g->months ? 1 : c.day - (c.day - 1) % g->days;
	return c;
}

static struct civil next_of(const struct grain *g, struct civil c)
{
	c.second += g->seconds;
	c.day += g->days;
	c.month += g->months;
	civil_from_wall(local_wall(NULL, &c), 0, &c);
	if (g->days < 2)
		return c;
	/* 1, 11, 21, 1: not 31. */
	if (c.day + g->days / 2 > 31)
		c.day = 32;
	else if ((c.day - 1) % g->days != 0)
		c.day = 1;
	civil_from_wall(local_wall(NULL, &c), 0, &c);
	return c;
}

size_t scale_times(wall_t from, wall_t until, int columns, const struct time_zone *tz, struct time_tick *out, size_t max)
{
	const struct grain *g = choose_grain(until - from, columns);
	struct civil c = begin_at(g, from, tz);
	size_t n = 0;

	for (int guard = 0; n < max && guard < 10000; guard++) {
		wall_t at = local_wall(tz, &c);
		struct civil shown;

		if (at >= until)
			break;
		civil_from_wall(at, tz_offset_s(tz, at), &shown);
		/* A clock that is put on skips some of them. */
		if (at >= from && shown.hour == c.hour && shown.minute == c.minute) {
			out[n].at = at;
			write_label(&c, g->label, out[n++].label);
		}
		c = next_of(g, c);
	}
	return n;
}
