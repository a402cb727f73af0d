/* test_quirk_charging.c - ocpp.md "Smart charging": each quirk of real stations has a test that is named after it.
 * What shows only in meter values is in tests/scenario/test_quirk_obedience.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ocpp/session.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;
static int64_t asked_ma;	/* of the gate, last; -1 = it was not asked */

static bool admit(void *ctx, struct connector *conn, bool idle, int64_t limit_ma, uint64_t *token, char *why, size_t size)
{
	(void)ctx;
	(void)idle;
	(void)why;
	(void)size;
	asked_ma = limit_ma;
	*token = 9000 + (uint64_t)conn->number;
	return true;
}

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	asked_ma = -1;
	ocpp_set_gate(b.ocpp, admit, NULL);
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

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in: %s", part, text);
}

/* One station more, with these keys; it boots on link 7. */
static void station(const char *keys)
{
	char json[400];

	snprintf(json, sizeof(json), "{\"id\":\"Q\",\"zone\":\"P1\",\"wiring\":\"RST\"%s%s}", *keys ? "," : "", keys);
	bench_configure(&b, "Q", json);
	bench_boot(&b, 7, "Q");
}

/* The same, and it answers this to GetConfiguration. */
static void station_that_says(const char *keys, const char *key, const char *value)
{
	char answer[300], json[400], id[60];

	snprintf(json, sizeof(json), "{\"id\":\"Q\",\"zone\":\"P1\",\"wiring\":\"RST\"%s%s}", *keys ? "," : "", keys);
	bench_configure(&b, "Q", json);
	bench_open(&b, 7, "Q");
	bench_say(&b, 7, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"}]");
	bench_status(&b, 7, 1, "Available");
	bench_pass(&b, 6 * US_PER_S);
	snprintf(answer, sizeof(answer), "{\"configurationKey\":[{\"key\":\"%s\",\"readonly\":true,\"value\":\"%s\"}]}", key, value);
	bench_answer(&b, 7, "GetConfiguration", answer);
	while (bench_call_id(&b, "Configuration", id, sizeof(id)))
		bench_refuse(&b, 7, id, "NotImplemented");
}

static const char *order(bool idle, int64_t ma)
{
	bench_order(&b, "Q", 1, idle, ma, false);
	return bench_frame(&b, 0);
}

/* ---- purposes ---- */

static void max_profile_is_refused(void **state)
{
	(void)state;
	ctl_station_profile_set(bench_command(&b), &(struct ctl_station_profile_set_args){
		.id = "CP1", .purpose = "ChargePointMaxProfile", .limit_ma = 16000, .connector = NUM_NONE, .power_w = NUM_NONE,
		.phases = NUM_NONE, .stack_level = NUM_NONE, .profile_id = NUM_NONE, .transaction = NUM_NONE,
		.duration_ms = NUM_NONE, .start = WALL_NONE, .valid_from = WALL_NONE, .valid_to = WALL_NONE });
	bench_answer(&b, 1, "ChargePointMaxProfile", "{\"status\":\"Rejected\"}");
	holds(bench_effect(&b, FX_REPLY, 0)->u.reply.json, "\"Rejected\"");
	/* Nothing of ours depends on one: none is ever sent by itself. */
	assert_int_not_equal(bench_start(&b, 1, 1, "GOOD"), 0);
	bench_order(&b, "CP1", 1, false, 16000, false);
	lacks(bench_frame(&b, 0), "ChargePointMaxProfile");
}

static void tx_profile_with_its_id(void **state)
{
	const char *frame;

	(void)state;
	station("");
	assert_int_equal(bench_start(&b, 7, 1, "GOOD"), 1);
	frame = order(false, 16000);
	holds(frame, "\"transactionId\":1,");
	holds(frame, "\"TxProfile\"");
	/* Until its transaction exists, a remote start's has none. */
	bench_stop(&b, 7, 1, 2000);
	ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "CP1/1", .tag = "GOOD", .limit_ma = 8000 });
	holds(bench_frame(&b, 0), "\"chargingProfile\":{");
	lacks(bench_frame(&b, 0), "transactionId");
}

