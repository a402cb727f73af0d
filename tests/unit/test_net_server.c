/* The WebSocket server against raw sockets: upgrade, echo, close, silence, floods, exhaustion. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_net_echo.h"
#include "net/sock.h"

static struct raw_frame f;	/* large */

static int64_t now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static int open_client(const struct echo *e)
{
	int fd = raw_connect(e->port);

	assert_true(raw_upgrade(fd));
	return fd;
}

static void say(int fd, const char *text)
{
	uint8_t out[1024];

	raw_send(fd, out, raw_frame(out, 0x81, true, text, strlen(text)));
}

static void expect(int fd, unsigned b0, const char *payload)
{
	assert_true(raw_read_frame(fd, &f));
	assert_int_equal(f.b0, b0);
	assert_string_equal((char *)f.payload, payload);
}

static void expect_close(int fd, int code)
{
	assert_true(raw_read_frame(fd, &f));
	assert_int_equal(f.b0, 0x88);
	assert_true(f.len >= 2);
	assert_int_equal(f.payload[0] << 8 | f.payload[1], code);
	assert_true(raw_at_eof(fd));
}

static void text_comes_back(void **state)
{
	struct echo e = { 0 };
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	assert_true(echo_wait(&e.opened, 1));
	assert_string_equal(e.identity, "S1");
	assert_true(e.offered);
	say(fd, "hello");
	expect(fd, 0x81, "hello");
	close(fd);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.last_code, 1006);
	echo_stop(&e);
}

static void frames_glued_to_the_upgrade_are_seen(void **state)
{
	struct echo e = { 0 };
	char out[2048], head[256] = "";
	size_t n = strlen(RAW_UPGRADE), got = 0;
	int fd;

	(void)state;
	echo_start(&e);
	fd = raw_connect(e.port);
	memcpy(out, RAW_UPGRADE, n);
	n += raw_frame((uint8_t *)out + n, 0x81, true, "one", 3);
	n += raw_frame((uint8_t *)out + n, 0x89, true, "two", 3);
	n += raw_frame((uint8_t *)out + n, 0x81, true, "three", 5) - 3;	/* its end comes later */
	raw_send(fd, out, n);
	while (!strstr(head, "\r\n\r\n") && raw_read(fd, head + got, 1) == 1)
		got++;
	expect(fd, 0x81, "one");
	expect(fd, 0x8a, "two");
	raw_send(fd, out + n, 3);
	expect(fd, 0x81, "three");
	close(fd);
	echo_stop(&e);
}

static void bytes_may_come_one_by_one(void **state)
{
	struct echo e = { 0 };
	uint8_t out[64];
	size_t n;
	char head[256] = "";
	int fd;

	(void)state;
	echo_start(&e);
	fd = raw_connect(e.port);
	for (size_t i = 0; RAW_UPGRADE[i]; i++)
		raw_send(fd, RAW_UPGRADE + i, 1);
	for (size_t i = 0; !strstr(head, "\r\n\r\n"); i++)
		assert_int_equal(raw_read(fd, head + i, 1), 1);
	n = raw_frame(out, 0x81, true, "slowly", 6);
	for (size_t i = 0; i < n; i++)
		raw_send(fd, out + i, 1);
	expect(fd, 0x81, "slowly");
	close(fd);
	echo_stop(&e);
}

static void what_one_turn_queues_leaves_in_one_write(void **state)
{
	struct echo e = { 0 };
	char in[64];
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	say(fd, "twice");
	assert_int_equal(recv(fd, in, sizeof(in), 0), 2 * 7);
	close(fd);
	echo_stop(&e);
}

