/* hall/alerts.c - every other second, all that is wrong: one function per kind of thing.
 *
 * Where a text has figures that change by the second, only its latest state is kept: an alert is told when it
 * begins, not whenever its text changes.
 */
#include "hall/alerts.h"

#include <stdio.h>
#include <string.h>

#include "app.h"
#include "hall/broker/broker.h"
#include "hall/door/certificate.h"
#include "hall/history/keeper.h"
#include "sense_meters.h"
#include "site/alert/alert.h"
#include "site/outer/grid.h"
#include "site/outer/source.h"

#define SWEEP_US       (2 * US_PER_S)
#define DISK_US	       (60 * US_PER_S)	/* the file system is asked less often */
#define DISK_LEAST     (UINT64_C(512) << 20)
#define DISK_LEAST_PARTS 20		/* … or a twentieth of it, whichever is less */

struct alerts_watch {
	mono_t due, disk_due;
	struct store_stat disk;
	bool disk_known;
};

static struct alerts_watch *watch_of(struct app *app)
{
	if (!app->alerts)
		app->alerts = xcalloc(1, sizeof(*app->alerts));
	return app->alerts;
}

static void look_at_store(struct app *app, mono_t now, wall_t wall)
{
	struct alerts_watch *w = app->alerts;
	uint64_t least;

	if (app->hall.store_failed)
		alert_holds(app->hall.site, ALERT_STORE_FAILED, "", now, wall, "%s (repair the disk and restart lmsd)",
			    store_why_failed(app->store));
	if (now >= w->disk_due) {
		w->disk_due = now + DISK_US;
		w->disk_known = store_stat(app->store, &w->disk) == 0 && w->disk.disk_size > 0;
	}
	least = w->disk.disk_size / DISK_LEAST_PARTS < DISK_LEAST ? w->disk.disk_size / DISK_LEAST_PARTS : DISK_LEAST;
	if (w->disk_known && w->disk.disk_free < least)
		alert_holds(app->hall.site, ALERT_DISK_FILLING, "", now, wall, "%llu MiB of %llu are free (make room)",
			    (unsigned long long)(w->disk.disk_free >> 20), (unsigned long long)(w->disk.disk_size >> 20));
}

static void look_at_history(struct app *app, mono_t now, wall_t wall)
{
	struct archive_figures f;

	archive_figures(keeper_archive(app), &f);
	if (f.why[0])
		alert_holds(app->hall.site, ALERT_HISTORY_OFF, "", now, wall,
			    "%s (make room, or see the disk; lmsctl system history)", f.why);
}

static void look_at_certificate(struct app *app, mono_t now, wall_t wall)
{
	char text[300];

	if (app->certificate && certificate_trouble(app, wall, text, sizeof(text)))
		alert_holds(app->hall.site, ALERT_CERTIFICATE, "", now, wall, "%s", text);
}

static bool over_limit(const struct zone_conf *z, const struct zone_view *v, int *phase)
{
	for (int k = 0; k < PHASES; k++) {
		if (!v->load_ok || v->load.l[k] == NUM_NONE || z->k.dynamic_ma.l[k] == NUM_NONE ||
		    v->load.l[k] <= z->k.dynamic_ma.l[k])
			continue;
		*phase = k;
		return true;
	}
	return false;
}

static void look_at_zones(struct app *app, mono_t now, wall_t wall)
{
	struct site *s = app->hall.site;
	int k = 0;

	for (size_t i = 0; i < s->conf->zone_count; i++) {
		const struct zone_conf *z = &s->conf->zones[i];
		const struct zone_view *v = &s->zone_views[i];

		if (over_limit(z, v, &k))
			alert_holds(s, ALERT_LIMIT_EXCEEDED, z->k.id, now, wall, "L%d: %.1f A of %.1f A", k + 1,
				    (double)v->load.l[k] / 1000, (double)z->k.dynamic_ma.l[k] / 1000);
		if (v->trouble[0])
			alert_holds(s, ALERT_ZONE_TROUBLE, z->k.id, now, wall, "%s", v->trouble);
	}
}

static void look_at_meters(struct app *app, mono_t now, wall_t wall)
{
	struct site *s = app->hall.site;

	for (size_t i = 0; i < s->conf->meter_count; i++) {
		const struct meter_view *v = &s->meter_views[i];
		const char *id = s->conf->meters[i].k.id;

		if (strcmp(v->state, "stale") == 0 || strcmp(v->state, "silent") == 0)
			alert_holds(s, ALERT_METER_LOST, id, now, wall, "%s", v->error[0] ? v->error : "tells nothing new");
		else if (strcmp(v->state, "implausible") == 0)
			alert_holds(s, ALERT_METER_IMPLAUSIBLE, id, now, wall, "%s", v->error);
	}
}

