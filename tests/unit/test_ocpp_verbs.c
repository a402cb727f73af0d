/* test_ocpp_verbs.c - each operation of the central system as a command: what is sent, and what is refused before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;

static bool admit(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token, char *why,
		  size_t why_size)
{
	(void)ctx;
	(void)idle;
	*token = 9000 + (uint64_t)conn->number;
	snprintf(why, why_size, "zone P1 is full");
	return limit_ma != NUM_NONE && limit_ma <= 10000;
}

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	ocpp_set_gate(b.ocpp, admit, NULL);
	for (int n = 1; n <= 2; n++)
		bench_conn(&b, "CP1", n)->slot = (uint32_t)n;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

/* As a peer of the control socket would send it: through the tables, by name. */
static int run(const char *method, const char *params, int (*handler)(struct ctl_call *, const void *))
{
	const struct ctl_verb_desc *v = ctl_verb_find(method);
	struct json *j;
	void *args;
	int ret;

	bench_command(&b)->verb = v;
	assert_non_null(v);
	j = json_parse(&b.arena, params, strlen(params), &JSON_CAPS_DEFAULT, &b.call.diag);
	if (!j)
		fail_msg("%s: %s", params, b.call.diag.text);
	ret = ctl_args_read(v, j, &b.arena, &args, &b.call.diag);
	return ret ? ret : handler(&b.call, args);
}

#define HANDLER(name) static int do_##name(struct ctl_call *c, const void *a) { return ctl_station_##name(c, a); }
HANDLER(trigger)
HANDLER(cache_clear)
HANDLER(data_transfer)
HANDLER(local_list_version)
HANDLER(local_list_send)
HANDLER(profile_set)
HANDLER(profile_clear)
HANDLER(profile_composite)

struct verb_case {
	const char *method;
	int (*handler)(struct ctl_call *, const void *);
	const char *params, *frame;	/* how its frame ends */
};

static const struct verb_case cases[] = {
	{ "station.trigger", do_trigger, "{\"id\":\"CP1\",\"message\":\"Heartbeat\"}",
	  "\"TriggerMessage\",{\"requestedMessage\":\"Heartbeat\"}]" },
	{ "station.trigger", do_trigger, "{\"id\":\"CP1\",\"message\":\"LogStatusNotification\"}",
	  "\"ExtendedTriggerMessage\",{\"requestedMessage\":\"LogStatusNotification\"}]" },
	{ "station.trigger", do_trigger, "{\"id\":\"CP1\",\"message\":\"SignChargePointCertificate\"}",
	  "\"ExtendedTriggerMessage\",{\"requestedMessage\":\"SignChargePointCertificate\"}]" },
	{ "station.trigger", do_trigger, "{\"id\":\"CP1\",\"message\":\"StatusNotification\",\"connector\":2,\"extended\":true}",
	  "\"ExtendedTriggerMessage\",{\"requestedMessage\":\"StatusNotification\",\"connectorId\":2}]" },
	{ "station.cache_clear", do_cache_clear, "{\"id\":\"CP1\"}", "\"ClearCache\",{}]" },
	{ "station.data_transfer", do_data_transfer, "{\"id\":\"CP1\",\"vendor\":\"com.x\"}",
	  "\"DataTransfer\",{\"vendorId\":\"com.x\"}]" },
	{ "station.data_transfer", do_data_transfer, "{\"id\":\"CP1\",\"vendor\":\"com.x\",\"message\":\"M\",\"data\":\"{}\"}",
	  "\"DataTransfer\",{\"vendorId\":\"com.x\",\"messageId\":\"M\",\"data\":\"{}\"}]" },
	{ "station.local_list_version", do_local_list_version, "{\"id\":\"CP1\"}", "\"GetLocalListVersion\",{}]" },
	{ "station.local_list_send", do_local_list_send, "{\"id\":\"CP1\",\"version\":7,\"update\":\"Differential\","
	  "\"list\":[{\"idTagInfo\":{\"status\":\"Accepted\"},\"idTag\":\"A\"},{\"idTag\":\"B\"}]}",
	  "\"SendLocalList\",{\"listVersion\":7,\"localAuthorizationList\":[{\"idTag\":\"A\",\"idTagInfo\":"
	  "{\"status\":\"Accepted\"}},{\"idTag\":\"B\"}],\"updateType\":\"Differential\"}]" },
	{ "station.local_list_send", do_local_list_send, "{\"id\":\"CP1\",\"version\":8,\"list\":[]}",
	  "{\"listVersion\":8,\"localAuthorizationList\":[],\"updateType\":\"Full\"}]" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":1,\"limit\":6}",
	  "\"SetChargingProfile\",{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":1000,\"stackLevel\":0,"
	  "\"chargingProfilePurpose\":\"TxDefaultProfile\",\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":"
	  "{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6}]}}}]" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"purpose\":\"ChargePointMaxProfile\",\"power\":\"11kW\","
	  "\"phases\":3,\"profile_id\":5,\"duration\":\"1h\",\"valid_to\":\"2030-01-01T00:00:00Z\"}",
	  "{\"connectorId\":0,\"csChargingProfiles\":{\"chargingProfileId\":5,\"stackLevel\":0,\"chargingProfilePurpose\":"
	  "\"ChargePointMaxProfile\",\"chargingProfileKind\":\"Absolute\",\"validTo\":\"2030-01-01T00:00:00Z\",\"chargingSchedule\":"
	  "{\"duration\":3600,\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":11000,"
	  "\"numberPhases\":3}]}}}]" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":2,\"purpose\":\"TxProfile\",\"limit\":9.27}",
	  "{\"connectorId\":2,\"csChargingProfiles\":{\"chargingProfileId\":1000,\"transactionId\":1,\"stackLevel\":0,"
	  "\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":"
	  "{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9.2}]}}}]" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"profile\":{\"stackLevel\":0,\"chargingProfileId\":3,"
	  "\"chargingProfilePurpose\":\"ChargePointMaxProfile\"}}",
	  "{\"connectorId\":0,\"csChargingProfiles\":{\"chargingProfileId\":3,\"stackLevel\":0,\"chargingProfilePurpose\":"
	  "\"ChargePointMaxProfile\"}}]" },
	{ "station.profile_clear", do_profile_clear, "{\"id\":\"CP1\",\"purpose\":\"ChargePointMaxProfile\",\"connector\":0,"
	  "\"stack_level\":4}", "\"ClearChargingProfile\",{\"connectorId\":0,\"chargingProfilePurpose\":"
	  "\"ChargePointMaxProfile\",\"stackLevel\":4}]" },
	{ "station.profile_composite", do_profile_composite, "{\"id\":\"CP1\"}",
	  "\"GetCompositeSchedule\",{\"connectorId\":0,\"duration\":3600}]" },
	{ "station.profile_composite", do_profile_composite, "{\"id\":\"CP1\",\"connector\":1,\"duration\":\"90s\",\"unit\":\"W\"}",
	  "{\"connectorId\":1,\"duration\":90,\"chargingRateUnit\":\"W\"}]" },
};

