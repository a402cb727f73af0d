/* Charts of characters: golden pictures, marks beside colours, gaps that stay gaps, round axes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chart/chart.h"
#include "chart/scale.h"

#define T0 (INT64_C(1774738800) * US_PER_S)	/* 2026-03-29T00:00 in Paris */
#define MINUTE (60 * US_PER_S)
#define COUNT 48

static const struct utc_offset paris_rows[] = { { INT64_MIN, 3600 }, { INT64_C(1774746000) * US_PER_S, 7200 } };
static const struct time_zone paris = { paris_rows, 2, "Europe/Paris" };

static wall_t times[COUNT];
static int64_t values[3][COUNT];

/* Three phases, the first one a ramp, the others flat; each quarter hour. */
static struct chart sample(void)
{
	static const char *const names[] = { "current_l1", "current_l2", "current_l3" };
	struct chart c = { .from = T0, .until = T0 + COUNT * 15 * MINUTE, .times = times, .count = COUNT,
			   .gap_us = 20 * MINUTE, .curve_count = 3, .unit = "A", .decimals = 3, .from_zero = true,
			   .width = 54, .height = 10, .tz = &paris };

	for (int i = 0; i < COUNT; i++) {
		times[i] = T0 + i * 15 * MINUTE;
		values[0][i] = i * 640;
		values[1][i] = 10000;
		values[2][i] = 16000;
	}
	for (int k = 0; k < 3; k++) {
		chart_name_curve(names[k], &c.curves[k]);
		c.curves[k].values = values[k];
	}
	return c;
}

static char *text_of(const struct chart *c)
{
	struct chart_picture p;
	struct buf b;

	chart_draw(c, &p);
	buf_init(&b);
	for (int y = 0; y < p.height; y++) {
		size_t end;

		for (int x = 0; x < p.width; x++)
			buf_puts(&b, chart_cell(&p, y, x)->text);
		for (end = b.len; end > 0 && b.data[end - 1] == ' '; end--)
			;
		b.len = end;
		buf_putc(&b, '\n');
	}
	chart_picture_fini(&p);
	buf_cstr(&b);
	return buf_take(&b, NULL);
}

/* As in tests/golden/chart/NAME.txt; CHART_GOLDEN=write writes it anew. */
static void check(const struct chart *c, const char *name)
{
	char path[100], want[8192] = "", *got = text_of(c);
	const char *mode = getenv("CHART_GOLDEN");
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/chart/%s.txt", name);
	f = fopen(path, mode && strcmp(mode, "write") == 0 ? "w" : "r");
	assert_non_null(f);
	if (mode)
		fputs(got, f);
	else
		want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
	fclose(f);
	if (!mode && strcmp(got, want) != 0) {
		print_error("%s is\n", path);
		fputs(got, stderr);
		fail();
	}
	free(got);
}

static void three_phases_are_told_apart_without_colour(void **state)
{
	struct chart c = sample();
	(void)state;

	check(&c, "phases");
	c.ascii = true;
	check(&c, "phases-ascii");
}

static void a_gap_is_drawn_as_a_gap(void **state)
{
	struct chart c = sample();
	struct chart_picture p;
	(void)state;

	c.curve_count = 1;
	/* by absent values, and by values that are missing */
	for (int i = 16; i < 32; i++)
		values[0][i] = NUM_NONE;
	check(&c, "gap");
	for (int i = 16; i < COUNT - 16; i++) {
		times[i] = times[i + 16];
		values[0][i] = (i + 16) * 640;
	}
	c.count = COUNT - 16;
	check(&c, "gap");
	/* where distances say nothing they are joined */
	c.gap_us = 0;
	chart_draw(&c, &p);
	for (int x = 4, dots = 0; x < p.width - 2; x++, dots = 0) {
		for (int y = 1; y < p.height - 2; y++)
			dots += (unsigned char)chart_cell(&p, y, x)->text[0] == 0xe2 && chart_cell(&p, y, x)->ink >= 0;
		assert_true(dots > 0 || x >= p.width - 2);
	}
	chart_picture_fini(&p);
}

static void no_value_is_not_zero(void **state)
{
	struct chart c = sample();
	(void)state;

	c.count = 0;
	c.curve_count = 1;
	c.height = 7;
	check(&c, "empty");
}

static void a_peak_of_one_sample_is_seen_however_narrow_the_picture(void **state)
{
	enum { MANY = 20000 };
	static wall_t t[MANY];
	static int64_t v[MANY];
	struct chart c = sample();
	struct chart_picture p;
	(void)state;

	for (int i = 0; i < MANY; i++) {
		t[i] = T0 + i * US_PER_S;
		v[i] = i == 7777 ? 32000 : 1000;
	}
	c.times = t;
	c.count = MANY;
	c.until = T0 + MANY * US_PER_S;
	c.curve_count = 1;
	c.curves[0].values = v;
	c.width = CHART_WIDTH_MIN;
	chart_draw(&c, &p);
	for (int y = 2, seen = 0; y < p.height - 3; y++, seen = 0) {
		for (int x = 4; x < p.width; x++)
			seen += chart_cell(&p, y, x)->ink >= 0;
		assert_true(seen > 0);
	}
	chart_picture_fini(&p);
}

static void negative_values_have_a_zero_line_and_large_ones_a_prefix(void **state)
{
	struct chart c = sample();
	(void)state;

	c.curve_count = 1;
	chart_name_curve("power_total", &c.curves[0]);
	c.unit = "W";
	c.decimals = 0;
	for (int i = 0; i < COUNT; i++)
		values[0][i] = i * 500 - 8000;
	check(&c, "negative");
}

