#include "helper_snapshot.h"

#include "helper_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static int64_t random_cap(struct rng *r)
{
	switch (rng_below(r, 6)) {
	case 0:
		return ALLOC_NO_CAP;
	case 1:
		return rng_range(r, 0, 30000);	/* not on any step */
	default:
		return rng_range(r, 60, 1800) * 100;
	}
}

static void random_zone(struct rng *r, struct snapshot *s, int z)
{
	struct alloc_zone *zone = &s->zones[z];
	bool even = rng_below(r, 2);
	int64_t cap = random_cap(r);

	zone->parent = z ? (int)rng_below(r, (uint32_t)z + 1) - (rng_below(r, 8) ? 1 : 0) : -1;
	if (zone->parent >= z)
		zone->parent = z - 1;
	zone->one_phase = !rng_below(r, 8);
	for (int k = 0; k < PHASES; k++)
		zone->cap[k] = even ? cap : random_cap(r);
	zone->cap[PHASES] = rng_below(r, 4) ? ALLOC_NO_CAP : rng_range(r, 100, 3000) * 100;
	zone->sessions = rng_below(r, 5) ? 0 : 1 + (int)rng_below(r, 6);
	zone->sun = !rng_below(r, 4);
	if (zone->sun)
		zone->sun_ma = zone->sun_start_ma = rng_range(r, 0, 1500) * 100;
}

static void random_conn(struct rng *r, struct snapshot *s, int i, bool classes, bool coarse)
{
	struct alloc_conn *c = &s->conns[i];
	int64_t step = coarse && rng_below(r, 2) ? ALLOC_STEP_COARSE : ALLOC_STEP_FINE;

	*c = (struct alloc_conn){
		.zone = (int)rng_below(r, (uint32_t)s->zone_count), .competes = rng_below(r, 8),
		.phases = (phase_mask_t)(rng_below(r, 2) ? 7 : 1 << rng_below(r, 3)),
		.step_ma = step,
	};
	if (!rng_below(r, 8))
		c->phases = (phase_mask_t)(3 << rng_below(r, 2));
	c->min_ma = rng_below(r, 3) ? 6000 : rng_range(r, 6, 16) * 1000;
	c->max_ma = c->min_ma + rng_range(r, 0, 40) * 1000;
	if (step == ALLOC_STEP_FINE)
		c->max_ma += rng_range(r, 0, 9) * 100;
	if (!c->competes)
		c->floor_ma = rng_below(r, 2) ? rng_range(r, 0, 160) * 100 : 0;
	else if (!rng_below(r, 6))
		c->floor_ma = 6000;
	c->seated = !c->competes && c->floor_ma && rng_below(r, 2);
	c->sun_exempt = !c->competes || !rng_below(r, 4);
	if (classes) {
		c->cls = (int)rng_below(r, 3);
		c->strict = c->cls == 2 && rng_below(r, 2);
		c->fifo = !c->cls && !rng_below(r, 4);
	}
}

static void make_order(struct snapshot *s)
{
	s->order_count = 0;
	for (int cls = 2; cls >= 0; cls--)
		for (uint32_t i = 0; i < s->conn_count; i++)
			if (s->conns[i].competes && s->conns[i].cls == cls)
				s->order[s->order_count++] = i;
}

void snapshot_random(uint64_t seed, struct snapshot *s)
{
	struct rng r = rng_seed(seed);
	bool classes = rng_below(&r, 2), coarse = rng_below(&r, 2);

	memset(s, 0, sizeof(*s));
	s->zone_count = 1 + rng_below(&r, ZONES);
	s->conn_count = 1 + rng_below(&r, CONNS);
	for (int z = 0; z < (int)s->zone_count; z++)
		random_zone(&r, s, z);
	for (int i = 0; i < (int)s->conn_count; i++)
		random_conn(&r, s, i, classes, coarse);
	make_order(s);
}

void snapshot_allocate(const struct snapshot *s, int64_t *x)
{
	struct alloc_in in = { .zones = s->zones, .zone_count = s->zone_count, .conns = s->conns,
			       .conn_count = s->conn_count, .order = s->order,
			       .order_count = s->order_count };
	const struct alloc_result *out;
	struct arena arena;

	arena_init(&arena);
	out = alloc_run(&in, &arena);
	for (size_t i = 0; i < s->conn_count; i++)
		x[i] = out[i].x_ma;
	arena_fini(&arena);
}

/* ---- smaller ---- */

static void drop_conn(struct snapshot *s, size_t at)
{
	memmove(&s->conns[at], &s->conns[at + 1], (s->conn_count - at - 1) * sizeof(s->conns[0]));
	s->conn_count--;
	make_order(s);
}

void snapshot_shrink(struct snapshot *s, snapshot_check *fails)
{
	bool smaller = true;

	while (smaller) {
		smaller = false;
		for (size_t i = 0; i < s->conn_count; i++) {
			struct snapshot t = *s;

			drop_conn(&t, i);
			if (fails(&t)) {
				*s = t;
				smaller = true;
			}
		}
		for (size_t z = 0; z < s->zone_count; z++)
			for (int k = 0; k <= ALLOC_CAPS; k++) {
				struct snapshot t = *s;
				bool there = k == ALLOC_SUN ? s->zones[z].sun : s->zones[z].cap[k] != ALLOC_NO_CAP;

				if (k == ALLOC_SUN)
					t.zones[z].sun = false;
				else
					t.zones[z].cap[k] = ALLOC_NO_CAP;
				if (there && fails(&t)) {
					*s = t;
					smaller = true;
				}
			}
		for (size_t z = 0; z < s->zone_count; z++) {
			struct snapshot t = *s;

			t.zones[z].sessions = 0;
			if (s->zones[z].sessions && fails(&t)) {
				*s = t;
				smaller = true;
			}
		}
	}
}

/* ---- for people ---- */

static void print_cap(int64_t ma)
{
	if (ma == ALLOC_NO_CAP)
		print_message(" -");
	else
		print_message(" %lld", (long long)ma);
}

void snapshot_print(const struct snapshot *s)
{
	int64_t x[CONNS];

	snapshot_allocate(s, x);
	for (size_t z = 0; z < s->zone_count; z++) {
		print_message("# zone %zu in %d%s sessions %d:", z, s->zones[z].parent,
			      s->zones[z].one_phase ? " one-phase" : "", s->zones[z].sessions);
		for (int k = 0; k < ALLOC_CAPS; k++)
			print_cap(s->zones[z].cap[k]);
		if (s->zones[z].sun)
			print_message(" sun %lld, %lld to start", (long long)s->zones[z].sun_ma,
				      (long long)s->zones[z].sun_start_ma);
		print_message("\n");
	}
	for (size_t i = 0; i < s->conn_count; i++) {
		const struct alloc_conn *c = &s->conns[i];

		print_message("# conn %zu zone %d phases %d min %lld max %lld step %lld floor %lld class "
			      "%d%s%s%s%s%s%s: %lld\n", i, c->zone, c->phases, (long long)c->min_ma,
			      (long long)c->max_ma, (long long)c->step_ma, (long long)c->floor_ma, c->cls,
			      c->strict ? " strict" : "", c->fifo ? " fifo" : "",
			      c->competes ? "" : c->seated ? " seated" : " idle", c->sun_exempt ? " exempt" : "",
			      c->sun_held ? " held" : "", c->starting ? " starting" : "", (long long)x[i]);
	}
}
