/* The hand-computed table of the allocator: three-phase 32 A cars, 0.1 A steps, unless said.
 * Cars that are equal may swap: within one `alike` letter the amounts are compared as a set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "balance/split/alloc.h"

#define MAX_ZONES 4
#define MAX_CARS  8
#define NONE      ALLOC_NO_CAP

#define L1  1
#define L2  2
#define L3  4
#define L123 7

enum class { PLAIN, VIP, VIP_STRICT };

struct car {
	int zone;
	phase_mask_t phases;
	char alike;
	int64_t expect;
	int64_t max, step, min;	/* 0 = 32 A, 0.1 A, 6 A */
	enum class cls;
	bool fifo;
	int64_t reserved;	/* offline: does not compete */
};

struct golden {
	const char *name;
	struct { int parent; int64_t cap[ALLOC_CAPS]; } zones[MAX_ZONES];
	int zone_count;
	struct car cars[MAX_CARS];
	int car_count;
};

#define ZONE(p, a) { p, { a, a, a, NONE } }
#define A(x) ((int64_t)((x) * 1000 + 0.5))
#define CAR(z, ph, like, amps) { .zone = z, .phases = ph, .alike = like, .expect = A(amps) }
#define STEP1(z, like, amps) \
	{ .zone = z, .phases = L123, .alike = like, .expect = A(amps), .step = 1000 }

