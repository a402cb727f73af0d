/* The handlers' answers: live values, pages, roles, and what people are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "helper_site.h"

static const char document[] =
	"{'document': {'site': {'title': 'Test', 'timezone': 'UTC', 'country': 'CH'},"
	"'meters': [{'id': 'M1', 'profile': 'p', 'address': '1@h'}, {'id': 'M2', 'profile': 'p', 'address': '2@h'}],"
	"'zones': [{'id': 'A', 'fuse': 63, 'meter': 'M1'}, {'id': 'B', 'parent': 'A', 'static': 40},"
	"          {'id': 'C', 'parent': 'A', 'meter': 'M1'}],"
	"'stations': [{'id': 'S1', 'zone': 'B', 'connectors': 2}, {'id': 'S2', 'zone': 'C'},"
	"             {'id': 'S3', 'zone': 'B', 'connectors': 3}],"
	"'tags': [{'uid': 'AA'}, {'uid': 'BB', 'holder': 'Bob'}, {'uid': 'CC'}]}}";

static void begin(struct desk *d)
{
	desk_init(d);
	desk_must(d, "config.apply", document);
}

static const char *str(const struct json *j, const char *key)
{
	return json_str(json_get(j, key), "");
}

static int64_t num(const struct json *j, const char *key)
{
	int64_t v;

	return json_int(json_get(j, key), &v) ? NUM_NONE : v;
}

/* The first keys of the answered items: "A B C". */
static const char *listed(struct desk *d, const char *key)
{
	const struct json *items = json_get(desk_answer(d), "items");
	struct buf b;
	const char *text;

	buf_init(&b);
	for (const struct json *j = items->first; j; j = j->next)
		buf_printf(&b, "%s%s", b.len ? " " : "", str(j, key));
	text = arena_strdup(&d->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void lists_come_in_order_and_in_pages(void **state)
{
	static const struct {
		const char *method, *args, *key, *all;
	} lists[] = {
		{ "zone.list", "", "id", "A B C" },
		{ "meter.list", "", "id", "M1 M2" },
		{ "station.list", "", "id", "S1 S2 S3" },
		{ "station.list", "'zone': 'B', ", "id", "S1 S3" },
		{ "station.list", "'zone': 'A', ", "id", "S1 S2 S3" },
		{ "connector.list", "", "id", "S1/1 S1/2 S2/1 S3/1 S3/2 S3/3" },
		{ "connector.list", "'zone': 'B', ", "id", "S1/1 S1/2 S3/1 S3/2 S3/3" },
		{ "connector.list", "'station': 'S3', ", "id", "S3/1 S3/2 S3/3" },
		{ "tag.list", "", "uid", "AA BB CC" },
	};
	struct desk d;

	(void)state;
	begin(&d);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (int limit = 1; limit < 8; limit++) {
			char params[120], all[120] = "", cursor[40] = "";
			int pages = 0;

			do {
				const char *next;
				size_t used = strlen(all);

				snprintf(params, sizeof(params), "{%s%s%s%s'limit': %d}", lists[i].args,
					 *cursor ? "'cursor': '" : "", cursor, *cursor ? "', " : "", limit);
				desk_must(&d, lists[i].method, params);
				assert_true(json_get(desk_answer(&d), "items")->count <= (size_t)limit);
				snprintf(all + used, sizeof(all) - used, "%s%s", used ? " " : "",
					 listed(&d, lists[i].key));
				next = json_str(json_get(desk_answer(&d), "next"), "");
				snprintf(cursor, sizeof(cursor), "%s", next);
			} while (*cursor && ++pages < 20);
			assert_string_equal(all, lists[i].all);
		}
	}
	desk_fini(&d);
}

static void tags_may_be_listed_by_their_last_use_and_so_many_only(void **state)
{
	static const struct { const char *params, *uids; } rows[] = {
		{ "{'last': 2}", "CC AA" }, { "{'last': 3}", "CC AA BB" }, { "{'last': 1000, 'limit': 1}", "CC AA BB" },
	};
	struct desk d;

	(void)state;
	begin(&d);
	site_tag(d.site, "AA")->last_use = 1000;
	site_tag(d.site, "CC")->last_use = 2000;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		desk_must(&d, "tag.list", rows[i].params);
		assert_string_equal(listed(&d, "uid"), rows[i].uids);
		assert_null(json_str(json_get(desk_answer(&d), "next"), NULL));
	}
	assert_int_equal(desk_call(&d, "tag.list", "{'last': 0}"), -LMS_ERANGE);
	assert_int_equal(desk_call(&d, "tag.list", "{'last': 1001}"), -LMS_ERANGE);
	assert_int_equal(desk_call(&d, "tag.list", "{'last': 2, 'cursor': 'AA'}"), -LMS_EUSAGE);
	desk_fini(&d);
}

