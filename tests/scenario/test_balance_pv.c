/* The sun under a virtual clock: a house, its inverter, its meter, and cars that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "helper_random.h"
#include "helper_sun.h"

static void cars_wait_for_the_sun_and_say_so(void **state)
{
	struct bal_cause cause;

	(void)state;
	rig_start(&sun.rig);
	sun.shines_w = 3000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	assert_string_equal(rig_why(&sun.rig, sun.c1), "pv_waits");
	assert_int_equal(balance_explain(sun.rig.b, sun.c1, &cause, 1, sun.rig.now), 1);
	assert_string_equal(cause.text, "waits for sun in zone park: needs 4.1 kW, the surplus is 3.0 kW");
	assert_int_equal(sun.ons, 0);
}

static void a_car_starts_after_the_start_delay_and_follows_the_sun(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.house_w = 500;
	sun_charge(sun.c1, 32000);
	sun_run_s(60);
	sun.shines_w = 6500;
	sun_run_s(50);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	sun_run_s(40);
	assert_true(rig_limit(&sun.rig, sun.c1) >= 6000);
	sun_run_s(120);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 8300, 8700);	/* 6000 W on three phases */
	sun.shines_w = 12500;
	sun_run_s(120);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 17000, 17400);
	assert_true(sun.grid_w >= -400 && sun.grid_w <= 200);
	assert_string_equal(rig_why(&sun.rig, sun.c1), "pv_surplus");
	sun.shines_w = 8500;
	sun_run_s(30);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 11000, 11600);
	assert_true(sun.grid_w >= -400 && sun.grid_w <= 200);
}

static void a_passing_cloud_stops_nobody(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	assert_true(rig_limit(&sun.rig, sun.c1) > 12000);
	sun.shines_w = 500;
	sun_run_s(30);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	assert_string_equal(rig_why(&sun.rig, sun.c1), "pv_minimum");
	sun_run_s(130);
	sun.shines_w = 9000;
	sun_run_s(120);
	assert_true(rig_limit(&sun.rig, sun.c1) > 12000);
	assert_int_equal(sun.ons, 1);
	assert_int_equal(sun.offs, 0);
}

static void too_little_for_the_stop_delay_stops(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	sun.shines_w = 500;
	sun_run_s(175);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	sun_run_s(40);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	assert_string_equal(rig_why(&sun.rig, sun.c1), "pv_waits");
}

static void the_minimum_on_time_outlasts_the_stop_delay(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.rig.zones[0].pv.stop_us = 10 * S;
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(120);
	assert_true(rig_limit(&sun.rig, sun.c1) > 0);
	sun.shines_w = 0;
	sun_run_s(200);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	sun_run_s(200);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
}

/* Two sun_charge, there is sun for one: the second goes after the delay, the first stays. */
static void cars_leave_one_by_one(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.shines_w = 10000;
	sun_charge(sun.c1, 32000);
	sun_run_s(30);
	sun_charge(sun.c2, 32000);
	sun_run_s(600);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 7000, 7300);
	assert_in_range(rig_limit(&sun.rig, sun.c2), 7000, 7300);
	sun.shines_w = 5500;
	sun_run_s(170);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	assert_int_equal(rig_limit(&sun.rig, sun.c2), 6000);
	sun_run_s(120);
	assert_int_equal(!rig_limit(&sun.rig, sun.c1) + !rig_limit(&sun.rig, sun.c2), 1);
	assert_in_range(rig_limit(&sun.rig, sun.c1) + rig_limit(&sun.rig, sun.c2), 7700, 8000);
}

static void a_vip_takes_the_place_in_the_sun(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.shines_w = 5000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	assert_true(rig_limit(&sun.rig, sun.c1) >= 6000);
	sun.rig.car_ma[sun.c2] = 32000;
	balance_use(sun.rig.b, sun.c2, BAL_CHARGING, 102, true, sun.rig.now);
	sun_run_s(120);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	assert_true(rig_limit(&sun.rig, sun.c2) >= 6000);
}

static void an_exempt_car_charges_at_night_and_takes_nothing_from_others(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	balance_pv_exempt(sun.rig.b, sun.c2, true);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 16000);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	assert_int_equal(rig_limit(&sun.rig, sun.c2), 32000);
	sun.shines_w = 6000;
	sun_run_s(400);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 8200, 8700);
	assert_true(rig_limit(&sun.rig, sun.c2) >= 16000);
	balance_pv_exempt(sun.rig.b, sun.c2, false);
	sun_run_s(400);
	assert_in_range(rig_limit(&sun.rig, sun.c1) + rig_limit(&sun.rig, sun.c2), 8200, 8700);
}

