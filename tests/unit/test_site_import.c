/* Tags that come in pieces: all at once or none, whatever happens to the site between the pieces. */
#include "ledger_rig.h"

#include "site/tags/import.h"

static const struct json *member(struct ledger_desk *l, const char *key)
{
	return json_get(desk_answer(&l->d), key);
}

static int64_t number(struct ledger_desk *l, const char *key)
{
	int64_t v;

	return json_int(member(l, key), &v) ? NUM_NONE : v;
}

static int import(struct ledger_desk *l, const char *params)
{
	return desk_call(&l->d, "tag.import", params);
}

static void nothing_is_there_before_the_last_piece(void **state)
{
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	puts = l.d.put_count;
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N1'}, {'uid': 'n:2', 'holder': 'two'}], 'lines': [2, 3]}"), 0);
	assert_int_equal(number(&l, "import"), 1);
	assert_int_equal(member(&l, "errors")->count, 0);
	assert_int_equal(import(&l, "{'import': 1, 'tags': [{'uid': 'ANN', 'comment': 'old'}, {'uid': 'N2'}, {'uid': 'N3', 'zones': 'Q'}],"
			 "'lines': [4, 5, 6]}"), 0);
	assert_int_equal(member(&l, "errors")->count, 2);
	assert_non_null(strstr(buf_cstr(&l.d.answer), "uid: N2 stands in line 3, too"));
	assert_non_null(strstr(buf_cstr(&l.d.answer), "\"index\":2,\"text\":\"tag N3: zones: zone 'Q' does not exist"));
	assert_int_equal(l.d.put_count, puts);
	assert_int_equal(import(&l, "{'import': 1, 'commit': true}"), 0);
	assert_int_equal(number(&l, "added"), 2);
	assert_int_equal(number(&l, "changed"), 1);
	assert_int_equal(number(&l, "deleted"), 0);
	assert_string_equal(site_tag(l.d.site, "N2")->k.holder, "two");
	assert_string_equal(site_tag(l.d.site, "ANN")->k.holder, "Ann");	/* was not named */
	assert_null(site_tag(l.d.site, "N3"));
	desk_restart(&l.d);
	assert_string_equal(site_tag(l.d.site, "N2")->k.holder, "two");
	/* it is over */
	assert_int_equal(import(&l, "{'import': 1, 'commit': true}"), -LMS_ENOTFOUND);
	desk_fini(&l.d);
}

static void the_site_may_change_between_the_pieces(void **state)
{
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	desk_must(&l.d, "zone.create", "{'id': 'Q', 'static': 10}");
	/* a tag that goes, one that comes, and a zone that goes */
	assert_int_equal(import(&l, "{'tags': [{'uid': 'BOB', 'comment': 'x'}, {'uid': 'N1', 'comment': 'y'}]}"), 0);
	desk_must(&l.d, "tag.delete", "{'uid': 'BOB'}");
	desk_must(&l.d, "tag.add", "{'uid': 'N1', 'holder': 'now'}");
	assert_int_equal(import(&l, "{'import': 1, 'commit': true}"), 0);
	assert_string_equal(site_tag(l.d.site, "BOB")->k.comment, "x");
	assert_string_equal(site_tag(l.d.site, "N1")->k.holder, "now");
	assert_string_equal(site_tag(l.d.site, "N1")->k.comment, "y");
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N2'}, {'uid': 'N3', 'zones': 'Q'}]}"), 0);
	desk_must(&l.d, "zone.delete", "{'id': 'Q'}");
	puts = l.d.put_count;
	assert_int_equal(import(&l, "{'import': 2, 'commit': true}"), -LMS_EDATA);
	assert_non_null(strstr(l.d.diag.text, "tag N3: zones: zone 'Q' does not exist"));
	assert_int_equal(l.d.put_count, puts);
	assert_null(site_tag(l.d.site, "N2"));
	desk_fini(&l.d);
}

static void one_imports_at_a_time_and_who_stops_is_forgotten(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N1'}]}"), 0);
	l.d.site->import->owner = 7;	/* somebody else's */
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N2'}]}"), -LMS_ECONFLICT);
	assert_non_null(strstr(l.d.diag.text, "uid 7 imports tags already"));
	assert_int_equal(import(&l, "{'import': 1, 'commit': true}"), -LMS_ENOTFOUND);
	l.d.now += IMPORT_WAIT_US;
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N2'}]}"), 0);
	/* his own that was left takes no waiting */
	assert_int_equal(import(&l, "{'tags': [{'uid': 'N3'}]}"), 0);
	assert_int_equal(import(&l, "{'import': 3, 'commit': true}"), 0);
	assert_null(site_tag(l.d.site, "N1"));
	assert_null(site_tag(l.d.site, "N2"));
	assert_non_null(site_tag(l.d.site, "N3"));
	desk_fini(&l.d);
}

static void modes_say_what_becomes_of_what_is_there(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	assert_int_equal(import(&l, "{'mode': 'insert', 'tags': [{'uid': 'ANN'}, {'uid': 'N1'}]}"), 0);
	assert_non_null(strstr(buf_cstr(&l.d.answer), "\"index\":0,\"text\":\"tag 'ANN' exists already"));
	assert_int_equal(import(&l, "{'import': 1, 'commit': true, 'dry_run': true}"), 0);
	assert_int_equal(number(&l, "added"), 1);
	assert_null(site_tag(l.d.site, "N1"));
	assert_int_equal(import(&l, "{'mode': 'replace', 'tags': [{'uid': 'ANN', 'holder': null}], 'commit': true}"), 0);
	assert_int_equal(number(&l, "changed"), 1);
	assert_int_equal(number(&l, "deleted"), 3);
	assert_int_equal(HASH_COUNT(l.d.site->tags), 1);
	assert_null(site_tag(l.d.site, "ANN")->k.holder);
	assert_string_equal(site_tag(l.d.site, "ANN")->k.group, "FLEET");
	assert_int_equal(import(&l, "{'tags': {'uid': 'N1'}}"), -LMS_EDATA);
	assert_int_equal(import(&l, "{'tags': [5, {'uid': 'N1', 'hodler': 'x'}, {}]}"), 0);
	assert_int_equal(member(&l, "errors")->count, 3);
	desk_fini(&l.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there_before_the_last_piece),
		cmocka_unit_test(the_site_may_change_between_the_pieces),
		cmocka_unit_test(one_imports_at_a_time_and_who_stops_is_forgotten),
		cmocka_unit_test(modes_say_what_becomes_of_what_is_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
