/* balance/fallback.c - shares out what holds without us, and sees that no mixture of old and new
 * fallbacks exceeds it.
 *
 * The shares come from the allocator itself, run a second time with the meter_lost currents and with what
 * a lost grid signal means, in turns in which an order needs one.
 */
#include "balance/model.h"

#include <string.h>

#define HURRY_US (10 * US_PER_S)	/* between two messages that lower what is too much */

bool model_needs_deadman(const struct zone *z)
{
	bool limits = z->conf.grid && z->conf.grid_lost_sessions > 0;

	for (int k = 0; z->conf.grid && k < z->conf.phases; k++)
		limits |= z->conf.grid_lost.l[k] != NUM_NONE;
	/* What the sun adds to a limit is gone by night. */
	return z->budget.state != METER_NONE || limits || pv_boosts(z);
}

bool fallback_needed(const struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++)
		if (model_needs_deadman(&b->zones[i]))
			return true;
	return false;
}

bool fallback_concerns(const struct balance *b, const struct conn *c)
{
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		if (model_needs_deadman(&b->zones[z]))
			return true;
	return false;
}

/* What holds on a phase when nobody steers the zone. */
static int64_t lost_cap(const struct zone *z, int k)
{
	int64_t grid = z->conf.grid && k < z->conf.phases ? z->conf.grid_lost.l[k] : NUM_NONE;
	int64_t cap = ALLOC_NO_CAP;

	if (z->budget.state != METER_NONE && k < z->conf.phases && z->conf.dynamic.l[k] != NUM_NONE)
		cap = z->conf.meter_lost.l[k];
	else if (pv_boosts(z) && k < z->conf.phases && z->conf.cap.l[k] != NUM_NONE)
		cap = z->conf.cap.l[k];
	return grid != NUM_NONE && grid < cap ? grid : cap;
}

static bool takes(const struct balance *b, const struct conn *c)
{
	return b->stations[c->station].takes_fallback && c->session && c->conf.manageable && !c->conf.one_limit;
}

/* ---- the sums -------------------------------------------------------------------------------- */

static void add(struct balance *b, const struct conn *c, int sign)
{
	int64_t w[PHASES];

	gate_phases_fallen(c, b->stations[c->station].online, w);
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < PHASES; k++)
			b->zones[z].sum_fallen[k] += sign * model_load(&b->zones[z], w, k);
}

void fallback_leave(struct balance *b, const struct conn *c)
{
	if (b->fallen_known)
		add(b, c, -1);
}

void fallback_enter(struct balance *b, const struct conn *c)
{
	if (b->fallen_known)
		add(b, c, 1);
}

static void know_sums(struct balance *b)
{
	if (b->fallen_known)
		return;
	for (size_t i = 0; i < b->zone_count; i++)
		memset(b->zones[i].sum_fallen, 0, sizeof(b->zones[i].sum_fallen));
	for (size_t i = 0; i < b->conn_count; i++)
		add(b, &b->conns[i], 1);
	b->fallen_known = true;
}

/* Too much may be left without us in a zone above: somebody came who keeps his limit. */
static bool is_over(const struct balance *b, const struct conn *c)
{
	phase_mask_t phases = model_phases(c);

	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < PHASES; k++) {
			const struct zone *zone = &b->zones[z];

			if (model_weight(zone, phases, k) && zone->sum_fallen[k] > lost_cap(zone, k))
				return true;
		}
	return false;
}

/* ---- the shares ------------------------------------------------------------------------------ */

static void fill_zones(const struct balance *b, struct alloc_zone *zones)
{
	memcpy(zones, b->asked.zones, b->zone_count * sizeof(*zones));
	for (size_t i = 0; i < b->zone_count; i++) {
		const struct zone *z = &b->zones[i];

		for (int k = 0; model_needs_deadman(z) && k < z->conf.phases; k++) {
			int64_t lost = lost_cap(z, k);

			zones[i].cap[k] = z->conf.cap.l[k] == NUM_NONE || lost < z->conf.cap.l[k]
						  ? lost : z->conf.cap.l[k];
		}
		if (z->conf.grid && z->conf.grid_lost_sessions > 0)
			zones[i].sessions = z->conf.grid_lost_sessions;
		if (pv_boosts(z) && z->conf.cap_w != NUM_NONE)
			zones[i].cap[PHASES] = z->conf.cap_w * 1000 / b->voltage_max;
	}
}

