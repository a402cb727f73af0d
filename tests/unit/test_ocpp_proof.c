/* test_ocpp_proof.c - the guided charge that shows whether a station keeps its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ocpp/limit/proof.h"
#include "ocpp/limit/wiring.h"
#include "site/edit.h"
#include "tests/unit/helper_ocpp.h"

#define TOKEN 777

static const char ACCEPTED[] = "{\"status\":\"Accepted\"}";
static const char BOOT[] = "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"}]";

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP2");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static struct ocpp_session *session(void)
{
	return session_by_station(b.ocpp, "CP2");
}

static struct station *station(void)
{
	return site_station(b.site, "CP2");
}

static int begin(uint64_t token)
{
	const struct turn t = { b.now, b.wall, &b.fx };
	struct diag d;

	diag_init(&d);
	bench_turn(&b);
	return proof_begin(session(), station(), token, MONO_NEVER, &t, &d);
}

static void draws(uint64_t link, const char *amperes)
{
	char frame[400];

	snprintf(frame, sizeof(frame), "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":"
		 "\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"%s\",\"measurand\":\"Current.Import\",\"unit\":\"A\"}]}]}]",
		 amperes);
	bench_say(&b, link, frame);
}

/* The answer to who waits: 1 it passed, 0 it did not, -1 none yet. */
static int answer(void)
{
	const struct effect *e = bench_effect(&b, FX_REPLY, 0);

	if (!e)
		return -1;
	assert_int_equal(e->u.reply.token, TOKEN);
	assert_null(bench_effect(&b, FX_REPLY, 1));
	return !e->u.reply.error;
}

static void shows(const char *test, const char *text)
{
	assert_string_equal(station()->test, test);
	if (!strstr(station()->test_text, text))
		fail_msg("'%s' does not say '%s'", station()->test_text, text);
}

/* Up to the limit of 6 A that it accepted. */
static void to_settles(void)
{
	assert_int_equal(begin(TOKEN), 0);
	bench_start(&b, 1, 1, "GOOD");
	draws(1, "7.9");
	assert_int_equal(session()->proof != NULL && bench_conn(&b, "CP2", 1)->proof_ma, 0);
	draws(1, "16");
	assert_int_equal(bench_conn(&b, "CP2", 1)->proof_ma, 6000);
	assert_true(bench_conn(&b, "CP2", 1)->proof_changed);
	bench_order(&b, "CP2", 1, false, 6000, false);
	bench_answer(&b, 1, "SetChargingProfile", ACCEPTED);
	assert_non_null(bench_find(&b, "\"TriggerMessage\",{\"requestedMessage\":\"MeterValues\",\"connectorId\":1}"));
	bench_answer(&b, 1, "TriggerMessage", ACCEPTED);
}

/* Up to its return; a new connection has the link 2. */
static void to_back(void)
{
	const struct effect *e;

	to_settles();
	draws(1, "16");
	assert_null(bench_effect(&b, FX_CLOSE, 0));
	bench_pass(&b, 1 * US_PER_S);
	bench_answer(&b, 1, "TriggerMessage", ACCEPTED);
	draws(1, "6.5");
	e = bench_effect(&b, FX_CLOSE, 0);
	assert_non_null(e);
	assert_int_equal(e->u.close.link, 1);
	bench_close(&b, 1);
	bench_pass(&b, 5 * US_PER_S);
	bench_open(&b, 2, "CP2");
	/* An order that would restore the limit waits: it would hide what the station did alone. */
	bench_order(&b, "CP2", 1, false, 6000, false);
	bench_say(&b, 2, "[2,\"h\",\"Heartbeat\",{}]");
	assert_null(bench_find(&b, "SetChargingProfile"));
	bench_answer(&b, 2, "MeterValues", ACCEPTED);
}

