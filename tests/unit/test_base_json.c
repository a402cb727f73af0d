/* What the JSON reader accepts, what it refuses and where it says so; what the writer writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "base/types.h"

static struct json *parse(struct arena *a, const char *text, struct diag *d)
{
	diag_init(d);
	return json_parse(a, text, strlen(text), NULL, d);
}

static void well_formed_documents_come_back_as_they_were(void **state)
{
	static const struct {
		const char *text, *copy;
	} cases[] = {
		{ "null", "null" },
		{ " true ", "true" },
		{ "false", "false" },
		{ "0", "0" },
		{ "-12.50e+3", "-12.50e+3" },
		{ "123456789012345678901234567890", "123456789012345678901234567890" },
		{ "\"\"", "\"\"" },
		{ "\"a\\u00e9\\/\\b\\f\\n\\r\\t\\\\\\\"\"", "\"a\xc3\xa9/\\b\\f\\n\\r\\t\\\\\\\"\"" },
		{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "\"\\u0001\\u001f\\u007f\"", "\"\\u0001\\u001f\x7f\"" },
		{ "\"\\\\u0000\\\\ud800\"", "\"\\\\u0000\\\\ud800\"" },
		{ "[]", "[]" },
		{ "{}", "{}" },
		{ "[ 1 , [ ] , { } ]", "[1,[],{}]" },
		{ "{\"a\":{\"a\":[1,{\"a\":null}]},\"b\":\"\"}", "{\"a\":{\"a\":[1,{\"a\":null}]},\"b\":\"\"}" },
		{ "\n\t{\r\n\"\": 1}\n", "{\"\":1}" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json_writer w;
		struct arena a;
		struct diag d;
		struct buf b;
		struct json *j;

		arena_init(&a);
		buf_init(&b);
		j = parse(&a, cases[i].text, &d);
		if (!j)
			print_error("%s: %s\n", cases[i].text, d.text);
		assert_non_null(j);
		jw_init(&w, &b);
		jw_copy(&w, j);
		assert_string_equal(buf_cstr(&b), cases[i].copy);
		buf_fini(&b);
		arena_fini(&a);
	}
}

static void malformed_documents_are_refused_at_their_place(void **state)
{
	static const struct {
		const char *text;
		int err, line, column;	/* column 0: not compared */
		const char *words;
	} cases[] = {
		{ "", LMS_EPARSE, 1, 1, "" },
		{ "  \n ", LMS_EPARSE, 2, 0, "" },
		{ "{", LMS_EPARSE, 1, 2, "" },
		{ "[1,]", LMS_EPARSE, 1, 4, "" },
		{ "[1 2]", LMS_EPARSE, 1, 4, "" },
		{ "{\"a\" 1}", LMS_EPARSE, 1, 6, "" },
		{ "{\"a\":1,}", LMS_EPARSE, 1, 8, "" },
		{ "{1:2}", LMS_EPARSE, 1, 2, "" },
		{ "[1]]", LMS_EPARSE, 1, 4, "" },
		{ "[1] 2", LMS_EPARSE, 1, 0, "" },
		{ "{}{}", LMS_EPARSE, 1, 3, "" },
		{ "nul", LMS_EPARSE, 1, 0, "" },
		{ "nulll", LMS_EPARSE, 1, 0, "" },
		{ "True", LMS_EPARSE, 1, 0, "" },
		{ "'a'", LMS_EPARSE, 1, 0, "" },
		{ "01", LMS_EPARSE, 1, 0, "" },
		{ "-", LMS_EPARSE, 1, 0, "" },
		{ "+1", LMS_EPARSE, 1, 0, "" },
		{ ".5", LMS_EPARSE, 1, 0, "" },
		{ "1.", LMS_EPARSE, 1, 0, "" },
		{ "1e", LMS_EPARSE, 1, 0, "" },
		{ "1e+", LMS_EPARSE, 1, 0, "" },
		{ "0x10", LMS_EPARSE, 1, 0, "" },
		{ "NaN", LMS_EPARSE, 1, 0, "" },
		{ "Infinity", LMS_EPARSE, 1, 0, "" },
		{ "/* no */ 1", LMS_EPARSE, 1, 0, "" },
		{ "\"a", LMS_EPARSE, 1, 3, "" },
		{ "\"a\nb\"", LMS_EPARSE, 1, 0, "" },
		{ "\"\t\"", LMS_EPARSE, 1, 0, "" },
		{ "\"\\x\"", LMS_EPARSE, 1, 0, "" },
		{ "\"\\u12g4\"", LMS_EPARSE, 1, 0, "" },
		{ "\"\\u12", LMS_EPARSE, 1, 0, "" },
		{ "\"\\", LMS_EPARSE, 1, 0, "" },
		{ "\"\\u0000\"", LMS_EPARSE, 1, 2, "NUL" },
		{ "{\"a\\u0000b\":1}", LMS_EPARSE, 1, 4, "NUL" },
		{ "[1,\n\"\\\\\\u0000\"]", LMS_EPARSE, 2, 4, "NUL" },
		{ "\"\\ud800\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\\udc00\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\\ud800\\u0041\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\\ud800\\ud800\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\\udc00\\ud800\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\\uD83D\\n\"", LMS_EPARSE, 1, 2, "surrogate" },
		{ "\"\xc0\x80\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"\xc1\xbf\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"\xe0\x80\xaf\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"\xed\xa0\x80\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"\xf8\x88\x80\x80\x80\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\"abcdefgh\xe2\x82\"", LMS_EPARSE, 1, 10, "UTF-8" },
		{ "\"\x80\"", LMS_EPARSE, 1, 2, "UTF-8" },
		{ "\xef\xbb\xbf{}", LMS_EPARSE, 1, 0, "" },
		{ "{\"a\":1,\"a\":2}", LMS_EPARSE, 1, 10, "twice: a" },
		{ "{\"a\":1,\n\"b\":{\"x\":1,\"y\":2,\"x\":[]}}", LMS_EPARSE, 2, 0, "twice: x" },
		{ "{\"a\":1,\"\\u0061\":2}", LMS_EPARSE, 1, 0, "twice: a" },
		{ "{\"\":1,\"\":2}", LMS_EPARSE, 1, 0, "twice" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct diag d;

		arena_init(&a);
		assert_null(parse(&a, cases[i].text, &d));
		if (d.err != -cases[i].err || d.line != cases[i].line ||
		    (cases[i].column && d.column != cases[i].column) || !strstr(d.text, cases[i].words))
			fail_msg("%s: %d at %d:%d: %s", cases[i].text, d.err, d.line, d.column, d.text);
		assert_true(d.column > 0);
		assert_true(strlen(d.text) > 0);
		arena_fini(&a);
	}
}