static void axes_have_round_numbers(void **state)
{
	static const struct {
		int64_t least, greatest;
		int ticks, decimals;
		bool from_zero;
		const char *unit, *want;
	} cases[] = {
		{ 0, 31900, 6, 3, true, "A", "0..32 by 5 A" },
		{ 0, 250, 5, 3, true, "A", "0.00..0.25 by 0.05 A" },
		{ 229100, 231900, 4, 3, false, "V", "230..232 by 1 V" },
		{ 230000, 230000, 4, 3, false, "V", "229.0..231.0 by 0.5 V" },
		{ 0, 0, 4, 3, true, "A", "0.0..1.0 by 0.5 A" },
		{ NUM_NONE, NUM_NONE, 4, 0, true, "W", "0..1 by 1 W" },
		{ -3200, 11000, 6, 0, true, "W", "0..11 by 5 kW" },
		{ 0, 1900, 4, 0, true, "W", "0..1900 by 500 W" },
		{ 0, 2300000, 5, 0, true, "W", "0.0..2.3 by 0.5 MW" },
		{ 123456789, 123457789, 4, 0, false, "Wh", "123.4570..123.4578 by 0.0005 MWh" },
		{ 49980, 50020, 4, 3, false, "Hz", "49.98..50.02 by 0.01 Hz" },
	};
	struct scale s;
	struct buf b;
	(void)state;

	buf_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scale_fit(&s, cases[i].least, cases[i].greatest, cases[i].ticks, cases[i].unit, cases[i].decimals,
			  cases[i].from_zero);
		buf_clear(&b);
		scale_put(&s, s.first, s.decimals, &b);
		buf_puts(&b, "..");
		scale_put(&s, s.high, s.decimals, &b);
		buf_puts(&b, " by ");
		scale_put(&s, s.step, s.decimals, &b);
		buf_printf(&b, " %s", s.unit);
		if (strcmp(buf_cstr(&b), cases[i].want) != 0)
			fail_msg("%zu: want %s, got %s", i, cases[i].want, buf_cstr(&b));
	}
	buf_fini(&b);
}

static void times_on_the_axis_are_round_where_the_site_is(void **state)
{
	static const struct {
		int64_t offset_s, span_s;
		int columns;
		const char *want;
	} cases[] = {
		{ 0, 300, 60, "03-29 00:01 00:02 00:03 00:04" },
		{ 0, 20, 60, "00:00:00 00:00:05 00:00:10 00:00:15" },
		/* 02:00 is skipped: the day has 23 hours */
		{ 0, 23 * 3600, 90, "03-29 03:00 06:00 09:00 12:00 15:00 18:00 21:00" },
		{ 0, 5 * 3600, 60, "03-29 01:00 03:00 04:00 05:00" },
		{ 5 * 3600 + 1234, 6 * 3600, 60, "07:00 08:00 09:00 10:00 11:00 12:00" },
		{ 0, 30 * 86400, 60, "04-01 04-06 04-11 04-16 04-21 04-26" },
		{ 0, 366 * 86400, 60, "2026-04 2026-07 2026-10 2027-01" },
		{ 0, INT64_C(3660) * 86400, 60, "2028 2030 2032 2034 2036" },
	};
	struct time_tick ticks[64];
	struct buf b;
	(void)state;

	buf_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		wall_t from = T0 + cases[i].offset_s * US_PER_S;
		size_t n = scale_times(from, from + cases[i].span_s * US_PER_S, cases[i].columns, &paris, ticks, 64);

		buf_clear(&b);
		for (size_t k = 0; k < n; k++)
			buf_printf(&b, "%s%s", k ? " " : "", ticks[k].label);
		if (strcmp(buf_cstr(&b), cases[i].want) != 0)
			fail_msg("%zu: want %s, got %s", i, cases[i].want, buf_cstr(&b));
	}
	buf_fini(&b);
}

static void any_size_and_any_values_are_drawn_within_bounds(void **state)
{
	static const int64_t odd[] = { 0, 1, -1, NUM_NONE, INT64_C(1000000000000000), -12600000, 5 };
	struct chart c = sample();
	struct chart_picture p;
	(void)state;

	for (int i = 0; i < COUNT; i++)
		values[0][i] = odd[(size_t)i % ARRAY_LEN(odd)];
	for (int width = -1; width < 120; width += 7) {
		for (int height = -1; height < 40; height += 3) {
			c.width = width;
			c.height = height;
			c.ascii = !c.ascii;
			chart_draw(&c, &p);
			assert_true(p.width >= CHART_WIDTH_MIN && p.height >= CHART_HEIGHT_MIN);
			chart_picture_fini(&p);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_phases_are_told_apart_without_colour),
		cmocka_unit_test(a_gap_is_drawn_as_a_gap),
		cmocka_unit_test(no_value_is_not_zero),
		cmocka_unit_test(a_peak_of_one_sample_is_seen_however_narrow_the_picture),
		cmocka_unit_test(negative_values_have_a_zero_line_and_large_ones_a_prefix),
		cmocka_unit_test(axes_have_round_numbers),
		cmocka_unit_test(times_on_the_axis_are_round_where_the_site_is),
		cmocka_unit_test(any_size_and_any_values_are_drawn_within_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
