/* Stations that lie: what they draw and report beyond the truth is bounded, told, reserved, and never
 * makes the limit of another one unsafe. And what is no lie is not taken for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "helper_random.h"
#include "helper_rig.h"

#define S US_PER_S
#define ABSURD_MA (6300 * INT64_C(1000))	/* as 9,999 A arrive here */

static struct rig rig;
static uint32_t c1, c2, c3;

static int three_stations(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "P1", -1, 60000);
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	rig.meters = true;	/* for the draws */
	return 0;
}

static int measured(void **state)
{
	three_stations(state);
	rig.zones[0].cap = (struct phase_ma){ { 200000, 200000, 200000 } };
	rig.zones[0].dynamic = (struct phase_ma){ { 60000, 60000, 60000 } };
	rig.zones[0].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
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

static void three_charge(void)
{
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	charge(c3, 32000);
	rig_run(&rig, 90 * S);
	rig_quiet(&rig);
}

static void assert_told(const char *begins, int begun, const char *ends, int ended)
{
	if (rig_told(&rig, begins) != begun || rig_told(&rig, ends) != ended)
		fail_msg("%s told %d times, %s %d times", begins, rig_told(&rig, begins), ends,
			 rig_told(&rig, ends));
}

static int64_t true_draws(void)
{
	return rig_total(&rig, 0, 0) - rig.building_ma[0][0];
}

/* ---- draws more than its limit ---------------------------------------------------------------------- */

static void what_is_drawn_twice_beyond_the_limit_is_told_again_and_reserved(void **state)
{
	mono_t t;

	(void)state;
	three_charge();
	assert_int_equal(rig_limit(&rig, c1), 20000);
	t = rig.now;
	rig.ignores[c1] = true;
	rig_run(&rig, 10 * S);		/* one sample */
	assert_told("draws_too_much", 0, "draws_within_limit", 0);
	assert_int_equal(rig_w(&rig, c1), 20000);
	rig_run(&rig, 10 * S);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
	assert_int_equal(rig_w(&rig, c1), 32000);
	assert_string_equal(rig_why(&rig, c1), "disobeys");
	rig_run(&rig, S);
	assert_non_null(rig_sent(&rig, c1, t));
	assert_int_equal(rig_sent(&rig, c1, t)->kind, BAL_LIMIT_TX);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 20000);
	rig_run(&rig, 6 * S);		/* the others give way */
	assert_int_equal(rig_limit(&rig, c2), 14000);
	assert_int_equal(rig_limit(&rig, c3), 14000);
	assert_true(true_draws() <= 60000);
	assert_told("station_uncontrollable", 0, "station_controllable", 0);
}

static void who_ignores_that_too_is_uncontrollable_and_told_now_and_then(void **state)
{
	struct bal_conn_view v;

	(void)state;
	three_charge();
	rig.ignores[c1] = true;
	rig_run(&rig, 90 * S);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
	assert_told("station_uncontrollable", 1, "station_controllable", 0);
	balance_conn_view(rig.b, c1, &v);
	assert_true(v.uncontrollable);
	rig_forget(&rig);
	rig_run(&rig, 600 * S);
	assert_in_range(rig.sent_count, 9, 11);		/* once a minute, nothing else */
	for (size_t i = 0; i < rig.sent_count; i++)
		assert_int_equal(rig.sent[i].order.conn, c1);
	assert_int_equal(rig_w(&rig, c1), 32000);
	assert_int_equal(true_draws(), 60000);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
}

static void who_obeys_again_is_trusted_after_three_samples(void **state)
{
	(void)state;
	three_charge();
	rig.ignores[c1] = true;
	rig_run(&rig, 120 * S);
	rig.ignores[c1] = false;
	rig_run(&rig, 55 * S);
	rig_quiet(&rig);
	rig_run(&rig, 70 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_limit(&rig, c2), 20000);
	assert_int_equal(rig_w(&rig, c1), 20000);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c3), 20000);
}