static void a_nul_byte_in_the_text_is_refused(void **state)
{
	static const char *const texts[] = { "[1]\0", "\"a\0b\"", "\0[1]" };
	static const size_t lens[] = { 4, 5, 4 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena a;
		struct diag d;

		arena_init(&a);
		diag_init(&d);
		assert_null(json_parse(&a, texts[i], lens[i], NULL, &d));
		assert_int_equal(d.err, -LMS_EPARSE);
		arena_fini(&a);
	}
}

static void nest(char *text, int depth, bool objects)
{
	for (int i = 0; i < depth; i++)
		text = stpcpy(text, objects ? "{\"k\":" : "[");
	text = stpcpy(text, objects ? "1" : "");
	for (int i = 0; i < depth; i++)
		text = stpcpy(text, objects ? "}" : "]");
}

static void nesting_ends_at_the_cap(void **state)
{
	char text[2000];
	struct arena a;
	struct diag d;
	(void)state;

	arena_init(&a);
	for (int objects = 0; objects < 2; objects++) {
		nest(text, 32, objects);
		assert_non_null(parse(&a, text, &d));
		nest(text, 33, objects);
		assert_null(parse(&a, text, &d));
		assert_int_equal(d.err, -LMS_ERANGE);
		assert_int_equal(d.column, objects ? 32 * 5 + 1 : 33);
	}
	arena_fini(&a);
}

