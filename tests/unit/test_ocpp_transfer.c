/* test_ocpp_transfer.c - firmware, diagnostics and logs: what is asked, what stations say of it, what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "site/transfer.h"
#include "tests/unit/helper_ocpp.h"

static struct bench b;
static wall_t granted_until;

static int grant(void *ctx, const struct station *st, struct transfer *t, char *url, size_t size, struct diag *diag)
{
	(void)ctx, (void)diag;
	granted_until = t->until;
	snprintf(t->digest, sizeof(t->digest), "d1ge57");
	snprintf(url, size, "http://lms/%s/%s", st->id, *t->file ? t->file : "up");
	return 0;
}

static int find(void *ctx, const char *name, char id[], struct diag *diag)
{
	(void)ctx;
	if (strcmp(name, "fw.bin") != 0)
		return diag_set(diag, -LMS_ENOTFOUND, "file '%s' is not there", name);
	strcpy(id, "00c0ffee");
	return 0;
}

static int check_signed(void *ctx, const char *file, const char *certificate, const char *signature, wall_t wall,
			struct diag *diag)
{
	(void)ctx, (void)wall;
	assert_string_equal(certificate, "-----BEGIN\nX");
	if (file)
		assert_string_equal(file, "00c0ffee");
	if (strcmp(signature, "bad") == 0)
		return diag_set(diag, -LMS_EDATA, "signature: is not that of the file");
	return 0;
}

static const struct hall_files files = { NULL, grant, find, check_signed };

static int set_up(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, 1, "CP1");
	b.hall.files = &files;
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

	return e ? e->u.reply.json : "";
}

static struct ctl_station_firmware_update_args update_args(void)
{
	return (struct ctl_station_firmware_update_args){ .id = "CP1", .url = "ftp://192.0.2.1/fw.bin",
		.retries = NUM_NONE, .interval_ms = NUM_NONE, .retrieve_at = WALL_NONE, .install_at = WALL_NONE };
}

static struct ctl_station_diagnostics_args diagnostics_args(void)
{
	return (struct ctl_station_diagnostics_args){ .id = "CP1", .retries = NUM_NONE, .interval_ms = NUM_NONE,
		.since = WALL_NONE, .until = WALL_NONE };
}

static struct transfer *job(enum transfer_kind kind)
{
	return site_station(b.site, "CP1")->transfer[kind];
}

static void says(const char *action, const char *payload)
{
	static int number;
	char frame[300];

	snprintf(frame, sizeof(frame), "[2,\"n%d\",\"%s\",%s]", ++number, action, payload);
	bench_say(&b, 1, frame);
	assert_non_null(bench_find(&b, ",{}]"));
}

static const char *call_result(const char *id, const char *payload)
{
	static char frame[200];

	snprintf(frame, sizeof(frame), "[3,\"%s\",%s]", id, payload);
	return frame;
}

/* ---- firmware ---- */

static void an_update_names_where_and_when(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	a.retries = 3;
	a.interval_ms = 60000;
	a.retrieve_at = BENCH_WALL + 3600 * US_PER_S;
	assert_int_equal(ctl_station_firmware_update(bench_command(&b), &a), CTL_LATER);
	assert_non_null(bench_find(&b, "\"UpdateFirmware\",{\"location\":\"ftp://192.0.2.1/fw.bin\",\"retries\":3,"
				       "\"retrieveDate\":\"2026-11-21T07:00:00Z\",\"retryInterval\":60}"));
	bench_answer(&b, 1, "UpdateFirmware", "{}");
	assert_non_null(strstr(reply(), "\"status\":\"Accepted\""));
	assert_non_null(strstr(reply(), "\"request\":"));
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "Accepted");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_RUNNING);
}

static void what_the_station_says_moves_the_job_on(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_answer(&b, 1, "UpdateFirmware", "{}");
	says("FirmwareStatusNotification", "{\"status\":\"Downloading\"}");
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "Downloading");
	assert_int_equal(bench_effect(&b, FX_PUT, 0)->u.put.table, STORE_TRANSFER);
	says("FirmwareStatusNotification", "{\"status\":\"Installed\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_DONE);
}

