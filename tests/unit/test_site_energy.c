/* What a transaction took: registers that say strange things, and the curve over restarts and late stops. */
#include "ledger_rig.h"

struct energy_case {
	const char *name;
	int64_t start, samples[4], stop;	/* samples end with -1 */
	int64_t energy;
	bool estimated;
};

static const struct energy_case energies[] = {
	{ "the registers' difference", 1000, { 1200, 1500, -1 }, 2000, 1000, false },
	{ "nothing", 1000, { -1 }, 1000, 0, false },
	{ "no samples", 0, { -1 }, 500, 500, false },
	{ "a register that begins at 0 with the session", 5000, { 10, 300, -1 }, 400, 390, true },
	{ "meterStop 0", 5000, { 5200, -1 }, 0, 200, true },
	{ "meterStop below meterStart without samples", 5000, { -1 }, 4000, 0, true },
	{ "a glitch to 0 in between", 5000, { 5100, 0, 5200, -1 }, 5300, 300, false },
	{ "a sample above meterStop", 1000, { 9000, -1 }, 2000, 1000, false },
	{ "meterStart that is no register", -7, { -1 }, 300, 300, false },
	{ "a register beyond all sense", 0, { INT64_MAX, 100, INT64_MAX, -1 }, 200, 200, false },
	{ "all registers beyond all sense", INT64_MAX, { -1 }, INT64_MAX, 0, false },
	{ "meterStop that is no register", 100, { 400, -1 }, -5, 300, false },
};

static void energy_is_what_the_registers_say_and_never_negative(void **state)
{
	struct ledger_desk l;
	size_t failed = 0;

	(void)state;
	begin(&l);
	for (size_t i = 0; i < ARRAY_LEN(energies); i++) {
		const struct energy_case *c = &energies[i];
		int64_t week = l.d.site->totals.energy_week_wh;
		struct tx *tx = start(&l, "S1/1", "ANN", c->start, i + 1);
		struct ctl_transaction rec;

		for (size_t k = 0; c->samples[k] >= 0; k++) {
			sample(&l, tx, c->samples[k]);
			assert_true(tx->energy_wh >= 0);
		}
		l.d.wall += HOUR;
		stop(&l, "S1", l.id, c->stop, l.d.wall);
		rec = ended(&l, l.id);
		week = l.d.site->totals.energy_week_wh - week;
		if (rec.energy_wh != c->energy || rec.estimated != c->estimated || week != c->energy) {
			print_message("# %s: %lld Wh, estimated %d, week %lld\n", c->name,
				      (long long)rec.energy_wh, (int)rec.estimated, (long long)week);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
	desk_fini(&l.d);
}

/* Whatever a station says, sums stay sums. */
static void energy_never_overflows(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/1", "ANN", 0, 1);
	for (int i = 0; i < 20000; i++) {
		desk_sample(l.d.site, tx, i % 2 ? INT64_C(1000000000000) : 0, l.d.wall, &l.d.fx);
		assert_true(tx->energy_wh >= 0 && tx->energy_wh <= INT64_C(1000000000000));
	}
	assert_true(l.d.site->totals.energy_week_wh <= INT64_C(1000000000000));
	desk_fini(&l.d);
}

static void energy_that_the_socket_cannot_deliver_is_flagged(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	/* 32 A on three phases are 22.08 kW: with a tenth more 24.288 kWh in an hour */
	start(&l, "S1/1", "ANN", 0, 1);
	l.d.wall += HOUR;
	stop(&l, "S1", 1, 24288, l.d.wall);
	assert_null(ended(&l, 1).note);
	start(&l, "S1/1", "ANN", 0, 2);
	l.d.wall += HOUR;
	stop(&l, "S1", 2, 24289, l.d.wall);
	assert_non_null(strstr(ended(&l, 2).note, "more energy than"));
	assert_int_equal(ended(&l, 2).energy_wh, 24289);
	desk_fini(&l.d);
}

static void registers_are_stored_once_a_minute(void **state)
{
	struct ledger_desk l;
	size_t puts;
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/1", "ANN", 0, 1);
	puts = l.d.put_count;
	for (int i = 1; i <= 60; i++) {
		l.d.wall += 10 * US_PER_S;
		sample(&l, tx, i * 30);
	}
	assert_int_equal(l.d.put_count, puts + 10);
	assert_int_equal(tx->energy_wh, 1800);
	/* a clock that was set back does not stop it */
	l.d.wall -= 24 * HOUR;
	sample(&l, tx, 2000);
	assert_int_equal(l.d.put_count, puts + 11);
	assert_int_equal(tx->energy_wh, 2000);
	desk_fini(&l.d);
}

static void the_curve_runs_on_after_a_restart_and_is_kept_at_the_end(void **state)
{
	struct ledger_desk l;
	const char *json;
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/1", "ANN", 500, 1);
	for (int i = 1; i <= 30; i++) {
		l.d.wall += MINUTE;
		sample(&l, tx, 500 + i * 100);
	}
	assert_int_equal(tx->curve.count, 30);
	desk_restart(&l.d);
	tx = site_tx(l.d.site, 1);
	assert_int_equal(tx->curve.count, 30);
	assert_int_equal(tx->curve.points[29].t_s, 1800);
	assert_int_equal(tx->curve.points[29].register_wh, 3500);
	l.d.wall += MINUTE;
	sample(&l, tx, 3600);
	stop(&l, "S1", 1, 3700, l.d.wall);
	assert_null(strstr(desk_stored(&l.d, STORE_TX, "0000000001"), "\"curve\""));
	json = desk_stored(&l.d, STORE_CURVE, "0000000001");
	assert_string_equal(json, "{\"curve\":\"60,100,-,-,-,-;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;"
			    "60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;"
			    "60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;"
			    "60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;60,100,,,,;"
			    "60,100,,,,;\"}");
	desk_fini(&l.d);
}

/* The curve may be on disk alone: what comes with a late stop does not take its place. */
static void a_late_stop_does_not_shorten_a_curve(void **state)
{
	struct ledger_desk l;
	struct tx_sample late = { .register_wh = 900, .power_w = NUM_NONE, .late = true,
				  .current = { { NUM_NONE, NUM_NONE, NUM_NONE } } };
	char before[400];
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/1", "ANN", 500, 1);
	for (int i = 1; i <= 5; i++) {
		l.d.wall += MINUTE;
		sample(&l, tx, 500 + i * 10);
	}
	start(&l, "S1/1", "BOB", 600, 2);
	snprintf(before, sizeof(before), "%s", desk_stored(&l.d, STORE_CURVE, "0000000001"));
	desk_restart(&l.d);
	late.time = l.d.wall;
	site_tx_sample(l.d.site, site_tx_ended(l.d.site, 1), &late, l.d.wall, &l.d.fx);
	stop(&l, "S1", 1, 900, l.d.wall);
	assert_int_equal(ended(&l, 1).energy_wh, 400);
	assert_string_equal(desk_stored(&l.d, STORE_CURVE, "0000000001"), before);
	desk_fini(&l.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(energy_is_what_the_registers_say_and_never_negative),
		cmocka_unit_test(energy_never_overflows),
		cmocka_unit_test(energy_that_the_socket_cannot_deliver_is_flagged),
		cmocka_unit_test(registers_are_stored_once_a_minute),
		cmocka_unit_test(the_curve_runs_on_after_a_restart_and_is_kept_at_the_end),
		cmocka_unit_test(a_late_stop_does_not_shorten_a_curve),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
