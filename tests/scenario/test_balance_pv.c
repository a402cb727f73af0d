/* The sun under a virtual clock: a house, its inverter, its meter, and cars that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "helper_random.h"
#include "helper_rig.h"

#define S   US_PER_S
#define MIN (60 * US_PER_S)
#define ONE_CAR_W 4140	/* 6 A on three phases at 230 V */

static struct rig rig;
static uint32_t c1, c2, c3;
static int64_t sun_w, house_w, grid_w;
static bool grid_speaks, sun_speaks;
static bool zero_export;	/* the inverter gives no more than is drawn */
static int64_t imported_ws, exported_ws;
static int ons, offs;		/* of all cars */

static int sunny(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "park", -1, 100000);
	rig.zones[0].pv = (struct bal_pv_conf){ .strategy = BAL_PV_SURPLUS, .grid = true };
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	rig.meters = true;	/* the cars tell their draws */
	sun_w = house_w = imported_ws = exported_ws = 0;
	ons = offs = 0;
	grid_speaks = sun_speaks = true;
	zero_export = false;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void charge(uint32_t conn, int64_t car_ma)
{
	rig.car_ma[conn] = car_ma;
	rig_charge(&rig, conn, 100 + conn);
}

static int64_t cars_w(void)
{
	return (rig_total(&rig, 0, 0) + rig_total(&rig, 0, 1) + rig_total(&rig, 0, 2)) * 230 / 1000;
}

static void tell(enum bal_pv_source source, int64_t power_w)
{
	struct bal_pv_sample s = { .power_w = power_w, .voltage_mv = NUM_NONE, .at = rig.now, .good = true };

	for (int k = 0; k < PHASES; k++)
		s.current.l[k] = power_w * 1000 / 690;
	balance_pv(rig.b, 0, source, &s);
}

static void count_switching(const bool was[3])
{
	for (uint32_t i = 0; i < 3; i++) {
		bool is = rig_limit(&rig, i) > 0;

		ons += is && !was[i];
		offs += !is && was[i];
	}
}

/* One second after the other. */
static void run_s(int64_t seconds)
{
	for (int64_t s = 0; s < seconds; s++) {
		bool was[3];
		int64_t made = sun_w, used = house_w + cars_w();

		if (zero_export && made > used)
			made = used;
		grid_w = used - made;
		for (uint32_t i = 0; i < 3; i++)
			was[i] = rig_limit(&rig, i) > 0;
		if (grid_speaks)
			tell(BAL_PV_GRID, grid_w);
		if (sun_speaks)
			tell(BAL_PV_PRODUCTION, made);
		rig_run(&rig, 1 * S);
		count_switching(was);
		imported_ws += grid_w > 0 ? grid_w : 0;
		exported_ws += grid_w < 0 ? -grid_w : 0;
		if (rig.sent_count > RIG_LOG / 2)
			rig_forget(&rig);
	}
}

static void cars_wait_for_the_sun_and_say_so(void **state)
{
	struct bal_cause cause;

	(void)state;
	rig_start(&rig);
	sun_w = 3000;
	charge(c1, 32000);
	run_s(600);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_string_equal(rig_why(&rig, c1), "pv_waits");
	assert_int_equal(balance_explain(rig.b, c1, &cause, 1, rig.now), 1);
	assert_string_equal(cause.text, "waits for sun in zone park: needs 4.1 kW, the surplus is 3.0 kW");
	assert_int_equal(ons, 0);
}

static void a_car_starts_after_the_start_delay_and_follows_the_sun(void **state)
{
	(void)state;
	rig_start(&rig);
	house_w = 500;
	charge(c1, 32000);
	run_s(60);
	sun_w = 6500;
	run_s(50);
	assert_int_equal(rig_limit(&rig, c1), 0);
	run_s(40);
	assert_true(rig_limit(&rig, c1) >= 6000);
	run_s(120);
	assert_in_range(rig_limit(&rig, c1), 8300, 8700);	/* 6000 W on three phases */
	sun_w = 12500;
	run_s(120);
	assert_in_range(rig_limit(&rig, c1), 17000, 17400);
	assert_true(grid_w >= -400 && grid_w <= 200);
	assert_string_equal(rig_why(&rig, c1), "pv_surplus");
	sun_w = 8500;
	run_s(30);
	assert_in_range(rig_limit(&rig, c1), 11000, 11600);
	assert_true(grid_w >= -400 && grid_w <= 200);
}

