/* One installed meter: signs, phases and transformers; what is believed, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "helper_meter.h"

#define S US_PER_S

struct rig {
	struct meter_profile *p;
	struct image *img;
	struct meter_setup setup;
	struct meter_state *m;
	mono_t now;
};

static void rig_start(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->p = profile_of_sdm630();
	r->img = image_new();
	r->now = 1000 * S;
	meter_setup_init(&r->setup, "M1", r->p);
	for (int i = 0; i < PHASES; i++) {
		image_put(r->img, r->p, (enum meter_var)(METER_voltage_l1n + i), 230000 + i * 100);
		image_put(r->img, r->p, (enum meter_var)(METER_current_l1 + i), 10000 + i * 1000);
		image_put(r->img, r->p, (enum meter_var)(METER_power_l1 + i), 2300 + i * 230);
	}
	image_put(r->img, r->p, METER_power_total, 7590);
	image_put(r->img, r->p, METER_energy_import_total, 1000000);
	image_put(r->img, r->p, METER_energy_export_total, 500);
}

static void rig_end(struct rig *r)
{
	meter_free(r->m);
	image_free(r->img);
	profile_free(r->p);
}

/* One poll after `us`, all blocks; the meter is made at the first. */
static bool poll(struct rig *r, int64_t us)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .latency_us = 2000 };

	if (!r->m)
		r->m = meter_new(&r->setup);
	r->now += us;
	reading.at = r->now;
	reading.wall = r->now + 77;
	reading.block_count = image_read(r->img, r->p, r->now, blocks);
	return meter_take(r->m, &reading);
}

static bool poll_failed(struct rig *r, int64_t us)
{
	struct meter_reading reading = { .err = -LMS_EOFFLINE, .text = "slave 1 does not answer" };

	r->now += us;
	reading.at = r->now;
	return meter_take(r->m, &reading);
}

static struct meter_currents currents(struct rig *r)
{
	struct meter_currents c;

	meter_sample_currents(r->m, r->now, &c);
	return c;
}

static void set_phase(struct rig *r, int i, int64_t ma, int64_t w)
{
	image_put(r->img, r->p, (enum meter_var)(METER_current_l1 + i), ma);
	image_put(r->img, r->p, (enum meter_var)(METER_power_l1 + i), w);
}

static void expect(struct rig *r, int64_t l1, int64_t l2, int64_t l3, bool good)
{
	struct meter_currents c = currents(r);
	char why[300];

	if (c.current.l[0] != l1 || c.current.l[1] != l2 || c.current.l[2] != l3 || c.good != good)
		fail_msg("%lld %lld %lld %s, expected %lld %lld %lld %s (%s)", (long long)c.current.l[0],
			 (long long)c.current.l[1], (long long)c.current.l[2], c.good ? "good" : "bad",
			 (long long)l1, (long long)l2, (long long)l3, good ? "good" : "bad",
			 meter_fault_text(r->m, why, sizeof(why)));
}

static void the_direction_of_a_current_is_that_of_its_power(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	set_phase(&r, 1, 11000, -2530);
	image_put(r.img, r.p, METER_power_total, 2530);
	assert_true(poll(&r, S));
	expect(&r, 10000, -11000, 12000, true);
	assert_int_equal(currents(&r).at, r.now);
	assert_int_equal(currents(&r).voltage_mv.l[2], 230200);
	assert_int_equal(meter_value(r.m, METER_current_l2)->v, -11000);
	assert_int_equal(meter_value(r.m, METER_current_l2)->wall, r.now + 77);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	rig_end(&r);
}

static void a_signed_register_keeps_its_sign(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.p->direction = METER_DIRECTION_REGISTER;
	image_put(r.img, r.p, METER_current_l1, -10000);
	poll(&r, S);
	expect(&r, -10000, 11000, 12000, true);
	rig_end(&r);
}

