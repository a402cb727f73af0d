/* One installed meter: signs, phases and transformers; how long its values live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "helper_meter_rig.h"

#define S US_PER_S

static void the_direction_of_a_current_is_that_of_its_power(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_phase(&r, 1, 11000, -2530);
	image_put(r.img, r.p, METER_power_total, 2530);
	assert_true(meter_rig_poll(&r, S));
	meter_rig_expect(&r, 10000, -11000, 12000, true);
	assert_int_equal(meter_rig_currents(&r).at, r.now);
	assert_int_equal(meter_rig_currents(&r).voltage_mv.l[2], 230200);
	assert_int_equal(meter_value(r.m, METER_current_l2)->v, -11000);
	assert_int_equal(meter_value(r.m, METER_current_l2)->wall, r.now + 77);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	meter_rig_end(&r);
}

static void a_signed_register_keeps_its_sign(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.p->direction = METER_DIRECTION_REGISTER;
	image_put(r.img, r.p, METER_current_l1, -10000);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, -10000, 11000, 12000, true);
	meter_rig_end(&r);
}

static void phases_are_mapped_to_the_grid(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	assert_int_equal(meter_setup_phases(&r.setup, "L2,L3,L1", NULL), 0);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 12000, 10000, 11000, true);
	assert_int_equal(meter_rig_currents(&r).voltage_mv.l[0], 230200);
	assert_int_equal(meter_value(r.m, METER_power_l2)->v, 2300);
	meter_rig_end(&r);
}

static void a_phase_without_conductor_has_no_current(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	assert_int_equal(meter_setup_phases(&r.setup, "L3", NULL), 0);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, NUM_NONE, NUM_NONE, 10000, true);
	meter_rig_end(&r);
}

static void inversion_turns_current_and_power(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	assert_int_equal(meter_setup_invert(&r.setup, "L1", NULL), 0);
	meter_rig_poll(&r, S);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, -10000, 11000, 12000, true);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, -2300);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 2530 + 2760 - 2300);
	meter_rig_end(&r);

	meter_rig_start(&r);
	assert_int_equal(meter_setup_invert(&r.setup, "all", NULL), 0);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, -10000, -11000, -12000, true);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, -7590);
	assert_int_equal(meter_value(r.m, METER_energy_export_total)->v, 1000000);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 500);
	meter_rig_end(&r);
}

static void a_ratio_multiplies_what_flows_only(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	assert_int_equal(meter_setup_ct(&r.setup, "250/5", NUM_NONE, NULL), 0);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 500000, 550000, 600000, true);
	assert_int_equal(meter_value(r.m, METER_voltage_l1n)->v, 230000);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, 115000);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 50000000);
	meter_rig_end(&r);
}

static void a_ratio_multiplies_before_anything_is_rounded(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	assert_int_equal(meter_setup_ct(&r.setup, "6000/1", NUM_NONE, NULL), 0);
	image_put_raw(r.img, r.p, METER_current_l1, 0x3DFCD680);	/* 0.123456 A */
	image_put_raw(r.img, r.p, METER_power_l1, 0x41E33333);	/* 28.4 W */
	meter_rig_poll(&r, S);
	assert_int_equal(meter_value(r.m, METER_current_l1)->v, 740736);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, 170400);
	meter_rig_end(&r);
}

static void what_is_not_a_number_does_not_steer(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	image_put_raw(r.img, r.p, METER_current_l2, 0x7FC00000);
	assert_true(meter_rig_poll(&r, S));
	meter_rig_expect(&r, 10000, NUM_NONE, 12000, false);
	assert_int_equal(meter_quality(r.m, METER_current_l2, r.now), METER_Q_NAN);
	assert_int_equal(meter_value(r.m, METER_current_l2)->v, NUM_NONE);
	assert_int_equal(meter_status(r.m, r.now), METER_IMPLAUSIBLE);
	assert_int_equal(meter_good_at(r.m), r.now - S);
	image_put(r.img, r.p, METER_current_l2, 11000);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 10000, 11000, 12000, true);
	meter_rig_end(&r);
}

