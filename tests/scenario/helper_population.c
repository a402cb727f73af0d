#include "helper_population.h"

#include "helper_recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TICK       (100 * US_PER_MS)
#define COMMIT_US  (50 * US_PER_MS)
#define QUIET_US   (40 * US_PER_S)	/* start-up without faults and cars */
#define MESSAGES   64
#define BATCHES    32
#define LAGS       16

/* ---- the site -------------------------------------------------------------------------------- */

static struct phase_ma same(int64_t ma)
{
	return (struct phase_ma){ { ma, ma, ma } };
}

static void random_zone(struct rng *r, struct pop_site *s, size_t i)
{
	struct bal_zone_conf *z = &s->zones[i];
	bool dynamic = s->kind == POP_DYNAMIC && (i == 0 || !rng_below(r, 3));

	snprintf(s->zone_ids[i], sizeof(s->zone_ids[i]), "Z%zu", i);
	*z = (struct bal_zone_conf){
		.parent = i ? (int)rng_below(r, (uint32_t)i) : -1, .phases = rng_below(r, 8) ? 3 : 1,
		.cap = same(rng_below(r, 5) ? rng_range(r, 60, 900) * 100 : NUM_NONE),
		.cap_w = rng_below(r, 6) ? NUM_NONE : rng_range(r, 5000, 60000),
		.dynamic = same(NUM_NONE), .meter_lost = same(NUM_NONE),
		.min_ma = rng_below(r, 6) ? NUM_NONE : 8000, .policy = (enum bal_policy)rng_below(r, 5),
	};
	if (z->cap.l[0] != NUM_NONE && rng_below(r, 2))
		z->cap.l[rng_below(r, 3)] += 5000;
	if (dynamic) {
		z->dynamic = same(rng_range(r, 400, 1000) * 100);
		z->meter_lost = same(rng_range(r, 0, 20) * 1000);
	}
	if (rng_below(r, 2))
		z->timers = (struct bal_timers){ .min_on_us = 30 * US_PER_S, .min_off_us = 20 * US_PER_S,
						 .rotate_us = 60 * US_PER_S };
}

static void random_conn(struct pop_site *s, size_t i, size_t stations)
{
	uint64_t uid = s->seed * 1000 + i;
	struct rng r = rng_seed(uid);
	size_t station = s->kind == POP_DYNAMIC ? i / 2 : rng_below(&r, (uint32_t)stations);
	struct bal_conn_conf *c = &s->conns[i];

	s->uid[i] = uid;
	s->power[i] = uid % 4 == 1;
	s->station_uid[i] = s->seed * 1000 + 500 + station;
	snprintf(s->station_ids[i], sizeof(s->station_ids[i]), "S%zu", station);
	snprintf(s->conn_ids[i], sizeof(s->conn_ids[i]), "S%zu/%zu", station, i);
	*c = (struct bal_conn_conf){
		.zone = (int)rng_below(&r, (uint32_t)s->zone_count),
		.wiring = (enum bal_wiring)rng_below(&r, BAL_L3 + 1), .min_ma = 6000,
		.max_ma = rng_range(&r, 10, 32) * 1000, .step_ma = rng_below(&r, 3) ? 100 : 1000,
		
		.settle_us = rng_range(&r, 1, 5) * US_PER_S, .vip = !rng_below(&r, 5),
		.priority = (int)rng_below(&r, 3), .manageable = true, .proven = true,
		.on_off = !rng_below(&r, 10),
	};
	c->one_limit = uid % 5 == 3;
	c->dc = s->power[i] && !c->on_off && rng_below(&r, 3) == 0;
	if (c->dc)
		c->min_ma = 2000;
	if (s->kind == POP_ANY) {
		c->proven = rng_below(&r, 2);
		c->manageable = rng_below(&r, 8);
	}
	if (s->kind != POP_DYNAMIC && !rng_below(&r, 4))
		c->idle_ma = 6000;
}

static bool accepted(struct pop_site *s)
{
	struct balance *b = balance_new();
	struct bal_conf conf = { .zones = s->zones, .zone_count = s->zone_count, .conns = s->conns, .conn_count = s->conn_count };
	int ret = balance_configure(b, &conf, 0, NULL);

	balance_free(b);
	return ret == 0;
}

static void name_all(struct pop_site *s)
{
	for (size_t i = 0; i < s->zone_count; i++)
		s->zones[i].id = s->zone_ids[i];
	for (size_t i = 0; i < s->conn_count; i++) {
		s->conns[i].id = s->conn_ids[i];
		s->conns[i].station = s->station_ids[i];
	}
}

