/* test_ocpp_orders.c - orders of the balance: what leaves, when, in which order, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/helper_ocpp.h"

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static const char ACCEPTED[] = "{\"status\":\"Accepted\"}";

static void ends_with(const char *frame, const char *end)
{
	size_t len = strlen(frame), want = strlen(end);

	if (len < want || strcmp(frame + len - want, end) != 0)
		fail_msg("%s does not end with %s", frame, end);
}

static void the_idle_limit_is_a_relative_default_profile(void **state)
{
	(void)state;
	bench_order(&b, "CP1", 2, true, 0, false);
	ends_with(bench_frame(&b, 0), "\"SetChargingProfile\",{\"connectorId\":2,\"csChargingProfiles\":{"
		  "\"chargingProfileId\":21,\"stackLevel\":0,\"chargingProfilePurpose\":\"TxDefaultProfile\","
		  "\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":{\"chargingRateUnit\":\"A\","
		  "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":0.0}]}}}]");
}

static void a_transaction_has_its_own_profile(void **state)
{
	(void)state;
	assert_int_equal(bench_start(&b, 1, 1, "GOOD"), 1);
	bench_order(&b, "CP1", 1, false, 16799, true);
	ends_with(bench_frame(&b, 0), "\"SetChargingProfile\",{\"connectorId\":1,\"csChargingProfiles\":{"
		  "\"chargingProfileId\":12,\"transactionId\":1,\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\","
		  "\"chargingProfileKind\":\"Absolute\",\"chargingSchedule\":{"
		  "\"startSchedule\":\"2026-11-21T05:59:06Z\",\"chargingRateUnit\":\"A\","
		  "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":16.7}]}}}]");
}

static void the_schedule_begins_in_the_past_of_a_slow_clock(void **state)
{
	(void)state;
	bench_say(&b, 1, "[2,\"b\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
		  "\"status\":\"Preparing\",\"timestamp\":\"2026-11-21T05:50:06Z\"}]");
	bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":0,"
		  "\"timestamp\":\"2026-11-21T05:50:06Z\"}]");
	bench_order(&b, "CP1", 1, false, 6000, true);
	if (!bench_find(&b, "\"startSchedule\":\"2026-11-21T05:49:06Z\""))
		fail_msg("%s", bench_frame(&b, 0));
}

static void whole_amperes_are_truncated(void **state)
{
	(void)state;
	bench_boot(&b, 2, "CP2");
	bench_order(&b, "CP2", 1, true, 16999, true);
	assert_non_null(bench_find(&b, "\"limit\":16}"));
}

/* What the car seems to draw changes nothing here: the balance says what may be given in all. */
static void watts_are_what_the_balance_gives_over_all_phases(void **state)
{
	struct connector *c;
	struct ocpp_order order;

	(void)state;
	bench_boot(&b, 2, "WATT");
	bench_start(&b, 2, 1, "GOOD");
	c = bench_conn(&b, "WATT", 1);
	for (int k = 0; k < PHASES; k++)
		c->draw.l[k] = 8000;
	bench_order(&b, "WATT", 1, false, 10000, true);
	assert_non_null(bench_find(&b, "\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":2070}]"));
	bench_answer(&b, 2, "SetChargingProfile", ACCEPTED);
	order = (struct ocpp_order){ .conn = c, .slot = c->slot, .limit_ma = 10000, .given_ma = 30000, .raises = true,
				     .token = 999, .when = FX_NOW };
	bench_turn(&b);
	ocpp_order(b.ocpp, &order, b.now, b.wall, &b.fx);
	assert_non_null(bench_find(&b, "\"limit\":6210}"));
	assert_int_equal(ocpp_unit(b.ocpp, c), 1);
	assert_int_equal(ocpp_unit(b.ocpp, bench_conn(&b, "CP1", 1)), -1);	/* has not said */
}