static void a_cursor_survives_what_happens_between_pages(void **state)
{
	struct desk d;

	(void)state;
	begin(&d);
	desk_must(&d, "station.delete", "{'id': 'S1'}");
	desk_must(&d, "station.list", "{'cursor': 'S1'}");
	assert_string_equal(listed(&d, "id"), "S2 S3");
	desk_must(&d, "connector.list", "{'cursor': 'S1/2'}");
	assert_string_equal(listed(&d, "id"), "S2/1 S3/1 S3/2 S3/3");
	desk_fini(&d);
}

static void a_zone_shows_what_the_balance_says(void **state)
{
	struct zone_view views[3];
	const struct json *j;
	struct desk d;

	(void)state;
	begin(&d);
	desk_must(&d, "zone.show", "{'id': 'B'}");
	j = desk_answer(&d);
	assert_int_equal(num(j, "stations"), 2);
	memset(views, 0, sizeof(views));
	d.site->zone_views = views;
	views[1].cap = (struct phase_ma){ { 40000, 39000, 38000 } };
	views[1].sum = (struct phase_ma){ { 16000, 0, 0 } };
	views[1].load = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	snprintf(views[1].cap_why, sizeof(views[1].cap_why), "static");
	views[1].competing = 3;
	views[1].admitted = 2;
	desk_must(&d, "zone.show", "{'id': 'B'}");
	j = desk_answer(&d);
	assert_string_equal(str(j, "cap_why"), "static");
	assert_int_equal(num(j, "competing"), 3);
	assert_int_equal(num(j, "admitted"), 2);
	assert_null(json_get(j, "load_ma"));
	assert_string_equal(str(j, "parent"), "A");
	d.site->zone_views = NULL;
	desk_fini(&d);
}

static void a_meter_shows_its_values_and_its_zones(void **state)
{
	struct meter_view views[2];
	const struct json *j;
	struct desk d;

	(void)state;
	begin(&d);
	desk_must(&d, "meter.show", "{'id': 'M2'}");
	j = desk_answer(&d);
	assert_string_equal(str(j, "state"), "unknown");
	assert_null(json_get(j, "power_w"));
	assert_null(json_get(j, "zones"));
	memset(views, 0, sizeof(views));
	d.site->meter_views = views;
	snprintf(views[0].state, sizeof(views[0].state), "ok");
	views[0].good_at = d.now - 1500000;
	views[0].good_wall = d.wall;
	views[0].power_w = -700;
	views[0].import_wh = 5;
	views[0].export_wh = NUM_NONE;
	views[0].current = (struct phase_ma){ { -3000, 0, 10 } };
	views[0].voltage_mv = (struct phase_ma){ { 230190, NUM_NONE, 229000 } };
	views[0].values_json = "[{\"name\":\"x\"}]";
	desk_must(&d, "meter.show", "{'id': 'M1'}");
	j = desk_answer(&d);
	assert_string_equal(str(j, "zones"), "A,C");
	assert_int_equal(num(j, "age_ms"), 1500);
	assert_int_equal(num(j, "power_w"), -700);
	assert_string_equal(str(j, "voltage_v"), "230.1/-/229.0");
	assert_int_equal(json_get(j, "values")->count, 1);
	desk_must(&d, "meter.list", NULL);
	assert_null(json_get(json_at(json_get(desk_answer(&d), "items"), 0), "values"));
	d.site->meter_views = NULL;
	desk_fini(&d);
}

