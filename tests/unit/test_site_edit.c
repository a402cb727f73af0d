/* Staging, committing, comparing and reloading configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_site.h"

static const char document[] =
	"{'document': {'site': {'title': 'Test', 'access': 'rfid'},"
	"'meters': [{'id': 'M1', 'profile': 'p', 'address': '1@127.0.0.1'}],"
	"'zones': [{'id': 'Z', 'parent': 'Y', 'static': '20,16,12', 'derate': '12.5%', 'fuse': 16},"
	"          {'id': 'Y', 'fuse_ma': 63000, 'dynamic': 63, 'meter_lost': 10, 'meter': 'M1'}],"
	"'stations': [{'id': 'S1', 'zone': 'Z', 'connectors': 3, 'max': '16A', 'vip': true}],"
	"'connectors': [{'id': 'S1/2', 'wiring': 'STR', 'priority': 3}],"
	"'tags': [{'uid': '04:aa', 'holder': 'Ann', 'expires': '2026-12-31T23:59:59Z'}]}}";

static int64_t number(const struct json *j, const char *key)
{
	int64_t v;

	assert_int_equal(json_int(json_get(j, key), &v), 0);
	return v;
}

static void what_was_applied_is_found_with_its_defaults_in_force(void **state)
{
	const struct site_conf *c;
	const struct zone_conf *z;
	const struct station_conf *st;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	c = d.site->conf;
	assert_int_equal(c->generation, 1);
	z = &c->zones[site_conf_zone(c, "Z")];
	assert_int_equal(z->parent, site_conf_zone(c, "Y"));
	assert_int_equal(z->phases, 3);
	assert_int_equal(z->cap.l[0], 14000); /* 16 A less 12.5 % */
	assert_int_equal(z->cap.l[1], 14000);
	assert_int_equal(z->cap.l[2], 12000);
	st = &c->stations[site_conf_station(c, "S1")];
	assert_int_equal(st->connector_count, 3);
	assert_int_equal(st->step_ma, 100);
	assert_int_equal(st->idle_ma, 0);
	assert_string_equal(st->connectors[1].wiring, "STR");
	assert_string_equal(st->connectors[0].wiring, "unknown");
	assert_int_equal(st->connectors[1].priority, 3);
	assert_int_equal(st->connectors[2].max_ma, 16000);
	assert_int_equal(st->connectors[2].min_ma, 6000);
	assert_true(st->connectors[2].vip);
	assert_true(st->connectors[2].manageable);
	assert_string_equal(st->connectors[2].k.id, "S1/3");
	assert_non_null(site_tag(d.site, "04AA"));
	assert_int_equal(site_tag(d.site, "04aa")->created, d.wall);
	assert_int_equal(site_station(d.site, "S1")->connector_count, 3);
	desk_fini(&d);
}

static void a_restart_finds_the_same_configuration(void **state)
{
	struct desk d;
	const char *before;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	before = desk_document(&d);
	desk_restart(&d);
	assert_false(diag_failed(&d.diag));
	assert_int_equal(d.site->conf->generation, 1);
	assert_string_equal(desk_document(&d), before);
	assert_int_equal(site_tag(d.site, "04AA")->created, DESK_WALL);
	desk_fini(&d);
}

/* What config.show says can be applied anywhere, and here changes nothing. */
static void the_document_that_is_shown_can_be_applied(void **state)
{
	struct desk d, other;
	const char *shown;
	char *params;
	size_t puts;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	shown = desk_document(&d);
	params = arena_printf(&d.arena, "{\"document\": %s, \"prune\": true}", shown);
	puts = d.put_count;
	desk_must(&d, "config.apply", params);
	assert_false(json_bool(json_get(desk_answer(&d), "changed"), true));
	assert_int_equal(d.put_count, puts);
	assert_int_equal(d.site->conf->generation, 1);
	desk_init(&other);
	desk_must(&other, "config.apply", params);
	assert_string_equal(desk_document(&other), shown);
	desk_fini(&other);
	desk_fini(&d);
}

