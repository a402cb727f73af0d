/* feed_outer.c - limits of zones from outside of the configuration: from the site, which knows them, to the
 * balance, which obeys them at once.
 */
#include "app.h"

#include <stdio.h>

#include "site/grid.h"
#include "site/override.h"

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

void feed_outer(struct app *app)
{
	app->viewed = MONO_NEVER;
	for (size_t i = 0; app->balanced && i < app->hall.site->conf->zone_count; i++) {
		hand_override(app, i);
		hand_grid(app, i);
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

	if (site_grid_time(site, now, wall, &app->fx))
		feed_grid(app, wall);
	if (changed)
		feed_outer(app);
}

mono_t feed_outer_due(const struct app *app)
{
	mono_t due = site_override_due(app->hall.site), grid = site_grid_due(app->hall.site);

	return grid < due ? grid : due;
}
