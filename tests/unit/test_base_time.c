/* Time as text and civil time: against known instants, and against libc over four centuries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/timefmt.h"

#define T0 (INT64_C(1795235400) * US_PER_S)	/* 2026-11-21T04:30:00Z */

static void times_are_written_as_rfc3339(void **state)
{
	static const struct {
		wall_t t;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ T0, "2026-11-21T04:30:00Z" },
		{ T0 + 123 * US_PER_MS, "2026-11-21T04:30:00.123Z" },
		{ T0 + 7 * US_PER_MS + 999, "2026-11-21T04:30:00.007Z" },
		{ T0 + 999, "2026-11-21T04:30:00Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(951782400) * US_PER_S, "2000-02-29T00:00:00Z" },
		{ INT64_C(4107542399) * US_PER_S, "2100-02-28T23:59:59Z" },
		{ INT64_C(4107542400) * US_PER_S, "2100-03-01T00:00:00Z" },
		{ INT64_MAX, "294247-01-10T04:00:54.775Z" },
		{ WALL_NONE, "-" },
	};
	char out[RFC3339_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(rfc3339_format(cases[i].t, out), cases[i].text);
	rfc3339_format(INT64_MIN + 1, out);
	assert_true(strlen(out) < sizeof(out));
}

static void times_are_read_as_stations_write_them(void **state)
{
	static const struct {
		const char *text;
		wall_t t;
	} cases[] = {
		{ "2026-11-21T04:30:00Z", T0 },
		{ "2026-11-21t04:30:00z", T0 },
		{ "2026-11-21 04:30:00", T0 },
		{ "2026-11-21T04:30", T0 },
		{ " 2026-11-21T04:30:00Z ", T0 },
		{ "2026-11-21T04:30:00.123Z", T0 + 123 * US_PER_MS },
		{ "2026-11-21T04:30:00,5", T0 + 500 * US_PER_MS },
		{ "2026-11-21T04:30:00.1234567899999Z", T0 + 123456 },
		{ "2026-11-21T06:30:00+02", T0 },
		{ "2026-11-21T06:30:00+0200", T0 },
		{ "2026-11-21T06:30:00+02:00", T0 },
		{ "2026-11-21 06:30:00 +02:00", T0 },
		{ "2026-11-21T10:00:00.000+05:30", T0 },
		{ "2026-11-20T23:30:00-05:00", T0 },
		{ "2026-11-21T04:29:60Z", T0 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59.5Z", -500 * US_PER_MS },
		{ "2024-02-29T00:00:00Z", INT64_C(1709164800) * US_PER_S },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400) * US_PER_S },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		wall_t t = 0;

		if (rfc3339_parse(cases[i].text, strlen(cases[i].text), &t) != 0 || t != cases[i].t)
			fail_msg("%s gave %lld", cases[i].text, (long long)t);
	}
}

static void impossible_times_are_refused(void **state)
{
	static const char *const cases[] = {
		"", " ", "now", "2022-02-29", "2022-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-11-21", "2026-11-21T", "2026-11-21T24:00:00Z", "2026-11-21T04:60:00Z",
		"2026-11-21T04:30:61Z", "2026-11-21T04:30:00.Z", "2026-11-21T04:30:00X",
		"2026-11-21T04:30:00+", "2026-11-21T04:30:00+2", "2026-11-21T04:30:00+02:",
		"2026-11-21T04:30:00+02:0", "2026-11-21T04:30:00+24:00", "2026-11-21T04:30:00+02:60",
		"2026-11-21T04:30:00ZZ", "2026-11-21T04:30:00Z+02", "26-11-21T04:30:00Z",
		"2026-1-1T04:30:00Z", "2026/11/21T04:30:00Z", "20261121T043000Z", "2026-11-21T4:30:00Z",
		"-026-11-21T04:30:00Z", "2026-11-21T04:30:-1Z", "2026-11-21T04:30:0",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		wall_t t = 77;

		if (rfc3339_parse(cases[i], strlen(cases[i]), &t) != -LMS_EDATA || t != 77)
			fail_msg("%s gave %lld", cases[i], (long long)t);
	}
}

static void every_prefix_of_a_time_is_read_within_its_bounds(void **state)
{
	static const char text[] = "2026-11-21T04:30:00.123+02:00";
	(void)state;

	for (size_t len = 0; len < sizeof(text); len++) {
		/* On the heap and without the NUL, so that a read beyond the end is seen. */
		char *exact = malloc(len + !len);
		wall_t t;

		assert_non_null(exact);
		memcpy(exact, text, len);
		rfc3339_parse(exact, len, &t);
		free(exact);
	}
}

static void civil_time_agrees_with_libc_over_four_centuries(void **state)
{
	(void)state;
	/* A step that is prime to days and weeks touches all hours and weekdays. */
	for (int64_t s = INT64_C(-6000000000); s < INT64_C(8000000000); s += 86400 * 3 + 4001) {
		time_t libc = (time_t)s;
		struct civil c;
		struct tm tm;

		gmtime_r(&libc, &tm);
		civil_from_wall(s * US_PER_S, 0, &c);
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(c.weekday, (tm.tm_wday + 6) % 7);
		assert_int_equal(wall_from_civil(&c, 0), s * US_PER_S);
		civil_from_wall(s * US_PER_S, 7200, &c);
		assert_int_equal(wall_from_civil(&c, 7200), s * US_PER_S);
	}
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	for (wall_t t = -3 * 86400 * US_PER_S; t < 3 * 86400 * US_PER_S; t += 7919 * US_PER_MS) {
		char out[RFC3339_MAX];
		wall_t back;

		rfc3339_format(t, out);
		assert_int_equal(rfc3339_parse(out, strlen(out), &back), 0);
		assert_int_equal(back, t);
	}
}

static void the_utc_offset_is_that_of_the_last_change(void **state)
{
	static const struct utc_offset rows[] = {
		{ INT64_MIN, 3600 }, { 1000, 7200 }, { 2000, 3600 }, { 3000, 7200 }
	};
	static const struct time_zone zone = { rows, ARRAY_LEN(rows), "Europe/Zurich" };
	static const struct time_zone late = { rows + 1, 3, "begins late" };
	static const struct time_zone none = { NULL, 0, "UTC" };
	static const struct {
		wall_t t;
		int32_t offset_s;
	} cases[] = {
		{ INT64_MIN, 3600 }, { 999, 3600 },  { 1000, 7200 }, { 1999, 7200 },	  { 2000, 3600 },
		{ 2999, 3600 },	     { 3000, 7200 }, { INT64_MAX, 7200 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(tz_offset_s(&zone, cases[i].t), cases[i].offset_s);
	assert_int_equal(tz_offset_s(&late, 0), 7200);
	assert_int_equal(tz_offset_s(&none, 0), 0);
	assert_int_equal(tz_offset_s(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_rfc3339),
		cmocka_unit_test(times_are_read_as_stations_write_them),
		cmocka_unit_test(impossible_times_are_refused),
		cmocka_unit_test(every_prefix_of_a_time_is_read_within_its_bounds),
		cmocka_unit_test(civil_time_agrees_with_libc_over_four_centuries),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(the_utc_offset_is_that_of_the_last_change),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
