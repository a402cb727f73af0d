/* Who charges when not all can: classes, turns, minimum times, places for cars that just came. */
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

static void twenty_amperes_serve_three_and_the_others_queue(void **state)
{
	(void)state;
	rig_park(&rig, 20000, 5);
	rig_charge_all(&rig, 5);
	assert_int_equal(rig_limit(&rig, 0), 6700);
	assert_int_equal(rig_limit(&rig, 1), 6700);
	assert_int_equal(rig_limit(&rig, 2), 6600);
	assert_int_equal(rig_limit(&rig, 3), 0);
	assert_int_equal(rig_limit(&rig, 4), 0);
	assert_string_equal(text(3), "first in the queue of zone P1: 20 A is too little for all on L1");
	assert_string_equal(text(4), "second in the queue of zone P1: 20 A is too little for all on L1");
}

static void everyone_gets_a_turn_within_the_bounds_of_the_timers(void **state)
{
	mono_t off[5], longest = 0;
	bool on[5] = { false };
	int changes = 0;

	(void)state;
	rig_park(&rig, 20000, 5);
	rig_charge_all(&rig, 5);
	for (int i = 0; i < 5; i++) {
		off[i] = rig.now;
		on[i] = rig_limit(&rig, (uint32_t)i) >= 6000;
	}
	for (int s = 0; s < 6 * 3600; s += 5) {
		rig_run(&rig, 5 * S);
		for (int i = 0; i < 5; i++) {
			bool is_on = rig_limit(&rig, (uint32_t)i) >= 6000;

			if (is_on && !on[i] && rig.now - off[i] > longest)
				longest = rig.now - off[i];
			if (!is_on && on[i])
				off[i] = rig.now;
			changes += is_on != on[i];
			on[i] = is_on;
		}
		assert_in_range(rig_charging(&rig, 5), 1, 3);
	}
	/* ceil(5 / 3) = 2 turns of 15 minutes, and the time to lower others first. */
	assert_in_range(longest, 1, 30 * MIN + 20 * S);
	/* Each of three places changes hands at most every 15 minutes. */
	assert_in_range(changes, 60, 3 * 2 * 4 * 6);
	assert_false(rig.over);
}

static void a_newcomer_waits_for_the_end_of_a_turn_but_not_for_all_that_others_got(void **state)
{
	mono_t end;

	(void)state;
	rig_park(&rig, 12000, 3);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 5 * 60 * MIN);
	rig_charge(&rig, 2, 102);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_charging(&rig, 3), 2);
	rig_run(&rig, 16 * MIN);
	assert_int_equal(rig_limit(&rig, 2), 6000);
	/* It does not keep its place until it has five hours, too. */
	for (end = rig.now + 50 * MIN; rig.now < end && rig_limit(&rig, 2) > 0;)
		rig_run(&rig, MIN);
	assert_int_equal(rig_limit(&rig, 2), 0);
}

/* Two single-phase cars whose turns end at different times hold the phases that a third needs both:
 * unless both give way at one time, it never charges. */
/* Else it would charge alone for as long as the others have charged since that car was full. */
static void a_newcomer_does_not_start_with_what_a_full_car_once_got(void **state)
{
	(void)state;
	rig_park(&rig, 10000, 3);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 5 * MIN);
	balance_use(rig.b, 0, BAL_FULL, 100, false, rig.now);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 60 * MIN);
	assert_int_equal(rig_limit(&rig, 1), 10000);
	rig_charge(&rig, 2, 102);
	for (mono_t end = rig.now + 16 * MIN; rig.now < end && !rig_limit(&rig, 2);)
		rig_run(&rig, 1 * S);
	assert_int_equal(rig_limit(&rig, 2), 10000);
	rig_run(&rig, 16 * MIN);
	assert_int_equal(rig_limit(&rig, 1), 10000);
}

static void cars_that_take_turns_do_not_shut_out_one_that_needs_both_places(void **state)
{
	mono_t end;

	(void)state;
	rig_park(&rig, 10000, 3);
	rig.conns[0].wiring = BAL_L1;
	rig.conns[1].wiring = BAL_L2;
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 7 * MIN);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 10 * MIN);
	assert_int_equal(rig_charging(&rig, 3), 2);
	rig_charge(&rig, 2, 102);
	for (end = rig.now + 20 * MIN; rig.now < end && rig_charging(&rig, 3) != 1;)
		rig_run(&rig, MIN);
	assert_int_equal(rig_limit(&rig, 2), 10000);
	rig_run(&rig, 20 * MIN);
	assert_int_equal(rig_limit(&rig, 0), 10000);
	assert_int_equal(rig_limit(&rig, 1), 10000);
}