static void a_million_brackets_do_no_harm(void **state)
{
	const size_t len = 1024 * 1024;
	char *text = malloc(len);
	struct json_caps caps = { .max_bytes = len, .max_depth = 1000000 };
	struct arena a;
	struct diag d;
	(void)state;

	assert_non_null(text);
	memset(text, '[', len);
	arena_init(&a);
	diag_init(&d);
	assert_null(json_parse(&a, text, len, &caps, &d));
	assert_int_equal(d.err, -LMS_ERANGE);
	arena_fini(&a);
	free(text);
}

static void size_ends_at_the_cap(void **state)
{
	struct json_caps caps = { .max_bytes = 4, .max_depth = 4 };
	struct arena a;
	struct diag d;
	(void)state;

	arena_init(&a);
	diag_init(&d);
	assert_non_null(json_parse(&a, "[10]", 4, &caps, &d));
	assert_null(json_parse(&a, "[100]", 5, &caps, &d));
	assert_int_equal(d.err, -LMS_ERANGE);
	arena_fini(&a);
}

static void a_small_arena_fails_the_parse_and_nothing_else(void **state)
{
	const char *text = "{\"a\":[1,2,3,{\"b\":\"\\u00e9 long enough to need a buffer\"}],\"c\":null}";
	(void)state;

	for (size_t budget = 1; budget < 3000; budget += 16) {
		struct arena a;
		struct diag d;
		struct json *j;

		arena_init_budget(&a, budget);
		j = parse(&a, text, &d);
		if (budget < 500)
			assert_null(j);
		if (budget > 2500)
			assert_non_null(j);
		if (!j)
			assert_int_equal(d.err, -LMS_ERANGE);
		arena_fini(&a);
	}
}

/* Twenty thousand members, then one again: sorted, this takes milliseconds. */
static void large_objects_are_searched_for_repeated_members(void **state)
{
	struct arena a;
	struct diag d;
	struct buf b;
	(void)state;

	arena_init(&a);
	buf_init(&b);
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, "%s\"member-%d\":%d", i ? "," : "{", i, i);
	buf_putc(&b, '}');
	assert_non_null(parse(&a, buf_cstr(&b), &d));
	b.len--;
	buf_puts(&b, ",\"member-7\":0}");
	assert_null(parse(&a, buf_cstr(&b), &d));
	assert_non_null(strstr(d.text, "twice: member-7"));
	buf_fini(&b);
	arena_fini(&a);
}

static void every_place_of_a_repeated_member_is_seen(void **state)
{
	(void)state;

	for (int count = 2; count < 40; count++) {
		for (int twin = 0; twin + 1 < count; twin++) {
			struct arena a;
			struct diag d;
			struct buf b;

			arena_init(&a);
			buf_init(&b);
			for (int i = 0; i < count; i++)
				buf_printf(&b, "%s\"k%d\":1", i ? "," : "{", i + 1 < count ? i : twin);
			buf_putc(&b, '}');
			assert_null(parse(&a, buf_cstr(&b), &d));
			assert_int_equal(d.err, -LMS_EPARSE);
			buf_fini(&b);
			arena_fini(&a);
		}
	}
}

