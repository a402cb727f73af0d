/* balance/orders.c - what is sent and stored now.
 *
 * Decreases leave at once; a raise is the only order on its way to its station; increases leave only where the sum of W
 * with them fits in every zone above. A small increase is held back until its target has not
 * changed for STABLE_US, so that small changes of others do not make messages.
 */
#include "balance/record/journal.h"
#include "balance/model.h"

#include <stdlib.h>

#define STABLE_US      (60 * US_PER_S)

/* ---- does it fit? --------------------------------------------------------------------------- */

struct room {
	int64_t ma;		/* the most that the connector's W may be */
	int zone, cap;		/* where it is least; -1 = nowhere limited */
	bool over;		/* that cap is exceeded already */
};

static struct room find_room(const struct balance *b, const struct conn *c)
{
	struct room room = { .ma = INT64_MAX, .zone = -1, .cap = -1 };
	phase_mask_t phases = model_phases(c);
	int64_t w[PHASES];

	gate_phases_w(c, b->stations[c->station].online, w);
	for (int k = 0; k < PHASES; k++)
		w[k] = phases >> k & 1 ? w[k] : 0;
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < ALLOC_CAPS; k++) {
			const struct zone *zone = &b->zones[z];
			int weight = model_weight(zone, phases, k);
			int64_t left, ma;

			if (!weight || zone->cap[k] == ALLOC_NO_CAP)
				continue;
			left = zone->cap[k] - (zone->sum_w[k] - model_load(zone, w, k));
			ma = left > 0 ? left / weight : 0;
			if (ma < room.ma)
				room = (struct room){ .ma = ma, .zone = z, .cap = k,
						      .over = zone->sum_w[k] > zone->cap[k] };
		}
	return room;
}

int64_t orders_room_ma(const struct balance *b, const struct conn *c)
{
	return find_room(b, c).ma;
}

static int find_blocked(const struct balance *b, const struct conn *c)
{
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		if (budget_blocks(&b->zones[z]))
			return z;
	return -1;
}

/* The sums follow each order, so that the next one sees what is left. */
static void change_sums(struct balance *b, const struct conn *c, const int64_t before[PHASES])
{
	int64_t after[PHASES];

	gate_phases_w(c, b->stations[c->station].online, after);
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < ALLOC_CAPS; k++)
			b->zones[z].sum_w[k] += model_load(&b->zones[z], after, k) -
						model_load(&b->zones[z], before, k);
}

/* ---- orders --------------------------------------------------------------------------------- */

struct orders {
	struct bal_order *list;
	size_t count;
};

static void issue(struct balance *b, struct conn *c, enum bal_limit_kind kind, int64_t limit_ma, bool raise,
		  mono_t now, struct orders *orders)
{
	const struct station *st = &b->stations[c->station];
	int64_t w = gate_may(c, st->online), have = gate_limit(c);
	struct pending *p = &c->gate.pending[c->gate.pending_count];
	int64_t before[PHASES], given = watts_given(c, kind == BAL_LIMIT_TX, limit_ma), claim = gate_claim(c);

	int64_t fall = kind == BAL_LIMIT_TX ? fallback_for(b, c, limit_ma) : limit_ma, fall_given;

	/* What only says again, or lowers, gives no more power than it had, whatever it comes to per phase. */
	if (!raise && given > claim)
		given = claim;
	fall_given = fall < limit_ma ? watts_given(c, kind == BAL_LIMIT_TX, fall) : given;
	if (fall_given > given)
		fall_given = given;
	gate_phases_w(c, st->online, before);
	fallback_leave(b, c);
	c->gate.pending_count++;
	*p = (struct pending){ .token = ++b->last_token, .kind = kind, .given_ma = given,
			       .fall_ma = fall_given, .phases = model_phases(c),
			       .session = kind == BAL_LIMIT_TX ? c->session : 0 };
	c->gate.again_kind = kind;
	c->gate.again_ma = limit_ma;
	if (kind == BAL_LIMIT_TX && have != NUM_NONE && limit_ma > have)
		c->demand.raised_at = now;
	else if (kind == BAL_LIMIT_TX && limit_ma != have)
		c->demand.lowered_at = now;
	if (kind == BAL_LIMIT_TX)
		c->gate.renew_at = now + FALLBACK_RENEW_US;
	orders->list[orders->count++] = (struct bal_order){
		.conn = (uint32_t)(c - b->conns), .kind = kind, .limit_ma = limit_ma, .given_ma = given,
		.raises = limit_ma > w || given > claim, .fallback_ma = fall, .fallback_given_ma = fall_given,
		.fallback_us = fall < limit_ma ? FALLBACK_US : 0, .token = p->token,
	};
	change_sums(b, c, before);
	fallback_enter(b, c);
}

