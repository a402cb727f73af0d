/* Tags that are shown: unknown ones wait, learners see each, and who has died learns no more. */
#include "ledger_rig.h"

#include "site/tags/pending.h"

static bool shown(struct ledger_desk *l, const char *uid, const char *station)
{
	bool learning = tag_shown(l->d.site, uid, station, 0, l->d.now, l->d.wall, &l->d.fx);

	desk_settle(&l->d);
	return learning;
}

static const struct json *item(struct ledger_desk *l, size_t n)
{
	const struct json *j = json_get(desk_answer(&l->d), "items")->first;

	while (n-- && j)
		j = j->next;
	return j;
}

static const char *text(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key), "");
}

static int64_t number(const struct json *obj, const char *key)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? NUM_NONE : v;
}

static void unknown_tags_wait_with_how_often_and_where(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	assert_false(shown(&l, "04:aa", "S1"));
	l.d.wall += MINUTE;
	shown(&l, "04BB", "S1");
	l.d.wall += MINUTE;
	shown(&l, "04AA", "S2");
	shown(&l, "ANN", "S2");		/* is known */
	shown(&l, "a;b", "S2");		/* is none */
	shown(&l, NULL, "S2");
	desk_restart(&l.d);
	desk_must(&l.d, "tag.pending", "{}");
	assert_int_equal(json_get(desk_answer(&l.d), "items")->count, 2);
	assert_string_equal(text(item(&l, 0), "uid"), "04AA");
	assert_int_equal(number(item(&l, 0), "count"), 2);
	assert_string_equal(text(item(&l, 0), "station"), "S2");
	assert_string_equal(text(item(&l, 0), "first"), "2026-05-01T08:00:00Z");
	assert_string_equal(text(item(&l, 0), "last"), "2026-05-01T08:02:00Z");
	assert_string_equal(text(item(&l, 1), "uid"), "04BB");
	desk_fini(&l.d);
}

static void one_that_is_accepted_is_a_tag(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	shown(&l, "04AA", "S1");
	shown(&l, "04BB", "S1");
	assert_int_equal(desk_call(&l.d, "tag.accept", "{'uid': '04AC'}"), -LMS_ENOTFOUND);
	assert_non_null(strstr(l.d.diag.text, "tag '04AC' was not shown (did you mean '04A"));
	desk_must(&l.d, "tag.accept", "{'uid': '04:aa', 'holder': 'Ada', 'dry_run': true}");
	assert_null(site_tag(l.d.site, "04AA"));
	desk_must(&l.d, "tag.accept", "{'uid': '04:aa', 'holder': 'Ada'}");
	assert_string_equal(site_tag(l.d.site, "04AA")->k.holder, "Ada");
	assert_null(desk_stored(&l.d, STORE_PENDING_TAG, "04AA"));
	assert_int_equal(desk_call(&l.d, "tag.accept", "{'uid': '04AA'}"), -LMS_ECONFLICT);
	desk_must(&l.d, "tag.add", "{'uid': '04BB'}");	/* the usual way does as well */
	assert_int_equal(desk_stored_count(&l.d, STORE_PENDING_TAG), 0);
	desk_fini(&l.d);
}

static void there_are_so_many_and_the_oldest_goes(void **state)
{
	struct ledger_desk l;
	char uid[20];

	(void)state;
	begin(&l);
	for (int i = 0; i < 2 * PENDING_TAGS_MAX; i++) {
		l.d.wall += US_PER_S;
		snprintf(uid, sizeof(uid), "X%04d", i);
		shown(&l, uid, "S1");
	}
	assert_int_equal(desk_stored_count(&l.d, STORE_PENDING_TAG), PENDING_TAGS_MAX);
	assert_null(desk_stored(&l.d, STORE_PENDING_TAG, "X0255"));
	assert_non_null(desk_stored(&l.d, STORE_PENDING_TAG, "X0256"));
	desk_restart(&l.d);
	desk_must(&l.d, "tag.pending", "{}");
	assert_int_equal(json_get(desk_answer(&l.d), "items")->count, PENDING_TAGS_MAX);
	desk_fini(&l.d);
}

