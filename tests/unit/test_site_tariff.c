/* Tariff windows: what the text may say, and when they are open on days of 23, 24 and 25 hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "site/outer/outer.h"
#include "site/outer/tariff.h"

#define NO NUM_NONE

/* Europe/Paris in 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC. */
static const struct utc_offset rows[] = {
	{ INT64_MIN, 3600 },
	{ INT64_C(1774746000) * US_PER_S, 7200 },
	{ INT64_C(1792890000) * US_PER_S, 3600 },
};
static const struct time_zone paris = { rows, 3, "Europe/Paris" };

static wall_t utc(const char *text)
{
	wall_t t;

	assert_int_equal(rfc3339_parse(text, strlen(text), &t), 0);
	return t;
}

static struct tariff parse(const char *text)
{
	struct tariff t;
	struct diag d;

	diag_init(&d);
	if (tariff_parse(text, &t, &d))
		fail_msg("%s: %s", text, d.text);
	return t;
}

static void windows_open_and_close_by_the_clock_on_the_wall(void **state)
{
	static const struct {
		const char *text, *at;
		int64_t ma, l3_ma;
		const char *next;
	} cases[] = {
		/* 2026-05-01 is a Friday; Paris is two hours ahead. */
		{ "mon-fri 17:00-20:00 16", "2026-05-01T14:59:59Z", NO, NO, "2026-05-01T15:00:00Z" },
		{ "mon-fri 17:00-20:00 16", "2026-05-01T15:00:00Z", 16000, 16000, "2026-05-01T18:00:00Z" },
		{ "mon-fri 17:00-20:00 16", "2026-05-01T17:59:59.999Z", 16000, 16000, "2026-05-01T18:00:00Z" },
		{ "mon-fri 17:00-20:00 16", "2026-05-01T18:00:00Z", NO, NO, "2026-05-04T15:00:00Z" },
		{ "mon-fri 17:00-20:00 16", "2026-05-02T16:00:00Z", NO, NO, "2026-05-04T15:00:00Z" },
		{ " Sat , SUN 11:00 - 14:00 20,20,10 ;", "2026-05-03T09:30:00Z", 20000, 10000, "2026-05-03T12:00:00Z" },
		/* Over midnight it belongs to the day on which it begins, also at the end of the week. */
		{ "fri 22:00-06:00 10", "2026-05-01T20:00:00Z", 10000, 10000, "2026-05-02T04:00:00Z" },
		{ "fri 22:00-06:00 10", "2026-05-02T03:59:00Z", 10000, 10000, "2026-05-02T04:00:00Z" },
		{ "fri 22:00-06:00 10", "2026-05-02T04:00:00Z", NO, NO, "2026-05-08T20:00:00Z" },
		{ "fri 22:00-06:00 10", "2026-05-01T01:00:00Z", NO, NO, "2026-05-01T20:00:00Z" },
		{ "sun 23:30-00:30 10", "2026-05-03T22:15:00Z", 10000, 10000, "2026-05-03T22:30:00Z" },
		{ "fri-mon 00:00-24:00 10", "2026-05-04T21:59:59Z", 10000, 10000, "2026-05-04T22:00:00Z" },
		{ "fri-mon 00:00-24:00 10", "2026-05-04T22:00:00Z", NO, NO, "2026-05-07T22:00:00Z" },
		{ "daily 18:00-00:00 10", "2026-05-01T21:59:59Z", 10000, 10000, "2026-05-01T22:00:00Z" },
		{ "daily 18:00-00:00 10", "2026-05-01T22:00:00Z", NO, NO, "2026-05-02T16:00:00Z" },
		/* The least of those that are open. */
		{ "daily 08:00-20:00 16; fri 12:00-13:00 20,10,20", "2026-05-01T10:30:00Z", 16000, 16000,
		  "2026-05-01T11:00:00Z" },
		{ "daily 08:00-20:00 16; fri 12:00-13:00 0", "2026-05-01T10:30:00Z", 0, 0, "2026-05-01T11:00:00Z" },
		/* 29 March: 02:00 is 03:00. What lies between does not happen; what lies around is an hour less. */
		{ "sun 02:15-02:45 10", "2026-03-29T01:00:00Z", NO, NO, "2026-04-05T00:15:00Z" },
		{ "sun 02:15-02:45 10", "2026-03-29T00:59:59Z", NO, NO, "2026-03-29T01:00:00Z" },
		{ "sun 01:00-04:00 10", "2026-03-29T00:00:00Z", 10000, 10000, "2026-03-29T01:00:00Z" },
		{ "sun 01:00-04:00 10", "2026-03-29T01:00:00Z", 10000, 10000, "2026-03-29T02:00:00Z" },
		{ "sun 01:00-04:00 10", "2026-03-29T02:00:00Z", NO, NO, "2026-04-04T23:00:00Z" },
		{ "sat 22:00-02:30 10", "2026-03-29T00:59:59Z", 10000, 10000, "2026-03-29T01:00:00Z" },
		{ "sat 22:00-02:30 10", "2026-03-29T01:00:00Z", NO, NO, "2026-04-04T20:00:00Z" },
		/* 25 October: 02:00 to 03:00 comes twice, and so does the window. */
		{ "sun 02:15-02:45 10", "2026-10-25T00:15:00Z", 10000, 10000, "2026-10-25T00:45:00Z" },
		{ "sun 02:15-02:45 10", "2026-10-25T00:45:00Z", NO, NO, "2026-10-25T01:00:00Z" },
		{ "sun 02:15-02:45 10", "2026-10-25T01:00:00Z", NO, NO, "2026-10-25T01:15:00Z" },
		{ "sun 02:15-02:45 10", "2026-10-25T01:30:00Z", 10000, 10000, "2026-10-25T01:45:00Z" },
		{ "sun 01:00-04:00 10", "2026-10-25T02:59:59Z", 10000, 10000, "2026-10-25T03:00:00Z" },
		{ "sun 01:00-04:00 10", "2026-10-25T03:00:00Z", NO, NO, "2026-11-01T00:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tariff t = parse(cases[i].text);
		struct phase_ma p;
		char next[RFC3339_MAX];

		tariff_limit(&t, &paris, utc(cases[i].at), &p);
		rfc3339_format(tariff_next(&t, &paris, utc(cases[i].at)), next);
		if (p.l[0] != cases[i].ma || p.l[2] != cases[i].l3_ma || strcmp(next, cases[i].next) != 0)
			fail_msg("%s at %s: %lld, %lld until %s, expected %s", cases[i].text, cases[i].at,
				 (long long)p.l[0], (long long)p.l[2], next, cases[i].next);
	}
}

/* Nothing changes between one moment that was announced and the next. */
static void what_is_announced_is_all_that_changes(void **state)
{
	const struct tariff t = parse("mon-fri 17:00-20:00 16; sat,sun 11:00-14:00 20,20,10; daily 22:10-06:30 40;"
				      "sun 02:15-02:45 7; sat 01:00-02:30 6");
	static const char *const from[] = { "2026-03-27T00:00:00Z", "2026-10-23T00:00:00Z" };
	const wall_t step = 60 * US_PER_S;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		wall_t at = utc(from[i]), end = at + INT64_C(8) * 86400 * US_PER_S, next = at;
		struct phase_ma held = { { 0 } }, p;
		int announced = 0;

		for (; at < end; at += step) {
			tariff_limit(&t, &paris, at, &p);
			if (at >= next) {
				held = p;
				next = tariff_next(&t, &paris, at);
				assert_true(next > at && (next - at) % step == 0);
				announced++;
			}
			if (memcmp(&p, &held, sizeof(p)) != 0)
				fail_msg("a change that was not announced, %lld min after %s",
					 (long long)((at - utc(from[i])) / step), from[i]);
		}
		assert_in_range(announced, 20, 80);
	}
}