static void phases_are_mapped_to_the_grid(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	assert_int_equal(meter_setup_phases(&r.setup, "L2,L3,L1", NULL), 0);
	poll(&r, S);
	expect(&r, 12000, 10000, 11000, true);
	assert_int_equal(currents(&r).voltage_mv.l[0], 230200);
	assert_int_equal(meter_value(r.m, METER_power_l2)->v, 2300);
	rig_end(&r);
}

static void a_phase_without_conductor_has_no_current(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	assert_int_equal(meter_setup_phases(&r.setup, "L3", NULL), 0);
	poll(&r, S);
	expect(&r, NUM_NONE, NUM_NONE, 10000, true);
	rig_end(&r);
}

static void inversion_turns_current_and_power(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	assert_int_equal(meter_setup_invert(&r.setup, "L1", NULL), 0);
	poll(&r, S);
	poll(&r, S);
	expect(&r, -10000, 11000, 12000, true);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, -2300);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 2530 + 2760 - 2300);
	rig_end(&r);

	rig_start(&r);
	assert_int_equal(meter_setup_invert(&r.setup, "all", NULL), 0);
	poll(&r, S);
	expect(&r, -10000, -11000, -12000, true);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, -7590);
	assert_int_equal(meter_value(r.m, METER_energy_export_total)->v, 1000000);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 500);
	rig_end(&r);
}

static void a_ratio_multiplies_what_flows_only(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	assert_int_equal(meter_setup_ct(&r.setup, "250/5", NUM_NONE, NULL), 0);
	poll(&r, S);
	expect(&r, 500000, 550000, 600000, true);
	assert_int_equal(meter_value(r.m, METER_voltage_l1n)->v, 230000);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, 115000);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 50000000);
	rig_end(&r);
}

static void a_ratio_multiplies_before_anything_is_rounded(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	assert_int_equal(meter_setup_ct(&r.setup, "6000/1", NUM_NONE, NULL), 0);
	image_put_raw(r.img, r.p, METER_current_l1, 0x3DFCD680);	/* 0.123456 A */
	image_put_raw(r.img, r.p, METER_power_l1, 0x41E33333);	/* 28.4 W */
	poll(&r, S);
	assert_int_equal(meter_value(r.m, METER_current_l1)->v, 740736);
	assert_int_equal(meter_value(r.m, METER_power_l1)->v, 170400);
	rig_end(&r);
}

static void what_is_not_a_number_does_not_steer(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	image_put_raw(r.img, r.p, METER_current_l2, 0x7FC00000);
	assert_true(poll(&r, S));
	expect(&r, 10000, NUM_NONE, 12000, false);
	assert_int_equal(meter_quality(r.m, METER_current_l2, r.now), METER_Q_NAN);
	assert_int_equal(meter_value(r.m, METER_current_l2)->v, NUM_NONE);
	assert_int_equal(meter_status(r.m, r.now), METER_IMPLAUSIBLE);
	assert_int_equal(meter_good_at(r.m), r.now - S);
	image_put(r.img, r.p, METER_current_l2, 11000);
	poll(&r, S);
	expect(&r, 10000, 11000, 12000, true);
	rig_end(&r);
}

static void a_current_without_its_power_does_not_steer(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	image_put_raw(r.img, r.p, METER_power_l3, 0x7FC00000);
	poll(&r, S);
	assert_false(currents(&r).good);
	rig_end(&r);
}

static void a_refused_block_is_an_error_not_a_zero(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks };
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	r.now += S;
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	blocks[0].err = -LMS_EREFUSED;
	blocks[0].words = NULL;
	assert_true(meter_take(r.m, &reading));
	expect(&r, NUM_NONE, NUM_NONE, NUM_NONE, false);
	assert_int_equal(meter_value(r.m, METER_current_l1)->v, 10000);
	assert_int_equal(meter_value(r.m, METER_current_l1)->at, r.now - S);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_ERROR);
	rig_end(&r);
}

