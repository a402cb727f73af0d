/* balance/split/level.c - event-driven water level with integer steps.
 *
 * One agenda holds where connectors start to rise and where they reach their max; one heap holds
 * the level at which each cell is full. The smallest of both is handled next, so the cost is
 * O(n depth 4 log) and not the number of steps.
 *
 * Integer traps, and why the obvious thing is not done:
 *  - The remainder of a division is handed out when the cell becomes full, not at the end: at the
 *    end a richer connector elsewhere could have taken it from a common ancestor.
 *  - A connector that got a step of the remainder waits at that height and starts to rise again
 *    from there: the cell may turn out not to be full, because others were held back elsewhere.
 *  - Coarse steps (1 A) rise in jumps: from m to m + 1 A as soon as the level passes m. Where not
 *    all of them can jump, the fine ones get their next step first, since a jump costs ten steps.
 */
#include "balance/split/level.h"

#include "balance/split/share.h"
#include "base/err.h"

struct agenda {
	int64_t at_ma;
	uint32_t conn;
	bool start;		/* else stop */
};

static int64_t floor_to(int64_t ma, int64_t step)
{
	return ma - ma % step;
}

static int64_t ceil_to(int64_t ma, int64_t step)
{
	return floor_to(ma + step - 1, step);
}

/* ---- the snapshot as cells ---------------------------------------------------------------- */

static void order_by_zone(struct level *lv)
{
	const struct alloc_in *in = lv->in;
	size_t nz = in->zone_count;
	uint32_t *own = arena_array(lv->arena, nz + 1, sizeof(*own));	/* connectors right here */
	uint32_t *sum = arena_array(lv->arena, nz + 1, sizeof(*sum));	/* here and below */
	uint32_t *next = arena_array(lv->arena, nz + 1, sizeof(*next));	/* where a child goes */
	uint32_t roots = 0;

	lv->by_zone = arena_array(lv->arena, in->conn_count + 1, sizeof(*lv->by_zone));
	lv->zone_from = arena_array(lv->arena, nz + 1, sizeof(*lv->zone_from));
	lv->zone_to = arena_array(lv->arena, nz + 1, sizeof(*lv->zone_to));
	for (size_t i = 0; i < in->conn_count; i++)
		own[in->conns[i].zone]++;
	for (size_t z = nz; z-- > 0;) {
		sum[z] += own[z];
		if (in->zones[z].parent >= 0)
			sum[in->zones[z].parent] += sum[z];
	}
	for (size_t z = 0; z < nz; z++) {
		int p = in->zones[z].parent;

		lv->zone_from[z] = p >= 0 ? next[p] : roots;
		lv->zone_to[z] = lv->zone_from[z] + sum[z];
		*(p >= 0 ? &next[p] : &roots) += sum[z];
		next[z] = lv->zone_from[z] + own[z];
		own[z] = lv->zone_from[z];
	}
	for (size_t i = 0; i < in->conn_count; i++)
		lv->by_zone[own[in->conns[i].zone]++] = (uint32_t)i;
}

static void add_hit(struct level *lv, struct rise *rise, uint32_t cell, int weight)
{
	if (lv->cells[cell].free_ma == ALLOC_NO_CAP || !weight)
		return;
	lv->hits[rise->first_hit + rise->hit_count++] =
		(struct hit){ .cell = cell, .weight = weight };
}

static uint32_t find_hits(struct level *lv, uint32_t conn, uint32_t first)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	struct rise *rise = &lv->rises[conn];

	rise->first_hit = first;
	for (int k = 0; k < PHASES; k++)
		rise->phase_count += c->phases >> k & 1;
	for (int z = c->zone; z >= 0; z = lv->in->zones[z].parent) {
		uint32_t cell = (uint32_t)z * LEVEL_CELLS;
		bool one = lv->in->zones[z].one_phase;

		if (one && c->beside)
			continue;
		for (uint32_t k = 0; k < PHASES; k++)
			add_hit(lv, rise, cell + k, one ? k == 0 && c->phases : c->phases >> k & 1);
		add_hit(lv, rise, cell + PHASES, one ? c->phases != 0 : rise->phase_count);
		if (!c->sun_exempt)
			add_hit(lv, rise, cell + ALLOC_SUN, one ? c->phases != 0 : rise->phase_count);
	}
	return first + rise->hit_count;
}

static void init_seats(struct level *lv)
{
	const struct alloc_in *in = lv->in;
	bool counts = false;

	for (size_t z = 0; z < in->zone_count; z++)
		counts |= in->zones[z].sessions > 0;
	if (!counts)
		return;
	lv->seats = arena_array(lv->arena, in->zone_count, sizeof(*lv->seats));
	for (uint32_t i = 0; i < in->conn_count; i++)
		if (in->conns[i].seated)
			level_seat(lv, i);
}

