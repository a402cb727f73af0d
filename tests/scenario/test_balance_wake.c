/* Cars that are offered current and take none: woken once, then full. */
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

static int static_zone(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "P1", -1, 60000);
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	assert_false(rig.over);
	rig_fini(&rig);
	return 0;
}

/* The car on c1 draws this for a while, told every 10 s. */
static void draws_for(int64_t ma, int64_t for_us)
{
	for (mono_t end = rig.now + for_us; rig.now < end;) {
		rig_draw(&rig, c1, PHASE_ALL, ma);
		rig_run(&rig, 10 * S);
	}
}

static int pulses(mono_t from)
{
	int n = 0;

	for (size_t i = 0; i < rig.sent_count; i++)
		n += rig.sent[i].at >= from && rig.sent[i].order.conn == c1 &&
		     rig.sent[i].order.kind == BAL_LIMIT_TX && rig.sent[i].order.limit_ma == 0;
	return n;
}

/* Charges, and falls silent now. */
static mono_t falls_silent(void)
{
	rig_start(&rig);
	rig_charge(&rig, c1, 100);
	rig_run(&rig, 10 * S);
	draws_for(16000, 60 * S);
	rig_forget(&rig);
	return rig.now;
}

static void a_silent_car_is_woken_exactly_once(void **state)
{
	mono_t t = falls_silent();
	const struct bal_order *o;

	(void)state;
	draws_for(0, 110 * S);
	assert_int_equal(pulses(t), 0);
	draws_for(0, 20 * S);
	assert_int_equal(pulses(t), 1);
	o = rig_sent(&rig, c1, t);
	assert_int_equal(o->limit_ma, 6000);
	assert_true(o->raises);
	draws_for(0, 3600 * S);
	assert_int_equal(pulses(t), 1);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_string_equal(rig_why(&rig, c1), "full_car");
}

static void its_current_comes_back_when_the_pulse_is_obeyed(void **state)
{
	mono_t t = falls_silent();

	(void)state;
	draws_for(0, 120 * S);
	rig_draw(&rig, c1, PHASE_ALL, 0);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_string_equal(rig_why(&rig, c1), "wakes");
	rig_run(&rig, 3 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 0);
	rig_run(&rig, 2 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 6000);
	assert_string_equal(rig_why(&rig, c1), "waits_wake");
}

static void a_car_that_wakes_charges_on_and_is_not_woken_again(void **state)
{
	struct bal_cause causes[6];
	mono_t t = falls_silent();
	size_t n;

	(void)state;
	draws_for(0, 140 * S);
	draws_for(6000, 40 * S);
	draws_for(16000, 60 * S);
	assert_true(rig_limit(&rig, c1) >= 16000);
	n = balance_explain(rig.b, c1, causes, 6, rig.now);
	assert_string_equal(causes[n - 1].text, "its car was woken 2 min ago");
	draws_for(0, 3600 * S);
	assert_int_equal(pulses(t), 1);
}

static void the_next_transaction_has_its_own_wake_up(void **state)
{
	mono_t t = falls_silent();

	(void)state;
	draws_for(0, 300 * S);
	assert_int_equal(pulses(t), 1);
	balance_use(rig.b, c1, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	t = rig.now;
	rig_charge(&rig, c1, 101);
	draws_for(0, 400 * S);
	assert_int_equal(pulses(t), 1);
}

static void a_car_that_says_itself_that_it_takes_nothing_is_woken_before_it_is_full(void **state)
{
	mono_t t;

	(void)state;
	rig_start(&rig);
	rig_charge(&rig, c1, 100);
	rig_run(&rig, 10 * S);
	draws_for(0, 30 * S);
	t = rig.now;
	balance_use(rig.b, c1, BAL_FULL, 100, false, rig.now);
	draws_for(0, 60 * S);
	assert_string_not_equal(rig_why(&rig, c1), "full_car");
	draws_for(0, 200 * S);
	assert_int_equal(pulses(t), 1);
	assert_string_equal(rig_why(&rig, c1), "full_car");
}

static void a_station_that_never_told_of_current_proves_no_silence(void **state)
{
	mono_t t;

	(void)state;
	rig_start(&rig);
	t = rig.now;
	rig_charge(&rig, c1, 100);
	draws_for(0, 1800 * S);
	assert_int_equal(pulses(t), 0);
	assert_string_not_equal(rig_why(&rig, c1), "full_car");
}

static void a_car_without_fresh_draws_is_not_woken(void **state)
{
	mono_t t = falls_silent();

	(void)state;
	rig_run(&rig, 1800 * S);
	assert_int_equal(pulses(t), 0);
	/* One sample, and nothing after it. */
	rig_draw(&rig, c1, PHASE_ALL, 0);
	balance_draw(rig.b, c1, &(struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } }, NUM_NONE, rig.now + 1);
	rig_run(&rig, 1800 * S);
	assert_int_equal(pulses(t), 0);
	/* What its car says alone makes it full, at once. */
	balance_use(rig.b, c1, BAL_FULL, 100, false, rig.now);
	rig_run(&rig, 1 * S);
	assert_string_equal(rig_why(&rig, c1), "full_car");
	rig_run(&rig, 1800 * S);
	assert_int_equal(pulses(t), 0);
}

static void how_long_it_may_be_silent_is_the_zone_s(void **state)
{
	mono_t t;

	(void)state;
	rig.zones[0].timers.wake_us = 400 * S;
	t = falls_silent();
	draws_for(0, 390 * S);
	assert_int_equal(pulses(t), 0);
	draws_for(0, 20 * S);
	assert_int_equal(pulses(t), 1);
}

