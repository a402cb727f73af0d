/* The WebSocket client against our server and against peers that are none. */
#include <pthread.h>
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
#include "net/ws/http_dial.h"
#include "net/ws/http_upgrade.h"
#include "net/sock.h"
#include "net/tls.h"
#include "net/ws/ws_client.h"

struct side {
	struct loop *loop;
	struct ws_client *client;
	struct loop_timer *limit;
	struct ws_conn *conn;
	const char *send;	/* when it opens */
	bool close_after;	/* the first message */
	int opened, messages, closed, code, pongs;
	char why[200], text[200];
	size_t len;
};

static void on_opened(void *user, struct ws_conn *c)
{
	struct side *s = user;

	s->opened++;
	assert_ptr_equal(c, s->conn);
	if (s->send)
		assert_int_equal(ws_conn_send(c, s->send, strlen(s->send)), 0);
	else
		ws_conn_ping(c);
}

static void on_message(void *user, const char *text, size_t len)
{
	struct side *s = user;

	s->messages++;
	s->len = len;
	snprintf(s->text, sizeof(s->text), "%s", text);
	if (s->close_after)
		ws_conn_close(s->conn, 1000, "enough");
	else
		loop_stop(s->loop);
}

static void on_closed(void *user, int code, const char *why)
{
	struct side *s = user;

	s->closed++;
	s->code = code;
	snprintf(s->why, sizeof(s->why), "%s", why);
	loop_stop(s->loop);
}

static void on_pong(void *user)
{
	struct side *s = user;

	s->pongs++;
	loop_stop(s->loop);
}

static void on_limit(void *ctx)
{
	struct side *s = ctx;

	loop_stop(s->loop);
	snprintf(s->why, sizeof(s->why), "nothing in five seconds");
}

static const struct ws_client_ops ops = { on_opened, on_message, on_closed, on_pong };

static void side_init(struct side *s, const struct ws_server_conf *conf)
{
	struct diag d;

	diag_init(&d);
	s->loop = loop_new();
	s->limit = loop_timer_new(s->loop, on_limit, s);
	loop_timer_at(s->limit, loop_now(s->loop) + 5 * US_PER_S);
	if (ws_client_new(s->loop, conf, &ops, &s->client, &d) != 0)
		fail_msg("%s", d.text);
}

static void side_run(struct side *s, const struct ws_target *t)
{
	struct diag d;

	diag_init(&d);
	s->conn = ws_client_connect(s->client, t, s, &d);
	if (!s->conn)
		fail_msg("%s", d.text);
	loop_run(s->loop);
}

static void side_fini(struct side *s)
{
	ws_client_free(s->client);
	loop_timer_free(s->limit);
	loop_free(s->loop);
}

static struct ws_target target(int port)
{
	return (struct ws_target){
		.address = "127.0.0.1",
		.port = port,
		.host = "localhost",
		.path = "/cpo/S%201",
		.subprotocol = "ocpp1.6",
	};
}

static void text_goes_and_comes_back(void **state)
{
	struct echo e = { 0 };
	struct side s = { .send = "hello" };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;

	(void)state;
	echo_start(&e);
	side_init(&s, &conf);
	t = target(e.port);
	t.user = "S 1";
	t.password = (const uint8_t *)"p\0w";
	t.password_len = 3;
	side_run(&s, &t);
	assert_string_equal(s.text, "hello");
	assert_true(echo_wait(&e.messages, 1));
	assert_string_equal(e.identity, "S 1");
	assert_string_equal(e.user, "S 1");
	assert_int_equal(e.password_len, 3);
	assert_memory_equal(e.password, "p\0w", 3);
	assert_true(e.offered);
	side_fini(&s);
	echo_stop(&e);
	assert_int_equal(e.last_code, 1001);
}

static void both_sides_may_close(void **state)
{
	struct echo e = { 0 };
	struct side ours = { .send = "x", .close_after = true }, theirs = { .send = "close" };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;

	(void)state;
	echo_start(&e);
	t = target(e.port);
	side_init(&ours, &conf);
	side_run(&ours, &t);
	assert_int_equal(ours.code, 1000);
	assert_int_equal(ours.closed, 1);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.last_code, 1000);
	side_fini(&ours);
	side_init(&theirs, &conf);
	side_run(&theirs, &t);
	assert_int_equal(theirs.code, 1000);
	assert_string_equal(theirs.why, "bye");
	side_fini(&theirs);
	echo_stop(&e);
}

static void a_ping_is_answered(void **state)
{
	struct echo e = { 0 };
	struct side s = { 0 };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;

	(void)state;
	echo_start(&e);
	side_init(&s, &conf);
	t = target(e.port);
	side_run(&s, &t);
	assert_int_equal(s.pongs, 1);
	side_fini(&s);
	echo_stop(&e);
}