static void to_asks(void)
{
	to_back();
	draws(2, "6");
	bench_answer(&b, 2, "SetChargingProfile", ACCEPTED);	/* what waited leaves now */
	bench_answer(&b, 2, "\"Reset\",{\"type\":\"Soft\"}", ACCEPTED);
	bench_close(&b, 2);
	bench_open(&b, 3, "CP2");
	bench_say(&b, 3, BOOT);
	assert_null(bench_find(&b, "SetChargingProfile"));
}

/* The new configuration, taken as the hall does. */
static const struct station_conf *written(void)
{
	const struct effect *e = bench_effect(&b, FX_CONFIG, 0);
	struct site_conf *old = b.site->owned;

	assert_non_null(e);
	site_attach(b.site, e->u.config.conf);
	b.site->staged = NULL;
	site_conf_free(old);
	return &b.site->conf->stations[station()->conf];
}

static void one_that_keeps_its_limits_passes_and_it_is_written_down(void **state)
{
	(void)state;
	to_asks();
	bench_answer(&b, 3, "\"GetCompositeSchedule\",{\"connectorId\":1,\"duration\":300,\"chargingRateUnit\":\"A\"}",
		     "{\"status\":\"Accepted\",\"connectorId\":1,\"chargingSchedule\":{\"chargingRateUnit\":\"A\","
		     "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6}]}}");
	assert_int_equal(answer(), 1);
	shows("passed", "a: obeyed 6 A after 1.0 s; b: kept the limit while it was offline; c: kept its default");
	assert_int_equal(bench_conn(&b, "CP2", 1)->proof_ma, 0);
	assert_true(written()->proven);
	assert_int_equal(b.site->conf->stations[station()->conf].k.settle_ms, NUM_NONE);
}

static void a_slow_one_passes_and_its_time_is_kept(void **state)
{
	(void)state;
	to_settles();
	for (int i = 0; i < 12; i++) {
		draws(1, "16");
		bench_pass(&b, 1 * US_PER_S);
		bench_answer(&b, 1, "TriggerMessage", ACCEPTED);
	}
	draws(1, "6");
	assert_non_null(bench_effect(&b, FX_CLOSE, 0));
	bench_close(&b, 1);
	bench_open(&b, 2, "CP2");
	bench_say(&b, 2, "[2,\"h\",\"Heartbeat\",{}]");
	bench_answer(&b, 2, "MeterValues", ACCEPTED);
	draws(2, "6");
	bench_answer(&b, 2, "\"Reset\"", ACCEPTED);
	bench_say(&b, 2, BOOT);
	bench_answer(&b, 2, "GetCompositeSchedule", "{\"status\":\"Accepted\",\"chargingSchedule\":{\"chargingRateUnit\":\"W\","
		     "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":0}]}}");
	assert_int_equal(answer(), 1);
	assert_int_equal(written()->k.settle_ms, 13000);
}

static void one_that_ignores_its_limit_fails_in_the_first_step(void **state)
{
	(void)state;
	to_settles();
	draws(1, "16");
	bench_pass(&b, 30 * US_PER_S);
	assert_int_equal(answer(), 0);
	shows("failed", "a: accepted a limit of 6 A and drew 16 A 30 s later");
	assert_int_equal(bench_conn(&b, "CP2", 1)->proof_ma, 0);
	assert_null(bench_effect(&b, FX_CONFIG, 0));
	assert_false(site_conf_newest(b.site)->stations[station()->conf].proven);
}

static void one_that_draws_more_alone_fails_in_the_second(void **state)
{
	(void)state;
	to_back();
	draws(2, "16");
	assert_int_equal(answer(), 0);
	shows("failed", "b: drew 16 A when it was back, its limit was 6 A");
	/* What waited for its first word leaves now. */
	assert_non_null(bench_find(&b, "SetChargingProfile"));
}

static void one_that_forgets_its_default_fails_in_the_third(void **state)
{
	(void)state;
	to_asks();
	bench_answer(&b, 3, "GetCompositeSchedule", "{\"status\":\"Accepted\",\"chargingSchedule\":{\"chargingRateUnit\":\"A\","
		     "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6},{\"startPeriod\":60,\"limit\":32}]}}");
	assert_int_equal(answer(), 0);
	shows("failed", "c: allows 32 A after its restart");
}

