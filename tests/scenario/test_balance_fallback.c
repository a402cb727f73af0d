/* The dead-man's switch: what limits fall to when nothing is heard of us, and when they are said again.
 *
 * SITES=n sets how many random sites, SEED=s replays the one that was reported.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "helper_random.h"
#include "helper_rig.h"

#define S US_PER_S

static struct rig rig;
static uint32_t c1, c2, c3;

static int measured_zone(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_zone(&rig, "main", -1, 100000);
	rig.zones[0].dynamic = (struct phase_ma){ { 80000, 80000, 80000 } };
	rig.zones[0].meter_lost = (struct phase_ma){ { 16000, 16000, 16000 } };
	c1 = rig_conn(&rig, "CP1/1", "CP1", 0);
	c2 = rig_conn(&rig, "CP2/1", "CP2", 0);
	c3 = rig_conn(&rig, "CP3/1", "CP3", 0);
	rig.meters = true;
	return 0;
}

static int static_zone(void **state)
{
	measured_zone(state);
	rig.zones[0].dynamic = rig.zones[0].meter_lost = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void begin(void)
{
	rig_start(&rig);
	balance_fallback(rig.b, "CP1", true);
	balance_fallback(rig.b, "CP2", true);
	balance_fallback(rig.b, "CP3", true);
}

static void charge(uint32_t conn)
{
	rig.car_ma[conn] = 32000;
	rig_charge(&rig, conn, 100 + conn);
}

static int64_t fallback(uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(rig.b, conn, &v);
	return v.fallback_ma;
}

static void a_limit_below_a_measured_zone_falls_after_300_s(void **state)
{
	const struct bal_order *o;
	struct bal_cause causes[4];
	size_t n;

	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 60 * S);
	o = rig_sent(&rig, c1, 0);
	assert_int_equal(o->kind, BAL_LIMIT_TX);
	assert_int_equal(o->limit_ma, 32000);
	assert_int_equal(o->fallback_ma, 16000);
	assert_int_equal(o->fallback_us, 300 * S);
	assert_int_equal(fallback(c1), 16000);
	n = balance_explain(rig.b, c1, causes, 4, rig.now);
	assert_string_equal(causes[n - 1].text, "falls to 16 A by itself when lmsd is silent for 5 min");
	/* W knows nothing of it. */
	assert_int_equal(rig_w(&rig, c1), 32000);
}

static void the_default_limit_needs_no_fallback(void **state)
{
	(void)state;
	begin();
	rig_run(&rig, 400 * S);
	for (size_t i = 0; i < rig.sent_count; i++)
		assert_int_equal(rig.sent[i].order.fallback_us, 0);
}

static void a_static_zone_needs_none(void **state)
{
	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 30 * S);
	assert_int_equal(rig_sent(&rig, c1, 0)->fallback_us, 0);
	rig_forget(&rig);
	rig_run(&rig, 1000 * S);
	assert_int_equal(rig.sent_count, 0);
	assert_int_equal(fallback(c1), NUM_NONE);
}

/* What a lost signal means holds when nobody is there to notice that it is lost. */
static void a_zone_that_follows_the_grid_signal_falls_to_its_loss(void **state)
{
	(void)state;
	rig.zones[0].grid = true;
	rig.zones[0].grid_lost = (struct phase_ma){ { 20000, 18000, 20000 } };
	begin();
	charge(c1);
	charge(c2);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c1), 32000);
	assert_int_equal(fallback(c1) + fallback(c2), 18000);
	rig_forget(&rig);
	rig_run(&rig, 151 * S);
	assert_int_equal(rig_sent(&rig, c1, 0)->fallback_us, 300 * S);
}

static void a_lost_number_of_sessions_leaves_the_others_nothing(void **state)
{
	int64_t a, b;

	(void)state;
	rig.zones[0].grid = true;
	rig.zones[0].grid_lost = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	rig.zones[0].grid_lost_sessions = 1;
	begin();
	charge(c1);
	charge(c2);
	rig_run(&rig, 60 * S);
	a = fallback(c1);
	b = fallback(c2);
	assert_true((a == 0) != (b == 0));
}

static void a_loss_that_means_nothing_needs_none(void **state)
{
	(void)state;
	rig.zones[0].grid = true;
	rig.zones[0].grid_lost = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	a_static_zone_needs_none(state);
}

