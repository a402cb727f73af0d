/* test_quirk_tx.c - ocpp.md "Transactions": each quirk of real stations has a test that is named after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "hall.h"
#include "tests/unit/helper_ocpp.h"

#define MINUTE (60 * US_PER_S)
#define HOUR   (60 * MINUTE)

static struct bench b;
static struct hall hall;
static struct ctl_call call;
static struct buf answer;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	hall = (struct hall){ .site = b.site, .ocpp = b.ocpp };
	buf_init(&answer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_fini(&answer);
	bench_fini(&b);
	return 0;
}

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static const struct tx *running(int32_t id)
{
	return site_tx(b.site, id);
}

static struct ctl_transaction shown(int32_t id)
{
	struct ctl_transaction rec;

	assert_non_null(running(id));
	site_tx_to_record(b.site, running(id), b.wall, &b.arena, &rec);
	return rec;
}

/* transaction.close; 0 or the error, whose text is in call.diag. */
static int close_tx(int32_t id, const char *reason, int64_t meter_wh)
{
	const struct ctl_transaction_close_args args = { .id = id, .reason = reason, .meter_stop_wh = meter_wh };

	bench_turn(&b);
	buf_clear(&answer);
	call = (struct ctl_call){ .hall = &hall, .verb = ctl_verb_find("transaction.close"), .uid = 1000, .now = b.now,
				  .wall = b.wall, .arena = &b.arena, .fx = &b.fx, .out = &answer };
	diag_init(&call.diag);
	jw_init(&call.w, &answer);
	return ctl_transaction_close(&call, &args);
}

static const char start_frame[] = "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1000,"
	"\"timestamp\":\"2026-11-21T06:00:06Z\"}]";

/* ---- ids ---- */

static void stop_of_nothing(void **state)
{
	static const int64_t ids[] = { -1, 0, 4711, INT32_MAX, INT64_C(3000000000) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		bench_pass(&b, MINUTE);
		bench_stop(&b, 1, ids[i], 5000);
		assert_string_equal(bench_frame(&b, 0), "[3,\"stop\",{}]");
		assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
		holds(bench_stored(&b, STORE_TX), "\"state\":\"orphan\"");
		holds(bench_stored(&b, STORE_TX), "\"meter_stop_wh\":5000");
		holds(bench_stored(&b, STORE_TX), "\"energy_wh\":0");
		/* Sent once more it is the same one. */
		bench_stop(&b, 1, ids[i], 5000);
		assert_string_equal(bench_frame(&b, 0), "[3,\"stop\",{}]");
		assert_string_equal(bench_stored(&b, STORE_TX), "");
	}
}

static void the_same_start(void **state)
{
	char first[200];

	(void)state;
	bench_say(&b, 1, start_frame);
	snprintf(first, sizeof(first), "%s", bench_frame(&b, 0));
	holds(first, "\"transactionId\":1");
	/* With another message id, on another connection, and while it goes on. */
	bench_close(&b, 1);
	bench_open(&b, 2, "CP1");
	bench_say(&b, 2, "[2,\"z\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1000,"
		  "\"timestamp\":\"2026-11-21T06:00:06Z\",\"extra\":1}]");
	holds(bench_frame(&b, 0), "\"transactionId\":1");
	assert_int_equal(HASH_COUNT(b.site->running), 1);
	/* Over, it still is that one. */
	bench_stop(&b, 2, 1, 2000);
	bench_say(&b, 2, start_frame);
	holds(bench_frame(&b, 0), "\"transactionId\":1");
	assert_int_equal(HASH_COUNT(b.site->running), 0);
	/* What differs in any of connector, time, register or tag is another. */
	bench_say(&b, 2, "[2,\"y\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1001,"
		  "\"timestamp\":\"2026-11-21T06:00:06Z\"}]");
	holds(bench_frame(&b, 0), "\"transactionId\":2");
}

static void ids_are_unique(void **state)
{
	int32_t last = 0;

	(void)state;
	bench_boot(&b, 2, "CP2");
	for (int i = 0; i < 20; i++) {
		int32_t id = bench_start(&b, i % 2 ? 1 : 2, 1, i % 3 ? "BLOCKED" : "GOOD");

		assert_true(id > last);
		last = id;
		bench_pass(&b, US_PER_S);
		bench_stop(&b, 1, -1, i);	/* an orphan has an id of its own, too */
		bench_stop(&b, i % 2 ? 1 : 2, id, 2000);
		bench_pass(&b, US_PER_S);
	}
	assert_int_equal(b.site->next_tx, 41);
}