static void who_lost_its_limit_and_obeys_when_told_again_stays_controllable(void **state)
{
	(void)state;
	three_charge();
	rig.ignores[c1] = true;
	rig_run(&rig, 21 * S);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
	rig.ignores[c1] = false;
	rig_run(&rig, 45 * S);
	assert_told("draws_too_much", 1, "draws_within_limit", 1);
	assert_told("station_uncontrollable", 0, "station_controllable", 0);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_limit(&rig, c3), 20000);
}

static void each_lie_makes_the_next_proof_longer(void **state)
{
	int64_t took[3];

	(void)state;
	three_charge();
	for (int i = 0; i < 3; i++) {
		rig_quiet(&rig);
		rig.ignores[c1] = true;
		rig_run(&rig, 25 * S);
		assert_int_equal(rig_told(&rig, "draws_too_much"), 1);
		rig.ignores[c1] = false;
		took[i] = rig.now;
		while (!rig_told(&rig, "draws_within_limit"))
			rig_run(&rig, S);
		took[i] = rig.now - took[i];
		rig_run(&rig, 60 * S);
	}
	assert_true(took[1] >= took[0] + 20 * S);
	assert_true(took[2] >= took[1] + 50 * S);
}

static void a_known_liar_is_reserved_from_the_beginning_of_its_next_transaction(void **state)
{
	(void)state;
	three_charge();
	rig.ignores[c1] = true;
	rig_run(&rig, 120 * S);
	rig.ignores[c1] = false;
	balance_use(rig.b, c1, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_w(&rig, c1), 0);		/* its transaction has ended */
	assert_true(rig_limit(&rig, c2) == 30000);
	rig_charge(&rig, c1, 999);
	rig_run(&rig, 6 * S);
	assert_int_equal(rig_w(&rig, c1), 32000);
	assert_int_equal(rig_limit(&rig, c2), 14000);
	/* It is given the least, and when it obeys that it is one among others. */
	rig_run(&rig, 120 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_limit(&rig, c2), 20000);
}

static void a_draw_without_transaction_is_a_lie_too(void **state)
{
	(void)state;
	rig_start(&rig);
	charge(c2, 32000);
	charge(c3, 32000);
	rig_run(&rig, 60 * S);
	rig_quiet(&rig);
	for (int i = 0; i < 3; i++) {
		rig_draw(&rig, c1, PHASE_ALL, 16000);
		rig_run(&rig, 10 * S);
	}
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
	assert_int_equal(rig_w(&rig, c1), 16000);
	assert_int_equal(rig_limit(&rig, c2), 22000);
}

/* ---- is no lie ---------------------------------------------------------------------------------------- */

static void assert_not_caught(void)
{
	assert_told("draws_too_much", 0, "draws_within_limit", 0);
	assert_told("draw_implausible", 0, "draw_plausible", 0);
	assert_told("station_uncontrollable", 0, "station_controllable", 0);
}

static void one_sample_beyond_the_limit_is_no_lie(void **state)
{
	(void)state;
	three_charge();
	for (int i = 0; i < 60; i++) {
		rig.tells_ma[c1] = i % 2 ? 0 : i % 4 ? 32000 : ABSURD_MA;
		rig_run(&rig, 10 * S);
	}
	assert_not_caught();
	assert_int_equal(rig_w(&rig, c1), 20000);
}

static void cars_that_ramp_and_stations_that_average_are_no_liars(void **state)
{
	(void)state;
	three_charge();
	for (int i = 0; i < 20; i++) {
		/* Down to 10 A; the car takes 14 s for it, and its station reports the mean of 10 s. */
		balance_conn_cap(rig.b, c1, 10000, rig.now);
		for (int s = 0; s < 60; s++) {
			int64_t mean = s < 14 ? 20000 : s < 24 ? 20000 - (s - 14) * 1000 : 10000;

			rig.tells_ma[c1] = mean;
			rig_run(&rig, S);
		}
		balance_conn_cap(rig.b, c1, NUM_NONE, rig.now);
		rig.tells_ma[c1] = 0;
		rig_run(&rig, 60 * S);
	}
	assert_not_caught();
}

