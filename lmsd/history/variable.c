/* history/variable.c - the table that variable.def expands to, and lists of names. */
#include "history/variable.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

_Static_assert(HISTORY_VAR_COUNT <= 255, "a stored variable has one byte");

static const struct {
	const char *name;
	enum meter_dim dim;
} own[] = {
#define HISTORY_VAR(name, dim, text) { #name, METER_DIM_##dim },
#include "history/variable.def"
};

struct history_var_info history_var_info(unsigned var)
{
	enum meter_dim dim = var < METER_VAR_COUNT ? meter_var_info((enum meter_var)var)->dim
						   : own[var - METER_VAR_COUNT].dim;

	return (struct history_var_info){
		.name = var < METER_VAR_COUNT ? meter_var_info((enum meter_var)var)->name
					      : own[var - METER_VAR_COUNT].name,
		.dim = meter_dim_info(dim),
		.is_register = dim == METER_DIM_ENERGY,
	};
}

int history_var_find(const char *name)
{
	for (unsigned i = 0; i < HISTORY_VAR_COUNT; i++)
		if (strcmp(history_var_info(i).name, name) == 0)
			return (int)i;
	return -1;
}

static bool of_zones(unsigned var)
{
	return var <= METER_current_l3 || var == METER_power_total || (var > METER_VAR_COUNT - 1 && var != HISTORY_limit);
}

bool history_var_of(enum history_kind kind, unsigned var)
{
	switch (kind) {
	case HISTORY_METER:
		return var < METER_VAR_COUNT;
	case HISTORY_ZONE:
		return of_zones(var);
	case HISTORY_CONNECTOR:
		return var <= METER_current_l3 || var == METER_power_total || var == HISTORY_limit;
	case HISTORY_KINDS:
		break;
	}
	return false;
}

/* ---- lists of names ---- */

static bool has(const struct history_vars *set, unsigned var)
{
	return memchr(set->var, (int)var, set->count) != NULL;
}

static void add(struct history_vars *set, unsigned var)
{
	set->var[set->count++] = (unsigned char)var;
}

static int refuse(const char *name, enum history_kind kind, struct diag *d)
{
	const char *names[HISTORY_VAR_COUNT], *near;
	size_t n = 0;

	for (unsigned i = 0; i < HISTORY_VAR_COUNT; i++)
		if (history_var_of(kind, i))
			names[n++] = history_var_info(i).name;
	near = text_nearest(name, names, n);
	return diag_set(d, -LMS_EDATA, "variables: '%s' is not kept of a %s%s%s%s", log_text(name),
			kind == HISTORY_METER ? "meter" : kind == HISTORY_ZONE ? "zone" : "connector",
			near ? "; did you mean '" : " (all shows what is)", near ? near : "", near ? "'?" : "");
}

static int add_named(const char *text, enum history_kind kind, struct history_vars *out, struct diag *d)
{
	char name[64];

	for (const char *end; *text; text = *end ? end + 1 : end) {
		size_t len;
		int var;

		while (*text == ' ')
			text++;
		end = text + strcspn(text, ",");
		for (len = (size_t)(end - text); len && text[len - 1] == ' '; len--)
			;
		if (len >= sizeof(name))
			len = sizeof(name) - 1;
		memcpy(name, text, len);
		name[len] = '\0';
		var = history_var_find(name);
		if (var < 0 || !history_var_of(kind, (unsigned)var))
			return refuse(name, kind, d);
		if (has(out, (unsigned)var))
			return diag_set(d, -LMS_EDATA, "variables: %s is named twice (leave one out)", name);
		add(out, (unsigned)var);
	}
	return 0;
}

int history_vars_parse(const char *text, enum history_kind kind, struct history_vars *out, struct diag *d)
{
	bool all = text && strcmp(text, "all") == 0;

	out->count = 0;
	if (text && *text && !all)
		return add_named(text, kind, out, d);
	for (unsigned i = 0; i < HISTORY_VAR_COUNT; i++)
		if (history_var_of(kind, i) && (all || i <= METER_current_l3 || i == METER_power_total))
			add(out, i);
	return 0;
}
