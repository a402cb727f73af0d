/* modbus/profile_file.c - reads profiles: one table of keys for the device, one for a variable. */
#include "modbus/profile_file.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/types.h"

struct reader {
	const char *path;
	struct diag *d;
	struct meter_profile *p;
	/* defaults of the file for its variables */
	int function;
	enum reg_order order;
};

/* What a key is worth: reads `s` into the profile, or into `reg` where the key is a variable's. */
struct key {
	const char *name;
	int (*read)(struct reader *r, config_setting_t *s, const struct key *k,
		    struct meter_reg *reg);
	size_t offset, size;	/* of the member in struct meter_profile */
};

static int line_of(const config_setting_t *s)
{
	return (int)config_setting_source_line(s);
}

static int refuse(struct reader *r, config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct reader *r, config_setting_t *s, const char *fmt, ...)
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

static int get_text(struct reader *r, config_setting_t *s, char *out, size_t size)
{
	const char *text =
		config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;

	if (!text)
		return refuse(r, s, "must be text in quotes");
	if (strlen(text) >= size)
		return refuse(r, s, "is longer than %zu bytes", size - 1);
	if (!utf8_valid(text, strlen(text)))
		return refuse(r, s, "is not valid UTF-8");
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int get_int(struct reader *r, config_setting_t *s, long long min, long long max, int *out)
{
	int type = config_setting_type(s);
	long long v = type == CONFIG_TYPE_INT	  ? config_setting_get_int(s) :
		      type == CONFIG_TYPE_INT64 ? config_setting_get_int64(s) :
						  0;

	*out = 0;
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return refuse(r, s, "must be a whole number");
	if (v < min || v > max)
		return refuse(r, s, "%lld is not within %lld to %lld", v, min, max);
	*out = (int)v;
	return 0;
}

static int get_yes(struct reader *r, config_setting_t *s, bool *out)
{
	if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
		*out = config_setting_get_bool(s) != 0;
		return 0;
	}
	if (config_setting_type(s) != CONFIG_TYPE_STRING ||
	    parse_bool(config_setting_get_string(s), out, NULL) < 0)
		return refuse(r, s, "must be yes or no");
	return 0;
}

/* ---- keys of the device --------------------------------------------------------------------- */

static void *member(struct reader *r, const struct key *k)
{
	return (char *)r->p + k->offset;
}

static int read_text(struct reader *r, config_setting_t *s, const struct key *k,
		     struct meter_reg *reg)
{
	(void)reg;
	return get_text(r, s, member(r, k), k->size);
}

static int read_int(struct reader *r, config_setting_t *s, const struct key *k,
		    struct meter_reg *reg)
{
	(void)reg;
	return get_int(r, s, 0, 65535, member(r, k));
}

static int read_yes(struct reader *r, config_setting_t *s, const struct key *k,
		    struct meter_reg *reg)
{
	(void)reg;
	return get_yes(r, s, member(r, k));
}

static int read_model(struct reader *r, config_setting_t *s, const struct key *k,
		      struct meter_reg *reg)
{
	r->p->line = line_of(s);
	return read_text(r, s, k, reg);
}

static int read_aliases(struct reader *r, config_setting_t *s, const struct key *k,
			struct meter_reg *reg)
{
	int n = config_setting_length(s);

	(void)k;
	(void)reg;
	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return refuse(r, s, "must be a list: [ \"A\", \"B\" ]");
	if (n > PROFILE_ALIAS_MAX)
		return refuse(r, s, "has more than %d names", PROFILE_ALIAS_MAX);
	for (int i = 0; i < n; i++) {
		const char *name = config_setting_get_string_elem(s, i);

		if (!name || !*name || strlen(name) >= PROFILE_NAME_MAX)
			return refuse(r, s, "name %d is not a text of up to %d bytes", i + 1,
				      PROFILE_NAME_MAX - 1);
		memcpy(r->p->alias[i], name, strlen(name) + 1);
		r->p->alias_count = i + 1;
	}
	return 0;
}

static int read_direction(struct reader *r, config_setting_t *s, const struct key *k,
			  struct meter_reg *reg)
{
	char text[16];
	int ret = get_text(r, s, text, sizeof(text));

	(void)k;
	(void)reg;
	if (ret < 0)
		return ret;
	if (strcmp(text, "power") != 0 && strcmp(text, "register") != 0)
		return refuse(r, s, "'%s' is neither \"power\" nor \"register\"", text);
	r->p->direction = text[0] == 'p' ? METER_DIRECTION_POWER : METER_DIRECTION_REGISTER;
	return 0;
}

