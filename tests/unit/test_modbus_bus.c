/* Workers against a device with every fault: values arrive, faults are said, nobody is taken for another. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include "helper_modbus_peer.h"
#include "modbus/bus.h"
#include "net/loop.h"

#define MS	US_PER_MS
#define POLL	(100 * MS)
#define TIMEOUT (150 * MS)
#define RETRY	(200 * MS)

/* What came of one meter. */
struct heard {
	int good, failed, refused_blocks, wrong_words, slow_blocks;
	int last_err, last_exception, identity;
	char text[200];
	mono_t at;
	int64_t latency_us, longest_gap;
};

struct rig {
	struct loop *loop;
	struct bus_set *set;
	struct peer *peer;
	struct meter_profile *p;
	struct heard meter[4];	/* ids "M0".. */
	int strangers;
	int *watched, until;	/* stops the loop when the counter gets there */
	struct loop_timer *deadline;
};

static void on_sample(void *ctx, const struct bus_sample *s)
{
	struct rig *r = ctx;
	int n = s->meter_id[1] - '0';
	struct heard *h = &r->meter[n < 0 || n > 3 ? 0 : n];

	if (s->meter_id[0] != 'M')
		r->strangers++;
	assert_true(s->at > h->at || (s->err && s->at >= h->at));
	if (h->at && s->at - h->at > h->longest_gap)
		h->longest_gap = s->at - h->at;
	h->at = s->at;
	h->last_err = s->err;
	h->identity = s->identity;
	h->latency_us = s->latency_us;
	snprintf(h->text, sizeof(h->text), "%s", s->text);
	if (s->err) {
		h->failed++;
		assert_int_equal(s->block_count, 0);
	} else {
		h->good++;
	}
	for (size_t i = 0; i < s->block_count; i++) {
		const struct meter_block *b = &s->blocks[i];

		if (b->err) {
			h->refused_blocks++;
			h->last_exception = b->exception;
			assert_null(b->words);
			continue;
		}
		h->slow_blocks += b->addr >= 100;
		for (int k = 0; k < b->count; k++)
			h->wrong_words += !peer_word_is_right(b->fc, b->addr + k, b->words[k]);
	}
	if (r->watched && *r->watched >= r->until)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

/* Turns the loop until the counter has got there; false after `limit`. */
static bool wait_for(struct rig *r, int *counter, int until, int64_t limit)
{
	if (*counter >= until)
		return true;
	r->watched = counter;
	r->until = until;
	loop_now_update(r->loop);
	loop_timer_at(r->deadline, loop_now(r->loop) + limit);
	loop_run(r->loop);
	loop_timer_at(r->deadline, MONO_NEVER);
	r->watched = NULL;
	return *counter >= until;
}

static int never;

static void pass_time(struct rig *r, int64_t us)
{
	assert_false(wait_for(r, &never, 1, us));
}

static struct meter_profile *profile_of_words(void)
{
	struct meter_profile *p = profile_new();

	snprintf(p->model, sizeof(p->model), "words");
	p->timeout_ms = (int)(TIMEOUT / MS);
	for (int i = 0; i < 6; i++) {
		struct meter_reg *reg = profile_add_reg(p, (enum meter_var)(i < 3 ? METER_current_l1 + i :
									  METER_voltage_l1n + i - 3));

		reg->fc = 3;
		reg->addr = (uint16_t)(i < 3 ? 10 + i : 100 * i);
		reg->type = REG_U16;
	}
	return p;
}

static void rig_start(struct rig *r)
{
	static const struct bus_ops ops = { on_sample };

	memset(r, 0, sizeof(*r));
	r->loop = loop_new();
	r->set = bus_set_new(r->loop, &ops, r);
	r->deadline = loop_timer_new(r->loop, on_deadline, r);
	r->peer = peer_start(0);
	r->p = profile_of_words();
	assert_non_null(r->peer);
}

static void rig_end(struct rig *r)
{
	bus_set_free(r->set);
	peer_stop(r->peer);
	loop_timer_free(r->deadline);
	loop_free(r->loop);
	profile_free(r->p);
}

/* Slaves 1..n as M1..Mn on the peer. */
static void configure(struct rig *r, int n, int64_t timeout_us)
{
	struct bus_meter meters[3];
	char ids[3][16], addresses[3][64];
	struct diag d;

	diag_init(&d);
	for (int i = 0; i < n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "M%d", i + 1);
		snprintf(addresses[i], sizeof(addresses[i]), "%d@127.0.0.1:%d", i + 1, peer_port(r->peer));
		meters[i] = (struct bus_meter){ ids[i], addresses[i], r->p, POLL, timeout_us, RETRY };
	}
	if (bus_set_configure(r->set, meters, (size_t)n, &d) < 0)
		fail_msg("%s", d.text);
}

