/* site/outer/tariff.h - weekly windows that lower a zone's limit, in the site's time zone.
 *
 * "mon-fri 17:00-20:00 16; sat,sun 11:00-14:00 20,20,10; daily 22:00-06:00 40": days, times, current per
 * phase (week.h). Windows may overlap: the least holds.
 */
#pragma once

#include "base/diag.h"
#include "base/timefmt.h"
#include "base/types.h"
#include "site/outer/week.h"

#define TARIFF_WINDOWS_MAX WEEK_WINDOWS_MAX

struct tariff_window {
	struct week_window when;
	struct phase_ma limit;
};

struct tariff {
	struct tariff_window windows[TARIFF_WINDOWS_MAX];
	size_t count;
};

/* 0, or -LMS_EDATA with diag, which says where in the text. */
int tariff_parse(const char *text, struct tariff *out, struct diag *diag);
/* The least of the windows that are open; NUM_NONE where none is. */
void tariff_limit(const struct tariff *t, const struct time_zone *tz, wall_t at, struct phase_ma *out);
/* The least of all windows: for when nobody knows what time it is. */
void tariff_least(const struct tariff *t, struct phase_ma *out);
/* The first moment after `at` at which a window may open or close; INT64_MAX without windows. */
wall_t tariff_next(const struct tariff *t, const struct time_zone *tz, wall_t at);
