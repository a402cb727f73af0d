/* test_ocpp_sessions.c - who is let in, what is asked after a boot, and how stations become registered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ocpp/setup/setup.h"
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

#define BOOT "[2,\"a\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\"," \
	"\"firmwareVersion\":\"1.2\",\"iccid\":\"89\"}]"
#define STATUS(n, s) "[2,\"s\",\"StatusNotification\",{\"connectorId\":" #n ",\"errorCode\":\"NoError\",\"status\":\"" s "\"}]"
static const char ACCEPTED[] = "{\"status\":\"Accepted\"}";

static void an_unknown_station_waits_without_current(void **state)
{
	const struct station *st;

	(void)state;
	bench_open(&b, 9, "NEW");
	assert_null(bench_effect(&b, FX_CLOSE, 0));
	bench_say(&b, 9, BOOT);
	assert_string_equal(bench_frame(&b, 0), "[3,\"a\",{\"status\":\"Pending\","
			    "\"currentTime\":\"2026-11-21T06:00:00Z\",\"interval\":30}]");
	assert_non_null(strstr(bench_frame(&b, 1), "\"SetChargingProfile\",{\"connectorId\":0,\"csChargingProfiles\":{"
			       "\"chargingProfileId\":1,\"stackLevel\":0,\"chargingProfilePurpose\":\"TxDefaultProfile\""));
	assert_non_null(strstr(bench_frame(&b, 1), "\"limit\":0.0}"));
	st = site_station(b.site, "NEW");
	assert_int_equal(st->state, STATION_PENDING);
	assert_string_equal(st->firmware, "1.2");
	assert_string_equal(st->iccid, "89");
	assert_string_equal(st->address, "192.0.2.7");
	assert_non_null(bench_effect(&b, FX_PUT, 0));
	bench_say(&b, 9, STATUS(2, "Preparing"));
	assert_int_equal(st->connector_count, 2);
	assert_int_equal(bench_conn(&b, "NEW", 2)->use, USE_NONE);
}

static void a_pending_station_cannot_charge(void **state)
{
	(void)state;
	b.site->registration = REG_PENDING;
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	bench_say(&b, 9, "[2,\"b\",\"Authorize\",{\"idTag\":\"GOOD\"}]");
	assert_non_null(bench_find(&b, "[3,\"b\",{\"idTagInfo\":{\"status\":\"Invalid\"}}]"));
	bench_say(&b, 9, "[2,\"c\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":0,"
		  "\"timestamp\":\"2026-11-21T06:00:00Z\"}]");
	assert_non_null(bench_find(&b, "[3,\"c\",{\"idTagInfo\":{\"status\":\"Invalid\"},\"transactionId\":1}]"));
	assert_null(b.site->running);
	assert_non_null(bench_effect(&b, FX_PUT, 0));
	bench_say(&b, 9, "[2,\"d\",\"MeterValues\",{\"connectorId\":1,\"meterValue\":[{\"timestamp\":"
		  "\"2026-11-21T06:00:06Z\",\"sampledValue\":[{\"value\":\"150\"}]}]}]");
	assert_non_null(bench_find(&b, "[3,\"d\",{}]"));
	bench_say(&b, 9, "[2,\"e\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "[3,\"e\",{\"currentTime\""));
}

static void what_a_pending_station_can_do_is_asked_and_nothing_is_set(void **state)
{
	(void)state;
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	bench_answer(&b, 9, "SetChargingProfile", ACCEPTED);
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 9, "\"GetConfiguration\",{\"key\":[\"NumberOfConnectors\",", "{\"configurationKey\":["
		     "{\"key\":\"NumberOfConnectors\",\"readonly\":true,\"value\":\"3\"},"
		     "{\"key\":\"ChargingScheduleAllowedChargingRateUnit\",\"readonly\":true,\"value\":\"Power\"}]}");
	assert_int_equal(site_station(b.site, "NEW")->connector_count, 3);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_pass(&b, 10 * US_PER_S);
	assert_null(bench_find(&b, "ChangeConfiguration"));
}

static void a_pending_station_that_asks_again_costs_nothing(void **state)
{
	(void)state;
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	bench_answer(&b, 9, "SetChargingProfile", ACCEPTED);
	bench_pass(&b, 5 * US_PER_S);
	bench_refuse(&b, 9, "GetConfiguration", "NotSupported");
	for (int i = 0; i < 3; i++) {
		bench_pass(&b, 30 * US_PER_S);
		bench_say(&b, 9, BOOT);
		assert_non_null(bench_find(&b, "\"Pending\""));
		assert_string_equal(bench_frame(&b, 1), "");
		assert_null(bench_effect(&b, FX_PUT, 0));
	}
	/* But after a new connection it may have lost its default. */
	bench_open(&b, 10, "NEW");
	bench_say(&b, 10, BOOT);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
}

