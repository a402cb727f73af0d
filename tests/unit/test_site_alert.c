/* Alerts: when a condition is one, when it is over, who has it in hand, rules, and what is left after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "helper_site.h"
#include "site/alert/alert.h"

#define S US_PER_S
#define LOST ALERT_METER_LOST	/* by itself an alert after 15 s */

static int told, told_again, told_over;

static void sink(void *ctx, enum log_level level, const char *subject, const char *id, const char *event, const char *tail)
{
	(void)ctx;
	(void)level;
	(void)subject;
	(void)id;
	(void)tail;
	told += strcmp(event, "alert") == 0;
	told_again += strcmp(event, "alert_repeated") == 0;
	told_over += strcmp(event, "alert_over") == 0;
}

static void begin(struct desk *r)
{
	desk_init(r);
	told = told_again = told_over = 0;
	log_set_sink(sink, NULL);
}

static void end(struct desk *r)
{
	log_set_sink(NULL, NULL);
	desk_fini(r);
}

/* The site is gone over every 2 s for so long; `object` NULL = nothing is wrong. */
static void go_over(struct desk *r, int64_t us, enum alert_kind kind, const char *object)
{
	for (int64_t end = us; end > 0; end -= 2 * S) {
		r->now += 2 * S;
		r->wall += 2 * S;
		alert_sweep_begin(r->site);
		if (object)
			alert_holds(r->site, kind, object, r->now, r->wall, "silent for %d s", 7);
		alert_sweep_end(r->site, r->now, r->wall, &r->fx);
	}
	desk_settle(r);
}

static size_t count(const struct desk *r, bool all)
{
	size_t n = 0;

	for (const struct alert *a = alert_next(r->site, 0, all); a; a = alert_next(r->site, a->id, all))
		n++;
	return n;
}

static void load_all(struct desk *r)
{
	char key[24];
	const char *json;

	for (unsigned id = 1; id < 10; id++) {
		snprintf(key, sizeof(key), "o%016x", id);
		json = desk_stored(r, STORE_ALERT, key);
		if (json)
			assert_int_equal(alert_load(r->site, key, json, strlen(json), r->now, &r->diag), 0);
		snprintf(key, sizeof(key), "h%03u", id);
		json = desk_stored(r, STORE_ALERT, key);
		if (json)
			assert_int_equal(alert_load(r->site, key, json, strlen(json), r->now, &r->diag), 0);
	}
	json = desk_stored(r, STORE_ALERT_RULE, "meter_lost");
	if (json)
		assert_int_equal(alert_rule_load(r->site, "meter_lost", json, strlen(json), &r->diag), 0);
}

static void what_passes_within_its_delay_is_no_alert(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	go_over(&r, 14 * S, LOST, "M1");
	go_over(&r, 2 * S, LOST, NULL);
	go_over(&r, 14 * S, LOST, "M1");
	assert_int_equal(count(&r, true), 0);
	assert_int_equal(told, 0);
	assert_int_equal(desk_stored_count(&r, STORE_ALERT), 0);
	end(&r);
}

static void what_holds_is_told_once_and_over_once(void **state)
{
	const struct alert *a;
	struct desk r;

	(void)state;
	begin(&r);
	go_over(&r, 200 * S, LOST, "M1");
	assert_int_equal(told, 1);
	a = alert_find(r.site, 1);
	assert_non_null(a);
	assert_string_equal(a->text, "silent for 7 s");
	assert_true(a->since == DESK_WALL + 2 * S);
	assert_true(a->until == WALL_NONE);
	assert_int_equal(alert_open_count(r.site), 1);
	go_over(&r, 30 * S, LOST, NULL);
	assert_int_equal(told_over, 1);
	assert_int_equal(count(&r, false), 0);
	assert_int_equal(count(&r, true), 1);
	assert_int_equal(desk_stored_count(&r, STORE_ALERT), 1);
	end(&r);
}

static void what_comes_and_goes_is_one_alert(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	go_over(&r, 200 * S, LOST, "M1");
	for (int i = 0; i < 20; i++) {
		go_over(&r, 18 * S, LOST, NULL);
		go_over(&r, 2 * S, LOST, "M1");
	}
	assert_int_equal(told, 1);
	assert_int_equal(told_over, 0);
	end(&r);
}

static void objects_and_kinds_are_alerts_of_their_own(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	for (int i = 0; i < 20; i++) {
		r.now += 2 * S;
		alert_sweep_begin(r.site);
		alert_holds(r.site, LOST, "M1", r.now, r.wall, "x");
		alert_holds(r.site, LOST, "M2", r.now, r.wall, "x");
		alert_holds(r.site, ALERT_STATION_FAULT, "M1", r.now, r.wall, "x");
		alert_sweep_end(r.site, r.now, r.wall, &r.fx);
	}
	assert_int_equal(told, 3);
	assert_int_equal(count(&r, false), 3);
	end(&r);
}

static void who_has_it_in_hand_is_not_told_again(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	desk_must(&r, "alert_rule.set", "{'alert': 'meter_lost', 'repeat': '5m'}");
	go_over(&r, 620 * S, LOST, "M1");
	assert_int_equal(told_again, 2);
	desk_must(&r, "alert.ack", "{'id': 1, 'note': 'electrician comes'}");
	assert_non_null(strstr(buf_cstr(&r.answer), "acknowledged"));
	assert_int_equal(alert_open_count(r.site), 0);
	go_over(&r, 1000 * S, LOST, "M1");
	assert_int_equal(told_again, 2);
	go_over(&r, 30 * S, LOST, NULL);
	assert_int_equal(desk_call(&r, "alert.ack", "{'id': 1}"), -LMS_ECONFLICT);
	assert_int_equal(desk_call(&r, "alert.ack", "{'id': 77}"), -LMS_ENOTFOUND);
	end(&r);
}

