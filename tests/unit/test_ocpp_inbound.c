/* test_ocpp_inbound.c - what stations say, good and bad, and what they hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/helper_ocpp.h"

static struct bench b;

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

struct exchange {
	const char *what, *said, *heard;	/* "" = silence */
};

static void run(const struct exchange *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bench_say(&b, 1, x[i].said);
		if (strcmp(bench_frame(&b, 0), x[i].heard) != 0)
			fail_msg("%s: heard %s instead of %s", x[i].what, bench_frame(&b, 0), x[i].heard);
		if (*x[i].heard && *bench_frame(&b, 1) && strstr(bench_frame(&b, 1), "[3,"))
			fail_msg("%s: answered twice", x[i].what);
	}
}

static void boot_is_answered_in_schema_order(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	assert_string_equal(bench_frame(&b, 0), "");
	bench_say(&b, 1, "[2,\"a\",\"BootNotification\",{\"chargePointModel\":\"One\",\"chargePointVendor\":\"Acme\"}]");
	assert_string_equal(bench_frame(&b, 0), "[3,\"a\",{\"status\":\"Accepted\","
			    "\"currentTime\":\"2026-11-21T06:00:00Z\",\"interval\":300}]");
	assert_true(site_station(b.site, "CP1")->booted_changed);
	assert_true(site_station(b.site, "CP1")->online_changed);
	assert_int_equal(site_station(b.site, "CP1")->state, STATION_ONLINE);
	assert_string_equal(site_station(b.site, "CP1")->vendor, "Acme");
	assert_int_equal(bench_effect(&b, FX_PUT, 0)->u.put.table, STORE_BOOT);
}

