/* ocpp/limit/profile.h - the payload of SetChargingProfile for one limit, as this station wants it. */
#pragma once

#include "base/json.h"
#include "base/types.h"

struct profile {
	int connector, id;
	bool idle;		/* TxDefaultProfile; else TxProfile of transaction `tx` */
	int32_t tx;		/* 0 = the one that a remote start begins */
	int64_t limit_ma;	/* per phase */
	int64_t given_ma;	/* as a power: this times the lowest voltage */
	bool watts;		/* as a power */
	bool output;		/* which is that behind a rectifier */
	int64_t voltage_min;	/* V */
	int64_t most_w;		/* NUM_NONE = no more than that */
	int phases;		/* that it is wired to, where the station wants to know */
	bool whole;		/* integer amperes only; truncated, never rounded up */
	bool absolute;		/* Absolute with `start`; else Relative */
	bool number_phases;
	int stack_level;
	wall_t start;
	int64_t fallback_s;	/* so long after `start` the limit becomes fallback_ma; 0 = never */
	int64_t fallback_ma, fallback_given_ma;
};

void profile_write(const struct profile *p, struct json_writer *w);
/* The profile alone, as a remote start carries it. */
void profile_write_alone(const struct profile *p, struct json_writer *w);
/* Stable per connector and kind, so that a later profile replaces the one before. */
int profile_id(int connector, bool idle);
/* One that profile_id() gives for some connector. */
bool profile_is_ours(int64_t id);
