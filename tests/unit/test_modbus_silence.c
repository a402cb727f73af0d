/* Workers against a device that is mute, late, slow, broken or gone: faults are said, nobody is taken for another. */
#include <arpa/inet.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "helper_bus_rig.h"

static void a_mute_slave_is_an_error_and_comes_back(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_int_equal(r.meter[1].last_err, -LMS_EOFFLINE);
	assert_non_null(strstr(r.meter[1].text, "slave 1 does not answer within 150 ms"));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	assert_int_equal(peer_connections(r.peer), 2);	/* a late answer would have met nobody */
	bus_rig_end(&r);
}

static void a_silent_slave_is_asked_less_and_less(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	bus_rig_configure(&r, 1, 0);
	bus_rig_pass(&r, 2200 * MS);
	assert_in_range(peer_requests(r.peer, 1), 3, 4);	/* at once, after 200 ms, 400 ms, 600 ms */
	bus_rig_end(&r);
}

static void a_silent_slave_does_not_hold_up_the_others(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	bus_rig_configure(&r, 2, 0);
	bus_rig_pass(&r, 3 * US_PER_S);
	if (r.meter[1].good < 22)
		fail_msg("%d readings in 3 s", r.meter[1].good);
	assert_int_equal(r.meter[1].failed, 0);
	assert_in_range(r.meter[2].failed, 2, 5);
	bus_rig_end(&r);
}

static void devices_get_the_silence_that_they_want(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	r.p->inter_request_ms = 20;
	r.p->after_slave_switch_ms = 25;
	bus_rig_configure(&r, 2, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 5, 8 * US_PER_S));
	assert_true(bus_rig_wait(&r, &r.meter[2].good, 5, 8 * US_PER_S));
	assert_in_range(peer_gap(r.peer, false), 20 * MS, US_PER_S);
	assert_in_range(peer_gap(r.peer, true), 45 * MS, US_PER_S);
	assert_int_equal(r.meter[1].failed + r.meter[2].failed, 0);
	bus_rig_end(&r);
}

/* Two time-outs of 400 ms do not come in a row. */
static void slaves_that_fall_silent_together_leave_room_for_the_others(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 3, 400 * MS);
	for (int i = 1; i <= 3; i++)
		assert_true(bus_rig_wait(&r, &r.meter[i].good, 2, 5 * US_PER_S));
	r.meter[1].longest_gap = 0;
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	assert_true(bus_rig_wait(&r, &r.meter[2].failed, 1, 5 * US_PER_S));
	assert_true(bus_rig_wait(&r, &r.meter[3].failed, 1, 5 * US_PER_S));
	assert_true(bus_rig_wait(&r, &r.meter[1].good, r.meter[1].good + 2, 5 * US_PER_S));
	assert_in_range(r.meter[1].longest_gap, 300 * MS, 750 * MS);
	bus_rig_end(&r);
}

static void silent_slaves_are_tried_one_per_round(void **state)
{
	struct bus_rig r;
	mono_t tried;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	bus_rig_configure(&r, 3, 30 * MS);
	assert_true(bus_rig_wait(&r, &r.meter[2].failed, 2, 5 * US_PER_S));
	tried = r.meter[2].at;
	assert_true(bus_rig_wait(&r, &r.meter[3].failed, 2, 5 * US_PER_S));
	assert_true(r.meter[1].at > tried);
	bus_rig_end(&r);
}

static void a_late_answer_is_never_taken_for_another(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 2, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_LATE, (int)(TIMEOUT / MS) + 20, -1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_true(bus_rig_wait(&r, &r.meter[2].failed, 1, 5 * US_PER_S));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = r.meter[2].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 5, 8 * US_PER_S));
	assert_true(bus_rig_wait(&r, &r.meter[2].good, 5, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words + r.meter[2].wrong_words, 0);
	assert_true(peer_connections(r.peer) >= 2);
	bus_rig_end(&r);
}

static void an_answer_that_comes_twice_is_dropped_with_its_connection(void **state)
{
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_TWICE, 0, -1, 0);
	bus_rig_configure(&r, 1, 0);
	bus_rig_pass(&r, US_PER_S);
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 3, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	bus_rig_end(&r);
}