static void the_peers_close_is_answered_with_its_code(void **state)
{
	static const struct { const char *payload; size_t len; int code, reported; } cases[] = {
		{ "\x03\xe8" "bye", 5, 1000, 1000 },
		{ "\x03\xf4", 2, 1012, 1012 },
		{ "\x03\xf6", 2, 1014, 1014 },
		{ "\x13\x87", 2, 4999, 4999 },
		{ "\x03", 1, 1002, 1002 },
		{ "\x03\xed", 2, 1002, 1002 },		/* 1005 must not be on the wire */
		{ "\x03\xe8\xff", 3, 1007, 1007 },
	};
	struct echo e = { 0 };
	uint8_t out[64];
	int fd;

	(void)state;
	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fd = open_client(&e);
		raw_send(fd, out, raw_frame(out, 0x88, true, cases[i].payload, cases[i].len));
		expect_close(fd, cases[i].code);
		assert_true(echo_wait(&e.closed, (int)i + 1));
		assert_int_equal(e.last_code, cases[i].reported);
		close(fd);
	}
	fd = open_client(&e);
	raw_send(fd, out, raw_frame(out, 0x88, true, "", 0));
	expect(fd, 0x88, "");
	assert_true(raw_at_eof(fd));
	close(fd);
	echo_stop(&e);
	assert_int_equal(e.last_code, 1005);
}

static void after_our_close_no_message_is_taken(void **state)
{
	struct echo e = { 0 };
	uint8_t out[64];
	size_t n;
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	n = raw_frame(out, 0x81, true, "before", 6);
	n += raw_frame(out + n, 0x81, true, "close", 5);
	n += raw_frame(out + n, 0x81, true, "after", 5);
	raw_send(fd, out, n);
	expect(fd, 0x81, "before");	/* the close does not overtake */
	expect_close(fd, 1000);
	assert_string_equal((char *)f.payload + 2, "bye");
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.messages, 2);
	assert_int_equal(e.last_code, 1000);
	close(fd);
	echo_stop(&e);
	assert_int_equal(e.closed, 1);
}

static void a_server_that_goes_says_so(void **state)
{
	struct echo e = { .abrupt = true };
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	assert_true(echo_wait(&e.opened, 1));
	echo_stop(&e);
	expect_close(fd, 1001);
	close(fd);
	assert_int_equal(e.closed, 0);
}

static void violations_end_with_their_code(void **state)
{
	static const uint8_t too_big[] = { 0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4, 'a' };
	struct echo e = { 0 };
	uint8_t out[64];
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	raw_send(fd, out, raw_frame(out, 0x81, false, "bare", 4));
	expect_close(fd, 1002);
	close(fd);
	fd = open_client(&e);
	raw_send(fd, out, raw_frame(out, 0x82, true, "bin", 3));
	expect_close(fd, 1003);
	close(fd);
	fd = open_client(&e);
	raw_send(fd, out, raw_frame(out, 0x81, true, "\xc0\xaf", 2));
	expect_close(fd, 1007);
	close(fd);
	fd = open_client(&e);
	raw_send(fd, too_big, sizeof(too_big));
	/* What follows is thrown away: a reset must not destroy the close frame on its way. */
	for (int i = 0; i < 200; i++)
		raw_send(fd, f.payload, 4096);
	expect_close(fd, 1009);
	close(fd);
	echo_stop(&e);
	assert_int_equal(e.messages, 0);
}

static void pings_that_are_read_are_all_answered(void **state)
{
	struct echo e = { 0 };
	uint8_t out[64];
	char text[16];
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		raw_send(fd, out, raw_frame(out, 0x89, true, text, strlen(text)));
	}
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		expect(fd, 0x8a, text);
	}
	raw_send(fd, out, raw_frame(out, 0x8a, true, "", 0));
	assert_true(echo_wait(&e.pongs, 1));
	close(fd);
	echo_stop(&e);
}

