/* What the site stores is what records.def declares: every member of every record, by its type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "site/edit.h"
#include "site/site.h"
#include "store/record.h"

#define NOW  (INT64_C(1000) * US_PER_S)
#define WALL (INT64_C(1763700000) * US_PER_S)

static struct arena arena;
static bool seen[STORE_TABLE_COUNT];

static bool declared(enum store_table table, const char *name)
{
	size_t count;
	const struct record_field *f = record_fields(&count);

	for (size_t i = 0; i < count; i++) {
		if (f[i].table == table && strcmp(f[i].name, name) == 0)
			return true;
	}
	return false;
}

static void check_record(const struct effect *e)
{
	enum store_table table = e->u.put.table;
	const struct json *rec;
	struct diag d;

	seen[table] = true;
	diag_init(&d);
	if (strlen(e->u.put.key) > STORE_KEY_MAX ||
	    record_check(table, e->u.put.json, e->u.put.len, &arena, &d) < 0)
		fail_msg("%s %s: %s: %s", store_table_name(table), e->u.put.key, e->u.put.json, d.text);
	rec = json_parse(&arena, e->u.put.json, e->u.put.len, &JSON_CAPS_DEFAULT, &d);
	for (const struct json *j = rec->first; j; j = j->next) {
		if (!declared(table, j->key))
			fail_msg("records.def lacks %s of %s", j->key, store_table_name(table));
	}
}

static void check_effects(struct effects *fx, struct site *site)
{
	for (const struct effect *e = fx->first; e; e = e->next) {
		if (e->kind == FX_PUT)
			check_record(e);
		if (e->kind == FX_CONFIG)
			site_attach(site, e->u.config.conf);
	}
	effects_init(fx, &arena);
}

/* The keys of a noun from the JSON of its control record. */
static void *keys(enum ctl_noun_id noun, const char *json)
{
	const struct ctl_noun_desc *n = &ctl_nouns[noun];
	uint64_t *k = arena_alloc(&arena, n->keys_size);
	struct diag d;
	struct json *obj;

	diag_init(&d);
	obj = json_parse(&arena, json, strlen(json), &JSON_CAPS_DEFAULT, &d);
	/* `given` is the first member of every keys struct. */
	if (!obj || fields_read(n->keys, n->key_count, obj, true, &arena, k, k, &d) < 0)
		fail_msg("%s: %s", json, d.text);
	return k;
}

static void configure(struct site *site, struct effects *fx)
{
	struct site_edit *e = site_edit_new(site);
	const struct site_change *changes;
	size_t count;
	struct diag d;

	diag_init(&d);
	site_edit_at(e, WALL, NULL);
	site_edit_site(e, keys(CTL_NOUN_site, "{\"title\":\"Test\",\"timezone\":\"UTC\"}"));
	site_edit_meter(e, keys(CTL_NOUN_meter, "{\"id\":\"M1\",\"profile\":\"eastron-sdm630\","
				"\"address\":\"1@127.0.0.1:1502\",\"stale_after_ms\":5000}"),
			SITE_CREATE);
	site_edit_zone(e, keys(CTL_NOUN_zone, "{\"id\":\"Z\",\"fuse_ma\":100000,\"static_ma\":[60000,"
			       "60000,60000],\"dynamic_ma\":[90000,90000,90000],\"meter\":\"M1\","
			       "\"meter_lost_ma\":[20000,20000,20000],\"policy\":\"equal\"}"),
		       SITE_CREATE);
	site_edit_station(e, keys(CTL_NOUN_station, "{\"id\":\"CP1\",\"zone\":\"Z\",\"connectors\":2,"
				  "\"wiring\":\"RST\",\"max_ma\":32000,\"vip\":true}"), SITE_CREATE);
	site_edit_connector(e, keys(CTL_NOUN_connector, "{\"id\":\"CP1/2\",\"max_ma\":16000}"),
			    SITE_REPLACE);
	site_edit_tag(e, keys(CTL_NOUN_tag, "{\"uid\":\"04AABBCC\",\"holder\":\"Ann\",\"active\":true,"
			      "\"expires\":\"2030-01-01T00:00:00Z\",\"group\":\"FLEET\"}"), SITE_CREATE);
	if (site_edit_commit(e, fx, false, &changes, &count, &arena, &d) < 0)
		fail_msg("%s", d.text);
	site_edit_free(e);
}

static void charge(struct site *site, struct effects *fx)
{
	struct station *st = site_station_get(site, "CP1");
	struct tx_start start = { .tag = "04AABBCC", .time = WALL, .meter_wh = 1000, .hash = 7 };
	struct tx_stop stop = { .station = st, .tag = "04AABBCC", .reason = "Local",
				.time = WALL + US_PER_S, .meter_wh = 2000 };
	static const char sample[] = "{\"value\":\"AB\",\"format\":\"SignedData\"}";
	struct auth auth;
	struct tx *tx;

	start.conn = st->connectors[0];
	tx = site_tx_start(site, &start, NOW, WALL, &stop.id, &auth, fx);
	assert_non_null(tx);
	for (int64_t wh = 1000; wh <= 2000; wh += 100)
		site_tx_sample(site, tx, &(struct tx_sample){ .time = WALL_NONE, .register_wh = wh, .power_w = 2300,
			       .current = { { 10000, 0, 0 } } }, WALL + wh * US_PER_S, fx);
	assert_true(site_tx_signed(site, tx, sample, strlen(sample), "2026-01-01T00:00:00Z", true,
				   WALL, fx));
	check_effects(fx, site);
	assert_int_equal(site_tx_stop(site, &stop, WALL + 3600 * US_PER_S, &auth, fx), 0);
	start.tag = "UNKNOWN";
	start.hash = 8;
	assert_null(site_tx_start(site, &start, NOW, WALL, &stop.id, &auth, fx));
	stop.id = -1;
	site_tx_stop(site, &stop, WALL, &auth, fx);
}

static void all_that_the_site_stores_is_declared(void **state)
{
	static const enum store_table tables[] = {
		STORE_META, STORE_SITE, STORE_ZONE, STORE_METER, STORE_STATION, STORE_CONNECTOR,
		STORE_TAG, STORE_TX_RUN, STORE_TX, STORE_CURVE, STORE_SIGNED, STORE_BOOT,
	};
	struct site *site = site_new();
	struct effects fx;
	struct station *st;

	(void)state;
	arena_init(&arena);
	effects_init(&fx, &arena);
	configure(site, &fx);
	check_effects(&fx, site);
	st = site_station_get(site, "CP1");
	snprintf(st->vendor, sizeof(st->vendor), "Acme");
	snprintf(st->meter_serial, sizeof(st->meter_serial), "123");
	st->booted = WALL;
	site_boot_store(st, &fx);
	check_effects(&fx, site);
	charge(site, &fx);
	check_effects(&fx, site);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (!seen[tables[i]])
			fail_msg("nothing was stored in %s", store_table_name(tables[i]));
	}
	site_free(site);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_the_site_stores_is_declared),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