static void only_default_profiles(void **state)
{
	const char *frame;
	char error[RFC3339_MAX];

	(void)state;
	station("\"profile_purpose\":\"TxDefaultProfile\"");
	assert_int_equal(bench_start(&b, 7, 1, "GOOD"), 1);
	frame = order(false, 16000);
	holds(frame, "\"chargingProfileId\":11,");
	holds(frame, "\"TxDefaultProfile\"");
	holds(frame, "\"limit\":16.0");
	lacks(frame, "transactionId");
	assert_true(site_station_conf(b.site, site_station(b.site, "Q"))->connectors[0].one_limit);
	/* Its profile cannot fall by itself: it would do so in the next transaction. */
	bench_sayf(&b, 7, "[2,\"h\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Charging\","
		   "\"timestamp\":\"%s\"}]", rfc3339_format(b.wall, error));
	assert_false(site_station(b.site, "Q")->takes_fallback);
}

/* ---- units ---- */

static void rate_unit_keys(void **state)
{
	static const struct { const char *value; bool watts; } cases[] = {
		{ "Current", false }, { "A", false }, { "Current,Power", false }, { "A, W", false }, { "Power,Current", false },
		{ "Power", true }, { "W", true }, { "power", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		station_that_says("", "ChargingScheduleAllowedChargingRateUnit", cases[i].value);
		holds(order(true, 0), cases[i].watts ? "\"chargingRateUnit\":\"W\"" : "\"chargingRateUnit\":\"A\"");
		bench_close(&b, 7);
	}
}

static void watts_over_all_phases(void **state)
{
	(void)state;
	station("\"limit_unit\":\"W\"");
	assert_int_equal(bench_start(&b, 7, 1, "GOOD"), 1);
	/* What the balance gives is a sum over the phases: 48 A are three times 16. */
	bench_turn(&b);
	ocpp_order(b.ocpp, &(struct ocpp_order){ .conn = bench_conn(&b, "Q", 1), .slot = bench_conn(&b, "Q", 1)->slot,
		   .limit_ma = 16000, .given_ma = 48000, .token = 1, .when = FX_NOW }, b.now, b.wall, &b.fx);
	holds(bench_frame(&b, 0), "\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":9936}]");
}

static void whole_amperes(void **state)
{
	(void)state;
	station("\"step_ma\":1000");
	holds(order(true, 6900), "\"limit\":6}");
}

/* ---- levels, kinds, phases, ids ---- */

static void stack_level_0(void **state)
{
	(void)state;
	station("");
	holds(order(true, 0), "\"stackLevel\":0,");
	bench_close(&b, 7);
	station_that_says("\"profile_stack\":8", "ChargeProfileMaxStackLevel", "3");
	holds(order(true, 0), "\"stackLevel\":3,");
	bench_close(&b, 7);
	station("\"profile_stack\":8");
	holds(order(true, 0), "\"stackLevel\":3,");	/* as it said before */
}

static void only_one_kind(void **state)
{
	(void)state;
	station("\"profile_kind\":\"Relative\"");
	assert_int_equal(bench_start(&b, 7, 1, "GOOD"), 1);
	holds(order(false, 16000), "\"chargingProfileKind\":\"Relative\"");
	lacks(bench_frame(&b, 0), "startSchedule");
	/* It says no more than Rejected: the other kind is tried, with its beginning. */
	bench_answer(&b, 7, "Relative", "{\"status\":\"Rejected\"}");
	holds(bench_frame(&b, 0), "\"chargingProfileKind\":\"Absolute\"");
	holds(bench_frame(&b, 0), "\"startSchedule\":\"");
	bench_answer(&b, 7, "Absolute", "{\"status\":\"Accepted\"}");
	holds(order(false, 15000), "\"chargingProfileKind\":\"Absolute\"");
}

static void number_phases(void **state)
{
	(void)state;
	station("");
	lacks(order(true, 0), "numberPhases");
	bench_close(&b, 7);
	station("\"profile_phases\":true");
	holds(order(true, 0), "\"numberPhases\":3");
}

static void ids_of_its_own(void **state)
{
	(void)state;
	station("\"profile_id\":1,\"connectors\":2");
	holds(order(true, 0), "\"chargingProfileId\":1,");
	bench_answer(&b, 7, "SetChargingProfile", "{\"status\":\"Accepted\"}");
	bench_start(&b, 7, 1, "GOOD");
	holds(order(false, 8000), "\"chargingProfileId\":2,");
	bench_answer(&b, 7, "SetChargingProfile", "{\"status\":\"Accepted\"}");
	bench_order(&b, "Q", 2, true, 0, false);
	holds(bench_frame(&b, 0), "\"chargingProfileId\":3,");
}

