/* test_ocpp_control.c - administrators' commands: calls to stations, the gate, answers, time-outs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;

/* What the gate was asked, and what it says. */
static struct {
	bool allow;
	int asked;
	bool idle;
	int64_t limit_ma;
	int refuse_number;
} gate;

static bool admit(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token, char *why,
		  size_t why_size)
{
	(void)ctx;
	gate.asked++;
	gate.idle = idle;
	gate.limit_ma = limit_ma;
	*token = 9000 + (uint64_t)conn->number;
	snprintf(why, why_size, "zone P1 is full on L2");
	return gate.allow && conn->number != gate.refuse_number;
}

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	memset(&gate, 0, sizeof(gate));
	gate.allow = true;
	ocpp_set_gate(b.ocpp, admit, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bench_fini(&b);
	return 0;
}

static const char *reply(void)
{
	const struct effect *e = bench_effect(&b, FX_REPLY, 0);

	if (!e)
		return "";
	assert_int_equal(e->u.reply.token, 555);
	assert_null(bench_effect(&b, FX_REPLY, 1));
	return e->u.reply.json;
}

static void sends(const char *end)
{
	const char *frame = bench_frame(&b, 0);
	size_t len = strlen(frame), want = strlen(end);

	if (len < want || strcmp(frame + len - want, end) != 0)
		fail_msg("%s does not end with %s", frame, end);
}

static void each_command_sends_its_call_and_answers_with_the_stations_status(void **state)
{
	(void)state;
	assert_int_equal(ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1", .hard = NUM_NONE }),
			 CTL_LATER);
	sends("\"Reset\",{\"type\":\"Soft\"}]");
	bench_answer(&b, 1, "Reset", "{\"status\":\"Accepted\"}");
	assert_string_equal(reply(), "{\"status\":\"Accepted\"}");

	assert_int_equal(ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1", .hard = 1 }), CTL_LATER);
	sends("{\"type\":\"Hard\"}]");
	bench_refuse(&b, 1, "Reset", "NotSupported");
	assert_string_equal(reply(), "{\"status\":\"NotSupported\",\"description\":\"\"}");

	assert_int_equal(ctl_station_unlock(bench_command(&b), &(struct ctl_station_unlock_args){ .id = "CP1", .connector = NUM_NONE }),
			 CTL_LATER);
	sends("\"UnlockConnector\",{\"connectorId\":1}]");
	bench_answer(&b, 1, "Unlock", "{\"status\":\"UnlockFailed\",\"extra\":1}");
	assert_string_equal(reply(), "{\"status\":\"UnlockFailed\",\"extra\":1}");

	assert_int_equal(ctl_station_availability(bench_command(&b), &(struct ctl_station_availability_args){
			 .id = "CP1", .type = "Inoperative", .connector = 2 }), CTL_LATER);
	sends("\"ChangeAvailability\",{\"connectorId\":2,\"type\":\"Inoperative\"}]");
	bench_answer(&b, 1, "ChangeAvailability", "{\"status\":\"Scheduled\"}");
	assert_string_equal(reply(), "{\"status\":\"Scheduled\"}");

	assert_int_equal(ctl_station_trigger(bench_command(&b), &(struct ctl_station_trigger_args){
			 .id = "CP1", .message = "MeterValues", .connector = NUM_NONE }), CTL_LATER);
	sends("\"TriggerMessage\",{\"requestedMessage\":\"MeterValues\"}]");
	bench_answer(&b, 1, "Trigger", "{\"status\":42}");
	assert_string_equal(reply(), "{\"status\":\"(no status)\"}");

	assert_int_equal(ctl_station_config_get(bench_command(&b), &(struct ctl_station_config_get_args){ .id = "CP1", .key = "a, b" }),
			 CTL_LATER);
	sends("\"GetConfiguration\",{\"key\":[\"a\",\"b\"]}]");
	bench_answer(&b, 1, "GetConf", "{\"unknownKey\":[\"b\"],\"configurationKey\":[{\"value\":\"1\",\"key\":\"a\",\"readonly\":true}]}");
	assert_string_equal(reply(), "{\"configurationKey\":[{\"key\":\"a\",\"readonly\":true,\"value\":\"1\"}],\"unknownKey\":[\"b\"]}");

	assert_int_equal(ctl_station_config_get(bench_command(&b), &(struct ctl_station_config_get_args){ .id = "CP1" }), CTL_LATER);
	sends("\"GetConfiguration\",{}]");
	bench_refuse(&b, 1, "GetConf", "NotImplemented");
	assert_non_null(strstr(reply(), "station CP1 refused: NotImplemented"));

	assert_int_equal(ctl_station_config_set(bench_command(&b), &(struct ctl_station_config_set_args){
			 .id = "CP1", .key = "HeartbeatInterval", .value = "60" }), CTL_LATER);
	sends("\"ChangeConfiguration\",{\"key\":\"HeartbeatInterval\",\"value\":\"60\"}]");
	bench_answer(&b, 1, "ChangeConf", "{\"status\":\"RebootRequired\"}");
	assert_string_equal(reply(), "{\"status\":\"RebootRequired\"}");
	assert_int_equal(gate.asked, 0);
}

static void keys_of_stations_are_neither_told_nor_set_by_hand(void **state)
{
	(void)state;
	assert_int_equal(ctl_station_config_get(bench_command(&b), &(struct ctl_station_config_get_args){ .id = "CP1" }), CTL_LATER);
	bench_answer(&b, 1, "GetConf", "{\"configurationKey\":[{\"key\":\"AuthorizationKey\",\"readonly\":false,\"value\":\"00ff\"},"
				       "{\"key\":\"A\",\"readonly\":false,\"value\":\"1\"}]}");
	assert_string_equal(reply(), "{\"configurationKey\":[{\"key\":\"AuthorizationKey\",\"readonly\":false,\"value\":\"***\"},"
				     "{\"key\":\"A\",\"readonly\":false,\"value\":\"1\"}]}");
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "GetConfiguration" }),
			 CTL_LATER);
	bench_answer(&b, 1, "GetConf", "{\"configurationKey\":[{\"value\":7,\"key\":\"authorizationkey\"}]}");
	assert_null(strstr(reply(), "7"));

	assert_int_equal(ctl_station_config_set(bench_command(&b), &(struct ctl_station_config_set_args){
			 .id = "CP1", .key = "AuthorizationKey", .value = "00" }), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "station key rotate CP1"));
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "ChangeConfiguration",
			 .payload = "{\"key\":\"authorizationKEY\",\"value\":\"00\"}" }), -LMS_ECONFLICT);
	assert_string_equal(bench_frame(&b, 0), "");
}

