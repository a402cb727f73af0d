/* What is handed on to the history, moment by moment: a reading once, silence and doubt as what they are, cars as
 * far as they tell, connectors each minute, whatever the clock does.
 */
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
#include "hall/history/keeper.h"
#include "helper_meter.h"
#include "sense_meters.h"

#define BEGIN (INT64_C(1764158400) * US_PER_S)	/* a full hour */

/* A board of 40 A with two cars below a main zone that is measured by M. */
struct bed {
	char dir[64];
	struct app app;
	struct site site;
	struct site_conf conf;
	struct zone_conf zones[2];
	struct meter_conf meter;
	struct station_conf stations[2];
	struct station station[2];
	struct connector conn[2];
	struct connector *slots[2];
	struct sense sense;
	struct sensed sensed;
	struct meter_profile *profile;
	struct image *image;
	struct tx tx;
	struct rig r;
	wall_t wall;
	char json[20000];
	bool answered;
};

static int setup(void **state)
{
	struct bed *t = calloc(1, sizeof(*t));
	struct meter_setup setup;

	strcpy(t->dir, "/tmp/lms-keeper-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	rig_init(&t->r);
	rig_zone(&t->r, "main", -1, 63000);
	rig_zone(&t->r, "board", 0, 40000);
	rig_conn(&t->r, "A/1", "A", 1);
	rig_conn(&t->r, "B/1", "B", 1);
	rig_start(&t->r);
	t->zones[0] = (struct zone_conf){ .k = { .id = "main" }, .parent = -1, .meter = 0 };
	t->zones[1] = (struct zone_conf){ .k = { .id = "board" }, .parent = 0, .meter = -1 };
	t->meter.k.id = "M";
	t->conf.zones = t->zones;
	t->conf.zone_count = 2;
	t->conf.meters = &t->meter;
	t->conf.meter_count = 1;
	t->conf.stations = t->stations;
	t->conf.station_count = 2;
	for (int i = 0; i < 2; i++) {
		t->stations[i].zone = 1;
		strcpy(t->station[i].id, i ? "B" : "A");
		t->station[i].conf = i;
		t->conn[i].station = &t->station[i];
		t->conn[i].number = 1;
		t->conn[i].slot = (uint32_t)i;
		t->slots[i] = &t->conn[i];
	}
	t->profile = profile_of_sdm630();
	t->image = image_new();
	meter_setup_init(&setup, "M", t->profile);
	t->sensed.state = meter_new(&setup);
	t->sense.meters = &t->sensed;
	t->sense.count = 1;
	t->site.conf = &t->conf;
	t->app.hall.site = &t->site;
	t->app.hall.balance = t->r.b;
	t->app.balanced = true;
	t->app.slots = t->slots;
	t->app.slot_count = 2;
	t->app.sense = &t->sense;
	t->app.loop = loop_new();
	t->app.boot.history_step = 10;
	t->app.boot.history_max = 64;
	t->app.boot.history_raw = t->app.boot.history_minute = t->app.boot.history_quarter = 9999;
	snprintf(t->app.boot.state_directory, sizeof(t->app.boot.state_directory), "%s", t->dir);
	t->wall = BEGIN;
	keeper_open(&t->app, t->r.now, t->wall);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct bed *t = *state;
	char command[120];

	keeper_close(&t->app);
	loop_free(t->app.loop);
	meter_free(t->sensed.state);
	image_free(t->image);
	profile_free(t->profile);
	rig_fini(&t->r);
	snprintf(command, sizeof(command), "rm -r %s", t->dir);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

/* Seconds pass; the keeper looks at each. */
static void pass(struct bed *t, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		rig_run(&t->r, US_PER_S);
		rig_forget(&t->r);
		t->wall += US_PER_S;
		keeper_turn(&t->app, t->r.now, t->wall);
	}
}

static void answer(struct bed *t, int64_t ma, bool voltage)
{
	struct meter_block blocks[32];
	struct meter_reading r = { .at = t->r.now, .wall = t->wall, .blocks = blocks };

	for (unsigned p = 0; p < PHASES; p++) {
		image_put(t->image, t->profile, (enum meter_var)(METER_current_l1 + p), ma);
		image_put(t->image, t->profile, (enum meter_var)(METER_voltage_l1n + p), voltage ? 230000 : 0);
		image_put(t->image, t->profile, (enum meter_var)(METER_power_l1 + p), ma * 230 / 1000);
	}
	image_put(t->image, t->profile, METER_power_total, 3 * ma * 230 / 1000);
	r.block_count = image_read(t->image, t->profile, t->r.now, blocks);
	assert_true(meter_take(t->sensed.state, &r));
}

static void draws(struct bed *t, int conn, int64_t ma)
{
	struct connector *c = &t->conn[conn];

	c->draw = (struct phase_ma){ { ma, ma, ma } };
	c->power_w = ma * 690 / 1000;
	c->draw_at = t->r.now;
	c->draw_until = t->r.now + 25 * US_PER_S;
}

/* ---- what was kept ---- */

static void on_page(void *ctx, struct archive_page *page)
{
	struct bed *t = ctx;

	assert_int_equal(page->err, 0);
	snprintf(t->json, sizeof(t->json), "%s", buf_cstr(&page->json));
	t->answered = true;
	loop_stop(t->app.loop);
}

/* The rows as text, times as seconds from BEGIN: "10:16000,- 20:…". */
static const char *kept(struct bed *t, enum history_kind kind, const char *id, const char *variables)
{
	static char out[8000];
	struct archive_query q = { .kind = kind, .from = BEGIN - 7200 * US_PER_S, .at = BEGIN - 7200 * US_PER_S,
				   .until = BEGIN + 7200 * US_PER_S, .configured = true };
	const struct json *rec, *rows;
	struct arena arena;
	size_t len = 0;

	snprintf(q.id, sizeof(q.id), "%s", id);
	assert_int_equal(history_vars_parse(variables, kind, &q.vars, NULL), 0);
	t->answered = false;
	archive_read(keeper_archive(&t->app), &q, on_page, t);
	while (!t->answered)
		loop_run(t->app.loop);
	arena_init(&arena);
	rec = json_parse(&arena, t->json, strlen(t->json), &JSON_CAPS_DEFAULT, NULL);
	rows = json_get(rec, "rows");
	out[0] = '\0';
	for (const struct json *row = rows->first; row; row = row->next) {
		int64_t v;

		json_int(row->first, &v);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%lld:", len ? " " : "",
					(long long)(v / 1000 - BEGIN / US_PER_S));
		for (const struct json *cell = row->first->next; cell; cell = cell->next)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", cell == row->first->next ? "" : ",",
						cell->type == JSON_NULL ? "-" : cell->text);
	}
	arena_fini(&arena);
	return out;
}

