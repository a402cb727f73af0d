/* timeout: 120 */
/* test_files_upload.c - what stations and administrators send to the file server, and what of it is kept. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_files.h"

/* ---- what is sent ---- */

static void one_file_is_taken_per_job(void **state)
{
	(void)state;
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(fb_request("PUT", fb_path("d", "/log.zip"), "", "hello", 5), 201);
	fb_wait_kept(1);
	assert_string_equal(fb.kept.station, "CP1");
	assert_string_equal(fb.kept.name, "log.zip");
	assert_string_equal(fb.kept.what, "diagnostics");
	assert_int_equal(fb.kept.job, 7);
	assert_int_equal(fb.kept.size, 5);
	assert_string_equal(fb.kept.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	assert_int_equal(fb_request("PUT", fb_path("d", "/log.zip"), "", "other", 5), 404);
	files_read(fb.files, fb.kept.id, 0, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.len, 5);
	assert_memory_equal(fb.answer.data, "hello", 5);
	assert_ptr_equal(files_find(fb.files, "log.zip"), files_find(fb.files, fb.kept.id));
}

static void an_upload_that_breaks_off_may_begin_again(void **state)
{
	char head[400];
	int first, second;

	(void)state;
	fb_allow("CP1", NULL, 60 * US_PER_S);
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", fb_path("d", "/x"));
	first = fb_dial();
	fb_put(first, head, strlen(head));
	for (int i = 0; i < 10000 && fb_count_files(".part") == 0; i++)
		usleep(1000);
	assert_int_equal(fb_count_files(".part"), 1);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", "other", 5), 409);	/* one at a time */
	close(first);
	second = 409;
	for (int i = 0; i < 10000 && second == 409; i++) {
		usleep(1000);
		second = fb_request("PUT", fb_path("d", "/x"), "", "whole", 5);
	}
	assert_int_equal(second, 201);
	fb_wait_kept(1);
	assert_int_equal(fb.kept.size, 5);
	assert_int_equal(fb_count_files(".part"), 0);
}

static void what_is_too_large_is_refused(void **state)
{
	static char large[SIZE_MAX_TEST + 5000];
	char head[400];
	int status;

	(void)state;
	memset(large, 'x', sizeof(large));
	fb_allow("CP1", NULL, 60 * US_PER_S);
	/* Before it is sent, where the station asks. */
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
		 fb_path("d", "/x"), SIZE_MAX_TEST + 1);
	assert_int_equal(fb_request_raw(head, strlen(head)), 413);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "Content-Length: 99999999999999999999999\r\n", NULL, 0) / 100, 4);
	/* One that sends without asking gets the answer, not a connection that is cut. */
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", large, sizeof(large)), 413);
	/* In chunks nobody knows before. */
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "%zx\r\n", fb_path("d", "/x"), sizeof(large));
	{
		int fd = fb_dial();

		fb_put(fd, head, strlen(head));
		fb_put(fd, large, sizeof(large));
		fb_put(fd, "\r\n0\r\n\r\n", 7);
		status = fb_hear(fd);
	}
	assert_int_equal(status, 413);
	assert_int_equal(fb_count_files(NULL), 0);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", large, SIZE_MAX_TEST), 201);
	fb_wait_kept(1);
	assert_int_equal(fb.kept.size, SIZE_MAX_TEST);
}

static void what_stations_sent_makes_room_and_firmware_stays(void **state)
{
	static char data[15000];
	char first[FILES_ID_MAX + 1] = "";
	size_t count;

	(void)state;
	fb_add_firmware("a.bin");
	for (int i = 0; i < 6; i++) {
		fb_allow("CP1", NULL, 60 * US_PER_S);
		assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", data, sizeof(data)), 201);
		fb_wait_kept(i + 1);
		if (i == 0)
			strcpy(first, fb.kept.id);
	}
	while (files_find(fb.files, first))
		fb_turn();
	files_list(fb.files, &count);
	assert_int_equal(count, 4);		/* 10,000 and three of 15,000 and heads */
	assert_string_equal(files_list(fb.files, &count)[0].name, "a.bin");
	/* Firmware alone fills it: nothing can make room. */
	data[0] = 1;
	for (int i = 0; i < 3; i++) {
		struct files_piece p = { .name = i == 0 ? "b" : i == 1 ? "c" : "d", .size = sizeof(data), .data = data,
					 .len = sizeof(data) };

		files_add(fb.files, &p, fb_on_answer, NULL);
		fb_wait_answer();
		assert_int_equal(fb.answer.a.err, 0);
	}
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", data, sizeof(data)), 507);
}

static void the_reserve_of_the_disk_is_left_alone(void **state)
{
	struct files_piece p = { .name = "fw.bin", .size = 10, .data = fb.firmware, .len = 10 };

	(void)state;
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", "hello", 5), 201);
	fb_wait_kept(1);
	files_free(fb.files);
	fb.keep_free = INT64_MAX / 2;
	fb_start(0, NULL, NULL);
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", "hello", 5), 507);
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_ECANTCREAT);
	assert_non_null(strstr(fb.answer.text, "no room on the disk"));
	assert_int_equal(fb_count_files(NULL), 1);		/* nothing was removed in vain */
}