static void noise_of_meters_is_no_lie(void **state)
{
	static const int64_t noise[] = { -300, 20900, 20000, 19000, -100, 20500, 20990 };

	(void)state;
	three_charge();
	for (int i = 0; i < 100; i++) {
		rig.tells_ma[c1] = noise[i % 7];
		rig_run(&rig, 10 * S);
	}
	assert_not_caught();
}

static void samples_from_before_a_limit_fell_are_no_lie(void **state)
{
	(void)state;
	rig_start(&rig);
	charge(c1, 32000);
	rig_run(&rig, 60 * S);
	rig_quiet(&rig);
	balance_conn_cap(rig.b, c1, 6000, rig.now);
	rig_run(&rig, 6 * S);
	rig_draw(&rig, c1, PHASE_ALL, 32000);	/* sampled earlier, sent now; and the clock-aligned one */
	rig_run(&rig, 4 * S);
	rig_draw(&rig, c1, PHASE_ALL, 32000);
	rig_run(&rig, 60 * S);
	assert_not_caught();
}

/* ---- reports what cannot be -------------------------------------------------------------------------- */

static void negative_current_is_flagged_and_its_limit_stays_reserved(void **state)
{
	struct bal_conn_view v;

	(void)state;
	three_charge();
	rig.tells_ma[c1] = -16000;
	rig_run(&rig, 300 * S);
	assert_told("draw_implausible", 1, "draw_plausible", 0);
	assert_int_equal(rig_w(&rig, c1), 20000);	/* nothing reclaimed, nothing learned */
	balance_conn_view(rig.b, c1, &v);
	assert_int_equal(v.phases, PHASE_ALL);
	assert_int_equal(rig_limit(&rig, c2), 20000);
	rig.tells_ma[c1] = 0;
	rig_run(&rig, 31 * S);
	assert_told("draw_implausible", 1, "draw_plausible", 1);
}

static void nonsense_is_flagged_and_its_limit_stays_reserved(void **state)
{
	(void)state;
	three_charge();
	rig.meters = false;
	for (int i = 0; i < 10; i++) {
		balance_draw_nonsense(rig.b, c1, rig.now);
		rig_run(&rig, 10 * S);
	}
	assert_told("draw_implausible", 1, "draw_plausible", 0);
	assert_told("draws_too_much", 0, "draws_within_limit", 0);
	assert_int_equal(rig_w(&rig, c1), 20000);
}

static void nine_thousand_amperes_are_bounded_by_what_a_connector_can_draw(void **state)
{
	(void)state;
	struct bal_conn_view v;

	three_charge();
	rig.tells_ma[c1] = ABSURD_MA;
	rig_run(&rig, 300 * S);
	assert_told("draw_implausible", 1, "draw_plausible", 0);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
	balance_conn_view(rig.b, c1, &v);
	assert_true(v.draw_strange);	/* shown nowhere */
	assert_int_equal(rig_w(&rig, c1), 40000);
	assert_int_equal(rig_limit(&rig, c2), 10000);
	assert_int_equal(rig_limit(&rig, c3), 10000);
	rig.tells_ma[c1] = 0;
	rig_run(&rig, 180 * S);
	assert_told("draw_implausible", 1, "draw_plausible", 1);
	assert_told("draws_too_much", 1, "draws_within_limit", 1);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_limit(&rig, c2), 20000);
}

static void a_low_report_never_lets_the_sum_of_limits_pass_the_cap(void **state)
{
	(void)state;
	three_charge();
	rig.tells_ma[c1] = 1;		/* while it draws what it may */
	rig.over = false;
	for (int s = 0; s < 600; s++) {
		rig_run(&rig, S);
		assert_true(true_draws() <= 60000);
	}
	assert_false(rig.over);
}

