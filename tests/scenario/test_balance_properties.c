/* Invariants 2 to 7 of the allocator on random sites, and what the sun may do to them.
 *
 * SITES=n sets how many (helper_random.h), SEED=s replays the one that was reported. A failing site is made smaller
 * (connectors and caps are dropped while it still fails) before it is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "helper_random.h"
#include "helper_snapshot.h"

/* ---- oracle: sums by the definition, nothing clever --------------------------------------------- */

static int weight(const struct snapshot *s, int z, const struct alloc_conn *c, int cap)
{
	int n = (c->phases & 1) + (c->phases >> 1 & 1) + (c->phases >> 2 & 1);

	if (s->zones[z].one_phase)
		return c->phases && (cap == 0 || cap == PHASES);
	return cap == PHASES ? n : c->phases >> cap & 1;
}

static bool below(const struct snapshot *s, int z, int zone)
{
	while (z >= 0 && z != zone)
		z = s->zones[z].parent;
	return z == zone;
}

static int64_t held(const struct alloc_conn *c, int64_t x)
{
	return x > c->floor_ma ? x : c->floor_ma;
}

/* Whether no zone above connector `at` has more sessions than it may. */
static bool has_places(const struct snapshot *s, const int64_t *x, size_t at)
{
	for (int z = s->conns[at].zone; z >= 0; z = s->zones[z].parent) {
		int n = 0;

		for (size_t i = 0; i < s->conn_count; i++)
			n += below(s, s->conns[i].zone, z) && (x[i] || s->conns[i].seated);
		if (s->zones[z].sessions && n > s->zones[z].sessions)
			return false;
	}
	return true;
}

/* Whether the site stays within its caps where connector `at` takes part. */
static bool caps_fit(const struct snapshot *s, const int64_t *x, size_t at)
{
	if (!has_places(s, x, at))
		return false;
	for (int z = s->conns[at].zone; z >= 0; z = s->zones[z].parent)
		for (int k = 0; k < ALLOC_CAPS; k++) {
			int64_t sum = 0;

			if (s->zones[z].cap[k] == ALLOC_NO_CAP || !weight(s, z, &s->conns[at], k))
				continue;
			for (size_t i = 0; i < s->conn_count; i++)
				if (below(s, s->conns[i].zone, z))
					sum += held(&s->conns[i], x[i]) * weight(s, z, &s->conns[i], k);
			if (sum > s->zones[z].cap[k])
				return false;
		}
	return true;
}

/* What shares the sun of a zone draws together; floors are no draws. */
static int64_t sun_sum(const struct snapshot *s, const int64_t *x, int z)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->conn_count; i++)
		if (!s->conns[i].sun_exempt && below(s, s->conns[i].zone, z))
			sum += x[i] * weight(s, z, &s->conns[i], PHASES);
	return sum;
}

static bool suns_fit(const struct snapshot *s, const int64_t *x, size_t at)
{
	for (int z = s->conns[at].zone; z >= 0 && !s->conns[at].sun_exempt; z = s->zones[z].parent)
		if (s->zones[z].sun && sun_sum(s, x, z) > s->zones[z].sun_ma)
			return false;
	return true;
}

static bool fits(const struct snapshot *s, const int64_t *x, size_t at)
{
	return caps_fit(s, x, at) && suns_fit(s, x, at);
}

/* ---- invariants: NULL, or what is broken ----------------------------------------------------------- */

static const char *limits_are_whole_steps(const struct snapshot *s, const int64_t *x)
{
	for (size_t i = 0; i < s->conn_count; i++) {
		const struct alloc_conn *c = &s->conns[i];

		if (!x[i])
			continue;
		if (!c->competes || x[i] < c->min_ma || x[i] > c->max_ma || x[i] % c->step_ma)
			return "2: a limit is neither 0 nor a whole step from min to max";
		if (!fits(s, x, i))
			return "1: a cap or a number of sessions is exceeded";
	}
	return NULL;
}

static const char *nothing_is_left_over(const struct snapshot *s, int64_t *x)
{
	for (size_t n = 0; n < s->order_count; n++) {
		size_t i = s->order[n];
		int64_t was = x[i];
		bool fit;

		if (was == s->conns[i].max_ma)
			continue;
		x[i] = was ? was + s->conns[i].step_ma : s->conns[i].min_ma;
		fit = fits(s, x, i);
		x[i] = was;
		if (fit)
			return was ? "3: somebody could get one step more" : "3: somebody waiting would fit";
	}
	return NULL;
}

