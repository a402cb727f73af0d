/* feed.c - between site, balance and stations: the model out, what happened in, orders out.
 *
 * The balance knows connectors by slot, the index in the model it was given last; app->slots maps
 * back. Everything that a turn of the balance decides becomes an effect of the same turn, so an
 * increase and the W that must be stored before it travel in one batch.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "site/outer/grid.h"
#include "site/outer/override.h"
#include "site/outer/sun.h"
#include "site/outer/source.h"

#define ROUNDS_MAX 16			/* answers make turns make answers: bounded, the rest next time */

/* ---- the model ---------------------------------------------------------------------------- */

static void slots_forget(struct app *app)
{
	struct station *st, *tmp;

	HASH_ITER(hh, app->hall.site->stations, st, tmp)
		for (size_t i = 0; i < st->connector_count; i++)
			st->connectors[i]->slot = UINT32_MAX;
}

/* Of what the configuration does not name any more nothing is stored. */
static void disk_forget(struct app *app)
{
	struct station *st, *tmp;

	HASH_ITER(hh, app->hall.site->stations, st, tmp)
		for (size_t i = 0; i < st->connector_count; i++)
			if (st->connectors[i]->slot == UINT32_MAX)
				st->connectors[i]->disk.least_ma = st->connectors[i]->disk.last_ma = INT64_MAX;
}

/* One per zone and meter of the configuration in force, filled before anyone looks. */
static void views_resize(struct site *site)
{
	site->zone_views = xrealloc(site->zone_views, (site->conf->zone_count + 1) * sizeof(*site->zone_views));
	site->meter_views = xrealloc(site->meter_views, (site->conf->meter_count + 1) * sizeof(*site->meter_views));
	memset(site->zone_views, 0, (site->conf->zone_count + 1) * sizeof(*site->zone_views));
	memset(site->meter_views, 0, (site->conf->meter_count + 1) * sizeof(*site->meter_views));
	for (size_t i = 0; i < site->conf->zone_count; i++)	/* until the balance says more */
		snprintf(site->zone_views[i].cap_why, sizeof(site->zone_views[i].cap_why), "refused");
}

static void slots_fill(struct app *app, const struct site_conf *conf, size_t count)
{
	size_t n = 0;

	slots_forget(app);
	app->slots = xrealloc(app->slots, (count + 1) * sizeof(struct connector *));
	for (size_t i = 0; i < conf->station_count; i++) {
		const struct station_conf *s = &conf->stations[i];
		struct station *st = site_station(app->hall.site, s->k.id);

		for (size_t k = 0; k < s->connector_count; k++) {
			struct connector *c = site_connector(st, s->connectors[k].number);

			c->slot = (uint32_t)n;
			app->slots[n++] = c;
			site_touch(app->hall.site, c);
		}
		site_station_news(app->hall.site, st, STATION_NEWS_ONLINE);
	}
	app->slot_count = n;
	disk_forget(app);
}

void feed_cap(struct app *app, const struct connector *c, mono_t now)
{
	int64_t cap = c->proof_ma != 0 ? c->proof_ma : NUM_NONE;
	char id[ID_MAX + 16];

	snprintf(id, sizeof(id), "%s/%d", c->station->id, c->number);
	for (const struct limit_until *l = app->limits; l != NULL; l = l->next)
		if (strcmp(l->id, id) == 0 && (cap == NUM_NONE || l->limit_ma < cap))
			cap = l->limit_ma;
	balance_conn_cap(app->hall.balance, c->slot, cap, now);
}

int feed_configure(struct app *app, mono_t now, struct diag *diag)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct bal_conf model;
	struct arena arena;
	int ret;

	app->viewed = MONO_NEVER;
	views_resize(app->hall.site);
	arena_init(&arena);
	feed_model(conf, &arena, &model);
	ret = balance_configure(app->hall.balance, &model, now, diag);
	app->balanced = ret == 0;
	if (ret == 0)
		slots_fill(app, conf, model.conn_count);
	arena_fini(&arena);
	for (size_t i = 0; ret == 0 && i < app->slot_count; i++)
		if (app->limits != NULL || app->slots[i]->proof_ma != 0)
			feed_cap(app, app->slots[i], now);
	site_override_time(app->hall.site, now, loop_wall(), &app->fx);
	site_source_time(app->hall.site, now, loop_wall(), &app->fx);
	if (site_grid_time(app->hall.site, now, loop_wall(), &app->fx))
		feed_grid(app, loop_wall());
	feed_outer(app, now, loop_wall());
	return ret;
}

/* The unit of its limits as the station wants it; what is not known yet stays as it was. */
static void tell_unit(struct app *app, struct connector *c)
{
	int unit = ocpp_unit(app->hall.ocpp, c);

	if (unit >= 0)
		c->watts = unit > 0;
	if (c->slot != UINT32_MAX)
		balance_watts(app->hall.balance, c->slot, c->watts);
}

