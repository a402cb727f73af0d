/* test_ocpp_tables.c - the tables of the ocpp room, walked row by row. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ocpp/habits.h"
#include "ocpp/inbound/meter_values.h"
#include "ocpp/limit/profile.h"
#include "ocpp/session.h"
#include "ocpp/setup/baseline.h"
#include "ocpp/control/touch.h"
#include "ocpp/limit/use.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static const struct json *parse(const char *text)
{
	const struct json *j = json_parse(&arena, text, strlen(text), &JSON_CAPS_DEFAULT, NULL);

	if (!j)
		fail_msg("not JSON: %s", text);
	return j;
}

/* ---- messages ---- */

static void every_message_of_the_standard_is_there(void **state)
{
	static const int per_profile[] = {
		[OCPP_CORE] = 16, [OCPP_FIRMWARE] = 4, [OCPP_LOCAL_LIST] = 2, [OCPP_RESERVATION] = 2,
		[OCPP_SMART_CHARGING] = 3, [OCPP_REMOTE_TRIGGER] = 1, [OCPP_SECURITY] = 11,
	};
	int count[ARRAY_LEN(per_profile)] = { 0 };

	(void)state;
	for (size_t i = 0; i < OCPP_ACTION_COUNT; i++) {
		assert_ptr_equal(ocpp_message_find(ocpp_messages[i].action), &ocpp_messages[i]);
		count[ocpp_messages[i].profile]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(per_profile); i++)
		assert_int_equal(count[i], per_profile[i]);
	assert_null(ocpp_message_find("heartbeat"));
}

static void payloads_are_written_in_the_order_of_the_schema(void **state)
{
	static const char said[] = "{\"x\":[1],\"csChargingProfiles\":{\"chargingSchedule\":{\"chargingSchedulePeriod\":"
		"[{\"limit\":8.1,\"startPeriod\":0}],\"chargingRateUnit\":\"A\"},\"chargingProfileKind\":\"Relative\","
		"\"chargingProfilePurpose\":\"TxProfile\",\"stackLevel\":1,\"transactionId\":5,\"chargingProfileId\":9},"
		"\"connectorId\":1}";
	static const char want[] = "{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":9,\"transactionId\":5,"
		"\"stackLevel\":1,\"chargingProfilePurpose\":\"TxProfile\",\"chargingProfileKind\":\"Relative\","
		"\"chargingSchedule\":{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,"
		"\"limit\":8.1}]}},\"x\":[1]}";
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b);
	jw_init(&w, &b);
	ocpp_payload_write(ocpp_message_find("SetChargingProfile")->req, parse(said), &w);
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
}

struct check {
	const char *action;
	bool answer;
	const char *payload, *code;
};