void pop_random(uint64_t seed, enum pop_kind kind, struct pop_site *s)
{
	struct rng r = rng_seed(seed);
	size_t stations;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->kind = kind;
	s->zone_count = 1 + rng_below(&r, POP_ZONES);
	s->conn_count = 1 + rng_below(&r, POP_CONNS);
	stations = 1 + rng_below(&r, (uint32_t)s->conn_count);
	for (size_t i = 0; i < s->zone_count; i++)
		random_zone(&r, s, i);
	for (size_t i = 0; i < s->conn_count; i++)
		random_conn(s, i, stations);
	name_all(s);
	while (s->conn_count && !accepted(s))
		s->conn_count--;	/* fallbacks that do not fit are refused */
}

void pop_drop_conn(struct pop_site *s, size_t at)
{
	size_t rest = s->conn_count - at - 1;

	memmove(&s->conns[at], &s->conns[at + 1], rest * sizeof(s->conns[0]));
	memmove(&s->conn_ids[at], &s->conn_ids[at + 1], rest * sizeof(s->conn_ids[0]));
	memmove(&s->station_ids[at], &s->station_ids[at + 1], rest * sizeof(s->station_ids[0]));
	memmove(&s->power[at], &s->power[at + 1], rest * sizeof(s->power[0]));
	memmove(&s->uid[at], &s->uid[at + 1], rest * sizeof(s->uid[0]));
	memmove(&s->station_uid[at], &s->station_uid[at + 1], rest * sizeof(s->station_uid[0]));
	s->conn_count--;
	name_all(s);
}

void pop_print(const struct pop_site *s)
{
	for (size_t i = 0; i < s->zone_count; i++) {
		const struct bal_zone_conf *z = &s->zones[i];

		print_message("# %s in %d, %d phases, cap %lld %lld %lld, %lld W, dynamic %lld, lost %lld, "
			      "policy %d, min %lld\n", z->id, z->parent, z->phases,
			      (long long)z->cap.l[0], (long long)z->cap.l[1], (long long)z->cap.l[2],
			      (long long)z->cap_w, (long long)z->dynamic.l[0],
			      (long long)z->meter_lost.l[0], (int)z->policy, (long long)z->min_ma);
	}
	for (size_t i = 0; i < s->conn_count; i++) {
		const struct bal_conn_conf *c = &s->conns[i];

		print_message("# %s in Z%d, wiring %d, max %lld, step %lld, idle %lld, settle %lld s%s%s%s%s%s%s\n",
			      c->id, c->zone, (int)c->wiring, (long long)c->max_ma, (long long)c->step_ma,
			      (long long)c->idle_ma, (long long)(c->settle_us / US_PER_S),
			      c->proven ? "" : ", unproven", c->manageable ? "" : ", not manageable",
			      c->on_off ? ", on/off" : "", s->power[i] ? ", W" : "", c->dc ? ", DC" : "",
			      c->one_limit ? ", one limit" : "");
	}
}

/* ---- the world --------------------------------------------------------------------------------- */

enum fate { ARRIVES, LOST, ANSWER_LOST, REFUSED, LATE };

struct message {
	bool used, left, executed, answered;
	uint32_t conn;
	uint64_t token;
	enum bal_limit_kind kind;
	int64_t limit_ma, given_ma, session;
	enum fate fate;
	mono_t leaves, arrives, answers;
	int life;		/* of lmsd, that sent it */
};

struct socket {			/* truth at one connector */
	struct rng rng;
	int64_t idle_ma, tx_ma, session;
	enum bal_use use;
	phase_mask_t car;	/* phases that it uses */
	struct { int64_t ma; mono_t until; } lags[LAGS];	/* not yet obeyed less than this */
	int lag_count;
	mono_t next_event;
	enum bal_use told_use;	/* what lmsd knows, and keeps over a crash */
	int64_t told_session;
	bool has_store;
	struct bal_store store;
	int changes;		/* on and off in one session */
	bool was_on;
};

struct box {			/* truth at one station; kept at its first connector */
	struct rng rng;
	bool online, booted;
	mono_t next_event, back_at;
	mono_t last_arrival;
};

struct batch {
	mono_t at;
	size_t count;
	struct bal_store stores[POP_CONNS];
};