static const struct golden table[] = {
	{ "one car alone in 60 A has its maximum", { ZONE(-1, 60000) }, 1, { CAR(0, L123, 'a', 32) }, 1 },
	{ "two cars share 60 A", { ZONE(-1, 60000) }, 1,
	  { CAR(0, L123, 'a', 30), CAR(0, L123, 'a', 30) }, 2 },
	{ "three cars share 60 A", { ZONE(-1, 60000) }, 1,
	  { CAR(0, L123, 'a', 20), CAR(0, L123, 'a', 20), CAR(0, L123, 'a', 20) }, 3 },
	{ "three cars share 50 A and its remainder", { ZONE(-1, 50000) }, 1,
	  { CAR(0, L123, 'a', 16.7), CAR(0, L123, 'a', 16.7), CAR(0, L123, 'a', 16.6) }, 3 },
	{ "three cars with 1 A steps share 50 A", { ZONE(-1, 50000) }, 1,
	  { STEP1(0, 'a', 17), STEP1(0, 'a', 17), STEP1(0, 'a', 16) }, 3 },
	{ "wiring rotation spreads single-phase cars", { ZONE(-1, 32000) }, 1,
	  { CAR(0, L1, 'a', 32), CAR(0, L2, 'b', 32), CAR(0, L3, 'c', 32) }, 3 },
	{ "single-phase cars all on L1 share it", { ZONE(-1, 32000) }, 1,
	  { CAR(0, L1, 'a', 10.7), CAR(0, L1, 'a', 10.7), CAR(0, L1, 'a', 10.6) }, 3 },
	{ "a three-phase car and one on L1 share L1", { ZONE(-1, 32000) }, 1,
	  { CAR(0, L123, 'a', 16), CAR(0, L1, 'b', 16) }, 2 },
	{ "the remainder goes to the cars on fewer phases", { ZONE(-1, 32000) }, 1,
	  { CAR(0, L123, 'a', 10.6), CAR(0, L1, 'b', 10.7), CAR(0, L1, 'b', 10.7),
	    CAR(0, L2, 'c', 21.4) }, 4 },
	{ "keep_min: a VIP leaves the others their minimum", { ZONE(-1, 40000) }, 1,
	  { { .phases = L123, .alike = 'v', .expect = 22000, .cls = VIP }, CAR(0, L123, 'a', 6),
	    CAR(0, L123, 'a', 6), CAR(0, L123, 'a', 6) }, 4 },
	{ "strict: a VIP has its maximum first", { ZONE(-1, 40000) }, 1,
	  { { .phases = L123, .alike = 'v', .expect = 32000, .cls = VIP_STRICT },
	    CAR(0, L123, 'a', 8), CAR(0, L123, 'a', 0), CAR(0, L123, 'a', 0) }, 4 },
	{ "a VIP and two others share 60 A", { ZONE(-1, 60000) }, 1,
	  { { .phases = L123, .alike = 'v', .expect = 32000, .cls = VIP }, CAR(0, L123, 'a', 14),
	    CAR(0, L123, 'a', 14) }, 3 },
	{ "nested: A is full, B takes the rest of main 100 A",
	  { ZONE(-1, 100000), ZONE(0, 40000), ZONE(0, 80000) }, 3,
	  { CAR(1, L123, 'a', 13.4), CAR(1, L123, 'a', 13.3), CAR(1, L123, 'a', 13.3),
	    CAR(2, L123, 'b', 30), CAR(2, L123, 'b', 30) }, 5 },
	{ "nested: main 60 A binds all alike",
	  { ZONE(-1, 60000), ZONE(0, 40000), ZONE(0, 80000) }, 3,
	  { CAR(1, L123, 'a', 12), CAR(1, L123, 'a', 12), CAR(1, L123, 'a', 12),
	    CAR(2, L123, 'a', 12), CAR(2, L123, 'a', 12) }, 5 },
	{ "nested: A has room for two of three minima",
	  { ZONE(-1, 60000), ZONE(0, 12000), ZONE(0, 80000) }, 3,
	  { CAR(1, L123, 'a', 6), CAR(1, L123, 'a', 6), CAR(1, L123, 'a', 0),
	    CAR(2, L123, 'b', 24), CAR(2, L123, 'b', 24) }, 5 },
	{ "what a slow car leaves goes to the others", { ZONE(-1, 60000) }, 1,
	  { { .phases = L123, .alike = 's', .expect = 12000, .max = 12000 }, CAR(0, L123, 'a', 24),
	    CAR(0, L123, 'a', 24) }, 3 },
	{ "20 A serves three of five", { ZONE(-1, 20000) }, 1,
	  { CAR(0, L123, 'a', 6.7), CAR(0, L123, 'a', 6.7), CAR(0, L123, 'a', 6.6),
	    CAR(0, L123, 'a', 0), CAR(0, L123, 'a', 0) }, 5 },
	{ "5 A serves nobody", { ZONE(-1, 5000) }, 1, { CAR(0, L123, 'a', 0) }, 1 },
	{ "an offline station keeps its 16 A", { ZONE(-1, 60000) }, 1,
	  { { .phases = L123, .alike = 'o', .reserved = 16000 }, CAR(0, L123, 'a', 14.7),
	    CAR(0, L123, 'a', 14.7), CAR(0, L123, 'a', 14.6) }, 4 },
	{ "a building that loads its phases unevenly", { { -1, { 65000, 80000, 45000, NONE } } }, 1,
	  { CAR(0, L123, 'a', 15), CAR(0, L123, 'a', 15), CAR(0, L2, 'b', 32), CAR(0, L3, 'c', 15) }, 4 },
	/* Beyond the table: traps met on the way. */
	{ "a remainder is not taken by a richer car elsewhere",
	  { ZONE(-1, 72000), ZONE(0, 40000) }, 2,
	  { CAR(1, L123, 'a', 13.4), CAR(1, L123, 'a', 13.3), CAR(1, L123, 'a', 13.3),
	    CAR(0, L123, 'b', 32) }, 4 },
	{ "1 A and 0.1 A steps: the coarse car is not left behind", { ZONE(-1, 33500) }, 1,
	  { STEP1(0, 'a', 17), CAR(0, L123, 'b', 16.5) }, 2 },
	{ "1 A and 0.1 A steps: the rest below 1 A goes to the fine car", { ZONE(-1, 32900) }, 1,
	  { STEP1(0, 'a', 16), CAR(0, L123, 'b', 16.9) }, 2 },
	{ "cars still below their minimum hold it while the others rise", { ZONE(-1, 40000) }, 1,
	  { { .phases = L123, .alike = 'a', .expect = 16000, .min = 16000 }, CAR(0, L123, 'b', 12),
	    CAR(0, L123, 'b', 12) }, 3 },
	{ "first come, first served: the first has its maximum, the others what is left",
	  { ZONE(-1, 50000) }, 1,
	  { { .phases = L123, .alike = 'a', .expect = 32000, .fifo = true },
	    { .phases = L123, .alike = 'b', .expect = 12000, .fifo = true },
	    { .phases = L123, .alike = 'c', .expect = 6000, .fifo = true } }, 3 },
	/* Three steps of a total are left. One for the three-phase car would make 7.7 and 7.8: less fair, and by
	 * more than a step, than the three that the other can have one by one. */
	{ "what is left of a total goes to whom it makes richer without making the other poorer",
	  { { -1, { NONE, NONE, NONE, 31100 } } }, 1, { CAR(0, L123, 'a', 7.7), CAR(0, L1, 'b', 8) }, 2 },
	/* Filling step by step makes 7.1, 7.0 and 7.2, 7.1: one has 1.3 steps more than his part of 7.075 A. */
	{ "where no car need be more than a step from its part none is",
	  { { -1, { NONE, NONE, NONE, 56600 } } }, 1,
	  { CAR(0, L123, 'a', 7.1), CAR(0, L123, 'a', 7.1), CAR(0, L1, 'b', 7), CAR(0, L2, 'b', 7) }, 4 },
	/* Two steps are left of L2. Were they for the cars on L2 and on L1 and L2, all others would stay below
	 * their parts on L3, and 40.2 A be left there. */
	{ "the last steps do not pile up on the car of another phase",
	  { { -1, { 100000, 33200, 60000, NONE } } }, 1,
	  { CAR(0, L1 | L2, 'a', 6.7), CAR(0, L2, 'b', 6.6), CAR(0, L123, 'c', 6.6), CAR(0, L123, 'c', 6.6),
	    CAR(0, L2 | L3, 'd', 6.7), { .phases = L3, .alike = 'e', .expect = 40100, .max = 60000 } }, 6 },
	{ "a total over all phases counts each phase in use", { { -1, { NONE, NONE, NONE, 80000 } } }, 1,
	  { CAR(0, L123, 'a', 20), CAR(0, L1, 'b', 20) }, 2 },
};

