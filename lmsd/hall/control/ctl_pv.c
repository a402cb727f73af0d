/* hall/control/ctl_pv.c - pv show and check: what the sun does for zones, and whether all is there that it needs. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "meter/pushed.h"
#include "site/control/ctl_site_util.h"
#include "site/outer/from.h"
#include "site/outer/sun.h"

static const struct app *app_of(struct ctl_call *c)
{
	return (const struct app *)((const char *)c->hall - offsetof(struct app, hall));
}

static bool follows(const struct zone_conf *z)
{
	return sun_shares(z) || sun_boosts(z);
}

static int unbalanced(struct ctl_call *c)
{
	return diag_set(&c->diag, -LMS_ECONFLICT, "the balance refuses the configuration in force (lmsd's log says why)");
}

/* The zone that is asked for as a range of indices, or all; 0 or negative with c->diag. */
static int find(struct ctl_call *c, const char *id, size_t *from, size_t *to)
{
	const struct site_conf *conf = c->hall->site->conf;
	int z = id ? ctl_find_zone(c, conf, id) : 0;

	if (!app_of(c)->balanced)
		return unbalanced(c);
	if (z < 0)
		return z;
	*from = id ? (size_t)z : 0;
	*to = id ? (size_t)z + 1 : conf->zone_count;
	if (id && !follows(&conf->zones[z]))
		return diag_set(&c->diag, -LMS_ENOTFOUND, "zone %s does not follow the sun (lmsctl zone set %s pv=surplus)",
				id, id);
	return 0;
}

static const char *meter_id(const struct site_conf *conf, int meter)
{
	return meter >= 0 ? conf->meters[meter].k.id : NULL;
}

static void fill(const struct ctl_call *c, size_t zone, struct ctl_pv *out)
{
	static const char *const states[] = {
		[BAL_PV_NONE] = "waits", [BAL_PV_WAITS] = "waits", [BAL_PV_OK] = "ok", [BAL_PV_PROBES] = "probes",
		[BAL_PV_LOST] = "lost",
	};
	const struct site_conf *conf = c->hall->site->conf;
	const struct zone_conf *z = &conf->zones[zone];
	struct bal_pv_view v;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_pv], out);
	out->zone = z->k.id;
	out->strategy = z->k.pv;
	out->pv_meter = meter_id(conf, z->pv_sun);
	out->grid_meter = sun_shares(z) ? meter_id(conf, z->pv_grid) : NULL;
	balance_pv_view(c->hall->balance, (int)zone, &v);
	out->state = states[v.state];
	out->production_w = v.production_w;
	out->grid_w = v.grid_w;
	out->draw_w = v.draw_w;
	out->surplus_w = v.surplus_w;
	out->budget_w = v.budget_w;
	out->start_w = v.start_w;
	out->boost_ma = v.boost;
	if (sun_boosts(z))
		return;
	out->cars = v.following;
	out->charging = v.charging;
}

int ctl_pv_show(struct ctl_call *c, const struct ctl_pv_show_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t left = ctl_page_limit(a->limit), from = 0, to = 0, last = 0;
	struct ctl_pv rec;
	int ret = find(c, a->zone, &from, &to);

	if (ret < 0)
		return ret;
	if (a->cursor) {
		int at = site_conf_zone(conf, a->cursor);

		if (at < 0)
			return diag_set(&c->diag, -LMS_ECONFLICT, "cursor: zone '%.60s' is gone (begin the list anew)",
					a->cursor);
		from = (size_t)at + 1;
	}
	ctl_answer_list(c);
	for (; from < to && left > 0; from++) {
		if (!follows(&conf->zones[from]))
			continue;
		fill(c, from, &rec);
		ctl_answer_item(c, &rec);
		last = from;
		left--;
	}
	return ctl_answer_list_end(c, from < to ? conf->zones[last].k.id : NULL);
}

/* ---- check ------------------------------------------------------------------------------------ */

struct checks {
	struct ctl_call *c;
	const struct zone_conf *z;
};

static void say(const struct checks *k, const char *check, const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(const struct checks *k, const char *check, const char *verdict, const char *fmt, ...)
{
	struct ctl_pv rec;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_pv], &rec);
	rec.zone = k->z ? k->z->k.id : NULL;
	rec.check = check;
	rec.verdict = verdict;
	rec.text = text;
	ctl_answer_item(k->c, &rec);
}

/* How its values come here: read from a device, or told. */
static void check_declared(const struct checks *k, const struct ctl_meter_keys *m, const char *sees)
{
	const struct hall *hall = k->c->hall;
	const char *trouble = NULL;
	bool topic = strncmp(m->address, "mqtt:", 5) == 0;

	if (topic && hall->way_trouble)
		trouble = hall->way_trouble(hall, FROM_MQTT);
	if (trouble)
		say(k, "source", "missing", "meter %s hears of %s by topic %s: %s", m->id, sees, m->address + 5, trouble);
	else if (topic)
		say(k, "source", "ok", "meter %s hears of %s by topic %s", m->id, sees, m->address + 5);
	else if (pushed_is_address(m->address))
		say(k, "source", "ok", "meter %s is told of %s by command (lmsctl %s %s …)", m->id, sees,
		    m->scope && strcmp(m->scope, "pv") == 0 ? "pv set" : "meter push", m->id);
	else
		say(k, "source", "ok", "meter %s sees %s: %s at %s", m->id, sees, m->profile, m->address);
}

