/* Stations with a network and cars around the engine, for the benches of safety. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/bench/bench.h"

#define STATIONS  30
#define LIMIT_MA  100000
#define TICK      (100 * US_PER_MS)
#define WARM_UP   (120 * US_PER_S)
#define RAMP_MA   400			/* per tick: 4 A/s */
#define ANSWER_US (5 * US_PER_S)
#define MESSAGES  256

struct message {
	bool used, arrived, refused, lost;
	uint32_t conn;
	uint64_t token;
	enum bal_limit_kind kind;
	int64_t limit_ma, session;
	mono_t arrives, answers;
};

struct box {
	int64_t idle_ma, tx_ma;			/* limits that it obeys */
	int64_t max_ma, draw_ma;		/* of the car */
	int64_t session;
	mono_t changes, back_at;		/* next arrival or departure; offline until */
	mono_t last_arrival;			/* of a message: one connection delivers in order */
	int on_off, direction, reversals;
};

struct world {
	struct balance *b;
	struct rng rng;
	mono_t now, next_step;
	struct box boxes[STATIONS];
	char ids[STATIONS][16];
	struct message messages[MESSAGES];
	int64_t building_ma, sessions, sent;
	int percent;
	bool dynamic;
	/* counted after the warm-up, in ticks */
	int64_t ticks, over, run, longest, used_ma, usable_ma;
	char stations[STATIONS][16];
};

static int64_t limit_of(const struct box *x)
{
	return x->session && x->tx_ma != NUM_NONE ? x->tx_ma : x->idle_ma;
}

static void set_up(struct world *w, uint64_t seed, int percent, bool dynamic)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	const struct phase_ma limit = { { LIMIT_MA, LIMIT_MA, LIMIT_MA } };
	struct bal_zone_conf zone = { .id = "site", .parent = -1, .phases = 3, .cap = dynamic ? none : limit,
				      .cap_w = NUM_NONE, .dynamic = dynamic ? limit : none,
				      .meter_lost = dynamic ? (struct phase_ma){ { 0, 0, 0 } } : none,
				      .min_ma = NUM_NONE };
	struct bal_conn_conf conns[STATIONS];
	struct bal_conf conf = { .zones = &zone, .zone_count = 1, .conns = conns, .conn_count = STATIONS };

	memset(w, 0, sizeof(*w));
	w->b = balance_new();
	w->rng = rng_seed(seed);
	w->percent = percent;
	w->dynamic = dynamic;
	w->building_ma = 40000;
	for (int i = 0; i < STATIONS; i++) {
		snprintf(w->stations[i], sizeof(w->stations[i]), "S%d", i);
		snprintf(w->ids[i], sizeof(w->ids[i]), "S%d/1", i);
		conns[i] = (struct bal_conn_conf){ .id = w->ids[i], .station = w->stations[i], .wiring = BAL_RST,
						   .min_ma = 6000, .max_ma = 32000, .step_ma = 100,
						   .settle_us = 5 * US_PER_S, .manageable = true, .proven = true };
		w->boxes[i] = (struct box){ .idle_ma = 32000, .tx_ma = NUM_NONE,
					    .changes = WARM_UP + rng_range(&w->rng, 0, 1800) * US_PER_S };
	}
	lms_assert(balance_configure(w->b, &conf, 0, NULL) == 0);
	for (int i = 0; i < STATIONS; i++) {
		balance_online(w->b, w->stations[i], true, 0);
		balance_use(w->b, (uint32_t)i, BAL_NONE, 0, false, 0);
	}
}

/* ---- cars and building ----------------------------------------------------------------------- */