static void each_has_its_minimum_where_it_is_kept(void **state)
{
	(void)state;
	sun.rig.zones[0].pv.strategy = BAL_PV_MIN_SURPLUS;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	assert_int_equal(rig_limit(&sun.rig, sun.c2), 6000);
	assert_string_equal(rig_why(&sun.rig, sun.c1), "pv_minimum");
	sun.shines_w = 5000;	/* less than both minima: nothing on top */
	sun_run_s(120);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	sun.shines_w = 12000;
	sun_run_s(120);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 8500, 8800);
	assert_in_range(rig_limit(&sun.rig, sun.c2), 8500, 8800);
	sun.shines_w = 0;
	sun_run_s(1200);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	assert_int_equal(sun.offs, 0);
}

static void less_than_the_configured_power_is_no_sun(void **state)
{
	(void)state;
	sun.rig.zones[0].pv.min_w = 6000;
	rig_start(&sun.rig);
	sun.shines_w = 5500;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	sun.shines_w = 6500;
	sun_run_s(120);
	assert_true(rig_limit(&sun.rig, sun.c1) >= 9000);
	sun.shines_w = 5500;
	sun_run_s(600);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
}

static void without_data_cars_charge_as_without_the_sun_and_come_back_to_it(void **state)
{
	struct bal_pv_view v;
	struct bal_cause causes[4];
	size_t n;

	(void)state;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_run_s(120);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	sun.grid_speaks = false;
	sun_run_s(58);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	sun_run_s(10);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 32000);
	balance_pv_view(sun.rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_LOST);
	n = balance_explain(sun.rig.b, sun.c1, causes, 4, sun.rig.now);
	assert_int_equal(n, 2);
	assert_string_equal(causes[1].text, "nothing is known of the sun in zone park: charges as without it");
	sun.grid_speaks = true;
	sun_run_s(30);
	balance_pv_view(sun.rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_OK);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);	/* until the stop delay is over */
	sun_run_s(600);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
}

static void a_frozen_time_stamp_is_no_data(void **state)
{
	struct bal_pv_sample s = { .power_w = -9000, .voltage_mv = NUM_NONE, .good = true };
	struct bal_pv_view v;

	(void)state;
	rig_start(&sun.rig);
	sun.grid_speaks = sun.speaks = false;
	s.at = sun.rig.now;
	for (int i = 0; i < 90; i++) {
		balance_pv(sun.rig.b, 0, BAL_PV_GRID, &s);
		rig_run(&sun.rig, 1 * S);
	}
	balance_pv_view(sun.rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_LOST);
}

/* A battery keeps the grid at zero by night: where production is measured, that is no sun. */
static void a_battery_is_no_sun(void **state)
{
	(void)state;
	sun.rig.zones[0].pv.production = true;
	rig_start(&sun.rig);
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	assert_true(rig_limit(&sun.rig, sun.c1) > 12000);
	sun.speaks = sun.grid_speaks = false;
	for (int i = 0; i < 600; i++) {
		sun_tell(BAL_PV_GRID, 0);
		sun_tell(BAL_PV_PRODUCTION, 0);
		rig_run(&sun.rig, 1 * S);
	}
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
}

static void production_alone_is_what_cars_share(void **state)
{
	(void)state;
	sun.rig.zones[0].pv.grid = false;
	sun.rig.zones[0].pv.production = true;
	rig_start(&sun.rig);
	sun.shines_w = 7000;
	sun.house_w = 2000;
	sun_charge(sun.c1, 32000);
	sun_run_s(300);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 9800, 10200);
}

static void an_inverter_that_never_exports_is_tried_and_followed(void **state)
{
	struct bal_pv_view v;

	(void)state;
	sun.rig.zones[0].pv.probe = true;
	rig_start(&sun.rig);
	sun.zero_export = true;
	sun.house_w = 400;
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(50);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);	/* the probe */
	sun_run_s(1800);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 11000, 12600);	/* 8600 W */
	assert_true(sun.grid_w >= 0 && sun.grid_w <= 400);
	balance_pv_view(sun.rig.b, 0, &v);
	assert_int_equal(v.grid_w, sun.grid_w);
	assert_int_equal(sun.offs, 0);
}

static void a_probe_without_sun_is_withdrawn_and_becomes_rare(void **state)
{
	(void)state;
	sun.rig.zones[0].pv.probe = true;
	rig_start(&sun.rig);
	sun.zero_export = true;
	sun_charge(sun.c1, 32000);
	sun_run_s(80);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 6000);
	sun_run_s(90);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 0);	/* neither stop delay nor minimum-on time */
	sun_run_s(8 * 3600);
	assert_in_range(sun.ons, 3, 7);
	assert_int_equal(sun.ons, sun.offs);
	assert_true(sun.imported_ws < 7 * 60 * ONE_CAR_W);
}

static void without_leave_to_probe_a_silent_grid_is_no_sun(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun.zero_export = true;
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(3600);
	assert_int_equal(sun.ons, 0);
}

