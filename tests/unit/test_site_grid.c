/* The grid signal: what is taken, how long it holds, what it means in a zone, and what is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_site.h"
#include "site/outer/grid.h"

#define MIN_US (60 * US_PER_S)
#define NO     NUM_NONE

static void desk_zones(struct desk *r, const char *watchdog)
{
	char site[80];

	desk_init(r);
	signal_init(&r->site->grid, r->now);
	snprintf(site, sizeof(site), "{'grid_watchdog': %s}", watchdog);
	desk_must(r, "site.set", site);
	desk_must(r, "zone.create", "{'id': 'CAP', 'fuse': 60, 'grid': true, 'grid_reduced': '20,10,15'}");
	desk_must(r, "zone.create", "{'id': 'PART', 'fuse': 100, 'derate': '20%', 'grid': true,"
		     "'grid_reduced_factor': '33%', 'grid_lost': 'stop'}");
	desk_must(r, "zone.create", "{'id': 'CARS', 'static': 60, 'grid': true, 'grid_reduced_sessions': 4}");
	desk_must(r, "zone.create", "{'id': 'BARE', 'static': 60, 'grid': true, 'grid_lost': 'normal'}");
	desk_must(r, "zone.create", "{'id': 'ONE', 'phases': 1, 'static': 32, 'grid': true, 'grid_reduced': 8}");
	desk_must(r, "zone.create", "{'id': 'FREE', 'static': 60}");
}

static int set(struct desk *r, const char *state, int64_t for_ms)
{
	int ret;

	diag_init(&r->diag);
	ret = site_grid_set(r->site, state, "test", for_ms, r->now, r->wall, &r->fx, &r->diag);
	desk_settle(r);
	return ret;
}

static bool pass(struct desk *r, int64_t us)
{
	bool changed;

	r->now += us;
	r->wall += us;
	changed = site_grid_time(r->site, r->now, r->wall, &r->fx);
	desk_settle(r);
	return changed;
}

static struct zone_limit limit(struct desk *r, const char *zone)
{
	struct zone_limit l;

	site_grid_limit(r->site, &r->site->conf->zones[site_conf_zone(r->site->conf, zone)], &l);
	return l;
}

static void restart(struct desk *r)
{
	const char *json;

	desk_restart(r);
	signal_init(&r->site->grid, r->now);
	json = desk_stored(r, STORE_SIGNAL, "grid");
	if (json)
		assert_int_equal(signal_load(&r->site->grid, json, strlen(json), r->now, r->wall, &r->diag), 0);
}

static void a_state_means_in_each_zone_what_is_configured(void **state)
{
	static const struct {
		const char *zone, *signal;
		int64_t ma[PHASES];
		int sessions;
	} cases[] = {
		{ "CAP", "normal", { NO, NO, NO }, 0 }, { "CAP", "reduced", { 20000, 10000, 15000 }, 0 },
		{ "CAP", "stop", { 0, 0, 0 }, 0 },      { "CAP", "lost", { 20000, 10000, 15000 }, 0 },
		{ "PART", "reduced", { 26400, 26400, 26400 }, 0 }, { "PART", "lost", { 0, 0, 0 }, 0 },
		{ "CARS", "reduced", { NO, NO, NO }, 4 }, { "CARS", "stop", { 0, 0, 0 }, 0 },
		{ "CARS", "lost", { NO, NO, NO }, 4 },
		/* Without a reduced mode, less is nothing. */
		{ "BARE", "reduced", { 0, 0, 0 }, 0 },  { "BARE", "lost", { NO, NO, NO }, 0 },
		{ "ONE", "reduced", { 8000, NO, NO }, 0 }, { "ONE", "stop", { 0, NO, NO }, 0 },
		{ "FREE", "stop", { NO, NO, NO }, 0 },  { "FREE", "lost", { NO, NO, NO }, 0 },
	};
	struct desk r;

	(void)state;
	desk_zones(&r, "null");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct zone_limit l;

		assert_true(set(&r, cases[i].signal, NO) >= 0);
		l = limit(&r, cases[i].zone);
		if (memcmp(l.current.l, cases[i].ma, sizeof(l.current.l)) != 0 || l.sessions != cases[i].sessions)
			fail_msg("%s at %s: %lld %lld %lld, %d cars", cases[i].zone, cases[i].signal,
				 (long long)l.current.l[0], (long long)l.current.l[1],
				 (long long)l.current.l[2], l.sessions);
	}
	desk_fini(&r);
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
	struct desk r;

	(void)state;
	desk_zones(&r, "null");
	assert_int_equal(set(&r, "stopp", NO), -LMS_EDATA);
	assert_non_null(strstr(r.diag.text, "normal, reduced, stop or lost"));
	assert_int_equal(set(&r, "stop", 0), -LMS_ERANGE);
	assert_int_equal(set(&r, "stop", -1), -LMS_ERANGE);
	assert_int_equal(set(&r, "stop", INT64_C(30) * 86400000 + 1), -LMS_ERANGE);
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	assert_int_equal(desk_stored_count(&r, STORE_SIGNAL), 0);
	desk_fini(&r);
}