static void a_passing_cloud_stops_nobody(void **state)
{
	(void)state;
	rig_start(&rig);
	sun_w = 9000;
	charge(c1, 32000);
	run_s(600);
	assert_true(rig_limit(&rig, c1) > 12000);
	sun_w = 500;
	run_s(30);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_string_equal(rig_why(&rig, c1), "pv_minimum");
	run_s(130);
	sun_w = 9000;
	run_s(120);
	assert_true(rig_limit(&rig, c1) > 12000);
	assert_int_equal(ons, 1);
	assert_int_equal(offs, 0);
}

static void too_little_for_the_stop_delay_stops(void **state)
{
	(void)state;
	rig_start(&rig);
	sun_w = 9000;
	charge(c1, 32000);
	run_s(600);
	sun_w = 500;
	run_s(175);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	run_s(40);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_string_equal(rig_why(&rig, c1), "pv_waits");
}

static void the_minimum_on_time_outlasts_the_stop_delay(void **state)
{
	(void)state;
	rig_start(&rig);
	rig.zones[0].pv.stop_us = 10 * S;
	sun_w = 9000;
	charge(c1, 32000);
	run_s(120);
	assert_true(rig_limit(&rig, c1) > 0);
	sun_w = 0;
	run_s(200);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	run_s(200);
	assert_int_equal(rig_limit(&rig, c1), 0);
}

/* Two charge, there is sun for one: the second goes after the delay, the first stays. */
static void cars_leave_one_by_one(void **state)
{
	(void)state;
	rig_start(&rig);
	sun_w = 10000;
	charge(c1, 32000);
	run_s(30);
	charge(c2, 32000);
	run_s(600);
	assert_in_range(rig_limit(&rig, c1), 7000, 7300);
	assert_in_range(rig_limit(&rig, c2), 7000, 7300);
	sun_w = 5500;
	run_s(170);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_int_equal(rig_limit(&rig, c2), 6000);
	run_s(120);
	assert_int_equal(!rig_limit(&rig, c1) + !rig_limit(&rig, c2), 1);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 7700, 8000);
}

static void a_vip_takes_the_place_in_the_sun(void **state)
{
	(void)state;
	rig_start(&rig);
	sun_w = 5000;
	charge(c1, 32000);
	run_s(600);
	assert_true(rig_limit(&rig, c1) >= 6000);
	rig.car_ma[c2] = 32000;
	balance_use(rig.b, c2, BAL_CHARGING, 102, true, rig.now);
	run_s(120);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_true(rig_limit(&rig, c2) >= 6000);
}

static void an_exempt_car_charges_at_night_and_takes_nothing_from_others(void **state)
{
	(void)state;
	rig_start(&rig);
	balance_pv_exempt(rig.b, c2, true);
	charge(c1, 32000);
	charge(c2, 16000);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_int_equal(rig_limit(&rig, c2), 32000);
	sun_w = 6000;
	run_s(400);
	assert_in_range(rig_limit(&rig, c1), 8200, 8700);
	assert_true(rig_limit(&rig, c2) >= 16000);
	balance_pv_exempt(rig.b, c2, false);
	run_s(400);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 8200, 8700);
}

static void each_has_its_minimum_where_it_is_kept(void **state)
{
	(void)state;
	rig.zones[0].pv.strategy = BAL_PV_MIN_SURPLUS;
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_int_equal(rig_limit(&rig, c2), 6000);
	assert_string_equal(rig_why(&rig, c1), "pv_minimum");
	sun_w = 5000;	/* less than both minima: nothing on top */
	run_s(120);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	sun_w = 12000;
	run_s(120);
	assert_in_range(rig_limit(&rig, c1), 8500, 8800);
	assert_in_range(rig_limit(&rig, c2), 8500, 8800);
	sun_w = 0;
	run_s(1200);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_int_equal(offs, 0);
}