static mono_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void values_arrive_at_every_poll(void **state)
{
	struct rig r;
	mono_t from = clock_now();

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 7, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed, 0);
	assert_int_equal(r.meter[1].wrong_words, 0);
	assert_int_equal(r.meter[1].slow_blocks, 7);	/* one of the slow ones each time */
	assert_true(r.meter[1].at > from && r.meter[1].at <= clock_now());
	assert_true(clock_now() - from >= 5 * POLL);
	assert_true(r.meter[1].latency_us > 0);
	assert_int_equal(r.strangers, 0);
	rig_end(&r);
}

static void slaves_of_a_gateway_share_a_connection(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 3, 0);
	for (int i = 1; i <= 3; i++)
		assert_true(wait_for(&r, &r.meter[i].good, 3, 5 * US_PER_S));
	assert_int_equal(peer_connections(r.peer), 1);
	assert_true(peer_requests(r.peer, 3) >= 6);
	rig_end(&r);
}

static void a_refused_block_leaves_the_others(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_EXCEPTION, 2, -1, 300);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].refused_blocks, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].last_exception, 2);
	assert_non_null(strstr(r.meter[1].text, "exception 2 (illegal data address)"));
	assert_int_equal(r.meter[1].failed, 0);
	assert_true(r.meter[1].good >= 2);
	assert_int_equal(peer_connections(r.peer), 1);
	rig_end(&r);
}

/* Fast: 3 registers, slow: 3, 3, 1 and 2. */
static void make_alike(struct meter_profile *p)
{
	static const struct { enum meter_var var; uint16_t addr; } regs[] = {
		{ METER_current_l1, 10 }, { METER_current_l2, 11 }, { METER_current_l3, 12 },
		{ METER_voltage_l1n, 100 }, { METER_voltage_l2n, 101 }, { METER_voltage_l3n, 102 },
		{ METER_voltage_l12, 200 }, { METER_voltage_l23, 201 }, { METER_voltage_l31, 202 },
		{ METER_frequency, 300 }, { METER_pf_l1, 400 }, { METER_pf_l2, 401 },
	};

	p->reg_count = 0;
	for (size_t i = 0; i < ARRAY_LEN(regs); i++) {
		struct meter_reg *reg = profile_add_reg(p, regs[i].var);

		reg->fc = 3;
		reg->addr = regs[i].addr;
		reg->type = REG_U16;
	}
}

/* On a serial line, and behind a gateway to one, the length alone tells their answers apart. */
static void neighbouring_requests_differ_in_length(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	make_alike(r.p);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 9, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed + r.meter[1].wrong_words, 0);
	assert_true(r.meter[1].slow_blocks >= 9);
	assert_int_equal(peer_alike(r.peer), 0);
	rig_end(&r);
}

static void after_a_miss_another_length_is_asked_first(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	assert_true(wait_for(&r, &r.meter[1].failed, 4, 8 * US_PER_S));
	assert_int_equal(peer_alike(r.peer), 0);
	rig_end(&r);
}

