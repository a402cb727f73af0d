/* What stands for lmsd around the balance: its turns, what it stores, its crashes. */
#include "helper_world.h"

#include <stdio.h>
#include <string.h>

void world_tell_units(struct world *w, size_t box)
{
	for (size_t i = 0; i < w->site->conn_count; i++)
		if (w->box_of[i] == box)
			balance_watts(w->b, (uint32_t)i, w->site->power[i]);
}

void world_configure(struct world *w)
{
	struct bal_conf conf = { .zones = w->conf.zones, .zone_count = w->conf.zone_count, .conns = w->conf.conns, .conn_count = w->conf.conn_count };

	if (balance_configure(w->b, &conf, w->now, NULL))
		world_complain(w, "configuration refused", SIZE_MAX);
}

void world_record(struct world *w)
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
			world_complain(w, text, SIZE_MAX);
		}
	}
	if (w->now >= w->snapshot_at) {
		balance_journal_snapshot(w->b, w->now);
		w->snapshot_at = w->now + 200 * US_PER_S;
	}
}

void world_crash(struct world *w)
{
	world_trace(w, 0, "crash", 0, 0);
	balance_free(w->b);
	w->b = balance_new();
	world_record(w);
	w->life++;
	w->batch_count = 0;
	w->learned_lost = true;
	world_configure(w);
	/* The unit is stored with the limits: it must be known before them. */
	for (size_t i = 0; i < w->site->conn_count; i++)
		world_tell_units(w, i);
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
			w->boxes[i].back_at = world_later(w, &w->boxes[i].rng, 3, 30);
		}
}

void world_commit(struct world *w)
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
		return world_complain(w, "too many batches", SIZE_MAX);
	w->batch_count++;
	t->at = w->now + COMMIT_US;
	t->count = out->store_count;
	memcpy(t->stores, out->stores, out->store_count * sizeof(*out->stores));
}

static size_t turn_now(struct world *w)
{
	struct bal_turn out;
	struct arena arena;

	arena_init(&arena);
	balance_turn(w->b, w->now, &arena, &out);
	take_stores(w, &out);
	for (size_t i = 0; i < out.order_count; i++) {
		world_send(w, &out.orders[i]);
		world_check_raise(w, &out.orders[i]);
	}
	arena_fini(&arena);
	world_check_sessions(w);
	record_turn(w);
	return out.order_count;
}

/* Everything is looked at twice at one instant: the second time must find nothing to do. */
static void check_quiet(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		balance_conn_cap(w->b, 0, NUM_NONE, w->now);
		if (turn_now(w) && i)
			world_complain(w, "8: the same state again makes a message", SIZE_MAX);
	}
}

void world_turn(struct world *w)
{
	if (balance_next_due(w->b) <= w->now)
		turn_now(w);
	if (!rng_below(&w->rng, 20))
		check_quiet(w);
}
