/* Field tables: human quantities and raw numbers, null, wrong types, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ctl/ctl.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static const struct ctl_noun_desc *zone(void)
{
	return &ctl_nouns[CTL_NOUN_zone];
}

static int read_zone(const char *text, bool strict, struct ctl_zone_keys *out, struct diag *diag)
{
	struct json *j = json_parse(&arena, text, strlen(text), &JSON_CAPS_DEFAULT, diag);

	assert_non_null(j);
	return fields_read(zone()->keys, zone()->key_count, j, strict, &arena, out, &out->given,
			   diag);
}

static int key_index(const char *name)
{
	return (int)(field_find(zone()->keys, zone()->key_count, name, NULL) - zone()->keys);
}

#define NONE NUM_NONE

struct quantity_case {
	const char *json, *key;
	int64_t l1, l2, l3;	/* l2 and l3 only of PHASE_MA */
};

static const struct quantity_case quantities[] = {
	{ "{\"fuse\":\"125 A\"}", "fuse", 125000, 0, 0 },
	{ "{\"fuse\":\"125\"}", "fuse", 125000, 0, 0 },
	{ "{\"fuse\":125}", "fuse", 125000, 0, 0 },
	{ "{\"fuse\":16.5}", "fuse", 16500, 0, 0 },
	{ "{\"fuse\":\"250mA\"}", "fuse", 250, 0, 0 },
	{ "{\"fuse_ma\":125000}", "fuse", 125000, 0, 0 },
	{ "{\"fuse\":null}", "fuse", NONE, 0, 0 },
	{ "{\"static\":\"16,16,20\"}", "static", 16000, 16000, 20000 },
	{ "{\"static\":[16,16,20]}", "static", 16000, 16000, 20000 },
	{ "{\"static\":[16,\"16.5A\",null]}", "static", 16000, 16500, NONE },
	{ "{\"static\":16}", "static", 16000, 16000, 16000 },
	{ "{\"static\":\"20,-,-\"}", "static", 20000, NONE, NONE },
	{ "{\"static_ma\":[16000,null,null]}", "static", 16000, NONE, NONE },
	{ "{\"static_ma\":16000}", "static", 16000, 16000, 16000 },
	{ "{\"static_ma\":null}", "static", NONE, NONE, NONE },
	{ "{\"derate\":\"20%\"}", "derate", 200, 0, 0 },
	{ "{\"derate\":0.2}", "derate", 200, 0, 0 },
	{ "{\"derate_permille\":125}", "derate", 125, 0, 0 },
	{ "{\"power\":\"11kW\"}", "power", 11000, 0, 0 },
	{ "{\"power_w\":11000}", "power", 11000, 0, 0 },
	{ "{\"rotate\":\"15m\"}", "rotate", 900000, 0, 0 },
	{ "{\"rotate\":90}", "rotate", 90000, 0, 0 },
	{ "{\"rotate_ms\":1500}", "rotate", 1500, 0, 0 },
	{ "{\"phases\":3}", "phases", 3, 0, 0 },
};

static void people_and_programs_write_the_same_quantity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
		const struct quantity_case *c = &quantities[i];
		const struct field *f = &zone()->keys[key_index(c->key)];
		struct ctl_zone_keys k;
		struct diag diag;
		const int64_t *v;

		diag_init(&diag);
		if (read_zone(c->json, true, &k, &diag))
			fail_msg("%s: %s", c->json, diag.text);
		v = (const int64_t *)(const void *)((const char *)&k + f->offset);
		if (v[0] != c->l1 ||
		    (f->type == FIELD_PHASE_MA && (v[1] != c->l2 || v[2] != c->l3)))
			fail_msg("%s reads as %lld", c->json, (long long)v[0]);
		assert_int_equal(k.given, UINT64_C(1) << key_index(c->key));
		assert_int_equal(field_present(f, &k), c->l1 != NONE);
	}
}

struct refusal_case {
	const char *json;
	int err;
	const char *says;	/* part of the message */
};

