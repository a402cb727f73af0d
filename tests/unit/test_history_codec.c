/* What is kept over time, as bytes: every number comes back, no bytes bring anything down, and roll-ups are
 * what a plain sum over the readings says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "history/rollup.h"
#include "history/row.h"
#include "history/variable.h"
#include "tests/scenario/helper_random.h"

#define ROUNDS	  3000
#define INTS_MAX  1500

/* ---- rows of integers ---- */

/* As meters are, and as nothing is. */
static void make_series(struct rng *r, int64_t *v, size_t n)
{
	static const int64_t extremes[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX };
	uint32_t kind = rng_below(r, 7);
	int64_t unit = rng_range(r, 1, 1000), noise = rng_range(r, 0, 300), slope = rng_range(r, -50, 5000);
	int64_t at = rng_range(r, -1000000000, 1000000000);

	for (size_t i = 0; i < n; i++) {
		switch (kind) {
		case 0:		/* constant */
			v[i] = at;
			break;
		case 1:		/* noise around a level */
			v[i] = (at + rng_range(r, -noise, noise)) * unit;
			break;
		case 2:		/* a register, which is exchanged now and then */
			at = rng_below(r, 200) ? at + slope + rng_range(r, 0, noise) : 0;
			v[i] = at;
			break;
		case 3:		/* a random walk */
			at += rng_range(r, -noise, noise);
			v[i] = at * unit;
			break;
		case 4:		/* anything */
			v[i] = (int64_t)rng_next(r);
			break;
		case 5:		/* the ends of what there is */
			v[i] = extremes[rng_below(r, ARRAY_LEN(extremes))];
			break;
		default:	/* calm, with outliers */
			v[i] = rng_below(r, 50) ? at : (int64_t)rng_next(r);
		}
	}
}

static void rows_of_integers_come_back(void **state)
{
	int64_t *v = xmalloc(INTS_MAX * sizeof(*v)), *back = xmalloc(INTS_MAX * sizeof(*back));
	struct buf b;

	(void)state;
	buf_init(&b);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct rng r = rng_seed(seed);
		size_t n = 1 + rng_below(&r, seed % 10 ? 100 : INTS_MAX);
		struct history_in in;

		make_series(&r, v, n);
		buf_clear(&b);
		history_ints_write(&b, v, n);
		in = (struct history_in){ .at = (uint8_t *)b.data, .end = (uint8_t *)b.data + b.len };
		history_ints_read(&in, back, n);
		if (in.bad || in.at != in.end || memcmp(v, back, n * sizeof(*v)) != 0)
			fail_msg("seed %llu: %zu integers did not come back", (unsigned long long)seed, n);
	}
	buf_fini(&b);
	free(v);
	free(back);
}

static size_t size_of(const int64_t *v, size_t n)
{
	struct buf b;
	size_t len;

	buf_init(&b);
	history_ints_write(&b, v, n);
	len = b.len;
	buf_fini(&b);
	return len;
}

static void what_repeats_costs_little(void **state)
{
	int64_t v[360];

	(void)state;
	for (int i = 0; i < 360; i++)
		v[i] = 230000;
	assert_in_range(size_of(v, 360), 1, 12);
	for (int i = 0; i < 360; i++)	/* a steady draw on a register of Wh */
		v[i] = 123456789 + 61 * i;
	assert_in_range(size_of(v, 360), 1, 18);
	for (int i = 0; i < 360; i++)	/* tenths of a volt told in mV: 3 bits of noise */
		v[i] = 230000 + 100 * (i * 7919 % 8);
	assert_in_range(size_of(v, 360), 1, 360 * 3 / 8 + 20);
	v[100] = INT64_MAX;		/* one wild value does not spoil the rest */
	assert_in_range(size_of(v, 360), 1, 360 * 5 / 2);
}

/* ---- blocks ---- */

static void make_block(struct rng *r, struct history_block *k, int64_t base_s)
{
	uint32_t mood = rng_below(r, 5);
	uint8_t q = HISTORY_GOOD;

	memset(k, 0, sizeof(*k));
	k->count = 1 + rng_below(r, rng_below(r, 3) ? 100 : HISTORY_BLOCK_SLOTS);
	k->step_s = 1 + rng_below(r, 600);
	k->start_s = base_s + rng_below(r, 3601);
	if (rng_below(r, 4) == 0) {	/* a whole hour */
		k->step_s = 10;
		k->count = 360;
		k->start_s = base_s + 10;
	}
	make_series(r, k->v, k->count);
	for (unsigned i = 0; i < k->count; i++) {
		if (mood == 1)
			q = rng_below(r, 5) ? HISTORY_GAP : HISTORY_GOOD;
		else if (mood == 2 && rng_below(r, 40) == 0)
			q = (uint8_t)rng_below(r, HISTORY_QUALITIES);
		else if (mood == 3)
			q = (uint8_t)rng_below(r, HISTORY_QUALITIES);
		else if (mood == 4)
			q = HISTORY_SILENT;
		k->quality[i] = q;
		if (k->v[i] == NUM_NONE)
			k->v[i] = 7;
		if (q != HISTORY_GOOD && q != HISTORY_DOUBTFUL)
			k->v[i] = NUM_NONE;
	}
}

