/* A clone of a balance, and one that was read back from its bytes, go on exactly as the original: on
 * random sites with random histories the same events give the same orders, stores and views for hours.
 *
 * SITES=n sets how many (helper_random.h), SEED=s repeats the one that was reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/model.h"
#include "balance/record/snapshot.h"
#include "base/err.h"
#include "helper_random.h"
#include "helper_rig.h"

#define CONNS 10

static const char *const ids[CONNS] = { "A/1", "A/2", "B/1", "C/1", "D/1", "D/2", "E/1", "F/1", "G/1", "H/1" };
static const char *const stations[CONNS] = { "A", "A", "B", "C", "D", "D", "E", "F", "G", "H" };

static void random_site(struct rig *r, struct rng *rng)
{
	static const char *const zones[] = { "Z0", "Z1", "Z2", "Z3" };
	int count = 1 + (int)rng_below(rng, 4);

	rig_init(r);
	for (int i = 0; i < count; i++) {
		int z = rig_zone(r, zones[i], i ? (int)rng_below(rng, (uint32_t)i) : -1,
				 rng_range(rng, 200, 900) * 100);

		r->zones[z].policy = (enum bal_policy)rng_below(rng, 5);
		if (rng_below(rng, 3))
			continue;
		r->meters = true;
		r->zones[z].dynamic = (struct phase_ma){ { 63000, 63000, 50000 } };
		r->zones[z].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	}
	for (int i = 0; i < CONNS; i++) {
		uint32_t c = rig_conn(r, ids[i], stations[i], (int)rng_below(rng, (uint32_t)count));

		r->conns[c].wiring = (enum bal_wiring)rng_below(rng, BAL_L3 + 1);
		r->conns[c].vip = !rng_below(rng, 5);
		r->conns[c].step_ma = rng_below(rng, 2) ? 100 : 1000;
	}
	rig_start(r);
}

static void random_event(struct rig *r, struct rng *rng, int64_t session)
{
	static const enum rig_answers answers[] = { RIG_ACCEPTS, RIG_ACCEPTS, RIG_REFUSES, RIG_TIMES_OUT };
	uint32_t c = rng_below(rng, CONNS);
	struct bal_outer_limit outer = { .limit = { { 20000, 20000, 15000 } } };

	switch (rng_below(rng, 10)) {
	case 0:
		balance_online(r->b, stations[c], rng_below(rng, 3), r->now);
		break;
	case 1:
		balance_booted(r->b, stations[c], r->now);
		break;
	case 2:
		balance_conn_cap(r->b, c, rng_below(rng, 2) ? 10000 : NUM_NONE, r->now);
		break;
	case 3:
		r->answers[c] = answers[rng_below(rng, 4)];
		break;
	case 4:
		balance_zone_outer(r->b, (int)rng_below(rng, (uint32_t)r->zone_count), BAL_OUTER_OVERRIDE,
				   rng_below(rng, 2) ? &outer : NULL);
		break;
	case 5:
		r->car_ma[c] = rng_range(rng, 0, 32) * 1000;
		r->car_phases[c] = (phase_mask_t)rng_below(rng, 8);
		break;
	case 6:
		r->building_ma[rng_below(rng, (uint32_t)r->zone_count)][rng_below(rng, 3)] = rng_range(rng, 0, 60) * 1000;
		break;
	case 7:
		balance_use(r->b, c, BAL_NONE, 0, false, r->now);
		break;
	default:
		balance_use(r->b, c, BAL_CHARGING, session, rng_below(rng, 2), r->now);
		break;
	}
}

static void live(struct rig *r, struct rng *rng, int events, int64_t first_session)
{
	for (int i = 0; i < events; i++) {
		random_event(r, rng, first_session + i);
		rig_run(r, rng_range(rng, 1, 120) * US_PER_S);
	}
}

static void same_zone(const struct rig *a, const struct rig *b, int z)
{
	struct bal_zone_view va, vb;

	balance_zone_view(a->b, z, &va);
	balance_zone_view(b->b, z, &vb);
	assert_memory_equal(&va.cap, &vb.cap, sizeof(va.cap));
	assert_memory_equal(&va.sum_w, &vb.sum_w, sizeof(va.sum_w));
	assert_memory_equal(&va.load, &vb.load, sizeof(va.load));
	assert_memory_equal(&va.non_ev, &vb.non_ev, sizeof(va.non_ev));
	assert_memory_equal(&va.budget, &vb.budget, sizeof(va.budget));
	assert_string_equal(va.cap_why, vb.cap_why);
	assert_int_equal(va.admitted, vb.admitted);
	assert_int_equal(va.seconds_over, vb.seconds_over);
}

static void same_views(const struct rig *a, const struct rig *b)
{
	struct bal_cause ca[8], cb[8];

	for (int z = 0; z < (int)a->zone_count; z++)
		same_zone(a, b, z);
	for (uint32_t c = 0; c < CONNS; c++) {
		size_t n = balance_explain(a->b, c, ca, 8, a->now);

		assert_int_equal(rig_limit(a, c), rig_limit(b, c));
		assert_int_equal(rig_w(a, c), rig_w(b, c));
		assert_int_equal(n, balance_explain(b->b, c, cb, 8, b->now));
		for (size_t i = 0; i < n; i++)
			assert_string_equal(ca[i].text, cb[i].text);
	}
	assert_int_equal(balance_next_due(a->b), balance_next_due(b->b));
}

static void same_orders(const struct rig *a, const struct rig *b)
{
	assert_int_equal(a->sent_count, b->sent_count);
	for (size_t i = 0; i < a->sent_count; i++) {
		const struct rig_sent *x = &a->sent[i], *y = &b->sent[i];

		assert_int_equal(x->at, y->at);
		assert_int_equal(x->order.conn, y->order.conn);
		assert_int_equal(x->order.limit_ma, y->order.limit_ma);
		assert_int_equal(x->order.raises, y->order.raises);
		assert_int_equal(x->order.token, y->order.token);
	}
	for (uint32_t c = 0; c < CONNS; c++) {
		assert_int_equal(a->has_stored[c], b->has_stored[c]);
		assert_int_equal(a->stored[c].w_ma, b->stored[c].w_ma);
		assert_int_equal(a->stored[c].idle_acked, b->stored[c].idle_acked);
	}
}

static struct balance *twin_of(const struct balance *b, bool by_bytes)
{
	struct balance *copy;
	struct diag d;
	struct buf buf;

	if (!by_bytes)
		return balance_clone(b);
	diag_init(&d);
	buf_init(&buf);
	balance_snapshot(b, &buf);
	copy = balance_from_snapshot(buf.data, buf.len, &d);
	assert_non_null(copy);
	buf_fini(&buf);
	return copy;
}

static void run_site(uint64_t seed, bool by_bytes)
{
	static struct rig r, twin;
	struct rng rng = rng_seed(seed), same;

	random_site(&r, &rng);
	live(&r, &rng, 1 + (int)rng_below(&rng, 60), 100);
	rig_run(&r, 10 * US_PER_S);
	rig_forget(&r);
	twin = r;
	twin.b = twin_of(r.b, by_bytes);
	same = rng;
	same_views(&r, &twin);
	for (int i = 0; i < 10; i++) {
		live(&r, &rng, 15, 1000 + 100 * i);
		live(&twin, &same, 15, 1000 + 100 * i);
		rig_run(&r, 10 * US_PER_S);
		rig_run(&twin, 10 * US_PER_S);
		same_orders(&r, &twin);
		same_views(&r, &twin);
		rig_forget(&r);
		rig_forget(&twin);
	}
	/* The original goes first: what the twin still shared with it would be gone. */
	rig_fini(&r);
	live(&twin, &same, 5, 5000);
	rig_fini(&twin);
}

