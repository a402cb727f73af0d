/* base/period.c - see period.h. A period is read into its first and its last unit; the unit's end follows from
 * its beginning in civil time, never by adding seconds.
 */
#include "base/period.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

#define NEAR_US (30 * 3600 * US_PER_S)	/* beyond every UTC offset, below the time between two changes of it */
#define YEAR_MIN 1970
#define YEAR_MAX 9990

/* ---- civil time ---- */

static struct civil normal(struct civil c)
{
	int months = c.month - 1, year = c.year + months / 12 - (months % 12 < 0);
	struct civil out;

	c.month = months - (year - c.year) * 12 + 1;
	c.year = year;
	civil_from_wall(wall_from_civil(&c, 0), 0, &out);
	return out;
}

/* Where the offset changes from `before` to `after` within the stretch. */
static wall_t change_in(const struct time_zone *tz, wall_t after, wall_t until)
{
	for (size_t i = 0; i < tz->count; i++) {
		if (tz->rows[i].from > after && tz->rows[i].from <= until)
			return tz->rows[i].from;
	}
	return until;
}

wall_t local_wall(const struct time_zone *tz, const struct civil *shown)
{
	struct civil c = normal(*shown);
	wall_t as_utc = wall_from_civil(&c, 0);
	int32_t before = tz_offset_s(tz, as_utc - NEAR_US), after = tz_offset_s(tz, as_utc + NEAR_US);
	wall_t first = as_utc - before * US_PER_S, second = as_utc - after * US_PER_S;

	if (tz_offset_s(tz, first) == before)
		return first;
	if (tz_offset_s(tz, second) == after)
		return second;
	return change_in(tz, second, first);
}

/* ---- units ---- */

enum unit { UNIT_MOMENT, UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_YEAR };

struct spot {		/* a unit, by its beginning */
	enum unit unit;
	struct civil at;
	wall_t moment;	/* of UNIT_MOMENT */
};

static wall_t begin_of(const struct spot *s, const struct time_zone *tz)
{
	return s->unit == UNIT_MOMENT ? s->moment : local_wall(tz, &s->at);
}

static wall_t end_of(const struct spot *s, const struct time_zone *tz)
{
	struct civil c = s->at;

	if (s->unit == UNIT_MOMENT)
		return s->moment;
	c.day += s->unit == UNIT_DAY ? 1 : s->unit == UNIT_WEEK ? 7 : 0;
	c.month += s->unit == UNIT_MONTH;
	c.year += s->unit == UNIT_YEAR;
	return local_wall(tz, &c);
}

static struct spot unit_of(enum unit unit, struct civil c)
{
	c.hour = c.minute = c.second = 0;
	if (unit == UNIT_WEEK)
		c.day -= c.weekday;
	else if (unit != UNIT_DAY)
		c.day = 1;
	if (unit == UNIT_YEAR)
		c.month = 1;
	return (struct spot){ .unit = unit, .at = normal(c) };
}

static struct spot before(struct spot s)
{
	s.at.day -= s.unit == UNIT_DAY ? 1 : s.unit == UNIT_WEEK ? 7 : 0;
	s.at.month -= s.unit == UNIT_MONTH;
	s.at.year -= s.unit == UNIT_YEAR;
	s.at = normal(s.at);
	return s;
}

/* ---- reading ---- */

struct reader {
	const struct time_zone *tz;
	wall_t now;
	const char *text;	/* all of it, for complaints */
	struct diag *d;
};

static int complain(const struct reader *r, const char *why)
{
	struct buf safe;
	int ret;

	buf_init(&safe);
	text_escape(&safe, r->text, strnlen(r->text, 60));
	ret = diag_set(r->d, -LMS_EDATA, "'%s' is not a period%s%s (write " PERIOD_EXAMPLES ")", buf_cstr(&safe),
		       why ? ": " : "", why ? why : "");
	buf_fini(&safe);
	return ret;
}

