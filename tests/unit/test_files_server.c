/* timeout: 120 */
/* test_files_server.c - the file server, over real sockets: what it gives, what it takes, and what it refuses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "files/depot.h"
#include "files/files.h"
#include "net/loop.h"
#include "net/tls.h"

#define SIZE_MAX_TEST 20000
#define STORE_MAX_TEST 60000

static struct loop *loop;
static struct files *files;
static char dir[40], depot[60];
static struct loop_timer *deadline;

/* What the server told the loop. */
static struct file_info kept;
static int kept_count, told_count;
static char told[200];

static struct {
	bool done;
	struct files_answer a;
	char text[400];
	char data[FILES_PIECE_MAX];
} answer;

static void on_kept(void *ctx, const struct file_info *file)
{
	(void)ctx;
	kept = *file;
	kept_count++;
	loop_stop(loop);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	told_count++;
	snprintf(told, sizeof(told), "%s %s", event, text);
	loop_stop(loop);
}

static void on_deadline(void *ctx)
{
	(void)ctx;
	fail_msg("the file server did not answer");
}

static void on_answer(void *ctx, const struct files_answer *a)
{
	(void)ctx;
	answer.done = true;
	answer.a = *a;
	snprintf(answer.text, sizeof(answer.text), "%s", a->text ? a->text : "");
	if (a->len)
		memcpy(answer.data, a->data, a->len);
	loop_stop(loop);
}

/* Until one of the callbacks comes. */
static void turn(void)
{
	loop_now_update(loop);
	loop_timer_at(deadline, loop_now(loop) + 20 * US_PER_S);
	loop_run(loop);
	loop_timer_at(deadline, MONO_NEVER);
}

/* Of what was asked before. */
static void wait_answer(void)
{
	while (!answer.done)
		turn();
	answer.done = false;
}

static void wait_kept(int count)
{
	while (kept_count < count)
		turn();
}

static const struct files_ops ops = { on_kept, on_told };

static int64_t keep_free;

static void start_with(int64_t patience_us, const char *cert, const char *key)
{
	struct files_conf conf = { .directory = depot, .address = "127.0.0.1", .file_max = SIZE_MAX_TEST,
		.store_max = STORE_MAX_TEST, .keep_free = keep_free, .patience_us = patience_us, .certificate = cert, .key = key };
	struct diag diag;

	diag_init(&diag);
	if (files_new(loop, &conf, &ops, NULL, &files, &diag) < 0)
		fail_msg("%s", diag.text);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/lms-files-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(depot, sizeof(depot), "%s/files", dir);
	loop = loop_new();
	deadline = loop_timer_new(loop, on_deadline, NULL);
	kept_count = told_count = 0;
	keep_free = 0;
	start_with(0, NULL, NULL);
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	files_free(files);
	files = NULL;
	loop_timer_free(deadline);
	loop_free(loop);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- a client ---- */

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)files_port(files)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;		/* it has closed: the answer tells why */
		text += n;
		len -= (size_t)n;
	}
}

static char reply[100000];
static size_t reply_len;
static bool kept_open;		/* the other side has not closed in all that time */

/* All that comes until it closes; the status, 0 if there is none. */
static int hear(int fd)
{
	ssize_t n;

	reply_len = 0;
	while ((n = recv(fd, reply + reply_len, sizeof(reply) - 1 - reply_len, 0)) > 0)
		reply_len += (size_t)n;
	kept_open = n < 0 && errno == EAGAIN;
	reply[reply_len] = '\0';
	close(fd);
	return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

static const char *body(void)
{
	const char *end = strstr(reply, "\r\n\r\n");

	return end ? end + 4 : "";
}

static size_t body_len(void)
{
	return reply_len - (size_t)(body() - reply);
}

static int request_raw(const char *text, size_t len)
{
	int fd = dial();

	put(fd, text, len);
	return hear(fd);
}

/* METHOD PATH with more header lines and a body. */
static int request(const char *method, const char *path, const char *headers, const char *data, size_t len)
{
	struct buf b;
	int status;

	buf_init(&b);
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, path, headers);
	if (data)
		buf_printf(&b, "Content-Length: %zu\r\n", len);
	buf_puts(&b, "\r\n");
	if (data)
		buf_add(&b, data, len);
	status = request_raw(b.data, b.len);
	buf_fini(&b);
	return status;
}

