/* What a check of a meter finds: each mistake of an installer, by its own words, and nothing beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_meter.h"
#include "meter/findings.h"

#define S US_PER_S

/* One installation: what the meter's own inputs read. */
struct scene {
	const char *name;
	int64_t mv[PHASES], ma[PHASES], w[PHASES], total_w;
	const char *ct, *invert, *phases, *scope;
	int64_t fuse_ma;
	bool may_export;
	int64_t cars_ma[PHASES];
	const char *found;	/* codes in their order, with phases: "ct_reversed:L2" */
	const char *says;	/* of the first one */
};

#define V3	{ 230000, 231000, 229000 }
#define SUM	INT64_MIN	/* of the phases */
#define NO	NUM_NONE

static const struct scene scenes[] = {
	{ "a good meter", V3, { 10000, 11000, 12000 }, { 2300, 2541, 2748 }, SUM, NULL, NULL, NULL, "grid", NO, false,
	  { 0 }, "", NULL },
	{ "nothing flows", V3, { 0 }, { 0 }, SUM, NULL, NULL, NULL, "grid", NO, false, { 0 }, "no_load", "under load" },
	{ "a transformer of a load is turned round", V3, { 10000, 11000, 12000 }, { 2300, -2541, 2748 }, SUM, NULL, NULL,
	  NULL, "load", NO, false, { 0 }, "ct_reversed:L2", "set invert=L2" },
	{ "that is put right by invert", V3, { 10000, 11000, 12000 }, { 2300, -2541, 2748 }, SUM, NULL, "L2", NULL, "load",
	  NO, false, { 0 }, "", NULL },
	{ "it is named by the meter's own input", V3, { 10000, 11000, 12000 }, { 2300, -2541, 2748 }, SUM, NULL, NULL,
	  "L2,L3,L1", "load", NO, false, { 0 }, "ct_reversed:L3", "set invert=L2" },
	{ "the grid's one, while cars draw", V3, { 16000, 17000, 16500 }, { 3680, -3927, 3778 }, SUM, NULL, NULL, NULL,
	  "grid", NO, false, { 15000, 15000, 15000 }, "ct_reversed:L2", "while cars draw 15.0 A" },
	{ "without cars it may be generation", V3, { 16000, 17000, 16500 }, { 3680, -3927, 3778 }, SUM, NULL, NULL, NULL,
	  "grid", NO, false, { NO, NO, NO }, "sign:L2", "declare what produces" },
	{ "where something is known to produce, that is no finding", V3, { 16000, 17000, 16500 }, { 3680, -3927, 3778 },
	  SUM, NULL, NULL, NULL, "grid", NO, true, { 15000, 15000, 15000 }, "", NULL },
	{ "production must be positive", V3, { 10000, 11000, 12000 }, { -2300, -2541, -2748 }, SUM, NULL, NULL, NULL, "pv",
	  NO, true, { 0 }, "ct_reversed", "set invert=all" },
	{ "a phase has no voltage", { 230000, 12000, 229000 }, { 10000, 0, 12000 }, { 2300, 0, 2748 }, SUM, NULL, NULL,
	  NULL, "grid", NO, false, { 0 }, "no_voltage:L2", "no voltage on L2 (12.0 V)" },
	{ "the neutral is missing", { 398000, 231000, 229000 }, { 10000, 11000, 12000 }, { 3980, 2541, 2748 }, SUM, NULL,
	  NULL, NULL, "grid", NO, false, { 0 }, "voltage:L1", "neutral" },
	{ "phases do not add up", V3, { 10000, 11000, 12000 }, { 2300, 2541, 2748 }, 2000, NULL, NULL, NULL, "grid", NO,
	  false, { 0 }, "power_sum", "7.6 kW" },
	{ "two transformers are exchanged", V3, { 16000, 16000, 16000 }, { 3680, -1848, -1832 }, SUM, NULL, NULL, NULL,
	  "load", NO, false, { 0 }, "ct_swapped", "on L2 and L3" },
	{ "all are shifted by one phase", V3, { 16000, 16000, 16000 }, { -1840, -1848, -1832 }, SUM, NULL, NULL, NULL,
	  "grid", NO, false, { 15000, 15000, 15000 }, "ct_swapped", "shifted by one phase" },
	{ "a power that its current cannot make", V3, { 10000, 11000, 12000 }, { 2300, 9000, 2748 }, SUM, NULL, NULL, NULL,
	  "grid", NO, false, { 0 }, "power_mismatch:L2", "more than its voltage and current make" },
	{ "cars draw where the meter sees nothing", V3, { 400, 1000, 17000 }, { 92, 231, 3893 }, SUM, NULL, NULL, NULL,
	  "grid", NO, false, { 16000, 0, 0 }, "phases_swapped:L1", "it sees 17.0 A on L3" },
	{ "a ratio is missing", V3, { 2000, 2000, 2000 }, { 460, 462, 458 }, SUM, NULL, NULL, NULL, "grid", NO, false,
	  { 90000, 90000, 90000 }, "ct_missing:L1 ct_missing:L2 ct_missing:L3", "secondary side" },
	{ "with the ratio all is good", V3, { 2000, 2000, 2000 }, { 460, 462, 458 }, SUM, "250/5", NULL, NULL, "grid", NO,
	  false, { 90000, 90000, 90000 }, "", NULL },
	{ "a meter of another line", V3, { 8000, 8000, 8000 }, { 1840, 1848, 1832 }, SUM, NULL, NULL, NULL, "grid", NO,
	  false, { 16000, 16000, 16000 }, "cars_unseen:L1 cars_unseen:L2 cars_unseen:L3", "does not measure the line" },
	{ "a car of six amperes behind it", V3, { 6200, 500, 500 }, { 1426, 115, 115 }, SUM, NULL, NULL, NULL, "grid", NO,
	  false, { 6000, 0, 0 }, "", NULL },
	{ "direct above 63 A", V3, { 70000, 11000, 12000 }, { 16100, 2541, 2748 }, SUM, "direct", NULL, NULL, "grid", NO,
	  false, { 0 }, "ct_direct", "70.0 A" },
	{ "a line above 63 A without ratio", V3, { 10000, 11000, 12000 }, { 2300, 2541, 2748 }, SUM, NULL, NULL, NULL,
	  "grid", 125000, false, { 0 }, "ct_unset", "125.0 A" },
	{ "transformers that are too small", V3, { 2000, 2000, 2000 }, { 460, 462, 458 }, SUM, "100/5", NULL, NULL, "grid",
	  250000, false, { 0 }, "ct_small", "for 100 A" },
	{ "more than the breaker carries", V3, { 50000, 11000, 12000 }, { 11500, 2541, 2748 }, SUM, NULL, NULL, NULL,
	  "grid", 32000, false, { 0 }, "above_breaker:L1", "breaker of 32.0 A" },
};