static void who_plays_with_a_reader_writes_once_a_minute(void **state)
{
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	puts = l.d.put_count;
	for (int i = 0; i < 120; i++) {
		shown(&l, "04AA", "S1");
		l.d.wall += US_PER_S;
	}
	assert_int_equal(l.d.put_count, puts + 2);
	assert_int_equal(pending_find(l.d.site, "04AA")->count, 120);
	desk_fini(&l.d);
}

static void charging_for_free_makes_nobody_wait(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	desk_must(&l.d, "station.set", "{'id': 'S2', 'access': 'free'}");
	shown(&l, "04AA", "S2");
	assert_null(pending_find(l.d.site, "04AA"));
	desk_must(&l.d, "tag.learn", "{}");
	assert_true(shown(&l, "04AA", "S2"));	/* unless he learns */
	assert_non_null(pending_find(l.d.site, "04AA"));
	desk_fini(&l.d);
}

static void learners_see_what_is_shown_while_they_ask(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	assert_int_equal(desk_call(&l.d, "tag.learn", "{'station': 'S9'}"), -LMS_ENOTFOUND);
	desk_must(&l.d, "tag.learn", "{'station': 'S1'}");
	assert_int_equal(json_get(desk_answer(&l.d), "items")->count, 0);
	assert_true(shown(&l, "04aa", "S1"));
	assert_false(shown(&l, "04BB", "S2"));
	assert_true(shown(&l, "ANN", "S1"));
	desk_must(&l.d, "tag.learn", "{'station': 'S1', 'cursor': '0'}");
	assert_int_equal(json_get(desk_answer(&l.d), "items")->count, 2);
	assert_string_equal(text(item(&l, 0), "uid"), "04AA");
	assert_false(json_bool(json_get(item(&l, 0), "known"), true));
	assert_string_equal(text(item(&l, 1), "holder"), "Ann");
	assert_true(json_bool(json_get(item(&l, 1), "known"), false));
	/* he goes on asking */
	l.d.now += LEARN_US - 1;
	assert_true(shown(&l, "ANN", "S1"));
	desk_must(&l.d, "tag.learn", "{'station': 'S1', 'cursor': '2'}");
	assert_int_equal(json_get(desk_answer(&l.d), "items")->count, 1);
	/* and then no more */
	l.d.now += LEARN_US;
	assert_false(shown(&l, "ANN", "S1"));
	desk_fini(&l.d);
}

static void where_somebody_learns_nothing_starts(void **state)
{
	struct ledger_desk l;
	struct tx_start in;

	(void)state;
	begin(&l);
	in = (struct tx_start){ .conn = conn(&l, "S1/1"), .tag = "ANN", .time = l.d.wall, .hash = 1, .learning = true };
	assert_null(start_as(&l, &in));
	assert_int_equal(l.auth.status, AUTH_BLOCKED);
	assert_non_null(strstr(desk_stored(&l.d, STORE_TX, "0000000001"), "tags are being learned"));
	desk_fini(&l.d);
}

static void so_many_learn_at_a_time(void **state)
{
	struct ledger_desk l;
	char id[20], params[60];

	(void)state;
	begin(&l);
	for (int i = 0; i < LEARNERS_MAX; i++) {
		snprintf(id, sizeof(id), "N%d", i);
		desk_connect(&l.d, id, 1);
		snprintf(params, sizeof(params), "{'station': 'N%d'}", i);
		desk_must(&l.d, "tag.learn", params);
	}
	assert_int_equal(desk_call(&l.d, "tag.learn", "{}"), -LMS_ECONFLICT);
	desk_must(&l.d, "tag.learn", "{'station': 'N3'}");
	l.d.now += LEARN_US;
	desk_must(&l.d, "tag.learn", "{}");
	desk_fini(&l.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_tags_wait_with_how_often_and_where),
		cmocka_unit_test(one_that_is_accepted_is_a_tag),
		cmocka_unit_test(there_are_so_many_and_the_oldest_goes),
		cmocka_unit_test(who_plays_with_a_reader_writes_once_a_minute),
		cmocka_unit_test(charging_for_free_makes_nobody_wait),
		cmocka_unit_test(learners_see_what_is_shown_while_they_ask),
		cmocka_unit_test(where_somebody_learns_nothing_starts),
		cmocka_unit_test(so_many_learn_at_a_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