static void dc_stations_are_told_powers_and_tell_powers(void **state)
{
	struct connector *c;
	struct ocpp_order order;

	(void)state;
	bench_configure(&b, "FAST", "{\"id\":\"FAST\",\"zone\":\"P1\",\"connectors\":1,\"type\":\"CCS\",\"wiring\":\"RST\",\"max_power_w\":50000}");
	bench_boot(&b, 3, "FAST");
	bench_start(&b, 3, 1, "GOOD");
	c = bench_conn(&b, "FAST", 1);
	assert_int_equal(ocpp_unit(b.ocpp, c), 1);
	order = (struct ocpp_order){ .conn = c, .slot = c->slot, .limit_ma = 20000, .given_ma = 60000, .raises = true,
				     .token = 999, .when = FX_NOW };
	bench_turn(&b);
	ocpp_order(b.ocpp, &order, b.now, b.wall, &b.fx);
	assert_non_null(bench_find(&b, "\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":12420}]"));
	bench_answer(&b, 3, "SetChargingProfile", ACCEPTED);
	/* 100 A at 400 V for the car are 58 A from each phase, not 100. */
	bench_say(&b, 3, "[2,\"m1\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":["
		  "{\"value\":\"100\",\"measurand\":\"Current.Import\",\"unit\":\"A\"},{\"value\":\"400\",\"measurand\":\"Voltage\",\"unit\":\"V\"},"
		  "{\"value\":\"40000\",\"measurand\":\"Power.Active.Import\",\"unit\":\"W\"}]}]}]");
	for (int k = 0; k < PHASES; k++)
		assert_int_equal(c->draw.l[k], 57971);
	/* Without a power nothing is known of what it takes from the grid. */
	bench_say(&b, 3, "[2,\"m2\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":["
		  "{\"value\":\"100\",\"measurand\":\"Current.Import\",\"unit\":\"A\"}]}]}]");
	for (int k = 0; k < PHASES; k++)
		assert_int_not_equal(c->draw.l[k], 100000);
}

static void a_dc_station_that_counts_its_output_takes_more_from_the_grid(void **state)
{
	struct connector *c;
	struct ocpp_order order;

	(void)state;
	bench_configure(&b, "FAST", "{\"id\":\"FAST\",\"zone\":\"P1\",\"connectors\":1,\"type\":\"CHAdeMO\",\"wiring\":\"RST\",\"max_power_w\":50000,\"power_at\":\"output\"}");
	bench_boot(&b, 3, "FAST");
	bench_start(&b, 3, 1, "GOOD");
	c = bench_conn(&b, "FAST", 1);
	assert_int_equal(site_connector_conf(b.site, c)->max_ma, 87517);	/* 50 kW / 0.92 / (3 x 207 V) */
	order = (struct ocpp_order){ .conn = c, .slot = c->slot, .limit_ma = 20000, .given_ma = 60000, .raises = true,
				     .token = 999, .when = FX_NOW };
	bench_turn(&b);
	ocpp_order(b.ocpp, &order, b.now, b.wall, &b.fx);
	assert_non_null(bench_find(&b, "\"limit\":11426}"));	/* of 12420 W */
	bench_answer(&b, 3, "SetChargingProfile", ACCEPTED);
	bench_say(&b, 3, "[2,\"m1\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":["
		  "{\"value\":\"46\",\"measurand\":\"Power.Active.Import\",\"unit\":\"kW\"}]}]}]");
	assert_int_equal(c->power_w, 50000);
	for (int k = 0; k < PHASES; k++)
		assert_int_equal(c->draw.l[k], 72463);
}

static void an_increase_waits_even_if_the_order_does_not_say_so(void **state)
{
	struct connector *conn = bench_conn(&b, "CP1", 1);
	const struct ocpp_order order = {
		.conn = conn, .slot = conn->slot, .idle = true, .limit_ma = 6000, .raises = true, .token = 1, .when = FX_NOW,
	};

	(void)state;
	bench_turn(&b);
	ocpp_order(b.ocpp, &order, b.now, b.wall, &b.fx);
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
}

static void increases_wait_for_the_commit_and_decreases_do_not(void **state)
{
	(void)state;
	bench_order(&b, "CP1", 1, true, 6000, true);
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	bench_answer(&b, 1, "SetChargingProfile", ACCEPTED);
	bench_order(&b, "CP1", 1, true, 0, false);
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_NOW);
	/* Also when it leaves in a later turn. */
	bench_order(&b, "CP1", 2, true, 6000, true);
	assert_string_equal(bench_frame(&b, 0), "");
}

struct reply {
	const char *what, *payload, *error;
	enum order_answer answer;
};

static void every_answer_reaches_the_balance_once(void **state)
{
	static const struct reply cases[] = {
		{ "accepted", "{\"status\":\"Accepted\"}", NULL, ORDER_ACCEPTED },
		{ "not supported", "{\"status\":\"NotSupported\"}", NULL, ORDER_REFUSED },
		{ "no status", "{}", NULL, ORDER_REFUSED },
		{ "no object", "7", NULL, ORDER_REFUSED },
		{ "null", "null", NULL, ORDER_REFUSED },
		{ "error", NULL, "NotImplemented", ORDER_REFUSED },
		{ "error with a strange code", NULL, "FormatViolation", ORDER_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t token = bench_order(&b, "CP1", 1, true, 0, false);

		assert_int_equal(bench_token(&b, token), -1);
		if (cases[i].payload)
			bench_answer(&b, 1, "SetChargingProfile", cases[i].payload);
		else
			bench_refuse(&b, 1, "SetChargingProfile", cases[i].error);
		if (bench_token(&b, token) != (int)cases[i].answer)
			fail_msg("%s: answered %d", cases[i].what, bench_token(&b, token));
		assert_int_equal(bench_effect(&b, FX_ANSWER, 0)->u.answer.conn, bench_conn(&b, "CP1", 1)->slot);
	}
}

static void a_late_answer_is_not_an_answer(void **state)
{
	uint64_t token = bench_order(&b, "CP1", 1, true, 0, false);
	char id[60], frame[100];

	(void)state;
	assert_true(bench_call_id(&b, "SetChargingProfile", id, sizeof(id)));
	bench_pass(&b, 29 * US_PER_S);
	assert_int_equal(bench_token(&b, token), -1);
	bench_pass(&b, 2 * US_PER_S);
	assert_int_equal(bench_token(&b, token), ORDER_TIMEOUT);
	snprintf(frame, sizeof(frame), "[3,\"%s\",{\"status\":\"Accepted\"}]", id);
	bench_say(&b, 1, frame);
	assert_null(bench_effect(&b, FX_ANSWER, 0));
	/* Nor does it answer the next order. */
	token = bench_order(&b, "CP1", 1, true, 0, false);
	bench_say(&b, 1, frame);
	assert_int_equal(bench_token(&b, token), -1);
}

static void one_call_is_in_flight_and_the_latest_order_wins(void **state)
{
	uint64_t first = bench_order(&b, "CP1", 1, true, 10000, true), second, third;

	(void)state;
	second = bench_order(&b, "CP1", 1, true, 12000, true);
	assert_string_equal(bench_frame(&b, 0), "");
	third = bench_order(&b, "CP1", 1, true, 14000, true);
	assert_int_equal(bench_token(&b, second), ORDER_DROPPED);
	assert_int_equal(bench_token(&b, first), -1);
	/* The answer to the first brings the third on its way. */
	bench_pass(&b, 0);
	bench_close(&b, 1);
	assert_int_equal(bench_token(&b, first), ORDER_TIMEOUT);
	assert_int_equal(bench_token(&b, third), ORDER_DROPPED);
}

static void orders_of_other_connectors_and_kinds_are_not_replaced(void **state)
{
	uint64_t a, c, d;
	char id[60], frame[100];

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	a = bench_order(&b, "CP1", 1, true, 10000, true);
	assert_true(bench_call_id(&b, "SetCharging", id, sizeof(id)));
	c = bench_order(&b, "CP1", 1, false, 12000, true);
	d = bench_order(&b, "CP1", 2, true, 12000, true);
	assert_int_equal(bench_token(&b, c), -1);
	snprintf(frame, sizeof(frame), "[3,\"%s\",{\"status\":\"Accepted\"}]", id);
	bench_say(&b, 1, frame);
	assert_int_equal(bench_token(&b, a), ORDER_ACCEPTED);
	bench_answer(&b, 1, "\"TxProfile\"", ACCEPTED);
	assert_int_equal(bench_token(&b, c), ORDER_ACCEPTED);
	bench_answer(&b, 1, "\"connectorId\":2", ACCEPTED);
	assert_int_equal(bench_token(&b, d), ORDER_ACCEPTED);
}

static void a_decrease_overtakes_and_shortens_what_is_in_its_way(void **state)
{
	uint64_t slow = bench_order(&b, "CP1", 1, true, 10000, true), raise, cut;

	(void)state;
	raise = bench_order(&b, "CP1", 2, true, 10000, true);
	bench_pass(&b, 3 * US_PER_S);
	cut = bench_order(&b, "CP1", 1, true, 0, false);
	/* 5 s after the first was sent it has had its time. */
	bench_pass(&b, 1999 * US_PER_MS);
	assert_int_equal(bench_token(&b, slow), -1);
	bench_pass(&b, US_PER_MS);
	assert_int_equal(bench_token(&b, slow), ORDER_TIMEOUT);
	assert_non_null(bench_find(&b, "\"connectorId\":1,"));
	assert_non_null(bench_find(&b, "\"limit\":0.0"));
	bench_answer(&b, 1, "SetCharging", ACCEPTED);
	assert_int_equal(bench_token(&b, cut), ORDER_ACCEPTED);
	bench_answer(&b, 1, "\"connectorId\":2", ACCEPTED);
	assert_int_equal(bench_token(&b, raise), ORDER_ACCEPTED);
}

static void a_decrease_behind_an_old_call_leaves_at_once(void **state)
{
	uint64_t slow = bench_order(&b, "CP1", 1, true, 10000, true);

	(void)state;
	bench_pass(&b, 20 * US_PER_S);
	bench_order(&b, "CP1", 2, true, 0, false);
	bench_pass(&b, 0);
	assert_int_equal(bench_token(&b, slow), ORDER_TIMEOUT);
	assert_non_null(bench_find(&b, "\"connectorId\":2"));
}

static void without_a_transaction_there_is_nothing_to_limit(void **state)
{
	uint64_t token = bench_order(&b, "CP1", 1, false, 10000, true);

	(void)state;
	assert_int_equal(bench_token(&b, token), ORDER_DROPPED);
	assert_string_equal(bench_frame(&b, 0), "");
}

static void an_order_whose_transaction_ended_while_it_waited_never_leaves(void **state)
{
	uint64_t first, second;
	char id[60], frame[300];

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	first = bench_order(&b, "CP1", 2, true, 0, false);
	assert_true(bench_call_id(&b, "SetCharging", id, sizeof(id)));
	second = bench_order(&b, "CP1", 1, false, 10000, true);
	bench_say(&b, 1, "[2,\"x\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":1100,"
		  "\"timestamp\":\"2026-11-21T06:10:00Z\"}]");
	bench_start(&b, 1, 1, "GOOD2");
	snprintf(frame, sizeof(frame), "[3,\"%s\",{\"status\":\"Accepted\"}]", id);
	bench_say(&b, 1, frame);
	assert_int_equal(bench_token(&b, first), ORDER_ACCEPTED);
	assert_int_equal(bench_token(&b, second), ORDER_DROPPED);
	assert_null(bench_find(&b, "TxProfile"));
}

static void an_offline_station_gets_nothing(void **state)
{
	uint64_t token;

	(void)state;
	bench_close(&b, 1);
	assert_true(site_station(b.site, "CP1")->online_changed);
	assert_int_equal(site_station(b.site, "CP1")->state, STATION_OFFLINE);
	token = bench_order(&b, "CP1", 1, true, 0, false);
	assert_int_equal(bench_token(&b, token), ORDER_DROPPED);
}

static void a_new_connection_takes_over_and_the_old_close_changes_nothing(void **state)
{
	uint64_t sent = bench_order(&b, "CP1", 1, true, 10000, true), waits = bench_order(&b, "CP1", 2, true, 0, false);

	(void)state;
	bench_open(&b, 2, "CP1");
	assert_int_equal(bench_effect(&b, FX_CLOSE, 0)->u.close.link, 1);
	assert_int_equal(bench_token(&b, sent), ORDER_TIMEOUT);
	assert_int_equal(bench_token(&b, waits), ORDER_DROPPED);
	bench_close(&b, 1);
	assert_int_equal(site_station(b.site, "CP1")->link, 2);
	assert_int_equal(site_station(b.site, "CP1")->state, STATION_ONLINE);
	bench_say(&b, 1, "[2,\"a\",\"Heartbeat\",{}]");
	assert_string_equal(bench_frame(&b, 0), "");
	bench_say(&b, 2, "[2,\"a\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "[3,\"a\""));
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->u.frame.link, 2);
}

static void before_its_boot_is_answered_a_station_is_not_called(void **state)
{
	uint64_t token;

	(void)state;
	bench_open(&b, 2, "CP2");
	token = bench_order(&b, "CP2", 1, true, 0, false);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_say(&b, 2, "[2,\"a\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
	assert_non_null(strstr(bench_frame(&b, 0), "[3,\"a\""));
	assert_non_null(strstr(bench_frame(&b, 1), "SetChargingProfile"));
	bench_answer(&b, 2, "SetChargingProfile", ACCEPTED);
	assert_int_equal(bench_token(&b, token), ORDER_ACCEPTED);
}

static void a_station_that_only_reconnects_is_called_after_a_moment(void **state)
{
	(void)state;
	bench_open(&b, 2, "CP2");
	bench_order(&b, "CP2", 1, true, 0, false);
	bench_pass(&b, 1900 * US_PER_MS);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_pass(&b, 200 * US_PER_MS);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
	bench_answer(&b, 2, "SetChargingProfile", ACCEPTED);
	bench_open(&b, 3, "CP2");
	bench_order(&b, "CP2", 1, true, 0, false);
	bench_say(&b, 3, "[2,\"a\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "SetChargingProfile"));
}

static void a_rejected_kind_of_profile_is_tried_as_the_other_kind(void **state)
{
	uint64_t token;

	(void)state;
	bench_start(&b, 1, 1, "GOOD");
	token = bench_order(&b, "CP1", 1, false, 10000, true);
	bench_answer(&b, 1, "\"Absolute\"", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, token), -1);
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	bench_answer(&b, 1, "\"Relative\"", ACCEPTED);
	assert_int_equal(bench_token(&b, token), ORDER_ACCEPTED);
	/* So is the idle limit, which has begun even where a clock shows 1970. */
	token = bench_order(&b, "CP1", 1, true, 0, false);
	bench_answer(&b, 1, "\"Relative\"", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, token), -1);
	bench_answer(&b, 1, "\"startSchedule\":\"1970-01-01T00:00:00Z\"", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, token), ORDER_REFUSED);
	token = bench_order(&b, "CP1", 1, true, 0, false);
	assert_non_null(bench_find(&b, "\"Relative\""));
	bench_answer(&b, 1, "SetChargingProfile", "{\"status\":\"NotSupported\"}");
	assert_int_equal(bench_token(&b, token), ORDER_REFUSED);
	/* It is remembered. */
	token = bench_order(&b, "CP1", 1, false, 8000, false);
	bench_answer(&b, 1, "\"Relative\"", "{\"status\":\"Rejected\"}");
	bench_answer(&b, 1, "\"Absolute\"", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, token), ORDER_REFUSED);
	assert_string_equal(bench_frame(&b, 0), "");
}