static void of_another_station(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_boot(&b, 2, "CP2");
	bench_stop(&b, 2, id, 9000);
	assert_string_equal(bench_frame(&b, 0), "[3,\"stop\",{\"idTagInfo\":{\"status\":\"Invalid\"}}]");
	assert_string_equal(bench_stored(&b, STORE_TX), "");
	bench_sayf(&b, 2, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
		   "\"2026-11-21T06:00:12Z\",\"sampledValue\":[{\"value\":\"9000\"}]}]}]", id);
	assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
	assert_int_equal(running(id)->energy_wh, 0);
	assert_int_equal(running(id)->meter_stop_wh, 1000);
}

/* ---- replays ---- */

static void a_replay_never_touches_what_runs(void **state)
{
	int32_t live = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD2\",\"meterStart\":1,"
		  "\"timestamp\":\"2026-11-20T06:00:00Z\"}]");
	holds(bench_frame(&b, 0), "Accepted");
	assert_int_equal(bench_conn(&b, "CP1", 1)->tx->id, live);
	bench_status(&b, 1, 1, "Charging");
	bench_pass(&b, 11 * US_PER_S);
	assert_int_equal(bench_conn(&b, "CP1", 1)->tx->id, live);
	bench_say(&b, 1, "[2,\"b\",\"StopTransaction\",{\"transactionId\":2,\"meterStop\":900,"
		  "\"timestamp\":\"2026-11-20T07:00:00Z\"}]");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":899");
	assert_int_equal(bench_conn(&b, "CP1", 1)->tx->id, live);
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_CHARGING);
}

static void a_replay_without_stop(const char *status, bool runs)
{
	bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1,"
		  "\"timestamp\":\"2026-11-20T06:00:00Z\"}]");
	bench_status(&b, 1, 1, status);
	bench_pass(&b, 9 * US_PER_S);
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	bench_pass(&b, 2 * US_PER_S);
	assert_int_equal(bench_conn(&b, "CP1", 1)->tx != NULL, runs);
}

static void adopted_when_charging(void **state)
{
	(void)state;
	a_replay_without_stop("Charging", true);
}

static void adopted_when_suspended(void **state)
{
	(void)state;
	a_replay_without_stop("SuspendedEV", true);
	bench_stop(&b, 1, 1, 10);
	a_replay_without_stop("SuspendedEVSE", false);	/* the same start again: that is over */
}

static void not_adopted_otherwise(void **state)
{
	(void)state;
	a_replay_without_stop("Preparing", false);
	assert_string_equal(shown(1).state, "running");
	bench_pass(&b, 10 * MINUTE);
	assert_string_equal(shown(1).state, "zombie");
	holds(shown(1).zombie, "after an outage");
}

static void values_without_the_id(void **state)
{
	static const char values[] = "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":-1,\"meterValue\":[{"
		"\"timestamp\":\"2026-11-21T06:00:07Z\",\"sampledValue\":[{\"value\":\"1500\"}]}]}]";

	(void)state;
	bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1000,"
		  "\"timestamp\":\"2026-11-20T06:00:00Z\"}]");
	/* Its stop may still be in the queue. */
	bench_say(&b, 1, values);
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	bench_pass(&b, 11 * US_PER_S);
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	bench_say(&b, 1, values);
	assert_non_null(bench_conn(&b, "CP1", 1)->tx);
	assert_int_equal(running(1)->energy_wh, 500);
}

static void values_with_a_strange_id(void **state)
{
	static const char *const ids[] = { "4711", "-1", "0", "\"abc\"" };
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%s,\"meterValue\":[{"
			   "\"timestamp\":\"2026-11-21T06:00:07Z\",\"sampledValue\":[{\"value\":\"%zu\"}]}]}]", ids[i],
			   1100 + i * 100);
		assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
		assert_int_equal(running(id)->energy_wh, 100 + (int64_t)i * 100);
	}
}

/* Those of the one before must not be taken for the next car's. */
static void values_after_the_stop(void **state)
{
	const struct connector *c = bench_conn(&b, "CP1", 1);
	int32_t first = bench_start(&b, 1, 1, "GOOD"), second;

	(void)state;
	bench_pass(&b, MINUTE);
	bench_stop(&b, 1, first, 5000);
	bench_pass(&b, MINUTE);
	second = bench_start(&b, 1, 1, "GOOD2");
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{\"timestamp\":"
		   "\"2026-11-21T06:01:06Z\",\"sampledValue\":[{\"value\":\"5000\"},{\"value\":\"16\",\"measurand\":"
		   "\"Current.Import\"}]}]}]", first);
	assert_string_equal(bench_frame(&b, 0), "[3,\"m\",{}]");
	assert_int_equal(running(second)->energy_wh, 0);
	assert_int_equal(c->draw.l[0], NUM_NONE);
}

/* ---- what is recorded ---- */