static void a_ping_flood_that_is_not_read_is_answered_with_the_latest(void **state)
{
	struct echo e = { .conf.pace = -1 };
	uint8_t *out = malloc(140 * 4001);
	char text[126], last[126] = "";
	size_t n = 0, pongs = 0;
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	memset(text, '.', 125);
	text[125] = '\0';
	for (int round = 0; round < 80; round++) {
		n = 0;
		for (int i = 0; i < 4000; i++) {
			snprintf(text, 10, "%09d", round * 4000 + i);
			text[9] = '.';
			n += raw_frame(out + n, 0x89, true, text, 125);
		}
		raw_send(fd, out, n);
	}
	n = raw_frame(out, 0x81, true, "end", 3);
	raw_send(fd, out, n);
	for (;;) {
		assert_true(raw_read_frame(fd, &f));
		if (f.b0 == 0x8a) {
			assert_true(strcmp((char *)f.payload, last) > 0);
			strcpy(last, (char *)f.payload);
			pongs++;
		} else {
			assert_string_equal((char *)f.payload, "end");
			break;
		}
	}
	/* The latest may come after the text: it waits for room. */
	if (strncmp(last, "000319999", 9) != 0)
		expect(fd, 0x8a, text);
	/* What the sockets' buffers take is beyond us; the rest must not have been kept. */
	assert_true(pongs < 160000);
	close(fd);
	echo_stop(&e);
	free(out);
}

static void a_peer_that_does_not_read_is_dropped(void **state)
{
	struct echo e = { .conf.max_queued = 200000 };
	char *text = malloc(60000);
	uint8_t *out = malloc(60020);
	size_t n;
	int fd;

	(void)state;
	memset(text, 'x', 60000);
	n = raw_frame(out, 0x81, true, text, 60000);
	echo_start(&e);
	fd = open_client(&e);
	for (int i = 0; i < 1000 && e.closed == 0; i++)
		raw_send(fd, out, n);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.last_code, 1006);
	close(fd);
	echo_stop(&e);
	free(text);
	free(out);
}

static void a_talker_does_not_starve_the_others(void **state)
{
	struct echo e = { .hold = true, .conf.pace = -1 };
	uint8_t *out = malloc(20000 * 7);
	size_t n = 0;
	int loud, quiet[2];

	(void)state;
	for (int i = 0; i < 20000; i++)
		n += raw_frame(out + n, 0x81, true, "x", 1);
	echo_start(&e);
	/* One before it and one behind it, whatever the order in which they are served. */
	quiet[0] = raw_connect(e.port);
	loud = raw_connect(e.port);
	quiet[1] = raw_connect(e.port);
	raw_send(loud, RAW_UPGRADE, strlen(RAW_UPGRADE));
	raw_send(loud, out, n);
	for (int i = 0; i < 2; i++) {
		raw_send(quiet[i], RAW_UPGRADE, strlen(RAW_UPGRADE));
		raw_send(quiet[i], out, raw_frame(out, 0x81, true, "hi", 2));
	}
	echo_go(&e);
	assert_true(echo_wait(&e.his, 2));
	assert_true(e.messages_at_hi < 200);
	assert_true(echo_wait(&e.messages, 20002));
	close(loud);
	close(quiet[0]);
	close(quiet[1]);
	echo_stop(&e);
	free(out);
}

static void who_floods_is_slowed_and_loses_nothing(void **state)
{
	enum { PACE = 200, TURN = 32 /* taken on credit */, MORE = 60, ALL = 10 * PACE + TURN + MORE };
	struct echo e = { .conf.pace = PACE };
	int64_t start = now_us(CLOCK_MONOTONIC);
	int fd, other;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	other = open_client(&e);
	for (int i = 0; i < ALL; i++)
		say(fd, "m");
	for (int i = 0; i < 10 * PACE - 100; i++)
		expect(fd, 0x81, "m");
	assert_true(echo_wait(&e.slowed, 1));
	say(other, "hi");
	expect(other, 0x81, "hi");
	assert_true(e.messages_at_hi < ALL + 1);
	for (int i = 10 * PACE - 100; i < ALL; i++)
		expect(fd, 0x81, "m");
	assert_true(now_us(CLOCK_MONOTONIC) - start >= MORE * US_PER_S / PACE);
	assert_int_equal(e.slowed, 1);
	close(fd);
	close(other);
	echo_stop(&e);
}

static void long_messages_count_by_their_length(void **state)
{
	struct echo e = { .conf.pace = 10 };
	static uint8_t out[70100], text[60 * 1024];
	int fd;

	(void)state;
	memset(text, 'x', sizeof(text));
	echo_start(&e);
	fd = open_client(&e);
	for (int i = 0; i < 3; i++) {
		raw_send(fd, out, raw_frame(out, 0x81, true, text, sizeof(text)));
		assert_true(raw_read_frame(fd, &f));
		assert_int_equal(f.len, sizeof(text));
	}
	assert_true(echo_wait(&e.slowed, 1));
	close(fd);
	e.abrupt = true;
	echo_stop(&e);
}