static void a_restart_does_not_stop_cars_that_charge(void **state)
{
	struct bal_conf conf = { .zones = sun.rig.zones, .zone_count = 1, .conns = sun.rig.conns, .conn_count = 3 };

	(void)state;
	conf.conns = sun.rig.conns;
	rig_start(&sun.rig);
	sun.shines_w = 9000;
	sun_charge(sun.c1, 32000);
	sun_run_s(600);
	balance_free(sun.rig.b);
	sun.rig.b = balance_new();
	rig_forget(&sun.rig);
	assert_int_equal(balance_configure(sun.rig.b, &conf, sun.rig.now, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		balance_restore(sun.rig.b, i, sun.rig.stored[i].w_ma, sun.rig.stored[i].idle_acked);
		balance_online(sun.rig.b, sun.rig.conns[i].station, true, sun.rig.now);
		if (i == sun.c1)
			rig_charge(&sun.rig, i, 100 + i);
		else
			balance_use(sun.rig.b, i, BAL_NONE, 0, false, sun.rig.now);
	}
	for (int s = 0; s < 300; s++) {
		sun_run_s(1);
		if (s > 5)
			assert_true(rig_limit(&sun.rig, sun.c1) >= 6000);
	}
	assert_in_range(rig_limit(&sun.rig, sun.c1), 12600, 13200);
}

/* ---- a day ---- */

/* A parabola from 8 to 18 o'clock, with clouds of half a minute to ten minutes. */
static int64_t sun_at(int64_t s, struct rng *r, int64_t *cloud_until, int64_t *shade)
{
	int64_t t = s - 8 * 3600, span = 10 * 3600, clear;

	if (t < 0 || t > span)
		return 0;
	clear = 15000 * 4 * t / span * (span - t) / span;
	if (s >= *cloud_until) {
		*shade = rng_below(r, 3) ? 100 : rng_range(r, 15, 60);
		*cloud_until = s + rng_range(r, 30, 600);
	}
	return clear * *shade / 100;
}

static void a_day_of_clouds_is_calm_and_uses_the_sun(void **state)
{
	struct rng r = rng_seed(random_first_seed());
	int64_t cloud_until = 0, shade = 100, made_ws = 0, used_ws = 0, taken_ws = 0;

	(void)state;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 16000);
	sun_charge(sun.c2, 16000);
	sun_charge(sun.c3, 16000);
	for (int64_t s = 6 * 3600; s < 20 * 3600; s++) {
		sun.shines_w = sun_at(s, &r, &cloud_until, &shade);
		sun.house_w = 600 + (s % 900 < 120 ? 2000 : 0);
		sun_run_s(1);
		made_ws += sun.shines_w;
		used_ws += sun.shines_w > sun.house_w ? sun.shines_w - sun.house_w : 0;
		taken_ws += sun_cars_w();
	}
	print_message("# SEED=%llu: sun %lld kWh, of which %lld kWh beyond the house; cars took %lld kWh; from the "
		      "grid %lld kWh, into it %lld kWh; a car switched on %d times in 10 hours\n",
		      (unsigned long long)random_first_seed(), (long long)(made_ws / 3600000),
		      (long long)(used_ws / 3600000), (long long)(taken_ws / 3600000),
		      (long long)(sun.imported_ws / 3600000), (long long)(sun.exported_ws / 3600000), sun.ons);
	assert_true(taken_ws * 100 >= used_ws * 75);
	assert_true(sun.imported_ws * 100 <= made_ws * 20);
	/* Three cars, minimum on and off 8 min together: at most 7.5 each in an hour; this is far below. */
	assert_true(sun.ons <= 3 * 10 * 2);
}

int main(void)
{
#define SUN(f) cmocka_unit_test_setup_teardown(f, sun_start, sun_stop)
	const struct CMUnitTest tests[] = {
		SUN(cars_wait_for_the_sun_and_say_so),
		SUN(a_car_starts_after_the_start_delay_and_follows_the_sun),
		SUN(a_passing_cloud_stops_nobody),
		SUN(too_little_for_the_stop_delay_stops),
		SUN(the_minimum_on_time_outlasts_the_stop_delay),
		SUN(cars_leave_one_by_one),
		SUN(a_vip_takes_the_place_in_the_sun),
		SUN(an_exempt_car_charges_at_night_and_takes_nothing_from_others),
		SUN(each_has_its_minimum_where_it_is_kept),
		SUN(less_than_the_configured_power_is_no_sun),
		SUN(without_data_cars_charge_as_without_the_sun_and_come_back_to_it),
		SUN(a_frozen_time_stamp_is_no_data),
		SUN(a_battery_is_no_sun),
		SUN(production_alone_is_what_cars_share),
		SUN(an_inverter_that_never_exports_is_tried_and_followed),
		SUN(a_probe_without_sun_is_withdrawn_and_becomes_rare),
		SUN(without_leave_to_probe_a_silent_grid_is_no_sun),
		SUN(a_restart_does_not_stop_cars_that_charge),
		SUN(a_day_of_clouds_is_calm_and_uses_the_sun),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
