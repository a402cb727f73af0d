/* PERIOD: what people write, in the site's time zone, on the days of 23 and 25 hours too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/period.h"

#define S(s) (INT64_C(s) * US_PER_S)

/* Paris of 2026 and 2027. */
static const struct utc_offset paris_rows[] = {
	{ INT64_MIN, 3600 },	     { S(1774746000), 7200 }, { S(1792890000), 3600 },
	{ S(1806195600), 7200 },     { S(1824944400), 3600 },
};
static const struct time_zone paris = { paris_rows, ARRAY_LEN(paris_rows), "Europe/Paris" };
/* Clocks go on at midnight (Beirut), and back at midnight. */
static const struct utc_offset beirut_rows[] = {
	{ INT64_MIN, 7200 }, { S(1774735200), 10800 }, { S(1792875600), 7200 },
};
static const struct time_zone beirut = { beirut_rows, ARRAY_LEN(beirut_rows), "Asia/Beirut" };
/* A day that never was: Samoa went over the date line after 29 December 2011. */
static const struct utc_offset apia_rows[] = { { INT64_MIN, -36000 }, { S(1325239200), 50400 } };
static const struct time_zone apia = { apia_rows, ARRAY_LEN(apia_rows), "Pacific/Apia" };

/* Saturday, 2026-11-21 05:30 in Paris. */
#define NOW S(1795235400)

static void check(const char *text, const struct time_zone *tz, const char *from, const char *until)
{
	char a[RFC3339_MAX], b[RFC3339_MAX];
	struct period p;
	struct diag d;

	diag_init(&d);
	if (period_parse(text, tz, NOW, &p, &d))
		fail_msg("%s: %s", text, d.text);
	rfc3339_format(p.from, a);
	rfc3339_format(p.until, b);
	if (strcmp(a, from) != 0 || strcmp(b, until) != 0)
		fail_msg("%s: %s..%s, not %s..%s", text, a, b, from, until);
}