static void an_upgrade_that_waits_is_asked_again_and_what_was_glued_to_it_is_served(void **state)
{
	struct echo e = { .refuse = WS_UPGRADE_WAIT, .conf.handshake_us = 50 * US_PER_MS };
	char out[1024], head[256] = "";
	size_t n = strlen(RAW_UPGRADE), got = 0;
	int fd;

	(void)state;
	echo_start(&e);
	fd = raw_connect(e.port);
	memcpy(out, RAW_UPGRADE, n);
	n += raw_frame((uint8_t *)out + n, 0x81, true, "early", 5);
	raw_send(fd, out, n);
	assert_true(echo_wait(&e.asked, 1));
	echo_resume(&e);
	assert_true(echo_wait(&e.asked, 2));	/* which says again: wait */
	assert_int_equal(e.opened, 0);
	e.refuse = 0;
	echo_resume(&e);
	while (!strstr(head, "\r\n\r\n") && raw_read(fd, head + got, 1) == 1)
		got++;
	assert_memory_equal(head, "HTTP/1.1 101 ", 13);
	expect(fd, 0x81, "early");
	assert_string_equal(e.identity, "S1");
	close(fd);

	e.refuse = WS_UPGRADE_WAIT;
	fd = raw_connect(e.port);
	raw_send(fd, RAW_UPGRADE, strlen(RAW_UPGRADE));
	assert_true(echo_wait(&e.asked, 4));
	e.refuse = 409;
	echo_resume(&e);
	memset(head, 0, sizeof(head));
	raw_read(fd, head, sizeof(head) - 1);
	assert_memory_equal(head, "HTTP/1.1 409 ", 13);
	close(fd);

	e.refuse = WS_UPGRADE_WAIT;		/* and one that waits when the server goes */
	fd = raw_connect(e.port);
	raw_send(fd, RAW_UPGRADE, strlen(RAW_UPGRADE));
	assert_true(echo_wait(&e.asked, 6));
	echo_stop(&e);
	close(fd);
}

static void a_silent_peer_is_pinged_and_then_dropped(void **state)
{
	struct echo e = { .conf.idle_ping_us = 100 * US_PER_MS };
	uint8_t out[64];
	int64_t start;
	int dead, live;

	(void)state;
	echo_start(&e);
	dead = open_client(&e);
	live = open_client(&e);
	start = now_us(CLOCK_MONOTONIC);
	for (int i = 0; i < 4; i++) {	/* one of any kind of frame is life */
		expect(live, 0x89, "");
		raw_send(live, out, raw_frame(out, i % 2 ? 0x8a : 0x89, true, "", 0));
		if (i % 2 == 0)
			expect(live, 0x8a, "");
	}
	assert_true(now_us(CLOCK_MONOTONIC) - start >= 350 * US_PER_MS);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.closed, 1);
	expect(dead, 0x89, "");
	expect(dead, 0x89, "");
	assert_true(raw_at_eof(dead));
	close(dead);
	close(live);
	echo_stop(&e);
}

static void who_does_not_finish_the_upgrade_in_time_is_sent_away(void **state)
{
	struct echo e = { .conf.handshake_us = 50 * US_PER_MS };
	char answer[256] = "";
	int silent, half;

	(void)state;
	echo_start(&e);
	silent = raw_connect(e.port);
	half = raw_connect(e.port);
	raw_send(half, RAW_UPGRADE, 40);
	raw_read(half, answer, sizeof(answer) - 1);
	assert_memory_equal(answer, "HTTP/1.1 408 ", 13);
	assert_true(raw_at_eof(silent));
	close(silent);
	close(half);
	echo_stop(&e);
	assert_int_equal(e.opened, 0);
}

