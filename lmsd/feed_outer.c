/* feed_outer.c - limits of zones from outside of the configuration: from the site, which knows them, to the
 * balance, which obeys them at once.
 */
#include "app.h"

#include <stdio.h>

#include "site/outer/grid.h"
#include "site/outer/override.h"
#include "site/outer/source.h"

static void hand_override(struct app *app, size_t zone)
{
	const struct zone_override *o = site_override(app->hall.site, app->hall.site->conf->zones[zone].k.id);

	balance_zone_outer(app->hall.balance, (int)zone, BAL_OUTER_OVERRIDE,
			   o != NULL ? &(struct bal_outer_limit){ .limit = o->limit } : NULL);
}

static void hand(struct app *app, size_t zone, enum bal_outer kind, const struct zone_limit *l)
{
	const struct bal_outer_limit limit = { .limit = l->current, .sessions = l->sessions, .lost = l->lost };

	balance_zone_outer(app->hall.balance, (int)zone, kind, &limit);
}

static void hand_grid(struct app *app, size_t zone)
{
	struct zone_limit l;

	site_grid_limit(app->hall.site, &app->hall.site->conf->zones[zone], &l);
	hand(app, zone, BAL_OUTER_GRID, &l);
}

/* Clocks are set, and drift from the one that timers run by: so often it is looked at. */
#define TARIFF_LOOK_US (60 * US_PER_S)

static void hand_tariff(struct app *app, size_t zone, mono_t now, wall_t wall)
{
	const struct zone_conf *z = &app->hall.site->conf->zones[zone];
	wall_t next = site_tariff_next(app->hall.site, z, wall);
	struct zone_limit l;
	mono_t due;

	site_tariff_limit(app->hall.site, z, wall, &l);
	hand(app, zone, BAL_OUTER_TARIFF, &l);
	if (z->tariff == NULL)
		return;
	due = now + (next - wall < TARIFF_LOOK_US ? next - wall : TARIFF_LOOK_US);
	app->tariff_due = due < app->tariff_due ? due : app->tariff_due;
}

static void hand_source(struct app *app, size_t zone)
{
	struct zone_limit l;

	site_source_limit(app->hall.site, &app->hall.site->conf->zones[zone], &l);
	hand(app, zone, BAL_OUTER_SOURCE, &l);
}

void feed_outer(struct app *app, mono_t now, wall_t wall)
{
	app->viewed = app->tariff_due = MONO_NEVER;
	app->hall.site->outer_changed = false;
	for (size_t i = 0; app->balanced && i < app->hall.site->conf->zone_count; i++) {
		hand_override(app, i);
		hand_grid(app, i);
		hand_tariff(app, i, now, wall);
		hand_source(app, i);
	}
}

void feed_grid(struct app *app, wall_t wall)
{
	struct site *site = app->hall.site;
	struct grid_change none = { .before = zone_limit_none.current, .after = zone_limit_none.current };
	bool noted = false;

	app->viewed = MONO_NEVER;
	for (size_t i = 0; app->balanced && i < site->conf->zone_count; i++) {
		struct grid_change change = none;
		struct bal_zone_view v;

		if (site->conf->zones[i].k.grid != 1)
			continue;
		balance_zone_view(app->hall.balance, (int)i, &v);
		change.before = v.cap;
		change.sessions_before = v.sessions;
		hand_grid(app, i);
		balance_zone_view(app->hall.balance, (int)i, &v);
		change.after = v.cap;
		change.sessions_after = v.sessions;
		snprintf(change.zone, sizeof(change.zone), "%s", site->conf->zones[i].k.id);
		site_grid_note(site, &change, wall, &app->fx);
		noted = true;
	}
	if (!noted)
		site_grid_note(site, &none, wall, &app->fx);
}

void feed_outer_time(struct app *app, mono_t now, wall_t wall)
{
	struct site *site = app->hall.site;
	bool changed = site_override_time(site, now, wall, &app->fx);

	changed |= site_source_time(site, now, wall, &app->fx);
	if (site_grid_time(site, now, wall, &app->fx))
		feed_grid(app, wall);
	if (changed || now >= app->tariff_due)
		feed_outer(app, now, wall);
}

mono_t feed_outer_due(const struct app *app)
{
	const struct site *site = app->hall.site;
	mono_t grid = site_grid_due(site), source = site_source_due(site), due = site_override_due(site);

	due = grid < due ? grid : due;
	due = source < due ? source : due;
	return app->tariff_due < due ? app->tariff_due : due;
}