int level_crowded(const struct level *lv, uint32_t conn)
{
	for (int z = lv->in->conns[conn].zone; lv->seats && z >= 0; z = lv->in->zones[z].parent)
		if (lv->in->zones[z].sessions > 0 && lv->seats[z] >= lv->in->zones[z].sessions)
			return z;
	return -1;
}

void level_seat(struct level *lv, uint32_t conn)
{
	for (int z = lv->in->conns[conn].zone; lv->seats && z >= 0; z = lv->in->zones[z].parent)
		lv->seats[z]++;
}

static int64_t cell_cap(const struct alloc_zone *z, int cap)
{
	if (cap == ALLOC_SUN)
		return z->sun ? z->sun_ma : ALLOC_NO_CAP;
	return z->cap[cap];
}

void level_init(struct level *lv, const struct alloc_in *in, struct arena *arena)
{
	size_t hit_room = 0;
	uint32_t hits = 0;
	uint16_t *depth = arena_array(arena, in->zone_count + 1, sizeof(*depth));

	*lv = (struct level){ .in = in, .arena = arena };
	lv->cell_count = in->zone_count * LEVEL_CELLS;
	lv->cells = arena_array(arena, lv->cell_count + 1, sizeof(*lv->cells));
	lv->heap = arena_array(arena, lv->cell_count + 1, sizeof(*lv->heap));
	lv->settling = arena_array(arena, in->conn_count + 1, sizeof(*lv->settling));
	lv->rises = arena_array(arena, in->conn_count + 1, sizeof(*lv->rises));
	lv->out = arena_array(arena, in->conn_count + 1, sizeof(*lv->out));
	for (size_t z = 0; z < in->zone_count; z++) {
		int p = in->zones[z].parent;

		lms_assert(p < (int)z);
		depth[z] = (uint16_t)(p >= 0 ? depth[p] + 1 : 1);
		for (int k = 0; k < LEVEL_CELLS; k++)
			lv->cells[z * LEVEL_CELLS + (size_t)k] = (struct cell){
				.free_ma = cell_cap(&in->zones[z], k), .zone = (int)z, .cap = k,
			};
	}
	for (size_t i = 0; i < in->conn_count; i++)
		hit_room += (size_t)depth[in->conns[i].zone] * LEVEL_CELLS;
	lv->hits = arena_array(arena, hit_room + 1, sizeof(*lv->hits));
	for (uint32_t i = 0; i < in->conn_count; i++) {
		hits = find_hits(lv, i, hits);
		level_take(lv, i, in->conns[i].floor_ma, 0);
		lv->out[i] = (struct alloc_result){ .zone = -1, .cap = -1 };
	}
	order_by_zone(lv);
	init_seats(lv);
}

void level_take(struct level *lv, uint32_t conn, int64_t ma, int64_t sun_ma)
{
	const struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];
		struct cell *c = &lv->cells[h->cell];

		c->free_ma -= (c->cap == ALLOC_SUN ? sun_ma : ma) * h->weight;
		/* What is held beyond the sun leaves nothing, but nobody has to make up for it. */
		if (c->cap == ALLOC_SUN && c->free_ma < 0)
			c->free_ma = 0;
	}
}

/* What must be free in a cell for `ma` more, or for `need` of it where a start needs head-room. */
static int64_t cell_need(const struct level *lv, uint32_t conn, const struct hit *h, int64_t ma, int64_t need)
{
	const struct alloc_conn *a = &lv->in->conns[conn];
	const struct cell *c = &lv->cells[h->cell];
	const struct alloc_zone *z = &lv->in->zones[c->zone];

	if (c->cap == ALLOC_SUN)
		return a->sun_held ? INT64_MIN
				   : a->min_ma * h->weight + (a->starting ? z->sun_ma - z->sun_start_ma : 0);
	return (z->dynamic ? need : ma) * h->weight;
}

int level_blocked(const struct level *lv, uint32_t conn, int64_t ma, int64_t need)
{
	const struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];

		if (cell_need(lv, conn, h, ma, need) > lv->cells[h->cell].free_ma)
			return (int)h->cell;
	}
	return -1;
}

/* ---- agenda: starts and stops by level ------------------------------------------------------ */

/* At one level stops come first: who leaves cannot make the cell full. */
static bool agenda_before(const struct agenda *a, const struct agenda *b)
{
	if (a->at_ma != b->at_ma)
		return a->at_ma < b->at_ma;
	if (a->start != b->start)
		return b->start;
	return a->conn < b->conn;
}