static void a_change_that_changes_nothing_stores_nothing(void **state)
{
	static const struct {
		const char *method, *params;
	} calls[] = {
		{ "config.apply", document },
		{ "zone.set", "{'id': 'Z', 'static_ma': [20000, 16000, 12000]}" },
		{ "zone.set", "{'id': 'Z'}" },
		{ "site.set", "{'title': 'Test'}" },
		{ "station.set", "{'id': 'S1', 'max_ma': 16000}" },
		{ "connector.set", "{'id': 'S1/2', 'wiring': 'STR'}" },
		{ "connector.set", "{'id': 'S1/3', 'type': null}" },
		{ "tag.set", "{'uid': '04aa', 'holder': 'Ann'}" },
	};
	struct desk d;
	size_t puts;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	puts = d.put_count;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		desk_must(&d, calls[i].method, calls[i].params);
		if (d.put_count != puts)
			fail_msg("%s %s", calls[i].method, calls[i].params);
	}
	assert_int_equal(d.site->conf->generation, 1);
	desk_fini(&d);
}

static void a_dry_run_says_what_would_change_and_changes_nothing(void **state)
{
	static const char *const expected[][5] = {
		{ "site", "site", "title", "Test", "New" },
		{ "zone", "Y", "dynamic_ma", "63000", NULL },
		{ "zone", "Y", "meter", "M1", NULL },
		{ "zone", "Y", "meter_lost_ma", "10000", NULL },
		{ "zone", "N", "id", NULL, "N" },
		{ "zone", "N", "phases", NULL, "1" },
		{ "meter", "M1", "id", "M1", NULL },
		{ "station", "S1", "max_ma", "16000", "20000" },
		{ "station", "S1", "vip", "true", NULL },
		{ "connector", "S1/2", "id", "S1/2", NULL },
		{ "tag", "04AA", "holder", "Ann", NULL },
		{ "tag", "04AA", "expires", "2026-12-31T23:59:59Z", NULL },
	};
	const char *before;
	const struct json *answer, *j;
	struct desk d;
	size_t puts, i = 0;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	before = desk_document(&d);
	puts = d.put_count;
	desk_must(&d, "config.apply",
		  "{'document': {'site': {'title': 'New'}, 'zones': [{'id': 'Y', 'fuse': 63},"
		  "{'id': 'Z', 'parent': 'Y', 'static': '20,16,12', 'derate': '12.5%', 'fuse': 16},"
		  "{'id': 'N', 'phases': 1}], 'stations': [{'id': 'S1', 'zone': 'Z', 'max': 20}],"
		  "'tags': [{'uid': '04AA'}]}, 'prune': true, 'dry_run': true}");
	answer = desk_answer(&d);
	assert_int_equal(number(answer, "generation"), 2);
	assert_int_equal(number(answer, "objects_added"), 1);
	assert_int_equal(number(answer, "objects_deleted"), 2);
	assert_int_equal(number(answer, "objects_changed"), 4);
	for (j = json_get(answer, "changes")->first; j; j = j->next) {
		bool found = false;

		for (i = 0; i < ARRAY_LEN(expected) && !found; i++) {
			const char *from = json_str(json_get(j, "from"), NULL);
			const char *to = json_str(json_get(j, "to"), NULL);

			found = strcmp(json_str(json_get(j, "kind"), ""), expected[i][0]) == 0 &&
				strcmp(json_str(json_get(j, "id"), ""), expected[i][1]) == 0 &&
				strcmp(json_str(json_get(j, "key"), ""), expected[i][2]) == 0 &&
				!from == !expected[i][3] && (!from || strstr(from, expected[i][3])) &&
				!to == !expected[i][4] && (!to || strstr(to, expected[i][4]));
		}
		/* clearing `access` of the site is the one more that prune brings */
		if (!found && strcmp(json_str(json_get(j, "key"), ""), "access") != 0)
			fail_msg("unexpected: %.*s", (int)j->raw_len, j->raw);
	}
	assert_int_equal(json_get(answer, "changes")->count, ARRAY_LEN(expected) + 1);
	assert_int_equal(d.put_count, puts);
	assert_null(d.site->staged);
	assert_string_equal(desk_document(&d), before);
	desk_fini(&d);
}