static bool same_block(const struct history_block *a, const struct history_block *b)
{
	return a->start_s == b->start_s && a->step_s == b->step_s && a->count == b->count &&
	       memcmp(a->v, b->v, a->count * sizeof(a->v[0])) == 0 && memcmp(a->quality, b->quality, a->count) == 0;
}

static void blocks_come_back_with_gaps_and_qualities(void **state)
{
	static struct history_block k, back;
	const int64_t base = 1764172800;
	struct buf b;

	(void)state;
	buf_init(&b);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct rng r = rng_seed(seed);
		unsigned numbers = 0;

		make_block(&r, &k, base);
		buf_clear(&b);
		history_block_write(&b, &k, base);
		for (unsigned i = 0; i < k.count; i++)
			numbers += k.v[i] != NUM_NONE;
		if (history_block_read(b.data, b.len, base, &back) != 0 || !same_block(&k, &back))
			fail_msg("seed %llu", (unsigned long long)seed);
		assert_int_equal(history_block_samples(b.data, b.len), numbers);
	}
	buf_fini(&b);
}

static void a_number_that_is_none_makes_no_zero(void **state)
{
	static struct history_block k, back;
	struct buf b;

	(void)state;
	k = (struct history_block){ .start_s = 10, .step_s = 10, .count = 3, .v = { 5, NUM_NONE, NUM_NONE },
				    .quality = { HISTORY_GOOD, HISTORY_GOOD, HISTORY_DOUBTFUL } };
	buf_init(&b);
	history_block_write(&b, &k, 0);
	assert_int_equal(history_block_read(b.data, b.len, 0, &back), 0);
	assert_int_equal(back.v[0], 5);
	assert_true(back.v[1] == NUM_NONE && back.v[2] == NUM_NONE);
	assert_int_equal(back.quality[1], HISTORY_GAP);
	assert_int_equal(back.quality[2], HISTORY_REFUSED);
	buf_fini(&b);
}

static void an_hour_of_silence_costs_a_few_bytes(void **state)
{
	static struct history_block k;
	struct buf b;

	(void)state;
	k = (struct history_block){ .start_s = 10, .step_s = 10, .count = 360 };
	memset(k.quality, HISTORY_SILENT, sizeof(k.quality));
	for (int i = 0; i < 360; i++)
		k.v[i] = NUM_NONE;
	buf_init(&b);
	history_block_write(&b, &k, 0);
	assert_in_range(b.len, 1, 12);
	buf_fini(&b);
}

/* ---- bytes that are no blocks ---- */

static void feed(const uint8_t *bytes, size_t len)
{
	static struct history_block k;
	static struct history_rollup roll;
	static struct history_row row;
	/* So that reading behind the end is seen. */
	uint8_t *copy = xmalloc(len + 1);

	memcpy(copy, bytes, len);
	copy = realloc(copy, len ? len : 1);
	history_block_read(copy, len, 0, &k);
	history_block_samples(copy, len);
	history_row_read(copy, len, &row);
	history_rollup_init(&roll, 0, 60, 360, false);
	history_rollup_read(copy, len, &roll);
	free(copy);
}

static void whatever_bytes_come_are_read_to_an_end(void **state)
{
	static struct history_block k;
	uint8_t noise[400];
	struct buf b;

	(void)state;
	buf_init(&b);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct rng r = rng_seed(seed);
		size_t len = rng_below(&r, sizeof(noise) + 1);

		for (size_t i = 0; i < len; i++)
			noise[i] = (uint8_t)rng_next(&r);
		if (len)
			noise[0] = (uint8_t)(rng_below(&r, 2) | (rng_below(&r, 4) << 6));
		feed(noise, len);
		make_block(&r, &k, 0);
		buf_clear(&b);
		history_block_write(&b, &k, 0);
		feed((uint8_t *)b.data, rng_below(&r, (uint32_t)b.len));
		b.data[rng_below(&r, (uint32_t)b.len)] ^= (char)(1 << rng_below(&r, 8));
		feed((uint8_t *)b.data, b.len);
	}
	buf_fini(&b);
}

static void what_is_cut_short_is_refused(void **state)
{
	static struct history_block k, back;
	struct rng r = rng_seed(11);
	struct buf b;

	(void)state;
	make_block(&r, &k, 0);
	buf_init(&b);
	history_block_write(&b, &k, 0);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(history_block_read(b.data, len, 0, &back), -LMS_EDATA);
	buf_putc(&b, 0);
	assert_int_equal(history_block_read(b.data, b.len, 0, &back), -LMS_EDATA);
	buf_fini(&b);
}

