/* hall/control/ctl_system.c - status, version, whoami: what only the hall knows of all rooms together. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "control/roles.h"
#include "hall/broker/broker.h"
#include "hall/door/certificate.h"
#include "site/alert/alert.h"
#include "hall/history/keeper.h"
#include "site/site.h"

static const struct app *app_of(const struct ctl_call *c)
{
	return (const struct app *)((const char *)c->hall - offsetof(struct app, hall));
}

static void count_stations(const struct site *site, struct ctl_system *r)
{
	r->stations = (int64_t)site->conf->station_count;
	r->stations_online = r->stations_pending = r->connectors = r->charging = 0;
	for (const struct station *st = site->stations; st != NULL; st = st->hh.next) {
		if (st->conf < 0 && (st->state == STATION_PENDING || st->state == STATION_ONLINE))
			r->stations_pending++;
		if (st->conf < 0)
			continue;
		r->stations_online += st->state == STATION_ONLINE;
		r->connectors += (int64_t)st->connector_count;
		for (size_t i = 0; i < st->connector_count; i++)
			r->charging += st->connectors[i]->tx != NULL;
	}
}

static void count_meters(const struct site *site, struct ctl_system *r)
{
	r->meters = (int64_t)site->conf->meter_count;
	r->meters_ok = 0;
	for (size_t i = 0; i < site->conf->meter_count; i++)
		r->meters_ok += strcmp(site->meter_views[i].state, "ok") == 0;
}

static bool zone_has_limit(const struct zone_conf *z)
{
	/* L1 is there in a zone of one phase and of three. */
	return z->cap.l[0] != NUM_NONE || z->k.dynamic_ma.l[0] != NUM_NONE || z->k.power_w != NUM_NONE;
}

/* Stations that nothing above limits: allowed, but hardly meant. */
static size_t count_unlimited(const struct site_conf *conf)
{
	size_t count = 0;

	for (size_t i = 0; i < conf->station_count; i++) {
		int z = conf->stations[i].zone;

		while (z >= 0 && !zone_has_limit(&conf->zones[z]))
			z = conf->zones[z].parent;
		count += z < 0;
	}
	return count;
}

static void note_missing(char *out, size_t size, const char *what)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s", len ? "; " : "", what);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* What a person should do next, the most important first. */
static const char *missing(const struct ctl_call *c, const struct ctl_system *r, char *out, size_t size)
{
	size_t unlimited = count_unlimited(c->hall->site->conf);
	struct archive_figures kept;
	char text[300];

	out[0] = '\0';
	if (c->hall->store_failed)
		note_missing(out, size, "the store failed: repair the disk and restart");
	archive_figures(keeper_archive(app_of(c)), &kept);
	if (kept.why[0]) {
		snprintf(text, sizeof(text), "what meters measure is not kept: %.100s (lmsctl system history)", kept.why);
		note_missing(out, size, text);
	}
	if (c->hall->site->conf->zone_count == 0)
		note_missing(out, size, "no zone configured (lmsctl zone create)");
	if (r->stations == 0)
		note_missing(out, size, "no station configured (lmsctl station pending)");
	if (unlimited > 0) {
		snprintf(text, sizeof(text), "%zu station%s below no zone with a limit (lmsctl zone set)", unlimited,
			 plural((int64_t)unlimited));
		note_missing(out, size, text);
	}
	if (r->stations_pending > 0) {
		snprintf(text, sizeof(text), "%lld station%s to be accepted", (long long)r->stations_pending,
			 r->stations_pending == 1 ? " waits" : "s wait");
		note_missing(out, size, text);
	}
	if (r->stations_online < r->stations) {
		snprintf(text, sizeof(text), "%lld station%s offline", (long long)(r->stations - r->stations_online),
			 plural(r->stations - r->stations_online));
		note_missing(out, size, text);
	}
	if (r->meters_ok < r->meters) {
		snprintf(text, sizeof(text), "%lld meter%s without good values", (long long)(r->meters - r->meters_ok),
			 plural(r->meters - r->meters_ok));
		note_missing(out, size, text);
	}
	if (broker_trouble(app_of(c)->broker) != NULL)
		note_missing(out, size, broker_trouble(app_of(c)->broker));
	if (certificate_trouble(app_of(c), c->wall, text, sizeof(text)))
		note_missing(out, size, text);
	return out[0] ? out : NULL;
}

int ctl_system_status(struct ctl_call *c, const struct ctl_system_status_args *a)
{
	const struct site *site = c->hall->site;
	struct ctl_system r;
	const char *what;
	char text[800];

	(void)a;
	ctl_record_clear(&ctl_nouns[CTL_NOUN_system], &r);
	count_stations(site, &r);
	count_meters(site, &r);
	r.version = LMS_VERSION;
	r.missing = missing(c, &r, text, sizeof(text));
	r.state = r.stations == 0 || site->conf->zone_count == 0 ? "not_operational" :
		  r.missing != NULL				 ? "degraded" :
								   "operational";
	r.store = c->hall->store_failed ? "failed" : "ok";
	r.history = keeper_state(app_of(c));
	r.uptime_ms = (c->now - c->hall->started) / US_PER_MS;
	r.time = c->wall;
	r.timezone = site->tz.name;
	r.title = site->conf->site.title;
	r.generation = (int64_t)site->conf->generation;
	r.alerts = (int64_t)alert_open_count(site);
	r.tags = (int64_t)HASH_COUNT(site->tags);
	r.sessions_week = site->totals.sessions_week;
	r.sessions_month = site->totals.sessions_month;
	r.energy_week_wh = site->totals.energy_week_wh;
	r.energy_month_wh = site->totals.energy_month_wh;
	r.seconds_over = 0;
	for (size_t i = 0; i < site->conf->zone_count; i++)
		if (site->zone_views[i].seconds_over > r.seconds_over)
			r.seconds_over = site->zone_views[i].seconds_over;
	r.longest_turn_us = loop_longest_us(app_of(c)->loop);
	r.listen_ws = c->hall->listen_ws;
	r.listen_wss = c->hall->listen_wss;
	r.files_url = c->hall->files_url;
	r.mqtt = broker_state(app_of(c)->broker);
	r.tls_ends = certificate_ends(app_of(c), &what);
	return ctl_answer_record(c, &r);
}

int ctl_system_version(struct ctl_call *c, const struct ctl_system_version_args *a)
{
	(void)a;
	jw_object(&c->w);
	jw_kstr(&c->w, "lmsd", LMS_VERSION);
	jw_kint(&c->w, "protocol", CTL_PROTOCOL_VERSION);
	jw_kstr(&c->w, "ocpp", "1.6-J");
	jw_object_end(&c->w);
	return 0;
}

int ctl_system_whoami(struct ctl_call *c, const struct ctl_system_whoami_args *a)
{
	struct buf roles;

	(void)a;
	buf_init(&roles);
	roles_text(c->roles, &roles);
	jw_object(&c->w);
	jw_kint(&c->w, "uid", c->uid);
	jw_kstr(&c->w, "roles", buf_cstr(&roles));
	jw_object_end(&c->w);
	buf_fini(&roles);
	return 0;
}