static const struct exchange good[] = {
	{ "heartbeat", "[2,\"1\",\"Heartbeat\",{}]", "[3,\"1\",{\"currentTime\":\"2026-11-21T06:00:00Z\"}]" },
	{ "status", "[2,\"2\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
	  "\"status\":\"Available\"}]", "[3,\"2\",{}]" },
	{ "authorize", "[2,\"3\",\"Authorize\",{\"idTag\":\"good\"}]",
	  "[3,\"3\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]" },
	{ "authorize with group and expiry", "[2,\"4\",\"Authorize\",{\"idTag\":\"VIP\"}]",
	  "[3,\"4\",{\"idTagInfo\":{\"expiryDate\":\"2030-01-01T00:00:00Z\",\"parentIdTag\":\"FLEET\","
	  "\"status\":\"Accepted\"}}]" },
	{ "blocked tag", "[2,\"5\",\"Authorize\",{\"idTag\":\"BLOCKED\"}]",
	  "[3,\"5\",{\"idTagInfo\":{\"status\":\"Blocked\"}}]" },
	{ "unknown tag", "[2,\"6\",\"Authorize\",{\"idTag\":\"WHO\"}]",
	  "[3,\"6\",{\"idTagInfo\":{\"status\":\"Invalid\"}}]" },
	{ "tag longer than any identity", "[2,\"6b\",\"Authorize\",{\"idTag\":"
	  "\"0123456789012345678901234567890123456789012345678\"}]",
	  "[3,\"6b\",{\"idTagInfo\":{\"status\":\"Invalid\"}}]" },
	{ "start", "[2,\"7\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":100,"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  "[3,\"7\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":1}]" },
	{ "the same start again", "[2,\"7\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":100,"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  "[3,\"7\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":1}]" },
	{ "and with another id", "[2,\"8\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":100,"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  "[3,\"8\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":1}]" },
	{ "a refused start gets an id too", "[2,\"9\",\"StartTransaction\",{\"connectorId\":2,\"idTag\":\"WHO\","
	  "\"meterStart\":0,\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  "[3,\"9\",{\"idTagInfo\":{\"status\":\"Invalid\"},\"transactionId\":2}]" },
	{ "meter values", "[2,\"10\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":1,\"meterValue\":[{"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"150\"}]}]}]", "[3,\"10\",{}]" },
	{ "stop", "[2,\"11\",\"StopTransaction\",{\"transactionId\":1,\"idTag\":\"GOOD\",\"meterStop\":1100,"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\",\"reason\":\"Local\"}]",
	  "[3,\"11\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]" },
	{ "stop without a tag", "[2,\"12\",\"StopTransaction\",{\"transactionId\":-1,\"meterStop\":5,"
	  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]", "[3,\"12\",{}]" },
	{ "unknown vendor", "[2,\"13\",\"DataTransfer\",{\"vendorId\":\"acme\",\"data\":\"x\"}]",
	  "[3,\"13\",{\"status\":\"UnknownVendorId\"}]" },
	{ "diagnostics", "[2,\"14\",\"DiagnosticsStatusNotification\",{\"status\":\"Idle\"}]", "[3,\"14\",{}]" },
	{ "firmware", "[2,\"15\",\"FirmwareStatusNotification\",{\"status\":\"Installed\"}]", "[3,\"15\",{}]" },
	{ "security event", "[2,\"16\",\"SecurityEventNotification\",{\"type\":\"x\",\"timestamp\":\"?\"}]", "[3,\"16\",{}]" },
	{ "log status", "[2,\"17\",\"LogStatusNotification\",{\"status\":\"Idle\"}]", "[3,\"17\",{}]" },
	{ "signed firmware", "[2,\"18\",\"SignedFirmwareStatusNotification\",{\"status\":\"Idle\"}]", "[3,\"18\",{}]" },
	{ "sign certificate", "[2,\"19\",\"SignCertificate\",{\"csr\":\"x\"}]", "[3,\"19\",{\"status\":\"Rejected\"}]" },
};

static void every_call_of_a_station_is_answered(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	run(good, ARRAY_LEN(good));
}

#define ERR(id, code, text) "[4,\"" id "\",\"" code "\",\"" text "\",{}]"

static const struct exchange bad[] = {
	{ "not JSON", "hello", "" },
	{ "nothing", "", "" },
	{ "an object", "{}", "" },
	{ "an empty array", "[]", "" },
	{ "another message type", "[5,\"1\",\"Heartbeat\",{}]", "" },
	{ "a type as text", "[\"2\",\"1\",\"Heartbeat\",{}]", "" },
	{ "no id", "[2]", "" },
	{ "an id that is an object", "[2,{},\"Heartbeat\",{}]", "" },
	{ "an empty id", "[2,\"\",\"Heartbeat\",{}]", "" },
	{ "an answer to nothing", "[3,\"zz\",{}]", "" },
	{ "an error to nothing", "[4,\"zz\",\"InternalError\",\"\",{}]", "" },
	{ "an answer without anything", "[3]", "" },
	{ "an id that is a number", "[2,17,\"Heartbeat\",{}]",
	  ERR("17", "FormationViolation", "the message id must be a string") },
	{ "no payload", "[2,\"1\",\"Heartbeat\"]",
	  ERR("1", "FormationViolation", "a call has four elements: [2, id, action, payload]") },
	{ "five elements", "[2,\"1\",\"Heartbeat\",{},{}]",
	  ERR("1", "FormationViolation", "a call has four elements: [2, id, action, payload]") },
	{ "an action that is a number", "[2,\"1\",5,{}]", ERR("1", "FormationViolation", "the action must be a string") },
	{ "a payload that is an array", "[2,\"1\",\"Heartbeat\",[]]",
	  ERR("1", "FormationViolation", "the payload must be an object") },
	{ "a payload that is null", "[2,\"1\",\"Heartbeat\",null]",
	  ERR("1", "FormationViolation", "the payload must be an object") },
	{ "an unknown action", "[2,\"1\",\"Dance\",{}]",
	  ERR("1", "NotImplemented", "this action is not part of OCPP 1.6") },
	{ "an action of the central system", "[2,\"1\",\"Reset\",{\"type\":\"Soft\"}]",
	  ERR("1", "NotSupported", "this action is for stations") },
	{ "a missing member", "[2,\"1\",\"Authorize\",{}]", ERR("1", "OccurenceConstraintViolation", "idTag: is missing") },
	{ "null for it", "[2,\"1\",\"Authorize\",{\"idTag\":null}]",
	  ERR("1", "OccurenceConstraintViolation", "idTag: is missing") },
	{ "a wrong type", "[2,\"1\",\"Authorize\",{\"idTag\":[]}]",
	  ERR("1", "TypeConstraintViolation", "idTag: must be a string") },
	{ "a boot without vendor", "[2,\"1\",\"BootNotification\",{\"chargePointModel\":\"x\"}]",
	  ERR("1", "OccurenceConstraintViolation", "chargePointVendor: is missing") },
	{ "a start without register", "[2,\"1\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\","
	  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  ERR("1", "OccurenceConstraintViolation", "meterStart: is missing") },
	{ "a register in words", "[2,\"1\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\","
	  "\"meterStart\":\"many\",\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
	  ERR("1", "TypeConstraintViolation", "meterStart: must be an integer") },
	{ "a connector beyond all", "[2,\"1\",\"StatusNotification\",{\"connectorId\":65,\"errorCode\":\"NoError\","
	  "\"status\":\"Available\"}]", ERR("1", "PropertyConstraintViolation", "connectorId: is out of range") },
	{ "a negative connector", "[2,\"1\",\"StatusNotification\",{\"connectorId\":-1,\"errorCode\":\"NoError\","
	  "\"status\":\"Available\"}]", ERR("1", "PropertyConstraintViolation", "connectorId: is out of range") },
	{ "an empty list", "[2,\"1\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[]}]",
	  ERR("1", "OccurenceConstraintViolation", "meterValue: must have an item") },
	{ "too long", "[2,\"1\",\"DataTransfer\",{\"vendorId\":\""
	  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	  "01234567890123456789012345678901234567890123456789012345\"}]",
	  ERR("1", "PropertyConstraintViolation", "vendorId: is too long") },
	{ "cut off, its id still there", "[2,\"77\",\"Heartbeat\",{", "[4,\"77\",\"FormationViolation\"," },
	{ "a member twice", "[2,\"78\",\"Authorize\",{\"idTag\":\"A\",\"idTag\":\"B\"}]", "[4,\"78\",\"FormationViolation\"," },
};

static void malformed_calls_get_the_right_error(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t len = strlen(bad[i].heard);

		bench_say(&b, 1, bad[i].said);
		/* Parsers word their complaints as they like. */
		if (len == 0 ? *bench_frame(&b, 0) != '\0' :
		    strncmp(bench_frame(&b, 0), bad[i].heard, len) != 0 ||
		    (bad[i].heard[len - 1] == ']' && strlen(bench_frame(&b, 0)) != len))
			fail_msg("%s: heard %s instead of %s", bad[i].what, bench_frame(&b, 0), bad[i].heard);
	}
	bench_say(&b, 1, "[2,\"after\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "[3,\"after\""));
}