static int restore_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct app *app = ctx;
	struct connector *c = site_connector_by_id(app->hall.site, key, NULL);
	struct arena arena;
	const struct json *rec;
	int64_t w_ma;

	if (c == NULL || c->slot == UINT32_MAX)
		return 0;
	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, NULL);
	/* The unit first: it says what the amount means. */
	c->watts = json_bool(json_get(rec, "watts"), false);
	tell_unit(app, c);
	if (json_int(json_get(rec, "w_ma"), &w_ma) == 0) {
		c->disk.least_ma = c->disk.last_ma = w_ma;
		balance_restore(app->hall.balance, c->slot, w_ma, json_bool(json_get(rec, "idle_acked"), false));
	}
	arena_fini(&arena);
	return 0;
}

void feed_restore(struct app *app)
{
	store_load(app->store, STORE_LIMIT, restore_row, app, NULL);
}

/* ---- what happened ------------------------------------------------------------------------ */

static enum bal_use use_of(enum conn_use use)
{
	switch (use) {
	case USE_NONE:
		return BAL_NONE;
	case USE_WELCOME:
		return BAL_WELCOME;
	case USE_WAITS:
		return BAL_WAITS;
	case USE_CHARGING:
		return BAL_CHARGING;
	case USE_FULL:
		return BAL_FULL;
	case USE_STOPPED:
		return BAL_STOPPED;
	}
	return BAL_NONE;
}

static void tell_stations(struct app *app, mono_t now)
{
	struct station *st;

	while ((st = app->hall.site->news) != NULL) {
		app->hall.site->news = st->news_next;
		st->news_next = NULL;
		for (size_t i = 0; st->conf >= 0 && i < st->connector_count; i++)
			tell_unit(app, st->connectors[i]);
		if (st->conf >= 0 && st->booted_changed)
			balance_booted(app->hall.balance, st->id, now);
		if (st->conf >= 0)
			balance_online(app->hall.balance, st->id, st->state == STATION_ONLINE, now);
		if (st->conf >= 0)
			balance_fallback(app->hall.balance, st->id, st->takes_fallback);
		st->online_changed = st->booted_changed = st->fallback_changed = false;
	}
}

/* By the zone whose sun it would share; tag and holder are known from the start of the transaction. */
static bool is_exempt(const struct site_conf *conf, const struct connector *c)
{
	const struct station_conf *st;
	int z;

	if (c->station->conf < 0)
		return false;
	st = &conf->stations[c->station->conf];
	z = st->zone;
	while (z >= 0 && !sun_shares(&conf->zones[z]))
		z = conf->zones[z].parent;
	return z >= 0 && exempt_has(conf->zones[z].k.pv_exempt, st->k.id, c->tx ? c->tx->tag : NULL,
				    c->tx ? c->tx->holder : NULL);
}

/* Some cars do not charge with 6 A: their tags say so. */
static int64_t car_min_ma(struct app *app, const struct connector *c)
{
	const struct tag *t = c->tx ? site_tag(app->hall.site, c->tx->tag) : NULL;

	return t ? t->k.min_ma : NUM_NONE;
}

static void tell_connectors(struct app *app, mono_t now)
{
	struct connector *c;

	while ((c = app->hall.site->dirty) != NULL) {
		app->hall.site->dirty = c->dirty_next;
		c->dirty = false;
		c->dirty_next = NULL;
		if (c->slot == UINT32_MAX)
			continue;
		if (c->proof_changed)
			feed_cap(app, c, now);
		c->proof_changed = false;
		balance_use(app->hall.balance, c->slot, use_of(c->use), c->tx ? c->tx->id : 0,
			    c->tx ? c->tx->vip : c->tag_vip, now);
		balance_conn_min(app->hall.balance, c->slot, car_min_ma(app, c));
		balance_pv_exempt(app->hall.balance, c->slot, is_exempt(app->hall.site->conf, c));
		if (c->draw_at != 0 && c->draw_nonsense)
			balance_draw_nonsense(app->hall.balance, c->slot, c->draw_at);
		else if (c->draw_at != 0)
			balance_draw(app->hall.balance, c->slot, &c->draw, c->power_w, c->draw_at);
	}
}

void feed_answer(struct app *app, const struct effect *e, mono_t now)
{
	static const enum bal_answer by_answer[] = {
		[ORDER_ACCEPTED] = BAL_ACCEPTED,
		[ORDER_REFUSED] = BAL_REFUSED,
		[ORDER_TIMEOUT] = BAL_TIMEOUT,
		[ORDER_DROPPED] = BAL_DROPPED,
	};

	if (e->u.answer.conn < app->slot_count)
		balance_answer(app->hall.balance, e->u.answer.conn, e->u.answer.token,
			       by_answer[e->u.answer.answer], now);
}

