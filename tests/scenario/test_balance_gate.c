/* Acknowledgement gating under a virtual clock: when what is sent, and what counts meanwhile. */
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

static int three_stations(void **state)
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
	rig_fini(&rig);
	return 0;
}

static void two_charge(void)
{
	rig_start(&rig);
	rig_charge(&rig, c1, 11);
	rig_charge(&rig, c2, 12);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	assert_int_equal(rig_limit(&rig, c2), 30000);
}

static void answer(uint32_t conn, enum bal_answer how)
{
	const struct bal_order *o = rig_sent(&rig, conn, 0);

	balance_answer(rig.b, conn, o->token, how, rig.now);
	for (size_t i = 0; i < rig.sent_count; i++)
		if (rig.sent[i].order.token == o->token)
			rig.answered[i] = true;
}

static void a_third_car_gets_what_was_acknowledged_and_obeyed(void **state)
{
	mono_t t;

	(void)state;
	two_charge();
	rig.answers[c1] = rig.answers[c2] = RIG_MUTE;
	t = rig.now;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 20000);
	assert_int_equal(rig_sent(&rig, c2, t)->limit_ma, 20000);
	assert_null(rig_sent(&rig, c3, t));
	assert_string_equal(rig_why(&rig, c3), "waits_other");

	answer(c1, BAL_ACCEPTED);
	rig_run(&rig, 5 * S - 1);
	assert_null(rig_sent(&rig, c3, t));
	rig_run(&rig, 1);
	assert_int_equal(rig_sent(&rig, c3, t)->limit_ma, 10000);
	assert_true(rig_sent(&rig, c3, t)->raises);

	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, c3), 10000);
	answer(c2, BAL_ACCEPTED);
	rig_run(&rig, 6 * S);
	assert_int_equal(rig_limit(&rig, c3), 20000);
	assert_false(rig.over);
}

static void a_station_that_never_acknowledges_keeps_its_reservation(void **state)
{
	(void)state;
	two_charge();
	rig.answers[c2] = RIG_MUTE;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_w(&rig, c2), 30000);
	assert_int_equal(rig_limit(&rig, c3), 10000);
	assert_false(rig.over);
}

static void after_three_time_outs_the_others_share_what_is_left(void **state)
{
	mono_t t;

	(void)state;
	two_charge();
	rig.answers[c2] = RIG_TIMES_OUT;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_limit(&rig, c1), 15000);
	assert_int_equal(rig_w(&rig, c2), 30000);
	assert_int_equal(rig_limit(&rig, c3), 15000);
	assert_string_equal(rig_why(&rig, c2), "waits_retry");
	/* Retries back off: 10, 20, 40 … 300 s. */
	t = rig.now;
	rig_run(&rig, 601 * S);
	assert_in_range(rig.sent_count, 1, 30);
	rig.answers[c2] = RIG_ACCEPTS;
	rig_run(&rig, 400 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_limit(&rig, c2), 20000);
	assert_int_equal(rig_limit(&rig, c3), 20000);
	assert_non_null(rig_sent(&rig, c2, t));
	assert_false(rig.over);
}

static void a_decrease_is_credited_only_after_its_settle_time(void **state)
{
	(void)state;
	two_charge();
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 200 * US_PER_MS);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_int_equal(rig_w(&rig, c1), 30000);
	rig_run(&rig, 5 * S);
	assert_int_equal(rig_w(&rig, c1), 20000);
}

static void an_increase_follows_its_stored_w(void **state)
{
	(void)state;
	rig_start(&rig);
	assert_int_equal(rig.stored[c1].w_ma, 0);
	assert_true(rig.stored[c1].idle_acked);
	rig_charge(&rig, c1, 11);
	rig.answers[c1] = RIG_MUTE;
	rig_run(&rig, 1);
	assert_true(rig_sent(&rig, c1, 0)->raises);
	assert_int_equal(rig_sent(&rig, c1, 0)->limit_ma, 32000);
	assert_int_equal(rig.stored[c1].w_ma, 32000);
}

static void the_end_of_a_transaction_cancels_no_pending_call(void **state)
{
	(void)state;
	two_charge();
	rig.answers[c1] = RIG_MUTE;
	balance_use(rig.b, c2, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 6 * S);		/* 32 A on its way to c1 */
	assert_int_equal(rig_w(&rig, c1), 32000);
	balance_use(rig.b, c1, BAL_STOPPED, 0, false, rig.now);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_w(&rig, c1), 32000);
	answer(c1, BAL_ACCEPTED);
	rig_run(&rig, 6 * S);
	assert_int_equal(rig_w(&rig, c1), 0);
}

