/* balance/split/level.c - event-driven water level with integer steps.
 *
 * The agenda holds where connectors start to rise and where they reach their max, and the level at which
 * each cell is full. The lowest is handled next, so the cost is O(n depth 4 log) and not the number of
 * steps. Where all move in equal steps the result is that of giving each step to the poorest whom it fits,
 * among equals to those on fewer phases first.
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

#include "balance/split/agenda.h"
#include "base/err.h"

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
	lv->soon = arena_array(arena, lv->cell_count + 1, sizeof(*lv->soon));
	lv->full = arena_array(arena, lv->cell_count + 1, sizeof(*lv->full));
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
		agenda_update(lv, h->cell);
	}
	agenda_push(lv, c->max_ma, conn, TURN_STOP);
}

/* Takes a rising connector out of the level, to stay (for now) at x. */
static void stop_rising(struct level *lv, uint32_t conn, int64_t x_ma, enum rise_state state)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	struct rise *rise = &lv->rises[conn];

	rise->state = state;
	rise->x_ma = x_ma;
	lv->active -= state == RISE_DONE;
	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];
		struct cell *cell = &lv->cells[h->cell];

		cell->free_ma -= x_ma * h->weight;
		*(c->step_ma == ALLOC_STEP_FINE ? &cell->fine : &cell->coarse) -= h->weight;
		agenda_update(lv, h->cell);
	}
}

void level_note_full(struct level *lv, uint32_t cell)
{
	if (lv->cells[cell].full_in == lv->fill)
		return;
	lv->cells[cell].full_in = lv->fill;
	lv->full[lv->full_count++] = cell;
}

static void blame(struct level *lv, uint32_t conn, int cell)
{
	level_note_full(lv, (uint32_t)cell);
	lv->out[conn].why = ALLOC_FULL;
	lv->out[conn].zone = lv->cells[cell].zone;
	lv->out[conn].cap = lv->cells[cell].cap;
}

static void done_at_max(struct level *lv, uint32_t conn)
{
	lv->rises[conn].state = RISE_DONE;
	lv->active--;
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

void level_move(struct level *lv, uint32_t conn, int64_t x_ma)
{
	struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];

		lv->cells[h->cell].free_ma -= (x_ma - rise->x_ma) * h->weight;
		agenda_update(lv, h->cell);
	}
	rise->x_ma = x_ma;
}

void level_explain(struct level *lv, uint32_t conn)
{
	const struct alloc_conn *c = &lv->in->conns[conn];
	int cell = lv->rises[conn].x_ma < c->max_ma ? step_blocked(lv, conn, c->step_ma, 0, 0) : -1;

	lv->out[conn] = (struct alloc_result){ .why = ALLOC_MAX, .zone = -1, .cap = -1 };
	if (cell >= 0)
		blame(lv, conn, cell);
}

static void wait_at(struct level *lv, uint32_t conn, int64_t x_ma)
{
	if (x_ma == lv->in->conns[conn].max_ma)
		done_at_max(lv, conn);
	else
		agenda_push(lv, x_ma, conn, TURN_START);
}

/* The cell is full for its fine members at the level: one of the remaining steps, or the end. */
static void settle_fine(struct level *lv, uint32_t conn, int64_t level_ma)
{
	int64_t x = floor_to(level_ma, ALLOC_STEP_FINE);
	int cell = step_blocked(lv, conn, ALLOC_STEP_FINE, x, ceil_to(level_ma, ALLOC_STEP_COARSE));

	if (cell >= 0) {
		stop_rising(lv, conn, x, RISE_DONE);
		blame(lv, conn, cell);
		return;
	}
	stop_rising(lv, conn, x + ALLOC_STEP_FINE, RISE_WAITING);
	wait_at(lv, conn, x + ALLOC_STEP_FINE);
}