static void raw_holds_the_exact_bytes_of_arrays_and_objects(void **state)
{
	const char *text = " [2 , \"id\\n\", {\"x\" : [1,\t2 ] , \"s\":\"]}\\\"\\u00e9\"} , [ ],{}] ";
	static const struct {
		size_t index;
		const char *raw;
	} cases[] = {
		{ 2, "{\"x\" : [1,\t2 ] , \"s\":\"]}\\\"\\u00e9\"}" },
		{ 3, "[ ]" },
		{ 4, "{}" },
	};
	const struct json *root, *x;
	struct arena a;
	struct diag d;
	(void)state;

	arena_init(&a);
	root = parse(&a, text, &d);
	assert_non_null(root);
	assert_ptr_equal(root->raw, text + 1);
	assert_int_equal(root->raw_len, strlen(text) - 2);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct json *j = json_at(root, cases[i].index);

		assert_int_equal(j->raw_len, strlen(cases[i].raw));
		assert_memory_equal(j->raw, cases[i].raw, j->raw_len);
	}
	x = json_get(json_at(root, 2), "x");
	assert_int_equal(x->raw_len, 7);
	assert_memory_equal(x->raw, "[1,\t2 ]", 7);
	arena_fini(&a);
}

static void lookups_take_whatever_they_are_given(void **state)
{
	struct arena a;
	struct diag d;
	const struct json *j;
	int64_t v = 77;
	(void)state;

	arena_init(&a);
	j = parse(&a, "{\"s\":\"x\",\"n\":5,\"b\":true,\"a\":[1,2]}", &d);
	assert_string_equal(json_str(json_get(j, "s"), "-"), "x");
	assert_string_equal(json_str(json_get(j, "n"), "-"), "-");
	assert_null(json_str(json_get(j, "none"), NULL));
	assert_true(json_bool(json_get(j, "b"), false));
	assert_true(json_bool(json_get(j, "s"), true));
	assert_int_equal(json_get(j, "a")->count, 2);
	assert_null(json_at(json_get(j, "a"), 2));
	assert_null(json_at(j, 0));
	assert_null(json_get(json_get(j, "a"), "s"));
	assert_null(json_get(NULL, "s"));
	assert_null(json_at(NULL, 0));
	assert_int_equal(json_int(NULL, &v), -LMS_EDATA);
	assert_int_equal(json_int(json_get(j, "s"), &v), -LMS_EDATA);
	assert_int_equal(json_fixed(json_get(j, "b"), 1, &v), -LMS_EDATA);
	assert_int_equal(v, 77);
	arena_fini(&a);
}

static void integers_are_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "-0.0e5", 0, 0 },
		{ "1e3", 0, 1000 },
		{ "2.0", 0, 2 },
		{ "2.50e1", 0, 25 },
		{ "10e-1", 0, 1 },
		{ "120000e-4", 0, 12 },
		{ "-5", 0, -5 },
		{ "0e999999999999", 0, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775807", 0, -INT64_MAX },
		{ "9007199254740993", 0, 9007199254740993 },
		{ "922337203685477580.7e1", 0, INT64_MAX },
		{ "1.5", -LMS_EDATA, 0 },
		{ "1e-1", -LMS_EDATA, 0 },
		{ "0.1", -LMS_EDATA, 0 },
		{ "9223372036854775808", -LMS_EDATA, 0 },
		{ "1e30", -LMS_EDATA, 0 },
		{ "1e999999999999999999999", -LMS_EDATA, 0 },
		{ "1e-999999999999999999999", -LMS_EDATA, 0 },
		{ "\"5\"", -LMS_EDATA, 0 },
		{ "true", -LMS_EDATA, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct diag d;
		int64_t v = 0;

		arena_init(&a);
		if (json_int(parse(&a, cases[i].text, &d), &v) != cases[i].ret || v != cases[i].value)
			fail_msg("%s gave %lld", cases[i].text, (long long)v);
		arena_fini(&a);
	}
}