static void a_message_that_is_never_finished_is_ended(void **state)
{
	struct echo e = { .conf.message_us = 50 * US_PER_MS };
	uint8_t out[64];
	int fd;

	(void)state;
	echo_start(&e);
	fd = open_client(&e);
	raw_send(fd, out, raw_frame(out, 0x01, true, "part", 4));
	expect_close(fd, 1008);
	close(fd);
	fd = open_client(&e);
	raw_send(fd, out, 1);
	expect_close(fd, 1008);
	close(fd);
	echo_stop(&e);
}

static void refusals_carry_status_and_remedy(void **state)
{
	static const struct { const char *request, *answer, *remedy; int refuse; } cases[] = {
		{ RAW_UPGRADE, "HTTP/1.1 401 ", "WWW-Authenticate: Basic", 401 },
		{ RAW_UPGRADE, "HTTP/1.1 503 ", "Retry-After", 503 },
		{ RAW_UPGRADE, "HTTP/1.1 404 ", "No such station", 404 },
		{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", "/ocpp/STATION1", 0 },
		{ "GET /S1 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 ", "Upgrade: websocket", 0 },
		{ "rubbish\r\n\r\n", "HTTP/1.1 400 ", "ws://", 0 },
	};
	struct echo e = { 0 };

	(void)state;
	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char answer[1024] = "";
		int fd = raw_connect(e.port);

		e.refuse = cases[i].refuse;
		raw_send(fd, cases[i].request, strlen(cases[i].request));
		raw_read(fd, answer, sizeof(answer) - 1);
		assert_memory_equal(answer, cases[i].answer, strlen(cases[i].answer));
		assert_non_null(strstr(answer, cases[i].remedy));
		close(fd);
	}
	echo_stop(&e);
	assert_int_equal(e.opened, 0);
}

static void a_header_above_eight_kib_is_refused(void **state)
{
	struct echo e = { 0 };
	char *big = malloc(20000), answer[256] = "";
	int fd;

	(void)state;
	memset(big, 'a', 20000);
	memcpy(big, "GET /S1 HTTP/1.1\r\nX: ", 21);
	echo_start(&e);
	fd = raw_connect(e.port);
	raw_send(fd, big, 20000);
	raw_read(fd, answer, sizeof(answer) - 1);
	assert_memory_equal(answer, "HTTP/1.1 431 ", 13);
	close(fd);
	echo_stop(&e);
	free(big);
}

static void half_open_connections_of_one_address_are_capped(void **state)
{
	struct echo e = { .conf.max_half_open_per_addr = 2 };
	int a, b, c, d;

	(void)state;
	echo_start(&e);
	a = raw_connect(e.port);
	b = raw_connect(e.port);
	c = raw_connect(e.port);
	assert_true(raw_at_eof(c));
	assert_true(raw_upgrade(a));	/* no longer half-open */
	d = raw_connect(e.port);
	assert_true(raw_upgrade(d));
	assert_true(raw_upgrade(b));
	close(a);
	close(b);
	close(c);
	close(d);
	echo_stop(&e);
	assert_int_equal(e.opened, 3);
}

static void above_the_most_connections_a_station_is_asked_to_come_later(void **state)
{
	struct echo e = { .conf.max_connections = 1 };
	int a, b;

	(void)state;
	echo_start(&e);
	a = open_client(&e);
	b = raw_connect(e.port);
	assert_false(raw_upgrade(b));
	close(b);
	close(a);
	assert_true(echo_wait(&e.closed, 1));
	b = open_client(&e);
	close(b);
	echo_stop(&e);
}

static void without_descriptors_it_neither_spins_nor_stops(void **state)
{
	struct echo e = { .hold = true, .conf.pace = -1 };
	struct rlimit was, low;
	int fds[3], top;
	int64_t cpu;
	char c;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &was);
	echo_start(&e);
	for (int i = 0; i < 3; i++)
		fds[i] = raw_connect(e.port);
	top = dup(0);
	close(top);
	low = was;
	low.rlim_cur = (rlim_t)top;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	echo_go(&e);
	assert_int_equal(recv(fds[0], &c, 1, 0), 0);	/* dropped, not left waiting */
	assert_int_equal(recv(fds[1], &c, 1, 0), 0);
	assert_true(now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu < 100 * US_PER_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(raw_upgrade(fds[2]));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	echo_stop(&e);
}