/* Two changes before the first is on disk: the second builds on it. */
static void edits_build_on_what_is_staged(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "zone.create", "{'id': 'A', 'static': 60}");
	assert_int_equal(desk_call_only(&d, "zone.create", "{'id': 'B', 'parent': 'A'}"), 0);
	assert_int_equal(d.site->conf->generation, 1);
	assert_int_equal(d.site->staged->generation, 2);
	assert_int_equal(site_conf_zone(d.site->conf, "B"), -1);
	assert_int_equal(desk_call_only(&d, "zone.set", "{'id': 'B', 'static': 20}"), 0);
	assert_int_equal(number(desk_answer(&d), "stations"), 0);
	assert_int_equal(desk_call_only(&d, "zone.create", "{'id': 'B'}"), -LMS_ECONFLICT);
	assert_int_equal(desk_call_only(&d, "zone.delete", "{'id': 'A'}"), -LMS_ECONFLICT);
	assert_int_equal(
		desk_call_only(&d, "config.apply", "{'document': {}, 'if_generation': 2}"), -LMS_ECONFLICT);
	assert_int_equal(desk_call_only(&d, "config.apply", "{'document': {}, 'if_generation': 3}"), 0);
	desk_settle(&d);
	assert_null(d.site->staged);
	assert_int_equal(d.site->conf->generation, 3);
	assert_int_equal(d.site->conf->zones[site_conf_zone(d.site->conf, "B")].cap.l[1], 20000);
	assert_string_equal(desk_stored(&d, STORE_META, "site"), "{\"generation\":3}");
	desk_fini(&d);
}

static void pruning_deletes_what_is_not_named_and_tags_only_if_asked(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	desk_must(&d, "config.apply", "{'document': {'zones': [{'id': 'Y', 'fuse': 63}]}, 'prune': true}");
	assert_int_equal(d.site->conf->zone_count, 1);
	assert_int_equal(d.site->conf->station_count, 0);
	assert_int_equal(d.site->conf->meter_count, 0);
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 0);
	assert_string_equal(d.site->conf->site.title, "Test");
	assert_non_null(site_tag(d.site, "04AA"));
	desk_must(&d, "config.apply", "{'document': {'zones': [{'id': 'Y', 'fuse': 63}], 'tags': []}, 'prune': true}");
	assert_null(site_tag(d.site, "04AA"));
	assert_int_equal(desk_stored_count(&d, STORE_TAG), 0);
	desk_fini(&d);
}

/* A station of an old name must not hand down what it may have been obeying. */
static void a_deleted_station_leaves_nothing_behind(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	fx_put(&d.fx, STORE_LIMIT, "S1/1", "{\"w_ma\":16000}", 14);
	fx_put(&d.fx, STORE_LIMIT, "S1/3", "{\"w_ma\":16000}", 14);
	site_boot_store(site_station(d.site, "S1"), &d.fx);
	desk_settle(&d);
	desk_must(&d, "station.set", "{'id': 'S1', 'connectors': 2}");
	assert_null(desk_stored(&d, STORE_LIMIT, "S1/3"));
	assert_non_null(desk_stored(&d, STORE_LIMIT, "S1/1"));
	desk_must(&d, "station.delete", "{'id': 'S1'}");
	assert_int_equal(desk_stored_count(&d, STORE_LIMIT), 0);
	assert_int_equal(desk_stored_count(&d, STORE_BOOT), 0);
	assert_int_equal(desk_stored_count(&d, STORE_STATION), 0);
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 0);
	assert_null(site_station(d.site, "S1"));
	desk_fini(&d);
}

static void fewer_connectors_drop_the_settings_of_those_that_go(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 1);
	desk_must(&d, "station.set", "{'id': 'S1', 'connectors': 1}");
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 0);
	desk_must(&d, "station.set", "{'id': 'S1', 'connectors': 2}");
	assert_string_equal(d.site->conf->stations[0].connectors[1].wiring, "unknown");
	/* and clearing every setting deletes the record */
	desk_must(&d, "connector.set", "{'id': 'S1/2', 'max': 10}");
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 1);
	desk_must(&d, "connector.set", "{'id': 'S1/2', 'max': null}");
	assert_int_equal(desk_stored_count(&d, STORE_CONNECTOR), 0);
	desk_fini(&d);
}