/* ---- where a meter sees the truth --------------------------------------------------------------------- */

static void building(int64_t ma)
{
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = ma;
}

/* Whatever a station reports, the others must not be given what the building takes. */
static void reports_do_not_hide_the_building(void **state)
{
	static const int64_t lies[] = { ABSURD_MA, 32000, 1, -20000 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		rig_fini(&rig);
		measured(state);
		building(30000);
		rig_start(&rig);
		charge(c1, 6000);		/* in truth */
		charge(c2, 32000);
		charge(c3, 32000);
		rig.tells_ma[c1] = lies[i];
		rig.over_us = rig.over_longest_us = 0;
		rig_run(&rig, 900 * S);
		assert_int_equal(rig.over_us, 0);
		building(45000);
		rig_run(&rig, 60 * S);
		assert_true(rig.over_longest_us <= 10 * S);
		assert_true(rig_total(&rig, 0, 0) <= 60000);
	}
}

static void what_a_liar_draws_is_taken_from_the_others_at_the_first_sample_of_the_meter(void **state)
{
	(void)state;
	building(10000);
	three_charge();
	rig.over_us = rig.over_longest_us = 0;
	rig.ignores[c1] = true;
	rig_run(&rig, 300 * S);
	assert_true(rig.over_longest_us <= 10 * S);
	assert_true(rig_total(&rig, 0, 0) <= 60000);
	assert_told("draws_too_much", 1, "draws_within_limit", 0);
}

/* ---- random sites with liars ----------------------------------------------------------------------------- */

#define CATCH_S 40	/* at most until the excess of one liar is reserved and the others have given way */

static void random_site(struct rng *r)
{
	int zones = 1 + (int)rng_below(r, 3), conns = 2 + (int)rng_below(r, 7);
	static char ids[16][16], stations[16][16];
	static const char *const names[] = { "Z0", "Z1", "Z2" };

	rig_init(&rig);
	for (int z = 0; z < zones; z++)
		rig_zone(&rig, names[z], z ? 0 : -1, rng_range(r, 20, 120) * 1000);
	for (int i = 0; i < conns; i++) {
		snprintf(ids[i], sizeof(ids[i]), "S%d/1", i);
		snprintf(stations[i], sizeof(stations[i]), "S%d", i);
		rig_conn(&rig, ids[i], stations[i], (int)rng_below(r, (uint32_t)zones));
		rig.conns[i].max_ma = rng_range(r, 10, 32) * 1000;
		rig.conns[i].settle_us = rng_range(r, 1, 5) * S;
	}
	rig.meters = true;
	rig_start(&rig);
	for (uint32_t i = 0; i < rig.conn_count; i++)
		charge(i, rng_range(r, 6, 32) * 1000);
}

static bool is_liar(uint32_t conn)
{
	return conn % 3 == 0;
}

static void change_liars(struct rng *r)
{
	for (uint32_t i = 0; i < rig.conn_count; i += 3) {
		/* Never more than it can draw: what no cable carries need not be reserved. */
		rig.car_ma[i] = rng_range(r, 0, rig.conns[i].max_ma / 1000) * 1000;
		rig.ignores[i] = rng_below(r, 3) > 0;
	}
}

/* Beyond W by no more than meters and cars are allowed to be inexact. */
static bool is_near(int64_t ma, int64_t w)
{
	return ma > w && ma <= w + (w / 10 > 1000 ? w / 10 : 1000);
}

static int64_t sum_below(int zone, bool liars_only)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < rig.conn_count; i++) {
		int64_t limit = rig_limit(&rig, i), draw = limit < 6000 ? 0 : limit, w = rig_w(&rig, i);

		if (rig.conns[i].zone != zone && zone != 0)
			continue;
		if (rig.ignores[i])
			draw = is_near(rig.car_ma[i], w) ? w : rig.car_ma[i];
		else if (draw > rig.car_ma[i])
			draw = rig.car_ma[i];
		if (!liars_only || is_liar(i))
			sum += draw;
	}
	return sum;
}

