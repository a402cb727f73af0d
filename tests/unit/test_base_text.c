/* Quantities, identities, UTF-8 and suggestions, as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"

typedef int (*parse_fn)(const char *s, int64_t *out, struct diag *d);
typedef void (*format_fn)(struct buf *b, int64_t v);

struct parse_case {
	parse_fn parse;
	const char *text;
	int ret;
	int64_t value;
};

#define S(n) ((n) * US_PER_S)

static const struct parse_case parse_cases[] = {
	{ parse_ma, "60", 0, 60000 },
	{ parse_ma, "16.5A", 0, 16500 },
	{ parse_ma, " 16.5 a ", 0, 16500 },
	{ parse_ma, "250 mA", 0, 250 },
	{ parse_ma, "250MA", 0, 250 },
	{ parse_ma, "1.2kA", 0, 1200000 },
	{ parse_ma, "0", 0, 0 },
	{ parse_ma, "0.0004", 0, 0 },
	{ parse_ma, "6300", 0, LIMIT_MAX_MA },
	{ parse_ma, "6300.001", -LMS_ERANGE, 0 },
	{ parse_ma, "-1", -LMS_ERANGE, 0 },
	{ parse_ma, "99999999999999999999", -LMS_ERANGE, 0 },
	{ parse_ma, "", -LMS_EDATA, 0 },
	{ parse_ma, "A", -LMS_EDATA, 0 },
	{ parse_ma, "30x", -LMS_EDATA, 0 },
	{ parse_ma, "30AA", -LMS_EDATA, 0 },
	{ parse_ma, "30 W", -LMS_EDATA, 0 },
	{ parse_ma, "3 0", -LMS_EDATA, 0 },
	{ parse_ma, "1e3", -LMS_EDATA, 0 },
	{ parse_ma, "NaN", -LMS_EDATA, 0 },
	{ parse_ma, "1,5", -LMS_EDATA, 0 },
	{ parse_w, "11000", 0, 11000 },
	{ parse_w, "11kW", 0, 11000 },
	{ parse_w, "1.25 MW", 0, 1250000 },
	{ parse_w, "11 kWh", -LMS_EDATA, 0 },
	{ parse_wh, "500", 0, 500 },
	{ parse_wh, "20kWh", 0, 20000 },
	{ parse_wh, "3.1 gwh", 0, 3100000000 },
	{ parse_wh, " -5.5 kWh", 0, -5500 },
	{ parse_wh, "--5", -LMS_ERANGE, 0 },
	{ parse_wh, "-", -LMS_EDATA, 0 },
	{ parse_wh, "20kW", -LMS_EDATA, 0 },
	{ parse_span_us, "90s", 0, S(90) },
	{ parse_span_us, "90", 0, S(90) },
	{ parse_span_us, "5m", 0, S(300) },
	{ parse_span_us, "2h", 0, S(7200) },
	{ parse_span_us, "1h30m", 0, S(5400) },
	{ parse_span_us, "5 m 03 s", 0, S(303) },
	{ parse_span_us, "7d", 0, S(604800) },
	{ parse_span_us, "2W", 0, S(1209600) },
	{ parse_span_us, "1.5h", 0, S(5400) },
	{ parse_span_us, "0.25s", 0, 250000 },
	{ parse_span_us, "250ms", 0, 250000 },
	{ parse_span_us, "7us", 0, 7 },
	{ parse_span_us, "0", 0, 0 },
	{ parse_span_us, "", -LMS_EDATA, 0 },
	{ parse_span_us, "h", -LMS_EDATA, 0 },
	{ parse_span_us, "1h30", -LMS_EDATA, 0 },
	{ parse_span_us, "30 1h", -LMS_EDATA, 0 },
	{ parse_span_us, "5 parsecs", -LMS_EDATA, 0 },
	{ parse_span_us, "-5m", -LMS_ERANGE, 0 },
	{ parse_span_us, "999999999999d", -LMS_ERANGE, 0 },
	{ parse_span_us, "100000000d 100000000d", -LMS_ERANGE, 0 },
	{ parse_permille, "20%", 0, 200 },
	{ parse_permille, "20 %", 0, 200 },
	{ parse_permille, "0.2", 0, 200 },
	{ parse_permille, "12.5%", 0, 125 },
	{ parse_permille, "100%", 0, 1000 },
	{ parse_permille, "1", 0, 1000 },
	{ parse_permille, "20", -LMS_ERANGE, 0 },
	{ parse_permille, "-1%", -LMS_ERANGE, 0 },
	{ parse_permille, "%", -LMS_EDATA, 0 },
};

static void quantities_are_read_with_their_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		int64_t v = 0;
		struct diag d;

		diag_init(&d);
		if (c->parse(c->text, &v, &d) != c->ret || v != c->value || d.err != c->ret)
			fail_msg("'%s' gave %lld (%s)", c->text, (long long)v, d.text);
		/* Without a diag the answer is the same. */
		assert_int_equal(c->parse(c->text, &v, NULL), c->ret);
	}
}