static void a_socket_without_pilot_has_nothing_to_wake(void **state)
{
	mono_t t;

	(void)state;
	rig.conns[c1].on_off = true;
	t = falls_silent();
	draws_for(0, 1800 * S);
	assert_int_equal(pulses(t), 0);
}

/* It drew, we paused it, it fell asleep: it has its wake-up though it had one before. */
static void a_car_that_drew_until_it_was_paused_may_be_woken_again(void **state)
{
	mono_t t = falls_silent();

	(void)state;
	draws_for(0, 140 * S);
	draws_for(6000, 60 * S);
	assert_int_equal(pulses(t), 1);
	balance_conn_cap(rig.b, c1, 0, rig.now);
	draws_for(0, 300 * S);
	assert_int_equal(pulses(t), 2);		/* the pause */
	balance_conn_cap(rig.b, c1, NUM_NONE, rig.now);
	draws_for(0, 1800 * S);
	assert_int_equal(pulses(t), 3);
	/* A full one is not woken after each pause. */
	balance_conn_cap(rig.b, c1, 0, rig.now);
	draws_for(0, 300 * S);
	balance_conn_cap(rig.b, c1, NUM_NONE, rig.now);
	draws_for(0, 1800 * S);
	assert_int_equal(pulses(t), 4);
}

static void narrow_zone(void)
{
	for (int k = 0; k < PHASES; k++)
		rig.zones[0].cap.l[k] = 12000;
	rig.zones[0].timers.rotate_us = 36000 * S;
	rig.zones[0].timers.min_on_us = 1 * S;
	rig_start(&rig);
	rig_charge(&rig, c1, 100);
	rig_charge(&rig, c2, 200);
	rig_run(&rig, 10 * S);
	draws_for(6000, 60 * S);
}

static void its_place_is_kept_while_it_is_woken_and_lost_when_it_is_full(void **state)
{
	mono_t t;

	(void)state;
	narrow_zone();
	balance_use(rig.b, c1, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	rig_charge(&rig, c1, 101);	/* a car that takes nothing from the start */
	rig_run(&rig, 1 * S);
	rig_charge(&rig, c3, 300);
	t = rig.now;
	draws_for(0, 110 * S);
	assert_int_equal(rig_limit(&rig, c3), 0);
	draws_for(0, 30 * S);
	assert_int_equal(pulses(t), 1);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_int_equal(rig_limit(&rig, c3), 0);
	draws_for(0, 80 * S);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_int_equal(rig_limit(&rig, c3), 6000);
}

/* Nobody has to find out whether it sleeps: it was offered current all the time, and took it before. */
static void a_car_that_stops_of_itself_keeps_its_place_for_a_minute(void **state)
{
	(void)state;
	rig.conns[c3].max_ma = 6000;
	narrow_zone();
	rig_charge(&rig, c3, 300);
	draws_for(0, 50 * S);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_int_equal(rig_limit(&rig, c3), 0);
	draws_for(0, 30 * S);
	assert_int_equal(rig_limit(&rig, c1), 0);
	assert_string_equal(rig_why(&rig, c1), "queue");
	assert_int_equal(rig_limit(&rig, c3), 6000);
	/* It has what is left, and what it wants as soon as it takes that. */
	balance_use(rig.b, c2, BAL_NONE, 0, false, rig.now);
	draws_for(0, 190 * S);		/* the minimum-off time */
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_string_equal(rig_why(&rig, c1), "full_car");
	draws_for(6000, 30 * S);
	assert_string_not_equal(rig_why(&rig, c1), "full_car");
	rig_charge(&rig, c2, 201);
	draws_for(6000, 120 * S);
	assert_int_equal(rig_limit(&rig, c1), 6000);
}

/* What it does not draw while we pause it says nothing. */
static void a_car_that_was_paused_has_not_stopped_of_itself(void **state)
{
	(void)state;
	narrow_zone();
	balance_conn_cap(rig.b, c1, 0, rig.now);
	draws_for(0, 300 * S);
	balance_conn_cap(rig.b, c1, NUM_NONE, rig.now);
	draws_for(0, 30 * S);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_string_not_equal(rig_why(&rig, c1), "full_car");
	draws_for(0, 80 * S);
	assert_int_equal(rig_limit(&rig, c1), 6000);
	assert_string_not_equal(rig_why(&rig, c1), "full_car");
}

static void a_pulse_that_is_not_taken_ends(void **state)
{
	mono_t t = falls_silent();

	(void)state;
	draws_for(0, 120 * S);
	rig.answers[c1] = RIG_MUTE;
	draws_for(0, 300 * S);
	rig.answers[c1] = RIG_ACCEPTS;
	draws_for(0, 600 * S);
	assert_int_equal(pulses(t), 1);
	assert_int_equal(rig_limit(&rig, c1), 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, static_zone, stop)
		T(a_silent_car_is_woken_exactly_once),
		T(its_current_comes_back_when_the_pulse_is_obeyed),
		T(a_car_that_wakes_charges_on_and_is_not_woken_again),
		T(the_next_transaction_has_its_own_wake_up),
		T(a_car_that_says_itself_that_it_takes_nothing_is_woken_before_it_is_full),
		T(a_station_that_never_told_of_current_proves_no_silence),
		T(a_car_without_fresh_draws_is_not_woken),
		T(how_long_it_may_be_silent_is_the_zone_s),
		T(a_socket_without_pilot_has_nothing_to_wake),
		T(a_car_that_drew_until_it_was_paused_may_be_woken_again),
		T(its_place_is_kept_while_it_is_woken_and_lost_when_it_is_full),
		T(a_car_that_stops_of_itself_keeps_its_place_for_a_minute),
		T(a_car_that_was_paused_has_not_stopped_of_itself),
		T(a_pulse_that_is_not_taken_ends),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
