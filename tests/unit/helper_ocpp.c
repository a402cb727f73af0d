/* helper_ocpp.c - see helper_ocpp.h. */
#include "tests/unit/helper_ocpp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "site/edit.h"

static void load_row(struct site_conf *c, enum store_table table, const char *key, const char *json)
{
	struct diag d;

	diag_init(&d);
	if (site_conf_load_row(c, table, key, json, strlen(json), &d))
		fail_msg("row %s: %s", key, d.text);
}

static void load_tag(struct site *s, const char *json)
{
	struct diag d;

	diag_init(&d);
	if (site_tag_load(s, json, strlen(json), &d))
		fail_msg("tag: %s", d.text);
}

static const char *const stations[] = {
	"{\"id\":\"CP1\",\"zone\":\"P1\",\"connectors\":2,\"wiring\":\"STR\"}",
	"{\"id\":\"CP2\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"L2\",\"step_ma\":1000}",
	"{\"id\":\"FREE\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"RST\",\"access\":\"free:GUEST\"}",
	"{\"id\":\"WATT\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"RST\",\"limit_unit\":\"W\"}",
};

static void load_conf(struct bench *b, const char *id, const char *keys)
{
	struct site_conf *c = site_conf_load_begin(), *old;
	char name[ID_MAX + 1];
	struct diag d;

	load_row(c, STORE_ZONE, "P1", "{\"id\":\"P1\",\"static_ma\":60000}");
	for (size_t i = 0; i < ARRAY_LEN(stations); i++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(stations[i] + 7, "\""), stations[i] + 7);
		if (!id || strcmp(id, name) != 0)
			load_row(c, STORE_STATION, name, stations[i]);
	}
	if (id && keys)
		load_row(c, STORE_STATION, id, keys);
	diag_init(&d);
	if (site_conf_load_end(c, &d))
		fail_msg("configuration: %s", d.text);
	old = b->site->owned;
	site_attach(b->site, c);
	for (struct station *st = b->site->stations; st; st = st->hh.next) {
		for (size_t i = 0; i < st->connector_count; i++)
			st->connectors[i]->slot = st->conf < 0 ? UINT32_MAX : (uint32_t)(st->conf * 10) + (uint32_t)i;
	}
	site_conf_free(old);
}

void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->site = site_new();
	b->ocpp = ocpp_new(b->site);
	b->now = 1000 * US_PER_S;
	b->wall = BENCH_WALL;
	b->next_token = 100;
	b->hall.site = b->site;
	b->hall.ocpp = b->ocpp;
	load_conf(b, NULL, NULL);
	load_tag(b->site, "{\"uid\":\"GOOD\"}");
	load_tag(b->site, "{\"uid\":\"GOOD2\"}");
	load_tag(b->site, "{\"uid\":\"VIP\",\"vip\":true,\"group\":\"FLEET\",\"expires\":\"2030-01-01T00:00:00Z\"}");
	load_tag(b->site, "{\"uid\":\"BLOCKED\",\"active\":false}");
	arena_init(&b->arena);
	effects_init(&b->fx, &b->arena);
}

struct ctl_call *bench_command(struct bench *b)
{
	bench_turn(b);
	b->call = (struct ctl_call){ .hall = &b->hall, .token = BENCH_TOKEN, .now = b->now, .wall = b->wall,
				     .arena = &b->arena, .fx = &b->fx };
	diag_init(&b->call.diag);
	return &b->call;
}

void bench_fini(struct bench *b)
{
	ocpp_free(b->ocpp);
	site_free(b->site);
	arena_fini(&b->arena);
}

void bench_turn(struct bench *b)
{
	arena_fini(&b->arena);
	effects_init(&b->fx, &b->arena);
}

void bench_configure(struct bench *b, const char *station, const char *keys)
{
	bench_turn(b);
	load_conf(b, station, keys);
	ocpp_reconfigured(b->ocpp, b->now, b->wall, &b->fx);
}

void bench_open(struct bench *b, uint64_t link, const char *id)
{
	bench_turn(b);
	ocpp_opened(b->ocpp, link, id, "192.0.2.7", false, b->now, b->wall, &b->fx);
}

void bench_close(struct bench *b, uint64_t link)
{
	bench_turn(b);
	ocpp_closed(b->ocpp, link, b->now, b->wall, &b->fx);
}

void bench_say(struct bench *b, uint64_t link, const char *frame)
{
	/* Exactly as long as it is, so that a read beyond its end is seen. */
	size_t len = strlen(frame);
	char *copy = malloc(len ? len : 1);

	memcpy(copy, frame, len);
	bench_turn(b);
	ocpp_frame(b->ocpp, link, copy, len, b->now, b->wall, &b->fx);
	free(copy);
}

void bench_sayf(struct bench *b, uint64_t link, const char *format, ...)
{
	char frame[20000];
	va_list ap;

	va_start(ap, format);
	assert_in_range(vsnprintf(frame, sizeof(frame), format, ap), 1, sizeof(frame) - 1);
	va_end(ap);
	bench_say(b, link, frame);
}

void bench_status(struct bench *b, uint64_t link, int connector, const char *status)
{
	bench_sayf(b, link, "[2,\"status\",\"StatusNotification\",{\"connectorId\":%d,\"errorCode\":\"NoError\","
		   "\"status\":\"%s\"}]", connector, status);
}

void bench_stop(struct bench *b, uint64_t link, int64_t tx, int64_t meter_wh)
{
	char time[RFC3339_MAX];

	bench_sayf(b, link, "[2,\"stop\",\"StopTransaction\",{\"transactionId\":%lld,\"meterStop\":%lld,"
		   "\"timestamp\":\"%s\"}]", (long long)tx, (long long)meter_wh, rfc3339_format(b->wall, time));
}