static void any_call_can_be_made_and_is_written_in_schema_order(void **state)
{
	(void)state;
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1",
			 .action = "ChangeAvailability", .payload = "{\"type\":\"Operative\",\"connectorId\":0}" }), CTL_LATER);
	sends("\"ChangeAvailability\",{\"connectorId\":0,\"type\":\"Operative\"}]");
	bench_answer(&b, 1, "ChangeAv", "{\"status\":\"Accepted\"}");
	assert_string_equal(reply(), "{\"answer\":{\"status\":\"Accepted\"}}");
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "Dance" }), CTL_LATER);
	sends("\"Dance\",{}]");
	bench_refuse(&b, 1, "Dance", "NotImplemented");
	assert_string_equal(reply(), "{\"error\":\"NotImplemented\",\"description\":\"\"}");
}

static void wrong_commands_are_refused_before_anything_is_sent(void **state)
{
	(void)state;
	assert_int_equal(ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "NOPE" }), -LMS_ENOTFOUND);
	assert_non_null(strstr(b.call.diag.text, "station NOPE"));
	assert_int_equal(ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP2" }), -LMS_EOFFLINE);
	assert_string_equal(b.call.diag.text, "station CP2 is offline (never seen)");
	assert_int_equal(ctl_station_unlock(bench_command(&b), &(struct ctl_station_unlock_args){ .id = "CP1", .connector = 65 }),
			 -LMS_ERANGE);
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "Reset", .payload = "[]" }),
			 -LMS_EDATA);
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "Reset", .payload = "{" }),
			 -LMS_EPARSE);
	assert_int_equal(ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "Re\"set" }),
			 -LMS_EUSAGE);
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/1", .tag = "WHO" }),
			 -LMS_ENOTFOUND);
	assert_non_null(strstr(b.call.diag.text, "tag add WHO"));
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/1", .tag = "BLOCKED" }),
			 -LMS_ECONFLICT);
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/9", .tag = "GOOD" }),
			 -LMS_ENOTFOUND);
	assert_int_equal(ctl_connector_stop(bench_command(&b), &(struct ctl_connector_stop_args){ .id = "CP1/1" }), -LMS_ENOTFOUND);
	assert_int_equal(ctl_transaction_stop(bench_command(&b), &(struct ctl_transaction_stop_args){ .id = 77 }), -LMS_ENOTFOUND);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_close(&b, 1);
	assert_int_equal(ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1" }), -LMS_EOFFLINE);
	assert_string_equal(b.call.diag.text, "station CP1 is offline (last seen 2026-11-21T06:00:06Z)");
}

