/* balance/admit.c - who charges at all: builds the allocator's snapshot and reads its result. */
#include "balance/model.h"
#include "balance/queue.h"

#include <string.h>

enum { CLS_FULL = -2, CLS_WELCOME = -1, CLS_VIP = 1, CLS_PRIORITY_VIP = 1 << 20 };

static bool competes(const struct conn *c)
{
	switch (c->use) {
	case BAL_WELCOME:
	case BAL_WAITS:
	case BAL_CHARGING:
	case BAL_FULL:
		return true;
	case BAL_NONE:
	case BAL_STOPPED:
		break;
	}
	return false;
}

static int64_t floor_to(int64_t ma, int64_t step)
{
	return ma - ma % step;
}

static int64_t ceil_to(int64_t ma, int64_t step)
{
	return floor_to(ma + step - 1, step);
}

static bool is_being_woken(const struct conn *c)
{
	return c->session && (c->wake.state == WAKE_LOW || c->wake.state == WAKE_BACK);
}

static int64_t most(const struct conn *c)
{
	return floor_to(c->conf.max_ma, c->conf.step_ma);
}

static void find_min(const struct balance *b, struct conn *c)
{
	int64_t min = c->conf.min_ma > 6000 || c->conf.dc ? c->conf.min_ma : 6000;

	/* What a zone says is for the pilot of a car; a rectifier has its model's minimum. */
	for (int z = c->conf.zone; !c->conf.dc && z >= 0; z = b->zones[z].conf.parent)
		if (b->zones[z].conf.min_ma > min)
			min = b->zones[z].conf.min_ma;
	if (!c->conf.dc && c->car_min_ma > min)
		min = c->car_min_ma;
	min = watts_min(b, c, min);
	if (min < c->idle_ma)
		min = c->idle_ma;
	min = ceil_to(min, c->conf.step_ma);
	c->min_ma = c->conf.on_off && most(c) > min ? most(c) : min;
}

/* Below the minimum = cannot charge. */
static void find_max(struct conn *c)
{
	int64_t max = most(c), min = c->min_ma;
	enum bal_use use = wake_use(c);

	if (c->cap_ma != NUM_NONE && c->cap_ma < max)
		max = floor_to(c->cap_ma, c->conf.step_ma);
	if (!c->conf.on_off && c->demand.max_ma != NUM_NONE) {
		int64_t demand = ceil_to(c->demand.max_ma, c->conf.step_ma);

		demand = demand < min ? min : demand;
		max = demand < max ? demand : max;
	}
	if (max >= min && (use == BAL_FULL || use == BAL_WELCOME || is_being_woken(c)))
		max = min;
	c->max_ma = max;
}

static void find_class(const struct balance *b, const struct conn *c, struct alloc_conn *a)
{
	bool vip = c->conf.vip || c->tag_vip;
	enum bal_use use = wake_use(c);

	a->cls = 0;
	if (use == BAL_FULL || use == BAL_WELCOME) {
		a->cls = use == BAL_FULL ? CLS_FULL : CLS_WELCOME;
		a->last = use == BAL_FULL;
		return;
	}
	switch (b->zones[c->conf.zone].conf.policy) {
	case BAL_KEEP_MIN:
		a->cls = vip ? CLS_VIP : 0;
		break;
	case BAL_STRICT:
		a->cls = vip ? CLS_VIP : 0;
		a->strict = vip;
		break;
	case BAL_EQUAL:
		break;
	case BAL_PRIORITY:
		a->cls = vip ? CLS_PRIORITY_VIP : c->conf.priority > 0 ? c->conf.priority : 0;
		break;
	case BAL_FIFO:
		a->fifo = true;
		break;
	}
}

static void why(struct conn *c, enum bal_reason_code code, int64_t value)
{
	c->why = reason_make(code);
	c->why.value = value;
}

static bool is_paused(const struct balance *b, const struct conn *c, mono_t now)
{
	return c->off_since != MONO_NEVER &&
	       now < c->off_since + b->zones[c->conf.zone].conf.timers.min_off_us;
}

