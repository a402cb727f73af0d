/* meter/decode.c - from register words to fixed-point integers.
 *
 * Everything passes through meter_fixed(), whose intermediate fits 128 bits, so integers and IEEE
 * floats of every size are scaled exactly and rounded once.
 */
#include "meter/decode.h"

#include "base/err.h"
#include "base/types.h"

__extension__ typedef unsigned __int128 u128;

static const char *const quality_names[] = {
	[METER_Q_GOOD] = "good",       [METER_Q_NONE] = "none",	  [METER_Q_STALE] = "stale",
	[METER_Q_SUSPECT] = "suspect", [METER_Q_RANGE] = "range", [METER_Q_INVALID] = "invalid",
	[METER_Q_NAN] = "nan",	       [METER_Q_ERROR] = "error",
};

const char *meter_quality_name(enum meter_quality q)
{
	return quality_names[q];
}

static uint64_t pow10_u64(int e)
{
	uint64_t p = 1;

	while (e-- > 0)
		p *= 10;
	return p;
}

/* By hand, as the compiler's own 128-bit division is a call into its library. */
static u128 div_u32(u128 n, uint32_t by)
{
	u128 q = 0;
	uint64_t rest = 0;

	for (int i = 3; i >= 0; i--) {
		rest = rest << 32 | (uint32_t)(n >> (32 * i));
		q |= (u128)(rest / by) << (32 * i);
		rest %= by;
	}
	return q;
}

/* n * 2^exp2 / den, rounded half up; false when it needs more than 127 bits. */
static bool shift_div(u128 n, int exp2, uint32_t den, u128 *out)
{
	if (exp2 >= 0) {
		if (exp2 > 126 || n >> (126 - exp2))
			return false;
		*out = div_u32((n << exp2) + den / 2, den);
		return true;
	}
	/* n is below 2^113, and below 2^74 where den is not 1: further down nothing is left of it,
	 * and up to there the sum below fits. */
	if (-exp2 > (den == 1 ? 126 : 96)) {
		*out = 0;
		return true;
	}
	n += (u128)den << (-exp2 - 1);
	*out = div_u32(n, den) >> -exp2;
	return true;
}

int meter_fixed(bool negative, uint64_t mantissa, int exp2, int64_t scale, int exp10, int64_t *out)
{
	u128 n = (u128)mantissa * (uint64_t)scale, v;
	uint32_t den = 1;

	*out = 0;
	if (mantissa == 0)
		return 0;
	if (exp10 < -9 || exp10 > 12)
		return -LMS_ERANGE;
	if (exp10 >= 0)
		n *= pow10_u64(exp10);
	else
		den = (uint32_t)pow10_u64(-exp10);
	if (!shift_div(n, exp2, den, &v) || v > (u128)INT64_MAX) {
		*out = negative ? -INT64_MAX : INT64_MAX;
		return -LMS_ERANGE;
	}
	*out = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

static uint16_t swap_bytes(uint16_t w)
{
	return (uint16_t)(w << 8 | w >> 8);
}

uint64_t meter_raw(const struct meter_reg *reg, const uint16_t *words)
{
	int count = reg_type_words(reg->type);
	bool little = reg->order == REG_ORDER_LITTLE || reg->order == REG_ORDER_LITTLE_SWAPPED;
	bool swapped =
		reg->order == REG_ORDER_BIG_SWAPPED || reg->order == REG_ORDER_LITTLE_SWAPPED;
	uint64_t raw = 0;

	for (int i = 0; i < count; i++) {
		uint16_t w = words[little ? count - 1 - i : i];

		raw = raw << 16 | (swapped ? swap_bytes(w) : w);
	}
	return raw;
}

/* The parts of an IEEE number of `total` bits with `frac` bits of fraction. */
static enum meter_quality split_float(uint64_t raw, int total, int frac, bool *negative,
				      uint64_t *mantissa, int *exp2)
{
	int exp_bits = total - 1 - frac;
	uint64_t exp_mask = (UINT64_C(1) << exp_bits) - 1;
	uint64_t exp = raw >> frac & exp_mask;
	int bias = (int)(exp_mask >> 1);

	*negative = raw >> (total - 1) & 1;
	*mantissa = raw & ((UINT64_C(1) << frac) - 1);
	if (exp == exp_mask)
		return METER_Q_NAN;
	if (exp == 0) {
		exp = 1;	/* denormal: no hidden bit */
	} else {
		*mantissa |= UINT64_C(1) << frac;
	}
	*exp2 = (int)exp - bias - frac;
	return METER_Q_GOOD;
}

static enum meter_quality split(const struct meter_reg *reg, uint64_t raw, bool *negative,
				uint64_t *mantissa, int *exp2)
{
	int bits = 16 * reg_type_words(reg->type);

	*exp2 = 0;
	switch (reg->type) {
	case REG_F32:
		return split_float(raw, 32, 23, negative, mantissa, exp2);
	case REG_F64:
		return split_float(raw, 64, 52, negative, mantissa, exp2);
	case REG_S16:
	case REG_S32:
	case REG_S64:
		*negative = raw >> (bits - 1) & 1;
		*mantissa = raw;
		if (*negative)	/* two's complement within its width */
			*mantissa = (~raw + 1) & (UINT64_MAX >> (64 - bits));
		return METER_Q_GOOD;
	case REG_U16:
	case REG_U32:
	case REG_U64:
		break;
	}
	*negative = false;
	*mantissa = raw;
	return METER_Q_GOOD;
}

/* Schneider's coding: 1.2 is 0.8 capacitive; the sign is the direction of the power. */
static int64_t from_four_quadrant(int64_t v)
{
	if (v > 1000)
		return 2000 - v;
	if (v < -1000)
		return -2000 - v;
	return v;
}

enum meter_quality meter_decode(const struct meter_reg *reg, const uint16_t *words, uint16_t sf,
				int64_t *out)
{
	const struct meter_dim_info *dim = meter_dim_info(meter_var_info(reg->var)->dim);
	uint64_t raw = meter_raw(reg, words), mantissa;
	int exp2, exp10 = reg->exp10;
	enum meter_quality q;
	bool negative;

	for (int i = 0; i < reg->invalid_count; i++)
		if (raw >= reg->invalid[i].lo && raw <= reg->invalid[i].hi)
			return METER_Q_INVALID;
	if (reg->has_sf) {
		int factor = sf < 0x8000 ? sf : (int)sf - 0x10000;

		if (factor < -10 || factor > 10)	/* 0x8000 is SunSpec's "not there" */
			return METER_Q_INVALID;
		exp10 += factor;
	}
	q = split(reg, raw, &negative, &mantissa, &exp2);
	if (q != METER_Q_GOOD)
		return q;
	if (meter_fixed(negative != reg->negate, mantissa, exp2, reg->scale, exp10, out) < 0)
		return METER_Q_RANGE;
	if (reg->four_quadrant)
		*out = from_four_quadrant(*out);
	return *out < dim->min || *out > dim->max ? METER_Q_RANGE : METER_Q_GOOD;
}
