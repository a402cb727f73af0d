/* balance/shortage.h - for how long a zone has been the bottleneck, and how much its cars missed by it. */
#pragma once

#include "balance/balance.h"

struct balance;

struct shortage {
	int64_t held_us;	/* that at least one car had less because this zone was full */
	int64_t missing_mams;	/* mA of all phases together, times ms */
	int64_t short_ma;	/* since the last turn: what is missing; 0 = the zone is not the bottleneck */
};

/* At the end of each turn that decides: what was so until now, and what is so from now on. */
void shortage_count(struct balance *b, mono_t now);
