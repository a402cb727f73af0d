/* What is believed of a meter: voltages, zeros, sums, jumps, values that stand still, energies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"
#include "helper_meter_rig.h"

#define S US_PER_S

static void voltages_outside_a_grid_are_not_believed(void **state)
{
	static const struct { int64_t mv; bool good; } rows[] = {
		{ 230000, true }, { 120000, true }, { 253000, true }, { 60000, false }, { 400000, false },
		{ 0, false },	/* current flows there */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_rig r;

		meter_rig_start(&r);
		image_put(r.img, r.p, METER_voltage_l2n, rows[i].mv);
		meter_rig_poll(&r, S);
		if (meter_rig_currents(&r).good != rows[i].good)
			fail_msg("%lld mV", (long long)rows[i].mv);
		meter_rig_end(&r);
	}
}

static void a_dead_phase_without_current_is_believed(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	image_put(r.img, r.p, METER_voltage_l3n, 0);
	meter_rig_phase(&r, 2, 0, 0);
	image_put(r.img, r.p, METER_power_total, 4830);
	meter_rig_poll(&r, S);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 10000, 11000, 0, true);
	meter_rig_end(&r);
}

static void all_zero_is_a_meter_without_supply(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	memset(r.img, 0, sizeof(*r.img));
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 0, 0, 0, false);
	assert_true(meter_faults(r.m) & METER_FAULT_ZERO);
	meter_rig_end(&r);
}

/* A transformer that is not connected reads zero: what cars report meanwhile proves it wrong. */
static void all_zero_while_cars_draw_is_not_believed(void **state)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .blocks = blocks };
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	assert_true(meter_zero_since(r.m) == MONO_NEVER);
	for (int i = 0; i < PHASES; i++)
		meter_rig_phase(&r, i, 0, 0);
	image_put(r.img, r.p, METER_power_total, 0);
	meter_rig_poll(&r, S);
	assert_int_equal(meter_zero_since(r.m), r.now);
	assert_true(meter_rig_currents(&r).good);		/* an idle board */
	r.now += S;
	reading.at = r.now;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	reading.cars_ma = 16000;
	assert_true(meter_take(r.m, &reading));
	assert_false(meter_rig_currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_ZERO);
	meter_rig_phase(&r, 0, 16000, 3680);
	image_put(r.img, r.p, METER_power_total, 3680);
	reading.at = r.now += S;
	reading.block_count = image_read(r.img, r.p, r.now, blocks);
	assert_true(meter_take(r.m, &reading));
	assert_true(meter_rig_currents(&r).good);
	assert_true(meter_zero_since(r.m) == MONO_NEVER);
	meter_rig_end(&r);
}

static void phases_must_add_up_to_the_total(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	image_put(r.img, r.p, METER_power_total, 12000);
	meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);		/* once may be a load that just changed */
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_POWER_SUM);
	assert_int_equal(meter_quality_told(r.m, METER_power_total, r.now), METER_Q_SUSPECT);
	assert_int_equal(meter_quality_told(r.m, METER_current_l1, r.now), METER_Q_SUSPECT);
	assert_int_equal(meter_quality_told(r.m, METER_voltage_l1n, r.now), METER_Q_GOOD);
	image_put(r.img, r.p, METER_power_total, 7600);
	meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void a_jump_beyond_twice_the_breaker_must_be_confirmed(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.setup.breaker_ma = 16000;
	meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_phase(&r, 0, 30000, -6900);		/* from +10 to -30 A */
	image_put(r.img, r.p, METER_power_total, -1610);
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_JUMP);
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void one_wild_reading_changes_nothing(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.setup.breaker_ma = 63000;
	meter_rig_poll(&r, S);
	meter_rig_phase(&r, 0, 1000000, 230000);
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	meter_rig_phase(&r, 0, 10000, 2300);
	meter_rig_poll(&r, S);
	meter_rig_expect(&r, 10000, 11000, 12000, true);
	meter_rig_end(&r);
}

static void a_level_that_no_breaker_carries_is_never_believed(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.setup.breaker_ma = 4000;
	for (int i = 0; i < 10; i++)
		meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void a_meter_that_hangs_is_noticed(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	for (int i = 0; i <= 60; i++)
		meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_poll(&r, S);
	meter_rig_poll(&r, S);
	assert_false(meter_rig_currents(&r).good);
	assert_true(meter_faults(r.m) & METER_FAULT_FROZEN);
	image_put(r.img, r.p, METER_voltage_l1n, 230200);
	meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void an_idle_line_may_stand_still(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	for (int i = 0; i < PHASES; i++)
		meter_rig_phase(&r, i, 0, 0);
	image_put(r.img, r.p, METER_power_total, 0);
	for (int i = 0; i < 200; i++)
		meter_rig_poll(&r, S);
	assert_true(meter_rig_currents(&r).good);
	meter_rig_end(&r);
}

static void energy_does_not_run_backwards(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	meter_rig_poll(&r, S);
	image_put(r.img, r.p, METER_energy_import_total, 230);	/* a voltage taken for an energy */
	meter_rig_poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_SUSPECT);
	assert_true(meter_faults(r.m) & METER_FAULT_ENERGY);
	assert_true(meter_rig_currents(&r).good);
	image_put(r.img, r.p, METER_energy_import_total, 1000010);
	meter_rig_poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_GOOD);
	assert_false(meter_faults(r.m) & METER_FAULT_ENERGY);
	/* A counter that stays lower was replaced. */
	image_put(r.img, r.p, METER_energy_import_total, 0);
	for (int i = 0; i < 3; i++)
		meter_rig_poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_GOOD);
	assert_int_equal(meter_value(r.m, METER_energy_import_total)->v, 0);
	meter_rig_end(&r);
}

static void energy_does_not_leap(void **state)
{
	struct meter_rig r;

	(void)state;
	meter_rig_start(&r);
	r.setup.breaker_ma = 63000;
	meter_rig_poll(&r, S);
	image_put(r.img, r.p, METER_energy_import_total, 9000000);
	meter_rig_poll(&r, S);
	assert_int_equal(meter_quality(r.m, METER_energy_import_total, r.now), METER_Q_SUSPECT);
	meter_rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