/* ---- what follows -------------------------------------------------------------------------- */

/* What is on disk of W is what a crash leaves of it: of what was written last and what is still on its
 * way there, the least may be it. Nothing stored counts as the connector's maximum. */
static void note_stored(struct app *app, struct connector *c, int64_t w_ma)
{
	if (app->committed >= c->disk.seq)
		c->disk.least_ma = c->disk.last_ma;
	if (w_ma < c->disk.least_ma)
		c->disk.least_ma = w_ma;
	c->disk.last_ma = w_ma;
	c->disk.seq = app->submitted + 1;	/* the batch of this turn */
}

static bool is_on_disk(const struct app *app, const struct connector *c, int64_t w_ma)
{
	return w_ma <= (app->committed >= c->disk.seq ? c->disk.last_ma : c->disk.least_ma);
}

static void store_limit(struct app *app, const struct bal_store *s)
{
	struct connector *c = app->slots[s->conn];
	char key[ID_MAX + 16];
	struct json_writer w;
	struct buf b;

	snprintf(key, sizeof(key), "%s/%d", c->station->id, c->number);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "w_ma", s->w_ma);
	jw_kbool(&w, "idle_acked", s->idle_acked);
	if (c->watts)
		jw_kbool(&w, "watts", true);
	jw_object_end(&w);
	fx_put(&app->fx, STORE_LIMIT, key, b.data, b.len);
	buf_fini(&b);
	note_stored(app, c, s->w_ma);
}

static void give_order(struct app *app, const struct bal_order *o, mono_t now, wall_t wall)
{
	struct ocpp_order order = {
		.conn = app->slots[o->conn],
		.slot = o->conn,
		.idle = o->kind == BAL_LIMIT_IDLE,
		.limit_ma = o->limit_ma,
		.given_ma = o->given_ma,
		.raises = o->raises,
		.fallback_us = o->fallback_us,
		.fallback_ma = o->fallback_ma,
		.fallback_given_ma = o->fallback_given_ma,
		.token = o->token,
		/* What is less than a raise that waits for its commit may be more than what is on disk. */
		.when = o->raises || !is_on_disk(app, app->slots[o->conn], o->given_ma) ? FX_AFTER_COMMIT : FX_NOW,
	};

	ocpp_order(app->hall.ocpp, &order, now, wall, &app->fx);
}

static void tell_alert(struct app *app, const struct bal_alert *a)
{
	static const char *const subjects[] = { "lmsd", "zone", "connector" };
	const struct bal_alert_info *info = balance_alert_info(a->code);
	/* A zone of the site, or of a station with a limit of its own. */
	bool own = info->scope == BAL_ALERT_ZONE && strncmp(a->object, FEED_OWN, strlen(FEED_OWN)) == 0;
	char text[200];

	balance_alert_text(app->hall.balance, a, text, sizeof(text));
	log_event(a->begins ? info->level : LOG_LEVEL_NOTICE, own ? "station" : subjects[info->scope],
		  own ? a->object + strlen(FEED_OWN) : a->object, a->begins ? info->begins : info->ends, "%s", text);
}

void feed_turn(struct app *app, mono_t now, wall_t wall)
{
	struct effect **scanned = &app->fx.first;
	struct bal_turn turn;
	int rounds = 0;

	app->viewed = MONO_NEVER;
	do {
		for (; *scanned != NULL; scanned = &(*scanned)->next)
			if ((*scanned)->kind == FX_ANSWER)
				feed_answer(app, *scanned, now);
		tell_stations(app, now);
		tell_connectors(app, now);
		balance_turn(app->hall.balance, now, &app->arena, &turn);
		for (size_t i = 0; i < turn.store_count; i++)
			store_limit(app, &turn.stores[i]);
		for (size_t i = 0; i < turn.order_count; i++)
			give_order(app, &turn.orders[i], now, wall);
		for (size_t i = 0; i < turn.alert_count; i++)
			tell_alert(app, &turn.alerts[i]);
	} while (turn.order_count + turn.store_count > 0 && ++rounds < ROUNDS_MAX);
}

/* ---- what people see ----------------------------------------------------------------------- */

static void view_connector(struct app *app, struct connector *c)
{
	struct bal_conn_view v;

	balance_conn_view(app->hall.balance, c->slot, &v);
	c->view.limit_ma = v.limit_ma;
	c->view.target_ma = v.target_ma;
	c->view.w_ma = v.w_ma;
	c->view.fallback_ma = v.fallback_ma;
	c->view.phases = v.phases;
	c->view.draw_strange = v.draw_strange;
	balance_trouble(app->hall.balance, BAL_ALERT_CONN, c->slot, c->view.trouble, sizeof(c->view.trouble));
	snprintf(c->view.reason_code, sizeof(c->view.reason_code), "%s", v.reason.name ? v.reason.name : "");
	balance_reason_text(app->hall.balance, &v.reason, c->view.reason, sizeof(c->view.reason));
}

