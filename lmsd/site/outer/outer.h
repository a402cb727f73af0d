/* site/outer/outer.h - limits of a zone from outside of its configuration: grid signal, tariff, source.
 *
 * Each says what may be drawn below the zone now; beside the others and the zone's own limits, the least
 * of all holds (enum bal_outer, where the hall hands them to).
 */
#pragma once

#include "site/site.h"

struct zone_limit {
	struct phase_ma current;	/* NUM_NONE = none */
	int sessions;			/* cars that may charge at a time; 0 = any number */
	bool lost;			/* nobody tells what it depends on */
};

/* Before, this program was not: the clock has lost its time. */
#define CLOCK_OK_FROM (INT64_C(1767225600) * US_PER_S)	/* 2026-01-01 */

/* The windows of the zone's tariff that are open; all of them while the clock is not believed. */
void site_tariff_limit(const struct site *s, const struct zone_conf *z, wall_t wall, struct zone_limit *out);
/* When that may change; INT64_MAX = never. */
wall_t site_tariff_next(const struct site *s, const struct zone_conf *z, wall_t wall);

extern const struct zone_limit zone_limit_none;
/* The least of the zone's own limits on a phase: fuse less derating, static, dynamic; NUM_NONE = none. */
int64_t zone_normal_ma(const struct zone_conf *z, int phase);
/* What both allow. */
void zone_limit_least(struct zone_limit *l, const struct zone_limit *other);
