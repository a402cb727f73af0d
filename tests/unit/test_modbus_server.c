/* The Modbus TCP server alone: what it serves while images change, who waits for what, and that it ends at any time.
 * The clients are threads of their own; the loop is this one. Made for a run under the thread sanitizer, too. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "modbus/server.h"
#include "net/loop.h"
#include "net/sock.h"

#define IMAGE_US (2 * US_PER_MS)

struct rig {
	struct loop *loop;
	struct modbus_server *server;
	struct loop_timer *timer;
	struct loop_wake *wake;
	bool decides;		/* the loop, on what is written */
	uint16_t stamp;		/* in every register of an image */
	int wanted, writes, told;
};

static void publish(struct rig *r)
{
	struct bms_image *img = xmalloc(sizeof(*img));

	bms_image_init(img, loop_now(r->loop));
	bms_image_reach(img, BMS_zone, 100);
	r->stamp++;
	for (unsigned i = 0; i < BMS_WORDS; i++)
		img->words[i] = r->stamp;
	modbus_server_publish(r->server, img);
}

static void on_timer(void *ctx)
{
	struct rig *r = ctx;

	publish(r);
	loop_timer_at(r->timer, loop_now(r->loop) + IMAGE_US);
}

static void on_wanted(void *ctx)
{
	((struct rig *)ctx)->wanted++;
}

static void on_write(void *ctx, uint64_t token, const char *peer, uint16_t addr, uint16_t value)
{
	struct rig *r = ctx;

	assert_string_equal(peer, "127.0.0.1");
	assert_int_equal(addr, 100);
	r->writes++;
	if (r->decides)
		modbus_server_written(r->server, token, value == 2 ? 2 : 0);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	assert_non_null(strstr(text, "count="));
	assert_true(strncmp(event, "bms_", 4) == 0);
	((struct rig *)ctx)->told++;
}

static const struct modbus_server_ops ops = { .wanted = on_wanted, .write = on_write, .told = on_told };

/* The last client ends the loop. */
static void on_client_done(void *ctx)
{
	loop_stop(((struct rig *)ctx)->loop);
}

static void rig_init(struct rig *r, int clients, bool renews)
{
	struct modbus_server_conf conf = { .address = "127.0.0.1", .port = 0, .clients = clients, .writes = true };
	struct diag diag;

	*r = (struct rig){ .decides = true };
	diag_init(&diag);
	assert_int_equal(nets_parse("127.0.0.1", &conf.allow, NULL), 0);
	r->loop = loop_new();
	r->wake = loop_wake_new(r->loop, on_client_done, r);
	assert_int_equal(modbus_server_new(r->loop, &conf, &ops, r, &r->server, &diag), 0);
	r->timer = loop_timer_new(r->loop, on_timer, r);
	if (renews)
		on_timer(r);
}

static void rig_fini(struct rig *r)
{
	modbus_server_free(r->server);
	loop_timer_free(r->timer);
	loop_wake_free(r->wake);
	loop_free(r->loop);
}

/* ---- clients --------------------------------------------------------------------------------------- */

struct peer {
	struct rig *rig;
	pthread_t thread;
	int fd;
	atomic_int *left;
	int exception;		/* of its last answer, -1 = the connection ended */
	int torn, answers;
	uint8_t function;
	uint16_t value;
	int64_t took_us;
};

