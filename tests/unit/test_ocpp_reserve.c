/* test_ocpp_reserve.c - reservations: asked, kept, used, refused to others, forgotten by stations, told again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "site/reserve/reservation.h"
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

static int create(const char *connector, const char *tag)
{
	return ctl_reservation_create(bench_command(&b), &(struct ctl_reservation_create_args){
		.connector = connector, .tag = tag, .for_ms = 3600000, .expires = WALL_NONE });
}

static int cancel(int64_t id)
{
	return ctl_reservation_cancel(bench_command(&b), &(struct ctl_reservation_cancel_args){ .id = id });
}

static const char *reply(void)
{
	const struct effect *e = bench_effect(&b, FX_REPLY, 0);

	return e ? e->u.reply.json : "";
}

static void held(const char *connector, const char *tag)
{
	assert_int_equal(create(connector, tag), CTL_LATER);
	bench_answer(&b, 1, "ReserveNow", "{\"status\":\"Accepted\"}");
}

static void status(int connector, const char *word)
{
	char frame[200];

	snprintf(frame, sizeof(frame), "[2,\"s\",\"StatusNotification\",{\"connectorId\":%d,\"errorCode\":\"NoError\",\"status\":\"%s\"}]",
		 connector, word);
	bench_say(&b, 1, frame);
}

static void start(int connector, const char *tag, const char *more)
{
	char frame[300];

	snprintf(frame, sizeof(frame), "[2,\"t\",\"StartTransaction\",{\"connectorId\":%d,\"idTag\":\"%s\",\"meterStart\":%d%s,"
		 "\"timestamp\":\"2026-11-21T06:00:20Z\"}]", connector, tag, connector * 100, more);
	bench_say(&b, 1, frame);
}

static void boot(void)
{
	bench_say(&b, 1, "[2,\"b\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}]");
}

static const struct reservation *only(void)
{
	const struct reservation *r = b.site->reservations;

	assert_true(!r || !r->next);
	return r;
}

static void a_reservation_is_stored_before_it_is_asked_for_and_kept_when_accepted(void **state)
{
	const struct effect *e;

	(void)state;
	assert_int_equal(create("CP1/2", "vip"), CTL_LATER);
	assert_non_null(strstr(bench_frame(&b, 0), "\"ReserveNow\",{\"connectorId\":2,\"expiryDate\":\"2026-11-21T07:00:06Z\","
			       "\"idTag\":\"VIP\",\"parentIdTag\":\"FLEET\",\"reservationId\":1}]"));
	e = bench_effect(&b, FX_FRAME, 0);
	assert_int_equal(e->when, FX_AFTER_COMMIT);
	assert_int_equal(only()->state, RESERVATION_ASKED);
	assert_non_null(bench_effect(&b, FX_PUT, 1));	/* the next id, and the record */
	bench_answer(&b, 1, "ReserveNow", "{\"status\":\"Accepted\"}");
	assert_string_equal(reply(), "{\"status\":\"Accepted\",\"reservation\":1}");
	assert_int_equal(only()->state, RESERVATION_HELD);
	assert_int_equal(create("CP1/2", "GOOD"), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "is reserved already, for tag VIP (reservation cancel 1"));
}

static void each_refusal_of_the_station_is_told_and_nothing_is_kept(void **state)
{
	static const char *const words[] = { "Faulted", "Occupied", "Rejected", "Unavailable" };
	char answer[60];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_int_equal(create("CP1/1", "GOOD"), CTL_LATER);
		snprintf(answer, sizeof(answer), "{\"status\":\"%s\"}", words[i]);
		bench_answer(&b, 1, "ReserveNow", answer);
		assert_string_equal(reply(), answer);
		assert_null(only());
	}
	assert_int_equal(create("CP1/1", "GOOD"), CTL_LATER);
	assert_int_equal(only()->id, 5);
	bench_refuse(&b, 1, "ReserveNow", "NotSupported");
	assert_string_equal(reply(), "{\"status\":\"NotSupported\",\"description\":\"\"}");
	assert_null(only());
}