static void without_a_watchdog_it_holds_until_another_is_told_over_restarts_too(void **state)
{
	struct desk r;

	(void)state;
	desk_zones(&r, "null");
	assert_int_equal(set(&r, "reduced", NO), 1);
	assert_int_equal(set(&r, "reduced", NO), 0);
	assert_false(pass(&r, 1000 * MIN_US));
	assert_int_equal(site_grid_state(r.site), GRID_REDUCED);
	assert_true(site_grid_due(r.site) == MONO_NEVER);
	restart(&r);
	assert_int_equal(site_grid_state(r.site), GRID_REDUCED);
	assert_true(site_grid_is_sure(r.site));
	assert_int_equal(limit(&r, "PART").current.l[0], 26400);
	assert_true(site_grid_clear(r.site, r.now, r.wall, &r.fx));
	desk_settle(&r);
	assert_false(site_grid_clear(r.site, r.now, r.wall, &r.fx));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	assert_int_equal(desk_stored_count(&r, STORE_SIGNAL), 0);
	desk_fini(&r);
}

static void a_signal_for_a_while_ends_and_is_written_down_every_minute(void **state)
{
	struct desk r;

	(void)state;
	desk_zones(&r, "null");
	assert_int_equal(set(&r, "stop", 10 * 60 * 1000), 1);
	for (int i = 0; i < 4; i++)
		assert_false(pass(&r, MIN_US));
	assert_non_null(strstr(desk_stored(&r, STORE_SIGNAL, "grid"), "\"left_ms\":360000"));
	r.now += MIN_US;
	r.wall += MIN_US;
	restart(&r);
	assert_true(site_grid_due(r.site) - r.now <= MIN_US);
	assert_false(pass(&r, 5 * MIN_US - 1));
	assert_int_equal(site_grid_state(r.site), GRID_STOP);
	assert_true(pass(&r, 1));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	assert_int_equal(desk_stored_count(&r, STORE_SIGNAL), 0);
	desk_fini(&r);
}

static void a_watchdog_gives_up_what_is_not_told_again(void **state)
{
	struct desk r;
	size_t puts;

	(void)state;
	desk_zones(&r, "'60s'");
	assert_int_equal(set(&r, "normal", NO), 1);
	puts = r.put_count;
	for (int i = 0; i < 10; i++) {
		assert_false(pass(&r, MIN_US - 1));
		assert_int_equal(set(&r, "normal", NO), 0);
	}
	assert_int_equal(r.put_count, puts);	/* what is told again and again is not written again */
	assert_true(site_grid_due(r.site) == r.now + MIN_US);
	assert_true(pass(&r, MIN_US));
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	assert_true(limit(&r, "CAP").lost);
	assert_int_equal(limit(&r, "CAP").current.l[1], 10000);
	assert_int_equal(limit(&r, "PART").current.l[0], 0);
	assert_true(limit(&r, "BARE").current.l[0] == NO);
	assert_int_equal(set(&r, "normal", NO), 1);
	assert_false(limit(&r, "CAP").lost);
	/* One with a time of its own need not be told again. */
	assert_int_equal(set(&r, "reduced", 5 * 60 * 1000), 1);
	assert_false(pass(&r, 5 * MIN_US - 1));
	assert_true(pass(&r, 1));
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	desk_must(&r, "site.set", "{'grid_watchdog': null}");
	assert_true(pass(&r, 0));
	assert_int_equal(site_grid_state(r.site), GRID_NORMAL);
	desk_fini(&r);
}

