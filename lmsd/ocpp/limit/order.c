/* ocpp/limit/order.c - orders of the balance as SetChargingProfile or ChangeConfiguration, and their answers.
 *
 * Each token is answered exactly once. Latest wins per connector and kind while an order waits;
 * one in flight is never taken back: the station may be obeying it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/habits.h"
#include "ocpp/limit/lapse.h"
#include "ocpp/limit/profile.h"
#include "ocpp/limit/proof.h"
#include "ocpp/limit/held.h"
#include "ocpp/session.h"
#include "ocpp/limit/unit.h"
#include "ocpp/limit/way.h"

/* A TxProfile begins this long ago by the station's clock, so that it is in force at once. */
#define START_PAST_US (60 * US_PER_S)

/* A new configuration may have moved the connector in the model since the order was given. */
static uint32_t slot_now(const struct ocpp_session *s, const struct call *c)
{
	struct station *st = session_station(s);
	const struct connector *conn = st ? site_connector(st, c->connector) : NULL;

	return conn && conn->slot != UINT32_MAX ? conn->slot : c->slot;
}

/* The older order for the same connector and kind that has not left yet. */
static void replace_queued(struct ocpp_session *s, const struct ocpp_order *order, const struct turn *t)
{
	for (struct call **at = &s->queue; *at; at = &(*at)->next) {
		struct call *c = *at;

		if (c->kind != CALL_ORDER || c->connector != order->conn->number || c->idle != order->idle)
			continue;
		*at = c->next;
		fx_answer(t->fx, slot_now(s, c), c->token, ORDER_DROPPED);
		free(c);
		return;
	}
}

/* What a key cannot say is refused as if the station had done so. */
static bool can_be_told(const struct ocpp_session *s, const struct ocpp_order *order)
{
	const struct connector_conf *cc = site_connector_conf(s->o->site, order->conn);
	struct habits_key key = way_key(habits_of(s->o->habits, order->conn->station), cc);
	char value[32];

	if (way_of(cc) != WAY_CONFIG ||
	    way_value(&key, order->limit_ma, order->given_ma, s->o->site->conf->voltage_min, value, sizeof(value)))
		return true;
	log_station(WARNING, s->id, "limit_not_possible", "connector=%d limit_ma=%lld key=%s", order->conn->number,
		    (long long)order->limit_ma, cc->shedding_key);
	return false;
}

void ocpp_order(struct ocpp *o, const struct ocpp_order *order, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct connector *conn = order->conn;
	struct ocpp_session *s = session_by_station(o, conn->station->id);
	enum limit_way way;
	struct call *c;

	if (!s || !s->link || (!order->idle && !conn->tx)) {
		fx_answer(fx, order->slot, order->token, ORDER_DROPPED);
		return;
	}
	if (!can_be_told(s, order)) {
		fx_answer(fx, order->slot, order->token, ORDER_REFUSED);
		return;
	}
	replace_queued(s, order, &t);
	way = way_of(site_connector_conf(o->site, conn));
	c = call_new(CALL_ORDER, order->raises ? RANK_ORDER : RANK_DECREASE,
		     way == WAY_CONFIG ? "ChangeConfiguration" : "SetChargingProfile");
	c->by_key = way == WAY_CONFIG;
	c->as_default = order->idle || way == WAY_DEFAULT;
	c->when = order->raises ? FX_AFTER_COMMIT : order->when;
	c->token = order->token;
	c->slot = order->slot;
	c->connector = conn->number;
	c->idle = order->idle;
	c->raises = order->raises;
	c->limit_ma = order->limit_ma;
	c->given_ma = order->given_ma;
	c->fallback_given_ma = order->fallback_given_ma;
	c->fallback_us = order->fallback_us;
	c->fallback_ma = order->fallback_ma;
	c->tx = conn->tx ? conn->tx->id : 0;
	queue_push(s, c, &t);
}

static bool one_phase(const char *wiring)
{
	return wiring && wiring[0] == 'L';
}

int order_stack_level(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	int level = habits_of(s->o->habits, st)->stack_level;

	if (sc && sc->k.profile_stack != NUM_NONE)
		level = (int)sc->k.profile_stack;
	return level < s->max_stack ? level : s->max_stack;
}