static void the_reported_end_frees_the_limit_at_once(void **state)
{
	(void)state;
	two_charge();
	balance_use(rig.b, c1, BAL_STOPPED, 0, false, rig.now);
	rig_run(&rig, 1);
	assert_int_equal(rig_w(&rig, c1), 0);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_limit(&rig, c2), 32000);
}

static void an_offline_station_keeps_its_last_limit_reserved(void **state)
{
	(void)state;
	two_charge();
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 30 * S);
	balance_online(rig.b, "CP3", false, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 20000);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_string_equal(rig_why(&rig, c3), "offline");
	balance_use(rig.b, c3, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	assert_false(rig.over);
}

static void an_unproven_station_counts_at_its_maximum_while_offline(void **state)
{
	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	balance_online(rig.b, "CP3", false, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 32000);
	assert_int_equal(rig_limit(&rig, c1), 14000);
	assert_string_equal(rig_why(&rig, c3), "unproven");
	balance_online(rig.b, "CP3", true, rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
}

static void an_unproven_station_counts_at_its_maximum_from_boot_to_acknowledgement(void **state)
{
	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	rig.answers[c3] = RIG_MUTE;
	balance_booted(rig.b, "CP3", rig.now);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_w(&rig, c3), 32000);
	assert_int_equal(rig_sent(&rig, c3, 0)->kind, BAL_LIMIT_IDLE);
	answer(c3, BAL_ACCEPTED);
	rig_run(&rig, 6 * S);
	assert_int_equal(rig_w(&rig, c3), 0);
}

static void others_give_way_when_a_station_that_came_back_does_not_acknowledge(void **state)
{
	(void)state;
	rig.conns[c3].proven = false;
	two_charge();
	rig.answers[c3] = RIG_MUTE;
	balance_booted(rig.b, "CP3", rig.now);
	rig_run(&rig, 9 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	rig_run(&rig, 2 * S);
	assert_int_equal(rig_limit(&rig, c1), 14000);
	assert_int_equal(rig_limit(&rig, c2), 14000);
	answer(c3, BAL_ACCEPTED);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);
}

static void a_proven_station_that_booted_is_asked_again_but_trusted(void **state)
{
	mono_t t;

	(void)state;
	two_charge();
	t = rig.now;
	rig.answers[c1] = RIG_MUTE;
	balance_booted(rig.b, "CP1", rig.now);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_w(&rig, c1), 30000);
	assert_non_null(rig_sent(&rig, c1, t));
	assert_int_equal(rig_limit(&rig, c2), 30000);
	rig.answers[c1] = RIG_ACCEPTS;
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 30000);
	assert_int_equal(rig_sent(&rig, c1, t)->kind, BAL_LIMIT_TX);
}

static void a_restart_begins_with_the_stored_w(void **state)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };

	(void)state;
	two_charge();
	balance_free(rig.b);
	rig.b = balance_new();
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	for (uint32_t i = 0; i < 3; i++)
		balance_restore(rig.b, i, rig.stored[i].w_ma, rig.stored[i].idle_acked);
	rig_charge(&rig, c1, 11);
	rig_charge(&rig, c2, 12);
	balance_use(rig.b, c3, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 5 * S);
	assert_int_equal(rig_w(&rig, c1), 30000);
	assert_int_equal(rig_w(&rig, c2), 30000);
	assert_int_equal(rig_w(&rig, c3), 0);
	assert_false(rig.over);
	balance_online(rig.b, "CP1", true, rig.now);
	balance_online(rig.b, "CP2", true, rig.now);
	balance_online(rig.b, "CP3", true, rig.now);
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 60 * S);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_limit(&rig, i), 20000);
	assert_false(rig.over);
}

static void a_new_connector_counts_at_its_maximum_until_it_acknowledges(void **state)
{
	struct bal_conf conf;

	(void)state;
	two_charge();
	rig_conn(&rig, "CP4/1", "CP4", 0);
	conf = (struct bal_conf){ .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 4 };
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_w(&rig, 3), 32000);
	assert_int_equal(rig_w(&rig, c1), 30000);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_limit(&rig, c1), 14000);
	balance_online(rig.b, "CP4", true, rig.now);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_w(&rig, 3), 0);
	assert_int_equal(rig_limit(&rig, c1), 30000);
}