/* ---- jobs ---- */

static char secret[FILES_SECRET_MAX + 1];

static void allow(const char *station, const char *file, int64_t for_us)
{
	struct files_grant g = { .job = 7 };

	assert_int_equal(files_secret(secret, g.digest), 0);
	snprintf(g.what, sizeof(g.what), "%s", file ? "firmware" : "diagnostics");
	snprintf(g.station, sizeof(g.station), "%s", station);
	snprintf(g.file, sizeof(g.file), "%s", file ? file : "");
	loop_now_update(loop);
	g.until = loop_now(loop) + for_us;
	files_allow(files, &g);
}

static const char *path_of(const char *letter, const char *rest)
{
	static char path[120];

	snprintf(path, sizeof(path), "/%s/%s%s", letter, secret, rest);
	return path;
}

static char firmware[10000];

/* A firmware as an administrator hands it over, in two pieces; its id. */
static const char *add_firmware(const char *name)
{
	struct files_piece p = { .name = name, .size = sizeof(firmware), .data = firmware, .len = 6000 };

	for (size_t i = 0; i < sizeof(firmware); i++)
		firmware[i] = (char)(i * 31 + i / 256);
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, 0);
	assert_false(answer.a.whole);
	assert_int_equal(answer.a.offset, 6000);
	p.upload = answer.a.upload;
	p.offset = 6000;
	p.data = firmware + 6000;
	p.len = sizeof(firmware) - 6000;
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, 0);
	assert_true(answer.a.whole);
	return answer.a.file.id;
}

static int count_files(const char *suffix)
{
	DIR *d = opendir(depot);
	const struct dirent *e;
	int count = 0;

	while ((e = readdir(d)) != NULL)
		count += e->d_name[0] != '.' && (!suffix || strstr(e->d_name, suffix));
	closedir(d);
	return count;
}

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
	allow("CP1", add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status = request("GET", path_of("f", "/fw.bin"), cases[i].header, NULL, 0);

		if (status != cases[i].status || (status != 416 && (body_len() != (size_t)cases[i].len ||
		    memcmp(body(), firmware + cases[i].from, body_len()) != 0)))
			fail_msg("%s: %d, %zu bytes", cases[i].header, status, body_len());
	}
	/* Whatever stands behind the secret, and as often as it likes. */
	assert_int_equal(request("GET", path_of("f", ""), "", NULL, 0), 200);
	assert_int_equal(request("HEAD", path_of("f", "/x/../y?z"), "", NULL, 0), 200);
	assert_non_null(strstr(reply, "Content-Length: 10000"));
	assert_int_equal(body_len(), 0);
}

static void a_path_is_open_for_its_time_only(void **state)
{
	struct files_grant g = { .job = 1, .what = "firmware", .station = "CP1" };
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, add_firmware("fw.bin"));
	allow("CP1", id, -1);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 404);
	allow("CP1", id, 60 * US_PER_S);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 200);
	/* Of another station: both. The next of the same: the older one is closed. */
	strcpy(g.digest, secret);
	allow("CP2", id, 60 * US_PER_S);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 200);
	strcpy(secret, g.digest);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 200);
	allow("CP1", id, 60 * US_PER_S);
	strcpy(secret, g.digest);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 404);
}

static void a_file_that_is_gone_is_not_found(void **state)
{
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, add_firmware("fw.bin"));
	allow("CP1", id, 60 * US_PER_S);
	files_delete(files, id, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, 0);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 404);
	assert_int_equal(count_files(NULL), 0);
	assert_null(files_find(files, id));
}

/* ---- what is sent ---- */