static void less_than_the_configured_power_is_no_sun(void **state)
{
	(void)state;
	rig.zones[0].pv.min_w = 6000;
	rig_start(&rig);
	sun_w = 5500;
	charge(c1, 32000);
	run_s(600);
	assert_int_equal(rig_limit(&rig, c1), 0);
	sun_w = 6500;
	run_s(120);
	assert_true(rig_limit(&rig, c1) >= 9000);
	sun_w = 5500;
	run_s(600);
	assert_int_equal(rig_limit(&rig, c1), 0);
}

static void without_data_cars_charge_as_without_the_sun_and_come_back_to_it(void **state)
{
	struct bal_pv_view v;
	struct bal_cause causes[4];
	size_t n;

	(void)state;
	rig_start(&rig);
	charge(c1, 32000);
	run_s(120);
	assert_int_equal(rig_limit(&rig, c1), 0);
	grid_speaks = false;
	run_s(58);
	assert_int_equal(rig_limit(&rig, c1), 0);
	run_s(10);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	balance_pv_view(rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_LOST);
	n = balance_explain(rig.b, c1, causes, 4, rig.now);
	assert_int_equal(n, 2);
	assert_string_equal(causes[1].text, "nothing is known of the sun in zone park: charges as without it");
	grid_speaks = true;
	run_s(30);
	balance_pv_view(rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_OK);
	assert_int_equal(rig_limit(&rig, c1), 6000);	/* until the stop delay is over */
	run_s(600);
	assert_int_equal(rig_limit(&rig, c1), 0);
}

static void a_frozen_time_stamp_is_no_data(void **state)
{
	struct bal_pv_sample s = { .power_w = -9000, .voltage_mv = NUM_NONE, .good = true };
	struct bal_pv_view v;

	(void)state;
	rig_start(&rig);
	grid_speaks = sun_speaks = false;
	s.at = rig.now;
	for (int i = 0; i < 90; i++) {
		balance_pv(rig.b, 0, BAL_PV_GRID, &s);
		rig_run(&rig, 1 * S);
	}
	balance_pv_view(rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_LOST);
}

/* A battery keeps the grid at zero by night: where production is measured, that is no sun. */
static void a_battery_is_no_sun(void **state)
{
	(void)state;
	rig.zones[0].pv.production = true;
	rig_start(&rig);
	sun_w = 9000;
	charge(c1, 32000);
	run_s(600);
	assert_true(rig_limit(&rig, c1) > 12000);
	sun_speaks = grid_speaks = false;
	for (int i = 0; i < 600; i++) {
		tell(BAL_PV_GRID, 0);
		tell(BAL_PV_PRODUCTION, 0);
		rig_run(&rig, 1 * S);
	}
	assert_int_equal(rig_limit(&rig, c1), 0);
}

static void production_alone_is_what_cars_share(void **state)
{
	(void)state;
	rig.zones[0].pv.grid = false;
	rig.zones[0].pv.production = true;
	rig_start(&rig);
	sun_w = 7000;
	house_w = 2000;
	charge(c1, 32000);
	run_s(300);
	assert_in_range(rig_limit(&rig, c1), 9800, 10200);
}

static void an_inverter_that_never_exports_is_tried_and_followed(void **state)
{
	struct bal_pv_view v;

	(void)state;
	rig.zones[0].pv.probe = true;
	rig_start(&rig);
	zero_export = true;
	house_w = 400;
	sun_w = 9000;
	charge(c1, 32000);
	run_s(50);
	assert_int_equal(rig_limit(&rig, c1), 0);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 6000);	/* the probe */
	run_s(1800);
	assert_in_range(rig_limit(&rig, c1), 11000, 12600);	/* 8600 W */
	assert_true(grid_w >= 0 && grid_w <= 400);
	balance_pv_view(rig.b, 0, &v);
	assert_int_equal(v.grid_w, grid_w);
	assert_int_equal(offs, 0);
}

