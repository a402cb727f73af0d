/* The cell buffer: clipping, wide characters, text that must not steer a terminal, ASCII, colours.
 */
#include "lmstop_rig.h"

static const struct look utf8, ascii = { .ascii_glyphs = true, .ascii_text = true };

struct put_case {
	const char *text;
	int max;
	const char *shown, *in_ascii;
	int used;
};

static const struct put_case puts_[] = {
	{ "abc", 5, "abc", "abc", 3 },
	{ "abcdef", 5, "abcd…", "abcd~", 5 },
	{ "abcde", 5, "abcde", "abcde", 5 },
	{ "a", 0, "", "", 0 },
	{ "ab", 1, "…", "~", 1 },
	{ "é", 5, "é", "?", 1 },
	{ "充電器", 6, "充電器", "??????", 6 },
	{ "充電器", 5, "充電…", "????~", 5 },
	{ "充電器", 4, "充…", "??~", 3 },
	{ "e\u0301x", 5, "e\u0301x", "ex", 2 },
	{ "\033[31m", 10, "\\x1b[31m", "\\x1b[31m", 8 },
	{ "a\nb", 10, "a\\x0ab", "a\\x0ab", 6 },
	{ "\xff", 10, "\\xff", "\\xff", 4 },
	{ "\u202e", 10, "\\u{202E}", "\\u{202E}", 8 },
};

static void check_put(const struct put_case *p, const struct look *look, const char *want)
{
	struct canvas c;
	struct buf out;
	int used;

	buf_init(&out);
	canvas_init(&c, 12, 1, look);
	used = canvas_put(&c, 0, 0, p->max, STYLE_NORMAL, p->text);
	canvas_print(&c, false, &out);
	assert_int_equal(used, p->used);
	assert_int_equal(out.len, strlen(want) + 1);
	assert_memory_equal(buf_cstr(&out), want, strlen(want));
	canvas_fini(&c);
	buf_fini(&out);
}

static void test_text_is_cut_to_its_columns_and_made_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(puts_); i++) {
		check_put(&puts_[i], &utf8, puts_[i].shown);
		check_put(&puts_[i], &ascii, puts_[i].in_ascii);
	}
}

static void test_writing_outside_is_clipped(void **state)
{
	struct canvas c;
	struct buf out;

	(void)state;
	buf_init(&out);
	canvas_init(&c, 4, 2, &utf8);
	canvas_put(&c, 5, 0, 4, STYLE_NORMAL, "no");
	canvas_put(&c, -1, 0, 4, STYLE_NORMAL, "no");
	canvas_put(&c, 0, 9, 4, STYLE_NORMAL, "no");
	canvas_put(&c, 1, 2, 99, STYLE_NORMAL, "long");
	canvas_fill(&c, 0, 3, 10, STYLE_NORMAL, "x");
	canvas_box(&c, 1, 3, 9, 9, STYLE_NORMAL, "title");
	canvas_flag(&c, 0, -5, 50, CELL_OLD);
	canvas_print(&c, false, &out);
	assert_string_equal(buf_cstr(&out), "   x\n  l┌\n");
	canvas_fini(&c);
	buf_fini(&out);
}

static void test_half_of_a_wide_character_is_not_left(void **state)
{
	static const char *const want[] = { "x 電\n", " x電\n", "充x\n", "充 x\n" };

	(void)state;
	for (int x = 0; x < 4; x++) {
		struct canvas c;
		struct buf out;

		buf_init(&out);
		canvas_init(&c, 4, 1, &utf8);
		canvas_put(&c, 0, 0, 4, STYLE_NORMAL, "充電");
		canvas_put(&c, 0, x, 1, STYLE_NORMAL, "x");
		canvas_print(&c, false, &out);
		assert_string_equal(buf_cstr(&out), want[x]);
		canvas_fini(&c);
		buf_fini(&out);
	}
}

static void test_colours_are_set_per_run_and_ended_per_line(void **state)
{
	struct canvas c;
	struct buf out;

	(void)state;
	buf_init(&out);
	canvas_init(&c, 8, 1, &utf8);
	canvas_put(&c, 0, 0, 8, STYLE_OK, "ok");
	canvas_put(&c, 0, 2, 8, STYLE_BAD, "no");
	canvas_print(&c, true, &out);
	assert_string_equal(buf_cstr(&out), "\033[0;32mok\033[0;1;31mno\033[0m\n");
	buf_clear(&out);
	canvas_flag(&c, 0, 0, 8, CELL_OLD);
	canvas_print(&c, true, &out);
	assert_string_equal(buf_cstr(&out), "\033[0;2mok\033[0;2mno\033[0m\n");
	canvas_fini(&c);
	buf_fini(&out);
}

static void test_mono_uses_no_colour_at_all(void **state)
{
	(void)state;
	for (int s = 0; s < STYLE_COUNT; s++) {
		struct paint p = look_paint(THEME_MONO, (enum style)s);

		assert_int_equal(p.fg, COLOR_NONE);
		assert_int_equal(p.bg, COLOR_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_cut_to_its_columns_and_made_safe),
		cmocka_unit_test(test_writing_outside_is_clipped),
		cmocka_unit_test(test_half_of_a_wide_character_is_not_left),
		cmocka_unit_test(test_colours_are_set_per_run_and_ended_per_line),
		cmocka_unit_test(test_mono_uses_no_colour_at_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