static void a_vip_takes_a_place_at_once(void **state)
{
	(void)state;
	rig_park(&rig, 12000, 3);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_charging(&rig, 2), 2);
	balance_use(rig.b, 2, BAL_CHARGING, 102, true, rig.now);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, 2), 6000);
	assert_int_equal(rig_limit(&rig, 0), 6000);
	assert_int_equal(rig_limit(&rig, 1), 0);
	assert_string_equal(text(1), "zone P1 is full on L1: 12 A, and CP3/1 goes first");
}

static void a_paused_car_stays_paused_for_the_minimum_off_time(void **state)
{
	mono_t t;

	(void)state;
	rig_park(&rig, 12000, 3);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 30 * S);
	balance_use(rig.b, 2, BAL_CHARGING, 102, true, rig.now);
	rig_run(&rig, 10 * S);
	t = rig.now;
	balance_use(rig.b, 2, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 2 * MIN);
	assert_null(rig_sent(&rig, 1, t));
	assert_string_equal(rig_why(&rig, 1), "minimum_off");
	rig_run(&rig, 1 * MIN);
	assert_int_equal(rig_limit(&rig, 1), 6000);
}

/* Seen with a station that takes 7 s for every answer: it was paused for 3 min at a free zone. */
static void a_car_whose_station_answers_late_was_not_switched_off(void **state)
{
	(void)state;
	rig_park(&rig, 100000, 2);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig.answers[1] = RIG_TIMES_OUT;
	balance_booted(rig.b, rig.stations[1], rig.now);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 60 * S);
	rig.answers[1] = RIG_ACCEPTS;
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, 1), 32000);
}

static void a_place_is_kept_for_a_car_that_was_plugged_in_but_not_for_ever(void **state)
{
	(void)state;
	rig_park(&rig, 32000, 2);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 32000);
	balance_use(rig.b, 1, BAL_WELCOME, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, 0), 26000);
	assert_string_equal(rig_why(&rig, 1), "welcome");
	rig_run(&rig, 4 * MIN);
	assert_int_equal(rig_limit(&rig, 0), 32000);
	assert_string_equal(rig_why(&rig, 1), "welcome_over");
}

static void a_car_about_to_start_finds_its_current_free(void **state)
{
	mono_t t;

	(void)state;
	rig_park(&rig, 32000, 2);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 30 * S);
	balance_use(rig.b, 1, BAL_WAITS, 0, false, rig.now);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, 0), 16000);
	t = rig.now;
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 1);
	assert_int_equal(rig_sent(&rig, 1, t)->limit_ma, 16000);
}

static void a_full_car_gets_what_is_left(void **state)
{
	(void)state;
	rig_park(&rig, 12000, 2);
	rig_start(&rig);
	balance_use(rig.b, 0, BAL_FULL, 100, false, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 6000);
	assert_string_equal(rig_why(&rig, 0), "full_car");
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 0);
	assert_int_equal(rig_limit(&rig, 1), 12000);
	balance_conn_cap(rig.b, 1, 6000, rig.now);
	rig_run(&rig, 4 * MIN);
	assert_int_equal(rig_limit(&rig, 0), 6000);
	assert_int_equal(rig_limit(&rig, 1), 6000);
}

static void a_socket_without_pilot_has_all_or_nothing(void **state)
{
	(void)state;
	rig_park(&rig, 30000, 2);
	rig.conns[0].on_off = true;
	rig.conns[0].max_ma = 16000;
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 16000);
	assert_int_equal(rig_limit(&rig, 1), 14000);
	balance_conn_cap(rig.b, 0, 10000, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 0);
	assert_int_equal(rig_limit(&rig, 1), 30000);
}

