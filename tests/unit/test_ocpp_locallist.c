/* test_ocpp_locallist.c - local lists kept as the tags are: all at first, then what has changed, over every mishap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "site/edit.h"
#include "site/tag_log.h"
#include "tests/unit/helper_ocpp.h"

#define KEPT "{\"id\":\"CP1\",\"zone\":\"P1\",\"connectors\":2,\"wiring\":\"STR\",\"local_list\":true}"
/* Tags of the bench: BLOCKED is not in a list. */
#define GOOD "{\"idTag\":\"GOOD\",\"idTagInfo\":{\"status\":\"Accepted\"}}"
#define GOOD2 "{\"idTag\":\"GOOD2\",\"idTagInfo\":{\"status\":\"Accepted\"}}"
#define VIP "{\"idTag\":\"VIP\",\"idTagInfo\":{\"expiryDate\":\"2030-01-01T00:00:00Z\",\"parentIdTag\":\"FLEET\",\"status\":\"Accepted\"}}"

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static struct station *cp1(void)
{
	return site_station(b.site, "CP1");
}

/* A change of a tag as an administrator makes it; NULL deletes it. */
static void tag(const char *uid, const char *keys)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct site_edit *e = site_edit_new(b.site);
	struct ctl_tag_keys k;
	struct diag d;

	diag_init(&d);
	bench_turn(&b);
	if (keys) {
		const struct json *j = json_parse(&b.arena, keys, strlen(keys), &JSON_CAPS_DEFAULT, &d);

		assert_int_equal(fields_read(n->keys, n->key_count, j, true, &b.arena, &k, &k.given, &d), 0);
		k.uid = uid;
		k.given |= 1;
		site_edit_tag(e, &k, SITE_REPLACE);
	} else {
		site_edit_delete_tag(e, uid);
	}
	if (site_edit_commit(e, &b.fx, false, NULL, NULL, &b.arena, &d))
		fail_msg("%s: %s", uid, d.text);
	site_edit_free(e);
	if (b.site->tags_changed)
		ocpp_tags_changed(b.ocpp, b.now, b.wall, &b.fx);
	b.site->tags_changed = false;
}

static void expect(const char *text)
{
	if (!bench_find(&b, text))
		fail_msg("%s is not in %s", text, bench_frame(&b, 0));
}

static void expect_silence(void)
{
	bench_pass(&b, 10 * US_PER_S);
	assert_string_equal(bench_frame(&b, 0), "");
}

/* The list is looked after, up to the question for its version. */
static void ask(const char *keys)
{
	char answer[600];

	if (!bench_find(&b, "LocalAuthListEnabled"))
		bench_pass(&b, 10 * US_PER_S);
	expect("\"GetConfiguration\",{\"key\":[\"LocalAuthListEnabled\",\"LocalAuthListMaxLength\",\"SendLocalListMaxLength\"]}");
	snprintf(answer, sizeof(answer), "{\"configurationKey\":[%s]}", keys);
	bench_answer(&b, 1, "LocalAuthListEnabled", answer);
}

#define KEY(name, value) "{\"key\":\"" name "\",\"readonly\":false,\"value\":\"" value "\"}"

static void version(int n)
{
	char answer[40];

	snprintf(answer, sizeof(answer), "{\"listVersion\":%d}", n);
	bench_answer(&b, 1, "GetLocalListVersion", answer);
}

static void accept(void)
{
	bench_answer(&b, 1, "SendLocalList", "{\"status\":\"Accepted\"}");
}

static void refuse(const char *word)
{
	char answer[60];

	snprintf(answer, sizeof(answer), "{\"status\":\"%s\"}", word);
	bench_answer(&b, 1, "SendLocalList", answer);
}

/* In step, at version 1. */
static void keep(const char *keys)
{
	bench_configure(&b, "CP1", KEPT);
	ask(keys);
	version(0);
	expect("\"SendLocalList\",{\"listVersion\":1,");
	accept();
}

/* It comes without a boot, and is asked for one. */
static void come_back(void)
{
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"h\",\"Heartbeat\",{}]");
	bench_status(&b, 1, 1, "Available");
	bench_status(&b, 1, 2, "Available");
	bench_pass(&b, 5 * US_PER_S);
	bench_refuse(&b, 1, "TriggerMessage", "NotSupported");
}