/* The cell cannot let all coarse members jump from m. */
static void settle_coarse(struct level *lv, uint32_t conn, int64_t m)
{
	int cell;

	if (step_blocked(lv, conn, ALLOC_STEP_COARSE, m + ALLOC_STEP_FINE, m) < 0) {
		stop_rising(lv, conn, m + ALLOC_STEP_COARSE, RISE_WAITING);
		wait_at(lv, conn, m + ALLOC_STEP_COARSE);
		return;
	}
	cell = step_blocked(lv, conn, ALLOC_STEP_COARSE, m, m);
	if (cell >= 0) {
		stop_rising(lv, conn, m, RISE_DONE);
		blame(lv, conn, cell);
		return;
	}
	stop_rising(lv, conn, m, RISE_WAITING);
	lv->rises[conn].late = true;
	agenda_push(lv, m + ALLOC_STEP_FINE, conn, TURN_START);
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
		lv->active--;
		blame(lv, conn, cell);
		return;
	}
	level_move(lv, conn, to);
	wait_at(lv, conn, to);
}

int level_weight(const struct level *lv, uint32_t conn, uint32_t cell)
{
	const struct rise *rise = &lv->rises[conn];

	for (uint32_t i = 0; i < rise->hit_count; i++)
		if (lv->hits[rise->first_hit + i].cell == cell)
			return lv->hits[rise->first_hit + i].weight;
	return 0;
}

/* Calls the rising members whom the cell holds up to settle at the level; returns how many. */
static size_t call_members(struct level *lv, uint32_t cell, int64_t level_ma, bool coarse)
{
	const struct cell *c = &lv->cells[cell];
	size_t called = 0;

	for (uint32_t i = lv->zone_from[c->zone]; i < lv->zone_to[c->zone]; i++) {
		uint32_t conn = lv->by_zone[i];

		if (lv->rises[conn].state != RISE_RISING || !level_weight(lv, conn, cell) ||
		    (lv->in->conns[conn].step_ma == ALLOC_STEP_COARSE) != coarse)
			continue;
		lv->rises[conn].state = RISE_SETTLING;
		agenda_push(lv, level_ma, conn, TURN_SETTLE);
		called++;
	}
	return called;
}

/* All cells that are full within the same step settle together: one after the other, the order of the
 * cells and not of the cars would tell who gets the last steps. */
static void settle_level(struct level *lv, uint32_t full)
{
	int64_t level_ma = lv->cells[full].key_ma;
	bool coarse = agenda_holds_coarse(&lv->cells[full]);
	int64_t step = coarse ? ALLOC_STEP_COARSE : ALLOC_STEP_FINE;
	size_t called = 0;

	for (int64_t cell = full; cell >= 0; cell = agenda_peek_full(lv)) {
		const struct cell *c = &lv->cells[cell];

		if (agenda_holds_coarse(c) != coarse || floor_to(c->key_ma, step) != floor_to(level_ma, step))
			break;
		level_note_full(lv, (uint32_t)cell);
		agenda_drop_full(lv);	/* comes back when a member stops */
		called += call_members(lv, (uint32_t)cell, level_ma, coarse);
	}
	while (called--) {
		uint32_t conn = turn_conn(agenda_pop(lv));

		if (coarse)
			settle_coarse(lv, conn, level_ma);
		else
			settle_fine(lv, conn, level_ma);
	}
}

/* Starts or stops to rise. */
static void take_turn(struct level *lv, struct turn turn)
{
	uint32_t conn = turn_conn(turn);
	struct rise *rise = &lv->rises[conn];

	if (turn_kind(turn) == TURN_START && rise->state == RISE_WAITING) {
		if (rise->late)
			jump_late(lv, conn);
		else
			start_rising(lv, conn);
	} else if (turn_kind(turn) == TURN_STOP && rise->state == RISE_RISING) {
		stop_rising(lv, conn, turn.at_ma, RISE_DONE);
		lv->out[conn].why = ALLOC_MAX;
	}
}

void level_fill(struct level *lv, const uint32_t *list, size_t count)
{
	lv->fill++;
	lv->full_count = 0;
	lv->active = count;
	for (size_t i = 0; i < count; i++) {
		lv->rises[list[i]].fill = lv->fill;
		wait_at(lv, list[i], lv->rises[list[i]].x_ma);
	}
	while (lv->active) {
		int64_t full = agenda_peek_full(lv);

		if (lv->turn_count && (full < 0 || lv->turns[0].at_ma <= lv->cells[full].key_ma))
			take_turn(lv, agenda_pop(lv));
		else
			settle_level(lv, (uint32_t)full);
	}
	lv->turn_count = 0;	/* where those would have stopped who were held up before */
}
