/* site/control/ctl_grid_check.c - grid check: before anybody relies on it, is all there that the grid signal needs? */
#include <stdarg.h>
#include <stdio.h>

#include "site/control/ctl_site_util.h"
#include "site/outer/grid.h"

static void put(struct ctl_call *c, const char *check, const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void put(struct ctl_call *c, const char *check, const char *verdict, const char *fmt, ...)
{
	struct ctl_grid rec;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_grid], &rec);
	rec.check = check;
	rec.verdict = verdict;
	rec.text = text;
	ctl_answer_item(c, &rec);
}

/* ---- who tells it ------------------------------------------------------------------------------- */

static void check_source(struct ctl_call *c)
{
	const struct site_conf *conf = c->hall->site->conf;
	const char *trouble = NULL;

	if (!conf->grid_way) {
		put(c, "source", "ok", "by command: lmsctl grid set (or site set grid_from=…)");
		return;
	}
	if (c->hall->way_trouble)
		trouble = c->hall->way_trouble(c->hall, (int)conf->grid_way->from.kind);
	put(c, "source", trouble ? "missing" : "ok", "grid_from=%s%s%s", conf->site.grid_from, trouble ? ": " : "",
	    trouble ? trouble : "");
}

static void check_command(struct ctl_call *c)
{
	const struct signal *g = &c->hall->site->grid;

	if (g->state[0])
		put(c, "values", "ok", "'%s' was told last, by %s", g->state, g->by);
	else if (c->hall->site->conf->site.grid_watchdog_ms != NUM_NONE)
		put(c, "values", "missing", "nobody has told a signal, and a watchdog waits for it (lmsctl grid set normal)");
	else
		put(c, "values", "ok", "nobody has told a signal: normal");
}

static void check_way(struct ctl_call *c)
{
	const struct hearing *h = &c->hall->site->grid_heard;
	const struct signal *g = &c->hall->site->grid_way;

	if (h->strange)
		put(c, "values", "wrong", "the latest value '%s' means nothing (site set grid_values=…)", h->raw);
	else if (h->error[0])
		put(c, "values", "missing", "%s", h->error);
	else if (h->raw_at == WALL_NONE)
		put(c, "values", "missing", "nothing has come yet (have the signal sent once)");
	else
		put(c, "values", g->lost ? "missing" : "ok", "the latest value '%s' means %s; it came %lld s ago%s", h->raw,
		    g->state, (long long)((c->wall - h->raw_at) / US_PER_S), g->lost ? ", which is too long: lost" : "");
	if (h->raw_at != WALL_NONE && !site_grid_is_sure(c->hall->site))
		put(c, "sure", "missing", "it was not told since the start, or was kept by the broker: what lost means holds beside "
		    "it (have the signal sent anew)");
}

static void check_watchdog(struct ctl_call *c)
{
	const struct site_conf *conf = c->hall->site->conf;

	if (conf->site.grid_watchdog_ms != NUM_NONE)
		put(c, "watchdog", "ok", "lost after %lld s without it", (long long)(conf->site.grid_watchdog_ms / 1000));
	else if (conf->grid_way)
		put(c, "watchdog", "ok", "lost after a minute without it (site set grid_watchdog=…)");
	else
		put(c, "watchdog", "ok", "none: what is told holds until another is (where a program tells it, "
		    "site set grid_watchdog=…)");
}

/* ---- what it means ------------------------------------------------------------------------------ */

static void put_meaning(struct ctl_call *c, const struct zone_conf *z, enum grid_state state)
{
	struct zone_limit normal = zone_limit_none, l;
	struct ctl_grid rec;

	for (int k = 0; k < z->phases; k++)
		normal.current.l[k] = zone_normal_ma(z, k);
	grid_meaning(z, state, &l);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_grid], &rec);
	rec.check = "meaning";
	rec.verdict = "ok";
	rec.state = grid_state_name(state);
	rec.zone = z->k.id;
	rec.before_ma = normal.current;
	zone_limit_least(&l, &normal);
	rec.after_ma = l.current;
	rec.sessions_after = l.sessions ? l.sessions : NUM_NONE;
	if (state == GRID_LOST && z->k.grid_lost)
		rec.text = arena_printf(c->arena, "grid_lost=%s", z->k.grid_lost);
	ctl_answer_item(c, &rec);
}

static bool follows(const struct site_conf *conf, int zone)
{
	while (zone >= 0 && conf->zones[zone].k.grid != 1)
		zone = conf->zones[zone].parent;
	return zone >= 0;
}

/* Whoever the operator of the grid asks must know who would not obey. */
static void check_reach(struct ctl_call *c)
{
	const struct site_conf *conf = c->hall->site->conf;
	const char *first = NULL;
	size_t n = 0, zones = 0;

	for (size_t i = 0; i < conf->zone_count; i++)
		zones += conf->zones[i].k.grid == 1;
	for (size_t i = 0; i < conf->station_count; i++)
		if (!follows(conf, conf->stations[i].zone) && n++ == 0)
			first = conf->stations[i].k.id;
	if (zones == 0)
		put(c, "zones", "missing", "no zone follows the signal (lmsctl zone set ZONE grid=yes)");
	else if (n == 0)
		put(c, "zones", "ok", "all stations are in zones that follow the signal");
	else
		put(c, "zones", "missing", "%zu of %zu stations are in no zone that follows the signal (%s%s)", n,
		    conf->station_count, first, n > 1 ? ", …" : "");
}

int ctl_grid_check(struct ctl_call *c, const struct ctl_grid_check_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;

	(void)a;
	ctl_answer_list(c);
	check_source(c);
	if (conf->grid_way)
		check_way(c);
	else
		check_command(c);
	check_watchdog(c);
	for (size_t i = 0; i < conf->zone_count; i++)
		for (int state = 0; state < GRID_STATES && conf->zones[i].k.grid == 1; state++)
			put_meaning(c, &conf->zones[i], (enum grid_state)state);
	check_reach(c);
	return ctl_answer_list_end(c, NULL);
}