static void each_verb_sends_its_message_in_the_order_of_the_schema(void **state)
{
	(void)state;
	assert_int_equal(bench_start(&b, 1, 2, "GOOD"), 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct verb_case *v = &cases[i];
		size_t want = strlen(v->frame), len;
		const char *frame;

		if (run(v->method, v->params, v->handler) != CTL_LATER)
			fail_msg("%s %s: %s", v->method, v->params, b.call.diag.text);
		frame = bench_frame(&b, 0);
		len = strlen(frame);
		if (len < want || strcmp(frame + len - want, v->frame) != 0)
			fail_msg("%s %s sends %s", v->method, v->params, frame);
		bench_answer(&b, 1, "[2,", "{\"status\":\"Accepted\"}");
		assert_non_null(bench_effect(&b, FX_REPLY, 0));
	}
}

struct refusal {
	const char *method;
	int (*handler)(struct ctl_call *, const void *);
	const char *params;
	int err;
	const char *says;
};

static const struct refusal refusals[] = {
	{ "station.trigger", do_trigger, "{\"id\":\"CP1\",\"message\":\"DiagnosticsStatusNotification\",\"extended\":true}",
	  -LMS_EUSAGE, "not a message of ExtendedTriggerMessage" },
	{ "station.cache_clear", do_cache_clear, "{\"id\":\"CP2\"}", -LMS_EOFFLINE, "is offline" },
	{ "station.cache_clear", do_cache_clear, "{\"id\":\"CP9\"}", -LMS_ENOTFOUND, "does not exist" },
	{ "station.data_transfer", do_data_transfer,
	  "{\"id\":\"CP1\",\"vendor\":\"v\",\"message\":\"123456789012345678901234567890123456789012345678901\"}", -LMS_ERANGE,
	  "message: is longer than 50" },
	{ "station.local_list_send", do_local_list_send, "{\"id\":\"CP1\",\"list\":{}}", -LMS_EDATA, "must be a JSON array" },
	{ "station.local_list_send", do_local_list_send, "{\"id\":\"CP1\",\"version\":0,\"list\":[]}", -LMS_ERANGE,
	  "version: must be 1 or more" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\"}", -LMS_EUSAGE, "limit: is needed" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"power\":\"1kW\"}", -LMS_EUSAGE, "one of them" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"profile\":{}}", -LMS_EUSAGE,
	  "limit beside it is too much" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"profile\":[]}", -LMS_EDATA, "must be a JSON object" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"connector\":99}", -LMS_ERANGE, "connector:" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"kind\":\"Recurring\"}", -LMS_EUSAGE,
	  "recurrency:" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"purpose\":\"TxProfile\"}", -LMS_EUSAGE,
	  "a TxProfile needs one" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"purpose\":\"TxProfile\",\"connector\":1}",
	  -LMS_ECONFLICT, "no transaction runs" },
	{ "station.profile_set", do_profile_set,
	  "{\"id\":\"CP1\",\"limit\":6,\"purpose\":\"ChargePointMaxProfile\",\"connector\":1}", -LMS_EUSAGE, "whole station" },
	/* What the gate says: 10 A are there, 16 A and no limit at all are not. */
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":16,\"connector\":1}", -LMS_ECONFLICT, "zone P1 is full" },
	{ "station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"limit\":6,\"connector\":1,\"stack_level\":9}", -LMS_ECONFLICT,
	  "would hide the limits of lmsd" },
	{ "station.profile_clear", do_profile_clear, "{\"id\":\"CP1\"}", -LMS_ECONFLICT, "zone P1 is full" },
	{ "station.profile_clear", do_profile_clear, "{\"id\":\"CP1\",\"profile_id\":1000}", -LMS_ECONFLICT, "zone P1 is full" },
	{ "station.profile_composite", do_profile_composite, "{\"id\":\"CP1\",\"duration_ms\":5}", -LMS_ERANGE, "duration:" },
};

