/* The map of the building management system: its table, values as registers, and numbers that never move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "bms/map.h"
#include "bms/numbers.h"
#include "helper_site.h"

/* ---- the table ------------------------------------------------------------------------------------ */

static void no_two_values_share_a_register(void **state)
{
	static uint8_t taken[BMS_WORDS];

	(void)state;
	for (int kind = 0; kind < BMS_KINDS; kind++) {
		const struct bms_block *b = &bms_blocks[kind];

		assert_true(b->base + b->stride * b->count <= BMS_WORDS);
		for (unsigned at = b->base; at < (unsigned)(b->base + b->stride * b->count); at++)
			if (taken[at]++)
				fail_msg("block %s begins in another", b->name);
	}
	memset(taken, 0, sizeof(taken));
	for (size_t i = 0; i < bms_reg_count; i++) {
		const struct bms_reg *r = &bms_regs[i];
		unsigned at = bms_address(r->kind, 1) + r->offset;

		assert_true(r->offset + bms_type_words(r->type) <= bms_blocks[r->kind].stride);
		for (int k = 0; k < bms_type_words(r->type); k++)
			if (taken[at + (unsigned)k]++)
				fail_msg("%s %s lies on another", bms_blocks[r->kind].name, r->name);
		assert_true(strlen(r->help) > 0);
	}
}

static void only_the_grid_signal_can_be_written(void **state)
{
	(void)state;
	for (unsigned at = 0; at < BMS_WORDS; at++) {
		assert_int_equal(bms_write_check(at, 0), at == 100 ? 0 : 2);
		assert_int_equal(bms_write_check(at, 2), at == 100 ? 0 : 2);
	}
	for (unsigned v = 3; v < 65536; v++)
		assert_int_equal(bms_write_check(100, (uint16_t)v), 3);
	for (size_t i = 0; i < bms_reg_count; i++)
		assert_int_equal(bms_reg_writable(&bms_regs[i]), strcmp(bms_regs[i].name, "signal") == 0);
}

/* ---- values ---------------------------------------------------------------------------------------- */

static uint32_t two(const struct bms_image *img, unsigned at)
{
	return (uint32_t)img->words[at] << 16 | img->words[at + 1];
}

static void a_value_takes_its_type_and_what_is_not_there_is_no_number(void **state)
{
	static struct bms_image img;
	struct bms_meter m = {
		.present = 1, .quality = 0, .age_s = 70000, .current_l1_ma = -1, .current_l2_ma = 16000,
		.current_l3_ma = NUM_NONE, .voltage_l1_mv = 230123, .voltage_l2_mv = NUM_NONE, .voltage_l3_mv = -5,
		.power_w = -INT64_C(5000000000), .import_kwh = INT64_C(9000000000), .export_kwh = 0,
	};
	unsigned at = bms_address(BMS_meter, 2);

	(void)state;
	bms_image_init(&img, 1);
	bms_image_reach(&img, BMS_meter, 2);
	bms_image_put(&img, BMS_meter, 2, &m);
	assert_int_equal(at, 5040);
	assert_int_equal(img.words[at], 1);
	assert_int_equal(img.words[at + 2], 0xfffe);	/* the most that an age says; 0xffff is none */
	assert_int_equal(two(&img, at + 4), 0xffffffff);	/* -1 mA is a value */
	assert_int_equal(two(&img, at + 6), 16000);
	assert_int_equal(two(&img, at + 8), 0x80000000);
	assert_int_equal(two(&img, at + 10), 230123);
	assert_int_equal(two(&img, at + 12), 0xffffffff);
	assert_int_equal(two(&img, at + 14), 0);
	assert_int_equal(two(&img, at + 16), 0x80000001);	/* the least, not none */
	assert_int_equal(two(&img, at + 18), 0xfffffffe);
	/* Its neighbour was never put: it is within reach, and absent. */
	assert_int_equal(img.words[5000], 0xffff);
	assert_int_equal(two(&img, 5004), 0x80000000);
}