/* Whether it competes in this turn; if not, why says so. */
static bool may_compete(struct balance *b, struct conn *c, mono_t now)
{
	const struct station *st = &b->stations[c->station];
	const struct bal_timers *t = &b->zones[c->conf.zone].conf.timers;

	if (!c->conf.manageable)
		return why(c, BAL_WHY_NOT_MANAGEABLE, c->conf.max_ma), false;
	if (gate_uncontrollable(c))
		return why(c, BAL_WHY_UNCONTROLLABLE, gate_w(c, st->online)), false;
	if (st->online && trust_doubted(c))
		return why(c, BAL_WHY_DISOBEYS, gate_w(c, true)), false;
	if (!st->online)
		return why(c, c->conf.proven ? BAL_WHY_OFFLINE : BAL_WHY_UNPROVEN,
			   gate_w(c, false)), false;
	if (!competes(c)) {
		if (c->use == BAL_STOPPED)
			why(c, BAL_WHY_STOPPED, NUM_NONE);
		else
			why(c, c->idle_ma ? BAL_WHY_IDLE : BAL_WHY_NONE, c->idle_ma);
		return false;
	}
	if (c->use == BAL_WELCOME && now >= c->plugged + t->welcome_us)
		return why(c, BAL_WHY_WELCOME_OVER, NUM_NONE), false;
	if (c->use == BAL_WELCOME)
		model_due(b, c->plugged + t->welcome_us);
	if (c->max_ma < c->min_ma)
		return why(c, BAL_WHY_TOO_SMALL, c->max_ma), false;
	if (is_paused(b, c, now)) {
		model_due(b, c->off_since + t->min_off_us);
		return why(c, BAL_WHY_MIN_OFF, c->off_since + t->min_off_us - now), false;
	}
	return true;
}

/* ---- what the result means --------------------------------------------------------------------- */

/* Since the last turn it went on with the admission of then. */
int64_t admit_served(const struct balance *b, const struct conn *c, mono_t now)
{
	bool charges = c->admitted && c->use == BAL_CHARGING;

	return charges ? c->served_us + (now - b->served_at) : c->served_us;
}

static void count_served(struct balance *b, mono_t now)
{
	for (uint32_t i = 0; i < b->conn_count; i++)
		b->conns[i].served_us = admit_served(b, &b->conns[i], now);
	b->served_at = now;
}

/* What cannot be steered for a while was not switched off by us: its times go on. */
static bool is_beyond_reach(const struct conn *c)
{
	return c->why.code == BAL_WHY_UNPROVEN || c->why.code == BAL_WHY_UNCONTROLLABLE ||
	       c->why.code == BAL_WHY_OFFLINE || c->why.code == BAL_WHY_DISOBEYS;
}

static void set_admitted(struct conn *c, bool admitted, mono_t now)
{
	if (admitted == c->admitted || (!admitted && competes(c) && is_beyond_reach(c)))
		return;
	c->admitted = admitted;
	if (admitted) {
		c->on_since = c->slot_since = now;
		c->off_since = MONO_NEVER;
	} else {
		/* The pause spares the contactor of a car that has charged; nobody else. */
		c->off_since = competes(c) && gate_was_given(c) ? now : MONO_NEVER;
	}
}

/* Turns begin anew when somebody begins to wait. One that is over after that stays over until the
 * place is taken: he who waits may need the places of several, whose turns end at different times. */
static void run_rotation(struct balance *b, struct conn *c, bool waiting, mono_t now)
{
	const struct bal_timers *t = &b->zones[c->conf.zone].conf.timers;
	mono_t end, on_end = c->on_since + t->min_on_us;

	if (!waiting || !c->admitted)
		return;
	if (!b->waited && now >= c->slot_since + t->rotate_us)
		c->slot_since = now;
	end = c->slot_since + queue_turn_us(b, c, now);
	if (end < on_end)
		end = on_end;
	model_due(b, end > now ? end : now + QUEUE_LOOK_US);
}

static void count_zones(struct balance *b)
{
	for (size_t z = 0; z < b->zone_count; z++) {
		b->zones[z].competing = b->zones[z].admitted = b->zones[z].waiting = 0;
		b->zones[z].top = NO_INDEX;
		memset(b->zones[z].sharing, 0, sizeof(b->zones[z].sharing));
	}
	for (size_t i = 0; i < b->order_count; i++) {
		const struct conn *c = &b->conns[b->order[i]];
		phase_mask_t phases = model_phases(c);

		for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent) {
			struct zone *zone = &b->zones[z];

			zone->competing++;
			if (!c->admitted)
				continue;
			zone->admitted++;
			for (int k = 0; k < ALLOC_CAPS; k++)
				zone->sharing[k] += model_weight(zone, phases, k) > 0;
			if (zone->top == NO_INDEX)
				zone->top = b->order[i];
		}
	}
}

