/* test_quirk_fields.c - ocpp.md "Fields" and "Times": each quirk of real stations has a test that is named after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "hall.h"
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

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void is_answered(const char *frame)
{
	bench_say(&b, 1, frame);
	if (strncmp(bench_frame(&b, 0), "[3,\"x\",", 7) != 0)
		fail_msg("%s\nis answered by %s", frame, bench_frame(&b, 0));
}

/* ---- fields ---- */

static void over_long_serials(void **state)
{
	static const char frame[] = "[2,\"x\",\"BootNotification\",{\"chargePointVendor\":\"%1$s\",\"chargePointModel\":\"%1$s\","
		"\"chargePointSerialNumber\":\"%1$s\",\"chargeBoxSerialNumber\":\"%1$s\",\"firmwareVersion\":\"%1$s\","
		"\"iccid\":\"%1$s\",\"imsi\":\"%1$s\",\"meterType\":\"%1$s\",\"meterSerialNumber\":\"%1$s\"}]";
	char word[400], text[6000];
	const struct station *st = site_station(b.site, "CP1");

	(void)state;
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	/* A character of two bytes at the place of the cut. */
	memcpy(word + 62, "\xc3\xa9", 2);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat"
	snprintf(text, sizeof(text), frame, word);
#pragma GCC diagnostic pop
	is_answered(text);
	holds(bench_frame(&b, 0), "\"Accepted\"");
	assert_int_equal(strlen(st->vendor), 62);
	assert_int_equal(strlen(st->serial), 62);
	assert_int_equal(strlen(st->iccid), sizeof(st->iccid) - 1);
}