static void what_cannot_be_reserved_is_refused_before_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(create("CP1/9", "GOOD"), -LMS_ENOTFOUND);
	assert_int_equal(create("CP9", "GOOD"), -LMS_ENOTFOUND);
	assert_int_equal(create("CP1/1", "WHO"), -LMS_ENOTFOUND);
	assert_non_null(strstr(b.call.diag.text, "tag add WHO"));
	assert_int_equal(create("CP1/1", "BLOCKED"), -LMS_ECONFLICT);
	assert_int_equal(create("CP2/1", "GOOD"), -LMS_EOFFLINE);
	assert_int_equal(ctl_reservation_create(bench_command(&b), &(struct ctl_reservation_create_args){
			 .connector = "CP1/1", .tag = "GOOD", .for_ms = NUM_NONE, .expires = b.wall - 1 }), -LMS_ERANGE);
	assert_int_equal(ctl_reservation_create(bench_command(&b), &(struct ctl_reservation_create_args){
			 .connector = "CP1/1", .tag = "GOOD", .for_ms = 1000, .expires = b.wall + US_PER_S }), -LMS_EUSAGE);
	bench_open(&b, 5, "STRANGER");
	bench_say(&b, 5, "[2,\"b\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}]");
	bench_status(&b, 5, 1, "Available");
	assert_int_equal(create("STRANGER/1", "GOOD"), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "not registered (station accept STRANGER"));
	assert_int_equal(cancel(7), -LMS_ENOTFOUND);
	assert_string_equal(bench_frame(&b, 0), "");
	assert_null(only());
}

static void the_station_may_not_take_connector_0(void **state)
{
	(void)state;
	held("CP1", "GOOD");
	assert_int_equal(only()->connector, 0);
	bench_pass(&b, 2 * US_PER_S);
	boot();
	bench_pass(&b, 2 * US_PER_S);
	bench_answer(&b, 1, "GetConfiguration", "{\"configurationKey\":[{\"key\":\"ReserveConnectorZeroSupported\",\"readonly\":true,"
		     "\"value\":\"False\"}]}");
	assert_int_equal(create("CP1/0", "GOOD"), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "reserve CP1/1"));
}

static void the_reserved_tag_and_its_group_start_and_others_are_refused(void **state)
{
	(void)state;
	held("CP1/1", "VIP");
	status(1, "Reserved");
	start(1, "GOOD", "");
	assert_non_null(bench_find(&b, "\"status\":\"Blocked\""));
	assert_null(bench_conn(&b, "CP1", 1)->tx);
	assert_non_null(only());
	/* The other connector is free. */
	start(2, "GOOD", "");
	assert_non_null(bench_find(&b, "\"status\":\"Accepted\""));
	assert_non_null(only());
	start(1, "VIP", ",\"reservationId\":1");
	assert_non_null(bench_find(&b, "\"status\":\"Accepted\""));
	assert_null(only());
	assert_non_null(bench_effect(&b, FX_DEL, 0));
}

static void who_reserved_any_connector_has_none_in_one_that_is_kept_for_another(void **state)
{
	(void)state;
	held("CP1/1", "VIP");
	held("CP1/0", "GOOD");
	status(1, "Reserved");
	status(2, "Reserved");
	start(1, "GOOD", "");
	assert_non_null(bench_find(&b, "\"status\":\"Blocked\""));
	start(2, "GOOD2", "");
	assert_non_null(bench_find(&b, "\"status\":\"Blocked\""));
	start(2, "GOOD", "");
	assert_non_null(bench_find(&b, "\"status\":\"Accepted\""));
	assert_string_equal(only()->tag, "VIP");
}

static void a_start_that_names_no_reservation_uses_the_one_of_its_tag(void **state)
{
	(void)state;
	held("CP1", "GOOD");
	start(2, "GOOD2", "");
	assert_non_null(only());
	start(1, "GOOD", "");
	assert_null(only());
}

static void a_replayed_start_is_billed_whoever_had_reserved(void **state)
{
	(void)state;
	held("CP1/1", "VIP");
	status(1, "Reserved");
	bench_close(&b, 1);
	bench_pass(&b, 600 * US_PER_S);
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"t\",\"StartTransaction\",{\"connectorId\":1,\"idTag\":\"GOOD\",\"meterStart\":1,"
		  "\"timestamp\":\"2026-11-21T06:01:00Z\"}]");
	assert_non_null(bench_find(&b, "\"status\":\"Accepted\""));
}