struct world {
	const struct pop_site *site;
	struct pop_site conf;		/* as configured now: overrides come and go */
	struct balance *b;
	mono_t now, end, crash_at, conf_at, meter_silent_at, meter_back_at;
	int64_t last_session;
	int life;
	bool trace;
	bool learned_lost;		/* lmsd forgot which phases the cars use */
	struct rng rng;
	struct socket sockets[POP_CONNS];
	struct box boxes[POP_CONNS];
	size_t box_of[POP_CONNS];
	struct message messages[MESSAGES];
	struct batch batches[BATCHES];
	size_t batch_count;
	struct pop_failure *failure;
	struct recording recording;
	mono_t drain_at, replay_at, snapshot_at;
};

/* As its station keeps it: a current per phase, or a power as a sum over phases. */
static int64_t limit_now(const struct socket *s)
{
	return s->session && s->tx_ma != NUM_NONE ? s->tx_ma : s->idle_ma;
}

static phase_mask_t truth_phases(const struct world *w, size_t i)
{
	enum bal_wiring wiring = w->site->conns[i].wiring;

	if (wiring >= BAL_L1)
		return (phase_mask_t)(1 << (wiring - BAL_L1));
	if (w->site->conns[i].dc)
		return PHASE_ALL;
	return w->sockets[i].session && w->sockets[i].car ? w->sockets[i].car : PHASE_ALL;
}

/* What a phase may get of it: all of a power, where no car says on how many it draws. */
static int64_t on_a_phase(const struct world *w, size_t i, int64_t limit)
{
	phase_mask_t on = truth_phases(w, i);
	int64_t n = (on & 1) + (on >> 1 & 1) + (on >> 2 & 1);

	if (!w->site->power[i])
		return limit;
	if (!w->sockets[i].session && !w->site->conns[i].dc)
		n = 1;
	limit = (limit + n - 1) / n;
	return limit < w->site->conns[i].max_ma ? limit : w->site->conns[i].max_ma;
}

static int64_t obeys(const struct world *w, const struct socket *s)
{
	int64_t ma = limit_now(s);

	for (int i = 0; i < s->lag_count; i++)
		if (w->now < s->lags[i].until && s->lags[i].ma > ma)
			ma = s->lags[i].ma;
	return on_a_phase(w, (size_t)(s - w->sockets), ma);
}

static void tell_all(const struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		const struct socket *s = &w->sockets[i];
		struct bal_conn_view v;

		balance_conn_view(w->b, (uint32_t)i, &v);
		print_message("# %s obeys %lld on %d, W %lld on %d, target %lld, %s\n", w->site->conn_ids[i],
			      (long long)obeys(w, s), s->car, (long long)v.w_ma, v.phases,
			      (long long)v.target_ma, v.reason.name);
	}
	for (size_t i = 0; i < w->site->zone_count; i++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, (int)i, &v);
		print_message("# Z%zu cap %lld %lld %lld, W %lld %lld %lld, %s\n", i, (long long)v.cap.l[0],
			      (long long)v.cap.l[1], (long long)v.cap.l[2], (long long)v.sum_w.l[0],
			      (long long)v.sum_w.l[1], (long long)v.sum_w.l[2], v.cap_why);
	}
}

static void complain(struct world *w, const char *what, size_t conn)
{
	if (w->failure->text[0])
		return;
	if (w->trace)
		tell_all(w);
	snprintf(w->failure->text, sizeof(w->failure->text), "%s (%s, after %.1f s)", what,
		 conn < w->site->conn_count ? w->site->conn_ids[conn] : "site", (double)w->now / 1e6);
	w->failure->at_s = (int)(w->now / US_PER_S);
}

/* TRACE=1 tells what happened to the (shrunk) site. */
static void trace(const struct world *w, size_t conn, const char *what, int64_t a, int64_t b)
{
	if (w->trace)
		print_message("# %8.1f %-6s %-10s %lld %lld\n", (double)w->now / 1e6,
			      w->site->conn_ids[conn], what, (long long)a, (long long)b);
}

/* A lower limit may be obeyed as late as the settle time allows. */
static void lag(struct world *w, size_t i, int64_t before)
{
	struct socket *s = &w->sockets[i];
	int n = 0;

	for (int k = 0; k < s->lag_count; k++)
		if (w->now < s->lags[k].until)
			s->lags[n++] = s->lags[k];
	s->lag_count = n;
	if (before <= limit_now(s) || n == LAGS)
		return;
	s->lags[n].ma = before;
	s->lags[n].until = w->now + rng_range(&s->rng, 0, w->site->conns[i].settle_us);
	s->lag_count++;
}

static mono_t later(struct world *w, struct rng *r, int64_t from_s, int64_t to_s)
{
	return w->now + rng_range(r, from_s * 10, to_s * 10) * TICK;
}

/* ---- cars ---------------------------------------------------------------------------------------- */