static void after_a_restart_the_worse_of_then_and_lost_holds_until_it_is_told(void **state)
{
	struct desk r;

	(void)state;
	desk_zones(&r, "'60s'");
	assert_int_equal(set(&r, "normal", NO), 1);
	restart(&r);
	assert_false(site_grid_is_sure(r.site));
	assert_int_equal(limit(&r, "CAP").current.l[0], 20000);
	assert_int_equal(limit(&r, "CARS").sessions, 4);
	assert_int_equal(limit(&r, "PART").current.l[0], 0);
	assert_int_equal(set(&r, "normal", NO), 1);
	assert_true(limit(&r, "CAP").current.l[0] == NO);
	assert_int_equal(set(&r, "stop", NO), 1);
	restart(&r);
	assert_int_equal(limit(&r, "CAP").current.l[0], 0);
	assert_int_equal(limit(&r, "BARE").current.l[0], 0);
	assert_true(pass(&r, MIN_US));
	assert_int_equal(limit(&r, "CAP").current.l[0], 20000);
	/* Nobody has ever told one: the watchdog waits from the start. */
	site_grid_clear(r.site, r.now, r.wall, &r.fx);
	desk_settle(&r);
	restart(&r);
	assert_int_equal(limit(&r, "CAP").current.l[0], 20000);
	assert_false(pass(&r, MIN_US - 1));
	assert_true(pass(&r, 1));
	assert_int_equal(site_grid_state(r.site), GRID_LOST);
	desk_fini(&r);
}

static void the_log_keeps_the_latest_changes_over_restarts(void **state)
{
	const uint64_t last = GRID_LOG_ROWS + 7;
	struct desk r;
	const struct grid_change *g;
	const struct json *j;
	char key[8], json[200];
	int64_t n;

	(void)state;
	desk_zones(&r, "null");
	assert_int_equal(set(&r, "reduced", NO), 1);
	/* As if nearly so many had been before: two that will be overwritten, the oldest that stays, the latest. */
	for (uint64_t seq = 2; seq < last; seq = seq == 2 ? 7 : seq == 7 ? 8 : seq == 8 ? last - 3 : last) {
		snprintf(key, sizeof(key), "%05u", (unsigned)(seq % GRID_LOG_ROWS));
		snprintf(json, sizeof(json), "{\"seq\":%llu,\"time\":%llu,\"state\":\"stop\",\"by\":\"x\"}",
			 (unsigned long long)seq, (unsigned long long)seq);
		assert_int_equal(site_grid_load_change(r.site, key, json, strlen(json), &r.diag), 0);
	}
	for (int i = 1; i <= 3; i++) {
		struct grid_change change = { .zone = "CAP", .before = { { 60000, 60000, 60000 } },
					      .after = { { i, NO, 0 } }, .sessions_after = 3 };

		site_grid_note(r.site, &change, r.wall + i, &r.fx);
	}
	desk_settle(&r);
	assert_int_equal(desk_stored_count(&r, STORE_GRID_LOG), 3);
	assert_int_equal(site_grid_next_change(r.site, 0)->seq, 8);
	desk_restart(&r);
	for (unsigned i = 5; i <= 7; i++) {
		const char *stored;

		snprintf(key, sizeof(key), "%05u", i);
		stored = desk_stored(&r, STORE_GRID_LOG, key);
		assert_int_equal(site_grid_load_change(r.site, key, stored, strlen(stored), &r.diag), 0);
	}
	/* What a smaller ring left under a key of its own is no newer for that. */
	assert_int_equal(site_grid_load_change(r.site, "005", "{\"seq\":5,\"time\":5}", 18, &r.diag), 0);
	g = site_grid_next_change(r.site, 0);
	assert_int_equal(g->seq, last - 2);
	assert_int_equal(g->after.l[0], 1);
	assert_true(g->after.l[1] == NO);
	assert_int_equal(g->after.l[2], 0);
	assert_int_equal(g->sessions_after, 3);
	assert_string_equal(g->state, "reduced");
	assert_string_equal(g->zone, "CAP");
	assert_null(site_grid_next_change(r.site, last));
	desk_must(&r, "grid.log", "{'limit': 2}");
	j = json_at(json_get(desk_answer(&r), "items"), 0);
	assert_int_equal(json_int(json_get(j, "seq"), &n), 0);
	assert_int_equal(n, last - 1);
	assert_null(json_str(json_get(desk_answer(&r), "next"), NULL));
	snprintf(json, sizeof(json), "{'limit': 1, 'cursor': '%llu'}", (unsigned long long)last - 2);
	desk_must(&r, "grid.log", json);
	j = json_at(json_get(desk_answer(&r), "items"), 0);
	assert_int_equal(json_int(json_get(j, "seq"), &n), 0);
	assert_int_equal(n, last - 1);
	snprintf(json, sizeof(json), "%llu", (unsigned long long)last - 1);
	assert_string_equal(json_str(json_get(desk_answer(&r), "next"), ""), json);
	diag_init(&r.diag);
	assert_true(site_grid_load_change(r.site, "001", "{}", 2, &r.diag) < 0);
	desk_fini(&r);
}

