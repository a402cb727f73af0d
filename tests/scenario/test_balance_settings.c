/* Every time and threshold of a zone is obeyed, and holds below it: the cars hang on a board that says
 * nothing itself, the settings are those of the zone that feeds it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "helper_rig.h"

#define S US_PER_S

static struct rig rig;
static uint32_t c1, c2;

static void site(int64_t cap_ma, const struct bal_timers *timers)
{
	rig_init(&rig);
	rig_zone(&rig, "site", -1, cap_ma);
	rig.zones[0].timers = *timers;
	rig_zone(&rig, "board", 0, cap_ma);
	c1 = rig_conn(&rig, "CP1/1", "CP1", 1);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 1);
}

static void measured(const struct bal_timers *timers, int64_t building_ma)
{
	site(100000, timers);
	rig.zones[1].dynamic = (struct phase_ma){ { 80000, 80000, 80000 } };
	rig.zones[1].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	rig.meters = true;
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[1][k] = building_ma;
	rig_start(&rig);
}

static void building(int64_t ma)
{
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[1][k] = ma;
}

static void charge(uint32_t conn, int64_t car_ma)
{
	rig.car_ma[conn] = car_ma;
	rig_charge(&rig, conn, 100 + conn);
}

static int64_t target(uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(rig.b, conn, &v);
	return v.target_ma;
}

/* Until `happened` says so, in whole seconds; at most two hours. */
static int64_t time_until(bool (*happened)(void))
{
	mono_t from = rig.now;

	while (!happened() && rig.now < from + 7200 * S)
		rig_run(&rig, 1 * S);
	return rig.now - from;
}

static bool second_charges(void) { return target(c2) > 0; }
static bool first_charges(void) { return target(c1) > 0; }
static bool place_is_given_up(void) { return strcmp(rig_why(&rig, c1), "welcome_over") == 0; }
static bool is_reclaimed(void) { return rig_limit(&rig, c1) <= 12000; }

/* ---- one measurement per time ------------------------------------------------------------------ */

static int64_t two_in_turn(struct bal_timers timers)
{
	site(10000, &timers);
	rig_start(&rig);
	charge(c1, 0);
	rig_run(&rig, 2 * S);
	charge(c2, 0);
	return time_until(second_charges);
}

static int64_t measure_min_on(struct bal_timers timers)
{
	timers.rotate_us = 10 * S;	/* its turn would be over sooner */
	return two_in_turn(timers);
}

static int64_t measure_rotate(struct bal_timers timers)
{
	timers.min_on_us = 5 * S;
	return two_in_turn(timers);
}

static int64_t measure_min_off(struct bal_timers timers)
{
	const struct bal_outer_limit no_current = { .limit = { { 0, 0, 0 } } };

	site(32000, &timers);
	rig_start(&rig);
	charge(c1, 0);
	rig_run(&rig, 30 * S);
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, &no_current);
	rig_run(&rig, 1 * S);
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, NULL);
	return time_until(first_charges);
}

static int64_t measure_welcome(struct bal_timers timers)
{
	site(32000, &timers);
	rig_start(&rig);
	balance_use(rig.b, c1, BAL_WELCOME, 0, false, rig.now);
	rig_run(&rig, 0);
	assert_string_equal(rig_why(&rig, c1), "welcome");
	return time_until(place_is_given_up);
}

static int64_t measure_reclaim(struct bal_timers timers)
{
	site(32000, &timers);
	rig.meters = true;	/* for the draws */
	rig_start(&rig);
	charge(c1, 10000);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	return time_until(is_reclaimed);
}

static int64_t held(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 1, &v);
	return v.budget.l[0];
}

/* Until the budget rises, from now. */
static int64_t time_to_raise(void)
{
	mono_t from = rig.now;

	for (int64_t before = held(); rig.now < from + 3600 * S; before = held()) {
		rig_run(&rig, 1 * S);
		if (held() > before)
			break;
	}
	return rig.now - from;
}

static int64_t measure_raise(struct bal_timers timers)
{
	measured(&timers, 70000);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 300 * S);
	building(0);
	time_to_raise();
	return time_to_raise();
}

static int64_t measure_raise_after_cut(struct bal_timers timers)
{
	mono_t cut;

	measured(&timers, 20000);
	charge(c1, 32000);
	charge(c2, 32000);
	rig_run(&rig, 600 * S);
	building(60000);
	rig_run(&rig, 1 * S);
	cut = rig.now;
	building(0);
	time_to_raise();
	return rig.now - cut;
}

static bool meter_is_stale(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 1, &v);
	return !v.meter_ok;
}

static bool meter_is_lost(void)
{
	struct bal_zone_view v;

	balance_zone_view(rig.b, 1, &v);
	return v.meter_lost;
}

static int64_t measure_stale(struct bal_timers timers)
{
	measured(&timers, 20000);
	rig_run(&rig, 10 * S);
	rig.meters = false;
	return time_until(meter_is_stale);
}

