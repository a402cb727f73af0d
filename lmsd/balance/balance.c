/* balance/balance.c - what happens, and the turn that answers it.
 *
 * A turn recomputes everything or nothing. Changes are coalesced here: the first after a quiet time
 * is answered at once, further ones wait for next_due: 200 ms, less where somebody waits for what comes
 * of them and the site is small (model_soon). Where something may have to be lowered (`urgent`)
 * nothing waits.
 */
#include "balance/record/journal.h"
#include "balance/model.h"

#include <string.h>

#define TOGETHER_US (20 * US_PER_MS)	/* cars that come together make one change of the others */

static void changed(struct balance *b)
{
	b->dirty = true;
}

static void changed_now(struct balance *b)
{
	b->dirty = b->urgent = true;
}

/* ---- events --------------------------------------------------------------------------------- */

/* W of an unproven station is its maximum from now on: others may have to give way. */
static void station_changed(struct balance *b, const struct station *st)
{
	model_soon(b, 0);
	for (uint32_t i = 0; i < st->conn_count; i++)
		b->urgent |= !b->conns[b->by_station[st->first_conn + i]].conf.proven;
}

void balance_online(struct balance *b, const char *station, bool online, mono_t now)
{
	struct station *st = model_find_station(b, station);

	journal_online(b, station, online, now);
	if (!st || st->online == online)
		return;
	st->online = online;
	for (uint32_t i = 0; i < st->conn_count; i++)
		gate_online(&b->conns[b->by_station[st->first_conn + i]], online, now);
	station_changed(b, st);
}

void balance_booted(struct balance *b, const char *station, mono_t now)
{
	struct station *st = model_find_station(b, station);

	journal_booted(b, station, now);
	if (!st)
		return;
	for (uint32_t i = 0; i < st->conn_count; i++)
		gate_booted(&b->conns[b->by_station[st->first_conn + i]], now);
	station_changed(b, st);
}

void balance_fallback(struct balance *b, const char *station, bool takes)
{
	struct station *st = model_find_station(b, station);

	journal_fallback(b, station, takes);
	if (!st)
		return;
	for (uint32_t i = 0; i < st->conn_count; i++) {
		struct conn *c = &b->conns[b->by_station[st->first_conn + i]];

		if (!takes)
			gate_keeps(c);
		else if (!st->takes_fallback)
			c->gate.renew_at = 0;	/* what it has, it has without */
	}
	if (st->takes_fallback == takes)
		return;
	st->takes_fallback = takes;
	changed(b);
}

static bool is_active(enum bal_use use)
{
	return use != BAL_NONE && use != BAL_STOPPED;
}

/* The queue is fair from now on: nobody has to make up for what others got before he came. A full car is in
 * no queue: what it got is what others were far behind with, long ago. */
static int64_t least_served(const struct balance *b, mono_t now)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < b->conn_count; i++) {
		int64_t served = admit_served(b, &b->conns[i], now);

		if (is_active(b->conns[i].use) && wake_use(&b->conns[i]) != BAL_FULL && served < least)
			least = served;
	}
	return least == INT64_MAX ? 0 : least;
}

static void change_session(struct conn *c, int64_t session, mono_t now)
{
	if (c->session || (!c->session_known && !session))
		gate_tx_end(c);
	trust_tx_end(c);
	c->session_known = true;
	c->session = session;
	demand_reset(&c->demand, now);
	wake_reset(&c->wake);
	if (session) {
		gate_tx_begin(c);
		trust_tx_begin(c);
	}
}

void balance_use(struct balance *b, uint32_t conn, enum bal_use use, int64_t session, bool vip, mono_t now)
{
	struct conn *c = &b->conns[conn];

	journal_use(b, conn, use, session, vip, now);
	if (c->session_known && use == c->use && session == c->session && vip == c->tag_vip)
		return;
	if (session != c->session || !c->session_known)
		change_session(c, session, now);
	if (is_active(use) && !is_active(c->use)) {
		c->served_us = least_served(b, now);
		c->arrived = now;
		c->off_since = MONO_NEVER;
	}
	if (use == BAL_WELCOME && c->use != BAL_WELCOME)
		c->plugged = now;
	c->use = use;
	c->tag_vip = vip;
	model_soon(b, TOGETHER_US);
}

void balance_draw(struct balance *b, uint32_t conn, const struct phase_ma *draw, int64_t power_w, mono_t at)
{
	journal_draw(b, conn, draw, power_w, at);
	demand_draw(b, &b->conns[conn], draw, power_w, false, at);
}

