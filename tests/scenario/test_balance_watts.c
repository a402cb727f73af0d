/* Stations that are told powers: what that may be on one phase, before and after the car is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/types.h"
#include "helper_rig.h"

#define S US_PER_S
#define VOLT 230

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

static void begin(uint32_t cars)
{
	rig_start(&rig);
	for (uint32_t i = 0; i < cars; i++)
		balance_watts(rig.b, i, true);
	rig_run(&rig, 20 * S);
	for (uint32_t i = 0; i < cars; i++)
		rig_charge(&rig, i, 100 + i);
	rig_run(&rig, 20 * S);
}

/* All that its transaction was given last, as a sum over phases. */
static int64_t given(uint32_t conn)
{
	for (size_t i = rig.sent_count; i-- > 0;)
		if (rig.sent[i].order.conn == conn && rig.sent[i].order.kind == BAL_LIMIT_TX)
			return rig.sent[i].order.given_ma;
	return 0;
}

/* A car on some phases takes what its station makes of the power at 230 V; below 6 A it pauses. */
static void drive(uint32_t conn, phase_mask_t phases, int64_t seconds)
{
	int n = (phases & 1) + (phases >> 1 & 1) + (phases >> 2 & 1);

	for (int64_t t = 0; t < seconds; t += 10) {
		int64_t ma = given(conn) * 207 / VOLT / n;

		rig_draw(&rig, conn, phases, ma < 6000 ? 0 : ma < 32000 ? ma : 32000);
		rig_run(&rig, 10 * S);
	}
}

static void a_power_counts_on_each_phase_until_the_car_is_known(void **state)
{
	(void)state;
	rig_park(&rig, 25000, 1);
	begin(1);
	assert_int_equal(rig_limit(&rig, 0), 25000);
	assert_int_equal(given(0), 25000);
	assert_int_equal(rig_w(&rig, 0), 25000);
	drive(0, PHASE_ALL, 120);
	/* It spreads over three: each may have as much. */
	assert_int_equal(rig_limit(&rig, 0), 25000);
	assert_int_equal(given(0), 75000);
	assert_false(rig.over);
}

static void a_car_that_falls_back_to_one_phase_is_lowered_at_once(void **state)
{
	mono_t t;

	(void)state;
	rig_park(&rig, 25000, 1);
	begin(1);
	drive(0, PHASE_ALL, 120);
	assert_int_equal(given(0), 75000);
	t = rig.now;
	rig_draw(&rig, 0, 1, 25000);	/* its first sample on one phase */
	rig_run(&rig, 0);
	assert_int_equal(rig_w(&rig, 0), 32000);	/* all of that power could be there */
	rig_run(&rig, 1 * S);
	assert_non_null(rig_sent(&rig, 0, t));
	assert_int_equal(given(0), 25000);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_w(&rig, 0), 25000);
}

/* An order that is on its way when its transaction ends is for a car on three phases, or for nobody. */
static void what_is_on_its_way_at_the_end_of_a_transaction_does_not_move_to_one_phase(void **state)
{
	int64_t before;

	(void)state;
	rig_park(&rig, 60000, 5);
	begin(5);
	for (int round = 0; round < 60; round++)
		for (uint32_t i = 0; i < 5; i++) {
			int64_t ma = given(i) * 207 / VOLT / 3;

			rig_draw(&rig, i, PHASE_ALL, ma < 6000 ? 0 : ma);
			rig_run(&rig, 2 * S);
		}
	assert_false(rig.over);
	/* One leaves: some of his power is on its way to the first, which is mute. */
	rig.answers[0] = RIG_MUTE;
	balance_use(rig.b, 4, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 30 * S);
	assert_non_null(rig_sent(&rig, 0, rig.now - 30 * S));
	before = rig_w(&rig, 0);
	assert_in_range(before, 12000, 20000);
	balance_use(rig.b, 0, BAL_STOPPED, 0, false, rig.now);
	rig_run(&rig, 1 * S);
	assert_true(rig_w(&rig, 0) <= before);
	rig_charge(&rig, 0, 77);
	rig_run(&rig, 1 * S);
	assert_false(rig.over);
	assert_true(rig_w(&rig, 0) <= before);
}

static void a_car_on_one_phase_keeps_what_it_was_given(void **state)
{
	(void)state;
	rig_park(&rig, 25000, 1);
	begin(1);
	drive(0, 2, 200);
	assert_int_equal(given(0), 25000);
	assert_false(rig.over);
}

