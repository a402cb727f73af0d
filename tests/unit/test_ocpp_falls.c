/* test_ocpp_falls.c - limits that fall by themselves: profiles with a second period, and stations that take none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/helper_ocpp.h"

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static const char ACCEPTED[] = "{\"status\":\"Accepted\"}";

static const char TWO[] = "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16.0},{\"startPeriod\":360,\"limit\":8.0}]";
static const char ONE[] = "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16.0}]";
static const char REJECTED[] = "{\"status\":\"Rejected\"}";

static void say_time(const char *time)
{
	char frame[300];

	snprintf(frame, sizeof(frame), "[2,\"t%s\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
		 "\"status\":\"Charging\",\"timestamp\":\"%s\"}]", time, time);
	bench_say(&b, 1, frame);
}

static bool takes_fallback(void)
{
	return bench_conn(&b, "CP1", 1)->station->takes_fallback;
}

static void a_limit_that_falls_has_a_second_period_by_the_station_s_clock(void **state)
{
	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	/* Its clock is 4 s ahead of ours, which shows 06:00:06. */
	say_time("2026-11-21T06:00:10Z");
	bench_order_falls(&b, "CP1", 1, 16000, 8000);
	assert_non_null(bench_find(&b, TWO));
	assert_non_null(bench_find(&b, "\"chargingProfileKind\":\"Absolute\""));
	/* 360 s after this is 06:05:10 there: 300 s from now. */
	assert_non_null(bench_find(&b, "\"startSchedule\":\"2026-11-21T05:59:10Z\""));
	assert_true(takes_fallback());
}

static void a_clock_that_is_not_known_or_wrong_gets_one_period(void **state)
{
	static const char *const wrong[] = { "2026-11-21T06:00:17Z", "2026-11-21T05:59:55Z" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		tear_down(NULL);
		set_up(NULL);
		assert_false(takes_fallback());
		/* By a start without a usable time the clock is not known. */
		bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":0,"
			  "\"timestamp\":\"1970-01-01T00:00:00Z\"}]");
		bench_order_falls(&b, "CP1", 1, 16000, 8000);
		assert_non_null(bench_find(&b, ONE));
		assert_string_equal(bench_conn(&b, "CP1", 1)->station->keeps_why, "its clock is not known");
		bench_answer(&b, 1, "SetChargingProfile", ACCEPTED);
		say_time(wrong[i]);
		assert_string_equal(bench_conn(&b, "CP1", 1)->station->keeps_why, "its clock is more than 10 s wrong");
		bench_order_falls(&b, "CP1", 1, 16000, 8000);
		assert_non_null(bench_find(&b, ONE));
	}
	/* The balance hears of a clock that has become right. */
	say_time("2026-11-21T06:00:06Z");
	assert_true(takes_fallback());
	assert_true(bench_conn(&b, "CP1", 1)->station->fallback_changed);
}

static void a_refused_second_period_is_left_out_until_the_next_boot(void **state)
{
	uint64_t token;

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	token = bench_order_falls(&b, "CP1", 1, 16000, 8000);
	bench_answer(&b, 1, TWO, REJECTED);
	assert_int_equal(bench_token(&b, token), -1);
	bench_answer(&b, 1, ONE, ACCEPTED);
	assert_int_equal(bench_token(&b, token), ORDER_ACCEPTED);
	assert_false(takes_fallback());
	assert_string_equal(bench_conn(&b, "CP1", 1)->station->keeps_why, "it refused a profile of two periods");
	bench_order_falls(&b, "CP1", 1, 16000, 8000);
	assert_non_null(bench_find(&b, ONE));
	bench_answer(&b, 1, ONE, ACCEPTED);
	/* Over a reconnect too. */
	bench_close(&b, 1);
	bench_open(&b, 1, "CP1");
	say_time("2026-11-21T06:00:06Z");
	assert_false(takes_fallback());
	bench_say(&b, 1, "[2,\"boot2\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"}]");
	say_time("2026-11-21T06:00:07Z");
	assert_true(takes_fallback());
}

static void a_call_error_for_two_periods_is_a_refusal_of_the_second(void **state)
{
	uint64_t token;

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	token = bench_order_falls(&b, "CP1", 1, 16000, 8000);
	bench_refuse(&b, 1, TWO, "PropertyConstraintViolation");
	bench_answer(&b, 1, ONE, ACCEPTED);
	assert_int_equal(bench_token(&b, token), ORDER_ACCEPTED);
}

static void what_is_refused_without_a_second_period_too_says_nothing_of_periods(void **state)
{
	uint64_t token;

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	token = bench_order_falls(&b, "CP1", 1, 16000, 8000);
	bench_answer(&b, 1, TWO, REJECTED);
	bench_answer(&b, 1, ONE, REJECTED);
	assert_non_null(bench_find(&b, "Relative"));
	bench_answer(&b, 1, "Relative", REJECTED);
	assert_int_equal(bench_token(&b, token), ORDER_REFUSED);
	assert_true(takes_fallback());
	bench_order_falls(&b, "CP1", 1, 16000, 8000);
	assert_non_null(bench_find(&b, TWO));
}

static void a_model_known_for_one_period_gets_one(void **state)
{
	static const char habits[] = "vendor = Acme\nperiods = 1\n";
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", habits, strlen(habits), &d), 0);
	bench_start(&b, 1, 1, "GOOD");
	bench_order_falls(&b, "CP1", 1, 16000, 8000);
	assert_non_null(bench_find(&b, ONE));
	assert_string_equal(bench_conn(&b, "CP1", 1)->station->keeps_why, "its profiles have one period");
}

static void a_station_that_says_one_period_gets_one(void **state)
{
	(void)state;
	bench_open(&b, 2, "CP2");
	bench_say(&b, 2, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"}]");
	bench_pass(&b, 2 * US_PER_S);
	bench_answer(&b, 2, "ChargingScheduleMaxPeriods", "{\"configurationKey\":[{\"key\":\"ChargingScheduleMaxPeriods\","
		     "\"readonly\":true,\"value\":\"1\"}]}");
	bench_refuse(&b, 2, "MeterValuesSampledData", "NotImplemented");
	bench_start(&b, 2, 1, "GOOD2");
	assert_false(bench_conn(&b, "CP2", 1)->station->takes_fallback);
	assert_string_equal(bench_conn(&b, "CP2", 1)->station->keeps_why, "its profiles have one period");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(a_limit_that_falls_has_a_second_period_by_the_station_s_clock),
		T(a_clock_that_is_not_known_or_wrong_gets_one_period),
		T(a_refused_second_period_is_left_out_until_the_next_boot),
		T(a_call_error_for_two_periods_is_a_refusal_of_the_second),
		T(what_is_refused_without_a_second_period_too_says_nothing_of_periods),
		T(a_model_known_for_one_period_gets_one),
		T(a_station_that_says_one_period_gets_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