static void a_station_that_takes_none_gets_none(void **state)
{
	(void)state;
	begin();
	balance_fallback(rig.b, "CP1", false);
	charge(c1);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_sent(&rig, c1, 0)->fallback_us, 0);
	rig_forget(&rig);
	rig_run(&rig, 1000 * S);
	assert_int_equal(rig.sent_count, 0);
}

static void it_is_said_again_every_150_s_and_changes_nothing_else(void **state)
{
	mono_t before = 0;

	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 60 * S);
	rig_forget(&rig);
	rig_run(&rig, 1500 * S);
	assert_int_equal(rig.sent_count, 10);
	for (size_t i = 0; i < rig.sent_count; i++) {
		const struct rig_sent *s = &rig.sent[i];

		assert_int_equal(s->order.limit_ma, 32000);
		assert_int_equal(s->order.fallback_ma, 16000);
		assert_false(s->order.raises);
		if (before)
			assert_in_range(s->at - before, 150 * S, 151 * S);
		before = s->at;
	}
	assert_int_equal(rig_limit(&rig, c1), 32000);
}

static void a_newer_order_stands_in_for_it(void **state)
{
	mono_t t;

	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 60 * S);
	rig_run(&rig, 100 * S);
	rig_forget(&rig);
	t = rig.now;
	balance_conn_cap(rig.b, c1, 20000, rig.now);
	rig_run(&rig, 149 * S);
	assert_int_equal(rig.sent_count, 1);
	assert_int_equal(rig_sent(&rig, c1, t)->limit_ma, 20000);
	assert_int_equal(rig_sent(&rig, c1, t)->fallback_ma, 16000);
	rig_run(&rig, 2 * S);
	assert_int_equal(rig.sent_count, 2);
}

static void a_limit_that_may_stay_is_not_said_again(void **state)
{
	(void)state;
	begin();
	balance_conn_cap(rig.b, c1, 10000, rig.now);
	charge(c1);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c1), 10000);
	assert_int_equal(fallback(c1), NUM_NONE);
	rig_forget(&rig);
	rig_run(&rig, 1000 * S);
	assert_int_equal(rig.sent_count, 0);
}

/* 16 A for all when lmsd is dead: 8 A each for two, and of three one has to stop. */
static void the_fallbacks_share_the_current_of_a_lost_meter(void **state)
{
	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 60 * S);
	charge(c2);
	rig_run(&rig, 20 * S);
	/* The first still holds all of it, so the second stops when lmsd dies now. */
	assert_int_equal(fallback(c1), 16000);
	assert_int_equal(fallback(c2), 0);
	rig_run(&rig, 320 * S);
	assert_int_equal(fallback(c1), 8000);
	assert_int_equal(fallback(c2), 8000);
	charge(c3);
	rig_run(&rig, 500 * S);
	assert_int_equal(fallback(c1) + fallback(c2) + fallback(c3), 16000);
	assert_true(fallback(c1) == 0 || fallback(c2) == 0 || fallback(c3) == 0);
}

static void one_that_keeps_its_limit_is_left_out_of_the_share(void **state)
{
	(void)state;
	begin();
	balance_fallback(rig.b, "CP2", false);
	balance_conn_cap(rig.b, c2, 9000, rig.now);
	charge(c2);
	rig_run(&rig, 60 * S);
	charge(c1);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig_limit(&rig, c2), 9000);
	assert_int_equal(fallback(c1), 7000);
}

static void a_station_that_turns_out_not_to_take_it_counts_with_its_limit(void **state)
{
	(void)state;
	begin();
	balance_conn_cap(rig.b, c1, 12000, rig.now);
	charge(c1);
	charge(c2);
	rig_run(&rig, 400 * S);
	assert_int_equal(fallback(c1), 8000);
	balance_fallback(rig.b, "CP1", false);
	/* Not as late as the next renewal. */
	rig_run(&rig, 11 * S);
	assert_int_equal(fallback(c1), NUM_NONE);
	assert_int_equal(fallback(c2), 0);
}

static void a_clock_that_becomes_right_brings_the_fallback_soon(void **state)
{
	(void)state;
	begin();
	balance_fallback(rig.b, "CP1", false);
	charge(c1);
	rig_run(&rig, 60 * S);
	assert_int_equal(fallback(c1), NUM_NONE);
	balance_fallback(rig.b, "CP1", true);
	rig_run(&rig, 1 * S);
	assert_int_equal(fallback(c1), 16000);
}

