/* When and where a tag may begin: schedules, places, groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"
#include "site/outer/week.h"
#include "site/tag_log.h"

static void a_schedule_is_open_by_the_clock_on_the_wall(void **state)
{
	static const struct {
		const char *text, *at;
		bool open;
	} cases[] = {
		/* 2026-05-01 is a Friday; Paris is two hours ahead. */
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-01T05:59:59Z", false },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-01T06:00:00Z", true },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-01T15:59:59Z", true },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-01T16:00:00Z", false },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-02T07:00:00Z", true },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-02T10:00:00Z", false },
		{ "mo-fr 08:00-18:00; sa 09:00-12:00", "2026-05-03T09:00:00Z", false },
		/* over midnight, and over the end of the week */
		{ "su 22:00-06:00", "2026-05-03T20:00:00Z", true },
		{ "su 22:00-06:00", "2026-05-04T03:59:59Z", true },
		{ "su 22:00-06:00", "2026-05-04T04:00:00Z", false },
		{ "su 22:00-06:00", "2026-05-03T03:00:00Z", false },
		/* 29 March has 23 hours: what begins at 02:30 is not there, what ends at 03:30 is open at 03:00 */
		{ "su 02:30-03:30", "2026-03-29T00:59:59Z", false },
		{ "su 02:30-03:30", "2026-03-29T01:00:00Z", true },
		{ "su 02:30-03:30", "2026-03-29T01:30:00Z", false },
		{ "sa 22:00-06:00", "2026-03-29T03:59:59Z", true },
		{ "sa 22:00-06:00", "2026-03-29T04:00:00Z", false },
		/* 25 October has 25: 02:30 comes twice */
		{ "su 02:30-03:30", "2026-10-25T00:30:00Z", true },
		{ "su 02:30-03:30", "2026-10-25T01:00:00Z", false },
		{ "su 02:30-03:30", "2026-10-25T01:30:00Z", true },
		{ "su 02:30-03:30", "2026-10-25T02:30:00Z", false },
		{ "sa 22:00-06:00", "2026-10-25T04:59:59Z", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct schedule s;
		struct diag d;

		diag_init(&d);
		if (schedule_parse(cases[i].text, &s, &d))
			fail_msg("%s: %s", cases[i].text, d.text);
		if (schedule_is_open(&s, &desk_paris, desk_time(cases[i].at)) != cases[i].open)
			fail_msg("%s at %s", cases[i].text, cases[i].at);
	}
}

static void a_schedule_that_cannot_be_meant_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "character 1" },
		{ "x 08:00-18:00", "at 'x 08:00-18:00' (character 1): is no day" },
		{ "mo-fr 8-18", "at '8-18' (character 7): is no time" },
		{ "mo-fr 08:00-25:00", "at '25:00' (character 13): is no time" },
		{ "mo-fr 08:00", "needs '-' and a time to end with" },
		{ "mo 08:00-08:00", "ends when it begins" },
		{ "mo 08:00-18:00 16", "at '16' (character 16): is not understood" },
		{ "mo 08:00-18:00, tu 08:00-18:00", "is not understood (write ';' between windows)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct schedule s;
		struct diag d;

		diag_init(&d);
		if (schedule_parse(cases[i].text, &s, &d) != -LMS_EDATA || !strstr(d.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, d.text);
	}
}

/* ---- places ---- */

static const char document[] =
	"{'document': {'zones': [{'id': 'ROOT', 'static': 100}, {'id': 'P1', 'parent': 'ROOT', 'static': 60},"
	"                        {'id': 'P11', 'parent': 'P1', 'static': 40}, {'id': 'P2', 'parent': 'ROOT', 'static': 60}],"
	"'groups': [{'id': 'STAFF'}, {'id': 'GUESTS', 'title': 'for guests'}],"
	"'tag_groups': [{'id': 'FLEET'}],"
	"'stations': [{'id': 'A', 'zone': 'P1', 'connectors': 2, 'groups': 'STAFF'}, {'id': 'B', 'zone': 'P11'},"
	"             {'id': 'C', 'zone': 'P2', 'groups': 'STAFF, GUESTS'}],"
	"'tags': [{'uid': 'T', 'group': 'FLEET'}, {'uid': 'U', 'group': 'FLEET'}]}}";

