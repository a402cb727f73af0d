/* The curve of a transaction: bounded, evenly thinned, its latest sample exact, and the same as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "site/ledger/curve.h"

static struct curve_point point(uint32_t t_s, int64_t wh, int32_t ma, int32_t w)
{
	return (struct curve_point){ .t_s = t_s, .register_wh = wh, .w = w, .ma = { ma, ma, ma } };
}

static void add(struct curve *c, uint32_t t_s, int64_t wh, int32_t ma, int32_t w)
{
	struct curve_point p = point(t_s, wh, ma, w);

	curve_add(c, &p);
}

static void check_order(const struct curve *c)
{
	assert_true(c->count <= CURVE_POINTS);
	for (size_t i = 1; i < c->count; i++) {
		assert_true(c->points[i].t_s > c->points[i - 1].t_s);
		if (i + 1 < c->count)
			assert_true(c->points[i].t_s - c->points[i - 1].t_s >= c->step_s);
	}
}

static void a_point_a_minute_and_the_latest_always(void **state)
{
	struct curve c = { .count = 0 };

	(void)state;
	for (uint32_t t = 10; t <= 600; t += 10) {
		add(&c, t, t * 3, 16000, 11040);
		assert_int_equal(c.points[c.count - 1].t_s, t);
		check_order(&c);
	}
	assert_int_equal(c.count, 11);
	assert_int_equal(c.points[1].t_s, 70);
	curve_free(&c);
}

static void a_week_has_no_more_points_than_an_hour(void **state)
{
	struct curve c = { .count = 0 };

	(void)state;
	for (uint32_t t = 10; t <= 7 * 86400; t += 10) {
		add(&c, t, t * 3, 16000, 11040);
		assert_true(c.count <= CURVE_POINTS);
	}
	check_order(&c);
	assert_in_range(c.count, CURVE_POINTS / 2, CURVE_POINTS);
	assert_int_equal(c.points[0].t_s, 10);
	assert_int_equal(c.points[c.count - 1].t_s, 7 * 86400);
	/* Evenly: nowhere a gap of more than two steps. */
	for (size_t i = 1; i < c.count; i++)
		assert_true(c.points[i].t_s - c.points[i - 1].t_s <= 2 * c.step_s);
	curve_free(&c);
}

static void the_same_moment_is_completed_and_the_past_is_passed_over(void **state)
{
	struct curve c = { .count = 0 };

	(void)state;
	add(&c, 60, 100, CURVE_NONE, CURVE_NONE);
	add(&c, 60, NUM_NONE, 16000, CURVE_NONE);
	add(&c, 60, NUM_NONE, CURVE_NONE, 11000);
	add(&c, 30, 50, 1, 1);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.points[0].register_wh, 100);
	assert_int_equal(c.points[0].ma[2], 16000);
	assert_int_equal(c.points[0].w, 11000);
	curve_free(&c);
}

static void written(const struct curve *c, const char *expected)
{
	struct buf b;

	buf_init(&b);
	curve_write(c, 1000, &b);
	assert_string_equal(buf_cstr(&b), expected);
	buf_fini(&b);
}

static void as_text_it_says_what_changes(void **state)
{
	struct curve c = { .count = 0 };

	(void)state;
	written(&c, "");
	add(&c, 60, 1183, 16000, 11040);
	add(&c, 120, 1366, 16000, 11040);
	add(&c, 180, 1366, 0, 0);
	add(&c, 240, NUM_NONE, CURVE_NONE, CURVE_NONE);
	add(&c, 300, 1300, 6000, CURVE_NONE);
	written(&c, "60,183,16000,16000,16000,11040;60,183,,,,;60,,-16000,-16000,-16000,-11040;60,-,-,-,-,-;"
		"60,-66,6000,6000,6000,;");
	curve_free(&c);
}

static int32_t any(int32_t n)
{
	return (int32_t)(random() % n);
}

static void text_comes_back_as_the_same_curve(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 500; round++) {
		struct curve c = { .count = 0 }, again = { .count = 0 };
		uint32_t t = 0;
		struct buf b;

		for (int i = any(400); i > 0; i--) {
			struct curve_point p = point(t += (uint32_t)any(500), any(4) ? any(1000000) : NUM_NONE, 0,
						     any(3) ? any(22000) : CURVE_NONE);

			for (int k = 0; k < PHASES; k++)
				p.ma[k] = any(4) ? any(33000) - 500 : CURVE_NONE;
			curve_add(&c, &p);
		}
		buf_init(&b);
		curve_write(&c, 4711, &b);
		curve_read(&again, buf_cstr(&b), 4711);
		assert_int_equal(again.count, c.count);
		for (size_t i = 0; i < c.count; i++)
			assert_memory_equal(&again.points[i], &c.points[i], offsetof(struct curve_point, ma) + sizeof(c.points[i].ma));
		buf_fini(&b);
		curve_free(&c);
		curve_free(&again);
	}
}

static void what_cannot_be_read_ends_it(void **state)
{
	static const struct { const char *text; size_t count; } cases[] = {
		{ "", 0 }, { ";", 0 }, { "60", 0 }, { "60,1,1,1,1,1", 0 }, { "60,1,1,1,1,1;", 1 }, { "60,1,1,1,1,1;60", 1 },
		{ "60,1,1,1,1,1;0,1,1,1,1,1;", 1 }, { "60,1,1,1,1,1;-5,1,1,1,1,1;", 1 }, { "-,1,1,1,1,1;", 0 },
		{ "60,1,1,1,1,1;x,1,1,1,1,1;", 1 }, { "99999999999999999999,1,1,1,1,1;", 0 },
		{ "60,1,99999999999,1,1,1;", 1 }, { "5000000000,1,1,1,1,1;", 0 }, { "60,1,1,1,1,1,1;", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct curve c = { .count = 0 };

		curve_read(&c, cases[i].text, 0);
		if (c.count != cases[i].count)
			fail_msg("'%s': %zu points", cases[i].text, c.count);
		curve_free(&c);
	}
}

/* However long a text may be. */
static void a_text_has_no_more_points_than_a_curve(void **state)
{
	struct curve c = { .count = 0 };
	struct buf b;

	(void)state;
	buf_init(&b);
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "60,1,1,1,1,1;");
	curve_read(&c, buf_cstr(&b), 0);
	assert_int_equal(c.count, CURVE_POINTS);
	add(&c, 1000000, 1, 1, 1);
	assert_true(c.count <= CURVE_POINTS);
	buf_fini(&b);
	curve_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_point_a_minute_and_the_latest_always),
		cmocka_unit_test(a_week_has_no_more_points_than_an_hour),
		cmocka_unit_test(the_same_moment_is_completed_and_the_past_is_passed_over),
		cmocka_unit_test(as_text_it_says_what_changes),
		cmocka_unit_test(text_comes_back_as_the_same_curve),
		cmocka_unit_test(what_cannot_be_read_ends_it),
		cmocka_unit_test(a_text_has_no_more_points_than_a_curve),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