static bool alike(const struct alloc_conn *a, const struct alloc_conn *b)
{
	return a->cls == b->cls && a->strict == b->strict && !a->fifo && !b->fifo;
}

/* Can j have one step more, when richer i gives as many as it takes and stays the richer one? */
static bool may_move(const struct snapshot *s, int64_t *x, size_t i, size_t j)
{
	const struct alloc_conn *rich = &s->conns[i], *poor = &s->conns[j];
	int64_t was_i = x[i], was_j = x[j];
	bool moved = false;

	x[j] += poor->step_ma;
	while (!moved && x[i] - rich->step_ma > was_j && x[i] - rich->step_ma >= rich->min_ma) {
		x[i] -= rich->step_ma;
		moved = fits(s, x, j);
	}
	x[i] = was_i;
	x[j] = was_j;
	return moved;
}

static const char *nothing_can_move_to_the_poorer(const struct snapshot *s, int64_t *x)
{
	for (size_t i = 0; i < s->conn_count; i++)
		for (size_t j = 0; j < s->conn_count; j++)
			if (x[j] && x[i] > x[j] && x[j] < s->conns[j].max_ma &&
			    alike(&s->conns[i], &s->conns[j]) && may_move(s, x, i, j))
				return "4: a step can move from a richer to a poorer one";
	return NULL;
}

static const char *no_lower_class_goes_first(const struct snapshot *s, int64_t *x)
{
	for (size_t n = 0; n < s->order_count; n++)
		for (size_t low = 0; low < s->conn_count; low++) {
			size_t i = s->order[n];
			int64_t was = x[low];
			bool fit;

			if (x[i] || !was || s->conns[low].cls >= s->conns[i].cls)
				continue;
			x[low] = 0;
			x[i] = s->conns[i].min_ma;
			fit = fits(s, x, i);
			x[low] = was;
			x[i] = 0;
			if (fit)
				return "5: a lower class has the place of a higher one";
		}
	return NULL;
}

static int64_t largest_step(const struct snapshot *s)
{
	int64_t step = ALLOC_STEP_FINE;

	for (size_t i = 0; i < s->conn_count; i++)
		if (s->conns[i].step_ma > step)
			step = s->conns[i].step_ma;
	return step;
}

/* Who of two equal ones gets the last step may change, and a step on three phases is three steps of
 * a total, which somebody else may get. Below a strict class that step may be a whole admission.
 */
static bool near(const struct snapshot *s, const int64_t *x, const int64_t *y)
{
	int strict = 0;

	for (size_t i = 0; i < s->conn_count; i++)
		if (s->conns[i].strict && s->conns[i].cls > strict)
			strict = s->conns[i].cls;
	for (size_t i = 0; i < s->conn_count; i++) {
		int64_t gap = x[i] > y[i] ? x[i] - y[i] : y[i] - x[i];

		if (s->conns[i].cls >= strict && gap > PHASES * largest_step(s))
			return false;
	}
	return true;
}

/* Connectors in reverse, the order of admission as it was. */
static const char *names_do_not_matter(const struct snapshot *s, const int64_t *x)
{
	struct snapshot t = *s;
	int64_t y[CONNS], back[CONNS];
	size_t n = s->conn_count;

	for (size_t i = 0; i < n; i++)
		t.conns[i] = s->conns[n - 1 - i];
	for (size_t i = 0; i < s->order_count; i++)
		t.order[i] = (uint32_t)(n - 1 - s->order[i]);
	snapshot_allocate(&t, y);
	for (size_t i = 0; i < n; i++)
		back[i] = y[n - 1 - i];
	return near(s, x, back) ? NULL : "6: renaming connectors changes more than a step";
}

static const char *phases_do_not_matter(const struct snapshot *s, const int64_t *x)
{
	struct snapshot t = *s;
	int64_t y[CONNS];

	for (size_t z = 0; z < s->zone_count; z++)
		for (int k = 0; k < PHASES && !s->zones[z].one_phase; k++)
			t.zones[z].cap[(k + 1) % PHASES] = s->zones[z].cap[k];
	for (size_t i = 0; i < s->conn_count; i++) {
		int m = s->conns[i].phases;

		t.conns[i].phases = (phase_mask_t)((m << 1 | m >> 2) & 7);
	}
	snapshot_allocate(&t, y);
	return near(s, x, y) ? NULL : "6: rotating all phases changes more than a step";
}

