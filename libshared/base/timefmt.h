/* base/timefmt.h - time as text: RFC 3339 for machines, local time by a table of UTC offsets. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/types.h"

#define RFC3339_MAX 40

/* "2026-11-21T04:30:00.123Z"; milliseconds are left out when they are zero. out has RFC3339_MAX. */
const char *rfc3339_format(wall_t t, char *out);

/* Lenient, as stations write it (ocpp.md "Times"): no zone means UTC, "+02", "+0200", "+02:00",
 * any number of fraction digits, 'T' or blank, 29 February 2022 and other impossible dates refused.
 * 0 or -LMS_EDATA. */
int rfc3339_parse(const char *s, size_t len, wall_t *out);

/* One row per change of the site's UTC offset, ascending; the first row's `from` may be INT64_MIN. */
struct utc_offset { wall_t from; int32_t offset_s; };
struct time_zone { const struct utc_offset *rows; size_t count; const char *name; };
int32_t tz_offset_s(const struct time_zone *tz, wall_t t);

struct civil { int year, month, day, hour, minute, second, weekday /* 0 = Monday */; };
void civil_from_wall(wall_t t, int32_t offset_s, struct civil *out);
wall_t wall_from_civil(const struct civil *c, int32_t offset_s);