static void only_so_many_strangers_are_heard(void **state)
{
	char id[16];

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(id, sizeof(id), "X%d", i);
		bench_open(&b, (uint64_t)i + 10, id);
		assert_null(bench_effect(&b, FX_CLOSE, 0));
	}
	bench_open(&b, 100, "X64");
	assert_int_equal(bench_effect(&b, FX_CLOSE, 0)->u.close.link, 100);
	assert_int_equal(bench_effect(&b, FX_CLOSE, 0)->u.close.code, 1008);
	assert_null(site_station(b.site, "X64"));
	bench_say(&b, 100, BOOT);
	assert_string_equal(bench_frame(&b, 0), "");
	/* One that is known, or connects again, is none more. */
	bench_open(&b, 101, "CP1");
	assert_null(bench_effect(&b, FX_CLOSE, 0));
	bench_open(&b, 102, "X5");
	assert_int_equal(bench_effect(&b, FX_CLOSE, 0)->u.close.link, 15);
	assert_null(bench_effect(&b, FX_CLOSE, 1));
	/* One that leaves makes room, and is forgotten. */
	bench_close(&b, 20);
	bench_open(&b, 103, "X64");
	assert_null(bench_effect(&b, FX_CLOSE, 0));
	assert_string_equal(bench_effect(&b, FX_DEL, 0)->u.del.key, "X10");
	assert_null(site_station(b.site, "X10"));
}

static void closed_registration_hears_no_strangers(void **state)
{
	(void)state;
	b.site->registration = REG_CLOSED;
	bench_open(&b, 9, "NEW");
	assert_int_equal(bench_effect(&b, FX_CLOSE, 0)->u.close.link, 9);
	bench_open(&b, 1, "CP1");
	assert_null(bench_effect(&b, FX_CLOSE, 0));
}

static void a_bench_serves_everybody(void **state)
{
	(void)state;
	b.site->registration = REG_ACCEPT;
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	assert_non_null(bench_find(&b, "{\"status\":\"Accepted\""));
	assert_int_equal(bench_start(&b, 9, 1, "GOOD"), 1);
	assert_non_null(bench_conn(&b, "NEW", 1)->tx);
	assert_int_equal(bench_conn(&b, "NEW", 1)->use, USE_CHARGING);
}

static void registering_asks_for_a_new_boot(void **state)
{
	(void)state;
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	bench_answer(&b, 9, "SetChargingProfile", ACCEPTED);
	bench_configure(&b, "NEW", "{\"id\":\"NEW\",\"zone\":\"P1\",\"connectors\":1,\"wiring\":\"RST\"}");
	assert_non_null(bench_find(&b, "\"TriggerMessage\",{\"requestedMessage\":\"BootNotification\"}]"));
	assert_int_equal(site_station(b.site, "NEW")->state, STATION_ONLINE);
	assert_true(site_station(b.site, "NEW")->online_changed);
	/* The station may refuse; its limits are ordered all the same. */
	bench_refuse(&b, 9, "TriggerMessage", "NotImplemented");
	bench_order(&b, "NEW", 1, true, 0, false);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
	bench_say(&b, 9, BOOT);
	assert_non_null(bench_find(&b, "{\"status\":\"Accepted\""));
	assert_true(site_station(b.site, "NEW")->booted_changed);
}