struct want {
	struct conn *conn;
	enum bal_limit_kind kind;
	int64_t limit_ma;
	int64_t excess;		/* what W falls by; -1 = says again what the station should have */
};

/* Its one limit is that of its transaction now. */
static bool has_tx_limit(const struct conn *c)
{
	return c->conf.one_limit && c->session;
}

/* The default limit: what a station falls back to must be known before anything is built on it. */
static bool want_idle(struct conn *c, struct want *w)
{
	const struct claim *idle = &c->gate.claims[BAL_LIMIT_IDLE];

	if (has_tx_limit(c) || gate_hold(c, BAL_LIMIT_IDLE) < c->idle_ma)
		return false;
	if (idle->sure && watts_phase(c, false, idle->now_ma) == c->idle_ma)
		return false;
	*w = (struct want){ .conn = c, .kind = BAL_LIMIT_IDLE, .limit_ma = c->idle_ma,
			    .excess = gate_hold(c, BAL_LIMIT_IDLE) - c->idle_ma };
	return true;
}

/* The most that the transaction may be given: what it has, or what is on its way to it. */
static int64_t most_tx(const struct conn *c)
{
	int64_t most = gate_hold(c, BAL_LIMIT_TX);

	if (has_tx_limit(c) && gate_hold(c, BAL_LIMIT_IDLE) > most)
		most = gate_hold(c, BAL_LIMIT_IDLE);
	for (int k = 0; k < c->gate.pending_count; k++)
		if (c->gate.pending[k].kind == BAL_LIMIT_TX && gate_pending_ma(c, &c->gate.pending[k]) > most)
			most = gate_pending_ma(c, &c->gate.pending[k]);
	return most;
}

static bool want_tx(const struct balance *b, struct conn *c, struct want *w)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];
	int64_t have = gate_limit(c), most = most_tx(c);

	if (!c->session)
		return false;
	*w = (struct want){ .conn = c, .kind = BAL_LIMIT_TX, .limit_ma = c->target_ma };
	if (most > c->target_ma) {
		w->excess = most - c->target_ma;
		return true;
	}
	if (have != NUM_NONE && have > c->target_ma)
		return true;
	/* Where a zone is over, what is believed of a power may be more than what it is: saying it again
	 * would make it true. */
	if ((tx->sure && (!c->conf.one_limit || c->gate.claims[BAL_LIMIT_IDLE].sure)) || (c->watts && find_room(b, c).over))
		return false;
	w->excess = -1;
	if (w->limit_ma > gate_hold(c, BAL_LIMIT_TX))
		w->limit_ma = gate_hold(c, BAL_LIMIT_TX);
	return true;
}

/* A refused order is not repeated at once; something lower may still leave. */
static bool may_order(struct balance *b, struct conn *c, mono_t now)
{
	bool lower = !gate_uncontrollable(c) && c->gate.again_ma != NUM_NONE &&
		     c->gate.again_kind == BAL_LIMIT_TX && c->target_ma < c->gate.again_ma;

	if (!c->conf.manageable || c->gate.pending_count >= GATE_PENDING)
		return false;
	if (c->gate.retry_at > now && !lower) {
		c->held = reason_make(BAL_WHY_WAITS_RETRY);
		c->held.value = c->gate.retry_at - now;
		model_due(b, c->gate.retry_at);
		return false;
	}
	return true;
}

/* What an uncontrollable connector is asked again: nothing that W does not cover already. */
static bool want_again(struct conn *c, struct want *w)
{
	if (!gate_uncontrollable(c))
		return false;
	if (c->gate.again_ma != NUM_NONE && (c->gate.again_kind == BAL_LIMIT_IDLE || c->session))
		*w = (struct want){ .conn = c, .kind = c->gate.again_kind,
				    .limit_ma = c->gate.again_ma };
	else
		*w = (struct want){ .conn = c, .kind = BAL_LIMIT_IDLE, .limit_ma = c->idle_ma };
	if (has_tx_limit(c))
		w->kind = BAL_LIMIT_TX;
	return true;
}