static void too_large_and_too_deep_is_refused_by_id(void **state)
{
	char *frame = malloc(1100000);
	size_t n;

	(void)state;
	bench_open(&b, 1, "CP1");
	n = (size_t)sprintf(frame, "[2,\"big\",\"DataTransfer\",{\"vendorId\":\"v\",\"data\":\"");
	memset(frame + n, 'x', 1050000);
	strcpy(frame + n + 1050000, "\"}]");
	bench_say(&b, 1, frame);
	assert_non_null(bench_find(&b, "[4,\"big\",\"FormationViolation\""));
	n = (size_t)sprintf(frame, "[2,\"deep\",\"DataTransfer\",{\"vendorId\":\"v\",\"data\":");
	memset(frame + n, '[', 40);
	memset(frame + n + 40, ']', 40);
	strcpy(frame + n + 80, "}]");
	bench_say(&b, 1, frame);
	assert_non_null(bench_find(&b, "[4,\"deep\",\"FormationViolation\""));
	/* Many small values within one frame: a bounded tree. */
	n = (size_t)sprintf(frame, "[2,\"many\",\"DataTransfer\",{\"vendorId\":\"v\",\"data\":[");
	for (int i = 0; i < 300000; i++, n += 3)
		memcpy(frame + n, "[],", 3);
	strcpy(frame + n, "[]]}]");
	bench_say(&b, 1, frame);
	assert_non_null(bench_find(&b, "\"many\""));
	free(frame);
}