static void a_deleted_station_waits_again(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_configure(&b, "CP1", NULL);
	assert_int_equal(site_station(b.site, "CP1")->state, STATION_PENDING);
	assert_non_null(bench_find(&b, "\"connectorId\":0"));
	assert_non_null(bench_find(&b, "\"limit\":0.0"));
	bench_close(&b, 1);
	bench_configure(&b, NULL, NULL);
	bench_open(&b, 2, "CP1");
	bench_say(&b, 2, BOOT);
	assert_non_null(bench_find(&b, "{\"status\":\"Accepted\""));
}

static void a_station_deleted_while_it_was_away_is_forgotten(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	bench_close(&b, 1);
	bench_configure(&b, "CP1", NULL);
	assert_null(site_station(b.site, "CP1"));
	bench_pass(&b, 100 * US_PER_S);
	bench_open(&b, 2, "CP1");
	assert_int_equal(site_station(b.site, "CP1")->conf, -1);
}

static void the_baseline_is_set_after_a_boot(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, BOOT);
	assert_string_equal(bench_frame(&b, 1), "");
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 1, "NumberOfConnectors", "{\"configurationKey\":[]}");
	bench_answer(&b, 1, "{\"key\":[\"MeterValuesSampledData\",\"MeterValueSampleInterval\"]}",
		     "{\"configurationKey\":[{\"key\":\"MeterValuesSampledData\",\"readonly\":false,\"value\":\"Voltage\"},"
		     "{\"key\":\"MeterValueSampleInterval\",\"readonly\":false,\"value\":\"60\"}]}");
	bench_answer(&b, 1, "\"ChangeConfiguration\",{\"key\":\"MeterValuesSampledData\",\"value\":"
		     "\"Energy.Active.Import.Register,Power.Active.Import,Current.Import\"}", "{\"status\":\"Rejected\"}");
	bench_answer(&b, 1, "\"Energy.Active.Import.Register,Current.Import\"", ACCEPTED);
	bench_answer(&b, 1, "{\"key\":\"MeterValueSampleInterval\",\"value\":\"10\"}", ACCEPTED);
	/* What it does not list is not set; a cache that remembers tags is switched off. */
	bench_answer(&b, 1, "{\"key\":[\"AuthorizationCacheEnabled\",\"LocalPreAuthorize\",\"AllowOfflineTxForUnknownId\","
		     "\"StopTransactionOnInvalidId\"]}",
		     "{\"configurationKey\":[{\"key\":\"AuthorizationCacheEnabled\",\"readonly\":false,\"value\":\"true\"},"
		     "{\"key\":\"LocalPreAuthorize\",\"readonly\":true,\"value\":\"true\"},"
		     "{\"key\":\"StopTransactionOnInvalidId\",\"readonly\":false,\"value\":\"TRUE\"}]}");
	bench_answer(&b, 1, "\"ChangeConfiguration\",{\"key\":\"AuthorizationCacheEnabled\",\"value\":\"false\"}",
		     "{\"status\":\"Rejected\"}");
	assert_null(bench_find(&b, "Configuration"));
	/* At the next boot it is so already, and what was refused is not tried again. */
	bench_say(&b, 1, BOOT);
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 1, "NumberOfConnectors", "{}");
	bench_answer(&b, 1, "MeterValueSampleInterval", "{\"configurationKey\":["
		     "{\"key\":\"MeterValuesSampledData\",\"readonly\":false,\"value\":\"Current.Import,Energy.Active.Import.Register\"},"
		     "{\"key\":\"MeterValueSampleInterval\",\"readonly\":false,\"value\":10}]}");
	bench_answer(&b, 1, "AuthorizationCacheEnabled", "{\"configurationKey\":[{\"key\":\"AuthorizationCacheEnabled\","
		     "\"readonly\":false,\"value\":\"true\"}]}");
	assert_null(bench_find(&b, "ChangeConfiguration"));
	/* But other firmware may take it. */
	bench_say(&b, 1, "[2,\"boot2\",\"BootNotification\",{\"chargePointVendor\":\"Acme\",\"chargePointModel\":\"One\","
		  "\"firmwareVersion\":\"2.0\"}]");
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 1, "NumberOfConnectors", "{}");
	bench_answer(&b, 1, "MeterValueSampleInterval", "{\"configurationKey\":["
		     "{\"key\":\"MeterValuesSampledData\",\"readonly\":false,\"value\":\"Voltage\"},"
		     "{\"key\":\"MeterValueSampleInterval\",\"readonly\":false,\"value\":10}]}");
	assert_non_null(bench_find(&b, "Energy.Active.Import.Register,Power.Active.Import,Current.Import"));
}