static void payloads_are_judged_by_the_table(void **state)
{
	static const struct check cases[] = {
		{ "Reset", false, "{\"type\":\"Soft\"}", NULL },
		{ "Reset", false, "{\"type\":\"Warm\"}", "PropertyConstraintViolation" },
		{ "Reset", false, "{}", "OccurenceConstraintViolation" },
		{ "Reset", false, "{\"type\":1}", "TypeConstraintViolation" },
		{ "GetConfiguration", false, "{\"key\":[\"a\",\"b\"]}", NULL },
		{ "GetConfiguration", false, "{\"key\":[1]}", "TypeConstraintViolation" },
		{ "GetConfiguration", false, "{\"key\":\"a\"}", "TypeConstraintViolation" },
		{ "GetConfiguration", true, "{\"configurationKey\":[{\"key\":\"a\",\"readonly\":true}]}", NULL },
		{ "ReserveNow", false, "{\"connectorId\":1,\"expiryDate\":\"tomorrow\",\"idTag\":\"A\",\"reservationId\":1}",
		  "PropertyConstraintViolation" },
		{ "SetChargingProfile", false, "{\"connectorId\":1,\"csChargingProfiles\":{}}", "OccurenceConstraintViolation" },
		{ "SetChargingProfile", false, "{\"connectorId\":1,\"csChargingProfiles\":[]}", "TypeConstraintViolation" },
		{ "ChangeAvailability", false, "{\"connectorId\":1.5,\"type\":\"Operative\"}", "TypeConstraintViolation" },
		{ "ChangeAvailability", false, "{\"connectorId\":99999999999,\"type\":\"Operative\"}",
		  "PropertyConstraintViolation" },
		{ "SendLocalList", false, "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":"
		  "\"A\",\"idTagInfo\":{\"status\":\"Accepted\"}}]}", NULL },
		{ "Authorize", true, "{\"idTagInfo\":{\"status\":\"Fine\"}}", "PropertyConstraintViolation" },
		{ "Heartbeat", false, "{\"anything\":{\"goes\":[]}}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ocpp_message *m = ocpp_message_find(cases[i].action);
		struct ocpp_violation v = { .code = NULL };
		bool ok = ocpp_payload_check(cases[i].answer ? m->conf : m->req, parse(cases[i].payload), &v);

		if (ok != !cases[i].code || (!ok && strcmp(v.code, cases[i].code) != 0))
			fail_msg("%s %s: %s", cases[i].action, cases[i].payload, ok ? "taken" : v.code);
	}
}

/* ---- use ---- */

static void every_status_has_its_use(void **state)
{
	static const struct {
		const char *status;
		enum conn_use none, authorized, running, running_drew;
	} cases[] = {
		{ "Available", USE_NONE, USE_NONE, USE_CHARGING, USE_CHARGING },
		{ "Preparing", USE_WELCOME, USE_WAITS, USE_CHARGING, USE_CHARGING },
		{ "Charging", USE_WELCOME, USE_WAITS, USE_CHARGING, USE_CHARGING },
		{ "SuspendedEVSE", USE_WELCOME, USE_WAITS, USE_CHARGING, USE_CHARGING },
		{ "SuspendedEV", USE_WELCOME, USE_WAITS, USE_FULL, USE_CHARGING },
		{ "Finishing", USE_STOPPED, USE_STOPPED, USE_STOPPED, USE_STOPPED },
		{ "Reserved", USE_NONE, USE_NONE, USE_CHARGING, USE_CHARGING },
		{ "Unavailable", USE_NONE, USE_NONE, USE_STOPPED, USE_STOPPED },
		{ "Faulted", USE_NONE, USE_NONE, USE_STOPPED, USE_STOPPED },
		{ "", USE_NONE, USE_WAITS, USE_CHARGING, USE_CHARGING },
		{ "Occupied", USE_WELCOME, USE_WAITS, USE_CHARGING, USE_CHARGING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(use_of(cases[i].status, USE_TX_NONE, false), cases[i].none);
		assert_int_equal(use_of(cases[i].status, USE_TX_NONE, true), cases[i].none);
		assert_int_equal(use_of(cases[i].status, USE_TX_AUTHORIZED, false), cases[i].authorized);
		assert_int_equal(use_of(cases[i].status, USE_TX_RUNNING, false), cases[i].running);
		assert_int_equal(use_of(cases[i].status, USE_TX_RUNNING, true), cases[i].running_drew);
	}
}

static void every_state_of_a_session_meets_every_event(void **state)
{
	enum { C = SESSION_CLOSED, O = SESSION_OPEN, P = SESSION_PENDING, R = SESSION_READY, NO = -1 };
	static const int want[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
		/*     opened closed boot+ boot- spoke+ spoke- registered deleted */
		[C] = { O,    NO,    NO,   NO,   NO,    NO,    NO,        NO },
		[O] = { NO,   C,     R,    P,    R,     P,     O,         O },
		[P] = { NO,   C,     R,    P,    NO,    P,     R,         NO },
		[R] = { NO,   C,     R,    NO,   R,     NO,    R,         P },
	};

	(void)state;
	for (int s = 0; s < SESSION_STATE_COUNT; s++) {
		for (int e = 0; e < SESSION_EVENT_COUNT; e++) {
			int next = session_next_state((enum session_state)s, (enum session_event)e);

			if (next != want[s][e])
				fail_msg("state %d, event %d: goes to %d, not %d", s, e, next, want[s][e]);
		}
	}
}

/* ---- meter values ---- */

#define N NUM_NONE
#define V(value, more) "{\"value\":\"" value "\"" more "}"
#define CUR(phase) ",\"measurand\":\"Current.Import\",\"phase\":\"" phase "\""
#define POW(phase) ",\"measurand\":\"Power.Active.Import\",\"phase\":\"" phase "\""

struct reading {
	const char *what, *samples;
	int64_t l1, l2, l3, power_w, register_wh;
};

static const struct reading readings[] = {
	{ "defaults are the register in Wh", V("1234", ""), N, N, N, N, 1234 },
	{ "kWh", V("12.3456", ",\"unit\":\"kWh\""), N, N, N, N, 12346 },
	{ "KWH and blanks", V("  12.5 ", ",\"unit\":\"KWH\""), N, N, N, N, 12500 },
	{ "a decimal comma", V("16,5", CUR("L1")), 16500, N, N, N, N },
	{ "three currents", V("1", CUR("L1")) "," V("2", CUR("L2")) "," V("3.25", CUR("L3")), 1000, 2000, 3250, N, N },
	{ "L1-N is L1, N is nothing", V("1", CUR("L1-N")) "," V("9", CUR("N")) "," V("2", CUR("L2-N")), 1000, 2000, N, N, N },
	{ "L1-L2 is nothing", V("400", ",\"measurand\":\"Voltage\",\"phase\":\"L1-L2\"") "," V("5", CUR("L1-L2")), N, N, N, N, N },
	{ "one current for all phases", V("10", ",\"measurand\":\"Current.Import\""), 10000, 10000, 10000, N, N },
	{ "phases go before it", V("30", ",\"measurand\":\"Current.Import\"") "," V("10", CUR("L1")), 10000, N, N, N, N },
	{ "mA", V("10500", ",\"measurand\":\"Current.Import\",\"unit\":\"mA\",\"phase\":\"L2\""), N, 10500, N, N, N },
	{ "power is total", V("11.04", ",\"measurand\":\"Power.Active.Import\",\"unit\":\"kW\""), N, N, N, 11040, N },
	{ "or the sum of phases", V("1000", POW("L1")) "," V("500", POW("L2")), N, N, N, 1500, N },
	{ "the total goes before the sum", V("1000", POW("L1")) "," V("1700", ",\"measurand\":\"Power.Active.Import\""), N, N, N,
	  1700, N },
	{ "registers per phase are summed", V("10", ",\"phase\":\"L1\"") "," V("20", ",\"phase\":\"L3\""), N, N, N, N, 30 },
	{ "zeros that are placeholders", V("16", CUR("L1")) "," V("0", CUR("L2")) "," V("0", CUR("L3")) ","
	  V("11040", ",\"measurand\":\"Power.Active.Import\""), 16000, 16000, 16000, 11040, N },
	{ "L1 only, but three by its power", V("16", CUR("L1")) "," V("11.0", ",\"measurand\":\"Power.Active.Import\","
	  "\"unit\":\"kW\""), 16000, 16000, 16000, 11000, N },
	{ "zeros that are true", V("16", CUR("L1")) "," V("0", CUR("L2")) "," V("0", CUR("L3")) ","
	  V("3680", ",\"measurand\":\"Power.Active.Import\""), 16000, 0, 0, 3680, N },
	{ "a measured voltage", V("16", CUR("L1")) "," V("120", ",\"measurand\":\"Voltage\",\"phase\":\"L1-N\"") ","
	  V("5760", ",\"measurand\":\"Power.Active.Import\""), 16000, 16000, 16000, 5760, N },
	{ "offered is not drawn", V("32", ",\"measurand\":\"Current.Offered\"") "," V("7", ",\"measurand\":\"SoC\""), N, N, N, N, N },
	{ "what the car says is not the connector's", V("9", ",\"location\":\"EV\"") "," V("8", ",\"location\":\"Inlet\""), N, N, N,
	  N, N },
	{ "a strange unit", V("9", ",\"unit\":\"furlong\""), N, N, N, N, N },
	{ "signed data is skipped", V("30450221", ",\"format\":\"SignedData\",\"unit\":\"x\""), N, N, N, N, N },
	{ "no number", V("NaN", CUR("L1")) "," V("", "") "," V("1e99", ""), N, N, N, N, N },
	{ "beyond belief", V("7000", CUR("L1")) "," V("-9999", CUR("L2")) "," V("-5", ""), 6300000, -6300000, N, N, N },
	{ "numbers instead of text", "{\"value\":42}", N, N, N, N, 42 },
	{ "nonsense", "5,[],null,{\"value\":{}},{\"measurand\":7,\"value\":\"3\"}", N, N, N, N, 3 },
};

static void meter_values_are_read_as_stations_mean_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
		const struct reading *c = &readings[i];
		struct meter_reading r;

		meter_values_read(parse(arena_printf(&arena, "[{\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":[%s]}]",
						     c->samples)), &r);
		if (r.current.l[0] != c->l1 || r.current.l[1] != c->l2 || r.current.l[2] != c->l3 ||
		    r.power_w != c->power_w || r.register_wh != c->register_wh)
			fail_msg("%s: %lld %lld %lld mA, %lld W, %lld Wh", c->what, (long long)r.current.l[0],
				 (long long)r.current.l[1], (long long)r.current.l[2], (long long)r.power_w,
				 (long long)r.register_wh);
	}
}