void balance_draw_nonsense(struct balance *b, uint32_t conn, mono_t at)
{
	const struct phase_ma unknown = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	journal_draw_nonsense(b, conn, at);
	demand_draw(b, &b->conns[conn], &unknown, NUM_NONE, true, at);
}

void balance_meter(struct balance *b, int zone, const struct bal_sample *sample)
{
	journal_meter(b, zone, sample);
	budget_sample(b, &b->zones[zone], sample);
}

void balance_pv(struct balance *b, int zone, enum bal_pv_source source, const struct bal_pv_sample *sample)
{
	journal_pv(b, zone, source, sample);
	pv_sample(b, &b->zones[zone], source, sample);
}

void balance_pv_exempt(struct balance *b, uint32_t conn, bool exempt)
{
	if (b->conns[conn].pv_exempt == exempt)
		return;	/* told with every draw */
	journal_pv_exempt(b, conn, exempt);
	b->conns[conn].pv_exempt = exempt;
	changed(b);
}

void balance_conn_min(struct balance *b, uint32_t conn, int64_t min_ma)
{
	struct conn *c = &b->conns[conn];

	if (c->car_min_ma == (min_ma == NUM_NONE ? 0 : min_ma))
		return;
	journal_conn_min(b, conn, min_ma);
	c->car_min_ma = min_ma == NUM_NONE ? 0 : min_ma;
	changed(b);
}

void balance_conn_cap(struct balance *b, uint32_t conn, int64_t max_ma, mono_t now)
{
	journal_conn_cap(b, conn, max_ma, now);
	b->conns[conn].cap_ma = max_ma;
	changed_now(b);
}

void balance_store_failed(struct balance *b, bool failed)
{
	journal_store_failed(b, failed);
	if (b->store_failed == failed)
		return;
	b->store_failed = failed;
	/* What could not be stored meanwhile is stored now. */
	for (size_t i = 0; i < b->conn_count; i++)
		b->conns[i].gate.stored_acked = !b->conns[i].gate.claims[BAL_LIMIT_IDLE].sure;
	changed(b);
}

/* ---- the turn ------------------------------------------------------------------------------- */

static void count_over(struct balance *b, mono_t now)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];

		if (z->over)
			z->over_us += now - b->counted;
		z->over = false;
		for (int k = 0; k < ALLOC_CAPS; k++)
			z->over |= model_cap_over(z, k);
	}
	b->counted = now;
}

static void recompute(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out)
{
	b->dirty = b->urgent = false;
	b->wait_us = COALESCE_US;
	b->due = MONO_NEVER;
	for (size_t i = 0; i < b->conn_count; i++) {
		gate_settle(&b->conns[i], now, &b->due);
		trust_turn(&b->conns[i], b->stations[b->conns[i].station].online, now);
	}
	model_caps(b);
	model_sums(b);
	admit_run(b, now);
	orders_run(b, now, arena, out);
	shortage_count(b, now);
	b->asked = (struct alloc_in){ 0 };
	b->fallen_known = b->fallbacks_known = false;
	b->ran = now;
}

void balance_turn(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out)
{
	bool looked = now >= b->alert_due;

	*out = (struct bal_turn){ 0 };
	if (b->metered || now >= b->meter_due) {
		budget_run(b, now);
		voltage_run(b, now);
		model_caps(b);
		looked = true;
	}
	if (now >= b->pv_due)
		looked |= pv_run(b, now);
	if (now >= b->due)
		changed_now(b);	/* a clock has run out */
	if (b->dirty && (b->urgent || now - b->ran >= b->wait_us)) {
		recompute(b, now, arena, out);
		looked = true;
	}
	if (looked) {
		count_over(b, now);
		alert_run(b, now, arena, out);
	}
	arena_reset(&b->scratch);
	journal_turn(b, now, out);
}

mono_t balance_next_due(const struct balance *b)
{
	mono_t due = b->due < b->meter_due ? b->due : b->meter_due;

	due = due < b->alert_due ? due : b->alert_due;
	if (b->metered || b->pv_due == INT64_MIN || (b->dirty && b->urgent))
		return b->ran;
	if (b->pv_due < due)
		due = b->pv_due;
	return b->dirty && b->ran + b->wait_us < due ? b->ran + b->wait_us : due;
}
