/* meter/variable.h - the quantities of variable.def as enum and table; the units of profiles.
 *
 * A value is an int64 in the fixed-point unit of its dimension: mA, mV, W, var, VA, thousandths,
 * mHz, Wh, tenths of a percent, numbers of states.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum meter_dim {
#define METER_DIM(id, unit, decimals, min, max, text) METER_DIM_##id,
#include "meter/variable.def"
	METER_DIM_COUNT
};

enum meter_var {
#define METER_VAR(id, dim, phase, group, text) METER_##id,
#include "meter/variable.def"
	METER_VAR_COUNT
};

enum meter_group { METER_FAST, METER_SLOW };

struct meter_dim_info {
	const char *unit;	/* "A", "V", "W" …; "" for ratios */
	int decimals;
	int64_t min, max;
};

struct meter_var_info {
	const char *name;	/* "current_l1" */
	enum meter_dim dim;
	int phase;		/* 0..2 or -1 */
	enum meter_group group;
	const char *text;
};

const struct meter_dim_info *meter_dim_info(enum meter_dim dim);
const struct meter_var_info *meter_var_info(enum meter_var var);
/* The variable of that name, or -1. */
int meter_var_find(const char *name);
/* The name nearest to a misspelt one, or NULL. */
const char *meter_var_nearest(const char *name);

/* A unit of that dimension as profiles write it ("kWh", "mA", "%", "4q" for the four-quadrant power
 * factor): the power of ten that brings it to the dimension's fixed-point unit. False if it is none. */
bool meter_unit_find(const char *unit, enum meter_dim dim, int *exp10, bool *four_quadrant);
/* The units of a dimension, "A mA", into out; always terminated. */
const char *meter_unit_list(enum meter_dim dim, char *out, size_t size);

/* What a value of a STATE variable is called ("mppt", "charging"), or NULL. */
const char *meter_state_word(enum meter_var var, int64_t v);
