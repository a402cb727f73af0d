/* Stations that know one limit: a key of their configuration, or a default profile that also holds for the
 * transaction (ocpp.md "Smart charging"). What is set for a transaction outlives it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "helper_rig.h"

static struct rig rig;
static uint32_t key, other;

static int set_up(void **state)
{
	int zone;

	(void)state;
	rig_init(&rig);
	zone = rig_zone(&rig, "P1", -1, 40000);
	key = rig_conn(&rig, "KEY/1", "KEY", zone);
	other = rig_conn(&rig, "B/1", "B", zone);
	rig.conns[key].one_limit = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void a_transaction_gets_its_limit_as_ever(void **state)
{
	(void)state;
	rig_start(&rig);
	assert_int_equal(rig_w(&rig, key), 0);
	rig_charge(&rig, key, 1);
	rig_run(&rig, 20 * US_PER_S);
	assert_int_equal(rig_limit(&rig, key), 32000);
	assert_int_equal(rig_w(&rig, key), 32000);
	assert_int_equal(rig_sent(&rig, key, 0)->kind, BAL_LIMIT_TX);
	assert_false(rig.over);
}

/* Others get what it had only when it has taken the lower one. */
static void the_limit_outlives_its_transaction(void **state)
{
	mono_t ended;

	(void)state;
	rig_start(&rig);
	rig_charge(&rig, key, 1);
	rig_charge(&rig, other, 2);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_limit(&rig, key), 20000);
	assert_int_equal(rig_limit(&rig, other), 20000);
	rig.answers[key] = RIG_MUTE;
	ended = rig.now;
	balance_use(rig.b, key, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 30 * US_PER_S);
	assert_int_equal(rig_w(&rig, key), 20000);
	assert_int_equal(rig_limit(&rig, other), 20000);
	assert_non_null(rig_sent(&rig, key, ended));
	assert_int_equal(rig_sent(&rig, key, ended)->kind, BAL_LIMIT_IDLE);
	assert_int_equal(rig_sent(&rig, key, ended)->limit_ma, 0);
	assert_false(rig.over);
}

/* Likewise one that was not shown to keep its limits: that it refuses a lower one does not make it unknown. */
static void an_unproven_one_counts_with_what_it_may_have(void **state)
{
	rig.conns[key].proven = rig.conns[other].proven = false;
	the_limit_outlives_its_transaction(state);
	rig.answers[key] = RIG_REFUSES;
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_w(&rig, key), 20000);
	/* It may have lost power while it was away: that is another thing. */
	balance_online(rig.b, "KEY", false, rig.now);
	balance_online(rig.b, "KEY", true, rig.now);
	rig_run(&rig, US_PER_S);
	assert_int_equal(rig_w(&rig, key), 32000);
}

static void its_default_is_set_again_after_the_transaction(void **state)
{
	(void)state;
	rig_start(&rig);
	rig_charge(&rig, key, 1);
	rig_run(&rig, 60 * US_PER_S);
	balance_use(rig.b, key, BAL_NONE, 0, false, rig.now);
	rig_charge(&rig, other, 2);
	rig_run(&rig, 30 * US_PER_S);
	assert_int_equal(rig_w(&rig, key), 0);
	assert_int_equal(rig_limit(&rig, other), 32000);
	assert_false(rig.over);
}

/* The default is not said in the middle of a transaction: it would be its limit. */
static void while_a_transaction_runs_its_default_is_not_touched(void **state)
{
	mono_t booted;

	(void)state;
	rig.conns[key].idle_ma = 6000;
	rig_start(&rig);
	rig_charge(&rig, key, 1);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_limit(&rig, key), 32000);
	booted = rig.now;
	balance_booted(rig.b, "KEY", rig.now);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_limit(&rig, key), 32000);
	assert_non_null(rig_sent(&rig, key, booted));
	for (size_t i = 0; i < rig.sent_count; i++)
		if (rig.sent[i].at >= booted && rig.sent[i].order.conn == key)
			assert_int_equal(rig.sent[i].order.kind, BAL_LIMIT_TX);
}

/* Unknown at the beginning of a transaction, it is lowered before anything else. */
static void a_limit_that_nobody_knows_is_set_first(void **state)
{
	(void)state;
	rig_start(&rig);
	rig_charge(&rig, other, 2);
	rig_run(&rig, 60 * US_PER_S);
	balance_online(rig.b, "KEY", false, rig.now);
	balance_booted(rig.b, "KEY", rig.now);
	balance_use(rig.b, key, BAL_CHARGING, 5, false, rig.now);
	balance_online(rig.b, "KEY", true, rig.now);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_limit(&rig, key) + rig_limit(&rig, other), 40000);
	assert_int_equal(rig_w(&rig, key), 20000);
}

