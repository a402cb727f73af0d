#include "helper_meter_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

void meter_rig_start(struct meter_rig *r)
{
	memset(r, 0, sizeof(*r));
	r->p = profile_of_sdm630();
	r->img = image_new();
	r->now = 1000 * US_PER_S;
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

void meter_rig_end(struct meter_rig *r)
{
	meter_free(r->m);
	image_free(r->img);
	profile_free(r->p);
}

bool meter_rig_poll(struct meter_rig *r, int64_t us)
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

bool meter_rig_fail(struct meter_rig *r, int64_t us)
{
	struct meter_reading reading = { .err = -LMS_EOFFLINE, .text = "slave 1 does not answer" };

	r->now += us;
	reading.at = r->now;
	return meter_take(r->m, &reading);
}

struct meter_currents meter_rig_currents(struct meter_rig *r)
{
	struct meter_currents c;

	meter_sample_currents(r->m, r->now, &c);
	return c;
}

void meter_rig_phase(struct meter_rig *r, int i, int64_t ma, int64_t w)
{
	image_put(r->img, r->p, (enum meter_var)(METER_current_l1 + i), ma);
	image_put(r->img, r->p, (enum meter_var)(METER_power_l1 + i), w);
}

void meter_rig_expect(struct meter_rig *r, int64_t l1, int64_t l2, int64_t l3, bool good)
{
	struct meter_currents c = meter_rig_currents(r);
	char why[300];

	if (c.current.l[0] != l1 || c.current.l[1] != l2 || c.current.l[2] != l3 || c.good != good)
		fail_msg("%lld %lld %lld %s, expected %lld %lld %lld %s (%s)", (long long)c.current.l[0],
			 (long long)c.current.l[1], (long long)c.current.l[2], c.good ? "good" : "bad",
			 (long long)l1, (long long)l2, (long long)l3, good ? "good" : "bad",
			 meter_fault_text(r->m, why, sizeof(why)));
}
