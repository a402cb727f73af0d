/* The control tables: every verb is found, arguments are checked by name, records go and come back.
 */
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

static int read_args(const char *method, const char *params, void **args, struct diag *diag)
{
	const struct ctl_verb_desc *v = ctl_verb_find(method);
	struct json *j = NULL;

	diag_init(diag);
	assert_non_null(v);
	if (params) {
		j = json_parse(&arena, params, strlen(params), &JSON_CAPS_DEFAULT, diag);
		assert_non_null(j);
	}
	return ctl_args_read(v, j, &arena, args, diag);
}

static void every_verb_is_found_by_its_method_and_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < CTL_VERB_COUNT; i++) {
		const struct ctl_verb_desc *v = &ctl_verbs[i];

		assert_int_equal(v->id, i);
		assert_ptr_equal(ctl_verb_find(v->method), v);
		assert_ptr_equal(ctl_verb_find_words(ctl_nouns[v->noun].name, v->name), v);
		assert_true(v->arg_count + ctl_nouns[v->noun].key_count <= 64);
	}
	assert_ptr_equal(ctl_verb_find("station.config-get"), ctl_verb_find("station.config_get"));
	assert_null(ctl_verb_find("station"));
	assert_null(ctl_verb_find("zone.frobnicate"));
	assert_null(ctl_verb_find_words("zoo", "list"));
}

/* What is recorded with the name of who did it: changes, and nothing that only looks. */
static void looking_is_no_change_whoever_may_look(void **state)
{
	static const char *const reads[] = { "tag.list", "tag.show", "zone.list", "connector.explain", "config.show",
		"station.config_get", "station.local_list_version", "station.profile_composite", "system.watch" };
	static const char *const changes[] = { "tag.add", "tag.delete", "connector.limit", "station.call",
		"station.availability", "config.apply", "transaction.stop", "zone.set" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reads); i++)
		if (ctl_verb_find(reads[i])->changes)
			fail_msg("%s only looks", reads[i]);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		if (!ctl_verb_find(changes[i])->changes)
			fail_msg("%s changes something", changes[i]);
	for (size_t i = 0; i < CTL_VERB_COUNT; i++)
		assert_false(ctl_verbs[i].takes_keys && !ctl_verbs[i].changes);
}

struct verdict_case { const char *method, *result; int verdict; };

static const struct verdict_case verdicts[] = {
	{ "station.restart", "{\"status\":\"Accepted\"}", 0 },
	{ "station.availability", "{\"status\":\"Scheduled\"}", 0 },
	{ "station.config_set", "{\"status\":\"RebootRequired\"}", 0 },
	{ "station.unlock", "{\"status\":\"Unlocked\"}", 0 },
	{ "station.unlock", "{\"status\":\"UnlockFailed\"}", -LMS_EREFUSED },
	{ "station.restart", "{}", -LMS_EREFUSED },
	{ "station.call", "{\"answer\":{\"status\":\"Rejected\"}}", -LMS_EREFUSED },
	{ "station.call", "{\"answer\":{\"listVersion\":-1}}", 0 },
	{ "station.call", "{\"error\":\"NotImplemented\",\"description\":\"\"}", -LMS_EREFUSED },
	{ "station.local_list_version", "{\"listVersion\":0}", 0 },
	{ "station.local_list_version", "{\"listVersion\":-1}", -LMS_EREFUSED },
	{ "station.config_get", "{\"configurationKey\":[],\"unknownKey\":[\"a\"]}", -LMS_EREFUSED },
	{ "station.config_get", "{\"configurationKey\":[{\"key\":\"b\"}],\"unknownKey\":[\"a\"]}", 0 },
};