static void move_car(struct world *w, uint32_t i)
{
	struct box *x = &w->boxes[i];
	int64_t want = x->session && limit_of(x) >= 6000 ? limit_of(x) : 0;

	if (w->now >= x->changes) {
		x->session = x->session ? 0 : ++w->sessions;
		x->tx_ma = NUM_NONE;
		x->max_ma = rng_below(&w->rng, 2) ? 16000 : 32000;
		x->changes = w->now + rng_range(&w->rng, 600, x->session ? 7200 : 2400) * US_PER_S;
		balance_use(w->b, i, x->session ? BAL_CHARGING : BAL_NONE, x->session, false, w->now);
	}
	want = want < x->max_ma ? want : x->max_ma;
	if (!x->session || x->draw_ma > want)
		x->draw_ma = want;
	else if (x->draw_ma < want)
		x->draw_ma = x->draw_ma + RAMP_MA < want ? x->draw_ma + RAMP_MA : want;
	if ((w->now / TICK + i * 7) % 300 == 0 && x->back_at <= w->now) {
		struct phase_ma draw = { { x->draw_ma, x->draw_ma, x->draw_ma } };

		balance_draw(w->b, i, &draw, x->draw_ma * 3 * 230 / 1000, w->now);
	}
}

static int64_t draws(const struct world *w)
{
	int64_t sum = 0;

	for (int i = 0; i < STATIONS; i++)
		sum += w->boxes[i].draw_ma;
	return sum;
}