static void a_refusal_is_told_with_its_status(void **state)
{
	struct echo e = { .refuse = 401 };
	struct side s = { 0 };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;

	(void)state;
	echo_start(&e);
	side_init(&s, &conf);
	t = target(e.port);
	side_run(&s, &t);
	assert_int_equal(s.opened, 0);
	assert_int_equal(s.closed, 1);
	assert_string_equal(s.why, "the other side refuses our credentials (HTTP status 401)");
	side_fini(&s);
	echo_stop(&e);
}

static void nobody_there_and_nobody_answering_are_told(void **state)
{
	struct side s = { 0 }, silent = { 0 };
	struct ws_server_conf conf = { 0 }, hasty = { .handshake_us = 50 * US_PER_MS };
	struct ws_target t;
	struct diag d;
	int fd, port;

	(void)state;
	diag_init(&d);
	assert_int_equal(net_listen("127.0.0.1", 0, &fd, &port, &d), 0);
	t = target(port);
	side_init(&silent, &hasty);
	side_run(&silent, &t);
	assert_string_equal(silent.why, "no answer in time");
	side_fini(&silent);
	close(fd);
	side_init(&s, &conf);
	side_run(&s, &t);
	assert_int_equal(s.closed, 1);
	assert_string_equal(s.why, "Connection refused");
	side_fini(&s);
}

static void targets_that_make_no_sense_are_refused_at_once(void **state)
{
	static const struct { const char *address, *host, *path; int port; } bad[] = {
		{ "cpo.example", "cpo.example", "/", 80 },
		{ "127.0.0.1", "cpo.example", "/", 0 },
		{ "127.0.0.1", "cpo.example", "/a b", 80 },
		{ "127.0.0.1", "cpo.example", "/a\r\nX: y", 80 },
		{ "127.0.0.1", "cpo.example\r\nX: y", "/", 80 },
		{ "127.0.0.1", "", "/", 80 },
		{ "127.0.0.1", "cpo.example", "a", 80 },
	};
	struct side s = { 0 };
	struct ws_server_conf conf = { 0 };

	(void)state;
	side_init(&s, &conf);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ws_target t = { .address = bad[i].address, .host = bad[i].host,
				       .path = bad[i].path, .port = bad[i].port };
		struct diag d;

		diag_init(&d);
		assert_null(ws_client_connect(s.client, &t, &s, &d));
		assert_int_equal(d.err, -LMS_EDATA);
	}
	side_fini(&s);
}

static void given_up_before_it_opens_it_is_closed_once(void **state)
{
	struct side s = { 0 };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;
	struct diag d;
	int fd, port;

	(void)state;
	diag_init(&d);
	assert_int_equal(net_listen("127.0.0.1", 0, &fd, &port, &d), 0);
	t = target(port);
	side_init(&s, &conf);
	s.conn = ws_client_connect(s.client, &t, &s, &d);
	assert_int_equal(ws_conn_send(s.conn, "x", 1), -LMS_EOFFLINE);
	ws_conn_close(s.conn, 1001, "changed my mind");
	assert_int_equal(s.closed, 0);
	loop_run(s.loop);
	assert_int_equal(s.closed, 1);
	assert_string_equal(s.why, "changed my mind");
	side_fini(&s);
	close(fd);
}

static void tls_checks_who_answers(void **state)
{
	char dir[] = "/tmp/lms-cli-XXXXXX", cert[64], key[64], other[64], other_key[64];
	struct echo e = { 0 };
	struct diag d;
	struct { const char *host, *ca; bool good; } cases[] = {
		{ "lms.example", cert, true },
		{ "other.example", cert, false },
		{ "127.0.0.1", cert, false },
		{ "lms.example", other, false },
		{ "lms.example", NULL, false },		/* the system's CAs did not sign it */
	};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/c.pem", dir);
	snprintf(key, sizeof(key), "%s/k.pem", dir);
	snprintf(other, sizeof(other), "%s/oc.pem", dir);
	snprintf(other_key, sizeof(other_key), "%s/ok.pem", dir);
	diag_init(&d);
	assert_int_equal(tls_self_signed(cert, key, "lms.example", &d), 0);
	assert_int_equal(tls_self_signed(other, other_key, "lms.example", &d), 0);
	e.conf = (struct ws_server_conf){ .tls = true, .cert_file = cert, .key_file = key };
	echo_start(&e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ws_server_conf conf = { .ca_file = cases[i].ca };
		struct side s = { .send = "over TLS" };
		struct ws_target t = target(e.port);

		t.tls = true;
		t.host = cases[i].host;
		side_init(&s, &conf);
		side_run(&s, &t);
		assert_int_equal(s.opened, cases[i].good);
		if (cases[i].good)
			assert_string_equal(s.text, "over TLS");
		else
			assert_string_equal(s.why, "certificate verify failed");
		side_fini(&s);
	}
	echo_stop(&e);
	unlink(cert);
	unlink(key);
	unlink(other);
	unlink(other_key);
	rmdir(dir);
}

