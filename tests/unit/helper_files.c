#include "helper_files.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

struct files_bench fb;

static void on_kept(void *ctx, const struct file_info *file)
{
	(void)ctx;
	fb.kept = *file;
	fb.kept_count++;
	loop_stop(fb.loop);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	fb.told_count++;
	snprintf(fb.told, sizeof(fb.told), "%s %s", event, text);
	loop_stop(fb.loop);
}

static void on_deadline(void *ctx)
{
	(void)ctx;
	fail_msg("the file server did not answer");
}

void fb_on_answer(void *ctx, const struct files_answer *a)
{
	(void)ctx;
	fb.answer.done = true;
	fb.answer.a = *a;
	snprintf(fb.answer.text, sizeof(fb.answer.text), "%s", a->text ? a->text : "");
	if (a->len)
		memcpy(fb.answer.data, a->data, a->len);
	loop_stop(fb.loop);
}

void fb_turn(void)
{
	loop_now_update(fb.loop);
	loop_timer_at(fb.deadline, loop_now(fb.loop) + 20 * US_PER_S);
	loop_run(fb.loop);
	loop_timer_at(fb.deadline, MONO_NEVER);
}

void fb_wait_answer(void)
{
	while (!fb.answer.done)
		fb_turn();
	fb.answer.done = false;
}

void fb_wait_kept(int count)
{
	while (fb.kept_count < count)
		fb_turn();
}

static const struct files_ops ops = { on_kept, on_told };

void fb_start(int64_t patience_us, const char *cert, const char *key)
{
	struct files_conf conf = { .directory = fb.depot, .address = "127.0.0.1", .file_max = SIZE_MAX_TEST,
		.store_max = STORE_MAX_TEST, .keep_free = fb.keep_free, .patience_us = patience_us, .certificate = cert, .key = key };
	struct diag diag;

	diag_init(&diag);
	if (files_new(fb.loop, &conf, &ops, NULL, &fb.files, &diag) < 0)
		fail_msg("%s", diag.text);
}

int fb_set_up(void **state)
{
	(void)state;
	strcpy(fb.dir, "/tmp/lms-files-XXXXXX");
	assert_non_null(mkdtemp(fb.dir));
	snprintf(fb.depot, sizeof(fb.depot), "%s/files", fb.dir);
	fb.loop = loop_new();
	fb.deadline = loop_timer_new(fb.loop, on_deadline, NULL);
	fb.kept_count = fb.told_count = 0;
	fb.keep_free = 0;
	fb_start(0, NULL, NULL);
	return 0;
}

int fb_tear_down(void **state)
{
	char command[100];

	(void)state;
	files_free(fb.files);
	fb.files = NULL;
	loop_timer_free(fb.deadline);
	loop_free(fb.loop);
	snprintf(command, sizeof(command), "rm -rf %s", fb.dir);
	return system(command);
}

/* ---- a client ---- */

int fb_dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)files_port(fb.files)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

void fb_put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;		/* it has closed: the answer tells why */
		text += n;
		len -= (size_t)n;
	}
}

int fb_hear(int fd)
{
	ssize_t n;

	fb.reply_len = 0;
	while ((n = recv(fd, fb.reply + fb.reply_len, sizeof(fb.reply) - 1 - fb.reply_len, 0)) > 0)
		fb.reply_len += (size_t)n;
	fb.kept_open = n < 0 && errno == EAGAIN;
	fb.reply[fb.reply_len] = '\0';
	close(fd);
	return strncmp(fb.reply, "HTTP/1.1 ", 9) == 0 ? atoi(fb.reply + 9) : 0;
}

const char *fb_body(void)
{
	const char *end = strstr(fb.reply, "\r\n\r\n");

	return end ? end + 4 : "";
}

size_t fb_body_len(void)
{
	return fb.reply_len - (size_t)(fb_body() - fb.reply);
}

int fb_request_raw(const char *text, size_t len)
{
	int fd = fb_dial();

	fb_put(fd, text, len);
	return fb_hear(fd);
}

int fb_request(const char *method, const char *path, const char *headers, const char *data, size_t len)
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
	status = fb_request_raw(b.data, b.len);
	buf_fini(&b);
	return status;
}

/* ---- jobs ---- */

void fb_allow(const char *station, const char *file, int64_t for_us)
{
	struct files_grant g = { .job = 7 };

	assert_int_equal(files_secret(fb.secret, g.digest), 0);
	snprintf(g.what, sizeof(g.what), "%s", file ? "firmware" : "diagnostics");
	snprintf(g.station, sizeof(g.station), "%s", station);
	snprintf(g.file, sizeof(g.file), "%s", file ? file : "");
	loop_now_update(fb.loop);
	g.until = loop_now(fb.loop) + for_us;
	files_allow(fb.files, &g);
}

const char *fb_path(const char *letter, const char *rest)
{
	static char path[120];

	snprintf(path, sizeof(path), "/%s/%s%s", letter, fb.secret, rest);
	return path;
}

const char *fb_add_firmware(const char *name)
{
	struct files_piece p = { .name = name, .size = sizeof(fb.firmware), .data = fb.firmware, .len = 6000 };

	for (size_t i = 0; i < sizeof(fb.firmware); i++)
		fb.firmware[i] = (char)(i * 31 + i / 256);
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, 0);
	assert_false(fb.answer.a.whole);
	assert_int_equal(fb.answer.a.offset, 6000);
	p.upload = fb.answer.a.upload;
	p.offset = 6000;
	p.data = fb.firmware + 6000;
	p.len = sizeof(fb.firmware) - 6000;
	files_add(fb.files, &p, fb_on_answer, NULL);
	fb_wait_answer();
	assert_int_equal(fb.answer.a.err, 0);
	assert_true(fb.answer.a.whole);
	return fb.answer.a.file.id;
}

int fb_count_files(const char *suffix)
{
	DIR *d = opendir(fb.depot);
	const struct dirent *e;
	int count = 0;

	while ((e = readdir(d)) != NULL)
		count += e->d_name[0] != '.' && (!suffix || strstr(e->d_name, suffix));
	closedir(d);
	return count;
}
