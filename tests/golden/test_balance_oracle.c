/* The allocator beside two that are too slow and too simple to be wrong.
 *
 * One goes over every possible split of a tiny site and keeps the best by the definition of max-min
 * (whose poorest is richest, then whose second poorest …). The other fills small sites one step at a
 * time, always the poorest whose step fits. Neither shares a line with lmsd/balance.
 * SITES=n sets how many (helper_random.h), SEED=s replays the one that was reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "balance/split/alloc.h"
#include "tests/scenario/helper_random.h"

#define ZONES 4
#define CONNS 6
#define TINY  3

struct site {
	struct alloc_zone zones[ZONES];
	struct alloc_conn conns[CONNS];
	int zone_count, conn_count;
};

static void random_site(uint64_t seed, struct site *s, int conns, int64_t step)
{
	struct rng r = rng_seed(seed);
	bool uneven = rng_below(&r, 2);

	memset(s, 0, sizeof(*s));
	s->zone_count = 1 + (int)rng_below(&r, ZONES);
	s->conn_count = 1 + (int)rng_below(&r, (uint32_t)conns);
	for (int z = 0; z < s->zone_count; z++) {
		int64_t cap = rng_range(&r, 50, 900) * 100;

		s->zones[z].parent = z ? (int)rng_below(&r, (uint32_t)z) : -1;
		s->zones[z].one_phase = !rng_below(&r, 8);
		for (int k = 0; k < PHASES; k++)
			s->zones[z].cap[k] = uneven && rng_below(&r, 2) ? cap / 2 : cap;
		s->zones[z].cap[PHASES] = rng_below(&r, 4) ? ALLOC_NO_CAP : 2 * cap;
	}
	for (int i = 0; i < s->conn_count; i++) {
		int64_t min = rng_below(&r, 3) ? 6000 : rng_range(&r, 6, 13) * 1000;

		s->conns[i] = (struct alloc_conn){
			.zone = (int)rng_below(&r, (uint32_t)s->zone_count), .competes = true,
			.phases = (phase_mask_t)(rng_below(&r, 2) ? 7 : 1 << rng_below(&r, 3)),
			.min_ma = min, .max_ma = min + rng_range(&r, 0, 24) * 1000, .step_ma = step,
			.floor_ma = rng_below(&r, 6) ? 0 : 6000,
		};
	}
}

/* ---- what fits, by the definition ------------------------------------------------------------ */

static bool is_below(const struct site *s, int zone, int above)
{
	return zone == above || (zone >= 0 && is_below(s, s->zones[zone].parent, above));
}

static bool fits(const struct site *s, const int64_t *x)
{
	for (int z = 0; z < s->zone_count; z++) {
		int64_t sum[PHASES] = { 0 }, total = 0;

		for (int i = 0; i < s->conn_count; i++) {
			int64_t ma = x[i] > s->conns[i].floor_ma ? x[i] : s->conns[i].floor_ma;

			if (!is_below(s, s->conns[i].zone, z))
				continue;
			if (s->zones[z].one_phase) {
				sum[0] += ma;
				total += ma;
			} else {
				for (int k = 0; k < PHASES; k++) {
					sum[k] += s->conns[i].phases >> k & 1 ? ma : 0;
					total += s->conns[i].phases >> k & 1 ? ma : 0;
				}
			}
		}
		for (int k = 0; k < (s->zones[z].one_phase ? 1 : PHASES); k++)
			if (sum[k] > s->zones[z].cap[k])
				return false;
		if (total > s->zones[z].cap[PHASES])
			return false;
	}
	return true;
}

/* In their order, each at its minimum if that fits beside those before. */
static void admit(const struct site *s, int64_t *x)
{
	memset(x, 0, CONNS * sizeof(*x));
	for (int i = 0; i < s->conn_count; i++) {
		x[i] = s->conns[i].min_ma;
		if (!fits(s, x))
			x[i] = 0;
	}
}

/* What is held in any case fits; what happens else is another test's. */
static void drop_floors(struct site *s)
{
	const int64_t nothing[CONNS] = { 0 };

	for (int i = 0; i < s->conn_count && !fits(s, nothing); i++)
		s->conns[i].floor_ma = 0;
}

static void run_engine(const struct site *s, int64_t *x)
{
	uint32_t order[CONNS];
	struct alloc_in in = { .zones = s->zones, .zone_count = (size_t)s->zone_count, .conns = s->conns,
			       .conn_count = (size_t)s->conn_count, .order = order,
			       .order_count = (size_t)s->conn_count };
	const struct alloc_result *out;
	struct arena arena;

	arena_init(&arena);
	for (uint32_t i = 0; i < in.order_count; i++)
		order[i] = i;
	out = alloc_run(&in, &arena);
	for (int i = 0; i < s->conn_count; i++)
		x[i] = out[i].x_ma;
	arena_fini(&arena);
}

static void complain(uint64_t seed, const struct site *s, const int64_t *want, const int64_t *got,
		     const char *what)
{
	for (int z = 0; z < s->zone_count; z++)
		print_message("# zone %d in %d, %s, caps %lld %lld %lld total %lld\n", z, s->zones[z].parent,
			      s->zones[z].one_phase ? "one phase" : "three phases",
			      (long long)s->zones[z].cap[0], (long long)s->zones[z].cap[1],
			      (long long)s->zones[z].cap[2], (long long)s->zones[z].cap[3]);
	for (int i = 0; i < s->conn_count; i++)
		print_message("# connector %d in %d, phases %d, %lld to %lld, floor %lld: oracle %lld, "
			      "engine %lld\n", i, s->conns[i].zone, s->conns[i].phases,
			      (long long)s->conns[i].min_ma, (long long)s->conns[i].max_ma,
			      (long long)s->conns[i].floor_ma, (long long)want[i], (long long)got[i]);
	fail_msg("%s (replay: SEED=%llu)", what, (unsigned long long)seed);
}