static void silence_renews_nothing(void **state)
{
	struct rig r;
	char text[200];
	mono_t at;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	at = r.now;
	for (int i = 0; i < 5; i++)
		assert_false(poll_failed(&r, S));
	assert_int_equal(currents(&r).at, at);
	assert_true(currents(&r).good);		/* exactly 5 s old */
	assert_false(poll_failed(&r, S));
	assert_false(currents(&r).good);
	assert_int_equal(currents(&r).at, at);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_STALE);
	assert_int_equal(meter_status(r.m, r.now), METER_SILENT);
	assert_non_null(strstr(meter_fault_text(r.m, text, sizeof(text)), "slave 1 does not answer"));
	poll(&r, S);
	expect(&r, 10000, 11000, 12000, true);
	assert_int_equal(meter_status(r.m, r.now), METER_OK);
	rig_end(&r);
}

static void a_meter_never_read_is_unknown(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.m = meter_new(&r.setup);
	expect(&r, NUM_NONE, NUM_NONE, NUM_NONE, false);
	assert_int_equal(meter_status(r.m, r.now), METER_UNKNOWN);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_NONE);
	assert_int_equal(meter_quality(r.m, METER_frequency, r.now), METER_Q_NONE);
	rig_end(&r);
}

static void voltages_outside_a_grid_are_not_believed(void **state)
{
	static const struct { int64_t mv; bool good; } rows[] = {
		{ 230000, true }, { 120000, true }, { 253000, true }, { 60000, false }, { 400000, false },
		{ 0, false },	/* current flows there */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_start(&r);
		image_put(r.img, r.p, METER_voltage_l2n, rows[i].mv);
		poll(&r, S);
		if (currents(&r).good != rows[i].good)
			fail_msg("%lld mV", (long long)rows[i].mv);
		rig_end(&r);
	}
}

static void a_dead_phase_without_current_is_believed(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	image_put(r.img, r.p, METER_voltage_l3n, 0);
	set_phase(&r, 2, 0, 0);
	image_put(r.img, r.p, METER_power_total, 4830);
	poll(&r, S);
	poll(&r, S);
	expect(&r, 10000, 11000, 0, true);
	rig_end(&r);
}

static void all_zero_is_a_meter_without_supply(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	memset(r.img, 0, sizeof(*r.img));
	poll(&r, S);
	expect(&r, 0, 0, 0, false);
	assert_true(meter_faults(r.m) & METER_FAULT_ZERO);
	rig_end(&r);
}

/* A transformer that is not connected reads zero: what cars report meanwhile proves it wrong. */
static void all_zero_while_cars_draw_is_not_believed(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks };
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	assert_true(meter_zero_since(r.m) == MONO_NEVER);
	for (int i = 0; i < PHASES; i++)
		set_phase(&r, i, 0, 0);
	image_put(r.img, r.p, METER_power_total, 0);
	poll(&r, S);
	assert_int_equal(meter_zero_since(r.m), r.now);
	assert_true(currents(&r).good);		/* an idle board */
	r.now += S;
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	reading.cars_ma = 16000;
	assert_true(meter_take(r.m, &reading));
	assert_false(currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_ZERO);
	set_phase(&r, 0, 16000, 3680);
	image_put(r.img, r.p, METER_power_total, 3680);
	reading.at = r.now += S;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	assert_true(meter_take(r.m, &reading));
	assert_true(currents(&r).good);
	assert_true(meter_zero_since(r.m) == MONO_NEVER);
	rig_end(&r);
}

static void phases_must_add_up_to_the_total(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	image_put(r.img, r.p, METER_power_total, 12000);
	poll(&r, S);
	assert_true(currents(&r).good);		/* once may be a load that just changed */
	poll(&r, S);
	assert_false(currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_POWER_SUM);
	image_put(r.img, r.p, METER_power_total, 7600);
	poll(&r, S);
	assert_true(currents(&r).good);
	rig_end(&r);
}