static void fill_style(struct profile *p, const struct ocpp_session *s, const struct station *st,
		       const struct connector *conn, wall_t wall)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	const struct connector_conf *cc = conn ? site_connector_conf(s->o->site, conn) : NULL;
	const struct ocpp_habits *h = habits_of(s->o->habits, st);
	const char *wiring = cc ? cc->wiring : NULL;
	int64_t step = sc && sc->k.step_ma != NUM_NONE ? sc->k.step_ma : h->step_ma;
	int64_t behind = s->skew_us != NUM_NONE && s->skew_us < 0 ? -s->skew_us : 0;
	wall_t clock = wall - behind - START_PAST_US;

	p->watts = unit_of(s, sc, cc, h) == UNIT_WATTS;
	p->output = cc && cc->dc && unit_output(sc, h);
	p->voltage_min = s->o->site->conf->voltage_min;
	p->most_w = cc && cc->dc ? cc->power_w : NUM_NONE;
	p->whole = step != NUM_NONE && step >= 1000;
	p->absolute = p->idle ? s->idle_absolute : way_absolute(s, st);
	p->number_phases = way_number_phases(s, st);
	p->id = way_profile_id(sc, p->connector, p->idle);
	p->stack_level = order_stack_level(s, st);
	p->start = clock > 0 ? clock : 0;
	p->phases = one_phase(wiring) ? 1 : PHASES;
}

/* The schedule begins in the past by the station's clock, and falls as far ahead as was asked for. */
static void fill_fallback(struct profile *p, struct ocpp_session *s, struct station *st, struct call *c,
			  wall_t wall)
{
	const char *obstacle = lapse_obstacle(s, st);

	lapse_tell(s, st, obstacle);
	c->lapses = !obstacle;
	if (obstacle)
		return;
	p->start = wall + s->skew_us - START_PAST_US;
	p->fallback_s = (START_PAST_US + c->fallback_us) / US_PER_S;
	p->fallback_ma = c->fallback_ma;
	p->fallback_given_ma = c->fallback_given_ma;
}

static bool write_key(const struct ocpp_session *s, const struct station *st, const struct connector *conn,
		      const struct call *c, struct json_writer *w)
{
	const struct connector_conf *cc = site_connector_conf(s->o->site, conn);
	struct habits_key key = way_key(habits_of(s->o->habits, st), cc);
	char value[32];

	if (!way_value(&key, c->limit_ma, c->given_ma, s->o->site->conf->voltage_min, value, sizeof(value)))
		return false;
	jw_object(w);
	jw_kstr(w, "key", cc->shedding_key);
	jw_kstr(w, "value", value);
	jw_object_end(w);
	return true;
}

bool order_write(struct ocpp_session *s, struct call *c, const struct turn *t, struct json_writer *w)
{
	struct station *st = session_station(s);
	struct connector *conn = st ? site_connector(st, c->connector) : NULL;
	struct profile p = { .connector = c->connector, .idle = c->as_default, .tx = c->tx, .limit_ma = c->limit_ma,
			     .given_ma = c->given_ma };
	enum limit_way way;

	/* While it waited, its transaction may have ended, and another one begun. */
	if (!conn || (!c->idle && (!conn->tx || conn->tx->id != c->tx)))
		return false;
	/* Or it is told its limits in another way by now. */
	way = way_of(site_connector_conf(s->o->site, conn));
	if (c->by_key != (way == WAY_CONFIG) || c->as_default != (c->idle || way == WAY_DEFAULT))
		return false;
	if (way == WAY_CONFIG)
		return write_key(s, st, conn, c, w);
	fill_style(&p, s, st, conn, t->wall);
	if (c->fallback_us > 0)
		fill_fallback(&p, s, st, c, t->wall);
	profile_write(&p, w);
	return true;
}

/* Under the id of the profile of a transaction: the first order of the balance takes its place. As a power it
 * may land on one phase: nobody knows the car yet.
 */
void order_write_remote(const struct ocpp_session *s, const struct connector *conn, int64_t limit_ma, wall_t wall,
			struct json_writer *w)
{
	struct profile p = { .connector = conn->number, .limit_ma = limit_ma, .given_ma = limit_ma };

	fill_style(&p, s, conn->station, conn, wall);
	profile_write_alone(&p, w);
}

