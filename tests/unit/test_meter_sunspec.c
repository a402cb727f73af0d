/* SunSpec devices: how models are found, and what hostile ones cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/types.h"
#include "meter/meter.h"
#include "meter/sunspec.h"

/* A device: a word for each address, and which there are. */
struct device {
	uint16_t words[65536];
	bool known[65536];
	int asked;
};

static void put(struct device *d, int *at, int id, int length)
{
	d->words[*at] = (uint16_t)id;
	d->words[*at + 1] = (uint16_t)length;
	for (int i = 0; i < length + 2; i++)
		d->known[*at + i] = true;
	*at += length + 2;
}

static struct device *device_at(int base, const int *ids, size_t count, int length)
{
	struct device *d = xcalloc(1, sizeof(*d));
	int at = base + 2;

	d->words[base] = 0x5375;
	d->words[base + 1] = 0x6E53;
	d->known[base] = d->known[base + 1] = true;
	for (size_t i = 0; i < count; i++)
		put(d, &at, ids[i], length);
	d->words[at] = 0xFFFF;
	d->known[at] = d->known[at + 1] = true;
	return d;
}

static void walk(struct device *d, struct sunspec_walk *w)
{
	uint16_t addr;

	sunspec_start(w);
	while (sunspec_next(w, &addr)) {
		assert_in_range(addr, 0, 65534);
		assert_in_range(++d->asked, 1, 100);
		sunspec_take(w, d->known[addr] && d->known[addr + 1] ? &d->words[addr] : NULL);
	}
}

static void the_map_is_found_at_any_of_its_places(void **state)
{
	static const int bases[] = { 40000, 50000, 0, 40001, 39999, 50001, 49999, 1 };
	static const int ids[] = { 1, 103, 120 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		struct device *d = device_at(bases[i], ids, 3, 50);
		struct sunspec_walk w;
		char text[80];

		walk(d, &w);
		assert_int_equal(w.count, 3);
		assert_int_equal(w.blocks[1].id, 103);
		assert_int_equal(w.blocks[1].addr, bases[i] + 2 + 52);
		assert_non_null(strstr(sunspec_text(&w, text, sizeof(text)), " 1 103 120"));
		free(d);
	}
}

static void a_device_without_a_map_is_asked_once_at_each_place(void **state)
{
	struct device *d = xcalloc(1, sizeof(*d));
	struct sunspec_walk w;
	char text[120];

	(void)state;
	walk(d, &w);
	assert_int_equal(w.count, 0);
	assert_int_equal(d->asked, 8);
	assert_non_null(strstr(sunspec_text(&w, text, sizeof(text)), "no SunSpec map"));
	free(d);
}

static void a_chain_without_an_end_ends_where_the_device_does(void **state)
{
	static const int ids[] = { 1, 103 };
	struct device *d = device_at(40000, ids, 2, 50);
	struct sunspec_walk w;

	(void)state;
	d->known[40000 + 2 + 2 * 52] = false;
	walk(d, &w);
	assert_int_equal(w.count, 2);
	free(d);
}

/* Silence in the middle must not make half a device of it. */
static void silence_makes_the_walk_begin_again(void **state)
{
	static const int ids[] = { 1, 103 };
	struct device *d = device_at(0, ids, 2, 50);
	struct sunspec_walk w;
	uint16_t addr;

	(void)state;
	sunspec_start(&w);
	assert_true(sunspec_next(&w, &addr) && addr == 40000);
	sunspec_silent(&w);
	assert_true(sunspec_next(&w, &addr) && addr == 50000);
	sunspec_take(&w, NULL);
	sunspec_take(&w, &d->words[0]);
	sunspec_take(&w, &d->words[2]);
	assert_int_equal(w.count, 1);
	for (int i = 0; i < 2; i++) {	/* some devices have silence behind their last model, and no end mark */
		sunspec_silent(&w);
		assert_true(!w.over && sunspec_next(&w, &addr) && addr == 0 && w.count == 0);
		sunspec_take(&w, &d->words[0]);
		sunspec_take(&w, &d->words[2]);
	}
	sunspec_silent(&w);
	assert_true(w.over && w.count == 1);
	free(d);
}

