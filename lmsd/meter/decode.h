/* meter/decode.h - registers to fixed-point integers, exactly, without floating point.
 *
 * Rounds half away from zero. Never invents a number: what is not one says so by its quality.
 */
#pragma once

#include "meter/profile.h"

/* Ordered from best to worst; shown by name. */
enum meter_quality {
	METER_Q_GOOD,
	METER_Q_NONE,		/* never read */
	METER_Q_STALE,		/* too old to act upon */
	METER_Q_SUSPECT,	/* read, but it contradicts other values */
	METER_Q_RANGE,		/* a number that the quantity cannot have */
	METER_Q_INVALID,	/* the device's own mark for "no value" */
	METER_Q_NAN,		/* not a number, or infinite */
	METER_Q_ERROR		/* reading failed */
};
const char *meter_quality_name(enum meter_quality q);

#define METER_SCALE_MAX 1000000
#define METER_EXP10_MIN (-9)
/* (-1)^negative * mantissa * 2^exp2 * scale * 10^exp10, rounded. mantissa below 2^53 where exp2 is
 * not 0, scale up to 10^6, exp10 -9..12. 0, or -LMS_ERANGE when it does not fit an int64. */
int meter_fixed(bool negative, uint64_t mantissa, int exp2, int64_t scale, int exp10, int64_t *out);

/* The register's words (reg_type_words() of them) as the unsigned pattern that they form. */
uint64_t meter_raw(const struct meter_reg *reg, const uint16_t *words);

/* Decodes one variable. `sf` is the word of its scale-factor register, ignored where it has none.
 * *out is set for GOOD and RANGE only (RANGE: what was read, clamped, for people to see). */
enum meter_quality meter_decode(const struct meter_reg *reg, const uint16_t *words, uint16_t sf,
				int64_t *out);
