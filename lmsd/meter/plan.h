/* meter/plan.h - which blocks of registers to read, within the device's limits.
 *
 * Fast blocks are read at every poll, of the slow ones one per poll in turns. A block holds whole
 * values of one function and one group, and begins and ends with one (Siemens insists); between its
 * values nothing unknown is read unless the profile allows holes. A scale register that lies too far
 * from its value for one request is read at every poll, so that both are always there together.
 *
 * Of a profile with models each model is planned for itself, at the addresses of profile_resolve();
 * each of its first blocks, fast and slow, begins with the model's number and length, by which the
 * reader knows that the model still is where it was found.
 */
#pragma once

#include "base/diag.h"
#include "base/types.h"
#include "meter/profile.h"

#define PLAN_BLOCK_MAX 64

struct plan_block {
	uint8_t fc;
	uint16_t addr;
	uint16_t count;
	enum meter_group group;
};

struct meter_plan {
	/* fast ones first, then by function and address */
	struct plan_block blocks[PLAN_BLOCK_MAX];
	int count;
	int fast_count;
};

/* `p` has passed profile_check(). 0, or -LMS_ECONFIG for more than PLAN_BLOCK_MAX blocks. */
int plan_make(const struct meter_profile *p, struct meter_plan *plan, struct diag *d);

/* A block as it was read: what the worker hands to the loop. */
struct meter_block {
	uint8_t fc;
	uint16_t addr;
	uint16_t count;
	int err;		/* 0, or -LMS_E…: no words then */
	int exception;		/* of the protocol, 0 = none */
	mono_t at;		/* when it was asked */
	const uint16_t *words;	/* borrowed for the call */
};
