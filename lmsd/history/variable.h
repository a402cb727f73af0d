/* history/variable.h - the quantities that are kept over time: those of meters, and those of variable.def.
 *
 * One numbering for meters, zones and connectors, and only while lmsd runs: what is stored goes by names.
 */
#pragma once

#include "base/diag.h"
#include "meter/variable.h"

enum history_var {
	HISTORY_VARS_OF_METERS = METER_VAR_COUNT,	/* below: enum meter_var */
	HISTORY_VAR_LAST_OF_METERS = METER_VAR_COUNT - 1,
#define HISTORY_VAR(name, dim, text) HISTORY_##name,
#include "history/variable.def"
	HISTORY_VAR_COUNT
};

enum history_kind { HISTORY_METER, HISTORY_ZONE, HISTORY_CONNECTOR, HISTORY_KINDS };

struct history_var_info {
	const char *name;
	const struct meter_dim_info *dim;
	bool is_register;		/* counts up: of a step its last value is told, no mean */
};

struct history_var_info history_var_info(unsigned var);
/* The variable of that name, or -1. */
int history_var_find(const char *name);
/* Is it one that series of this kind can have? */
bool history_var_of(enum history_kind kind, unsigned var);

/* A set of variables in the order in which they were named. */
struct history_vars {
	unsigned count;
	unsigned char var[HISTORY_VAR_COUNT];
};

/* "current_l1,power_total", "all"; NULL or "" = currents and power_total. 0, or -LMS_EDATA with a remedy. */
int history_vars_parse(const char *text, enum history_kind kind, struct history_vars *out, struct diag *d);