static void at_its_maximum_a_connector_is_given_all_of_it(void **state)
{
	(void)state;
	rig_park(&rig, 40000, 1);
	begin(1);
	assert_int_equal(rig_limit(&rig, 0), 32000);
	assert_int_equal(given(0), 96000);
	assert_int_equal(rig_w(&rig, 0), 32000);
}

/* By 12 A on one phase each, none of the five would charge, and none would ever be known. */
static void nobody_is_given_a_power_that_three_phases_cannot_use(void **state)
{
	int charging = 0;

	(void)state;
	rig_park(&rig, 60000, 5);
	begin(5);
	for (uint32_t i = 0; i < 5; i++)
		if (rig_limit(&rig, i) > 0) {
			charging++;
			assert_in_range(given(i), 22000, 60000);	/* 6 A on three phases even at 253 V */
		}
	assert_int_equal(charging, 2);
	for (int round = 0; round < 60; round++)
		for (uint32_t i = 0; i < 5; i++) {
			int64_t ma = given(i) * 207 / VOLT / 3;

			rig_draw(&rig, i, PHASE_ALL, ma < 6000 ? 0 : ma);
			rig_run(&rig, 2 * S);
		}
	for (uint32_t i = 0; i < 5; i++)
		assert_in_range(given(i), 3 * 7400, 3 * 16000);
	assert_false(rig.over);
}

/* By 16 A on one phase, a car on three has less than 6 A on each. More could be 20 A on one. */
static void below_22_a_a_car_on_three_phases_pauses_for_safety(void **state)
{
	(void)state;
	rig_park(&rig, 16000, 1);
	begin(1);
	drive(0, PHASE_ALL, 300);
	assert_int_equal(given(0), 16000);
	assert_int_equal(rig_w(&rig, 0), 16000);
	assert_false(rig.over);
}

static void a_station_that_divides_by_all_phases_gives_three_a_third_of_it(void **state)
{
	(void)state;
	rig_park(&rig, 16000, 1);
	rig.conns[0].even_watts = true;
	begin(1);
	assert_int_equal(given(0), 48000);
	assert_int_equal(rig_w(&rig, 0), 16000);
	drive(0, PHASE_ALL, 300);
	assert_int_equal(given(0), 48000);
	/* A car on one phase has its third, and is known as one on one phase. */
	rig_draw(&rig, 0, 0, 0);
	for (int i = 0; i < 20; i++) {
		rig_draw(&rig, 0, 1, 14000);
		rig_run(&rig, 10 * S);
	}
	assert_int_equal(rig_w(&rig, 0), 16000);
	assert_int_equal(given(0), 48000);
	assert_false(rig.over);
}

/* It does not divide: what it draws beyond its limit is seen, and nobody else is given it. */
static void a_station_that_is_said_to_divide_and_does_not_is_found_out(void **state)
{
	(void)state;
	rig_park(&rig, 40000, 2);
	rig.conns[0].even_watts = true;
	begin(2);
	assert_int_equal(rig_w(&rig, 0), 17900);	/* beside the 22 A of the other */
	for (int i = 0; i < 12; i++) {
		rig_draw(&rig, 0, 1, 32000);
		rig_run(&rig, 10 * S);
	}
	assert_int_equal(rig_w(&rig, 0), 32000);
	assert_true(rig_limit(&rig, 1) <= 8000);
}

static void dc_spreads_from_the_first_moment_and_has_its_own_minimum(void **state)
{
	(void)state;
	rig_park(&rig, 40000, 2);
	for (uint32_t i = 0; i < 2; i++) {
		rig.conns[i].dc = true;
		rig.conns[i].max_ma = 80516;	/* 50 kW */
		rig.conns[i].min_ma = 3000;
	}
	rig.zones[0].min_ma = 30000;	/* for pilots: not theirs */
	begin(2);
	assert_int_equal(rig_limit(&rig, 0), 20000);
	assert_int_equal(given(0), 60000);
	assert_int_equal(rig_w(&rig, 0), 20000);
	rig.zones[0].cap = (struct phase_ma){ { 7000, 7000, 7000 } };
	assert_int_equal(balance_configure(rig.b, &(struct bal_conf){ .zones = rig.zones, .zone_count = 1,
					   .conns = rig.conns, .conn_count = 2 }, rig.now, NULL), 0);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, 0), 3500);
	assert_int_equal(given(1), 10500);
}