static void broken_answers_are_errors(void **state)
{
	static const struct { enum peer_fault fault; int arg, err; } rows[] = {
		{ PEER_WRONG_ID, 0, -LMS_EPROTOCOL },
		{ PEER_WRONG_UNIT, 0, -LMS_EPROTOCOL },
		{ PEER_WRONG_LENGTH, 0, -LMS_EPROTOCOL },
		{ PEER_SHORT, 0, -LMS_EOFFLINE },
		{ PEER_CLOSE, 0, -LMS_EIO },
		{ PEER_EXCEPTION, 11, -LMS_EREFUSED },	/* a gateway for its silent slave */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bus_rig r;

		bus_rig_start(&r);
		peer_set(r.peer, rows[i].fault, rows[i].arg, -1, 0);
		bus_rig_configure(&r, 1, 0);
		assert_true(bus_rig_wait(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
		if (r.meter[1].last_err != rows[i].err || r.meter[1].good || !r.meter[1].text[0])
			fail_msg("fault %d: %d %s", rows[i].fault, r.meter[1].last_err, r.meter[1].text);
		peer_set(r.peer, PEER_FINE, 0, -1, 0);
		assert_true(bus_rig_wait(&r, &r.meter[1].good, 1, 5 * US_PER_S));
		assert_int_equal(r.meter[1].wrong_words, 0);
		bus_rig_end(&r);
	}
}

static void a_connection_closed_between_polls_costs_nothing(void **state)
{
	struct bus_rig r;
	int port;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	port = peer_port(r.peer);
	peer_stop(r.peer);
	r.peer = peer_start(port);	/* within one poll */
	assert_non_null(r.peer);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 5, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed, 0);
	bus_rig_end(&r);
}

static void a_device_that_restarts_is_found_again(void **state)
{
	struct bus_rig r;
	int port;

	(void)state;
	bus_rig_start(&r);
	bus_rig_configure(&r, 1, 0);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	port = peer_port(r.peer);
	peer_stop(r.peer);
	r.peer = NULL;
	assert_true(bus_rig_wait(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_non_null(strstr(r.meter[1].text, "cannot connect to 127.0.0.1"));
	r.peer = peer_start(port);
	r.meter[1].good = 0;
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 3, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	bus_rig_end(&r);
}

static void a_slow_device_is_not_asked_in_bursts(void **state)
{
	struct bus_rig r;
	int before;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_LATE, 120, -1, 0);	/* 240 ms for two blocks, at a poll of 100 */
	bus_rig_configure(&r, 1, 1000 * MS);
	assert_true(bus_rig_wait(&r, &r.meter[1].good, 4, 5 * US_PER_S));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	before = r.meter[1].good;
	bus_rig_pass(&r, 500 * MS);
	assert_in_range(r.meter[1].good - before, 3, 7);
	bus_rig_end(&r);
}

static void ending_takes_no_second_while_the_device_is_mute(void **state)
{
	struct bus_rig r;
	mono_t from;

	(void)state;
	bus_rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	bus_rig_configure(&r, 1, 5 * US_PER_S);
	while (peer_requests(r.peer, 1) == 0)
		bus_rig_pass(&r, 10 * MS);
	from = bus_rig_clock();
	bus_set_free(r.set);
	r.set = NULL;
	assert_true(bus_rig_clock() - from < 500 * MS);
	bus_rig_end(&r);
}

/* A port whose queue is full: the kernel does not even answer a further call. */
static int swallower(int *fillers, int count, int *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	for (int i = 0; i < count; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(connect(fillers[i], (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EINPROGRESS);
	}
	*port = ntohs(sa.sin_port);
	return fd;
}

static void a_call_that_nobody_takes_is_given_up_and_holds_nobody_up(void **state)
{
	struct bus_meter m[2] = { { "M1", NULL, NULL, POLL, TIMEOUT, RETRY }, { "M2", NULL, NULL, POLL, TIMEOUT, RETRY } };
	char one[64], two[64];
	int fillers[4], port, fd = swallower(fillers, 4, &port);
	mono_t from = bus_rig_clock();
	struct bus_rig r;

	(void)state;
	bus_rig_start(&r);
	snprintf(one, sizeof(one), "1@127.0.0.1:%d", peer_port(r.peer));
	snprintf(two, sizeof(two), "1@127.0.0.1:%d", port);
	m[0].address = one;
	m[1].address = two;
	m[0].profile = m[1].profile = r.p;
	assert_int_equal(bus_set_configure(r.set, m, 2, NULL), 0);
	assert_true(bus_rig_wait(&r, &r.meter[2].failed, 1, 10 * US_PER_S));
	assert_in_range(bus_rig_clock() - from, 2500 * MS, 6 * US_PER_S);
	assert_non_null(strstr(r.meter[2].text, "Connection timed out"));
	assert_true(r.meter[1].good >= 15);	/* every 100 ms meanwhile */
	bus_rig_end(&r);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mute_slave_is_an_error_and_comes_back),
		cmocka_unit_test(a_silent_slave_is_asked_less_and_less),
		cmocka_unit_test(a_silent_slave_does_not_hold_up_the_others),
		cmocka_unit_test(devices_get_the_silence_that_they_want),
		cmocka_unit_test(slaves_that_fall_silent_together_leave_room_for_the_others),
		cmocka_unit_test(silent_slaves_are_tried_one_per_round),
		cmocka_unit_test(a_late_answer_is_never_taken_for_another),
		cmocka_unit_test(an_answer_that_comes_twice_is_dropped_with_its_connection),
		cmocka_unit_test(broken_answers_are_errors),
		cmocka_unit_test(a_connection_closed_between_polls_costs_nothing),
		cmocka_unit_test(a_device_that_restarts_is_found_again),
		cmocka_unit_test(a_slow_device_is_not_asked_in_bursts),
		cmocka_unit_test(ending_takes_no_second_while_the_device_is_mute),
		cmocka_unit_test(a_call_that_nobody_takes_is_given_up_and_holds_nobody_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