/* Orders of ours that the station has not answered. */
static int station_out(const struct balance *b, const struct station *st)
{
	int n = 0;

	for (uint32_t i = 0; i < st->conn_count; i++) {
		const struct gate *g = &b->conns[b->by_station[st->first_conn + i]].gate;

		for (int k = 0; k < g->pending_count; k++)
			n += !g->pending[k].manual;
	}
	return n;
}

/* While something is on its way only a decrease follows, and only below what was ordered last: it must
 * not wait for a station that takes its time with a raise. */
static bool may_follow(const struct want *w)
{
	const struct gate *g = &w->conn->gate;
	const struct pending *last = NULL;

	if (w->excess <= 0)
		return false;
	for (int k = 0; k < g->pending_count; k++)
		if (!g->pending[k].manual && g->pending[k].kind == w->kind &&
		    (!last || g->pending[k].token > last->token))
			last = &g->pending[k];
	return !last || w->limit_ma < gate_pending_ma(w->conn, last);
}

/* The most urgent order of a station that does not raise anything. */
static bool station_want(struct balance *b, const struct station *st, mono_t now, struct want *best)
{
	bool found = false, waits = station_out(b, st) > 0;
	struct want w = { 0 };

	for (uint32_t i = 0; i < st->conn_count; i++) {
		struct conn *c = &b->conns[b->by_station[st->first_conn + i]];

		if (!may_order(b, c, now))
			continue;
		if (gate_uncontrollable(c)) {
			if (!waits && want_again(c, &w) && !found) {
				*best = w;
				found = true;
			}
			continue;
		}
		if (want_idle(c, &w) && (!waits || may_follow(&w)) && (!found || w.excess > best->excess)) {
			*best = w;
			found = true;
		}
		if (want_tx(b, c, &w) && (!waits || may_follow(&w)) && (!found || w.excess > best->excess)) {
			*best = w;
			found = true;
		}
	}
	return found;
}

static void hold(struct conn *c, enum bal_reason_code code, int zone, int cap, int64_t value)
{
	c->held = reason_make(code);
	c->held.zone = zone;
	c->held.phase = cap;
	c->held.value = value;
}

static bool raise_small(struct balance *b, struct conn *c, int64_t have, int64_t to, mono_t now)
{
	/* Below its minimum, which may have risen, a car does not charge: that does not wait. */
	if (have == NUM_NONE || have < c->min_ma || to >= have + b->zones[c->conf.zone].conf.thresholds.small_raise_ma)
		return false;
	hold(c, BAL_WHY_SMALL_RAISE, -1, -1, to);
	if (to < c->target_ma)
		return true;
	if (now >= c->gate.wanted_since + STABLE_US)
		return false;
	model_due(b, c->gate.wanted_since + STABLE_US);
	return true;
}

/* Sends as much of the raise as fits: 0, or at least the minimum. */
static void raise_tx(struct balance *b, struct conn *c, mono_t now, struct orders *orders)
{
	int64_t have = gate_limit(c), to = c->target_ma;
	struct room room = find_room(b, c);
	int blocked = find_blocked(b, c);

	if (b->store_failed)
		return hold(c, BAL_WHY_STORE_FAILED, -1, -1, NUM_NONE);
	if (blocked >= 0)
		return hold(c, BAL_WHY_METER_STALE, blocked, -1, NUM_NONE);
	if (room.over)
		return hold(c, BAL_WHY_OVER, room.zone, room.cap, NUM_NONE);
	if (room.ma < to) {
		hold(c, BAL_WHY_WAITS_ROOM, room.zone, room.cap, NUM_NONE);
		to = room.ma - room.ma % c->conf.step_ma;
		if (c->conf.on_off || to < c->min_ma)
			return;
	}
	if ((have != NUM_NONE && to <= have) || raise_small(b, c, have, to, now))
		return;
	issue(b, c, BAL_LIMIT_TX, to, true, now, orders);
}

