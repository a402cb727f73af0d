/* Measured zones, reclaiming and learned phases under a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "helper_rig.h"

#define S US_PER_S

static struct rig rig;
static uint32_t c1, c2, c3;

static int measured_zone(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "main", -1, 100000);
	rig.zones[0].dynamic = (struct phase_ma){ { 80000, 80000, 80000 } };
	rig.zones[0].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	rig.meters = true;
	return 0;
}

static int static_zone(void **state)
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

static int stop(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void building(int64_t ma)
{
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = ma;
}

static void charge(uint32_t conn, int64_t car_ma)
{
	rig.car_ma[conn] = car_ma;
	rig_charge(&rig, conn, 100 + conn);
}

static int64_t sum_w(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 0, &v);
	return v.sum_w.l[0];
}

static void cars_get_what_the_building_leaves(void **state)
{
	(void)state;
	building(30000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 300 * S);
	assert_in_range(rig_limit(&rig, c1), 24000, 25000);
	assert_in_range(rig_limit(&rig, c2), 24000, 25000);
	assert_string_equal(rig_why(&rig, c1), "zone_saturated");
	assert_int_equal(rig.over_us, 0);
}

static void a_jump_of_the_building_cuts_on_the_turn_of_the_sample(void **state)
{
	mono_t t;

	(void)state;
	building(20000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 300 * S);
	t = rig.now;
	building(50000);
	rig_run(&rig, 1 * S);
	assert_non_null(rig_sent(&rig, c1, t));
	assert_non_null(rig_sent(&rig, c2, t));
	assert_true(rig_sent(&rig, c1, t)->limit_ma + rig_sent(&rig, c2, t)->limit_ma <= 30000);
	rig_run(&rig, 60 * S);
	assert_true(rig_total(&rig, 0, 0) <= 80000);
	assert_in_range(rig.over_longest_us, 0, 2 * S);
	/* And what is left comes back. */
	rig_run(&rig, 120 * S);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 26000, 30000);
}

static void cars_that_draw_less_than_their_limits_are_cut_below_their_draws(void **state)
{
	(void)state;
	building(10000);
	rig_start(&rig);
	charge(c1, 16000);
	charge(c2, 16000);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	building(60000);	/* 60 + 32 is 12 over */
	rig_run(&rig, 10 * S);
	assert_true(rig_total(&rig, 0, 0) <= 80000);
	assert_true(rig_limit(&rig, c1) + rig_limit(&rig, c2) <= 20000);
}

static void a_silent_meter_lowers_all_to_meter_lost_within_15_s(void **state)
{
	mono_t silent;

	(void)state;
	building(10000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 60 * S);
	assert_true(sum_w() > 60000);
	rig.meters = false;
	silent = rig.sampled;
	rig_run(&rig, silent + 8 * S - rig.now - 1);
	assert_null(rig_sent(&rig, c1, silent + 1 * S));
	rig_run(&rig, 1);
	assert_int_equal(rig_sent(&rig, c1, silent + 1 * S)->limit_ma, 8000);
	assert_int_equal(rig_sent(&rig, c2, silent + 1 * S)->limit_ma, 8000);
	rig_run(&rig, silent + 15 * S - rig.now);
	assert_true(sum_w() <= 16000);
}

static void a_silent_meter_is_the_reason_given(void **state)
{
	struct bal_cause causes[4];
	size_t n;

	(void)state;
	building(10000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 60 * S);
	rig.meters = false;
	rig_run(&rig, 30 * S);
	n = balance_explain(rig.b, c1, causes, 4, rig.now);
	assert_int_equal(n, 3);
	assert_string_equal(causes[0].text, "zone main is full on L1: 16 A shared by 2");
	assert_string_equal(causes[1].text, "the meter of zone main is silent: 16 A for all cars");
	assert_string_equal(causes[2].text, "would keep its limit if lmsd fell silent");
}

