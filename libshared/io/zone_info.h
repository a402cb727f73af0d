/* io/zone_info.h - time zones as tables of UTC offsets, read from the system's zone files.
 *
 * The pure rooms take the table; only zone_info.c knows libc's time zone functions. tz_table changes TZ of the
 * process for the length of the call, so it belongs to the one thread that may: at start, or at a change of
 * the setting.
 */
#pragma once

#include "base/timefmt.h"

/* UTC offsets of an IANA time zone from 2000 to 2060, by the system's tables; NULL if unknown. The caller
 * frees. */
struct utc_offset *tz_table(const char *name, size_t *count);
/* The same of the zone that the process is in. */
struct utc_offset *tz_table_local(size_t *count);
bool tz_known(const char *name);
