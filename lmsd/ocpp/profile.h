/* ocpp/profile.h - the payload of SetChargingProfile for one limit, as this station wants it. */
#pragma once

#include "base/json.h"
#include "base/types.h"

struct profile {
	int connector;
	bool idle;		/* TxDefaultProfile; else TxProfile of transaction `tx` */
	int32_t tx;
	int64_t limit_ma;	/* per phase */
	bool watts;		/* limit as the total power over `phases` */
	int phases;		/* that the session is known to use, at least 1: for watts */
	bool whole;		/* integer amperes only; truncated, never rounded up */
	bool absolute;		/* Absolute with `start`; else Relative */
	bool number_phases;
	int stack_level;
	wall_t start;
	int64_t fallback_s;	/* so long after `start` the limit becomes fallback_ma; 0 = never */
	int64_t fallback_ma;
};

void profile_write(const struct profile *p, struct json_writer *w);
/* Stable per connector and kind, so that a later profile replaces the one before. */
int profile_id(int connector, bool idle);
/* The power that cannot exceed limit_ma on any phase at the lowest voltage. */
int64_t profile_watts(int64_t limit_ma, int phases);