static void reopen(void)
{
	bench_close(&b, 1);
	come_back();
}

static void nothing_is_sent_where_it_is_not_wanted(void **state)
{
	(void)state;
	bench_configure(&b, "CP1", NULL);
	tag("NEW", "{}");
	expect_silence();
}

#define NOT_KEPT "{\"id\":\"CP1\",\"zone\":\"P1\",\"connectors\":2,\"wiring\":\"STR\",\"local_list\":false}"

/* A tag that is blocked from now on could charge for ever where the station is offline. */
static void a_list_that_is_not_wanted_any_more_is_emptied(void **state)
{
	(void)state;
	keep("");
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"kept\":true"));
	bench_configure(&b, "CP1", NOT_KEPT);
	bench_pass(&b, 10 * US_PER_S);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[],\"updateType\":\"Full\"}");
	refuse("Failed");
	bench_pass(&b, 60 * US_PER_S);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[],\"updateType\":\"Full\"}");
	accept();
	assert_string_equal(bench_stored(&b, STORE_LOCAL_LIST), "{\"version\":2,\"whole\":false,\"seq\":0,\"kept\":false}");
	tag("NEW", "{}");
	expect_silence();
	/* And is sent again where it is wanted after all. */
	bench_configure(&b, "CP1", KEPT);
	bench_pass(&b, 10 * US_PER_S);
	if (bench_find(&b, "LocalAuthListMaxLength")) {
		ask("");
		version(2);
	}
	expect("{\"listVersion\":3,\"localAuthorizationList\":[" GOOD "," GOOD2 ",");
}

static void one_that_is_away_then_has_its_list_emptied_on_its_return(void **state)
{
	(void)state;
	keep("");
	bench_close(&b, 1);
	bench_configure(&b, "CP1", NOT_KEPT);
	come_back();
	if (!bench_find(&b, "SendLocalList"))
		bench_pass(&b, 10 * US_PER_S);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[],\"updateType\":\"Full\"}");
}

static void a_station_is_sent_all_tags_that_it_may_decide_on(void **state)
{
	(void)state;
	tag("WITH-A-NAME-FAR-TOO-LONG", "{}");
	bench_configure(&b, "CP1", KEPT);
	ask("");
	version(0);
	expect("{\"listVersion\":1,\"localAuthorizationList\":[" GOOD "," GOOD2 "," VIP "],\"updateType\":\"Full\"}");
	accept();
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":1,\"whole\":true"));
	expect_silence();
}

/* Its date alone would not do at a station that does not know the time. */
static void a_tag_that_has_expired_says_so(void **state)
{
	(void)state;
	tag("OLD", "{\"expires\":\"2026-11-20T00:00:00Z\"}");
	bench_configure(&b, "CP1", KEPT);
	ask("");
	version(0);
	expect("{\"idTag\":\"OLD\",\"idTagInfo\":{\"expiryDate\":\"2026-11-20T00:00:00Z\",\"status\":\"Expired\"}}");
}

static void a_list_that_is_switched_off_is_switched_on(void **state)
{
	(void)state;
	bench_configure(&b, "CP1", KEPT);
	ask(KEY("LocalAuthListEnabled", "false"));
	expect("\"ChangeConfiguration\",{\"key\":\"LocalAuthListEnabled\",\"value\":\"true\"}");
	bench_answer(&b, 1, "ChangeConf", "{\"status\":\"Rejected\"}");
	version(0);
	expect("SendLocalList");
}

static void a_long_list_goes_in_portions_the_first_of_them_full(void **state)
{
	(void)state;
	keep(KEY("SendLocalListMaxLength", "1"));
	expect("{\"listVersion\":2,\"localAuthorizationList\":[" GOOD2 "],\"updateType\":\"Differential\"}");
	/* Half a list is none: after a crash it would be sent anew. */
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":1,\"whole\":false"));
	accept();
	expect("{\"listVersion\":3,\"localAuthorizationList\":[" VIP "],\"updateType\":\"Differential\"}");
	accept();
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":3,\"whole\":true"));
	expect_silence();
}