/* The balance is told the least of fuse and static limit, which of them that is stands in the keys; and
 * a limit of power alone is none per phase.
 */
static const char *cap_why(const struct zone_conf *z, const char *why)
{
	int least = 0;

	if (why == NULL)
		return "";
	if (strcmp(why, "none") == 0 && z->k.power_w != NUM_NONE)
		return "power";
	if (strcmp(why, "static") != 0)
		return why;
	for (int k = 1; k < z->phases; k++)
		if (z->cap.l[k] < z->cap.l[least])
			least = k;
	return z->k.static_ma.l[least] == z->cap.l[least] ? "static" : "fuse";
}

static void view_zone(const struct zone_conf *conf, const struct bal_zone_view *v, struct zone_view *z)
{
	static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	z->cap = v->cap;
	/* What its meter saw some time ago, or the cars alone, must not be taken for what it sees. */
	z->load = v->meter_ok ? v->load : none;
	z->sum = v->sum_w;
	z->building = v->meter_ok ? v->non_ev : none;
	z->load_ok = v->meter_ok;
	z->competing = v->competing;
	z->admitted = v->admitted;
	z->sessions = v->sessions;
	z->seconds_over = v->seconds_over;
	snprintf(z->cap_why, sizeof(z->cap_why), "%s", cap_why(conf, v->cap_why));
}

/* The balance does not look at the meter of a zone that has no limit for what it sees; people do. */
static void view_unwatched(const struct site *site, size_t zone)
{
	const struct zone_conf *conf = &site->conf->zones[zone];
	struct zone_view *z = &site->zone_views[zone];

	if (conf->meter < 0)
		return;
	for (int k = 0; k < PHASES; k++)
		if (conf->k.dynamic_ma.l[k] != NUM_NONE)
			return;
	z->load = site->meter_views[conf->meter].current;
	z->building = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	z->load_ok = strcmp(site->meter_views[conf->meter].state, "ok") == 0;
}

void feed_views(struct app *app, mono_t now)
{
	if (app->viewed == now)
		return;
	app->viewed = now;
	for (size_t i = 0; i < app->slot_count; i++)
		view_connector(app, app->slots[i]);
	feed_zone_views(app, now);
}

void feed_zone_views(struct app *app, mono_t now)
{
	struct site *site = app->hall.site;
	struct bal_zone_view *views;
	struct arena arena;

	if (app->balanced) {
		arena_init(&arena);
		/* Stations' own limits are zones of the balance, too, behind those of the site. */
		views = arena_array(&arena, balance_zone_count(app->hall.balance) + 1, sizeof(*views));
		balance_zone_views(app->hall.balance, &arena, views);
		for (size_t i = 0; i < site->conf->zone_count; i++) {
			struct zone_view *z = &site->zone_views[i];

			view_zone(&site->conf->zones[i], &views[i], z);
			balance_trouble(app->hall.balance, BAL_ALERT_ZONE, (uint32_t)i, z->trouble,
					sizeof(z->trouble));
		}
		arena_fini(&arena);
	}
	sense_views(app, now);
	for (size_t i = 0; app->balanced && i < site->conf->zone_count; i++)
		view_unwatched(site, i);
}

/* ---- by hand -------------------------------------------------------------------------------- */

bool feed_admit(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token, char *why,
		size_t why_size)
{
	struct app *app = ctx;
	struct bal_reason blame;

	if (!app->balanced) {
		snprintf(why, why_size, "the balance refuses the configuration in force (lmsd's log says why)");
		return false;
	}
	if (conn->slot == UINT32_MAX)
		return true;	/* not balanced: a bench's station */
	if (balance_admit_manual(app->hall.balance, conn->slot, idle ? BAL_LIMIT_IDLE : BAL_LIMIT_TX, limit_ma,
				 token, &blame, loop_now(app->loop)))
		return true;
	balance_reason_text(app->hall.balance, &blame, why, why_size);
	return false;
}

void feed_limit_expire(struct app *app, mono_t now)
{
	for (struct limit_until **p = &app->limits; *p != NULL;) {
		struct limit_until *l = *p;
		struct connector *c;

		if (l->until > now) {
			p = &l->next;
			continue;
		}
		c = site_connector_by_id(app->hall.site, l->id, NULL);
		*p = l->next;
		free(l);
		if (c != NULL && c->slot != UINT32_MAX)
			feed_cap(app, c, now);
	}
}