static void nothing_rises_while_the_meter_is_late(void **state)
{
	mono_t t;

	(void)state;
	building(10000);
	rig_start(&rig);
	rig_run(&rig, 10 * S);
	rig.meters = false;
	rig_run(&rig, 6 * S);
	t = rig.now;
	charge(c1, 32000);
	rig_run(&rig, 1 * S);
	assert_null(rig_sent(&rig, c1, t));
	assert_string_equal(rig_why(&rig, c1), "meter_stale");
}

static void recovery_needs_three_good_samples_and_rises_slowly(void **state)
{
	struct bal_zone_view v;

	(void)state;
	building(10000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 60 * S);
	rig.meters = false;
	rig_run(&rig, 30 * S);
	rig.meters = true;
	rig_run(&rig, 1500 * US_PER_MS);
	balance_zone_view(rig.b, 0, &v);
	assert_false(v.meter_ok);
	rig_run(&rig, 2 * S);
	balance_zone_view(rig.b, 0, &v);
	assert_true(v.meter_ok);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, c1) + rig_limit(&rig, c2), 16000);
	rig_run(&rig, 20 * S);
	assert_in_range(rig_limit(&rig, c1) + rig_limit(&rig, c2), 30000, 60000);
	rig_run(&rig, 120 * S);
	assert_in_range(rig_limit(&rig, c1), 31000, 32000);
}

static void a_building_that_steps_up_and_down_stays_inside_of_its_bounds(void **state)
{
	int64_t used = 0, could = 0;
	uint32_t lcg = 7;

	(void)state;
	building(30000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	charge(c3, 32000);
	rig_run(&rig, 60 * S);
	rig.over_us = rig.over_longest_us = 0;
	for (int s = 0; s < 3600; s++) {
		lcg = lcg * 1664525u + 1013904223u;
		if (s % 90 == 0)
			building(10000 + (int64_t)(lcg >> 16) % 40000);
		rig_run(&rig, 1 * S);
		used += rig_total(&rig, 0, 0) - rig.building_ma[0][0];
		could += 80000 - rig.building_ma[0][0];
	}
	print_message("# over %d s, longest %d s, use %d %%\n", (int)(rig.over_us / S),
		      (int)(rig.over_longest_us / S), (int)(used * 100 / could));
	assert_true(rig.over_us <= 60 * S);
	assert_true(rig.over_longest_us <= 10 * S);
	assert_true(used * 100 >= could * 75);
}

/* Takes a sample of the zone's total as it was `late` seconds ago. */
/* Cars whose turn has just begun draw nothing yet when the building steps: the first cut, and a second
 * one while it takes effect, are too small. The third counts on neither of them any longer. */
static void cars_that_start_into_a_cut_do_not_keep_the_limit_exceeded(void **state)
{
	static const char *const ids[] = { "S0", "S1", "S2", "S3", "S4", "S5", "S6" };
	uint32_t conns[10] = { c1, c2, c3 };

	(void)state;
	for (int i = 0; i < 7; i++)
		conns[3 + i] = rig_conn(&rig, ids[i], ids[i], 0);
	building(18000);
	rig_start(&rig);
	for (int i = 0; i < 10; i++)
		charge(conns[i], i < 3 ? 0 : 32000);
	rig_run(&rig, 600 * S);
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_limit(&rig, conns[i]), 6200);
	rig.told = rig.now + 20 * S;	/* MeterValues every 30 s: none for a while */
	rig.over_us = rig.over_longest_us = 0;
	building(47000);
	rig_run(&rig, 1 * S);
	for (int i = 0; i < 3; i++)
		rig.car_ma[conns[i]] = 32000;
	rig_run(&rig, 60 * S);
	assert_in_range(rig.over_longest_us, 6 * S, 8 * S);
	assert_int_equal(rig.over_us, rig.over_longest_us);
}

