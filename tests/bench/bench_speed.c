/* How long a full recomputation takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "balance/alloc.h"
#include "tests/bench/bench.h"

#define ZONES 5000
#define CONNS 10000
#define RUNS  25

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
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
		int64_t from = clock_us();

		check += alloc_run(&in, &arena)[0].x_ma;
		engine[i] = clock_us() - from;
		arena_reset(&arena);
		from = clock_us();
		check += plain_pass(&in, sums);
		plain[i] = clock_us() - from;
	}
	e = median(engine);
	p = median(plain);
	printf("split of %d connectors in %d zones: %.1f ms, plain pass %.2f ms, ratio %.0f (median of %d, "
	       "target 20 ms; %lld)\n", CONNS, ZONES, (double)e / 1000, (double)p / 1000,
	       (double)e / (double)(p ? p : 1), RUNS, (long long)check);
	arena_fini(&arena);
	free(sums);
	free(order);
	free(conns);
	free(zones);
}