/* It could take more than the sun leaves. */
static void why_sun(struct balance *b, struct conn *c, const struct alloc_result *r)
{
	struct zone *z = &b->zones[r->zone];

	z->pv.hungry = true;
	if (z->pv.probe_w)
		why(c, BAL_WHY_PV_PROBE, NUM_NONE);
	else if (r->x_ma == c->min_ma && pv_watts(z, z->pv.held_ma) >= z->pv.level_w)
		why(c, BAL_WHY_PV_MIN, c->min_ma);
	else
		why(c, BAL_WHY_PV_SURPLUS, NUM_NONE);
	c->why.zone = r->zone;
}

static void why_full(struct balance *b, struct conn *c, const struct alloc_result *r)
{
	const struct zone *z = &b->zones[r->zone];

	if (r->cap == ALLOC_SUN)
		return why_sun(b, c, r);
	why(c, BAL_WHY_ZONE_FULL, NUM_NONE);
	if (z->top != NO_INDEX && b->conns[z->top].cls > c->cls && c->cls >= 0) {
		c->why.code = BAL_WHY_VIP_AHEAD;
		c->why.other = (int)z->top;
	}
	if (c->cls == CLS_FULL)
		why(c, BAL_WHY_FULL_CAR, c->max_ma);
	c->why.zone = r->zone;
	c->why.phase = r->cap;
}

static void why_waits(struct balance *b, struct conn *c, const struct alloc_result *r)
{
	struct zone *z = &b->zones[r->zone];

	if (r->cap == ALLOC_SUN) {
		why(c, BAL_WHY_PV_WAITS, pv_watts(z, c->min_ma * model_weight(z, model_phases(c), PHASES)));
		c->why.zone = r->zone;
		return;
	}
	if (z->cap[r->cap] < c->min_ma) {
		why(c, BAL_WHY_BELOW_MIN, z->cap[r->cap]);
	} else if (z->top != NO_INDEX && b->conns[z->top].cls > c->cls && c->cls >= 0) {
		why(c, BAL_WHY_VIP_AHEAD, NUM_NONE);
		c->why.other = (int)z->top;
	} else {
		why(c, BAL_WHY_QUEUE, z->waiting + 1);
	}
	c->why.zone = r->zone;
	c->why.phase = r->cap;
	z->waiting++;
}

static void why_crowded(struct balance *b, struct conn *c, const struct alloc_result *r)
{
	why(c, BAL_WHY_SESSIONS, ++b->zones[r->zone].waiting);
	c->why.zone = r->zone;
}

/* It waits until others have had their turn. */
static bool is_waiting(const struct conn *c, const struct alloc_result *r)
{
	return (r->why == ALLOC_NO_ROOM || r->why == ALLOC_NO_PLACE) && c->cls != CLS_FULL;
}

static void why_max(struct conn *c)
{
	if (c->use == BAL_WELCOME)
		why(c, BAL_WHY_WELCOME, c->max_ma);
	else if (wake_use(c) == BAL_FULL)
		why(c, BAL_WHY_FULL_CAR, c->max_ma);
	else if (!c->session)
		why(c, BAL_WHY_NO_TRANSACTION, c->target_ma);
	else if (c->cap_ma != NUM_NONE && c->max_ma == floor_to(c->cap_ma, c->conf.step_ma))
		why(c, BAL_WHY_CONN_CAP, c->max_ma);
	else if (c->demand.max_ma != NUM_NONE && c->max_ma < c->conf.max_ma)
		why(c, BAL_WHY_RECLAIMED, c->max_ma);
	else
		why(c, BAL_WHY_FREE, c->max_ma);
}

/* Of one that was caught: to see whether it obeys it is told its limit again, or the least that can
 * be within what is reserved for it; as far as the others leave that. */