/* lmsd with what it had stored, nobody connected yet. */
static void restart(void)
{
	struct bal_conf conf = { .zones = rig.zones, .zone_count = rig.zone_count,
				 .conns = rig.conns, .conn_count = rig.conn_count };
	struct diag d;

	balance_free(rig.b);
	rig.b = balance_new();
	diag_init(&d);
	assert_int_equal(balance_configure(rig.b, &conf, rig.now, &d), 0);
	for (uint32_t i = 0; i < rig.conn_count; i++)
		if (rig.has_stored[i])
			balance_restore(rig.b, i, rig.stored[i].w_ma, rig.stored[i].idle_acked);
	rig_forget(&rig);
}

/* Where the zone is full, nobody who goes on needs the head-room of one who starts. */
static void a_restart_pauses_nobody_while_the_others_are_not_back_yet(void **state)
{
	(void)state;
	rig.zones[0].dynamic = (struct phase_ma){ { 20000, 20000, 20000 } };
	begin();
	charge(c1);
	charge(c2);
	rig_run(&rig, 30 * S);
	charge(c3);
	rig_run(&rig, 600 * S);
	assert_true(rig_limit(&rig, c1) >= 6000 && rig_limit(&rig, c2) >= 6000 && rig_limit(&rig, c3) >= 6000);
	restart();
	for (uint32_t i = 0; i < rig.conn_count; i++) {
		rig_run(&rig, 2 * S);
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
		rig_charge(&rig, i, 100 + i);
	}
	rig_run(&rig, 20 * S);
	for (size_t i = 0; i < rig.sent_count; i++)
		if (rig.sent[i].order.kind == BAL_LIMIT_TX)
			assert_true(rig.sent[i].order.limit_ma >= 6000);
	assert_true(rig_limit(&rig, c1) >= 6000 && rig_limit(&rig, c2) >= 6000 && rig_limit(&rig, c3) >= 6000);
}

/* The station may have fallen back while lmsd was dead: its limit is said again, be it the same. */
static void a_restart_says_the_limit_again(void **state)
{
	const struct bal_order *o;
	mono_t t;

	(void)state;
	begin();
	charge(c1);
	rig_run(&rig, 60 * S);
	assert_int_equal(rig.stored[c1].w_ma, 32000);
	restart();
	t = rig.now;
	for (uint32_t i = 0; i < rig.conn_count; i++)
		balance_online(rig.b, rig.conns[i].station, true, rig.now);
	balance_use(rig.b, c2, BAL_NONE, 0, false, rig.now);
	balance_use(rig.b, c3, BAL_NONE, 0, false, rig.now);
	rig_charge(&rig, c1, 100 + c1);
	assert_int_equal(rig_w(&rig, c1), 32000);
	rig_run(&rig, 20 * S);
	o = rig_sent(&rig, c1, t);
	assert_non_null(o);
	assert_int_equal(o->kind, BAL_LIMIT_TX);
	assert_int_equal(o->limit_ma, 32000);
}

/* ---- no mixture of old and new fallbacks is too much ------------------------------------------ */

#define CONNS 6
#define HELD  64

/* What a station may be holding for the transaction: the last that it surely took, and all after it. */
struct holds {
	struct { uint64_t token; int64_t limit_ma, fall_ma; } list[HELD];
	size_t count;
};

struct site {
	struct rng rng;
	struct bal_zone_conf zones[3];
	struct bal_conn_conf conns[CONNS];
	char ids[CONNS][32], stations[CONNS][32];
	size_t zone_count, conn_count;
	struct balance *b;
	mono_t now;
	struct holds holds[CONNS];
	int64_t session[CONNS], last_session, building_ma;
	struct bal_order open[CONNS * 4];
	size_t open_count;
};

static struct site site;