static void cosmetics_are_forgiven(void **state)
{
	static const struct exchange cases[] = {
		{ "over-long serials", "[2,\"1\",\"BootNotification\",{\"chargePointVendor\":\"a vendor with a very long name\","
		  "\"chargePointModel\":\"One\",\"chargePointSerialNumber\":"
		  "\"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\","
		  "\"extra\":{\"a\":[1]}}]",
		  "[3,\"1\",{\"status\":\"Accepted\",\"currentTime\":\"2026-11-21T06:00:00Z\",\"interval\":300}]" },
		{ "errorCode Error", "[2,\"2\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"Error\","
		  "\"status\":\"Available\"}]", "[3,\"2\",{}]" },
		{ "no errorCode, odd time, number as text", "[2,\"3\",\"StatusNotification\",{\"connectorId\":\"1\","
		  "\"status\":\"Occupied\",\"timestamp\":\"2022-02-29T00:00:00Z\"}]", "[3,\"3\",{}]" },
		{ "start without time, register as decimal", "[2,\"4\",\"StartTransaction\",{\"connectorId\":1,"
		  "\"idTag\":\"GOOD\",\"meterStart\":12.6}]",
		  "[3,\"4\",{\"idTagInfo\":{\"status\":\"Accepted\"},\"transactionId\":1}]" },
		{ "odd reason, odd data", "[2,\"5\",\"StopTransaction\",{\"transactionId\":\"1\",\"meterStop\":\"20\","
		  "\"timestamp\":\"1970-01-01T00:00:03Z\",\"reason\":\"Tired\",\"transactionData\":\"none\"}]", "[3,\"5\",{}]" },
		{ "odd sampled values", "[2,\"6\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":5,"
		  "\"sampledValue\":[{\"value\":7},{\"value\":[]},{\"unit\":1},5]}]}]", "[3,\"6\",{}]" },
		{ "values without samples", "[2,\"7\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{}]}]", "[3,\"7\",{}]" },
	};

	(void)state;
	bench_open(&b, 1, "CP1");
	run(cases, ARRAY_LEN(cases));
	assert_int_equal(strlen(site_station(b.site, "CP1")->serial), 63);
	assert_string_equal(bench_conn(&b, "CP1", 1)->status, "Occupied");
}

static void start_and_stop_wait_for_the_commit(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_start(&b, 1, 1, "GOOD");
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	assert_non_null(bench_effect(&b, FX_PUT, 0));
	bench_say(&b, 1, "[2,\"x\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":1100,"
		  "\"timestamp\":\"2026-11-21T06:10:00Z\"}]");
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	bench_say(&b, 1, "[2,\"y\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":1100,"
		  "\"timestamp\":\"2026-11-21T06:10:00Z\"}]");
	assert_string_equal(bench_frame(&b, 0), "[3,\"y\",{}]");
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	assert_null(bench_effect(&b, FX_PUT, 0));
	bench_say(&b, 1, "[2,\"z\",\"Authorize\",{\"idTag\":\"GOOD\"}]");
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_NOW);
}

static void a_repeated_stop_after_a_reconnect_is_recorded_once(void **state)
{
	static const char stop[] = "[2,\"x\",\"StopTransaction\",{\"transactionId\":0,\"meterStop\":1100,"
		"\"timestamp\":\"2026-11-21T05:10:00Z\"}]";

	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_say(&b, 1, stop);
	assert_non_null(bench_effect(&b, FX_PUT, 0));
	bench_close(&b, 1);
	bench_open(&b, 2, "CP1");
	bench_say(&b, 2, stop);
	assert_string_equal(bench_frame(&b, 0), "[3,\"x\",{}]");
	assert_null(bench_effect(&b, FX_PUT, 0));
}

