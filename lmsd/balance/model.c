/* balance/model.c - takes a configuration, checks it, and carries over what is known by identity.
 *
 * A configuration whose fallbacks do not fit is refused: default limits and what cannot be
 * controlled must fit under every static cap and under every meter_lost current, since nothing
 * else is left when stations or meters do not answer.
 */
#include "balance/record/journal.h"
#include "balance/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define LEAST_CHARGE_MA INT64_C(6000)	/* IEC 61851 */
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

static const struct bal_outer_limit no_outer = { .limit = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

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

/* ---- checks --------------------------------------------------------------------------------- */

static bool bad_current(int64_t ma)
{
	return ma != NUM_NONE && (ma < 0 || ma > LIMIT_MAX_MA);
}

static bool zone_is_dynamic(const struct bal_zone_conf *z)
{
	for (int k = 0; k < z->phases; k++)
		if (z->dynamic.l[k] != NUM_NONE)
			return true;
	return false;
}

static int check_zone(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_zone_conf *z = &conf->zones[i];

	if (z->parent < -1 || z->parent >= (int)i)
		return diag_set(d, -LMS_EDATA, "zone %s: parent: must come before its children", z->id);
	if (z->phases != 1 && z->phases != PHASES)
		return diag_set(d, -LMS_EDATA, "zone %s: phases: must be 1 or 3", z->id);
	for (int k = 0; k < z->phases; k++) {
		if (bad_current(z->cap.l[k]) || bad_current(z->dynamic.l[k]) ||
		    bad_current(z->meter_lost.l[k]))
			return diag_set(d, -LMS_EDATA, "zone %s: a limit on L%d is not within 0 to 6300 A",
					z->id, k + 1);
		if (z->dynamic.l[k] != NUM_NONE && z->meter_lost.l[k] == NUM_NONE)
			return diag_set(d, -LMS_EDATA, "zone %s: meter_lost: a dynamic zone needs the "
					"current that holds while its meter is silent", z->id);
	}
	if (z->cap_w != NUM_NONE && z->cap_w < 0)
		return diag_set(d, -LMS_EDATA, "zone %s: power: must not be negative", z->id);
	return 0;
}

static int check_conn(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_conn_conf *c = &conf->conns[i];

	if (c->zone < 0 || (size_t)c->zone >= conf->zone_count)
		return diag_set(d, -LMS_EDATA, "connector %s: zone: does not exist", c->id);
	if (c->max_ma <= 0 || c->max_ma > LIMIT_MAX_MA)
		return diag_set(d, -LMS_EDATA, "connector %s: max: must be above 0 and at most 6300 A",
				c->id);
	if (c->step_ma != ALLOC_STEP_FINE && c->step_ma != ALLOC_STEP_COARSE)
		return diag_set(d, -LMS_EDATA, "connector %s: step: must be 0.1 A or 1 A", c->id);
	if (c->idle_ma < 0 || c->idle_ma > c->max_ma ||
	    (c->idle_ma > 0 && c->idle_ma < LEAST_CHARGE_MA))
		return diag_set(d, -LMS_EDATA, "connector %s: idle: must be 0, or from 6 A to its max",
				c->id);
	return 0;
}

int model_weight(const struct zone *z, phase_mask_t phases, int cap)
{
	bool total = cap == PHASES;

	if (z->conf.phases == 1)
		return phases && (cap == 0 || total);
	if (!total)
		return phases >> cap & 1;
	return (phases & 1) + (phases >> 1 & 1) + (phases >> 2 & 1);
}

static phase_mask_t phases_of(enum bal_wiring w)
{
	switch (w) {
	case BAL_L1:
		return 1;
	case BAL_L2:
		return 2;
	case BAL_L3:
		return 4;
	case BAL_WIRING_UNKNOWN:
	case BAL_RST:
	case BAL_STR:
	case BAL_TRS:
	case BAL_RTS:
	case BAL_SRT:
	case BAL_TSR:
		break;
	}
	return PHASE_ALL;
}

phase_mask_t model_wired(const struct conn *c)
{
	return phases_of(c->conf.wiring);
}

phase_mask_t model_phases(const struct conn *c)
{
	phase_mask_t wired = model_wired(c);

	/* Current where nothing is wired is a wrong configuration, not a phase to count on. */
	return c->demand.learned && !(c->demand.learned & ~wired) ? c->demand.learned : wired;
}

/* The fallbacks below each zone, per phase. */
static int check_fallbacks(const struct bal_conf *conf, struct diag *d)
{
	int64_t (*sum)[PHASES] = xcalloc(conf->zone_count + 1, sizeof(*sum));
	int ret = 0;

	for (size_t i = 0; i < conf->conn_count; i++) {
		const struct bal_conn_conf *c = &conf->conns[i];
		phase_mask_t phases = phases_of(c->wiring);
		int64_t ma = c->manageable ? c->idle_ma : c->max_ma;

		for (int z = c->zone; z >= 0; z = conf->zones[z].parent)
			for (int k = 0; k < conf->zones[z].phases; k++)
				if (conf->zones[z].phases == 1 || (phases >> k & 1))
					sum[z][k] += ma;
	}
	for (size_t i = 0; i < conf->zone_count && !ret; i++) {
		const struct bal_zone_conf *z = &conf->zones[i];

		for (int k = 0; k < z->phases && !ret; k++) {
			if (z->cap.l[k] != NUM_NONE && sum[i][k] > z->cap.l[k])
				ret = diag_set(d, -LMS_EDATA, "zone %s: default limits and reservations "
					       "of its connectors exceed its limit on L%d", z->id, k + 1);
			else if (z->dynamic.l[k] != NUM_NONE && sum[i][k] > z->meter_lost.l[k])
				ret = diag_set(d, -LMS_EDATA, "zone %s: default limits and reservations "
					       "of its connectors exceed its meter_lost on L%d", z->id,
					       k + 1);
		}
	}
	free(sum);
	return ret;
}

static bool follows_sun(const struct bal_zone_conf *z)
{
	return z->pv.strategy == BAL_PV_SURPLUS || z->pv.strategy == BAL_PV_MIN_SURPLUS;
}

static int check_pv(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_zone_conf *z = &conf->zones[i];

	if (z->pv.strategy && !(z->pv.production || (z->pv.grid && follows_sun(z))))
		return diag_set(d, -LMS_EDATA, "zone %s: pv: nothing measures its sun", z->id);
	for (int p = z->parent; follows_sun(z) && p >= 0; p = conf->zones[p].parent)
		if (follows_sun(&conf->zones[p]))
			return diag_set(d, -LMS_EDATA, "zone %s: pv: zone %s above shares the surplus already "
					"(set it in one of them)", z->id, conf->zones[p].id);
	return 0;
}

int balance_check(const struct bal_conf *conf, struct diag *d)
{
	int ret = 0;

	for (size_t i = 0; i < conf->zone_count && !ret; i++)
		ret = check_zone(conf, i, d);
	for (size_t i = 0; i < conf->zone_count && !ret; i++)
		ret = check_pv(conf, i, d);
	for (size_t i = 0; i < conf->conn_count && !ret; i++)
		ret = check_conn(conf, i, d);
	return ret ? ret : check_fallbacks(conf, d);
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
			z->outer[kind] = no_outer;
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

/* ---- caps and sums of this moment ------------------------------------------------------------ */

static void cap_least(struct zone *z, int k, int64_t ma, enum cap_why why)
{
	if (ma == NUM_NONE || ma >= z->cap[k])
		return;
	z->cap[k] = ma;
	z->why[k] = why;
}

static void sessions_least(struct zone *z, int sessions, enum bal_outer by)
{
	if (sessions <= 0 || (z->sessions > 0 && z->sessions <= sessions))
		return;
	z->sessions = sessions;
	z->sessions_by = by;
}

void model_caps(struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];

		for (int k = 0; k < ALLOC_CAPS; k++) {
			z->cap[k] = ALLOC_NO_CAP;
			z->why[k] = CAP_NONE;
		}
		z->sessions = 0;
		for (int kind = 0; kind < BAL_OUTER_KINDS; kind++)
			sessions_least(z, z->outer[kind].sessions, (enum bal_outer)kind);
		for (int k = 0; k < z->conf.phases; k++) {
			cap_least(z, k, pv_boosted(z, k, z->conf.cap.l[k]), CAP_STATIC);
			for (int kind = 0; kind < BAL_OUTER_KINDS; kind++)
				cap_least(z, k, z->outer[kind].limit.l[k],
					  (enum cap_why)(CAP_OUTER + kind));
			if (z->budget.state == METER_LOST)
				cap_least(z, k, z->conf.meter_lost.l[k], CAP_METER_LOST);
			else
				cap_least(z, k, z->budget.held.l[k], CAP_DYNAMIC);
		}
		if (z->conf.cap_w != NUM_NONE)
			cap_least(z, PHASES, pv_boosted_w(z, z->conf.cap_w) * 1000 / voltage_of(b, z), CAP_STATIC);
	}
}