static void policies_decide_who_is_filled_first(void **state)
{
	static const struct {
		enum bal_policy policy;
		int64_t expect[3];
	} cases[] = {	/* 40 A; the third is a VIP with priority 2, the second has priority 1 */
		{ BAL_KEEP_MIN, { 6000, 6000, 28000 } },
		{ BAL_STRICT, { 8000, 0, 32000 } },
		{ BAL_EQUAL, { 13400, 13300, 13300 } },
		{ BAL_PRIORITY, { 6000, 6000, 28000 } },
		{ BAL_FIFO, { 28000, 6000, 6000 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_park(&rig, 40000, 3);
		rig.zones[0].policy = cases[i].policy;
		rig.conns[1].priority = 1;
		rig.conns[2].priority = 2;
		rig.conns[2].vip = true;
		rig_charge_all(&rig, 3);
		rig_run(&rig, 60 * S);
		for (uint32_t k = 0; k < 3; k++)
			if (rig_limit(&rig, k) != cases[i].expect[k])
				fail_msg("policy %d: connector %u has %lld", (int)cases[i].policy, k,
					 (long long)rig_limit(&rig, k));
		rig_fini(&rig);
		rig_init(&rig);
	}
}

static void many_changes_at_once_make_few_messages(void **state)
{
	(void)state;
	rig_park(&rig, 60000, 8);
	rig_start(&rig);
	rig_forget(&rig);
	for (uint32_t i = 0; i < 8; i++) {
		rig_charge(&rig, i, 100 + i);
		rig_run(&rig, 2 * US_PER_MS);
	}
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 7), 7500);
	/* The first was answered at once and had to give way again; the others came together. */
	assert_in_range(rig.sent_count, 9, 12);
}

/* While MeterValues and answers keep the site busy. */
static void a_car_does_not_wait_for_the_changes_before_it(void **state)
{
	mono_t t;

	(void)state;
	rig_park(&rig, 100000, 3);
	rig_charge_all(&rig, 2);
	rig_run(&rig, 30 * S);
	balance_conn_cap(rig.b, 0, 20000, rig.now);
	rig_run(&rig, 5 * US_PER_MS);
	t = rig.now;
	rig_charge(&rig, 2, 102);
	rig_run(&rig, 20 * US_PER_MS);
	assert_non_null(rig_sent(&rig, 2, t));
}

static void a_raise_below_one_ampere_waits_until_it_is_worth_it(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 2 };
	mono_t t;

	(void)state;
	rig_park(&rig, 40000, 2);
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 20000);
	rig.zones[0].cap = (struct phase_ma){ { 41000, 41000, 41000 } };
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	t = rig.now;
	rig_run(&rig, 50 * S);
	assert_null(rig_sent(&rig, 0, t));
	assert_string_equal(rig_why(&rig, 0), "small_raise");
	rig_run(&rig, 15 * S);
	assert_int_equal(rig_limit(&rig, 0), 20500);
	rig.zones[0].cap = (struct phase_ma){ { 40800, 40800, 40800 } };
	t = rig.now;
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_sent(&rig, 0, t)->limit_ma, 20400);
}

static void a_start_needs_head_room_where_the_zone_is_measured(void **state)
{
	(void)state;
	rig_park(&rig, 60000, 1);
	rig.meters = true;
	rig.zones[0].dynamic = (struct phase_ma){ { 50000, 50000, 50000 } };
	rig.zones[0].meter_lost = (struct phase_ma){ { 0, 0, 0 } };
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = 43000;
	rig_start(&rig);
	rig.car_ma[0] = 32000;
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, 0), 0);	/* 7 A left: 7.2 A needed */
	for (int k = 0; k < PHASES; k++)
		rig.building_ma[0][k] = 42000;
	rig_run(&rig, 60 * S);
	assert_in_range(rig_limit(&rig, 0), 6000, 8000);
}

static void cap_becomes(int64_t ma)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = rig.zone_count, .conns = rig.conns, .conn_count = rig.conn_count };

	rig.zones[0].cap = (struct phase_ma){ { ma, ma, ma } };
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
}

/* The minimum-off time is for cars that were switched off, not for those that were never on. */
static void a_car_that_never_charged_need_not_pause(void **state)
{
	(void)state;
	rig_park(&rig, 60000, 1);
	rig_start(&rig);
	rig_run(&rig, 10 * S);
	balance_store_failed(rig.b, true);	/* admitted, but nothing rises */
	rig_charge(&rig, 0, 100);
	rig_run(&rig, 2 * S);
	cap_becomes(5000);
	rig_run(&rig, 2 * S);
	assert_int_equal(rig_charging(&rig, 1), 0);
	balance_store_failed(rig.b, false);
	cap_becomes(60000);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, 0), 32000);
}

