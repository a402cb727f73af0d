/* What people are told of meters and buses: one event when it begins, one when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "helper_meter.h"
#include "sense_alert.h"

#define S US_PER_S

struct rig {
	struct meter_profile *p;
	struct meter_state *m;
	struct image *img;
	struct meter_alert alert;
	mono_t answered_at, now;
	char said[400];		/* events in their order */
	char last[600];		/* tail of the latest */
};

static const struct meter_place place = { "M1", "1@gateway", "P1,P2" };

static void sink(void *ctx, enum log_level level, const char *subject, const char *id, const char *event, const char *tail)
{
	struct rig *r = ctx;

	(void)level, (void)subject, (void)id;
	snprintf(r->said + strlen(r->said), sizeof(r->said) - strlen(r->said), "%s ", event);
	snprintf(r->last, sizeof(r->last), "%s", tail);
}

static int setup(void **state)
{
	static struct rig r;
	struct meter_setup s;

	memset(&r, 0, sizeof(r));
	r.p = profile_of_sdm630();
	meter_setup_init(&s, "M1", r.p);
	r.m = meter_new(&s);
	r.img = image_new();
	r.answered_at = INT64_MIN;
	r.now = 100 * S;
	for (int i = 0; i < PHASES; i++) {
		image_put(r.img, r.p, (enum meter_var)(METER_voltage_l1n + i), 230000);
		image_put(r.img, r.p, (enum meter_var)(METER_current_l1 + i), 10000);
		image_put(r.img, r.p, (enum meter_var)(METER_power_l1 + i), 2300);
	}
	image_put(r.img, r.p, METER_power_total, 6900);
	log_set_sink(sink, &r);
	log_set_level(LOG_LEVEL_INFO);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	log_set_sink(NULL, NULL);
	image_free(r->img);
	meter_free(r->m);
	profile_free(r->p);
	return 0;
}

static void look(struct rig *r)
{
	meter_alert_look(&r->alert, r->m, &place, r->answered_at, r->now);
}

/* `seconds` polls, one a second; err 0 = they are answered. */
static void polls(struct rig *r, int seconds, int err, int identity)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];

	for (int i = 0; i < seconds; i++, r->now += S) {
		struct meter_reading reading = { .err = err, .at = r->now, .identity = identity, .latency_us = 1,
						 .text = err ? "slave 1 does not answer" : identity < 0 ? "register 9 reads 7" : "" };

		if (!err) {
			reading.blocks = blocks;
			reading.block_count = image_read(r->img, r->p, r->now, blocks);
			r->answered_at = r->now;
		}
		meter_take(r->m, &reading);
		look(r);
	}
}

static void a_missed_poll_is_no_event(void **state)
{
	struct rig *r = *state;

	polls(r, 3, 0, 0);
	polls(r, 2, -LMS_EOFFLINE, 0);
	polls(r, 3, 0, 0);
	assert_string_equal(r->said, "meter_ok ");
}

static void silence_is_told_once_when_it_begins_and_when_it_ends(void **state)
{
	struct rig *r = *state;

	polls(r, 3, 0, 0);
	polls(r, 20, -LMS_EOFFLINE, 0);
	assert_string_equal(r->said, "meter_ok meter_lost ");
	assert_non_null(strstr(r->last, "address=1@gateway zones=P1,P2 no answer: slave 1 does not answer (look at "));
	polls(r, 20, 0, 0);
	assert_string_equal(r->said, "meter_ok meter_lost meter_back ");
	assert_non_null(strstr(r->last, "away_s="));
}

static void a_meter_that_never_answered_is_missed_at_once(void **state)
{
	struct rig *r = *state;

	polls(r, 1, -LMS_EOFFLINE, 0);
	assert_string_equal(r->said, "meter_lost ");
}

static void values_that_only_age_are_told_too(void **state)
{
	struct rig *r = *state;

	polls(r, 2, 0, 0);
	for (int i = 0; i < 20; i++, r->now += S)
		look(r);
	assert_string_equal(r->said, "meter_ok meter_lost ");
	assert_non_null(strstr(r->last, "no fresh values"));
}

static void doubt_ends_when_it_stays_away(void **state)
{
	struct rig *r = *state;

	polls(r, 2, 0, 0);
	for (int i = 0; i < 5; i++) {	/* it comes and goes */
		image_put(r->img, r->p, METER_voltage_l1n, 500000);
		polls(r, 1, 0, 0);
		image_put(r->img, r->p, METER_voltage_l1n, 230000);
		polls(r, 3, 0, 0);
	}
	assert_string_equal(r->said, "meter_ok meter_implausible ");
	polls(r, 12, 0, 0);
	assert_string_equal(r->said, "meter_ok meter_implausible meter_plausible ");
}

static void another_model_at_the_address_is_told(void **state)
{
	struct rig *r = *state;

	polls(r, 3, 0, 1);
	polls(r, 9, 0, -1);
	assert_string_equal(r->said, "meter_ok meter_other_model ");
	assert_non_null(strstr(r->last, "register 9 reads 7"));
	polls(r, 3, -LMS_EOFFLINE, 0);
	assert_string_equal(r->said, "meter_ok meter_other_model ");	/* silence proves nothing */
	polls(r, 3, 0, 1);
	assert_string_equal(r->said, "meter_ok meter_other_model meter_right_model ");
}

static void a_bus_is_told_once_for_all_its_meters(void **state)
{
	const char *const both[] = { "a:502", "rtu:/dev/ttyUSB0,9600,8N1", "a:502" };
	struct bus_alerts b = { 0 };
	struct rig *r = *state;

	bus_alerts_keep(&b, both, 3);
	assert_int_equal(b.count, 2);
	bus_alerts_look(&b, "a:502", NULL, r->now);
	for (int i = 0; i < 3; i++)
		bus_alerts_look(&b, both[1], "cannot be opened", r->now);
	assert_string_equal(r->said, "bus_missing ");
	bus_alerts_keep(&b, both + 1, 1);	/* another configuration: the bus is as missing as before */
	bus_alerts_look(&b, both[1], "cannot be opened", r->now + S);
	bus_alerts_look(&b, "a:502", "of a configuration that is gone", r->now + S);
	assert_string_equal(r->said, "bus_missing ");
	bus_alerts_look(&b, both[1], NULL, r->now + 7 * S);
	assert_string_equal(r->said, "bus_missing bus_back ");
	assert_string_equal(r->last, "away_s=7");
	bus_alerts_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_missed_poll_is_no_event, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_is_told_once_when_it_begins_and_when_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_meter_that_never_answered_is_missed_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(values_that_only_age_are_told_too, setup, teardown),
		cmocka_unit_test_setup_teardown(doubt_ends_when_it_stays_away, setup, teardown),
		cmocka_unit_test_setup_teardown(another_model_at_the_address_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bus_is_told_once_for_all_its_meters, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
