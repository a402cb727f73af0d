/* meter/profile.c - profiles as objects, and the check that makes them safe to use. */
#include "meter/profile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"

static const struct {
	const char *name;
	int words;
} types[] = {
	[REG_U16] = { "u16", 1 }, [REG_S16] = { "s16", 1 }, [REG_U32] = { "u32", 2 },
	[REG_S32] = { "s32", 2 }, [REG_U64] = { "u64", 4 }, [REG_S64] = { "s64", 4 },
	[REG_F32] = { "f32", 2 }, [REG_F64] = { "f64", 4 },
};

static const char *const orders[] = {
	[REG_ORDER_BIG] = "big",
	[REG_ORDER_LITTLE] = "little",
	[REG_ORDER_BIG_SWAPPED] = "big_swapped",
	[REG_ORDER_LITTLE_SWAPPED] = "little_swapped",
};

int reg_type_words(enum reg_type t)
{
	return types[t].words;
}

const char *reg_type_name(enum reg_type t)
{
	return types[t].name;
}

int reg_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return (int)i;
	return -1;
}

int reg_order_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		if (strcmp(orders[i], name) == 0)
			return (int)i;
	return -1;
}

struct meter_profile *profile_new(void)
{
	struct meter_profile *p = xcalloc(1, sizeof(*p));

	p->regs = xcalloc(PROFILE_REG_MAX, sizeof(*p->regs));
	p->max_regs = MODBUS_READ_MAX;
	p->timeout_ms = 1000;
	return p;
}

void profile_free(struct meter_profile *p)
{
	if (!p)
		return;
	free(p->regs);
	free(p);
}

struct meter_reg *profile_add_reg(struct meter_profile *p, enum meter_var var)
{
	struct meter_reg *reg;

	if (p->reg_count == PROFILE_REG_MAX)
		return NULL;
	reg = &p->regs[p->reg_count++];
	reg->var = var;
	reg->group = meter_var_info(var)->group;
	reg->scale = 1;
	return reg;
}

const struct meter_reg *profile_reg(const struct meter_profile *p, enum meter_var var)
{
	for (size_t i = 0; i < p->reg_count; i++)
		if (p->regs[i].var == var)
			return &p->regs[i];
	return NULL;
}

bool profile_is_named(const struct meter_profile *p, const char *name)
{
	if (strcasecmp(p->model, name) == 0)
		return true;
	for (int i = 0; i < p->alias_count; i++)
		if (strcasecmp(p->alias[i], name) == 0)
			return true;
	return false;
}

static int fault(const struct meter_profile *p, const struct meter_reg *reg, struct diag *d,
		 const char *key, const char *what)
{
	const char *name = reg ? meter_var_info(reg->var)->name : p->model;
	int line = reg ? reg->line : p->line;

	if (p->file[0])
		return diag_set_at(d, -LMS_ECONFIG, p->file, line, 0, "%s: %s: %s", name, key,
				   what);
	return diag_set(d, -LMS_ECONFIG, "%s: %s: %s", name, key, what);
}

static int check_device(const struct meter_profile *p, struct diag *d)
{
	if (!p->model[0])
		return fault(p, NULL, d, "model",
			     "is missing (the name that `meter add profile=` takes)");
	if (p->max_regs < 1 || p->max_regs > MODBUS_READ_MAX)
		return fault(p, NULL, d, "max_regs", "must be 1 to 125");
	if (p->inter_request_ms < 0 || p->inter_request_ms > 2000)
		return fault(p, NULL, d, "inter_request_ms", "must be 0 to 2000");
	if (p->after_slave_switch_ms < 0 || p->after_slave_switch_ms > 2000)
		return fault(p, NULL, d, "after_slave_switch_ms", "must be 0 to 2000");
	if (p->timeout_ms < 50 || p->timeout_ms > 5000)
		return fault(p, NULL, d, "timeout_ms", "must be 50 to 5000");
	if (p->slave < 0 || p->slave > 247)
		return fault(p, NULL, d, "slave", "must be 1 to 247");
	if (p->identity.count > p->max_regs)
		return fault(p, NULL, d, "identity", "is longer than max_regs");
	if (p->identity.count && p->identity.fc != 3 && p->identity.fc != 4)
		return fault(p, NULL, d, "identity", "function must be 3 or 4");
	if (p->reg_count == 0)
		return fault(p, NULL, d, "variables", "is empty (nothing to read)");
	return 0;
}