static void a_current_without_its_power_does_not_steer(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	image_put_raw(r.img, r.p, METER_power_l3, 0x7FC00000);
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void a_refused_block_is_an_error_not_a_zero(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks };
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	r.now += S;
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	blocks[0].err = -LMS_EREFUSED;
	blocks[0].words = NULL;
	assert_true(meter_take(r.m, &reading));
	meter_rig_expect(&r, NUM_NONE, NUM_NONE, NUM_NONE, false);
	assert_int_equal(meter_value(r.m, METER_current_l1)->v, 10000);
	assert_int_equal(meter_value(r.m, METER_current_l1)->at, r.now - S);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_ERROR);
	meter_rig_end(&r);
}

static void silence_renews_nothing(void **state)
{
	struct meter_rig r;
	char text[200];
	mono_t at;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	at = r.now;
	for (int i = 0; i < 5; i++)
		assert_false(meter_rig_fail(&r, S));
	assert_int_equal(meter_rig_currents(&r).at, at);
	assert_true(meter_rig_currents(&r).good);		/* exactly 5 s old */
	assert_false(meter_rig_fail(&r, S));
	assert_false(meter_rig_currents(&r).good);
	assert_int_equal(meter_rig_currents(&r).at, at);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_STALE);
	assert_int_equal(meter_status(r.m, r.now), METER_SILENT);
	assert_non_null(strstr(meter_fault_text(r.m, text, sizeof(text)), "slave 1 does not answer"));
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 10000, 11000, 12000, true);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	meter_rig_end(&r);
}

static void a_meter_never_read_is_unknown(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.m = meter_new(&r.setup);
	meter_rig_expect(&r, NUM_NONE, NUM_NONE, NUM_NONE, false);
	assert_int_equal(meter_status(r.m, r.now), METER_UNKNOWN);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_NONE);
	assert_int_equal(meter_quality(r.m, METER_frequency, r.now), METER_Q_NONE);
	meter_rig_end(&r);
}

/* The fast block alone, which has currents and powers. */
static void poll_fast(struct meter_rig *r, int64_t us)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .block_count = 1 };

	r->now += us;
	reading.at = r->now;
	image_read(r->img, r->p, r->now, blocks);
	meter_take(r->m, &reading);
}

static void values_read_in_turns_live_longer(void **state)
{
	struct meter_rig r;
	mono_t first;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	first = r.now;
	for (int i = 0; i < 6; i++)
		poll_fast(&r, S);
	assert_int_equal(meter_value(r.m, METER_voltage_l1n)->at, first);
	assert_int_equal(meter_quality(r.m, METER_voltage_l1n, r.now), METER_Q_GOOD);
	for (int i = 0; i < 60; i++)
		poll_fast(&r, S);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_GOOD);
	assert_int_equal(meter_quality(r.m, METER_voltage_l1n, r.now), METER_Q_STALE);
	meter_rig_end(&r);
}

static void all_values_of_a_meter_that_does_not_answer_are_stale(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	for (int v = 0; v < METER_VAR_COUNT; v++) {
		enum meter_quality q = meter_quality(r.m, (enum meter_var)v, r.now);

		assert_true(q == METER_Q_GOOD || q == METER_Q_NONE);
		if (q == METER_Q_GOOD)
			assert_int_equal(meter_quality(r.m, (enum meter_var)v, r.now + 6 * S), METER_Q_STALE);
	}
	meter_rig_end(&r);
}

static void a_total_between_its_turns_is_the_sum_of_the_phases(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .block_count = 1 };
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	image_put(r.img, r.p, METER_power_total, 7600);
	meter_rig_poll(&r, S);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 7600);
	meter_rig_phase(&r, 0, 20000, 4600);
	r.now += S;
	reading.at = r.now;
	image_read(r.img, r.p, r.now, blocks);	/* the fast block alone */
	meter_take(r.m, &reading);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 4600 + 2530 + 2760);
	assert_int_equal(meter_value(r.m, METER_power_total)->at, r.now);
	meter_rig_end(&r);
}

