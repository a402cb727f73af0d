/* timeout: 120 */
/* test_files_server.c - the file server, over real sockets: what it gives, to whom, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <cmocka.h>

#include "helper_files.h"
#include "net/tls.h"

/* ---- what is fetched ---- */

static void a_firmware_is_fetched_whole_and_in_parts(void **state)
{
	static const struct { const char *header; int status; int from, len; } cases[] = {
		{ "", 200, 0, 10000 },
		{ "Range: bytes=0-99\r\n", 206, 0, 100 },
		{ "Range: bytes=9990-\r\n", 206, 9990, 10 },
		{ "Range: bytes=-10\r\n", 206, 9990, 10 },
		{ "Range: bytes=9990-99999\r\n", 206, 9990, 10 },
		{ "Range: bytes=-99999\r\n", 206, 0, 10000 },
		{ "Range: bytes=10000-\r\n", 416, 0, 0 },
		{ "Range: bytes=-0\r\n", 416, 0, 0 },
		{ "Range: bytes=99999999999999999999999-\r\n", 416, 0, 0 },
		{ "Range: bytes=5-4\r\n", 200, 0, 10000 },
		{ "Range: bytes=a-b\r\n", 200, 0, 10000 },
		{ "Range: bytes=-\r\n", 200, 0, 10000 },
		{ "Range: bytes=0-1,4-5\r\n", 200, 0, 10000 },
		{ "Range: lines=1-2\r\n", 200, 0, 10000 },
		{ "Range: bytes=5-9\r\nIf-Range: \"old\"\r\n", 200, 0, 10000 },
	};

	(void)state;
	fb_allow("CP1", fb_add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status = fb_request("GET", fb_path("f", "/fw.bin"), cases[i].header, NULL, 0);

		if (status != cases[i].status || (status != 416 && (fb_body_len() != (size_t)cases[i].len ||
		    memcmp(fb_body(), fb.firmware + cases[i].from, fb_body_len()) != 0)))
			fail_msg("%s: %d, %zu bytes", cases[i].header, status, fb_body_len());
	}
	/* Whatever stands behind the secret, and as often as it likes. */
	assert_int_equal(fb_request("GET", fb_path("f", ""), "", NULL, 0), 200);
	assert_int_equal(fb_request("HEAD", fb_path("f", "/x/../y?z"), "", NULL, 0), 200);
	assert_non_null(strstr(fb.reply, "Content-Length: 10000"));
	assert_int_equal(fb_body_len(), 0);
}

static void a_path_is_open_for_its_time_only(void **state)
{
	struct files_grant g = { .job = 1, .what = "firmware", .station = "CP1" };
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, fb_add_firmware("fw.bin"));
	fb_allow("CP1", id, -1);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 404);
	fb_allow("CP1", id, 60 * US_PER_S);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 200);
	/* Of another station: both. The next of the same: the older one is closed. */
	strcpy(g.digest, fb.secret);
	fb_allow("CP2", id, 60 * US_PER_S);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 200);
	strcpy(fb.secret, g.digest);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 200);
	fb_allow("CP1", id, 60 * US_PER_S);
	strcpy(fb.secret, g.digest);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 404);
}

static void a_file_that_is_gone_is_not_found(void **state)
{
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, fb_add_firmware("fw.bin"));
	fb_allow("CP1", id, 60 * US_PER_S);
	files_delete(fb.files, id, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, 0);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 404);
	assert_int_equal(fb_count_files(NULL), 0);
	assert_null(files_find(fb.files, id));
}

/* ---- strangers ---- */

static void what_no_job_expects_is_not_found(void **state)
{
	static const struct { const char *method, *path; int status; } cases[] = {
		{ "GET", "/", 404 }, { "GET", "/f/", 404 }, { "GET", "/f", 404 }, { "GET", "/d/", 404 }, { "GET", "*", 404 },
		{ "GET", "/files", 404 }, { "GET", "/f/../d", 404 }, { "GET", "//f//", 404 }, { "GET", "/f/%00", 404 },
		{ "PUT", "/", 404 }, { "PUT", "/d/", 404 }, { "POST", "/d/0000", 404 }, { "PUT", "/lock", 404 },
		{ "DELETE", "/", 405 }, { "OPTIONS", "*", 405 }, { "PROPFIND", "/f/", 405 },
	};

	(void)state;
	fb_allow("CP1", fb_add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (fb_request(cases[i].method, cases[i].path, "", strcmp(cases[i].method, "PUT") == 0 ? "x" : NULL, 1) !=
		    cases[i].status)
			fail_msg("%s %s: %.30s", cases[i].method, cases[i].path, fb.reply);
	/* The directions are apart, and a digit more or less is another secret. */
	assert_int_equal(fb_request("PUT", fb_path("f", "/"), "", "x", 1), 404);
	assert_int_equal(fb_request("PUT", fb_path("d", "/"), "", "x", 1), 404);
	fb.secret[0] ^= 1;
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 404);
	fb.secret[0] ^= 1;
	fb.secret[39] = '\0';
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 404);
	assert_int_equal(fb_count_files(NULL), 1);
	while (fb.told_count == 0)
		fb_turn();
	assert_non_null(strstr(fb.told, "files_refused count="));
	assert_non_null(strstr(fb.told, "address=127.0.0.1"));
}

