/* Plays sessions to the engine. Between two events (arrival, departure, a car that has its energy, a
 * timer of the engine, a meter value) every current is constant, so energies are exact sums.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/bench/replay.h"

#define START_US   (3600 * US_PER_S)		/* virtual time of the first arrival */
#define SAMPLE_US  (10 * US_PER_S)		/* MeterValues while something moves */
#define RESTLESS_US (300 * US_PER_S)		/* so long after a change of a limit or a car */
#define FULL_US    (60 * US_PER_S)		/* SuspendedEV so long: full */

struct car {
	const struct session *session;		/* NULL = nothing plugged in */
	int64_t need, got;			/* mA x us x phases */
	int64_t limit_ma;			/* that the station obeys; 0 before the first one */
	bool tx_limit;				/* one was set in this session */
	mono_t done_at;				/* has its energy; MONO_NEVER = not yet */
	bool told_full;
	int64_t before_ma;			/* the limit before this one, for reversals */
	int direction;
};

struct replay {
	const struct model *m;
	const struct sessions *s;
	struct balance *b;
	struct car *cars;			/* per connector */
	uint32_t *active;			/* connectors with a car */
	size_t active_count, next_session;
	mono_t now, restless_until, sample_at;
	int64_t step_us;
	bool over;
	struct arena arena;
	struct replay_result *out;
};

static int phase_count(phase_mask_t p)
{
	return (p & 1) + (p >> 1 & 1) + (p >> 2 & 1);
}

/* 1 mWh is 3.6e9 V x mA x us. */
#define MWH_CHARGE INT64_C(3600000000)

static int64_t charge_of(int64_t mwh)
{
	return mwh * (MWH_CHARGE / REPLAY_VOLT) + mwh * (MWH_CHARGE % REPLAY_VOLT) / REPLAY_VOLT;
}

static int64_t mwh_of(int64_t charge)
{
	return charge / (MWH_CHARGE / REPLAY_VOLT);
}

static int64_t draw_of(const struct replay *r, uint32_t conn)
{
	const struct car *car = &r->cars[conn];

	if (!car->session || car->done_at != MONO_NEVER || car->limit_ma < 6000)
		return 0;
	if (r->m->conns[conn].on_off && car->limit_ma < r->m->conns[conn].max_ma)
		return 0;
	return car->limit_ma < car->session->max_ma ? car->limit_ma : car->session->max_ma;
}

static int64_t rate_of(const struct replay *r, uint32_t conn)
{
	return draw_of(r, conn) * phase_count(r->cars[conn].session->phases);
}

static void restless(struct replay *r)
{
	r->restless_until = r->now + RESTLESS_US;
	if (r->sample_at > r->now + SAMPLE_US)
		r->sample_at = r->now + SAMPLE_US;
}

/* ---- the cars -------------------------------------------------------------------------------- */

static void advance(struct replay *r, mono_t to)
{
	for (size_t i = 0; i < r->active_count; i++) {
		struct car *car = &r->cars[r->active[i]];

		car->got += rate_of(r, r->active[i]) * (to - r->now);
		if (car->got > car->need)
			car->got = car->need;
		r->out->plugged_us += to - r->now;
	}
	if (r->over)
		r->out->over_us += to - r->now;
	r->now = to;
}

static void tell_draw(struct replay *r, uint32_t conn)
{
	const struct session *s = r->cars[conn].session;
	struct phase_ma draw = { { 0, 0, 0 } };
	int64_t ma = draw_of(r, conn);

	for (int k = 0; k < PHASES; k++)
		if (s->phases >> k & 1)
			draw.l[k] = ma;
	balance_draw(r->b, conn, &draw, ma * phase_count(s->phases) * REPLAY_VOLT / 1000, r->now);
}