static void what_is_within_reach_can_be_read_and_nothing_else(void **state)
{
	static struct bms_image img;

	(void)state;
	bms_image_init(&img, 1);
	assert_true(bms_image_has(&img, 0, 40));
	assert_false(bms_image_has(&img, 0, 41));
	assert_false(bms_image_has(&img, 40, 1));
	assert_true(bms_image_has(&img, 100, 10));
	assert_false(bms_image_has(&img, 1000, 1));
	bms_image_reach(&img, BMS_zone, 3);
	assert_true(bms_image_has(&img, 1000, 120));
	assert_true(bms_image_has(&img, 1039, 2));
	assert_false(bms_image_has(&img, 1000, 121));
	assert_false(bms_image_has(&img, 999, 2));
	bms_image_reach(&img, BMS_zone, 2);	/* never less */
	assert_true(bms_image_has(&img, 1119, 1));
	bms_image_reach(&img, BMS_station, 1250);
	assert_false(bms_image_has(&img, 65535, 1));
	assert_false(bms_image_has(&img, 65535, 2));
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

#define OBJECTS 300

struct world { bool there[OBJECTS]; };

static bool is_there(void *ctx, enum bms_kind kind, const char *id)
{
	const struct world *w = ctx;

	(void)kind;
	return w->there[atoi(id + 1)];
}

static struct bms_numbers *reload(struct desk *r, struct bms_numbers *old)
{
	struct bms_numbers *n = bms_numbers_new();
	char key[80];

	bms_numbers_free(old);
	for (int i = 0; i < OBJECTS; i++) {
		const char *json;

		snprintf(key, sizeof(key), "zone Z%d", i);
		json = desk_stored(r, STORE_BMS, key);
		if (json)
			assert_int_equal(bms_numbers_load(n, key, json, strlen(json), &r->diag), 0);
	}
	return n;
}

/* Zones come and go at random, and lmsd restarts: who is there keeps its number, and no two have the same. */
static void a_number_is_kept_as_long_as_its_object_is_there(void **state)
{
	struct bms_numbers *n = bms_numbers_new();
	int number[OBJECTS] = { 0 }, count = 0;
	struct world w = { { false } };
	struct desk r;
	char id[16];

	(void)state;
	desk_init(&r);
	srand(7);
	for (int step = 0; step < 20000; step++) {
		int i = rand() % OBJECTS;

		snprintf(id, sizeof(id), "Z%d", i);
		if (w.there[i]) {
			assert_int_equal(bms_number(n, BMS_zone, id), number[i]);
			w.there[i] = rand() % 3 == 0;
			count -= !w.there[i];
		} else if (count < bms_blocks[BMS_zone].count) {
			int back = bms_number(n, BMS_zone, id);
			int got = bms_number_give(n, BMS_zone, id, is_there, &w, &r.fx);

			assert_in_range(got, 1, bms_blocks[BMS_zone].count);
			if (back)
				assert_int_equal(got, back);
			w.there[i] = true;
			number[i] = got;
			count++;
			for (int k = 0; k < OBJECTS; k++)
				if (k != i && w.there[k] && number[k] == got)
					fail_msg("Z%d and Z%d are number %d", i, k, got);
		} else {
			assert_int_equal(bms_number_give(n, BMS_zone, id, is_there, &w, &r.fx) != 0,
					 bms_number(n, BMS_zone, id) != 0);
		}
		desk_settle(&r);
		if (step % 1000 == 999)
			n = reload(&r, n);
	}
	bms_numbers_free(n);
	desk_fini(&r);
}

static void who_comes_back_finds_its_place_while_there_is_another_for_the_new(void **state)
{
	struct bms_numbers *n = bms_numbers_new();
	struct world w = { { false } };
	struct desk r;

	(void)state;
	desk_init(&r);
	w.there[1] = w.there[2] = true;
	assert_int_equal(bms_number_give(n, BMS_zone, "Z1", is_there, &w, &r.fx), 1);
	assert_int_equal(bms_number_give(n, BMS_zone, "Z2", is_there, &w, &r.fx), 2);
	assert_int_equal(bms_number_give(n, BMS_meter, "Z2", is_there, &w, &r.fx), 1);
	w.there[1] = false;
	assert_int_equal(bms_number_give(n, BMS_zone, "Z3", is_there, &w, &r.fx), 3);
	assert_int_equal(bms_number_give(n, BMS_zone, "Z1", is_there, &w, &r.fx), 1);
	assert_int_equal(bms_number_top(n, BMS_zone), 3);
	assert_string_equal(bms_number_id(n, BMS_zone, 2), "Z2");
	bms_numbers_free(n);
	desk_fini(&r);
}

static void a_record_that_makes_no_sense_is_refused(void **state)
{
	static const struct { const char *key, *json; } bad[] = {
		{ "zone Z1", "{\"number\":0}" }, { "zone Z1", "{\"number\":101}" }, { "zone Z1", "{\"number\":\"1\"}" },
		{ "zone Z1", "{}" },		 { "zone Z1", "{" },		   { "zone", "{\"number\":1}" },
		{ "roof Z1", "{\"number\":1}" }, { "", "{\"number\":1}" },
		{ "zone ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", "{\"number\":1}" },
	};
	struct bms_numbers *n = bms_numbers_new();
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		diag_init(&diag);
		assert_int_equal(bms_numbers_load(n, bad[i].key, bad[i].json, strlen(bad[i].json), &diag), -LMS_EDATA);
	}
	assert_int_equal(bms_numbers_load(n, "zone A", "{\"number\":7}", 12, &diag), 0);
	assert_int_equal(bms_numbers_load(n, "zone B", "{\"number\":7}", 12, &diag), -LMS_EDATA);
	assert_int_equal(bms_number(n, BMS_zone, "A"), 7);
	bms_numbers_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_values_share_a_register),
		cmocka_unit_test(only_the_grid_signal_can_be_written),
		cmocka_unit_test(a_value_takes_its_type_and_what_is_not_there_is_no_number),
		cmocka_unit_test(what_is_within_reach_can_be_read_and_nothing_else),
		cmocka_unit_test(a_number_is_kept_as_long_as_its_object_is_there),
		cmocka_unit_test(who_comes_back_finds_its_place_while_there_is_another_for_the_new),
		cmocka_unit_test(a_record_that_makes_no_sense_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
