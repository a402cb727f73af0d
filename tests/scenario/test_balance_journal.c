/* What is recorded of a balance gives the same orders and the same state when it is run again: on random
 * sites, with stations that fail in every way, meters, limits from outside and crashes of lmsd.
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

#include "base/err.h"
#include "helper_population.h"
#include "helper_recording.h"
#include "helper_rig.h"

#define SECONDS 900

static void run_sites(enum pop_kind kind)
{
	uint64_t first = random_first_seed(), sites = random_site_count(30);

	if (sites > 100)
		sites = 100;
	print_message("# %llu sites of %d s from SEED=%llu\n", (unsigned long long)sites, SECONDS,
		      (unsigned long long)first);
	for (uint64_t i = 0; i < sites; i++) {
		struct pop_site site;
		struct pop_failure f;

		pop_random(first + i, kind, &site);
		site.recorded = true;
		pop_run(&site, SECONDS, false, &f);
		if (f.text[0])
			fail_msg("%s (replay: SEED=%llu)", f.text, (unsigned long long)(first + i));
	}
}

static void a_replay_gives_the_same_on_proven_sites(void **state)
{
	(void)state;
	run_sites(POP_STATIC);
}

static void a_replay_gives_the_same_on_any_site(void **state)
{
	(void)state;
	run_sites(POP_ANY);
}

static void a_replay_gives_the_same_on_measured_sites(void **state)
{
	(void)state;
	run_sites(POP_DYNAMIC);
}

/* ---- one at a time --------------------------------------------------------------------------------- */

static void start(struct rig *r)
{
	rig_init(r);
	rig_zone(r, "P1", -1, 40000);
	rig_conn(r, "A/1", "A", 0);
	rig_conn(r, "B/1", "B", 0);
	rig_start(r);
	balance_journal_start(r->b, r->now);
}

static void every_input_is_replayed(void **state)
{
	static struct rig r;
	struct recording rec;
	struct bal_outer_limit outer = { .limit = { { 20000, 20000, 20000 } } };
	struct bal_sample s = { .current = { { 1000, -2000, 3000 } }, .at = 5, .good = true };
	struct bal_reason blame;
	uint64_t token;

	(void)state;
	start(&r);
	recording_init(&rec);
	for (int step = 0; step < 9; step++) {
		switch (step) {
		case 0:
			rig_charge(&r, 0, 1);
			rig_charge(&r, 1, INT64_C(1) << 40);
			break;
		case 1:
			balance_meter(r.b, 0, &s);
			rig_draw(&r, 0, 3, 12000);
			break;
		case 2:
			balance_zone_outer(r.b, 0, BAL_OUTER_GRID, &outer);
			break;
		case 3:
			balance_zone_outer(r.b, 0, BAL_OUTER_GRID, NULL);
			break;
		case 4:
			balance_conn_cap(r.b, 1, 8000, r.now);
			break;
		case 5:
			balance_admit_manual(r.b, 0, BAL_LIMIT_TX, 10000, &token, &blame, r.now);
			break;
		case 6:
			balance_store_failed(r.b, true);
			break;
		case 7:
			balance_restore(r.b, 1, 25000, false);
			balance_booted(r.b, "A", r.now);
			break;
		case 8:
			balance_online(r.b, "B", false, r.now);
			balance_online(r.b, "nobody", true, r.now);
			break;
		}
		rig_run(&r, 40 * US_PER_S);
		recording_drain(&rec, r.b);
		if (!recording_same(&rec, r.b))
			fail_msg("step %d: %s", step, buf_cstr(&rec.problem));
	}
	recording_fini(&rec);
	rig_fini(&r);
}

static void a_replay_stops_at_the_moment_asked_for(void **state)
{
	static struct rig r;
	struct journal_chunk c;
	struct replay p = { 0 };
	struct bal_conn_view v;
	struct diag d;
	bool beyond;
	mono_t at;
	int64_t n;

	(void)state;
	start(&r);
	diag_init(&d);
	rig_charge(&r, 0, 1);
	rig_run(&r, 60 * US_PER_S);
	at = r.now;
	rig_charge(&r, 1, 2);
	rig_run(&r, 60 * US_PER_S);
	assert_int_equal(rig_limit(&r, 0), 20000);
	balance_journal_peek(r.b, &c);
	n = replay_count(c.rows, c.len, at - 1, &beyond, &d);
	assert_in_range(n, 1, 100);
	assert_true(beyond);
	p.stop_after = (uint64_t)n;
	assert_int_equal(replay_chunk(&p, c.rows, c.len, &d), 0);
	balance_conn_view(p.b, 0, &v);
	assert_int_equal(v.limit_ma, 32000);
	assert_int_equal(p.differ, 0);
	assert_in_range(p.ran, at - 60 * US_PER_S, at - 1);
	assert_in_range(replay_count(c.rows, c.len, r.now, &beyond, &d), n + 1, n + 1000);
	assert_false(beyond);
	balance_free(p.b);
	rig_fini(&r);
}

