/* meter/meter.h - one installed meter: its latest values, how far they can be trusted, and what of
 * them the balance may steer by.
 *
 * Pure. Values are kept by GRID phase, after CT ratio, inversion and phase mapping, currents signed
 * (+ is import). A value keeps the time at which the meter was asked for it: nothing here ever
 * renews a time without a new reading, or turns a failure into a number.
 */
#pragma once

#include "base/diag.h"
#include "base/types.h"
#include "meter/decode.h"
#include "meter/plan.h"

enum meter_ct {
	METER_CT_METER,		/* the meter applies its transformers itself, or has none */
	METER_CT_DIRECT,	/* the conductors pass through it: up to METER_DIRECT_MAX_MA */
	METER_CT_RATIO		/* we multiply */
};
#define METER_DIRECT_MAX_MA INT64_C(63000)

struct meter_setup {
	const char *id;				/* copied */
	const struct meter_profile *profile;	/* borrowed; outlives the meter */
	enum meter_ct ct;
	int64_t ct_primary, ct_secondary;	/* of METER_CT_RATIO: 250, 5 */
	int phase[PHASES];			/* grid phase 0..2 at its L1..L3, -1 = none */
	phase_mask_t invert;			/* bits of the meter's own L1..L3 */
	int64_t breaker_ma;			/* what protects the line, NUM_NONE = not known */
	int64_t stale_us;			/* older values are no longer fresh */
	int64_t poll_us;			/* from one poll to the next; 0 = not known */
	int64_t frozen_us;			/* unchanged for longer: it hangs; 0 = never */
	bool any_model;				/* what the device says that it is does not matter */
};

/* ct=meter, L1,L2,L3 (a single-phase profile: L1 only), no inversion, 5 s, 60 s. */
void meter_setup_init(struct meter_setup *s, const char *id, const struct meter_profile *profile);
/* The keys as people write them; NULL or "" leaves the default. 0 or -LMS_EDATA with a remedy. */
int meter_setup_phases(struct meter_setup *s, const char *text, struct diag *d);
int meter_setup_invert(struct meter_setup *s, const char *text, struct diag *d);
/* "L1,L2,L3" or "L2"; "L1,L3", "all" or "no".
 * "meter", "direct", "250/5". fuse_ma NUM_NONE = not known; "direct" above 63 A is refused. */
int meter_setup_ct(struct meter_setup *s, const char *text, int64_t fuse_ma, struct diag *d);

/* The variable that the device's `var` is in terms of grid phases, or -1 if it has no conductor. */
int meter_to_grid(const struct meter_setup *s, enum meter_var var);

struct meter_value {
	int64_t v;		/* fixed-point unit of its dimension, or NUM_NONE */
	mono_t at;		/* when the meter was asked for it */
	wall_t wall;
	enum meter_quality quality;	/* as read; age is not in it: meter_quality() */
};

enum meter_fault {
	METER_FAULT_SILENT = 1 << 0,	/* the last poll brought nothing */
	METER_FAULT_READ = 1 << 1,	/* currents or powers are missing, NaN or out of range */
	METER_FAULT_VOLTAGE = 1 << 2,	/* outside what a grid has, or current without voltage */
	METER_FAULT_ZERO = 1 << 3,	/* all currents are zero without voltage, or while cars draw */
	METER_FAULT_POWER_SUM = 1 << 4,	/* phases do not add up to the total */
	METER_FAULT_JUMP = 1 << 5,	/* more than twice the breaker, at once or at all */
	METER_FAULT_FROZEN = 1 << 6,	/* nothing changes under load */
	METER_FAULT_ENERGY = 1 << 7,	/* a counter ran backwards or faster than the line allows */
	METER_FAULT_IDENTITY = 1 << 8	/* the device says that it is another model: its registers may mean anything */
};
/* These make currents unfit for steering; the others are only shown. */
#define METER_FAULTS_OF_CURRENT                                                               \
	(METER_FAULT_READ | METER_FAULT_VOLTAGE | METER_FAULT_ZERO | METER_FAULT_POWER_SUM | \
	 METER_FAULT_JUMP | METER_FAULT_FROZEN | METER_FAULT_IDENTITY)

/* One poll as it came back. */
struct meter_reading {
	int err;			/* 0, or why nothing came */
	const char *text;		/* the same for people; may be NULL */
	mono_t at;
	wall_t wall;
	int64_t latency_us;
	int identity;			/* 1 confirmed, 0 unknown, -1 another model */
	uint32_t models;		/* of a profile with models: those that were found, see profile_resolve() */
	int64_t cars_ma;		/* that cars behind it report, see meter_zero_since(); 0 = nothing known */
	const struct meter_block *blocks;
	size_t block_count;
};

/* What the balance takes: the shape of its sample. */
struct meter_currents {
	struct phase_ma current;	/* NUM_NONE: no conductor there, or no good value */
	struct phase_ma voltage_mv;	/* NUM_NONE if unknown or stale */
	mono_t at;			/* of the currents */
	bool good;
};

struct meter_state;

struct meter_state *meter_new(const struct meter_setup *setup);
void meter_free(struct meter_state *m);		/* NULL is fine */
const struct meter_setup *meter_setup(const struct meter_state *m);

/* Takes one poll in. True if it brought currents, good or not: then meter_sample_currents() has
 * something new for the balance. */
bool meter_take(struct meter_state *m, const struct meter_reading *r);

/* The latest currents. good = read with the last poll that brought any, plausible, and not older
 * than stale_us at `now`. */
void meter_sample_currents(const struct meter_state *m, mono_t now, struct meter_currents *out);

/* Always answers; a variable that the profile lacks or that was never read has METER_Q_NONE. */
const struct meter_value *meter_value(const struct meter_state *m, enum meter_var var);
/* Its quality at `now`: as meter_value(), but METER_Q_STALE once it is too old (values that are
 * read in turns may be as old as two rounds of the turns, as long as the meter answers). */
enum meter_quality meter_quality(const struct meter_state *m, enum meter_var var, mono_t now);
/* The same for whoever is told the value: the currents and powers of a meter that contradicts itself are suspect, be
 * each of them as it may. */
enum meter_quality meter_quality_told(const struct meter_state *m, enum meter_var var, mono_t now);

enum meter_status { METER_UNKNOWN, METER_OK, METER_STALE, METER_SILENT, METER_IMPLAUSIBLE };
enum meter_status meter_status(const struct meter_state *m, mono_t now);
/* "unknown" "ok" "stale" "silent" "implausible" */
const char *meter_status_name(enum meter_status s);
/* All currents have been exactly zero since then, MONO_NEVER = they are not. Cars behind the meter that
 * report a draw of later than that prove it wrong. */
mono_t meter_zero_since(const struct meter_state *m);
/* Imported, by the powers that were read, since the import counter last moved; NUM_NONE: it has none, or
 * powers are not known. */
int64_t meter_uncounted_wh(const struct meter_state *m);
unsigned meter_faults(const struct meter_state *m);	/* set of enum meter_fault */
/* What is wrong in words, "" if nothing; into out, always terminated. */
const char *meter_fault_text(const struct meter_state *m, char *out, size_t size);
/* Without phase currents a meter is judged by its total power. */
bool meter_has_currents(const struct meter_state *m);
/* Of the latest good currents, or of that power; INT64_MIN and WALL_NONE = never. */
mono_t meter_good_at(const struct meter_state *m);
wall_t meter_good_wall(const struct meter_state *m);
int64_t meter_latency_us(const struct meter_state *m);	/* of the last answer, NUM_NONE = none */
