/* balance/split/alloc.c - admission, then the classes one after the other over the water level.
 *
 * Admission is greedy in the order given: who does not fit at the minimum is passed over, so that
 * a smaller one behind may still charge. Minima come before anything else but a strict class. Who is
 * `last` is looked at when all others have their share. Within a class currents rise step by step, the
 * poorest first (level.h), then steps change hands where that brings all near to their parts (exchange.h).
 */
#include "balance/split/alloc.h"

#include "balance/split/exchange.h"
#include "balance/split/level.h"

static void no_room(struct level *lv, uint32_t conn, int cell)
{
	lv->out[conn].why = ALLOC_NO_ROOM;
	lv->out[conn].zone = lv->cells[cell].zone;
	lv->out[conn].cap = lv->cells[cell].cap;
}

static void no_place(struct level *lv, uint32_t conn, int zone)
{
	lv->out[conn].why = ALLOC_NO_PLACE;
	lv->out[conn].zone = zone;
}

static void admit_class(struct level *lv, const uint32_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct alloc_conn *c = &lv->in->conns[list[i]];
		int64_t more = c->min_ma - c->floor_ma;
		int64_t start = c->starting && c->start_ma > c->min_ma ? c->start_ma - c->floor_ma
								       : more;
		int cell = level_blocked(lv, list[i], more, start), zone = level_crowded(lv, list[i]);

		if (cell >= 0) {
			no_room(lv, list[i], cell);
			continue;
		}
		if (zone >= 0) {
			no_place(lv, list[i], zone);
			continue;
		}
		level_seat(lv, list[i]);
		level_take(lv, list[i], more, c->min_ma);
		lv->rises[list[i]].x_ma = c->min_ma;
		lv->rises[list[i]].state = RISE_WAITING;
	}
}

/* First come, first served: each in turn to its max. */
static void fill_fifo(struct level *lv, uint32_t conn)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	struct rise *rise = &lv->rises[conn];
	struct alloc_result *r = &lv->out[conn];
	int64_t more = c->max_ma - rise->x_ma;

	r->why = ALLOC_MAX;
	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];
		const struct cell *cell = &lv->cells[h->cell];
		int64_t fits = cell->free_ma > 0 ? cell->free_ma / h->weight : 0;

		fits -= fits % c->step_ma;
		if (fits < more) {
			more = fits;
			r->why = ALLOC_FULL;
			r->zone = cell->zone;
			r->cap = cell->cap;
		}
	}
	level_take(lv, conn, more, more);
	rise->x_ma += more;
	rise->state = RISE_DONE;
}

enum fill { FILL_STRICT, FILL_REST };

static void fill_class(struct level *lv, const uint32_t *list, size_t count, enum fill which,
		       uint32_t *scratch)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct alloc_conn *c = &lv->in->conns[list[i]];

		if (lv->rises[list[i]].state == RISE_WAITING && !c->fifo &&
		    c->strict == (which == FILL_STRICT))
			scratch[n++] = list[i];
	}
	if (n) {
		level_fill(lv, scratch, n);
		exchange_steps(lv);
	}
	for (size_t i = 0; i < count && which == FILL_REST; i++)
		if (lv->rises[list[i]].state == RISE_WAITING && lv->in->conns[list[i]].fifo)
			fill_fifo(lv, list[i]);
}

static size_t class_end(const struct alloc_in *in, size_t from, size_t end)
{
	size_t to = from;

	while (to < end &&
	       in->conns[in->order[to]].cls == in->conns[in->order[from]].cls)
		to++;
	return to;
}

/* When all minima are given, and before what is left is shared. */
static void answer_asking(struct level *lv, bool last)
{
	for (uint32_t i = 0; i < lv->in->conn_count; i++) {
		const struct alloc_conn *c = &lv->in->conns[i];
		int64_t more = c->min_ma - c->floor_ma;
		bool asks = c->asks && c->last == last;
		int cell = asks ? level_blocked(lv, i, more, more) : -1;
		int zone = asks ? level_crowded(lv, i) : -1;

		if (cell >= 0)
			no_room(lv, i, cell);
		else if (zone >= 0)
			no_place(lv, i, zone);
	}
}

static void share(struct level *lv, size_t begin, size_t end)
{
	const struct alloc_in *in = lv->in;
	uint32_t *scratch = arena_array(lv->arena, end - begin + 1, sizeof(*scratch));

	for (size_t from = begin, to; from < end; from = to) {
		to = class_end(in, from, end);
		admit_class(lv, in->order + from, to - from);
		fill_class(lv, in->order + from, to - from, FILL_STRICT, scratch);
	}
	answer_asking(lv, begin > 0);
	for (size_t from = begin, to; from < end; from = to) {
		to = class_end(in, from, end);
		fill_class(lv, in->order + from, to - from, FILL_REST, scratch);
	}
}

const struct alloc_result *alloc_run(const struct alloc_in *in, struct arena *arena)
{
	struct level lv;
	size_t last = in->order_count;

	while (last > 0 && in->conns[in->order[last - 1]].last)
		last--;
	level_init(&lv, in, arena);
	share(&lv, 0, last);
	share(&lv, last, in->order_count);
	for (size_t i = 0; i < in->order_count; i++)
		if (lv.rises[in->order[i]].state != RISE_OUT)
			lv.out[in->order[i]].x_ma = lv.rises[in->order[i]].x_ma;
	return lv.out;
}
