/* hall/broker/publish.c - what the site looks like, for whoever listens: what has changed, once per interval.
 *
 * A round goes over all objects, some in each turn of the loop. Values are not retained by the broker: who comes later
 * would take an old one for new; so each object is told again after a minute even if nothing has changed. States are
 * retained; beside them PREFIX/online says whether anybody keeps them true.
 */
#include "hall/broker/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "site/outer/grid.h"
#include "site/outer/source.h"

#define TURN_OBJECTS 50
#define PAUSE_US     (5 * US_PER_MS)
#define AGAIN_US     (60 * US_PER_S)
#define TOPIC_MAX    400

enum kind { METERS, ZONES, CONNECTORS, SOURCES, GRID, KINDS };

struct item {
	uint64_t hash;			/* of what was told last; 0 = nothing yet */
	mono_t at;
};

struct publisher {
	struct app *app;
	struct mqtt *mqtt;
	struct item *items;		/* of all kinds, one after the other */
	size_t count[KINDS], total;
	size_t next;			/* of the running round */
	mono_t round, due;		/* it began; somebody should come again */
};

struct publisher *publisher_new(struct app *app, struct mqtt *mqtt)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->app = app;
	p->mqtt = mqtt;
	p->due = MONO_NEVER;
	return p;
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	free(p->items);
	free(p);
}

void publisher_restart(struct publisher *p, mono_t now)
{
	const struct site_conf *conf = p->app->hall.site->conf;

	p->count[METERS] = conf->meter_count;
	p->count[ZONES] = conf->zone_count;
	p->count[CONNECTORS] = p->app->slot_count;
	p->count[SOURCES] = conf->source_count;
	p->count[GRID] = 1;
	p->total = 0;
	for (int k = 0; k < KINDS; k++)
		p->total += p->count[k];
	free(p->items);
	p->items = xcalloc(p->total, sizeof(*p->items));
	p->next = p->total;
	p->round = now - p->app->boot.mqtt_interval * US_PER_S;
	p->due = now;
}

mono_t publisher_due(const struct publisher *p)
{
	return p->due;
}

const char *publisher_topic(const char *prefix, const char *kind, const char *id, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "%s/%s%s", prefix, kind, id ? "/" : "");

	for (; id != NULL && *id && len + 4 < size; id++)
		len += (size_t)snprintf(out + len, size - len, strchr("+#%", *id) ? "%%%02X" : "%c", (unsigned char)*id);
	return out;
}

/* ---- what is told of an object ------------------------------------------------------------------ */

static void put_phases(struct json_writer *w, const char *name, const struct phase_ma *p, const char *quality)
{
	bool any = false;

	for (int k = 0; k < PHASES; k++)
		any |= p->l[k] != NUM_NONE;
	jw_key(w, name);
	jw_object(w);
	jw_key(w, "value");
	if (any) {
		jw_array(w);
		for (int k = 0; k < PHASES; k++)
			jw_fixed(w, p->l[k], 1000);
		jw_array_end(w);
	} else {
		jw_null(w);
	}
	jw_kstr(w, "unit", "A");
	jw_kstr(w, "quality", any ? quality : "none");
	jw_object_end(w);
}

static void put_zone(const struct app *app, size_t i, struct json_writer *w)
{
	const struct zone_view *z = &app->hall.site->zone_views[i];
	bool measured = app->hall.site->conf->zones[i].meter >= 0;

	jw_kstr(w, "id", app->hall.site->conf->zones[i].k.id);
	jw_key(w, "values");
	jw_object(w);
	put_phases(w, "cap", &z->cap, "good");
	/* A lost meter has no load: what is known then is what the cars may be drawing. */
	put_phases(w, "load", measured && !z->load_ok ? &zone_limit_none.current : &z->load, measured ? "good" : "reported");
	put_phases(w, "sum", &z->sum, "good");
	put_phases(w, "building", &z->building, "estimated");
	jw_object_end(w);
	jw_kstr(w, "cap_why", z->cap_why);
	jw_kint(w, "competing", z->competing);
	jw_kint(w, "admitted", z->admitted);
	jw_kstr(w, "fault", z->trouble[0] ? z->trouble : NULL);
}

static void put_amount(struct json_writer *w, const char *name, int64_t v, int64_t scale, const char *unit, bool good)
{
	jw_key(w, name);
	jw_object(w);
	jw_key(w, "value");
	if (good && v != NUM_NONE)
		jw_fixed(w, v, scale);
	else
		jw_null(w);
	jw_kstr(w, "unit", unit);
	jw_kstr(w, "quality", v == NUM_NONE ? "none" : good ? "good" : "stale");
	jw_object_end(w);
}