/* A default limit that was configured higher. */
static void raise_idle(struct balance *b, struct conn *c, mono_t now, struct orders *orders)
{
	struct room room = find_room(b, c);

	if (b->store_failed || find_blocked(b, c) >= 0 || room.over || room.ma < c->idle_ma)
		return;
	issue(b, c, BAL_LIMIT_IDLE, c->idle_ma, true, now, orders);
}

static bool wants_raise(const struct balance *b, const struct conn *c)
{
	const struct station *st = &b->stations[c->station];
	int64_t have = gate_limit(c);

	if (!st->online || !c->conf.manageable || gate_uncontrollable(c))
		return false;
	if (!has_tx_limit(c) && gate_hold(c, BAL_LIMIT_IDLE) < c->idle_ma)
		return true;
	return c->session && c->target_ma > (have == NUM_NONE ? 0 : have);
}

struct raise {
	uint32_t conn;
	int cls;
	int64_t have_ma;
	uint32_t rank;
};

static int raise_compare(const void *pa, const void *pb)
{
	const struct raise *a = pa, *b = pb;

	if (a->cls != b->cls)
		return a->cls > b->cls ? -1 : 1;
	if (a->have_ma != b->have_ma)
		return a->have_ma < b->have_ma ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->conn < b->conn ? -1 : a->conn > b->conn;
}

/* Higher classes first, then the poorest. */
static void run_raises(struct balance *b, mono_t now, struct orders *orders)
{
	struct raise *list = arena_array(&b->scratch, b->conn_count + 1, sizeof(*list));
	size_t n = 0;

	for (uint32_t i = 0; i < b->conn_count; i++)
		if (wants_raise(b, &b->conns[i]))
			list[n++] = (struct raise){ .conn = i, .cls = b->conns[i].cls,
						    .have_ma = gate_limit(&b->conns[i]),
						    .rank = b->conns[i].rank };
	qsort(list, n, sizeof(*list), raise_compare);
	for (size_t i = 0; i < n; i++) {
		struct conn *c = &b->conns[list[i].conn];

		if (station_out(b, &b->stations[c->station]) > 0) {
			hold(c, BAL_WHY_WAITS_ANSWER, -1, -1, NUM_NONE);
			continue;
		}
		if (!may_order(b, c, now))
			continue;
		if (!has_tx_limit(c) && gate_hold(c, BAL_LIMIT_IDLE) < c->idle_ma)
			raise_idle(b, c, now, orders);
		else
			raise_tx(b, c, now, orders);
	}
}

/* A limit that falls by itself is said again in time. It changes nothing else, so it goes last, and
 * any newer order stands in for it. */
static void run_renewals(struct balance *b, mono_t now, struct orders *orders)
{
	for (uint32_t i = 0; fallback_needed(b) && i < b->conn_count; i++) {
		struct conn *c = &b->conns[i];
		mono_t due = fallback_renew_at(b, c);
		int64_t given = c->gate.claims[BAL_LIMIT_TX].now_ma, limit = watts_phase(c, true, given);

		if (due > now) {
			model_due(b, due);
			continue;
		}
		if (station_out(b, &b->stations[c->station]) > 0 || c->gate.pending_count >= GATE_PENDING)
			continue;	/* its answer makes another turn */
		if (c->gate.fall_ma == given && fallback_for(b, c, limit) == limit) {
			c->gate.renew_at = now + FALLBACK_RENEW_US;
			model_due(b, c->gate.renew_at);
		} else if (c->gate.retry_at > now) {
			model_due(b, c->gate.retry_at);
		} else {
			issue(b, c, BAL_LIMIT_TX, limit, false, now, orders);
		}
	}
}

/* ---- what a restart must know --------------------------------------------------------------- */

static void run_stores(struct balance *b, struct arena *arena, struct bal_turn *out)
{
	struct bal_store *list = arena_array(&b->scratch, b->conn_count + 1, sizeof(*list));
	size_t n = 0;

	for (uint32_t i = 0; i < b->conn_count && !b->store_failed; i++) {
		struct gate *g = &b->conns[i].gate;
		int64_t w = gate_claim(&b->conns[i]);
		bool acked = gate_idle_known(&b->conns[i]);

		if (g->stored_ma == w && g->stored_acked == acked)
			continue;
		if (g->stored_ma == NUM_NONE && !acked && w == watts_full(&b->conns[i]))
			continue;	/* nothing stored says the same */
		g->stored_ma = w;
		g->stored_acked = acked;
		list[n++] = (struct bal_store){ .conn = i, .w_ma = w, .idle_acked = acked };
	}
	out->stores = arena_copy(arena, list, n * sizeof(*list));
	out->store_count = n;
}