static void decimals_scale_and_round_half_away_from_zero(void **state)
{
	static const struct {
		const char *text;
		int64_t scale;
		int ret;
		int64_t value;
	} cases[] = {
		{ "16.72", 1000, 0, 16720 },
		{ "16.7245", 1000, 0, 16725 },
		{ "16.72449999999", 1000, 0, 16724 },
		{ "-16.7245", 1000, 0, -16725 },
		{ "-16.7244", 1000, 0, -16724 },
		{ "0.5", 1, 0, 1 },
		{ "-0.5", 1, 0, -1 },
		{ "0.49999999999999999999", 1, 0, 0 },
		{ "0.05", 1, 0, 0 },
		{ "9.5", 1, 0, 10 },
		{ "99.95", 10, 0, 1000 },
		{ " 230 ", 1000, 0, 230000 },
		{ "\t1\r\n", 1, 0, 1 },
		{ "+5", 1, 0, 5 },
		{ ".5", 10, 0, 5 },
		{ "5.", 10, 0, 50 },
		{ "007", 1, 0, 7 },
		{ "1e3", 1, 0, 1000 },
		{ "1.2345E2", 1000, 0, 123450 },
		{ "12345e-2", 1, 0, 123 },
		{ "12355e-1", 1, 0, 1236 },
		{ "1e-400", 1000, 0, 0 },
		{ "0e400", 1000, 0, 0 },
		{ "0.000", 1000, 0, 0 },
		{ "000000000000000000000000000000.000000000000000000000000000005e29", 1, 0, 1 },
		{ "9223372036854775807", 1, 0, INT64_MAX },
		{ "9223372036854775.807", 1000, 0, INT64_MAX },
		{ "9223372036854775.8074", 1000, 0, INT64_MAX },
		{ "9223372036854775807.5", 1, -LMS_ERANGE, 0 },
		{ "9223372036854775.808", 1000, -LMS_ERANGE, 0 },
		{ "1e19", 1, -LMS_ERANGE, 0 },
		{ "1e999999999999999999", 1, -LMS_ERANGE, 0 },
		{ "", 1, -LMS_EDATA, 0 },
		{ "  ", 1, -LMS_EDATA, 0 },
		{ "NaN", 1, -LMS_EDATA, 0 },
		{ "inf", 1, -LMS_EDATA, 0 },
		{ "-", 1, -LMS_EDATA, 0 },
		{ ".", 1, -LMS_EDATA, 0 },
		{ "+-1", 1, -LMS_EDATA, 0 },
		{ "1 2", 1, -LMS_EDATA, 0 },
		{ "1,5", 1, -LMS_EDATA, 0 },
		{ "1.2.3", 1, -LMS_EDATA, 0 },
		{ "e5", 1, -LMS_EDATA, 0 },
		{ "1e", 1, -LMS_EDATA, 0 },
		{ "1e+", 1, -LMS_EDATA, 0 },
		{ "1e5x", 1, -LMS_EDATA, 0 },
		{ "0x10", 1, -LMS_EDATA, 0 },
		{ "12A", 1, -LMS_EDATA, 0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 0;
		int ret = text_fixed(cases[i].text, strlen(cases[i].text), cases[i].scale, &v);

		if (ret != cases[i].ret || (ret == 0 && v != cases[i].value))
			fail_msg("'%s' at %lld gave %d, %lld", cases[i].text, (long long)cases[i].scale, ret,
				 (long long)v);
	}
}

static void decimals_are_read_from_numbers_and_strings(void **state)
{
	const struct json *j;
	struct arena a;
	struct diag d;
	int64_t v;
	(void)state;

	arena_init(&a);
	j = parse(&a, "[16.72,\" 16.72 \",\"x\",null]", &d);
	assert_int_equal(json_fixed(json_at(j, 0), 1000, &v), 0);
	assert_int_equal(v, 16720);
	assert_int_equal(json_fixed(json_at(j, 1), 1000, &v), 0);
	assert_int_equal(v, 16720);
	assert_int_equal(json_fixed(json_at(j, 2), 1000, &v), -LMS_EDATA);
	assert_int_equal(json_fixed(json_at(j, 3), 1000, &v), -LMS_EDATA);
	arena_fini(&a);
}

static void the_writer_places_commas_and_escapes(void **state)
{
	struct json_writer w;
	struct buf b;
	(void)state;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "s", "a\"\\/\x01\n\x7f");
	jw_kstr(&w, "none", NULL);
	jw_kint(&w, "n", -5);
	jw_kint(&w, "absent", NUM_NONE);
	jw_kbool(&w, "b", true);
	jw_key(&w, "a");
	jw_array(&w);
	jw_array(&w);
	jw_array_end(&w);
	jw_object(&w);
	jw_object_end(&w);
	jw_null(&w);
	jw_raw(&w, "{\"r\":1}", 7);
	jw_strn(&w, "\xff" "a\xc3", 3);
	jw_strn(&w, "\xed\xa0\x80", 3);
	jw_strn(&w, "\0", 1);
	jw_array_end(&w);
	jw_object_end(&w);
	assert_false(b.failed);
	assert_string_equal(buf_cstr(&b),
			    "{\"s\":\"a\\\"\\\\/\\u0001\\n\x7f\",\"none\":null,\"n\":-5,\"absent\":null,"
			    "\"b\":true,\"a\":[[],{},null,{\"r\":1},\"\xef\xbf\xbd" "a\xef\xbf\xbd\","
			    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"\\u0000\"]}");
	buf_fini(&b);
}

