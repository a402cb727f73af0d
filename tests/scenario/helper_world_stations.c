/* Stations obey and answer, late or never, lose their connection and boot. */
#include "helper_world.h"

static void answer(struct world *w, struct message *m, enum bal_answer how)
{
	m->answered = true;
	world_trace(w, m->conn, "answer", (int64_t)m->token, (int64_t)how);
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

int64_t world_most_of(const struct pop_site *s, size_t i)
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
			s->idle_ma = world_most_of(w->site, i);
	}
}

void world_disconnect(struct world *w, size_t box, bool boots)
{
	struct box *x = &w->boxes[box];

	world_trace(w, box, "offline", boots, 0);
	drop_messages(w, box);
	balance_online(w->b, w->site->station_ids[box], false, w->now);
	x->online = false;
	x->booted |= boots;
	x->back_at = world_later(w, &x->rng, 1, 60);
	if (boots)
		lose_defaults(w, box);
}

void world_reconnect(struct world *w, size_t box)
{
	struct box *x = &w->boxes[box];

	world_trace(w, box, "online", x->booted, 0);
	drop_messages(w, box);
	x->online = true;
	balance_online(w->b, w->site->station_ids[box], true, w->now);
	if (x->booted)
		balance_booted(w->b, w->site->station_ids[box], w->now);
	for (size_t i = 0; i < w->site->conn_count; i++)
		if (w->box_of[i] == box)
			world_tell(w, i);
	x->booted = false;
	x->next_event = world_later(w, &x->rng, 20, 400);
}

static void execute(struct world *w, struct message *m)
{
	struct socket *s = &w->sockets[m->conn];
	int64_t before = world_limit_now(s);

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
	world_trace(w, m->conn, "executed", (int64_t)m->token, m->limit_ma);
	world_lag(w, m->conn, before);
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
void world_move_messages(struct world *w)
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

void world_send(struct world *w, const struct bal_order *o)
{
	struct box *x = &w->boxes[w->box_of[o->conn]];
	int64_t slow = w->site->kind == POP_DYNAMIC ? 3 : 20;
	struct message *m = w->messages;

	while (m < w->messages + MESSAGES && m->used)
		m++;
	if (m == w->messages + MESSAGES)
		return world_complain(w, "too many messages under way", o->conn);
	*m = (struct message){
		.used = true, .conn = o->conn, .token = o->token, .kind = o->kind, .limit_ma = o->limit_ma,
		.given_ma = w->site->power[o->conn] ? o->given_ma : o->limit_ma,
		.session = w->sockets[o->conn].told_session, .fate = random_fate(w, &x->rng),
		.leaves = o->raises ? w->now + COMMIT_US : w->now, .life = w->life,
	};
	world_trace(w, m->conn, m->kind == BAL_LIMIT_IDLE ? "send idle" : "send", (int64_t)m->token, m->limit_ma);
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