static void refused_starts(void **state)
{
	(void)state;
	assert_int_equal(bench_start(&b, 1, 1, "BLOCKED"), 1);
	holds(bench_frame(&b, 0), "\"Blocked\"");
	holds(bench_stored(&b, STORE_TX), "\"state\":\"refused\"");
	holds(bench_stored(&b, STORE_TX), "\"reason\":\"Blocked\"");
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	/* It charged for a moment all the same, until it had the answer. */
	bench_pass(&b, MINUTE);
	bench_stop(&b, 1, 1, 1010);
	holds(bench_stored(&b, STORE_TX), "\"state\":\"refused\"");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":10");
}

static void sample(int32_t id, int64_t wh)
{
	bench_pass(&b, 10 * US_PER_S);
	bench_sayf(&b, 1, "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{"
		   "\"sampledValue\":[{\"value\":\"%lld\"}]}]}]", id, (long long)wh);
}

static void meter_stop_below_meter_start(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	sample(id, 1300);
	sample(id, 1200);	/* nothing is ever negative */
	assert_int_equal(running(id)->energy_wh, 300);
	sample(id, 1250);
	bench_pass(&b, HOUR);
	bench_stop(&b, 1, id, 900);
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":350");
	holds(bench_stored(&b, STORE_TX), "\"estimated\":true");
	holds(bench_stored(&b, STORE_TX), "meterStop is below meterStart");
}

static void register_restarts_at_0(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	sample(id, 0);
	sample(id, 400);
	bench_pass(&b, HOUR);
	bench_stop(&b, 1, id, 700);
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":700");
	holds(bench_stored(&b, STORE_TX), "\"estimated\":true");
}

static void more_than_the_socket_delivers(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_pass(&b, HOUR);
	bench_stop(&b, 1, id, 1000 + 24289);	/* 32 A on three phases of 230 V, and a tenth */
	holds(bench_stored(&b, STORE_TX), "\"implausible\":true");
	bench_pass(&b, MINUTE);
	id = bench_start(&b, 1, 1, "GOOD");
	bench_pass(&b, HOUR);
	bench_stop(&b, 1, id, 1000 + 24288);
	assert_null(strstr(bench_stored(&b, STORE_TX), "implausible"));
}

/* ---- ends that never come ---- */

static void available_means_over(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	sample(id, 1500);
	bench_status(&b, 1, 1, "Charging");
	bench_status(&b, 1, 1, "Available");
	assert_null(running(id));
	holds(bench_stored(&b, STORE_TX), "\"state\":\"orphan\"");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":500");
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_NONE);
	bench_stop(&b, 1, id, 1600);
	holds(bench_stored(&b, STORE_TX), "\"state\":\"ended\"");
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":600");
}

static void finishing_for_ever(void **state)
{
	const struct connector *c = bench_conn(&b, "CP1", 1);
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_status(&b, 1, 1, "Charging");
	assert_int_equal(c->use, USE_CHARGING);
	bench_status(&b, 1, 1, "Finishing");	/* after a remote stop, and nothing more */
	assert_int_equal(c->use, USE_STOPPED);
	assert_string_equal(shown(id).state, "running");
	bench_pass(&b, 11 * MINUTE);
	assert_string_equal(shown(id).state, "zombie");
	holds(shown(id).zombie, "Finishing");
	/* The next car gets current although the station says nothing new. */
	id = bench_start(&b, 1, 1, "GOOD2");
	assert_int_equal(c->tx->id, id);
	assert_int_equal(c->use, USE_CHARGING);
	assert_string_equal(shown(id).state, "running");
	bench_status(&b, 1, 1, "Finishing");
	assert_int_equal(c->use, USE_STOPPED);
}

static void zombies_are_closed_by_hand(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	sample(id, 1700);
	bench_status(&b, 1, 1, "Charging");
	assert_int_equal(close_tx(id, "no car there", NUM_NONE), -LMS_ECONFLICT);
	holds(call.diag.text, "connector CP1/1 is Charging (transaction stop 1 ends it)");
	bench_status(&b, 1, 1, "Finishing");
	bench_pass(&b, 11 * MINUTE);
	assert_int_equal(close_tx(id, "", NUM_NONE), -LMS_EDATA);
	assert_int_equal(close_tx(id, "no car there", 1600), -LMS_EDATA);
	holds(call.diag.text, "1600 Wh is below the last register that is known, 1700 Wh");
	assert_int_equal(close_tx(id, "no car there", 1800), 0);
	holds(buf_cstr(&answer), "\"state\":\"ended\"");
	holds(buf_cstr(&answer), "\"energy_wh\":800");
	holds(buf_cstr(&answer), "\"closed_by\":\"uid 1000\"");
	holds(bench_stored(&b, STORE_TX), "closed by hand: no car there");
	holds(bench_stored(&b, STORE_TX), "\"estimated\":true");
	assert_null(running(id));
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	assert_int_equal(close_tx(id, "once more", NUM_NONE), -LMS_ECONFLICT);
	assert_int_equal(close_tx(99, "never was", NUM_NONE), -LMS_ENOTFOUND);
	/* Its own stop comes after all, and is better. */
	bench_stop(&b, 1, id, 1750);
	holds(bench_stored(&b, STORE_TX), "\"energy_wh\":750");
	assert_null(strstr(bench_stored(&b, STORE_TX), "closed_by"));
}

