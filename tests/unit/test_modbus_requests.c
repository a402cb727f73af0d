/* One connection of the Modbus TCP server, request by request and under a clock of the test's own: what is answered,
 * what is a stall, and who is sent away when. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include "base/arena.h"
#include "base/err.h"
#include "modbus/lowfd.h"
#include "modbus/server_client.h"

struct rig {
	struct server_clients all;
	struct lowfd *low;
	struct bms_image *image;
	int far;		/* the client's end */
	mono_t now;
	int wanted, writes;
	uint64_t token;
};

static bool on_write(void *ctx, struct client *c, uint16_t addr, uint16_t value)
{
	struct rig *r = ctx;

	assert_int_equal(addr, 100);
	assert_in_range(value, 0, 2);
	r->writes++;
	r->token = c->token;
	return true;
}

static void on_wanted(void *ctx)
{
	((struct rig *)ctx)->wanted++;
}

static void renew(struct rig *r)
{
	bms_image_init(r->image, r->now);
	bms_image_reach(r->image, BMS_zone, 2);
	r->image->words[0] = 0x1234;
}

static void rig_init(struct rig *r)
{
	int fds[2];

	*r = (struct rig){ .now = 1000 * US_PER_S, .low = lowfd_new(4), .image = xcalloc(1, sizeof(*r->image)) };
	assert_true(server_clients_init(&r->all, r->low, true, on_write, on_wanted, r));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	r->far = fds[1];
	client_add(&r->all, lowfd_move(r->low, fds[0]), "192.0.2.1", r->now);
	renew(r);
	r->all.image = r->image;
}

static void rig_fini(struct rig *r)
{
	close(r->far);
	server_clients_fini(&r->all);
	lowfd_free(r->low);
	free(r->image);
}

/* As the server's thread goes round, once; false: the client was sent away. */
static bool turn(struct rig *r, enum client_end *end)
{
	struct client *c = &r->all.items[0];

	*end = CLIENT_GONE;
	if (client_reads(c, r->now) && !client_read(c, POLLIN, r->now))
		return false;
	*end = client_serve(&r->all, c, r->now);
	return *end == CLIENT_STAYS;
}

static bool stays(struct rig *r)
{
	enum client_end end;

	return turn(r, &end);
}

static void put(struct rig *r, const void *data, size_t len)
{
	assert_int_equal(send(r->far, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The answer that is there; 0 = none. */
static size_t get(struct rig *r, uint8_t *data)
{
	ssize_t n = recv(r->far, data, 300, 0);

	return n > 0 ? (size_t)n : 0;
}

static void put_read(struct rig *r, unsigned addr, unsigned count)
{
	const uint8_t frame[] = { 7, 7, 0, 0, 0, 6, 42, 3, (uint8_t)(addr >> 8), (uint8_t)addr, (uint8_t)(count >> 8),
				  (uint8_t)count };

	put(r, frame, sizeof(frame));
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static void a_read_is_answered_with_its_transaction_and_unit(void **state)
{
	static const uint8_t want[] = { 7, 7, 0, 0, 0, 5, 42, 3, 2, 0x12, 0x34 };
	uint8_t data[300];
	struct rig r;

	(void)state;
	rig_init(&r);
	put_read(&r, 0, 1);
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), sizeof(want));
	assert_memory_equal(data, want, sizeof(want));
	rig_fini(&r);
}

static void a_frame_may_come_byte_by_byte_and_two_at_once(void **state)
{
	static const uint8_t frame[] = { 0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 1 };
	uint8_t data[300], both[2 * sizeof(frame)];
	struct rig r;

	(void)state;
	rig_init(&r);
	for (size_t i = 0; i < sizeof(frame); i++) {
		assert_int_equal(get(&r, data), 0);
		put(&r, frame + i, 1);
		assert_true(stays(&r));
	}
	assert_int_equal(get(&r, data), 11);
	memcpy(both, frame, sizeof(frame));
	memcpy(both + sizeof(frame), frame, sizeof(frame));
	put(&r, both, sizeof(both));
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 11);
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 11);
	rig_fini(&r);
}

/* A client that waits for a write keeps its next request to itself. */
static void a_write_waits_for_its_decision_and_nothing_overtakes_it(void **state)
{
	static const uint8_t write[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 100, 0, 2 };
	uint8_t data[300];
	struct rig r;

	(void)state;
	rig_init(&r);
	put(&r, write, sizeof(write));
	put_read(&r, 0, 1);
	assert_true(stays(&r) && stays(&r));
	assert_int_equal(r.writes, 1);
	assert_int_equal(get(&r, data), 0);
	client_decided(&r.all, r.token + 1, 0, r.now);	/* of somebody who has gone */
	assert_int_equal(get(&r, data), 0);
	client_decided(&r.all, r.token, 0, r.now);
	assert_int_equal(get(&r, data), sizeof(write));
	assert_memory_equal(data, write, sizeof(write));
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 11);
	put(&r, write, sizeof(write));
	assert_true(stays(&r));
	r.now += 2 * US_PER_S;
	renew(&r);
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 9);
	assert_int_equal(data[8], 6);	/* busy: the loop has not decided in time */
	rig_fini(&r);
}

static void an_old_image_is_waited_for_and_then_not_served(void **state)
{
	uint8_t data[300];
	struct rig r;

	(void)state;
	rig_init(&r);
	r.now += 6 * US_PER_S;
	put_read(&r, 0, 1);
	assert_true(stays(&r) && stays(&r));
	assert_int_equal(r.wanted, 1);
	assert_int_equal(get(&r, data), 0);
	renew(&r);
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 11);
	r.now += 6 * US_PER_S;
	put_read(&r, 0, 1);
	assert_true(stays(&r));
	assert_int_equal(client_due(&r.all.items[0], r.now), r.now + US_PER_S);
	r.now += US_PER_S;
	assert_true(stays(&r));
	assert_int_equal(get(&r, data), 9);
	assert_int_equal(data[8], 6);
	rig_fini(&r);
}