/* ---- rows ---- */

static void rows_come_back(void **state)
{
	const struct history_sample s[] = {
		{ .v = 16000, .var = METER_current_l1, .quality = HISTORY_GOOD },
		{ .v = NUM_NONE, .var = METER_current_l2, .quality = HISTORY_SILENT },
		{ .v = INT64_MAX, .var = METER_energy_total, .quality = HISTORY_DOUBTFUL },
	};
	uint8_t stored[HISTORY_VAR_COUNT] = { 0 };
	static struct history_row back;
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < HISTORY_VAR_COUNT; i++)
		stored[i] = (uint8_t)(200 - i);
	buf_init(&b);
	history_row_write(&b, 10, s, ARRAY_LEN(s), stored);
	assert_int_equal(history_row_read(b.data, b.len, &back), 0);
	assert_int_equal(back.step_s, 10);
	assert_int_equal(back.count, 3);
	for (size_t i = 0; i < ARRAY_LEN(s); i++) {
		assert_int_equal(back.s[i].var, 200 - s[i].var);
		assert_int_equal(back.s[i].quality, s[i].quality);
		assert_true(back.s[i].v == s[i].v);
	}
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(history_row_read(b.data, len, &back), -LMS_EDATA);
	buf_fini(&b);
}

/* ---- roll-ups ---- */

struct plain {			/* the same, by hand */
	int64_t sum, min, max, last;
	unsigned count;
};

static int64_t round_half_away(int64_t sum, int64_t n)
{
	return sum < 0 ? -((-sum + n / 2) / n) : (sum + n / 2) / n;
}

static void check_rollup(const struct history_rollup *r, const struct plain *plain, uint64_t seed)
{
	for (unsigned i = 0; i < r->count; i++) {
		struct history_point p = history_bucket_point(&r->k[i]);
		const struct plain *o = &plain[i];

		if (p.count != o->count || (o->count && p.last != o->last))
			fail_msg("seed %llu: point %u", (unsigned long long)seed, i);
		if (o->count && !r->is_register &&
		    (p.min != o->min || p.max != o->max || p.mean != round_half_away(o->sum, o->count)))
			fail_msg("seed %llu: point %u: %lld", (unsigned long long)seed, i, (long long)p.mean);
	}
}

static void plain_add(struct plain *p, int64_t v)
{
	p->min = p->count && p->min < v ? p->min : v;
	p->max = p->count && p->max > v ? p->max : v;
	p->sum += v;
	p->last = v;
	p->count++;
}

static void a_rollup_is_what_a_plain_sum_says(void **state)
{
	static struct history_rollup roll, back;
	static struct history_block k;
	const int64_t start = 1764158400;
	struct buf b;

	(void)state;
	buf_init(&b);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct plain plain[HISTORY_ROLLUP_SLOTS] = { 0 };
		struct rng r = rng_seed(seed);
		unsigned step = seed % 2 ? 60 : 900, blocks = 1 + rng_below(&r, 6);

		history_rollup_init(&roll, start, step, seed % 2 ? 360 : 96, seed % 5 == 0);
		back = roll;
		for (unsigned n = 0; n < blocks; n++) {
			make_block(&r, &k, start + 3600 * n);
			for (unsigned i = 0; i < k.count; i++) {
				int64_t t = k.start_s + (int64_t)i * k.step_s;

				if (k.v[i] != NUM_NONE)
					k.v[i] %= INT64_C(1) << 40;
				if (k.quality[i] == HISTORY_GOOD && t > start && t <= start + step * roll.count)
					plain_add(&plain[(t - 1 - start) / step], k.v[i]);
			}
			history_rollup_add(&roll, &k);
		}
		check_rollup(&roll, plain, seed);
		if (history_rollup_empty(&roll))
			continue;
		buf_clear(&b);
		history_rollup_write(&b, &roll);
		assert_int_equal(history_rollup_read(b.data, b.len, &back), 0);
		/* Of what is no register the last value is not kept. */
		for (unsigned i = 0; i < back.count && !roll.is_register; i++)
			back.k[i].p.last = roll.k[i].p.last;
		check_rollup(&back, plain, seed);
	}
	buf_fini(&b);
}

