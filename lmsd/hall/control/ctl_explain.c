/* hall/control/ctl_explain.c - zone explain: the limits that apply to a zone, its own and those of the zones that
 * feed it, and what is made of them for each connector below.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "site/outer/grid.h"
#include "site/outer/override.h"
#include "site/outer/sun.h"
#include "site/outer/source.h"
#include "hall/split.h"

static struct app *app_of(struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

/* ---- limits ---------------------------------------------------------------------------------- */

struct limits {
	struct ctl_call *c;
	const struct zone_conf *z;
	const char *holds;	/* the kind that is the least in this zone */
	struct buf text;
};

/* One limit of the zone with what l->text says of it. */
static void put_limit(struct limits *l, const char *kind, const struct phase_ma *limit)
{
	struct json_writer *w = &l->c->w;
	struct phase_ma own = *limit;

	for (int k = l->z->phases; k < PHASES; k++)
		own.l[k] = NUM_NONE;
	jw_object(w);
	jw_kstr(w, "zone", l->z->k.id);
	jw_kstr(w, "limit", kind);
	split_phases(w, "current_ma", &own);
	jw_kbool(w, "holds", strcmp(kind, l->holds) == 0);
	jw_kstr(w, "text", buf_cstr(&l->text));
	jw_object_end(w);
	buf_clear(&l->text);
}

static void put_fuse(struct limits *l)
{
	int64_t ma = l->z->k.fuse_ma, permille = l->z->k.derate_permille;

	if (ma == NUM_NONE)
		return;
	fmt_ma(&l->text, ma);
	if (permille > 0) {
		buf_printf(&l->text, permille % 10 ? " less %lld.%lld %%" : " less %lld %%",
			   (long long)permille / 10, (long long)permille % 10);
		ma = ma * (1000 - permille) / 1000;
	}
	put_limit(l, "fuse", &(struct phase_ma){ { ma, ma, ma } });
}

static void put_dynamic(struct limits *l, const struct bal_zone_view *v)
{
	const struct ctl_zone_keys *k = &l->z->k;

	if (k->dynamic_ma.l[0] == NUM_NONE)
		return;
	split_phases_text(&l->text, &k->dynamic_ma, l->z->phases);
	buf_puts(&l->text, " less what is not cars (");
	split_phases_text(&l->text, &v->non_ev, l->z->phases);
	if (k->margin_ma > 0) {
		buf_puts(&l->text, ") less a margin of ");
		fmt_ma(&l->text, k->margin_ma);
	} else {
		buf_puts(&l->text, ")");
	}
	if (v->meter_ok) {
		buf_printf(&l->text, "; meter %s sees ", k->meter);
		split_phases_text(&l->text, &v->load, l->z->phases);
	} else {
		buf_printf(&l->text, "; meter %s has no fresh value", k->meter);
	}
	put_limit(l, "dynamic", &v->budget);
	if (!v->meter_lost)
		return;
	buf_puts(&l->text, "while the meter is silent");
	put_limit(l, "meter_lost", &k->meter_lost_ma);
}

static void put_time(struct limits *l, const char *word, wall_t at)
{
	char text[RFC3339_MAX];

	if (at != WALL_NONE)
		buf_printf(&l->text, " %s %s", word, rfc3339_format(at / US_PER_S * US_PER_S, text));
}

/* ---- limits from outside: what each says, and why; false where it says nothing ---- */

static bool tell_override(struct limits *l, struct zone_limit *limit)
{
	const struct zone_override *o = site_override(l->c->hall->site, l->z->k.id);

	if (o == NULL)
		return false;
	limit->current = o->limit;
	buf_puts(&l->text, "by hand");
	put_time(l, "until", l->c->wall + (o->until - l->c->now));
	return true;
}

/* Why it is not sure, and what holds beside it. */
static void put_unsure(struct limits *l, const struct signal *g)
{
	buf_puts(&l->text, g->hinted ? "; of no known age, as the broker had kept it" : "; not told since the start of lmsd");
	buf_puts(&l->text, ": what its loss means");
	if (g->before[0] != '\0')
		buf_printf(&l->text, " and %s, which was told before,", g->before);
	buf_printf(&l->text, " %s beside it", g->before[0] != '\0' ? "hold" : "holds");
}

static bool tell_grid(struct limits *l, struct zone_limit *limit)
{
	const struct site *site = l->c->hall->site;
	const struct signal *g = site_grid_signal(site);

	site_grid_limit(site, l->z, limit);
	if (l->z->k.grid != 1)
		return false;
	buf_printf(&l->text, "the signal is %s", grid_state_name(site_grid_state(site)));
	put_time(l, "since", g->since);
	if (g->by[0] != '\0')
		buf_printf(&l->text, " (%s)", g->by);
	if (!site_grid_is_sure(site))
		put_unsure(l, site->conf->grid_way ? &site->grid_way : g);
	return true;
}

static bool tell_tariff(struct limits *l, struct zone_limit *limit)
{
	const struct site *site = l->c->hall->site;
	wall_t next = site_tariff_next(site, l->z, l->c->wall);
	char text[RFC3339_MAX];

	site_tariff_limit(site, l->z, l->c->wall, limit);
	if (l->z->tariff == NULL)
		return false;
	if (l->c->wall < CLOCK_OK_FROM)
		buf_puts(&l->text, "the clock is not set: the least of all windows");
	else
		buf_printf(&l->text, "%s; looked at again at %s",
			   limit->current.l[0] == NUM_NONE ? "no window is open" : "a window is open",
			   rfc3339_format(next, text));
	return true;
}

