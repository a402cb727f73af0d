/* balance/queue.c - see queue.h.
 *
 * Who counts on several phases, because its car uses them or is not learned yet, needs places that are given
 * back at different times. What it waits for is not handed to others one by one meanwhile: who has had its
 * turn stays until all of it is free. That switches less, and keeps fewer phases idle.
 */
#include "balance/queue.h"

#include <stdlib.h>

#include "balance/model.h"

enum held {
	HELD_MIN_ON,
	HELD_TURN,
	HELD_NOT,
	HELD_MAKES_WAY,		/* behind whom it makes way for */
	HELD_KEPT_OUT		/* behind those that have a place */
};

struct place {
	uint32_t conn;
	int cls;
	enum held held;
	bool fifo;
	int64_t served_us;
	mono_t arrived;
};

static int place_compare(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	if (a->cls != b->cls)
		return a->cls > b->cls ? -1 : 1;
	if (!a->fifo && !b->fifo) {
		if (a->held != b->held)
			return a->held < b->held ? -1 : 1;
		if (a->served_us != b->served_us)
			return a->served_us < b->served_us ? -1 : 1;
	} else if (a->fifo != b->fifo) {
		return a->fifo ? 1 : -1;
	}
	if (a->arrived != b->arrived)
		return a->arrived < b->arrived ? -1 : 1;
	return a->conn < b->conn ? -1 : a->conn > b->conn;
}

/* Its turn is as long as a contactor must rest where it keeps away others that would use the phases beside
 * it: a car on one phase, while those that wait count on all three until they are learned. */
int64_t queue_turn_us(const struct balance *b, const struct conn *c, mono_t now)
{
	const struct bal_timers *t = &b->zones[c->conf.zone].conf.timers;
	phase_mask_t phases = model_phases(c);

	for (int at = c->conf.zone; at >= 0; at = b->zones[at].conf.parent) {
		const struct zone *z = &b->zones[at];

		if (z->idle && !(z->idle & phases) && now >= z->idle_since + QUEUE_LOOK_US)
			return t->min_on_us < t->rotate_us ? t->min_on_us : t->rotate_us;
	}
	return t->rotate_us;
}

static enum held find_held(const struct balance *b, const struct conn *c, mono_t now)
{
	const struct bal_timers *t = &b->zones[c->conf.zone].conf.timers;

	if (!c->admitted)
		return HELD_NOT;
	if (now < c->on_since + t->min_on_us)
		return HELD_MIN_ON;
	return now < c->slot_since + queue_turn_us(b, c, now) ? HELD_TURN : HELD_NOT;
}

/* ---- who comes next ---------------------------------------------------------------------------- */

/* The first of those that a zone had no room for. */
struct next {
	size_t at;		/* among the places; SIZE_MAX = none */
	bool turns;		/* others are in their turn where it wants to be */
};

static bool are_rivals(const struct balance *b, const struct place *p, const struct place *q)
{
	return p->cls == q->cls && !p->fifo && !q->fifo &&
	       (model_phases(&b->conns[p->conn]) & model_phases(&b->conns[q->conn]));
}

/* A car whose phases have just been learned was let in for that, and the others were paused for it. If it
 * leaves some of them unused and who comes next needs those beside its own, the pause serves him as well.
 * Once in a session: that bounds its switching. */
static bool makes_way(const struct balance *b, const struct place *place, const struct place *next)
{
	const struct conn *c = &b->conns[place->conn], *n = &b->conns[next->conn];

	return c->demand.narrowed && (model_phases(n) & ~model_phases(c)) && n->min_ma <= c->target_ma;
}

static void find_next(const struct balance *b, const struct place *places, size_t n, struct next *next)
{
	for (size_t z = 0; z < b->zone_count; z++)
		next[z].at = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		int z = b->conns[places[i].conn].blocked;

		if (z >= 0 && next[z].at == SIZE_MAX)
			next[z].at = i;
	}
}

static bool look_up(const struct balance *b, struct place *places, size_t at, struct next *next)
{
	for (int z = b->conns[places[at].conn].conf.zone; z >= 0; z = b->zones[z].conf.parent) {
		if (next[z].at == SIZE_MAX || !are_rivals(b, &places[at], &places[next[z].at]))
			continue;
		if (makes_way(b, &places[at], &places[next[z].at]))
			places[at].held = HELD_MAKES_WAY;
		else
			next[z].turns = true;
	}
	return places[at].held == HELD_MAKES_WAY;
}

/* It could take a place that the one before it waits for, together with others that come free. */
static bool is_kept_out(const struct balance *b, const struct place *places, size_t at, const struct next *next)
{
	for (int z = b->conns[places[at].conn].conf.zone; z >= 0; z = b->zones[z].conf.parent)
		if (next[z].turns && next[z].at < at && are_rivals(b, &places[at], &places[next[z].at]))
			return true;
	return false;
}

/* `places` are in their order. */
static void heed_next(struct balance *b, struct place *places, size_t n)
{
	struct next *next = arena_array(&b->scratch, b->zone_count + 1, sizeof(*next));
	bool moved = false;

	find_next(b, places, n, next);
	for (size_t i = 0; i < n; i++)
		if (places[i].held < HELD_NOT)
			moved |= look_up(b, places, i, next);
	for (size_t i = 0; i < n; i++)
		if (!b->conns[places[i].conn].admitted && is_kept_out(b, places, i, next)) {
			places[i].held = HELD_KEPT_OUT;
			moved = true;
		}
	if (moved)
		qsort(places, n, sizeof(*places), place_compare);
}

size_t queue_order(struct balance *b, const struct alloc_conn *list, mono_t now)
{
	struct place *places = arena_array(&b->scratch, b->conn_count + 1, sizeof(*places));
	size_t n = 0;

	for (uint32_t i = 0; i < b->conn_count; i++)
		if (list[i].competes)
			places[n++] = (struct place){
				.conn = i, .cls = list[i].cls, .fifo = list[i].fifo,
				.held = find_held(b, &b->conns[i], now),
				.served_us = b->conns[i].served_us, .arrived = b->conns[i].arrived,
			};
	qsort(places, n, sizeof(*places), place_compare);
	if (b->waited)
		heed_next(b, places, n);
	for (size_t i = 0; i < n; i++) {
		b->order[i] = places[i].conn;
		b->conns[places[i].conn].rank = (uint32_t)i;
	}
	b->order_count = n;
	return n;
}