static void what_cannot_be_is_refused_and_nothing_is_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		int ret = run(r->method, r->params, r->handler);

		if (ret != r->err || !strstr(b.call.diag.text, r->says))
			fail_msg("%s %s: %d %s", r->method, r->params, ret, b.call.diag.text);
		assert_string_equal(bench_frame(&b, 0), "");
	}
}

static void a_full_list_holds_the_tags_that_stations_may_decide_on(void **state)
{
	const char *frame;

	(void)state;
	assert_int_equal(run("station.local_list_send", "{\"id\":\"CP1\",\"version\":3}", do_local_list_send), CTL_LATER);
	frame = bench_frame(&b, 0);
	assert_non_null(strstr(frame, "{\"idTag\":\"GOOD\",\"idTagInfo\":{\"status\":\"Accepted\"}}"));
	assert_non_null(strstr(frame, "{\"idTag\":\"VIP\",\"idTagInfo\":{\"expiryDate\":\"2030-01-01T00:00:00Z\",\"parentIdTag\":\"FLEET\","));
	assert_null(strstr(frame, "BLOCKED"));
}

static void an_answer_without_a_status_is_passed_as_it_is(void **state)
{
	const struct effect *e;

	(void)state;
	assert_int_equal(run("station.local_list_version", "{\"id\":\"CP1\"}", do_local_list_version), CTL_LATER);
	bench_answer(&b, 1, "GetLocalList", "{\"listVersion\":-1}");
	e = bench_effect(&b, FX_REPLY, 0);
	assert_string_equal(e->u.reply.json, "{\"listVersion\":-1}");
	assert_int_equal(run("station.local_list_version", "{\"id\":\"CP1\"}", do_local_list_version), CTL_LATER);
	bench_refuse(&b, 1, "GetLocalList", "NotImplemented");
	e = bench_effect(&b, FX_REPLY, 0);
	assert_true(e->u.reply.error);
	assert_non_null(strstr(e->u.reply.json, "refused: NotImplemented"));
}

static const char *shown(void)
{
	static struct buf out;

	buf_fini(&out);
	buf_init(&out);
	bench_command(&b)->out = &out;
	jw_init(&b.call.w, &out);
	assert_int_equal(ctl_station_profile_show(&b.call, &(struct ctl_station_profile_show_args){ .id = "CP1" }), 0);
	return buf_cstr(&out);
}

static void by_hand(const char *method, int (*handler)(struct ctl_call *, const void *), const char *params, const char *status)
{
	char answer[60];

	if (run(method, params, handler) != CTL_LATER)
		fail_msg("%s: %s", params, b.call.diag.text);
	snprintf(answer, sizeof(answer), "{\"status\":\"%s\"}", status);
	bench_answer(&b, 1, "ChargingProfile", answer);
}