static const struct refusal_case refusals[] = {
	{ "{\"fuse\":\"12x\"}", -LMS_EDATA, "fuse: '12x' is not a current" },
	{ "{\"fuse\":\"-5\"}", -LMS_ERANGE, "fuse: '-5'" },
	{ "{\"fuse\":-5}", -LMS_ERANGE, "fuse: '-5'" },
	{ "{\"fuse\":\"7000\"}", -LMS_ERANGE, "fuse: '7000'" },
	{ "{\"fuse\":true}", -LMS_EDATA, "fuse: must be a current" },
	{ "{\"fuse_ma\":\"125\"}", -LMS_EDATA, "fuse_ma: must be a whole number of mA" },
	{ "{\"fuse_ma\":12.5}", -LMS_EDATA, "fuse_ma: must be a whole number of mA" },
	{ "{\"fuse_ma\":1e30}", -LMS_EDATA, "fuse_ma: must be a whole number of mA" },
	{ "{\"fuse_ma\":-9223372036854775808}", -LMS_EDATA, "fuse_ma: must be" },
	{ "{\"fuse\":1,\"fuse_ma\":1000}", -LMS_EDATA, "given twice" },
	{ "{\"static\":\"16,16\"}", -LMS_EDATA, "static: '16,16'" },
	{ "{\"static\":[16,16]}", -LMS_EDATA, "static: must be currents" },
	{ "{\"static_ma\":[1,2,3,4]}", -LMS_EDATA, "static_ma: must be whole numbers" },
	{ "{\"static_ma\":[1,2,\"3\"]}", -LMS_EDATA, "static_ma: must be whole numbers" },
	{ "{\"static_ma\":\"1,2,3\"}", -LMS_EDATA, "static_ma: must be whole numbers" },
	{ "{\"static\":{\"a\":1}}", -LMS_EDATA, "static: must be currents" },
	{ "{\"derate\":20}", -LMS_ERANGE, "derate: '20'" },
	{ "{\"id\":\"a/b\"}", -LMS_EDATA, "id: 'a/b' is not an identity" },
	{ "{\"id\":7}", -LMS_EDATA, "id: must be a string" },
	{ "{\"policy\":\"fair\"}", -LMS_EDATA, "policy: 'fair' is not one of keep_min, strict" },
	{ "{\"policy\":\"strickt\"}", -LMS_EDATA, "did you mean 'strict'?" },
	{ "{\"fuze\":12}", -LMS_EDATA, "fuze: unknown (did you mean 'fuse'?)" },
	{ "{\"static_mA\":12}", -LMS_EDATA, "did you mean 'static_ma'?" },
	{ "{\"nonsense\":12}", -LMS_EDATA, "nonsense: unknown (there are id, title, parent, " },
};

static void what_is_wrong_is_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct ctl_zone_keys k;
		struct diag diag;
		int ret;

		diag_init(&diag);
		ret = read_zone(refusals[i].json, true, &k, &diag);
		if (ret != refusals[i].err || diag.err != ret ||
		    !strstr(diag.text, refusals[i].says))
			fail_msg("%s: %d %s", refusals[i].json, ret, diag.text);
	}
}

static void a_newer_writer_is_understood(void **state)
{
	struct ctl_zone_keys k;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(read_zone("{\"id\":\"P1\",\"colour\":\"red\",\"policy\":\"lottery\"}",
				   false, &k, &diag),
			 0);
	assert_string_equal(k.id, "P1");
	assert_string_equal(k.policy, "lottery");
}

static void a_given_key_is_told_from_an_absent_one(void **state)
{
	struct ctl_zone_keys k;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(read_zone("{\"id\":\"P1\",\"title\":null}", true, &k, &diag), 0);
	assert_int_equal(k.given, UINT64_C(1) << key_index("id") | UINT64_C(1)
									   << key_index("title"));
	assert_null(k.title);
	assert_null(k.parent);
	assert_true(k.fuse_ma == NUM_NONE);
}