static void put_connector(const struct connector *c, mono_t now, struct json_writer *w)
{
	bool online = c->station->state == STATION_ONLINE, fresh = now < c->draw_until;

	jw_kstr(w, "station", c->station->id);
	jw_kint(w, "connector", c->number);
	jw_kbool(w, "online", online);
	jw_kstr(w, "status", c->status[0] ? c->status : NULL);
	jw_kbool(w, "charging", c->tx != NULL);
	jw_kstr(w, "reason", c->view.reason_code);
	jw_key(w, "values");
	jw_object(w);
	put_amount(w, "limit", c->view.limit_ma, 1000, "A", true);
	put_phases(w, "current", fresh ? &c->draw : &zone_limit_none.current, "good");
	put_amount(w, "power", c->power_w, 1, "W", fresh);
	put_amount(w, "energy", c->tx ? c->tx->energy_wh : NUM_NONE, 1, "Wh", true);
	jw_object_end(w);
}

static void put_source(const struct app *app, size_t i, struct json_writer *w)
{
	const struct site *s = app->hall.site;
	const struct source_conf *source = &s->conf->sources[i];
	const struct signal *g = site_source_signal(s, source);

	jw_kstr(w, "id", source->k.id);
	jw_kstr(w, "state", site_source_state(s, source));
	jw_kbool(w, "sure", site_source_is_sure(s, source));
	jw_kstr(w, "by", g && g->by[0] ? g->by : NULL);
}

static void put_grid(const struct app *app, struct json_writer *w)
{
	const struct site *s = app->hall.site;

	jw_kstr(w, "state", grid_state_name(site_grid_state(s)));
	jw_kbool(w, "sure", site_grid_is_sure(s));
	jw_kstr(w, "by", site_grid_signal(s)->by[0] ? site_grid_signal(s)->by : NULL);
}

/* ---- telling it ------------------------------------------------------------------------------------ */

/* FNV-1a; never 0. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
	return h | 1;
}

static void put_object(struct publisher *p, enum kind kind, size_t i, mono_t now, struct json_writer *w, char *topic)
{
	static const char *const names[] = { "meter", "zone", "connector", "source", "grid" };
	const struct site_conf *conf = p->app->hall.site->conf;
	const char *id = NULL;
	char text[ID_MAX + 16];

	switch (kind) {
	case METERS:
		id = conf->meters[i].k.id;
		sense_put_values(p->app, i, now, w);
		break;
	case ZONES:
		id = conf->zones[i].k.id;
		put_zone(p->app, i, w);
		break;
	case CONNECTORS:
		snprintf(text, sizeof(text), "%s/%d", p->app->slots[i]->station->id, p->app->slots[i]->number);
		id = text;
		put_connector(p->app->slots[i], now, w);
		break;
	case SOURCES:
		id = conf->sources[i].k.id;
		put_source(p->app, i, w);
		break;
	case GRID:
		put_grid(p->app, w);
		break;
	case KINDS:
		break;
	}
	publisher_topic(p->app->boot.mqtt_prefix, names[kind], id, topic, TOPIC_MAX);
}

static void tell(struct publisher *p, struct item *item, enum kind kind, size_t i, mono_t now, wall_t wall)
{
	char topic[TOPIC_MAX], time[RFC3339_MAX];
	struct json_writer w;
	struct buf b;
	uint64_t hash;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	put_object(p, kind, i, now, &w, topic);
	hash = hash_of(b.data, b.len);
	if (hash != item->hash || now - item->at >= AGAIN_US) {
		jw_kstr(&w, "time", rfc3339_format(wall, time));
		jw_object_end(&w);
		if (mqtt_publish(p->mqtt, topic, b.data, b.len, kind == SOURCES || kind == GRID)) {
			item->hash = hash;
			item->at = now;
		}
	}
	buf_fini(&b);
}

void publisher_turn(struct publisher *p, mono_t now, wall_t wall)
{
	int64_t interval = p->app->boot.mqtt_interval * US_PER_S;
	int n = 0;

	if (now < p->due)
		return;
	if (p->next >= p->total) {
		if (now < p->round + interval) {
			p->due = p->round + interval;
			return;
		}
		p->round = now;
		p->next = 0;
		feed_views(p->app, now);
	}
	for (; p->next < p->total && n < TURN_OBJECTS; p->next++, n++) {
		size_t i = p->next;
		int kind = 0;

		while (i >= p->count[kind])
			i -= p->count[kind++];
		tell(p, &p->items[p->next], (enum kind)kind, i, now, wall);
	}
	p->due = p->next < p->total ? now + PAUSE_US : p->round + interval;
}