static void a_change_is_told_alone_and_several_together(void **state)
{
	(void)state;
	keep("");
	tag("NEW", "{\"holder\":\"Anna\"}");
	bench_pass(&b, 10 * US_PER_S);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[{\"idTag\":\"NEW\",\"idTagInfo\":{\"status\":\"Accepted\"}}],"
	       "\"updateType\":\"Differential\"}");
	accept();
	tag("NEW", "{\"holder\":\"Ben\",\"vip\":true}");	/* no station knows of that */
	expect_silence();
	tag("NEW", "{\"group\":\"FLEET\"}");
	tag("GOOD", NULL);
	tag("GOOD2", "{\"active\":false}");
	tag("NEWER", "{}");
	bench_pass(&b, 10 * US_PER_S);
	/* Those that go make room for those that come. */
	expect("{\"listVersion\":3,\"localAuthorizationList\":[{\"idTag\":\"GOOD\"},{\"idTag\":\"GOOD2\"},{\"idTag\":\"NEW\","
	       "\"idTagInfo\":{\"parentIdTag\":\"FLEET\",\"status\":\"Accepted\"}},{\"idTag\":\"NEWER\",");
	accept();
	tag("GOOD2", "{\"active\":true}");
	bench_pass(&b, 10 * US_PER_S);
	expect("[" GOOD2 "]");
}

static void many_changes_go_in_portions_too(void **state)
{
	(void)state;
	keep(KEY("SendLocalListMaxLength", "3"));
	tag("N1", "{}");
	tag("N2", "{}");
	tag("N3", "{}");
	tag("GOOD", NULL);
	bench_pass(&b, 10 * US_PER_S);
	expect("[{\"idTag\":\"GOOD\"},{\"idTag\":\"N1\"");
	accept();
	/* What was told up to here is not the whole change: it would be told again after a crash. */
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":2,\"whole\":true,\"seq\":0"));
	expect("{\"listVersion\":3,\"localAuthorizationList\":[{\"idTag\":\"N3\"");
	accept();
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":3,\"whole\":true,\"seq\":4"));
}