/* The archive opens in its own time. */
static void wait_until_open(struct bed *t)
{
	struct archive_figures f;

	do
		archive_figures(keeper_archive(&t->app), &f);
	while (!f.on && !f.why[0]);
	assert_true(f.on);
}

/* ---- meters ---- */

static void a_reading_is_kept_once(void **state)
{
	struct bed *t = *state;

	wait_until_open(t);
	pass(t, 5);
	answer(t, 16000, true);
	pass(t, 45);			/* three moments, and nothing new at the later ones */
	answer(t, 17000, true);
	pass(t, 10);
	assert_string_equal(kept(t, HISTORY_METER, "M", "current_l1"), "10:16000 60:17000");
	assert_string_equal(kept(t, HISTORY_ZONE, "main", "current_l1,power_total"), "10:16000,11040 60:17000,11730");
}

static void silence_and_doubt_are_kept_as_what_they_are(void **state)
{
	struct bed *t = *state;

	wait_until_open(t);
	pass(t, 5);
	answer(t, 16000, true);
	pass(t, 10);
	answer(t, 15000, false);	/* current without voltage */
	pass(t, 10);
	assert_string_equal(kept(t, HISTORY_METER, "M", "current_l1,voltage_l1n"), "10:16000,230000 20:15000,0,ig");
	/* A zone is not told of what its balance does not believe. */
	assert_string_equal(kept(t, HISTORY_ZONE, "main", "current_l1"), "10:16000");
	pass(t, 20);
	assert_string_equal(kept(t, HISTORY_METER, "M", "current_l1"), "10:16000 20:15000,i");
}

/* ---- zones ---- */

static void cars_are_told_of_when_all_of_them_tell(void **state)
{
	struct bed *t = *state;

	wait_until_open(t);
	t->conn[0].tx = &t->tx;
	draws(t, 0, 10000);
	pass(t, 10);
	t->conn[1].tx = &t->tx;		/* begins, and has not told yet */
	draws(t, 0, 10000);
	pass(t, 10);
	draws(t, 0, 9000);
	draws(t, 1, 6000);
	pass(t, 10);
	assert_string_equal(kept(t, HISTORY_ZONE, "board", "ev_current_l1,ev_power,current_l1,limit_l1"),
			    "10:10000,6900,10000,40000 20:-,-,-,40000 30:15000,10350,15000,40000");
	/* Cars count for zones above, whose own current the meter tells. */
	assert_string_equal(kept(t, HISTORY_ZONE, "main", "ev_current_l2,current_l2,limit_l2"),
			    "10:10000,-,63000 20:-,-,63000 30:15000,-,63000");
}

/* ---- connectors ---- */

static void connectors_are_kept_each_minute(void **state)
{
	struct bed *t = *state;

	wait_until_open(t);
	rig_charge(&t->r, 0, 1);
	t->conn[0].tx = &t->tx;
	pass(t, 50);
	draws(t, 0, 10000);
	pass(t, 75);			/* it tells nothing in the second minute */
	assert_string_equal(kept(t, HISTORY_CONNECTOR, "A/1", "current_l1,power_total,limit"),
			    "60:10000,6900,32000 120:-,-,32000");
	assert_string_equal(kept(t, HISTORY_CONNECTOR, "B/1", "current_l1,limit"), "60:-,0 120:-,0");
}

/* ---- clocks ---- */

static void moments_follow_the_clock_wherever_it_goes(void **state)
{
	struct bed *t = *state;

	wait_until_open(t);
	pass(t, 25);			/* 10, 20 */
	t->wall -= 3 * US_PER_S;	/* 22: the moment of 20 was told already */
	pass(t, 9);			/* 30 */
	t->wall += 3600 * US_PER_S;
	pass(t, 10);			/* an hour ahead: 3640 */
	t->wall -= 3605 * US_PER_S;
	pass(t, 20);			/* and back: 40, 50 */
	assert_string_equal(kept(t, HISTORY_ZONE, "board", "limit_l1"), "10:40000 20:40000 30:40000 40:40000 50:40000 "
			    "3640:40000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reading_is_kept_once, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_and_doubt_are_kept_as_what_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(cars_are_told_of_when_all_of_them_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(connectors_are_kept_each_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(moments_follow_the_clock_wherever_it_goes, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
