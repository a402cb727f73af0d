/* feed_model.c - a configuration of the site as the balance wants it: zones by index, connectors by slot.
 * The zones of the site have the same index here and there; stations' own limits follow after them.
 *
 * A candidate and the configuration in force pass through here alike, so what the balance would
 * refuse at the swap is refused before it is stored.
 */
#include "app.h"

#include <string.h>

#include "site/outer/grid.h"
#include "site/outer/sun.h"

#define SETTLE_US (5 * US_PER_S)	/* from acceptance to obeyed, unless a station file knows better */

/* Unset: as the zone above, which zero says to the balance. */
static int64_t or_zero(int64_t v)
{
	return v == NUM_NONE ? 0 : v;
}

static struct bal_timers model_timers(const struct ctl_zone_keys *k)
{
	return (struct bal_timers){
		.min_on_us = or_zero(k->min_on_ms) * US_PER_MS,
		.min_off_us = or_zero(k->min_off_ms) * US_PER_MS,
		.rotate_us = or_zero(k->rotate_ms) * US_PER_MS,
		.welcome_us = or_zero(k->welcome_ms) * US_PER_MS,
		.wake_us = or_zero(k->wake_ms) * US_PER_MS,
		.reclaim_us = or_zero(k->reclaim_ms) * US_PER_MS,
		.raise_us = or_zero(k->raise_ms) * US_PER_MS,
		.raise_after_cut_us = or_zero(k->raise_after_cut_ms) * US_PER_MS,
		.meter_stale_us = or_zero(k->meter_stale_after_ms) * US_PER_MS,
		.meter_lost_us = or_zero(k->meter_lost_after_ms) * US_PER_MS,
	};
}

static enum bal_policy policy_of(const char *text)
{
	static const enum bal_policy by_index[] = {
		BAL_KEEP_MIN, BAL_STRICT, BAL_EQUAL, BAL_PRIORITY, BAL_FIFO,
	};
	int i = text ? enum_index("keep_min|strict|equal|priority|fifo", text) : 0;

	return by_index[i < 0 ? 0 : i];
}

static enum bal_wiring wiring_of(const char *text)
{
	static const enum bal_wiring by_index[] = {
		BAL_RST, BAL_STR, BAL_TRS, BAL_RTS, BAL_SRT, BAL_TSR, BAL_L1, BAL_L2, BAL_L3,
	};
	int i = text ? enum_index("RST|STR|TRS|RTS|SRT|TSR|L1|L2|L3", text) : -1;

	return i < 0 ? BAL_WIRING_UNKNOWN : by_index[i];
}

static bool phase_present(const struct phase_ma *p)
{
	return p->l[0] != NUM_NONE || p->l[1] != NUM_NONE || p->l[2] != NUM_NONE;
}

static int64_t rating(const struct ctl_zone_keys *k)
{
	return k->fuse_ma == NUM_NONE ? 0 : k->fuse_ma * (1000 - or_zero(k->derate_permille)) / 1000;
}

static struct bal_pv_conf model_pv(const struct site_conf *conf, const struct zone_conf *z)
{
	const int64_t most = rating(&z->k);
	struct bal_pv_conf pv = {
		.production = z->pv_sun >= 0,
		.dynamic = sun_boosts_dynamic(conf, z),
		.probe = z->k.pv_probe == 1,
		.min_w = or_zero(z->k.pv_min_w),
		.start_us = or_zero(z->k.pv_start_ms) * US_PER_MS,
		.stop_us = or_zero(z->k.pv_stop_ms) * US_PER_MS,
		.rating = { { most, most, most } },
	};

	if (sun_boosts(z))
		pv.strategy = BAL_PV_BOOST;
	else if (sun_shares(z))
		pv.strategy = strcmp(z->k.pv, "surplus") == 0 ? BAL_PV_SURPLUS : BAL_PV_MIN_SURPLUS;
	pv.grid = sun_shares(z) && z->pv_grid >= 0;
	return pv;
}