static void a_tag_charges_where_its_places_say(void **state)
{
	/* where of A/1 A/2 B/1 C/1 */
	static const struct {
		const char *keys, *may;
	} cases[] = {
		{ "'stations': null", "AABC" },
		{ "'stations': 'A'", "AA--" },
		{ "'stations': 'A, C'", "AA-C" },
		{ "'station_groups': 'STAFF'", "AA-C" },
		{ "'station_groups': 'GUESTS'", "---C" },
		{ "'stations': 'B', 'station_groups': 'GUESTS'", "--BC" },
		{ "'zones': 'P1'", "AAB-" },
		{ "'zones': 'P11,P2'", "--BC" },
		{ "'zones': 'ROOT'", "AABC" },
		{ "'connectors': 'A/2'", "-A--" },
		{ "'connectors': 'A/2,C/1'", "-A-C" },
		{ "'stations': 'A', 'zones': 'P2'", "----" },
		{ "'station_groups': 'STAFF', 'zones': 'P1', 'connectors': 'A/1,B/1'", "A---" },
	};
	static const struct {
		const char *station;
		int connector;
		char mark;
	} at[] = { { "A", 1, 'A' }, { "A", 2, 'A' }, { "B", 1, 'B' }, { "C", 1, 'C' } };
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char params[200], may[5] = "";

		snprintf(params, sizeof(params), "{'uid': 'T', 'stations': null, 'station_groups': null, 'zones': null, "
			 "'connectors': null}");
		desk_must(&d, "tag.set", params);
		snprintf(params, sizeof(params), "{'uid': 'T', %s}", cases[i].keys);
		desk_must(&d, "tag.set", params);
		for (size_t j = 0; j < ARRAY_LEN(at); j++) {
			const struct station *st = site_station(d.site, at[j].station);
			struct auth a = site_authorize(d.site, st, "T", at[j].connector, true, DESK_WALL);

			may[j] = a.status == AUTH_ACCEPTED ? at[j].mark : '-';
			if (a.status != AUTH_ACCEPTED)
				assert_string_equal(a.why, "it may not charge at this place");
			/* Shown, and not yet at a connector: it may at one of them. */
			if (a.status == AUTH_ACCEPTED)
				assert_int_equal(site_authorize(d.site, st, "T", 0, false, DESK_WALL).status, AUTH_ACCEPTED);
		}
		if (strcmp(may, cases[i].may) != 0)
			fail_msg("%s: %s", cases[i].keys, may);
	}
	desk_fini(&d);
}

static int32_t begin_on(struct desk *d, const char *station, int number, const char *tag, uint64_t hash,
			enum auth_status *status)
{
	struct tx_start in = { .tag = tag, .time = d->wall, .meter_wh = 0, .hash = hash };
	struct auth auth;
	int32_t id;

	in.conn = site_connector(site_station(d->site, station), number);
	site_tx_start(d->site, &in, d->now, d->wall, &id, &auth, &d->fx);
	desk_settle(d);
	*status = auth.status;
	return id;
}