/* No current at the connector (0 = all), as its default: for what nobody balances. */
void order_zero(struct ocpp_session *s, int connector, const struct turn *t)
{
	uint64_t bit = UINT64_C(1) << (connector > 0 ? connector - 1 : CONNECTORS_MAX - 1);
	const struct station *st = session_station(s);
	struct profile p = { .connector = connector, .idle = true };
	struct json_writer w;
	struct call *c;
	struct buf b;

	if (!st || s->zeroed & bit)
		return;
	s->zeroed |= bit;
	fill_style(&p, s, st, NULL, t->wall);
	buf_init(&b);
	jw_init(&w, &b);
	profile_write(&p, &w);
	c = call_new(CALL_ZERO, RANK_DECREASE, "SetChargingProfile");
	c->connector = connector;
	call_payload(c, &b);
	queue_push(s, c, t);
}

static enum order_answer answer_of(const struct call_result *r)
{
	const char *status;

	switch (r->how) {
	case CALL_ANSWERED:
		status = json_str(json_get(r->payload, "status"), "");
		return strcmp(status, "Accepted") == 0 ? ORDER_ACCEPTED : ORDER_REFUSED;
	case CALL_ERROR:
		return ORDER_REFUSED;
	case CALL_TIMED_OUT:
	case CALL_LOST:
		return ORDER_TIMEOUT;
	case CALL_UNSENT:
		break;
	}
	return ORDER_DROPPED;
}

static bool *kind_flag(struct ocpp_session *s, const struct call *c)
{
	return c->as_default ? &s->idle_absolute : &s->flipped_kind;
}

static bool is_queued(const struct ocpp_session *s, const struct call *c)
{
	for (const struct call *q = s->queue; q; q = q->next) {
		if (q->kind == CALL_ORDER && q->connector == c->connector && q->idle == c->idle)
			return true;
	}
	return false;
}

static struct call *order_again(const struct call *c)
{
	struct call *again = xmalloc(sizeof(*again));

	*again = *c;	/* orders own nothing */
	again->next = NULL;
	again->lapses = false;
	return again;
}

/* Not every station takes two periods, and few say that this is what they refuse: without the fallback
 * it may be taken. */
static bool try_shorter(struct ocpp_session *s, const struct call *c, const struct turn *t)
{
	struct call *again;

	if (!c->lapses || is_queued(s, c))
		return false;
	s->one_period = true;
	again = order_again(c);
	again->shortened = true;
	queue_push(s, again, t);
	return true;
}

/* Some stations take only Absolute, some only Relative profiles, and say no more than Rejected:
 * the other kind is tried once, before the balance hears of a refusal. */
static bool try_other_kind(struct ocpp_session *s, const struct call *c, const struct call_result *r,
			   const struct turn *t)
{
	struct call *again;

	if (c->retried || c->by_key || r->how != CALL_ANSWERED || is_queued(s, c) ||
	    strcmp(json_str(json_get(r->payload, "status"), ""), "Rejected") != 0)
		return false;
	*kind_flag(s, c) = !*kind_flag(s, c);
	again = order_again(c);
	again->retried = true;
	queue_push(s, again, t);
	return true;
}

/* What was changed in vain is taken back: it was not that what it refused. */
static void take_back(struct ocpp_session *s, const struct call *c)
{
	struct station *st = session_station(s);

	if (c->retried)
		*kind_flag(s, c) = !*kind_flag(s, c);
	if (c->shortened)
		s->one_period = false;
	if (st && (c->retried || c->shortened))
		lapse_refresh(s, st);
}

void order_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	enum order_answer answer = answer_of(r);

	if (answer == ORDER_REFUSED && (try_shorter(s, c, t) || try_other_kind(s, c, r, t)))
		return;
	if (answer == ORDER_REFUSED) {
		take_back(s, c);
		log_station(WARNING, s->id, "limit_refused", "connector=%d limit_ma=%lld answer=%s", c->connector,
			    (long long)c->limit_ma, r->how == CALL_ERROR ? log_text(r->code) :
			    log_text(json_str(json_get(r->payload, "status"), "-")));
	}
	fx_answer(t->fx, slot_now(s, c), c->token, answer);
	if (answer == ORDER_ACCEPTED)
		held_order(s, c, t);
	if (answer == ORDER_ACCEPTED && !c->idle)
		proof_event(s, PROOF_EV_LIMIT, c->connector, c->limit_ma, t);
}