static void an_error_says_where_it_is(void **state)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "", "character 1" },
		{ "  ", "at 'the end'" },
		{ "m 17:00-20:00 16", "at 'm 17:00-20:00 16' (character 1): is no day" },
		{ "mon- 17:00-20:00 16", "no day to end with" },
		{ "mon-fri,17:00-20:00 16", "at '17:00-20:00 16' (character 9): is no day" },
		{ "mon 17-20 16", "at '17-20 16' (character 5): is no time" },
		{ "mon 17:60-20:00 16", "is no time" },
		{ "mon 17:5-20:00 16", "is no time" },
		{ "mon 24:30-20:00 16", "is no time" },
		{ "mon 25:00-20:00 16", "is no time" },
		{ "mon 17:00 20:00 16", "at '20:00 16' (character 11): needs '-'" },
		{ "mon 17:00-17:00 16", "ends when it begins" },
		{ "mon 24:00-17:00 16", "begins at the end of its day" },
		{ "mon 17:00-20:00", "at 'the end' (character 16): needs a current" },
		{ "mon 17:00-20:00 ; tue 1:00-2:00 3", "needs a current" },
		{ "mon 17:00-20:00 16; tue 1:00-2:00 x", "at 'x' (character 35): 'x' is not a current" },
		{ "mon 17:00-20:00 -1", "current" },
		{ "mon 17:00-20:00 16,17", "current" },
	};
	char many[TARIFF_WINDOWS_MAX * 20 + 40] = "";
	struct tariff t;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		diag_init(&d);
		if (tariff_parse(cases[i].text, &t, &d) != -LMS_EDATA || !strstr(d.text, cases[i].says))
			fail_msg("'%s': %s, expected %s", cases[i].text, d.text, cases[i].says);
	}
	for (int i = 0; i < TARIFF_WINDOWS_MAX; i++)
		strcat(many, "mon 1:00-2:00 3;");
	parse(many);
	strcat(many, "mon 1:00-2:00 3");
	diag_init(&d);
	assert_int_equal(tariff_parse(many, &t, &d), -LMS_EDATA);
	assert_non_null(strstr(d.text, "one window too many"));
}

static void a_clock_that_has_lost_its_time_opens_all_windows(void **state)
{
	const struct tariff t = parse("mon 01:00-02:00 16,20,30; tue 03:00-04:00 20,10,30");
	struct zone_conf z = { .tariff = &t, .phases = 3 };
	struct site s = { .tz = paris };
	struct zone_limit l;

	(void)state;
	site_tariff_limit(&s, &z, 0, &l);
	assert_int_equal(l.current.l[0], 16000);
	assert_int_equal(l.current.l[1], 10000);
	assert_int_equal(l.current.l[2], 30000);
	assert_true(site_tariff_next(&s, &z, 0) == CLOCK_OK_FROM);
	site_tariff_limit(&s, &z, utc("2026-05-01T10:00:00Z"), &l);
	assert_true(l.current.l[0] == NO);
	z.tariff = NULL;
	site_tariff_limit(&s, &z, 0, &l);
	assert_true(l.current.l[0] == NO);
	assert_true(site_tariff_next(&s, &z, 0) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_open_and_close_by_the_clock_on_the_wall),
		cmocka_unit_test(what_is_announced_is_all_that_changes),
		cmocka_unit_test(an_error_says_where_it_is),
		cmocka_unit_test(a_clock_that_has_lost_its_time_opens_all_windows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