struct rig {
	struct meter_profile *p;
	struct image *img;
	struct meter_setup setup;
	struct meter_state *m;
	struct findings_in in;
	struct findings f;
};

static void read_once(struct rig *r)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading reading = { .at = 1000 * S, .wall = 1000 * S, .latency_us = 2000, .blocks = blocks };

	reading.block_count = image_read(r->img, r->p, reading.at, blocks);
	r->m = meter_new(&r->setup);
	meter_take(r->m, &reading);
	r->in.m = r->m;
	r->in.now = reading.at;
}

static void rig_start(struct rig *r, const struct scene *s)
{
	int64_t sum = 0;

	memset(r, 0, sizeof(*r));
	r->p = profile_of_sdm630();
	r->img = image_new();
	meter_setup_init(&r->setup, "M1", r->p);
	assert_int_equal(meter_setup_ct(&r->setup, s->ct, NO, NULL), 0);
	assert_int_equal(meter_setup_invert(&r->setup, s->invert, NULL), 0);
	assert_int_equal(meter_setup_phases(&r->setup, s->phases, NULL), 0);
	for (int i = 0; i < PHASES; i++) {
		image_put(r->img, r->p, (enum meter_var)(METER_voltage_l1n + i), s->mv[i]);
		image_put(r->img, r->p, (enum meter_var)(METER_current_l1 + i), s->ma[i]);
		image_put(r->img, r->p, (enum meter_var)(METER_power_l1 + i), s->w[i]);
		sum += s->w[i];
		r->in.cars.l[i] = s->cars_ma[i];
	}
	image_put(r->img, r->p, METER_power_total, s->total_w == SUM ? sum : s->total_w);
	r->in.scope = s->scope;
	r->in.may_export = s->may_export;
	r->in.fuse_ma = s->fuse_ma;
	r->in.limit_ma = NO;
	r->in.poll_us = S;
	r->in.took_us = S / 10;
	r->in.identity_text = "";
	r->in.refused_names = "";
}

static void rig_end(struct rig *r)
{
	meter_free(r->m);
	image_free(r->img);
	profile_free(r->p);
}

static void codes_of(const struct findings *f, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->count && len < size; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", finding_name(f->list[i].code));
		if (f->list[i].phase >= 0 && len < size)
			len += (size_t)snprintf(out + len, size - len, ":L%d", f->list[i].phase + 1);
	}
}

static void every_mistake_is_found_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
		const struct scene *s = &scenes[i];
		char codes[400];
		struct rig r;

		rig_start(&r, s);
		read_once(&r);
		findings_find(&r.in, &r.f);
		codes_of(&r.f, codes, sizeof(codes));
		if (strcmp(codes, s->found) != 0)
			fail_msg("%s: found '%s', not '%s': %s", s->name, codes, s->found,
				 r.f.count ? r.f.list[0].text : "");
		if (s->says && !strstr(r.f.list[0].text, s->says))
			fail_msg("%s: '%s' does not say '%s'", s->name, r.f.list[0].text, s->says);
		assert_true(!r.f.count || strlen(r.f.list[0].text) < sizeof(r.f.list[0].text) - 1);
		rig_end(&r);
	}
}

