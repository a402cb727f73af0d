/* Profile files: every shipped one decodes what a device of its kind would send; bad ones name the place. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "helper_meter.h"
#include "modbus/profile_file.h"

#define SHIPPED "etc/meters"	/* tests run in the project's directory */

static void complain(void *ctx, const struct diag *d)
{
	char text[700];

	(void)ctx;
	fail_msg("%s", diag_render(d, text, sizeof(text)));
}

static void load_shipped(struct profile_set *set)
{
	struct diag d;
	int n;

	diag_init(&d);
	profile_set_init(set);
	n = profile_load_dir(SHIPPED, PROFILE_SHIPPED, set, complain, NULL, &d);
	assert_true(n >= 28);
	assert_int_equal(n, set->count);
}

/* What a meter might show, by dimension; the least step that every shipped device can tell apart. */
static const struct { int64_t value, step; } shown[METER_DIM_COUNT] = {
	[METER_DIM_CURRENT] = { 16720, 10 },	 [METER_DIM_VOLTAGE] = { 230100, 100 },
	[METER_DIM_POWER] = { 3840, 10 },	 [METER_DIM_REACTIVE] = { 250, 10 },
	[METER_DIM_APPARENT] = { 3860, 10 },	 [METER_DIM_RATIO] = { 987, 1 },
	[METER_DIM_FREQ] = { 50020, 100 },	 [METER_DIM_ENERGY] = { 1234000, 1000 },
	[METER_DIM_PERCENT] = { 634, 5 },	 [METER_DIM_STATE] = { 4, 0 },
};

static void every_shipped_profile_decodes_an_image_of_its_device(void **state)
{
	struct profile_set set;

	(void)state;
	load_shipped(&set);
	for (size_t i = 0; i < set.count; i++) {
		const struct meter_profile *p = set.items[i];
		struct meter_block blocks[PLAN_BLOCK_MAX];
		struct meter_reading r = { .at = US_PER_S, .blocks = blocks };
		struct image *img = image_new();
		struct meter_setup setup;
		struct meter_state *m;

		if (p->model_count) {	/* test_modbus_images */
			image_free(img);
			continue;
		}
		for (size_t k = 0; k < p->reg_count; k++)
			image_put(img, p, p->regs[k].var, shown[meter_var_info(p->regs[k].var)->dim].value);
		r.block_count = image_read(img, p, US_PER_S, blocks);
		assert_true(r.block_count > 0);
		meter_setup_init(&setup, "M", p);
		m = meter_new(&setup);
		meter_take(m, &r);
		for (size_t k = 0; k < p->reg_count; k++) {
			enum meter_dim dim = meter_var_info(p->regs[k].var)->dim;
			const struct meter_value *v = meter_value(m, p->regs[k].var);

			if (v->quality != METER_Q_GOOD || llabs(v->v - shown[dim].value) > shown[dim].step)
				fail_msg("%s: %s: %s %lld", p->model, meter_var_info(p->regs[k].var)->name,
					 meter_quality_name(v->quality), (long long)v->v);
		}
		meter_free(m);
		image_free(img);
	}
	profile_set_fini(&set);
}

static uint16_t any_word(uint64_t *seed)
{
	static const uint16_t edges[] = { 0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7F80, 0x7FF0, 0xFF7F, 0x4366 };

	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 61 ? (uint16_t)(*seed >> 33) : edges[(*seed >> 33) % ARRAY_LEN(edges)];
}

static bool in_range(enum meter_var var, int64_t v)
{
	const struct meter_dim_info *dim = meter_dim_info(meter_var_info(var)->dim);

	return v >= dim->min && v <= dim->max;
}

/* For the sanitizers: whatever a device sends, numbers stay within their quantity's range. */
static void any_registers_do_no_harm(void **state)
{
	struct profile_set set;
	uint64_t seed = 20261121;

	(void)state;
	load_shipped(&set);
	for (size_t i = 0; i < set.count; i++) {
		const struct meter_profile *p = set.items[i];
		struct meter_block blocks[PLAN_BLOCK_MAX];
		struct meter_reading r = { .blocks = blocks, .models = UINT32_MAX };
		struct image *img = image_new();
		struct meter_setup setup;
		struct meter_state *m;

		meter_setup_init(&setup, "M", p);
		meter_setup_ct(&setup, "6000/1", NUM_NONE, NULL);
		setup.invert = (phase_mask_t)(i & PHASE_ALL);
		setup.breaker_ma = i % 2 ? 63000 : NUM_NONE;
		m = meter_new(&setup);
		for (int round = 0; round < 300; round++) {
			r.at += US_PER_S;
			r.block_count = image_read(img, p, r.at, blocks);
			for (size_t b = 0; b < r.block_count; b++)
				for (int w = 0; w < blocks[b].count; w++)
					img->regs[blocks[b].fc][blocks[b].addr + w] = any_word(&seed);
			meter_take(m, &r);
			for (int v = 0; v < METER_VAR_COUNT; v++) {
				const struct meter_value *val = meter_value(m, (enum meter_var)v);

				if (val->quality == METER_Q_NAN || val->quality == METER_Q_INVALID)
					assert_int_equal(val->v, NUM_NONE);
				if (val->quality == METER_Q_GOOD && v != METER_power_total)
					assert_true(in_range((enum meter_var)v, val->v));
			}
		}
		meter_free(m);
		image_free(img);
	}
	profile_set_fini(&set);
}