static void idle_does_not_hide_how_it_ended(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_answer(&b, 1, "UpdateFirmware", "{}");
	says("FirmwareStatusNotification", "{\"status\":\"DownloadFailed\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_FAILED);
	says("FirmwareStatusNotification", "{\"status\":\"Idle\"}");
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "DownloadFailed");
	/* It tries once more by itself. */
	says("FirmwareStatusNotification", "{\"status\":\"Downloading\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_RUNNING);
}

static void a_boot_with_another_version_ends_an_update(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	says("FirmwareStatusNotification", "{\"status\":\"Idle\"}");
	assert_null(job(TRANSFER_FIRMWARE));
	strcpy(site_station(b.site, "CP1")->firmware, "1.0");
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_answer(&b, 1, "UpdateFirmware", "{}");
	says("FirmwareStatusNotification", "{\"status\":\"Installing\"}");
	bench_say(&b, 1, "[2,\"b2\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\","
			 "\"firmwareVersion\":\"1.0\"}]");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_RUNNING);
	bench_say(&b, 1, "[2,\"b3\",\"BootNotification\",{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\","
			 "\"firmwareVersion\":\"2.0\"}]");
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "Installed");
	assert_string_equal(job(TRANSFER_FIRMWARE)->before, "1.0");
	says("FirmwareStatusNotification", "{\"status\":\"Installed\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_DONE);
}

static void a_station_that_begins_by_itself_is_shown_too(void **state)
{
	(void)state;
	says("FirmwareStatusNotification", "{\"status\":\"Downloading\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->job, 0);
	says("SignedFirmwareStatusNotification", "{\"status\":\"InvalidSignature\",\"requestId\":77}");
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "InvalidSignature");
}

static void a_refusal_fails_the_job(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_refuse(&b, 1, "UpdateFirmware", "NotSupported");
	assert_non_null(strstr(reply(), "\"status\":\"NotSupported\""));
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_FAILED);
	a.signature = "c2ln";
	a.certificate = "-----BEGIN\nX";
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_answer(&b, 1, "SignedUpdateFirmware", "{\"status\":\"InvalidCertificate\"}");
	assert_non_null(strstr(reply(), "\"status\":\"InvalidCertificate\""));
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_FAILED);
}

static void no_answer_is_no_end_of_the_job(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_pass(&b, 31 * US_PER_S);
	assert_non_null(strstr(reply(), "OFFLINE"));
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "NoAnswer");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_RUNNING);
	says("FirmwareStatusNotification", "{\"status\":\"Downloaded\"}");
	assert_string_equal(job(TRANSFER_FIRMWARE)->status, "Downloaded");
}

static void a_signed_update_has_all_that_it_needs(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	a.url = NULL;
	a.file = "fw.bin";
	a.signature = "c2ln";
	a.certificate = "-----BEGIN\nX";
	a.install_at = BENCH_WALL + 7200 * US_PER_S;
	assert_int_equal(ctl_station_firmware_update(bench_command(&b), &a), CTL_LATER);
	assert_non_null(bench_find(&b, "\"SignedUpdateFirmware\",{\"requestId\":"));
	assert_non_null(bench_find(&b, "\"firmware\":{\"location\":\"http://lms/CP1/00c0ffee\",\"retrieveDateTime\":\"2026-11-21T06:"));
	assert_non_null(bench_find(&b, "\"installDateTime\":\"2026-11-21T08:00:00Z\",\"signingCertificate\":\"-----BEGIN\\nX\","
				       "\"signature\":\"c2ln\"}}"));
	assert_string_equal(job(TRANSFER_FIRMWARE)->digest, "d1ge57");
	bench_answer(&b, 1, "SignedUpdateFirmware", "{\"status\":\"AcceptedCanceled\"}");
	assert_int_equal(job(TRANSFER_FIRMWARE)->state, TRANSFER_RUNNING);
}