static void a_station_shows_what_it_told_and_how_it_is(void **state)
{
	const struct json *j;
	struct station *st;
	struct desk d;

	(void)state;
	begin(&d);
	desk_must(&d, "station.show", "{'id': 'S2'}");
	assert_string_equal(str(desk_answer(&d), "state"), "never_seen");
	st = desk_connect(&d, "S2", 1);
	snprintf(st->vendor, sizeof(st->vendor), "Acme");
	st->tls = true;
	st->last_seen = DESK_WALL;
	desk_must(&d, "station.show", "{'id': 'S2'}");
	j = desk_answer(&d);
	assert_string_equal(str(j, "state"), "online");
	assert_string_equal(str(j, "vendor"), "Acme");
	assert_true(json_bool(json_get(j, "tls"), false));
	assert_string_equal(str(j, "last_seen"), "2026-05-01T08:00:00Z");
	assert_int_equal(num(j, "charging"), 0);
	assert_null(json_get(j, "fault"));
	st->state = STATION_OFFLINE;
	desk_must(&d, "station.show", "{'id': 'S2'}");
	assert_string_equal(str(desk_answer(&d), "state"), "offline");
	desk_fini(&d);
}

static void stations_that_wait_are_listed_shown_and_accepted(void **state)
{
	const struct json *j;
	struct station *st;
	struct desk d;

	(void)state;
	begin(&d);
	desk_connect(&d, "W2", 0);
	st = desk_connect(&d, "W1", 2);
	snprintf(st->model, sizeof(st->model), "Model");
	desk_connect(&d, "S1", 2);
	desk_must(&d, "station.pending", NULL);
	assert_string_equal(listed(&d, "id"), "W1 W2");
	j = json_at(json_get(desk_answer(&d), "items"), 0);
	assert_string_equal(str(j, "model"), "Model");
	assert_int_equal(num(j, "connectors"), 2);
	assert_string_equal(str(j, "state"), "pending");
	desk_must(&d, "station.show", "{'id': 'W1'}");
	assert_string_equal(str(desk_answer(&d), "model"), "Model");
	desk_must(&d, "station.list", NULL);
	assert_string_equal(listed(&d, "id"), "S1 S2 S3");
	desk_must(&d, "station.accept", "{'id': 'W1', 'zone': 'B', 'wiring': 'L2', 'dry_run': true}");
	assert_int_equal(num(desk_answer(&d), "connectors"), 2);
	assert_int_equal(st->conf, -1);
	desk_must(&d, "station.accept", "{'id': 'W1', 'zone': 'B', 'wiring': 'L2'}");
	assert_string_equal(str(desk_answer(&d), "wiring"), "L2");
	desk_must(&d, "station.accept", "{'id': 'W2', 'zone': 'B'}");
	assert_int_equal(num(desk_answer(&d), "connectors"), 1);
	desk_must(&d, "station.list", NULL);
	assert_string_equal(listed(&d, "id"), "S1 S2 S3 W1 W2");
	assert_true(st->conf >= 0);
	desk_must(&d, "station.pending", NULL);
	assert_string_equal(listed(&d, "id"), "");
	desk_fini(&d);
}