static void a_change_while_the_list_is_sent_follows_it(void **state)
{
	(void)state;
	bench_configure(&b, "CP1", KEPT);
	ask("");
	version(0);
	expect("SendLocalList");
	char id[60];
	assert_true(bench_call_id(&b, "SendLocalList", id, sizeof(id)));
	tag("NEW", "{}");
	bench_sayf(&b, 1, "[3,\"%s\",{\"status\":\"Accepted\"}]", id);
	bench_pass(&b, 10 * US_PER_S);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[{\"idTag\":\"NEW\"");
}

static void what_changed_while_it_was_away_is_told_on_its_return(void **state)
{
	(void)state;
	keep("");
	bench_close(&b, 1);
	tag("GOOD", NULL);
	come_back();
	ask("");
	version(1);
	expect("{\"listVersion\":2,\"localAuthorizationList\":[{\"idTag\":\"GOOD\"}],\"updateType\":\"Differential\"}");
}

static void a_list_in_step_is_not_sent_again_after_a_restart(void **state)
{
	static const char log[] = "{\"seq\":7,\"uid\":\"GOOD2\"}", record[] = "{\"version\":12,\"whole\":true,\"seq\":7}",
		behind[] = "{\"version\":12,\"whole\":true,\"seq\":6}", half[] = "{\"version\":12,\"whole\":false,\"seq\":6}";
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(site_tag_log_load(b.site, log, sizeof(log) - 1, &d), 0);
	assert_int_equal(site_list_load(b.site, "CP1", record, sizeof(record) - 1, &d), 0);
	bench_configure(&b, "CP1", KEPT);
	ask("");
	version(12);
	assert_null(bench_find(&b, "SendLocalList"));
	expect_silence();
	/* One that is behind is told what it misses, half a one everything. */
	assert_int_equal(site_list_load(b.site, "CP1", behind, sizeof(behind) - 1, &d), 0);
	reopen();
	ask("");
	version(12);
	expect("{\"listVersion\":13,\"localAuthorizationList\":[" GOOD2 "],\"updateType\":\"Differential\"}");
	bench_close(&b, 1);
	assert_int_equal(site_list_load(b.site, "CP1", half, sizeof(half) - 1, &d), 0);
	come_back();
	ask("");
	version(12);
	expect("\"updateType\":\"Full\"");
	assert_int_equal(site_tag_log_load(b.site, "{}", 2, &d), -LMS_EDATA);
}

static void a_station_with_another_version_is_sent_all_with_a_higher_one(void **state)
{
	(void)state;
	keep("");
	reopen();
	ask("");
	version(40);
	expect("{\"listVersion\":41,");
	expect("\"updateType\":\"Full\"");
	accept();
	reopen();
	ask("");
	version(0);	/* it has forgotten */
	expect("{\"listVersion\":42,");
	expect("\"updateType\":\"Full\"");
}

static void a_mismatch_is_asked_for_and_then_all_is_sent(void **state)
{
	(void)state;
	keep("");
	tag("NEW", "{}");
	bench_pass(&b, 10 * US_PER_S);
	refuse("VersionMismatch");
	version(77);
	expect("{\"listVersion\":78,");
	expect("\"updateType\":\"Full\"");
	accept();
	assert_int_equal(cp1()->list.version, 78);
}

static void changes_that_fail_are_sent_as_a_whole_and_that_a_few_times(void **state)
{
	(void)state;
	keep("");
	tag("NEW", "{}");
	bench_pass(&b, 10 * US_PER_S);
	expect("\"updateType\":\"Differential\"");
	refuse("Failed");
	expect("\"updateType\":\"Full\"");
	refuse("Failed");
	bench_pass(&b, 61 * US_PER_S);
	expect("\"updateType\":\"Full\"");
	bench_refuse(&b, 1, "SendLocalList", "InternalError");
	bench_pass(&b, 61 * US_PER_S);
	assert_string_equal(bench_frame(&b, 0), "");
	tag("NEWER", "{}");
	expect_silence();
	/* On its next connection it has another chance. */
	reopen();
	ask("");
	version(1);
	expect("\"updateType\":\"Full\"");
}

static void a_station_without_a_list_is_left_alone(void **state)
{
	(void)state;
	bench_configure(&b, "CP1", KEPT);
	ask("");
	version(-1);
	expect_silence();
	tag("NEW", "{}");
	expect_silence();
	reopen();
	ask("");
	bench_refuse(&b, 1, "GetLocalListVersion", "NotImplemented");
	expect_silence();
	reopen();
	ask("");
	version(0);
	refuse("NotSupported");
	expect_silence();
}

static void a_station_that_does_not_answer_is_asked_later(void **state)
{
	(void)state;
	bench_configure(&b, "CP1", KEPT);
	ask("");
	bench_pass(&b, 31 * US_PER_S);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_pass(&b, 61 * US_PER_S);
	expect("LocalAuthListEnabled");
}

static void a_list_that_has_not_room_for_all_holds_the_first_ones(void **state)
{
	(void)state;
	keep(KEY("LocalAuthListMaxLength", "2"));
	assert_true(cp1()->list.cut != 0);
	/* What is beyond its room does not matter to it. */
	tag("VIP", NULL);
	tag("ZZZ", "{}");
	expect_silence();
	tag("AAA", "{}");
	bench_pass(&b, 10 * US_PER_S);
	expect("[{\"idTag\":\"AAA\",\"idTagInfo\":{\"status\":\"Accepted\"}}," GOOD "],\"updateType\":\"Full\"");
	accept();
	reopen();
	ask(KEY("LocalAuthListMaxLength", "2"));
	version(2);
	expect_silence();
	/* With room for all it is one that can be told changes again. */
	reopen();
	ask(KEY("LocalAuthListMaxLength", "200"));
	version(2);
	expect("\"updateType\":\"Full\"");
	accept();
	assert_true(cp1()->list.cut == 0);
	tag("AAA", NULL);
	bench_pass(&b, 10 * US_PER_S);
	expect("[{\"idTag\":\"AAA\"}],\"updateType\":\"Differential\"");
}

static void who_is_too_far_behind_is_sent_all(void **state)
{
	(void)state;
	keep("");
	bench_close(&b, 1);
	for (int i = 0; i <= TAG_LOG_ROWS; i++)
		tag("NEW", i % 2 ? NULL : "{}");
	come_back();
	ask(KEY("SendLocalListMaxLength", "1"));
	version(1);
	expect("\"updateType\":\"Full\"");
	/* From the first message on it has no longer what it had. */
	accept();
	assert_non_null(strstr(bench_stored(&b, STORE_LOCAL_LIST), "\"version\":2,\"whole\":false"));
}

/* ---- by hand ---- */

static int hand(const char *update, int64_t v, const char *list)
{
	return ctl_station_local_list_send(bench_command(&b), &(struct ctl_station_local_list_send_args){
		.id = "CP1", .update = update, .version = v, .list = list });
}

static const char *reply(void)
{
	const struct effect *e = bench_effect(&b, FX_REPLY, 0);

	return e ? e->u.reply.json : "";
}

static void by_hand_all_is_sent_at_once_and_the_answer_tells_how_it_went(void **state)
{
	(void)state;
	assert_int_equal(hand(NULL, NUM_NONE, NULL), CTL_LATER);
	expect("{\"listVersion\":1,\"localAuthorizationList\":[" GOOD "," GOOD2 "," VIP "],\"updateType\":\"Full\"}");
	assert_int_equal(hand(NULL, NUM_NONE, NULL), -LMS_ECONFLICT);
	bench_pass(&b, 31 * US_PER_S);
	assert_non_null(strstr(reply(), "did not answer in time"));
	assert_int_equal(hand(NULL, 5, NULL), CTL_LATER);
	accept();
	assert_string_equal(reply(), "{\"status\":\"Accepted\",\"listVersion\":5,\"entries\":3,\"messages\":1}");
	tag("NEW", "{}");
	expect_silence();
	assert_int_equal(hand("Differential", NUM_NONE, NULL), CTL_LATER);
	expect("{\"listVersion\":6,\"localAuthorizationList\":[{\"idTag\":\"NEW\"");
	refuse("VersionMismatch");
	assert_string_equal(reply(), "{\"status\":\"VersionMismatch\"}");
	expect_silence();
	assert_int_equal(hand("Differential", NUM_NONE, NULL), -LMS_ECONFLICT);
	assert_int_equal(hand(NULL, NUM_NONE, NULL), CTL_LATER);
	bench_refuse(&b, 1, "SendLocalList", "NotSupported");
	assert_string_equal(reply(), "{\"status\":\"NotSupported\",\"description\":\"\"}");
}

static void a_list_of_ones_own_counts_its_version(void **state)
{
	(void)state;
	assert_int_equal(hand("Full", 9, "[{\"idTag\":\"X\"}]"), CTL_LATER);
	accept();
	assert_string_equal(reply(), "{\"status\":\"Accepted\"}");
	assert_int_equal(hand("Differential", NUM_NONE, "[]"), CTL_LATER);
	expect("{\"listVersion\":10,\"localAuthorizationList\":[],\"updateType\":\"Differential\"}");
	bench_close(&b, 1);
	assert_non_null(strstr(reply(), "disconnected before it answered"));
}

static void a_list_that_is_kept_is_not_replaced_by_hand(void **state)
{
	(void)state;
	keep("");
	assert_int_equal(hand("Full", NUM_NONE, "[]"), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "local_list=no"));
	assert_int_equal(hand("Full", NUM_NONE, NULL), CTL_LATER);
	accept();
	assert_non_null(strstr(reply(), "\"listVersion\":2"));
	expect_silence();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(nothing_is_sent_where_it_is_not_wanted),
		T(a_list_that_is_not_wanted_any_more_is_emptied),
		T(one_that_is_away_then_has_its_list_emptied_on_its_return),
		T(a_station_is_sent_all_tags_that_it_may_decide_on),
		T(a_tag_that_has_expired_says_so),
		T(a_list_that_is_switched_off_is_switched_on),
		T(a_long_list_goes_in_portions_the_first_of_them_full),
		T(a_change_is_told_alone_and_several_together),
		T(many_changes_go_in_portions_too),
		T(a_change_while_the_list_is_sent_follows_it),
		T(what_changed_while_it_was_away_is_told_on_its_return),
		T(a_list_in_step_is_not_sent_again_after_a_restart),
		T(a_station_with_another_version_is_sent_all_with_a_higher_one),
		T(a_mismatch_is_asked_for_and_then_all_is_sent),
		T(changes_that_fail_are_sent_as_a_whole_and_that_a_few_times),
		T(a_station_without_a_list_is_left_alone),
		T(a_station_that_does_not_answer_is_asked_later),
		T(a_list_that_has_not_room_for_all_holds_the_first_ones),
		T(who_is_too_far_behind_is_sent_all),
		T(by_hand_all_is_sent_at_once_and_the_answer_tells_how_it_went),
		T(a_list_of_ones_own_counts_its_version),
		T(a_list_that_is_kept_is_not_replaced_by_hand),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