static void a_rule_says_when_and_how_bad(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	desk_must(&r, "alert_rule.set", "{'alert': 'meter_lost', 'delay': '1m', 'severity': 'notice'}");
	go_over(&r, 60 * S, LOST, "M1");
	assert_int_equal(count(&r, false), 0);
	go_over(&r, 4 * S, LOST, "M1");
	assert_int_equal(count(&r, false), 1);
	assert_int_equal(alert_find(r.site, 1)->level, LOG_LEVEL_NOTICE);
	desk_must(&r, "alert_rule.set", "{'alert': 'meter_lost', 'on': false}");
	go_over(&r, 2 * S, LOST, "M1");
	assert_int_equal(count(&r, false), 0);
	go_over(&r, 100 * S, LOST, "M1");
	assert_int_equal(told, 1);
	end(&r);
}

static void bad_rules_are_refused_and_change_nothing(void **state)
{
	struct alert_rule rule;
	struct desk r;

	(void)state;
	begin(&r);
	assert_int_equal(desk_call(&r, "alert_rule.set", "{'alert': 'meter_lots', 'on': false}"), -LMS_ENOTFOUND);
	assert_non_null(strstr(r.diag.text, "meter_lost"));
	assert_int_equal(desk_call(&r, "alert_rule.set", "{'alert': 'meter_lost', 'delay': '30d'}"), -LMS_ERANGE);
	assert_int_equal(desk_call(&r, "alert_rule.set", "{'alert': 'meter_lost', 'repeat': '5s'}"), -LMS_ERANGE);
	alert_rule(r.site, LOST, &rule);
	assert_true(rule.delay_us == 15 * S && rule.repeat_us == 0 && !rule.off);
	end(&r);
}

static void a_restart_forgets_nothing_and_tells_nothing_twice(void **state)
{
	struct desk r;

	(void)state;
	begin(&r);
	desk_must(&r, "alert_rule.set", "{'alert': 'meter_lost', 'delay': '4s'}");
	go_over(&r, 30 * S, LOST, "M1");
	go_over(&r, 200 * S, LOST, NULL);
	go_over(&r, 30 * S, LOST, "M2");
	desk_must(&r, "alert.ack", "{'id': 2, 'note': 'known'}");
	desk_restart(&r);
	load_all(&r);
	assert_int_equal(count(&r, true), 2);
	assert_string_equal(alert_find(r.site, 2)->note, "known");
	assert_true(alert_find(r.site, 1)->until != WALL_NONE);
	/* Meters and stations come back one by one: nothing is over in the first two minutes. */
	go_over(&r, 110 * S, LOST, NULL);
	assert_int_equal(count(&r, false), 1);
	go_over(&r, 60 * S, LOST, "M2");
	assert_int_equal(told, 2);
	assert_string_equal(alert_find(r.site, 2)->acked_by, "uid 0");
	go_over(&r, 60 * S, LOST, NULL);
	assert_int_equal(count(&r, false), 0);
	go_over(&r, 30 * S, LOST, "M3");
	assert_non_null(alert_find(r.site, 3));
	end(&r);
}

static void the_history_keeps_the_latest_and_open_ones_stay(void **state)
{
	struct desk r;
	char object[16];

	(void)state;
	begin(&r);
	go_over(&r, 200 * S, LOST, "M1");
	desk_must(&r, "alert_rule.set", "{'alert': 'station_fault', 'delay': '0s'}");
	for (int i = 0; i < ALERT_ROWS + 50; i++) {
		snprintf(object, sizeof(object), "S%d", i);
		for (int k = 0; k < 12; k++) {
			r.now += 2 * S;
			alert_sweep_begin(r.site);
			alert_holds(r.site, LOST, "M1", r.now, r.wall, "x");
			if (k == 0)
				alert_holds(r.site, ALERT_STATION_FAULT, object, r.now, r.wall, "x");
			alert_sweep_end(r.site, r.now, r.wall, &r.fx);
		}
		desk_settle(&r);
	}
	assert_int_equal(count(&r, false), 1);
	assert_int_equal(count(&r, true), ALERT_ROWS + 1);
	assert_int_equal(desk_stored_count(&r, STORE_ALERT), ALERT_ROWS + 1);
	/* The old one ends: newer history is not pushed out by it. */
	go_over(&r, 30 * S, LOST, NULL);
	assert_int_equal(count(&r, true), ALERT_ROWS);
	assert_int_equal(desk_stored_count(&r, STORE_ALERT), ALERT_ROWS);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_within_its_delay_is_no_alert),
		cmocka_unit_test(what_holds_is_told_once_and_over_once),
		cmocka_unit_test(what_comes_and_goes_is_one_alert),
		cmocka_unit_test(objects_and_kinds_are_alerts_of_their_own),
		cmocka_unit_test(who_has_it_in_hand_is_not_told_again),
		cmocka_unit_test(a_rule_says_when_and_how_bad),
		cmocka_unit_test(bad_rules_are_refused_and_change_nothing),
		cmocka_unit_test(a_restart_forgets_nothing_and_tells_nothing_twice),
		cmocka_unit_test(the_history_keeps_the_latest_and_open_ones_stay),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