static void profiles_are_shown_with_the_ids_that_the_station_was_told(void **state)
{
	(void)state;
	assert_int_equal(site_connector_conf(b.site, bench_conn(&b, "CP1", 2))->method, 0);
	bench_configure(&b, "CP1", "{\"id\":\"CP1\",\"zone\":\"P1\",\"connectors\":2,\"wiring\":\"STR\",\"profile_id\":100}");
	/* For the balance it has none of them yet. */
	assert_int_not_equal(site_connector_conf(b.site, bench_conn(&b, "CP1", 2))->method, 0);
	bench_order(&b, "CP1", 2, true, 0, false);
	assert_non_null(bench_find(&b, "\"chargingProfileId\":102"));
	bench_answer(&b, 1, "SetChargingProfile", "{\"status\":\"Accepted\"}");
	assert_non_null(strstr(shown(), "\"connector\":2,\"purpose\":\"TxDefaultProfile\",\"id\":102"));
}

static void the_profiles_that_a_station_has_accepted_are_shown(void **state)
{
	(void)state;
	assert_string_equal(shown(), "{\"items\":[]}");
	bench_order(&b, "CP1", 1, true, 0, false);
	bench_answer(&b, 1, "SetChargingProfile", "{\"status\":\"Accepted\"}");
	bench_start(&b, 1, 1, "GOOD");
	bench_order(&b, "CP1", 1, false, 10500, true);
	bench_answer(&b, 1, "SetChargingProfile", "{\"status\":\"Accepted\"}");
	assert_non_null(strstr(shown(), "{\"connector\":1,\"purpose\":\"TxDefaultProfile\",\"id\":11,\"stack_level\":0,\"limit\":\"0.0 A\","
			       "\"by\":\"lmsd\""));
	assert_non_null(strstr(shown(), "\"purpose\":\"TxProfile\",\"id\":12,\"stack_level\":0,\"limit\":\"10.5 A\""));
	by_hand("station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":2,\"limit\":7,\"profile_id\":50}", "Rejected");
	assert_null(strstr(shown(), "hand"));
	by_hand("station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":2,\"limit\":6,\"profile_id\":50}", "Accepted");
	by_hand("station.profile_set", do_profile_set,
		"{\"id\":\"CP1\",\"power\":\"11kW\",\"purpose\":\"ChargePointMaxProfile\",\"duration\":\"1h\"}", "Accepted");
	assert_non_null(strstr(shown(), "{\"connector\":2,\"purpose\":\"TxDefaultProfile\",\"id\":50,\"stack_level\":0,\"limit\":\"6 A\","
			       "\"by\":\"hand\""));
	assert_non_null(strstr(shown(), "\"id\":1000,\"stack_level\":0,\"limit\":\"11000 W, ends\""));
	/* One of the same place and purpose, or of the same id, is replaced. */
	by_hand("station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":2,\"limit\":8,\"profile_id\":53}", "Accepted");
	assert_null(strstr(shown(), "\"id\":50"));
	by_hand("station.profile_set", do_profile_set, "{\"id\":\"CP1\",\"connector\":1,\"limit\":9,\"profile_id\":53}", "Accepted");
	assert_null(strstr(shown(), "8 A"));
	assert_non_null(strstr(shown(), "9 A"));
	by_hand("station.profile_clear", do_profile_clear, "{\"id\":\"CP1\",\"purpose\":\"ChargePointMaxProfile\"}", "Accepted");
	assert_null(strstr(shown(), "\"id\":1000"));
	assert_non_null(strstr(shown(), "\"id\":53"));
	/* That of a transaction is over with it. */
	bench_stop(&b, 1, 1, 2000);
	assert_null(strstr(shown(), "TxProfile"));
	bench_pass(&b, US_PER_S);
	bench_start(&b, 1, 1, "GOOD");
	assert_non_null(bench_conn(&b, "CP1", 1)->tx);
	assert_null(strstr(shown(), "TxProfile"));
	assert_non_null(strstr(shown(), "\"id\":11"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(each_verb_sends_its_message_in_the_order_of_the_schema),
		T(what_cannot_be_is_refused_and_nothing_is_sent),
		T(a_full_list_holds_the_tags_that_stations_may_decide_on),
		T(profiles_are_shown_with_the_ids_that_the_station_was_told),
		T(the_profiles_that_a_station_has_accepted_are_shown),
		T(an_answer_without_a_status_is_passed_as_it_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
