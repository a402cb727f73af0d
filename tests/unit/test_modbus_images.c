/* Each shipped profile against registers that come from its maker's table (tests/data/meters): what they mean was
 * worked out without the profile, and any change of a profile shows.
 * timeout: 120
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "helper_meter_image.h"
#include "modbus/profile_file.h"

static struct {
	struct profile_set set;
	struct image_file *files[64];
	size_t count;
	struct image *img, *known;
} all;

static void complain(void *ctx, const struct diag *d)
{
	char text[700];

	(void)ctx;
	fail_msg("%s", diag_render(d, text, sizeof(text)));
}

static int load(void **state)
{
	struct diag d;
	glob_t found;

	(void)state;
	diag_init(&d);
	profile_set_init(&all.set);
	assert_true(profile_load_dir("etc/meters", PROFILE_SHIPPED, &all.set, complain, NULL, &d) > 0);
	assert_int_equal(glob("tests/data/meters/*.tsv", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		all.files[all.count++] = image_file_read(found.gl_pathv[i]);
	globfree(&found);
	all.img = image_new();
	all.known = image_new();
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < all.count; i++)
		image_file_free(all.files[i]);
	image_free(all.img);
	image_free(all.known);
	profile_set_fini(&all.set);
	return 0;
}

/* The last row that tells the variable in that image. */
static const struct image_row *expected(const struct image_file *f, int image, enum meter_var var)
{
	const struct image_row *found = NULL;

	for (int i = 0; i < f->count; i++)
		if (f->rows[i].image <= image && f->rows[i].var == (int)var)
			found = &f->rows[i];
	return found;
}

/* "" when the profile reads the image as it should, else the first difference. */
static void compare(const struct image_file *f, int image, const struct meter_profile *p, char *out, size_t size)
{
	struct meter_block blocks[PLAN_BLOCK_MAX];
	struct meter_reading r = { .at = US_PER_S, .latency_us = 1, .blocks = blocks };
	struct meter_setup setup;
	struct meter_state *m;

	out[0] = '\0';
	memset(all.known, 0, sizeof(*all.known));
	image_file_fill(f, image, all.img, all.known);
	meter_setup_init(&setup, "M", p);
	m = meter_new(&setup);
	r.block_count = image_poll(all.img, all.known, p, US_PER_S, blocks, &r.models);
	meter_take(m, &r);
	for (int v = 0; v < METER_VAR_COUNT && !out[0]; v++) {
		const struct image_row *row = expected(f, image, (enum meter_var)v);
		const struct meter_value *val = meter_value(m, (enum meter_var)v);
		const char *quality = meter_quality_name(val->quality);

		if (strcmp(quality, row ? row->quality : "none") != 0 ||
		    (row && row->has_value && val->v != row->value))
			snprintf(out, size, "%s is %s %lld, not %s %lld", meter_var_info((enum meter_var)v)->name, quality,
				 (long long)val->v, row ? row->quality : "none", (long long)(row ? row->value : 0));
	}
	meter_free(m);
}

static void every_profile_reads_its_makers_registers(void **state)
{
	char diff[200];

	(void)state;
	for (size_t i = 0; i < all.count; i++)
		for (int image = 1; image <= 2; image++) {
			const struct meter_profile *p = profile_set_find(&all.set, all.files[i]->model);

			if (!p)
				fail_msg("no profile %s", all.files[i]->model);
			compare(all.files[i], image, p, diff, sizeof(diff));
			if (diff[0])
				fail_msg("%s, image %d: %s", p->model, image, diff);
		}
}

static void every_register_of_every_profile_has_an_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < all.set.count; i++) {
		const struct meter_profile *p = all.set.items[i];

		for (size_t k = 0; k < p->reg_count; k++) {
			bool found = false;

			for (size_t n = 0; n < all.count && !found; n++)
				found = profile_is_named(p, all.files[n]->model) && expected(all.files[n], 1, p->regs[k].var);
			if (!found)
				fail_msg("%s: no image has %s", p->model, meter_var_info(p->regs[k].var)->name);
		}
	}
}