static void periods_are_read_in_the_zone_of_the_site(void **state)
{
	static const struct {
		const char *text, *from, *until;
	} cases[] = {
		{ "2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z" },
		{ "2026-05", "2026-04-30T22:00:00Z", "2026-05-31T22:00:00Z" },
		{ "2026-12", "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z" },
		/* 31 days less an hour, and an hour more */
		{ "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z" },
		{ "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z" },
		/* the day of 23 hours and the one of 25 */
		{ "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z" },
		{ "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z" },
		{ "2026-05-17", "2026-05-16T22:00:00Z", "2026-05-17T22:00:00Z" },
		{ "2028-02-29", "2028-02-28T23:00:00Z", "2028-02-29T23:00:00Z" },
		{ "2026-W20", "2026-05-10T22:00:00Z", "2026-05-17T22:00:00Z" },
		{ "2026-w01", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z" },
		{ "2026-W53", "2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z" },
		{ "2027-W01", "2027-01-03T23:00:00Z", "2027-01-10T23:00:00Z" },
		/* the week of 167 hours */
		{ "2026-W13", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z" },
		{ "2026-05-01..2026-05-31", "2026-04-30T22:00:00Z", "2026-05-31T22:00:00Z" },
		{ "2026-05..2026-06", "2026-04-30T22:00:00Z", "2026-06-30T22:00:00Z" },
		{ "2026-W20..2026-W21", "2026-05-10T22:00:00Z", "2026-05-24T22:00:00Z" },
		{ "2025..2026", "2024-12-31T23:00:00Z", "2026-12-31T23:00:00Z" },
		{ "2026-11-20..", "2026-11-19T23:00:00Z", "2026-11-21T04:30:00Z" },
		{ "yesterday..now", "2026-11-19T23:00:00Z", "2026-11-21T04:30:00Z" },
		{ "last-month..today", "2026-09-30T22:00:00Z", "2026-11-21T23:00:00Z" },
		{ "2026-05-17T08:00..2026-05-17T18:00:30", "2026-05-17T06:00:00Z", "2026-05-17T16:00:30Z" },
		{ "2026-05-17T08:00:00Z..2026-05-17T18:00:00+03:00", "2026-05-17T08:00:00Z", "2026-05-17T15:00:00Z" },
		/* 02:30 is skipped in March, and shown twice in October */
		{ "2026-03-29T02:30..2026-03-29T03:30", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z" },
		{ "2026-10-25T02:30..2026-10-25T03:00", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z" },
		{ "today", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z" },
		{ "Yesterday", "2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z" },
		{ "this-week", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z" },
		{ "last-week", "2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z" },
		{ "this-month", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z" },
		{ "last-month", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z" },
		{ "this-year", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z" },
		{ "last-year", "2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z" },
		/* spans are hours, whatever the clocks do */
		{ "30d", "2026-10-22T04:30:00Z", "2026-11-21T04:30:00Z" },
		{ "2h", "2026-11-21T02:30:00Z", "2026-11-21T04:30:00Z" },
		{ "1h30m", "2026-11-21T03:00:00Z", "2026-11-21T04:30:00Z" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].text, &paris, cases[i].from, cases[i].until);
	check("2026-05", NULL, "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z");
}

static void a_day_begins_when_its_date_does_even_where_midnight_is_skipped_or_shown_twice(void **state)
{
	(void)state;
	check("2026-03-28", &beirut, "2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z");
	check("2026-03-29", &beirut, "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z");
	check("2026-10-24", &beirut, "2026-10-23T21:00:00Z", "2026-10-24T22:00:00Z");
	check("2026-10-25", &beirut, "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z");
	check("2011-12-29", &apia, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
	check("2011-12-31", &apia, "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
	check("2011-12-29..2011-12-31", &apia, "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z");
}

static void days_months_and_weeks_leave_no_moment_out(void **state)
{
	struct period p, last = { 0, 0 };
	char text[40];
	(void)state;

	for (int day = 0; day < 730; day++) {
		struct civil c = { .year = 2026, .month = 1, .day = 1 + day };

		civil_from_wall(wall_from_civil(&c, 0), 0, &c);
		snprintf(text, sizeof(text), "%04d-%02d-%02d", c.year, c.month, c.day);
		assert_int_equal(period_parse(text, &paris, NOW, &p, NULL), 0);
		if (day)
			assert_int_equal(p.from, last.until);
		last = p;
	}
	last = (struct period){ 0, 0 };
	for (int week = 1; week <= 53; week++) {
		snprintf(text, sizeof(text), "2026-W%02d", week);
		assert_int_equal(period_parse(text, &paris, NOW, &p, NULL), 0);
		if (week > 1)
			assert_int_equal(p.from, last.until);
		last = p;
	}
}

static void what_is_no_period_is_refused_with_the_remedy(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "write 2026-05" },	      { "may", "write 2026-05" },
		{ "26-05", "write 2026-05" },	      { "2026-13", "no such month" },
		{ "2026-00", "no such month" },	      { "2026-02-29", "no such day" },
		{ "2026-04-31", "no such day" },      { "2026-W00", "W01" },
		{ "2026-W54", "no such week" },	      { "2027-W53", "no such week" },
		{ "2026-5", "write 2026-05" },	      { "1969", "1970" },
		{ "30", "write 2026-05" },	      { "30 parsecs", "a span is" },
		{ "0d", "does not go" },	      { "999999999999999999d", "a span is" },
		{ "2026-05-02..2026-05-01", "ends before" }, { "2027-01-01..", "ends before" },
		{ "..", "write 2026-05" },	      { "2026-05..x", "write 2026-05" },
		{ "2026-05-17T08:00", "no length" },  { "2026-05-17T25:00..", "time of day" },
		{ "2026-05-17T08..", "time of day" }, { "2026-05..2026-06..2026-07", "write 2026-05" },
		{ "now", "no length" },		      { "2026-05-17x", "write 2026-05" },
		{ "2026/05", "write 2026-05" },	      { "2026-05-17T08:00:00+99:00..", "does not exist" },
		{ "\033[31m", "\\x1b" },
	};
	struct period p = { 1, 2 };
	struct diag d;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		diag_init(&d);
		if (period_parse(cases[i].text, &paris, NOW, &p, &d) != -LMS_EDATA)
			fail_msg("'%s' is taken", cases[i].text);
		if (!strstr(d.text, cases[i].why) || !strstr(d.text, "(write "))
			fail_msg("'%s': %s", cases[i].text, d.text);
		assert_true(p.from == 1 && p.until == 2);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_are_read_in_the_zone_of_the_site),
		cmocka_unit_test(a_day_begins_when_its_date_does_even_where_midnight_is_skipped_or_shown_twice),
		cmocka_unit_test(days_months_and_weeks_leave_no_moment_out),
		cmocka_unit_test(what_is_no_period_is_refused_with_the_remedy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