/* Lowering the limit of a car that takes less than that, and has not told, has no effect. */
static void a_car_that_has_told_nothing_does_not_keep_the_limit_exceeded(void **state)
{
	(void)state;
	building(8000);
	rig_start(&rig);
	charge(c1, 32000);
	rig_run(&rig, 300 * S);
	charge(c2, 0);		/* takes 16 A, but says so too late */
	rig_run(&rig, 20 * S);
	rig.told = rig.now + 60 * S;
	rig.car_ma[c2] = 16000;
	rig_run(&rig, 2 * S);
	assert_int_equal(rig_limit(&rig, c2), 32000);
	rig.over_us = rig.over_longest_us = 0;
	building(44000);
	rig_run(&rig, 60 * S);
	assert_in_range(rig.over_longest_us, 6 * S, 8 * S);
}

static void sample_late(int64_t totals[], int s, int late)
{
	struct bal_sample sample = { .at = rig.now, .good = true };

	for (int k = 0; k < PHASES; k++) {
		sample.current.l[k] = totals[s > late ? s - late : 0];
		sample.voltage_mv.l[k] = 230000;
	}
	balance_meter(rig.b, 0, &sample);
	rig_run(&rig, 0);
}

/* Stations report a draw that the meter has not seen yet: that must not make the building look
 * smaller, nor may the doubt of every single draw add up to a limit that is exceeded again and again. */
static void draws_that_are_newer_than_the_sample_do_not_shrink_the_building(void **state)
{
	const uint32_t conns[3] = { c1, c2, c3 };
	int64_t totals[600] = { 0 }, least = INT64_MAX;
	struct bal_zone_view v;
	int over_s = 0;

	(void)state;
	rig.meters = false;
	building(20000);
	rig_start(&rig);
	for (int s = 0; s < 600; s++) {
		totals[s] = 20000;
		for (int i = 0; i < 3 && s > 5; i++) {
			int64_t limit = rig_limit(&rig, conns[i]);
			int64_t draw = limit == NUM_NONE ? 0 : limit > 32000 ? 32000 : limit;

			rig_draw(&rig, conns[i], PHASE_ALL, draw);
			totals[s] += draw;
		}
		over_s += totals[s] > 80000;
		balance_zone_view(rig.b, 0, &v);
		if (s > 1 && v.non_ev.l[0] < least)
			least = v.non_ev.l[0];
		sample_late(totals, s, 1);
		for (int i = 0; i < 3 && s == 5; i++)
			charge(conns[i], 32000);
		rig_run(&rig, 1 * S);
	}
	assert_true(least >= 20000 - 3 * 1000);	/* 1 A of doubt for each car */
	assert_int_equal(over_s, 0);
	assert_in_range(totals[599], 72000, 80000);
}

static void a_restart_does_not_cut_cars_that_keep_the_limit(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };
	mono_t t;

	(void)state;
	conf.conns = rig.conns;
	building(20000);
	rig_start(&rig);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 120 * S);
	assert_in_range(rig_limit(&rig, c1), 29000, 30000);
	balance_free(rig.b);
	rig.b = balance_new();
	rig_forget(&rig);
	t = rig.now;
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		balance_restore(rig.b, i, rig.stored[i].w_ma, rig.stored[i].idle_acked);
		if (i != c3)
			rig_charge(&rig, i, 100 + i);
		else
			balance_use(rig.b, i, BAL_NONE, 0, false, rig.now);
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
	}
	rig_run(&rig, 60 * S);
	for (size_t i = 0; i < rig.sent_count; i++)
		if (rig.sent[i].order.kind == BAL_LIMIT_TX)
			assert_true(rig.sent[i].at < t || rig.sent[i].order.limit_ma >= 29000);
	assert_in_range(rig_limit(&rig, c1), 29000, 30000);
	assert_int_equal(rig.over_us, 0);
}

/* Right after the start, too, a cut is made once, although the next sample meets old draws. */
static void an_early_cut_does_not_pause_cars_that_fit(void **state)
{
	(void)state;
	rig.zones[0].dynamic = (struct phase_ma){ { 60000, 60000, 60000 } };
	building(10000);
	rig_start(&rig);
	balance_online(rig.b, "CP3", false, rig.now);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 12 * S);
	building(40000);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 9000);
	assert_int_equal(rig_limit(&rig, c2), 9000);
}