/* null clears a key, what is not given stays; in a document, what is not given goes. */
static void setting_keeps_what_is_not_given_and_applying_does_not(void **state)
{
	const struct ctl_zone_keys *k;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "zone.create", "{'id': 'A', 'title': 'Main', 'fuse': 63, 'static': 60}");
	desk_must(&d, "zone.set", "{'id': 'A', 'fuse': null}");
	k = &d.site->conf->zones[0].k;
	assert_string_equal(k->title, "Main");
	assert_int_equal(k->fuse_ma, NUM_NONE);
	assert_int_equal(k->static_ma.l[2], 60000);
	desk_must(&d, "config.apply", "{'document': {'zones': [{'id': 'A', 'fuse': 50}]}}");
	k = &d.site->conf->zones[0].k;
	assert_null(k->title);
	assert_int_equal(k->fuse_ma, 50000);
	assert_int_equal(k->static_ma.l[2], NUM_NONE);
	desk_fini(&d);
}

/* How many connectors there are is the station's to know: a document that is silent keeps it. */
static void connectors_are_learned_and_kept(void **state)
{
	struct station *st;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "zone.create", "{'id': 'Z', 'static': 60}");
	st = desk_connect(&d, "NEW", 3);
	desk_must(&d, "station.accept", "{'id': 'NEW', 'zone': 'Z'}");
	assert_int_equal(d.site->conf->stations[0].connector_count, 3);
	assert_ptr_equal(site_station(d.site, "NEW"), st);
	assert_int_equal(st->connectors[2]->conf, 2);
	desk_must(&d, "config.apply", "{'document': {'stations': [{'id': 'NEW', 'zone': 'Z', 'title': 'x'}]}}");
	assert_int_equal(d.site->conf->stations[0].connector_count, 3);
	/* one that was added before it existed, and turns out to have two */
	desk_must(&d, "station.add", "{'id': 'OLD', 'zone': 'Z'}");
	assert_int_equal(d.site->conf->stations[1].connector_count, 1);
	st = desk_connect(&d, "OLD", 2);
	assert_true(d.site->grown);
	assert_int_equal(st->connectors[1]->conf, -1);
	site_adopt_connectors(d.site, &d.fx);
	desk_settle(&d);
	assert_false(d.site->grown);
	assert_int_equal(d.site->conf->stations[1].connector_count, 2);
	assert_int_equal(st->connectors[1]->conf, 1);
	/* where a person said how many, the person is right */
	desk_must(&d, "station.set", "{'id': 'OLD', 'connectors': 1}");
	site_station_grow(d.site, st, 2);
	assert_false(d.site->grown);
	desk_fini(&d);
}

/* One station that does not fit keeps out neither another, nor is it asked for again and again. */
static void connectors_that_do_not_fit_stay_out(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'A', 'static': 20}, {'id': 'B', 'static': 20}],"
		  "'stations': [{'id': 'BIG', 'zone': 'A', 'max': 16, 'manageable': false},"
		  "             {'id': 'FITS', 'zone': 'B'}]}}");
	desk_connect(&d, "BIG", 2);
	desk_connect(&d, "FITS", 2);
	assert_true(d.site->grown);
	site_adopt_connectors(d.site, &d.fx);
	desk_settle(&d);
	assert_int_equal(site_station(d.site, "FITS")->connectors[1]->conf, 1);
	assert_int_equal(site_station(d.site, "BIG")->connectors[1]->conf, -1);
	d.site->grown = false;
	desk_connect(&d, "BIG", 2);
	assert_false(d.site->grown);
	/* once there is room */
	desk_must(&d, "zone.set", "{'id': 'A', 'static': 32}");
	assert_true(d.site->grown);
	site_adopt_connectors(d.site, &d.fx);
	desk_settle(&d);
	assert_int_equal(site_station(d.site, "BIG")->connectors[1]->conf, 1);
	assert_false(d.site->grown);
	desk_fini(&d);
}