static void a_tag_that_can_start_nowhere_is_refused_when_it_is_shown(void **state)
{
	(void)state;
	held("CP1/1", "VIP");
	status(1, "Reserved");
	bench_say(&b, 1, "[2,\"a\",\"Authorize\",{\"idTag\":\"GOOD\"}]");
	assert_non_null(bench_find(&b, "Accepted"));
	held("CP1/2", "VIP");
	status(2, "Reserved");
	bench_say(&b, 1, "[2,\"a\",\"Authorize\",{\"idTag\":\"GOOD\"}]");
	assert_non_null(bench_find(&b, "Blocked"));
	bench_say(&b, 1, "[2,\"a\",\"Authorize\",{\"idTag\":\"VIP\"}]");
	assert_non_null(bench_find(&b, "Accepted"));
	/* Where something runs it may have been shown to stop it. */
	start(2, "VIP", "");
	bench_say(&b, 1, "[2,\"a\",\"Authorize\",{\"idTag\":\"GOOD\"}]");
	assert_non_null(bench_find(&b, "Accepted"));
}

static void a_reservation_that_nobody_made_here_is_left_to_the_station(void **state)
{
	(void)state;
	status(1, "Reserved");
	start(1, "GOOD", ",\"reservationId\":77");
	assert_non_null(bench_find(&b, "\"status\":\"Accepted\""));
}

static void it_ends_by_the_clock_and_when_the_connector_is_available_after_it_was_reserved(void **state)
{
	(void)state;
	held("CP1/1", "GOOD");
	bench_pass(&b, 3599 * US_PER_S);
	assert_non_null(only());
	bench_pass(&b, 2 * US_PER_S);
	assert_null(only());
	assert_non_null(bench_effect(&b, FX_DEL, 0));
	held("CP1/1", "GOOD");
	status(1, "Available");		/* on its way before it was reserved */
	assert_non_null(only());
	status(1, "Reserved");
	status(1, "Available");
	assert_null(only());
	assert_string_equal(bench_find(&b, "ReserveNow") ? "asked" : "not asked", "not asked");
}

static void it_is_told_again_to_a_station_that_has_booted_and_forgotten(void **state)
{
	(void)state;
	held("CP1/1", "GOOD");
	status(1, "Reserved");
	boot();
	status(1, "Available");
	assert_non_null(bench_find(&b, "\"reservationId\":1"));
	bench_answer(&b, 1, "ReserveNow", "{\"status\":\"Accepted\"}");
	assert_int_equal(only()->state, RESERVATION_HELD);
	assert_null(bench_effect(&b, FX_REPLY, 0));
	status(1, "Reserved");
	/* One that has kept it is not asked. */
	boot();
	status(1, "Reserved");
	assert_null(bench_find(&b, "ReserveNow"));
	status(1, "Available");
	assert_null(only());
}

static void one_that_is_not_taken_again_is_over(void **state)
{
	(void)state;
	held("CP1/1", "GOOD");
	boot();
	status(1, "Available");
	bench_answer(&b, 1, "ReserveNow", "{\"status\":\"Rejected\"}");
	assert_null(only());
}

static void cancelling_ends_it_whatever_the_station_says(void **state)
{
	static const char *const words[] = { "Accepted", "Rejected" };
	char answer[60];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		held("CP1/1", "GOOD");
		assert_int_equal(cancel(only()->id), CTL_LATER);
		assert_non_null(strstr(bench_frame(&b, 0), "\"CancelReservation\",{\"reservationId\":"));
		snprintf(answer, sizeof(answer), "{\"status\":\"%s\"}", words[i]);
		bench_answer(&b, 1, "CancelRes", answer);
		assert_string_equal(reply(), answer);
		assert_null(only());
	}
	held("CP1/1", "GOOD");
	assert_int_equal(cancel(only()->id), CTL_LATER);
	bench_refuse(&b, 1, "CancelRes", "InternalError");
	assert_int_equal(only()->state, RESERVATION_HELD);
}

static void one_cancelled_while_the_station_is_away_is_cancelled_on_its_return(void **state)
{
	(void)state;
	held("CP1/1", "GOOD");
	bench_close(&b, 1);
	assert_int_equal(cancel(1), -LMS_EOFFLINE);
	assert_non_null(strstr(b.call.diag.text, "when it returns"));
	assert_int_equal(only()->state, RESERVATION_CANCELLING);
	bench_open(&b, 1, "CP1");
	bench_say(&b, 1, "[2,\"h\",\"Heartbeat\",{}]");
	assert_non_null(bench_find(&b, "CancelReservation"));
	bench_answer(&b, 1, "CancelRes", "{\"status\":\"Accepted\"}");
	assert_null(only());
}