static void make_site(uint64_t seed)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	struct bal_conf conf;
	struct diag d;

	memset(&site, 0, sizeof(site));
	site.rng = rng_seed(seed);
	site.zone_count = 1 + rng_below(&site.rng, 3);
	site.conn_count = 2 + rng_below(&site.rng, CONNS - 1);
	site.now = 1000 * S;
	for (int z = 0; z < (int)site.zone_count; z++) {
		static const char *const ids[] = { "main", "east", "west" };
		struct bal_zone_conf *zone = &site.zones[z];
		bool dynamic = z == 0 || rng_below(&site.rng, 2);

		*zone = (struct bal_zone_conf){ .id = ids[z], .parent = z ? 0 : -1, .phases = 3, .cap_w = NUM_NONE,
						.cap = none, .dynamic = none, .meter_lost = none,
						.min_ma = NUM_NONE };
		for (int k = 0; k < PHASES; k++) {
			zone->cap.l[k] = rng_range(&site.rng, 20, 120) * 1000;
			if (dynamic) {
				zone->dynamic.l[k] = zone->cap.l[k];
				zone->meter_lost.l[k] = rng_range(&site.rng, 0, 60) * 1000;
			}
		}
	}
	for (size_t i = 0; i < site.conn_count; i++) {
		snprintf(site.stations[i], sizeof(site.stations[i]), "CP%zu", i);
		snprintf(site.ids[i], sizeof(site.ids[i]), "CP%zu/1", i);
		site.conns[i] = (struct bal_conn_conf){
			.id = site.ids[i], .station = site.stations[i],
			.zone = (int)rng_below(&site.rng, (uint32_t)site.zone_count),
			.wiring = rng_below(&site.rng, 3) ? BAL_RST : BAL_L2, .min_ma = 6000, .max_ma = 32000,
			.step_ma = rng_below(&site.rng, 3) ? 100 : 1000, .settle_us = 5 * S, .manageable = true,
			.proven = true, .on_off = !rng_below(&site.rng, 8),
		};
	}
	conf = (struct bal_conf){ .zones = site.zones, .zone_count = site.zone_count,
				  .conns = site.conns, .conn_count = site.conn_count };
	diag_init(&d);
	site.b = balance_new();
	if (balance_configure(site.b, &conf, site.now, &d) != 0)
		fail_msg("seed %llu: %s", (unsigned long long)seed, d.text);
	for (uint32_t i = 0; i < site.conn_count; i++) {
		balance_fallback(site.b, site.stations[i], true);
		balance_online(site.b, site.stations[i], true, site.now);
		balance_use(site.b, i, BAL_NONE, 0, false, site.now);
	}
}

static int64_t most_fallen(size_t i)
{
	int64_t most = 0;

	for (size_t k = 0; k < site.holds[i].count; k++)
		if (site.holds[i].list[k].fall_ma > most)
			most = site.holds[i].list[k].fall_ma;
	return most;
}

static bool is_below(int z, int zone)
{
	while (z >= 0 && z != zone)
		z = site.zones[z].parent;
	return z == zone;
}

/* NULL, or what is broken. */
static const char *fallbacks_fit(void)
{
	for (int z = 0; z < (int)site.zone_count; z++)
		for (int k = 0; k < PHASES; k++) {
			int64_t sum = 0;

			if (site.zones[z].dynamic.l[k] == NUM_NONE)
				continue;
			for (size_t i = 0; i < site.conn_count; i++)
				if (is_below(site.conns[i].zone, z) && (site.conns[i].wiring == BAL_RST || k == 1))
					sum += most_fallen(i);
			if (sum > site.zones[z].meter_lost.l[k])
				return "what all may fall to is more than meter_lost";
		}
	return NULL;
}

static const char *take_order(const struct bal_order *o)
{
	const struct bal_conn_conf *c = &site.conns[o->conn];
	struct holds *h = &site.holds[o->conn];
	int64_t fall = o->fallback_us ? o->fallback_ma : o->limit_ma;

	lms_assert(site.open_count < ARRAY_LEN(site.open));
	site.open[site.open_count++] = *o;
	if (o->kind == BAL_LIMIT_IDLE)
		return o->fallback_us ? "a default limit has a fallback" : NULL;
	if (fall && (fall < 6000 || fall % c->step_ma || fall > o->limit_ma || (c->on_off && fall < c->max_ma)))
		return "a fallback is neither 0 nor a whole step from the minimum to the limit";
	lms_assert(h->count < HELD);
	h->list[h->count].token = o->token;
	h->list[h->count].limit_ma = o->limit_ma;
	h->list[h->count++].fall_ma = fall;
	return NULL;
}

static void answer_one(void)
{
	static const enum bal_answer answers[] = { BAL_ACCEPTED, BAL_ACCEPTED, BAL_ACCEPTED, BAL_ACCEPTED,
						   BAL_REFUSED, BAL_TIMEOUT, BAL_DROPPED };
	struct bal_order o = site.open[0];
	struct holds *h = &site.holds[o.conn];
	enum bal_answer answer = answers[rng_below(&site.rng, ARRAY_LEN(answers))];
	size_t keep = 0;

	memmove(site.open, site.open + 1, --site.open_count * sizeof(o));
	balance_answer(site.b, o.conn, o.token, answer, site.now);
	if (o.kind == BAL_LIMIT_IDLE || answer != BAL_ACCEPTED)
		return;
	for (size_t k = 0; k < h->count; k++)
		if (h->list[k].token >= o.token)
			h->list[keep++] = h->list[k];
	h->count = keep;
}