static void a_station_that_is_gone(void **state)
{
	int32_t id = bench_start(&b, 1, 1, "GOOD");

	(void)state;
	bench_close(&b, 1);
	bench_pass(&b, 24 * HOUR);
	assert_string_equal(shown(id).state, "running");
	bench_pass(&b, MINUTE);
	assert_string_equal(shown(id).state, "zombie");
	assert_int_equal(close_tx(id, "the station was replaced", NUM_NONE), 0);
	assert_int_equal(site_tag(b.site, "GOOD")->running, 0);
}

/* ---- KEBA ---- */

static void n_chargers_behind_one_identity(void **state)
{
	static const char keba[] = "vendor = Keba*\ntag_serial = yes\n";
	int32_t first, second;

	(void)state;
	assert_int_equal(ocpp_add_habits(b.ocpp, "keba.conf", keba, strlen(keba), NULL), 0);
	bench_configure(&b, "KEBA", "{\"id\":\"KEBA\",\"zone\":\"P1\",\"connectors\":3,\"wiring\":\"RST\"}");
	bench_open(&b, 3, "KEBA");
	bench_say(&b, 3, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Keba AG\",\"chargePointModel\":\"KC-P30\"}]");
	bench_say(&b, 3, "[2,\"auth\",\"Authorize\",{\"idTag\":\"good_17619300\"}]");
	holds(bench_frame(&b, 0), "\"Accepted\"");
	first = bench_start(&b, 3, 1, "good_17619300");
	second = bench_start(&b, 3, 3, "GOOD2_17619302");
	assert_string_equal(running(first)->tag, "GOOD");
	assert_string_equal(running(second)->tag, "GOOD2");
	assert_int_equal(bench_conn(&b, "KEBA", 3)->tx->id, second);
	assert_null(bench_conn(&b, "KEBA", 2)->tx);
	bench_stop(&b, 3, first, 1100);
	assert_int_equal(bench_conn(&b, "KEBA", 3)->tx->id, second);
	/* With others that is part of the tag. */
	bench_say(&b, 1, "[2,\"auth\",\"Authorize\",{\"idTag\":\"GOOD_17619300\"}]");
	holds(bench_frame(&b, 0), "\"Invalid\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("StopTransaction with id -1, 0 or unknown is answered and kept as an orphan", stop_of_nothing),
		QUIRK("the same StartTransaction again gets the same id", the_same_start),
		QUIRK("ids are unique over the site for ever, and positive", ids_are_unique),
		QUIRK("StopTransaction and MeterValues for the transaction of another station", of_another_station),
		QUIRK("offline replays with old times never touch live allocation", a_replay_never_touches_what_runs),
		QUIRK("a replayed start without stop is adopted when the status says Charging", adopted_when_charging),
		QUIRK("a replayed start without stop is adopted when the status says Suspended", adopted_when_suspended),
		QUIRK("a replayed start without stop where nothing charges becomes a zombie", not_adopted_otherwise),
		QUIRK("meter values with an unknown id adopt a replayed transaction", values_without_the_id),
		QUIRK("meter values with an unknown transaction id adopt the running transaction", values_with_a_strange_id),
		QUIRK("MeterValues after StopTransaction", values_after_the_stop),
		QUIRK("refused StartTransactions are recorded", refused_starts),
		QUIRK("meterStop below meterStart: positive increments, marked estimated", meter_stop_below_meter_start),
		QUIRK("an energy register that restarts at 0 per session", register_restarts_at_0),
		QUIRK("energy above rated power x duration x 1.1 is flagged", more_than_the_socket_delivers),
		QUIRK("Available on a connector means that its transaction is over", available_means_over),
		QUIRK("Finishing for ever after a remote stop", finishing_for_ever),
		QUIRK("zombies are closed by hand, and not while they charge", zombies_are_closed_by_hand),
		QUIRK("a station that is gone for long leaves a zombie", a_station_that_is_gone),
		QUIRK("one identity that is N chargers, with _serial behind its tags (KEBA master)", n_chargers_behind_one_identity),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