static void one_whose_answer_is_not_known_is_taken_back(void **state)
{
	(void)state;
	assert_int_equal(create("CP1/1", "GOOD"), CTL_LATER);
	bench_pass(&b, 31 * US_PER_S);
	assert_non_null(strstr(reply(), "did not answer in time"));
	assert_non_null(bench_find(&b, "CancelReservation"));
	bench_answer(&b, 1, "CancelRes", "{\"status\":\"Rejected\"}");
	assert_null(only());
	assert_int_equal(create("CP1/1", "GOOD"), CTL_LATER);
	bench_close(&b, 1);
	assert_non_null(strstr(reply(), "disconnected before it answered"));
	assert_int_equal(only()->state, RESERVATION_CANCELLING);
	bench_open(&b, 1, "CP1");
	boot();
	assert_non_null(bench_find(&b, "CancelReservation"));
}

static void reservations_survive_a_restart_and_ids_never_come_again(void **state)
{
	static const char json[] = "{\"id\":8,\"station\":\"CP1\",\"connector\":1,\"tag\":\"GOOD\",\"expires\":1895240800000000,"
		"\"created\":1,\"state\":\"held\"}",
		asked[] = "{\"id\":9,\"station\":\"CP1\",\"connector\":2,\"tag\":\"GOOD\",\"expires\":1895240800000000,"
		"\"created\":1,\"state\":\"asked\"}";
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(site_meta_load(b.site, "reservation", "{\"next_id\":40}", 14, &d), 0);
	assert_int_equal(site_reservation_load(b.site, json, sizeof(json) - 1, &d), 0);
	assert_int_equal(site_reservation_load(b.site, asked, sizeof(asked) - 1, &d), 0);
	assert_int_equal(site_reservation_load(b.site, "{\"id\":0}", 8, &d), -LMS_EDATA);
	assert_int_equal(site_reservation_load(b.site, json, sizeof(json) - 1, &d), -LMS_EDATA);
	assert_int_equal(site_reservation(b.site, 8)->state, RESERVATION_HELD);
	/* Nobody knows whether the station has it. */
	assert_int_equal(site_reservation(b.site, 9)->state, RESERVATION_CANCELLING);
	boot();
	assert_non_null(bench_find(&b, "\"CancelReservation\",{\"reservationId\":9}"));
	bench_answer(&b, 1, "CancelRes", "{\"status\":\"Rejected\"}");
	assert_int_equal(create("CP1/2", "GOOD2"), CTL_LATER);
	assert_non_null(strstr(bench_frame(&b, 0), "\"reservationId\":40}"));
}

static void those_of_a_station_that_is_not_registered_any_more_are_over(void **state)
{
	(void)state;
	held("CP1/1", "GOOD");
	bench_configure(&b, "CP1", NULL);
	bench_pass(&b, 61 * US_PER_S);
	assert_null(only());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(a_reservation_is_stored_before_it_is_asked_for_and_kept_when_accepted),
		T(each_refusal_of_the_station_is_told_and_nothing_is_kept),
		T(what_cannot_be_reserved_is_refused_before_it_is_asked_for),
		T(the_station_may_not_take_connector_0),
		T(the_reserved_tag_and_its_group_start_and_others_are_refused),
		T(who_reserved_any_connector_has_none_in_one_that_is_kept_for_another),
		T(a_start_that_names_no_reservation_uses_the_one_of_its_tag),
		T(a_replayed_start_is_billed_whoever_had_reserved),
		T(a_tag_that_can_start_nowhere_is_refused_when_it_is_shown),
		T(a_reservation_that_nobody_made_here_is_left_to_the_station),
		T(it_ends_by_the_clock_and_when_the_connector_is_available_after_it_was_reserved),
		T(it_is_told_again_to_a_station_that_has_booted_and_forgotten),
		T(one_that_is_not_taken_again_is_over),
		T(cancelling_ends_it_whatever_the_station_says),
		T(one_cancelled_while_the_station_is_away_is_cancelled_on_its_return),
		T(one_whose_answer_is_not_known_is_taken_back),
		T(reservations_survive_a_restart_and_ids_never_come_again),
		T(those_of_a_station_that_is_not_registered_any_more_are_over),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