static void arrive(struct replay *r, const struct session *s)
{
	struct car *car = &r->cars[s->conn];

	*car = (struct car){ .session = s, .need = charge_of(s->energy_mwh), .done_at = MONO_NEVER,
			     .limit_ma = r->m->conns[s->conn].idle_ma };
	r->active[r->active_count++] = s->conn;
	balance_use(r->b, s->conn, BAL_CHARGING, s->line, false, r->now);
	restless(r);
}

static void depart(struct replay *r, size_t at)
{
	uint32_t conn = r->active[at];
	struct car *car = &r->cars[conn];

	r->out->delivered_mwh += car->got >= car->need ? car->session->energy_mwh : mwh_of(car->got);
	r->active[at] = r->active[--r->active_count];
	*car = (struct car){ 0 };
	balance_use(r->b, conn, BAL_NONE, 0, false, r->now);
	restless(r);
}

static void notice_done(struct replay *r, uint32_t conn)
{
	struct car *car = &r->cars[conn];

	if (car->done_at == MONO_NEVER && car->got >= car->need) {
		car->done_at = r->now;
		tell_draw(r, conn);
		restless(r);
	}
	if (!car->told_full && car->done_at != MONO_NEVER && r->now >= car->done_at + FULL_US) {
		car->told_full = true;
		balance_use(r->b, conn, BAL_FULL, car->session->line, false, r->now);
	}
}

static void happen(struct replay *r)
{
	bool samples = r->now >= r->sample_at;

	for (size_t i = r->active_count; i-- > 0;) {
		uint32_t conn = r->active[i];

		notice_done(r, conn);
		if (r->now >= r->cars[conn].session->departure_us + START_US)
			depart(r, i);
		else if (samples)
			tell_draw(r, conn);
	}
	while (r->next_session < r->s->count &&
	       r->s->list[r->next_session].arrival_us + START_US <= r->now) {
		const struct session *s = &r->s->list[r->next_session++];

		if (s->departure_us > s->arrival_us)
			arrive(r, s);
	}
	if (samples)
		r->sample_at = r->now + (r->now < r->restless_until ? SAMPLE_US : r->step_us);
}

/* ---- the engine ------------------------------------------------------------------------------ */

static void count_change(struct replay *r, struct car *car, int64_t to_ma)
{
	int direction = to_ma > car->limit_ma ? 1 : -1;

	if (to_ma == car->limit_ma)
		return;
	if ((to_ma > 0) != (car->limit_ma > 0))
		r->out->on_off++;
	if (car->direction && direction != car->direction)
		r->out->reversals++;
	car->direction = direction;
}

static void obey(struct replay *r, const struct bal_order *o)
{
	struct car *car = &r->cars[o->conn];

	r->out->messages++;
	if (o->kind == BAL_LIMIT_TX && car->session) {
		count_change(r, car, o->limit_ma);
		car->limit_ma = o->limit_ma;
		car->tx_limit = true;
		restless(r);
	} else if (o->kind == BAL_LIMIT_IDLE && car->session && !car->tx_limit) {
		car->limit_ma = o->limit_ma;
	}
	balance_answer(r->b, o->conn, o->token, BAL_ACCEPTED, r->now);
}

static bool zone_over(const struct replay *r, int zone)
{
	struct bal_zone_view v;
	int64_t sum[PHASES] = { 0 };

	balance_zone_view(r->b, zone, &v);
	for (size_t i = 0; i < r->active_count; i++) {
		const struct car *car = &r->cars[r->active[i]];
		int z = r->m->conns[r->active[i]].zone;

		while (z > zone)
			z = r->m->zones[z].parent;
		for (int k = 0; z == zone && k < PHASES; k++)
			if (r->m->zones[zone].phases == 1)
				sum[0] += k ? 0 : car->limit_ma;
			else if (car->session->phases >> k & 1)
				sum[k] += car->limit_ma;
	}
	for (int k = 0; k < r->m->zones[zone].phases; k++)
		if (v.cap.l[k] != NUM_NONE && (sum[k] > v.cap.l[k] || v.sum_w.l[k] > v.cap.l[k]))
			return true;
	return false;
}