static void tell(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	if (!w->boxes[w->box_of[i]].online)
		return;
	if (s->told_session && s->session != s->told_session)
		balance_use(w->b, (uint32_t)i, BAL_STOPPED, 0, false, w->now);
	balance_use(w->b, (uint32_t)i, s->use, s->session, false, w->now);
	trace(w, i, "use", (int64_t)s->use, s->session);
	if (s->session != s->told_session) {
		s->changes = 0;
		s->was_on = false;
	}
	s->told_use = s->use;
	s->told_session = s->session;
}

static void begin_session(struct world *w, struct socket *s)
{
	static const phase_mask_t masks[] = { 7, 7, 1, 2, 4, 3, 6 };

	s->session = ++w->last_session;
	s->tx_ma = NUM_NONE;
	s->car = masks[rng_below(&s->rng, 7)];
}

static void end_session(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	/* The car is gone, or obeys the default limit: no lag without a current. */
	(void)w;
	s->session = 0;
	s->tx_ma = NUM_NONE;
	s->lag_count = 0;
}

static void car_event(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	switch (s->use) {
	case BAL_NONE:
	case BAL_STOPPED:
		s->use = rng_below(&s->rng, 2) ? BAL_WELCOME : BAL_WAITS;
		s->next_event = later(w, &s->rng, 0, 5);
		break;
	case BAL_WELCOME:
		s->use = BAL_WAITS;
		s->next_event = later(w, &s->rng, 0, 5);
		break;
	case BAL_WAITS:
		s->use = BAL_CHARGING;
		begin_session(w, s);
		s->next_event = later(w, &s->rng, 5, 400);
		break;
	case BAL_CHARGING:
		if (rng_below(&s->rng, 3)) {
			s->use = rng_below(&s->rng, 2) ? BAL_STOPPED : BAL_NONE;
			end_session(w, i);
		} else {
			s->use = BAL_FULL;
		}
		s->next_event = later(w, &s->rng, 1, 60);
		break;
	case BAL_FULL:
		s->use = rng_below(&s->rng, 2) ? BAL_CHARGING : BAL_NONE;
		if (s->use == BAL_NONE)
			end_session(w, i);
		s->next_event = later(w, &s->rng, 1, 100);
		break;
	}
	tell(w, i);
}

static void tell_draw(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];
	struct phase_ma draw = { { 0 } };
	int64_t ma = on_a_phase(w, i, limit_now(s)), power_w = 0;

	if (!s->session || !w->boxes[w->box_of[i]].online)
		return;
	if (ma < 6000 && !w->site->conns[i].dc)
		ma = 0;
	if (ma > 14000 && w->site->uid[i] % 3 == 0)
		ma = 14000;
	for (int k = 0; k < PHASES; k++)
		if (truth_phases(w, i) >> k & 1) {
			draw.l[k] = ma;
			power_w += ma * 230 / 1000;
		}
	balance_draw(w->b, (uint32_t)i, &draw, power_w, w->now);
}

/* ---- stations and messages ------------------------------------------------------------------------- */

static void answer(struct world *w, struct message *m, enum bal_answer how)
{
	m->answered = true;
	trace(w, m->conn, "answer", (int64_t)m->token, (int64_t)how);
	if (m->life != w->life)
		return;
	balance_answer(w->b, m->conn, m->token, how, w->now);
	if (!rng_below(&w->rng, 10))	/* twice */
		balance_answer(w->b, m->conn, m->token, BAL_ACCEPTED, w->now);
}

static void drop_messages(struct world *w, size_t box)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		struct message *m = &w->messages[i];

		if (!m->used || w->box_of[m->conn] != box)
			continue;
		if (!m->answered)
			answer(w, m, m->left ? BAL_TIMEOUT : BAL_DROPPED);
		m->used = false;
	}
}

static int64_t most_of(const struct pop_site *s, size_t i)
{
	return s->conns[i].max_ma * (s->power[i] && s->conns[i].wiring < BAL_L1 ? 3 : 1);
}

static void lose_defaults(struct world *w, size_t box)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct socket *s = &w->sockets[i];

		if (w->box_of[i] != box)
			continue;
		s->tx_ma = NUM_NONE;
		s->lag_count = 0;	/* power was off */
		if (!w->site->conns[i].proven)
			s->idle_ma = most_of(w->site, i);
	}
}

static void disconnect(struct world *w, size_t box, bool boots)
{
	struct box *x = &w->boxes[box];

	trace(w, box, "offline", boots, 0);
	drop_messages(w, box);
	balance_online(w->b, w->site->station_ids[box], false, w->now);
	x->online = false;
	x->booted |= boots;
	x->back_at = later(w, &x->rng, 1, 60);
	if (boots)
		lose_defaults(w, box);
}

