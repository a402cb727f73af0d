/* base/timefmt.c - civil time by arithmetic alone.
 *
 * No libc time function: those read the process's time zone and its locale. The proleptic Gregorian
 * calendar, years counted from 1 March so that the leap day comes last.
 */
#include "base/timefmt.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define S_PER_DAY INT64_C(86400)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
	int64_t era, year_of_era, day_of_year, day_of_era;

	year -= month <= 2;
	era = floor_div(year, 400);
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct civil *out)
{
	int64_t era, day_of_era, year_of_era, day_of_year, shifted_month;

	days += 719468;
	era = floor_div(days, 146097);
	day_of_era = days - era * 146097;
	year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted_month = (5 * day_of_year + 2) / 153;
	out->day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	out->month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
}

void civil_from_wall(wall_t t, int32_t offset_s, struct civil *out)
{
	int64_t seconds = floor_div(t, US_PER_S) + offset_s;
	int64_t days = floor_div(seconds, S_PER_DAY);
	int64_t of_day = seconds - days * S_PER_DAY;

	civil_from_days(days, out);
	out->hour = (int)(of_day / 3600);
	out->minute = (int)(of_day / 60 % 60);
	out->second = (int)(of_day % 60);
	/* 1970-01-01 was a Thursday. */
	out->weekday = (int)(days + 3 - floor_div(days + 3, 7) * 7);
}

wall_t wall_from_civil(const struct civil *c, int32_t offset_s)
{
	int64_t seconds = days_from_civil(c->year, c->month, c->day) * S_PER_DAY +
			  c->hour * INT64_C(3600) + c->minute * INT64_C(60) + c->second - offset_s;
	int64_t us;

	if (__builtin_mul_overflow(seconds, US_PER_S, &us))
		return seconds < 0 ? INT64_MIN + 1 : INT64_MAX;
	return us;
}

int32_t tz_offset_s(const struct time_zone *tz, wall_t t)
{
	size_t low = 0, high;

	if (!tz || tz->count == 0)
		return 0;
	high = tz->count;
	/* The last row that begins at or before t; times before the first row take the first. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (tz->rows[middle].from <= t)
			low = middle;
		else
			high = middle;
	}
	return tz->rows[low].offset_s;
}

static char *put_digits(char *p, int value, int digits, char end)
{
	for (int i = digits - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
	p[digits] = end;
	return p + digits + 1;
}

const char *rfc3339_format(wall_t t, char *out)
{
	int ms = (int)(floor_div(t, US_PER_MS) - floor_div(t, US_PER_S) * 1000);
	struct civil c;
	char *p = out;

	if (t == WALL_NONE)
		return strcpy(out, "-");
	civil_from_wall(t, 0, &c);
	/* By hand: every answer to a station holds one. */
	if (c.year >= 0 && c.year <= 9999)
		p = put_digits(p, c.year, 4, '-');
	else
		p += snprintf(p, RFC3339_MAX, "%04d-", c.year);
	p = put_digits(p, c.month, 2, '-');
	p = put_digits(p, c.day, 2, 'T');
	p = put_digits(p, c.hour, 2, ':');
	p = put_digits(p, c.minute, 2, ':');
	p = put_digits(p, c.second, 2, ms ? '.' : 'Z');
	if (ms)
		p = put_digits(p, ms, 3, 'Z');
	*p = '\0';
	return out;
}

struct cursor {
	const char *p, *end;
};

static bool take_char(struct cursor *in, const char *set)
{
	if (in->p == in->end || *in->p == '\0' || !strchr(set, *in->p))
		return false;
	in->p++;
	return true;
}

static bool take_digits(struct cursor *in, int count, int *out)
{
	int value = 0;

	if (in->end - in->p < count)
		return false;
	for (int i = 0; i < count; i++) {
		char c = in->p[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	in->p += count;
	*out = value;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool take_date(struct cursor *in, struct civil *c)
{
	return take_digits(in, 4, &c->year) && take_char(in, "-") &&
	       take_digits(in, 2, &c->month) && take_char(in, "-") && take_digits(in, 2, &c->day) &&
	       c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= days_in_month(c->year, c->month);
}

/* Digits beyond microseconds are dropped, however many there are. */
static bool take_fraction(struct cursor *in, int64_t *us)
{
	int64_t weight = US_PER_S / 10;
	int digit, count = 0;

	*us = 0;
	if (!take_char(in, ".,"))
		return true;
	for (; take_digits(in, 1, &digit); count++) {
		*us += digit * weight;
		weight /= 10;
	}
	return count > 0;
}

/* Second 60 is a leap second: it counts as the first of the next minute. */
static bool take_clock(struct cursor *in, struct civil *c, int64_t *us)
{
	*us = 0;
	if (!take_digits(in, 2, &c->hour) || !take_char(in, ":") ||
	    !take_digits(in, 2, &c->minute) || c->hour > 23 || c->minute > 59)
		return false;
	c->second = 0;
	if (!take_char(in, ":"))
		return true;
	return take_digits(in, 2, &c->second) && c->second <= 60 && take_fraction(in, us);
}

static bool take_zone(struct cursor *in, int32_t *offset_s)
{
	int hour, minute = 0, sign;

	*offset_s = 0;
	if (in->p == in->end || take_char(in, "Zz"))
		return true;
	sign = *in->p == '-' ? -1 : 1;
	if (!take_char(in, "+-") || !take_digits(in, 2, &hour))
		return false;
	if (in->p < in->end) {
		take_char(in, ":");
		if (!take_digits(in, 2, &minute))
			return false;
	}
	*offset_s = sign * (hour * 3600 + minute * 60);
	return hour <= 23 && minute <= 59;
}

int rfc3339_parse(const char *s, size_t len, wall_t *out)
{
	struct cursor in = { s, s + len };
	struct civil c = { 0 };
	int32_t offset_s;
	int64_t us;

	while (in.p < in.end && *in.p == ' ')
		in.p++;
	while (in.end > in.p && in.end[-1] == ' ')
		in.end--;
	if (!take_date(&in, &c) || !take_char(&in, "Tt ") || !take_clock(&in, &c, &us))
		return -LMS_EDATA;
	while (take_char(&in, " "))
		;
	if (!take_zone(&in, &offset_s) || in.p != in.end)
		return -LMS_EDATA;
	*out = wall_from_civil(&c, offset_s) + us;
	return 0;
}