/* Is it there, does it talk, can it be believed? */
static void check_meter(const struct checks *k, int meter, const char *sees)
{
	const struct meter_view *v = &k->c->hall->site->meter_views[meter];
	const struct ctl_meter_keys *m = &k->c->hall->site->conf->meters[meter].k;
	bool silent = strcmp(v->state, "silent") == 0 || strcmp(v->state, "stale") == 0 || strcmp(v->state, "unknown") == 0;

	check_declared(k, m, sees);
	if (strcmp(v->state, "ok") != 0)
		say(k, "values", silent ? "missing" : "wrong", "meter %s is %s%s%s (lmsctl meter %s %s)", m->id,
		    v->state[0] ? v->state : "unknown", v->error[0] ? ": " : "", v->error,
		    pushed_is_address(m->address) ? "show" : "check", m->id);
	else if (v->power_w == NUM_NONE)
		say(k, "values", "missing", "meter %s talks, but tells no power (power_total)", m->id);
	else
		say(k, "values", "ok", "meter %s: %lld W, %lld ms old", m->id, (long long)v->power_w,
		    (long long)((k->c->now - v->good_at) / US_PER_MS));
}

/* A meter the wrong way round produces at night and takes power by day. */
static void check_sign(const struct checks *k)
{
	const struct site *s = k->c->hall->site;
	const struct meter_view *v = k->z->pv_sun >= 0 ? &s->meter_views[k->z->pv_sun] : NULL;
	const char *id = meter_id(s->conf, k->z->pv_sun);

	if (v == NULL || strcmp(v->state, "ok") != 0 || v->power_w == NUM_NONE)
		return;
	if (v->power_w >= -PUSHED_NIGHT_W)
		say(k, "sign", "ok", "meter %s counts what is produced as positive", id);
	else
		say(k, "sign", "wrong", "meter %s sees negative power: what is produced must be positive (lmsctl meter set %s "
		    "invert=all)", id, id);
}

/* What raises a limit of current must know on which phases it is produced. */
static void check_currents(const struct checks *k)
{
	const struct site *s = k->c->hall->site;
	const struct meter_view *v = k->z->pv_sun >= 0 ? &s->meter_views[k->z->pv_sun] : NULL;
	bool any = false;

	if (v == NULL || !sun_boosts(k->z) || strcmp(v->state, "ok") != 0)
		return;
	for (int p = 0; p < PHASES; p++)
		any |= v->current.l[p] != NUM_NONE;
	if (any)
		say(k, "currents", "ok", "meter %s tells the currents of the phases", meter_id(s->conf, k->z->pv_sun));
	else
		say(k, "currents", k->z->k.power_w != NUM_NONE ? "ok" : "missing", "meter %s tells no currents: only a limit in W "
		    "(power=) is raised", meter_id(s->conf, k->z->pv_sun));
}

static void check_state(const struct checks *k, size_t zone)
{
	struct bal_pv_view v;

	balance_pv_view(k->c->hall->balance, (int)zone, &v);
	if (v.state == BAL_PV_LOST)
		say(k, "state", "missing", "no good value for too long: as without the sun");
	else if (v.state == BAL_PV_WAITS)
		say(k, "state", "missing", "no values for ten seconds yet");
	else
		say(k, "state", "ok", "measured and followed");
}

/* Somebody's limit must hold when the sun's does not. */
static void check_fallback(const struct checks *k, size_t zone)
{
	const struct site_conf *conf = k->c->hall->site->conf;

	if (sun_boosts(k->z)) {
		say(k, "fallback", "ok", "without data the limit is not raised");
		return;
	}
	for (int z = (int)zone; z >= 0; z = conf->zones[z].parent)
		if (conf->zones[z].cap.l[0] != NUM_NONE || conf->zones[z].k.dynamic_ma.l[0] != NUM_NONE ||
		    conf->zones[z].k.power_w != NUM_NONE) {
			say(k, "fallback", "ok", "without data the limits of zone %s hold", conf->zones[z].k.id);
			return;
		}
	say(k, "fallback", "missing", "without data nothing limits the cars (fuse=, static= or dynamic= in this zone or "
	    "one above)");
}

static void check_zone(const struct checks *k, size_t zone)
{
	if (!follows(k->z)) {
		say(k, "strategy", "missing", "the zone does not follow the sun (lmsctl zone set %s pv=surplus, min+surplus or "
		    "boost)", k->z->k.id);
		return;
	}
	say(k, "strategy", "ok", "pv=%s", k->z->k.pv);
	if (k->z->pv_sun >= 0)
		check_meter(k, k->z->pv_sun, "what is produced");
	if (sun_shares(k->z) && k->z->pv_grid >= 0)
		check_meter(k, k->z->pv_grid, "the grid");
	check_sign(k);
	check_currents(k);
	check_state(k, zone);
	check_fallback(k, zone);
}

int ctl_pv_check(struct ctl_call *c, const struct ctl_pv_check_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	int only = a->zone ? ctl_find_zone(c, conf, a->zone) : -1;
	struct checks k = { .c = c };
	bool any = false;

	if (a->zone && only < 0)
		return only;
	if (!app_of(c)->balanced)
		return unbalanced(c);
	ctl_answer_list(c);
	for (size_t i = 0; i < conf->zone_count; i++) {
		k.z = &conf->zones[i];
		if (only < 0 ? !follows(k.z) : i != (size_t)only)
			continue;
		check_zone(&k, i);
		any = true;
	}
	k.z = NULL;
	if (!any)
		say(&k, "strategy", "missing", "no zone follows the sun (lmsctl zone set ZONE pv=surplus, min+surplus or boost)");
	return ctl_answer_list_end(c, NULL);
}