static void reconnect(struct world *w, size_t box)
{
	struct box *x = &w->boxes[box];

	trace(w, box, "online", x->booted, 0);
	drop_messages(w, box);
	x->online = true;
	balance_online(w->b, w->site->station_ids[box], true, w->now);
	if (x->booted)
		balance_booted(w->b, w->site->station_ids[box], w->now);
	for (size_t i = 0; i < w->site->conn_count; i++)
		if (w->box_of[i] == box)
			tell(w, i);
	x->booted = false;
	x->next_event = later(w, &x->rng, 20, 400);
}

static void execute(struct world *w, struct message *m)
{
	struct socket *s = &w->sockets[m->conn];
	int64_t before = limit_now(s);

	m->executed = true;
	if (m->fate == REFUSED)
		return;
	/* A key of its configuration knows no transactions. */
	if (m->kind == BAL_LIMIT_IDLE || w->site->conns[m->conn].one_limit) {
		s->idle_ma = m->given_ma;
	} else if (s->session && s->session == m->session) {
		s->tx_ma = m->given_ma;
	} else {
		m->fate = REFUSED;
		return;
	}
	trace(w, m->conn, "executed", (int64_t)m->token, m->limit_ma);
	lag(w, m->conn, before);
}

static void move_message(struct world *w, struct message *m)
{
	if (!m->left && w->now >= m->leaves)
		m->left = true;
	if (m->left && !m->executed && m->fate != LOST && w->now >= m->arrives)
		execute(w, m);
	if (!m->answered && w->now >= m->answers)
		answer(w, m, m->fate == REFUSED ? BAL_REFUSED :
		       m->fate == ARRIVES ? BAL_ACCEPTED : BAL_TIMEOUT);
	if (m->answered && (m->executed || m->fate == LOST))
		m->used = false;
}

/* In the order of their tokens: one connection delivers in order. */
static void move_messages(struct world *w)
{
	uint64_t done = 0;

	for (;;) {
		struct message *next = NULL;

		for (size_t i = 0; i < MESSAGES; i++) {
			struct message *m = &w->messages[i];

			if (m->used && m->token > done && (!next || m->token < next->token))
				next = m;
		}
		if (!next)
			return;
		done = next->token;
		move_message(w, next);
	}
}

static enum fate random_fate(struct world *w, struct rng *r)
{
	if (w->site->kind == POP_DYNAMIC || w->now < QUIET_US)
		return ARRIVES;
	switch (rng_below(r, 30)) {
	case 0:
		return LOST;
	case 1:
		return ANSWER_LOST;
	case 2:
		return REFUSED;
	case 3:
		return LATE;
	default:
		return ARRIVES;
	}
}

static void send(struct world *w, const struct bal_order *o)
{
	struct box *x = &w->boxes[w->box_of[o->conn]];
	int64_t slow = w->site->kind == POP_DYNAMIC ? 3 : 20;
	struct message *m = w->messages;

	while (m < w->messages + MESSAGES && m->used)
		m++;
	if (m == w->messages + MESSAGES)
		return complain(w, "too many messages under way", o->conn);
	*m = (struct message){
		.used = true, .conn = o->conn, .token = o->token, .kind = o->kind, .limit_ma = o->limit_ma,
		.given_ma = w->site->power[o->conn] ? o->given_ma : o->limit_ma,
		.session = w->sockets[o->conn].told_session, .fate = random_fate(w, &x->rng),
		.leaves = o->raises ? w->now + COMMIT_US : w->now, .life = w->life,
	};
	trace(w, m->conn, m->kind == BAL_LIMIT_IDLE ? "send idle" : "send", (int64_t)m->token, m->limit_ma);
	m->arrives = m->leaves + rng_range(&x->rng, 0, slow) * TICK;
	m->answers = m->arrives + rng_range(&x->rng, 0, slow) * TICK;
	if (m->fate == LOST || m->fate == ANSWER_LOST || m->fate == LATE)
		m->answers = m->leaves + 5 * US_PER_S;
	if (m->fate == LATE)
		m->arrives = m->answers + rng_range(&x->rng, 0, 60) * TICK;
	if (m->arrives < x->last_arrival)
		m->arrives = x->last_arrival;
	if (m->fate == ARRIVES && m->answers < m->arrives)
		m->answers = m->arrives;
	if (m->fate == REFUSED && m->answers < m->arrives)
		m->answers = m->arrives;
	x->last_arrival = m->arrives;
}