static void schedule_and_place_are_asked_at_the_start_and_not_for_the_stop(void **state)
{
	enum auth_status status;
	struct desk d;
	struct auth a;
	int32_t id;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	/* DESK_WALL is a Friday, 08:00. */
	desk_must(&d, "tag.set", "{'uid': 'T', 'auth': 'schedule', 'schedule': 'fr 08:00-09:00'}");
	id = begin_on(&d, "A", 1, "T", 1, &status);
	assert_int_equal(status, AUTH_ACCEPTED);
	a = site_authorize(d.site, site_station(d.site, "C"), "T", 0, false, DESK_WALL + 3600 * US_PER_S);
	assert_int_equal(a.status, AUTH_BLOCKED);
	assert_string_equal(a.why, "its schedule does not allow it now");
	/* at the station where it charges it may be shown, and so may one of its group */
	desk_must(&d, "tag.set", "{'uid': 'U', 'zones': 'P2'}");
	a = site_authorize(d.site, site_station(d.site, "A"), "T", 0, false, DESK_WALL + 3600 * US_PER_S);
	assert_int_equal(a.status, AUTH_ACCEPTED);
	assert_int_equal(site_authorize(d.site, site_station(d.site, "A"), "U", 0, false, DESK_WALL).status, AUTH_ACCEPTED);
	assert_int_equal(site_authorize(d.site, site_station(d.site, "A"), "U", 2, true, DESK_WALL).status, AUTH_BLOCKED);
	/* what runs goes on */
	assert_non_null(site_tx(d.site, id));
	begin_on(&d, "A", 2, "U", 2, &status);
	assert_int_equal(status, AUTH_BLOCKED);
	assert_non_null(strstr(desk_stored(&d, STORE_TX, "0000000002"), "it may not charge at this place"));
	desk_fini(&d);
}

/* ---- groups of tags ---- */

static void a_group_of_tags_counts_for_all_of_them(void **state)
{
	const struct station *st;
	struct desk d;
	struct auth a;
	int64_t seq;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	st = site_station(d.site, "A");
	assert_true(site_tag_listable(d.site, &site_tag(d.site, "T")->k));
	desk_must(&d, "tag_group.set", "{'id': 'FLEET', 'expires': '2026-05-01T07:59:59Z'}");
	a = site_authorize(d.site, st, "T", 1, true, DESK_WALL);
	assert_int_equal(a.status, AUTH_EXPIRED);
	desk_must(&d, "tag_group.set", "{'id': 'FLEET', 'expires': '2026-05-02T07:59:59Z'}");
	a = site_authorize(d.site, st, "T", 1, true, DESK_WALL);
	assert_int_equal(a.status, AUTH_ACCEPTED);
	assert_int_equal(a.expires, desk_time("2026-05-02T07:59:59Z"));
	/* its own is before that of the group */
	desk_must(&d, "tag.set", "{'uid': 'T', 'expires': '2026-05-01T20:00:00Z'}");
	assert_int_equal(site_authorize(d.site, st, "T", 1, true, DESK_WALL).expires, desk_time("2026-05-01T20:00:00Z"));
	seq = d.site->tag_seq;
	desk_must(&d, "tag_group.set", "{'id': 'FLEET', 'active': false}");
	assert_int_equal(d.site->tag_seq, seq + 2);	/* stations with a list hear of both */
	a = site_authorize(d.site, st, "T", 1, true, DESK_WALL);
	assert_int_equal(a.status, AUTH_BLOCKED);
	assert_string_equal(a.why, "its group is not active");
	assert_false(site_tag_listable(d.site, &site_tag(d.site, "T")->k));
	desk_restart(&d);
	st = site_station(d.site, "A");
	assert_int_equal(site_authorize(d.site, st, "T", 1, true, DESK_WALL).status, AUTH_BLOCKED);
	assert_int_equal(desk_call(&d, "tag_group.delete", "{'id': 'FLEET'}"), -LMS_ECONFLICT);
	assert_non_null(strstr(d.diag.text, "tag-group FLEET: is used by tag "));
	desk_fini(&d);
}

static void stations_decide_alone_on_no_tag_that_is_bound(void **state)
{
	static const char *const bound[] = {
		"'auth': 'schedule', 'schedule': 'mo 08:00-18:00'", "'stations': 'A'", "'station_groups': 'STAFF'",
		"'zones': 'P1'", "'connectors': 'A/1'",
	};
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	for (size_t i = 0; i < ARRAY_LEN(bound); i++) {
		int64_t seq = d.site->tag_seq;
		char params[200];

		snprintf(params, sizeof(params), "{'uid': 'T', %s}", bound[i]);
		desk_must(&d, "tag.set", params);
		assert_false(site_tag_listable(d.site, &site_tag(d.site, "T")->k));
		assert_int_equal(d.site->tag_seq, seq + 1);
		desk_must(&d, "tag.set", "{'uid': 'T', 'auth': null, 'schedule': null, 'stations': null, "
			  "'station_groups': null, 'zones': null, 'connectors': null}");
		assert_true(site_tag_listable(d.site, &site_tag(d.site, "T")->k));
	}
	desk_fini(&d);
}