static void a_reading_belongs_to_the_minute_that_it_ends(void **state)
{
	static struct history_rollup roll;
	static struct history_block k;

	(void)state;
	history_rollup_init(&roll, 0, 60, 3, false);
	k = (struct history_block){ .start_s = 0, .step_s = 10, .count = 14 };
	for (int i = 0; i < 14; i++) {
		k.v[i] = i;
		k.quality[i] = HISTORY_GOOD;
	}
	history_rollup_add(&roll, &k);
	assert_int_equal(roll.k[0].p.count, 6);		/* 00:00:10 to 00:01:00; 00:00:00 is of the hour before */
	assert_int_equal(roll.k[0].p.min, 1);
	assert_int_equal(roll.k[0].p.last, 6);
	assert_int_equal(roll.k[1].p.count, 6);
	assert_int_equal(roll.k[2].p.count, 1);
}

static void means_of_the_largest_numbers_do_not_overflow(void **state)
{
	static const struct { int64_t v[3]; int64_t mean; } rows[] = {
		{ { INT64_MAX, INT64_MAX, INT64_MAX }, INT64_MAX },
		{ { INT64_MIN, INT64_MIN, INT64_MIN }, INT64_MIN },
		{ { INT64_MAX, INT64_MIN + 1, 0 }, 0 },
		{ { 1, 0, 0 }, 0 },
		{ { 1, 1, 0 }, 1 },
		{ { -1, -1, 0 }, -1 },
		{ { -1, 0, 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct history_bucket k;

		history_bucket_begin(&k, 0);
		for (int n = 0; n < 3; n++) {
			struct history_point p = history_reading(0, rows[i].v[n]);

			history_bucket_add(&k, &p);
		}
		assert_true(history_bucket_point(&k).mean == rows[i].mean);
	}
}

static void what_an_older_rollup_knows_more_of_stays(void **state)
{
	static struct history_rollup old, fresh;
	struct history_point p = history_reading(0, 100), q = history_reading(0, 7);

	(void)state;
	history_rollup_init(&old, 0, 60, 3, false);
	history_rollup_init(&fresh, 0, 60, 3, false);
	for (int i = 0; i < 6; i++)
		history_bucket_add(&old.k[0], &p);
	history_bucket_add(&old.k[1], &p);
	history_bucket_add(&fresh.k[0], &q);
	history_bucket_add(&fresh.k[1], &q);
	history_bucket_add(&fresh.k[1], &q);
	history_rollup_keep(&fresh, &old);
	assert_int_equal(history_bucket_point(&fresh.k[0]).mean, 100);
	assert_int_equal(history_bucket_point(&fresh.k[1]).mean, 7);
	assert_int_equal(fresh.k[2].p.count, 0);
}

/* ---- names ---- */

static void variables_are_taken_by_name_or_refused_with_a_hint(void **state)
{
	struct history_vars v;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(history_vars_parse(NULL, HISTORY_METER, &v, &d), 0);
	assert_int_equal(v.count, 4);
	assert_int_equal(history_vars_parse("power_total, current_l2", HISTORY_METER, &v, &d), 0);
	assert_int_equal(v.count, 2);
	assert_int_equal(v.var[0], METER_power_total);
	assert_int_equal(v.var[1], METER_current_l2);
	assert_int_equal(history_vars_parse("all", HISTORY_CONNECTOR, &v, &d), 0);
	assert_int_equal(v.count, 5);
	assert_int_equal(history_vars_parse("curent_l1", HISTORY_METER, &v, &d), -LMS_EDATA);
	assert_string_equal(d.text, "variables: 'curent_l1' is not kept of a meter; did you mean 'current_l1'?");
	assert_int_equal(history_vars_parse("voltage_l1n", HISTORY_ZONE, &v, &d), -LMS_EDATA);
	assert_int_equal(history_vars_parse("limit,limit", HISTORY_CONNECTOR, &v, &d), -LMS_EDATA);
	assert_int_equal(history_vars_parse("limit,", HISTORY_CONNECTOR, &v, &d), 0);
	assert_int_equal(history_vars_parse(",limit", HISTORY_CONNECTOR, &v, &d), -LMS_EDATA);
	for (unsigned i = 0; i < HISTORY_VAR_COUNT; i++)
		assert_int_equal(history_var_find(history_var_info(i).name), i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_integers_come_back),
		cmocka_unit_test(what_repeats_costs_little),
		cmocka_unit_test(blocks_come_back_with_gaps_and_qualities),
		cmocka_unit_test(a_number_that_is_none_makes_no_zero),
		cmocka_unit_test(an_hour_of_silence_costs_a_few_bytes),
		cmocka_unit_test(whatever_bytes_come_are_read_to_an_end),
		cmocka_unit_test(what_is_cut_short_is_refused),
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(a_rollup_is_what_a_plain_sum_says),
		cmocka_unit_test(a_reading_belongs_to_the_minute_that_it_ends),
		cmocka_unit_test(means_of_the_largest_numbers_do_not_overflow),
		cmocka_unit_test(what_an_older_rollup_knows_more_of_stays),
		cmocka_unit_test(variables_are_taken_by_name_or_refused_with_a_hint),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