static void every_plan_keeps_its_devices_limits(void **state)
{
	struct profile_set set;

	(void)state;
	load_shipped(&set);
	for (size_t i = 0; i < set.count; i++) {
		const struct meter_profile *p = set.items[i];
		struct meter_plan plan;
		int words = 0, read = 0;

		assert_int_equal(plan_make(p, &plan, NULL), 0);
		for (int b = 0; b < plan.count; b++) {
			assert_in_range(plan.blocks[b].count, 1, p->max_regs);
			if (p->even_only)
				assert_true(plan.blocks[b].addr % 2 == 0 && plan.blocks[b].count % 2 == 0);
			read += plan.blocks[b].count;
		}
		for (size_t k = 0; k < p->reg_count; k++)
			words += reg_type_words(p->regs[k].type);
		if (!p->allow_holes && !p->model_count && words != read)
			fail_msg("%s reads %d registers for %d", p->model, read, words);
	}
	profile_set_fini(&set);
}

static void known_devices_have_the_registers_of_their_makers(void **state)
{
	static const struct {
		const char *model;
		enum meter_var var;
		int fc, addr;
		enum reg_type type;
		uint16_t words[4];
		int64_t value;
	} rows[] = {
		{ "SDM630", METER_current_l1, 4, 6, REG_F32, { 0x4185, 0xC28F }, 16720 },
		{ "sdm630mct-v2", METER_power_total, 4, 52, REG_F32, { 0x4570, 0 }, 3840 },
		{ "iEM3255", METER_power_l1, 3, 3053, REG_F32, { 0x4075, 0xC28F }, 3840 },
		{ "iEM3155", METER_energy_import_total, 3, 3203, REG_S64, { 0, 0, 0x0012, 0xD687 }, 1234567 },
		{ "EM24-DIN", METER_current_l1, 4, 12, REG_S32, { 0x4150, 0 }, 16720 },
		{ "ET340", METER_power_l2, 4, 20, REG_S32, { 0xFFF6, 0xFFFF }, -1 },
		{ "B23", METER_current_l3, 3, 23312, REG_U32, { 0, 1672 }, 16720 },
		{ "B24", METER_energy_import_total, 3, 20480, REG_U64, { 0, 0, 0x0001, 0xE240 }, 1234560 },
		{ "PAC2200", METER_energy_import_total, 3, 801, REG_F64, { 0x4132, 0xD687, 0, 0 }, 1234567 },
		{ "Countis E24", METER_power_total, 3, 50536, REG_S32, { 0, 384 }, 3840 },
		{ "ECR380D", METER_voltage_l1n, 3, 45056, REG_U16, { 23010 }, 230100 },
		{ "Pro3EM", METER_current_l1, 4, 1022, REG_F32, { 0xC28F, 0x4185 }, 16720 },
		{ "UMG96RM", METER_energy_import_total, 3, 19068, REG_F32, { 0x4996, 0xB438 }, 1234567 },
	};
	struct profile_set set;

	(void)state;
	load_shipped(&set);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct meter_profile *p = profile_set_find(&set, rows[i].model);
		const struct meter_reg *reg = p ? profile_reg(p, rows[i].var) : NULL;
		int64_t v = 0;

		if (!reg)
			fail_msg("%s is not there", rows[i].model);
		assert_int_equal(reg->fc, rows[i].fc);
		assert_int_equal(reg->addr, rows[i].addr);
		assert_int_equal(reg->type, rows[i].type);
		if (meter_decode(reg, rows[i].words, 0, &v) != METER_Q_GOOD || v != rows[i].value)
			fail_msg("%s: %lld", rows[i].model, (long long)v);
	}
	assert_string_equal(profile_set_nearest(&set, "SDM63O"), "SDM630");
	assert_null(profile_set_find(&set, "SDM"));
	profile_set_fini(&set);
}

