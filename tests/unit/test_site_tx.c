/* The ledger's rules (ocpp.md "Transactions"), each with its restart: what was acknowledged stays. */
#include "ledger_rig.h"

static void a_charge_runs_ends_and_is_recorded(void **state)
{
	struct ledger_desk l;
	struct ctl_transaction rec;
	struct tx *tx;

	(void)state;
	begin(&l);
	l.d.site->dirty = NULL;
	tx = start(&l, "S1/1", "ann", 1000, 1);
	assert_int_equal(l.auth.status, AUTH_ACCEPTED);
	assert_non_null(tx);
	assert_int_equal(tx->id, 1);
	assert_ptr_equal(conn(&l, "S1/1")->tx, tx);
	assert_true(conn(&l, "S1/1")->tag_vip);
	assert_ptr_equal(l.d.site->dirty, conn(&l, "S1/1"));
	assert_non_null(desk_stored(&l.d, STORE_TX_RUN, "0000000001"));
	assert_string_equal(desk_stored(&l.d, STORE_META, "transaction"), "{\"next_id\":2}");
	l.d.wall += HOUR;
	assert_int_equal(stop(&l, "S1", 1, 12000, l.d.wall), 0);
	assert_null(conn(&l, "S1/1")->tx);
	assert_null(site_tx(l.d.site, 1));
	assert_null(desk_stored(&l.d, STORE_TX_RUN, "0000000001"));
	rec = ended(&l, 1);
	assert_int_equal(rec.energy_wh, 11000);
	assert_int_equal(rec.duration_ms, 3600000);
	assert_string_equal(rec.state, "ended");
	assert_string_equal(rec.tag, "ANN");
	assert_string_equal(rec.holder, "Ann");
	assert_string_equal(rec.zone, "Z");
	assert_string_equal(rec.reason, "Local");
	assert_null(rec.note);
	assert_int_equal(rec.estimated, 0);
	assert_int_equal(site_tag(l.d.site, "ANN")->transactions, 1);
	assert_int_equal(site_tag(l.d.site, "ANN")->running, 0);
	desk_fini(&l.d);
}

static void the_same_start_again_gets_the_same_id_and_changes_nothing(void **state)
{
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 1000, 1);
	puts = l.d.put_count;
	assert_ptr_equal(start(&l, "S1/1", "ANN", 1000, 1), site_tx(l.d.site, 1));
	assert_int_equal(l.id, 1);
	assert_int_equal(l.auth.status, AUTH_ACCEPTED);
	assert_int_equal(l.d.put_count, puts);
	/* another station may count its messages alike */
	start(&l, "S2/1", "BOB", 1000, 1);
	assert_int_equal(l.id, 2);
	desk_restart(&l.d);
	start(&l, "S1/1", "ANN", 1000, 1);
	assert_int_equal(l.id, 1);
	stop(&l, "S1", 1, 2000, l.d.wall);
	assert_null(start(&l, "S1/1", "ANN", 1000, 1));
	assert_int_equal(l.id, 1);
	assert_int_equal(l.auth.status, AUTH_ACCEPTED);
	desk_restart(&l.d);
	assert_null(start(&l, "S1/1", "ANN", 1000, 1));
	assert_int_equal(l.id, 1);
	assert_int_equal(desk_stored_count(&l.d, STORE_TX), 1);
	desk_fini(&l.d);
}

static void the_same_stop_again_changes_nothing_also_after_a_restart(void **state)
{
	struct ledger_desk l;
	size_t puts;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 1000, 1);
	stop(&l, "S1", 1, 2000, l.d.wall);
	puts = l.d.put_count;
	assert_int_equal(stop(&l, "S1", 1, 2000, l.d.wall), 0);
	assert_int_equal(l.d.put_count, puts);
	desk_restart(&l.d);
	assert_int_equal(stop(&l, "S1", 1, 2000, l.d.wall), 0);
	assert_int_equal(l.d.put_count, puts);
	assert_int_equal(desk_stored_count(&l.d, STORE_TX), 1);
	desk_fini(&l.d);
}