/* ---- unsafe limits ---- */

static void below_6_a(void **state)
{
	(void)state;
	/* By hand 3 A may be sent, but a car may take them for 6. */
	ctl_station_call(bench_command(&b), &(struct ctl_station_call_args){ .id = "CP1", .action = "SetChargingProfile", .payload =
		"{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":900,\"stackLevel\":0,"
		"\"chargingProfilePurpose\":\"TxDefaultProfile\",\"chargingProfileKind\":\"Relative\",\"chargingSchedule\":{"
		"\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":3}]}}}" });
	assert_int_equal(asked_ma, 6000);
}

/* ---- a key in place of profiles ---- */

static const char sends_key[] = "\"ChangeConfiguration\",{\"key\":\"MaxCurrent\",\"value\":\"%s\"}]";

static void sends(const char *frame, const char *value)
{
	char end[120];

	snprintf(end, sizeof(end), sends_key, value);
	holds(frame, end);
}

static void a_vendor_key(void **state)
{
	uint64_t token;
	char id[60];

	(void)state;
	station("\"shedding\":\"config:MaxCurrent\"");
	sends(order(true, 0), "0");
	bench_answer(&b, 7, "MaxCurrent", "{\"status\":\"Accepted\"}");
	assert_int_equal(bench_token(&b, b.next_token), ORDER_ACCEPTED);
	bench_start(&b, 7, 1, "GOOD");
	sends(order(false, 16900), "16");
	bench_answer(&b, 7, "MaxCurrent", "{\"status\":\"Accepted\"}");
	/* What is in force after a restart only, is not in force. */
	order(false, 10000);
	bench_answer(&b, 7, "MaxCurrent", "{\"status\":\"RebootRequired\"}");
	assert_int_equal(bench_token(&b, b.next_token), ORDER_REFUSED);
	order(false, 10000);
	bench_answer(&b, 7, "MaxCurrent", "{\"status\":\"Rejected\"}");
	assert_int_equal(bench_token(&b, b.next_token), ORDER_REFUSED);
	lacks(bench_frame(&b, 0), "ChangeConfiguration");	/* there is no other kind to try */
	order(false, 10000);
	bench_refuse(&b, 7, "MaxCurrent", "NotSupported");
	assert_int_equal(bench_token(&b, b.next_token), ORDER_REFUSED);
	/* It was meant for a transaction that is over. */
	order(false, 9000);
	assert_true(bench_call_id(&b, "MaxCurrent", id, sizeof(id)));
	token = bench_order(&b, "Q", 1, false, 8000, false);
	bench_stop(&b, 7, 1, 2000);
	bench_sayf(&b, 7, "[3,\"%s\",{\"status\":\"Accepted\"}]", id);
	assert_string_equal(bench_frame(&b, 0), "");
	assert_int_equal(bench_token(&b, token), ORDER_DROPPED);
}

static void what_the_key_takes(void **state)
{
	static const char file[] = "vendor = Acme\nshedding_key = Limit#\nshedding_unit = mA\nshedding_min = 8000\n"
		"shedding_max = 25000\nshedding_pause = no\n";

	(void)state;
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", file, strlen(file), NULL), 0);
	station("\"connectors\":2,\"shedding\":\"config:Limit#\"");
	bench_order(&b, "Q", 2, true, 16000, false);
	holds(bench_frame(&b, 0), "{\"key\":\"Limit2\",\"value\":\"16000\"}");
	bench_answer(&b, 7, "Limit2", "{\"status\":\"Accepted\"}");
	holds(order(true, 32000), "{\"key\":\"Limit1\",\"value\":\"25000\"}");
	bench_answer(&b, 7, "Limit1", "{\"status\":\"Accepted\"}");
	/* It has no value for nothing, and none below 8 A: the balance hears of it at once. */
	bench_order(&b, "Q", 1, true, 0, false);
	assert_int_equal(bench_token(&b, b.next_token), ORDER_REFUSED);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_order(&b, "Q", 1, true, 6000, false);
	assert_int_equal(bench_token(&b, b.next_token), ORDER_REFUSED);
}