/* ---- would a mistake be seen? ---- */

static struct meter_profile *copy_of(const struct meter_profile *p)
{
	struct meter_profile *out = profile_new();
	struct meter_reg *regs = out->regs;

	*out = *p;
	out->regs = regs;
	memcpy(regs, p->regs, p->reg_count * sizeof(*regs));
	return out;
}

static bool noticed(const struct meter_profile *p)
{
	char diff[200] = "";

	if (profile_check(p, NULL) < 0)
		return true;
	for (size_t i = 0; i < all.count && !diff[0]; i++)
		for (int image = 1; image <= 2 && !diff[0]; image++)
			if (profile_is_named(p, all.files[i]->model))
				compare(all.files[i], image, p, diff, sizeof(diff));
	return diff[0] != '\0';
}

static const char *const mistakes[] = { "address", "function", "scale", "ten times", "order", "type", "sign",
					"scale register", "invalid", "variable" };

/* False: that mistake cannot be made with it. */
static bool make_mistake(struct meter_reg *r, size_t which)
{
	static const enum reg_type other[] = {
		[REG_U16] = REG_S16, [REG_S16] = REG_U16, [REG_U32] = REG_S32, [REG_S32] = REG_U32,
		[REG_U64] = REG_S64, [REG_S64] = REG_U64, [REG_F32] = REG_U32, [REG_F64] = REG_U64,
	};
	const struct meter_var_info *info = meter_var_info(r->var);

	switch (which) {
	case 0:
		r->addr += (uint16_t)reg_type_words(r->type);
		return true;
	case 1:
		r->fc = r->fc == 3 ? 4 : 3;
		return true;
	case 2:
		r->scale = r->scale == 1 ? 2 : 1;
		return true;
	case 3:
		r->exp10++;
		return true;
	case 4:
		r->order = r->order == REG_ORDER_BIG ? REG_ORDER_LITTLE : REG_ORDER_BIG;
		return reg_type_words(r->type) > 1;
	case 5:
		/* Marks for "no value" hide the sign of what lies beyond them. */
		r->type = other[r->type];
		return !(r->invalid_count && (r->type == REG_U16 || r->type == REG_U32 || r->type == REG_U64 ||
					      r->type == REG_S16 || r->type == REG_S32 || r->type == REG_S64));
	case 6:
		r->negate = !r->negate;
		return info->dim != METER_DIM_CURRENT || info->phase < 0;	/* that one has the sign of its power */
	case 7:
		r->sf_addr++;
		return r->has_sf;
	case 8:
		r->invalid[0].lo = r->invalid[0].hi = 0x1234;
		return r->invalid_count > 0;
	default:
		if (info->phase < 0 || info->phase > 1)
			return false;
		r->var = (enum meter_var)(r->var + 1);
		return true;
	}
}

static void any_mistake_in_a_profile_is_seen(void **state)
{
	int made = 0;

	(void)state;
	for (size_t i = 0; i < all.set.count; i++) {
		const struct meter_profile *p = all.set.items[i];

		for (size_t k = 0; k < p->reg_count; k++)
			for (size_t which = 0; which < ARRAY_LEN(mistakes); which++) {
				struct meter_profile *bad = copy_of(p);

				if (make_mistake(&bad->regs[k], which) && ++made && !noticed(bad))
					fail_msg("%s: %s (register %zu): a wrong %s is not seen", p->model,
						 meter_var_info(p->regs[k].var)->name, k, mistakes[which]);
				profile_free(bad);
			}
	}
	assert_true(made > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile_reads_its_makers_registers),
		cmocka_unit_test(every_register_of_every_profile_has_an_image),
		cmocka_unit_test(any_mistake_in_a_profile_is_seen),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, load, unload);
}