/* Who answers there, if it is not who is meant. */
static void look_at_models(struct app *app, mono_t now, wall_t wall)
{
	const struct sense *sense = app->sense;
	struct site *s = app->hall.site;

	for (size_t i = 0; i < s->conf->meter_count && i < sense->count; i++)
		if (sense->meters[i].alert.stranger)
			alert_holds(s, ALERT_METER_OTHER_MODEL, s->conf->meters[i].k.id, now, wall,
				    "the device at %s is not a %s (set address or profile: lmsctl meter set %s)",
				    s->conf->meters[i].k.address, s->conf->meters[i].k.profile, s->conf->meters[i].k.id);
}

/* What of a long name tells it from others: its end, without the settings of the line. */
static const char *bus_name(const char *bus, char *out, size_t size)
{
	size_t len = strncmp(bus, "rtu:", 4) == 0 ? strcspn(bus, ",") : strlen(bus);
	size_t from = len >= size ? len - size + 1 : 0;

	snprintf(out, size, "%.*s", (int)(len - from), bus + from);
	return out;
}

static void look_at_buses(struct app *app, mono_t now, wall_t wall)
{
	const struct bus_alerts *b = &app->sense->bus_alerts;
	char name[ALERT_OBJECT_MAX];

	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].missing)
			alert_holds(app->hall.site, ALERT_BUS_MISSING, bus_name(b->items[i].bus, name, sizeof(name)), now, wall,
				    "%s", b->items[i].why);
}

static void look_at_connector(struct app *app, const struct connector *c, mono_t now, wall_t wall)
{
	char id[ALERT_OBJECT_MAX], trouble[sizeof(c->view.trouble)] = "";
	struct site *s = app->hall.site;

	if (c->slot != UINT32_MAX && app->balanced)
		balance_trouble(app->hall.balance, BAL_ALERT_CONN, c->slot, trouble, sizeof(trouble));
	if (strcmp(c->status, "Faulted") != 0 && !trouble[0])
		return;
	snprintf(id, sizeof(id), "%s/%d", c->station->id, c->number);
	if (strcmp(c->status, "Faulted") == 0)
		alert_holds(s, ALERT_CONNECTOR_FAULT, id, now, wall, "%s%s%s%s%s", c->error_code, *c->info ? " " : "", c->info,
			    *c->vendor_error ? " " : "", c->vendor_error);
	if (trouble[0])
		alert_holds(s, ALERT_NOT_OBEYING, id, now, wall, "%s", trouble);
}

static void look_at_stations(struct app *app, mono_t now, wall_t wall)
{
	struct site *s = app->hall.site;

	for (const struct station *st = s->stations; st; st = st->hh.next) {
		if (st->conf < 0)
			continue;
		if (st->state == STATION_OFFLINE)
			alert_holds(s, ALERT_STATION_OFFLINE, st->id, now, wall, "is not connected");
		if (st->fault[0])
			alert_holds(s, ALERT_STATION_FAULT, st->id, now, wall, "%s", st->fault);
		for (size_t i = 0; st->state == STATION_ONLINE && i < st->connector_count; i++)
			look_at_connector(app, st->connectors[i], now, wall);
	}
}

static void look_at_signals(struct app *app, mono_t now, wall_t wall)
{
	struct site *s = app->hall.site;

	if (broker_trouble(app->broker))
		alert_holds(s, ALERT_MQTT_LOST, "", now, wall, "%s", broker_trouble(app->broker));
	if (site_grid_state(s) == GRID_LOST)
		alert_holds(s, ALERT_GRID_LOST, "", now, wall, "the grid signal is lost: what zones say for that holds (lmsctl "
			    "grid check)");
	for (size_t i = 0; i < s->conf->source_count; i++) {
		const struct source_conf *source = &s->conf->sources[i];

		if (strcmp(site_source_state(s, source), SOURCE_LOST) == 0)
			alert_holds(s, ALERT_SOURCE_LOST, source->k.id, now, wall, "its state is lost: what zones say for that holds "
				    "(lmsctl source show %s)", source->k.id);
	}
}

void alerts_turn(struct app *app, mono_t now, wall_t wall)
{
	struct alerts_watch *w = watch_of(app);

	if (now < w->due)
		return;
	w->due = now + SWEEP_US;
	feed_zone_views(app, now);
	alert_sweep_begin(app->hall.site);
	look_at_store(app, now, wall);
	look_at_history(app, now, wall);
	look_at_certificate(app, now, wall);
	look_at_signals(app, now, wall);
	look_at_zones(app, now, wall);
	look_at_meters(app, now, wall);
	look_at_models(app, now, wall);
	look_at_buses(app, now, wall);
	look_at_stations(app, now, wall);
	alert_sweep_end(app->hall.site, now, wall, &app->fx);
}

mono_t alerts_due(const struct app *app)
{
	return app->alerts ? app->alerts->due : 0;
}