static void one_file_is_taken_per_job(void **state)
{
	(void)state;
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(request("PUT", path_of("d", "/log.zip"), "", "hello", 5), 201);
	wait_kept(1);
	assert_string_equal(kept.station, "CP1");
	assert_string_equal(kept.name, "log.zip");
	assert_string_equal(kept.what, "diagnostics");
	assert_int_equal(kept.job, 7);
	assert_int_equal(kept.size, 5);
	assert_string_equal(kept.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	assert_int_equal(request("PUT", path_of("d", "/log.zip"), "", "other", 5), 404);
	files_read(files, kept.id, 0, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.len, 5);
	assert_memory_equal(answer.data, "hello", 5);
	assert_ptr_equal(files_find(files, "log.zip"), files_find(files, kept.id));
}

static void an_upload_that_breaks_off_may_begin_again(void **state)
{
	char head[400];
	int first, second;

	(void)state;
	allow("CP1", NULL, 60 * US_PER_S);
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", path_of("d", "/x"));
	first = dial();
	put(first, head, strlen(head));
	for (int i = 0; i < 10000 && count_files(".part") == 0; i++)
		usleep(1000);
	assert_int_equal(count_files(".part"), 1);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", "other", 5), 409);	/* one at a time */
	close(first);
	second = 409;
	for (int i = 0; i < 10000 && second == 409; i++) {
		usleep(1000);
		second = request("PUT", path_of("d", "/x"), "", "whole", 5);
	}
	assert_int_equal(second, 201);
	wait_kept(1);
	assert_int_equal(kept.size, 5);
	assert_int_equal(count_files(".part"), 0);
}

static void what_is_too_large_is_refused(void **state)
{
	static char large[SIZE_MAX_TEST + 5000];
	char head[400];
	int status;

	(void)state;
	memset(large, 'x', sizeof(large));
	allow("CP1", NULL, 60 * US_PER_S);
	/* Before it is sent, where the station asks. */
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
		 path_of("d", "/x"), SIZE_MAX_TEST + 1);
	assert_int_equal(request_raw(head, strlen(head)), 413);
	assert_int_equal(request("PUT", path_of("d", "/x"), "Content-Length: 99999999999999999999999\r\n", NULL, 0) / 100, 4);
	/* One that sends without asking gets the answer, not a connection that is cut. */
	assert_int_equal(request("PUT", path_of("d", "/x"), "", large, sizeof(large)), 413);
	/* In chunks nobody knows before. */
	snprintf(head, sizeof(head), "PUT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "%zx\r\n", path_of("d", "/x"), sizeof(large));
	{
		int fd = dial();

		put(fd, head, strlen(head));
		put(fd, large, sizeof(large));
		put(fd, "\r\n0\r\n\r\n", 7);
		status = hear(fd);
	}
	assert_int_equal(status, 413);
	assert_int_equal(count_files(NULL), 0);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", large, SIZE_MAX_TEST), 201);
	wait_kept(1);
	assert_int_equal(kept.size, SIZE_MAX_TEST);
}

static void what_stations_sent_makes_room_and_firmware_stays(void **state)
{
	static char data[15000];
	char first[FILES_ID_MAX + 1] = "";
	size_t count;

	(void)state;
	add_firmware("a.bin");
	for (int i = 0; i < 6; i++) {
		allow("CP1", NULL, 60 * US_PER_S);
		assert_int_equal(request("PUT", path_of("d", "/x"), "", data, sizeof(data)), 201);
		wait_kept(i + 1);
		if (i == 0)
			strcpy(first, kept.id);
	}
	while (files_find(files, first))
		turn();
	files_list(files, &count);
	assert_int_equal(count, 4);		/* 10,000 and three of 15,000 and heads */
	assert_string_equal(files_list(files, &count)[0].name, "a.bin");
	/* Firmware alone fills it: nothing can make room. */
	data[0] = 1;
	for (int i = 0; i < 3; i++) {
		struct files_piece p = { .name = i == 0 ? "b" : i == 1 ? "c" : "d", .size = sizeof(data), .data = data,
					 .len = sizeof(data) };

		files_add(files, &p, on_answer, NULL);
		wait_answer();
		assert_int_equal(answer.a.err, 0);
	}
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", data, sizeof(data)), 507);
}

static void the_reserve_of_the_disk_is_left_alone(void **state)
{
	struct files_piece p = { .name = "fw.bin", .size = 10, .data = firmware, .len = 10 };

	(void)state;
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", "hello", 5), 201);
	wait_kept(1);
	files_free(files);
	keep_free = INT64_MAX / 2;
	start_with(0, NULL, NULL);
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", "hello", 5), 507);
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_ECANTCREAT);
	assert_non_null(strstr(answer.text, "no room on the disk"));
	assert_int_equal(count_files(NULL), 1);		/* nothing was removed in vain */
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
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(request("PUT", path_of("d", "/x"), "", data, sizeof(data)), 500);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	assert_int_equal(count_files(NULL), 0);
	while (told_count == 0)
		turn();
	assert_non_null(strstr(told, "upload_refused station=\"CP1\""));
	/* The path is still open: it may try again. */
	assert_int_equal(request("PUT", path_of("d", "/x"), "", data, sizeof(data)), 201);
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
		allow("CP1", NULL, 60 * US_PER_S);
		assert_int_equal(request("PUT", path_of("d", cases[i].path), "", "x", 1), 201);
		wait_kept((int)i + 1);
		if (strcmp(kept.name, cases[i].name) != 0)
			fail_msg("%s: '%s'", cases[i].path, kept.name);
	}
	assert_int_equal(count_files(NULL), (int)ARRAY_LEN(cases));
}

