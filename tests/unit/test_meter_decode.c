/* Registers become fixed-point integers exactly, and what is no number says so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"
#include "meter/decode.h"

struct decode_case {
	const char *name;
	enum meter_var var;
	enum reg_type type;
	enum reg_order order;
	int64_t scale;
	int exp10;
	uint16_t words[4];
	enum meter_quality quality;
	int64_t value;
};

#define BIG	REG_ORDER_BIG
#define LITTLE	REG_ORDER_LITTLE
#define CURRENT METER_current_l1
#define VOLTAGE METER_voltage_l1n
#define POWER	METER_power_total
#define ENERGY	METER_energy_import_total
#define GOOD	METER_Q_GOOD

static const struct decode_case cases[] = {
	{ "u16", VOLTAGE, REG_U16, BIG, 1, 1, { 23010 }, GOOD, 230100 },
	{ "u16 with the top bit is positive", POWER, REG_U16, BIG, 1, 0, { 0xFFFE }, GOOD, 65534 },
	{ "s16 with the top bit is negative", POWER, REG_S16, BIG, 1, 0, { 0xFFFE }, GOOD, -2 },
	{ "the least s16", POWER, REG_S16, BIG, 1, 0, { 0x8000 }, GOOD, -32768 },
	{ "u32, high word first", CURRENT, REG_U32, BIG, 1, 0, { 0x0001, 0x0002 }, GOOD, 65538 },
	{ "u32, low word first", CURRENT, REG_U32, LITTLE, 1, 0, { 0x0002, 0x0001 }, GOOD, 65538 },
	{ "u32, bytes swapped", CURRENT, REG_U32, REG_ORDER_BIG_SWAPPED, 1, 0, { 0x0100, 0x0200 }, GOOD, 65538 },
	{ "u32, all reversed", CURRENT, REG_U32, REG_ORDER_LITTLE_SWAPPED, 1, 0, { 0x0200, 0x0100 }, GOOD, 65538 },
	{ "s32, low word first, negative", POWER, REG_S32, LITTLE, 1, -1, { 0xFFF1, 0xFFFF }, GOOD, -2 },
	{ "the least s32", ENERGY, REG_S32, BIG, 1, 0, { 0x8000, 0 }, METER_Q_RANGE, -2147483648 },
	{ "u64", ENERGY, REG_U64, BIG, 1, 1, { 0, 0, 0x0012, 0xD687 }, GOOD, 12345670 },
	{ "s64, low word first", ENERGY, REG_S64, LITTLE, 1, 0, { 0xD687, 0x0012, 0, 0 }, GOOD, 1234567 },
	{ "the largest u64 is out of range", ENERGY, REG_U64, BIG, 1, 3, { 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF },
	  METER_Q_RANGE, INT64_MAX },
	{ "the least s64 is out of range", ENERGY, REG_S64, BIG, 1, 0, { 0x8000, 0, 0, 0 }, METER_Q_RANGE,
	  -INT64_MAX },
	{ "f32 230.1 V", VOLTAGE, REG_F32, BIG, 1, 3, { 0x4366, 0x199A }, GOOD, 230100 },
	{ "f32, low word first", VOLTAGE, REG_F32, LITTLE, 1, 3, { 0x199A, 0x4366 }, GOOD, 230100 },
	{ "f32 16.72 A", CURRENT, REG_F32, BIG, 1, 3, { 0x4185, 0xC28F }, GOOD, 16720 },
	{ "f32 in kilowatts", POWER, REG_F32, BIG, 1, 3, { 0xBFC0, 0 }, GOOD, -1500 },
	{ "a half is rounded away from zero", POWER, REG_F32, BIG, 1, 0, { 0x3F00, 0 }, GOOD, 1 },
	{ "minus a half as well", POWER, REG_F32, BIG, 1, 0, { 0xBF00, 0 }, GOOD, -1 },
	{ "just below a half is nothing", POWER, REG_F32, BIG, 1, 0, { 0x3EFF, 0xFFFF }, GOOD, 0 },
	{ "zero", POWER, REG_F32, BIG, 1, 0, { 0, 0 }, GOOD, 0 },
	{ "minus zero is zero", POWER, REG_F32, BIG, 1, 0, { 0x8000, 0 }, GOOD, 0 },
	{ "the smallest denormal is zero", CURRENT, REG_F32, BIG, 1, 3, { 0, 1 }, GOOD, 0 },
	{ "NaN", CURRENT, REG_F32, BIG, 1, 3, { 0x7FC0, 0 }, METER_Q_NAN, 0 },
	{ "negative NaN, as Schneider says 'none'", CURRENT, REG_F32, BIG, 1, 3, { 0xFFC0, 0 }, METER_Q_NAN, 0 },
	{ "signalling NaN", CURRENT, REG_F32, BIG, 1, 3, { 0x7F80, 1 }, METER_Q_NAN, 0 },
	{ "infinity", CURRENT, REG_F32, BIG, 1, 3, { 0x7F80, 0 }, METER_Q_NAN, 0 },
	{ "minus infinity", CURRENT, REG_F32, BIG, 1, 3, { 0xFF80, 0 }, METER_Q_NAN, 0 },
	{ "the largest f32 is out of range", CURRENT, REG_F32, BIG, 1, 3, { 0x7F7F, 0xFFFF }, METER_Q_RANGE,
	  INT64_MAX },
	{ "f64 12345678.9 Wh", ENERGY, REG_F64, BIG, 1, 0, { 0x4167, 0x8C29, 0xDCCC, 0xCCCD }, GOOD, 12345679 },
	{ "f64, low word first", ENERGY, REG_F64, LITTLE, 1, 0, { 0xCCCD, 0xDCCC, 0x8C29, 0x4167 }, GOOD,
	  12345679 },
	{ "f64 NaN", ENERGY, REG_F64, BIG, 1, 0, { 0x7FF8, 0, 0, 0 }, METER_Q_NAN, 0 },
	{ "the smallest f64", POWER, REG_F64, BIG, 1, 0, { 0, 0, 0, 1 }, GOOD, 0 },
	{ "the largest f64", POWER, REG_F64, BIG, 1, 0, { 0x7FEF, 0xFFFF, 0xFFFF, 0xFFFF }, METER_Q_RANGE,
	  INT64_MAX },
	{ "steps of ten watts", POWER, REG_S32, BIG, 1, 1, { 0xFFFF, 0xFFFF }, GOOD, -10 },
	{ "a scale that is no power of ten", CURRENT, REG_U16, BIG, 25, -1, { 3 }, GOOD, 8 },
	{ "hundredths are rounded", POWER, REG_S32, BIG, 1, -2, { 0xFFFF, 0xFF6A }, GOOD, -2 },
	{ "a negative energy is out of range", ENERGY, REG_S64, BIG, 1, 0, { 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF },
	  METER_Q_RANGE, -1 },
	{ "a frequency times ten is out of range", METER_frequency, REG_F32, BIG, 1, 3, { 0x43FA, 0 },
	  METER_Q_RANGE, 500000 },
};

static void every_type_and_order_decodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct decode_case *c = &cases[i];
		struct meter_reg reg = { .var = c->var, .type = c->type, .order = c->order,
					 .scale = c->scale, .exp10 = c->exp10 };
		int64_t v = 0;
		enum meter_quality q = meter_decode(&reg, c->words, 0, &v);

		if (q != c->quality || ((q == GOOD || q == METER_Q_RANGE) && v != c->value))
			fail_msg("%s: %s %lld, expected %s %lld", c->name, meter_quality_name(q), (long long)v,
				 meter_quality_name(c->quality), (long long)c->value);
	}
}

static void a_sentinel_is_no_value(void **state)
{
	struct meter_reg reg = { .var = POWER, .type = REG_S32, .scale = 1, .invalid_count = 2 };
	const uint16_t overflow[] = { 0x7FFF, 0x1234 }, none[] = { 0x8000, 0 }, fine[] = { 0, 5 };
	int64_t v = 77;

	(void)state;
	reg.invalid[0].lo = 0x7FFF0000;
	reg.invalid[0].hi = 0x7FFFFFFF;
	reg.invalid[1].lo = reg.invalid[1].hi = 0x80000000;
	assert_int_equal(meter_decode(&reg, overflow, 0, &v), METER_Q_INVALID);
	assert_int_equal(meter_decode(&reg, none, 0, &v), METER_Q_INVALID);
	assert_int_equal(v, 77);
	assert_int_equal(meter_decode(&reg, fine, 0, &v), GOOD);
	assert_int_equal(v, 5);
}

static void a_scale_factor_register_scales(void **state)
{
	struct meter_reg reg = { .var = CURRENT, .type = REG_S16, .scale = 1, .exp10 = 3, .has_sf = true };
	const uint16_t words[] = { 1672 };
	int64_t v;

	(void)state;
	assert_int_equal(meter_decode(&reg, words, (uint16_t)-2, &v), GOOD);
	assert_int_equal(v, 16720);
	assert_int_equal(meter_decode(&reg, words, 0, &v), GOOD);
	assert_int_equal(v, 1672000);
	assert_int_equal(meter_decode(&reg, words, 0x8000, &v), METER_Q_INVALID);
	assert_int_equal(meter_decode(&reg, words, 11, &v), METER_Q_INVALID);
}

static void a_device_that_counts_the_other_way_is_turned(void **state)
{
	struct meter_reg reg = { .var = POWER, .type = REG_S16, .scale = 1, .negate = true };
	const uint16_t words[] = { 700 };
	int64_t v;

	(void)state;
	assert_int_equal(meter_decode(&reg, words, 0, &v), GOOD);
	assert_int_equal(v, -700);
}

static void a_four_quadrant_power_factor_is_unfolded(void **state)
{
	static const struct { float coded; int64_t pf; } rows[] = {
		{ 0.8f, 800 }, { 1.2f, 800 }, { -0.8f, -800 }, { -1.2f, -800 }, { 1.0f, 1000 }, { 2.0f, 0 },
	};
	struct meter_reg reg = { .var = METER_pf_total, .type = REG_F32, .scale = 1, .exp10 = 3,
				 .four_quadrant = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t raw;
		int64_t v;

		memcpy(&raw, &rows[i].coded, sizeof(raw));
		assert_int_equal(meter_decode(&reg, (uint16_t[]){ (uint16_t)(raw >> 16), (uint16_t)raw }, 0, &v),
				 GOOD);
		assert_int_equal(v, rows[i].pf);
	}
}

static uint64_t rng_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* 24 bits times 10^6 and 53 bits times 1 are exact in the 64 bits of a long double. */
static void floats_agree_with_the_machine(void **state)
{
	uint64_t seed = 20261121;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = rng_next(&seed);
		uint32_t raw32 = (uint32_t)(bits & 0x807FFFFF) | (uint32_t)(90 + bits % 70) << 23;
		uint64_t raw64 = (bits & UINT64_C(0x800FFFFFFFFFFFFF)) | (960 + bits % 120) << 52;
		float f;
		double d;
		int64_t v;

		memcpy(&f, &raw32, sizeof(f));
		memcpy(&d, &raw64, sizeof(d));
		if (meter_fixed(f < 0, (raw32 & 0x7FFFFF) | 0x800000, (int)(raw32 >> 23 & 255) - 150, 1, 6, &v) == 0 &&
		    v != llroundl((long double)f * 1000000))
			fail_msg("f32 %08x", raw32);
		if (meter_fixed(d < 0, (raw64 & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52,
				(int)(raw64 >> 52 & 2047) - 1075, 1, 0, &v) == 0 && v != llroundl((long double)d))
			fail_msg("f64 %016llx", (unsigned long long)raw64);
	}
}

static void division_by_powers_of_ten_rounds_once(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t m = rng_next(&seed) >> 2;
		int e = (int)(m % 9) + 1;
		int64_t den = 1, v;

		for (int k = 0; k < e; k++)
			den *= 10;
		assert_int_equal(meter_fixed(i % 2, m, 0, 1, -e, &v), 0);
		assert_int_equal(i % 2 ? -v : v, (int64_t)((m + (uint64_t)den / 2) / (uint64_t)den));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_and_order_decodes),
		cmocka_unit_test(a_sentinel_is_no_value),
		cmocka_unit_test(a_scale_factor_register_scales),
		cmocka_unit_test(a_device_that_counts_the_other_way_is_turned),
		cmocka_unit_test(a_four_quadrant_power_factor_is_unfolded),
		cmocka_unit_test(floats_agree_with_the_machine),
		cmocka_unit_test(division_by_powers_of_ten_rounds_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