static int64_t trial_target(const struct balance *b, const struct conn *c)
{
	int64_t have = gate_limit(c), room = orders_room_ma(b, c);
	int64_t to = have > 0 ? have : competes(c) && c->min_ma <= gate_w(c, true) ? c->min_ma : 0;

	if (room < to)
		to = c->conf.on_off ? 0 : floor_to(room, c->conf.step_ma);
	return to < c->min_ma || c->min_ma > c->max_ma ? 0 : to;
}

/* A power on more phases than it was given for may be less than a car's minimum: then it has none. */
static int64_t as_it_is(const struct conn *c)
{
	int64_t ma = gate_limit(c);

	if (!c->watts)
		return ma;
	ma = floor_to(ma, c->conf.step_ma);
	return ma < c->conf.min_ma ? 0 : ma;
}

static void share_out(struct balance *b, const struct conn *c, int64_t (*left)[PHASES])
{
	phase_mask_t phases = model_phases(c);
	int64_t w[PHASES] = { 0 };

	if (c->target_ma > 0)
		for (int k = 0; k < PHASES; k++)
			w[k] = phases >> k & 1 ? c->target_ma : 0;
	else if (!competes(c))
		gate_phases_w(c, b->stations[c->station].online, w);
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < PHASES; k++)
			left[z][k] -= w[k];
}

/* Phases with room for somebody who waits for another phase. Looked at again after a while: places that
 * are just being changed are no reason. */
static void find_idle(struct balance *b, const struct alloc_result *results, bool waiting, mono_t now)
{
	int64_t (*left)[PHASES] = arena_array(&b->scratch, b->zone_count + 1, sizeof(*left));
	phase_mask_t *idle = arena_array(&b->scratch, b->zone_count + 1, sizeof(*idle));

	for (size_t z = 0; z < b->zone_count; z++)
		memcpy(left[z], b->zones[z].cap, sizeof(left[z]));
	for (size_t i = 0; i < b->conn_count && waiting; i++)
		share_out(b, &b->conns[i], left);
	for (size_t i = 0; i < b->order_count; i++) {
		const struct conn *c = &b->conns[b->order[i]];
		const struct alloc_result *r = &results[b->order[i]];

		if (!is_waiting(c, r) || r->why != ALLOC_NO_ROOM || r->cap >= PHASES ||
		    b->zones[r->zone].conf.phases == 1)
			continue;
		for (int k = 0; k < PHASES; k++)
			if ((model_phases(c) >> k & 1) && left[r->zone][k] >= c->min_ma)
				idle[r->zone] |= (phase_mask_t)(1 << k);
	}
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];

		if (idle[i] && !z->idle)
			z->idle_since = now;
		z->idle = idle[i];
		if (z->idle && now < z->idle_since + QUEUE_LOOK_US)
			model_due(b, z->idle_since + QUEUE_LOOK_US);
	}
}

static void take_results(struct balance *b, const struct alloc_result *results, mono_t now)
{
	bool waiting = false;

	for (uint32_t i = 0; i < b->conn_count; i++) {
		struct conn *c = &b->conns[i];

		c->target_ma = results[i].x_ma;
		c->demand.narrowed = false;
		if (c->why.code == BAL_WHY_UNPROVEN && gate_limit(c) != NUM_NONE)
			c->target_ma = as_it_is(c);
		if (c->why.code == BAL_WHY_DISOBEYS)
			c->target_ma = trial_target(b, c);
		set_admitted(c, c->target_ma > 0, now);
		if (c->session && c->wake.state == WAKE_LOW)
			c->target_ma = 0;	/* and its place is kept */
	}
	count_zones(b);
	for (size_t i = 0; i < b->order_count; i++) {
		const struct alloc_result *r = &results[b->order[i]];
		struct conn *c = &b->conns[b->order[i]];

		if (r->why == ALLOC_MAX)
			why_max(c);
		else if (r->why == ALLOC_FULL)
			why_full(b, c, r);
		else if (r->why == ALLOC_NO_PLACE)
			why_crowded(b, c, r);
		else
			why_waits(b, c, r);
		waiting |= is_waiting(c, r);
		if (c->admitted && is_being_woken(c))
			why(c, c->wake.state == WAKE_LOW ? BAL_WHY_WAKES : BAL_WHY_WAITS_WAKE, c->max_ma);
	}
	for (uint32_t i = 0; i < b->conn_count; i++) {
		if (b->conns[i].why.code != BAL_WHY_MIN_OFF)
			continue;
		if (results[i].why == ALLOC_NO_ROOM)
			why_waits(b, &b->conns[i], &results[i]);
		else if (results[i].why == ALLOC_NO_PLACE)
			why_crowded(b, &b->conns[i], &results[i]);
	}
	find_idle(b, results, waiting, now);
	for (size_t i = 0; i < b->order_count; i++)
		run_rotation(b, &b->conns[b->order[i]], waiting, now);
	b->waited = waiting;
}