static int compare_ma(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Within those steps: integer remainders may fall to somebody else. */
static bool leximin_lower(const struct snapshot *s, const int64_t *x, const int64_t *y)
{
	int64_t a[CONNS], b[CONNS];

	memcpy(a, x, sizeof(a));
	memcpy(b, y, sizeof(b));
	qsort(a, s->conn_count, sizeof(*a), compare_ma);
	qsort(b, s->conn_count, sizeof(*b), compare_ma);
	for (size_t i = 0; i < s->conn_count; i++) {
		if (b[i] < a[i] - PHASES * largest_step(s))
			return true;
		if (b[i] > a[i])
			return false;
	}
	return false;
}

static const char *more_is_never_worse(const struct snapshot *s, const int64_t *x)
{
	int64_t y[CONNS];

	for (size_t i = 0; i < s->conn_count; i++)
		if (s->conns[i].cls || s->conns[i].fifo)
			return NULL;
	for (size_t z = 0; z < s->zone_count; z++)
		for (int k = 0; k < ALLOC_CAPS; k++) {
			struct snapshot t = *s;
			bool same = true;

			if (s->zones[z].cap[k] == ALLOC_NO_CAP)
				continue;
			t.zones[z].cap[k] += 2300;
			snapshot_allocate(&t, y);
			for (size_t i = 0; i < s->conn_count; i++)
				same &= !x[i] == !y[i];
			if (same && leximin_lower(s, x, y))
				return "7: a higher cap makes the split worse";
		}
	return NULL;
}

/* Whether cap `k` of a zone has no room for one step more of connector `at`. */
static bool holds_up(const struct snapshot *s, const int64_t *x, int z, int k, size_t at)
{
	const struct alloc_conn *c = &s->conns[at];
	int64_t sum = 0;

	if (!below(s, c->zone, z) || (k == ALLOC_SUN && (!s->zones[z].sun || c->sun_exempt)))
		return false;
	if (k == ALLOC_SUN)
		return sun_sum(s, x, z) + c->step_ma * weight(s, z, c, PHASES) > s->zones[z].sun_ma;
	for (size_t i = 0; i < s->conn_count; i++)
		if (below(s, s->conns[i].zone, z))
			sum += held(&s->conns[i], x[i]) * weight(s, z, &s->conns[i], k);
	return weight(s, z, c, k) && s->zones[z].cap[k] != ALLOC_NO_CAP &&
	       sum + c->step_ma * weight(s, z, c, k) > s->zones[z].cap[k];
}

static const char *reasons_are_true(const struct snapshot *s, const int64_t *x)
{
	struct alloc_in in = { .zones = s->zones, .zone_count = s->zone_count, .conns = s->conns,
			       .conn_count = s->conn_count, .order = s->order,
			       .order_count = s->order_count };
	const struct alloc_result *out;
	const char *what = NULL;
	struct arena arena;

	arena_init(&arena);
	out = alloc_run(&in, &arena);
	for (size_t i = 0; i < s->conn_count; i++) {
		if (out[i].why == ALLOC_MAX && (x[i] != s->conns[i].max_ma || out[i].zone >= 0))
			what = "who is said to have his maximum has less";
		else if (out[i].why == ALLOC_FULL && !holds_up(s, x, out[i].zone, out[i].cap, i))
			what = "the cap that is said to be full has room for a step";
	}
	arena_fini(&arena);
	return what;
}

static const char *broken(const struct snapshot *s)
{
	int64_t x[CONNS] = { 0 };
	const char *what;

	snapshot_allocate(s, x);
	if ((what = limits_are_whole_steps(s, x)) || (what = nothing_is_left_over(s, x)) ||
	    (what = nothing_can_move_to_the_poorer(s, x)) || (what = no_lower_class_goes_first(s, x)) ||
	    (what = reasons_are_true(s, x)) || (what = names_do_not_matter(s, x)) || (what = phases_do_not_matter(s, x)))
		return what;
	return more_is_never_worse(s, x);
}

/* ---- all of them, on many sites ---- */

static void random_sites_hold(snapshot_check *fails, void (*change)(uint64_t seed, struct snapshot *s))
{
	uint64_t first = random_first_seed();
	uint64_t sites = random_site_count(SITES_USUAL);

	print_message("# %llu sites from SEED=%llu\n", (unsigned long long)sites,
		      (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		struct snapshot s;
		const char *what;

		snapshot_random(first + i, &s);
		if (change)
			change(first + i, &s);
		what = fails(&s);
		if (!what)
			continue;
		snapshot_shrink(&s, fails);
		snapshot_print(&s);
		fail_msg("%s (replay: SEED=%llu)", fails(&s), (unsigned long long)(first + i));
	}
}

static void invariants_2_to_7_hold_on_random_sites(void **state)
{
	(void)state;
	random_sites_hold(broken, NULL);
}

/* ---- cars that charge or start by the sun -------------------------------------------------------- */

/* One class, because a strict one takes the sun before others are held; the least of it to start by. */
static void make_sunny(uint64_t seed, struct snapshot *s)
{
	struct rng r = rng_seed(seed + 77);

	for (size_t i = 0; i < s->conn_count; i++) {
		struct alloc_conn *c = &s->conns[i];

		c->strict = c->fifo = false;
		c->sun_held = !c->sun_exempt && !rng_below(&r, 3);
		c->starting = c->competes && !c->sun_held && rng_below(&r, 2);
	}
	for (size_t z = 0; z < s->zone_count; z++)
		if (rng_below(&r, 2))
			s->zones[z].sun_start_ma = rng_range(&r, 0, s->zones[z].sun_ma);
}

/* What those have that came before in the order, at their minima. */
static int64_t minima_before(const struct snapshot *s, const int64_t *x, int z, size_t n)
{
	int64_t sum = 0;

	for (size_t k = 0; k < n; k++) {
		const struct alloc_conn *c = &s->conns[s->order[k]];

		if (x[s->order[k]] && !c->sun_exempt && below(s, c->zone, z))
			sum += c->min_ma * weight(s, z, c, PHASES);
	}
	return sum;
}

static const char *started_right(const struct snapshot *s, const int64_t *x, size_t n)
{
	const struct alloc_conn *c = &s->conns[s->order[n]];

	if (!x[s->order[n]] || c->sun_exempt || c->sun_held)
		return NULL;
	for (int z = c->zone; z >= 0; z = s->zones[z].parent) {
		int64_t there = c->starting ? s->zones[z].sun_start_ma : s->zones[z].sun_ma;

		/* Who is held beyond what is there leaves nothing, but no debt either. */
		if (s->zones[z].sun && c->min_ma * weight(s, z, c, PHASES) > there)
			return "somebody started by less sun than he needs";
		if (s->zones[z].sun && minima_before(s, x, z, n + 1) > there && !c->starting)
			return "minima of those who are not held exceed the sun";
	}
	return NULL;
}

static const char *sun_broken(const struct snapshot *s)
{
	int64_t x[CONNS] = { 0 };
	const char *what;

	snapshot_allocate(s, x);
	for (size_t i = 0; i < s->conn_count; i++)
		if (x[i] && (!s->conns[i].competes || x[i] < s->conns[i].min_ma || x[i] > s->conns[i].max_ma ||
			     x[i] % s->conns[i].step_ma))
			return "2: a limit is neither 0 nor a whole step from min to max";
		else if (x[i] && !caps_fit(s, x, i))
			return "1: a cap is exceeded";
	for (int z = 0; z < (int)s->zone_count; z++) {
		bool above = false;

		for (size_t i = 0; i < s->conn_count; i++)
			above |= x[i] > s->conns[i].min_ma && !s->conns[i].sun_exempt && below(s, s->conns[i].zone, z);
		if (s->zones[z].sun && above && sun_sum(s, x, z) > s->zones[z].sun_ma)
			return "the sun is exceeded by more than minima";
	}
	for (size_t n = 0; n < s->order_count; n++) {
		size_t i = s->order[n];

		if ((what = started_right(s, x, n)))
			return what;
		/* Neither the sun nor who shares it keeps these from their minimum. */
		if (x[i] || !(s->conns[i].sun_exempt || s->conns[i].sun_held))
			continue;
		x[i] = s->conns[i].min_ma;
		what = caps_fit(s, x, i) ? "3: somebody waits whom the sun does not bind" : NULL;
		x[i] = 0;
		if (what)
			return what;
	}
	return NULL;
}

static void the_sun_bounds_only_whom_it_should(void **state)
{
	(void)state;
	random_sites_hold(sun_broken, make_sunny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_2_to_7_hold_on_random_sites),
		cmocka_unit_test(the_sun_bounds_only_whom_it_should),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