/* ---- lmsd ------------------------------------------------------------------------------------------- */

static void tell_units(struct world *w, size_t box)
{
	for (size_t i = 0; i < w->site->conn_count; i++)
		if (w->box_of[i] == box)
			balance_watts(w->b, (uint32_t)i, w->site->power[i]);
}

static void configure(struct world *w)
{
	struct bal_conf conf = { .zones = w->conf.zones, .zone_count = w->conf.zone_count, .conns = w->conf.conns, .conn_count = w->conf.conn_count };

	if (balance_configure(w->b, &conf, w->now, NULL))
		complain(w, "configuration refused", SIZE_MAX);
}

static void record(struct world *w)
{
	if (!w->site->recorded)
		return;
	balance_journal_start(w->b, w->now);
	w->snapshot_at = w->now + 200 * US_PER_S;
}

/* Right after a turn. */
static void record_turn(struct world *w)
{
	char text[150];

	if (!w->site->recorded || w->now < w->drain_at)
		return;
	w->drain_at = w->now + 7 * US_PER_S;
	recording_drain(&w->recording, w->b);
	if (w->now >= w->replay_at) {
		w->replay_at = w->now + 61 * US_PER_S;
		if (!recording_same(&w->recording, w->b)) {
			snprintf(text, sizeof(text), "replay: %s", buf_cstr(&w->recording.problem));
			complain(w, text, SIZE_MAX);
		}
	}
	if (w->now >= w->snapshot_at) {
		balance_journal_snapshot(w->b, w->now);
		w->snapshot_at = w->now + 200 * US_PER_S;
	}
}

static void crash(struct world *w)
{
	trace(w, 0, "crash", 0, 0);
	balance_free(w->b);
	w->b = balance_new();
	record(w);
	w->life++;
	w->batch_count = 0;
	w->learned_lost = true;
	configure(w);
	/* The unit is stored with the limits: it must be known before them. */
	for (size_t i = 0; i < w->site->conn_count; i++)
		tell_units(w, i);
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct socket *s = &w->sockets[i];

		if (s->has_store)
			balance_restore(w->b, (uint32_t)i, s->store.w_ma, s->store.idle_acked);
		balance_use(w->b, (uint32_t)i, s->told_session ? s->told_use : BAL_NONE, s->told_session,
			    false, w->now);
	}
	/* What had not left is lost with us; what had is still delivered. */
	for (size_t i = 0; i < MESSAGES; i++)
		if (w->messages[i].used && !w->messages[i].left)
			w->messages[i].used = false;
	for (size_t i = 0; i < w->site->conn_count; i++)
		if (w->box_of[i] == i) {
			w->boxes[i].online = false;
			w->boxes[i].back_at = later(w, &w->boxes[i].rng, 3, 30);
		}
}

static void commit(struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->batch_count; i++) {
		struct batch *t = &w->batches[i];

		if (t->at > w->now) {
			w->batches[n++] = *t;
			continue;
		}
		for (size_t k = 0; k < t->count; k++) {
			w->sockets[t->stores[k].conn].has_store = true;
			w->sockets[t->stores[k].conn].store = t->stores[k];
		}
	}
	w->batch_count = n;
}

static void take_stores(struct world *w, const struct bal_turn *out)
{
	struct batch *t = &w->batches[w->batch_count];

	if (!out->store_count)
		return;
	if (w->batch_count == BATCHES)
		return complain(w, "too many batches", SIZE_MAX);
	w->batch_count++;
	t->at = w->now + COMMIT_US;
	t->count = out->store_count;
	memcpy(t->stores, out->stores, out->store_count * sizeof(*out->stores));
}

/* ---- what must hold ------------------------------------------------------------------------------------ */

static bool fits(const struct world *w, int zone, phase_mask_t phases)
{
	struct bal_zone_view v;

	balance_zone_view(w->b, zone, &v);
	if (!strcmp(v.cap_why, "parent"))
		return true;	/* looked at there */
	if (w->site->zones[zone].phases == 1)
		phases = 1;
	for (int k = 0; k < PHASES; k++)
		if ((phases >> k & 1) && v.cap.l[k] != NUM_NONE && v.sum_w.l[k] > v.cap.l[k])
			return false;
	return true;
}

static void check_raise(struct world *w, const struct bal_order *o)
{
	struct bal_conn_view v;

	if (!o->raises)
		return;
	balance_conn_view(w->b, o->conn, &v);
	for (int z = w->site->conns[o->conn].zone; z >= 0; z = w->site->zones[z].parent)
		if (!fits(w, z, v.phases))
			complain(w, "1: raised where the sum does not fit", o->conn);
}

