/* meter/profile.h - a model of meter as data: how to ask it and what its registers mean.
 *
 * Filled by modbus/profile_file.h from etc/meters, or by a test; profile_check() must have passed
 * before a profile is planned (plan.h) or decoded (decode.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "meter/variable.h"

#define PROFILE_REG_MAX	    128	/* variables of one profile */
#define PROFILE_MODEL_MAX   32	/* SunSpec models that a profile reads */
#define PROFILE_MODEL_SPAN  1024	/* registers of one of them, see profile_resolve() */
#define PROFILE_INVALID_MAX 4
#define PROFILE_ALIAS_MAX   8
#define PROFILE_NAME_MAX    48
#define MODBUS_READ_MAX	    125	/* registers in one answer, by the protocol */

enum reg_type { REG_U16, REG_S16, REG_U32, REG_S32, REG_U64, REG_S64, REG_F32, REG_F64 };

/* ABCD, CDAB, BADC, DCBA: which word comes first, and whether bytes are swapped within words. */
enum reg_order { REG_ORDER_BIG, REG_ORDER_LITTLE, REG_ORDER_BIG_SWAPPED, REG_ORDER_LITTLE_SWAPPED };

/* Where the direction of a current comes from. */
enum meter_direction {
	METER_DIRECTION_POWER,	  /* from the phase's power; the register is taken as a magnitude */
	METER_DIRECTION_REGISTER  /* the current register itself is signed */
};

struct meter_reg {
	enum meter_var var;
	uint8_t fc;			/* 3 holding, 4 input */
	uint16_t addr;			/* 0-based, as on the wire; with models: from the model's ID on */
	enum reg_type type;
	enum reg_order order;
	int64_t scale;			/* value = raw * scale * 10^exp10, in fixed-point */
	int exp10;
	bool has_sf;			/* times 10^(signed register sf_addr, same function) */
	uint16_t sf_addr;
	bool negate;			/* the device counts the other way round */
	bool four_quadrant;		/* power factor of Schneider: beyond +-1 it is capacitive */
	enum meter_group group;
	bool verified;			/* two independent sources agree */
	uint32_t models;		/* bit i: it is in profile.models[i]; 0 = a fixed address */
	/* raw patterns that mean "no value" */
	struct { uint64_t lo, hi; } invalid[PROFILE_INVALID_MAX];
	int invalid_count;
	int line;			/* of the file, 0 = none */
};

struct meter_profile {
	char model[PROFILE_NAME_MAX];
	char alias[PROFILE_ALIAS_MAX][PROFILE_NAME_MAX];	/* models with the same registers */
	int alias_count;
	char manufacturer[PROFILE_NAME_MAX];
	char note[400];
	char file[200];			/* for messages; "" = none */
	bool site;			/* of the installer's own directory */
	uint64_t edition;		/* changes with what profile_same() looks at; of who keeps the set */
	char replaces[200];		/* the shipped file that it stands in for; "" = none */
	int line;			/* of the key that a message about the whole is given */
	bool verified;			/* two independent sources agree on all that steers */
	bool ct_in_meter;		/* the meter multiplies by its CT ratio itself */
	bool pushed;			/* nobody reads it: it has what it is told (pushed.h) */
	char serial[16];		/* "9600,8N1": as it leaves the factory; "" = unknown */
	int slave;			/* as it leaves the factory; 0 = unknown */

	struct {			/* what to read to know the model; count 0 = nothing */
		uint8_t fc;
		uint16_t addr;
		int count;
		uint16_t words[8];
	} identity;

	int max_regs;			/* of one request */
	bool even_only;			/* starts and counts must be even */
	bool allow_holes;		/* registers between known ones may be read */
	int inter_request_ms;		/* silence on the bus before the next request */
	int after_slave_switch_ms;	/* more of it when another slave answered last */
	int timeout_ms;
	enum meter_direction direction;
	bool power_suffices;		/* phase currents may be missing: it is no line, but an inverter */

	/* Not 0: where the registers are is found at run time (sunspec.h), by the models' numbers. An
	 * earlier one is preferred where several have a variable. */
	int model_count;
	uint16_t models[PROFILE_MODEL_MAX];
	int instance;			/* which of several blocks of a model, from 1 */
	bool resolved;			/* made by profile_resolve() */

	struct meter_reg *regs;		/* owned */
	size_t reg_count;
};

/* Zeroed but for the defaults of a file that says nothing: 125 registers, 1 s, first instance. */
struct meter_profile *profile_new(void);
void profile_free(struct meter_profile *p);	/* NULL is fine */

/* Appends a register with its variable's default group, scale 1 and exp10 0; the caller fills the
 * rest. NULL when PROFILE_REG_MAX is reached. */
struct meter_reg *profile_add_reg(struct meter_profile *p, enum meter_var var);

/* The register of a variable, or NULL. */
const struct meter_reg *profile_reg(const struct meter_profile *p, enum meter_var var);
/* Model or alias, in any case. */
bool profile_is_named(const struct meter_profile *p, const char *name);

/* Whether they read the same in the same way: names for people, file and lines aside. */
bool profile_same(const struct meter_profile *a, const struct meter_profile *b);

/* The profile with fixed addresses that a device has in which those models of `p` were found (bit i:
 * p->models[i]). Model i begins at i * PROFILE_MODEL_SPAN, wherever it is in the device; who reads it
 * translates. The caller frees it. */
struct meter_profile *profile_resolve(const struct meter_profile *p, uint32_t models);

/* The models before models[m] any of which has all that it has: it need not be read then. */
uint32_t profile_covers(const struct meter_profile *p, int m);

/* Whether it can be used: ranges, overlaps, values cut by the device's limits, nothing twice.
 * 0, or -LMS_ECONFIG with file and line of the offending register. */
int profile_check(const struct meter_profile *p, struct diag *d);

/* The profiles of an installation. */
struct profile_set {
	struct meter_profile **items;	/* by model */
	size_t count;
};

void profile_set_init(struct profile_set *set);
void profile_set_fini(struct profile_set *set);		/* frees the profiles */
/* Takes a checked profile into the set. -LMS_ECONFLICT (diag; `p` stays the caller's) when one of
 * its names is taken. */
int profile_set_take(struct profile_set *set, struct meter_profile *p, struct diag *d);
/* The same for what comes with lmsd, after what the installer has: names that a profile of his has are
 * his. -LMS_ECONFLICT without a diag when that is the model itself: `p` is not needed then, and his
 * profile says what it replaces. */
int profile_set_take_shipped(struct profile_set *set, struct meter_profile *p, struct diag *d);
/* By model or alias in any case, or NULL. */
const struct meter_profile *profile_set_find(const struct profile_set *set, const char *name);
/* The model nearest to a misspelt name, or NULL. */
const char *profile_set_nearest(const struct profile_set *set, const char *name);

int reg_type_words(enum reg_type t);
int reg_type_find(const char *name);		/* enum reg_type or -1 */
int reg_order_find(const char *name);		/* enum reg_order or -1 */
const char *reg_type_name(enum reg_type t);