static void a_connector_shows_its_limit_reason_and_transaction(void **state)
{
	struct tx_start in = { .tag = "BB", .time = DESK_WALL, .meter_wh = 0, .hash = 1 };
	const struct json *j;
	struct connector *c;
	struct auth auth;
	struct desk d;
	int32_t id;

	(void)state;
	begin(&d);
	desk_must(&d, "connector.show", "{'id': 'S1/2'}");
	j = desk_answer(&d);
	assert_false(json_bool(json_get(j, "online"), true));
	assert_null(json_get(j, "status"));
	assert_null(json_get(j, "limit_ma"));
	assert_null(json_get(j, "transaction"));
	assert_string_equal(str(j, "zone"), "B");
	desk_connect(&d, "S1", 2);
	c = site_connector_by_id(d.site, "S1/2", NULL);
	snprintf(c->status, sizeof(c->status), "Charging");
	c->view.limit_ma = 16000;
	c->view.w_ma = 20000;
	c->view.phases = 5;
	snprintf(c->view.reason, sizeof(c->view.reason), "zone B is full on L2");
	c->draw = (struct phase_ma){ { 15900, NUM_NONE, 0 } };
	in.conn = c;
	desk_sample(d.site, site_tx_start(d.site, &in, d.now, d.wall, &id, &auth, &d.fx), 4200, d.wall, &d.fx);
	desk_settle(&d);
	desk_must(&d, "connector.show", "{'id': 'S1/2'}");
	j = desk_answer(&d);
	assert_true(json_bool(json_get(j, "online"), false));
	assert_string_equal(str(j, "status"), "Charging");
	assert_int_equal(num(j, "limit_ma"), 16000);
	assert_int_equal(num(j, "w_ma"), 20000);
	assert_string_equal(str(j, "phases"), "L1,L3");
	assert_string_equal(str(j, "reason"), "zone B is full on L2");
	assert_int_equal(num(j, "transaction"), 1);
	assert_int_equal(num(j, "energy_wh"), 4200);
	assert_string_equal(str(j, "tag"), "BB");
	assert_string_equal(str(j, "since"), "2026-05-01T08:00:00Z");
	desk_must(&d, "station.show", "{'id': 'S1'}");
	assert_int_equal(num(desk_answer(&d), "charging"), 1);
	assert_int_equal(desk_call(&d, "connector.show", "{'id': 'S1/3'}"), -LMS_ENOTFOUND);
	assert_int_equal(desk_call(&d, "connector.show", "{'id': 'X/1'}"), -LMS_ENOTFOUND);
	assert_int_equal(desk_call(&d, "connector.show", "{'id': 'S1'}"), -LMS_ENOTFOUND);
	desk_fini(&d);
}

/* Also while the change is not on disk yet, and when nothing is to be changed at all. */
static void a_change_answers_the_object_as_it_will_be(void **state)
{
	static const struct {
		const char *method, *params, *key, *value;
	} cases[] = {
		{ "site.set", "{'title': 'New', 'dry_run': true}", "title", "New" },
		{ "zone.set", "{'id': 'B', 'title': 'New', 'dry_run': true}", "title", "New" },
		{ "zone.create", "{'id': 'N', 'title': 'New', 'dry_run': true}", "title", "New" },
		{ "meter.set", "{'id': 'M1', 'title': 'New', 'dry_run': true}", "title", "New" },
		{ "meter.add", "{'id': 'N', 'profile': 'p', 'address': 'a', 'dry_run': true}", "address", "a" },
		{ "station.set", "{'id': 'S1', 'title': 'New', 'dry_run': true}", "title", "New" },
		{ "station.add", "{'id': 'N', 'zone': 'A', 'dry_run': true}", "zone", "A" },
		{ "connector.set", "{'id': 'S3/3', 'type': 'CCS', 'dry_run': true}", "type", "CCS" },
		{ "tag.set", "{'uid': 'bb', 'comment': 'New', 'dry_run': true}", "comment", "New" },
		{ "tag.add", "{'uid': 'd:d', 'comment': 'New', 'dry_run': true}", "uid", "DD" },
	};
	struct desk d;
	const char *before;
	size_t puts;

	(void)state;
	begin(&d);
	before = desk_document(&d);
	puts = d.put_count;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *real = arena_strdup(&d.arena, cases[i].params);

		desk_must(&d, cases[i].method, cases[i].params);
		assert_string_equal(str(desk_answer(&d), cases[i].key), cases[i].value);
		assert_int_equal(d.put_count, puts);
		assert_string_equal(desk_document(&d), before);
		memcpy(strstr(real, "true"), "null", 4);
		assert_int_equal(desk_call_only(&d, cases[i].method, real), 0);
		assert_string_equal(str(desk_answer(&d), cases[i].key), cases[i].value);
		desk_settle(&d);
		assert_true(d.put_count > puts);
		puts = d.put_count;
		before = desk_document(&d);
	}
	desk_fini(&d);
}

static void deleting_says_whether_something_changed(void **state)
{
	struct desk d;

	(void)state;
	begin(&d);
	desk_must(&d, "station.delete", "{'id': 'S2'}");
	assert_true(json_bool(json_get(desk_answer(&d), "changed"), false));
	desk_must(&d, "zone.delete", "{'id': 'C'}");
	desk_must(&d, "tag.delete", "{'uid': 'a:a'}");
	assert_null(site_tag(d.site, "AA"));
	assert_int_equal(desk_call(&d, "tag.delete", "{'uid': 'AA'}"), -LMS_ENOTFOUND);
	desk_must(&d, "zone.list", NULL);
	assert_string_equal(listed(&d, "id"), "A B");
	desk_must(&d, "meter.delete", "{'id': 'M2'}");
	desk_must(&d, "meter.list", NULL);
	assert_string_equal(listed(&d, "id"), "M1");
	desk_fini(&d);
}