static void a_mute_slave_is_an_error_and_comes_back(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	assert_true(wait_for(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_int_equal(r.meter[1].last_err, -LMS_EOFFLINE);
	assert_non_null(strstr(r.meter[1].text, "slave 1 does not answer within 150 ms"));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	assert_int_equal(peer_connections(r.peer), 2);	/* a late answer would have met nobody */
	rig_end(&r);
}

static void a_silent_slave_is_asked_less_and_less(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	configure(&r, 1, 0);
	pass_time(&r, 2200 * MS);
	assert_in_range(peer_requests(r.peer, 1), 3, 4);	/* at once, after 200 ms, 400 ms, 600 ms */
	rig_end(&r);
}

static void a_silent_slave_does_not_hold_up_the_others(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	configure(&r, 2, 0);
	pass_time(&r, 3 * US_PER_S);
	if (r.meter[1].good < 22)
		fail_msg("%d readings in 3 s", r.meter[1].good);
	assert_int_equal(r.meter[1].failed, 0);
	assert_in_range(r.meter[2].failed, 2, 5);
	rig_end(&r);
}

static void devices_get_the_silence_that_they_want(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.p->inter_request_ms = 20;
	r.p->after_slave_switch_ms = 25;
	configure(&r, 2, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 5, 8 * US_PER_S));
	assert_true(wait_for(&r, &r.meter[2].good, 5, 8 * US_PER_S));
	assert_in_range(peer_gap(r.peer, false), 20 * MS, US_PER_S);
	assert_in_range(peer_gap(r.peer, true), 45 * MS, US_PER_S);
	assert_int_equal(r.meter[1].failed + r.meter[2].failed, 0);
	rig_end(&r);
}

/* Two time-outs of 400 ms do not come in a row. */
static void slaves_that_fall_silent_together_leave_room_for_the_others(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 3, 400 * MS);
	for (int i = 1; i <= 3; i++)
		assert_true(wait_for(&r, &r.meter[i].good, 2, 5 * US_PER_S));
	r.meter[1].longest_gap = 0;
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	assert_true(wait_for(&r, &r.meter[2].failed, 1, 5 * US_PER_S));
	assert_true(wait_for(&r, &r.meter[3].failed, 1, 5 * US_PER_S));
	assert_true(wait_for(&r, &r.meter[1].good, r.meter[1].good + 2, 5 * US_PER_S));
	assert_in_range(r.meter[1].longest_gap, 300 * MS, 750 * MS);
	rig_end(&r);
}

static void silent_slaves_are_tried_one_per_round(void **state)
{
	struct rig r;
	mono_t tried;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, 2, 0);
	configure(&r, 3, 30 * MS);
	assert_true(wait_for(&r, &r.meter[2].failed, 2, 5 * US_PER_S));
	tried = r.meter[2].at;
	assert_true(wait_for(&r, &r.meter[3].failed, 2, 5 * US_PER_S));
	assert_true(r.meter[1].at > tried);
	rig_end(&r);
}