static void agenda_push(struct level *lv, int64_t at_ma, uint32_t conn, bool start)
{
	struct agenda ev = { .at_ma = at_ma, .conn = conn, .start = start };
	size_t i;

	if (lv->agenda_len == lv->agenda_room) {
		size_t room = lv->agenda_room ? 2 * lv->agenda_room : 64;
		struct agenda *wider = arena_array(lv->arena, room, sizeof(*wider));

		for (i = 0; i < lv->agenda_len; i++)
			wider[i] = lv->agenda[i];
		lv->agenda = wider;
		lv->agenda_room = room;
	}
	for (i = lv->agenda_len++; i > 0; i = (i - 1) / 2) {
		if (!agenda_before(&ev, &lv->agenda[(i - 1) / 2]))
			break;
		lv->agenda[i] = lv->agenda[(i - 1) / 2];
	}
	lv->agenda[i] = ev;
}

static struct agenda agenda_pop(struct level *lv)
{
	struct agenda top = lv->agenda[0], last = lv->agenda[--lv->agenda_len];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < lv->agenda_len) {
		if (child + 1 < lv->agenda_len &&
		    agenda_before(&lv->agenda[child + 1], &lv->agenda[child]))
			child++;
		if (!agenda_before(&lv->agenda[child], &last))
			break;
		lv->agenda[i] = lv->agenda[child];
		i = child;
	}
	lv->agenda[i] = last;
	return top;
}

/* ---- heap: cells by the level at which they are full ----------------------------------------- */

static bool cell_before(const struct level *lv, uint32_t a, uint32_t b)
{
	const struct cell *x = &lv->cells[a], *y = &lv->cells[b];

	return x->key_ma != y->key_ma ? x->key_ma < y->key_ma : a < b;
}

static void heap_place(struct level *lv, size_t at, uint32_t cell)
{
	lv->heap[at] = cell;
	lv->cells[cell].heap_at = (uint32_t)at + 1;
}

static void heap_up(struct level *lv, size_t at)
{
	uint32_t cell = lv->heap[at];

	for (; at > 0 && cell_before(lv, cell, lv->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_place(lv, at, lv->heap[(at - 1) / 2]);
	heap_place(lv, at, cell);
}

static void heap_down(struct level *lv, size_t at)
{
	uint32_t cell = lv->heap[at];
	size_t child;

	while ((child = 2 * at + 1) < lv->heap_len) {
		if (child + 1 < lv->heap_len &&
		    cell_before(lv, lv->heap[child + 1], lv->heap[child]))
			child++;
		if (!cell_before(lv, lv->heap[child], cell))
			break;
		heap_place(lv, at, lv->heap[child]);
		at = child;
	}
	heap_place(lv, at, cell);
}

static void heap_drop_top(struct level *lv)
{
	lv->cells[lv->heap[0]].heap_at = 0;
	if (--lv->heap_len == 0)
		return;
	heap_place(lv, 0, lv->heap[lv->heap_len]);
	heap_down(lv, 0);
}

/* Can all coarse members jump from m, and every fine one still make its next step? */
static bool cell_jumps(const struct cell *c, int64_t m)
{
	return c->free_ma - m * (c->fine + c->coarse) >=
	       c->coarse * ALLOC_STEP_COARSE + c->fine * ALLOC_STEP_FINE;
}

static int64_t cell_full_at(const struct cell *c)
{
	int64_t m, rest;

	if (!c->coarse)
		return c->free_ma / c->fine;
	m = floor_to(c->free_ma / (c->fine + c->coarse), ALLOC_STEP_COARSE);
	if (!cell_jumps(c, m))
		return m;
	rest = c->free_ma - m * (c->fine + c->coarse) - c->coarse * ALLOC_STEP_COARSE;
	return m + rest / c->fine;
}

/* A key may be too low (it is looked at again when it comes up), never too high. */
static void cell_changed(struct level *lv, uint32_t cell)
{
	struct cell *c = &lv->cells[cell];
	int64_t key;

	if (!(c->fine + c->coarse))
		return;
	key = cell_full_at(c);
	if (!c->heap_at) {
		c->key_ma = key;
		lv->heap[lv->heap_len] = cell;
		heap_up(lv, lv->heap_len++);
	} else if (key < c->key_ma) {
		c->key_ma = key;
		heap_up(lv, c->heap_at - 1);
	}
}

/* The next full cell, or -1. */
static int64_t heap_peek(struct level *lv)
{
	while (lv->heap_len) {
		struct cell *c = &lv->cells[lv->heap[0]];
		int64_t key;

		if (!(c->fine + c->coarse)) {
			heap_drop_top(lv);
			continue;
		}
		key = cell_full_at(c);
		if (key == c->key_ma)
			return lv->heap[0];
		c->key_ma = key;
		heap_down(lv, 0);
	}
	return -1;
}

/* ---- rising and settling ---------------------------------------------------------------------- */

/* What the cell has left when its rising members stand at the level. */
static int64_t cell_left(const struct cell *c, int64_t fine_ma, int64_t coarse_ma)
{
	return c->free_ma - c->fine * fine_ma - c->coarse * coarse_ma;
}

static void start_rising(struct level *lv, uint32_t conn)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	struct rise *rise = &lv->rises[conn];

	rise->state = RISE_RISING;
	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];
		struct cell *cell = &lv->cells[h->cell];

		cell->free_ma += rise->x_ma * h->weight;
		*(c->step_ma == ALLOC_STEP_FINE ? &cell->fine : &cell->coarse) += h->weight;
		cell_changed(lv, h->cell);
	}
	agenda_push(lv, c->max_ma, conn, false);
}

