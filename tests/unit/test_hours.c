/* The hours of the bottleneck report: where one ends, what a restart takes up again, clocks, and old ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scenario/helper_rig.h"
#include "app.h"
#include "hall/hours.h"

#define BEGIN (INT64_C(1700000000) * US_PER_S / HOUR_US * HOUR_US)	/* an hour in November 2023 */

struct bed {
	char dir[64];
	struct app app;
	struct site site;
	struct site_conf conf;
	struct zone_conf zone;
	struct rig r;
	wall_t wall;
};

static void committed(void *ctx, uint64_t seq)
{
	(void)seq;
	loop_stop(((struct bed *)ctx)->app.loop);
}

static void failed(void *ctx, uint64_t seq, const char *why)
{
	(void)ctx;
	(void)seq;
	fail_msg("%s", why);
}

static const struct store_ops ops = { committed, failed };

static void open_store(struct bed *t)
{
	assert_int_equal(store_open(t->app.loop, t->dir, &ops, t, &t->app.store, NULL), 0);
}

/* P1 of 40 A, where two cars want 32 each. */
static int setup(void **state)
{
	struct bed *t = calloc(1, sizeof(*t));

	strcpy(t->dir, "/tmp/lms-hours-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	rig_init(&t->r);
	rig_zone(&t->r, "P1", -1, 40000);
	rig_conn(&t->r, "A/1", "A", 0);
	rig_conn(&t->r, "B/1", "B", 0);
	rig_start(&t->r);
	t->zone.k.id = "P1";
	t->conf.zones = &t->zone;
	t->conf.zone_count = 1;
	t->site.conf = &t->conf;
	t->app.hall.site = &t->site;
	t->app.hall.balance = t->r.b;
	t->app.balanced = true;
	t->app.loop = loop_new();
	arena_init(&t->app.arena);
	effects_init(&t->app.fx, &t->app.arena);
	t->wall = BEGIN;
	open_store(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct bed *t = *state;
	char command[120];

	hours_close(&t->app, t->r.now);
	store_close(t->app.store);
	loop_free(t->app.loop);
	arena_fini(&t->app.arena);
	rig_fini(&t->r);
	snprintf(command, sizeof(command), "rm -r %s", t->dir);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

static void short_cars(struct bed *t)
{
	rig_charge(&t->r, 0, 1);
	rig_charge(&t->r, 1, 2);
}

/* Time passes, with a turn each minute. */
static void pass(struct bed *t, int minutes)
{
	for (int i = 0; i < minutes; i++) {
		rig_run(&t->r, 60 * US_PER_S);
		rig_forget(&t->r);
		t->wall += 60 * US_PER_S;
		hours_turn(&t->app, t->r.now, t->wall);
	}
}

/* Seconds that were last written under a key, -1 = none. */
static int written_s(const struct bed *t, const char *key)
{
	int64_t ms = -1000;

	for (const struct effect *e = t->app.fx.first; e != NULL; e = e->next)
		if (e->kind == FX_PUT && strcmp(e->u.put.key, key) == 0)
			ms = strtoll(strstr(e->u.put.json, "\"held_ms\":") + 10, NULL, 10);
	return (int)(ms / 1000);
}

static const char *key_of(wall_t hour)
{
	static char key[HOUR_KEY_MAX];

	hours_key(hour, "P1", key);
	return key;
}

static int running_s(struct bed *t)
{
	struct ctl_report r;

	assert_true(hours_running(&t->app, 0, t->r.now, &r));
	assert_string_equal(r.zone, "P1");
	return (int)(r.held_ms / 1000);
}

static void an_hour_is_written_as_it_goes_and_at_its_end(void **state)
{
	struct bed *t = *state;

	hours_open(&t->app, t->wall);
	assert_string_equal(key_of(BEGIN), "2023-11-14T22/P1");
	pass(t, 20);
	assert_int_equal(written_s(t, key_of(BEGIN)), -1);	/* no bottleneck, nothing to write */
	short_cars(t);
	pass(t, 6);
	assert_in_range(written_s(t, key_of(BEGIN)), 1, 360);
	pass(t, 34);
	assert_in_range(written_s(t, key_of(BEGIN)), 40 * 60 - 2, 40 * 60);
	assert_in_range(running_s(t), 0, 1);
	pass(t, 60);
	assert_in_range(written_s(t, key_of(BEGIN + HOUR_US)), 3598, 3600);
	assert_in_range(written_s(t, key_of(BEGIN)), 40 * 60 - 2, 40 * 60);
}

static void a_restart_goes_on_in_the_same_hour(void **state)
{
	struct bed *t = *state;
	int before;

	hours_open(&t->app, t->wall);
	short_cars(t);
	pass(t, 10);
	before = running_s(t);
	assert_in_range(before, 598, 600);
	hours_close(&t->app, t->r.now);
	store_close(t->app.store);
	open_store(t);
	rig_fini(&t->r);	/* lmsd has forgotten */
	rig_init(&t->r);
	rig_zone(&t->r, "P1", -1, 40000);
	rig_conn(&t->r, "A/1", "A", 0);
	rig_conn(&t->r, "B/1", "B", 0);
	rig_start(&t->r);
	t->app.hall.balance = t->r.b;
	hours_open(&t->app, t->wall);
	assert_in_range(running_s(t), before - 1, before);
	short_cars(t);
	pass(t, 5);
	assert_in_range(running_s(t), before + 298, before + 301);
}

static void an_hour_of_before_is_not_taken_up(void **state)
{
	struct bed *t = *state;

	hours_open(&t->app, t->wall);
	short_cars(t);
	pass(t, 10);
	hours_close(&t->app, t->r.now);
	store_close(t->app.store);
	open_store(t);
	t->wall += HOUR_US;
	t->app.balanced = false;
	hours_open(&t->app, t->wall);
	assert_int_equal(running_s(t), 0);
}

static void a_clock_that_goes_back_a_little_begins_no_hour_twice(void **state)
{
	struct bed *t = *state;
	int before;

	t->wall = BEGIN + 2 * 60 * US_PER_S;
	hours_open(&t->app, t->wall);
	short_cars(t);
	pass(t, 10);
	before = running_s(t);
	t->wall = BEGIN - 10 * 60 * US_PER_S;
	pass(t, 8);
	assert_in_range(running_s(t), before + 478, before + 481);
	assert_int_equal(written_s(t, key_of(BEGIN - HOUR_US)), -1);
}

static void a_zone_that_was_deleted_begins_anew(void **state)
{
	static const struct bal_zone_conf other = { .id = "P2", .parent = -1, .phases = 3, .cap_w = NUM_NONE,
		.min_ma = NUM_NONE, .cap = { { 40000, 40000, 40000 } }, .dynamic = { { NUM_NONE, NUM_NONE, NUM_NONE } },
		.meter_lost = { { NUM_NONE, NUM_NONE, NUM_NONE } } };
	struct bed *t = *state;
	struct bal_conf conf = { .zones = &other, .zone_count = 1, .conns = t->r.conns, .conn_count = 2 };

	hours_open(&t->app, t->wall);
	short_cars(t);
	pass(t, 61);
	assert_int_equal(balance_configure(t->r.b, &conf, t->r.now, NULL), 0);
	conf.zones = t->r.zones;
	assert_int_equal(balance_configure(t->r.b, &conf, t->r.now, NULL), 0);
	assert_in_range(running_s(t), 0, 1);
}

static void old_hours_are_deleted(void **state)
{
	struct bed *t = *state;
	struct store_batch *b = store_batch_new();
	size_t deleted = 0;

	store_batch_put(b, STORE_BOTTLENECK, key_of(BEGIN - 401 * 24 * HOUR_US), "{}", 2);
	store_batch_put(b, STORE_BOTTLENECK, key_of(BEGIN - 399 * 24 * HOUR_US), "{}", 2);
	store_submit(t->app.store, b);
	loop_run(t->app.loop);
	hours_open(&t->app, t->wall);
	pass(t, 61);	/* another hour */
	store_close(t->app.store);	/* answers what was asked */
	for (const struct effect *e = t->app.fx.first; e != NULL; e = e->next)
		if (e->kind == FX_DEL) {
			assert_string_equal(e->u.del.key, key_of(BEGIN - 401 * 24 * HOUR_US));
			deleted++;
		}
	assert_int_equal(deleted, 1);
	open_store(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_hour_is_written_as_it_goes_and_at_its_end),
		TEST(a_restart_goes_on_in_the_same_hour),
		TEST(an_hour_of_before_is_not_taken_up),
		TEST(a_clock_that_goes_back_a_little_begins_no_hour_twice),
		TEST(a_zone_that_was_deleted_begins_anew),
		TEST(old_hours_are_deleted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
