/* alloc-filter - the allocator for programs in other languages: sites on standard input, splits out.
 *
 * A site is a line `ZONES CONNS`, then per zone `parent one_phase cap1 cap2 cap3 total` (-1 = none),
 * then per connector `zone phases min max step floor`, all in mA; connectors compete in that order.
 * One line with the connectors' currents answers each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/split/alloc.h"

#define COUNT_MAX 100000

static bool read_zone(struct alloc_zone *z, int at)
{
	int one;

	if (scanf("%d %d", &z->parent, &one) != 2 || z->parent >= at || z->parent < -1)
		return false;
	z->one_phase = one;
	for (int k = 0; k < ALLOC_CAPS; k++) {
		if (scanf("%" SCNd64, &z->cap[k]) != 1)
			return false;
		if (z->cap[k] < 0)
			z->cap[k] = ALLOC_NO_CAP;
	}
	return true;
}

static bool read_conn(struct alloc_conn *c, int zones)
{
	int phases;

	if (scanf("%d %d %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &c->zone, &phases, &c->min_ma,
		  &c->max_ma, &c->step_ma, &c->floor_ma) != 6)
		return false;
	c->phases = (phase_mask_t)phases;
	c->competes = true;
	return c->zone >= 0 && c->zone < zones && phases > 0 && phases <= PHASE_ALL &&
	       (c->step_ma == ALLOC_STEP_FINE || c->step_ma == ALLOC_STEP_COARSE) &&
	       c->min_ma > 0 && c->min_ma <= c->max_ma;
}

static bool run_site(int zone_count, int conn_count)
{
	struct arena arena;
	struct alloc_zone *zones;
	struct alloc_conn *conns;
	uint32_t *order;
	const struct alloc_result *out;
	bool ok = true;

	arena_init(&arena);
	zones = arena_array(&arena, (size_t)zone_count + 1, sizeof(*zones));
	conns = arena_array(&arena, (size_t)conn_count + 1, sizeof(*conns));
	order = arena_array(&arena, (size_t)conn_count + 1, sizeof(*order));
	for (int i = 0; i < zone_count && ok; i++)
		ok = read_zone(&zones[i], i);
	for (int i = 0; i < conn_count && ok; i++) {
		ok = read_conn(&conns[i], zone_count);
		order[i] = (uint32_t)i;
	}
	if (ok) {
		struct alloc_in in = { zones, (size_t)zone_count, conns, (size_t)conn_count, order,
				       (size_t)conn_count };

		out = alloc_run(&in, &arena);
		for (int i = 0; i < conn_count; i++)
			printf("%s%" PRId64, i ? " " : "", out[i].x_ma);
		putchar('\n');
	}
	arena_fini(&arena);
	return ok;
}

int main(void)
{
	int zones, conns;

	while (scanf("%d %d", &zones, &conns) == 2)
		if (zones < 0 || conns < 0 || zones > COUNT_MAX || conns > COUNT_MAX || !run_site(zones, conns)) {
			fputs("alloc-filter: the site cannot be read\n", stderr);
			return 65;
		}
	return 0;
}