static void profiles_of_one_source_are_marked(void **state)
{
	struct profile_set set;

	(void)state;
	load_shipped(&set);
	assert_false(profile_set_find(&set, "7M.38")->verified);
	assert_true(profile_set_find(&set, "SDM630")->verified);
	assert_false(profile_reg(profile_set_find(&set, "PAC3200"), METER_reactive_l1)->verified);
	profile_set_fini(&set);
}

/* ---- bad files ---- */

#define HEAD "model = \"X\";\nmax_regs = 20;\n"
#define VARS(v) HEAD "variables = (\n" v ");\n"
#define GOOD_VAR "{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"A\"; }\n"

static const struct bad_case {
	const char *text;
	int line;
	const char *says;
} bad_cases[] = {
	{ "model = ", 1, "syntax error" },
	{ HEAD "max_reg = 3;\n", 3, "max_reg: is not a key of a meter profile (did you mean 'max_regs'?)" },
	{ HEAD "timeout_ms = \"x\";\n", 3, "timeout_ms: must be a whole number" },
	{ HEAD "function = 5;\n", 3, "function: 5 is not within 3 to 4" },
	{ HEAD "word_order = \"middle\";\n", 3, "word_order: 'middle' is not big" },
	{ HEAD "even_only = \"maybe\";\n", 3, "even_only: must be yes or no" },
	{ HEAD "aliases = \"Y\";\n", 3, "aliases: must be a list" },
	{ HEAD "direction = \"up\";\n", 3, "direction: 'up' is neither" },
	{ HEAD "identity = { addr = 3; };\n", 3, "identity: must be {" },
	{ HEAD, 1, "variables: must be a list" },
	{ HEAD "variables = 3;\n", 3, "variables: must be a list" },
	{ VARS(""), 1, "variables: is empty" },
	{ "variables = (" GOOD_VAR ");\n", 1, "model: is missing" },
	{ VARS("{ addr = 0; }\n"), 4, "every entry must be" },
	{ VARS("{ name = \"curent_l1\"; }\n"), 4, "'curent_l1' is not a variable (did you mean 'current_l1'?)" },
	{ VARS("{ name = \"current_l1\"; type = \"f32\"; unit = \"A\"; }\n"), 4, "current_l1: addr is missing" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f31\"; unit = \"A\"; }\n"), 4, "type: 'f31'" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"V\"; }\n"), 4, "unit: 'V' is not a unit of current_l1" },
	{ VARS("{ name = \"current_l1\"; addr = 70000; type = \"f32\"; unit = \"A\"; }\n"), 4, "addr: 70000" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"A\"; scale = -1; }\n"), 4, "scale: must be a positive" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"A\"; scale = 0.0000001; }\n"), 4, "scale: must be a positive" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"A\"; group = \"quick\"; }\n"), 4, "group: 'quick'" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"s32\"; unit = \"A\"; invalid = \"7FFF\"; }\n"), 4, "invalid: must be hexadecimal" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"s32\"; unit = \"A\"; invalid = \"0x9-0x1\"; }\n"), 4, "invalid: '0x9-0x1'" },
	{ VARS("{ name = \"current_l1\"; addr = 0; type = \"f32\"; unit = \"A\"; unti = 3; }\n"), 4, "unti: is not a key" },
	{ VARS(GOOD_VAR "," "{ name = \"current_l2\"; addr = 1; type = \"f32\"; unit = \"A\"; }\n"), 5, "current_l2: addr: overlaps" },
	{ VARS(GOOD_VAR "," GOOD_VAR), 5, "current_l1: name: is there twice" },
	{ "max_regs = 1;\nmodel = \"X\";\nvariables = ( " GOOD_VAR " );\n", 3, "current_l1: type: is longer than one request" },
	{ "max_regs = 200;\nmodel = \"X\";\nvariables = ( " GOOD_VAR " );\n", 2, "max_regs: must be 1 to 125" },
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void bad_files_name_line_key_and_remedy(void **state)
{
	char path[] = "/tmp/lms-profile-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		const struct bad_case *c = &bad_cases[i];
		struct meter_profile *p = NULL;
		struct diag d;

		diag_init(&d);
		write_file(path, c->text);
		if (profile_load_file(path, &p, &d) != -LMS_ECONFIG || p || d.line != c->line ||
		    strcmp(d.file, path) != 0 || !strstr(d.text, c->says))
			fail_msg("case %zu: %s:%d: '%s', expected line %d '%s'", i, d.file, d.line, d.text,
				 c->line, c->says);
	}
	unlink(path);
}