static void model_zone(const struct site_conf *conf, const struct zone_conf *z, struct bal_zone_conf *out)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	struct zone_limit lost;

	out->id = z->k.id;
	out->parent = z->parent;
	out->phases = z->phases;
	out->cap = z->cap;
	out->cap_w = z->k.power_w;
	out->dynamic = phase_present(&z->k.dynamic_ma) ? z->k.dynamic_ma : none;
	out->meter_lost = z->k.meter_lost_ma;
	out->margin_ma = z->k.margin_ma == NUM_NONE ? 0 : z->k.margin_ma;
	out->min_ma = z->k.min_ma;
	out->policy = policy_of(z->k.policy);
	out->grid = z->k.grid == 1;
	grid_meaning(z, GRID_LOST, &lost);
	out->grid_lost = lost.current;
	out->grid_lost_sessions = lost.sessions;
	out->timers = model_timers(&z->k);
	out->thresholds.start_permille = or_zero(z->k.start_permille);
	out->thresholds.small_raise_ma = or_zero(z->k.small_raise_ma);
	out->pv = model_pv(conf, z);
}

static void model_conn(const struct station_conf *s, const struct connector_conf *c, const char *id, int zone,
		       struct bal_conn_conf *out)
{
	out->id = id;
	out->station = s->k.id;
	out->zone = zone;
	out->wiring = wiring_of(c->wiring);
	out->min_ma = c->min_ma;
	out->max_ma = c->max_ma;
	out->step_ma = s->step_ma;
	out->idle_ma = s->idle_ma;
	out->settle_us = s->k.settle_ms == NUM_NONE ? SETTLE_US : s->k.settle_ms * US_PER_MS;
	out->vip = c->vip;
	out->priority = c->priority;
	out->manageable = c->manageable;
	out->proven = s->proven;
	out->one_limit = c->one_limit;
	out->method = c->method;
	out->dc = c->dc;
	out->fixed_phases = c->k.phases_in_use != NULL && strcmp(c->k.phases_in_use, "fixed") == 0;
	out->even_watts = c->k.watts_on != NULL && strcmp(c->k.watts_on, "all") == 0;
	out->on_off = c->type != NULL && strcmp(c->type, "TE") == 0;
}

/* A station's own limit is a zone with one station in it: as the zone above in all but its limit. */
static void model_own(const struct station_conf *s, const struct bal_zone_conf *above, const char *id,
		      struct bal_zone_conf *out)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	*out = (struct bal_zone_conf){
		.id = id, .of_station = true, .parent = s->zone, .phases = above->phases, .cap = none,
		.cap_w = NUM_NONE, .dynamic = none, .meter_lost = none, .min_ma = NUM_NONE, .policy = above->policy,
	};
	for (int k = 0; k < out->phases; k++)
		out->cap.l[k] = s->k.limit_ma;
}

static size_t own_count(const struct site_conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->station_count; i++)
		n += conf->stations[i].k.limit_ma != NUM_NONE && conf->stations[i].zone >= 0;
	return n;
}

static size_t conn_count(const struct site_conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->station_count; i++)
		n += conf->stations[i].connector_count;
	return n;
}

void feed_model(const struct site_conf *conf, struct arena *arena, struct bal_conf *out)
{
	struct bal_zone_conf *zones = arena_array(arena, conf->zone_count + own_count(conf) + 1, sizeof(*zones));
	struct bal_conn_conf *conns = arena_array(arena, conn_count(conf) + 1, sizeof(*conns));
	size_t n = 0, zone_count = conf->zone_count;

	for (size_t i = 0; i < conf->zone_count; i++)
		model_zone(conf, &conf->zones[i], &zones[i]);
	for (size_t i = 0; i < conf->station_count; i++) {
		const struct station_conf *s = &conf->stations[i];
		int zone = s->zone;

		if (zone >= 0 && s->k.limit_ma != NUM_NONE) {
			zone = (int)zone_count++;
			model_own(s, &zones[s->zone], arena_printf(arena, FEED_OWN "%s", s->k.id), &zones[zone]);
		}
		for (size_t k = 0; k < s->connector_count; k++)
			model_conn(s, &s->connectors[k],
				   arena_printf(arena, "%s/%d", s->k.id, s->connectors[k].number),
				   zone, &conns[n++]);
	}
	*out = (struct bal_conf){ .zones = zones, .zone_count = zone_count, .conns = conns, .conn_count = n,
				  .voltage_min = conf->voltage_min, .voltage_max = conf->voltage_max };
}

int feed_check(void *ctx, const struct site_conf *candidate, struct diag *d)
{
	struct bal_conf model;
	struct arena arena;
	int ret;

	(void)ctx;
	arena_init(&arena);
	feed_model(candidate, &arena, &model);
	ret = balance_check(&model, d);
	arena_fini(&arena);
	return ret;
}