/* A configuration with fewer zones and connectors, looked at before its first turn. */
static void reasons_do_not_speak_of_what_is_gone(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .conns = rig.conns };
	struct bal_conn_view v;
	char words[200];
	struct diag d;

	(void)state;
	rig_zone(&rig, "site", -1, 100000);
	rig_zone(&rig, "park", 0, 100000);
	rig_zone(&rig, "station CP1", 1, 20000);
	rig.zones[2].of_station = true;
	rig_conn(&rig, "CP0/1", "CP0", 0);
	rig_conn(&rig, "CP1/1", "CP1", 2);
	rig_conn(&rig, "CP1/2", "CP1", 2);
	rig_start(&rig);
	rig_charge(&rig, 1, 1);
	rig_charge(&rig, 2, 2);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 1), 10000);
	assert_string_equal(text(1), "station CP1 is full on L1: 20 A shared by 2");

	rig.conns[0] = rig.conns[1];
	rig.conns[0].zone = 0;
	conf.zone_count = 1;
	conf.conn_count = 1;
	diag_init(&d);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, &d), 0);
	balance_conn_view(rig.b, 0, &v);
	balance_reason_text(rig.b, &v.reason, words, sizeof(words));
	assert_string_equal(v.reason.name, "none");
	rig.zone_count = rig.conn_count = 1;
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, 0), 32000);
}

static void cars_on(const phase_mask_t *phases, uint32_t cars)
{
	rig.meters = true;
	for (uint32_t i = 0; i < cars; i++) {
		rig.car_ma[i] = 32000;
		rig.car_phases[i] = phases[i];
	}
}

/* 10 A serve one car per phase. A car on L1 keeps L2 and L3 from one that needs them, too: its turn is as long
 * as its contactor must rest. One on three phases keeps away nothing else. */
static void a_turn_that_leaves_phases_unused_is_short(void **state)
{
	(void)state;
	for (phase_mask_t phases = 1; phases <= PHASE_ALL; phases = (phase_mask_t)(phases + 6)) {
		rig_fini(&rig);
		rig_init(&rig);
		rig.zone_count = rig.conn_count = 0;
		rig_park(&rig, 10000, 2);
		if (phases == 1)
			rig.conns[0].wiring = BAL_L1;	/* nothing to be learned */
		cars_on((const phase_mask_t[]){ phases, PHASE_ALL }, 2);
		rig_charge_all(&rig, 2);
		rig_run(&rig, 4 * MIN);
		assert_int_equal(rig_limit(&rig, 0), 10000);
		rig_run(&rig, 2 * MIN);
		assert_int_equal(rig_limit(&rig, 0), phases == 1 ? 0 : 10000);
		assert_int_equal(rig_limit(&rig, 1), phases == 1 ? 10000 : 0);
		rig_run(&rig, 10 * MIN);
		assert_int_equal(rig_limit(&rig, 1), 10000);
		assert_false(rig.over);
	}
}

/* Each counts on all phases until it has charged: those that wait for that do it one after the other, then all
 * of them charge beside each other. */
static void cars_to_be_learned_share_one_pause_of_the_others(void **state)
{
	int switched = 0;

	(void)state;
	rig_park(&rig, 10000, 3);
	cars_on((const phase_mask_t[]){ 1, 2, 4 }, 3);
	rig_charge_all(&rig, 3);
	for (int s = 0; s < 3 * 60; s++) {
		assert_in_range(rig_charging(&rig, 3), 0, 2);
		rig_run(&rig, 1 * S);
	}
	rig_run(&rig, 150 * S);		/* those that made way pause as long as any other */
	assert_int_equal(rig_charging(&rig, 3), 3);
	assert_false(rig.over);
	for (size_t i = 0; i < rig.sent_count; i++)
		switched += rig.sent[i].order.kind == BAL_LIMIT_TX && rig.sent[i].order.limit_ma == 0;
	assert_in_range(switched, 2, 2 + 3);	/* two made way; each has its limit of 0 first */
	rig_run(&rig, 120 * MIN);
	assert_int_equal(rig_charging(&rig, 3), 3);
	/* With nobody who needs what they leave they stay. */
	for (size_t i = 0; i < rig.sent_count; i++)
		switched -= rig.sent[i].order.kind == BAL_LIMIT_TX && rig.sent[i].order.limit_ma == 0;
	assert_int_equal(switched, 0);
}