static void a_late_answer_is_never_taken_for_another(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 2, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	peer_set(r.peer, PEER_LATE, (int)(TIMEOUT / MS) + 20, -1, 0);
	assert_true(wait_for(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_true(wait_for(&r, &r.meter[2].failed, 1, 5 * US_PER_S));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = r.meter[2].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 5, 8 * US_PER_S));
	assert_true(wait_for(&r, &r.meter[2].good, 5, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words + r.meter[2].wrong_words, 0);
	assert_true(peer_connections(r.peer) >= 2);
	rig_end(&r);
}

static void an_answer_that_comes_twice_is_dropped_with_its_connection(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_TWICE, 0, -1, 0);
	configure(&r, 1, 0);
	pass_time(&r, US_PER_S);
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 3, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	rig_end(&r);
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
		struct rig r;

		rig_start(&r);
		peer_set(r.peer, rows[i].fault, rows[i].arg, -1, 0);
		configure(&r, 1, 0);
		assert_true(wait_for(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
		if (r.meter[1].last_err != rows[i].err || r.meter[1].good || !r.meter[1].text[0])
			fail_msg("fault %d: %d %s", rows[i].fault, r.meter[1].last_err, r.meter[1].text);
		peer_set(r.peer, PEER_FINE, 0, -1, 0);
		assert_true(wait_for(&r, &r.meter[1].good, 1, 5 * US_PER_S));
		assert_int_equal(r.meter[1].wrong_words, 0);
		rig_end(&r);
	}
}

static void a_connection_closed_between_polls_costs_nothing(void **state)
{
	struct rig r;
	int port;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	port = peer_port(r.peer);
	peer_stop(r.peer);
	r.peer = peer_start(port);	/* within one poll */
	assert_non_null(r.peer);
	assert_true(wait_for(&r, &r.meter[1].good, 5, 5 * US_PER_S));
	assert_int_equal(r.meter[1].failed, 0);
	rig_end(&r);
}

static void a_device_that_restarts_is_found_again(void **state)
{
	struct rig r;
	int port;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	port = peer_port(r.peer);
	peer_stop(r.peer);
	r.peer = NULL;
	assert_true(wait_for(&r, &r.meter[1].failed, 1, 5 * US_PER_S));
	assert_non_null(strstr(r.meter[1].text, "cannot connect to 127.0.0.1"));
	r.peer = peer_start(port);
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 3, 8 * US_PER_S));
	assert_int_equal(r.meter[1].wrong_words, 0);
	rig_end(&r);
}

static void a_slow_device_is_not_asked_in_bursts(void **state)
{
	struct rig r;
	int before;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_LATE, 120, -1, 0);	/* 240 ms for two blocks, at a poll of 100 */
	configure(&r, 1, 1000 * MS);
	assert_true(wait_for(&r, &r.meter[1].good, 4, 5 * US_PER_S));
	peer_set(r.peer, PEER_FINE, 0, -1, 0);
	before = r.meter[1].good;
	pass_time(&r, 500 * MS);
	assert_in_range(r.meter[1].good - before, 3, 7);
	rig_end(&r);
}

static void ending_takes_no_second_while_the_device_is_mute(void **state)
{
	struct rig r;
	mono_t from;

	(void)state;
	rig_start(&r);
	peer_set(r.peer, PEER_MUTE, 0, -1, 0);
	configure(&r, 1, 5 * US_PER_S);
	while (peer_requests(r.peer, 1) == 0)
		pass_time(&r, 10 * MS);
	from = clock_now();
	bus_set_free(r.set);
	r.set = NULL;
	assert_true(clock_now() - from < 500 * MS);
	rig_end(&r);
}

static void a_new_configuration_leaves_what_it_does_not_change(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	configure(&r, 3, 0);
	assert_true(wait_for(&r, &r.meter[3].good, 2, 5 * US_PER_S));
	configure(&r, 1, 0);
	r.meter[3].good = r.meter[3].failed = 0;
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 3, 5 * US_PER_S));
	assert_int_equal(r.meter[3].good + r.meter[3].failed, 0);
	assert_int_equal(peer_connections(r.peer), 1);
	assert_int_equal(bus_set_configure(r.set, NULL, 0, NULL), 0);
	r.meter[1].good = 0;
	pass_time(&r, 300 * MS);
	assert_int_equal(r.meter[1].good, 0);
	rig_end(&r);
}

static void a_bad_configuration_changes_nothing(void **state)
{
	static const struct { const char *address; int64_t poll_us; const char *says; } rows[] = {
		{ "1@[::1", 0, "']'" }, { "1@host:99999", 0, "port" }, { "1@host", 5 * MS, "too fast" },
	};
	struct rig r;

	(void)state;
	rig_start(&r);
	configure(&r, 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bus_meter m = { "M2", rows[i].address, r.p, rows[i].poll_us, 0, 0 };
		struct diag d;

		diag_init(&d);
		assert_int_equal(bus_set_configure(r.set, &m, 1, &d), -LMS_EDATA);
		assert_non_null(strstr(d.text, rows[i].says));
	}
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	rig_end(&r);
}