static void a_form_gives_its_first_file(void **state)
{
	static const char form[] = "--=B=\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nnote\r\n"
		"--=B=\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../a\"\r\n\r\nfirst\r\n"
		"--=B=\r\nContent-Disposition: form-data; name=\"g\"; filename=\"b\"\r\n\r\nsecond\r\n--=B=--\r\n";
	static const char empty[] = "--=B=\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nnote\r\n--=B=--\r\n";
	const char *type = "Content-Type: multipart/form-data; boundary==B=\r\n";

	(void)state;
	allow("CP1", NULL, 60 * US_PER_S);
	assert_int_equal(request("POST", path_of("d", ""), type, empty, sizeof(empty) - 1), 400);
	assert_int_equal(request("POST", path_of("d", ""), type, "nonsense", 8), 400);
	assert_int_equal(request("POST", path_of("d", ""), type, form, sizeof(form) - 1), 201);
	wait_kept(1);
	assert_int_equal(kept.size, 5);
	files_read(files, kept.id, 0, on_answer, NULL);
	wait_answer();
	assert_memory_equal(answer.data, "first", 5);
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
	allow("CP1", add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (request(cases[i].method, cases[i].path, "", strcmp(cases[i].method, "PUT") == 0 ? "x" : NULL, 1) !=
		    cases[i].status)
			fail_msg("%s %s: %.30s", cases[i].method, cases[i].path, reply);
	/* The directions are apart, and a digit more or less is another secret. */
	assert_int_equal(request("PUT", path_of("f", "/"), "", "x", 1), 404);
	assert_int_equal(request("PUT", path_of("d", "/"), "", "x", 1), 404);
	secret[0] ^= 1;
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 404);
	secret[0] ^= 1;
	secret[39] = '\0';
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 404);
	assert_int_equal(count_files(NULL), 1);
	while (told_count == 0)
		turn();
	assert_non_null(strstr(told, "files_refused count="));
	assert_non_null(strstr(told, "address=127.0.0.1"));
}

/* Paths made of what is dangerous, and bytes that are no HTTP: nothing is given, nothing is written. */
static void random_requests_give_and_take_nothing(void **state)
{
	static const char *const pieces[] = { "/", "f", "d", "..", ".", "%2e", "%2F", "%00", "\\", "//", "?", "#", "%", "%zz", " ",
		"\t", "0123456789abcdef", "\x01", "\xff", "HTTP/1.1", "lock", "%25", ";", "*" };
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 20261126;
	char half[FILES_SECRET_MAX + 1], line[5000];

	(void)state;
	allow("CP1", add_firmware("fw.bin"), 60 * US_PER_S);
	memcpy(half, secret, sizeof(half));
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
		status = request_raw(line, len);
		if (status / 100 == 2 || status / 100 == 5)
			fail_msg("SEED=%u round %d: %d for %.200s", seed, round, status, line);
	}
	assert_int_equal(count_files(NULL), 1);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 200);
}

static void who_does_not_ask_is_not_kept(void **state)
{
	int fds[40];

	(void)state;
	files_free(files);
	start_with(300 * US_PER_MS, NULL, NULL);
	allow("CP1", add_firmware("fw.bin"), 60 * US_PER_S);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial();
		put(fds[i], "GET /f/", i % 2 ? 7 : 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (hear(fds[i]) / 100 == 2 || kept_open)
			fail_msg("connection %zu was kept open, or given something: %.30s", i, reply);
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 200);
}

/* ---- the directory ---- */