static void a_period_of_the_log_is_told_whole_page_by_page(void **state)
{
	static const char *const periods[] = { "2026-05", "2026-06", "2026-05-31..2026-06-01" };
	static const size_t counts[] = { 31, 30, 2 };
	struct desk r;
	char json[160], key[16];

	(void)state;
	desk_zones(&r, "null");
	for (int day = 0; day < 61; day++) {	/* 2026-05-01 12:00 UTC and later */
		snprintf(key, sizeof(key), "%05d", day + 1);
		snprintf(json, sizeof(json), "{\"seq\":%d,\"time\":%lld,\"state\":\"stop\"}", day + 1,
			 (long long)((INT64_C(1777636800) + day * 86400) * US_PER_S));
		assert_int_equal(site_grid_load_change(r.site, key, json, strlen(json), &r.diag), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
		char cursor[24] = "0";
		size_t n = 0;

		while (cursor[0]) {
			snprintf(json, sizeof(json), "{'limit': 7, 'period': '%s', 'cursor': '%s'}", periods[i], cursor);
			desk_must(&r, "grid.log", json);
			n += json_get(desk_answer(&r), "items")->count;
			snprintf(cursor, sizeof(cursor), "%s", json_str(json_get(desk_answer(&r), "next"), ""));
		}
		assert_int_equal(n, counts[i]);
	}
	desk_must(&r, "grid.log", "{'period': '2025', 'limit': 7}");
	assert_int_equal(json_get(desk_answer(&r), "items")->count, 0);
	assert_true(desk_call(&r, "grid.log", "{'period': 'soon'}") < 0);
	desk_fini(&r);
}

static void the_check_shows_every_state_and_whom_it_does_not_reach(void **state)
{
	struct desk r;
	const char *text;

	(void)state;
	desk_zones(&r, "null");
	desk_must(&r, "station.add", "{'id': 'S1', 'zone': 'FREE'}");
	desk_must(&r, "station.add", "{'id': 'S2', 'zone': 'CAP'}");
	desk_must(&r, "grid.check", "{}");
	text = buf_cstr(&r.answer);
	assert_non_null(strstr(text, "1 of 2 stations are in no zone that follows the signal (S1)"));
	assert_non_null(strstr(text, "\"after_ma\":[26400,26400,26400]"));
	assert_int_equal(json_get(desk_answer(&r), "items")->count, 5 * 4 + 4);
	assert_non_null(strstr(text, "by command: lmsctl grid set"));
	desk_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_means_in_each_zone_what_is_configured),
		cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
		cmocka_unit_test(without_a_watchdog_it_holds_until_another_is_told_over_restarts_too),
		cmocka_unit_test(a_signal_for_a_while_ends_and_is_written_down_every_minute),
		cmocka_unit_test(a_watchdog_gives_up_what_is_not_told_again),
		cmocka_unit_test(after_a_restart_the_worse_of_then_and_lost_holds_until_it_is_told),
		cmocka_unit_test(the_log_keeps_the_latest_changes_over_restarts),
		cmocka_unit_test(a_period_of_the_log_is_told_whole_page_by_page),
		cmocka_unit_test(the_check_shows_every_state_and_whom_it_does_not_reach),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