static void a_probe_without_sun_is_withdrawn_and_becomes_rare(void **state)
{
	(void)state;
	rig.zones[0].pv.probe = true;
	rig_start(&rig);
	zero_export = true;
	charge(c1, 32000);
	run_s(80);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	run_s(90);
	assert_int_equal(rig_limit(&rig, c1), 0);	/* neither stop delay nor minimum-on time */
	run_s(8 * 3600);
	assert_in_range(ons, 3, 7);
	assert_int_equal(ons, offs);
	assert_true(imported_ws < 7 * 60 * ONE_CAR_W);
}

static void without_leave_to_probe_a_silent_grid_is_no_sun(void **state)
{
	(void)state;
	rig_start(&rig);
	zero_export = true;
	sun_w = 9000;
	charge(c1, 32000);
	run_s(3600);
	assert_int_equal(ons, 0);
}

static void a_restart_does_not_stop_cars_that_charge(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };

	(void)state;
	conf.conns = rig.conns;
	rig_start(&rig);
	sun_w = 9000;
	charge(c1, 32000);
	run_s(600);
	balance_free(rig.b);
	rig.b = balance_new();
	rig_forget(&rig);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		balance_restore(rig.b, i, rig.stored[i].w_ma, rig.stored[i].idle_acked);
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
		if (i == c1)
			rig_charge(&rig, i, 100 + i);
		else
			balance_use(rig.b, i, BAL_NONE, 0, false, rig.now);
	}
	for (int s = 0; s < 300; s++) {
		run_s(1);
		if (s > 5)
			assert_true(rig_limit(&rig, c1) >= 6000);
	}
	assert_in_range(rig_limit(&rig, c1), 12600, 13200);
}

/* ---- boost ----------------------------------------------------------------------------------- */

static int subscription(void **state)
{
	sunny(state);
	rig.zones[0].cap = (struct phase_ma){ { 20000, 20000, 20000 } };
	rig.zones[0].pv = (struct bal_pv_conf){ .strategy = BAL_PV_BOOST, .production = true,
						.rating = { { 50000, 50000, 50000 } } };
	return 0;
}

static int64_t sum_w(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 0, &v);
	return v.sum_w.l[0];
}

static void production_raises_a_subscription(void **state)
{
	struct bal_cause causes[4];
	mono_t t;

	(void)state;
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 10000);
	sun_w = 11040;	/* 16 A on each phase */
	run_s(50);
	assert_int_equal(rig_limit(&rig, c1), 10000);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 18000);
	assert_true(balance_explain(rig.b, c1, causes, 4, rig.now) >= 2);
	assert_string_equal(causes[1].text, "the limit of zone park on L1 is higher by 16 A that its sun produces");
	/* A cloud: the cut is on its way with the sample. */
	sun_w = 3450;
	t = rig.now;
	run_s(1);
	assert_non_null(rig_sent(&rig, c1, t));
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 12500);
	run_s(7);
	assert_true(sum_w() <= 25000);
	/* And it must stay away for a minute. */
	sun_w = 11040;
	run_s(50);
	assert_int_equal(rig_limit(&rig, c1), 12500);
	run_s(30);
	assert_int_equal(rig_limit(&rig, c1), 18000);
}

static void the_feeder_bounds_what_the_sun_adds(void **state)
{
	(void)state;
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	sun_w = 100000;
	run_s(180);
	assert_int_equal(rig_limit(&rig, c1), 25000);
	assert_int_equal(sum_w(), 50000);
}