static void what_names_nothing_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *method, *params;
		int ret;
		const char *says;
	} cases[] = {
		{ "tag.set", "{'uid': 'T', 'auth': 'schedule'}", -LMS_EDATA, "tag T: auth: schedule needs one" },
		{ "tag.set", "{'uid': 'T', 'schedule': 'mo 8'}", -LMS_EDATA, "tag T: schedule: at '8' (character 4): is no time" },
		{ "tag.set", "{'uid': 'T', 'zones': 'P1,P9'}", -LMS_EDATA, "tag T: zones: zone 'P9' does not exist (did you mean 'P1'" },
		{ "tag.set", "{'uid': 'T', 'stations': 'a'}", -LMS_EDATA, "tag T: stations: station 'a' does not exist" },
		{ "tag.set", "{'uid': 'T', 'stations': ' ,, '}", -LMS_EDATA, "tag T: stations: names nothing" },
		{ "tag.set", "{'uid': 'T', 'station_groups': 'STAF'}", -LMS_EDATA, "did you mean 'STAFF'?; lmsctl group list" },
		{ "tag.set", "{'uid': 'T', 'connectors': 'A/3'}", -LMS_EDATA, "tag T: connectors: connector 'A/3' does not exist" },
		{ "tag.set", "{'uid': 'T', 'connectors': 'A'}", -LMS_EDATA, "connector 'A' does not exist" },
		{ "tag.set", "{'uid': 'T', 'stations': 'A,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}",
		  -LMS_EDATA, "too long" },
		{ "station.set", "{'id': 'A', 'groups': 'STAFF,GUEST'}", -LMS_EDATA, "station A: groups: group 'GUEST' does not exist (did you mean 'GUESTS'" },
		{ "group.create", "{'id': 'STAFF'}", -LMS_ECONFLICT, "exists already" },
		{ "group.delete", "{'id': 'GUESTS'}", -LMS_ECONFLICT, "group GUESTS: is used by station C" },
		{ "group.show", "{'id': 'GUEST'}", -LMS_ENOTFOUND, "did you mean 'GUESTS'?" },
	};
	struct desk d;
	size_t puts;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	puts = d.put_count;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int ret = desk_call(&d, cases[i].method, cases[i].params);

		if (ret != cases[i].ret || !strstr(d.diag.text, cases[i].says))
			fail_msg("%s %s: %d %s", cases[i].method, cases[i].params, ret, d.diag.text);
	}
	assert_int_equal(d.put_count, puts);
	desk_fini(&d);
}

static void what_a_tag_named_may_go_and_it_stays_out(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	desk_must(&d, "tag.set", "{'uid': 'T', 'stations': 'B'}");
	desk_must(&d, "station.delete", "{'id': 'B'}");
	assert_int_equal(site_authorize(d.site, site_station(d.site, "A"), "T", 1, true, DESK_WALL).status, AUTH_BLOCKED);
	/* other keys of it can still be changed */
	desk_must(&d, "tag.set", "{'uid': 'T', 'holder': 'Ada'}");
	desk_must(&d, "group.show", "{'id': 'STAFF'}");
	assert_non_null(strstr(buf_cstr(&d.answer), "\"stations\":\"A, C\""));
	desk_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_schedule_is_open_by_the_clock_on_the_wall),
		cmocka_unit_test(a_schedule_that_cannot_be_meant_is_refused_with_its_place),
		cmocka_unit_test(a_tag_charges_where_its_places_say),
		cmocka_unit_test(schedule_and_place_are_asked_at_the_start_and_not_for_the_stop),
		cmocka_unit_test(a_group_of_tags_counts_for_all_of_them),
		cmocka_unit_test(stations_decide_alone_on_no_tag_that_is_bound),
		cmocka_unit_test(what_names_nothing_is_refused_and_changes_nothing),
		cmocka_unit_test(what_a_tag_named_may_go_and_it_stays_out),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
