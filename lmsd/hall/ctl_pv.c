/* hall/ctl_pv.c - pv show and check: what the sun does for zones, and whether all is there that it needs. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "site/ctl_site_util.h"
#include "site/outer/sun.h"

static const struct app *app_of(struct ctl_call *c)
{
	return (const struct app *)((const char *)c->hall - offsetof(struct app, hall));
}

static bool follows(const struct zone_conf *z)
{
	return sun_shares(z) || sun_boosts(z);
}

/* The zone that is asked for as a range of indices, or all; 0 or negative with c->diag. */
static int find(struct ctl_call *c, const char *id, size_t *from, size_t *to)
{
	const struct site_conf *conf = c->hall->site->conf;
	int z = id ? ctl_find_zone(c, conf, id) : 0;

	if (!app_of(c)->balanced)
		return diag_set(&c->diag, -LMS_ECONFLICT, "the balance refuses the configuration in force "
				"(lmsd's log says why)");
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
	size_t left = ctl_page_limit(a->limit), from, to, last = 0;
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
	bool all_ok;
};

static void say(struct checks *k, const char *what, bool ok, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void say(struct checks *k, const char *what, bool ok, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	jw_object(&k->c->w);
	jw_kstr(&k->c->w, "zone", k->z->k.id);
	jw_kstr(&k->c->w, "check", what);
	jw_kbool(&k->c->w, "ok", ok);
	jw_kstr(&k->c->w, "text", text);
	jw_object_end(&k->c->w);
	k->all_ok &= ok;
}

/* Is it there, does it talk, can it be believed? */
static void check_meter(struct checks *k, int meter, const char *sees)
{
	const struct meter_view *v = &k->c->hall->site->meter_views[meter];
	const char *id = meter_id(k->c->hall->site->conf, meter);

	say(k, "source", true, "meter %s sees %s", id, sees);
	if (strcmp(v->state, "ok") == 0)
		say(k, "values", true, "meter %s: %lld W", id, (long long)(v->power_w == NUM_NONE ? 0 : v->power_w));
	else
		say(k, "values", false, "meter %s is %s%s%s (lmsctl meter show %s)", id, v->state[0] ? v->state : "unknown",
		    v->error[0] ? ": " : "", v->error, id);
}

/* A meter the wrong way round produces at night and takes power by day. */
static void check_sign(struct checks *k)
{
	const struct site *s = k->c->hall->site;
	const struct meter_view *v = k->z->pv_sun >= 0 ? &s->meter_views[k->z->pv_sun] : NULL;
	const char *id = meter_id(s->conf, k->z->pv_sun);

	if (v == NULL || strcmp(v->state, "ok") != 0 || v->power_w == NUM_NONE)
		return;
	say(k, "sign", v->power_w > -100, v->power_w > -100 ? "meter %s counts what is produced as positive"
			: "meter %s sees negative power: what is produced must be positive (lmsctl meter set %s invert=all)",
	    id, id);
}

static void check_zone(struct checks *k, size_t zone)
{
	const struct site_conf *conf = k->c->hall->site->conf;
	struct bal_pv_view v;

	say(k, "strategy", true, "pv=%s", k->z->k.pv);
	if (k->z->pv_sun >= 0)
		check_meter(k, k->z->pv_sun, "what is produced");
	if (sun_shares(k->z) && k->z->pv_grid >= 0)
		check_meter(k, k->z->pv_grid, "the grid");
	check_sign(k);
	balance_pv_view(k->c->hall->balance, (int)zone, &v);
	if (v.state == BAL_PV_LOST || v.state == BAL_PV_WAITS)
		say(k, "state", false, v.state == BAL_PV_LOST ? "no good value for too long: as without the sun"
							      : "no value since the start");
	else
		say(k, "state", true, "measured and followed");
	if (sun_boosts(k->z)) {
		say(k, "fallback", true, "without data the limit is not raised");
		return;
	}
	/* Somebody's limit must hold when the sun's does not. */
	for (int z = (int)zone; z >= 0; z = conf->zones[z].parent)
		if (conf->zones[z].cap.l[0] != NUM_NONE || conf->zones[z].k.dynamic_ma.l[0] != NUM_NONE ||
		    conf->zones[z].k.power_w != NUM_NONE) {
			say(k, "fallback", true, "without data the limits of zone %s hold", conf->zones[z].k.id);
			return;
		}
	say(k, "fallback", false, "without data nothing limits the cars (fuse=, static= or dynamic= in this zone or "
	    "one above)");
}

int ctl_pv_check(struct ctl_call *c, const struct ctl_pv_check_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	struct checks k = { .c = c, .all_ok = true };
	size_t from, to;
	int ret = find(c, a->zone, &from, &to);

	if (ret < 0)
		return ret;
	jw_object(&c->w);
	jw_key(&c->w, "items");
	jw_array(&c->w);
	for (; from < to; from++) {
		k.z = &conf->zones[from];
		if (follows(k.z))
			check_zone(&k, from);
	}
	jw_array_end(&c->w);
	jw_kbool(&c->w, "ok", k.all_ok);
	jw_object_end(&c->w);
	return 0;
}
