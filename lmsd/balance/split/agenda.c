/* balance/split/agenda.c - two heaps: turns by level, and cells by the level at which they are full. */
#include "balance/split/agenda.h"

/* ---- turns ------------------------------------------------------------------------------------- */

static bool turn_before(const struct turn *a, const struct turn *b)
{
	return a->at_ma != b->at_ma ? a->at_ma < b->at_ma : a->rank < b->rank;
}

void agenda_push(struct level *lv, int64_t at_ma, uint32_t conn, enum turn_kind kind)
{
	uint64_t phases = kind == TURN_SETTLE ? (uint64_t)lv->rises[conn].phase_count : 0;
	struct turn ev = { .at_ma = at_ma, .rank = (uint64_t)kind << 40 | phases << 32 | conn };
	size_t i;

	if (lv->turn_count == lv->turn_room) {
		size_t room = lv->turn_room ? 2 * lv->turn_room : 64;
		struct turn *wider = arena_array(lv->arena, room, sizeof(*wider));

		for (i = 0; i < lv->turn_count; i++)
			wider[i] = lv->turns[i];
		lv->turns = wider;
		lv->turn_room = room;
	}
	for (i = lv->turn_count++; i > 0; i = (i - 1) / 2) {
		if (!turn_before(&ev, &lv->turns[(i - 1) / 2]))
			break;
		lv->turns[i] = lv->turns[(i - 1) / 2];
	}
	lv->turns[i] = ev;
}

struct turn agenda_pop(struct level *lv)
{
	struct turn top = lv->turns[0], last = lv->turns[--lv->turn_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < lv->turn_count) {
		if (child + 1 < lv->turn_count &&
		    turn_before(&lv->turns[child + 1], &lv->turns[child]))
			child++;
		if (!turn_before(&lv->turns[child], &last))
			break;
		lv->turns[i] = lv->turns[child];
		i = child;
	}
	lv->turns[i] = last;
	return top;
}

/* ---- cells by the level at which they are full ------------------------------------------------- */

static bool cell_before(const struct level *lv, uint32_t a, uint32_t b)
{
	const struct cell *x = &lv->cells[a], *y = &lv->cells[b];

	return x->key_ma != y->key_ma ? x->key_ma < y->key_ma : a < b;
}

static void heap_place(struct level *lv, size_t at, uint32_t cell)
{
	lv->soon[at] = cell;
	lv->cells[cell].agenda_at = (uint32_t)at + 1;
}

static void heap_up(struct level *lv, size_t at)
{
	uint32_t cell = lv->soon[at];

	for (; at > 0 && cell_before(lv, cell, lv->soon[(at - 1) / 2]); at = (at - 1) / 2)
		heap_place(lv, at, lv->soon[(at - 1) / 2]);
	heap_place(lv, at, cell);
}

static void heap_down(struct level *lv, size_t at)
{
	uint32_t cell = lv->soon[at];
	size_t child;

	while ((child = 2 * at + 1) < lv->soon_count) {
		if (child + 1 < lv->soon_count &&
		    cell_before(lv, lv->soon[child + 1], lv->soon[child]))
			child++;
		if (!cell_before(lv, lv->soon[child], cell))
			break;
		heap_place(lv, at, lv->soon[child]);
		at = child;
	}
	heap_place(lv, at, cell);
}

void agenda_drop_full(struct level *lv)
{
	lv->cells[lv->soon[0]].agenda_at = 0;
	if (--lv->soon_count == 0)
		return;
	heap_place(lv, 0, lv->soon[lv->soon_count]);
	heap_down(lv, 0);
}

/* Where those who rise in coarse steps stand while the level is there. */
static int64_t jump_from(int64_t level_ma)
{
	return level_ma - level_ma % ALLOC_STEP_COARSE;
}

/* Can all coarse members jump from m, and every fine one still make its next step? */
static bool cell_jumps(const struct cell *c, int64_t m)
{
	return c->free_ma - m * (c->fine + c->coarse) >=
	       c->coarse * ALLOC_STEP_COARSE + c->fine * ALLOC_STEP_FINE;
}

bool agenda_holds_coarse(const struct cell *c)
{
	return c->coarse && (!c->fine || !cell_jumps(c, jump_from(c->key_ma)));
}

static int64_t cell_full_at(const struct cell *c)
{
	int64_t m, rest;

	if (!c->coarse)
		return c->free_ma / c->fine;
	m = jump_from(c->free_ma / (c->fine + c->coarse));
	if (!cell_jumps(c, m))
		return m;
	rest = c->free_ma - m * (c->fine + c->coarse) - c->coarse * ALLOC_STEP_COARSE;
	return m + rest / c->fine;
}

/* A key may be too low (it is looked at again when it comes up), never too high. */
void agenda_update(struct level *lv, uint32_t cell)
{
	struct cell *c = &lv->cells[cell];
	int64_t key;

	if (!(c->fine + c->coarse))
		return;
	key = cell_full_at(c);
	if (!c->agenda_at) {
		c->key_ma = key;
		lv->soon[lv->soon_count] = cell;
		heap_up(lv, lv->soon_count++);
	} else if (key < c->key_ma) {
		c->key_ma = key;
		heap_up(lv, c->agenda_at - 1);
	}
}

int64_t agenda_peek_full(struct level *lv)
{
	while (lv->soon_count) {
		struct cell *c = &lv->cells[lv->soon[0]];
		int64_t key;

		if (!(c->fine + c->coarse)) {
			agenda_drop_full(lv);
			continue;
		}
		key = cell_full_at(c);
		if (key == c->key_ma)
			return lv->soon[0];
		c->key_ma = key;
		heap_down(lv, 0);
	}
	return -1;
}