static void a_key_in_watts(void **state)
{
	static const char file[] = "vendor = Acme\nshedding_key = MaxPower\nshedding_unit = W\nshedding_min = 1380\n";

	(void)state;
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", file, strlen(file), NULL), 0);
	station("\"shedding\":\"config:MaxPower\"");
	assert_int_equal(ocpp_unit(b.ocpp, bench_conn(&b, "Q", 1)), 1);
	bench_turn(&b);
	ocpp_order(b.ocpp, &(struct ocpp_order){ .conn = bench_conn(&b, "Q", 1), .slot = bench_conn(&b, "Q", 1)->slot,
		   .idle = true, .limit_ma = 16000, .given_ma = 48000, .token = 1, .when = FX_NOW }, b.now, b.wall, &b.fx);
	holds(bench_frame(&b, 0), "{\"key\":\"MaxPower\",\"value\":\"9936\"}");
}

static void the_key_by_hand(void **state)
{
	(void)state;
	station("\"shedding\":\"config:SomeNumber\"");
	ctl_station_config_set(bench_command(&b), &(struct ctl_station_config_set_args){ .id = "Q", .key = "somenumber", .value = "32" });
	assert_int_equal(asked_ma, NUM_NONE);
	/* And a remote start with a limit would promise what nobody keeps. */
	assert_int_equal(ctl_connector_start(bench_command(&b), &(struct ctl_connector_start_args){ .id = "Q/1", .tag = "GOOD",
			 .limit_ma = 8000 }), -LMS_ECONFLICT);
	holds(b.call.diag.text, "not told its limits by the profile");
}

static void none_reserves(void **state)
{
	(void)state;
	station("\"shedding\":\"none\"");
	assert_false(site_station_conf(b.site, site_station(b.site, "Q"))->connectors[0].manageable);
}

/* What it says of itself is proposed when it is accepted. */
static void it_says_so_itself(void **state)
{
	static const char core[] = "{\"configurationKey\":[{\"key\":\"SupportedFeatureProfiles\",\"readonly\":true,\"value\":"
		"\"Core,FirmwareManagement\"}]}";
	static const char file[] = "vendor = Knauf*\nshedding_key = MaxCurrent\n";
	const char *const vendors[] = { "Acme", "Knauf" }, *const proposed[] = { "none", "config:MaxCurrent" };

	(void)state;
	assert_int_equal(ocpp_add_habits(b.ocpp, "knauf.conf", file, strlen(file), NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
		const struct station *st;
		char id[60];

		bench_open(&b, 20 + i, vendors[i]);
		bench_sayf(&b, 20 + i, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"%s\",\"chargePointModel\":\"X\"}]",
			   vendors[i]);
		bench_status(&b, 20 + i, 1, "Available");
		for (int n = 0; n < 30 && !bench_call_id(&b, "SupportedFeatureProfiles", id, sizeof(id)); n++) {
			if (bench_call_id(&b, "[2,", id, sizeof(id)))
				bench_refuse(&b, 20 + i, id, "NotImplemented");
			else
				bench_pass(&b, US_PER_S);
		}
		bench_answer(&b, 20 + i, "SupportedFeatureProfiles", core);
		st = site_station(b.site, vendors[i]);
		assert_non_null(st->proposal);
		assert_string_equal(st->proposal->shedding, proposed[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("ChargePointMaxProfile refused", max_profile_is_refused),
		QUIRK("TxProfile only with transactionId, RemoteStart's profile without one", tx_profile_with_its_id),
		QUIRK("only TxDefaultProfile is taken, also for a transaction", only_default_profiles),
		QUIRK("rate unit keys Current, Power, A, W, and Current,Power", rate_unit_keys),
		QUIRK("W-only stations: the limit is the total over phases", watts_over_all_phases),
		QUIRK("integer amperes only", whole_amperes),
		QUIRK("only stack level 0, or only up to the maximum that they report", stack_level_0),
		QUIRK("only Relative, or only Absolute with startSchedule", only_one_kind),
		QUIRK("numberPhases ignored or required", number_phases),
		QUIRK("only some chargingProfileIds", ids_of_its_own),
		QUIRK("0 < x < 6 is unsafe: it counts as 6", below_6_a),
		QUIRK("no smart charging at all: shedding=config:KEY sets a vendor key", a_vendor_key),
		QUIRK("a vendor key with bounds and without a pause", what_the_key_takes),
		QUIRK("a vendor key in watts", a_key_in_watts),
		QUIRK("a vendor key that limits passes the gate by hand, whatever its name", the_key_by_hand),
		QUIRK("no smart charging at all: shedding=none reserves", none_reserves),
		QUIRK("no smart charging at all: a station says so itself", it_says_so_itself),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