static void one_that_cannot_tell_is_looked_at(void **state)
{
	(void)state;
	to_asks();
	bench_refuse(&b, 3, "GetCompositeSchedule", "NotImplemented");
	bench_answer(&b, 3, "MeterValues", ACCEPTED);
	draws(3, "6");
	assert_int_equal(answer(), 1);
	assert_true(written()->proven);
}

static void whoever_does_not_come_or_answer_fails(void **state)
{
	(void)state;
	to_settles();
	draws(1, "6");
	bench_close(&b, 1);
	bench_pass(&b, 301 * US_PER_S);
	assert_int_equal(answer(), 0);
	shows("failed", "did not come back");
	bench_open(&b, 2, "CP2");
	assert_int_equal(begin(TOKEN), 0);
	shows("running", "");
	assert_true(strstr(station()->test_doing, "plug in a car") != NULL);
	bench_pass(&b, 901 * US_PER_S);
	assert_int_equal(answer(), 0);
	shows("failed", "no car drew enough");
}

static void a_refused_reset_fails(void **state)
{
	(void)state;
	to_back();
	draws(2, "6");
	bench_answer(&b, 2, "SetChargingProfile", ACCEPTED);
	bench_answer(&b, 2, "\"Reset\"", "{\"status\":\"Rejected\"}");
	assert_int_equal(answer(), 0);
	shows("failed", "c: it refused a soft reset");
}

static void a_transaction_that_ends_ends_the_test(void **state)
{
	(void)state;
	to_settles();
	bench_say(&b, 1, "[2,\"stop\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":1,\"timestamp\":\"2026-11-21T06:00:10Z\"}]");
	bench_pass(&b, 1 * US_PER_S);
	assert_int_equal(answer(), 0);
	shows("failed", "its transaction ended");
}

static void one_waits_and_a_second_is_refused(void **state)
{
	(void)state;
	assert_int_equal(begin(0), 0);
	assert_int_equal(begin(TOKEN), 0);
	assert_int_equal(begin(778), -LMS_ECONFLICT);
	bench_pass(&b, 901 * US_PER_S);
	assert_int_equal(answer(), 0);
}

static const char *reply_text(void)
{
	const struct effect *e = bench_effect(&b, FX_REPLY, 0);

	return e ? e->u.reply.json : "";
}

static int follow(mono_t reply_by)
{
	const struct turn t = { b.now, b.wall, &b.fx };
	struct diag d;

	diag_init(&d);
	bench_turn(&b);
	return proof_follow(session(), station(), TOKEN, reply_by, &t, &d);
}

static void whoever_follows_is_told_how_far_it_is_and_begins_none(void **state)
{
	(void)state;
	assert_int_equal(follow(b.now), -LMS_ENOTFOUND);
	assert_int_equal(begin(0), 0);
	assert_int_equal(follow(b.now + 3 * US_PER_S), 0);
	bench_pass(&b, 2 * US_PER_S);
	assert_int_equal(answer(), -1);
	bench_pass(&b, 2 * US_PER_S);
	assert_int_equal(answer(), 1);
	assert_non_null(strstr(reply_text(), "\"status\":\"Running\",\"test\":\"plug in a car"));
	bench_pass(&b, 901 * US_PER_S);
	assert_int_equal(answer(), -1);
	assert_int_equal(follow(b.now), 0);
	assert_int_equal(answer(), 0);
	assert_string_equal(station()->test, "failed");
}