static void transactions_start_without_a_profile_and_stop_by_id(void **state)
{
	(void)state;
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/2", .tag = "VIP", .limit_ma = NUM_NONE }), CTL_LATER);
	sends("\"RemoteStartTransaction\",{\"connectorId\":2,\"idTag\":\"VIP\"}]");
	assert_int_equal(gate.asked, 0);
	assert_true(bench_conn(&b, "CP1", 2)->tag_vip);
	bench_answer(&b, 1, "RemoteStart", "{\"status\":\"Accepted\"}");
	bench_start(&b, 1, 2, "VIP");
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/2", .tag = "GOOD" }),
			 -LMS_ECONFLICT);
	assert_int_equal(ctl_connector_stop(bench_command(&b), &(struct ctl_connector_stop_args){ .id = "CP1/2" }), CTL_LATER);
	sends("\"RemoteStopTransaction\",{\"transactionId\":1}]");
	bench_answer(&b, 1, "RemoteStop", "{\"status\":\"Rejected\"}");
	assert_string_equal(reply(), "{\"status\":\"Rejected\"}");
	assert_int_equal(ctl_transaction_stop(bench_command(&b), &(struct ctl_transaction_stop_args){ .id = 1 }), CTL_LATER);
	sends("\"RemoteStopTransaction\",{\"transactionId\":1}]");
}

/* It bears the id of the profile that the balance sends for the transaction, which takes its place. */
static void a_remote_start_with_a_limit_passes_the_gate(void **state)
{
	struct ctl_connector_start_args a = { .id = "CP1/2", .tag = "GOOD", .limit_ma = 8050 };

	(void)state;
	assert_int_equal(ctl_connector_start(bench_command(&b), &a), CTL_LATER);
	sends("\"RemoteStartTransaction\",{\"connectorId\":2,\"idTag\":\"GOOD\",\"chargingProfile\":{\"chargingProfileId\":22,"
	      "\"stackLevel\":0,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Absolute\",\"chargingSchedule\":{"
	      "\"startSchedule\":\"2026-11-21T05:59:06Z\",\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":8.0}]}}}]");
	assert_int_equal(gate.asked, 1);
	assert_false(gate.idle);
	assert_int_equal(gate.limit_ma, 8000);
	bench_answer(&b, 1, "RemoteStart", "{\"status\":\"Accepted\"}");
	assert_int_equal(bench_token(&b, 9002), ORDER_ACCEPTED);

	gate.allow = false;
	assert_int_equal(ctl_connector_start(bench_command(&b), &a), -LMS_ECONFLICT);
	assert_string_equal(bench_frame(&b, 0), "");
	a.limit_ma = -1;
	assert_int_equal(ctl_connector_start(bench_command(&b), &a), -LMS_ERANGE);
}

static void a_refused_remote_start_is_not_waited_for(void **state)
{
	(void)state;
	bench_say(&b, 1, "[2,\"a\",\"StatusNotification\",{\"connectorId\":2,\"errorCode\":\"NoError\",\"status\":\"Preparing\"}]");
	ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/2", .tag = "GOOD", .limit_ma = NUM_NONE });
	assert_int_equal(bench_conn(&b, "CP1", 2)->use, USE_WAITS);
	bench_answer(&b, 1, "RemoteStart", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_conn(&b, "CP1", 2)->use, USE_WELCOME);
}

static void a_call_that_never_got_its_turn_is_answered_in_time(void **state)
{
	(void)state;
	bench_order(&b, "CP1", 1, true, 6000, true);
	bench_pass(&b, 29 * US_PER_S);
	ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1" });
	assert_string_equal(bench_frame(&b, 0), "");
	bench_pass(&b, US_PER_S);
	assert_non_null(bench_find(&b, "Reset"));
	bench_pass(&b, 15 * US_PER_S);
	ctl_station_unlock(bench_command(&b), &(struct ctl_station_unlock_args){ .id = "CP1", .connector = 1 });
	bench_order(&b, "CP1", 1, true, 0, false);
	bench_pass(&b, 0);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
	bench_pass(&b, 29 * US_PER_S);
	assert_null(bench_effect(&b, FX_REPLY, 0));
	bench_pass(&b, 2 * US_PER_S);
	/* Both came due: the unlock is not sent for somebody who has gone. */
	assert_non_null(strstr(reply(), "was too busy"));
	assert_null(bench_find(&b, "Unlock"));
}

static void a_silent_station_is_a_time_out_and_a_lost_one_is_said(void **state)
{
	(void)state;
	ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1" });
	bench_pass(&b, 30 * US_PER_S);
	assert_true(bench_effect(&b, FX_REPLY, 0)->u.reply.error);
	assert_non_null(strstr(reply(), "station CP1 did not answer in time"));
	assert_non_null(strstr(reply(), "-32075"));
	ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1" });
	bench_close(&b, 1);
	assert_non_null(strstr(reply(), "disconnected before it answered"));
}

static const char LIMIT_8[] = "{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":1,\"stackLevel\":0,"
	"\"chargingProfilePurpose\":\"TxDefaultProfile\",\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":{"
	"\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":8}]}}}";