static void where_nothing_answers_no_map_is_denied(void **state)
{
	struct sunspec_walk w = { 0 };
	uint16_t addr;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_true(sunspec_next(&w, &addr));
		sunspec_silent(&w);
	}
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static struct meter_profile *profile_of_inverters(void)
{
	static const struct { enum meter_var var; int addr, sf; uint32_t models; } rows[] = {
		{ METER_current_l1, 3, 6, 3 }, { METER_power_total, 14, 15, 3 }, { METER_state, 38, 0, 3 },
		{ METER_power_rating, 3, 4, 4 },
	};
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "I");
	p->models[0] = 103;
	p->models[1] = 101;
	p->models[2] = 120;
	p->model_count = 3;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_reg *reg = profile_add_reg(p, rows[i].var);

		reg->fc = 3;
		reg->addr = (uint16_t)rows[i].addr;
		reg->has_sf = rows[i].sf != 0;
		reg->sf_addr = (uint16_t)rows[i].sf;
		reg->type = rows[i].var == METER_power_total ? REG_S16 : REG_U16;
		reg->models = rows[i].models;
	}
	assert_int_equal(profile_check(p, NULL), 0);
	return p;
}

/* Whatever it answers: few questions, no address beyond the last register, no block outside its model. */
static void hostile_devices_get_few_questions(void **state)
{
	static const uint16_t edges[] = { 0, 1, 2, 50, 101, 103, 120, 0x5375, 0x6E53, 0x7FFF, 0xFFFD, 0xFFFE, 0xFFFF };
	struct meter_profile *p = profile_of_inverters();
	struct sunspec_wish wish;
	struct meter_plan plan;
	uint64_t seed = 20261126;
	int found = 0;

	(void)state;
	sunspec_wish(p, &wish);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	for (int round = 0; round < 20000; round++) {
		struct sunspec_layout l;
		struct sunspec_walk w;
		int asked = 0, marked = 0;
		uint32_t last = 0;
		uint16_t addr;

		sunspec_start(&w);
		while (sunspec_next(&w, &addr)) {
			uint16_t words[2];
			uint64_t r = next_random(&seed);

			assert_in_range(addr, 0, 65534);
			assert_in_range(++asked, 1, 8 + 1 + SUNSPEC_BLOCKS_MAX + 1 + 4);
			if (w.marked && w.count)
				assert_true(addr > last);
			last = addr;
			for (int i = 0; i < 2; i++)
				words[i] = next_random(&seed) % 2 ? edges[next_random(&seed) % ARRAY_LEN(edges)] :
								    (uint16_t)next_random(&seed);
			if (!w.marked && r % 4 == 0) {
				words[0] = 0x5375;
				words[1] = 0x6E53;
			}
			if (r % 97 == 0 && marked < 4) {
				marked += w.marked;
				sunspec_silent(&w);
				last = 0;
			} else {
				sunspec_take(&w, r % 89 ? words : NULL);
			}
			if (asked > 60 && marked)
				break;
		}
		for (int i = 0; i < w.count; i++)
			assert_true(w.blocks[i].addr + 2 + w.blocks[i].length <= 65536);
		if (!sunspec_lay_out(&w, &wish, &plan, &l))
			continue;
		found++;
		for (int i = 0; i < l.plan.count; i++) {
			const struct plan_block *b = &l.plan.blocks[i];
			const struct sunspec_block *m = &l.block[b->addr / PROFILE_MODEL_SPAN];
			int there = sunspec_addr(&l, b->addr);

			assert_true(there >= m->addr && there + b->count <= m->addr + 2 + m->length);
			assert_in_range(b->count, 1, MODBUS_READ_MAX);
		}
	}
	assert_in_range(found, 500, 20000);
	profile_free(p);
}