static void what_the_vendors_file_says_is_set(void **state)
{
	static const char file[] = "vendor = Acme\nconfig.FreeForAll = false\nconfig.MeterValueSampleInterval = 5\n";
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", file, strlen(file), &d), 0);
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, BOOT);
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 1, "NumberOfConnectors", "{}");
	bench_answer(&b, 1, "MeterValuesSampledData", "{\"configurationKey\":["
		     "{\"key\":\"MeterValuesSampledData\",\"readonly\":false,\"value\":"
		     "\"Energy.Active.Import.Register,Power.Active.Import,Current.Import\"},"
		     "{\"key\":\"MeterValueSampleInterval\",\"readonly\":false,\"value\":\"10\"}]}");
	bench_answer(&b, 1, "{\"key\":\"MeterValueSampleInterval\",\"value\":\"5\"}", ACCEPTED);
	bench_answer(&b, 1, "\"StopTransactionOnInvalidId\",\"FreeForAll\"]", "{\"configurationKey\":["
		     "{\"key\":\"FreeForAll\",\"readonly\":false,\"value\":\"true\"}]}");
	/* It works after a boot only, and the station has one until then. */
	bench_answer(&b, 1, "\"ChangeConfiguration\",{\"key\":\"FreeForAll\",\"value\":\"false\"}",
		     "{\"status\":\"RebootRequired\"}");
	assert_true(site_station(b.site, "CP1")->reboot_due);
	bench_say(&b, 1, BOOT);
	assert_false(site_station(b.site, "CP1")->reboot_due);
}

static void secrets_of_the_vendors_file_are_not_shown(void **state)
{
	static const char file[] = "vendor = Acme\nconfig.WifiPassword = hush\n";
	const struct effect *e;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", file, strlen(file), &d), 0);
	bench_boot(&b, 1, "CP1");
	bench_turn(&b);
	assert_int_equal(setup_ask(session_by_station(b.ocpp, "CP1"), 555, true, &(struct turn){ b.now, b.wall, &b.fx }, &d), 0);
	bench_answer(&b, 1, "MeterValueSampleInterval", "{}");
	bench_answer(&b, 1, "WifiPassword", "{\"configurationKey\":[{\"key\":\"WifiPassword\",\"value\":\"hush too\"}]}");
	e = bench_effect(&b, FX_REPLY, 0);
	assert_non_null(e);
	assert_non_null(strstr(e->u.reply.json, "{\"key\":\"WifiPassword\",\"wanted\":\"***\",\"station\":\"***\",\"state\":\"differs\"}"));
	assert_null(strstr(e->u.reply.json, "hush"));
}

static void a_file_that_proposes_nonsense_is_refused_with_its_line(void **state)
{
	struct diag d;

	(void)state;
	for (const char *const *text = (const char *const[]){ "vendor = A\npropose.tpye = T2\n",
	     "vendor = A\npropose.type = T9\n", "vendor = A\npropose.id = X\n", "vendor = A\nconfig. = 1\n", NULL }; *text; text++) {
		diag_init(&d);
		assert_int_equal(ocpp_add_habits(b.ocpp, "a.conf", *text, strlen(*text), &d), -LMS_EDATA);
		assert_int_equal(d.line, 2);
	}
}