static int64_t measure_lost(struct bal_timers timers)
{
	measured(&timers, 20000);
	rig_run(&rig, 10 * S);
	rig.meters = false;
	return time_until(meter_is_lost);
}

static const struct {
	const char *name;
	size_t timer;
	int64_t set_us, default_us, within_us;
	int64_t (*measure)(struct bal_timers timers);
} timers[] = {
#define TIMER(t) #t, offsetof(struct bal_timers, t##_us)
	{ TIMER(min_on), 60 * S, 300 * S, 5 * S, measure_min_on },
	{ TIMER(min_off), 30 * S, 180 * S, 5 * S, measure_min_off },
	{ TIMER(rotate), 90 * S, 900 * S, 5 * S, measure_rotate },
	{ TIMER(welcome), 20 * S, 210 * S, 2 * S, measure_welcome },
	{ TIMER(reclaim), 200 * S, 60 * S, 20 * S, measure_reclaim },
	{ TIMER(raise), 50 * S, 15 * S, 2 * S, measure_raise },
	{ TIMER(raise_after_cut), 120 * S, 30 * S, 5 * S, measure_raise_after_cut },
	{ TIMER(meter_stale), 3 * S, 5 * S, 1 * S, measure_stale },
	{ TIMER(meter_lost), 6 * S, 8 * S, 1 * S, measure_lost },
};

static void check_time(size_t i, const char *which, int64_t took_us, int64_t expected_us)
{
	rig_fini(&rig);
	if (took_us < expected_us - timers[i].within_us || took_us > expected_us + timers[i].within_us)
		fail_msg("%s, %s: took %lld s instead of %lld s", timers[i].name, which,
			 (long long)(took_us / S), (long long)(expected_us / S));
}

static void each_time_of_the_zone_above_holds_and_has_its_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		struct bal_timers t = { 0 };

		check_time(i, "by default", timers[i].measure(t), timers[i].default_us);
		memcpy((char *)&t + timers[i].timer, &timers[i].set_us, sizeof(int64_t));
		check_time(i, "set", timers[i].measure(t), timers[i].set_us);
	}
}

static void a_zone_with_a_time_of_its_own_has_that_one(void **state)
{
	struct bal_timers t = { .welcome_us = 500 * S };

	(void)state;
	site(32000, &t);
	rig.zones[1].timers.welcome_us = 40 * S;
	rig_start(&rig);
	balance_use(rig.b, c1, BAL_WELCOME, 0, false, rig.now);
	rig_run(&rig, 0);
	assert_in_range(time_until(place_is_given_up), 39 * S, 41 * S);
	rig_fini(&rig);
}

/* ---- thresholds -------------------------------------------------------------------------------- */

static int64_t given_in_seven_amperes(int64_t start_permille)
{
	const struct bal_timers none = { 0 };
	int64_t got;

	site(100000, &none);
	rig.zones[0].thresholds.start_permille = start_permille;
	rig.zones[1].dynamic = (struct phase_ma){ { 80000, 80000, 80000 } };
	rig.zones[1].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	rig.meters = true;
	building(73000);
	rig_start(&rig);
	charge(c1, 32000);
	rig_run(&rig, 120 * S);
	got = target(c1);
	rig_fini(&rig);
	return got;
}

static void a_start_needs_the_head_room_that_the_zone_above_says(void **state)
{
	(void)state;
	assert_int_equal(given_in_seven_amperes(0), 0);		/* 7.2 A by default */
	assert_in_range(given_in_seven_amperes(1000), 6000, 7000);
	assert_in_range(given_in_seven_amperes(1100), 6000, 7000);
	assert_int_equal(given_in_seven_amperes(1500), 0);
}

/* When one of two leaves 2 A to the other: how long until he gets them? */
static int64_t wait_for_two_amperes(int64_t small_raise_ma)
{
	const struct bal_timers none = { 0 };
	mono_t from;

	site(32000, &none);
	rig.zones[0].thresholds.small_raise_ma = small_raise_ma;
	rig_start(&rig);
	charge(c1, 0);
	charge(c2, 0);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c2), 16000);
	balance_conn_cap(rig.b, c1, 14000, rig.now);
	for (from = rig.now; rig_limit(&rig, c2) < 18000 && rig.now < from + 600 * S;)
		rig_run(&rig, 1 * S);
	rig_fini(&rig);
	return rig.now - from;
}

static void small_increases_wait_as_the_zone_above_says(void **state)
{
	(void)state;
	assert_in_range(wait_for_two_amperes(0), 5 * S, 8 * S);
	assert_in_range(wait_for_two_amperes(3000), 60 * S, 70 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_time_of_the_zone_above_holds_and_has_its_default),
		cmocka_unit_test(a_zone_with_a_time_of_its_own_has_that_one),
		cmocka_unit_test(a_start_needs_the_head_room_that_the_zone_above_says),
		cmocka_unit_test(small_increases_wait_as_the_zone_above_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
