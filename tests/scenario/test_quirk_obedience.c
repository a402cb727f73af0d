/* test_quirk_obedience.c - ocpp.md "Smart charging": what shows only in meter values. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "helper_rig.h"

#define S US_PER_S

static struct rig rig;
static uint32_t liar, other;

static int set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "P1", -1, 40000);
	liar = rig_conn(&rig, "LIAR/1", "LIAR", 0);
	other = rig_conn(&rig, "B/1", "B", 0);
	rig.meters = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void two_charge(void)
{
	rig_start(&rig);
	rig.car_ma[liar] = rig.car_ma[other] = 32000;
	rig_charge(&rig, liar, 1);
	rig_charge(&rig, other, 2);
	rig_run(&rig, 90 * S);
	assert_int_equal(rig_limit(&rig, liar), 20000);
	rig_quiet(&rig);
}

/* Verified by meter values, sent again, then uncontrollable; and what it draws is reserved all the time. */
static void accepted_and_ignored(void **state)
{
	mono_t begun;

	(void)state;
	two_charge();
	begun = rig.now;
	rig.ignores[liar] = true;
	rig_run(&rig, 25 * S);
	assert_int_equal(rig_told(&rig, "draws_too_much"), 1);
	assert_non_null(rig_sent(&rig, liar, begun));
	assert_int_equal(rig_sent(&rig, liar, begun)->kind, BAL_LIMIT_TX);
	assert_int_equal(rig_w(&rig, liar), 32000);
	assert_int_equal(rig_told(&rig, "station_uncontrollable"), 0);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_told(&rig, "station_uncontrollable"), 1);
	assert_int_equal(rig_limit(&rig, other), 8000);
	assert_int_equal(rig_w(&rig, liar), 32000);
}

/* The same of one that is told its limits by a key. */
static void accepted_and_ignored_by_key(void **state)
{
	rig.conns[liar].one_limit = true;
	accepted_and_ignored(state);
}

/* It pauses, and when it may go on it has forgotten its profile: told once more, it obeys. */
static void lost_on_resume(void **state)
{
	mono_t resumed;

	(void)state;
	two_charge();
	balance_conn_cap(rig.b, liar, 0, rig.now);
	rig_run(&rig, 120 * S);
	assert_int_equal(rig_limit(&rig, liar), 0);
	balance_conn_cap(rig.b, liar, 10000, rig.now);
	for (int i = 0; i < 400 && rig_limit(&rig, liar) != 10000; i++)
		rig_run(&rig, S);
	assert_int_equal(rig_limit(&rig, liar), 10000);
	rig_run(&rig, 40 * S);
	resumed = rig.now;
	rig.ignores[liar] = true;
	rig_run(&rig, 25 * S);
	assert_non_null(rig_sent(&rig, liar, resumed));
	assert_int_equal(rig_sent(&rig, liar, resumed)->limit_ma, 10000);
	rig.ignores[liar] = false;
	rig_run(&rig, 90 * S);
	assert_int_equal(rig_told(&rig, "station_uncontrollable"), 0);
	assert_int_equal(rig_told(&rig, "draws_within_limit"), 1);
	assert_int_equal(rig_w(&rig, liar), 10000);
}

/* Whatever is ordered is 0, or at least what a car must be given. */
static void nothing_between_0_and_6(void **state)
{
	(void)state;
	rig.zones[0].cap = (struct phase_ma){ { 11000, 11000, 11000 } };
	rig_start(&rig);
	rig.car_ma[liar] = rig.car_ma[other] = 32000;
	rig_charge(&rig, liar, 1);
	rig_charge(&rig, other, 2);
	rig_run(&rig, 40 * 60 * S);
	for (size_t i = 0; i < rig.sent_count; i++)
		assert_true(rig.sent[i].order.limit_ma == 0 || rig.sent[i].order.limit_ma >= 6000);
	assert_false(rig.over);
}

/* A station that is offline keeps its last profile: that is reserved, until its transaction is known to be over. */
static void the_last_profile_is_kept_offline(void **state)
{
	(void)state;
	two_charge();
	balance_online(rig.b, "LIAR", false, rig.now);
	rig_run(&rig, 600 * S);
	assert_int_equal(rig_w(&rig, liar), 20000);
	assert_int_equal(rig_limit(&rig, other), 20000);
}

#define QUIRK(sentence, test) { "quirk: " sentence, test, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("Accepted and then ignored", accepted_and_ignored),
		QUIRK("a vendor key that is Accepted and then ignored", accepted_and_ignored_by_key),
		QUIRK("a limit that is lost on resume after 0", lost_on_resume),
		QUIRK("0 < x < 6 is unsafe: 0 or at least 6", nothing_between_0_and_6),
		QUIRK("stations keep their last profile when offline", the_last_profile_is_kept_offline),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