static int compare_ma(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return a < b ? -1 : a > b;
}

static void run(const struct golden *g, struct arena *arena, const struct alloc_result **out)
{
	struct alloc_zone zones[MAX_ZONES] = { 0 };
	struct alloc_conn conns[MAX_CARS] = { 0 };
	uint32_t order[MAX_CARS];
	struct alloc_in in = { .zones = zones, .zone_count = (size_t)g->zone_count, .conns = conns,
			       .conn_count = (size_t)g->car_count, .order = order };

	for (int i = 0; i < g->zone_count; i++) {
		zones[i].parent = g->zones[i].parent;
		memcpy(zones[i].cap, g->zones[i].cap, sizeof(zones[i].cap));
	}
	for (int i = 0; i < g->car_count; i++) {
		const struct car *c = &g->cars[i];

		conns[i] = (struct alloc_conn){
			.zone = c->zone, .phases = c->phases, .floor_ma = c->reserved,
			.competes = !c->reserved, .strict = c->cls == VIP_STRICT, .fifo = c->fifo,
			.cls = c->cls != PLAIN, .min_ma = c->min ? c->min : 6000,
			.max_ma = c->max ? c->max : 32000, .step_ma = c->step ? c->step : 100,
		};
	}
	for (int cls = 1; cls >= 0; cls--)
		for (uint32_t i = 0; i < in.conn_count; i++)
			if (conns[i].competes && conns[i].cls == cls)
				order[in.order_count++] = i;
	*out = alloc_run(&in, arena);
}

static void the_table_holds(void **state)
{
	(void)state;
	for (size_t t = 0; t < sizeof(table) / sizeof(table[0]); t++) {
		const struct golden *g = &table[t];
		const struct alloc_result *out;
		struct arena arena;
		int done[256] = { 0 };

		arena_init(&arena);
		run(g, &arena, &out);
		for (int i = 0; i < g->car_count; i++) {
			int64_t want[MAX_CARS], got[MAX_CARS];
			size_t n = 0;

			if (done[(unsigned char)g->cars[i].alike]++)
				continue;
			for (int k = 0; k < g->car_count; k++)
				if (g->cars[k].alike == g->cars[i].alike) {
					want[n] = g->cars[k].expect;
					got[n++] = out[k].x_ma;
				}
			qsort(want, n, sizeof(*want), compare_ma);
			qsort(got, n, sizeof(*got), compare_ma);
			for (size_t k = 0; k < n; k++)
				if (want[k] != got[k])
					fail_msg("%s: '%c' got %lld mA, not %lld", g->name,
						 g->cars[i].alike, (long long)got[k],
						 (long long)want[k]);
		}
		arena_fini(&arena);
	}
}

static void a_full_zone_is_named(void **state)
{
	const struct alloc_result *out;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	run(&table[12], &arena, &out);
	assert_int_equal(out[0].why, ALLOC_FULL);
	assert_int_equal(out[0].zone, 1);
	assert_int_equal(out[3].why, ALLOC_FULL);
	assert_int_equal(out[3].zone, 0);
	run(&table[14], &arena, &out);
	assert_int_equal(out[2].why, ALLOC_NO_ROOM);
	assert_int_equal(out[2].zone, 1);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(a_full_zone_is_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