static void what_a_pending_station_tells_is_proposed(void **state)
{
	static const char file[] = "vendor = Acme\npropose.type = CCS\npropose.max_power = 50kW\nnote = its cable is short\n";
	const struct ctl_station_keys *k;
	struct station *st;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(ocpp_add_habits(b.ocpp, "acme.conf", file, strlen(file), &d), 0);
	bench_open(&b, 9, "NEW");
	bench_say(&b, 9, BOOT);
	bench_answer(&b, 9, "SetChargingProfile", ACCEPTED);
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 9, "NumberOfConnectors", "{\"configurationKey\":["
		     "{\"key\":\"NumberOfConnectors\",\"readonly\":true,\"value\":\"3\"},"
		     "{\"key\":\"ConnectorPhaseRotation\",\"readonly\":true,\"value\":\"0.RST, 1.RST,2.str,3.Unknown\"},"
		     "{\"key\":\"ChargingScheduleAllowedChargingRateUnit\",\"readonly\":true,\"value\":\"Power\"}]}");
	st = site_station(b.site, "NEW");
	k = st->proposal;
	assert_int_equal(k->connectors, 3);
	assert_string_equal(k->type, "CCS");
	assert_int_equal(k->max_power_w, 50000);
	assert_string_equal(k->limit_unit, "W");
	assert_null(k->wiring);
	assert_string_equal(st->advice, "its cable is short");
	assert_string_equal(station_said_wiring(st, 1), "RST");
	assert_string_equal(station_said_wiring(st, 2), "STR");
	assert_null(station_said_wiring(st, 3));
	assert_string_equal(station_said_wiring(st, 4), "RST");
}

static void a_restart_that_was_asked_for_follows_the_set_up(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, BOOT);
	site_station(b.site, "CP1")->restart_asked = true;
	bench_pass(&b, US_PER_S);
	bench_refuse(&b, 1, "NumberOfConnectors", "NotSupported");
	bench_refuse(&b, 1, "GetConfiguration", "NotSupported");
	assert_null(bench_find(&b, "Reset"));
	for (int i = 0; i < 4; i++)
		bench_refuse(&b, 1, "ChangeConfiguration", "NotSupported");
	assert_non_null(bench_find(&b, "\"Reset\",{\"type\":\"Soft\"}"));
	assert_false(site_station(b.site, "CP1")->restart_asked);
}

static void limits_go_before_the_baseline(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, BOOT);
	bench_order(&b, "CP1", 1, true, 0, false);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
	bench_order(&b, "CP1", 2, true, 0, false);
	bench_pass(&b, US_PER_S);
	assert_null(bench_find(&b, "GetConfiguration"));
}

static void a_silent_station_is_asked_once(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_pass(&b, 2 * US_PER_S);
	bench_pass(&b, US_PER_S);
	bench_refuse(&b, 1, "GetConfiguration", "NotImplemented");
	bench_refuse(&b, 1, "GetConfiguration", "NotImplemented");
	for (int i = 0; i < 4; i++)
		bench_refuse(&b, 1, "ChangeConfiguration", "NotImplemented");
	bench_pass(&b, 2 * US_PER_S);
	bench_answer(&b, 1, "{\"requestedMessage\":\"BootNotification\"}", "{\"status\":\"NotImplemented\"}");
	bench_answer(&b, 1, "{\"requestedMessage\":\"StatusNotification\",\"connectorId\":1}", "{\"status\":\"Rejected\"}");
	bench_answer(&b, 1, "{\"requestedMessage\":\"StatusNotification\",\"connectorId\":2}", ACCEPTED);
	assert_string_equal(bench_frame(&b, 0), "");
	bench_pass(&b, 100 * US_PER_S);
	assert_string_equal(bench_frame(&b, 0), "");
}