static void the_document_shows_tags_to_staff_only(void **state)
{
	struct desk d;

	(void)state;
	begin(&d);
	d.roles = CTL_ROLE_VIEW;
	assert_null(strstr(desk_document(&d), "\"tags\""));
	d.roles = CTL_ROLE_OPERATOR;
	assert_non_null(strstr(desk_document(&d), "\"holder\":\"Bob\""));
	desk_fini(&d);
}

static void missing_objects_are_named_with_the_nearest(void **state)
{
	static const struct {
		const char *method, *params, *text;
	} cases[] = {
		{ "zone.show", "{'id': 'P9'}", "zone 'P9' does not exist (lmsctl zone list)" },
		{ "station.show", "{'id': 'S9'}", "station 'S9' does not exist (did you mean 'S1'?; lmsctl station list)" },
		{ "meter.show", "{'id': 'M9'}", "meter 'M9' does not exist (did you mean 'M1'?; lmsctl meter list)" },
		{ "tag.show", "{'uid': 'AAB'}", "tag 'AAB' does not exist (did you mean 'AA'?; lmsctl tag list)" },
		{ "station.list", "{'zone': 'Q'}", "zone 'Q' does not exist" },
		{ "connector.list", "{'station': 'QQQ'}", "station 'QQQ' does not exist (lmsctl station list)" },
	};
	struct desk d;

	(void)state;
	begin(&d);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(desk_call(&d, cases[i].method, cases[i].params), -LMS_ENOTFOUND);
		if (!strstr(d.diag.text, cases[i].text))
			fail_msg("%s: %s", cases[i].method, d.diag.text);
	}
	desk_fini(&d);
}

static void events_are_listed_the_oldest_first(void **state)
{
	struct desk d;
	const struct json *j;

	(void)state;
	begin(&d);
	for (int i = 1; i <= 5; i++)
		event_ring_add(d.site->events, DESK_WALL, LOG_LEVEL_WARNING, "station", "S1", "offline", "why=\"x\"");
	desk_must(&d, "event.list", "{'limit': 2}");
	j = json_get(desk_answer(&d), "items");
	assert_int_equal(j->count, 2);
	assert_int_equal(num(json_at(j, 0), "seq"), 4);
	assert_string_equal(str(json_at(j, 0), "level"), "warning");
	assert_string_equal(str(json_at(j, 0), "text"), "why=\"x\"");
	assert_string_equal(str(desk_answer(&d), "next"), "");
	desk_must(&d, "event.list", "{'limit': 2, 'cursor': '1'}");
	assert_int_equal(num(json_at(json_get(desk_answer(&d), "items"), 0), "seq"), 2);
	assert_string_equal(str(desk_answer(&d), "next"), "3");
	assert_int_equal(desk_call(&d, "event.list", "{'cursor': 'x'}"), -LMS_EUSAGE);
	desk_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_come_in_order_and_in_pages),
		cmocka_unit_test(tags_may_be_listed_by_their_last_use_and_so_many_only),
		cmocka_unit_test(a_cursor_survives_what_happens_between_pages),
		cmocka_unit_test(a_zone_shows_what_the_balance_says),
		cmocka_unit_test(a_meter_shows_its_values_and_its_zones),
		cmocka_unit_test(a_station_shows_what_it_told_and_how_it_is),
		cmocka_unit_test(stations_that_wait_are_listed_shown_and_accepted),
		cmocka_unit_test(a_connector_shows_its_limit_reason_and_transaction),
		cmocka_unit_test(a_change_answers_the_object_as_it_will_be),
		cmocka_unit_test(deleting_says_whether_something_changed),
		cmocka_unit_test(the_document_shows_tags_to_staff_only),
		cmocka_unit_test(missing_objects_are_named_with_the_nearest),
		cmocka_unit_test(events_are_listed_the_oldest_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
