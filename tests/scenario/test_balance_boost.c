/* What the sun adds to a limit: a subscription that production raises, and limits that it must not move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "helper_random.h"
#include "helper_sun.h"

static int subscription(void **state)
{
	sun_start(state);
	sun.rig.zones[0].cap = (struct phase_ma){ { 20000, 20000, 20000 } };
	sun.rig.zones[0].pv = (struct bal_pv_conf){ .strategy = BAL_PV_BOOST, .production = true,
						.rating = { { 50000, 50000, 50000 } } };
	return 0;
}

static int64_t sum_w(void)
{
	struct bal_zone_view v;

	balance_zone_view(sun.rig.b, 0, &v);
	return v.sum_w.l[0];
}

static void production_raises_a_subscription(void **state)
{
	struct bal_cause causes[4];
	mono_t t;

	(void)state;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 10000);
	sun.shines_w = 11040;	/* 16 A on each phase */
	sun_run_s(50);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 10000);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 18000);
	assert_true(balance_explain(sun.rig.b, sun.c1, causes, 4, sun.rig.now) >= 2);
	assert_string_equal(causes[1].text, "the limit of zone park on L1 is higher by 16 A that its sun produces");
	/* A cloud: the cut is on its way with the sample. */
	sun.shines_w = 3450;
	t = sun.rig.now;
	sun_run_s(1);
	assert_non_null(rig_sent(&sun.rig, sun.c1, t));
	assert_int_equal(rig_sent(&sun.rig, sun.c1, t)->limit_ma, 12500);
	sun_run_s(7);
	assert_true(sum_w() <= 25000);
	/* And it must stay away for a minute. */
	sun.shines_w = 11040;
	sun_run_s(50);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 12500);
	sun_run_s(30);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 18000);
}

static void the_feeder_bounds_what_the_sun_adds(void **state)
{
	(void)state;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun.shines_w = 100000;
	sun_run_s(180);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 25000);
	assert_int_equal(sum_w(), 50000);
}

static void a_silent_or_doubtful_inverter_adds_nothing(void **state)
{
	struct bal_pv_sample bad = { .power_w = 11040, .current = { { 16000, 16000, 16000 } },
				     .voltage_mv = NUM_NONE };
	mono_t t;

	(void)state;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun.shines_w = 11040;
	sun_run_s(180);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 18000);
	sun.speaks = false;
	sun_run_s(6);
	t = sun.rig.now;
	sun_run_s(5);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 10000);
	sun_run_s(6);
	assert_true(sum_w() <= 20000);
	sun.speaks = true;
	sun_run_s(120);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 18000);
	bad.at = t = sun.rig.now;
	balance_pv(sun.rig.b, 0, BAL_PV_PRODUCTION, &bad);
	rig_run(&sun.rig, 0);
	assert_int_equal(rig_sent(&sun.rig, sun.c1, t)->limit_ma, 10000);
}

static void a_total_in_watts_is_raised_too(void **state)
{
	struct bal_pv_view v;

	(void)state;
	sun.rig.zones[0].cap = (struct phase_ma){ { 100000, 100000, 100000 } };
	sun.rig.zones[0].pv.rating = (struct phase_ma){ { 0 } };
	sun.rig.zones[0].cap_w = 15180;	/* 20 A on each phase at 253 V */
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_run_s(60);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 20000);
	sun.shines_w = 7590;
	sun_run_s(120);
	assert_in_range(rig_limit(&sun.rig, sun.c1), 29800, 30000);
	balance_pv_view(sun.rig.b, 0, &v);
	assert_int_equal(v.state, BAL_PV_OK);
	assert_int_equal(v.boost.l[0], 11000);
}

/* A meter that sees loads alone: what is produced comes on top of the dynamic limit. */
static void production_raises_the_dynamic_limit_of_loads(void **state)
{
	(void)state;
	sun.rig.zones[0].cap = (struct phase_ma){ { 60000, 60000, 60000 } };
	sun.rig.zones[0].dynamic = (struct phase_ma){ { 30000, 30000, 30000 } };
	sun.rig.zones[0].meter_lost = (struct phase_ma){ { 6000, 6000, 6000 } };
	sun.rig.zones[0].pv.dynamic = true;
	for (int k = 0; k < PHASES; k++)
		sun.rig.building_ma[0][k] = 10000;
	rig_start(&sun.rig);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun_run_s(180);
	assert_in_range(rig_limit(&sun.rig, sun.c1) + rig_limit(&sun.rig, sun.c2), 18000, 20000);
	sun.shines_w = 6900;	/* 10 A */
	sun_run_s(300);
	assert_in_range(rig_limit(&sun.rig, sun.c1) + rig_limit(&sun.rig, sun.c2), 27000, 30000);
	sun.shines_w = 0;
	sun_run_s(3);
	assert_true(rig_limit(&sun.rig, sun.c1) + rig_limit(&sun.rig, sun.c2) <= 20000);
}