static void a_stop_is_known_again_even_when_the_ledger_saw_many_since(void **state)
{
	static const char stop[] = "[2,\"x\",\"StopTransaction\",{\"transactionId\":0,\"meterStop\":1100,"
		"\"timestamp\":\"2026-11-21T05:10:00Z\"}]";
	char frame[200];

	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_boot(&b, 2, "CP2");
	bench_say(&b, 1, stop);
	for (int i = 0; i < 300; i++) {
		snprintf(frame, sizeof(frame), "[2,\"x\",\"StopTransaction\",{\"transactionId\":0,\"meterStop\":%d,"
			 "\"timestamp\":\"2026-11-21T05:10:00Z\"}]", i);
		bench_say(&b, 2, frame);
	}
	bench_say(&b, 1, stop);
	assert_string_equal(bench_frame(&b, 0), "[3,\"x\",{}]");
	assert_null(bench_effect(&b, FX_PUT, 0));
}

static void a_foreign_transaction_cannot_be_touched(void **state)
{
	int32_t tx;
	char frame[300];

	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_boot(&b, 2, "CP2");
	tx = bench_start(&b, 1, 1, "GOOD");
	snprintf(frame, sizeof(frame), "[2,\"x\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":99999,"
		 "\"timestamp\":\"2026-11-21T06:10:00Z\"}]", tx);
	bench_say(&b, 2, frame);
	assert_string_equal(bench_frame(&b, 0), "[3,\"x\",{\"idTagInfo\":{\"status\":\"Invalid\"}}]");
	assert_non_null(site_tx(b.site, tx));
	snprintf(frame, sizeof(frame), "[2,\"y\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{"
		 "\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"99999\"}]}]}]", tx);
	bench_say(&b, 2, frame);
	assert_string_equal(bench_frame(&b, 0), "[3,\"y\",{}]");
	assert_int_equal(site_tx(b.site, tx)->energy_wh, 0);
	assert_int_equal(bench_conn(&b, "CP2", 1)->register_wh, NUM_NONE);
}

static void available_ends_a_transaction_and_a_late_stop_completes_it(void **state)
{
	int32_t tx;
	char frame[300];

	(void)state;
	bench_boot(&b, 1, "CP1");
	tx = bench_start(&b, 1, 1, "GOOD");
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_CHARGING);
	bench_say(&b, 1, "[2,\"s\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Available\"}]");
	assert_null(site_tx(b.site, tx));
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_NONE);
	snprintf(frame, sizeof(frame), "[2,\"x\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":2000,"
		 "\"timestamp\":\"2026-11-21T06:10:00Z\"}]", tx);
	bench_say(&b, 1, frame);
	assert_non_null(strstr(bench_effect(&b, FX_PUT, 0)->u.put.json, "\"ended\""));
}

static void meter_values_with_a_strange_id_count_for_what_runs(void **state)
{
	int32_t tx;

	(void)state;
	bench_boot(&b, 1, "CP1");
	tx = bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, "[2,\"y\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":4711,\"meterValue\":[{"
		  "\"timestamp\":\"2026-11-21T06:00:06Z\",\"sampledValue\":[{\"value\":\"1500\"}]}]}]");
	assert_int_equal(site_tx(b.site, tx)->energy_wh, 500);
}

static void draws_arrive_on_grid_phases(void **state)
{
	const struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP1");
	c = bench_conn(&b, "CP1", 1);
	bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, "[2,\"y\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:06Z\","
		  "\"sampledValue\":[{\"value\":\"10\",\"measurand\":\"Current.Import\",\"phase\":\"L1\",\"unit\":\"A\"},"
		  "{\"value\":\"11\",\"measurand\":\"Current.Import\",\"phase\":\"L2-N\"},"
		  "{\"value\":\"12\",\"measurand\":\"Current.Import\",\"phase\":\"L3\"}]}]}]");
	/* STR: the terminals L1, L2, L3 are fed by S, T, R, which are grid L2, L3, L1. */
	assert_int_equal(c->draw.l[0], 12000);
	assert_int_equal(c->draw.l[1], 10000);
	assert_int_equal(c->draw.l[2], 11000);
	assert_int_equal(c->draw_at, b.now);
	assert_true(c->dirty);
}