static void error_code_error(void **state)
{
	(void)state;
	is_answered("[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"Error\",\"status\":\"Faulted\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->error_code, "Error");
	is_answered("[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"status\":\"Available\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->error_code, "");
}

static void extra_members(void **state)
{
	(void)state;
	is_answered("[2,\"x\",\"Heartbeat\",{\"uptime\":17,\"nested\":{\"a\":[1,2,{}]}}]");
	is_answered("[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\","
		    "\"wifi\":\"-60 dBm\"}]");
	is_answered("[2,\"x\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\",\"ip\":null}]");
	is_answered("[2,\"x\",\"Authorize\",{\"idTag\":\"GOOD\",\"idToken\":{\"type\":\"x\"}}]");
}

static void long_configuration_values(void **state)
{
	struct hall hall = { .site = b.site, .ocpp = b.ocpp };
	struct ctl_call call = { .hall = &hall, .token = 555, .now = b.now, .wall = b.wall, .arena = &b.arena, .fx = &b.fx };
	char value[3000], id[60];

	(void)state;
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	bench_turn(&b);
	diag_init(&call.diag);
	assert_int_equal(ctl_station_config_get(&call, &(struct ctl_station_config_get_args){ .id = "CP1", .key = "Long" }),
			 CTL_LATER);
	assert_true(bench_call_id(&b, "GetConfiguration", id, sizeof(id)));
	bench_sayf(&b, 1, "[3,\"%s\",{\"configurationKey\":[{\"key\":\"%.600s\",\"readonly\":false,\"value\":\"%s\"}]}]", id,
		   value, value);
	assert_false(bench_effect(&b, FX_REPLY, 0)->u.reply.error);
	holds(bench_effect(&b, FX_REPLY, 0)->u.reply.json, value);
}

/* Whatever is odd about it: a station that is answered by a CALLERROR sends it again, for ever. */
static void cosmetics(void **state)
{
	static const char *const frames[] = {
		"[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Occupied\"}]",
		"[2,\"x\",\"StatusNotification\",{\"connectorId\":\"1\",\"errorCode\":7,\"status\":\"Available\",\"info\":"
		"\"0123456789012345678901234567890123456789012345678901234567890123456789\",\"vendorId\":\"\"}]",
		"[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"\",\"status\":\"Available\",\"timestamp\":\"now\"}]",
		"[2,\"x\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"\",\"sampledValue\":[]}]}]",
		"[2,\"x\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":null,\"meterValue\":[{\"sampledValue\":[{\"value\":"
		"\"1\",\"context\":\"Sometimes\",\"measurand\":\"Energy.Of.The.Void\",\"unit\":\"ells\",\"phase\":\"L9\"}]}]}]",
		"[2,\"x\",\"MeterValues\",{\"connectorId\":0,\"meterValue\":[{\"timestamp\":\"2026-11-21T06:00:00Z\","
		"\"sampledValue\":[{\"value\":\"\"}]}]}]",
		"[2,\"x\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"a tag that is longer than twenty characters\","
		"\"meterStart\":\"12\",\"timestamp\":\"\",\"reservationId\":null}]",
		"[2,\"x\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":12.7}]",
		"[2,\"x\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":12345678,\"meterStart\":-3,"
		"\"timestamp\":\"2026-11-21T06:00:00Z\"}]",
		"[2,\"x\",\"StopTransaction\",{\"transactionId\":1,\"meterStop\":\"99\",\"timestamp\":\"soon\",\"reason\":\"\"}]",
		"[2,\"x\",\"StopTransaction\",{\"transactionId\":-1,\"meterStop\":0,\"reason\":\"Bored\",\"idTag\":\"\","
		"\"transactionData\":null}]",
		"[2,\"x\",\"StopTransaction\",{\"transactionId\":0,\"meterStop\":1.5,\"timestamp\":\"2026-11-21T06:00:00Z\","
		"\"transactionData\":[{}]}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		is_answered(frames[i]);
}

static void unsolicited_security_events(void **state)
{
	(void)state;
	is_answered("[2,\"x\",\"SecurityEventNotification\",{\"type\":\"SettingSystemTime\",\"timestamp\":\"2026-11-21T06:00:00Z\"}]");
	is_answered("[2,\"x\",\"SecurityEventNotification\",{\"type\":\"an event of their own whose name is rather longer than fifty "
		    "characters\",\"timestamp\":\"yesterday\",\"techInfo\":7}]");
	is_answered("[2,\"x\",\"SecurityEventNotification\",{}]");
}

/* ---- times ---- */

struct time_case {
	const char *sent;
	const char *start;	/* as it is recorded; NULL = our receive time, and what was sent is in the note */
};

static const struct time_case times[] = {
	{ "2026-11-21T05:59:00Z", "2026-11-21T05:59:00Z" },
	{ "2026-11-21T05:59:00.123456789Z", "2026-11-21T05:59:00.123Z" },
	{ "2026-11-21T05:59:00", "2026-11-21T05:59:00Z" },
	{ "2026-11-21 05:59:00", "2026-11-21T05:59:00Z" },
	{ "2026-11-21T07:59:00+02", "2026-11-21T05:59:00Z" },
	{ "2026-11-21T07:59:00+0200", "2026-11-21T05:59:00Z" },
	{ "2026-11-21T07:59:00+02:00", "2026-11-21T05:59:00Z" },
	{ "2022-02-29T10:00:00Z", NULL },
	{ "1970-01-01T00:00:12Z", NULL },
	{ "2106-02-07T06:28:15Z", NULL },
	{ "21.11.2026 05:59", NULL },
	{ "", NULL },
};

static void times_of_all_kinds(void **state)
{
	const char *sent = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const struct time_case *c = &times[i];
		char start[RFC3339_MAX];
		const struct tx *tx;

		bench_sayf(&b, 1, "[2,\"x\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":%zu,"
			   "\"timestamp\":\"%s\"}]", i, c->sent);
		sent = strstr(bench_frame(&b, 0), "\"transactionId\":");
		assert_non_null(sent);
		tx = site_tx(b.site, (int32_t)strtol(sent + 16, NULL, 10));
		assert_non_null(tx);
		rfc3339_format(tx->start, start);
		if (c->start && strcmp(start, c->start) != 0)
			fail_msg("'%s' became %s", c->sent, start);
		if (c->start)
			assert_string_equal(tx->note, "");
		if (!c->start) {
			assert_int_equal(tx->start, b.wall);
			holds(tx->note, "start time as received");
			holds(tx->note, c->sent);
		}
		bench_sayf(&b, 1, "[2,\"x\",\"StopTransaction\",{\"transactionId\":%d,\"meterStop\":%zu,\"timestamp\":\"%s\"}]",
			   tx->id, i, c->sent);
		if (!c->start)
			holds(bench_stored(&b, STORE_TX), "stop time as received");
		bench_pass(&b, US_PER_S);
	}
}

/* Its clock is set by the answer to its boot; what it says before says nothing of its clock later. */
static void the_epoch_before_the_first_boot(void **state)
{
	(void)state;
	bench_close(&b, 1);
	bench_open(&b, 1, "CP1");
	is_answered("[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Preparing\","
		    "\"timestamp\":\"1970-01-01T00:00:05Z\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->status, "Preparing");
	is_answered("[2,\"x\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
	is_answered("[2,\"x\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\","
		    "\"timestamp\":\"2026-11-21T06:00:06Z\"}]");
	assert_string_equal(bench_conn(&b, "CP1", 1)->status, "Charging");
	assert_int_not_equal(bench_start(&b, 1, 1, "GOOD"), 0);
	assert_non_null(bench_conn(&b, "CP1", 1)->tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("over-long serials and models", over_long_serials),
		QUIRK("errorCode Error, or none", error_code_error),
		QUIRK("extra members", extra_members),
		QUIRK("configuration values above 500 characters", long_configuration_values),
		QUIRK("no CALLERROR for cosmetics of StatusNotification, MeterValues, Start and Stop", cosmetics),
		QUIRK("unsolicited SecurityEventNotification is always acknowledged", unsolicited_security_events),
		QUIRK("times without a zone, with +02, 29 February 2022: what was sent is kept", times_of_all_kinds),
		QUIRK("1970 before the first boot answer", the_epoch_before_the_first_boot),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