static void a_silent_or_doubtful_inverter_adds_nothing(void **state)
{
	struct bal_pv_sample bad = { .power_w = 11040, .current = { { 16000, 16000, 16000 } },
				     .voltage_mv = NUM_NONE };
	mono_t t;

	(void)state;
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	sun_w = 11040;
	run_s(180);
	assert_int_equal(rig_limit(&rig, c1), 18000);
	sun_speaks = false;
	run_s(6);
	t = rig.now;
	run_s(5);
	assert_int_equal(rig_limit(&rig, c1), 10000);
	run_s(6);
	assert_true(sum_w() <= 20000);
	sun_speaks = true;
	run_s(120);
	assert_int_equal(rig_limit(&rig, c1), 18000);
	bad.at = t = rig.now;
	balance_pv(rig.b, 0, BAL_PV_PRODUCTION, &bad);
	rig_run(&rig, 0);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 10000);
}

static void a_total_in_watts_is_raised_too(void **state)
{
	struct bal_pv_view v;

	(void)state;
	rig.zones[0].cap = (struct phase_ma){ { 100000, 100000, 100000 } };
	rig.zones[0].pv.rating = (struct phase_ma){ { 0 } };
	rig.zones[0].cap_w = 15180;	/* 20 A on each phase at 253 V */
	rig_start(&rig);
	charge(c1, 32000);
	run_s(60);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	sun_w = 7590;
	run_s(120);
	assert_in_range(rig_limit(&rig, c1), 29800, 30000);
	balance_pv_view(rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_OK);
	assert_int_equal(v.boost.l[0], 11000);
}

/* A meter that sees loads alone: what is produced comes on top of the dynamic limit. */
static void production_raises_the_dynamic_limit_of_loads(void **state)
{
	(void)state;
	rig.zones[0].cap = (struct phase_ma){ { 60000, 60000, 60000 } };
	rig.zones[0].dynamic = (struct phase_ma){ { 30000, 30000, 30000 } };
	rig.zones[0].meter_lost = (struct phase_ma){ { 6000, 6000, 6000 } };
	rig.zones[0].pv.dynamic = true;
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = 10000;
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	run_s(180);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 18000, 20000);
	sun_w = 6900;	/* 10 A */
	run_s(300);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 27000, 30000);
	sun_w = 0;
	run_s(3);
	assert_true(rig_limit(&rig, c1) + rig_limit(&rig, c2) <= 20000);
}

/* What the sun has added must not stand when nobody takes it back. */
static void a_dead_lmsd_leaves_no_more_than_the_subscription(void **state)
{
	int64_t falls[2] = { 0, 0 };

	(void)state;
	rig_start(&rig);
	balance_fallback(rig.b, "CP1", true);
	balance_fallback(rig.b, "CP2", true);
	charge(c1, 32000);
	charge(c2, 32000);
	sun_w = 11040;
	run_s(180);
	assert_int_equal(rig_limit(&rig, c1), 18000);
	for (uint32_t i = 0; i < 2; i++) {
		const struct bal_order *o = rig_sent(&rig, i, 0);

		assert_true(o->fallback_us > 0);
		falls[i] = o->fallback_ma;
	}
	assert_true(falls[0] >= 6000 && falls[0] + falls[1] <= 20000);
}

/* ---- limits, whatever happens ------------------------------------------------------------------- */

static int boosted_below_a_feeder(void **state)
{
	subscription(state);
	rig_zone(&rig, "feeder", 0, 24000);
	rig.conns[0].zone = rig.conns[1].zone = 1;
	return 0;
}

static bool feeder_over(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 1, &v);
	for (int k = 0; k < PHASES; k++)
		if (v.sum_w.l[k] > 24000)
			return true;
	return false;
}

/* Sun, meters, stations and cars do what they like: the feeder holds at every turn, and no raise leaves
 * while the subscription has more than it may. */