static const char ten_amperes[] =
	"[2,\"y\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:06Z\","
	"\"sampledValue\":[{\"value\":\"10\",\"measurand\":\"Current.Import\",\"phase\":\"L1\"},"
	"{\"value\":\"2300\",\"measurand\":\"Power.Active.Import\"}]}]}]";

static void measured_values_end_with_the_transaction(void **state)
{
	const struct connector *c;
	char text[200];
	int32_t tx;

	(void)state;
	bench_boot(&b, 1, "CP2");
	c = bench_conn(&b, "CP2", 1);
	tx = bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, ten_amperes);
	assert_int_equal(c->draw.l[1], 10000);
	snprintf(text, sizeof(text), "[2,\"s\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":1200,"
		 "\"timestamp\":\"2026-11-21T06:00:10Z\"}]", tx);
	bench_say(&b, 1, text);
	assert_int_equal(c->draw.l[1], NUM_NONE);
	assert_int_equal(c->power_w, NUM_NONE);
	assert_true(c->dirty);
	/* Its last sample, sent after its stop, is past too; what names no transaction is of now. */
	snprintf(text, sizeof(text), "[2,\"m\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":%d,\"meterValue\":[{"
		 "\"timestamp\":\"2026-11-21T06:00:10Z\",\"sampledValue\":[{\"value\":\"10\","
		 "\"measurand\":\"Current.Import\"}]}]}]", tx);
	bench_say(&b, 1, text);
	assert_int_equal(c->draw.l[1], NUM_NONE);
	bench_say(&b, 1, ten_amperes);
	assert_int_equal(c->draw.l[1], 10000);
}

static void measured_values_grow_old(void **state)
{
	struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP2");
	c = bench_conn(&b, "CP2", 1);
	bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, ten_amperes);
	bench_pass(&b, 29 * US_PER_S);
	assert_int_equal(c->draw.l[1], 10000);
	bench_pass(&b, US_PER_S);
	assert_int_equal(c->draw.l[1], NUM_NONE);
	assert_int_equal(c->power_w, NUM_NONE);
	/* A station that samples every minute is known by that from its second sample on. */
	bench_pass(&b, 30 * US_PER_S);
	bench_say(&b, 1, ten_amperes);
	bench_pass(&b, 179 * US_PER_S);
	assert_int_equal(c->draw.l[1], 10000);
	/* A lost connection does not keep it young. */
	bench_close(&b, 1);
	bench_pass(&b, US_PER_S);
	assert_int_equal(c->draw.l[1], NUM_NONE);
}

static void an_empty_connector_shows_no_draw(void **state)
{
	const struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP2");
	c = bench_conn(&b, "CP2", 1);
	bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, ten_amperes);
	assert_int_equal(c->draw.l[1], 10000);
	assert_int_equal(c->power_w, 2300);
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Finishing\"}]");
	assert_int_equal(c->draw.l[1], NUM_NONE);
	assert_int_equal(c->power_w, NUM_NONE);
}

static void a_replayed_session_never_counts_as_live(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"a\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1,"
		  "\"timestamp\":\"2026-11-20T06:00:00Z\"}]");
	assert_non_null(bench_find(&b, "Accepted"));
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_NONE);
	bench_say(&b, 1, "[2,\"b\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\"}]");
	bench_pass(&b, 5 * US_PER_S);
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	/* No stop follows, and the car charges: it runs. */
	bench_pass(&b, 6 * US_PER_S);
	assert_non_null(bench_conn(&b, "CP1", 1)->tx);
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_CHARGING);
}