static void ids_go_on_upwards_over_restarts_and_refusals(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 0, 1);
	start(&l, "S1/2", "nobody", 0, 2);
	assert_int_equal(l.id, 2);
	desk_restart(&l.d);
	start(&l, "S2/1", "BOB", 0, 3);
	assert_int_equal(l.id, 3);
	/* even if no record of the latest one were left */
	assert_int_equal(site_meta_load(l.d.site, "transaction", "{\"next_id\":900}", 15, NULL), 0);
	assert_int_equal(site_meta_load(l.d.site, "transaction", "{\"next_id\":7}", 13, NULL), 0);
	assert_int_equal(site_meta_load(l.d.site, "schema", "{\"next_id\":9999}", 16, NULL), 0);
	start(&l, "S1/2", "CAT", 0, 4);
	assert_int_equal(l.id, 900);
	desk_fini(&l.d);
}

static void refused_starts_are_recorded_and_do_not_run(void **state)
{
	static const struct {
		const char *tag;
		enum auth_status status;
	} cases[] = {
		{ "UNKNOWN", AUTH_INVALID },
		{ "CAT", AUTH_BLOCKED },
		{ "DAN", AUTH_EXPIRED },
		{ "bad tag;", AUTH_INVALID },
		{ "", AUTH_INVALID },
	};
	struct ledger_desk l;

	(void)state;
	begin(&l);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ctl_transaction rec;

		assert_null(start(&l, "S1/1", cases[i].tag, 5, i + 1));
		assert_int_equal(l.auth.status, cases[i].status);
		rec = ended(&l, l.id);
		assert_string_equal(rec.state, "refused");
		assert_string_equal(rec.reason, auth_status_text(cases[i].status));
		assert_int_equal(rec.energy_wh, 0);
		assert_null(conn(&l, "S1/1")->tx);
		/* the same again: the same answer */
		assert_null(start(&l, "S1/1", cases[i].tag, 5, i + 1));
		assert_int_equal(l.auth.status, cases[i].status);
		assert_int_equal(l.id, i + 1);
	}
	assert_int_equal(l.d.site->totals.sessions_week, 0);
	desk_fini(&l.d);
}

/* A station that was refused may have begun all the same: what it delivered is not lost. */
static void a_refused_start_that_is_stopped_keeps_its_energy(void **state)
{
	struct ledger_desk l;
	struct ctl_transaction rec;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "UNKNOWN", 100, 1);
	l.d.wall += MINUTE;
	assert_int_equal(stop(&l, "S1", l.id, 150, l.d.wall), 0);
	rec = ended(&l, 1);
	assert_string_equal(rec.state, "refused");
	assert_int_equal(rec.energy_wh, 50);
	desk_fini(&l.d);
}

static void one_tag_runs_one_transaction_at_a_time(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 0, 1);
	assert_null(start(&l, "S1/2", "ANN", 0, 2));
	assert_int_equal(l.auth.status, AUTH_CONCURRENT);
	desk_restart(&l.d);
	assert_null(start(&l, "S1/2", "ANN", 0, 3));
	assert_int_equal(l.auth.status, AUTH_CONCURRENT);
	/* on the same connector, the new one means that the old one is over */
	assert_non_null(start(&l, "S1/1", "ANN", 50, 4));
	assert_string_equal(ended(&l, 1).state, "orphan");
	assert_int_equal(l.d.site->tags->running, 1);
	stop(&l, "S1", l.id, 60, l.d.wall);
	assert_non_null(start(&l, "S1/2", "ANN", 0, 5));
	desk_fini(&l.d);
}

static void a_new_start_ends_what_ran_on_the_connector(void **state)
{
	struct ledger_desk l;
	struct ctl_transaction rec;
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/1", "ANN", 1000, 1);
	sample(&l, tx, 1500);
	l.d.wall += HOUR;
	tx = start(&l, "S1/1", "BOB", 1600, 2);
	assert_ptr_equal(conn(&l, "S1/1")->tx, tx);
	rec = ended(&l, 1);
	assert_string_equal(rec.state, "orphan");
	assert_int_equal(rec.energy_wh, 500);
	assert_non_null(strstr(rec.note, "next start"));
	/* its own stop comes late, and completes it */
	stop(&l, "S1", 1, 1600, l.d.wall - MINUTE);
	rec = ended(&l, 1);
	assert_string_equal(rec.state, "ended");
	assert_int_equal(rec.energy_wh, 600);
	assert_int_equal(rec.duration_ms, 59 * 60000);
	assert_ptr_equal(conn(&l, "S1/1")->tx, tx);
	desk_fini(&l.d);
}