static void the_device_is_asked_who_it_is(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r);
	r.p->identity.fc = 3;
	r.p->identity.addr = 500;
	r.p->identity.count = 1;
	r.p->identity.words[0] = 3500;
	configure(&r, 1, 0);
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, 1);
	r.p->identity.words[0] = 1;
	configure(&r, 1, 0);
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, -1);
	assert_non_null(strstr(r.meter[1].text, "reads 0x0DAC, the profile expects 0x0001"));
	peer_set(r.peer, PEER_EXCEPTION, 2, -1, 500);
	r.p->identity.words[0] = 2;
	configure(&r, 1, 0);
	r.meter[1].good = 0;
	assert_true(wait_for(&r, &r.meter[1].good, 2, 5 * US_PER_S));
	assert_int_equal(r.meter[1].identity, 0);
	rig_end(&r);
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
	mono_t from = clock_now();
	struct rig r;

	(void)state;
	rig_start(&r);
	snprintf(one, sizeof(one), "1@127.0.0.1:%d", peer_port(r.peer));
	snprintf(two, sizeof(two), "1@127.0.0.1:%d", port);
	m[0].address = one;
	m[1].address = two;
	m[0].profile = m[1].profile = r.p;
	assert_int_equal(bus_set_configure(r.set, m, 2, NULL), 0);
	assert_true(wait_for(&r, &r.meter[2].failed, 1, 10 * US_PER_S));
	assert_in_range(clock_now() - from, 2500 * MS, 6 * US_PER_S);
	assert_non_null(strstr(r.meter[2].text, "Connection timed out"));
	assert_true(r.meter[1].good >= 15);	/* every 100 ms meanwhile */
	rig_end(&r);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(fd);
}

static void names_are_resolved(void **state)
{
	struct bus_meter m = { "M1", NULL, NULL, POLL, 0, 0 };
	char address[64];
	struct rig r;

	(void)state;
	rig_start(&r);
	snprintf(address, sizeof(address), "1@localhost:%d", peer_port(r.peer));
	m.address = address;
	m.profile = r.p;
	assert_int_equal(bus_set_configure(r.set, &m, 1, NULL), 0);
	assert_true(wait_for(&r, &r.meter[1].good, 1, 5 * US_PER_S));
	rig_end(&r);
}

/* libmodbus alone would abort here: its select() has no room for such a descriptor. */
static void descriptors_beyond_1024_do_no_harm(void **state)
{
	struct rlimit old, more;
	int fds[1100], n = 0;
	struct rig r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &more);
	rig_start(&r);
	for (; n < (int)ARRAY_LEN(fds); n++) {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			break;
	}
	if (n == (int)ARRAY_LEN(fds)) {
		configure(&r, 1, 0);
		assert_true(wait_for(&r, &r.meter[1].good, 3, 5 * US_PER_S));
		assert_int_equal(r.meter[1].wrong_words, 0);
	}
	while (n > 0)
		close(fds[--n]);
	rig_end(&r);
	setrlimit(RLIMIT_NOFILE, &old);
	if (more.rlim_cur < 2048)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_arrive_at_every_poll),
		cmocka_unit_test(slaves_of_a_gateway_share_a_connection),
		cmocka_unit_test(a_refused_block_leaves_the_others),
		cmocka_unit_test(neighbouring_requests_differ_in_length),
		cmocka_unit_test(after_a_miss_another_length_is_asked_first),
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
		cmocka_unit_test(a_new_configuration_leaves_what_it_does_not_change),
		cmocka_unit_test(a_bad_configuration_changes_nothing),
		cmocka_unit_test(the_device_is_asked_who_it_is),
		cmocka_unit_test(a_call_that_nobody_takes_is_given_up_and_holds_nobody_up),
		cmocka_unit_test(names_are_resolved),
		cmocka_unit_test(descriptors_beyond_1024_do_no_harm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