/* Told in another way from now on, it counts at its maximum until it has said yes there. */
static void configure(void)
{
	struct bal_conf conf = { .zones = rig.zones, .conns = rig.conns, .zone_count = rig.zone_count,
				 .conn_count = rig.conn_count };

	assert_int_equal(balance_configure(rig.b, &conf, rig.now, NULL), 0);
}

static void another_method_forgets_what_was_acknowledged(void **state)
{
	(void)state;
	rig_start(&rig);
	assert_int_equal(rig_w(&rig, other), 0);
	rig.answers[other] = RIG_MUTE;
	rig.conns[other].method = 7;
	configure();
	rig_run(&rig, US_PER_S);
	assert_int_equal(rig_w(&rig, other), 32000);
	rig.answers[other] = RIG_ACCEPTS;
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_w(&rig, other), 0);
}

/* The profile of the transaction goes before the default, and what is accepted now is the default. */
static void what_its_transaction_was_told_before_holds_beside_the_one_limit(void **state)
{
	(void)state;
	rig_start(&rig);
	rig_charge(&rig, other, 1);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_limit(&rig, other), 32000);
	rig.conns[other].one_limit = true;
	rig.conns[other].method = 1;
	configure();
	rig_charge(&rig, key, 2);
	rig_run(&rig, 120 * US_PER_S);
	assert_int_equal(rig_limit(&rig, other), 20000);
	assert_int_equal(rig_w(&rig, other), 32000);
	assert_int_equal(rig_limit(&rig, key), 8000);
	/* That transaction is over: the next one has the one limit alone. */
	balance_use(rig.b, other, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_w(&rig, other), 0);
	assert_int_equal(rig_limit(&rig, key), 32000);
	assert_false(rig.over);
}

static void one_of_another_level_holds_beside_its_profile(void **state)
{
	(void)state;
	rig_start(&rig);
	rig_charge(&rig, other, 1);
	rig_run(&rig, 60 * US_PER_S);
	rig.conns[other].method = 5;
	configure();
	rig_charge(&rig, key, 2);
	rig_run(&rig, 120 * US_PER_S);
	assert_int_equal(rig_limit(&rig, other), 20000);
	assert_int_equal(rig_w(&rig, other), 32000);
	assert_int_equal(rig_limit(&rig, key), 8000);
	balance_use(rig.b, other, BAL_NONE, 0, false, rig.now);
	rig_run(&rig, 60 * US_PER_S);
	assert_int_equal(rig_w(&rig, other), 0);
	assert_false(rig.over);
}

static void back_to_profiles_the_next_one_takes_the_place_of_the_old(void **state)
{
	(void)state;
	rig_start(&rig);
	rig_charge(&rig, other, 1);
	rig_run(&rig, 60 * US_PER_S);
	rig.conns[other].one_limit = true;
	rig.conns[other].method = 1;
	configure();
	rig.answers[other] = RIG_MUTE;
	rig.conns[other].one_limit = false;
	rig.conns[other].method = 0;
	configure();
	rig_charge(&rig, key, 2);
	rig_run(&rig, 30 * US_PER_S);
	assert_int_equal(rig_w(&rig, other), 32000);
	rig.answers[other] = RIG_ACCEPTS;
	rig_run(&rig, 300 * US_PER_S);
	assert_int_equal(rig_w(&rig, other), 20000);
	assert_int_equal(rig_limit(&rig, key), 20000);
}

/* A profile by hand is not that limit. */
static void a_message_by_hand_proves_nothing(void **state)
{
	struct bal_reason why;
	uint64_t token;

	(void)state;
	rig_start(&rig);
	rig_charge(&rig, key, 1);
	rig_run(&rig, 60 * US_PER_S);
	assert_true(balance_admit_manual(rig.b, key, BAL_LIMIT_IDLE, 6000, &token, &why, rig.now));
	balance_answer(rig.b, key, token, BAL_ACCEPTED, rig.now);
	rig_run(&rig, US_PER_S / 2);
	assert_int_equal(rig_w(&rig, key), 32000);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_transaction_gets_its_limit_as_ever),
		TEST(the_limit_outlives_its_transaction),
		TEST(an_unproven_one_counts_with_what_it_may_have),
		TEST(its_default_is_set_again_after_the_transaction),
		TEST(while_a_transaction_runs_its_default_is_not_touched),
		TEST(a_limit_that_nobody_knows_is_set_first),
		TEST(another_method_forgets_what_was_acknowledged),
		TEST(what_its_transaction_was_told_before_holds_beside_the_one_limit),
		TEST(one_of_another_level_holds_beside_its_profile),
		TEST(back_to_profiles_the_next_one_takes_the_place_of_the_old),
		TEST(a_message_by_hand_proves_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