static uint64_t last_seed;

static int tell_seed(void **state)
{
	(void)state;
	print_message("# the last site was SEED=%llu\n", (unsigned long long)last_seed);
	return 0;
}

static void run_sites(bool by_bytes)
{
	uint64_t first = random_first_seed(), sites = random_site_count(60);

	if (sites > 200)
		sites = 200;	/* hours each */
	print_message("# %llu sites from SEED=%llu\n", (unsigned long long)sites, (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		last_seed = first + i;
		run_site(last_seed, by_bytes);
	}
}

static void a_clone_goes_on_as_the_original(void **state)
{
	(void)state;
	run_sites(false);
}

static void what_was_read_back_goes_on_as_the_original(void **state)
{
	(void)state;
	run_sites(true);
}

/* ---- the bytes ------------------------------------------------------------------------------------ */

static void fill(struct rig *r, struct buf *buf)
{
	struct rng rng = rng_seed(7);

	random_site(r, &rng);
	live(r, &rng, 20, 100);
	buf_init(buf);
	balance_snapshot(r->b, buf);
}

static int error_of(const void *data, size_t len)
{
	struct diag d;

	diag_init(&d);
	assert_null(balance_from_snapshot(data, len, &d));
	return d.err;
}

static void bytes_of_another_build_are_refused(void **state)
{
	static struct rig r;
	struct buf buf;

	(void)state;
	fill(&r, &buf);
	assert_memory_equal(buf.data + 8, balance_engine(), strlen(balance_engine()));
	buf.data[9]++;
	assert_int_equal(error_of(buf.data, buf.len), -LMS_EPROTOCOL);
	buf.data[9]--;
	buf.data[0]++;
	assert_int_equal(error_of(buf.data, buf.len), -LMS_EDATA);
	buf_fini(&buf);
	rig_fini(&r);
}

static void damaged_bytes_are_refused(void **state)
{
	static struct rig r;
	struct buf buf;

	(void)state;
	fill(&r, &buf);
	for (size_t len = 0; len < buf.len; len += 1 + buf.len / 97)
		assert_int_equal(error_of(buf.data, len), -LMS_EDATA);
	for (size_t at = 80; at < buf.len; at += 1 + buf.len / 97) {
		buf.data[at] ^= 4;
		assert_int_equal(error_of(buf.data, buf.len), -LMS_EDATA);
		buf.data[at] ^= 4;
	}
	buf_fini(&buf);
	rig_fini(&r);
}

/* What looks like an address, of the heap or of the program, and is not known to be one. A member that is
 * a pointer belongs into the lists of snapshot.c, and here. */
static void no_pointers(const struct rig *r, const void *p, size_t size, const size_t *known, size_t count,
			const char *what)
{
	uintptr_t heap = (uintptr_t)r->b->conns, text = (uintptr_t)r->b->conns[0].why.name;

	for (size_t at = 0; at + sizeof(uintptr_t) <= size; at += sizeof(uintptr_t)) {
		uintptr_t word;
		bool listed = false;

		for (size_t i = 0; i < count; i++)
			listed |= known[i] == at;
		memcpy(&word, (const char *)p + at, sizeof(word));
		/* A small int beside padding, which holds what lay on the stack before, is none. */
		listed |= (uint32_t)(word + 0x10000) < 0x20000;
		if (!listed && (word - heap + (1 << 28) < 2 << 28 || word - text + (1 << 24) < 2 << 24))
			fail_msg("struct %s has a pointer at offset %zu: list it in snapshot.c", what, at);
	}
}

static void no_pointer_is_among_the_bytes(void **state)
{
	static const size_t balance[] = {
		offsetof(struct balance, zones), offsetof(struct balance, conns), offsetof(struct balance, stations),
		offsetof(struct balance, by_station), offsetof(struct balance, order),
		offsetof(struct balance, scratch.head), offsetof(struct balance, journal),
	};
	static const size_t conn[] = {
		offsetof(struct conn, conf.id), offsetof(struct conn, conf.station),
		offsetof(struct conn, why.name), offsetof(struct conn, held.name),
	};
	static const size_t zone[] = { offsetof(struct zone, conf.id) }, station[] = { offsetof(struct station, id) };
	static struct rig r;
	struct buf buf;

	(void)state;
	fill(&r, &buf);
	no_pointers(&r, r.b, sizeof(*r.b), balance, ARRAY_LEN(balance), "balance");
	for (size_t i = 0; i < r.b->conn_count; i++)
		no_pointers(&r, &r.b->conns[i], sizeof(struct conn), conn, ARRAY_LEN(conn), "conn");
	for (size_t i = 0; i < r.b->zone_count; i++)
		no_pointers(&r, &r.b->zones[i], sizeof(struct zone), zone, ARRAY_LEN(zone), "zone");
	for (size_t i = 0; i < r.b->station_count; i++)
		no_pointers(&r, &r.b->stations[i], sizeof(struct station), station, ARRAY_LEN(station), "station");
	buf_fini(&buf);
	rig_fini(&r);
}

static void a_large_site_is_small(void **state)
{
	enum { MANY = 1200 };
	struct bal_conn_conf *conns = calloc(MANY, sizeof(*conns));
	char(*names)[2][16] = calloc(MANY, sizeof(*names));
	struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	struct bal_zone_conf zone = { .id = "Z", .parent = -1, .phases = 3, .cap = { { 900000, 900000, 900000 } },
				      .cap_w = NUM_NONE, .dynamic = none, .meter_lost = none, .min_ma = NUM_NONE };
	struct bal_conf conf = { .zones = &zone, .zone_count = 1, .conns = conns, .conn_count = MANY };
	struct balance *b = balance_new();
	struct rng rng = rng_seed(3);
	struct arena arena;
	struct bal_turn turn;
	struct buf buf;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i][0], sizeof(names[i][0]), "S%d", i / 2);
		snprintf(names[i][1], sizeof(names[i][1]), "S%d/%d", i / 2, 1 + i % 2);
		conns[i] = (struct bal_conn_conf){
			.id = names[i][1], .station = names[i][0], .wiring = BAL_RST, .min_ma = 6000, .max_ma = 32000,
			.step_ma = 100, .settle_us = 5 * US_PER_S, .manageable = true, .proven = true,
		};
	}
	assert_int_equal(balance_configure(b, &conf, 0, NULL), 0);
	arena_init(&arena);
	for (uint32_t i = 0; i < MANY; i++) {
		struct phase_ma draw = { { rng_range(&rng, 0, 16000), rng_range(&rng, 0, 16000), 0 } };

		balance_online(b, conns[i].station, true, 1000 + i);
		balance_use(b, i, BAL_CHARGING, 7000 + i, false, 2000 + i);
		balance_draw(b, i, &draw, NUM_NONE, 3000 + rng_range(&rng, 0, 10000000));
	}
	balance_turn(b, 10 * US_PER_S, &arena, &turn);
	buf_init(&buf);
	balance_snapshot(b, &buf);
	print_message("# 1200 connectors that charge: %zu bytes\n", buf.len);
	assert_in_range(buf.len, 1, 200000);
	buf_fini(&buf);
	arena_fini(&arena);
	balance_free(b);
	free(conns);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_clone_goes_on_as_the_original, tell_seed),
		cmocka_unit_test_teardown(what_was_read_back_goes_on_as_the_original, tell_seed),
		cmocka_unit_test(bytes_of_another_build_are_refused),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(no_pointer_is_among_the_bytes),
		cmocka_unit_test(a_large_site_is_small),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
