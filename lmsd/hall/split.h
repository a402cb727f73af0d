/* hall/split.h - what a balance makes of a zone, as JSON: the one that steers, a replayed one, a simulated one. */
#pragma once

#include "balance/balance.h"
#include "base/json.h"

/* One connector: what it wants, its class, minimum, maximum, target, limit, and why. An open object may
 * follow: the caller ends it. */
void split_connector(struct json_writer *w, const struct balance *b, uint32_t conn);
/* "cap_ma", "cap_why", "sum_ma", "limits" (of the zone and of those that feed it) and "connectors". */
void split_zone(struct json_writer *w, const struct balance *b, int zone);
void split_phases(struct json_writer *w, const char *key, const struct phase_ma *p);
void split_time(struct json_writer *w, const char *key, wall_t t);
/* "16 A", or "16 A, 10 A, 0 A" where the phases differ. */
void split_phases_text(struct buf *b, const struct phase_ma *p, int phases);