static void no_sun_moves_a_feeder(void **state)
{
	uint64_t first = random_first_seed();

	for (uint64_t seed = first; seed < first + 20; seed++) {
		struct rng r = rng_seed(seed);

		if (seed > first) {
			stop(state);
			boosted_below_a_feeder(state);
		}
		rig.zones[1].pv = rng_below(&r, 2) ? rig.zones[1].pv
				: (struct bal_pv_conf){ .strategy = BAL_PV_SURPLUS, .grid = true };
		rig_start(&rig);
		for (int s = 0; s < 900; s += 5) {
			uint32_t i = rng_below(&r, 3);

			if (!rng_below(&r, 4))
				sun_w = rng_range(&r, 0, 40000);
			sun_speaks = rng_below(&r, 20) > 0;
			grid_speaks = rng_below(&r, 20) > 0;
			rig.answers[i] = rng_below(&r, 8) ? RIG_ACCEPTS : (enum rig_answers)rng_below(&r, 4);
			if (!rng_below(&r, 10))
				charge(i, rng_range(&r, 6, 32) * 1000);
			else if (!rng_below(&r, 20))
				balance_use(rig.b, i, BAL_NONE, 0, false, rig.now);
			for (int k = 0; k < 5; k++) {
				struct bal_zone_view v;
				size_t before = rig.sent_count;

				balance_zone_view(rig.b, 0, &v);
				run_s(1);
				if (feeder_over())
					fail_msg("the feeder is over its limit (replay: SEED=%llu)", (unsigned long long)seed);
				for (size_t n = before; n < rig.sent_count; n++)
					if (rig.sent[n].order.raises && v.sum_w.l[0] > 50000)
						fail_msg("a raise beyond the rating (replay: SEED=%llu)",
							 (unsigned long long)seed);
			}
			/* The grid's meter of the inner zone. */
			if (grid_speaks && rig.zones[1].pv.grid) {
				struct bal_pv_sample g = { .power_w = grid_w, .voltage_mv = NUM_NONE, .at = rig.now,
							   .good = true };

				balance_pv(rig.b, 1, BAL_PV_GRID, &g);
			}
		}
	}
}

/* ---- a day ------------------------------------------------------------------------------------- */

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
	rig_start(&rig);
	charge(c1, 16000);
	charge(c2, 16000);
	charge(c3, 16000);
	for (int64_t s = 6 * 3600; s < 20 * 3600; s++) {
		sun_w = sun_at(s, &r, &cloud_until, &shade);
		house_w = 600 + (s % 900 < 120 ? 2000 : 0);
		run_s(1);
		made_ws += sun_w;
		used_ws += sun_w > house_w ? sun_w - house_w : 0;
		taken_ws += cars_w();
	}
	print_message("# SEED=%llu: sun %lld kWh, of which %lld kWh beyond the house; cars took %lld kWh; from the "
		      "grid %lld kWh, into it %lld kWh; a car switched on %d times in 10 hours\n",
		      (unsigned long long)random_first_seed(), (long long)(made_ws / 3600000),
		      (long long)(used_ws / 3600000), (long long)(taken_ws / 3600000),
		      (long long)(imported_ws / 3600000), (long long)(exported_ws / 3600000), ons);
	assert_true(taken_ws * 100 >= used_ws * 75);
	assert_true(imported_ws * 100 <= made_ws * 20);
	/* Three cars, minimum on and off 8 min together: at most 7.5 each in an hour; this is far below. */
	assert_true(ons <= 3 * 10 * 2);
}

int main(void)
{
#define SUN(f)   cmocka_unit_test_setup_teardown(f, sunny, stop)
#define BOOST(f) cmocka_unit_test_setup_teardown(f, subscription, stop)
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
		BOOST(production_raises_a_subscription),
		BOOST(the_feeder_bounds_what_the_sun_adds),
		BOOST(a_silent_or_doubtful_inverter_adds_nothing),
		BOOST(a_total_in_watts_is_raised_too),
		BOOST(production_raises_the_dynamic_limit_of_loads),
		BOOST(a_dead_lmsd_leaves_no_more_than_the_subscription),
		cmocka_unit_test_setup_teardown(no_sun_moves_a_feeder, boosted_below_a_feeder, stop),
		SUN(a_day_of_clouds_is_calm_and_uses_the_sun),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