static void each_answer_of_a_station_is_a_yes_or_a_no(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		const struct verdict_case *v = &verdicts[i];
		struct json *j = json_parse(&arena, v->result, strlen(v->result), &JSON_CAPS_DEFAULT, NULL);

		if (ctl_verdict(ctl_verb_find(v->method), j) != v->verdict)
			fail_msg("%s %s", v->method, v->result);
	}
	assert_true(ctl_is_for_stations(ctl_verb_find("station.restart")));
	assert_false(ctl_is_for_stations(ctl_verb_find("station.list")));
	assert_false(ctl_is_for_stations(ctl_verb_find("station.set")));
	assert_false(ctl_is_for_stations(ctl_verb_find("zone.explain")));
	/* One secret for many would stay in the memory of the job, and what it made in its results. */
	assert_false(ctl_is_for_stations(ctl_verb_find("station.key_set")));
}

static void nouns_without_keys_are_nouns(void **state)
{
	(void)state;
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++)
		assert_int_equal(ctl_nouns[i].id, i);
	assert_int_equal(ctl_noun_find("system")->key_count, 0);
	assert_int_equal(ctl_noun_find("config")->field_count, 0);
	assert_int_equal(ctl_noun_find("site")->field_count, ctl_noun_find("site")->key_count);
	assert_string_equal(ctl_noun_find("event")->fields[0].name, "seq");
	assert_string_equal(ctl_noun_find("tag")->keys[0].name, "uid");
}

static void arguments_and_keys_arrive_in_their_places(void **state)
{
	struct ctl_zone_set_args *a;
	struct diag diag;
	void *args;

	(void)state;
	assert_int_equal(
		read_args("zone.set",
			  "{\"id\":\"P1\",\"fuse\":\"125\",\"title\":null,\"dry_run\":true}", &args,
			  &diag),
		0);
	a = args;
	assert_string_equal(a->keys.id, "P1");
	assert_int_equal(a->keys.fuse_ma, 125000);
	assert_int_equal(a->dry_run, 1);
	assert_int_equal(a->given, 1);
	assert_int_equal(a->keys.given, 1 << 0 | 1 << 1 | 1 << 5);
	assert_string_equal(ctl_nouns[CTL_NOUN_zone].keys[5].name, "fuse_ma");
}

static void absent_arguments_are_absent(void **state)
{
	struct ctl_zone_list_args *a;
	struct diag diag;
	void *args;

	(void)state;
	assert_int_equal(read_args("zone.list", NULL, &args, &diag), 0);
	a = args;
	assert_int_equal(a->given, 0);
	assert_null(a->cursor);
	assert_true(a->limit == NUM_NONE);
	assert_int_equal(read_args("system.status", "{}", &args, &diag), 0);
	assert_int_equal(read_args("system.status", "null", &args, &diag), 0);
}

struct refusal_case {
	const char *method, *params, *says;
};

static const struct refusal_case refusals[] = {
	{ "zone.set", "{\"fuse\":\"125\"}", "id: missing" },
	{ "zone.set", "{\"id\":null}", "id: missing" },
	{ "zone.show", NULL, "id: missing (zone)" },
	{ "zone.show", "[\"P1\"]", "params: must be an object" },
	{ "zone.set", "{\"id\":\"P1\",\"fuze\":1}", "fuze: unknown (did you mean 'fuse'?)" },
	{ "zone.set", "{\"id\":\"P1\",\"dryrun\":true}", "did you mean 'dry_run'?" },
	{ "zone.list", "{\"id\":\"P1\"}", "id: unknown (there are " },
	{ "system.status", "{\"id\":\"P1\"}", "id: unknown (it takes none)" },
	{ "meter.add", "{\"id\":\"m1\"}", "profile: missing" },
	{ "station.trigger", "{\"id\":\"CP1\"}", "message: missing" },
	{ "station.trigger", "{\"id\":\"CP1\",\"message\":\"Heartbeet\"}",
	  "did you mean 'Heartbeat'?" },
	{ "connector.start", "{\"id\":\"CP1/1\"}", "tag: missing" },
	{ "connector.limit", "{\"id\":\"CP1/1\",\"limit\":\"many\"}",
	  "limit: 'many' is not a current" },
};