/* What is reserved for stations that have not answered yet is no draw that the limit is kept with. */
static void a_fresh_site_gives_the_cars_only_what_the_building_leaves(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };
	const uint32_t conns[3] = { c1, c2, c3 };

	(void)state;
	building(20000);
	conf.conns = rig.conns;
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_run(&rig, 2 * S);	/* the meter is read before the stations come */
	for (int i = 0; i < 3; i++) {
		balance_use(rig.b, conns[i], BAL_NONE, 0, false, rig.now);
		balance_online(rig.b, rig.conns[conns[i]].station, true, rig.now);
	}
	rig_run(&rig, 1 * S);
	for (int i = 0; i < 3; i++)
		charge(conns[i], 32000);
	rig_run(&rig, 120 * S);
	assert_int_equal(rig.over_us, 0);
	assert_in_range(rig_total(&rig, 0, 0), 70000, 80000);
}

static void a_frozen_time_stamp_is_a_silent_meter(void **state)
{
	struct bal_sample s = { .current = { { 10000, 10000, 10000 } }, .good = true };
	struct bal_zone_view v;

	(void)state;
	rig_start(&rig);
	rig.meters = false;
	s.at = rig.now;
	for (int i = 0; i < 20; i++) {
		balance_meter(rig.b, 0, &s);
		rig_run(&rig, 1 * S);
	}
	balance_zone_view(rig.b, 0, &v);
	assert_false(v.meter_ok);
	assert_string_equal(v.cap_why, "meter_lost");
}

static void what_a_car_leaves_is_given_away_after_its_acknowledgement(void **state)
{
	mono_t t;

	(void)state;
	rig_start(&rig);
	charge(c1, 10000);
	charge(c2, 32000);
	charge(c3, 32000);
	rig_run(&rig, 15 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	rig.answers[c1] = RIG_MUTE;
	t = rig.now;
	rig_run(&rig, 120 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 12000);
	assert_int_equal(rig_limit(&rig, c2), 20000);
	rig.answers[c1] = RIG_ACCEPTS;
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, c1), 12000);
	assert_int_equal(rig_limit(&rig, c2), 24000);
	assert_int_equal(rig_limit(&rig, c3), 24000);
	assert_false(rig.over);
}

static void a_reclaimed_limit_says_so(void **state)
{
	struct bal_cause cause;

	(void)state;
	rig_start(&rig);
	charge(c1, 10000);
	rig_run(&rig, 120 * S);
	assert_int_equal(balance_explain(rig.b, c1, &cause, 1, rig.now), 1);
	assert_string_equal(cause.text, "reclaimed: draws 10 A, may take 12 A");
}

static void a_car_that_wants_more_again_gets_it_in_growing_steps(void **state)
{
	(void)state;
	rig_start(&rig);
	charge(c1, 10000);
	rig_run(&rig, 120 * S);
	assert_int_equal(rig_limit(&rig, c1), 12000);
	rig.car_ma[c1] = 32000;
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c1), 32000);
}

static void a_single_phase_car_is_learned_and_frees_the_other_phases(void **state)
{
	struct bal_conn_view v;

	(void)state;
	rig_start(&rig);
	rig.car_phases[c1] = 2;
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	rig_run(&rig, 120 * S);
	balance_conn_view(rig.b, c1, &v);
	assert_int_equal(v.phases, 2);
	rig.car_phases[c1] = 3;		/* widened at once */
	rig_run(&rig, 11 * S);
	balance_conn_view(rig.b, c1, &v);
	assert_int_equal(v.phases, 7);
}

static phase_mask_t phases_of(uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(rig.b, conn, &v);
	return v.phases;
}

/* Draws so much on L1 for a while; whether it counts on L1 alone after that. */
static bool is_learned_after(int64_t car_ma, int64_t for_us)
{
	rig_fini(&rig);
	static_zone(NULL);
	rig_start(&rig);
	rig.car_phases[c1] = 1;
	charge(c1, car_ma);
	rig_run(&rig, 10 * S + for_us);
	return phases_of(c1) == 1;
}

