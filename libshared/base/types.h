/* base/types.h - value types that all rooms share, with their units in their names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC: for whatever steers. Never stored, never shown. */
typedef int64_t mono_t;
/* Microseconds since 1970 UTC: for records and people. Never steers. */
typedef int64_t wall_t;

#define US_PER_S  INT64_C(1000000)
#define US_PER_MS INT64_C(1000)
#define MONO_NEVER INT64_MAX	/* "no timer" in next_due */
#define WALL_NONE  INT64_MIN	/* "no time" */

/* An absent number anywhere in records and keys. Prints as null, an empty cell or "-". */
#define NUM_NONE INT64_MIN

#define PHASES 3
/* Bits 0..2 = grid L1..L3. */
typedef uint8_t phase_mask_t;
#define PHASE_ALL ((phase_mask_t)7)

/* Milliamperes per grid phase. NUM_NONE where a single-phase zone has no such phase. */
struct phase_ma {
	int64_t l[PHASES];
};

/* No limit above this is believed: the largest breaker of the trade. */
#define LIMIT_MAX_MA INT64_C(6300000)

/* Longest identity of a station, zone, meter, tag …, without the NUL. */
#define ID_MAX 48

/* Names an object across turns: an index that is reused, and the use it was. gen 0 = none. */
struct ref {
	uint32_t index;
	uint32_t gen;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