static void single_phase_zones_know_one_phase(void **state)
{
	const struct site_conf *c;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'A', 'phases': 1, 'static': 32}, {'id': 'B', 'parent': 'A', 'fuse': 25}],"
		  "'stations': [{'id': 'S', 'zone': 'B'}]}}");
	c = d.site->conf;
	assert_int_equal(c->zones[0].cap.l[0], 32000);
	assert_int_equal(c->zones[0].cap.l[1], NUM_NONE);
	assert_int_equal(c->zones[0].k.static_ma.l[1], NUM_NONE);
	assert_int_equal(c->zones[1].phases, 1);
	assert_int_equal(c->zones[1].cap.l[0], 25000);
	assert_int_equal(c->zones[1].cap.l[2], NUM_NONE);
	assert_string_equal(c->stations[0].connectors[0].wiring, "L1");
	/* 32 and 32,-,- are the same */
	desk_must(&d, "zone.set", "{'id': 'A', 'static': 32}");
	assert_int_equal(d.site->conf->generation, 1);
	/* below a three-phase board, one phase may be any, and unknown counts on all */
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'M'}, {'id': 'N', 'parent': 'M', 'phases': 1}],"
		  "'stations': [{'id': 'T', 'zone': 'N'}, {'id': 'U', 'zone': 'N', 'wiring': 'L3'}]}}");
	c = d.site->conf;
	assert_string_equal(c->stations[1].connectors[0].wiring, "unknown");
	assert_string_equal(c->stations[2].connectors[0].wiring, "L3");
	desk_fini(&d);
}

static void a_socket_without_pilot_has_16_amperes(void **state)
{
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'Z'}], 'stations': [{'id': 'S', 'zone': 'Z', 'connectors': 2}],"
		  "'connectors': [{'id': 'S/2', 'type': 'TE'}]}}");
	assert_int_equal(d.site->conf->stations[0].connectors[0].max_ma, 32000);
	assert_int_equal(d.site->conf->stations[0].connectors[1].max_ma, 16000);
	desk_fini(&d);
}

static void parents_precede_children_whatever_the_names(void **state)
{
	const struct site_conf *c;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply",
		  "{'document': {'zones': [{'id': 'A', 'parent': 'M'}, {'id': 'B', 'parent': 'Z'},"
		  "{'id': 'M', 'parent': 'Z'}, {'id': 'Z'}, {'id': 'C', 'parent': 'A'}, {'id': 'Y'}]}}");
	c = d.site->conf;
	for (size_t i = 0; i < c->zone_count; i++) {
		assert_true(c->zones[i].parent < (int)i);
		assert_int_equal(site_conf_zone(c, c->zones[i].k.id), i);
	}
	assert_string_equal(c->zones[0].k.id, "Y");
	assert_string_equal(c->zones[1].k.id, "Z");
	assert_string_equal(c->zones[2].k.id, "B");
	assert_string_equal(c->zones[3].k.id, "M");
	assert_true(site_conf_zone_below(c, site_conf_zone(c, "C"), site_conf_zone(c, "Z")));
	assert_false(site_conf_zone_below(c, site_conf_zone(c, "C"), site_conf_zone(c, "B")));
	assert_false(site_conf_zone_below(c, -1, 0));
	desk_fini(&d);
}

/* Objects keep their addresses over generations; a station that is neither configured nor there goes. */
static void live_objects_survive_generations(void **state)
{
	struct station *st;
	struct connector *conn;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	st = desk_connect(&d, "S1", 3);
	conn = st->connectors[1];
	conn->slot = 7;
	site_touch(d.site, conn);
	desk_must(&d, "zone.set", "{'id': 'Z', 'title': 'x'}");
	assert_ptr_equal(site_station(d.site, "S1"), st);
	assert_ptr_equal(site_connector_by_id(d.site, "S1/2", NULL), conn);
	assert_int_equal(conn->slot, 7);
	assert_string_equal(site_connector_conf(d.site, conn)->wiring, "STR");
	/* deleted while connected: it stays, as one that waits to be accepted */
	desk_must(&d, "station.delete", "{'id': 'S1'}");
	assert_ptr_equal(site_station(d.site, "S1"), st);
	assert_int_equal(st->conf, -1);
	assert_null(site_connector_conf(d.site, conn));
	assert_null(site_station_conf(d.site, st));
	st->link = 0;
	site_attach(d.site, d.site->owned);
	assert_null(site_station(d.site, "S1"));
	assert_null(d.site->dirty);
	desk_fini(&d);
}

