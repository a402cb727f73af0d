/* test_quirk_boot.c - ocpp.md "Boot": each quirk of real stations has a test that is named after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
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

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

enum answers { ACCEPTS, REFUSES, KNOWS_NOTHING, WANTS_A_REBOOT };

static struct {
	int boots, statuses[3], changes, availabilities, resets, others;
} asked;

static void count(const char *frame)
{
	if (strstr(frame, "\"requestedMessage\":\"BootNotification\""))
		asked.boots++;
	else if (strstr(frame, "\"requestedMessage\":\"StatusNotification\",\"connectorId\":1"))
		asked.statuses[1]++;
	else if (strstr(frame, "\"requestedMessage\":\"StatusNotification\",\"connectorId\":2"))
		asked.statuses[2]++;
	else if (strstr(frame, "\"ChangeConfiguration\""))
		asked.changes++;
	else if (strstr(frame, "\"ChangeAvailability\""))
		asked.availabilities++;
	else if (strstr(frame, "\"Reset\""))
		asked.resets++;
	else
		asked.others++;
}

/* Answers one call of ours; false: there was none. */
static bool answer_one(enum answers how)
{
	const char *frame = bench_frame(&b, 0), *status = how == REFUSES ? "Rejected" : "Accepted";
	char id[60];

	for (size_t n = 0; strncmp(frame, "[2,", 3) != 0; frame = bench_frame(&b, ++n))
		if (!*frame)
			return false;
	count(frame);
	bench_call_id(&b, frame, id, sizeof(id));
	if (how == KNOWS_NOTHING)
		bench_sayf(&b, 1, "[4,\"%s\",\"NotImplemented\",\"\",{}]", id);
	else if (strstr(frame, "GetConfiguration"))
		bench_sayf(&b, 1, "[3,\"%s\",{}]", id);
	else
		bench_sayf(&b, 1, "[3,\"%s\",{\"status\":\"%s\"}]", id,
			   how == WANTS_A_REBOOT && strstr(frame, "ChangeConfiguration") ? "RebootRequired" : status);
	return true;
}

static void live(int seconds, enum answers how)
{
	memset(&asked, 0, sizeof(asked));
	while (answer_one(how))
		;
	for (int i = 0; i < seconds; i++) {
		bench_pass(&b, US_PER_S);
		while (answer_one(how))
			;
	}
}

static void no_boot_after_reconnect(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	/* Its traffic is taken at once, before anything else. */
	bench_status(&b, 1, 1, "Preparing");
	holds(bench_frame(&b, 0), "[3,\"status\",{}]");
	assert_int_equal(bench_start(&b, 1, 1, "GOOD"), 1);
	assert_int_equal(site_station(b.site, "CP1")->state, STATION_ONLINE);
	live(60, ACCEPTS);
	assert_int_equal(asked.boots, 1);
	assert_int_equal(asked.statuses[1], 0);	/* it told that one */
	assert_int_equal(asked.statuses[2], 1);
}

static void a_refused_trigger(void **state)
{
	enum answers how = *state ? KNOWS_NOTHING : REFUSES;

	bench_open(&b, 1, "CP1");
	bench_pass(&b, 2 * US_PER_S);
	live(120, how);
	assert_int_equal(asked.boots, 1);
	assert_int_equal(asked.statuses[1], 1);
	assert_int_equal(asked.statuses[2], 1);
	/* It is served all the same. */
	assert_int_equal(bench_start(&b, 1, 1, "GOOD"), 1);
	bench_order(&b, "CP1", 1, false, 16000, false);
	assert_non_null(bench_find(&b, "SetChargingProfile"));
}

static void an_unknown_trigger(void **state)
{
	bool unknown = true;
	void *flag = &unknown;

	(void)state;
	a_refused_trigger(&flag);
}

static void no_status(void **state)
{
	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
	live(60, ACCEPTS);
	assert_int_equal(asked.boots, 0);
	assert_int_equal(asked.statuses[1], 1);
	assert_int_equal(asked.statuses[2], 1);
}

static void reboot_required(void **state)
{
	int changes;

	(void)state;
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
	live(60, WANTS_A_REBOOT);
	changes = asked.changes;
	assert_true(changes >= 2);
	assert_int_equal(asked.resets, 0);	/* nobody is thrown out of his session for that */
	live(600, WANTS_A_REBOOT);
	assert_int_equal(asked.changes, 0);	/* it has said yes */
	assert_int_equal(asked.resets, 0);
}

static void never_change_availability(void **state)
{
	static const enum answers all[] = { ACCEPTS, REFUSES, KNOWS_NOTHING, WANTS_A_REBOOT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		bench_open(&b, 1, "CP1");
		if (i % 2 == 0)
			bench_say(&b, 1, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
		live(300, all[i]);
		assert_int_equal(asked.availabilities, 0);
		bench_close(&b, 1);
	}
}

static void say_status(const char *status, const char *time)
{
	bench_sayf(&b, 1, "[2,\"s\",\"StatusNotification\",{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"%s\","
		   "\"timestamp\":\"%s\"}]", status, time);
	holds(bench_frame(&b, 0), "[3,\"s\",{}]");
}

static void status_out_of_order(void **state)
{
	const struct connector *c;

	(void)state;
	bench_boot(&b, 1, "CP1");
	c = bench_conn(&b, "CP1", 1);
	say_status("Charging", "2026-11-21T06:00:06Z");
	/* From the queue of an outage: the present one stays. */
	say_status("Available", "2026-11-21T04:00:00Z");
	assert_string_equal(c->status, "Charging");
	/* Seconds apart, the one that comes last counts, whatever it says of its time. */
	say_status("SuspendedEV", "2026-11-21T06:00:02Z");
	assert_string_equal(c->status, "SuspendedEV");
	/* A clock that was set back is no queue for ever: a boot begins anew. */
	say_status("Charging", "2026-11-21T06:00:07Z");
	bench_say(&b, 1, "[2,\"boot\",\"BootNotification\",{\"chargePointVendor\":\"A\",\"chargePointModel\":\"B\"}]");
	say_status("Available", "2026-11-21T03:00:00Z");
	assert_string_equal(c->status, "Available");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUIRK("no BootNotification after reconnect: traffic is accepted, Boot and Status are triggered", no_boot_after_reconnect),
		QUIRK("no StatusNotification: it is triggered per connector", no_status),
		QUIRK("TriggerMessage refused", a_refused_trigger),
		QUIRK("TriggerMessage unknown", an_unknown_trigger),
		QUIRK("ChangeConfiguration RebootRequired", reboot_required),
		QUIRK("ChangeAvailability(0) is never sent on connect", never_change_availability),
		QUIRK("out-of-order StatusNotification time stamps", status_out_of_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