static void check_soundness(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		const struct bal_conn_conf *c = &w->site->conns[i];
		struct bal_conn_view v;

		balance_conn_view(w->b, (uint32_t)i, &v);
		if (c->manageable && obeys(w, &w->sockets[i]) > v.w_ma)
			trace(w, i, "obeys, W", obeys(w, &w->sockets[i]), v.w_ma);
		if (c->manageable && obeys(w, &w->sockets[i]) > v.w_ma)
			complain(w, "1: a station may obey more than W", i);
		if (v.target_ma && (v.target_ma < c->min_ma || v.target_ma > c->max_ma ||
				    v.target_ma % c->step_ma))
			complain(w, "2: a target is no whole step from min to max", i);
	}
}

static bool below(const struct pop_site *s, int z, int zone)
{
	while (z >= 0 && z != zone)
		z = s->zones[z].parent;
	return z == zone;
}

/* Where all stations are proven and no cap changes, the promise holds at every instant. */
static void check_promise(struct world *w)
{
	const struct pop_site *s = w->site;

	if (s->kind != POP_STATIC || w->now < QUIET_US)
		return;
	for (int z = 0; z < (int)s->zone_count; z++) {
		if (!w->learned_lost && !fits(w, z, PHASE_ALL))
			complain(w, "1: the sum of W exceeds a cap", SIZE_MAX);
		for (int k = 0; k < s->zones[z].phases; k++) {
			int64_t sum = 0;

			for (size_t i = 0; i < s->conn_count; i++)
				if (below(s, s->conns[i].zone, z) &&
				    (s->zones[z].phases == 1 || (truth_phases(w, i) >> k & 1)))
					sum += obeys(w, &w->sockets[i]);
			if (s->zones[z].cap.l[k] != NUM_NONE && sum > s->zones[z].cap.l[k])
				complain(w, "1: what stations obey exceeds a cap", SIZE_MAX);
		}
	}
}

static void check_changes(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct socket *s = &w->sockets[i];
		struct bal_conn_view v;
		bool on;

		balance_conn_view(w->b, (uint32_t)i, &v);
		on = s->told_session && v.target_ma > 0;
		if (on != s->was_on)
			s->changes++;
		s->was_on = on;
		/* The shortest minimum-off time is 20 s: one change in 10 s on average, and the first. */
		if (s->changes > 2 + (w->now / (10 * US_PER_S)))
			complain(w, "9: switched on and off more often than the timers allow", i);
	}
}

static void check_meter_lost(struct world *w)
{
	if (w->site->kind != POP_DYNAMIC || w->now < w->meter_silent_at + 15 * US_PER_S ||
	    w->now >= w->meter_back_at)
		return;
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, z, &v);
		for (int k = 0; k < w->site->zones[z].phases; k++)
			if (w->site->zones[z].dynamic.l[k] != NUM_NONE &&
			    v.sum_w.l[k] > w->site->zones[z].meter_lost.l[k])
				complain(w, "10: meter_lost is not in force after 15 s", SIZE_MAX);
	}
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static void check_sessions(struct world *w)
{
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, z, &v);
		if (v.sessions && v.admitted > v.sessions)
			complain(w, "more sessions are admitted than may be", SIZE_MAX);
	}
}

static size_t turn_now(struct world *w)
{
	struct bal_turn out;
	struct arena arena;

	arena_init(&arena);
	balance_turn(w->b, w->now, &arena, &out);
	take_stores(w, &out);
	for (size_t i = 0; i < out.order_count; i++) {
		send(w, &out.orders[i]);
		check_raise(w, &out.orders[i]);
	}
	arena_fini(&arena);
	check_sessions(w);
	record_turn(w);
	return out.order_count;
}

/* Everything is looked at twice at one instant: the second time must find nothing to do. */
static void check_quiet(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		balance_conn_cap(w->b, 0, NUM_NONE, w->now);
		if (turn_now(w) && i)
			complain(w, "8: the same state again makes a message", SIZE_MAX);
	}
}

static void turn(struct world *w)
{
	if (balance_next_due(w->b) <= w->now)
		turn_now(w);
	if (!rng_below(&w->rng, 20))
		check_quiet(w);
}