/* What the sun has added must not stand when nobody takes it back. */
static void a_dead_lmsd_leaves_no_more_than_the_subscription(void **state)
{
	int64_t falls[2] = { 0, 0 };

	(void)state;
	rig_start(&sun.rig);
	balance_fallback(sun.rig.b, "CP1", true);
	balance_fallback(sun.rig.b, "CP2", true);
	sun_charge(sun.c1, 32000);
	sun_charge(sun.c2, 32000);
	sun.shines_w = 11040;
	sun_run_s(180);
	assert_int_equal(rig_limit(&sun.rig, sun.c1), 18000);
	for (uint32_t i = 0; i < 2; i++) {
		const struct bal_order *o = rig_sent(&sun.rig, i, 0);

		assert_true(o->fallback_us > 0);
		falls[i] = o->fallback_ma;
	}
	assert_true(falls[0] >= 6000 && falls[0] + falls[1] <= 20000);
}

/* ---- limits, whatever happens ---- */

static int boosted_below_a_feeder(void **state)
{
	subscription(state);
	rig_zone(&sun.rig, "feeder", 0, 24000);
	sun.rig.conns[0].zone = sun.rig.conns[1].zone = 1;
	return 0;
}

static bool feeder_over(void)
{
	struct bal_zone_view v;

	balance_zone_view(sun.rig.b, 1, &v);
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
			sun_stop(state);
			boosted_below_a_feeder(state);
		}
		sun.rig.zones[1].pv = rng_below(&r, 2) ? sun.rig.zones[1].pv
				: (struct bal_pv_conf){ .strategy = BAL_PV_SURPLUS, .grid = true };
		rig_start(&sun.rig);
		for (int s = 0; s < 900; s += 5) {
			uint32_t i = rng_below(&r, 3);

			if (!rng_below(&r, 4))
				sun.shines_w = rng_range(&r, 0, 40000);
			sun.speaks = rng_below(&r, 20) > 0;
			sun.grid_speaks = rng_below(&r, 20) > 0;
			sun.rig.answers[i] = rng_below(&r, 8) ? RIG_ACCEPTS : (enum rig_answers)rng_below(&r, 4);
			if (!rng_below(&r, 10))
				sun_charge(i, rng_range(&r, 6, 32) * 1000);
			else if (!rng_below(&r, 20))
				balance_use(sun.rig.b, i, BAL_NONE, 0, false, sun.rig.now);
			for (int k = 0; k < 5; k++) {
				struct bal_zone_view v;
				size_t before = sun.rig.sent_count;

				balance_zone_view(sun.rig.b, 0, &v);
				sun_run_s(1);
				if (feeder_over())
					fail_msg("the feeder is over its limit (replay: SEED=%llu)", (unsigned long long)seed);
				for (size_t n = before; n < sun.rig.sent_count; n++)
					if (sun.rig.sent[n].order.raises && v.sum_w.l[0] > 50000)
						fail_msg("a raise beyond the rating (replay: SEED=%llu)",
							 (unsigned long long)seed);
			}
			/* The grid's meter of the inner zone. */
			if (sun.grid_speaks && sun.rig.zones[1].pv.grid) {
				struct bal_pv_sample g = { .power_w = sun.grid_w, .voltage_mv = NUM_NONE, .at = sun.rig.now,
							   .good = true };

				balance_pv(sun.rig.b, 1, BAL_PV_GRID, &g);
			}
		}
	}
}

int main(void)
{
#define BOOST(f) cmocka_unit_test_setup_teardown(f, subscription, sun_stop)
	const struct CMUnitTest tests[] = {
		BOOST(production_raises_a_subscription),
		BOOST(the_feeder_bounds_what_the_sun_adds),
		BOOST(a_silent_or_doubtful_inverter_adds_nothing),
		BOOST(a_total_in_watts_is_raised_too),
		BOOST(production_raises_the_dynamic_limit_of_loads),
		BOOST(a_dead_lmsd_leaves_no_more_than_the_subscription),
		cmocka_unit_test_setup_teardown(no_sun_moves_a_feeder, boosted_below_a_feeder, sun_stop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