static void what_is_wrong_with_an_update_is_told_before_anybody_is_asked(void **state)
{
	static const struct { const char *url, *file, *signature, *certificate; int64_t retries; int err; } cases[] = {
		{ "gopher://x/y", NULL, NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ "http://", NULL, NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ "http://a/b c", NULL, NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ "http://a/\nb", NULL, NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ NULL, NULL, NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ "http://a/b", "fw.bin", NULL, NULL, NUM_NONE, -LMS_EDATA },
		{ NULL, "other.bin", NULL, NULL, NUM_NONE, -LMS_ENOTFOUND },
		{ "http://a/b", NULL, "c2ln", NULL, NUM_NONE, -LMS_EDATA },
		{ NULL, "fw.bin", "bad", "-----BEGIN\nX", NUM_NONE, -LMS_EDATA },
		{ "http://a/b", NULL, NULL, NULL, 101, -LMS_ERANGE },
		{ "http://a/b", NULL, NULL, NULL, -1, -LMS_ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ctl_station_firmware_update_args a = update_args();

		a.url = cases[i].url;
		a.file = cases[i].file;
		a.signature = cases[i].signature;
		a.certificate = cases[i].certificate;
		a.retries = cases[i].retries;
		assert_int_equal(ctl_station_firmware_update(bench_command(&b), &a), cases[i].err);
		assert_null(bench_find(&b, "UpdateFirmware"));
		assert_null(job(TRANSFER_FIRMWARE));
		assert_int_equal(b.call.diag.err, cases[i].err);
	}
}

static void the_status_is_what_the_notification_says(void **state)
{
	struct ctl_station_firmware_status_args a = { .id = "CP1" };

	(void)state;
	strcpy(site_station(b.site, "CP1")->firmware, "1.0");
	assert_int_equal(ctl_station_firmware_status(bench_command(&b), &a), CTL_LATER);
	bench_answer(&b, 1, "TriggerMessage", "{\"status\":\"Accepted\"}");
	assert_string_equal(reply(), "");
	says("FirmwareStatusNotification", "{\"status\":\"Idle\"}");
	assert_string_equal(reply(), "{\"status\":\"Accepted\",\"firmware_status\":\"Idle\",\"firmware\":\"1.0\"}");
	says("FirmwareStatusNotification", "{\"status\":\"Idle\"}");
	assert_string_equal(reply(), "");
	/* None comes; it is refused; it comes first; the station goes. */
	ctl_station_firmware_status(bench_command(&b), &a);
	bench_answer(&b, 1, "TriggerMessage", "{\"status\":\"Accepted\"}");
	bench_pass(&b, 11 * US_PER_S);
	assert_non_null(strstr(reply(), "has not sent"));
	ctl_station_firmware_status(bench_command(&b), &a);
	bench_answer(&b, 1, "TriggerMessage", "{\"status\":\"NotImplemented\"}");
	assert_string_equal(reply(), "{\"status\":\"NotImplemented\"}");
	ctl_station_firmware_status(bench_command(&b), &a);
	{
		char id[40];

		assert_true(bench_call_id(&b, "TriggerMessage", id, sizeof(id)));
		says("FirmwareStatusNotification", "{\"status\":\"Downloading\"}");
		bench_turn(&b);
		bench_say(&b, 1, call_result(id, "{\"status\":\"Accepted\"}"));
	}
	assert_non_null(strstr(reply(), "\"firmware_status\":\"Downloading\""));
	ctl_station_firmware_status(bench_command(&b), &a);
	bench_answer(&b, 1, "TriggerMessage", "{\"status\":\"Accepted\"}");
	bench_close(&b, 1);
	assert_non_null(strstr(reply(), "has not sent"));
}

static void a_job_that_never_begins_expires(void **state)
{
	struct ctl_station_firmware_update_args a = update_args();

	(void)state;
	ctl_station_firmware_update(bench_command(&b), &a);
	bench_answer(&b, 1, "UpdateFirmware", "{}");
	assert_false(transfer_lapsed(job(TRANSFER_FIRMWARE), b.wall + 23 * 3600 * US_PER_S));
	assert_true(transfer_lapsed(job(TRANSFER_FIRMWARE), b.wall + 25 * 3600 * US_PER_S));
	says("FirmwareStatusNotification", "{\"status\":\"Downloaded\"}");
	assert_false(transfer_lapsed(job(TRANSFER_FIRMWARE), b.wall + 25 * 3600 * US_PER_S));
}

/* ---- diagnostics and logs ---- */

static void without_a_file_server_a_url_is_needed(void **state)
{
	struct ctl_station_diagnostics_args a = diagnostics_args();

	(void)state;
	b.hall.files = NULL;
	assert_int_equal(ctl_station_diagnostics(bench_command(&b), &a), -LMS_ECONFLICT);
	assert_non_null(strstr(b.call.diag.text, "files.listen"));
	a.url = "ftp://192.0.2.1/in";
	assert_int_equal(ctl_station_diagnostics(bench_command(&b), &a), CTL_LATER);
	assert_non_null(bench_find(&b, "\"GetDiagnostics\",{\"location\":\"ftp://192.0.2.1/in\"}"));
}

static void diagnostics_go_to_a_place_of_their_own(void **state)
{
	struct ctl_station_diagnostics_args a = diagnostics_args();
	int64_t first;

	(void)state;
	a.since = BENCH_WALL - 3600 * US_PER_S;
	assert_int_equal(ctl_station_diagnostics(bench_command(&b), &a), CTL_LATER);
	assert_non_null(bench_find(&b, "\"location\":\"http://lms/CP1/up\",\"startTime\":\"2026-11-21T05:00:00Z\"}"));
	assert_true(granted_until >= b.wall + 24 * 3600 * US_PER_S);
	bench_answer(&b, 1, "GetDiagnostics", "{\"fileName\":\"d.zip\"}");
	assert_non_null(strstr(reply(), "\"status\":\"Accepted\",\"fileName\":\"d.zip\""));
	says("DiagnosticsStatusNotification", "{\"status\":\"Uploading\"}");
	first = job(TRANSFER_UPLOAD)->job;
	transfer_received(site_station(b.site, "CP1"), first, "00d1a6", b.wall, &b.fx);
	assert_string_equal(job(TRANSFER_UPLOAD)->file, "00d1a6");
	assert_int_equal(job(TRANSFER_UPLOAD)->state, TRANSFER_DONE);
	says("DiagnosticsStatusNotification", "{\"status\":\"Uploaded\"}");
	/* A second one in the same second is another job. */
	a.since = WALL_NONE;
	assert_int_equal(ctl_station_diagnostics(bench_command(&b), &a), CTL_LATER);
	assert_true(job(TRANSFER_UPLOAD)->job > first);
	assert_string_equal(job(TRANSFER_UPLOAD)->file, "");
}

static void a_station_without_diagnostics_names_no_file(void **state)
{
	struct ctl_station_diagnostics_args a = diagnostics_args();

	(void)state;
	ctl_station_diagnostics(bench_command(&b), &a);
	bench_answer(&b, 1, "GetDiagnostics", "{}");
	assert_non_null(strstr(reply(), "\"status\":\"NoFile\""));
	assert_int_equal(job(TRANSFER_UPLOAD)->state, TRANSFER_FAILED);
}

static void a_log_is_followed_by_its_request_id(void **state)
{
	struct ctl_station_log_args a = { .id = "CP1", .type = "SecurityLog", .retries = 2, .interval_ms = 1500,
		.oldest = WALL_NONE, .latest = BENCH_WALL };
	char text[200];

	(void)state;
	assert_int_equal(ctl_station_log(bench_command(&b), &a), CTL_LATER);
	assert_non_null(bench_find(&b, "\"GetLog\",{\"log\":{\"remoteLocation\":\"http://lms/CP1/up\",\"latestTimestamp\":"
				       "\"2026-11-21T06:00:00Z\"},\"logType\":\"SecurityLog\",\"requestId\":"));
	assert_non_null(bench_find(&b, ",\"retries\":2,\"retryInterval\":1}"));
	bench_answer(&b, 1, "GetLog", "{\"status\":\"Accepted\",\"filename\":\"s.log\"}");
	says("LogStatusNotification", "{\"status\":\"Uploading\",\"requestId\":1}");
	assert_string_equal(job(TRANSFER_UPLOAD)->status, "Accepted");
	snprintf(text, sizeof(text), "{\"status\":\"PermissionDenied\",\"requestId\":%lld}",
		 (long long)job(TRANSFER_UPLOAD)->job);
	says("LogStatusNotification", text);
	assert_int_equal(job(TRANSFER_UPLOAD)->state, TRANSFER_FAILED);
}

static void the_ends_of_a_span_may_not_be_swapped(void **state)
{
	struct ctl_station_diagnostics_args a = diagnostics_args();

	(void)state;
	a.since = BENCH_WALL;
	a.until = BENCH_WALL - US_PER_S;
	assert_int_equal(ctl_station_diagnostics(bench_command(&b), &a), -LMS_EDATA);
	assert_non_null(strstr(b.call.diag.text, "until: "));
}

/* ---- kept ---- */

static void a_job_survives_a_restart(void **state)
{
	struct ctl_station_diagnostics_args a = diagnostics_args();
	const struct effect *put;
	struct transfer before;
	struct diag diag;

	(void)state;
	ctl_station_diagnostics(bench_command(&b), &a);
	bench_answer(&b, 1, "GetDiagnostics", "{\"fileName\":\"d.zip\"}");
	put = bench_effect(&b, FX_PUT, 0);
	assert_int_equal(put->u.put.table, STORE_TRANSFER);
	assert_string_equal(put->u.put.key, "CP1/upload");
	before = *job(TRANSFER_UPLOAD);
	memset(job(TRANSFER_UPLOAD), 0, sizeof(struct transfer));
	diag_init(&diag);
	assert_int_equal(site_transfer_load(b.site, put->u.put.key, put->u.put.json, put->u.put.len, &diag), 0);
	assert_memory_equal(job(TRANSFER_UPLOAD), &before, sizeof(before));
	assert_ptr_equal(transfer_by_id(b.site, "CP1/upload"), job(TRANSFER_UPLOAD));
	assert_null(transfer_by_id(b.site, "CP1/firmware"));
	assert_null(transfer_by_id(b.site, "CP1"));
	assert_null(transfer_by_id(b.site, "CP1/other"));
	/* Strange records and those of strangers are left out. */
	assert_int_equal(site_transfer_load(b.site, "NOBODY/upload", "{}", 2, &diag), 0);
	assert_int_equal(site_transfer_load(b.site, "CP1/firmware", "{\"what\":\"log\"}", 14, &diag), -LMS_EPARSE);
	assert_int_equal(site_transfer_load(b.site, "CP1/firmware", "{", 1, &diag), -LMS_EPARSE);
	assert_null(job(TRANSFER_FIRMWARE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_update_names_where_and_when, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_station_says_moves_the_job_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(idle_does_not_hide_how_it_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_boot_with_another_version_ends_an_update, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_station_that_begins_by_itself_is_shown_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_fails_the_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_answer_is_no_end_of_the_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_signed_update_has_all_that_it_needs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_with_an_update_is_told_before_anybody_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_status_is_what_the_notification_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_job_that_never_begins_expires, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_file_server_a_url_is_needed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(diagnostics_go_to_a_place_of_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_station_without_diagnostics_names_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_log_is_followed_by_its_request_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_ends_of_a_span_may_not_be_swapped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_job_survives_a_restart, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
