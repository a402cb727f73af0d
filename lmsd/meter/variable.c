/* meter/variable.c - the tables that variable.def expands to. */
#include "meter/variable.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/types.h"

static const struct meter_dim_info dims[] = {
#define METER_DIM(id, unit, decimals, min, max, text) { unit, decimals, min, max },
#include "meter/variable.def"
};

static const struct meter_var_info vars[] = {
#define METER_VAR(id, dim, phase, group, text) { #id, METER_DIM_##dim, phase, METER_##group, text },
#include "meter/variable.def"
};

static const struct {
	const char *unit;
	enum meter_dim dim;
	int exp10;
	bool four_quadrant;
} units[] = {
	{ "A", METER_DIM_CURRENT, 3, false },	 { "mA", METER_DIM_CURRENT, 0, false },
	{ "V", METER_DIM_VOLTAGE, 3, false },	 { "mV", METER_DIM_VOLTAGE, 0, false },
	{ "kV", METER_DIM_VOLTAGE, 6, false },	 { "W", METER_DIM_POWER, 0, false },
	{ "kW", METER_DIM_POWER, 3, false },	 { "MW", METER_DIM_POWER, 6, false },
	{ "var", METER_DIM_REACTIVE, 0, false }, { "kvar", METER_DIM_REACTIVE, 3, false },
	{ "VA", METER_DIM_APPARENT, 0, false },	 { "kVA", METER_DIM_APPARENT, 3, false },
	{ "", METER_DIM_RATIO, 3, false },	 { "%", METER_DIM_RATIO, 1, false },
	{ "4q", METER_DIM_RATIO, 3, true },	 { "Hz", METER_DIM_FREQ, 3, false },
	{ "mHz", METER_DIM_FREQ, 0, false },	 { "Wh", METER_DIM_ENERGY, 0, false },
	{ "kWh", METER_DIM_ENERGY, 3, false },	 { "MWh", METER_DIM_ENERGY, 6, false },
	{ "%", METER_DIM_PERCENT, 1, false },	 { "", METER_DIM_STATE, 0, false },
};

/* By SunSpec's numbers, from 1. */
static const char *const inverter_states[] = { "off",	    "sleeping",	     "starting", "mppt",
					       "throttled", "shutting_down", "fault",	 "standby" };
static const char *const charge_states[] = { "off",  "empty",	"discharging", "charging",
					     "full", "holding", "testing" };

const struct meter_dim_info *meter_dim_info(enum meter_dim dim)
{
	return &dims[dim];
}

const struct meter_var_info *meter_var_info(enum meter_var var)
{
	return &vars[var];
}

int meter_var_find(const char *name)
{
	for (int i = 0; i < METER_VAR_COUNT; i++)
		if (strcmp(vars[i].name, name) == 0)
			return i;
	return -1;
}

const char *meter_var_nearest(const char *name)
{
	const char *names[METER_VAR_COUNT];

	for (int i = 0; i < METER_VAR_COUNT; i++)
		names[i] = vars[i].name;
	return text_nearest(name, names, ARRAY_LEN(names));
}

bool meter_unit_find(const char *unit, enum meter_dim dim, int *exp10, bool *four_quadrant)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].dim != dim || strcmp(units[i].unit, unit) != 0)
			continue;
		*exp10 = units[i].exp10;
		*four_quadrant = units[i].four_quadrant;
		return true;
	}
	return false;
}

const char *meter_unit_list(enum meter_dim dim, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].dim == dim && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "",
						units[i].unit[0] ? units[i].unit : "\"\"");
	return out;
}

const char *meter_state_word(enum meter_var var, int64_t v)
{
	if (var == METER_state && v >= 1 && v <= (int64_t)ARRAY_LEN(inverter_states))
		return inverter_states[v - 1];
	if (var == METER_charge_state && v >= 1 && v <= (int64_t)ARRAY_LEN(charge_states))
		return charge_states[v - 1];
	return NULL;
}
