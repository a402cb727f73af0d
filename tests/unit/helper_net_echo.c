/* helper_net_echo.c - a WebSocket echo server in a thread, and raw clients. */
#include "helper_net_echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct peer {
	struct echo *echo;
	struct ws_conn *conn;
};

static int on_upgrade(void *ctx, const struct ws_upgrade *u)
{
	struct echo *e = ctx;

	strncpy(e->identity, u->identity, sizeof(e->identity) - 1);
	if (u->cert)
		e->cert = *u->cert;
	strncpy(e->user, u->user ? u->user : "", sizeof(e->user) - 1);
	e->password_len = u->password_len;
	if (u->password)
		memcpy(e->password, u->password, u->password_len);
	e->offered = u->subprotocol_offered;
	e->waiting = u->conn;
	e->asked++;
	return e->refuse;
}

static void *on_opened(void *ctx, struct ws_conn *c, const struct ws_upgrade *u)
{
	struct peer *p = calloc(1, sizeof(*p));

	(void)u;
	p->echo = ctx;
	p->conn = c;
	p->echo->last_peer = p;
	p->echo->opened++;
	return p;
}

static void on_message(void *user, const char *text, size_t len)
{
	struct peer *p = user;

	p->echo->messages++;
	if (strcmp(text, "hi") == 0) {
		p->echo->messages_at_hi = p->echo->messages;
		p->echo->his++;
	}
	if (strcmp(text, "close") == 0) {
		ws_conn_close(p->conn, 1000, "bye");
		return;
	}
	ws_conn_send(p->conn, text, len);
	if (strcmp(text, "twice") == 0)
		ws_conn_send(p->conn, text, len);
}

static void on_closed(void *user, int code, const char *why)
{
	struct peer *p = user;

	(void)why;
	p->echo->last_code = code;
	p->echo->closed++;
	free(p);
}

static void on_pong(void *user)
{
	struct peer *p = user;

	p->echo->pongs++;
}

static void on_slowed(void *user)
{
	struct peer *p = user;

	p->echo->slowed++;
}

static void on_resume(void *ctx)
{
	struct echo *e = ctx;

	ws_server_resume(e->waiting);
}

void echo_resume(struct echo *e)
{
	loop_wake_send(e->resume);
}

static void on_stop(void *ctx)
{
	struct echo *e = ctx;

	loop_stop(e->loop);
}

static void on_reload(void *ctx)
{
	struct echo *e = ctx;
	struct diag d;

	diag_init(&d);
	e->reload_ret = ws_server_reload_tls(e->server, &d);
	e->reloads++;
}

static void *run(void *arg)
{
	struct echo *e = arg;

	loop_run(e->loop);
	return NULL;
}

void echo_start(struct echo *e)
{
	static const struct ws_server_ops ops = {
		on_upgrade, on_opened, on_message, on_closed, on_pong, on_slowed
	};
	struct diag d;

	diag_init(&d);
	if (!e->conf.address)
		e->conf.address = "127.0.0.1";
	e->loop = loop_new();
	e->stop = loop_wake_new(e->loop, on_stop, e);
	e->reload = loop_wake_new(e->loop, on_reload, e);
	e->resume = loop_wake_new(e->loop, on_resume, e);
	if (ws_server_new(e->loop, &e->conf, &ops, e, &e->server, &d) != 0)
		fail_msg("%s", d.text);
	e->port = ws_server_port(e->server);
	if (!e->hold)
		echo_go(e);
}

void echo_go(struct echo *e)
{
	assert_int_equal(pthread_create((pthread_t *)&e->thread, NULL, run, e), 0);
}

void echo_stop(struct echo *e)
{
	assert_true(e->abrupt || echo_wait(&e->closed, e->opened));
	loop_wake_send(e->stop);
	pthread_join((pthread_t)e->thread, NULL);
	ws_server_free(e->server);
	if (e->abrupt)
		free(e->last_peer);
	loop_wake_free(e->stop);
	loop_wake_free(e->reload);
	loop_wake_free(e->resume);
	loop_free(e->loop);
}