/* ---- every possible split -------------------------------------------------------------------- */

static int compare_ma(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return a < b ? -1 : a > b;
}

static void sort(const int64_t *x, int count, int64_t *sorted)
{
	memcpy(sorted, x, CONNS * sizeof(*x));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare_ma);
}

static bool is_fairer(const int64_t *a, const int64_t *b, int count)
{
	int64_t x[CONNS], y[CONNS];

	sort(a, count, x);
	sort(b, count, y);
	for (int i = 0; i < count; i++)
		if (x[i] != y[i])
			return x[i] > y[i];
	return false;
}

/* Who is equal may swap: the poorest beside the poorest, and so on. */
static bool within_a_step(const int64_t *a, const int64_t *b, int count, int64_t step)
{
	int64_t x[CONNS], y[CONNS];

	sort(a, count, x);
	sort(b, count, y);
	for (int i = 0; i < count; i++)
		if (llabs(x[i] - y[i]) > step || !x[i] != !y[i])
			return false;
	return true;
}

/* Of those that are served. */
static int64_t poorest(const int64_t *x, int count)
{
	int64_t least = 0;

	for (int i = 0; i < count; i++)
		if (x[i] && (!least || x[i] < least))
			least = x[i];
	return least;
}

static void try_all(const struct site *s, int at, int64_t *x, int64_t *best)
{
	const struct alloc_conn *c = &s->conns[at];
	int64_t was = x[at];

	if (at == s->conn_count) {
		if (is_fairer(x, best, s->conn_count) && fits(s, x))
			memcpy(best, x, CONNS * sizeof(*best));
		return;
	}
	if (!was)
		return try_all(s, at + 1, x, best);
	for (x[at] = c->min_ma; x[at] <= c->max_ma; x[at] += c->step_ma)
		try_all(s, at + 1, x, best);
	x[at] = was;
}

static void no_split_of_a_tiny_site_is_fairer(void **state)
{
	uint64_t first = random_first_seed(), sites = random_site_count(400), exact = 0;

	(void)state;
	print_message("# %llu sites from SEED=%llu\n", (unsigned long long)sites, (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		int64_t x[CONNS], best[CONNS], got[CONNS] = { 0 };
		struct site s;

		random_site(first + i, &s, TINY, ALLOC_STEP_COARSE);
		drop_floors(&s);
		admit(&s, x);
		memcpy(best, x, sizeof(best));
		try_all(&s, 0, x, best);
		run_engine(&s, got);
		if (!fits(&s, got) || !within_a_step(best, got, s.conn_count, ALLOC_STEP_COARSE))
			complain(first + i, &s, best, got, "there is a fairer split, or it does not fit");
		if (poorest(best, s.conn_count) != poorest(got, s.conn_count))
			complain(first + i, &s, best, got, "the poorest could have more");
		exact += !is_fairer(best, got, s.conn_count);
	}
	print_message("# the very best in %llu of %llu\n", (unsigned long long)exact, (unsigned long long)sites);
	assert_true(exact >= sites - sites / 100);
}

/* ---- the poorest first, step by step --------------------------------------------------------- */

/* Among equals the step goes where it costs the site less. */
static bool on_fewer(const struct site *s, int a, int b)
{
	return s->conns[a].phases != PHASE_ALL && s->conns[b].phases == PHASE_ALL;
}

static void fill(const struct site *s, int64_t *x)
{
	bool stuck[CONNS] = { false };

	for (;;) {
		int poorest = -1;

		for (int i = 0; i < s->conn_count; i++)
			if (x[i] && !stuck[i] && (poorest < 0 || x[i] < x[poorest] ||
						  (x[i] == x[poorest] && on_fewer(s, i, poorest))))
				poorest = i;
		if (poorest < 0)
			return;
		x[poorest] += s->conns[poorest].step_ma;
		if (x[poorest] > s->conns[poorest].max_ma || !fits(s, x)) {
			x[poorest] -= s->conns[poorest].step_ma;
			stuck[poorest] = true;
		}
	}
}

/* Where several are equal the last steps may go to another one. */
static void small_sites_are_filled_as_step_by_step(void **state)
{
	uint64_t first = random_first_seed(), sites = random_site_count(5000);

	(void)state;
	print_message("# %llu sites from SEED=%llu\n", (unsigned long long)sites, (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		int64_t want[CONNS], got[CONNS] = { 0 };
		struct site s;

		random_site(first + i, &s, CONNS, i % 4 ? ALLOC_STEP_COARSE : ALLOC_STEP_FINE);
		drop_floors(&s);
		admit(&s, want);
		fill(&s, want);
		run_engine(&s, got);
		if (!within_a_step(want, got, s.conn_count, s.conns[0].step_ma))
			complain(first + i, &s, want, got, "more than one step apart");
		if (poorest(want, s.conn_count) != poorest(got, s.conn_count))
			complain(first + i, &s, want, got, "the poorest could have more");
		for (int c = 0; c < s.conn_count; c++)
			if (llabs(want[c] - got[c]) > 2 * s.conns[c].step_ma || !want[c] != !got[c])
				complain(first + i, &s, want, got, "another one has it");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_split_of_a_tiny_site_is_fairer),
		cmocka_unit_test(small_sites_are_filled_as_step_by_step),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