/* Whose limit stays is a reservation of it. */
static void fill_conns(const struct balance *b, struct alloc_conn *conns)
{
	memcpy(conns, b->asked.conns, b->asked.conn_count * sizeof(*conns));
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		struct alloc_conn *a = &conns[i];
		int64_t w[PHASES];

		a->starting = a->asks = false;
		if (a->competes && takes(b, c))
			continue;
		a->competes = false;
		gate_phases_fallen(c, b->stations[c->station].online, w);
		for (int k = 0; k < PHASES; k++)
			if (w[k] > a->floor_ma)
				a->floor_ma = w[k];
		a->seated = c->session && a->floor_ma > 0;
	}
}

static void share(struct balance *b)
{
	struct alloc_in in = b->asked;
	struct alloc_conn *conns = arena_array(&b->scratch, in.conn_count + 1, sizeof(*conns));
	struct alloc_zone *zones = arena_array(&b->scratch, in.zone_count + 1, sizeof(*zones));
	uint32_t *order = arena_array(&b->scratch, in.order_count + 1, sizeof(*order));
	const struct alloc_result *results;
	size_t n = 0;

	fill_zones(b, zones);
	fill_conns(b, conns);
	for (size_t i = 0; i < in.order_count; i++)
		if (conns[in.order[i]].competes)
			order[n++] = in.order[i];
	in.zones = zones;
	in.conns = conns;
	in.order = order;
	in.order_count = n;
	results = alloc_run(&in, &b->scratch);
	for (size_t i = 0; i < b->conn_count; i++)
		b->conns[i].fallback_ma = results[i].x_ma;
}

static void know(struct balance *b)
{
	know_sums(b);
	if (!b->fallbacks_known)
		share(b);
	b->fallbacks_known = true;
}

/* The most that it may fall to beside what the others may fall to. */
static int64_t find_room(const struct balance *b, const struct conn *c)
{
	phase_mask_t phases = model_phases(c);
	int64_t room = INT64_MAX, w[PHASES];

	gate_phases_fallen(c, b->stations[c->station].online, w);
	for (int k = 0; k < PHASES; k++)
		w[k] = phases >> k & 1 ? w[k] : 0;
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < PHASES; k++) {
			const struct zone *zone = &b->zones[z];
			int64_t cap = lost_cap(zone, k), left;

			if (cap == ALLOC_NO_CAP || !model_weight(zone, phases, k))
				continue;
			left = cap - (zone->sum_fallen[k] - model_load(zone, w, k));
			if (left < room)
				room = left;
		}
	return room > 0 ? room : 0;
}

int64_t fallback_for(struct balance *b, struct conn *c, int64_t limit_ma)
{
	int64_t ma, room;

	if (!takes(b, c) || limit_ma <= c->idle_ma || !fallback_concerns(b, c))
		return limit_ma;
	know(b);
	ma = c->fallback_ma;
	room = find_room(b, c);
	if (ma > room)
		ma = room - room % c->conf.step_ma;
	if (ma >= limit_ma)
		return limit_ma;
	/* Below its minimum it is none; its default limit it may have in any case. */
	return ma < c->min_ma || c->conf.on_off ? c->idle_ma : ma;
}

mono_t fallback_renew_at(struct balance *b, struct conn *c)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];
	const struct station *st = &b->stations[c->station];
	int64_t now_ma = watts_phase(c, true, tx->now_ma);

	if (!st->online || !takes(b, c) || gate_uncontrollable(c) || !tx->sure || now_ma == NUM_NONE ||
	    now_ma <= c->idle_ma || !fallback_concerns(b, c))
		return MONO_NEVER;
	know_sums(b);
	if (is_over(b, c) && fallback_for(b, c, now_ma) < watts_phase(c, true, c->gate.fall_ma))
		return c->gate.renew_at - FALLBACK_RENEW_US + HURRY_US;
	return c->gate.renew_at;
}
