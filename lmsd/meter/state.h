/* meter/state.h - the inside of a meter: for meter.c (values) and plausible.c (trust) only. */
#pragma once

#include "meter/meter.h"

struct meter_state {
	char id[ID_MAX + 1];
	struct meter_setup setup;	/* its profile is `own`, where that is not NULL */
	const struct meter_profile *models_of;	/* the profile with models that it is made from */
	struct meter_profile *own;
	uint32_t models;		/* that the device has */
	uint64_t has, fast;		/* bits of enum meter_var in the profile, by grid phase */
	int64_t slow_stale_us;

	struct meter_value value[METER_VAR_COUNT];	/* by grid phase */
	uint64_t raw[METER_VAR_COUNT];	/* last pattern of each register, in the device's phases */
	uint64_t raw_known;
	mono_t changed_at;		/* when any of them last changed; INT64_MIN = never read */

	mono_t zero_since;		/* all currents zero; MONO_NEVER = not */

	unsigned faults;
	char text[200];			/* what the bus said of the last poll */
	mono_t answered_at;		/* the latest poll that brought something; INT64_MIN = never */
	mono_t good_at;
	wall_t good_wall;
	int64_t latency_us;

	struct phase_ma last;		/* the level that jumps are measured from */
	struct phase_ma jump_to;
	int jump_count;
	int sum_count;			/* readings in a row whose sum is wrong */
	struct {
		bool known;
		int64_t v;
		mono_t at;
		int count;		/* readings in a row that contradict it */
	} energy[METER_VAR_COUNT];
	struct {			/* does the import counter count? */
		int64_t v;		/* its last reading, NUM_NONE = none */
		int64_t passed_ws;	/* that powers say went by since it moved */
		mono_t at;		/* of the last power; INT64_MIN = none */
	} counting;
};

#define METER_BIT(var) (UINT64_C(1) << (var))

/* Looks at the values that the reading at `at` renewed (bits of enum meter_var, grid phases), sets
 * the faults, and marks energy counters that contradict themselves as suspect. */
void meter_judge(struct meter_state *m, uint64_t renewed, mono_t at, int64_t cars_ma);
