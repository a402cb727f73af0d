/* modbus/profile_keys.c - what the keys of a profile file may hold, and what they mean. */
#include "modbus/profile_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/types.h"

static int line_of(const config_setting_t *s)
{
	return (int)config_setting_source_line(s);
}

int profile_refuse(struct profile_reader *r, config_setting_t *s, const char *fmt, ...)
{
	char text[DIAG_TEXT_MAX];
	const char *name = config_setting_name(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return diag_set_at(r->d, -LMS_ECONFIG, r->path, line_of(s), 0, "%s: %s",
			   name ? name : "variables", text);
}

/* ---- values --------------------------------------------------------------------------------- */

static int get_text(struct profile_reader *r, config_setting_t *s, char *out, size_t size)
{
	const char *text =
		config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;

	if (!text)
		return profile_refuse(r, s, "must be text in quotes");
	if (strlen(text) >= size)
		return profile_refuse(r, s, "is longer than %zu bytes", size - 1);
	if (!utf8_valid(text, strlen(text)))
		return profile_refuse(r, s, "is not valid UTF-8");
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int get_int(struct profile_reader *r, config_setting_t *s, long long min, long long max, int *out)
{
	int type = config_setting_type(s);
	long long v = type == CONFIG_TYPE_INT	  ? config_setting_get_int(s) :
		      type == CONFIG_TYPE_INT64 ? config_setting_get_int64(s) :
						  0;

	*out = 0;
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return profile_refuse(r, s, "must be a whole number");
	if (v < min || v > max)
		return profile_refuse(r, s, "%lld is not within %lld to %lld", v, min, max);
	*out = (int)v;
	return 0;
}

static int get_yes(struct profile_reader *r, config_setting_t *s, bool *out)
{
	if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
		*out = config_setting_get_bool(s) != 0;
		return 0;
	}
	if (config_setting_type(s) != CONFIG_TYPE_STRING ||
	    parse_bool(config_setting_get_string(s), out, NULL) < 0)
		return profile_refuse(r, s, "must be yes or no");
	return 0;
}

/* ---- keys of the device --------------------------------------------------------------------- */

static void *member(struct profile_reader *r, const struct profile_key *k)
{
	return (char *)r->p + k->offset;
}

static int read_text(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		     struct meter_reg *reg)
{
	(void)reg;
	return get_text(r, s, member(r, k), k->size);
}

static int read_int(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		    struct meter_reg *reg)
{
	(void)reg;
	return get_int(r, s, 0, 65535, member(r, k));
}

static int read_yes(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		    struct meter_reg *reg)
{
	(void)reg;
	return get_yes(r, s, member(r, k));
}

static int read_model(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		      struct meter_reg *reg)
{
	r->p->line = line_of(s);
	return read_text(r, s, k, reg);
}

static int read_aliases(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			struct meter_reg *reg)
{
	int n = config_setting_length(s);

	(void)k;
	(void)reg;
	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return profile_refuse(r, s, "must be a list: [ \"A\", \"B\" ]");
	if (n > PROFILE_ALIAS_MAX)
		return profile_refuse(r, s, "has more than %d names", PROFILE_ALIAS_MAX);
	for (int i = 0; i < n; i++) {
		const char *name = config_setting_get_string_elem(s, i);

		if (!name || !*name || strlen(name) >= PROFILE_NAME_MAX)
			return profile_refuse(r, s, "name %d is not a text of up to %d bytes", i + 1,
				      PROFILE_NAME_MAX - 1);
		memcpy(r->p->alias[i], name, strlen(name) + 1);
		r->p->alias_count = i + 1;
	}
	return 0;
}

static int read_direction(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			  struct meter_reg *reg)
{
	char text[16];
	int ret = get_text(r, s, text, sizeof(text));

	(void)k;
	(void)reg;
	if (ret < 0)
		return ret;
	if (strcmp(text, "power") != 0 && strcmp(text, "register") != 0)
		return profile_refuse(r, s, "'%s' is neither \"power\" nor \"register\"", text);
	r->p->direction = text[0] == 'p' ? METER_DIRECTION_POWER : METER_DIRECTION_REGISTER;
	return 0;
}

static int read_function(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			 struct meter_reg *reg)
{
	int fc, ret = get_int(r, s, 3, 4, &fc);

	(void)k;
	if (ret < 0)
		return ret;
	if (reg)
		reg->fc = (uint8_t)fc;
	else
		r->function = fc;
	return 0;
}

static int read_order(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		      struct meter_reg *reg)
{
	char text[24];
	int order, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	order = reg_order_find(text);
	if (order < 0)
		return profile_refuse(r, s, "'%s' is not big, little, big_swapped or little_swapped", text);
	if (reg)
		reg->order = (enum reg_order)order;
	else
		r->order = (enum reg_order)order;
	return 0;
}

static int read_identity(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			 struct meter_reg *reg)
{
	config_setting_t *fc = config_setting_get_member(s, "function");
	config_setting_t *addr = config_setting_get_member(s, "addr");
	config_setting_t *expected = config_setting_get_member(s, "expected");
	int v, ret;

	(void)k;
	(void)reg;
	if (!config_setting_is_group(s) || !fc || !addr || !expected ||
	    config_setting_length(s) != 3)
		return profile_refuse(r, s, "must be { function = 3; addr = 0; expected = [ 0x1234 ]; }");
	if ((ret = get_int(r, fc, 3, 4, &v)) < 0)
		return ret;
	r->p->identity.fc = (uint8_t)v;
	if ((ret = get_int(r, addr, 0, 65535, &v)) < 0)
		return ret;
	r->p->identity.addr = (uint16_t)v;
	r->p->identity.count = config_setting_length(expected);
	if (!config_setting_is_array(expected) || r->p->identity.count < 1 ||
	    r->p->identity.count > (int)ARRAY_LEN(r->p->identity.words))
		return profile_refuse(r, expected, "must be 1 to %zu numbers: [ 0x1234 ]",
			      ARRAY_LEN(r->p->identity.words));
	for (int i = 0; i < r->p->identity.count; i++) {
		if ((ret = get_int(r, config_setting_get_elem(expected, (unsigned)i), 0, 65535,
				   &v)) < 0)
			return ret;
		r->p->identity.words[i] = (uint16_t)v;
	}
	return 0;
}

/* ---- keys of a variable --------------------------------------------------------------------- */

static int read_addr(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		     struct meter_reg *reg)
{
	int v, ret = get_int(r, s, 0, 65535, &v);

	(void)k;
	if (ret == 0)
		reg->addr = (uint16_t)v;
	return ret;
}

static int read_type(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		     struct meter_reg *reg)
{
	char text[8];
	int type, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	type = reg_type_find(text);
	if (type < 0)
		return profile_refuse(r, s, "'%s' is not u16, s16, u32, s32, u64, s64, f32 or f64", text);
	reg->type = (enum reg_type)type;
	return 0;
}

/* A decimal, exactly: libconfig makes a double of 0.001, which nine digits turn back. */
static int read_scale(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		      struct meter_reg *reg)
{
	char text[32];
	int64_t v;

	(void)k;
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		snprintf(text, sizeof(text), "%d", config_setting_get_int(s));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(text, sizeof(text), "%.9g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_STRING:
		snprintf(text, sizeof(text), "%s", config_setting_get_string(s));
		break;
	default:
		return profile_refuse(r, s, "must be a number such as 0.01");
	}
	if (text_fixed(text, strlen(text), 1000000, &v) < 0 || v <= 0)
		return profile_refuse(r, s,
			      "must be a positive number such as 0.01, with at most six decimals");
	reg->exp10 -= 6;
	while (v % 10 == 0) {
		v /= 10;
		reg->exp10++;
	}
	reg->scale = v;
	return 0;
}

static int read_unit(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		     struct meter_reg *reg)
{
	const struct meter_var_info *var = meter_var_info(reg->var);
	char text[8], units[40];
	int exp10, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	if (!meter_unit_find(text, var->dim, &exp10, &reg->four_quadrant))
		return profile_refuse(r, s, "'%s' is not a unit of %s (write one of: %s)", text, var->name,
				      meter_unit_list(var->dim, units, sizeof(units)));
	reg->exp10 += exp10;
	return 0;
}

static int read_group(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		      struct meter_reg *reg)
{
	char text[8];
	int ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	if (strcmp(text, "fast") != 0 && strcmp(text, "slow") != 0)
		return profile_refuse(r, s, "'%s' is neither \"fast\" nor \"slow\"", text);
	reg->group = text[0] == 'f' ? METER_FAST : METER_SLOW;
	return 0;
}

static int read_negate(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		       struct meter_reg *reg)
{
	(void)k;
	return get_yes(r, s, &reg->negate);
}

static int read_verified(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			 struct meter_reg *reg)
{
	(void)k;
	return get_yes(r, s, &reg->verified);
}

static int read_scale_register(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			       struct meter_reg *reg)
{
	int v, ret = get_int(r, s, 0, 65535, &v);

	(void)k;
	reg->has_sf = ret == 0;
	reg->sf_addr = (uint16_t)(ret == 0 ? v : 0);
	return ret;
}

/* "0x7FFF" or "0x7FFF0000-0x7FFFFFFF": text, as the largest ones do not fit libconfig's numbers. */
static int read_pattern(struct profile_reader *r, config_setting_t *s, const char *text,
			struct meter_reg *reg)
{
	char *end;

	if (reg->invalid_count == PROFILE_INVALID_MAX)
		return profile_refuse(r, s, "has more than %d patterns", PROFILE_INVALID_MAX);
	if (!text || text[0] != '0' || text[1] != 'x')
		return profile_refuse(r, s, "must be hexadecimal text such as \"0x7FFFFFFF\"");
	errno = 0;
	reg->invalid[reg->invalid_count].lo = strtoull(text, &end, 16);
	reg->invalid[reg->invalid_count].hi = reg->invalid[reg->invalid_count].lo;
	if (*end == '-')
		reg->invalid[reg->invalid_count].hi = strtoull(end + 1, &end, 16);
	if (*end || errno ||
	    reg->invalid[reg->invalid_count].hi < reg->invalid[reg->invalid_count].lo)
		return profile_refuse(r, s, "'%s' is not a pattern (write \"0x7FFF\" or \"0x7FF0-0x7FFF\")",
			      text);
	reg->invalid_count++;
	return 0;
}

static int read_invalid(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			struct meter_reg *reg)
{
	int ret = 0;

	(void)k;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return read_pattern(r, s, config_setting_get_string(s), reg);
	if (!config_setting_is_array(s))
		return profile_refuse(r, s, "must be \"0x7FFF\" or a list of such");
	for (int i = 0; i < config_setting_length(s) && ret == 0; i++)
		ret = read_pattern(r, s, config_setting_get_string_elem(s, i), reg);
	return ret;
}

/* The name was read before the others, as the units depend on it. */
static int read_nothing(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
			struct meter_reg *reg)
{
	(void)r;
	(void)s;
	(void)k;
	(void)reg;
	return 0;
}


/* The models' numbers become bits: the profile keeps each number once, in the order of the file. */
static int read_models(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		       struct meter_reg *reg)
{
	int n = config_setting_length(s), id, m, ret;

	(void)k;
	if (!config_setting_is_array(s) || n < 1)
		return profile_refuse(r, s, "must be a list of SunSpec models: [ 101, 102, 103 ]");
	for (int i = 0; i < n; i++) {
		if ((ret = get_int(r, config_setting_get_elem(s, (unsigned)i), 1, 65534, &id)) < 0)
			return ret;
		for (m = 0; m < r->p->model_count && r->p->models[m] != id; m++)
			;
		if (m == PROFILE_MODEL_MAX)
			return profile_refuse(r, s, "there are more than %d models", PROFILE_MODEL_MAX);
		if (m == r->p->model_count)
			r->p->models[r->p->model_count++] = (uint16_t)id;
		reg->models |= UINT32_C(1) << m;
	}
	return 0;
}

#define MEMBER(m) offsetof(struct meter_profile, m), sizeof(((struct meter_profile *)0)->m)

const struct profile_key profile_device_keys[] = {
	{ "model", "\"TEXT\"", read_model, MEMBER(model),
	  "the name by which a meter's key profile calls it" },
	{ "aliases", "[ \"A\", \"B\" ]", read_aliases, 0, 0, "other models with the same registers" },
	{ "manufacturer", "\"TEXT\"", read_text, MEMBER(manufacturer), "for people" },
	{ "note", "\"TEXT\"", read_text, MEMBER(note), "what an installer must know of the device" },
	{ "verified", "\"yes\" | \"no\"", read_yes, MEMBER(verified),
	  "whether two independent sources agree on what steers (no)" },
	{ "ct_in_meter", "true | false", read_yes, MEMBER(ct_in_meter),
	  "whether the device multiplies by the ratio of its transformers itself (false)" },
	{ "serial", "\"9600,8N1\"", read_text, MEMBER(serial),
	  "speed and format as it leaves the factory, for people" },
	{ "slave", "NUMBER", read_int, MEMBER(slave), "address as it leaves the factory, for people" },
	{ "identity", "{ function = 3; addr = 0; expected = [ 0x1234 ]; }", read_identity, 0, 0,
	  "registers that tell the model; a device that answers otherwise is reported" },
	{ "max_regs", "NUMBER", read_int, MEMBER(max_regs), "registers that one request may ask for (125)" },
	{ "even_only", "true | false", read_yes, MEMBER(even_only),
	  "whether start and count of a request must be even (false)" },
	{ "allow_holes", "true | false", read_yes, MEMBER(allow_holes),
	  "whether registers that are not listed may be read between those that are (false)" },
	{ "inter_request_ms", "NUMBER", read_int, MEMBER(inter_request_ms),
	  "silence that the device needs before each request (0)" },
	{ "after_slave_switch_ms", "NUMBER", read_int, MEMBER(after_slave_switch_ms),
	  "more of it when another slave answered last (0)" },
	{ "timeout_ms", "NUMBER", read_int, MEMBER(timeout_ms), "how long an answer may take (1000)" },
	{ "direction", "\"power\" | \"register\"", read_direction, 0, 0,
	  "where the sign of a current comes from: the power of its phase, or the current itself (power)" },
	{ "power_suffices", "true | false", read_yes, MEMBER(power_suffices),
	  "whether the meter is of use when its currents have no value but its power has, as with an "
	  "inverter; it needs scope=pv or scope=storage then, as no zone can be kept by it (false)" },
	{ "instance", "NUMBER", read_int, MEMBER(instance),
	  "with models: which one to take of a device that has several of the same number (1)" },
	{ "function", "3 | 4", read_function, 0, 0,
	  "of variables that do not say otherwise: 3 holding, 4 input registers (3)" },
	{ "word_order", "\"big\" | \"little\" | \"big_swapped\" | \"little_swapped\"", read_order, 0, 0,
	  "of variables that do not say otherwise: which word comes first, and whether the bytes within "
	  "words are the other way round (big)" },
	{ "variables", "( { ... }, { ... } )", read_nothing, 0, 0, "what can be read, each with the keys below" },
};
const size_t profile_device_key_count = ARRAY_LEN(profile_device_keys);

const struct profile_key profile_var_keys[] = {
	{ "name", "\"NAME\"", read_nothing, 0, 0, "one of the variables below; required" },
	{ "addr", "NUMBER", read_addr, 0, 0,
	  "first register, from 0 as on the wire: makers often write 1 more; required" },
	{ "type", "\"u16\" | \"s16\" | \"u32\" | \"s32\" | \"u64\" | \"s64\" | \"f32\" | \"f64\"", read_type, 0, 0,
	  "how it is coded; required" },
	{ "unit", "\"UNIT\"", read_unit, 0, 0, "what the register counts in; required" },
	{ "scale", "NUMBER", read_scale, 0, 0, "what the register's number is multiplied by (1)" },
	{ "scale_register", "NUMBER", read_scale_register, 0, 0,
	  "register whose signed number is a power of ten that is multiplied by, too" },
	{ "function", "3 | 4", read_function, 0, 0, "where it differs from the file's" },
	{ "word_order", "\"little\"", read_order, 0, 0, "where it differs from the file's" },
	{ "group", "\"fast\" | \"slow\"", read_group, 0, 0,
	  "whether it is read at every poll or in turns; each variable has its own default" },
	{ "negate", "true | false", read_negate, 0, 0, "whether the device counts the other way round (false)" },
	{ "invalid", "\"0x8000\" | [ \"0x8000\", \"0x7F00-0x7FFF\" ]", read_invalid, 0, 0,
	  "what the registers hold when there is no value" },
	{ "verified", "\"yes\" | \"no\"", read_verified, 0, 0, "where it differs from the file's" },
	{ "models", "[ 101, 102, 103 ]", read_models, 0, 0,
	  "SunSpec models that have it: addr and scale_register then count from the register with the "
	  "model's number, wherever the device has it" },
};
const size_t profile_var_key_count = ARRAY_LEN(profile_var_keys);