static void a_changed_order_is_seen(void **state)
{
	static struct rig r;
	struct journal_chunk c;
	struct replay p = { .stop_after = UINT64_MAX };
	struct diag d;
	struct buf rows;
	uint64_t differ = 0;

	(void)state;
	start(&r);
	balance_journal_drop(r.b);
	balance_journal_start(r.b, r.now);
	rig_charge(&r, 0, 1);
	rig_run(&r, 60 * US_PER_S);
	balance_journal_peek(r.b, &c);
	buf_init(&rows);
	/* One bit of the recording after another: refused, or the turns tell that they differ, or harmless. */
	for (size_t at = 1; at < c.len; at++) {
		buf_clear(&rows);
		buf_add(&rows, c.rows, c.len);
		rows.data[at] ^= 1;
		diag_init(&d);
		p = (struct replay){ .stop_after = UINT64_MAX };
		if (replay_chunk(&p, rows.data, rows.len, &d) == 0)
			differ += p.differ > 0;
		balance_free(p.b);
	}
	assert_in_range(differ, 5, 1000);
	buf_fini(&rows);
	rig_fini(&r);
}

static void damaged_rows_are_refused_or_passed_over(void **state)
{
	static struct rig r;
	struct journal_chunk c;
	struct replay p;
	struct diag d;
	bool beyond;

	(void)state;
	start(&r);
	rig_charge(&r, 0, 1);
	rig_run(&r, 60 * US_PER_S);
	balance_journal_peek(r.b, &c);
	for (size_t len = 0; len < c.len; len++) {
		diag_init(&d);
		p = (struct replay){ .stop_after = UINT64_MAX };
		replay_chunk(&p, c.rows, len, &d);
		replay_count(c.rows, len, MONO_NEVER, &beyond, &d);
		balance_free(p.b);
	}
	diag_init(&d);
	assert_int_equal(replay_count("\x7f", 1, 0, &beyond, &d), -LMS_EDATA);
	rig_fini(&r);
}

/* What the manual says of how long the ring lasts comes from here. */
static void ten_minutes_of_600_stations_are_small(void **state)
{
	enum { MANY = 600 };
	struct bal_conn_conf *conns = calloc(MANY, sizeof(*conns));
	char(*names)[2][16] = calloc(MANY, sizeof(*names));
	struct phase_ma lots = { { 6300000, 6300000, 6300000 } };
	struct bal_zone_conf zone = { .id = "Z", .parent = -1, .phases = 3, .cap = lots, .cap_w = NUM_NONE,
				      .dynamic = { { 6000000, 6000000, 6000000 } }, .meter_lost = lots, .min_ma = NUM_NONE };
	struct bal_conf conf = { .zones = &zone, .zone_count = 1, .conns = conns, .conn_count = MANY };
	struct balance *b = balance_new();
	struct rng rng = rng_seed(3);
	struct arena arena;
	struct bal_turn turn;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i][0], sizeof(names[i][0]), "CP%04d", i);
		snprintf(names[i][1], sizeof(names[i][1]), "CP%04d/1", i);
		conns[i] = (struct bal_conn_conf){
			.id = names[i][1], .station = names[i][0], .wiring = BAL_RST, .min_ma = 6000, .max_ma = 32000,
			.step_ma = 100, .settle_us = 5 * US_PER_S, .manageable = true, .proven = true,
		};
	}
	assert_int_equal(balance_configure(b, &conf, 0, NULL), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		balance_online(b, conns[i].station, true, 0);
		balance_use(b, i, BAL_CHARGING, 7000 + i, false, 0);
	}
	balance_journal_start(b, 0);
	arena_init(&arena);
	for (mono_t now = US_PER_S; now <= 600 * US_PER_S; now += US_PER_S) {
		struct bal_sample s = { .voltage_mv = { { 230100, 229800, 231500 } }, .at = now, .good = true };

		for (int k = 0; k < PHASES; k++)
			s.current.l[k] = rng_range(&rng, 2000000, 4000000);
		balance_meter(b, 0, &s);
		balance_turn(b, now, &arena, &turn);
		for (uint32_t i = (uint32_t)(now / US_PER_S) % 10; i < MANY; i += 10) {
			mono_t at = now + (mono_t)i * 1571;
			struct phase_ma draw = { { rng_range(&rng, 5800, 16200), rng_range(&rng, 5800, 16200),
						   rng_range(&rng, 5800, 16200) } };

			balance_draw(b, i, &draw, draw.l[0] * 3 * 23 / 100, at);
			balance_turn(b, at, &arena, &turn);
			for (size_t k = 0; k < turn.order_count; k++)
				balance_answer(b, turn.orders[k].conn, turn.orders[k].token, BAL_ACCEPTED, at + 300000);
		}
		arena_reset(&arena);
	}
	print_message("# 600 stations that charge, ten minutes: %zu bytes\n", balance_journal_size(b));
	assert_in_range(balance_journal_size(b), 1, 1 << 20);
	arena_fini(&arena);
	balance_free(b);
	free(conns);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_input_is_replayed),
		cmocka_unit_test(a_replay_stops_at_the_moment_asked_for),
		cmocka_unit_test(a_changed_order_is_seen),
		cmocka_unit_test(damaged_rows_are_refused_or_passed_over),
		cmocka_unit_test(ten_minutes_of_600_stations_are_small),
		cmocka_unit_test(a_replay_gives_the_same_on_proven_sites),
		cmocka_unit_test(a_replay_gives_the_same_on_any_site),
		cmocka_unit_test(a_replay_gives_the_same_on_measured_sites),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
