/* balance/split/exchange.c - a small search in each group of cars that share full caps.
 *
 * What a car may have is its part up or down to a whole step, or one beside where the part is whole: two or
 * three values, so that going over all splits of a group is affordable. It is done by the number of cars
 * that change, the fewest first; of equals that one is taken which leaves the first cars as they are.
 */
#include "balance/split/group.h"

#define UNITS (1 << 20)	/* of a part per mA: steps are whole, parts are not */
#define SLACK (1 << 8)	/* what rounding may add up to, in units */

/* ---- parts: the same water level, as if currents could be divided ------------------------------ */

static bool rises_at(const struct group *g, size_t n, int64_t level)
{
	return !g->car[n].done && g->car[n].part <= level;
}

/* What a step of all who rise takes of a cap. */
static int64_t weight_at(const struct group *g, const struct bound *b, int64_t level)
{
	int64_t weight = 0;

	for (size_t n = 0; n < g->cars; n++)
		weight += rises_at(g, n, level) ? b->weight[n] : 0;
	return weight;
}

/* Where the next one starts or has its max, or a cap is full; INT64_MAX when all have their parts. */
static int64_t next_level(const struct group *g, int64_t level)
{
	int64_t next = INT64_MAX;

	for (size_t n = 0; n < g->cars; n++) {
		int64_t at = rises_at(g, n, level) ? g->car[n].max_ma * UNITS : g->car[n].part;

		if (!g->car[n].done && at < next)
			next = at;
	}
	for (size_t k = 0; k < g->bounds; k++) {
		int64_t weight = weight_at(g, &g->bound[k], level);

		if (weight && level + g->bound[k].left / weight < next)
			next = level + g->bound[k].left / weight;
	}
	return next;
}

static void take_part(struct group *g, size_t n, int64_t part)
{
	for (size_t k = 0; k < g->bounds; k++)
		g->bound[k].left -= g->bound[k].weight[n] * (part - g->car[n].part);
	g->car[n].part = part;
}

/* Who has his max, or is in a cap that is full, has his part. */
static void end_parts(struct group *g, int64_t level)
{
	for (size_t n = 0; n < g->cars; n++)
		g->car[n].done |= g->car[n].part == g->car[n].max_ma * UNITS;
	for (size_t k = 0; k < g->bounds; k++) {
		struct bound *b = &g->bound[k];
		bool full = b->left < weight_at(g, b, level);

		for (size_t n = 0; n < g->cars; n++)
			g->car[n].done |= full && b->weight[n] && rises_at(g, n, level);
	}
}

static void find_parts(struct group *g)
{
	int64_t level = 0;

	for (size_t k = 0; k < g->bounds; k++)
		g->bound[k].left = g->bound[k].room_ma * UNITS;
	for (size_t n = 0; n < g->cars; n++)
		take_part(g, n, g->car[n].min_ma * UNITS);
	for (int64_t next; (next = next_level(g, level)) != INT64_MAX; level = next) {
		for (size_t n = 0; n < g->cars; n++)
			if (rises_at(g, n, level))
				take_part(g, n, next);
		end_parts(g, next);
		g->work -= (int64_t)(g->cars * g->bounds);
	}
}

/* What is within a step of each part, and not two from what filling gave. False: all have that already,
 * or somebody cannot. */
static bool find_choices(struct group *g)
{
	int64_t step = g->step_ma;
	bool possible = true;

	g->outside[0] = 0;
	for (size_t n = 0; n < g->cars; n++) {
		struct member *m = &g->car[n];
		int64_t low = (m->part - SLACK) / UNITS, high = (m->part + SLACK) / UNITS;

		low -= low % step;	/* a step below is above part - step, unless the part is whole */
		if (low * UNITS + SLACK >= m->part)
			low -= step;
		high += step - high % step;
		low = low < m->min_ma ? m->min_ma : low;
		high = high > m->max_ma ? m->max_ma : high;
		m->low_ma = low < m->filled_ma - 2 * step ? m->filled_ma - 2 * step : low;
		m->high_ma = high > m->filled_ma + 2 * step ? m->filled_ma + 2 * step : high;
		possible &= m->low_ma <= m->high_ma;
		g->outside[n + 1] = g->outside[n] + (m->filled_ma < m->low_ma || m->filled_ma > m->high_ma);
	}
	return possible && g->outside[g->cars];
}

/* ---- exchanges ----------------------------------------------------------------------------------- */

static void try_current(struct group *g, size_t n, int64_t ma)
{
	for (size_t k = 0; k < g->bounds; k++)
		g->bound[k].used_ma += g->bound[k].weight[n] * (ma - g->car[n].x_ma);
	g->car[n].x_ma = ma;
}

/* Whether the split fits, or could if so many more cars changed. */
static bool may_fit(const struct group *g, size_t changes)
{
	for (size_t k = 0; k < g->bounds; k++) {
		const struct bound *b = &g->bound[k];

		if (b->used_ma > b->room_ma + (int64_t)changes * b->give_ma)
			return false;
	}
	return true;
}

static void insert_sorted(int64_t *list, size_t count, int64_t ma)
{
	for (; count > 0 && list[count - 1] > ma; count--)
		list[count] = list[count - 1];
	list[count] = ma;
}

/* From the poorest to the richest, each has what who had his place, or a step more or less; the poorest
 * has exactly that. */
static bool as_fair_as_filled(const struct group *g)
{
	int64_t x[EXCHANGE_CARS];

	for (size_t n = 0; n < g->cars; n++)
		insert_sorted(x, n, g->car[n].x_ma);
	for (size_t n = 0; n < g->cars; n++) {
		int64_t more = x[n] - g->sorted_ma[n], step = n ? g->step_ma : 0;

		if (more > step || more < -step)
			return false;
	}
	return true;
}