static void station_descriptors_leave_the_low_ones_free(void **state)
{
	int fd = open("/dev/null", O_RDONLY), high;
	struct rlimit lim;

	(void)state;
	net_raise_nofile();
	getrlimit(RLIMIT_NOFILE, &lim);
	assert_int_equal(lim.rlim_cur, lim.rlim_max);
	high = net_fd_high(fd);
	if (lim.rlim_cur > NET_FD_HIGH) {
		assert_true(high >= NET_FD_HIGH);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	assert_int_equal(fcntl(high, F_GETFD) & FD_CLOEXEC, high == fd ? 0 : FD_CLOEXEC);
	assert_int_equal(net_fd_high(high), high);
	close(high);
}

static void an_address_that_cannot_be_had_names_itself_and_the_remedy(void **state)
{
	struct diag d;
	int a = -1, b = -1, port, other;
	char want[64];

	(void)state;
	diag_init(&d);
	assert_int_equal(net_listen("127.0.0.1", 0, &a, &port, &d), 0);
	assert_true(port > 0);
	assert_int_equal(net_listen("127.0.0.1", port, &b, &other, &d), -LMS_ECONFLICT);
	snprintf(want, sizeof(want), "127.0.0.1:%d is in use", port);
	assert_non_null(strstr(d.text, want));
	diag_init(&d);
	assert_int_equal(net_listen("no.such.name", 1, &b, &other, &d), -LMS_ECONFIG);
	assert_non_null(strstr(d.text, "numeric"));
	diag_init(&d);
	assert_int_equal(net_listen("192.0.2.1", 0, &b, &other, &d), -LMS_ECONFIG);
	assert_non_null(strstr(d.text, "ip addr"));
	diag_init(&d);
	assert_int_equal(net_listen("*", 65536, &b, &other, &d), -LMS_ECONFIG);
	diag_init(&d);
	assert_int_equal(net_listen("*", 0, &b, &other, &d), 0);
	close(a);
	close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(frames_glued_to_the_upgrade_are_seen),
		cmocka_unit_test(bytes_may_come_one_by_one),
		cmocka_unit_test(what_one_turn_queues_leaves_in_one_write),
		cmocka_unit_test(the_peers_close_is_answered_with_its_code),
		cmocka_unit_test(after_our_close_no_message_is_taken),
		cmocka_unit_test(a_server_that_goes_says_so),
		cmocka_unit_test(violations_end_with_their_code),
		cmocka_unit_test(pings_that_are_read_are_all_answered),
		cmocka_unit_test(a_ping_flood_that_is_not_read_is_answered_with_the_latest),
		cmocka_unit_test(a_peer_that_does_not_read_is_dropped),
		cmocka_unit_test(a_talker_does_not_starve_the_others),
		cmocka_unit_test(who_floods_is_slowed_and_loses_nothing),
		cmocka_unit_test(long_messages_count_by_their_length),
		cmocka_unit_test(an_upgrade_that_waits_is_asked_again_and_what_was_glued_to_it_is_served),
		cmocka_unit_test(a_silent_peer_is_pinged_and_then_dropped),
		cmocka_unit_test(who_does_not_finish_the_upgrade_in_time_is_sent_away),
		cmocka_unit_test(a_message_that_is_never_finished_is_ended),
		cmocka_unit_test(refusals_carry_status_and_remedy),
		cmocka_unit_test(a_header_above_eight_kib_is_refused),
		cmocka_unit_test(half_open_connections_of_one_address_are_capped),
		cmocka_unit_test(above_the_most_connections_a_station_is_asked_to_come_later),
		cmocka_unit_test(without_descriptors_it_neither_spins_nor_stops),
		cmocka_unit_test(station_descriptors_leave_the_low_ones_free),
		cmocka_unit_test(an_address_that_cannot_be_had_names_itself_and_the_remedy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