/* Had it no room beside others in the last turn? */
static bool is_blocked(const struct conn *c)
{
	return !c->admitted && (c->why.code == BAL_WHY_QUEUE || c->why.code == BAL_WHY_VIP_AHEAD);
}

static void fill_conn(struct balance *b, struct conn *c, struct alloc_conn *a, mono_t now)
{
	int64_t have = gate_limit(c);

	find_min(b, c);
	wake_turn(b, c, now);
	find_max(c);
	*a = (struct alloc_conn){
		.zone = c->conf.zone, .phases = model_phases(c), .step_ma = c->conf.step_ma,
		.floor_ma = gate_floor(c, b->stations[c->station].online, now, &b->due),
		.min_ma = c->min_ma, .max_ma = c->max_ma,
		/* What was given current before a restart of ours, or while it was offline, goes on. */
		.starting = !c->admitted && (have == NUM_NONE ? !gate_was_given(c) : have < c->min_ma),
		.start_ma = c->min_ma * b->zones[c->conf.zone].conf.thresholds.start_permille / 1000,
	};
	find_class(b, c, a);
	c->cls = a->cls;
	c->blocked = is_blocked(c) ? c->why.zone : -1;
	why(c, BAL_WHY_NONE, NUM_NONE);	/* of the turn before: those that compete get theirs at the end */
	a->competes = may_compete(b, c, now);
	if (a->competes && a->floor_ma > a->min_ma) {
		a->competes = false;	/* its default limit is still unknown: left as it is */
		why(c, BAL_WHY_UNPROVEN, a->floor_ma);
	}
	a->asks = c->why.code == BAL_WHY_MIN_OFF;
	/* A car that nobody can tell to stop is one that charges. */
	a->seated = !a->competes && c->session && a->floor_ma > 0 &&
		    (is_beyond_reach(c) || c->why.code == BAL_WHY_NOT_MANAGEABLE);
}

/* Default limits on phases that the present cars do not use: the next ones may. */
static size_t reserve_idle(const struct balance *b, struct alloc_conn *list)
{
	size_t n = 0;

	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		phase_mask_t phases = (phase_mask_t)(model_wired(c) & ~model_phases(c));

		if (phases && c->idle_ma)
			list[n++] = (struct alloc_conn){
				.zone = c->conf.zone, .phases = phases, .beside = true,
				.floor_ma = c->idle_ma, .step_ma = c->conf.step_ma, .sun_exempt = true,
			};
	}
	return n;
}

void admit_run(struct balance *b, mono_t now)
{
	struct alloc_conn *conns = arena_array(&b->scratch, 2 * b->conn_count + 1, sizeof(*conns));
	struct alloc_zone *zones = arena_array(&b->scratch, b->zone_count + 1, sizeof(*zones));
	struct alloc_in in = { .zones = zones, .zone_count = b->zone_count,
			       .conns = conns, .conn_count = b->conn_count, .order = b->order };

	count_served(b, now);
	for (size_t i = 0; i < b->zone_count; i++) {
		zones[i] = (struct alloc_zone){ .parent = b->zones[i].conf.parent,
						.sessions = b->zones[i].sessions,
						.one_phase = b->zones[i].conf.phases == 1,
						.dynamic = b->zones[i].budget.state != METER_NONE };
		memcpy(zones[i].cap, b->zones[i].cap, sizeof(zones[i].cap));
	}
	for (size_t i = 0; i < b->conn_count; i++)
		fill_conn(b, &b->conns[i], &conns[i], now);
	pv_bind(b, zones, conns, now);
	in.conn_count += reserve_idle(b, conns + b->conn_count);
	in.order_count = queue_order(b, conns, now);
	b->asked = in;
	take_results(b, alloc_run(&in, &b->scratch), now);
}