/* What was tested is its firmware: after an update nobody knows what it keeps over a reboot. */
static void other_firmware_is_not_proven(void **state)
{
	static const char boot[] = "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":"
				   "\"%s\",\"firmwareVersion\":\"%s\"}]";
	static const struct { const char *model, *firmware; bool expires; } boots[] = {
		{ "One", "1.0", false },	/* it had told none before */
		{ "One", "1.0", false },
		{ "One", "1.1", true },
		{ "Two", "1.1", true },
		{ "Two", "", false },
		{ "Two", "1.1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
		bench_configure(&b, "CP2", "{\"id\":\"CP2\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"L2\",\"proven\":true}");
		bench_sayf(&b, 1, boot, boots[i].model, boots[i].firmware);
		if ((bench_effect(&b, FX_CONFIG, 0) != NULL) != boots[i].expires)
			fail_msg("boot %zu: %s", i, boots[i].expires ? "still proven" : "not proven any more");
		if (boots[i].expires)
			assert_false(written()->proven);
	}
}

/* Every state but the last two can be left by time, and no state hears what makes no sense in it. */
static void every_state_ends(void **state)
{
	(void)state;
	for (int s = 0; s < PROOF_STATE_COUNT; s++) {
		int n = 0;

		for (int ev = 0; ev < PROOF_EVENT_COUNT; ev++)
			n += proof_expects((enum proof_state)s, (enum proof_event)ev);
		assert_int_equal(proof_expects((enum proof_state)s, PROOF_EV_LATE), s < PROOF_PASSED);
		assert_true(s < PROOF_PASSED ? n >= 2 : n == 0);
	}
}

static void the_meter_tells_whether_the_phases_are_as_set(void **state)
{
	static const struct { int64_t car[3], meter[3]; enum wiring_verdict verdict; const char *text; } rows[] = {
		{ { 10000, 0, 0 }, { 10400, 300, -900 }, WIRING_AS_SET, "on L1, as it is set" },
		{ { 10000, 0, 0 }, { 200, 9800, 100 }, WIRING_OTHERWISE, "on L2, but as it is set it was on L1" },
		{ { 10000, 10000, 0 }, { 10000, 100, 9000 }, WIRING_OTHERWISE, "on L1+L3, but as it is set it was on L1+L2" },
		{ { 10000, 10000, 10000 }, { 9000, 11000, 10000 }, WIRING_TOGETHER, "single-phase car" },
		/* A kettle that was switched off at the same time, or on, and a car that is too small to tell. */
		{ { 10000, 0, 0 }, { 10000, 8700, 0 }, WIRING_UNCLEAR, "" },
		{ { 10000, 0, 0 }, { 10000, 0, -8700 }, WIRING_UNCLEAR, "" },
		{ { 10000, 0, 0 }, { 0, 4000, 0 }, WIRING_UNCLEAR, "" },
		{ { 1900, 0, 0 }, { 0, 1900, 0 }, WIRING_UNCLEAR, "" },
		{ { 10000, 0, 0 }, { 10000, NUM_NONE, 0 }, WIRING_UNCLEAR, "" },
		{ { NUM_NONE, NUM_NONE, NUM_NONE }, { 10000, 0, 0 }, WIRING_UNCLEAR, "" },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct phase_ma car = {{ rows[i].car[0], rows[i].car[1], rows[i].car[2] }};
		struct phase_ma meter = {{ rows[i].meter[0], rows[i].meter[1], rows[i].meter[2] }};

		assert_int_equal(wiring_judge(&car, &meter, text, sizeof(text)), rows[i].verdict);
		if (!strstr(text, rows[i].text) || !*rows[i].text != !*text)
			fail_msg("row %zu says '%s'", i, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(one_that_keeps_its_limits_passes_and_it_is_written_down),
		T(a_slow_one_passes_and_its_time_is_kept),
		T(one_that_ignores_its_limit_fails_in_the_first_step),
		T(one_that_draws_more_alone_fails_in_the_second),
		T(one_that_forgets_its_default_fails_in_the_third),
		T(one_that_cannot_tell_is_looked_at),
		T(whoever_does_not_come_or_answer_fails),
		T(a_refused_reset_fails),
		T(a_transaction_that_ends_ends_the_test),
		T(one_waits_and_a_second_is_refused),
		T(whoever_follows_is_told_how_far_it_is_and_begins_none),
		T(other_firmware_is_not_proven),
		T(every_state_ends),
		T(the_meter_tells_whether_the_phases_are_as_set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