static const char *written(const void *rec, const struct field *fields, size_t count, bool nulls)
{
	struct buf text;
	struct json_writer w;
	const char *copy;

	buf_init(&text);
	jw_init(&w, &text);
	jw_object(&w);
	fields_write(fields, count, rec, nulls, &w);
	jw_object_end(&w);
	copy = arena_strdup(&arena, buf_cstr(&text));
	buf_fini(&text);
	return copy;
}

static void what_is_written_reads_back_the_same(void **state)
{
	const char *text = "{\"id\":\"P1\",\"title\":\"Nord \\\"Ost\\\" "
			   "\\u00e9\",\"phases\":3,\"fuse_ma\":125000,"
			   "\"derate_permille\":200,\"static_ma\":[60000,60000,60000],\"dynamic_"
			   "ma\":[1,null,null],"
			   "\"power_w\":1,\"policy\":\"keep_min\",\"rotate_ms\":900000}";
	struct ctl_zone_keys a, b;
	const char *once;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(read_zone(text, true, &a, &diag), 0);
	once = written(&a, zone()->keys, zone()->key_count, false);
	assert_int_equal(read_zone(once, true, &b, &diag), 0);
	for (size_t i = 0; i < zone()->key_count; i++)
		assert_true(field_equal(&zone()->keys[i], &a, &b));
	assert_string_equal(written(&b, zone()->keys, zone()->key_count, false), once);
	assert_non_null(strstr(once, "\"static_ma\":[60000,60000,60000]"));
	assert_null(strstr(once, "margin_ma"));
	assert_non_null(
		strstr(written(&b, zone()->keys, zone()->key_count, true), "\"margin_ma\":null"));
}

struct word_case {
	const char *key, *text;
	bool human;
	const char *raw, *shown;	/* as field_format writes it; raw NULL = refused */
};

static const struct word_case words[] = {
	{ "fuse_ma", "125", true, "125000", "125 A" },
	{ "fuse_ma", "125A", true, "125000", "125 A" },
	{ "fuse_ma", "125000", false, "125000", "125 A" },
	{ "fuse_ma", "125A", false, NULL, NULL },
	{ "fuse_ma", "", true, "", "-" },
	{ "static_ma", "16.7", true, "16700/16700/16700", "16.7 A" },
	{ "static_ma", "20,-,-", true, "20000/-/-", "20/-/- A" },
	{ "static_ma", "20000/-/-", false, "20000/-/-", "20/-/- A" },
	{ "static_ma", "20000", false, "20000/20000/20000", "20 A" },
	{ "static_ma", "20000,1", false, NULL, NULL },
	{ "derate_permille", "12.5%", true, "125", "12.5%" },
	{ "derate_permille", "20%", true, "200", "20%" },
	{ "rotate_ms", "15m", true, "900000", "15 m 00 s" },
	{ "rotate_ms", "250ms", true, "250", "250 ms" },
	{ "power_w", "11kW", true, "11000", "11.0 kW" },
	{ "policy", "KEEP_MIN", false, "keep_min", "keep_min" },
	{ "phases", "three", false, NULL, NULL },
	{ "id", "a/b", false, NULL, NULL },
};

static void words_of_a_command_line_are_read_and_shown(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct field *f =
			field_find(zone()->keys, zone()->key_count, words[i].key, NULL);
		struct ctl_zone_keys k;
		struct diag diag;
		int ret;

		diag_init(&diag);
		ctl_keys_clear(zone(), &k);
		ret = field_parse(f, words[i].text, words[i].human, &arena, &k, &diag);
		if ((ret == 0) != (words[i].raw != NULL))
			fail_msg("%s=%s: %d %s", words[i].key, words[i].text, ret, diag.text);
		if (!words[i].raw)
			continue;
		buf_clear(&out);
		field_format(f, &k, false, NULL, &out);
		assert_string_equal(buf_cstr(&out), words[i].raw);
		buf_clear(&out);
		field_format(f, &k, true, NULL, &out);
		assert_string_equal(buf_cstr(&out), words[i].shown);
	}
	buf_fini(&out);
}

