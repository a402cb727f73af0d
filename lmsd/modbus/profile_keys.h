/* modbus/profile_keys.h - the keys of a profile file: one table for the device, one for a variable.
 *
 * Parser and manual both come from them: a key that is not there is neither read nor described.
 */
#pragma once

#include <libconfig.h>
#include <stddef.h>

#include "base/diag.h"
#include "meter/profile.h"

struct profile_reader {
	const char *path;
	struct diag *d;
	struct meter_profile *p;
	/* defaults of the file for its variables */
	int function;
	enum reg_order order;
};

struct profile_key {
	const char *name;
	const char *form;	/* how its value is written */
	/* Reads `s` into the profile, or into `reg` where the key is a variable's. */
	int (*read)(struct profile_reader *r, config_setting_t *s, const struct profile_key *k,
		    struct meter_reg *reg);
	size_t offset, size;	/* of the member in struct meter_profile */
	const char *help;	/* a sentence for lmsd-meters(5), without its full stop */
};

extern const struct profile_key profile_device_keys[], profile_var_keys[];
extern const size_t profile_device_key_count, profile_var_key_count;

/* -LMS_ECONFIG with file, line and key of the setting. */
int profile_refuse(struct profile_reader *r, config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
