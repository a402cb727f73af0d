/* site/outer/override.h - another limit of a zone for a while, by hand.
 *
 * It counts beside the zone's other limits, the least of all holds. It ends by the monotonic clock
 * while lmsd runs, and survives a restart: the record holds the time left and when that was written,
 * anew every minute. After a restart the time down counts as passed if the wall clock says 0 to 30
 * days; a clock that says anything else is not believed, and the time left is as it was written. So
 * a clock that lost its time never releases a limit early, at most it holds as long as lmsd was down.
 */
#pragma once

#include "site/site.h"

#define OVERRIDE_MAX_US (INT64_C(30) * 86400 * US_PER_S)

struct zone_override {
	struct zone_override *next;
	char zone[ID_MAX + 1];
	struct phase_ma limit;		/* on all three phases, however many the zone has */
	mono_t until, written;
};

/* What is in force on the zone, or NULL. */
const struct zone_override *site_override(const struct site *s, const char *zone);
/* Replaces what is in force. `limit`: 0 to 6300 A for each phase that the zone has; one-phase zones
 * take one current for all. `for_ms`: above 0, at most 30 days. 0 or an error with diag. */
int site_override_set(struct site *s, const char *zone, const struct phase_ma *limit, int64_t for_ms,
		      mono_t now, wall_t wall, struct effects *fx, struct diag *diag);
/* False if none was in force. */
bool site_override_end(struct site *s, const char *zone, struct effects *fx);
/* Ends those whose time is over or whose zone is gone: true if there were any. Writes how much time
 * the others have left. To be called at site_override_due() and after a new configuration. */
bool site_override_time(struct site *s, mono_t now, wall_t wall, struct effects *fx);
mono_t site_override_due(const struct site *s);
void site_override_free(struct site *s);
/* A stored record, after the configuration. 0 or an error with diag. */
int site_override_load(struct site *s, const char *zone, const char *json, size_t len, mono_t now,
		       wall_t wall, struct diag *diag);