static void what_cannot_be_read_is_told(void **state)
{
	char codes[200];
	struct rig r;

	(void)state;
	rig_start(&r, &scenes[0]);
	image_put_raw(r.img, r.p, METER_current_l2, 0x7FC00000);
	r.in.refused = 2;
	r.in.refused_names = "pf_l1, pf_l2";
	r.in.blocks_apart = 1;
	r.in.other_model = "SDM120";
	read_once(&r);
	findings_find(&r.in, &r.f);
	codes_of(&r.f, codes, sizeof(codes));
	assert_string_equal(codes, "other_model current_missing:L2 block_refused not_all");
	assert_non_null(strstr(r.f.list[0].text, "set profile=SDM120"));
	assert_non_null(strstr(r.f.list[1].text, "no value for this current"));
	assert_non_null(strstr(r.f.list[3].text, "2 registers of the profile are not answered: pf_l1, pf_l2"));
	assert_ptr_equal(findings_worst(&r.f), &r.f.list[0]);
	rig_end(&r);
}

static void what_is_only_good_to_know_leaves_the_meter_good(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, &scenes[0]);
	r.in.refused = 1;
	r.in.refused_names = "pf_l1";
	read_once(&r);
	findings_find(&r.in, &r.f);
	assert_int_equal(r.f.count, 1);
	assert_null(findings_worst(&r.f));
	rig_end(&r);
}

static void a_poll_that_is_too_slow_is_told(void **state)
{
	char codes[200];
	struct rig r;

	(void)state;
	rig_start(&r, &scenes[0]);
	r.in.poll_us = 6 * S;
	r.in.took_us = 7 * S;
	read_once(&r);
	findings_find(&r.in, &r.f);
	codes_of(&r.f, codes, sizeof(codes));
	assert_string_equal(codes, "slow poll_stale");
	rig_end(&r);
}

/* Polls once a second for so long; the counter is what `moving` says. */
static int64_t uncounted_after(struct rig *r, int seconds, bool moving)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];

	r->m = meter_new(&r->setup);
	for (int i = 0; i <= seconds; i++) {
		struct meter_reading reading = { .at = (1000 + i) * S, .wall = (1000 + i) * S, .latency_us = 1,
						 .blocks = blocks };

		image_put(r->img, r->p, METER_energy_import_total, 1000000 + (moving ? i * 2 : 0));
		image_put(r->img, r->p, METER_voltage_l1n, 230000 + i % 7 * 100);
		reading.block_count = image_read(r->img, r->p, reading.at, blocks);
		meter_take(r->m, &reading);
		r->in.m = r->m;
		r->in.now = reading.at;
	}
	return meter_uncounted_wh(r->m);
}

static void a_counter_that_stands_is_told(void **state)
{
	struct rig r;
	int64_t wh;

	(void)state;
	rig_start(&r, &scenes[0]);
	wh = uncounted_after(&r, 1800, false);	/* 7.589 kW for half an hour */
	assert_in_range(wh, 3780, 3800);
	r.in.running = r.m;
	findings_find(&r.in, &r.f);
	assert_int_equal(r.f.count, 1);
	assert_int_equal(r.f.list[0].code, FINDING_energy_stands);
	assert_non_null(strstr(r.f.list[0].text, "3.7 kWh"));
	rig_end(&r);
	rig_start(&r, &scenes[0]);
	wh = uncounted_after(&r, 1800, true);
	assert_in_range(wh, 0, 30);
	rig_end(&r);
}

static void what_lmsd_thinks_of_it_while_polling_is_told(void **state)
{
	struct meter_reading silence = { .err = -LMS_EOFFLINE, .text = "slave 1 does not answer", .at = 1001 * S };
	struct meter_state *good;
	struct rig r;

	(void)state;
	rig_start(&r, &scenes[0]);
	read_once(&r);
	good = r.m;
	read_once(&r);
	meter_take(r.m, &silence);
	r.in.m = good;
	r.in.running = r.m;
	findings_find(&r.in, &r.f);
	assert_int_equal(r.f.count, 1);
	assert_non_null(strstr(r.f.list[0].text, "it is silent: no answer: slave 1 does not answer"));
	meter_free(good);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_found_and_nothing_else),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(what_is_only_good_to_know_leaves_the_meter_good),
		cmocka_unit_test(a_poll_that_is_too_slow_is_told),
		cmocka_unit_test(a_counter_that_stands_is_told),
		cmocka_unit_test(what_lmsd_thinks_of_it_while_polling_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("meter findings", tests, NULL, NULL);
}
