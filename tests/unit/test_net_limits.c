/* The WebSocket server against those who flood, are silent, do not read, or are too many. */
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

#include "helper_net_echo.h"
#include "net/sock.h"

static int64_t now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
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
	fd = echo_client(&e);
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
	fd = echo_client(&e);
	other = echo_client(&e);
	for (int i = 0; i < ALL; i++)
		raw_say(fd, "m");
	for (int i = 0; i < 10 * PACE - 100; i++)
		raw_expect(fd, 0x81, "m");
	assert_true(echo_wait(&e.slowed, 1));
	raw_say(other, "hi");
	raw_expect(other, 0x81, "hi");
	assert_true(e.messages_at_hi < ALL + 1);
	for (int i = 10 * PACE - 100; i < ALL; i++)
		raw_expect(fd, 0x81, "m");
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
	fd = echo_client(&e);
	for (int i = 0; i < 3; i++) {
		raw_send(fd, out, raw_frame(out, 0x81, true, text, sizeof(text)));
		assert_true(raw_read_frame(fd, &raw_last));
		assert_int_equal(raw_last.len, sizeof(text));
	}
	assert_true(echo_wait(&e.slowed, 1));
	close(fd);
	e.abrupt = true;
	echo_stop(&e);
}

static void a_silent_peer_is_pinged_and_then_dropped(void **state)
{
	struct echo e = { .conf.idle_ping_us = 100 * US_PER_MS };
	uint8_t out[64];
	int64_t start;
	int dead, live;

	(void)state;
	echo_start(&e);
	dead = echo_client(&e);
	live = echo_client(&e);
	start = now_us(CLOCK_MONOTONIC);
	for (int i = 0; i < 4; i++) {	/* one of any kind of frame is life */
		raw_expect(live, 0x89, "");
		raw_send(live, out, raw_frame(out, i % 2 ? 0x8a : 0x89, true, "", 0));
		if (i % 2 == 0)
			raw_expect(live, 0x8a, "");
	}
	assert_true(now_us(CLOCK_MONOTONIC) - start >= 350 * US_PER_MS);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.closed, 1);
	raw_expect(dead, 0x89, "");
	raw_expect(dead, 0x89, "");
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
	fd = echo_client(&e);
	raw_send(fd, out, raw_frame(out, 0x01, true, "part", 4));
	raw_expect_close(fd, 1008);
	close(fd);
	fd = echo_client(&e);
	raw_send(fd, out, 1);
	raw_expect_close(fd, 1008);
	close(fd);
	echo_stop(&e);
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
	a = echo_client(&e);
	b = raw_connect(e.port);
	assert_false(raw_upgrade(b));
	close(b);
	close(a);
	assert_true(echo_wait(&e.closed, 1));
	b = echo_client(&e);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_that_does_not_read_is_dropped),
		cmocka_unit_test(a_talker_does_not_starve_the_others),
		cmocka_unit_test(who_floods_is_slowed_and_loses_nothing),
		cmocka_unit_test(long_messages_count_by_their_length),
		cmocka_unit_test(a_silent_peer_is_pinged_and_then_dropped),
		cmocka_unit_test(who_does_not_finish_the_upgrade_in_time_is_sent_away),
		cmocka_unit_test(a_message_that_is_never_finished_is_ended),
		cmocka_unit_test(a_header_above_eight_kib_is_refused),
		cmocka_unit_test(half_open_connections_of_one_address_are_capped),
		cmocka_unit_test(above_the_most_connections_a_station_is_asked_to_come_later),
		cmocka_unit_test(without_descriptors_it_neither_spins_nor_stops),
		cmocka_unit_test(station_descriptors_leave_the_low_ones_free),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
