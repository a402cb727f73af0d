/* balance/alert.c - one detector of edges for all alerts; what holds is asked of the model.
 *
 * A new alert is a row of alert.def and its holds_…() here.
 */
#include "balance/model.h"

#include <string.h>

/* ---- what holds now: `at` is the zone or connector ---------------------------------------------- */

static bool holds_configuration_refused(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)at;
	(void)r;
	return b->refused;
}

static bool holds_limits_only_fall(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)at;
	(void)r;
	return b->store_failed;
}

static bool holds_meter_late(const struct balance *b, size_t at, struct bal_reason *r)
{
	enum meter_state state = b->zones[at].budget.state;

	(void)r;
	return state == METER_STALE || state == METER_LOST;
}

static bool holds_meter_lost(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)r;
	return b->zones[at].budget.state == METER_LOST;
}

static bool holds_pv_lost(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)r;
	return b->zones[at].pv.state == BAL_PV_LOST;
}

static bool holds_grid_lost(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)r;
	return b->zones[at].outer[BAL_OUTER_GRID].lost;
}

static bool holds_source_lost(const struct balance *b, size_t at, struct bal_reason *r)
{
	(void)r;
	return b->zones[at].outer[BAL_OUTER_SOURCE].lost;
}

static bool holds_zone_over(const struct balance *b, size_t at, struct bal_reason *r)
{
	for (int k = 0; k < ALLOC_CAPS; k++)
		if (model_cap_over(&b->zones[at], k)) {
			r->phase = k;
			return true;
		}
	return false;
}

/* Over its limit by what its meter sees, and no connector below has anything that could be taken. */
static bool holds_zone_over_without_cars(const struct balance *b, size_t at, struct bal_reason *r)
{
	const struct zone *z = &b->zones[at];

	for (int k = 0; k < PHASES && !z->admitted; k++)
		if (z->why[k] == CAP_DYNAMIC && model_load_over(z, k) && z->lowering[k] == NO_INDEX) {
			r->phase = k;
			return true;
		}
	return false;
}

static bool holds_offline_reserved(const struct balance *b, size_t at, struct bal_reason *r)
{
	const struct conn *c = &b->conns[at];

	r->value = gate_w(c, false);
	return c->conf.manageable && !b->stations[c->station].online && r->value > c->idle_ma;
}

static bool holds_limit_unknown(const struct balance *b, size_t at, struct bal_reason *r)
{
	const struct conn *c = &b->conns[at];

	r->value = gate_w(c, true);
	return c->conf.manageable && b->stations[c->station].online &&
	       !c->gate.claims[BAL_LIMIT_IDLE].sure;
}

static bool holds_station_uncontrollable(const struct balance *b, size_t at, struct bal_reason *r)
{
	const struct conn *c = &b->conns[at];

	r->value = gate_w(c, b->stations[c->station].online);
	return c->conf.manageable && gate_uncontrollable(c);
}

static bool holds_draws_too_much(const struct balance *b, size_t at, struct bal_reason *r)
{
	r->value = b->conns[at].trust.may_ma;
	return trust_doubted(&b->conns[at]);
}

static bool holds_draw_implausible(const struct balance *b, size_t at, struct bal_reason *r)
{
	r->value = b->conns[at].trust.strange_ma;
	return b->conns[at].trust.strange;
}

static const struct bal_alert_info infos[] = {
#define ALERT(code, scope, level, begins, ends, after_s, gone_s, text, end_text)                    \
	{ BAL_ALERT_##scope, LOG_LEVEL_##level, #begins, #ends, (after_s) * US_PER_S,               \
	  (gone_s) * US_PER_S, text, end_text },
#include "balance/alert.def"
#undef ALERT
};
_Static_assert(BAL_ALERT_COUNT <= 32, "alerts are bits of a word");

static bool (*const holds_now[])(const struct balance *b, size_t at, struct bal_reason *r) = {
#define ALERT(code, scope, level, begins, ...) holds_##begins,
#include "balance/alert.def"
#undef ALERT
};

const struct bal_alert_info *balance_alert_info(int code)
{
	return code >= 0 && code < BAL_ALERT_COUNT ? &infos[code] : NULL;
}