/* The disk refuses to write in the middle. */
static void a_write_that_fails_leaves_nothing(void **state)
{
	struct rlimit usual, small = { 8000, RLIM_INFINITY };
	static char data[15000];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	small.rlim_max = usual.rlim_max;
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", data, sizeof(data)), 500);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	assert_int_equal(fb_count_files(NULL), 0);
	while (fb.told_count == 0)
		fb_turn();
	assert_non_null(strstr(fb.told, "upload_refused station=\"CP1\""));
	/* The path is still open: it may try again. */
	assert_int_equal(fb_request("PUT", fb_path("d", "/x"), "", data, sizeof(data)), 201);
}

static void the_name_is_for_people_only(void **state)
{
	static const struct { const char *path, *name; } cases[] = {
		{ "/a.zip", "a.zip" }, { "", "" }, { "/", "" }, { "a.zip", "" }, { "/../../etc/passwd", "passwd" },
		{ "/%2e%2e%2f%2e%2e%2fpasswd", "passwd" }, { "/..", "" }, { "/.hidden", "hidden" }, { "/a%20b%00c", "a_b" },
		{ "/a%0d%0aSet-Cookie:%20x", "a__Set-Cookie__x" }, { "/%c3%a4.log", "__.log" }, { "/..%5c..%5cx", "_.._x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fb_allow("CP1", NULL, 60 * US_PER_S);
		assert_int_equal(fb_request("PUT", fb_path("d", cases[i].path), "", "x", 1), 201);
		fb_wait_kept((int)i + 1);
		if (strcmp(fb.kept.name, cases[i].name) != 0)
			fail_msg("%s: '%s'", cases[i].path, fb.kept.name);
	}
	assert_int_equal(fb_count_files(NULL), (int)ARRAY_LEN(cases));
}

static void a_form_gives_its_first_file(void **state)
{
	static const char form[] = "--=B=\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nnote\r\n"
		"--=B=\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../a\"\r\n\r\nfirst\r\n"
		"--=B=\r\nContent-Disposition: form-data; name=\"g\"; filename=\"b\"\r\n\r\nsecond\r\n--=B=--\r\n";
	static const char empty[] = "--=B=\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nnote\r\n--=B=--\r\n";
	const char *type = "Content-Type: multipart/form-data; boundary==B=\r\n";

	(void)state;
	fb_allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(fb_request("POST", fb_path("d", ""), type, empty, sizeof(empty) - 1), 400);
	assert_int_equal(fb_request("POST", fb_path("d", ""), type, "nonsense", 8), 400);
	assert_int_equal(fb_request("POST", fb_path("d", ""), type, form, sizeof(form) - 1), 201);
	fb_wait_kept(1);
	assert_int_equal(fb.kept.size, 5);
	files_read(fb.files, fb.kept.id, 0, fb_on_answer, NULL);
	fb_wait_answer();
	assert_memory_equal(fb.answer.data, "first", 5);
}

/* ---- the directory ---- */

static void write_file(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fb.depot, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_lies_half_written_is_removed_and_the_rest_stays(void **state)
{
	size_t count;

	(void)state;
	fb_add_firmware("fw.bin");
	fb_allow("CP1", NULL, 60 * US_PER_S);
	fb_request("PUT", fb_path("d", "/x"), "", "hello", 5);
	fb_wait_kept(1);
	files_free(fb.files);
	write_file("00000000000000aa.part", "half");
	write_file("00000000000000ab", "no head");
	write_file("notes.txt", "of the administrator");
	fb_start(0, NULL, NULL);
	files_list(fb.files, &count);
	assert_int_equal(count, 2);
	assert_int_equal(fb_count_files(NULL), 3);
	assert_int_equal(files_find(fb.files, "x")->size, 5);
	assert_string_equal(files_find(fb.files, "x")->station, "CP1");
	assert_string_equal(files_find(fb.files, "fw.bin")->what, "firmware");
}

static void pieces_must_follow_each_other(void **state)
{
	struct files_piece p = { .name = "fw.bin", .size = 100, .data = fb.firmware, .len = 40 };
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, fb_add_firmware("same.bin"));
	assert_string_equal(fb_add_firmware("same.bin"), id);	/* kept once */
	assert_string_not_equal(fb_add_firmware("other.bin"), id);
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	p.upload = fb.answer.a.upload;
	p.offset = 39;
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_EDATA);
	p.offset = 40;
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_ENOTFOUND);		/* it is over */
	/* More than was announced, more than may be, more at a time than there is place. */
	p.upload = 0;
	p.offset = 0;
	p.size = 30;
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_EDATA);
	p.size = SIZE_MAX_TEST + 1;
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_ERANGE);
	p.size = 100;
	for (int i = 0; i < 5; i++) {
		files_add(fb.files, &p, fb_on_answer, NULL);
		fb_wait_answer();
		assert_int_equal(fb.answer.a.err, i < 4 ? 0 : -LMS_ECONFLICT);
	}
	assert_int_equal(fb_count_files(".part"), 4);
	files_free(fb.files);
	fb.files = NULL;
	assert_int_equal(fb_count_files(".part"), 0);
	fb_start(0, NULL, NULL);
	files_read(fb.files, "../lock", 0, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, -LMS_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_file_is_taken_per_job, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(an_upload_that_breaks_off_may_begin_again, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_refused, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(what_stations_sent_makes_room_and_firmware_stays, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(the_reserve_of_the_disk_is_left_alone, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_nothing, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(the_name_is_for_people_only, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(a_form_gives_its_first_file, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(what_lies_half_written_is_removed_and_the_rest_stays, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(pieces_must_follow_each_other, fb_set_up, fb_tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