const char *bench_stored(const struct bench *b, enum store_table table)
{
	const char *json = "";

	for (const struct effect *e = b->fx.first; e; e = e->next) {
		if (e->kind == FX_PUT && e->u.put.table == table)
			json = e->u.put.json;
	}
	return json;
}

void bench_pass(struct bench *b, int64_t us)
{
	bench_turn(b);
	b->now += us;
	b->wall += us;
	ocpp_time(b->ocpp, b->now, b->wall, &b->fx);
}

struct connector *bench_conn(struct bench *b, const char *station, int number)
{
	struct station *st = site_station(b->site, station);
	struct connector *c = st ? site_connector(st, number) : NULL;

	assert_non_null(c);
	return c;
}

uint64_t bench_order(struct bench *b, const char *station, int connector, bool idle, int64_t limit_ma, bool raises)
{
	struct connector *conn = bench_conn(b, station, connector);
	const struct ocpp_order order = {
		.conn = conn, .slot = conn->slot, .idle = idle, .limit_ma = limit_ma, .given_ma = limit_ma, .raises = raises,
		.token = ++b->next_token, .when = raises ? FX_AFTER_COMMIT : FX_NOW,
	};

	bench_turn(b);
	ocpp_order(b->ocpp, &order, b->now, b->wall, &b->fx);
	return order.token;
}

uint64_t bench_order_falls(struct bench *b, const char *station, int connector, int64_t limit_ma, int64_t fallback_ma)
{
	struct connector *conn = bench_conn(b, station, connector);
	const struct ocpp_order order = {
		.conn = conn, .slot = conn->slot, .limit_ma = limit_ma, .given_ma = limit_ma, .token = ++b->next_token,
		.fallback_us = 300 * US_PER_S, .fallback_ma = fallback_ma, .when = FX_NOW,
	};

	bench_turn(b);
	ocpp_order(b->ocpp, &order, b->now, b->wall, &b->fx);
	return order.token;
}

const struct effect *bench_effect(const struct bench *b, enum effect_kind kind, size_t n)
{
	for (const struct effect *e = b->fx.first; e; e = e->next) {
		if (e->kind == kind && n-- == 0)
			return e;
	}
	return NULL;
}

const char *bench_frame(const struct bench *b, size_t n)
{
	const struct effect *e = bench_effect(b, FX_FRAME, n);

	return e ? e->u.frame.text : "";
}

const char *bench_find(const struct bench *b, const char *text)
{
	for (size_t n = 0; *bench_frame(b, n); n++) {
		if (strstr(bench_frame(b, n), text))
			return bench_frame(b, n);
	}
	return NULL;
}

bool bench_call_id(const struct bench *b, const char *text, char *id, size_t size)
{
	const char *frame = bench_find(b, text);

	if (!frame || strncmp(frame, "[2,\"", 4) != 0)
		return false;
	snprintf(id, size, "%.*s", (int)strcspn(frame + 4, "\""), frame + 4);
	return true;
}

void bench_answer(struct bench *b, uint64_t link, const char *text, const char *payload)
{
	char id[60], frame[2000];

	if (!bench_call_id(b, text, id, sizeof(id)))
		fail_msg("no call with %s was sent, but %s", text, bench_frame(b, 0));
	snprintf(frame, sizeof(frame), "[3,\"%s\",%s]", id, payload);
	bench_say(b, link, frame);
}

void bench_refuse(struct bench *b, uint64_t link, const char *text, const char *code)
{
	char id[60], frame[300];

	if (!bench_call_id(b, text, id, sizeof(id)))
		fail_msg("no call with %s was sent, but %s", text, bench_frame(b, 0));
	snprintf(frame, sizeof(frame), "[4,\"%s\",\"%s\",\"\",{}]", id, code);
	bench_say(b, link, frame);
}

int bench_token(const struct bench *b, uint64_t token)
{
	int answer = -1;

	for (const struct effect *e = b->fx.first; e; e = e->next) {
		if (e->kind == FX_ANSWER && e->u.answer.token == token)
			answer = answer == -1 ? e->u.answer.answer : -2;
	}
	return answer;
}

void bench_boot(struct bench *b, uint64_t link, const char *id)
{
	const struct station *st;
	char frame[200], call[60];

	bench_open(b, link, id);
	bench_say(b, link, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"}]");
	st = site_station(b->site, id);
	for (size_t i = 1; i <= st->connector_count; i++) {
		snprintf(frame, sizeof(frame), "[2,\"s%zu\",\"StatusNotification\",{\"connectorId\":%zu,"
			 "\"errorCode\":\"NoError\",\"status\":\"Available\"}]", i, i);
		bench_say(b, link, frame);
	}
	bench_pass(b, 6 * US_PER_S);
	while (bench_call_id(b, "Configuration", call, sizeof(call)))
		bench_refuse(b, link, call, "NotImplemented");
}

int32_t bench_start(struct bench *b, uint64_t link, int connector, const char *tag)
{
	static int serial;
	const char *id;
	char frame[300], time[RFC3339_MAX];

	snprintf(frame, sizeof(frame), "[2,\"start%d\",\"StartTransaction\",{\"connectorId\":%d,\"idTag\":\"%s\","
		 "\"meterStart\":1000,\"timestamp\":\"%s\"}]", ++serial, connector, tag,
		 rfc3339_format(b->wall, time));
	bench_say(b, link, frame);
	id = strstr(bench_frame(b, 0), "\"transactionId\":");
	return id ? (int32_t)strtol(id + 16, NULL, 10) : 0;
}