static void another_model_is_not_steered_by_unless_that_is_wanted(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .identity = -1, .text = "reads 0x0079" };
	struct meter_rig r;
	char text[200];

	(void)state;
	meter_rig_start(&r);
	r.m = meter_new(&r.setup);
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	meter_take(r.m, &reading);
	assert_false(meter_rig_currents(&r).good);
	assert_int_equal(meter_status(r.m, r.now), METER_IMPLAUSIBLE);
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_SUSPECT);
	assert_non_null(strstr(meter_fault_text(r.m, text, sizeof(text)), "another model: reads 0x0079"));
	reading.identity = 1;
	meter_take(r.m, &reading);
	assert_true(meter_rig_currents(&r).good);
	meter_free(r.m);
	r.setup.any_model = true;
	r.m = meter_new(&r.setup);
	reading.identity = -1;
	meter_take(r.m, &reading);
	assert_true(meter_rig_currents(&r).good);
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_GOOD);
	assert_string_equal(meter_fault_text(r.m, text, sizeof(text)), "");
	meter_rig_end(&r);
}

static void installation_keys_that_make_no_sense_are_refused(void **state)
{
	static const struct { char key; const char *text; int64_t fuse_ma; const char *says; } rows[] = {
		{ 'p', "L1,L1,L2", 0, "not a list of grid phases" }, { 'p', "L4", 0, "not a list" },
		{ 'p', "L1,", 0, "not a list" }, { 'p', "1,2,3", 0, "not a list" },
		{ 'i', "L5", 0, "not a list of the meter's phases" },
		{ 'c', "5/250", 0, "secondary side is 1 or 5" }, { 'c', "250", 0, "ratio such as 250/5" },
		{ 'c', "9000/5", 0, "75 to 6000 (write ct=250/5)" }, { 'c', "60/5", 0, "75 to 6000" },
		{ 'c', "x", 0, "ratio such as" },
		{ 'c', "direct", 80000, "ends at 63 A, the fuse is 80 A" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_rig r;
		struct diag d;
		int ret;

		meter_rig_start(&r);
		diag_init(&d);
		if (rows[i].key == 'p')
			ret = meter_setup_phases(&r.setup, rows[i].text, &d);
		else if (rows[i].key == 'i')
			ret = meter_setup_invert(&r.setup, rows[i].text, &d);
		else
			ret = meter_setup_ct(&r.setup, rows[i].text, rows[i].fuse_ma, &d);
		if (ret != -LMS_EDATA || !strstr(d.text, rows[i].says))
			fail_msg("'%s': '%s' does not say '%s'", rows[i].text, d.text, rows[i].says);
		meter_rig_end(&r);
	}
}

static void a_ct_meter_is_not_multiplied_twice(void **state)
{
	struct meter_rig r;
	struct diag d;

	(void)state;
	meter_rig_start(&r);
	diag_init(&d);
	r.p->ct_in_meter = true;
	assert_int_equal(meter_setup_ct(&r.setup, "250/5", NUM_NONE, &d), -LMS_EDATA);
	assert_non_null(strstr(d.text, "ct=meter"));
	assert_int_equal(meter_setup_ct(&r.setup, "meter", NUM_NONE, NULL), 0);
	assert_int_equal(meter_setup_ct(&r.setup, "direct", 63000, NULL), 0);
	meter_rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_direction_of_a_current_is_that_of_its_power),
		cmocka_unit_test(a_signed_register_keeps_its_sign),
		cmocka_unit_test(phases_are_mapped_to_the_grid),
		cmocka_unit_test(a_phase_without_conductor_has_no_current),
		cmocka_unit_test(inversion_turns_current_and_power),
		cmocka_unit_test(a_ratio_multiplies_what_flows_only),
		cmocka_unit_test(a_ratio_multiplies_before_anything_is_rounded),
		cmocka_unit_test(what_is_not_a_number_does_not_steer),
		cmocka_unit_test(a_current_without_its_power_does_not_steer),
		cmocka_unit_test(a_refused_block_is_an_error_not_a_zero),
		cmocka_unit_test(silence_renews_nothing),
		cmocka_unit_test(a_meter_never_read_is_unknown),
		cmocka_unit_test(values_read_in_turns_live_longer),
		cmocka_unit_test(all_values_of_a_meter_that_does_not_answer_are_stale),
		cmocka_unit_test(a_total_between_its_turns_is_the_sum_of_the_phases),
		cmocka_unit_test(another_model_is_not_steered_by_unless_that_is_wanted),
		cmocka_unit_test(installation_keys_that_make_no_sense_are_refused),
		cmocka_unit_test(a_ct_meter_is_not_multiplied_twice),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