static void a_replayed_status_does_not_undo_the_present_one(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\","
		  "\"timestamp\":\"2026-11-21T06:00:06Z\"}]");
	bench_say(&b, 1, "[2,\"b\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Available\","
		  "\"timestamp\":\"2026-11-21T04:00:06Z\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->status, "Charging");
	bench_say(&b, 1, "[2,\"c\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Finishing\","
		  "\"timestamp\":\"2026-11-21T06:00:05Z\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->status, "Finishing");
}

static void faults_are_shown_and_go_away(void **state)
{
	const struct station *st;

	(void)state;
	bench_boot(&b, 1, "CP1");
	st = site_station(b.site, "CP1");
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":0,\"errorCode\":\"GroundFailure\","
		  "\"status\":\"Faulted\",\"info\":\"relay\"}]");
	assert_string_equal(st->fault, "station: GroundFailure, relay");
	bench_say(&b, 1, "[2,\"b\",\"StatusNotification\",{\"connectorId\":2,\"errorCode\":\"OverVoltage\",\"status\":\"Faulted\"}]");
	bench_say(&b, 1, "[2,\"c\",\"StatusNotification\",{\"connectorId\":0,\"errorCode\":\"NoError\",\"status\":\"Available\"}]");
	assert_string_equal(st->fault, "connector 2: OverVoltage");
	bench_say(&b, 1, "[2,\"d\",\"StatusNotification\",{\"connectorId\":2,\"errorCode\":\"NoError\",\"status\":\"Available\"}]");
	assert_string_equal(st->fault, "");
}

static void a_tag_makes_the_plugged_connector_compete(void **state)
{
	const struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP1");
	c = bench_conn(&b, "CP1", 1);
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Preparing\"}]");
	assert_int_equal(c->use, USE_WELCOME);
	bench_say(&b, 1, "[2,\"b\",\"Authorize\",{\"idTag\":\"VIP\"}]");
	assert_int_equal(c->use, USE_WAITS);
	assert_true(c->tag_vip);
	bench_pass(&b, 121 * US_PER_S);
	assert_int_equal(c->use, USE_WELCOME);
}

static void a_full_car_is_seen_when_it_stops_drawing(void **state)
{
	const struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP1");
	c = bench_conn(&b, "CP1", 1);
	bench_start(&b, 1, 1, "GOOD");
	bench_say(&b, 1, "[2,\"y\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:06Z\","
		  "\"sampledValue\":[{\"value\":\"16\",\"measurand\":\"Current.Import\"}]}]}]");
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"SuspendedEV\"}]");
	assert_int_equal(c->use, USE_CHARGING);
	bench_pass(&b, 61 * US_PER_S);
	assert_int_equal(c->use, USE_FULL);
}

static void a_free_station_is_started_once_per_plug_in(void **state)
{
	static const char preparing[] = "[2,\"a\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\","
		"\"status\":\"Preparing\"}]";

	(void)state;
	bench_boot(&b, 1, "FREE");
	bench_say(&b, 1, preparing);
	assert_non_null(bench_find(&b, "\"RemoteStartTransaction\",{\"connectorId\":1,\"idTag\":\"GUEST\"}]"));
	assert_string_equal(bench_frame(&b, 0), "[3,\"a\",{}]");
	assert_int_equal(bench_conn(&b, "FREE", 1)->use, USE_WAITS);
	bench_answer(&b, 1, "RemoteStart", "{\"status\":\"Accepted\"}");
	bench_say(&b, 1, preparing);
	assert_null(bench_find(&b, "RemoteStart"));
	assert_int_not_equal(bench_start(&b, 1, 1, "GUEST"), 0);
	assert_non_null(bench_find(&b, "Accepted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(boot_is_answered_in_schema_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_call_of_a_station_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(malformed_calls_get_the_right_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_large_and_too_deep_is_refused_by_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cosmetics_are_forgiven, set_up, tear_down),
		cmocka_unit_test_setup_teardown(start_and_stop_wait_for_the_commit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_repeated_stop_after_a_reconnect_is_recorded_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stop_is_known_again_even_when_the_ledger_saw_many_since, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_foreign_transaction_cannot_be_touched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(available_ends_a_transaction_and_a_late_stop_completes_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(meter_values_with_a_strange_id_count_for_what_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(draws_arrive_on_grid_phases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_connector_shows_no_draw, set_up, tear_down),
		cmocka_unit_test_setup_teardown(measured_values_end_with_the_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(measured_values_grow_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_replayed_session_never_counts_as_live, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_replayed_status_does_not_undo_the_present_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(faults_are_shown_and_go_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tag_makes_the_plugged_connector_compete, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_car_is_seen_when_it_stops_drawing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_free_station_is_started_once_per_plug_in, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