static void times_and_truths_have_their_own_words(void **state)
{
	static const struct utc_offset rows[] = { { INT64_MIN, 3600 } };
	static const struct time_zone tz = { rows, 1, "Europe/Paris" };
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	const struct field *expires = field_find(n->keys, n->key_count, "expires", NULL);
	const struct field *vip = field_find(n->keys, n->key_count, "vip", NULL);
	struct ctl_tag_keys k;
	struct diag diag;
	struct buf out;

	(void)state;
	diag_init(&diag);
	buf_init(&out);
	ctl_keys_clear(n, &k);
	assert_int_equal(field_parse(expires, "2026-11-21T04:30:00Z", false, &arena, &k, &diag), 0);
	assert_int_equal(field_parse(vip, "yes", false, &arena, &k, &diag), 0);
	assert_int_equal(k.vip, 1);
	field_format(expires, &k, true, &tz, &out);
	field_format(expires, &k, true, NULL, &out);
	field_format(expires, &k, false, &tz, &out);
	field_format(vip, &k, true, NULL, &out);
	assert_string_equal(buf_cstr(&out),
			    "2026-11-21 05:30:002026-11-21 04:30:00Z2026-11-21T04:30:00Zyes");
	assert_int_equal(field_parse(expires, "tomorrow", false, &arena, &k, &diag), -LMS_EDATA);
	assert_non_null(strstr(diag.text, "expires: 'tomorrow' is not a time"));
	buf_fini(&out);
}

static void free_json_is_kept_on_one_line(void **state)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_meter];
	const char *text = "{\"id\":\"m\",\n\"values\":{\"a\":\n[1, 2.50]}}";
	struct json *j;
	struct diag diag;
	void *rec;

	(void)state;
	diag_init(&diag);
	j = json_parse(&arena, text, strlen(text), &JSON_CAPS_DEFAULT, &diag);
	assert_int_equal(ctl_record_read(n, j, &arena, &rec, &diag), 0);
	assert_string_equal(((struct ctl_meter *)rec)->values, "{\"a\":[1,2.50]}");
	assert_string_equal(written(rec, n->fields, n->field_count, false),
			    "{\"id\":\"m\",\"values\":{\"a\":[1,2.50]}}");
}

static void a_copy_does_not_borrow(void **state)
{
	struct arena other;
	struct ctl_zone_keys a, b;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	arena_init(&other);
	assert_int_equal(read_zone("{\"id\":\"P1\",\"static\":16}", true, &a, &diag), 0);
	fields_copy(zone()->keys, zone()->key_count, &b, &a, &other);
	assert_true(a.id != b.id);
	assert_string_equal(a.id, b.id);
	assert_int_equal(b.static_ma.l[2], 16000);
	assert_true(b.fuse_ma == NUM_NONE);
	arena_fini(&other);
}

static void an_enumeration_knows_its_words(void **state)
{
	(void)state;
	assert_int_equal(enum_index("a|bc|d", "a"), 0);
	assert_int_equal(enum_index("a|bc|d", "bc"), 1);
	assert_int_equal(enum_index("a|bc|d", "d"), 2);
	assert_int_equal(enum_index("a|bc|d", "b"), -1);
	assert_int_equal(enum_index("a|bc|d", "BC"), -1);
	assert_int_equal(enum_index("a|bc|d", ""), -1);
	assert_int_equal(enum_index("a|bc|d", NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(people_and_programs_write_the_same_quantity, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_refused_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_writer_is_understood, setup, teardown),
		cmocka_unit_test_setup_teardown(a_given_key_is_told_from_an_absent_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_written_reads_back_the_same, setup,
						teardown),
		cmocka_unit_test_setup_teardown(words_of_a_command_line_are_read_and_shown, setup,
						teardown),
		cmocka_unit_test_setup_teardown(times_and_truths_have_their_own_words, setup,
						teardown),
		cmocka_unit_test_setup_teardown(free_json_is_kept_on_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_does_not_borrow, setup, teardown),
		cmocka_unit_test(an_enumeration_knows_its_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