static void a_connector_that_moved_in_the_model_is_answered_where_it_is(void **state)
{
	uint64_t token = bench_order(&b, "CP1", 1, true, 0, false);

	(void)state;
	bench_conn(&b, "CP1", 1)->slot = 77;
	bench_answer(&b, 1, "SetCharging", ACCEPTED);
	assert_int_equal(bench_token(&b, token), ORDER_ACCEPTED);
	assert_int_equal(bench_effect(&b, FX_ANSWER, 0)->u.answer.conn, 77);
}

/* ---- whatever happens ---- */

#define TOKENS 3000
static uint64_t seed = 20261121;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % below;
}

static unsigned char answered[TOKENS + 200];

static void count_answers(char *flight, size_t size)
{
	for (const struct effect *e = b.fx.first; e; e = e->next) {
		if (e->kind == FX_ANSWER)
			answered[e->u.answer.token]++;
		if (e->kind == FX_FRAME && e->u.frame.text[1] == '2')
			snprintf(flight, size, "%.*s", (int)strcspn(e->u.frame.text + 4, "\""), e->u.frame.text + 4);
	}
}

static void something_happens(uint64_t *link, const char *flight)
{
	static const char *const replies[] = {
		"{\"status\":\"Accepted\"}", "{\"status\":\"Rejected\"}", "\"InternalError\",\"\",{}",
	};
	char frame[200];
	uint32_t reply;

	switch (draw(8)) {
	case 0:
		bench_pass(&b, (int64_t)draw(12) * US_PER_S);
		break;
	case 1:
		if (draw(4) == 0)
			bench_close(&b, *link);
		else
			bench_start(&b, *link, 1 + (int)draw(2), draw(2) ? "GOOD" : "GOOD2");
		break;
	case 2:
		if (draw(3) == 0)
			bench_open(&b, ++*link, "CP1");
		else
			bench_say(&b, *link, "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
				  "\"status\":\"Available\"}]");
		break;
	case 3:
	case 4:
		bench_order(&b, "CP1", 1 + (int)draw(2), draw(2), (int64_t)draw(32) * 1000, draw(2));
		break;
	default:
		reply = draw(3);
		snprintf(frame, sizeof(frame), "[%d,\"%s\",%s]", reply == 2 ? 4 : 3, flight, replies[reply]);
		bench_say(&b, *link, frame);
		break;
	}
}