/* Cars on L1 and L2, two of each, whose turns end at different times, and one on all phases that is next: what
 * comes free is kept for it, and it charges when the last of those turns is over. */
static void who_is_next_is_not_kept_out_by_places_that_come_free_one_by_one(void **state)
{
	mono_t end;

	(void)state;
	rig_park(&rig, 10000, 5);
	rig.conns[0].wiring = rig.conns[1].wiring = BAL_L1;
	rig.conns[2].wiring = rig.conns[3].wiring = BAL_L2;
	rig_start(&rig);
	rig_charge(&rig, 0, 100);
	rig_charge(&rig, 1, 101);
	rig_run(&rig, 4 * MIN);
	rig_charge(&rig, 2, 102);
	rig_charge(&rig, 3, 103);
	rig_run(&rig, 1 * MIN);
	assert_int_equal(rig_charging(&rig, 5), 2);
	rig_charge(&rig, 4, 104);
	for (end = rig.now + 15 * MIN + 20 * S; rig.now < end && !rig_limit(&rig, 4);)
		rig_run(&rig, 1 * S);
	assert_int_equal(rig_limit(&rig, 4), 10000);
	assert_false(rig.over);
}

static void a_vehicle_may_ask_for_more_than_six_amperes(void **state)
{
	(void)state;
	rig_park(&rig, 15000, 2);
	rig_charge_all(&rig, 2);
	assert_int_equal(rig_limit(&rig, 0), 7500);
	assert_int_equal(rig_limit(&rig, 1), 7500);
	balance_conn_min(rig.b, 0, 8000);
	rig_run(&rig, 30 * S);
	/* 8 and 6 A fit together; each has what it needs. */
	assert_int_equal(rig_limit(&rig, 0), 8000);
	assert_int_equal(rig_limit(&rig, 1), 7000);
	balance_conn_min(rig.b, 0, 10000);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_charging(&rig, 2), 1);	/* 10 and 6 A do not */
	balance_conn_min(rig.b, 0, NUM_NONE);
	rig_run(&rig, 400 * S);
	assert_int_equal(rig_charging(&rig, 2), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(twenty_amperes_serve_three_and_the_others_queue),
		TEST(everyone_gets_a_turn_within_the_bounds_of_the_timers),
		TEST(a_turn_that_leaves_phases_unused_is_short),
		TEST(cars_to_be_learned_share_one_pause_of_the_others),
		TEST(who_is_next_is_not_kept_out_by_places_that_come_free_one_by_one),
		TEST(reasons_do_not_speak_of_what_is_gone),
		TEST(a_vehicle_may_ask_for_more_than_six_amperes),
		TEST(a_newcomer_waits_for_the_end_of_a_turn_but_not_for_all_that_others_got),
		TEST(a_newcomer_does_not_start_with_what_a_full_car_once_got),
		TEST(cars_that_take_turns_do_not_shut_out_one_that_needs_both_places),
		TEST(a_vip_takes_a_place_at_once),
		TEST(a_car_that_never_charged_need_not_pause),
		TEST(a_paused_car_stays_paused_for_the_minimum_off_time),
		TEST(a_car_whose_station_answers_late_was_not_switched_off),
		TEST(a_place_is_kept_for_a_car_that_was_plugged_in_but_not_for_ever),
		TEST(a_car_about_to_start_finds_its_current_free),
		TEST(a_full_car_gets_what_is_left),
		TEST(a_socket_without_pilot_has_all_or_nothing),
		TEST(policies_decide_who_is_filled_first),
		TEST(many_changes_at_once_make_few_messages),
		TEST(a_car_does_not_wait_for_the_changes_before_it),
		TEST(a_raise_below_one_ampere_waits_until_it_is_worth_it),
		TEST(a_start_needs_head_room_where_the_zone_is_measured),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