static void meters(struct world *w)
{
	if (w->site->kind != POP_DYNAMIC || w->now % US_PER_S)
		return;
	if (w->now >= w->meter_back_at) {
		w->meter_silent_at = later(w, &w->rng, 20, 120);
		w->meter_back_at = w->meter_silent_at + rng_range(&w->rng, 5, 60) * US_PER_S;
	}
	if (w->now > w->meter_silent_at)
		return;
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_sample s = { .at = w->now, .good = true };

		for (int k = 0; k < PHASES; k++) {
			s.current.l[k] = 5000 + (int64_t)(w->now / (60 * US_PER_S) % 7) * 5000;
			for (size_t i = 0; i < w->site->conn_count; i++)
				if (below(w->site, w->site->conns[i].zone, z) && w->sockets[i].session &&
				    (truth_phases(w, i) >> k & 1))
					s.current.l[k] += on_a_phase(w, i, limit_now(&w->sockets[i]));
		}
		balance_meter(w->b, z, &s);
	}
}

static void change_caps(struct world *w)
{
	int z = (int)rng_below(&w->rng, (uint32_t)w->conf.zone_count);
	struct bal_outer_limit limit = { .sessions = rng_below(&w->rng, 3) ? 0 : 1 + (int)rng_below(&w->rng, 4) };

	w->conf_at = later(w, &w->rng, 30, 200);
	if (w->site->kind != POP_ANY)
		return;
	limit.limit = same(rng_below(&w->rng, 2) ? rng_range(&w->rng, 0, 300) * 100 : NUM_NONE);
	balance_zone_outer(w->b, z, (enum bal_outer)rng_below(&w->rng, BAL_OUTER_KINDS), &limit);
	configure(w);
}

static void world_events(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct box *x = &w->boxes[i];

		if (w->now >= w->sockets[i].next_event)
			car_event(w, i);
		if (w->now % (10 * US_PER_S) == 0)
			tell_draw(w, i);
		if (w->box_of[i] != i)
			continue;
		if (!x->online && w->now >= x->back_at)
			reconnect(w, i);
		else if (x->online && w->now >= x->next_event && w->site->kind != POP_DYNAMIC)
			disconnect(w, i, !rng_below(&x->rng, 3));
	}
	if (w->now >= w->crash_at) {
		crash(w);
		w->crash_at = later(w, &w->rng, 60, 600);
	}
	if (w->now >= w->conf_at)
		change_caps(w);
}

static void world_init(struct world *w, const struct pop_site *site, struct pop_failure *failure)
{
	memset(w, 0, sizeof(*w));
	w->site = site;
	w->conf = *site;
	name_all(&w->conf);
	w->failure = failure;
	w->b = balance_new();
	recording_init(&w->recording);
	record(w);
	w->rng = rng_seed(site->seed + 77);
	w->now = 1;
	w->conf_at = later(w, &w->rng, 60, 200);
	w->crash_at = site->kind == POP_DYNAMIC ? MONO_NEVER : later(w, &w->rng, 60, 600);
	w->now = 0;
	for (size_t i = 0; i < site->conn_count; i++) {
		struct socket *s = &w->sockets[i];

		s->rng = rng_seed(site->uid[i] + 1000000);
		s->idle_ma = most_of(site, i);
		s->tx_ma = NUM_NONE;
		s->next_event = QUIET_US + rng_range(&s->rng, 0, 600) * TICK;
		w->box_of[i] = i;
		for (size_t k = 0; k < i; k++)
			if (site->station_uid[k] == site->station_uid[i]) {
				w->box_of[i] = k;
				break;
			}
		w->boxes[i].rng = rng_seed(site->station_uid[i]);
		w->boxes[i].next_event = QUIET_US + rng_range(&w->boxes[i].rng, 100, 4000) * TICK;
	}
	configure(w);
	for (size_t i = 0; i < site->conn_count; i++)
		if (w->box_of[i] == i) {
			w->boxes[i].online = true;
			tell_units(w, i);
			balance_online(w->b, site->station_ids[i], true, 0);
		}
	for (size_t i = 0; i < site->conn_count; i++)
		tell(w, i);
}

void pop_run(const struct pop_site *site, int seconds, bool traced, struct pop_failure *failure)
{
	struct world w;

	*failure = (struct pop_failure){ 0 };
	if (!site->conn_count)
		return;
	world_init(&w, site, failure);
	w.trace = traced;
	for (w.end = seconds * US_PER_S; w.now < w.end && !failure->text[0]; w.now += TICK) {
		commit(&w);
		world_events(&w);
		move_messages(&w);
		meters(&w);
		turn(&w);
		check_soundness(&w);
		check_promise(&w);
		check_changes(&w);
		check_meter_lost(&w);
	}
	balance_free(w.b);
	recording_fini(&w.recording);
}