static int dial(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	return connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

static bool receive(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, data, len, 0);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Answers the PDU's length, the PDU in `pdu`; 0 = the connection ended. */
static size_t ask(int fd, const uint8_t *request, size_t len, uint8_t *pdu)
{
	uint8_t frame[300] = { 0, 9, 0, 0, 0, (uint8_t)(len + 1), 1 };

	memcpy(frame + 7, request, len);
	if (send(fd, frame, len + 7, MSG_NOSIGNAL) < 0 || !receive(fd, frame, 7) || frame[5] < 2 ||
	    !receive(fd, pdu, (size_t)frame[5] - 1U))
		return 0;
	return (size_t)frame[5] - 1U;
}

static int64_t mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void done(struct peer *p)
{
	close(p->fd);
	if (atomic_fetch_sub(p->left, 1) == 1)
		loop_wake_send(p->rig->wake);
}

/* All registers of an answer are of one image. */
static void *read_much(void *arg)
{
	static const uint8_t request[] = { 3, 3, 232, 0, 120 };	/* 120 from 1000 on */
	struct peer *p = arg;
	uint8_t pdu[256];

	for (int i = 0; i < 90; i++) {
		if (ask(p->fd, request, sizeof(request), pdu) != 242)
			break;
		p->answers++;
		for (int k = 1; k < 120; k++)
			p->torn += memcmp(pdu + 2, pdu + 2 + 2 * k, 2) != 0;
	}
	done(p);
	return NULL;
}

static void *ask_once(void *arg)
{
	struct peer *p = arg;
	uint8_t pdu[256], request[] = { p->function, 0, 100, (uint8_t)(p->value >> 8), (uint8_t)p->value };
	int64_t began = mono();
	size_t n = ask(p->fd, request, sizeof(request), pdu);

	p->took_us = mono() - began;
	p->exception = n == 0 ? -1 : pdu[0] & 0x80 ? pdu[1] : 0;
	done(p);
	return NULL;
}

static void run(struct rig *r, struct peer *peers, int count, void *(*client)(void *))
{
	atomic_int left = count;

	for (int i = 0; i < count; i++) {
		peers[i].rig = r;
		peers[i].left = &left;
		peers[i].fd = dial(modbus_server_port(r->server));
		assert_true(peers[i].fd >= 0);
		assert_int_equal(pthread_create(&peers[i].thread, NULL, client, &peers[i]), 0);
	}
	loop_run(r->loop);
	for (int i = 0; i < count; i++)
		pthread_join(peers[i].thread, NULL);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void an_answer_is_of_one_moment_however_fast_images_change(void **state)
{
	struct peer peers[4] = { { 0 } };
	struct rig r;

	(void)state;
	rig_init(&r, 8, true);
	run(&r, peers, 4, read_much);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(peers[i].answers, 90);
		assert_int_equal(peers[i].torn, 0);
	}
	assert_true(r.stamp > 2);
	rig_fini(&r);
}

static void a_write_is_answered_when_the_loop_has_decided(void **state)
{
	struct peer peers[3] = { { .function = 6, .value = 1 }, { .function = 6, .value = 2 }, { .function = 6, .value = 3 } };
	struct rig r;

	(void)state;
	rig_init(&r, 8, true);
	run(&r, peers, 3, ask_once);
	assert_int_equal(peers[0].exception, 0);
	assert_int_equal(peers[1].exception, 2);	/* as the loop said */
	assert_int_equal(peers[2].exception, 3);	/* it never heard of it */
	assert_int_equal(r.writes, 2);
	rig_fini(&r);
}

static void a_loop_that_does_not_decide_is_busy(void **state)
{
	struct peer one = { .function = 6, .value = 1 };
	struct rig r;

	(void)state;
	rig_init(&r, 8, true);
	r.decides = false;
	run(&r, &one, 1, ask_once);
	assert_int_equal(one.exception, 6);
	assert_in_range(one.took_us, US_PER_S, 10 * US_PER_S);
	assert_int_equal(r.writes, 1);
	rig_fini(&r);
}

static void an_image_that_nobody_renews_is_not_served(void **state)
{
	struct peer one = { .function = 3, .value = 1 };
	struct rig r;

	(void)state;
	rig_init(&r, 8, false);
	run(&r, &one, 1, ask_once);
	assert_int_equal(one.exception, 6);
	assert_in_range(r.wanted, 1, 2);	/* when it came and when it asked, which may be told as one */
	rig_fini(&r);
}

static void one_address_has_half_of_the_places(void **state)
{
	struct peer one = { .function = 3, .value = 1 };
	int fds[4];
	struct rig r;
	char c;

	(void)state;
	rig_init(&r, 4, true);
	for (int i = 0; i < 4; i++)
		fds[i] = dial(modbus_server_port(r.server));
	/* The third and fourth are refused, and so is this one. */
	run(&r, &one, 1, ask_once);
	assert_int_equal(one.exception, -1);
	for (int i = 2; i < 4; i++)
		assert_true(fds[i] < 0 || recv(fds[i], &c, 1, 0) <= 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(r.told, 1);
	rig_fini(&r);
}

/* Stations may have taken all low numbers: libmodbus gets one that was set aside. */
static void descriptors_beyond_1024_do_no_harm(void **state)
{
	struct peer one = { .function = 3, .value = 1 };
	int fds[1100], count = 0;
	struct rig r;

	(void)state;
	net_raise_nofile();
	rig_init(&r, 8, true);
	while (count < 1100 && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	if (count == 1100) {
		run(&r, &one, 1, ask_once);
		assert_int_equal(one.exception, 0);
	}
	while (count > 0)
		close(fds[--count]);
	rig_fini(&r);
}

static void it_ends_with_clients_in_the_middle_of_something(void **state)
{
	static const uint8_t half[] = { 0, 1, 0, 0, 0, 6, 1, 3 }, write[] = { 0, 1, 0, 0, 0, 6, 1, 6, 0, 100, 0, 1 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct rig r;
		int a, b;

		rig_init(&r, 8, true);
		a = dial(modbus_server_port(r.server));
		b = dial(modbus_server_port(r.server));
		assert_true(send(a, half, sizeof(half), MSG_NOSIGNAL) > 0 && send(b, write, sizeof(write), MSG_NOSIGNAL) > 0);
		rig_fini(&r);
		close(a);
		close(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_of_one_moment_however_fast_images_change),
		cmocka_unit_test(a_write_is_answered_when_the_loop_has_decided),
		cmocka_unit_test(a_loop_that_does_not_decide_is_busy),
		cmocka_unit_test(an_image_that_nobody_renews_is_not_served),
		cmocka_unit_test(one_address_has_half_of_the_places),
		cmocka_unit_test(descriptors_beyond_1024_do_no_harm),
		cmocka_unit_test(it_ends_with_clients_in_the_middle_of_something),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