static int64_t sum_may(int zone)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, zone, &v);
	return v.sum_w.l[0];
}

/* Liars alone may draw more than all; then the others have nothing. */
static bool is_over(int zone)
{
	int64_t cap = rig.zones[zone].cap.l[0], liars = sum_below(zone, true);

	return sum_below(zone, false) > (liars > cap ? liars : cap);
}

static void check_second(int over_s[RIG_ZONES], size_t sent)
{
	for (int z = 0; z < (int)rig.zone_count; z++) {
		int64_t cap = rig.zones[z].cap.l[0];

		over_s[z] = is_over(z) ? over_s[z] + 1 : 0;
		/* Catching one may lower the limit of the next. */
		if (over_s[z] > CATCH_S * (int)(rig.conn_count + 2) / 3)
			fail_msg("zone %s: %lld mA are drawn of %lld", rig.zones[z].id,
				 (long long)sum_below(z, false), (long long)cap);
		for (size_t i = sent; i < rig.sent_count; i++)
			if (rig.sent[i].order.raises &&
			    (z == 0 || rig.conns[rig.sent[i].order.conn].zone == z) && sum_may(z) > cap)
				fail_msg("raised where the sum does not fit");
	}
}

static void what_is_drawn_fits_soon_after_a_lie_on_any_site(void **state)
{
	uint64_t first = random_first_seed(), sites = random_site_count(60);

	(void)state;
	rig_fini(&rig);
	print_message("# %llu sites from SEED=%llu\n", (unsigned long long)sites, (unsigned long long)first);
	for (uint64_t n = 0; n < sites; n++) {
		struct rng r = rng_seed(first + n);
		int over_s[RIG_ZONES] = { 0 };

		random_site(&r);
		for (int s = 0; s < 1200; s++) {
			size_t sent;

			if (s % 300 == 0)
				change_liars(&r);
			if (rig.sent_count > RIG_LOG / 2 && rig.answered_to == rig.sent_count)
				rig_forget(&rig);
			rig_quiet(&rig);
			sent = rig.sent_count;
			rig_run(&rig, S);
			check_second(over_s, sent);
		}
		if (n + 1 < sites)
			rig_fini(&rig);
	}
}

int main(void)
{
#define STATIC(f)   cmocka_unit_test_setup_teardown(f, three_stations, stop)
#define MEASURED(f) cmocka_unit_test_setup_teardown(f, measured, stop)
	const struct CMUnitTest tests[] = {
		STATIC(what_is_drawn_twice_beyond_the_limit_is_told_again_and_reserved),
		STATIC(who_ignores_that_too_is_uncontrollable_and_told_now_and_then),
		STATIC(who_obeys_again_is_trusted_after_three_samples),
		STATIC(who_lost_its_limit_and_obeys_when_told_again_stays_controllable),
		STATIC(each_lie_makes_the_next_proof_longer),
		STATIC(a_known_liar_is_reserved_from_the_beginning_of_its_next_transaction),
		STATIC(a_draw_without_transaction_is_a_lie_too),
		STATIC(one_sample_beyond_the_limit_is_no_lie),
		STATIC(cars_that_ramp_and_stations_that_average_are_no_liars),
		STATIC(noise_of_meters_is_no_lie),
		STATIC(samples_from_before_a_limit_fell_are_no_lie),
		STATIC(negative_current_is_flagged_and_its_limit_stays_reserved),
		STATIC(nonsense_is_flagged_and_its_limit_stays_reserved),
		STATIC(nine_thousand_amperes_are_bounded_by_what_a_connector_can_draw),
		STATIC(a_low_report_never_lets_the_sum_of_limits_pass_the_cap),
		MEASURED(reports_do_not_hide_the_building),
		MEASURED(what_a_liar_draws_is_taken_from_the_others_at_the_first_sample_of_the_meter),
		STATIC(what_is_drawn_fits_soon_after_a_lie_on_any_site),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