static void a_complaint_names_the_text_and_the_remedy(void **state)
{
	struct phase_ma p;
	struct diag d;
	int64_t v;
	(void)state;

	diag_init(&d);
	parse_ma("30x", &v, &d);
	assert_string_equal(d.text, "'30x' is not a current (write 30 or 30A, 6300A at most)");
	diag_init(&d);
	parse_ma("\x1b[31m", &v, &d);
	assert_string_equal(d.text, "'\\x1b[31m' is not a current (write 30 or 30A, 6300A at most)");
	diag_init(&d);
	parse_phase_ma("20,x,20", &p, &d);
	assert_non_null(strstr(d.text, "write 60, 20,16,20 or 20,-,- in A"));
}

static void currents_per_phase_are_one_or_three(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t l[PHASES];
	} cases[] = {
		{ "60", 0, { 60000, 60000, 60000 } },
		{ "20,16,20", 0, { 20000, 16000, 20000 } },
		{ " 20 A, 16A ,0.5 ", 0, { 20000, 16000, 500 } },
		{ "20/16/20 A", 0, { 20000, 16000, 20000 } },
		{ "20,-,-", 0, { 20000, NUM_NONE, NUM_NONE } },
		{ "-, - ,7", 0, { NUM_NONE, NUM_NONE, 7000 } },
		{ "-,-,-", -LMS_EDATA, { 0 } },
		{ "-", -LMS_EDATA, { 0 } },
		{ "20,16", -LMS_EDATA, { 0 } },
		{ "20,16,", -LMS_EDATA, { 0 } },
		{ "20,16,20,1", -LMS_EDATA, { 0 } },
		{ "", -LMS_EDATA, { 0 } },
		{ "20,9999,20", -LMS_ERANGE, { 0 } },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct phase_ma p = { { 0 } };
		struct diag d;

		diag_init(&d);
		if (parse_phase_ma(cases[i].text, &p, &d) != cases[i].ret ||
		    memcmp(p.l, cases[i].l, sizeof(p.l)) != 0)
			fail_msg("'%s': %s", cases[i].text, d.text);
	}
}