/* Whatever function and rest: an answer that is well-formed, no write but one that the map takes, and never a wait. */
static void any_request_has_a_whole_answer_at_once(void **state)
{
	unsigned seed = 3;
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 50000; i++) {
		uint8_t frame[260] = { (uint8_t)(i >> 8), (uint8_t)i }, data[300];
		size_t rest = 2 + (size_t)(rand_r(&seed) % (i % 3 ? 12 : 253)), n;
		int before = r.writes;

		frame[4] = (uint8_t)(rest >> 8);
		frame[5] = (uint8_t)rest;
		for (size_t k = 6; k < 6 + rest; k++)
			frame[k] = (uint8_t)(rand_r(&seed) % 4 ? rand_r(&seed) % 4 : rand_r(&seed));
		frame[7] = (uint8_t)(i % 5 ? (int[]){ 3, 4, 6, 16, 1 }[i % 5] : 1 + rand_r(&seed) % 127);
		if (frame[7] == 6 && i % 2)
			memcpy(frame + 8, (uint8_t[]){ 0, 100, 0, (uint8_t)(rand_r(&seed) % 4) }, 4);
		r.now += 50 * US_PER_MS;
		renew(&r);
		put(&r, frame, 6 + rest);
		assert_true(stays(&r));
		if (r.writes > before)
			client_decided(&r.all, r.token, 0, r.now);
		n = get(&r, data);
		assert_true(n >= 9 && memcmp(data, frame, 2) == 0 && data[2] == 0 && data[3] == 0 && data[6] == frame[6]);
		assert_int_equal((size_t)data[4] << 8 | data[5], n - 6);
		assert_true(data[7] == frame[7] ? n > 9 : data[7] == (frame[7] | 0x80) && n == 9 && data[8] >= 1 && data[8] <= 3);
	}
	assert_true(r.writes > 100);
	rig_fini(&r);
}

/* ---- who is sent away -------------------------------------------------------------------------------------- */

static void what_is_not_modbus_is_garbage(void **state)
{
	static const uint8_t bad[][12] = {
		{ 0, 1, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1 }, { 0, 1, 1, 0, 0, 6, 1, 3, 0, 0, 0, 1 },
		{ 0, 1, 0, 0, 0, 1, 1, 3, 0, 0, 0, 1 }, { 0, 1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 1 },
		{ 0, 1, 0, 0, 0, 255, 1, 3, 0, 0, 0, 1 }, { 0, 1, 0, 0, 255, 255, 1, 3, 0, 0, 0, 1 },
		{ 0, 1, 0, 0, 0, 6, 1, 0, 0, 0, 0, 1 }, { 0, 1, 0, 0, 0, 6, 1, 0x83, 0, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		enum client_end end;
		struct rig r;

		rig_init(&r);
		put(&r, bad[i], sizeof(bad[i]));
		assert_false(turn(&r, &end));
		assert_int_equal(end, CLIENT_GARBAGE);
		rig_fini(&r);
	}
}

static void half_a_frame_and_silence_have_their_time(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	put(&r, "\0\1\0", 3);
	assert_true(stays(&r));
	for (int i = 0; i < 5; i++) {
		r.now += US_PER_S;
		put(&r, i < 2 ? "\0" : i == 2 ? "\6" : "\3", 1);
		assert_true(stays(&r));
	}
	r.now += 1;	/* a byte now and then buys no time */
	assert_false(stays(&r));
	rig_fini(&r);
	rig_init(&r);
	put(&r, "\0\1\0\0", 4);
	assert_true(stays(&r));
	r.now += 5 * US_PER_S;
	assert_true(stays(&r));
	assert_int_equal(client_due(&r.all.items[0], r.now), r.now);
	r.now += 1;
	assert_false(stays(&r));
	rig_fini(&r);
	rig_init(&r);
	r.now += 120 * US_PER_S;
	assert_true(stays(&r));
	r.now += 1;
	assert_false(stays(&r));
	rig_fini(&r);
}

static void who_asks_too_often_is_read_more_slowly(void **state)
{
	uint8_t data[300];
	int answers = 0;
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 1000; i++) {
		if (i < 200)
			put_read(&r, 0, 1);
		r.now += US_PER_MS;
		if (i % 500 == 0)
			renew(&r);
		assert_true(stays(&r));
		answers += get(&r, data) > 0;
	}
	/* A hundred at once and fifty a second. */
	assert_in_range(answers, 140, 152);
	rig_fini(&r);
}

static void who_does_not_read_is_sent_away(void **state)
{
	bool stayed = true;
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; stayed && i < 100000; i++) {
		put_read(&r, 1000, 80);
		r.now += 50 * US_PER_MS;
		renew(&r);
		stayed = stays(&r);
	}
	assert_false(stayed);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_is_answered_with_its_transaction_and_unit),
		cmocka_unit_test(a_frame_may_come_byte_by_byte_and_two_at_once),
		cmocka_unit_test(a_write_waits_for_its_decision_and_nothing_overtakes_it),
		cmocka_unit_test(an_old_image_is_waited_for_and_then_not_served),
		cmocka_unit_test(any_request_has_a_whole_answer_at_once),
		cmocka_unit_test(what_is_not_modbus_is_garbage),
		cmocka_unit_test(half_a_frame_and_silence_have_their_time),
		cmocka_unit_test(who_asks_too_often_is_read_more_slowly),
		cmocka_unit_test(who_does_not_read_is_sent_away),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
