/* hall/commission/check.h - one meter check: what ctl_meter_check.c asks, and check_answer.c makes of it. */
#pragma once

#include "app.h"
#include "hall/commission/probe.h"
#include "meter/findings.h"

struct check {
	struct probe p;	/* first */
	struct app *app;
	uint64_t token;
	struct arena arena;
	struct ctl_meter_keys k;
	bool as_set;			/* nothing differs from the configuration */
	struct meter_profile *profile;	/* a copy: profiles may be read anew meanwhile */
	struct meter_setup setup;
	struct meter_address address;
	struct meter_plan plan;
	int first;			/* question of the plan's first block */
	int64_t fuse_ma, poll_us;
};

/* Whatever was answered, as a poll would bring it; to be freed. */
struct meter_state *check_state(const struct check *c, mono_t now, wall_t wall);
void check_find(struct check *c, struct meter_state *m, mono_t now, struct findings *out);
void check_write(const struct check *c, const struct meter_state *m, const struct findings *f, mono_t now,
		 struct json_writer *w);
