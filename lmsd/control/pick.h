/* control/pick.h - which stations a job is for: named, or chosen by zone and state. */
#pragma once

#include "hall.h"

struct pick {
	const char **ids;	/* by id, each once; in the call's arena */
	size_t count;
};

/* At least one, or an error with the call's diag. */
int pick_stations(struct ctl_call *call, const struct ctl_job_run_args *a, struct pick *p);
/* For people: "zone=P1 state=online", "CP1,CP2", "all". */
void pick_describe(const struct ctl_job_run_args *a, const struct pick *p, char *out, size_t size);
