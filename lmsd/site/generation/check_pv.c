/* site/generation/check_pv.c - what a zone needs to follow the sun. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/outer/sun.h"

#define POLL_SHARE_MS INT64_C(20000)	/* a surplus is lost after 60 s */
#define POLL_BOOST_MS INT64_C(2000)	/* as for every limit that a meter steers */

/* The first key that means nothing without a strategy, or with boost, which binds nobody; NULL = none. */
static const char *first_key(const struct ctl_zone_keys *k, bool boosts)
{
	if (k->pv_meter && !boosts)
		return "pv_meter";
	if (k->pv_probe != NUM_NONE)
		return "pv_probe";
	if (k->pv_min_w != NUM_NONE)
		return "pv_min";
	if (k->pv_start_ms != NUM_NONE)
		return "pv_start";
	if (k->pv_stop_ms != NUM_NONE)
		return "pv_stop";
	return k->pv_exempt ? "pv_exempt" : NULL;
}

static int check_poll(const struct site_conf *c, const struct zone_conf *z, int meter, int64_t most_ms,
		      struct diag *diag)
{
	const struct ctl_meter_keys *m = &c->meters[meter].k;

	if (m->poll_ms == NUM_NONE || m->poll_ms <= most_ms)
		return 0;
	return diag_set(diag, -LMS_EDATA, "zone %s: pv: meter '%s' is read every %lld ms, too slow for it "
			"(poll=%llds or less)", z->k.id, m->id, (long long)m->poll_ms, (long long)most_ms / 1000);
}

static int check_source(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const struct ctl_meter_keys *m = z->pv_sun >= 0 ? &c->meters[z->pv_sun].k : NULL;
	int64_t most_ms = sun_boosts(z) ? POLL_BOOST_MS : POLL_SHARE_MS;
	int ret = 0;

	if (z->k.pv_meter && !m)
		return check_no_meter(c, z, "pv_meter", z->k.pv_meter, diag);
	if (m && (!m->scope || strcmp(m->scope, "pv") != 0))
		return diag_set(diag, -LMS_EDATA, "zone %s: pv_meter: '%s' measures scope=%s, not the sun "
				"(lmsctl meter set %s scope=pv, or name another)", z->k.id, m->id,
				m->scope ? m->scope : "(unset)", m->id);
	if (m)
		ret = check_poll(c, z, z->pv_sun, most_ms, diag);
	if (!ret && sun_shares(z) && z->pv_grid >= 0)
		ret = check_poll(c, z, z->pv_grid, most_ms, diag);
	return ret;
}

/* Both would give away the same surplus. */
static int check_alone(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	for (const struct zone_conf *other = c->zones; other < z; other++) {
		int meter = z->pv_grid >= 0 && other->pv_grid == z->pv_grid ? z->pv_grid
			    : z->pv_sun >= 0 && other->pv_sun == z->pv_sun  ? z->pv_sun
									    : -1;

		if (sun_shares(other) && meter >= 0)
			return diag_set(diag, -LMS_EDATA, "zone %s: pv: zone %s shares the surplus that meter '%s' "
					"sees already (set pv in one zone above both)", z->k.id, other->k.id,
					c->meters[meter].k.id);
	}
	return 0;
}

static int check_shares(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	if (z->pv_grid < 0 && z->pv_sun < 0)
		return diag_set(diag, -LMS_EDATA, "zone %s: pv: %s needs a meter that sees the sun: none with scope=grid "
				"feeds this zone or one above (scope=grid there, or pv_meter=…)", z->k.id, z->k.pv);
	if (z->pv_grid < 0 && z->k.pv_probe == 1)
		return diag_set(diag, -LMS_EDATA, "zone %s: pv_probe: needs a meter with scope=grid that shows whether "
				"the inverter follows", z->k.id);
	return check_alone(c, z, diag);
}

static int check_boost(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const char *key = first_key(&z->k, true);

	if (!z->k.kind || strcmp(z->k.kind, "supply") != 0)
		return diag_set(diag, -LMS_EDATA, "zone %s: pv: boost raises a subscription and never a feeder, but its "
				"kind is %s (kind=supply, or pv=surplus)", z->k.id, z->k.kind ? z->k.kind : "board");
	if (!z->k.pv_meter)
		return diag_set(diag, -LMS_EDATA, "zone %s: pv: boost needs to know what is produced (pv_meter=…)",
				z->k.id);
	if (z->k.static_ma.l[0] == NUM_NONE && z->k.power_w == NUM_NONE && !sun_boosts_dynamic(c, z))
		return diag_set(diag, -LMS_EDATA, "zone %s: pv: boost finds no limit to raise: a fuse is none, and what "
				"a meter of the grid measures holds the sun already (static=…, power=…, or dynamic=… with "
				"a meter of scope=load)", z->k.id);
	if (key)
		return diag_set(diag, -LMS_EDATA, "zone %s: %s: means nothing with pv=boost, which binds no car (unset it)",
				z->k.id, key);
	return 0;
}

static int check_exempt(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const char *at = z->k.pv_exempt;
	struct exempt e;
	struct diag said;
	int ret = 0;

	diag_init(&said);
	while (at && (ret = exempt_next(&at, &e, &said)) > 0)
		if (e.kind == EXEMPT_STATION && site_conf_station(c, e.name) < 0)
			return diag_set(diag, -LMS_EDATA, "zone %s: pv_exempt: station '%s' does not exist "
					"(take it out, or lmsctl station list)", z->k.id, e.name);
	return ret < 0 ? diag_set(diag, ret, "zone %s: pv_exempt: %s", z->k.id, said.text) : 0;
}

int check_pv(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const char *key = first_key(&z->k, false);
	int ret;

	if (!z->k.pv && key)
		return diag_set(diag, -LMS_EDATA, "zone %s: %s: means nothing without a strategy (pv=surplus, "
				"min+surplus or boost; pv=off keeps it for later)", z->k.id, key);
	ret = check_source(c, z, diag);
	if (!ret && sun_shares(z))
		ret = check_shares(c, z, diag);
	if (!ret && sun_boosts(z))
		ret = check_boost(c, z, diag);
	return ret ? ret : check_exempt(c, z, diag);
}
