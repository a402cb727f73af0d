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
	p->instance = 1;
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

static bool same_reg(const struct meter_reg *a, const struct meter_reg *b)
{
	if (a->invalid_count != b->invalid_count)
		return false;
	for (int i = 0; i < a->invalid_count; i++)
		if (a->invalid[i].lo != b->invalid[i].lo || a->invalid[i].hi != b->invalid[i].hi)
			return false;
	return a->var == b->var && a->fc == b->fc && a->addr == b->addr && a->type == b->type &&
	       a->order == b->order && a->scale == b->scale && a->exp10 == b->exp10 &&
	       a->has_sf == b->has_sf && a->sf_addr == b->sf_addr && a->negate == b->negate &&
	       a->four_quadrant == b->four_quadrant && a->group == b->group && a->models == b->models;
}

bool profile_same(const struct meter_profile *a, const struct meter_profile *b)
{
	if (a->reg_count != b->reg_count || a->model_count != b->model_count ||
	    a->identity.count != b->identity.count)
		return false;
	for (size_t i = 0; i < a->reg_count; i++)
		if (!same_reg(&a->regs[i], &b->regs[i]))
			return false;
	return memcmp(a->models, b->models, sizeof(a->models)) == 0 && a->instance == b->instance &&
	       a->identity.fc == b->identity.fc && a->identity.addr == b->identity.addr &&
	       memcmp(a->identity.words, b->identity.words, sizeof(a->identity.words)) == 0 &&
	       a->ct_in_meter == b->ct_in_meter && a->max_regs == b->max_regs &&
	       a->even_only == b->even_only && a->allow_holes == b->allow_holes &&
	       a->inter_request_ms == b->inter_request_ms &&
	       a->after_slave_switch_ms == b->after_slave_switch_ms && a->timeout_ms == b->timeout_ms &&
	       a->direction == b->direction && a->power_suffices == b->power_suffices;
}

struct meter_profile *profile_resolve(const struct meter_profile *p, uint32_t models)
{
	struct meter_profile *out = profile_new();
	struct meter_reg *regs = out->regs;

	*out = *p;
	out->regs = regs;
	out->reg_count = 0;
	out->model_count = 0;
	out->resolved = true;
	out->allow_holes = true;	/* a model is one piece, all of it may be read */
	for (int m = 0; m < p->model_count; m++) {
		for (size_t i = 0; models >> m & 1 && i < p->reg_count; i++) {
			struct meter_reg *reg;

			if (!(p->regs[i].models >> m & 1) || profile_reg(out, p->regs[i].var))
				continue;
			reg = profile_add_reg(out, p->regs[i].var);
			if (!reg)
				return out;
			*reg = p->regs[i];
			reg->models = 0;
			reg->addr = (uint16_t)(reg->addr + m * PROFILE_MODEL_SPAN);
			reg->sf_addr = (uint16_t)(reg->sf_addr + m * PROFILE_MODEL_SPAN);
		}
	}
	return out;
}

uint32_t profile_covers(const struct meter_profile *p, int m)
{
	uint32_t covers = (UINT32_C(1) << m) - 1;

	for (size_t i = 0; i < p->reg_count; i++) {
		uint32_t have = 0;

		if (!(p->regs[i].models >> m & 1))
			continue;
		for (size_t k = 0; k < p->reg_count; k++)
			if (p->regs[k].var == p->regs[i].var)
				have |= p->regs[k].models;
		covers &= have;
	}
	return covers;
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
	if (p->instance < 1 || p->instance > 16)
		return fault(p, NULL, d, "instance", "must be 1 to 16");
	if (p->model_count && p->even_only)
		return fault(p, NULL, d, "even_only", "does not go with models (they begin anywhere)");
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

/* Pairs are those of one address space: of a fixed map, or of one model. */
static int check_map(const struct meter_profile *p, struct diag *d)
{
	int ret = 0;

	for (size_t i = 0; i < p->reg_count && ret == 0; i++)
		for (size_t j = i + 1; j < p->reg_count && ret == 0; j++)
			ret = check_pair(p, &p->regs[i], &p->regs[j], d);
	return ret < 0 ? ret : check_fast(p, d);
}

static int check_model_reg(const struct meter_profile *p, const struct meter_reg *reg, struct diag *d)
{
	if (!reg->models != !p->model_count)
		return fault(p, reg, d, "models", "is missing (other variables of the file have it)");
	if (!p->model_count)
		return 0;
	if (reg->addr < 2 || (reg->has_sf && reg->sf_addr < 2))
		return fault(p, reg, d, "addr", "counts from the model's ID, which is register 0, and its length 1");
	if (reg->addr + reg_type_words(reg->type) > PROFILE_MODEL_SPAN ||
	    (reg->has_sf && reg->sf_addr >= PROFILE_MODEL_SPAN))
		return fault(p, reg, d, "addr", "lies beyond 1023, counted from the model's ID");
	return 0;
}

/* A model as check_map() wants it, with what profile_resolve() would quietly leave out. */
static int check_model(const struct meter_profile *p, int m, struct diag *d)
{
	struct meter_profile *one = profile_resolve(p, 0);
	int ret;

	for (size_t i = 0; i < p->reg_count; i++)
		if (p->regs[i].models >> m & 1)
			one->regs[one->reg_count++] = p->regs[i];
	ret = check_map(one, d);
	profile_free(one);
	return ret;
}

int profile_check(const struct meter_profile *p, struct diag *d)
{
	int ret = check_device(p, d);

	for (size_t i = 0; i < p->reg_count && ret == 0; i++)
		ret = check_model_reg(p, &p->regs[i], d);
	for (size_t i = 0; i < p->reg_count && ret == 0; i++)
		ret = check_reg(p, &p->regs[i], d);
	for (int m = 0; m < p->model_count && ret == 0; m++)
		ret = check_model(p, m, d);
	return ret < 0 || p->model_count ? ret : check_map(p, d);
}