static void wrong_arguments_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal_case *c = &refusals[i];
		struct diag diag;
		void *args;
		int ret = read_args(c->method, c->params, &args, &diag);

		if (ret != -LMS_EDATA || !strstr(diag.text, c->says))
			fail_msg("%s %s: %d %s", c->method, c->params ? c->params : "", ret,
				 diag.text);
	}
}

static void changing_needs_the_identity_only(void **state)
{
	struct diag diag;
	void *args;

	(void)state;
	assert_int_equal(read_args("meter.set", "{\"id\":\"m1\",\"poll\":\"2s\"}", &args, &diag),
			 0);
	assert_int_equal(((struct ctl_meter_set_args *)args)->keys.poll_ms, 2000);
}

static void an_overlay_changes_what_is_given(void **state)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_zone];
	struct ctl_zone_keys to;
	struct diag diag;
	void *args;

	(void)state;
	ctl_keys_clear(n, &to);
	to.id = "P1";
	to.title = "old";
	to.fuse_ma = 63000;
	read_args("zone.set", "{\"id\":\"P1\",\"title\":null,\"static\":16}", &args, &diag);
	assert_true(ctl_keys_overlay(n, &to, &((struct ctl_zone_set_args *)args)->keys, &arena));
	assert_null(to.title);
	assert_int_equal(to.fuse_ma, 63000);
	assert_int_equal(to.static_ma.l[1], 16000);
	assert_false(ctl_keys_overlay(n, &to, &((struct ctl_zone_set_args *)args)->keys, &arena));
}

static void an_empty_record_is_an_empty_object(void **state)
{
	(void)state;
	for (size_t i = 0; i < CTL_NOUN_COUNT; i++) {
		const struct ctl_noun_desc *n = &ctl_nouns[i];
		void *rec = arena_alloc(&arena, n->record_size), *back;
		struct json_writer w;
		struct diag diag;
		struct buf text;

		diag_init(&diag);
		buf_init(&text);
		jw_init(&w, &text);
		ctl_record_clear(n, rec);
		ctl_record_write(n, rec, &w);
		assert_string_equal(buf_cstr(&text), "{}");
		assert_int_equal(
			ctl_record_read(n, json_parse(&arena, "{}", 2, &JSON_CAPS_DEFAULT, &diag),
					&arena, &back, &diag),
			0);
		for (size_t k = 0; k < n->field_count; k++)
			assert_true(field_equal(&n->fields[k], rec, back));
		buf_fini(&text);
	}
}

static void the_schema_is_json_and_names_every_method(void **state)
{
	struct json_writer w;
	const struct json *methods;
	struct diag diag;
	struct json *j;
	struct buf text;

	(void)state;
	diag_init(&diag);
	buf_init(&text);
	jw_init(&w, &text);
	ctl_schema_write(&w);
	assert_false(text.failed);
	j = json_parse(&arena, buf_cstr(&text), text.len, &JSON_CAPS_DEFAULT, &diag);
	if (!j)
		fail_msg("%s", diag.text);
	methods = json_get(j, "methods");
	for (size_t i = 0; i < CTL_VERB_COUNT; i++)
		assert_non_null(json_get(methods, ctl_verbs[i].method));
	assert_string_equal(
		json_str(json_get(json_get(json_get(methods, "zone.show"), "result"), "$ref"), ""),
		"#/$defs/zone");
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_is_found_by_its_method_and_words),
		cmocka_unit_test(looking_is_no_change_whoever_may_look),
		cmocka_unit_test_setup_teardown(each_answer_of_a_station_is_a_yes_or_a_no, setup, teardown),
		cmocka_unit_test(nouns_without_keys_are_nouns),
		cmocka_unit_test_setup_teardown(arguments_and_keys_arrive_in_their_places, setup,
						teardown),
		cmocka_unit_test_setup_teardown(absent_arguments_are_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_arguments_are_refused_by_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(changing_needs_the_identity_only, setup, teardown),
		cmocka_unit_test_setup_teardown(an_overlay_changes_what_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_record_is_an_empty_object, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_schema_is_json_and_names_every_method, setup,
						teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
