/* How long a full recomputation takes: the split alone, and a whole turn with all that it looks at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "balance/split/alloc.h"
#include "base/err.h"
#include "tests/bench/bench.h"

#define ZONES 5000
#define CONNS 10000
#define RUNS  25

/* Of this program alone: what else the machine does is no figure of the engine. */
static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static int compare(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return a < b ? -1 : a > b;
}

static int64_t median(int64_t *list)
{
	qsort(list, RUNS, sizeof(*list), compare);
	return list[RUNS / 2];
}

/* What any answer has to do at least: each connector's current into every zone above it. */
static int64_t plain_pass(const struct alloc_in *in, int64_t (*sums)[PHASES])
{
	int64_t top = 0;

	memset(sums, 0, ZONES * sizeof(*sums));
	for (size_t i = 0; i < in->conn_count; i++)
		for (int z = in->conns[i].zone; z >= 0; z = in->zones[z].parent)
			for (int k = 0; k < PHASES; k++)
				if (in->conns[i].phases >> k & 1)
					sums[z][k] += in->conns[i].min_ma;
	for (size_t z = 0; z < in->zone_count; z++)
		top = sums[z][0] > top ? sums[z][0] : top;
	return top;
}

void bench_speed(uint64_t seed)
{
	struct rng r = rng_seed(seed);
	struct alloc_zone *zones = xcalloc(ZONES, sizeof(*zones));
	struct alloc_conn *conns = xcalloc(CONNS, sizeof(*conns));
	uint32_t *order = xcalloc(CONNS, sizeof(*order));
	int64_t (*sums)[PHASES] = xcalloc(ZONES, sizeof(*sums));
	int64_t engine[RUNS], plain[RUNS], check = 0, e, p;
	struct alloc_in in = { zones, ZONES, conns, CONNS, order, CONNS };
	struct arena arena;

	for (int z = 0; z < ZONES; z++) {
		zones[z].parent = z ? (z - 1) / 8 : -1;
		for (int k = 0; k < ALLOC_CAPS; k++)
			zones[z].cap[k] = k == PHASES ? ALLOC_NO_CAP : z < 64 ? 40000000 / (z + 1)
							: rng_range(&r, 100, 800) * 100;
	}
	for (uint32_t i = 0; i < CONNS; i++) {
		conns[i] = (struct alloc_conn){
			.zone = (int)rng_below(&r, ZONES), .competes = true, .min_ma = 6000,
			.phases = (phase_mask_t)(rng_below(&r, 2) ? 7 : 1 << rng_below(&r, 3)),
			.max_ma = rng_range(&r, 10, 32) * 1000, .step_ma = ALLOC_STEP_FINE,
		};
		order[i] = i;
	}
	arena_init(&arena);
	for (int i = 0; i < RUNS; i++) {
		int64_t from = cpu_us();

		check += alloc_run(&in, &arena)[0].x_ma;
		engine[i] = cpu_us() - from;
		arena_reset(&arena);
		from = cpu_us();
		check += plain_pass(&in, sums);
		plain[i] = cpu_us() - from;
	}
	e = median(engine);
	p = median(plain);
	printf("split of %d connectors in %d zones: %.1f ms, plain pass %.2f ms, ratio %.0f (CPU time, "
	       "median of %d, target 20 ms; %lld)\n", CONNS, ZONES, (double)e / 1000, (double)p / 1000,
	       (double)e / (double)(p ? p : 1), RUNS, (long long)check);
	arena_fini(&arena);
	free(sums);
	free(order);
	free(conns);
	free(zones);
}

/* ---- a whole turn ---------------------------------------------------------------------------- */

struct names {
	char zone[16], conn[16], station[16];
};

static void make_site(struct rng *r, struct names *names, struct bal_zone_conf *zones, struct bal_conn_conf *conns)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	for (int z = 0; z < ZONES; z++) {
		int64_t cap = z < 64 ? 6000000 / (z + 1) : rng_range(r, 100, 800) * 100;

		snprintf(names[z].zone, sizeof(names[z].zone), "Z%d", z);
		zones[z] = (struct bal_zone_conf){ .id = names[z].zone, .parent = z ? (z - 1) / 8 : -1, .phases = PHASES,
						   .cap = { { cap, cap, cap } }, .cap_w = NUM_NONE, .dynamic = none,
						   .meter_lost = none, .min_ma = NUM_NONE };
	}
	for (int i = 0; i < CONNS; i++) {
		snprintf(names[i].conn, sizeof(names[i].conn), "S%d/1", i);
		snprintf(names[i].station, sizeof(names[i].station), "S%d", i);
		conns[i] = (struct bal_conn_conf){
			.id = names[i].conn, .station = names[i].station, .zone = (int)rng_below(r, ZONES),
			.wiring = rng_below(r, 2) ? BAL_RST : (enum bal_wiring)(BAL_L1 + rng_below(r, 3)),
			.min_ma = 6000, .max_ma = 32000, .step_ma = ALLOC_STEP_FINE, .settle_us = 5 * US_PER_S,
			.manageable = true, .proven = true,
		};
	}
}

static void turn_once(struct balance *b, struct arena *arena, mono_t now)
{
	struct bal_turn out;

	balance_turn(b, now, arena, &out);
	for (size_t i = 0; i < out.order_count; i++)
		balance_answer(b, out.orders[i].conn, out.orders[i].token, BAL_ACCEPTED, now);
	arena_reset(arena);
}

/* One connector changes at a time in a site that is as full as it can be. */
void bench_turn(uint64_t seed)
{
	struct rng r = rng_seed(seed);
	struct names *names = xcalloc(CONNS, sizeof(*names));
	struct bal_zone_conf *zones = xcalloc(ZONES, sizeof(*zones));
	struct bal_conn_conf *conns = xcalloc(CONNS, sizeof(*conns));
	struct bal_conf conf = { .zones = zones, .zone_count = ZONES, .conns = conns, .conn_count = CONNS };
	struct balance *b = balance_new();
	int64_t took[RUNS];
	struct arena arena;
	mono_t now = US_PER_S;

	make_site(&r, names, zones, conns);
	lms_assert(balance_configure(b, &conf, now, NULL) == 0);
	for (uint32_t i = 0; i < CONNS; i++) {
		balance_online(b, conns[i].station, true, now);
		balance_use(b, i, BAL_CHARGING, i + 1, false, now);
	}
	arena_init(&arena);
	for (int i = 0; i < 100; i++, now += US_PER_S)
		turn_once(b, &arena, now);
	for (uint32_t i = 0; i < RUNS; i++, now += US_PER_S) {
		int64_t from;

		balance_conn_cap(b, rng_below(&r, CONNS), rng_range(&r, 6, 32) * 1000, now);
		from = cpu_us();
		turn_once(b, &arena, now);
		took[i] = cpu_us() - from;
	}
	printf("whole turn of %d connectors in %d zones: %.1f ms (CPU time, median of %d, target 20 ms)\n", CONNS,
	       ZONES, (double)median(took) / 1000, RUNS);
	arena_fini(&arena);
	balance_free(b);
	free(conns);
	free(zones);
	free(names);
}