static void a_scale_may_be_written_in_any_way(void **state)
{
	static const struct { const char *scale; int64_t v; } rows[] = {
		{ "0.1", 100 }, { "\"0.1\"", 100 }, { "10", 10000 }, { "\"0.001\"", 1 }, { "2.5", 2500 },
		{ "0.0005", 1 }, { "1e-1", 100 },
	};
	char path[] = "/tmp/lms-profile-XXXXXX", text[300];
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct meter_profile *p = NULL;
		struct diag d;
		int64_t v;

		diag_init(&d);
		snprintf(text, sizeof(text), HEAD "variables = ( { name = \"current_l1\"; addr = 0; "
			 "type = \"u16\"; unit = \"A\"; scale = %s; } );", rows[i].scale);
		write_file(path, text);
		if (profile_load_file(path, &p, &d) < 0)
			fail_msg("%s: %s", rows[i].scale, d.text);
		assert_int_equal(meter_decode(&p->regs[0], (uint16_t[]){ 1 }, 0, &v), METER_Q_GOOD);
		if (v != rows[i].v)
			fail_msg("%s: %lld", rows[i].scale, (long long)v);
		profile_free(p);
	}
	unlink(path);
}

static void count_bad(void *ctx, const struct diag *d)
{
	assert_true(diag_failed(d));
	++*(int *)ctx;
}

static void one_bad_file_spoils_no_other(void **state)
{
	char dir[] = "/tmp/lms-profiles-XXXXXX", path[100];
	static const char *const names[] = { "a.conf", "b.conf", "c.conf", "notes.txt" };
	static const char *const texts[] = { VARS(GOOD_VAR), "model = \"x\";\nvariables = ( " GOOD_VAR ");\n",
					     "rubbish", "rubbish" };
	struct profile_set set;
	struct diag d;
	int bad = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		write_file(path, texts[i]);
	}
	profile_set_init(&set);
	diag_init(&d);
	assert_int_equal(profile_load_dir(dir, PROFILE_SHIPPED, &set, count_bad, &bad, &d), 1);
	assert_int_equal(bad, 2);	/* b's model is a's in other letters, c is rubbish */
	profile_set_fini(&set);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	assert_int_equal(profile_load_dir(dir, PROFILE_SHIPPED, &set, NULL, NULL, &d), -LMS_ENOINPUT);
}

/* The installer's directory is read first; his names are his, whatever an update brings. */
static void a_profile_of_the_installer_stands_in_for_a_shipped_one(void **state)
{
	char dir[] = "/tmp/lms-profiles-XXXXXX", path[100];
	const struct meter_profile *p;
	struct profile_set set;
	struct diag d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/mine.conf", dir);
	write_file(path, "model = \"sdm630\";\naliases = [ \"B24\", \"X\" ];\nvariables = ( " GOOD_VAR ");\n");
	profile_set_init(&set);
	diag_init(&d);
	assert_int_equal(profile_load_dir(dir, PROFILE_SITE, &set, complain, NULL, &d), 1);
	assert_true(profile_load_dir(SHIPPED, PROFILE_SHIPPED, &set, complain, NULL, &d) >= 27);
	p = profile_set_find(&set, "SDM630");
	assert_true(p->site && p->reg_count == 1);
	assert_string_equal(p->replaces, SHIPPED "/eastron-sdm630.conf");
	assert_ptr_equal(profile_set_find(&set, "B24"), p);
	p = profile_set_find(&set, "B23");	/* keeps its model, and loses the alias */
	assert_true(p && !p->site && p->alias_count == 0);
	unlink(path);
	rmdir(dir);
	profile_set_fini(&set);
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
	char dir[] = "/tmp/lms-profiles-XXXXXX", path[100];
	struct meter_profile *p = NULL;
	struct diag d;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pipe.conf", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	diag_init(&d);
	assert_int_equal(profile_load_file(path, &p, &d), -LMS_ECONFIG);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 30000; i++)
		fputs("# a comment\n", f);
	fclose(f);
	assert_int_equal(profile_load_file(path, &p, &d), -LMS_ECONFIG);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shipped_profile_decodes_an_image_of_its_device),
		cmocka_unit_test(any_registers_do_no_harm),
		cmocka_unit_test(every_plan_keeps_its_devices_limits),
		cmocka_unit_test(known_devices_have_the_registers_of_their_makers),
		cmocka_unit_test(profiles_of_one_source_are_marked),
		cmocka_unit_test(bad_files_name_line_key_and_remedy),
		cmocka_unit_test(a_scale_may_be_written_in_any_way),
		cmocka_unit_test(one_bad_file_spoils_no_other),
		cmocka_unit_test(a_profile_of_the_installer_stands_in_for_a_shipped_one),
		cmocka_unit_test(what_is_no_file_is_refused_and_not_waited_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
