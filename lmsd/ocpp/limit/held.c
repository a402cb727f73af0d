/* ocpp/limit/held.c - see held.h. */
#include "ocpp/limit/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/limit/way.h"

#define BY_HAND_MAX 16

struct held {
	struct held *next;
	int connector;
	int64_t id, level;
	char purpose[24], limit[24];
	int64_t periods;
	bool ends;		/* by itself: a duration, or validTo */
	wall_t at;
};

void held_free(struct ocpp_session *s)
{
	struct held *h;

	while ((h = s->by_hand) != NULL) {
		s->by_hand = h->next;
		free(h);
	}
}

void held_order(struct ocpp_session *s, const struct call *c, const struct turn *t)
{
	struct station *st = session_station(s);
	struct connector *conn = st ? site_connector(st, c->connector) : NULL;

	if (!conn)
		return;
	if (c->idle) {
		conn->held.idle_ma = c->limit_ma;
		conn->held.idle_at = t->wall;
	} else {
		conn->held.tx_ma = c->limit_ma;
		conn->held.tx_at = t->wall;
		conn->held.tx = c->tx;
	}
}

/* ---- by hand ---- */

static int64_t int_of(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return ocpp_read_int(json_get(obj, key), &v) == 0 ? v : dflt;
}

static void drop(struct held **at)
{
	struct held *h = *at;

	*at = h->next;
	free(h);
}

/* It takes the place of one with its id, and of one with its purpose and level (OCPP 1.6, 3.13.2). */
static void put(struct ocpp_session *s, const struct json *p, const struct turn *t)
{
	const struct json *profile = json_get(p, "csChargingProfiles"), *schedule = json_get(profile, "chargingSchedule");
	const struct json *periods = json_get(schedule, "chargingSchedulePeriod"), *limit = json_get(json_at(periods, 0), "limit");
	struct held *h = xcalloc(1, sizeof(*h)), **at = &s->by_hand;
	size_t count = 0;

	h->connector = (int)int_of(p, "connectorId", 0);
	h->id = int_of(profile, "chargingProfileId", 0);
	h->level = int_of(profile, "stackLevel", 0);
	h->periods = periods ? (int64_t)periods->count : 0;
	h->ends = json_get(schedule, "duration") || json_get(profile, "validTo");
	h->at = t->wall;
	inbound_copy_field(h->purpose, sizeof(h->purpose), profile, "chargingProfilePurpose");
	snprintf(h->limit, sizeof(h->limit), "%.12s %.4s", limit && limit->text ? limit->text : "?",
		 json_str(json_get(schedule, "chargingRateUnit"), ""));
	while (*at) {
		const struct held *o = *at;

		if (o->id == h->id || (o->connector == h->connector && o->level == h->level && strcmp(o->purpose, h->purpose) == 0))
			drop(at);
		else
			at = &(*at)->next;
	}
	*at = h;
	for (h = s->by_hand; h; h = h->next)
		count++;
	if (count > BY_HAND_MAX)
		drop(&s->by_hand);
}

/* OCPP 1.6, 5.4: an id names one; else each of the others that is given must match. */
struct filter { int64_t id, connector, level; const char *purpose; };

static bool matches(const struct filter *f, int64_t id, int connector, int64_t level, const char *purpose)
{
	if (f->id != NUM_NONE)
		return id == f->id;
	return (f->connector == NUM_NONE || connector == f->connector) && (f->level == NUM_NONE || level == f->level) &&
		(!f->purpose || strcmp(purpose, f->purpose) == 0);
}

static void clear(struct ocpp_session *s, struct station *st, const struct json *p)
{
	const struct filter f = { int_of(p, "id", NUM_NONE), int_of(p, "connectorId", NUM_NONE), int_of(p, "stackLevel", NUM_NONE),
				  json_str(json_get(p, "chargingProfilePurpose"), NULL) };
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	int level = order_stack_level(s, st);

	for (struct held **at = &s->by_hand; *at;) {
		if (matches(&f, (*at)->id, (*at)->connector, (*at)->level, (*at)->purpose))
			drop(at);
		else
			at = &(*at)->next;
	}
	for (size_t i = 0; i < st->connector_count; i++) {
		struct connector *conn = st->connectors[i];

		if (matches(&f, way_profile_id(sc, conn->number, true), conn->number, level, "TxDefaultProfile"))
			conn->held.idle_at = 0;
		if (matches(&f, way_profile_id(sc, conn->number, false), conn->number, level, "TxProfile"))
			conn->held.tx_at = 0;
	}
}

void held_by_hand(struct ocpp_session *s, const struct call *c, const struct turn *t)
{
	struct station *st = session_station(s);
	const struct json *p;
	struct arena arena;

	if (!st || (strcmp(c->action, "SetChargingProfile") != 0 && strcmp(c->action, "ClearChargingProfile") != 0))
		return;
	arena_init(&arena);
	p = json_parse(&arena, c->payload, c->len, &JSON_CAPS_DEFAULT, NULL);
	if (strcmp(c->action, "SetChargingProfile") == 0)
		put(s, p, t);
	else
		clear(s, st, p);
	arena_fini(&arena);
}

/* ---- for people ---- */

static void write_row(struct json_writer *w, int connector, const char *purpose, int64_t id, int64_t level, const char *limit,
		      const char *by, wall_t at)
{
	char text[RFC3339_MAX];

	jw_object(w);
	jw_kint(w, "connector", connector);
	jw_kstr(w, "purpose", purpose);
	jw_kint(w, "id", id);
	jw_kint(w, "stack_level", level);
	jw_kstr(w, "limit", limit);
	jw_kstr(w, "by", by);
	jw_kstr(w, "accepted", rfc3339_format(at / US_PER_S * US_PER_S, text));
	jw_object_end(w);
}

static const char *amperes(int64_t ma, char out[24])
{
	snprintf(out, 24, "%lld.%lld A", (long long)(ma / 1000), (long long)(ma % 1000 / 100));
	return out;
}

void held_write(const struct ocpp_session *s, const struct station *st, struct json_writer *w)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	int level = order_stack_level(s, st);
	char text[48];

	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector *c = st->connectors[i];

		if (c->held.idle_at)
			write_row(w, c->number, "TxDefaultProfile", way_profile_id(sc, c->number, true), level, amperes(c->held.idle_ma, text),
				  "lmsd", c->held.idle_at);
		if (c->held.tx_at && c->tx && c->tx->id == c->held.tx)
			write_row(w, c->number, "TxProfile", way_profile_id(sc, c->number, false), level, amperes(c->held.tx_ma, text),
				  "lmsd", c->held.tx_at);
	}
	for (const struct held *h = s->by_hand; h; h = h->next) {
		snprintf(text, sizeof(text), "%s%s%s", h->limit, h->periods > 1 ? " at first" : "", h->ends ? ", ends" : "");
		write_row(w, h->connector, h->purpose, h->id, h->level, text, "hand", h->at);
	}
}