static void write_file(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", depot, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_lies_half_written_is_removed_and_the_rest_stays(void **state)
{
	size_t count;

	(void)state;
	add_firmware("fw.bin");
	allow("CP1", NULL, 60 * US_PER_S);
	request("PUT", path_of("d", "/x"), "", "hello", 5);
	wait_kept(1);
	files_free(files);
	write_file("00000000000000aa.part", "half");
	write_file("00000000000000ab", "no head");
	write_file("notes.txt", "of the administrator");
	start_with(0, NULL, NULL);
	files_list(files, &count);
	assert_int_equal(count, 2);
	assert_int_equal(count_files(NULL), 3);
	assert_int_equal(files_find(files, "x")->size, 5);
	assert_string_equal(files_find(files, "x")->station, "CP1");
	assert_string_equal(files_find(files, "fw.bin")->what, "firmware");
}

static void pieces_must_follow_each_other(void **state)
{
	struct files_piece p = { .name = "fw.bin", .size = 100, .data = firmware, .len = 40 };
	char id[FILES_ID_MAX + 1];

	(void)state;
	strcpy(id, add_firmware("same.bin"));
	assert_string_equal(add_firmware("same.bin"), id);	/* kept once */
	assert_string_not_equal(add_firmware("other.bin"), id);
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	p.upload = answer.a.upload;
	p.offset = 39;
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_EDATA);
	p.offset = 40;
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_ENOTFOUND);		/* it is over */
	/* More than was announced, more than may be, more at a time than there is place. */
	p.upload = 0;
	p.offset = 0;
	p.size = 30;
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_EDATA);
	p.size = SIZE_MAX_TEST + 1;
	files_add(files, &p, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_ERANGE);
	p.size = 100;
	for (int i = 0; i < 5; i++) {
		files_add(files, &p, on_answer, NULL);
		wait_answer();
		assert_int_equal(answer.a.err, i < 4 ? 0 : -LMS_ECONFLICT);
	}
	assert_int_equal(count_files(".part"), 4);
	files_free(files);
	files = NULL;
	assert_int_equal(count_files(".part"), 0);
	start_with(0, NULL, NULL);
	files_read(files, "../lock", 0, on_answer, NULL);
	wait_answer();
	assert_int_equal(answer.a.err, -LMS_ENOTFOUND);
}

/* ---- TLS ---- */

static int request_tls(const char *path, char *name, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = dial(), n, status = 0;
	char text[400];

	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1) {
		X509 *cert = SSL_get0_peer_certificate(ssl);

		if (name)
			X509_NAME_oneline(X509_get_subject_name(cert), name, (int)size);
		n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
		SSL_write(ssl, text, n);
		n = SSL_read(ssl, reply, sizeof(reply) - 1);
		reply[n > 0 ? n : 0] = '\0';
		status = n > 9 ? atoi(reply + 9) : 0;
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
	snprintf(cert, sizeof(cert), "%s/crt", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	assert_int_equal(tls_self_signed(cert, key, "first", &diag), 0);
	files_free(files);
	start_with(300 * US_PER_MS, cert, key);
	allow("CP1", add_firmware("fw.bin"), 60 * US_PER_S);
	assert_int_equal(request_tls(path_of("f", "/"), name, sizeof(name)), 200);
	assert_string_equal(name, "/CN=first");
	assert_int_equal(request("GET", path_of("f", "/"), "", NULL, 0), 0);
	/* Another one that is read again; one that is none changes nothing. */
	assert_int_equal(tls_self_signed(cert, key, "second", &diag), 0);
	assert_int_equal(files_reload_tls(files, &diag), 0);
	for (int i = 0; i < 2000 && strcmp(name, "/CN=second") != 0; i++)
		assert_int_equal(request_tls(path_of("f", "/"), name, sizeof(name)), 200);
	assert_string_equal(name, "/CN=second");
	assert_int_equal(truncate(cert, 10), 0);
	assert_true(files_reload_tls(files, &diag) < 0);
	assert_int_equal(request_tls(path_of("f", "/"), name, sizeof(name)), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_firmware_is_fetched_whole_and_in_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_path_is_open_for_its_time_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_not_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_file_is_taken_per_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_upload_that_breaks_off_may_begin_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_stations_sent_makes_room_and_firmware_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_reserve_of_the_disk_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_name_is_for_people_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_form_gives_its_first_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_job_expects_is_not_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_requests_give_and_take_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_ask_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_lies_half_written_is_removed_and_the_rest_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pieces_must_follow_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tls_is_served_with_the_certificate_that_is_there, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