static void move_building(struct world *w)
{
	struct bal_sample s = { .at = w->now, .good = true,
				.voltage_mv = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

	if (w->now >= w->next_step) {
		w->building_ma = rng_range(&w->rng, 10, 70) * 1000;
		w->next_step = w->now + rng_range(&w->rng, 30, 150) * US_PER_S;
	}
	if (w->now % US_PER_S)
		return;
	for (int k = 0; k < PHASES; k++)
		s.current.l[k] = w->building_ma + draws(w);
	balance_meter(w->b, 0, &s);
}

/* ---- the network ----------------------------------------------------------------------------- */

static void send(struct world *w, const struct bal_order *o)
{
	struct message *m = w->messages;
	bool bad = rng_below(&w->rng, 100) < (uint32_t)w->percent;
	uint32_t how = rng_below(&w->rng, 4);
	struct box *x = &w->boxes[o->conn];

	while (m->used)
		lms_assert(++m < w->messages + MESSAGES);
	*m = (struct message){ .used = true, .conn = o->conn, .token = o->token, .kind = o->kind,
			       .limit_ma = o->limit_ma, .session = x->session };
	m->arrives = w->now + rng_range(&w->rng, 1, 5) * TICK;
	m->answers = m->arrives + rng_range(&w->rng, 1, 3) * TICK;
	if (bad || x->back_at > w->now) {
		m->lost = how == 0 || x->back_at > w->now;
		m->refused = how == 1;
		if (m->lost || how > 1)
			m->answers = w->now + ANSWER_US;
		if (how == 2)			/* its answer is lost */
			m->arrives = w->now + TICK;
		if (how == 3)			/* late: carried out after its time-out */
			m->arrives = m->answers + rng_range(&w->rng, 1, 80) * TICK;
	}
	if (!m->lost && m->arrives <= x->last_arrival)
		m->arrives = x->last_arrival + TICK;
	if (!m->lost)
		x->last_arrival = m->arrives;
	if (m->answers <= m->arrives)
		m->answers = m->arrives + TICK < w->now + ANSWER_US ? m->arrives + TICK : w->now + ANSWER_US;
	w->sent++;
}

static void obey(struct world *w, const struct message *m)
{
	struct box *x = &w->boxes[m->conn];
	int64_t before = limit_of(x);
	int direction;

	if (m->kind == BAL_LIMIT_IDLE)
		x->idle_ma = m->limit_ma;
	else if (x->session == m->session)
		x->tx_ma = m->limit_ma;
	direction = limit_of(x) > before ? 1 : -1;
	if (limit_of(x) == before || !x->session)
		return;
	x->on_off += (before > 0) != (limit_of(x) > 0);
	x->reversals += x->direction && x->direction != direction;
	x->direction = direction;
}

static void deliver(struct world *w)
{
	for (struct message *m = w->messages; m < w->messages + MESSAGES; m++) {
		bool timeout;

		if (!m->used)
			continue;
		if (!m->arrived && w->now >= m->arrives) {
			m->arrived = true;
			if (!m->lost && !m->refused)
				obey(w, m);
		}
		if (m->token && w->now >= m->answers) {
			timeout = m->lost || m->answers >= m->arrives + 4 * TICK || !m->arrived;
			balance_answer(w->b, m->conn, m->token, m->refused ? BAL_REFUSED :
				       timeout ? BAL_TIMEOUT : BAL_ACCEPTED, w->now);
			m->token = 0;
		}
		m->used = m->token || !m->arrived;
	}
}

static void drop_stations(struct world *w)
{
	for (int i = 0; i < STATIONS; i++) {
		struct box *x = &w->boxes[i];

		if (x->back_at && x->back_at <= w->now) {
			x->back_at = 0;
			balance_online(w->b, w->stations[i], true, w->now);
		} else if (!x->back_at && w->percent && w->now > WARM_UP && !rng_below(&w->rng, 7200 * 10)) {
			x->back_at = w->now + rng_range(&w->rng, 5, 300) * US_PER_S;
			balance_online(w->b, w->stations[i], false, w->now);
		}
	}
}

/* ---- what is counted ------------------------------------------------------------------------- */

static void count(struct world *w)
{
	int64_t sum = w->dynamic ? w->building_ma : 0, could = 0, room = LIMIT_MA - sum;

	if (w->now < WARM_UP)
		return;
	for (int i = 0; i < STATIONS; i++) {
		const struct box *x = &w->boxes[i];

		sum += w->dynamic ? x->draw_ma : x->session ? limit_of(x) : 0;
		could += x->session && !x->back_at ? x->max_ma : 0;
		room -= x->back_at && !w->dynamic ? limit_of(x) : 0;
	}
	w->ticks++;
	w->run = sum > LIMIT_MA ? w->run + 1 : 0;
	w->over += sum > LIMIT_MA;
	w->longest = w->run > w->longest ? w->run : w->longest;
	could = could < room ? could : room;
	w->usable_ma += could > 0 ? could : 0;
	for (int i = 0; i < STATIONS; i++)
		w->used_ma += w->dynamic || !w->boxes[i].back_at ? w->boxes[i].draw_ma : 0;
}

static void run(struct world *w, int hours)
{
	struct arena arena;
	struct bal_turn out;

	arena_init(&arena);
	for (mono_t end = hours * 3600 * US_PER_S + WARM_UP; w->now < end; w->now += TICK) {
		for (uint32_t i = 0; i < STATIONS; i++)
			move_car(w, i);
		if (w->dynamic)
			move_building(w);
		drop_stations(w);
		deliver(w);
		if (balance_next_due(w->b) <= w->now) {
			balance_turn(w->b, w->now, &arena, &out);
			for (size_t i = 0; i < out.order_count; i++)
				send(w, &out.orders[i]);
			arena_reset(&arena);
		}
		count(w);
	}
	arena_fini(&arena);
}

static void report(const struct world *w, int hours, const char *what, const char *target)
{
	int64_t on_off = 0, reversals = 0;

	for (int i = 0; i < STATIONS; i++) {
		on_off += w->boxes[i].on_off;
		reversals += w->boxes[i].reversals;
	}
	printf("%s: %.1f s over per hour, longest %.1f s, use %.3f (%s); per connector and hour %.1f on/off, "
	       "%.1f reversals; %.1f messages a minute\n", what, (double)w->over / 10 / hours,
	       (double)w->longest / 10, (double)w->used_ma / (double)(w->usable_ma ? w->usable_ma : 1), target,
	       (double)on_off / STATIONS / hours, (double)reversals / STATIONS / hours,
	       (double)w->sent / 60 / hours);
	fflush(stdout);
}

void bench_steps(uint64_t seed, int hours)
{
	struct world w;

	set_up(&w, seed, 0, true);
	run(&w, hours);
	report(&w, hours, "building of 40 steps an hour", "at most 60, 10 s; 0.83");
	balance_free(w.b);
}

void bench_transient(uint64_t seed, int hours, int percent)
{
	struct world w;
	char what[80];

	snprintf(what, sizeof(what), "%d stations at 100 A, %d %% of messages lost, late or refused", STATIONS,
		 percent);
	set_up(&w, seed, percent, false);
	run(&w, hours);
	report(&w, hours, what, "0, 0 s; 0.97");
	balance_free(w.b);
}