void echo_reload(struct echo *e)
{
	int before = e->reloads;

	loop_wake_send(e->reload);
	assert_true(echo_wait(&e->reloads, before + 1));
}

bool echo_wait(const atomic_int *v, int want)
{
	for (int i = 0; i < 2000; i++) {
		struct timespec ms = { 0, 1000000 };

		if (atomic_load(v) >= want)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

int raw_connect(int port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = { 5, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

void raw_send(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;	/* the server may have closed: the test reads what it said */
		p += n;
		len -= (size_t)n;
	}
}

size_t raw_read(int fd, void *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, (char *)data + got, len - got, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

bool raw_at_eof(int fd)
{
	char waste[4096];
	ssize_t n;

	while ((n = recv(fd, waste, sizeof(waste), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET;
}

const char RAW_UPGRADE[] = RAW_UPGRADE_TEXT;

bool raw_upgrade(int fd)
{
	char head[1024] = "";
	size_t n = 0;

	raw_send(fd, RAW_UPGRADE, strlen(RAW_UPGRADE));
	while (n < sizeof(head) - 1 && raw_read(fd, head + n, 1) == 1) {
		head[++n] = '\0';
		if (n >= 4 && strcmp(head + n - 4, "\r\n\r\n") == 0)
			break;
	}
	return strncmp(head, "HTTP/1.1 101 ", 13) == 0;
}

size_t raw_frame(uint8_t *out, unsigned b0, bool masked, const void *payload, size_t len)
{
	static const uint8_t mask[4] = { 0x12, 0xa4, 0x5b, 0xe7 };
	const uint8_t *p = payload;
	size_t n = 0;

	out[n++] = (uint8_t)b0;
	out[n] = masked ? 0x80 : 0;
	if (len < 126) {
		out[n++] |= (uint8_t)len;
	} else if (len < 65536) {
		out[n++] |= 126;
		out[n++] = (uint8_t)(len >> 8);
		out[n++] = (uint8_t)len;
	} else {
		out[n++] |= 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			out[n++] = (uint8_t)((uint64_t)len >> shift);
	}
	if (masked) {
		memcpy(out + n, mask, 4);
		n += 4;
	}
	for (size_t i = 0; i < len; i++)
		out[n++] = (uint8_t)(p[i] ^ (masked ? mask[i % 4] : 0));
	return n;
}

bool raw_read_frame(int fd, struct raw_frame *f)
{
	uint8_t h[8];
	size_t ext;

	if (raw_read(fd, h, 2) != 2)
		return false;
	f->b0 = h[0];
	f->len = h[1];
	assert_true(f->len < 128);	/* servers do not mask */
	ext = f->len == 127 ? 8 : f->len == 126 ? 2 : 0;
	if (ext) {
		if (raw_read(fd, h, ext) != ext)
			return false;
		f->len = 0;
		for (size_t i = 0; i < ext; i++)
			f->len = f->len << 8 | h[i];
	}
	assert_true(f->len < sizeof(f->payload));
	if (raw_read(fd, f->payload, f->len) != f->len)
		return false;
	f->payload[f->len] = '\0';
	return true;
}

struct raw_frame raw_last;

int echo_client(const struct echo *e)
{
	int fd = raw_connect(e->port);

	assert_true(raw_upgrade(fd));
	return fd;
}

void raw_say(int fd, const char *text)
{
	uint8_t out[1024];

	raw_send(fd, out, raw_frame(out, 0x81, true, text, strlen(text)));
}

void raw_expect(int fd, unsigned b0, const char *payload)
{
	assert_true(raw_read_frame(fd, &raw_last));
	assert_int_equal(raw_last.b0, b0);
	assert_string_equal((char *)raw_last.payload, payload);
}

void raw_expect_close(int fd, int code)
{
	assert_true(raw_read_frame(fd, &raw_last));
	assert_int_equal(raw_last.b0, 0x88);
	assert_true(raw_last.len >= 2);
	assert_int_equal(raw_last.payload[0] << 8 | raw_last.payload[1], code);
	assert_true(raw_at_eof(fd));
}