static void a_station_that_told_everything_is_not_asked(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP1");
	assert_null(bench_find(&b, "TriggerMessage"));
	bench_pass(&b, 60 * US_PER_S);
	assert_null(bench_find(&b, "TriggerMessage"));
	assert_int_equal(ocpp_next_due(b.ocpp), MONO_NEVER);
}

static void a_connector_that_nobody_configured_gets_no_current(void **state)
{
	(void)state;
	bench_boot(&b, 1, "CP2");
	bench_say(&b, 1, STATUS(2, "Preparing"));
	assert_string_equal(bench_frame(&b, 0), "[3,\"s\",{}]");
	assert_non_null(strstr(bench_frame(&b, 1), "\"SetChargingProfile\",{\"connectorId\":2,"));
	assert_non_null(strstr(bench_frame(&b, 1), "\"limit\":0}"));
	bench_answer(&b, 1, "SetChargingProfile", ACCEPTED);
	bench_say(&b, 1, STATUS(2, "Preparing"));
	assert_string_equal(bench_frame(&b, 1), "");
}

static void power_units_are_learned(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, BOOT);
	bench_pass(&b, US_PER_S);
	bench_answer(&b, 1, "NumberOfConnectors", "{\"configurationKey\":[{\"key\":\"ChargingScheduleAllowedChargingRateUnit\","
		     "\"readonly\":true,\"value\":\"Power\"}]}");
	bench_refuse(&b, 1, "GetConfiguration", "InternalError");
	for (int i = 0; i < 4; i++)
		bench_refuse(&b, 1, "ChangeConfiguration", "NotSupported");
	bench_order(&b, "CP1", 1, true, 0, false);
	assert_non_null(bench_find(&b, "\"chargingRateUnit\":\"W\""));
}

/* Between the connection and its first word nothing but the transaction is known: told to have no car, the
 * balance would take its current away. */
static void after_a_restart_a_running_transaction_charges_from_the_first_moment(void **state)
{
	static const char tx[] = "{\"id\":7,\"station\":\"CP1\",\"connector\":1,\"zone\":\"P1\",\"tag\":\"GOOD\","
		"\"start\":\"2026-11-21T05:00:00Z\",\"meter_start_wh\":0,\"state\":\"running\"}";
	struct diag d;

	(void)state;
	diag_init(&d);
	if (site_tx_load(b.site, tx, strlen(tx), true, &d))
		fail_msg("%s", d.text);
	assert_non_null(bench_conn(&b, "CP1", 1)->tx);
	bench_open(&b, 1, "CP1");
	assert_int_equal(bench_conn(&b, "CP1", 1)->use, USE_CHARGING);
	assert_int_equal(bench_conn(&b, "CP1", 2)->use, USE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(an_unknown_station_waits_without_current),
		T(a_pending_station_cannot_charge),
		T(what_a_pending_station_can_do_is_asked_and_nothing_is_set),
		T(a_pending_station_that_asks_again_costs_nothing),
		T(only_so_many_strangers_are_heard),
		T(closed_registration_hears_no_strangers),
		T(a_bench_serves_everybody),
		T(registering_asks_for_a_new_boot),
		T(a_deleted_station_waits_again),
		T(a_station_deleted_while_it_was_away_is_forgotten),
		T(the_baseline_is_set_after_a_boot),
		T(what_the_vendors_file_says_is_set),
		T(secrets_of_the_vendors_file_are_not_shown),
		T(a_file_that_proposes_nonsense_is_refused_with_its_line),
		T(what_a_pending_station_tells_is_proposed),
		T(a_restart_that_was_asked_for_follows_the_set_up),
		T(limits_go_before_the_baseline),
		T(a_silent_station_is_asked_once),
		T(a_station_that_told_everything_is_not_asked),
		T(a_connector_that_nobody_configured_gets_no_current),
		T(power_units_are_learned),
		T(after_a_restart_a_running_transaction_charges_from_the_first_moment),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