static void a_lowered_cap_cuts_at_once_and_nothing_rises_until_it_fits(void **state)
{
	static const struct bal_outer_limit lower = { .limit = { { 20000, 20000, 20000 } } };
	struct bal_conf conf = { .zones = rig.zones, .zone_count = 1, .conns = rig.conns, .conn_count = 3 };
	struct bal_zone_view v;
	int64_t before;
	mono_t t;

	(void)state;
	two_charge();
	balance_zone_view(rig.b, 0, &v);
	before = v.seconds_over;
	t = rig.now;
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, &lower);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 4 * S);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 6700);
	assert_null(rig_sent(&rig, c3, t));
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, c3), 6600);
	balance_zone_view(rig.b, 0, &v);
	assert_in_range(v.seconds_over - before, 5, 6);
	assert_string_equal(v.cap_why, "override");
}

static void a_pause_passes_at_once_and_its_end_raises_through_the_gate(void **state)
{
	static const struct bal_outer_limit zero = { .limit = { { 0, 0, 0 } } };
	struct bal_zone_view v;
	mono_t t;

	(void)state;
	two_charge();
	t = rig.now;
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, &zero);
	balance_zone_view(rig.b, 0, &v);
	assert_int_equal(v.cap.l[0], 0);
	assert_string_equal(v.cap_why, "override");
	rig_run(&rig, S / 10);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 0);
	assert_int_equal(rig_sent(&rig, c2, t)->limit_ma, 0);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_w(&rig, c1) + rig_w(&rig, c2), 0);
	assert_string_equal(rig_why(&rig, c1), "override");
	rig.over = false;
	t = rig.now;
	balance_zone_outer(rig.b, 0, BAL_OUTER_OVERRIDE, NULL);
	rig_run(&rig, 60 * S);
	assert_true(rig_sent(&rig, c1, t)->raises);
	assert_int_equal(rig_limit(&rig, c1), 30000);
	assert_int_equal(rig_limit(&rig, c2), 30000);
	assert_false(rig.over);
}

static void a_failed_store_lets_limits_only_fall(void **state)
{
	mono_t t;

	(void)state;
	two_charge();
	balance_store_failed(rig.b, true);
	t = rig.now;
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c1), 20000);
	assert_null(rig_sent(&rig, c3, t));
	assert_string_equal(rig_why(&rig, c3), "store_failed");
	balance_store_failed(rig.b, false);
	rig_run(&rig, 10 * S);
	assert_int_equal(rig_limit(&rig, c3), 20000);
	assert_int_equal(rig.stored[c1].w_ma, 20000);
}

static void a_message_by_hand_passes_the_gate(void **state)
{
	struct bal_reason blame;
	uint64_t token;

	(void)state;
	two_charge();
	assert_false(balance_admit_manual(rig.b, c3, BAL_LIMIT_TX, NUM_NONE, &token, &blame, rig.now));
	assert_int_equal(blame.zone, 0);
	assert_true(balance_admit_manual(rig.b, c1, BAL_LIMIT_TX, 10000, &token, &blame, rig.now));
	rig_run(&rig, 1 * S);
	assert_int_equal(rig_w(&rig, c1), 30000);
	balance_answer(rig.b, c1, token, BAL_ACCEPTED, rig.now);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);	/* the balance goes on from there */
	assert_false(rig.over);
}

static void an_administrator_may_cap_one_connector(void **state)
{
	(void)state;
	two_charge();
	balance_conn_cap(rig.b, c1, 10000, rig.now);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 10000);
	assert_int_equal(rig_limit(&rig, c2), 32000);
	assert_string_equal(rig_why(&rig, c1), "connector_limit");
	balance_conn_cap(rig.b, c1, NUM_NONE, rig.now);
	rig_run(&rig, 20 * S);
	assert_int_equal(rig_limit(&rig, c1), 30000);
}

static void a_late_second_answer_changes_nothing(void **state)
{
	const struct bal_order *o;

	(void)state;
	two_charge();
	o = rig_sent(&rig, c1, 0);
	rig_charge(&rig, c3, 13);
	rig_run(&rig, 20 * S);
	balance_answer(rig.b, c1, o->token, BAL_ACCEPTED, rig.now);
	balance_answer(rig.b, c1, o->token + 1000, BAL_ACCEPTED, rig.now);
	assert_int_equal(rig_limit(&rig, c1), 20000);
}

static void one_message_is_under_way_per_station(void **state)
{
	uint32_t c4 = rig_conn(&rig, "CP1/2", "CP1", 0);

	(void)state;
	rig_start(&rig);
	rig.answers[c1] = rig.answers[c4] = RIG_MUTE;
	rig_forget(&rig);
	rig_charge(&rig, c1, 11);
	rig_charge(&rig, c4, 14);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig.sent_count, 1);
	answer(rig.sent[0].order.conn, BAL_ACCEPTED);
	rig_run(&rig, 1 * S);
	assert_int_equal(rig.sent_count, 2);
	assert_int_not_equal(rig.sent[0].order.conn, rig.sent[1].order.conn);
}

