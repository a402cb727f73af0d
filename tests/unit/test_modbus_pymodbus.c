/* The whole way from a peer that we did not write: pymodbus, our worker, the profile, the meter.
 * timeout: 60
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_modbus_sim.h"
#include "modbus/bus.h"
#include "modbus/profile_file.h"
#include "net/loop.h"

#define MS US_PER_MS

struct rig {
	struct loop *loop;
	struct loop_timer *deadline;
	struct bus_set *set;
	struct meter_profile *p;
	struct meter_state *m;
	struct sim sim;
	struct meter_currents last;	/* of the last sample */
	mono_t last_at, now;
	int samples;
	bool (*wanted)(const struct rig *r);
};

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;
	struct meter_reading reading;

	bus_sample_reading(s, &reading);
	r->now = loop_now(r->loop);
	meter_take(r->m, &reading);
	meter_sample_currents(r->m, r->now, &r->last);
	r->last_at = s->at;
	r->samples++;
	if (r->wanted && r->wanted(r))
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static void wait_until(struct rig *r, bool (*wanted)(const struct rig *r), const char *what)
{
	char why[300];

	r->wanted = wanted;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + 12 * US_PER_S);
	loop_run(r->loop);
	r->wanted = NULL;
	if (!wanted(r))
		fail_msg("%s: %lld %lld %lld %s", what, (long long)r->last.current.l[0],
			 (long long)r->last.current.l[1], (long long)r->last.current.l[2],
			 meter_fault_text(r->m, why, sizeof(why)));
}

static void rig_start(struct rig *r, const char *profile, const char *file)
{
	static const struct bus_ops ops = { on_sample };
	struct bus_meter m = { .id = "M1", .poll_us = 200 * MS, .retry_us = 200 * MS };
	struct meter_setup setup;
	char address[64];
	struct diag d;

	memset(r, 0, sizeof(*r));
	diag_init(&d);
	sim_start_tcp(&r->sim, 0, profile);
	if (profile_load_file(file, &r->p, &d) < 0)
		fail_msg("%s", d.text);
	r->p->timeout_ms = 400;
	meter_setup_init(&setup, "M1", r->p);
	setup.frozen_us = 2 * US_PER_S;
	r->m = meter_new(&setup);
	r->loop = loop_new();
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->set = bus_set_new(r->loop, &ops, r);
	snprintf(address, sizeof(address), "127.0.0.1:%d", r->sim.port);
	m.address = address;
	m.profile = r->p;
	if (bus_set_configure(r->set, &m, 1, &d) < 0)
		fail_msg("%s", d.text);
}

static void rig_end(struct rig *r)
{
	bus_set_free(r->set);
	sim_kill(&r->sim);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	meter_free(r->m);
	profile_free(r->p);
}

static bool near(int64_t v, int64_t want)
{
	return v > want - 20 && v < want + 20;
}

static bool reads(const struct rig *r, int64_t l1, int64_t l2, int64_t l3)
{
	return r->last.good && near(r->last.current.l[0], l1) && near(r->last.current.l[1], l2) &&
	       near(r->last.current.l[2], l3);
}

static bool building(const struct rig *r) { return reads(r, 10000, 11000, 12000); }
static bool with_cars(const struct rig *r) { return reads(r, 26000, 27000, 28000); }
static bool feeding_in(const struct rig *r) { return reads(r, -5000, 11000, 12000); }
static bool not_good(const struct rig *r) { return !r->last.good; }
static bool silent(const struct rig *r) { return meter_status(r->m, r->now) == METER_SILENT; }
static bool frozen(const struct rig *r) { return meter_faults(r->m) & METER_FAULT_FROZEN; }
static bool zero(const struct rig *r) { return meter_faults(r->m) & METER_FAULT_ZERO; }

static bool complete(const struct rig *r)
{
	for (size_t i = 0; i < r->p->reg_count; i++)
		if (meter_quality(r->m, r->p->regs[i].var, r->now) != METER_Q_GOOD)
			return false;
	return true;
}

static void a_simulated_sdm630_is_read_with_all_its_variables(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, "SDM630", "etc/meters/eastron-sdm630.conf");
	wait_until(&r, building, "building");
	assert_in_range(r.last.voltage_mv.l[0], 229000, 233000);
	wait_until(&r, complete, "all variables");
	assert_in_range(meter_value(r.m, METER_frequency)->v, 49900, 50100);
	assert_in_range(meter_value(r.m, METER_energy_import_total)->v, 1234000, 1236000);
	assert_in_range(meter_value(r.m, METER_power_total)->v, 7000, 8000);
	assert_int_equal(meter_faults(r.m), 0);
	sim_order(&r.sim, "{\"ev\":[16,16,16]}");
	wait_until(&r, with_cars, "cars");
	sim_order(&r.sim, "{\"ev\":[-15,0,0]}");
	wait_until(&r, feeding_in, "feeding in");
	rig_end(&r);
}

static void devices_with_integers_and_little_words_are_read_as_well(void **state)
{
	static const struct { const char *model, *file; } rows[] = {
		{ "EM24-DIN", "etc/meters/carlo-gavazzi-em24.conf" },
		{ "Pro3EM", "etc/meters/shelly-pro-3em.conf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_start(&r, rows[i].model, rows[i].file);
		wait_until(&r, building, rows[i].model);
		wait_until(&r, complete, rows[i].model);
		rig_end(&r);
	}
}

static void a_meter_that_lies_or_is_silent_does_not_steer(void **state)
{
	mono_t good_at;
	struct rig r;

	(void)state;
	rig_start(&r, "SDM630", "etc/meters/eastron-sdm630.conf");
	wait_until(&r, building, "building");
	sim_order(&r.sim, "{\"nan\":true}");
	wait_until(&r, not_good, "NaN");
	sim_order(&r.sim, "{\"nan\":false, \"zero\":true}");
	wait_until(&r, zero, "zero");
	sim_order(&r.sim, "{\"zero\":false, \"freeze\":true}");
	wait_until(&r, frozen, "frozen");
	sim_order(&r.sim, "{\"freeze\":false}");
	wait_until(&r, building, "building again");
	good_at = meter_good_at(r.m);
	sim_order(&r.sim, "{\"mute\":true}");
	wait_until(&r, silent, "mute");
	assert_true(meter_good_at(r.m) <= r.last_at);
	assert_true(meter_good_at(r.m) >= good_at);
	sim_order(&r.sim, "{\"mute\":false}");
	wait_until(&r, building, "after mute");
	rig_end(&r);
}

static void a_process_that_is_killed_and_started_anew_is_read_again(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, "SDM630", "etc/meters/eastron-sdm630.conf");
	wait_until(&r, building, "building");
	sim_kill(&r.sim);
	wait_until(&r, silent, "killed");
	sim_start_tcp(&r.sim, r.sim.port, "SDM630");
	wait_until(&r, building, "started anew");
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_simulated_sdm630_is_read_with_all_its_variables),
		cmocka_unit_test(devices_with_integers_and_little_words_are_read_as_well),
		cmocka_unit_test(a_meter_that_lies_or_is_silent_does_not_steer),
		cmocka_unit_test(a_process_that_is_killed_and_started_anew_is_read_again),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
