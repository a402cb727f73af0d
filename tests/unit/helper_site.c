#include "helper_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site/door/cert_request.h"
#include "site/door/security_log.h"
#include "site/tags/pending.h"

static const struct utc_offset paris_rows[] = {
	{ INT64_MIN, 3600 },
	{ INT64_C(1774746000) * US_PER_S, 7200 },
	{ INT64_C(1792890000) * US_PER_S, 3600 },
};
const struct time_zone desk_paris = { paris_rows, ARRAY_LEN(paris_rows), "Europe/Paris" };

wall_t desk_time(const char *text)
{
	wall_t t;

	assert_int_equal(rfc3339_parse(text, strlen(text), &t), 0);
	return t;
}

struct desk_record {
	UT_hash_handle hh; /* by name: "table key" */
	enum store_table table;
	char name[100];
	const char *key;
	char *json;
};

void desk_init(struct desk *r)
{
	memset(r, 0, sizeof(*r));
	r->site = site_new();
	r->hall.site = r->site;
	r->now = 1000 * US_PER_S;
	r->wall = DESK_WALL;
	r->roles = CTL_ADMIN;
	arena_init(&r->arena);
	effects_init(&r->fx, &r->arena);
	buf_init(&r->answer);
}

static void forget(struct desk *r, struct desk_record *rec)
{
	HASH_DELETE(hh, r->stored, rec);
	free(rec->json);
	free(rec);
}

void desk_fini(struct desk *r)
{
	while (r->stored)
		forget(r, r->stored);
	site_free(r->site);
	buf_fini(&r->answer);
	arena_fini(&r->arena);
}

/* ---- the store ---- */

static struct desk_record *find(const struct desk *r, enum store_table table, const char *key)
{
	struct desk_record *rec;
	char name[100];

	snprintf(name, sizeof(name), "%02d %s", (int)table, key);
	HASH_FIND_STR(r->stored, name, rec);
	return rec;
}

static void put(struct desk *r, enum store_table table, const char *key, const char *json, size_t len)
{
	struct desk_record *rec = find(r, table, key);

	assert_true(strlen(key) >= 1 && strlen(key) <= 64);
	assert_non_null(json_parse(&r->arena, json, len, &JSON_CAPS_DEFAULT, NULL));
	if (rec)
		forget(r, rec);
	rec = xcalloc(1, sizeof(*rec));
	snprintf(rec->name, sizeof(rec->name), "%02d %s", (int)table, key);
	rec->table = table;
	rec->key = rec->name + 3;
	rec->json = xcalloc(1, len + 1);
	memcpy(rec->json, json, len);
	HASH_ADD_STR(r->stored, name, rec);
	r->put_count++;
}

static void swap(struct desk *r, struct site_conf *conf)
{
	struct site_conf *old = r->site->owned;

	site_attach(r->site, conf);
	site_conf_free(old);
}

void desk_settle(struct desk *r)
{
	for (const struct effect *e = r->fx.first; e; e = e->next) {
		struct desk_record *rec;

		if (e->kind == FX_PUT)
			put(r, e->u.put.table, e->u.put.key, e->u.put.json, e->u.put.len);
		if (e->kind == FX_DEL && (rec = find(r, e->u.del.table, e->u.del.key)))
			forget(r, rec);
		if (e->kind == FX_CONFIG)
			swap(r, e->u.config.conf);
	}
	effects_init(&r->fx, &r->arena);
}

const char *desk_stored(const struct desk *r, enum store_table table, const char *key)
{
	const struct desk_record *rec = find(r, table, key);

	return rec ? rec->json : NULL;
}

size_t desk_stored_count(const struct desk *r, enum store_table table)
{
	size_t count = 0;

	for (const struct desk_record *rec = r->stored; rec; rec = rec->hh.next)
		count += rec->table == table;
	return count;
}

static int by_name(const struct desk_record *a, const struct desk_record *b)
{
	return strcmp(a->name, b->name);
}