static void nothing_new_sends_nothing(void **state)
{
	size_t sent;

	(void)state;
	two_charge();
	rig_run(&rig, 120 * S);
	sent = rig.sent_count;
	for (int i = 0; i < 3; i++) {
		rig_charge(&rig, c1, 11);
		balance_conn_cap(rig.b, c2, NUM_NONE, rig.now);
		rig_run(&rig, 100 * S);
	}
	assert_int_equal(rig.sent_count, sent);
}

/* "A decrease is sent at once": a station that takes its time with a raise must not hold it up. */
static void a_decrease_follows_a_raise_that_is_not_answered(void **state)
{
	const struct bal_order *o;
	mono_t t;

	(void)state;
	rig_start(&rig);
	rig_run(&rig, 10 * US_PER_S);
	rig.answers[c1] = RIG_MUTE;
	rig_charge(&rig, c1, 101);
	rig_run(&rig, 1 * US_PER_S);
	assert_non_null(rig_sent(&rig, c1, 0));
	assert_int_equal(rig_sent(&rig, c1, 0)->limit_ma, 32000);
	t = rig.now;
	balance_conn_cap(rig.b, c1, 10000, rig.now);
	rig_run(&rig, US_PER_S / 10);
	o = rig_sent(&rig, c1, t);
	assert_non_null(o);
	assert_int_equal(o->limit_ma, 10000);
	assert_false(o->raises);
	assert_int_equal(rig_w(&rig, c1), 32000);
	rig_run(&rig, 1 * US_PER_S);
	assert_ptr_equal(rig_sent(&rig, c1, t), o);	/* once */
}

/* The later of two may be in force although it was not answered in time. */
static void a_late_acceptance_of_an_earlier_order_forgets_no_later_one(void **state)
{
	struct bal_reason blame;
	uint64_t low, high;

	(void)state;
	two_charge();
	assert_true(balance_admit_manual(rig.b, c1, BAL_LIMIT_TX, 6000, &low, &blame, rig.now));
	assert_true(balance_admit_manual(rig.b, c1, BAL_LIMIT_TX, 30000, &high, &blame, rig.now));
	rig.answers[c1] = RIG_MUTE;
	rig_run(&rig, 1 * S);
	balance_answer(rig.b, c1, high, BAL_TIMEOUT, rig.now);
	balance_answer(rig.b, c1, low, BAL_ACCEPTED, rig.now);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_w(&rig, c1), 30000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, three_stations, stop)
	const struct CMUnitTest tests[] = {
		TEST(a_decrease_follows_a_raise_that_is_not_answered),
		TEST(a_third_car_gets_what_was_acknowledged_and_obeyed),
		TEST(a_station_that_never_acknowledges_keeps_its_reservation),
		TEST(after_three_time_outs_the_others_share_what_is_left),
		TEST(a_decrease_is_credited_only_after_its_settle_time),
		TEST(an_increase_follows_its_stored_w),
		TEST(the_end_of_a_transaction_cancels_no_pending_call),
		TEST(the_reported_end_frees_the_limit_at_once),
		TEST(an_offline_station_keeps_its_last_limit_reserved),
		TEST(an_unproven_station_counts_at_its_maximum_while_offline),
		TEST(an_unproven_station_counts_at_its_maximum_from_boot_to_acknowledgement),
		TEST(others_give_way_when_a_station_that_came_back_does_not_acknowledge),
		TEST(a_proven_station_that_booted_is_asked_again_but_trusted),
		TEST(a_restart_begins_with_the_stored_w),
		TEST(a_new_connector_counts_at_its_maximum_until_it_acknowledges),
		TEST(a_lowered_cap_cuts_at_once_and_nothing_rises_until_it_fits),
		TEST(a_pause_passes_at_once_and_its_end_raises_through_the_gate),
		TEST(a_failed_store_lets_limits_only_fall),
		TEST(a_message_by_hand_passes_the_gate),
		TEST(an_administrator_may_cap_one_connector),
		TEST(a_late_second_answer_changes_nothing),
		TEST(one_message_is_under_way_per_station),
		TEST(nothing_new_sends_nothing),
		TEST(a_late_acceptance_of_an_earlier_order_forgets_no_later_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