static void stops_of_unknown_transactions_are_orphans_once(void **state)
{
	static const int32_t ids[] = { -1, 0, 4711, INT32_MAX, INT32_MIN };
	struct ledger_desk l;

	(void)state;
	begin(&l);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct ctl_transaction rec;
		char note[60];

		assert_int_equal(stop(&l, "S1", ids[i], 700, l.d.wall), 0);
		assert_int_equal(stop(&l, "S1", ids[i], 700, l.d.wall), 0);
		assert_int_equal(desk_stored_count(&l.d, STORE_TX), i + 1);
		rec = ended(&l, (int32_t)i + 1);
		assert_string_equal(rec.state, "orphan");
		assert_int_equal(rec.energy_wh, 0);
		assert_int_equal(rec.start, WALL_NONE);
		snprintf(note, sizeof(note), "stop of transaction %d,", ids[i]);
		assert_non_null(strstr(rec.note, note));
	}
	desk_restart(&l.d);
	assert_int_equal(stop(&l, "S1", -1, 700, l.d.wall), 0);
	assert_int_equal(desk_stored_count(&l.d, STORE_TX), ARRAY_LEN(ids));
	assert_int_equal(stop(&l, "S1", -1, 800, l.d.wall), 0);
	assert_int_equal(desk_stored_count(&l.d, STORE_TX), ARRAY_LEN(ids) + 1);
	desk_fini(&l.d);
}

static void another_stations_transaction_is_out_of_reach(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 0, 1);
	assert_int_equal(stop(&l, "S2", 1, 10, l.d.wall), -LMS_EROLE);
	assert_non_null(site_tx(l.d.site, 1));
	stop(&l, "S1", 1, 10, l.d.wall);
	assert_int_equal(stop(&l, "S2", 1, 99, l.d.wall), -LMS_EROLE);
	assert_int_equal(ended(&l, 1).energy_wh, 10);
	desk_fini(&l.d);
}

static void impossible_times_are_replaced_and_said(void **state)
{
	struct ledger_desk l;
	struct tx_start in = { .tag = "ANN", .time = WALL_NONE, .meter_wh = 0, .hash = 1 };
	struct ctl_transaction rec;
	wall_t begun;

	(void)state;
	begin(&l);
	in.conn = conn(&l, "S1/1");
	begun = l.d.wall;
	start_as(&l, &in);
	l.d.wall += HOUR;
	stop(&l, "S1", 1, 10, WALL_NONE);
	rec = ended(&l, 1);
	assert_int_equal(rec.start, begun);
	assert_int_equal(rec.stop, l.d.wall);
	assert_string_equal(rec.note, "start time as received; stop time as received");
	start(&l, "S1/1", "ANN", 10, 2);
	l.d.wall += MINUTE;
	stop(&l, "S1", 2, 20, l.d.wall - 2 * HOUR);
	rec = ended(&l, 2);
	assert_int_equal(rec.duration_ms, 60000);
	assert_non_null(strstr(rec.note, "the stop time lay before the start time"));
	desk_fini(&l.d);
}