/* Paths made of what is dangerous, and bytes that are no HTTP: nothing is given, nothing is written. */
static void random_requests_give_and_take_nothing(void **state)
{
	static const char *const pieces[] = { "/", "f", "d", "..", ".", "%2e", "%2F", "%00", "\\", "//", "?", "#", "%", "%zz", " ",
		"\t", "0123456789abcdef", "\x01", "\xff", "HTTP/1.1", "lock", "%25", ";", "*" };
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 20261126;
	char half[FILES_SECRET_MAX + 1], line[5000];

	(void)state;
	fb_allow("CP1", fb_add_firmware("fw.bin"), 60 * US_PER_S);
	memcpy(half, fb.secret, sizeof(half));
	half[20] = '\0';
	for (int round = 0; round < 600; round++) {
		const char *method = round % 3 == 0 ? "GET" : round % 3 == 1 ? "PUT" : "POST";
		size_t len = (size_t)snprintf(line, sizeof(line), "%s ", method);
		int count = rand_r(&seed) % (round % 50 == 0 ? 300 : 12), status;

		for (int i = 0; i < count; i++) {
			const char *p = rand_r(&seed) % 9 == 0 ? half : pieces[(unsigned)rand_r(&seed) % ARRAY_LEN(pieces)];

			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s", p);
			if (len > sizeof(line) - 200)
				break;
		}
		len += (size_t)snprintf(line + len, sizeof(line) - len, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				"Content-Length: 1\r\n\r\nx");
		status = fb_request_raw(line, len);
		if (status / 100 == 2 || status / 100 == 5)
			fail_msg("SEED=%u round %d: %d for %.200s", seed, round, status, line);
	}
	assert_int_equal(fb_count_files(NULL), 1);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 200);
}

static void who_does_not_ask_is_not_kept(void **state)
{
	int fds[40];

	(void)state;
	files_free(fb.files);
	fb_start(300 * US_PER_MS, NULL, NULL);
	fb_allow("CP1", fb_add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = fb_dial();
		fb_put(fds[i], "GET /f/", i % 2 ? 7 : 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fb_hear(fds[i]) / 100 == 2 || fb.kept_open)
			fail_msg("connection %zu was kept open, or given something: %.30s", i, fb.reply);
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 200);
}

/* ---- TLS ---- */

static int request_tls(const char *path, char *name, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = fb_dial(), n, status = 0;
	char text[400];

	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1) {
		X509 *cert = SSL_get0_peer_certificate(ssl);

		if (name)
			X509_NAME_oneline(X509_get_subject_name(cert), name, (int)size);
		n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
		SSL_write(ssl, text, n);
		n = SSL_read(ssl, fb.reply, sizeof(fb.reply) - 1);
		fb.reply[n > 0 ? n : 0] = '\0';
		status = n > 9 ? atoi(fb.reply + 9) : 0;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return status;
}

static void tls_is_served_with_the_certificate_that_is_there(void **state)
{
	char cert[80], key[80], name[100] = "";
	struct diag diag;

	(void)state;
	diag_init(&diag);
	snprintf(cert, sizeof(cert), "%s/crt", fb.dir);
	snprintf(key, sizeof(key), "%s/key", fb.dir);
	assert_int_equal(tls_self_signed(cert, key, "first", &diag), 0);
	files_free(fb.files);
	fb_start(300 * US_PER_MS, cert, key);
	fb_allow("CP1", fb_add_firmware("fw.bin"), 60 * US_PER_S);
	assert_int_equal(request_tls(fb_path("f", "/"), name, sizeof(name)), 200);
	assert_string_equal(name, "/CN=first");
	assert_int_equal(fb_request("GET", fb_path("f", "/"), "", NULL, 0), 0);
	/* Another one that is read again; one that is none changes nothing. */
	assert_int_equal(tls_self_signed(cert, key, "second", &diag), 0);
	assert_int_equal(files_reload_tls(fb.files, &diag), 0);
	for (int i = 0; i < 2000 && strcmp(name, "/CN=second") != 0; i++)
		assert_int_equal(request_tls(fb_path("f", "/"), name, sizeof(name)), 200);
	assert_string_equal(name, "/CN=second");
	assert_int_equal(truncate(cert, 10), 0);
	assert_true(files_reload_tls(fb.files, &diag) < 0);
	assert_int_equal(request_tls(fb_path("f", "/"), name, sizeof(name)), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_firmware_is_fetched_whole_and_in_parts, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(a_path_is_open_for_its_time_only, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_not_found, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(what_no_job_expects_is_not_found, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(random_requests_give_and_take_nothing, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_ask_is_not_kept, fb_set_up, fb_tear_down),
		cmocka_unit_test_setup_teardown(tls_is_served_with_the_certificate_that_is_there, fb_set_up, fb_tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