static bool tell_source(struct limits *l, struct zone_limit *limit)
{
	const struct site *site = l->c->hall->site;
	const struct source_conf *source;
	const struct signal *g;

	site_source_limit(site, l->z, limit);
	if (l->z->source < 0)
		return false;
	source = &site->conf->sources[l->z->source];
	g = site_source_signal(site, source);
	buf_printf(&l->text, "source %s is %s", source->k.id, site_source_state(site, source));
	if (g != NULL)
		put_time(l, "since", g->since);
	if (site_source_beside(site, source) != NULL)
		buf_printf(&l->text, "; %s by command beside it", site_source_beside(site, source));
	if (!site_source_is_sure(site, source))
		put_unsure(l, g);
	return true;
}

static bool (*const tell_outer[BAL_OUTER_KINDS])(struct limits *l, struct zone_limit *limit) = {
	[BAL_OUTER_OVERRIDE] = tell_override,
	[BAL_OUTER_GRID] = tell_grid,
	[BAL_OUTER_TARIFF] = tell_tariff,
	[BAL_OUTER_SOURCE] = tell_source,
};

static void put_outer(struct limits *l)
{
	for (int kind = 0; kind < BAL_OUTER_KINDS; kind++) {
		struct zone_limit limit = zone_limit_none;

		if (!tell_outer[kind](l, &limit))
			continue;
		if (limit.sessions > 0)
			buf_printf(&l->text, limit.sessions == 1 ? "; %d car at a time" : "; %d cars at a time",
				   limit.sessions);
		put_limit(l, balance_outer_name((enum bal_outer)kind), &limit.current);
	}
}

static void put_sun(struct limits *l, int zone)
{
	static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	struct bal_pv_view v;

	balance_pv_view(l->c->hall->balance, zone, &v);
	if (v.state == BAL_PV_NONE)
		return;
	buf_puts(&l->text, l->z->k.pv);
	if (v.state == BAL_PV_LOST) {
		buf_puts(&l->text, ": nothing is known of the sun, as without it");
	} else if (v.state == BAL_PV_WAITS) {
		buf_puts(&l->text, ": nothing is measured yet");
	} else if (sun_boosts(l->z)) {
		buf_puts(&l->text, ": on top of the static limit or the power, up to the fuse");
	} else {
		buf_puts(&l->text, ": ");
		fmt_w(&l->text, v.budget_w);
		buf_printf(&l->text, " for %d of %d cars, of a surplus of ", v.charging, v.following);
		fmt_w(&l->text, v.surplus_w);
	}
	put_limit(l, "pv", sun_boosts(l->z) ? &v.boost : &none);
}

static void put_limits(struct ctl_call *c, int zone)
{
	static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	const struct site *site = c->hall->site;
	struct limits l = { .c = c };

	buf_init(&l.text);
	for (; zone >= 0; zone = l.z->parent) {
		struct bal_zone_view v;

		l.z = &site->conf->zones[zone];
		l.holds = site->zone_views[zone].cap_why;
		balance_zone_view(c->hall->balance, zone, &v);
		put_fuse(&l);
		if (l.z->k.static_ma.l[0] != NUM_NONE) {
			buf_puts(&l.text, "as configured");
			put_limit(&l, "static", &l.z->k.static_ma);
		}
		put_dynamic(&l, &v);
		put_outer(&l);
		if (l.z->k.power_w != NUM_NONE) {
			buf_printf(&l.text, "%lld W for the three phases together", (long long)l.z->k.power_w);
			put_limit(&l, "power", &none);
		}
		put_sun(&l, zone);
	}
	buf_fini(&l.text);
}

int ctl_zone_explain(struct ctl_call *c, const struct ctl_zone_explain_args *a)
{
	const struct app *app = app_of(c);
	const struct site_conf *conf = c->hall->site->conf;
	int zone = site_conf_zone(conf, a->id);

	if (zone < 0)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "zone '%.60s' does not exist (lmsctl zone list)", a->id);
	if (!app->balanced)
		return diag_set(&c->diag, -LMS_ECONFLICT, "the balance refuses the configuration in force "
				"(lmsd's log says why)");
	jw_object(&c->w);
	jw_kstr(&c->w, "id", a->id);
	split_phases(&c->w, "cap_ma", &c->hall->site->zone_views[zone].cap);
	jw_kstr(&c->w, "cap_why", c->hall->site->zone_views[zone].cap_why);
	split_phases(&c->w, "sum_ma", &c->hall->site->zone_views[zone].sum);
	jw_key(&c->w, "limits");
	jw_array(&c->w);
	put_limits(c, zone);
	jw_array_end(&c->w);
	jw_key(&c->w, "connectors");
	jw_array(&c->w);
	for (size_t i = 0; i < app->slot_count; i++) {
		const struct connector *conn = app->slots[i];

		if (!site_conf_zone_below(conf, conf->stations[conn->station->conf].zone, zone))
			continue;
		split_connector(&c->w, c->hall->balance, conn->slot);
		jw_object_end(&c->w);
	}
	jw_array_end(&c->w);
	jw_object_end(&c->w);
	return 0;
}