/* That is the end of its start: what it does not use then it is not going to use. */
static void a_car_that_takes_all_it_is_offered_is_learned_in_half_a_minute(void **state)
{
	(void)state;
	assert_false(is_learned_after(32000, 20 * S));
	assert_true(is_learned_after(32000, 45 * S));
	assert_false(is_learned_after(16000, 50 * S));
	assert_true(is_learned_after(16000, 75 * S));
}

/* As chargers of several modules do. Between its first phase and its last nobody may be given what they leave. */
static void a_car_that_begins_phase_by_phase_is_never_taken_for_a_smaller_one(void **state)
{
	static const phase_mask_t begins[] = { 1, 3, PHASE_ALL };

	(void)state;
	rig_start(&rig);
	rig.car_phases[c1] = 0;
	charge(c1, 32000);
	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		rig.car_phases[c1] = begins[i];
		for (int s = 0; s < 30; s++) {
			rig_run(&rig, 1 * S);
			assert_int_equal(phases_of(c1), PHASE_ALL);
		}
	}
	rig_run(&rig, 300 * S);
	assert_int_equal(phases_of(c1), PHASE_ALL);
}

static void zero_placeholders_do_not_make_a_car_single_phase(void **state)
{
	struct phase_ma l1_only = { { 16000, 0, 0 } };
	struct bal_conn_view v;

	(void)state;
	rig_start(&rig);
	charge(c1, 0);
	for (int i = 0; i < 20; i++) {
		balance_draw(rig.b, c1, &l1_only, 11040, rig.now);
		rig_run(&rig, 10 * S);
	}
	balance_conn_view(rig.b, c1, &v);
	assert_int_equal(v.phases, 7);
}

int main(void)
{
#define DYNAMIC(f) cmocka_unit_test_setup_teardown(f, measured_zone, stop)
#define STATIC(f)  cmocka_unit_test_setup_teardown(f, static_zone, stop)
	const struct CMUnitTest tests[] = {
		DYNAMIC(cars_get_what_the_building_leaves),
		DYNAMIC(a_jump_of_the_building_cuts_on_the_turn_of_the_sample),
		DYNAMIC(cars_that_draw_less_than_their_limits_are_cut_below_their_draws),
		DYNAMIC(a_silent_meter_lowers_all_to_meter_lost_within_15_s),
		DYNAMIC(a_silent_meter_is_the_reason_given),
		DYNAMIC(nothing_rises_while_the_meter_is_late),
		DYNAMIC(recovery_needs_three_good_samples_and_rises_slowly),
		DYNAMIC(a_car_that_has_told_nothing_does_not_keep_the_limit_exceeded),
		DYNAMIC(cars_that_start_into_a_cut_do_not_keep_the_limit_exceeded),
		DYNAMIC(a_building_that_steps_up_and_down_stays_inside_of_its_bounds),
		DYNAMIC(draws_that_are_newer_than_the_sample_do_not_shrink_the_building),
		DYNAMIC(a_restart_does_not_cut_cars_that_keep_the_limit),
		DYNAMIC(an_early_cut_does_not_pause_cars_that_fit),
		DYNAMIC(a_fresh_site_gives_the_cars_only_what_the_building_leaves),
		DYNAMIC(a_frozen_time_stamp_is_a_silent_meter),
		STATIC(what_a_car_leaves_is_given_away_after_its_acknowledgement),
		STATIC(a_reclaimed_limit_says_so),
		STATIC(a_car_that_wants_more_again_gets_it_in_growing_steps),
		STATIC(a_single_phase_car_is_learned_and_frees_the_other_phases),
		STATIC(a_car_that_takes_all_it_is_offered_is_learned_in_half_a_minute),
		STATIC(a_car_that_begins_phase_by_phase_is_never_taken_for_a_smaller_one),
		STATIC(zero_placeholders_do_not_make_a_car_single_phase),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