static int set_limit(void)
{
	return ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "SetChargingProfile",
				.payload = LIMIT_8 });
}

static void limits_by_hand_pass_the_gate(void **state)
{
	(void)state;
	assert_int_equal(set_limit(), CTL_LATER);
	assert_int_equal(gate.asked, 1);
	assert_true(gate.idle);
	assert_int_equal(gate.limit_ma, 8000);
	assert_int_equal(bench_effect(&b, FX_FRAME, 0)->when, FX_AFTER_COMMIT);
	bench_answer(&b, 1, "SetCharging", "{\"status\":\"Accepted\"}");
	assert_int_equal(bench_token(&b, 9001), ORDER_ACCEPTED);
	assert_string_equal(reply(), "{\"answer\":{\"status\":\"Accepted\"}}");
	set_limit();
	bench_answer(&b, 1, "SetCharging", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, 9001), ORDER_REFUSED);
	set_limit();
	bench_pass(&b, 30 * US_PER_S);
	assert_int_equal(bench_token(&b, 9001), ORDER_TIMEOUT);
}

static void what_does_not_fit_is_refused_and_nothing_is_sent(void **state)
{
	(void)state;
	gate.allow = false;
	assert_int_equal(set_limit(), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "connector CP1/1"));
	assert_non_null(strstr(b.call.diag.text, "zone P1 is full on L2"));
	assert_string_equal(bench_frame(&b, 0), "");
	ocpp_set_gate(b.ocpp, NULL, NULL);
	assert_int_equal(set_limit(), -LMS_ECONFLICT);
}

/* The station would go on obeying the higher one whatever ours says later. */
static void a_profile_above_ours_is_refused_however_low_it_is(void **state)
{
	static const struct ctl_station_call_args above = { .id = "CP1", .action = "SetChargingProfile", .payload =
		"{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":99,\"stackLevel\":1,"
		"\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":{"
		"\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6}]}}}" };
	static const char habits[] = "vendor = Acme\nstack_level = 1\n";

	(void)state;
	assert_int_equal(ctl_station_call(bench_command(&b), &above), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "stackLevel: 1 would hide the limits of lmsd, which are at 0"));
	assert_int_equal(gate.asked, 0);
	assert_string_equal(bench_frame(&b, 0), "");
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", habits, strlen(habits), &b.call.diag), 0);
	assert_int_equal(ctl_station_call(bench_command(&b), &above), CTL_LATER);
}

static void a_call_for_all_connectors_is_admitted_as_a_whole(void **state)
{
	static const struct ctl_station_call_args clear = { .id = "CP1", .action = "ClearChargingProfile" };

	(void)state;
	gate.refuse_number = 2;
	assert_int_equal(ctl_station_call(bench_command(&b), &clear), -LMS_ECONFLICT);
	assert_int_equal(gate.limit_ma, NUM_NONE);
	assert_int_equal(bench_token(&b, 9001), ORDER_DROPPED);
	assert_string_equal(bench_frame(&b, 0), "");
	gate.refuse_number = 0;
	assert_int_equal(ctl_station_call(bench_command(&b), &clear), CTL_LATER);
	bench_answer(&b, 1, "ClearCharging", "{\"status\":\"Unknown\"}");
	assert_int_equal(bench_token(&b, 9001), ORDER_REFUSED);
	assert_int_equal(bench_token(&b, 9002), ORDER_REFUSED);
}

static void the_queue_of_a_station_is_bounded(void **state)
{
	int accepted = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		accepted += ctl_station_restart(bench_command(&b), &(struct ctl_station_restart_args){ .id = "CP1" }) == CTL_LATER;
	assert_int_equal(accepted, 65);	/* one in flight */
	assert_int_equal(b.call.diag.err, -LMS_ECONFLICT);
	/* Orders of the balance have room all the same, and go first. */
	bench_order(&b, "CP1", 1, true, 0, false);
	bench_pass(&b, 5 * US_PER_S);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(each_command_sends_its_call_and_answers_with_the_stations_status),
		T(keys_of_stations_are_neither_told_nor_set_by_hand),
		T(any_call_can_be_made_and_is_written_in_schema_order),
		T(wrong_commands_are_refused_before_anything_is_sent),
		T(transactions_start_without_a_profile_and_stop_by_id),
		T(a_remote_start_with_a_limit_passes_the_gate),
		T(a_refused_remote_start_is_not_waited_for),
		T(a_call_that_never_got_its_turn_is_answered_in_time),
		T(a_silent_station_is_a_time_out_and_a_lost_one_is_said),
		T(limits_by_hand_pass_the_gate),
		T(what_does_not_fit_is_refused_and_nothing_is_sent),
		T(a_profile_above_ours_is_refused_however_low_it_is),
		T(a_call_for_all_connectors_is_admitted_as_a_whole),
		T(the_queue_of_a_station_is_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
