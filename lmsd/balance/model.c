/* balance/model.c - takes a configuration that is checked (check.c), and carries over what is known by identity.
 */
#include "balance/record/journal.h"
#include "balance/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define SETTLE_US       (5 * US_PER_S)
#define VOLTAGE_MIN     INT64_C(207)	/* 230 V less and plus 10 % */
#define VOLTAGE_MAX     INT64_C(253)

static const struct bal_timers default_timers = {
	.min_on_us = 300 * US_PER_S,
	.min_off_us = 180 * US_PER_S,
	.rotate_us = 900 * US_PER_S,
	.welcome_us = 210 * US_PER_S,
	.wake_us = 120 * US_PER_S,
	.reclaim_us = 60 * US_PER_S,
	.raise_us = 15 * US_PER_S,
	.raise_after_cut_us = 30 * US_PER_S,
	.meter_stale_us = 5 * US_PER_S,
	.meter_lost_us = 8 * US_PER_S,
};

static const struct bal_thresholds default_thresholds = { .start_permille = 1200, .small_raise_ma = 1000 };

static void inherit(int64_t *own, int64_t parent)
{
	if (*own <= 0)
		*own = parent;
}

static void inherit_timers(struct bal_timers *own, const struct bal_timers *parent)
{
	inherit(&own->min_on_us, parent->min_on_us);
	inherit(&own->min_off_us, parent->min_off_us);
	inherit(&own->rotate_us, parent->rotate_us);
	inherit(&own->welcome_us, parent->welcome_us);
	inherit(&own->wake_us, parent->wake_us);
	inherit(&own->reclaim_us, parent->reclaim_us);
	inherit(&own->raise_us, parent->raise_us);
	inherit(&own->raise_after_cut_us, parent->raise_after_cut_us);
	inherit(&own->meter_stale_us, parent->meter_stale_us);
	inherit(&own->meter_lost_us, parent->meter_lost_us);
	if (own->rotate_us < US_PER_S)
		own->rotate_us = US_PER_S;	/* each turn is a recomputation */
	/* One that sets the later of the two alone has both. */
	if (own->meter_stale_us > own->meter_lost_us)
		own->meter_stale_us = own->meter_lost_us;
}

static void inherit_thresholds(struct bal_thresholds *own, const struct bal_thresholds *parent)
{
	inherit(&own->start_permille, parent->start_permille);
	inherit(&own->small_raise_ma, parent->small_raise_ma);
}

static bool zone_is_dynamic(const struct bal_zone_conf *z)
{
	for (int k = 0; k < z->phases; k++)
		if (z->dynamic.l[k] != NUM_NONE)
			return true;
	return false;
}

/* ---- identities ----------------------------------------------------------------------------- */

struct named {
	const char *id;
	size_t index;
};