static void what_a_station_told_survives_a_restart(void **state)
{
	struct station *st;
	struct desk d;

	(void)state;
	desk_init(&d);
	desk_must(&d, "config.apply", document);
	st = desk_connect(&d, "S1", 4);
	snprintf(st->vendor, sizeof(st->vendor), "Ven\"dor\n");
	snprintf(st->firmware, sizeof(st->firmware), "1.2.3");
	st->booted = DESK_WALL;
	site_boot_store(st, &d.fx);
	desk_restart(&d);
	st = site_station(d.site, "S1");
	assert_string_equal(st->vendor, "Ven\"dor\n");
	assert_string_equal(st->firmware, "1.2.3");
	assert_int_equal(st->booted, DESK_WALL);
	assert_int_equal(st->connector_count, 4);
	assert_int_equal(st->state, STATION_OFFLINE);
	desk_fini(&d);
}

static void strangers_do_not_fill_the_memory(void **state)
{
	struct desk d;
	char id[20];

	(void)state;
	desk_init(&d);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "X%d", i);
		assert_int_equal(site_boot_load(d.site, id, "{\"vendor\":\"v\"}", 14, NULL), 0);
	}
	assert_int_equal(HASH_COUNT(d.site->stations), 64);
	desk_fini(&d);
}

/* Ten thousand connectors: an edit, a page and a restart go through (times are bench's). */
static void ten_thousand_connectors_are_no_trouble(void **state)
{
	struct buf b;
	struct desk d;

	(void)state;
	desk_init(&d);
	buf_init(&b);
	buf_puts(&b, "{\"document\": {\"zones\": [{\"id\": \"Z\", \"static\": 6300}], \"stations\": [");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "%s{\"id\":\"S%04d\",\"zone\":\"Z\",\"connectors\":2}", i ? "," : "", i);
	buf_puts(&b, "]}}");
	desk_must(&d, "config.apply", buf_cstr(&b));
	buf_fini(&b);
	desk_must(&d, "station.set", "{'id': 'S2500', 'title': 'middle'}");
	assert_int_equal(d.site->conf->generation, 2);
	desk_restart(&d);
	assert_int_equal(d.site->conf->station_count, 5000);
	assert_string_equal(d.site->conf->stations[2500].k.title, "middle");
	desk_must(&d, "connector.list", "{'limit': 5000}");
	assert_int_equal(json_get(desk_answer(&d), "items")->count, 1000);
	desk_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_applied_is_found_with_its_defaults_in_force),
		cmocka_unit_test(a_restart_finds_the_same_configuration),
		cmocka_unit_test(the_document_that_is_shown_can_be_applied),
		cmocka_unit_test(a_change_that_changes_nothing_stores_nothing),
		cmocka_unit_test(a_dry_run_says_what_would_change_and_changes_nothing),
		cmocka_unit_test(edits_build_on_what_is_staged),
		cmocka_unit_test(pruning_deletes_what_is_not_named_and_tags_only_if_asked),
		cmocka_unit_test(a_deleted_station_leaves_nothing_behind),
		cmocka_unit_test(fewer_connectors_drop_the_settings_of_those_that_go),
		cmocka_unit_test(setting_keeps_what_is_not_given_and_applying_does_not),
		cmocka_unit_test(connectors_are_learned_and_kept),
		cmocka_unit_test(connectors_that_do_not_fit_stay_out),
		cmocka_unit_test(single_phase_zones_know_one_phase),
		cmocka_unit_test(a_socket_without_pilot_has_16_amperes),
		cmocka_unit_test(parents_precede_children_whatever_the_names),
		cmocka_unit_test(live_objects_survive_generations),
		cmocka_unit_test(what_a_station_told_survives_a_restart),
		cmocka_unit_test(strangers_do_not_fill_the_memory),
		cmocka_unit_test(ten_thousand_connectors_are_no_trouble),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