/* Takes a rising connector out of the level, to stay (for now) at x. */
static void stop_rising(struct level *lv, uint32_t conn, int64_t x_ma, enum rise_state state)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	struct rise *rise = &lv->rises[conn];

	rise->state = state;
	rise->x_ma = x_ma;
	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];
		struct cell *cell = &lv->cells[h->cell];

		cell->free_ma -= x_ma * h->weight;
		*(c->step_ma == ALLOC_STEP_FINE ? &cell->fine : &cell->coarse) -= h->weight;
		cell_changed(lv, h->cell);
	}
}

/* A waiting connector goes up to x, where it waits again. */
static void step_up(struct level *lv, uint32_t conn, int64_t x_ma)
{
	struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];

		lv->cells[h->cell].free_ma -= (x_ma - rise->x_ma) * h->weight;
		cell_changed(lv, h->cell);
	}
	rise->x_ma = x_ma;
}

static void blame(struct level *lv, uint32_t conn, int cell)
{
	lv->out[conn].why = ALLOC_FULL;
	lv->out[conn].zone = lv->cells[cell].zone;
	lv->out[conn].cap = lv->cells[cell].cap;
}

static void done_at_max(struct level *lv, uint32_t conn)
{
	lv->rises[conn].state = RISE_DONE;
	lv->out[conn].why = ALLOC_MAX;
}

/* The first cell where one step more does not fit with all others at the level given, or -1. */
static int step_blocked(const struct level *lv, uint32_t conn, int64_t step_ma, int64_t fine_ma,
			int64_t coarse_ma)
{
	const struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];

		if (cell_left(&lv->cells[h->cell], fine_ma, coarse_ma) < step_ma * h->weight)
			return (int)h->cell;
	}
	return -1;
}

static void wait_at(struct level *lv, uint32_t conn, int64_t x_ma)
{
	if (x_ma == lv->in->conns[conn].max_ma)
		done_at_max(lv, conn);
	else
		agenda_push(lv, x_ma, conn, true);
}

/* The cell is full for its fine members at the level: one of the remaining steps (true), or the end. */
static bool settle_fine(struct level *lv, uint32_t conn, int64_t level_ma)
{
	int64_t x = floor_to(level_ma, ALLOC_STEP_FINE);
	int cell = step_blocked(lv, conn, ALLOC_STEP_FINE, x, ceil_to(level_ma, ALLOC_STEP_COARSE));

	if (cell >= 0) {
		stop_rising(lv, conn, x, RISE_DONE);
		blame(lv, conn, cell);
		return false;
	}
	stop_rising(lv, conn, x + ALLOC_STEP_FINE, RISE_WAITING);
	wait_at(lv, conn, x + ALLOC_STEP_FINE);
	return true;
}

/* The cell cannot let all coarse members jump from m. */
static bool settle_coarse(struct level *lv, uint32_t conn, int64_t m)
{
	int cell;

	if (step_blocked(lv, conn, ALLOC_STEP_COARSE, m + ALLOC_STEP_FINE, m) < 0) {
		stop_rising(lv, conn, m + ALLOC_STEP_COARSE, RISE_WAITING);
		wait_at(lv, conn, m + ALLOC_STEP_COARSE);
		return true;
	}
	cell = step_blocked(lv, conn, ALLOC_STEP_COARSE, m, m);
	if (cell >= 0) {
		stop_rising(lv, conn, m, RISE_DONE);
		blame(lv, conn, cell);
		return false;
	}
	stop_rising(lv, conn, m, RISE_WAITING);
	lv->rises[conn].late = true;
	agenda_push(lv, m + ALLOC_STEP_FINE, conn, true);
	return false;
}