static void replays_never_touch_what_runs_now(void **state)
{
	struct ledger_desk l;
	struct tx_start in = { .tag = "BOB", .meter_wh = 0, .hash = 9, .replay = true };
	struct tx *live, *tx;

	(void)state;
	begin(&l);
	live = start(&l, "S1/1", "ANN", 5000, 1);
	in.conn = conn(&l, "S1/1");
	in.time = l.d.wall - 24 * HOUR;
	tx = start_as(&l, &in);
	assert_non_null(tx);
	assert_ptr_equal(conn(&l, "S1/1")->tx, live);
	/* a second one on the connector: the first is over */
	in.hash = 10;
	in.time += HOUR;
	start_as(&l, &in);
	assert_string_equal(ended(&l, 2).state, "orphan");
	/* after a restart it still is nobody's */
	desk_restart(&l.d);
	assert_int_equal(conn(&l, "S1/1")->tx->id, 1);
	assert_true(site_tx(l.d.site, 3)->replay);
	/* adopted only where nothing runs */
	site_tx_adopt(l.d.site, site_tx(l.d.site, 3));
	assert_int_equal(conn(&l, "S1/1")->tx->id, 1);
	stop(&l, "S1", 1, 5100, l.d.wall);
	site_tx_adopt(l.d.site, site_tx(l.d.site, 3));
	assert_int_equal(conn(&l, "S1/1")->tx->id, 3);
	/* and a live start ends replays that nobody adopted */
	in.hash = 11;
	in.conn = conn(&l, "S1/2");
	start_as(&l, &in);
	start(&l, "S1/2", "ANN", 0, 12);
	assert_string_equal(ended(&l, 4).state, "orphan");
	desk_fini(&l.d);
}

static void a_replay_is_judged_by_its_own_time(void **state)
{
	struct ledger_desk l;
	struct tx_start in = { .tag = "DAN", .meter_wh = 0, .hash = 1, .replay = true };

	(void)state;
	begin(&l);
	in.conn = conn(&l, "S1/1");
	in.time = l.d.wall - HOUR;
	assert_non_null(start_as(&l, &in));
	in.time = l.d.wall;
	in.hash = 2;
	assert_null(start_as(&l, &in));
	assert_int_equal(l.auth.status, AUTH_EXPIRED);
	desk_fini(&l.d);
}

static void running_transactions_run_again_after_a_restart(void **state)
{
	struct ledger_desk l;
	struct tx *tx;

	(void)state;
	begin(&l);
	tx = start(&l, "S1/2", "ANN", 1000, 1);
	l.d.wall += 2 * MINUTE;
	sample(&l, tx, 1400);
	desk_restart(&l.d);
	tx = site_tx(l.d.site, 1);
	assert_non_null(tx);
	assert_ptr_equal(conn(&l, "S1/2")->tx, tx);
	assert_true(conn(&l, "S1/2")->tag_vip);
	assert_int_equal(tx->energy_wh, 400);
	assert_int_equal(tx->meter_start_wh, 1000);
	assert_int_equal(tx->started_mono, 0);
	assert_int_equal(site_tag(l.d.site, "ANN")->running, 1);
	assert_ptr_equal(l.d.site->dirty, conn(&l, "S1/2"));
	stop(&l, "S1", 1, 3000, l.d.wall);
	assert_int_equal(ended(&l, 1).energy_wh, 2000);
	desk_fini(&l.d);
}

static void deleting_a_station_ends_its_transactions(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 0, 1);
	start(&l, "S2/1", "BOB", 0, 2);
	desk_must(&l.d, "station.delete", "{'id': 'S1', 'dry_run': true}");
	assert_non_null(site_tx(l.d.site, 1));
	desk_must(&l.d, "station.delete", "{'id': 'S1'}");
	assert_null(site_tx(l.d.site, 1));
	assert_non_null(site_tx(l.d.site, 2));
	assert_non_null(strstr(ended(&l, 1).note, "deleted"));
	assert_null(site_station(l.d.site, "S1"));
	desk_restart(&l.d);
	assert_null(site_tx(l.d.site, 1));
	desk_fini(&l.d);
}

