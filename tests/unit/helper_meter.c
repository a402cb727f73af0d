/* helper_meter.c - encodes values the way devices do; uses floating point, which the room may not.
 */
#include "helper_meter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct image *image_new(void)
{
	return xcalloc(1, sizeof(struct image));
}

void image_free(struct image *img)
{
	free(img);
}

static uint64_t to_raw(const struct meter_reg *reg, int64_t v)
{
	long double x = (long double)v / (long double)reg->scale / powl(10, reg->exp10);
	double d = (double)(reg->negate ? -x : x);
	float f = (float)d;
	uint64_t raw64;
	uint32_t raw32;

	switch (reg->type) {
	case REG_F32:
		memcpy(&raw32, &f, sizeof(raw32));
		return raw32;
	case REG_F64:
		memcpy(&raw64, &d, sizeof(raw64));
		return raw64;
	case REG_U16:
	case REG_S16:
	case REG_U32:
	case REG_S32:
	case REG_U64:
	case REG_S64:
		break;
	}
	return (uint64_t)llroundl(reg->negate ? -x : x);
}

static void put(struct image *img, const struct meter_reg *reg, uint64_t raw)
{
	int count = reg_type_words(reg->type);

	for (int i = 0; i < count; i++) {
		uint16_t w = (uint16_t)(raw >> (16 * (count - 1 - i)));
		bool little =
			reg->order == REG_ORDER_LITTLE || reg->order == REG_ORDER_LITTLE_SWAPPED;

		if (reg->order == REG_ORDER_BIG_SWAPPED || reg->order == REG_ORDER_LITTLE_SWAPPED)
			w = (uint16_t)(w << 8 | w >> 8);
		img->regs[reg->fc][reg->addr + (little ? count - 1 - i : i)] = w;
	}
}

void image_put(struct image *img, const struct meter_profile *p, enum meter_var var, int64_t v)
{
	const struct meter_reg *reg = profile_reg(p, var);

	put(img, reg, to_raw(reg, v));
}

void image_put_raw(struct image *img, const struct meter_profile *p, enum meter_var var,
		   uint64_t raw)
{
	put(img, profile_reg(p, var), raw);
}

size_t image_read(const struct image *img, const struct meter_profile *p, mono_t at,
		  struct meter_block *blocks)
{
	struct meter_plan plan;

	if (plan_make(p, &plan, NULL) < 0)
		return 0;
	for (int i = 0; i < plan.count; i++) {
		const struct plan_block *b = &plan.blocks[i];

		blocks[i] = (struct meter_block){ b->fc, b->addr, b->count, 0, 0, at,
						  &img->regs[b->fc][b->addr] };
	}
	return (size_t)plan.count;
}

struct meter_profile *profile_of_sdm630(void)
{
	static const struct { enum meter_var var; uint16_t addr; int exp10;
	} regs[] = {
		{ METER_voltage_l1n, 0, 3 },
		{ METER_voltage_l2n, 2, 3 },
		{ METER_voltage_l3n, 4, 3 },
		{ METER_current_l1, 6, 3 },
		{ METER_current_l2, 8, 3 },
		{ METER_current_l3, 10, 3 },
		{ METER_power_l1, 12, 0 },
		{ METER_power_l2, 14, 0 },
		{ METER_power_l3, 16, 0 },
		{ METER_power_total, 52, 0 },
		{ METER_energy_import_total, 72, 3 },
		{ METER_energy_export_total, 74, 3 },
	};
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "SDM630");
	p->max_regs = 80;
	p->even_only = true;
	for (size_t i = 0; i < ARRAY_LEN(regs); i++) {
		struct meter_reg *reg = profile_add_reg(p, regs[i].var);

		reg->fc = 4;
		reg->addr = regs[i].addr;
		reg->type = REG_F32;
		reg->exp10 = regs[i].exp10;
		if (reg->var == METER_power_total)
			reg->group = METER_SLOW;
	}
	return p;
}