static void a_jump_beyond_twice_the_breaker_must_be_confirmed(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.setup.breaker_ma = 16000;
	poll(&r, S);
	assert_true(currents(&r).good);
	set_phase(&r, 0, 30000, -6900);		/* from +10 to -30 A */
	image_put(r.img, r.p, METER_power_total, -1610);
	poll(&r, S);
	assert_false(currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_JUMP);
	poll(&r, S);
	assert_false(currents(&r).good);
	poll(&r, S);
	assert_true(currents(&r).good);
	rig_end(&r);
}

static void one_wild_reading_changes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.setup.breaker_ma = 63000;
	poll(&r, S);
	set_phase(&r, 0, 1000000, 230000);
	poll(&r, S);
	assert_false(currents(&r).good);
	set_phase(&r, 0, 10000, 2300);
	poll(&r, S);
	expect(&r, 10000, 11000, 12000, true);
	rig_end(&r);
}

static void a_level_that_no_breaker_carries_is_never_believed(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.setup.breaker_ma = 4000;
	for (int i = 0; i < 10; i++)
		poll(&r, S);
	assert_false(currents(&r).good);
	rig_end(&r);
}

static void a_meter_that_hangs_is_noticed(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	for (int i = 0; i <= 60; i++)
		poll(&r, S);
	assert_true(currents(&r).good);
	poll(&r, S);
	poll(&r, S);
	assert_false(currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_FROZEN);
	image_put(r.img, r.p, METER_voltage_l1n, 230200);
	poll(&r, S);
	assert_true(currents(&r).good);
	rig_end(&r);
}

static void an_idle_line_may_stand_still(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	for (int i = 0; i < PHASES; i++)
		set_phase(&r, i, 0, 0);
	image_put(r.img, r.p, METER_power_total, 0);
	for (int i = 0; i < 200; i++)
		poll(&r, S);
	assert_true(currents(&r).good);
	rig_end(&r);
}

static void energy_does_not_run_backwards(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	image_put(r.img, r.p, METER_energy_import_total, 230);	/* a voltage taken for an energy */
	poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_SUSPECT);
	assert_true(meter_faults(r.m) & METER_FAULT_ENERGY);
	assert_true(currents(&r).good);
	image_put(r.img, r.p, METER_energy_import_total, 1000010);
	poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_GOOD);
	assert_false(meter_faults(r.m) & METER_FAULT_ENERGY);
	/* A counter that stays lower was replaced. */
	image_put(r.img, r.p, METER_energy_import_total, 0);
	for (int i = 0; i < 3; i++)
		poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_GOOD);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 0);
	rig_end(&r);
}

static void energy_does_not_leap(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.setup.breaker_ma = 63000;
	poll(&r, S);
	image_put(r.img, r.p, METER_energy_import_total, 9000000);
	poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_SUSPECT);
	rig_end(&r);
}

/* The fast block alone, which has currents and powers. */
static void poll_fast(struct rig *r, int64_t us)
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
	struct rig r;
	mono_t first;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	first = r.now;
	for (int i = 0; i < 6; i++)
		poll_fast(&r, S);
	assert_int_equal(meter_value(r.m, METER_voltage_l1n)->at, first);
	assert_int_equal(meter_quality(r.m, METER_voltage_l1n, r.now), METER_Q_GOOD);
	for (int i = 0; i < 60; i++)
		poll_fast(&r, S);
	assert_int_equal(meter_quality(r.m, METER_current_l1, r.now), METER_Q_GOOD);
	assert_int_equal(meter_quality(r.m, METER_voltage_l1n, r.now), METER_Q_STALE);
	rig_end(&r);
}

static void all_values_of_a_meter_that_does_not_answer_are_stale(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	poll(&r, S);
	for (int v = 0; v < METER_VAR_COUNT; v++) {
		enum meter_quality q = meter_quality(r.m, (enum meter_var)v, r.now);

		assert_true(q == METER_Q_GOOD || q == METER_Q_NONE);
		if (q == METER_Q_GOOD)
			assert_int_equal(meter_quality(r.m, (enum meter_var)v, r.now + 6 * S), METER_Q_STALE);
	}
	rig_end(&r);
}