/* A strange old record never breaks a list, nor a start. */
static void strange_records_are_read_as_far_as_they_go(void **state)
{
	static const struct {
		const char *json;
		bool readable;
	} cases[] = {
		{ "", false },
		{ "[]", false },
		{ "{}", false },
		{ "7", false },
		{ "{\"id\":0}", false },
		{ "{\"id\":-5}", false },
		{ "{\"id\":2147483648}", false },
		{ "{\"id\":\"5\"}", false },
		{ "{\"id\":5", false },
		{ "{\"id\":5}", true },
		{ "{\"id\":5,\"station\":5,\"start\":\"x\",\"stop\":1e30,\"energy_wh\":1.5,\"note\":[],\"vip\":1}", true },
		{ "{\"id\":5,\"connector\":-1,\"start\":0,\"stop\":-9000000000000000000,\"start_hash\":\"zz\"}", true },
		{ "{\"id\":5,\"station\":\"a station whose name is much longer than any station may ever be called\"}", true },
		{ "{\"id\":5,\"state\":\"a state of a later version\",\"more\":{\"x\":[1,2,{}]}}", true },
	};
	struct ledger_desk l;

	(void)state;
	begin(&l);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ctl_transaction rec;
		size_t len = strlen(cases[i].json);
		int ret = site_tx_record(l.d.site, cases[i].json, len, &l.d.arena, &rec, NULL);
		struct site *s = site_new();

		if ((ret == 0) != cases[i].readable)
			fail_msg("%s: %d", cases[i].json, ret);
		if (ret == 0)
			assert_true(rec.duration_ms == NUM_NONE || rec.duration_ms >= 0);
		assert_int_equal(site_tx_load(s, cases[i].json, len, true, NULL) == 0, cases[i].readable);
		assert_int_equal(HASH_COUNT(s->running), cases[i].readable);
		site_free(s);
	}
	desk_fini(&l.d);
}

/* More than are remembered: the oldest are forgotten, the latest still answer the same. */
static void the_latest_1024_are_remembered(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	for (uint64_t i = 1; i <= 1100; i++) {
		start(&l, "S1/1", "ANN", 0, i);
		stop(&l, "S1", l.id, 1, l.d.wall);
	}
	start(&l, "S1/1", "ANN", 0, 77);
	assert_int_equal(l.id, 77);
	start(&l, "S1/1", "ANN", 0, 76);
	assert_int_equal(l.id, 1101);
	desk_fini(&l.d);
}

/* A car that stood there for weeks, while more than are remembered came and went. */
static void the_oldest_may_be_the_last_to_end(void **state)
{
	struct ledger_desk l;

	(void)state;
	begin(&l);
	start(&l, "S1/1", "ANN", 0, 5000);
	for (uint64_t i = 1; i <= 1100; i++) {
		start(&l, "S1/2", "BOB", 0, i);
		stop(&l, "S1", l.id, 1, l.d.wall);
	}
	assert_int_equal(stop(&l, "S1", 1, 50, l.d.wall), 0);
	assert_int_equal(ended(&l, 1).energy_wh, 50);
	start(&l, "S1/1", "ANN", 0, 5000);
	assert_int_equal(l.id, 1);
	desk_fini(&l.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charge_runs_ends_and_is_recorded),
		cmocka_unit_test(the_same_start_again_gets_the_same_id_and_changes_nothing),
		cmocka_unit_test(the_same_stop_again_changes_nothing_also_after_a_restart),
		cmocka_unit_test(ids_go_on_upwards_over_restarts_and_refusals),
		cmocka_unit_test(refused_starts_are_recorded_and_do_not_run),
		cmocka_unit_test(a_refused_start_that_is_stopped_keeps_its_energy),
		cmocka_unit_test(one_tag_runs_one_transaction_at_a_time),
		cmocka_unit_test(a_new_start_ends_what_ran_on_the_connector),
		cmocka_unit_test(stops_of_unknown_transactions_are_orphans_once),
		cmocka_unit_test(another_stations_transaction_is_out_of_reach),
		cmocka_unit_test(impossible_times_are_replaced_and_said),
		cmocka_unit_test(replays_never_touch_what_runs_now),
		cmocka_unit_test(a_replay_is_judged_by_its_own_time),
		cmocka_unit_test(running_transactions_run_again_after_a_restart),
		cmocka_unit_test(deleting_a_station_ends_its_transactions),
		cmocka_unit_test(strange_records_are_read_as_far_as_they_go),
		cmocka_unit_test(the_latest_1024_are_remembered),
		cmocka_unit_test(the_oldest_may_be_the_last_to_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
