/* site/live.c - stations and connectors while lmsd runs, and how they meet their configuration.
 *
 * Objects keep their addresses until they are dropped. Dropped are only stations that are neither
 * configured nor connected nor known to the ocpp room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/tags/import.h"
#include "site/tags/pending.h"
#include "site/alert/alert.h"
#include "site/door/cert_request.h"
#include "site/generation/draft.h"
#include "site/outer/grid.h"
#include "site/ledger/ledger.h"
#include "site/mail/mail.h"
#include "site/tag.h"
#include "site/outer/override.h"
#include "site/outer/source.h"
#include "site/reserve/reservation.h"

#define CONNECTORS_MAX   64
#define EVENTS_KEPT      2000

struct site *site_new(void)
{
	struct site *s = xcalloc(1, sizeof(*s));

	s->conf = &conf_empty;
	s->next_tx = s->next_reservation = 1;
	site_grid_begin(s, 0);
	s->totals.week_start = s->totals.month_start = WALL_NONE;
	s->events = event_ring_new(EVENTS_KEPT);
	s->ledger = ledger_new();
	return s;
}

static void station_free(struct site *s, struct station *st);

void site_free(struct site *s)
{
	if (!s)
		return;
	while (s->running) {
		struct tx *tx = s->running;

		HASH_DELETE(hh, s->running, tx);
		HASH_DELETE(by_start, s->ledger->starts, tx);
		tx_free(tx);
	}
	while (s->stations) {
		struct station *st = s->stations;

		HASH_DELETE(hh, s->stations, st);
		station_free(s, st);
	}
	while (s->tags)
		tag_remove(s, s->tags);
	site_reservation_free(s);
	free(s->tag_log);
	pending_free(s);
	import_free(s);
	site_override_free(s);
	site_grid_free(s);
	alert_free(s);
	mail_free(s);
	site_source_free(s);
	site_conf_free(s->owned);
	ledger_free(s->ledger);
	free(s->security_log);
	event_ring_free(s->events);
	free(s);
}

/* ---- stations ---- */

struct station *site_station(struct site *s, const char *id)
{
	struct station *st;

	HASH_FIND(hh, s->stations, id, strlen(id), st);
	return st;
}

struct station *site_station_get(struct site *s, const char *id)
{
	struct station *st = site_station(s, id);

	if (st)
		return st;
	st = xcalloc(1, sizeof(*st));
	snprintf(st->id, sizeof(st->id), "%s", id);
	st->conf = -1;
	st->state = STATION_NEVER_SEEN;
	st->last_seen = st->booted = WALL_NONE;
	HASH_ADD(hh, s->stations, id, strlen(st->id), st);
	return st;
}

struct connector *site_connector(struct station *st, int number)
{
	if (number < 1 || (size_t)number > st->connector_count)
		return NULL;
	return st->connectors[number - 1];
}

static struct connector *connector_new(struct station *st, int number)
{
	struct connector *c = xcalloc(1, sizeof(*c));

	c->station = st;
	c->number = number;
	c->conf = -1;
	c->slot = UINT32_MAX;
	c->status_time = WALL_NONE;
	c->draw = (struct phase_ma){{NUM_NONE, NUM_NONE, NUM_NONE}};
	c->power_w = c->register_wh = NUM_NONE;
	c->disk.least_ma = c->disk.last_ma = INT64_MAX;
	c->view.limit_ma = c->view.target_ma = c->view.w_ma = c->view.fallback_ma = NUM_NONE;
	return c;
}

static void station_attach(struct site *s, struct station *st, int conf)
{
	const struct station_conf *k = conf < 0 ? NULL : &s->conf->stations[conf];

	if (conf < 0 && st->conf >= 0) {
		security_forget(st);
		cert_request_drop(st, NULL);
	}
	st->conf = conf;
	for (size_t i = 0; i < st->connector_count; i++)
		st->connectors[i]->conf = k && i < k->connector_count ? (int)i : -1;
}

/* Asked once per growth and generation: what was refused stays refused until something changes. */
static void note_growth(struct site *s, const struct station *st)
{
	const struct station_conf *k = site_station_conf(s, st);

	if (k && k->k.connectors == NUM_NONE && st->connector_count > k->connector_count)
		s->grown = true;
}

void site_station_grow(struct site *s, struct station *st, size_t count)
{
	size_t before = st->connector_count;

	if (count > CONNECTORS_MAX)
		count = CONNECTORS_MAX;
	if (count <= before)
		return;
	st->connectors = xrealloc(st->connectors, count * sizeof(struct connector *));
	for (size_t i = before; i < count; i++)
		st->connectors[i] = connector_new(st, (int)i + 1);
	st->connector_count = count;
	station_attach(s, st, st->conf);
	note_growth(s, st);
}