static void a_total_between_its_turns_is_the_sum_of_the_phases(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .block_count = 1 };
	struct rig r;

	(void)state;
	rig_start(&r);
	image_put(r.img, r.p, METER_power_total, 7600);
	poll(&r, S);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 7600);
	set_phase(&r, 0, 20000, 4600);
	r.now += S;
	reading.at = r.now;
	image_read(r.img, r.p, r.now, blocks);	/* the fast block alone */
	meter_take(r.m, &reading);
	assert_int_equal(meter_value(r.m, METER_power_total)->v, 4600 + 2530 + 2760);
	assert_int_equal(meter_value(r.m, METER_power_total)->at, r.now);
	rig_end(&r);
}

static void another_model_is_not_steered_by_unless_that_is_wanted(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks, .identity = -1, .text = "reads 0x0079" };
	struct rig r;
	char text[200];

	(void)state;
	rig_start(&r);
	r.m = meter_new(&r.setup);
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	meter_take(r.m, &reading);
	assert_false(currents(&r).good);
	assert_int_equal(meter_status(r.m, r.now), METER_IMPLAUSIBLE);
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_SUSPECT);
	assert_non_null(strstr(meter_fault_text(r.m, text, sizeof(text)), "another model: reads 0x0079"));
	reading.identity = 1;
	meter_take(r.m, &reading);
	assert_true(currents(&r).good);
	meter_free(r.m);
	r.setup.any_model = true;
	r.m = meter_new(&r.setup);
	reading.identity = -1;
	meter_take(r.m, &reading);
	assert_true(currents(&r).good);
	assert_int_equal(meter_quality(r.m, METER_power_total, r.now), METER_Q_GOOD);
	assert_string_equal(meter_fault_text(r.m, text, sizeof(text)), "");
	rig_end(&r);
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
		struct rig r;
		struct diag d;
		int ret;

		rig_start(&r);
		diag_init(&d);
		if (rows[i].key == 'p')
			ret = meter_setup_phases(&r.setup, rows[i].text, &d);
		else if (rows[i].key == 'i')
			ret = meter_setup_invert(&r.setup, rows[i].text, &d);
		else
			ret = meter_setup_ct(&r.setup, rows[i].text, rows[i].fuse_ma, &d);
		if (ret != -LMS_EDATA || !strstr(d.text, rows[i].says))
			fail_msg("'%s': '%s' does not say '%s'", rows[i].text, d.text, rows[i].says);
		rig_end(&r);
	}
}

static void a_ct_meter_is_not_multiplied_twice(void **state)
{
	struct rig r;
	struct diag d;

	(void)state;
	rig_start(&r);
	diag_init(&d);
	r.p->ct_in_meter = true;
	assert_int_equal(meter_setup_ct(&r.setup, "250/5", NUM_NONE, &d), -LMS_EDATA);
	assert_non_null(strstr(d.text, "ct=meter"));
	assert_int_equal(meter_setup_ct(&r.setup, "meter", NUM_NONE, NULL), 0);
	assert_int_equal(meter_setup_ct(&r.setup, "direct", 63000, NULL), 0);
	rig_end(&r);
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
		cmocka_unit_test(voltages_outside_a_grid_are_not_believed),
		cmocka_unit_test(a_dead_phase_without_current_is_believed),
		cmocka_unit_test(all_zero_is_a_meter_without_supply),
		cmocka_unit_test(all_zero_while_cars_draw_is_not_believed),
		cmocka_unit_test(phases_must_add_up_to_the_total),
		cmocka_unit_test(a_jump_beyond_twice_the_breaker_must_be_confirmed),
		cmocka_unit_test(one_wild_reading_changes_nothing),
		cmocka_unit_test(a_level_that_no_breaker_carries_is_never_believed),
		cmocka_unit_test(a_meter_that_hangs_is_noticed),
		cmocka_unit_test(an_idle_line_may_stand_still),
		cmocka_unit_test(energy_does_not_run_backwards),
		cmocka_unit_test(energy_does_not_leap),
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