static void a_large_message_goes_and_comes_back(void **state)
{
	struct echo e = { 0 };
	char *big = malloc(300001);
	struct side s = { .send = big };
	struct ws_server_conf conf = { 0 };
	struct ws_target t;

	(void)state;
	memset(big, 'x', 300000);
	big[300000] = '\0';
	echo_start(&e);
	side_init(&s, &conf);
	t = target(e.port);
	side_run(&s, &t);
	assert_int_equal(s.len, 300000);
	side_fini(&s);
	echo_stop(&e);
	free(big);
}

#define OK101 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static void answers_are_judged_by_the_table(void **state)
{
	static const struct { const char *answer; int status; const char *why; } cases[] = {
		{ OK101 ACCEPT "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n", 0, NULL },
		{ OK101 ACCEPT "\r\n", 0, NULL },	/* silent about it: many are */
		{ OK101 "\r\n", -1, "Accept" },
		{ OK101 "Sec-WebSocket-Accept: AAAA\r\n\r\n", -1, "Accept" },
		{ OK101 ACCEPT "Sec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n", -1, "subprotocol" },
		{ OK101 ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", -1,
		  "extension" },
		{ "HTTP/1.1 101 X\r\n" ACCEPT "\r\n", -1, "upgrade" },
		{ "HTTP/1.1 404 Not Found\r\n\r\n", 404, "identity" },
		{ "HTTP/1.1 503 Later\r\n\r\n", 503, "later" },
		{ "HTTP/1.1 200 OK\r\n\r\n", 200, "WebSocket" },
		{ "HTTP/1.1 301 Moved\r\nLocation: x\r\n\r\n", 301, "WebSocket" },
		{ "HTTP/1.0 101 OK\r\n\r\n", -1, "HTTP" },
		{ "SSH-2.0-x\r\n\r\n", -1, "HTTP" },
		{ "\r\n\r\n", -1, "HTTP" },
		{ "HTTP/1.1 1x1\r\n\r\n", -1, "HTTP" },
	};
	struct http_dial d = { .host = "h", .path = "/", .subprotocol = "ocpp1.6",
			       .key = "dGhlIHNhbXBsZSBub25jZQ==" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].answer);
		char *data = malloc(len);
		const char *why = NULL;

		memcpy(data, cases[i].answer, len);
		assert_int_equal(http_dial_judge(data, len, &d, &why), cases[i].status);
		if (cases[i].status != 0 && !strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].answer, why);
		free(data);
	}
}

static void what_the_client_asks_the_server_understands(void **state)
{
	struct http_dial d = { .host = "::1", .port = 9000, .subprotocol = "ocpp1.6", .user = "A|1",
			       .password = (const uint8_t *)"\0\xff:", .password_len = 3 };
	struct buf path, request;
	struct http_upgrade u;
	const char *why;

	(void)state;
	buf_init(&path);
	buf_init(&request);
	http_path_add(&path, "ocpp");
	http_path_add(&path, "A|1 +=*");
	assert_string_equal(buf_cstr(&path), "/ocpp/A%7C1%20%2B%3D%2A");
	d.path = path.data;
	assert_true(http_dial_key(d.key));
	http_dial_request(&request, &d);
	assert_non_null(strstr(buf_cstr(&request), "Host: [::1]:9000\r\n"));
	assert_int_equal(http_header_end(request.data, request.len), request.len);
	http_upgrade_parse(request.data, request.len, &u);
	assert_int_equal(u.status, 101);
	assert_string_equal(u.identity, "A|1 +=*");
	assert_string_equal(u.user, "A|1");
	assert_int_equal(u.password_len, 3);
	assert_memory_equal(u.password, "\0\xff:", 3);
	{
		struct buf answer;

		buf_init(&answer);
		http_upgrade_accept(&answer, &u);
		assert_int_equal(http_dial_judge(answer.data, answer.len, &d, &why), 0);
		buf_fini(&answer);
	}
	buf_fini(&path);
	buf_fini(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_and_comes_back),
		cmocka_unit_test(both_sides_may_close),
		cmocka_unit_test(a_ping_is_answered),
		cmocka_unit_test(a_refusal_is_told_with_its_status),
		cmocka_unit_test(nobody_there_and_nobody_answering_are_told),
		cmocka_unit_test(targets_that_make_no_sense_are_refused_at_once),
		cmocka_unit_test(given_up_before_it_opens_it_is_closed_once),
		cmocka_unit_test(tls_checks_who_answers),
		cmocka_unit_test(a_large_message_goes_and_comes_back),
		cmocka_unit_test(answers_are_judged_by_the_table),
		cmocka_unit_test(what_the_client_asks_the_server_understands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