static void undirty(struct site *s, struct connector *c)
{
	for (struct connector **at = &s->dirty; *at; at = &(*at)->dirty_next) {
		if (*at == c) {
			*at = c->dirty_next;
			return;
		}
	}
}

static void forget_news(struct site *s, const struct station *st)
{
	for (struct station **at = &s->news; *at; at = &(*at)->news_next) {
		if (*at == st) {
			*at = st->news_next;
			return;
		}
	}
}

static void station_free(struct site *s, struct station *st)
{
	if (st->online_changed || st->booted_changed)
		forget_news(s, st);
	for (size_t i = 0; i < st->connector_count; i++) {
		if (st->connectors[i]->dirty)
			undirty(s, st->connectors[i]);
		free(st->connectors[i]);
	}
	for (int k = 0; k < TRANSFER_KINDS; k++)
		free(st->transfer[k]);
	cert_request_drop(st, NULL);
	free(st->connectors);
	free(st->proposal);
	free(st);
}

struct connector *site_connector_by_id(struct site *s, const char *id, struct diag *diag)
{
	char name[ID_MAX + 1];
	struct connector *c;
	struct station *st;
	int number;

	if (!connector_id_split(id, name, &number)) {
		diag_set(diag, -LMS_ENOTFOUND,
			 "connector '%.60s' does not exist (write STATION/NUMBER; lmsctl connector "
			 "list)",
			 id);
		return NULL;
	}
	st = site_station(s, name);
	c = st ? site_connector(st, number) : NULL;
	if (!st)
		diag_set(diag, -LMS_ENOTFOUND,
			 "connector '%.60s': station '%s' does not exist (lmsctl station list)", id,
			 name);
	else if (!c)
		diag_set(
		    diag, -LMS_ENOTFOUND,
		    "connector '%.60s' does not exist: station %s has %zu (lmsctl connector list)",
		    id, name, st->connector_count);
	return c;
}

const struct station_conf *site_station_conf(const struct site *s, const struct station *st)
{
	return st->conf < 0 ? NULL : &s->conf->stations[st->conf];
}

const struct connector_conf *site_connector_conf(const struct site *s, const struct connector *c)
{
	const struct station_conf *st = site_station_conf(s, c->station);

	return st && c->conf >= 0 ? &st->connectors[c->conf] : NULL;
}

void site_touch(struct site *s, struct connector *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->dirty_next = s->dirty;
	s->dirty = c;
}

void site_station_news(struct site *s, struct station *st, enum station_news news)
{
	if (!st->online_changed && !st->booted_changed && !st->fallback_changed) {
		st->news_next = s->news;
		s->news = st;
	}
	switch (news) {
	case STATION_NEWS_ONLINE:
		st->online_changed = true;
		break;
	case STATION_NEWS_BOOTED:
		st->booted_changed = true;
		break;
	case STATION_NEWS_FALLBACK:
		st->fallback_changed = true;
		break;
	}
}

#define DREW_MA 500

void connector_keep_draw(struct site *s, struct connector *c, const struct phase_ma *draw, int64_t power_w,
			 mono_t now, mono_t until)
{
	c->draw = *draw;
	c->power_w = power_w;
	c->draw_nonsense = false;
	c->draw_at = now;
	c->draw_until = until;
	c->drew_at = 0;
	for (int k = 0; k < PHASES; k++)
		if (draw->l[k] != NUM_NONE && draw->l[k] > DREW_MA)
			c->drew_at = now;
	site_touch(s, c);
}

void connector_forget_draw(struct site *s, struct connector *c)
{
	c->draw = (struct phase_ma){{NUM_NONE, NUM_NONE, NUM_NONE}};
	c->power_w = NUM_NONE;
	c->draw_nonsense = false;
	site_touch(s, c);
}

/* ---- generations ---- */

static bool station_droppable(const struct station *st)
{
	if (st->conf >= 0 || st->link || st->session)
		return false;
	for (size_t i = 0; i < st->connector_count; i++)
		if (st->connectors[i]->tx)
			return false;
	return true;
}

void site_attach(struct site *s, struct site_conf *conf)
{
	struct station *st, *next;

	if (conf)
		s->conf = s->owned = conf;
	if (s->staged == conf)
		s->staged = NULL;
	for (st = s->stations; st; st = st->hh.next)
		station_attach(s, st, site_conf_station(s->conf, st->id));
	for (size_t i = 0; i < s->conf->station_count; i++) {
		const struct station_conf *k = &s->conf->stations[i];

		st = site_station_get(s, k->k.id);
		st->conf = (int)i;
		site_station_grow(s, st, k->connector_count);
		note_growth(s, st);
	}
	for (st = s->stations; st; st = next) {
		next = st->hh.next;
		if (!station_droppable(st))
			continue;
		HASH_DELETE(hh, s->stations, st);
		station_free(s, st);
		s->stations_dropped++;
	}
}
