/* The WebSocket server against raw sockets: upgrade, refusals, frames, pings, close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_net_echo.h"
#include "net/sock.h"

static void text_comes_back(void **state)
{
	struct echo e = { 0 };
	int fd;

	(void)state;
	echo_start(&e);
	fd = echo_client(&e);
	assert_true(echo_wait(&e.opened, 1));
	assert_string_equal(e.identity, "S1");
	assert_true(e.offered);
	raw_say(fd, "hello");
	raw_expect(fd, 0x81, "hello");
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
	raw_expect(fd, 0x81, "one");
	raw_expect(fd, 0x8a, "two");
	raw_send(fd, out + n, 3);
	raw_expect(fd, 0x81, "three");
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
	raw_expect(fd, 0x81, "slowly");
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
	fd = echo_client(&e);
	raw_say(fd, "twice");
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
		fd = echo_client(&e);
		raw_send(fd, out, raw_frame(out, 0x88, true, cases[i].payload, cases[i].len));
		raw_expect_close(fd, cases[i].code);
		assert_true(echo_wait(&e.closed, (int)i + 1));
		assert_int_equal(e.last_code, cases[i].reported);
		close(fd);
	}
	fd = echo_client(&e);
	raw_send(fd, out, raw_frame(out, 0x88, true, "", 0));
	raw_expect(fd, 0x88, "");
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
	fd = echo_client(&e);
	n = raw_frame(out, 0x81, true, "before", 6);
	n += raw_frame(out + n, 0x81, true, "close", 5);
	n += raw_frame(out + n, 0x81, true, "after", 5);
	raw_send(fd, out, n);
	raw_expect(fd, 0x81, "before");	/* the close does not overtake */
	raw_expect_close(fd, 1000);
	assert_string_equal((char *)raw_last.payload + 2, "bye");
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
	fd = echo_client(&e);
	assert_true(echo_wait(&e.opened, 1));
	echo_stop(&e);
	raw_expect_close(fd, 1001);
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
	fd = echo_client(&e);
	raw_send(fd, out, raw_frame(out, 0x81, false, "bare", 4));
	raw_expect_close(fd, 1002);
	close(fd);
	fd = echo_client(&e);
	raw_send(fd, out, raw_frame(out, 0x82, true, "bin", 3));
	raw_expect_close(fd, 1003);
	close(fd);
	fd = echo_client(&e);
	raw_send(fd, out, raw_frame(out, 0x81, true, "\xc0\xaf", 2));
	raw_expect_close(fd, 1007);
	close(fd);
	fd = echo_client(&e);
	raw_send(fd, too_big, sizeof(too_big));
	/* What follows is thrown away: a reset must not destroy the close frame on its way. */
	for (int i = 0; i < 200; i++)
		raw_send(fd, raw_last.payload, 4096);
	raw_expect_close(fd, 1009);
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
	fd = echo_client(&e);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		raw_send(fd, out, raw_frame(out, 0x89, true, text, strlen(text)));
	}
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "p%d", i);
		raw_expect(fd, 0x8a, text);
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
	fd = echo_client(&e);
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
		assert_true(raw_read_frame(fd, &raw_last));
		if (raw_last.b0 == 0x8a) {
			assert_true(strcmp((char *)raw_last.payload, last) > 0);
			strcpy(last, (char *)raw_last.payload);
			pongs++;
		} else {
			assert_string_equal((char *)raw_last.payload, "end");
			break;
		}
	}
	/* The latest may come after the text: it waits for room. */
	if (strncmp(last, "000319999", 9) != 0)
		raw_expect(fd, 0x8a, text);
	/* What the sockets' buffers take is beyond us; the rest must not have been kept. */
	assert_true(pongs < 160000);
	close(fd);
	echo_stop(&e);
	free(out);
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
	raw_expect(fd, 0x81, "early");
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
		cmocka_unit_test(an_upgrade_that_waits_is_asked_again_and_what_was_glued_to_it_is_served),
		cmocka_unit_test(refusals_carry_status_and_remedy),
		cmocka_unit_test(an_address_that_cannot_be_had_names_itself_and_the_remedy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