static void yes_and_no_have_four_spellings(void **state)
{
	static const struct {
		const char *text;
		int ret;
		bool value;
	} cases[] = {
		{ "yes", 0, true },    { "NO", 0, false },	    { "True", 0, true },
		{ "false", 0, false }, { " on ", 0, true },	    { "off", 0, false },
		{ "1", 0, true },      { "0", 0, false },	    { "", -LMS_EDATA, false },
		{ "y", -LMS_EDATA, false }, { "yess", -LMS_EDATA, false }, { "2", -LMS_EDATA, false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool v = false;

		assert_int_equal(parse_bool(cases[i].text, &v, NULL), cases[i].ret);
		assert_int_equal(v, cases[i].value);
	}
}

static void whole_numbers_keep_to_their_range(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t value;
	} cases[] = {
		{ "5", 0, 5 },		       { " -10 ", 0, -10 },	   { "+7", 0, 7 },
		{ "10", 0, 10 },	       { "11", -LMS_ERANGE, 0 },   { "-11", -LMS_ERANGE, 0 },
		{ "1.0", -LMS_EDATA, 0 },      { "1e1", -LMS_EDATA, 0 },   { "", -LMS_EDATA, 0 },
		{ "-", -LMS_EDATA, 0 },	       { "5x", -LMS_EDATA, 0 },	   { "--5", -LMS_EDATA, 0 },
		{ "99999999999999999999", -LMS_ERANGE, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 0;

		assert_int_equal(parse_int(cases[i].text, -10, 10, &v, NULL), cases[i].ret);
		assert_int_equal(v, cases[i].value);
	}
}

static void quantities_are_written_for_people(void **state)
{
	static const struct {
		format_fn format;
		int64_t v;
		const char *text;
	} cases[] = {
		{ fmt_ma, 16700, "16.7 A" },
		{ fmt_ma, 20000, "20 A" },
		{ fmt_ma, 16649, "16.6 A" },
		{ fmt_ma, 16650, "16.7 A" },
		{ fmt_ma, -16650, "-16.7 A" },
		{ fmt_ma, 19960, "20 A" },
		{ fmt_ma, 0, "0 A" },
		{ fmt_ma, -49, "0 A" },
		{ fmt_ma, NUM_NONE, "-" },
		{ fmt_w, 0, "0 W" },
		{ fmt_w, 850, "850 W" },
		{ fmt_w, 999, "999 W" },
		{ fmt_w, 1000, "1.0 kW" },
		{ fmt_w, 11000, "11.0 kW" },
		{ fmt_w, -11049, "-11.0 kW" },
		{ fmt_w, 11050, "11.1 kW" },
		{ fmt_w, 999949, "999.9 kW" },
		{ fmt_w, 999950, "1.00 MW" },
		{ fmt_w, 1250000, "1.25 MW" },
		{ fmt_w, NUM_NONE, "-" },
		{ fmt_wh, 850, "850 Wh" },
		{ fmt_wh, 12340, "12.34 kWh" },
		{ fmt_wh, 1250000, "1.250 MWh" },
		{ fmt_wh, 3125499999, "3.125 GWh" },
		{ fmt_wh, INT64_MAX, "9223372036.855 GWh" },
		{ fmt_wh, NUM_NONE, "-" },
		{ fmt_span, 0, "0 s" },
		{ fmt_span, S(12) + 999999, "12 s" },
		{ fmt_span, S(303), "5 m 03 s" },
		{ fmt_span, S(7440), "2 h 04 m" },
		{ fmt_span, S(266400), "3 d 02 h" },
		{ fmt_span, -S(12), "-12 s" },
		{ fmt_span, -1, "0 s" },
		{ fmt_span, NUM_NONE, "-" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;

		buf_init(&b);
		cases[i].format(&b, cases[i].v);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		buf_fini(&b);
	}
}

static void equal_phases_are_written_once(void **state)
{
	static const struct {
		struct phase_ma p;
		const char *text;
	} cases[] = {
		{ { { 16700, 16700, 16700 } }, "16.7 A" },
		{ { { 20000, 16000, 20000 } }, "20/16/20 A" },
		{ { { 20000, NUM_NONE, NUM_NONE } }, "20/-/- A" },
		{ { { NUM_NONE, NUM_NONE, NUM_NONE } }, "-" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct phase_ma back;
		struct buf b;

		buf_init(&b);
		fmt_phase_ma(&b, &cases[i].p);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		if (strcmp(cases[i].text, "-") != 0) {
			assert_int_equal(parse_phase_ma(buf_cstr(&b), &back, NULL), 0);
			assert_memory_equal(&back, &cases[i].p, sizeof(back));
		}
		buf_fini(&b);
	}
}

static void identities_are_checked(void **state)
{
	static const struct {
		const char *id;
		bool good;
	} cases[] = {
		{ "P1", true },
		{ "a", true },
		{ "Level -1 | east.*+=@:_|", true },
		{ "123456789012345678901234567890123456789012345678", true },
		{ "1234567890123456789012345678901234567890123456789", false },
		{ "", false },
		{ " a", false },
		{ "a ", false },
		{ "a/b", false },
		{ "a\tb", false },
		{ "\xc3\xa9", false },
		{ "a\"b", false },
		{ "a,b", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d;

		diag_init(&d);
		if (id_check(cases[i].id, "a zone's name", &d) != (cases[i].good ? 0 : -LMS_EDATA))
			fail_msg("'%s': %s", cases[i].id, d.text);
		assert_int_equal(diag_failed(&d), !cases[i].good);
	}
}

static void text_is_made_safe_to_print(void **state)
{
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{ "plain \xc3\xa9\xe2\x82\xac", "plain \xc3\xa9\xe2\x82\xac" },
		{ "\x1b[31mred", "\\x1b[31mred" },
		{ "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
		{ "\xc2\x9b" "31m", "\\u{009B}31m" },
		{ "\xe2\x80\xae" "abc", "\\u{202E}abc" },
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}" },
		{ "\xd8\x9c\xe2\x80\x8f\xe2\x80\xa8\xef\xbb\xbf", "\\u{061C}\\u{200F}\\u{2028}\\u{FEFF}" },
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xc0\x80", "\\xc0\\x80" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	};
	struct buf b;
	(void)state;

	buf_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&b);
		text_escape(&b, cases[i].text, strlen(cases[i].text));
		assert_string_equal(buf_cstr(&b), cases[i].safe);
	}
	buf_clear(&b);
	text_escape(&b, "a\0b", 3);
	assert_string_equal(buf_cstr(&b), "a\\x00b");
	buf_fini(&b);
}

static void utf8_is_taken_strictly(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{ "", true },
		{ "ascii, more than eight bytes", true },
		{ "\xc2\x80", true },
		{ "\xdf\xbf", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xee\x80\x80", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "12345678\xc3\xa9", true },
		{ "\x80", false },
		{ "\xc0\xaf", false },
		{ "\xc1\xbf", false },
		{ "\xc3", false },
		{ "\xc3(", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xed\xa0\x80", false },
		{ "\xed\xbf\xbf", false },
		{ "\xe2\x82", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xfe", false },
		{ "1234567\xe2\x82", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (utf8_valid(cases[i].text, strlen(cases[i].text)) != cases[i].valid)
			fail_msg("case %zu", i);
	}
}

static void columns_count_wide_and_combining_characters(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "\xc3\xa9t\xc3\xa9", 3 },
		{ "e\xcc\x81", 1 },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 4 },
		{ "\xef\xbd\xb1", 1 },
		{ "\xf0\x9f\x98\x80", 2 },
		{ "\xe2\x9a\xa1", 2 },
		{ "\xe2\x94\x80\xe2\x96\x88", 2 },
		{ "a\xe2\x80\x8b" "b", 2 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_width(cases[i].text), cases[i].width);
}

static void the_nearest_word_is_suggested(void **state)
{
	static const char *const words[] = { "station", "zone", "meter", "transaction", "tag", "id" };
	static const struct {
		const char *typed, *nearest;
	} cases[] = {
		{ "staton", "station" },   { "sattion", "station" }, { "STATION", "station" },
		{ "zones", "zone" },	   { "metre", "meter" },     { "transation", "transaction" },
		{ "tga", "tag" },	   { "xyz", NULL },	     { "", NULL },
		{ "q", NULL },
	};
	char long_word[300];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *nearest = text_nearest(cases[i].typed, words, ARRAY_LEN(words));

		if (!cases[i].nearest != !nearest || (nearest && strcmp(nearest, cases[i].nearest) != 0))
			fail_msg("'%s' gave '%s'", cases[i].typed, nearest ? nearest : "nothing");
	}
	memset(long_word, 'a', sizeof(long_word));
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(text_nearest(long_word, words, ARRAY_LEN(words)));
	assert_null(text_nearest("zone", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantities_are_read_with_their_units),
		cmocka_unit_test(a_complaint_names_the_text_and_the_remedy),
		cmocka_unit_test(currents_per_phase_are_one_or_three),
		cmocka_unit_test(yes_and_no_have_four_spellings),
		cmocka_unit_test(whole_numbers_keep_to_their_range),
		cmocka_unit_test(quantities_are_written_for_people),
		cmocka_unit_test(equal_phases_are_written_once),
		cmocka_unit_test(identities_are_checked),
		cmocka_unit_test(text_is_made_safe_to_print),
		cmocka_unit_test(utf8_is_taken_strictly),
		cmocka_unit_test(columns_count_wide_and_combining_characters),
		cmocka_unit_test(the_nearest_word_is_suggested),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