static bool digits(const char *s, size_t from, size_t count, int *out)
{
	*out = 0;
	for (size_t i = from; i < from + count; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return true;
}

static bool is_year(int year)
{
	return year >= YEAR_MIN && year <= YEAR_MAX;
}

/* 4 January is always in week 1. */
static int week_spot(const struct reader *r, int year, int week, struct spot *out)
{
	struct civil c = normal((struct civil){ .year = year, .month = 1, .day = 4 }), thursday;
	int monday = c.day - c.weekday;

	if (week < 1)
		return complain(r, "the first week is W01");
	c.day = monday + (week - 1) * 7 + 3;
	thursday = normal(c);
	if (thursday.year != year)
		return complain(r, "that year has no such week");
	c.day = monday + (week - 1) * 7;
	*out = (struct spot){ .unit = UNIT_WEEK, .at = normal(c) };
	return 0;
}

static int month_spot(const struct reader *r, int year, int month, struct spot *out)
{
	if (month < 1 || month > 12)
		return complain(r, "there is no such month");
	*out = (struct spot){ .unit = UNIT_MONTH, .at = { .year = year, .month = month, .day = 1 } };
	return 0;
}

static int day_spot(const struct reader *r, int year, int month, int day, struct spot *out)
{
	struct civil c = { .year = year, .month = month, .day = day }, real;

	if (month < 1 || month > 12)
		return complain(r, "there is no such month");
	real = normal(c);
	if (day < 1 || real.day != day)
		return complain(r, "that month has no such day");
	*out = (struct spot){ .unit = UNIT_DAY, .at = real };
	return 0;
}

/* "T08:00", "T08:00:30", by the zone's clocks; with an offset it is RFC 3339 and whole. */
static int moment_spot(const struct reader *r, const char *s, size_t len, struct spot *out)
{
	int hour, minute, second = 0, ret = day_spot(r, out->at.year, out->at.month, out->at.day, out);

	out->unit = UNIT_MOMENT;
	if (ret)
		return ret;
	if (len > 16 && strpbrk(s + 11, "Zz+-") && strpbrk(s + 11, "Zz+-") < s + len)
		return rfc3339_parse(s, len, &out->moment) ? complain(r, "that time does not exist") : 0;
	if ((len != 16 && len != 19) || !digits(s, 11, 2, &hour) || s[13] != ':' || !digits(s, 14, 2, &minute) ||
	    (len == 19 && (s[16] != ':' || !digits(s, 17, 2, &second))) || hour > 23 || minute > 59 || second > 59)
		return complain(r, "a time of day is T08:00");
	out->at.hour = hour;
	out->at.minute = minute;
	out->at.second = second;
	out->moment = local_wall(r->tz, &out->at);
	return 0;
}

/* By the calendar: 2026, 2026-05, 2026-W20, 2026-05-17, 2026-05-17T08:00. */
static int calendar_spot(const struct reader *r, const char *s, size_t len, struct spot *out)
{
	int year = 0, month, day, week;

	if (len < 4 || !digits(s, 0, 4, &year))
		return complain(r, NULL);
	if (!is_year(year))
		return complain(r, "years go from 1970 to 9990");
	if (len == 4) {
		*out = (struct spot){ .unit = UNIT_YEAR, .at = { .year = year, .month = 1, .day = 1 } };
		return 0;
	}
	if (s[4] != '-')
		return complain(r, NULL);
	if (len == 8 && (s[5] == 'W' || s[5] == 'w') && digits(s, 6, 2, &week))
		return week_spot(r, year, week, out);
	if (len < 7 || !digits(s, 5, 2, &month))
		return complain(r, NULL);
	if (len == 7)
		return month_spot(r, year, month, out);
	if (len < 10 || s[7] != '-' || !digits(s, 8, 2, &day))
		return complain(r, NULL);
	if (len == 10)
		return day_spot(r, year, month, day, out);
	if (s[10] != 'T' && s[10] != 't' && s[10] != ' ')
		return complain(r, NULL);
	out->at = (struct civil){ .year = year, .month = month, .day = day };
	return moment_spot(r, s, len, out);
}

static bool word_spot(const struct reader *r, const char *s, size_t len, struct spot *out)
{
	static const struct {
		const char *word;
		enum unit unit;
		bool last;
	} words[] = {
		{ "today", UNIT_DAY, false },	     { "yesterday", UNIT_DAY, true },
		{ "this-week", UNIT_WEEK, false },   { "last-week", UNIT_WEEK, true },
		{ "this-month", UNIT_MONTH, false }, { "last-month", UNIT_MONTH, true },
		{ "this-year", UNIT_YEAR, false },   { "last-year", UNIT_YEAR, true },
	};
	struct civil c;

	civil_from_wall(r->now, tz_offset_s(r->tz, r->now), &c);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].word) != len || strncasecmp(words[i].word, s, len) != 0)
			continue;
		*out = unit_of(words[i].unit, c);
		if (words[i].last)
			*out = before(*out);
		return true;
	}
	return false;
}

static int read_spot(const struct reader *r, const char *s, size_t len, struct spot *out)
{
	if (len == 3 && strncasecmp(s, "now", 3) == 0) {
		*out = (struct spot){ .unit = UNIT_MOMENT, .moment = r->now };
		return 0;
	}
	return word_spot(r, s, len, out) ? 0 : calendar_spot(r, s, len, out);
}

/* ".." without a word behind it is until now. */
static int read_range(const struct reader *r, const char *dots, struct period *out)
{
	struct spot first, last = { .unit = UNIT_MOMENT, .moment = r->now };
	int ret = read_spot(r, r->text, (size_t)(dots - r->text), &first);

	if (ret == 0 && dots[2])
		ret = read_spot(r, dots + 2, strlen(dots + 2), &last);
	if (ret)
		return ret;
	if (begin_of(&first, r->tz) >= end_of(&last, r->tz))
		return complain(r, "it ends before it begins");
	*out = (struct period){ begin_of(&first, r->tz), end_of(&last, r->tz) };
	return 0;
}

/* "30d": a number and a unit. Four digits are a year, others need one. */
static bool is_span(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && s[n] != '\0' && strpbrk(s, "-.:") == NULL;
}

static int read_span(const struct reader *r, struct period *out)
{
	struct diag ignored;
	int64_t us, from;

	diag_init(&ignored);
	if (parse_span_us(r->text, &us, &ignored))
		return complain(r, "a span is 30d, 2h, 90m");
	if (us <= 0 || __builtin_sub_overflow(r->now, us, &from) || from < 0)
		return complain(r, "such a span does not go");
	*out = (struct period){ from, r->now };
	return 0;
}

int period_parse(const char *text, const struct time_zone *tz, wall_t now, struct period *out, struct diag *d)
{
	struct reader r = { tz, now, text, d };
	const char *dots = strstr(text, "..");
	struct spot s;
	int ret;

	if (dots)
		return read_range(&r, dots, out);
	if (is_span(text))
		return read_span(&r, out);
	ret = read_spot(&r, text, strlen(text), &s);
	if (ret)
		return ret;
	if (s.unit == UNIT_MOMENT)
		return complain(&r, "a moment has no length, write one..another");
	*out = (struct period){ begin_of(&s, tz), end_of(&s, tz) };
	return 0;
}
