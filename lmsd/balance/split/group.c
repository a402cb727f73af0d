/* balance/split/group.c - finds groups by walking from cap to car to cap. */
#include "balance/split/group.h"

static bool is_full(const struct level *lv, uint32_t cell)
{
	return lv->cells[cell].full_in == lv->fill;
}

static bool add_car(struct group *g, uint32_t conn)
{
	const struct alloc_conn *c = &g->lv->in->conns[conn];

	if (g->cars == EXCHANGE_CARS || (g->cars && c->step_ma != g->step_ma) ||
	    g->lv->exchange->conn_group[conn] == GROUP_MENDED)
		return false;
	g->step_ma = c->step_ma;
	g->lv->exchange->conn_group[conn] = g->lv->exchange->group;
	g->car[g->cars++] = (struct member){
		.conn = conn, .min_ma = c->min_ma, .max_ma = c->max_ma, .filled_ma = g->lv->rises[conn].x_ma,
	};
	return true;
}

/* Every car that rose in this filling and counts in the cell. */
static bool add_cars_of(struct group *g, uint32_t cell)
{
	struct level *lv = g->lv;
	const struct cell *c = &lv->cells[cell];

	for (uint32_t i = lv->zone_from[c->zone]; i < lv->zone_to[c->zone]; i++) {
		uint32_t conn = lv->by_zone[i];

		if (lv->rises[conn].fill == lv->fill && level_weight(lv, conn, cell) &&
		    lv->exchange->conn_group[conn] != lv->exchange->group && !add_car(g, conn))
			return false;
	}
	return true;
}

/* A cap that leaves no room for a step of a car that could use it holds that car up, too. */
static bool add_caps_of(struct group *g, const struct member *m, uint32_t *met, size_t *count)
{
	struct level *lv = g->lv;
	const struct rise *rise = &lv->rises[m->conn];
	uint32_t *cell_group = lv->exchange->cell_group;

	for (uint32_t i = 0; i < rise->hit_count; i++) {
		const struct hit *h = &lv->hits[rise->first_hit + i];

		if (m->filled_ma < m->max_ma && lv->cells[h->cell].free_ma < h->weight * g->step_ma)
			level_note_full(lv, h->cell);
		if (!is_full(lv, h->cell) || cell_group[h->cell] == lv->exchange->group)
			continue;
		if (cell_group[h->cell] == GROUP_LARGE || *count == GROUP_BOUNDS)
			return false;
		cell_group[h->cell] = lv->exchange->group;
		met[(*count)++] = h->cell;
	}
	return true;
}

/* Which cars change must not depend on where the group was met first. */
static void sort_cars(struct group *g)
{
	for (size_t n = 1; n < g->cars; n++) {
		struct member m = g->car[n];
		size_t at = n;

		for (; at > 0 && g->car[at - 1].conn > m.conn; at--)
			g->car[at] = g->car[at - 1];
		g->car[at] = m;
	}
}

/* From the full cell to the cars in it, to all full cells above these, and so on. What meets the cells of a
 * group that is too large is too large itself: each is gone over only once. */
bool group_find(struct group *g, uint32_t cell)
{
	struct exchange *e = g->lv->exchange;
	uint32_t met[GROUP_BOUNDS] = { cell };
	size_t count = 1, seen = 0;
	bool small = true;

	if (e->cell_group[cell])
		return false;
	g->cars = g->bounds = 0;
	e->cell_group[cell] = ++e->group;
	for (size_t n = 0; n < count && small; n++) {
		small = add_cars_of(g, met[n]);
		for (; seen < g->cars && small; seen++)
			small = add_caps_of(g, &g->car[seen], met, &count);
	}
	for (size_t n = 0; n < count && !small; n++)
		e->cell_group[met[n]] = GROUP_LARGE;
	sort_cars(g);
	return small;
}

bool group_is_even(const struct group *g)
{
	const struct level *lv = g->lv;
	const struct rise *first = &lv->rises[g->car[0].conn];

	for (size_t n = 0; n < g->cars; n++) {
		const struct rise *rise = &lv->rises[g->car[n].conn];
		uint32_t a = 0, b = 0;

		for (;; a++, b++) {
			const struct hit *x = &lv->hits[first->first_hit], *y = &lv->hits[rise->first_hit];

			while (a < first->hit_count && !is_full(lv, x[a].cell))
				a++;
			while (b < rise->hit_count && !is_full(lv, y[b].cell))
				b++;
			if (a == first->hit_count || b == rise->hit_count)
				break;
			if (x[a].cell != y[b].cell || x[a].weight != y[b].weight)
				return false;
		}
		if (a != first->hit_count || b != rise->hit_count)
			return false;
	}
	return true;
}

/* Without those that cannot become full, whatever changes hands. */
static void drop_wide_bounds(struct group *g)
{
	size_t kept = 0;

	for (size_t k = 0; k < g->bounds; k++) {
		int64_t most = 0;

		for (size_t n = 0; n < g->cars; n++)
			most += g->bound[k].weight[n] * (g->car[n].filled_ma + 3 * g->step_ma);
		if (most > g->bound[k].room_ma)
			g->bound[kept++] = g->bound[k];
	}
	g->bounds = kept;
}

bool group_find_bounds(struct group *g)
{
	struct level *lv = g->lv;
	uint32_t *at = lv->exchange->cell_bound;

	for (size_t n = 0; n < g->cars; n++) {
		const struct rise *rise = &lv->rises[g->car[n].conn];

		for (uint32_t i = 0; i < rise->hit_count; i++) {
			const struct hit *h = &lv->hits[rise->first_hit + i];
			struct bound *b;

			if (at[h->cell] >= g->bounds || g->bound[at[h->cell]].cell != h->cell) {
				if (g->bounds == GROUP_BOUNDS)
					return false;
				at[h->cell] = (uint32_t)g->bounds;
				g->bound[g->bounds++] = (struct bound){
					.cell = h->cell, .full = is_full(lv, h->cell),
					.room_ma = lv->cells[h->cell].free_ma,
				};
			}
			b = &g->bound[at[h->cell]];
			b->weight[n] = h->weight;
			b->room_ma += h->weight * g->car[n].filled_ma;
		}
	}
	drop_wide_bounds(g);
	return true;
}