static int named_compare(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static size_t named_find(const struct named *list, size_t count, const char *id)
{
	struct named key = { .id = id };
	const struct named *hit = bsearch(&key, list, count, sizeof(*list), named_compare);

	return hit ? hit->index : SIZE_MAX;
}

struct station *model_find_station(struct balance *b, const char *id)
{
	size_t lo = 0, hi = b->station_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int cmp = strcmp(id, b->stations[mid].id);

		if (!cmp)
			return &b->stations[mid];
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* ---- building ------------------------------------------------------------------------------- */

static void build_stations(struct balance *b)
{
	struct named *ids = xcalloc(b->conn_count + 1, sizeof(*ids));

	b->stations = xcalloc(b->conn_count + 1, sizeof(*b->stations));
	b->by_station = xcalloc(b->conn_count + 1, sizeof(*b->by_station));
	for (size_t i = 0; i < b->conn_count; i++)
		ids[i] = (struct named){ .id = b->conns[i].conf.station, .index = i };
	qsort(ids, b->conn_count, sizeof(*ids), named_compare);
	for (size_t i = 0; i < b->conn_count; i++) {
		struct station *st = b->station_count ? &b->stations[b->station_count - 1] : NULL;

		if (!st || strcmp(st->id, ids[i].id) != 0) {
			st = &b->stations[b->station_count++];
			*st = (struct station){ .id = xstrdup(ids[i].id), .first_conn = (uint32_t)i };
		}
		b->by_station[st->first_conn + st->conn_count++] = (uint32_t)ids[i].index;
		b->conns[ids[i].index].station = (uint32_t)(st - b->stations);
	}
	free(ids);
}

static void build(struct balance *b, const struct bal_conf *conf, mono_t now)
{
	b->voltage_min = conf->voltage_min > 0 ? conf->voltage_min : VOLTAGE_MIN;
	b->voltage_max = conf->voltage_max > 0 ? conf->voltage_max : VOLTAGE_MAX;
	b->zone_count = conf->zone_count;
	b->zones = xcalloc(conf->zone_count + 1, sizeof(*b->zones));
	for (size_t i = 0; i < conf->zone_count; i++) {
		struct zone *z = &b->zones[i];
		int p = conf->zones[i].parent;

		z->conf = conf->zones[i];
		z->conf.id = xstrdup(conf->zones[i].id);
		inherit_timers(&z->conf.timers, p >= 0 ? &b->zones[p].conf.timers : &default_timers);
		inherit_thresholds(&z->conf.thresholds,
				   p >= 0 ? &b->zones[p].conf.thresholds : &default_thresholds);
		for (int kind = 0; kind < BAL_OUTER_KINDS; kind++)
			z->outer[kind] = model_no_outer;
		z->budget.state = zone_is_dynamic(&z->conf) ? METER_WAITS : METER_NONE;
		budget_init(z, now);
		pv_init(z, now);
		b->has_pv |= z->pv.state != BAL_PV_NONE;
	}
	b->conn_count = conf->conn_count;
	b->conns = xcalloc(conf->conn_count + 1, sizeof(*b->conns));
	b->order = xcalloc(conf->conn_count + 1, sizeof(*b->order));
	for (size_t i = 0; i < conf->conn_count; i++) {
		struct conn *c = &b->conns[i];

		c->conf = conf->conns[i];
		c->conf.id = xstrdup(conf->conns[i].id);
		c->conf.station = xstrdup(conf->conns[i].station);
		if (c->conf.settle_us <= 0)
			c->conf.settle_us = SETTLE_US;
		c->idle_ma = c->conf.idle_ma - c->conf.idle_ma % c->conf.step_ma;
		c->cap_ma = NUM_NONE;
		c->off_since = MONO_NEVER;
		c->why = c->held = reason_make(BAL_WHY_NONE);
		demand_reset(&c->demand, now);
		wake_reset(&c->wake);
		gate_init(c);
	}
	build_stations(b);
}

static bool pv_same(const struct bal_pv_conf *a, const struct bal_pv_conf *b)
{
	return a->strategy == b->strategy && a->grid == b->grid && a->production == b->production &&
	       a->dynamic == b->dynamic;
}

/* What is known of a connector stays; only its configuration is new. */
static void carry_conn(struct conn *c, const struct conn *old)
{
	struct conn fresh = *c;

	*c = *old;
	c->conf = fresh.conf;
	c->station = fresh.station;
	c->idle_ma = fresh.idle_ma;
	/* One that was unknown is unknown up to its new maximum. */
	if (old->gate.claims[BAL_LIMIT_IDLE].hold_ma >= watts_full(old) &&
	    c->gate.claims[BAL_LIMIT_IDLE].hold_ma < watts_full(c) &&
	    !c->gate.claims[BAL_LIMIT_IDLE].sure)
		c->gate.claims[BAL_LIMIT_IDLE].hold_ma = watts_full(c);
	if (c->conf.wiring != old->conf.wiring || c->conf.fixed_phases != old->conf.fixed_phases)
		c->demand.learned = c->demand.known = 0;
	if (c->conf.one_limit != old->conf.one_limit || c->conf.method != old->conf.method)
		gate_other_method(c, old->conf.one_limit);
}

/* Where zones and connectors are now, by their index of before; -1 = gone. */
struct moved {
	int *zones, *conns;
};

/* A reason names what it speaks of by index; of what is gone nothing can be said. */
static void carry_reason(struct bal_reason *r, const struct moved *to)
{
	int zone = r->zone >= 0 ? to->zones[r->zone] : -1, other = r->other >= 0 ? to->conns[r->other] : -1;

	if (zone < 0 && r->zone >= 0)
		*r = reason_make(BAL_WHY_NONE);
	else if (other < 0 && r->other >= 0)
		*r = reason_make(BAL_WHY_NONE);
	r->zone = r->zone >= 0 ? zone : -1;
	r->other = r->other >= 0 ? other : -1;
}

static struct moved moved_new(const struct balance *old)
{
	struct moved to = { xcalloc(old->zone_count + 1, sizeof(int)), xcalloc(old->conn_count + 1, sizeof(int)) };

	for (size_t i = 0; i < old->zone_count; i++)
		to.zones[i] = -1;
	for (size_t i = 0; i < old->conn_count; i++)
		to.conns[i] = -1;
	return to;
}

static void carry(struct balance *b, struct balance *old)
{
	struct named *ids = xcalloc(old->conn_count + old->zone_count + 1, sizeof(*ids));
	struct moved to = moved_new(old);

	for (size_t i = 0; i < old->conn_count; i++)
		ids[i] = (struct named){ .id = old->conns[i].conf.id, .index = i };
	qsort(ids, old->conn_count, sizeof(*ids), named_compare);
	for (size_t i = 0; i < b->conn_count; i++) {
		size_t at = named_find(ids, old->conn_count, b->conns[i].conf.id);

		if (at != SIZE_MAX && !strcmp(b->conns[i].conf.station, old->conns[at].conf.station)) {
			carry_conn(&b->conns[i], &old->conns[at]);
			watts_rescale(&b->conns[i], old->voltage_min, b->voltage_min);
			to.conns[at] = (int)i;
		}
	}
	for (size_t i = 0; i < b->station_count; i++) {
		const struct station *st = model_find_station(old, b->stations[i].id);

		if (!st)
			continue;
		b->stations[i].online = st->online;
		b->stations[i].takes_fallback = st->takes_fallback;
	}
	for (size_t i = 0; i < old->zone_count; i++)
		ids[i] = (struct named){ .id = old->zones[i].conf.id, .index = i };
	qsort(ids, old->zone_count, sizeof(*ids), named_compare);
	for (size_t i = 0; i < b->zone_count; i++) {
		size_t at = named_find(ids, old->zone_count, b->zones[i].conf.id);
		struct zone *z = &b->zones[i];

		if (at == SIZE_MAX)
			continue;
		to.zones[at] = (int)i;
		z->volts = old->zones[at].volts;
		z->over_us = old->zones[at].over_us;
		z->shortage = old->zones[at].shortage;
		z->alerts = old->zones[at].alerts;
		memcpy(z->outer, old->zones[at].outer, sizeof(z->outer));
		if (z->budget.state != METER_NONE && old->zones[at].budget.state != METER_NONE)
			z->budget = old->zones[at].budget;
		if (pv_same(&z->conf.pv, &old->zones[at].conf.pv))
			z->pv = old->zones[at].pv;
	}
	for (size_t i = 0; i < b->conn_count; i++) {
		carry_reason(&b->conns[i].why, &to);
		carry_reason(&b->conns[i].held, &to);
	}
	free(to.zones);
	free(to.conns);
	free(ids);
}

static void free_model(struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++)
		free((void *)(uintptr_t)b->zones[i].conf.id);
	for (size_t i = 0; i < b->conn_count; i++) {
		free((void *)(uintptr_t)b->conns[i].conf.id);
		free((void *)(uintptr_t)b->conns[i].conf.station);
	}
	for (size_t i = 0; i < b->station_count; i++)
		free(b->stations[i].id);
	free(b->zones);
	free(b->conns);
	free(b->stations);
	free(b->by_station);
	free(b->order);
}

struct balance *balance_new(void)
{
	struct balance *b = xcalloc(1, sizeof(*b));

	arena_init(&b->scratch);
	b->ran = INT64_MIN / 2;
	b->wait_us = COALESCE_US;
	b->due = b->meter_due = b->alert_due = b->pv_due = MONO_NEVER;
	return b;
}

void balance_free(struct balance *b)
{
	if (!b)
		return;
	free_model(b);
	journal_free(b);
	arena_fini(&b->scratch);
	free(b);
}

int balance_configure(struct balance *b, const struct bal_conf *conf, mono_t now, struct diag *d)
{
	struct balance next = *b, old = *b;
	int ret = balance_check(conf, d);

	b->refused = next.refused = ret != 0;
	if (b->refused)
		b->alert_due = now;
	if (ret)
		return ret;
	next.station_count = 0;
	next.has_pv = false;
	build(&next, conf, now);
	carry(&next, &old);
	free_model(&old);
	next.dirty = next.urgent = true;
	next.order_count = 0;
	next.meter_due = next.pv_due = now;
	*b = next;
	/* Somebody may look before the first turn. */
	model_caps(b);
	model_sums(b);
	balance_journal_snapshot(b, now);
	return 0;
}

void balance_restore(struct balance *b, uint32_t conn, int64_t w_ma, bool idle_acked)
{
	journal_restore(b, conn, w_ma, idle_acked);
	gate_restore(&b->conns[conn], w_ma, idle_acked);
	b->dirty = b->urgent = true;
}