static void every_token_is_answered_exactly_once(void **state)
{
	uint64_t link = 1;
	char flight[60] = "";

	(void)state;
	memset(answered, 0, sizeof(answered));
	while (b.next_token < TOKENS) {
		something_happens(&link, flight);
		count_answers(flight, sizeof(flight));
	}
	bench_close(&b, link);
	count_answers(flight, sizeof(flight));
	for (uint64_t token = 101; token <= b.next_token; token++) {
		if (answered[token] != 1)
			fail_msg("token %llu was answered %d times", (unsigned long long)token, answered[token]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(the_idle_limit_is_a_relative_default_profile),
		T(a_transaction_has_its_own_profile),
		T(the_schedule_begins_in_the_past_of_a_slow_clock),
		T(whole_amperes_are_truncated),
		T(watts_are_what_the_balance_gives_over_all_phases),
		T(dc_stations_are_told_powers_and_tell_powers),
		T(a_dc_station_that_counts_its_output_takes_more_from_the_grid),
		T(an_increase_waits_even_if_the_order_does_not_say_so),
		T(increases_wait_for_the_commit_and_decreases_do_not),
		T(every_answer_reaches_the_balance_once),
		T(a_late_answer_is_not_an_answer),
		T(one_call_is_in_flight_and_the_latest_order_wins),
		T(orders_of_other_connectors_and_kinds_are_not_replaced),
		T(a_decrease_overtakes_and_shortens_what_is_in_its_way),
		T(a_decrease_behind_an_old_call_leaves_at_once),
		T(without_a_transaction_there_is_nothing_to_limit),
		T(an_order_whose_transaction_ended_while_it_waited_never_leaves),
		T(an_offline_station_gets_nothing),
		T(a_new_connection_takes_over_and_the_old_close_changes_nothing),
		T(before_its_boot_is_answered_a_station_is_not_called),
		T(a_station_that_only_reconnects_is_called_after_a_moment),
		T(a_rejected_kind_of_profile_is_tried_as_the_other_kind),
		T(every_token_is_answered_exactly_once),
		T(a_connector_that_moved_in_the_model_is_answered_where_it_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