static void load_live(struct desk *r, enum store_table table)
{
	for (const struct desk_record *rec = r->stored; rec; rec = rec->hh.next) {
		size_t len = strlen(rec->json);
		int ret = 0;

		if (rec->table != table)
			continue;
		if (table == STORE_META)
			ret = site_meta_load(r->site, rec->key, rec->json, len, &r->diag);
		else if (table == STORE_TAG)
			ret = site_tag_load(r->site, rec->json, len, &r->diag);
		else if (table == STORE_PENDING_TAG)
			ret = pending_load(r->site, rec->key, rec->json, len, &r->diag);
		else if (table == STORE_SECURITY_EVENT)
			ret = security_log_load(r->site, rec->key, rec->json, len, &r->diag);
		else if (table == STORE_CERT_REQUEST)
			ret = cert_request_load(r->site, rec->key, rec->json, len, &r->diag);
		else if (table == STORE_SECURITY)
			ret = security_load(r->site, rec->key, rec->json, len, &r->diag);
		else if (table == STORE_BOOT)
			ret = site_boot_load(r->site, rec->key, rec->json, len, &r->diag);
		else
			ret = site_tx_load(r->site, rec->json, len, table == STORE_TX_RUN, &r->diag);
		assert_true(ret >= 0);
	}
}

void desk_restart(struct desk *r)
{
	static const enum store_table live[] = { STORE_META, STORE_TAG, STORE_PENDING_TAG, STORE_BOOT, STORE_SECURITY, STORE_SECURITY_EVENT, STORE_CERT_REQUEST,
						 STORE_TX_RUN, STORE_TX };
	struct time_zone tz = r->site->tz;
	struct site_conf *c = site_conf_load_begin();

	desk_settle(r);
	site_free(r->site);
	r->site = site_new();
	r->hall.site = r->site;
	r->site->tz = tz;
	diag_init(&r->diag);
	HASH_SRT(hh, r->stored, by_name);
	for (const struct desk_record *rec = r->stored; rec; rec = rec->hh.next)
		if (rec->table <= STORE_CONNECTOR)
			site_conf_load_row(c, rec->table, rec->key, rec->json, strlen(rec->json), &r->diag);
	site_conf_load_end(c, &r->diag);
	site_attach(r->site, c);
	site_totals_roll(r->site, r->wall);
	for (size_t i = 0; i < ARRAY_LEN(live); i++)
		load_live(r, live[i]);
}

/* ---- calls ---- */