/* A station that turns out to want powers may have had its current on all of its phases. */
static void a_change_of_the_unit_credits_nothing(void **state)
{
	(void)state;
	rig_park(&rig, 60000, 1);
	rig_start(&rig);
	rig_charge(&rig, 0, 1);
	balance_conn_cap(rig.b, 0, 10000, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 10000);
	balance_watts(rig.b, 0, true);
	assert_true(rig_w(&rig, 0) >= 10000);
	rig_run(&rig, 30 * S);
	assert_int_equal(given(0), 10000);
	balance_watts(rig.b, 0, false);
	assert_true(rig_w(&rig, 0) >= 10000);
}

/* ---- phases that are not learned ------------------------------------------------------------------ */

static phase_mask_t counted_after_two_minutes_on_l2(bool fixed)
{
	struct bal_conn_view v;

	rig_park(&rig, 32000, 1);
	rig.conns[0].fixed_phases = fixed;
	rig_start(&rig);
	rig_charge(&rig, 0, 1);
	rig_run(&rig, 20 * S);
	for (int i = 0; i < 12; i++) {
		rig_draw(&rig, 0, 2, 16000);
		rig_run(&rig, 10 * S);
	}
	balance_conn_view(rig.b, 0, &v);
	return v.phases;
}

static void phases_are_learned_where_that_is_not_forbidden(void **state)
{
	(void)state;
	assert_int_equal(counted_after_two_minutes_on_l2(false), 2);
}

static void phases_that_are_fixed_are_not_learned(void **state)
{
	(void)state;
	assert_int_equal(counted_after_two_minutes_on_l2(true), PHASE_ALL);
}

/* ---- limits of power ---------------------------------------------------------------------------- */

static void meter_says(int zone, int64_t mv)
{
	struct bal_sample sample = { .current = { { 0, 0, 0 } }, .voltage_mv = { { mv - 3000, mv, mv - 1000 } },
				     .at = rig.now, .good = true };

	for (int i = 0; i < 20; i++) {
		rig_run(&rig, 1 * S);
		sample.at = rig.now;
		balance_meter(rig.b, zone, &sample);
	}
	rig_run(&rig, 0);
}

static int64_t target(void)
{
	struct bal_conn_view v;

	balance_conn_view(rig.b, 0, &v);
	return v.target_ma;
}

static void a_limit_of_power_is_divided_by_the_highest_voltage_that_is_measured(void **state)
{
	(void)state;
	rig_zone(&rig, "main", -1, 100000);
	rig_zone(&rig, "P1", 0, 100000);
	rig.zones[1].cap_w = 13800;
	rig_conn(&rig, "CP1/1", "CP1", 1);
	rig_start(&rig);
	rig_charge(&rig, 0, 1);
	rig_run(&rig, 20 * S);
	assert_int_equal(target(), 18100);	/* 13.8 kW at 253 V are 54.5 A */
	meter_says(0, 229600);		/* of the zone above */
	assert_int_equal(target(), 20000);
	meter_says(0, 230000);
	assert_int_equal(target(), 20000);
	meter_says(0, 228900);		/* 229 V: not more than one below */
	assert_int_equal(target(), 20000);
	meter_says(0, 230100);		/* upwards at once */
	assert_int_equal(target(), 19900);
	meter_says(0, 150000);		/* no more than at the lowest voltage */
	assert_int_equal(target(), 22200);
	meter_says(1, 240000);		/* its own meter goes before */
	assert_int_equal(target(), 19100);
	rig_run(&rig, 20 * S);		/* both are silent */
	assert_int_equal(target(), 18100);
	assert_false(rig.over);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_power_counts_on_each_phase_until_the_car_is_known),
		TEST(a_car_that_falls_back_to_one_phase_is_lowered_at_once),
		TEST(what_is_on_its_way_at_the_end_of_a_transaction_does_not_move_to_one_phase),
		TEST(a_car_on_one_phase_keeps_what_it_was_given),
		TEST(at_its_maximum_a_connector_is_given_all_of_it),
		TEST(nobody_is_given_a_power_that_three_phases_cannot_use),
		TEST(below_22_a_a_car_on_three_phases_pauses_for_safety),
		TEST(a_station_that_divides_by_all_phases_gives_three_a_third_of_it),
		TEST(a_station_that_is_said_to_divide_and_does_not_is_found_out),
		TEST(dc_spreads_from_the_first_moment_and_has_its_own_minimum),
		TEST(a_change_of_the_unit_credits_nothing),
		TEST(phases_are_learned_where_that_is_not_forbidden),
		TEST(phases_that_are_fixed_are_not_learned),
		TEST(a_limit_of_power_is_divided_by_the_highest_voltage_that_is_measured),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