static int read_function(struct reader *r, config_setting_t *s, const struct key *k,
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

static int read_order(struct reader *r, config_setting_t *s, const struct key *k,
		      struct meter_reg *reg)
{
	char text[24];
	int order, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	order = reg_order_find(text);
	if (order < 0)
		return refuse(r, s, "'%s' is not big, little, big_swapped or little_swapped", text);
	if (reg)
		reg->order = (enum reg_order)order;
	else
		r->order = (enum reg_order)order;
	return 0;
}

static int read_identity(struct reader *r, config_setting_t *s, const struct key *k,
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
		return refuse(r, s, "must be { function = 3; addr = 0; expected = [ 0x1234 ]; }");
	if ((ret = get_int(r, fc, 3, 4, &v)) < 0)
		return ret;
	r->p->identity.fc = (uint8_t)v;
	if ((ret = get_int(r, addr, 0, 65535, &v)) < 0)
		return ret;
	r->p->identity.addr = (uint16_t)v;
	r->p->identity.count = config_setting_length(expected);
	if (!config_setting_is_array(expected) || r->p->identity.count < 1 ||
	    r->p->identity.count > (int)ARRAY_LEN(r->p->identity.words))
		return refuse(r, expected, "must be 1 to %zu numbers: [ 0x1234 ]",
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

static int read_addr(struct reader *r, config_setting_t *s, const struct key *k,
		     struct meter_reg *reg)
{
	int v, ret = get_int(r, s, 0, 65535, &v);

	(void)k;
	if (ret == 0)
		reg->addr = (uint16_t)v;
	return ret;
}

static int read_type(struct reader *r, config_setting_t *s, const struct key *k,
		     struct meter_reg *reg)
{
	char text[8];
	int type, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	type = reg_type_find(text);
	if (type < 0)
		return refuse(r, s, "'%s' is not u16, s16, u32, s32, u64, s64, f32 or f64", text);
	reg->type = (enum reg_type)type;
	return 0;
}

/* A decimal, exactly: libconfig makes a double of 0.001, which nine digits turn back. */
static int read_scale(struct reader *r, config_setting_t *s, const struct key *k,
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
		return refuse(r, s, "must be a number such as 0.01");
	}
	if (text_fixed(text, strlen(text), 1000000, &v) < 0 || v <= 0)
		return refuse(r, s,
			      "must be a positive number such as 0.01, with at most six decimals");
	reg->exp10 -= 6;
	while (v % 10 == 0) {
		v /= 10;
		reg->exp10++;
	}
	reg->scale = v;
	return 0;
}

static int read_unit(struct reader *r, config_setting_t *s, const struct key *k,
		     struct meter_reg *reg)
{
	const struct meter_var_info *var = meter_var_info(reg->var);
	char text[8];
	enum meter_dim dim;
	int exp10, ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	if (!meter_unit_find(text, &dim, &exp10, &reg->four_quadrant) || dim != var->dim)
		return refuse(r, s, "'%s' is not a unit of %s (its unit is \"%s\")", text,
			      var->name, meter_dim_info(var->dim)->unit);
	reg->exp10 += exp10;
	return 0;
}

static int read_group(struct reader *r, config_setting_t *s, const struct key *k,
		      struct meter_reg *reg)
{
	char text[8];
	int ret = get_text(r, s, text, sizeof(text));

	(void)k;
	if (ret < 0)
		return ret;
	if (strcmp(text, "fast") != 0 && strcmp(text, "slow") != 0)
		return refuse(r, s, "'%s' is neither \"fast\" nor \"slow\"", text);
	reg->group = text[0] == 'f' ? METER_FAST : METER_SLOW;
	return 0;
}

static int read_negate(struct reader *r, config_setting_t *s, const struct key *k,
		       struct meter_reg *reg)
{
	(void)k;
	return get_yes(r, s, &reg->negate);
}

static int read_verified(struct reader *r, config_setting_t *s, const struct key *k,
			 struct meter_reg *reg)
{
	(void)k;
	return get_yes(r, s, &reg->verified);
}

static int read_scale_register(struct reader *r, config_setting_t *s, const struct key *k,
			       struct meter_reg *reg)
{
	int v, ret = get_int(r, s, 0, 65535, &v);

	(void)k;
	reg->has_sf = ret == 0;
	reg->sf_addr = (uint16_t)(ret == 0 ? v : 0);
	return ret;
}

/* "0x7FFF" or "0x7FFF0000-0x7FFFFFFF": text, as the largest ones do not fit libconfig's numbers. */
static int read_pattern(struct reader *r, config_setting_t *s, const char *text,
			struct meter_reg *reg)
{
	char *end;

	if (reg->invalid_count == PROFILE_INVALID_MAX)
		return refuse(r, s, "has more than %d patterns", PROFILE_INVALID_MAX);
	if (!text || text[0] != '0' || text[1] != 'x')
		return refuse(r, s, "must be hexadecimal text such as \"0x7FFFFFFF\"");
	errno = 0;
	reg->invalid[reg->invalid_count].lo = strtoull(text, &end, 16);
	reg->invalid[reg->invalid_count].hi = reg->invalid[reg->invalid_count].lo;
	if (*end == '-')
		reg->invalid[reg->invalid_count].hi = strtoull(end + 1, &end, 16);
	if (*end || errno ||
	    reg->invalid[reg->invalid_count].hi < reg->invalid[reg->invalid_count].lo)
		return refuse(r, s, "'%s' is not a pattern (write \"0x7FFF\" or \"0x7FF0-0x7FFF\")",
			      text);
	reg->invalid_count++;
	return 0;
}

static int read_invalid(struct reader *r, config_setting_t *s, const struct key *k,
			struct meter_reg *reg)
{
	int ret = 0;

	(void)k;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return read_pattern(r, s, config_setting_get_string(s), reg);
	if (!config_setting_is_array(s))
		return refuse(r, s, "must be \"0x7FFF\" or a list of such");
	for (int i = 0; i < config_setting_length(s) && ret == 0; i++)
		ret = read_pattern(r, s, config_setting_get_string_elem(s, i), reg);
	return ret;
}

/* The name was read before the others, as the units depend on it. */
static int read_nothing(struct reader *r, config_setting_t *s, const struct key *k,
			struct meter_reg *reg)
{
	(void)r;
	(void)s;
	(void)k;
	(void)reg;
	return 0;
}

static const struct key var_keys[] = {
	{ "name", read_nothing, 0, 0 },	      { "function", read_function, 0, 0 },
	{ "addr", read_addr, 0, 0 },	      { "type", read_type, 0, 0 },
	{ "word_order", read_order, 0, 0 },   { "scale", read_scale, 0, 0 },
	{ "unit", read_unit, 0, 0 },	      { "group", read_group, 0, 0 },
	{ "negate", read_negate, 0, 0 },      { "scale_register", read_scale_register, 0, 0 },
	{ "invalid", read_invalid, 0, 0 },    { "verified", read_verified, 0, 0 },
};

static const char *const var_needs[] = { "addr", "type", "unit" };

static int read_keys(struct reader *r, config_setting_t *group, const struct key *keys,
		     size_t count, struct meter_reg *reg)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s), *names[24], *near;
		size_t k = 0;
		int ret;

		for (; k < count && strcmp(keys[k].name, name) != 0; k++)
			names[k] = keys[k].name;
		if (k == count) {
			near = text_nearest(name, names, count);
			return refuse(r, s, "is not a key of a meter profile%s%s%s",
				      near ? " (did you mean '" : "", near ? near : "",
				      near ? "'?)" : "");
		}
		ret = keys[k].read(r, s, &keys[k], reg);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int read_variable(struct reader *r, config_setting_t *s)
{
	const char *name = NULL, *near;
	struct meter_reg *reg;
	int var;

	if (!config_setting_is_group(s) || !config_setting_lookup_string(s, "name", &name))
		return refuse(r, s,
			      "every entry must be { name = \"…\"; addr = 0; type = \"f32\"; "
			      "unit = \"A\"; }");
	var = meter_var_find(name);
	if (var < 0) {
		near = meter_var_nearest(name);
		return refuse(r, s, "'%s' is not a variable%s%s%s", name,
			      near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	reg = profile_add_reg(r->p, (enum meter_var)var);
	if (!reg)
		return refuse(r, s, "there are more than %d", PROFILE_REG_MAX);
	reg->line = line_of(s);
	reg->fc = (uint8_t)r->function;
	reg->order = r->order;
	reg->verified = r->p->verified;
	for (size_t i = 0; i < ARRAY_LEN(var_needs); i++)
		if (!config_setting_get_member(s, var_needs[i]))
			return refuse(r, s, "%s: %s is missing", name, var_needs[i]);
	return read_keys(r, s, var_keys, ARRAY_LEN(var_keys), reg);
}

static int read_variables(struct reader *r, config_setting_t *root)
{
	config_setting_t *list = config_setting_get_member(root, "variables");
	int ret = 0;

	if (!list || !config_setting_is_list(list))
		return diag_set_at(r->d, -LMS_ECONFIG, r->path, list ? line_of(list) : 1, 0,
				   "variables: must be a list: ( { name = … }, { … } )");
	for (int i = 0; i < config_setting_length(list) && ret == 0; i++)
		ret = read_variable(r, config_setting_get_elem(list, (unsigned)i));
	return ret;
}

#define MEMBER(m) offsetof(struct meter_profile, m), sizeof(((struct meter_profile *)0)->m)

static const struct key device_keys[] = {
	{ "model", read_model, MEMBER(model) },
	{ "aliases", read_aliases, 0, 0 },
	{ "manufacturer", read_text, MEMBER(manufacturer) },
	{ "note", read_text, MEMBER(note) },
	{ "verified", read_yes, MEMBER(verified) },
	{ "ct_in_meter", read_yes, MEMBER(ct_in_meter) },
	{ "serial", read_text, MEMBER(serial) },
	{ "slave", read_int, MEMBER(slave) },
	{ "identity", read_identity, 0, 0 },
	{ "max_regs", read_int, MEMBER(max_regs) },
	{ "even_only", read_yes, MEMBER(even_only) },
	{ "allow_holes", read_yes, MEMBER(allow_holes) },
	{ "inter_request_ms", read_int, MEMBER(inter_request_ms) },
	{ "after_slave_switch_ms", read_int, MEMBER(after_slave_switch_ms) },
	{ "timeout_ms", read_int, MEMBER(timeout_ms) },
	{ "direction", read_direction, 0, 0 },
	{ "function", read_function, 0, 0 },
	{ "word_order", read_order, 0, 0 },
	{ "variables", read_nothing, 0, 0 },
};

int profile_load_file(const char *path, struct meter_profile **out, struct diag *d)
{
	struct reader r = { .path = path, .d = d, .function = 3, .order = REG_ORDER_BIG };
	FILE *f = fopen(path, "re");
	config_t config;
	int ret;

	if (!f)
		return diag_set_at(d, -LMS_ENOINPUT, path, 0, 0, "cannot be opened: %s",
				   strerror(errno));
	config_init(&config);
	r.p = profile_new();
	r.p->line = 1;
	snprintf(r.p->file, sizeof(r.p->file), "%s", path);
	if (!config_read(&config, f)) {
		ret = diag_set_at(d, -LMS_ECONFIG, path, config_error_line(&config), 0, "%s",
				  config_error_text(&config));
		goto out;
	}
	ret = read_keys(&r, config_root_setting(&config), device_keys, ARRAY_LEN(device_keys),
			NULL);
	if (ret == 0)
		ret = read_variables(&r, config_root_setting(&config));
	if (ret == 0)
		ret = profile_check(r.p, d);
	if (ret == 0) {
		*out = r.p;
		r.p = NULL;
	}
out:
	profile_free(r.p);
	config_destroy(&config);
	fclose(f);
	return ret;
}

static int is_profile(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

int profile_load_dir(const char *dir, struct profile_set *set,
		     void (*bad)(void *ctx, const struct diag *d), void *ctx, struct diag *d)
{
	struct dirent **names = NULL;
	int count = scandir(dir, &names, is_profile, alphasort), loaded = 0;

	if (count < 0)
		return diag_set_at(d, -LMS_ENOINPUT, dir, 0, 0,
				   "meter profiles cannot be read: %s (set meters.directory)",
				   strerror(errno));
	for (int i = 0; i < count; i++) {
		struct meter_profile *p = NULL;
		struct diag why;
		char path[512];
		int ret;

		diag_init(&why);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		ret = profile_load_file(path, &p, &why);
		if (ret == 0)
			ret = profile_set_take(set, p, &why);
		if (ret == 0) {
			loaded++;
		} else {
			profile_free(p);
			if (bad)
				bad(ctx, &why);
		}
		free(names[i]);
	}
	free(names);
	return loaded;
}