static void fixed_numbers_are_written_without_idle_zeros(void **state)
{
	static const struct {
		int64_t v, scale;
		const char *text;
	} cases[] = {
		{ 16700, 1000, "16.7" },
		{ 16720, 1000, "16.72" },
		{ 16000, 1000, "16" },
		{ 5, 1000, "0.005" },
		{ -5, 1000, "-0.005" },
		{ -16050, 1000, "-16.05" },
		{ 0, 1000, "0" },
		{ 7, 1, "7" },
		{ INT64_MAX, 1000, "9223372036854775.807" },
		{ NUM_NONE, 1000, "null" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json_writer w;
		struct buf b;

		buf_init(&b);
		jw_init(&w, &b);
		jw_fixed(&w, cases[i].v, cases[i].scale);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		buf_fini(&b);
	}
}

static void writing_too_deep_fails_the_buffer(void **state)
{
	struct json_writer w;
	struct buf b;
	(void)state;

	buf_init(&b);
	jw_init(&w, &b);
	for (int i = 0; i < 100; i++)
		jw_array(&w);
	for (int i = 0; i < 100; i++)
		jw_array_end(&w);
	assert_true(b.failed);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_documents_come_back_as_they_were),
		cmocka_unit_test(malformed_documents_are_refused_at_their_place),
		cmocka_unit_test(a_nul_byte_in_the_text_is_refused),
		cmocka_unit_test(nesting_ends_at_the_cap),
		cmocka_unit_test(a_million_brackets_do_no_harm),
		cmocka_unit_test(size_ends_at_the_cap),
		cmocka_unit_test(a_small_arena_fails_the_parse_and_nothing_else),
		cmocka_unit_test(large_objects_are_searched_for_repeated_members),
		cmocka_unit_test(every_place_of_a_repeated_member_is_seen),
		cmocka_unit_test(raw_holds_the_exact_bytes_of_arrays_and_objects),
		cmocka_unit_test(lookups_take_whatever_they_are_given),
		cmocka_unit_test(integers_are_exact_or_refused),
		cmocka_unit_test(decimals_scale_and_round_half_away_from_zero),
		cmocka_unit_test(decimals_are_read_from_numbers_and_strings),
		cmocka_unit_test(the_writer_places_commas_and_escapes),
		cmocka_unit_test(fixed_numbers_are_written_without_idle_zeros),
		cmocka_unit_test(writing_too_deep_fails_the_buffer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