/* ---- edges ---------------------------------------------------------------------------------------- */

struct list {
	struct arena *arena;
	struct bal_alert *items;
	size_t count, room;
};

static void push(struct list *l, const struct bal_alert *a)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct bal_alert *items = arena_array(l->arena, room, sizeof(*items));

		if (l->count)
			memcpy(items, l->items, l->count * sizeof(*items));
		l->items = items;
		l->room = room;
	}
	l->items[l->count++] = *a;
}

static const char *object(const struct balance *b, const struct bal_reason *r)
{
	if (r->zone >= 0)
		return b->zones[r->zone].conf.id;
	return r->other >= 0 ? b->conns[r->other].conf.id : "";
}

/* Takes in whether one alert of one object holds. */
static void edge(struct balance *b, struct alerts *s, int code, bool holds, const struct bal_reason *r,
		 mono_t now, struct list *l)
{
	const uint32_t bit = UINT32_C(1) << code;
	mono_t at;

	if (holds == !!(s->told & bit)) {
		s->moving &= ~bit;
		return;
	}
	if (!(s->moving & bit)) {
		s->moving |= bit;
		s->since[code] = now;
	}
	at = s->since[code] + (holds ? infos[code].after_us : infos[code].gone_us);
	if (now < at) {
		if (at < b->alert_due)
			b->alert_due = at;
		return;
	}
	s->moving &= ~bit;
	s->told ^= bit;
	push(l, &(struct bal_alert){ .code = code, .begins = holds, .object = object(b, r), .about = *r });
}

static struct bal_reason about(enum bal_alert_scope scope, size_t at)
{
	struct bal_reason r = reason_make(BAL_WHY_NONE);

	r.zone = scope == BAL_ALERT_ZONE ? (int)at : -1;
	r.other = scope == BAL_ALERT_CONN ? (int)at : -1;
	return r;
}

/* All alerts of one object. */
static void run_object(struct balance *b, enum bal_alert_scope scope, size_t at, struct alerts *s, mono_t now,
		       struct list *l)
{
	for (int code = 0; code < BAL_ALERT_COUNT; code++) {
		struct bal_reason r;

		if (infos[code].scope != scope)
			continue;
		r = about(scope, at);
		edge(b, s, code, holds_now[code](b, at, &r), &r, now, l);
	}
}

void alert_run(struct balance *b, mono_t now, struct arena *arena, struct bal_turn *out)
{
	struct list l = { .arena = arena };

	b->alert_due = MONO_NEVER;
	run_object(b, BAL_ALERT_SITE, 0, &b->alerts, now, &l);
	for (size_t z = 0; z < b->zone_count; z++)
		run_object(b, BAL_ALERT_ZONE, z, &b->zones[z].alerts, now, &l);
	for (size_t c = 0; c < b->conn_count; c++)
		run_object(b, BAL_ALERT_CONN, c, &b->conns[c].alerts, now, &l);
	for (size_t z = 0; z < b->zone_count; z++)	/* so that the time over a limit is counted as it passes */
		if (b->zones[z].over && now + US_PER_S < b->alert_due)
			b->alert_due = now + US_PER_S;
	out->alerts = l.items;
	out->alert_count = l.count;
}

void balance_trouble(const struct balance *b, enum bal_alert_scope scope, uint32_t at, char *out, size_t size)
{
	const struct alerts *s = scope == BAL_ALERT_ZONE ? &b->zones[at].alerts :
				 scope == BAL_ALERT_CONN ? &b->conns[at].alerts : &b->alerts;
	size_t len = 0;

	if (!size)
		return;
	out[0] = '\0';
	for (int code = 0; code < BAL_ALERT_COUNT && len + 3 < size; code++) {
		struct bal_alert a = { .code = code, .begins = true, .about = about(scope, at) };

		if (!(s->told >> code & 1))
			continue;
		holds_now[code](b, at, &a.about);
		if (len) {
			memcpy(out + len, "; ", 3);
			len += 2;
		}
		balance_alert_text(b, &a, out + len, size - len);
		len += strlen(out + len);
	}
}