static void a_current_that_is_no_number_is_told(void **state)
{
	static const struct { const char *sample; bool nonsense; } cases[] = {
		{ V("NaN", CUR("L1")), true }, { V("1e99", CUR("L1")), true }, { V("", CUR("L1")), false },
		{ V("16", CUR("L1")), false }, { V("NaN", ""), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct meter_reading r;

		meter_values_read(parse(arena_printf(&arena, "[{\"sampledValue\":[%s]}]", cases[i].sample)), &r);
		if (r.nonsense != cases[i].nonsense)
			fail_msg("%s", cases[i].sample);
	}
}

static void later_values_replace_earlier_ones(void **state)
{
	struct meter_reading r;

	(void)state;
	meter_values_read(parse("[{\"timestamp\":\"2026-11-21T06:00:00Z\",\"sampledValue\":[{\"value\":\"1\"}]},"
				"{\"timestamp\":\"2026-11-21T06:01:00Z\",\"sampledValue\":[{\"value\":\"2\"}]}]"), &r);
	assert_int_equal(r.register_wh, 2);
	assert_int_equal(r.time, INT64_C(1795240860) * US_PER_S);
	meter_values_read(NULL, &r);
	assert_int_equal(r.register_wh, NUM_NONE);
	meter_values_read(parse("{\"a\":1}"), &r);
	assert_int_equal(r.time, WALL_NONE);
}

static void labels_become_grid_phases_by_the_wiring(void **state)
{
	static const struct {
		const char *wiring;
		struct phase_ma labelled, grid;
	} cases[] = {
		{ "RST", { { 1, 2, 3 } }, { { 1, 2, 3 } } },
		{ "STR", { { 1, 2, 3 } }, { { 3, 1, 2 } } },
		{ "TRS", { { 1, 2, 3 } }, { { 2, 3, 1 } } },
		{ "RTS", { { 1, 2, 3 } }, { { 1, 3, 2 } } },
		{ "SRT", { { 1, 2, 3 } }, { { 2, 1, 3 } } },
		{ "TSR", { { 1, 2, 3 } }, { { 3, 2, 1 } } },
		{ "L2", { { 5, 0, 0 } }, { { N, 5, N } } },
		{ "L3", { { N, N, 7 } }, { { N, N, 7 } } },
		{ "STR", { { 5, N, N } }, { { N, 5, N } } },
		{ "unknown", { { 1, 9, N } }, { { 9, 9, 9 } } },
		{ NULL, { { 4, N, N } }, { { 4, 4, 4 } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct phase_ma grid;

		meter_values_to_grid(&cases[i].labelled, cases[i].wiring, &grid);
		for (int k = 0; k < PHASES; k++) {
			if (grid.l[k] != cases[i].grid.l[k])
				fail_msg("case %zu: L%d is %lld", i, k + 1, (long long)grid.l[k]);
		}
	}
}

/* ---- profiles ---- */

static void profiles_follow_the_habits_of_a_station(void **state)
{
	static const struct {
		const char *what, *has;
		struct profile p;
	} cases[] = {
		{ "one digit", "\"limit\":16.7}", { .limit_ma = 16799 } },
		{ "one digit of a whole number", "\"limit\":16.0}", { .limit_ma = 16000 } },
		{ "whole", "\"limit\":16}", { .limit_ma = 16999, .whole = true } },
		{ "watts of what was given over all phases", "\"limit\":9936}",
		  { .limit_ma = 16000, .given_ma = 48000, .watts = true, .voltage_min = 207, .most_w = NUM_NONE } },
		{ "never more than the station takes", "\"limit\":50000}",
		  { .given_ma = 241600, .watts = true, .voltage_min = 207, .most_w = 50000 } },
		{ "watts behind a rectifier", "\"limit\":9141}",
		  { .given_ma = 48000, .watts = true, .voltage_min = 207, .most_w = NUM_NONE, .output = true } },
		{ "the lowest voltage of the site", "\"limit\":1000}",
		  { .given_ma = 10000, .watts = true, .voltage_min = 100, .most_w = NUM_NONE } },
		{ "phases named", "\"limit\":6.0,\"numberPhases\":3}", { .limit_ma = 6000, .number_phases = true, .phases = 3 } },
		{ "one phase named", "\"numberPhases\":1}", { .limit_ma = 6000, .number_phases = true, .phases = 1 } },
		{ "idle", "\"Relative\"", { .idle = true } },
		{ "an absolute idle has always begun", "\"startSchedule\":\"1970-01-01T00:00:00Z\"",
		  { .idle = true, .absolute = true, .start = 7 * US_PER_S } },
		{ "absolute", "\"startSchedule\":\"1970-01-01T00:00:07Z\"", { .absolute = true, .start = 7 * US_PER_S } },
		{ "stack level", "\"stackLevel\":8,", { .stack_level = 8 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ocpp_violation v;
		struct json_writer w;
		struct buf b;

		buf_init(&b);
		jw_init(&w, &b);
		profile_write(&cases[i].p, &w);
		if (!strstr(buf_cstr(&b), cases[i].has))
			fail_msg("%s: %s", cases[i].what, buf_cstr(&b));
		if (!ocpp_payload_check(ocpp_message_find("SetChargingProfile")->req, parse(arena_strdup(&arena, b.data)), &v))
			fail_msg("%s: %s", cases[i].what, v.text);
		buf_fini(&b);
	}
}

static void profile_ids_never_meet(void **state)
{
	(void)state;
	for (int c = 0; c <= CONNECTORS_MAX; c++) {
		assert_int_not_equal(profile_id(c, true), profile_id(c, false));
		assert_true(profile_id(c, false) < profile_id(c + 1, true));
	}
}

/* ---- what touches a limit ---- */

#define PROFILE(purpose, more, unit, limit) "{\"chargingProfilePurpose\":\"" purpose "\"" more ",\"chargingSchedule\":{" \
	"\"chargingRateUnit\":\"" unit "\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6},{\"limit\":" limit "}]}}"

static void whatever_can_release_a_limit_is_seen(void **state)
{
	static const char acme[] = "vendor = Acme\nlimit_keys = AcmeAmps\nlimit_transfers = Acme/Amps, Other\n";
	struct ocpp_habits *habits = NULL;
	struct diag d;
	static const struct {
		const char *action, *payload;
		bool touches;
		int connector;
		int64_t limit_ma;
		bool tx;
	} cases[] = {
		{ "SetChargingProfile", "{\"connectorId\":1,\"csChargingProfiles\":" PROFILE("TxProfile", "", "A", "16.5") "}", true, 1,
		  16500, true },
		{ "SetChargingProfile", "{\"connectorId\":0,\"csChargingProfiles\":" PROFILE("TxDefaultProfile", "", "A", "8") "}", true,
		  0, 8000, false },
		{ "SetChargingProfile", "{\"connectorId\":2,\"csChargingProfiles\":" PROFILE("TxProfile", "", "W", "4140") "}", true, 2,
		  20000, true },
		{ "SetChargingProfile", "{\"connectorId\":2,\"csChargingProfiles\":"
		  PROFILE("TxDefaultProfile", ",\"validTo\":\"2026-11-21T07:00:00Z\"", "A", "8") "}", true, 2, N, false },
		{ "SetChargingProfile", "{\"connectorId\":0,\"csChargingProfiles\":" PROFILE("ChargePointMaxProfile", "", "A", "99") "}",
		  false, 0, 0, false },
		{ "SetChargingProfile", "{}", true, 0, N, false },
		{ "SetChargingProfile", "{\"connectorId\":\"x\",\"csChargingProfiles\":{\"chargingSchedule\":{"
		  "\"chargingSchedulePeriod\":[{\"limit\":\"much\"}]}}}", true, 0, N, false },
		{ "ClearChargingProfile", "{}", true, 0, N, false },
		{ "ClearChargingProfile", "{\"connectorId\":1,\"chargingProfilePurpose\":\"TxProfile\"}", true, 1, N, true },
		{ "ClearChargingProfile", "{\"id\":12,\"connectorId\":1}", true, 0, N, false },
		{ "ClearChargingProfile", "{\"chargingProfilePurpose\":\"ChargePointMaxProfile\"}", false, 0, 0, false },
		{ "RemoteStartTransaction", "{\"idTag\":\"A\"}", false, 0, 0, false },
		{ "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":1,\"chargingProfile\":"
		  PROFILE("TxProfile", "", "A", "32") "}", true, 1, 32000, true },
		/* In the place of one of ours: 12 is the transaction's at connector 1, 21 the default of connector 2. */
		{ "SetChargingProfile", "{\"connectorId\":1,\"csChargingProfiles\":"
		  PROFILE("TxProfile", ",\"chargingProfileId\":12", "A", "16") "}", true, 1, 16000, true },
		{ "SetChargingProfile", "{\"connectorId\":1,\"csChargingProfiles\":"
		  PROFILE("TxDefaultProfile", ",\"chargingProfileId\":12", "A", "6") "}", true, 0, N, false },
		{ "SetChargingProfile", "{\"connectorId\":1,\"csChargingProfiles\":"
		  PROFILE("TxProfile", ",\"chargingProfileId\":21", "A", "6") "}", true, 0, N, false },
		{ "SetChargingProfile", "{\"connectorId\":0,\"csChargingProfiles\":"
		  PROFILE("ChargePointMaxProfile", ",\"chargingProfileId\":11", "A", "6") "}", true, 0, N, false },
		{ "SetChargingProfile", "{\"connectorId\":0,\"csChargingProfiles\":"
		  PROFILE("ChargePointMaxProfile", ",\"chargingProfileId\":1000", "A", "6") "}", false, 0, 0, false },
		/* A default that begins later limits nothing until then. */
		{ "SetChargingProfile", "{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfilePurpose\":\"TxDefaultProfile\","
		  "\"chargingSchedule\":{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{\"startPeriod\":60,\"limit\":6}]}}}",
		  true, 1, N, false },
		{ "setchargingprofile", "{\"connectorId\":1,\"csChargingProfiles\":" PROFILE("TxProfile", "", "A", "32") "}", true, 1,
		  32000, true },
		{ "ClearChargingProfile", "{\"stackLevel\":0}", true, 0, N, false },
		{ "ClearChargingProfile", "{\"connectorId\":2,\"stackLevel\":3}", true, 2, N, false },
		{ "ClearChargingProfile", "{\"id\":11,\"chargingProfilePurpose\":\"ChargePointMaxProfile\"}", true, 0, N, false },
		{ "RemoteStartTransaction", "{\"idTag\":\"A\",\"chargingProfile\":" PROFILE("TxProfile", "", "A", "32") "}", true, 0,
		  32000, true },
		{ "DataTransfer", "{\"vendorId\":\"Acme\",\"messageId\":\"Hello\"}", false, 0, 0, false },
		{ "DataTransfer", "{\"vendorId\":\"Acme\",\"messageId\":\"SetMaxCurrent\"}", true, 0, N, false },
		{ "DataTransfer", "{\"vendorId\":\"Acme\",\"messageId\":\"Amps\",\"data\":\"32\"}", true, 0, N, false },
		{ "DataTransfer", "{\"vendorId\":\"Other\",\"data\":\"32\"}", true, 0, N, false },
		{ "ChangeConfiguration", "{\"key\":\"AcmeAmps\",\"value\":\"32\"}", true, 0, N, false },
		{ "Dance", "{}", true, 0, N, false },
		{ "TriggerMessage", "{\"requestedMessage\":\"MeterValues\"}", false, 0, 0, false },
		{ "ChangeConfiguration", "{\"key\":\"maxcurrent\",\"value\":\"32\"}", true, 0, N, false },
		{ "ChangeConfiguration", "{\"key\":\"HeartbeatInterval\",\"value\":\"32\"}", false, 0, 0, false },
		{ "Reset", "{\"type\":\"Hard\"}", false, 0, 0, false },
		{ "GetCompositeSchedule", "{\"connectorId\":1,\"duration\":60}", false, 0, 0, false },
	};

	(void)state;
	diag_init(&d);
	assert_int_equal(habits_add(&habits, "acme", acme, strlen(acme), &d), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct touch t;
		bool touches = touch_find(cases[i].action, parse(cases[i].payload), habits, NULL, 207, &t);

		if (touches != cases[i].touches ||
		    (touches && (t.connector != cases[i].connector || t.limit_ma != cases[i].limit_ma || t.idle != !cases[i].tx)))
			fail_msg("%s %s: %d, connector %d, %s, %lld mA", cases[i].action, cases[i].payload, touches, t.connector,
				 t.idle ? "idle" : "transaction", (long long)t.limit_ma);
	}
	habits_free(habits);
}

/* ---- habits ---- */

static void habits_are_found_by_vendor_and_model(void **state)
{
	static const char acme[] = "# all of them\nvendor = Acme\nunit = W\n";
	static const char acme_one[] = "vendor = Acme\nmodel = One*\nkind = Relative\nstep_ma = 1000\nlimit_keys = AcmeAmps, X\n";
	struct ocpp_habits *list = NULL;
	struct station st = { .vendor = "ACME", .model = "One S" };
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(habits_add(&list, "a", acme_one, strlen(acme_one), &d), 0);
	assert_int_equal(habits_add(&list, "b", acme, strlen(acme), &d), 0);
	assert_false(habits_of(list, &st)->watts);
	assert_int_equal(habits_of(list, &st)->step_ma, 1000);
	strcpy(st.model, "Two");
	assert_true(habits_of(list, &st)->watts);
	strcpy(st.vendor, "Other");
	assert_false(habits_of(list, &st)->watts);
	assert_true(habits_of(list, &st)->absolute);
	assert_true(habits_limit_key(list, "acmeamps"));
	assert_true(habits_limit_key(list, "X"));
	assert_false(habits_limit_key(list, "Acme"));
	habits_free(list);
}

static void the_files_that_we_ship_are_right(void **state)
{
	struct ocpp_habits *list = NULL;
	int count = 0;
	glob_t found;

	(void)state;
	/* Tests run in the project's directory. */
	assert_int_equal(glob("etc/stations/*.conf", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *f = fopen(found.gl_pathv[i], "r");
		char text[4096];
		struct diag d;
		size_t len;

		assert_non_null(f);
		len = fread(text, 1, sizeof(text), f);
		fclose(f);
		diag_init(&d);
		if (habits_add(&list, found.gl_pathv[i], text, len, &d))
			fail_msg("%s:%d: %s", d.file, d.line, d.text);
		count++;
	}
	assert_true(count > 0);
	globfree(&found);
	habits_free(list);
}

static void configuration_keys_that_limit_are_known_by_their_words(void **state)
{
	static const char *const limits[] = {
		"MaxCurrent", "OperatorCurrentLimit", "Station-MaxCurrent", "evb_MaximumStationCurrent", "maxpower",
		"SmartChargingEnabled", "ChargingProfilesAllowed", "AmperageLimit",
	};
	static const char *const others[] = {
		"HeartbeatInterval", "MeterValuesSampledData", "MeterValuesSampledDataMaxLength", "ConnectionTimeOut",
		"WebSocketPingInterval", "MaxEnergyOnInvalidId", "LocalAuthListMaxLength", "", "Current",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		assert_true(habits_limit_key(NULL, limits[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(habits_limit_key(NULL, others[i]));
}

static void the_key_that_limits_a_connector_is_no_row_of_the_configuration_that_is_set(void **state)
{
	static const char acme[] = "vendor = Acme\nconfig.Amps = 32\nconfig.Beep = no\n";
	struct connector_conf cc = { .shedding_key = (char *)(uintptr_t)"AMPS" };
	struct station_conf sc = { .connectors = &cc, .connector_count = 1 };
	struct baseline_row rows[BASELINE_MAX];
	struct ocpp_habits *list = NULL;
	size_t without, with;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(habits_add(&list, "acme", acme, strlen(acme), &d), 0);
	without = baseline_rows(list, NULL, rows);
	with = baseline_rows(list, &sc, rows);
	assert_int_equal(with, without - 1);
	for (size_t i = 0; i < with; i++)
		assert_string_not_equal(rows[i].key, "Amps");
	habits_free(list);
}

static const char *wanted(const struct station_conf *sc, const char *key)
{
	static struct baseline_row rows[BASELINE_MAX];
	static const struct ocpp_habits none;
	size_t count = baseline_rows(&none, sc, rows);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].key, key) == 0)
			return rows[i].wanted;
	return "-";
}

static void what_stations_decide_by_themselves_is_off_unless_it_is_wanted(void **state)
{
	struct station_conf sc = { .local_list = false };

	(void)state;
	assert_string_equal(wanted(NULL, "LocalPreAuthorize"), "false");
	assert_string_equal(wanted(&sc, "LocalPreAuthorize"), "false");
	assert_string_equal(wanted(&sc, "AuthorizationCacheEnabled"), "false");
	assert_string_equal(wanted(&sc, "LocalAuthorizeOffline"), "-");
	sc.local_list = true;
	assert_string_equal(wanted(&sc, "LocalAuthorizeOffline"), "true");
	assert_string_equal(wanted(&sc, "LocalPreAuthorize"), "false");
	sc.local_first = true;
	assert_string_equal(wanted(&sc, "LocalPreAuthorize"), "true");
	assert_string_equal(wanted(&sc, "AuthorizationCacheEnabled"), "false");
	sc.auth_cache = true;
	assert_string_equal(wanted(&sc, "AuthorizationCacheEnabled"), "true");
}

static void wrong_habits_are_refused_with_their_place(void **state)
{
	static const struct { const char *text, *complaint; int line; } cases[] = {
		{ "vendor = A\nspeed = 5\n", "'speed' is no key", 2 },
		{ "vendor = A\n\nunit = V\n", "unit: 'V'", 3 },
		{ "vendor = A\nstep_ma = 300\n", "step_ma: '300'", 2 },
		{ "vendor = A\nstack_level = -1\n", "stack_level: '-1'", 2 },
		{ "vendor = A\nshedding_unit = kA\n", "shedding_unit: 'kA'", 2 },
		{ "vendor = A\nshedding_min = 0\n", "shedding_min: '0'", 2 },
		{ "vendor = A\nshedding_key =\n", "shedding_key: ''", 2 },
		{ "vendor = A\nshedding_pause = maybe\n", "shedding_pause: 'maybe'", 2 },
		{ "vendor = A\nshedding_speed = 1\n", "'shedding_speed' is no key", 2 },
		{ "vendor = A\ntag_serial = 1\n", "tag_serial: '1'", 2 },
		{ "vendor = A\nconfig.MaxCurrent = 32\nunit = A\n", "config.MaxCurrent: may raise a limit", 2 },
		{ "config.Amps = 32\nvendor = A\nlimit_keys = Amps\n", "config.Amps: may raise a limit", 1 },
		{ "vendor = A\nshedding_key = Amps\nconfig.amps = 32\n", "config.amps: may raise a limit", 3 },
		{ "vendor = A\nconfig.AuthorizationKey = 00\n", "config.AuthorizationKey: each station", 2 },
		{ "hello\n", "key = value", 1 },
		{ "unit = A\n", "vendor: is missing", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ocpp_habits *list = NULL;
		struct diag d;

		diag_init(&d);
		assert_int_equal(habits_add(&list, "f", cases[i].text, strlen(cases[i].text), &d), -LMS_EDATA);
		assert_null(list);
		if (!strstr(d.text, cases[i].complaint) || d.line != cases[i].line)
			fail_msg("%s: line %d: %s", cases[i].text, d.line, d.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(every_message_of_the_standard_is_there),
		T(payloads_are_written_in_the_order_of_the_schema),
		T(payloads_are_judged_by_the_table),
		T(every_status_has_its_use),
		T(every_state_of_a_session_meets_every_event),
		T(meter_values_are_read_as_stations_mean_them),
		T(a_current_that_is_no_number_is_told),
		T(later_values_replace_earlier_ones),
		T(labels_become_grid_phases_by_the_wiring),
		T(profiles_follow_the_habits_of_a_station),
		T(profile_ids_never_meet),
		T(whatever_can_release_a_limit_is_seen),
		T(habits_are_found_by_vendor_and_model),
		T(the_files_that_we_ship_are_right),
		T(configuration_keys_that_limit_are_known_by_their_words),
		T(the_key_that_limits_a_connector_is_no_row_of_the_configuration_that_is_set),
		T(what_stations_decide_by_themselves_is_off_unless_it_is_wanted),
		T(wrong_habits_are_refused_with_their_place),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