static int dispatch(struct ctl_call *c, const void *args)
{
#define HANDLED(n, v)                                  \
	if (c->verb->id == CTL_VERB_##n##_##v) \
	return ctl_##n##_##v(c, args)
	HANDLED(site, show);
	HANDLED(site, set);
	HANDLED(zone, list);
	HANDLED(zone, show);
	HANDLED(zone, create);
	HANDLED(zone, set);
	HANDLED(zone, delete);
	HANDLED(meter, list);
	HANDLED(meter, show);
	HANDLED(meter, add);
	HANDLED(meter, set);
	HANDLED(meter, delete);
	HANDLED(station, list);
	HANDLED(station, show);
	HANDLED(station, pending);
	HANDLED(station, add);
	HANDLED(station, accept);
	HANDLED(station, set);
	HANDLED(station, delete);
	HANDLED(connector, list);
	HANDLED(connector, show);
	HANDLED(connector, set);
	HANDLED(tag, list);
	HANDLED(tag, show);
	HANDLED(tag, add);
	HANDLED(tag, set);
	HANDLED(tag, delete);
	HANDLED(tag, import);
	HANDLED(tag, learn);
	HANDLED(tag, collect);
	HANDLED(tag, pending);
	HANDLED(tag, accept);
	HANDLED(tag, credit_set);
	HANDLED(tag, credit_add);
	HANDLED(group, list);
	HANDLED(group, show);
	HANDLED(group, create);
	HANDLED(group, set);
	HANDLED(group, delete);
	HANDLED(tag_group, list);
	HANDLED(tag_group, show);
	HANDLED(tag_group, create);
	HANDLED(tag_group, set);
	HANDLED(tag_group, delete);
	HANDLED(source, list);
	HANDLED(source, show);
	HANDLED(source, add);
	HANDLED(source, set);
	HANDLED(source, delete);
	HANDLED(source, clear);
	HANDLED(grid, show);
	HANDLED(grid, log);
	HANDLED(grid, check);
	HANDLED(alert, list);
	HANDLED(alert, show);
	HANDLED(alert, ack);
	HANDLED(alert_rule, list);
	HANDLED(alert_rule, show);
	HANDLED(alert_rule, set);
	HANDLED(event, list);
	HANDLED(config, show);
	HANDLED(config, apply);
	HANDLED(config, check);
#undef HANDLED
	fail_msg("%s is not of the site room", c->verb->method);
	return -LMS_EMETHOD;
}

static const char *quoted(struct desk *r, const char *text)
{
	char *copy = arena_strdup(&r->arena, text);

	for (char *s = copy; *s; s++)
		if (*s == '\'')
			*s = '"';
	return copy;
}

int desk_call_only(struct desk *r, const char *method, const char *params)
{
	struct ctl_call c = { .hall = &r->hall,
			      .verb = ctl_verb_find(method),
			      .roles = r->roles,
			      .now = r->now,
			      .wall = r->wall,
			      .arena = &r->arena,
			      .fx = &r->fx,
			      .out = &r->answer };
	const struct json *obj = NULL;
	void *args;
	int ret;

	assert_non_null(c.verb);
	diag_init(&c.diag);
	buf_clear(&r->answer);
	jw_init(&c.w, &r->answer);
	if (params) {
		params = quoted(r, params);
		obj = json_parse(&r->arena, params, strlen(params), &JSON_CAPS_DEFAULT, &c.diag);
		if (!obj)
			fail_msg("%s: %s", params, c.diag.text);
	}
	ret = ctl_args_read(c.verb, obj, &r->arena, &args, &c.diag);
	if (!ret)
		ret = dispatch(&c, args);
	r->diag = c.diag;
	/* An error is always explained, and a success never is. */
	assert_int_equal(ret < 0, diag_failed(&c.diag));
	return ret;
}

int desk_call(struct desk *r, const char *method, const char *params)
{
	int ret = desk_call_only(r, method, params);

	desk_settle(r);
	return ret;
}

void desk_must(struct desk *r, const char *method, const char *params)
{
	if (desk_call(r, method, params))
		fail_msg("%s %s: %s", method, params ? params : "", r->diag.text);
}

const struct json *desk_answer(struct desk *r)
{
	const char *text = arena_strdup(&r->arena, buf_cstr(&r->answer));
	const struct json *j;

	diag_init(&r->diag);
	j = json_parse(&r->arena, text, strlen(text), &JSON_CAPS_DEFAULT, &r->diag);
	if (!j)
		fail_msg("%s: %s", text, r->diag.text);
	return j;
}

const char *desk_document(struct desk *r)
{
	desk_must(r, "config.show", NULL);
	return arena_strdup(&r->arena, buf_cstr(&r->answer));
}

struct station *desk_connect(struct desk *r, const char *id, size_t connectors)
{
	struct station *st = site_station_get(r->site, id);

	st->link = 1;
	st->state = st->conf < 0 ? STATION_PENDING : STATION_ONLINE;
	site_station_grow(r->site, st, connectors);
	return st;
}

void desk_sample(struct site *s, struct tx *tx, int64_t register_wh, wall_t wall, struct effects *fx)
{
	const struct tx_sample sample = { .time = wall, .register_wh = register_wh, .power_w = NUM_NONE,
					  .current = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

	site_tx_sample(s, tx, &sample, wall, fx);
}