static void one_model_is_enough_for_what_several_have(void **state)
{
	static const int both[] = { 1, 101, 120, 103 }, twice[] = { 1, 103, 103 };
	struct meter_profile *p = profile_of_inverters();
	struct device *d = device_at(40000, both, 4, 50);
	struct sunspec_layout l;
	struct sunspec_wish wish;
	struct sunspec_walk w;
	struct meter_plan plan;

	(void)state;
	sunspec_wish(p, &wish);
	assert_int_equal(plan_make(p, &plan, NULL), 0);
	walk(d, &w);
	assert_true(sunspec_lay_out(&w, &wish, &plan, &l));
	assert_int_equal(l.models, 5);	/* 103, which the profile names first, and 120 */
	assert_int_equal(l.plan.fast_count, 1);
	assert_true(l.plan.blocks[0].addr == 0 && l.plan.blocks[0].count == 16);
	assert_int_equal(sunspec_addr(&l, 14), 40002 + 3 * 52 + 14);
	assert_true(sunspec_fits(&l, &l.plan.blocks[0], &d->words[40002 + 3 * 52]));
	assert_false(sunspec_fits(&l, &l.plan.blocks[0], &d->words[40002]));
	free(d);

	d = device_at(40000, twice, 3, 20);	/* shorter than the profile's last register */
	p->instance = 2;
	sunspec_wish(p, &wish);
	walk(d, &w);
	assert_true(sunspec_lay_out(&w, &wish, &plan, &l));
	assert_int_equal(l.block[0].addr, 40002 + 2 * 22);
	for (int i = 0; i < l.plan.count; i++)
		assert_true(l.plan.blocks[i].addr + l.plan.blocks[i].count <= 22);
	p->instance = 3;
	sunspec_wish(p, &wish);
	assert_false(sunspec_lay_out(&w, &wish, &plan, &l));
	free(d);
	profile_free(p);
}

/* ---- the meter that is made of it ---- */

static void take(struct meter_state *m, uint32_t models, const uint16_t *model103, const uint16_t *model120)
{
	struct meter_block blocks[2] = { { 3, 0, 39, 0, 0, 0, model103 },
					 { 3, 2 * PROFILE_MODEL_SPAN, 5, 0, 0, 0, model120 } };
	struct meter_reading r = { .latency_us = 1, .models = models, .blocks = model103 ? blocks : blocks + 1 };
	static mono_t now;

	now += US_PER_S;
	r.block_count = (size_t)(model103 != NULL) + (size_t)(model120 != NULL);
	r.at = blocks[0].at = blocks[1].at = now;
	meter_take(m, &r);
}

static void a_meter_has_what_its_device_has(void **state)
{
	uint16_t inverter[39] = { 103, 50 }, rating[5] = { 120, 26, 4, 120, 2 };
	struct meter_profile *p = profile_of_inverters();
	struct meter_setup setup;
	struct meter_state *m;

	(void)state;
	for (size_t i = 0; i < p->reg_count; i++)
		if (p->regs[i].var == METER_current_l1) {
			p->regs[i].invalid[0].lo = p->regs[i].invalid[0].hi = 0xFFFF;
			p->regs[i].invalid_count = 1;
			p->regs[i].exp10 = 3;
		}
	p->power_suffices = true;
	meter_setup_init(&setup, "M", p);
	m = meter_new(&setup);
	assert_false(meter_has_currents(m));
	inverter[3] = 1234;
	inverter[6] = 0xFFFE;	/* 10^-2 */
	inverter[14] = 2800;
	take(m, 5, inverter, rating);
	assert_int_equal(meter_value(m, METER_current_l1)->v, 12340);
	assert_int_equal(meter_value(m, METER_power_total)->v, 2800);
	assert_int_equal(meter_value(m, METER_power_rating)->v, 12000);
	inverter[6] = 0xFFFF;	/* the scale changes with the value */
	take(m, 5, inverter, NULL);
	assert_int_equal(meter_value(m, METER_current_l1)->v, 123400);
	inverter[15] = 0x8000;	/* no scale, no value */
	take(m, 5, inverter, NULL);
	assert_int_equal(meter_value(m, METER_power_total)->quality, METER_Q_INVALID);
	inverter[15] = 0;
	inverter[3] = 0xFFFF;	/* it does not tell the current: its power is enough */
	take(m, 5, inverter, NULL);
	assert_false(meter_has_currents(m));
	assert_int_equal(meter_faults(m), 0);
	assert_int_equal(meter_value(m, METER_power_total)->v, 2800);
	take(m, 4, NULL, rating);	/* another device */
	assert_int_equal(meter_value(m, METER_power_total)->quality, METER_Q_NONE);
	assert_int_equal(meter_value(m, METER_power_rating)->v, 12000);
	meter_free(m);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_map_is_found_at_any_of_its_places),
		cmocka_unit_test(a_device_without_a_map_is_asked_once_at_each_place),
		cmocka_unit_test(a_chain_without_an_end_ends_where_the_device_does),
		cmocka_unit_test(silence_makes_the_walk_begin_again),
		cmocka_unit_test(where_nothing_answers_no_map_is_denied),
		cmocka_unit_test(hostile_devices_get_few_questions),
		cmocka_unit_test(one_model_is_enough_for_what_several_have),
		cmocka_unit_test(a_meter_has_what_its_device_has),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