static void turns(struct replay *r)
{
	bool moved = false;

	for (int round = 0; round < 64 && balance_next_due(r->b) <= r->now; round++) {
		struct bal_turn turn;

		balance_turn(r->b, r->now, &r->arena, &turn);
		for (size_t i = 0; i < turn.order_count; i++)
			obey(r, &turn.orders[i]);
		arena_reset(&r->arena);
		moved = true;
	}
	if (!moved)
		return;
	r->over = false;
	for (int z = 0; z < (int)r->m->zone_count && !r->over; z++)
		r->over = zone_over(r, z);
}

static mono_t least(mono_t a, mono_t b)
{
	return a < b ? a : b;
}

static mono_t next_event(const struct replay *r)
{
	mono_t at = balance_next_due(r->b);

	if (r->next_session < r->s->count)
		at = least(at, r->s->list[r->next_session].arrival_us + START_US);
	if (r->active_count)
		at = least(at, r->sample_at);
	for (size_t i = 0; i < r->active_count; i++) {
		const struct car *car = &r->cars[r->active[i]];
		int64_t rate = rate_of(r, r->active[i]);

		at = least(at, car->session->departure_us + START_US);
		if (rate > 0)
			at = least(at, r->now + (car->need - car->got + rate - 1) / rate);
		if (car->done_at != MONO_NEVER && !car->told_full)
			at = least(at, car->done_at + FULL_US);
	}
	return at > r->now ? at : r->now + 1;
}

static int set_up(struct replay *r, int64_t cap_ma, struct diag *d)
{
	struct bal_zone_conf *zones = xcalloc(r->m->zone_count + 1, sizeof(*zones));
	struct bal_conf conf = { .zones = zones, .zone_count = r->m->zone_count, .conns = r->m->conns, .conn_count = r->m->conn_count };
	int ret;

	memcpy(zones, r->m->zones, r->m->zone_count * sizeof(*zones));
	for (size_t z = 0; z < r->m->zone_count; z++)
		for (int k = 0; zones[z].parent < 0 && k < zones[z].phases; k++)
			zones[z].cap.l[k] = cap_ma;
	ret = balance_configure(r->b, &conf, r->now, d);
	for (size_t i = 0; i < r->m->conn_count && !ret; i++) {
		balance_online(r->b, r->m->conns[i].station, true, r->now);
		balance_use(r->b, (uint32_t)i, BAL_NONE, 0, false, r->now);
	}
	free(zones);
	return ret;
}

/* Every station acknowledges its default limit before the first car comes: until then it counts
 * with its maximum, and a site may be above its cap. */
static void warm_up(struct replay *r)
{
	struct replay_result real = *r->out;

	while (r->now < START_US) {
		turns(r);
		advance(r, least(next_event(r), START_US));
	}
	*r->out = real;
}

int replay_run(const struct model *m, const struct sessions *s, int64_t cap_ma, int64_t step_us,
	       struct replay_result *out, struct diag *d)
{
	struct replay r = { .m = m, .s = s, .out = out, .step_us = step_us, .b = balance_new() };
	int ret;

	*out = (struct replay_result){ 0 };
	arena_init(&r.arena);
	r.cars = xcalloc(m->conn_count + 1, sizeof(*r.cars));
	r.active = xcalloc(m->conn_count + 1, sizeof(*r.active));
	for (size_t i = 0; i < s->count; i++)
		out->demand_mwh += s->list[i].energy_mwh;
	ret = set_up(&r, cap_ma, d);
	if (ret)
		goto out;
	warm_up(&r);
	while (r.next_session < s->count || r.active_count) {
		happen(&r);
		turns(&r);
		advance(&r, next_event(&r));
	}
	out->span_us = r.now - START_US;
out:
	free(r.active);
	free(r.cars);
	arena_fini(&r.arena);
	balance_free(r.b);
	return ret;
}