static void something_happens(void)
{
	uint32_t i = rng_below(&site.rng, (uint32_t)site.conn_count);
	struct bal_sample sample = { .good = true, .voltage_mv = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

	switch (rng_below(&site.rng, 12)) {
	case 0:
		site.session[i] = site.session[i] ? 0 : ++site.last_session;
		site.holds[i].count = 0;
		balance_use(site.b, i, site.session[i] ? BAL_CHARGING : BAL_NONE, site.session[i], false, site.now);
		break;
	case 1:
		balance_online(site.b, site.stations[i], rng_below(&site.rng, 3), site.now);
		break;
	case 2:
		site.building_ma = rng_range(&site.rng, 0, 60) * 1000;
		break;
	case 3:
		balance_conn_cap(site.b, i, rng_below(&site.rng, 2) ? NUM_NONE : rng_range(&site.rng, 6, 32) * 1000, site.now);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		if (site.open_count)
			answer_one();
		break;
	default:
		site.now += rng_range(&site.rng, 1, rng_below(&site.rng, 4) ? 4 : 60) * S;
		break;
	}
	sample.at = site.now;
	for (int z = 0; z < (int)site.zone_count; z++) {
		for (int k = 0; k < PHASES; k++)
			sample.current.l[k] = site.building_ma;
		if (site.zones[z].dynamic.l[0] != NUM_NONE)
			balance_meter(site.b, z, &sample);
	}
}

static const char *run_site(uint64_t seed, size_t *fallbacks)
{
	const char *broken = NULL;

	make_site(seed);
	for (int step = 0; step < 400 && !broken; step++) {
		struct bal_turn turn;
		struct arena arena;

		something_happens();
		arena_init(&arena);
		balance_turn(site.b, site.now, &arena, &turn);
		for (size_t i = 0; i < turn.order_count && !broken; i++) {
			broken = take_order(&turn.orders[i]);
			*fallbacks += turn.orders[i].fallback_us != 0;
		}
		arena_fini(&arena);
		/* Answers come at the latest when their time is over. */
		while (site.open_count > CONNS * 2)
			answer_one();
		if (!broken)
			broken = fallbacks_fit();
	}
	balance_free(site.b);
	return broken;
}

static void no_mixture_of_old_and_new_fallbacks_exceeds_meter_lost(void **state)
{
	uint64_t first = random_first_seed(), count = random_site_count(2000);
	size_t fallbacks = 0;

	(void)state;
	for (uint64_t seed = first; seed < first + count; seed++) {
		const char *broken = run_site(seed, &fallbacks);

		if (broken)
			fail_msg("SEED=%llu: %s", (unsigned long long)seed, broken);
	}
	assert_true(fallbacks > count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define DYNAMIC(f) cmocka_unit_test_setup_teardown(f, measured_zone, stop)
		DYNAMIC(a_limit_below_a_measured_zone_falls_after_300_s),
		DYNAMIC(the_default_limit_needs_no_fallback),
		cmocka_unit_test_setup_teardown(a_static_zone_needs_none, static_zone, stop),
		cmocka_unit_test_setup_teardown(a_zone_that_follows_the_grid_signal_falls_to_its_loss, static_zone, stop),
		cmocka_unit_test_setup_teardown(a_lost_number_of_sessions_leaves_the_others_nothing, static_zone, stop),
		cmocka_unit_test_setup_teardown(a_loss_that_means_nothing_needs_none, static_zone, stop),
		DYNAMIC(a_station_that_takes_none_gets_none),
		DYNAMIC(it_is_said_again_every_150_s_and_changes_nothing_else),
		DYNAMIC(a_newer_order_stands_in_for_it),
		DYNAMIC(a_limit_that_may_stay_is_not_said_again),
		DYNAMIC(the_fallbacks_share_the_current_of_a_lost_meter),
		DYNAMIC(one_that_keeps_its_limit_is_left_out_of_the_share),
		DYNAMIC(a_station_that_turns_out_not_to_take_it_counts_with_its_limit),
		DYNAMIC(a_clock_that_becomes_right_brings_the_fallback_soon),
		DYNAMIC(a_restart_pauses_nobody_while_the_others_are_not_back_yet),
		DYNAMIC(a_restart_says_the_limit_again),
		cmocka_unit_test(no_mixture_of_old_and_new_fallbacks_exceeds_meter_lost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
