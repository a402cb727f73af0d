/* How many sessions may be at once, when that is told from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "helper_rig.h"

#define S   US_PER_S
#define MIN (60 * US_PER_S)

static struct rig rig;

static int start(void **state)
{
	(void)state;
	rig_init(&rig);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static const char *text(uint32_t conn)
{
	static struct bal_cause causes[4];

	balance_explain(rig.b, conn, causes, 4, rig.now);
	return causes[0].text;
}

static void sessions_become(int n)
{
	const struct bal_outer_limit limit = { .limit = { { NUM_NONE, NUM_NONE, NUM_NONE } }, .sessions = n };

	balance_zone_outer(rig.b, 0, BAL_OUTER_GRID, &limit);
}

static int targets(uint32_t cars)
{
	struct bal_conn_view v;
	int n = 0;

	for (uint32_t i = 0; i < cars; i++) {
		balance_conn_view(rig.b, i, &v);
		n += v.target_ma > 0;
	}
	return n;
}

static void a_number_of_sessions_pauses_the_others_whatever_their_minimum_on_time(void **state)
{
	struct bal_zone_view z;
	mono_t t;

	(void)state;
	rig_park(&rig, 100000, 4);
	rig_start(&rig);
	for (uint32_t i = 0; i < 4; i++)
		rig_charge(&rig, i, 100 + i);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_charging(&rig, 4), 4);
	t = rig.now;
	sessions_become(2);
	balance_zone_view(rig.b, 0, &z);
	assert_int_equal(z.sessions, 2);
	rig_run(&rig, 1);
	assert_int_equal(targets(4), 2);
	assert_int_equal(rig_sent(&rig, 2, t)->limit_ma, 0);
	assert_int_equal(rig_sent(&rig, 3, t)->limit_ma, 0);
	assert_string_equal(text(2), "first in the queue of zone P1: the grid signal allows 2 cars");
	assert_string_equal(text(3), "second in the queue of zone P1: the grid signal allows 2 cars");
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, 0), 32000);
	sessions_become(1);
	rig_run(&rig, 5 * S);
	assert_int_equal(rig_charging(&rig, 4), 1);
	assert_string_equal(text(1), "first in the queue of zone P1: the grid signal allows 1 car");
	sessions_become(0);
	rig_run(&rig, 4 * MIN);
	assert_int_equal(rig_charging(&rig, 4), 4);
}

static void sessions_take_turns_and_are_never_more_than_they_may(void **state)
{
	int64_t got[4] = { 0 };

	(void)state;
	rig_park(&rig, 100000, 4);
	rig_charge_all(&rig, 4);
	sessions_become(1);
	for (int s = 0; s < 4 * 3600; s++) {
		rig_run(&rig, 1 * S);
		assert_in_range(targets(4), 0, 1);
		for (uint32_t i = 0; i < 4; i++)
			got[i] += rig_limit(&rig, i) > 0;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(got[i], 3000, 4200);
	assert_false(rig.over);
}

static void a_vip_takes_the_place_of_another_session(void **state)
{
	(void)state;
	rig_park(&rig, 100000, 3);
	rig.conns[2].vip = true;
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 10 * S);
	sessions_become(2);
	rig_charge(&rig, 2, 102);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_charging(&rig, 3), 2);
	assert_int_equal(rig_limit(&rig, 2), 32000);
}

/* It may charge, and nobody can tell it to stop. */
static void a_session_on_an_offline_station_takes_a_place(void **state)
{
	(void)state;
	rig_park(&rig, 100000, 3);
	rig_charge_all(&rig, 3);
	balance_online(rig.b, rig.stations[2], false, rig.now);
	sessions_become(2);
	rig_run(&rig, 20 * S);
	assert_int_equal(targets(3), 1);
	assert_int_equal(rig_limit(&rig, 2), 32000);
	balance_online(rig.b, rig.stations[2], true, rig.now);
	rig_run(&rig, 4 * MIN);
	assert_int_equal(targets(3), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(a_number_of_sessions_pauses_the_others_whatever_their_minimum_on_time),
		TEST(sessions_take_turns_and_are_never_more_than_they_may),
		TEST(a_vip_takes_the_place_of_another_session),
		TEST(a_session_on_an_offline_station_takes_a_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