void balance_zone_outer(struct balance *b, int zone, enum bal_outer kind, const struct bal_outer_limit *limit)
{
	struct bal_outer_limit *now = &b->zones[zone].outer[kind];

	if (limit == NULL)
		limit = &no_outer;
	if (now->sessions == limit->sessions && now->lost == limit->lost &&
	    !memcmp(&now->limit, &limit->limit, sizeof(now->limit)))
		return;
	journal_zone_outer(b, zone, kind, limit);	/* what changes nothing need not be told again */
	*now = *limit;
	model_caps(b);
	b->dirty = b->urgent = true;
}

int64_t model_load(const struct zone *z, const int64_t w[PHASES], int cap)
{
	int64_t top = w[0] > w[1] ? w[0] : w[1];

	if (z->conf.phases == 1)
		return cap == 0 || cap == PHASES ? (top > w[2] ? top : w[2]) : 0;
	return cap == PHASES ? w[0] + w[1] + w[2] : w[cap];
}

void model_sums(struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++)
		memset(b->zones[i].sum_w, 0, sizeof(b->zones[i].sum_w));
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		int64_t w[PHASES];

		gate_phases_w(c, b->stations[c->station].online, w);
		for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
			for (int k = 0; k < ALLOC_CAPS; k++)
				b->zones[z].sum_w[k] += model_load(&b->zones[z], w, k);
	}
}

/* A dynamic budget moves with the building: orders follow it and limits need their settle time, so
 * there only the measured load says whether the limit was exceeded. */
bool model_load_over(const struct zone *z, int k)
{
	int64_t load = z->budget.load.l[k];

	return load != NUM_NONE && load > pv_dynamic(z, k);
}

bool model_cap_over(const struct zone *z, int k)
{
	if (z->why[k] != CAP_DYNAMIC)
		return z->cap[k] != ALLOC_NO_CAP && z->sum_w[k] > z->cap[k];
	return model_load_over(z, k) ||
	       (z->conf.cap.l[k] != NUM_NONE && z->sum_w[k] > pv_boosted(z, k, z->conf.cap.l[k]));
}