/* Whether `poor` could have a step if `rich` gave as many as leave him the richer one. */
static bool could_give(const struct group *g, const struct member *rich, const struct member *poor)
{
	int64_t keeps = poor->x_ma + g->step_ma > rich->min_ma ? poor->x_ma + g->step_ma : rich->min_ma;
	size_t r = (size_t)(rich - g->car), p = (size_t)(poor - g->car);

	if (rich->x_ma <= keeps)
		return false;
	for (size_t k = 0; k < g->bounds; k++) {
		const struct bound *b = &g->bound[k];

		if (b->used_ma + b->weight[p] * g->step_ma - b->weight[r] * (rich->x_ma - keeps) > b->room_ma)
			return false;
	}
	return true;
}

/* Nobody can have a step more, nor one of somebody richer. Who is held up only by caps that connectors
 * outside of the group count in, too, might have one of theirs: not settled. */
static bool is_settled(struct group *g)
{
	for (size_t p = 0; p < g->cars; p++) {
		const struct member *poor = &g->car[p];
		bool held_up = poor->x_ma == poor->max_ma;

		for (size_t k = 0; k < g->bounds && !held_up; k++) {
			const struct bound *b = &g->bound[k];

			held_up = b->full && b->used_ma + b->weight[p] * g->step_ma > b->room_ma;
		}
		if (!held_up)
			return false;
		for (size_t r = 0; r < g->cars && poor->x_ma < poor->max_ma; r++)
			if (could_give(g, &g->car[r], poor))
				return false;
	}
	return true;
}

/* Tries all splits in which `changes` of the first `count` cars have another current than filled, until
 * one will do. */
static bool place(struct group *g, size_t count, size_t changes)
{
	if (!changes) {
		if (!as_fair_as_filled(g))
			return false;
		g->work -= (int64_t)(g->cars * g->bounds);
		return is_settled(g);
	}
	/* Who must change is not passed over. */
	for (bool must = false; count > 0 && !must && g->outside[count] <= changes; count--) {
		struct member *m = &g->car[count - 1];

		must = g->outside[count] > g->outside[count - 1];
		for (int64_t ma = m->high_ma; ma >= m->low_ma && g->work > 0; ma -= g->step_ma) {
			if (ma == m->filled_ma)
				continue;
			g->work -= (int64_t)g->bounds;
			try_current(g, count - 1, ma);
			if (g->outside[count - 1] < changes && may_fit(g, changes - 1) &&
			    place(g, count - 1, changes - 1))
				return true;
		}
		try_current(g, count - 1, m->filled_ma);
	}
	return false;
}

/* The exchange among as few as can mend it, if there is one. */
static bool find_exchange(struct group *g)
{
	bool found = false;

	for (size_t k = 0; k < g->bounds; k++) {
		struct bound *b = &g->bound[k];

		b->used_ma = b->give_ma = 0;
		for (size_t n = 0; n < g->cars; n++) {
			int64_t give = b->weight[n] * (g->car[n].filled_ma - g->car[n].low_ma);

			b->used_ma += b->weight[n] * g->car[n].filled_ma;
			b->give_ma = give > b->give_ma ? give : b->give_ma;
		}
	}
	for (size_t n = 0; n < g->cars; n++) {
		g->car[n].x_ma = g->car[n].filled_ma;
		insert_sorted(g->sorted_ma, n, g->car[n].filled_ma);
	}
	for (size_t changes = g->outside[g->cars]; changes <= g->cars && !found; changes++)
		found = place(g, g->cars, changes);
	return found;
}

static void carry_out(struct group *g)
{
	for (size_t n = 0; n < g->cars; n++)
		level_move(g->lv, g->car[n].conn, g->car[n].x_ma);
	for (size_t n = 0; n < g->cars; n++) {
		level_explain(g->lv, g->car[n].conn);
		g->lv->exchange->conn_group[g->car[n].conn] = GROUP_MENDED;
	}
}

static void start(struct level *lv)
{
	struct exchange *e = lv->exchange = arena_alloc(lv->arena, sizeof(*e));

	e->cell_group = arena_array(lv->arena, lv->cell_count + 1, sizeof(*e->cell_group));
	e->cell_bound = arena_array(lv->arena, lv->cell_count + 1, sizeof(*e->cell_bound));
	e->conn_group = arena_array(lv->arena, lv->in->conn_count + 1, sizeof(*e->conn_group));
	e->work = EXCHANGE_WORK;
}

/* Whether somebody in the group is too far from his part, and an exchange mends it. Where all count alike
 * each has his part up or down to a step already. */
static bool can_mend(struct group *g)
{
	int64_t *left = &g->lv->exchange->work;
	bool mended;

	if (group_is_even(g) || !group_find_bounds(g))
		return false;
	g->work = *left < EXCHANGE_GROUP_WORK ? *left : EXCHANGE_GROUP_WORK;
	*left -= g->work;
	find_parts(g);
	mended = find_choices(g) && find_exchange(g);
	*left += g->work;
	return mended;
}

void exchange_steps(struct level *lv)
{
	struct group *g = arena_alloc(lv->arena, sizeof(*g));

	if (!lv->exchange)
		start(lv);
	g->lv = lv;
	/* The list of full cells may become longer on the way. */
	for (size_t n = 0; n < lv->full_count && lv->exchange->work > 0; n++)
		if (group_find(g, lv->full[n]) && can_mend(g))
			carry_out(g);
	for (size_t n = 0; n < lv->full_count; n++)
		lv->exchange->cell_group[lv->full[n]] = 0;
}