static bool settle(struct level *lv, uint32_t conn, int64_t level_ma, bool coarse)
{
	return coarse ? settle_coarse(lv, conn, level_ma) : settle_fine(lv, conn, level_ma);
}

/* The fine ones have moved (or could not): the jump that was put off is now the poorest's. */
static void jump_late(struct level *lv, uint32_t conn)
{
	struct rise *rise = &lv->rises[conn];
	int64_t m = rise->x_ma, to = m + ALLOC_STEP_COARSE;
	int cell = step_blocked(lv, conn, ALLOC_STEP_COARSE, m + ALLOC_STEP_FINE, to);

	rise->late = false;
	if (cell >= 0) {
		rise->state = RISE_DONE;
		blame(lv, conn, cell);
		return;
	}
	step_up(lv, conn, to);
	wait_at(lv, conn, to);
}

static int weight_in(const struct level *lv, uint32_t conn, uint32_t cell)
{
	const struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++)
		if (lv->hits[rise->first_hit + i].cell == cell)
			return lv->hits[rise->first_hit + i].weight;
	return 0;
}

/* The rising members of a cell that move in steps of `step_ma`, those on fewer phases first. */
static uint32_t find_members(struct level *lv, uint32_t cell, int64_t step_ma, struct share *share)
{
	const struct cell *c = &lv->cells[cell];
	uint32_t n = 0;

	for (int phases = 1; phases <= PHASES; phases++)
		for (uint32_t i = lv->zone_from[c->zone]; i < lv->zone_to[c->zone]; i++) {
			uint32_t conn = lv->by_zone[i];
			const struct alloc_conn *a = &lv->in->conns[conn];

			if (lv->rises[conn].state != RISE_RISING || lv->rises[conn].phase_count != phases ||
			    a->step_ma != step_ma || !weight_in(lv, conn, cell))
				continue;
			share->weight[a->phases] = weight_in(lv, conn, cell);
			share->members[a->phases]++;
			lv->settling[n++] = conn;
		}
	return n;
}

/* What is left of a full cell goes to those who are asked first. */
static void settle_cell(struct level *lv, uint32_t cell)
{
	const struct cell c = lv->cells[cell];
	int64_t level_ma = c.key_ma, m = floor_to(level_ma, ALLOC_STEP_COARSE), left;
	bool coarse = c.coarse && (!c.fine || !cell_jumps(&c, m));
	int64_t step = coarse ? ALLOC_STEP_COARSE : ALLOC_STEP_FINE;
	struct share share = { 0 };
	uint32_t n = find_members(lv, cell, step, &share), later = 0;

	left = coarse ? cell_left(&c, level_ma + ALLOC_STEP_FINE, level_ma)
		      : cell_left(&c, floor_to(level_ma, ALLOC_STEP_FINE), ceil_to(level_ma, ALLOC_STEP_COARSE));
	share_steps(&share, left / step);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t conn = lv->settling[i];
		int64_t *taken = &share.taken[lv->in->conns[conn].phases];

		if (*taken > 0)
			*taken -= settle(lv, conn, level_ma, coarse);
		else
			lv->settling[later++] = conn;
	}
	for (uint32_t i = 0; i < later; i++)
		settle(lv, lv->settling[i], level_ma, coarse);
}

void level_fill(struct level *lv, const uint32_t *list, size_t count)
{
	int64_t full;

	for (size_t i = 0; i < count; i++)
		wait_at(lv, list[i], lv->rises[list[i]].x_ma);
	for (;;) {
		full = heap_peek(lv);
		if (!lv->agenda_len && full < 0)
			break;
		if (lv->agenda_len && (full < 0 || lv->agenda[0].at_ma <= lv->cells[full].key_ma)) {
			struct agenda ev = agenda_pop(lv);
			struct rise *rise = &lv->rises[ev.conn];

			if (ev.start && rise->state == RISE_WAITING) {
				if (rise->late)
					jump_late(lv, ev.conn);
				else
					start_rising(lv, ev.conn);
			} else if (!ev.start && rise->state == RISE_RISING) {
				stop_rising(lv, ev.conn, ev.at_ma, RISE_DONE);
				lv->out[ev.conn].why = ALLOC_MAX;
			}
			continue;
		}
		settle_cell(lv, (uint32_t)full);
	}
}