static int check_reg(const struct meter_profile *p, const struct meter_reg *reg, struct diag *d)
{
	int words = reg_type_words(reg->type);

	if (reg->fc != 3 && reg->fc != 4)
		return fault(p, reg, d, "function", "must be 3 (holding) or 4 (input)");
	if (reg->addr + words > 65536)
		return fault(p, reg, d, "addr", "the value ends beyond register 65535");
	if (words > p->max_regs)
		return fault(p, reg, d, "type", "is longer than one request may be (max_regs)");
	if (p->even_only && reg->addr % 2)
		return fault(p, reg, d, "addr", "is odd, but the device wants even_only");
	if (p->even_only && words % 2)
		return fault(p, reg, d, "type", "is one register, but the device wants even_only");
	if (p->even_only && reg->has_sf)
		return fault(p, reg, d, "scale_register",
			     "is one register, but the device wants even_only");
	if (reg->has_sf && (reg->type == REG_F32 || reg->type == REG_F64))
		return fault(p, reg, d, "scale_register", "goes with integer types only");
	if (reg->scale < 1 || reg->scale > 1000000)
		return fault(p, reg, d, "scale", "must be positive, with at most six digits");
	if (reg->exp10 < -9 || reg->exp10 > 9)
		return fault(p, reg, d, "scale", "is out of range for this variable");
	return 0;
}

static bool overlaps(unsigned a, int a_words, unsigned b, int b_words)
{
	return a < b + (unsigned)b_words && b < a + (unsigned)a_words;
}

static int check_pair(const struct meter_profile *p, const struct meter_reg *a,
		      const struct meter_reg *b, struct diag *d)
{
	int a_words = reg_type_words(a->type), b_words = reg_type_words(b->type);

	if (a->var == b->var)
		return fault(p, b, d, "name", "is there twice");
	if (a->fc != b->fc)
		return 0;
	if (overlaps(a->addr, a_words, b->addr, b_words))
		return fault(p, b, d, "addr", "overlaps another variable's registers");
	if (a->has_sf && overlaps(a->sf_addr, 1, b->addr, b_words))
		return fault(p, a, d, "scale_register", "lies inside a variable");
	if (b->has_sf && overlaps(b->sf_addr, 1, a->addr, a_words))
		return fault(p, b, d, "scale_register", "lies inside a variable");
	return 0;
}

/* A current and the power that directs it must come with every poll, and so together. */
static int check_fast(const struct meter_profile *p, struct diag *d)
{
	for (int i = 0; i < PHASES; i++) {
		const struct meter_reg *current = profile_reg(p, (enum meter_var)(METER_current_l1 + i));
		const struct meter_reg *power = profile_reg(p, (enum meter_var)(METER_power_l1 + i));

		if (!current)
			continue;
		if (current->group != METER_FAST)
			return fault(p, current, d, "group", "must be fast for a phase's current");
		if (!power)
			power = profile_reg(p, METER_power_total);
		if (power && power->group != METER_FAST && p->direction == METER_DIRECTION_POWER)
			return fault(p, power, d, "group", "must be fast, as it directs a current");
	}
	return 0;
}

int profile_check(const struct meter_profile *p, struct diag *d)
{
	int ret = check_device(p, d);

	for (size_t i = 0; i < p->reg_count && ret == 0; i++)
		ret = check_reg(p, &p->regs[i], d);
	for (size_t i = 0; i < p->reg_count && ret == 0; i++)
		for (size_t j = i + 1; j < p->reg_count && ret == 0; j++)
			ret = check_pair(p, &p->regs[i], &p->regs[j], d);
	return ret < 0 ? ret : check_fast(p, d);
}