static void note_lowering(struct balance *b)
{
	for (size_t z = 0; z < b->zone_count; z++)
		for (int k = 0; k < ALLOC_CAPS; k++)
			b->zones[z].lowering[k] = NO_INDEX;
	for (uint32_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		phase_mask_t phases = model_phases(c);
		int64_t aim = c->target_ma > c->idle_ma ? c->target_ma : c->idle_ma;
		bool online = b->stations[c->station].online;

		if (!online || !c->conf.manageable || gate_uncontrollable(c) || gate_w(c, online) <= aim)
			continue;
		for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
			for (int k = 0; k < ALLOC_CAPS; k++)
				if (model_weight(&b->zones[z], phases, k))
					b->zones[z].lowering[k] = i;
	}
}

static void note_wanted(struct conn *c, mono_t now)
{
	c->held = reason_make(BAL_WHY_NONE);
	if (c->gate.wanted_ma == c->target_ma)
		return;
	c->gate.wanted_ma = c->target_ma;
	c->gate.wanted_since = now;
}

void orders_run(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out)
{
	struct orders orders = {
		.list = arena_array(&b->scratch, 2 * b->conn_count + 1, sizeof(*orders.list)),
	};
	struct want w = { 0 };

	for (uint32_t i = 0; i < b->conn_count; i++)
		note_wanted(&b->conns[i], now);
	note_lowering(b);
	for (size_t i = 0; i < b->station_count; i++) {
		const struct station *st = &b->stations[i];

		while (st->online && station_want(b, st, now, &w))
			issue(b, w.conn, w.kind, w.limit_ma, false, now, &orders);
	}
	run_raises(b, now, &orders);
	run_renewals(b, now, &orders);
	out->orders = arena_copy(arena, orders.list, orders.count * sizeof(*orders.list));
	out->order_count = orders.count;
	run_stores(b, arena, out);
}

/* ---- messages by hand ----------------------------------------------------------------------- */

static int64_t manual_given(const struct conn *c, int64_t limit_ma)
{
	if (!c->watts)
		return limit_ma;
	return limit_ma < c->conf.max_ma ? watts_full(c) / c->conf.max_ma * limit_ma : watts_full(c);
}

bool balance_admit_manual(struct balance *b, uint32_t conn, enum bal_limit_kind kind, int64_t limit_ma,
			  uint64_t *token, struct bal_reason *blame, mono_t now)
{
	struct conn *c = &b->conns[conn];
	struct gate *g = &c->gate;
	/* By hand, in either unit: what is told may land on one phase, or be meant for each. */
	int64_t given = limit_ma == NUM_NONE ? watts_full(c) : manual_given(c, limit_ma);
	int64_t limit = watts_phase(c, kind == BAL_LIMIT_TX, given);
	int64_t w = gate_may(c, b->stations[c->station].online);
	struct room room;

	journal_admit_manual(b, conn, kind, limit_ma, now);
	model_caps(b);
	model_sums(b);
	room = find_room(b, c);
	*blame = reason_make(BAL_WHY_WAITS_ROOM);
	blame->zone = room.zone;
	blame->phase = room.cap;
	if (limit > w && (room.over || room.ma < limit))
		return false;
	if (limit > w && b->store_failed) {
		*blame = reason_make(BAL_WHY_STORE_FAILED);
		return false;
	}
	if (g->pending_count >= GATE_PENDING - 1) {
		*blame = reason_make(BAL_WHY_WAITS_ANSWER);
		return false;
	}
	*blame = reason_make(BAL_WHY_NONE);
	*token = ++b->last_token;
	g->pending[g->pending_count++] = (struct pending){
		.token = *token, .kind = kind, .given_ma = given, .fall_ma = given, .manual = true,
		.phases = model_phases(c),
		.session = kind == BAL_LIMIT_TX ? c->session : 0,
	};
	b->dirty = b->urgent = true;
	return true;
}
