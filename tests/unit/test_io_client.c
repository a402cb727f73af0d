/* The control protocol's client by file descriptor: lines in any pieces, answers by id, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "io/client.h"

#define HELLO                                                                                      \
	"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":1,\"version\":\"9\","  \
	"\"roles\":\"admin\"}}\n"

struct peer {
	struct sockaddr_un addr;
	int listener, fd;
	struct client *c;
	struct diag diag;
	int hellos, replies, notes;
	int64_t last_id;
	int last_err;
	char last[DIAG_TEXT_MAX];
};

static void on_ready(void *ctx, const struct json *hello)
{
	struct peer *p = ctx;

	assert_string_equal(json_str(json_get(hello, "version"), ""), "9");
	p->hellos++;
}

static void on_reply(void *ctx, int64_t id, const struct json *result, const struct diag *error)
{
	struct peer *p = ctx;

	p->replies++;
	p->last_id = id;
	p->last_err = error ? error->err : 0;
	snprintf(p->last, sizeof(p->last), "%s",
		 error ? error->text : json_str(json_get(result, "x"), ""));
}

static void on_notify(void *ctx, const char *method, const struct json *params)
{
	struct peer *p = ctx;

	p->notes++;
	snprintf(p->last, sizeof(p->last), "%s %s", method, json_str(json_get(params, "x"), ""));
}

static int setup(void **state)
{
	static const struct client_ops ops = { on_ready, on_reply, on_notify };
	struct peer *p = calloc(1, sizeof(*p));
	const char *dir = getenv("TMPDIR");

	diag_init(&p->diag);
	p->addr.sun_family = AF_UNIX;
	snprintf(p->addr.sun_path, sizeof(p->addr.sun_path), "%s/client-%d", dir ? dir : "/tmp",
		 (int)getpid());
	p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink(p->addr.sun_path);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&p->addr, sizeof(p->addr)), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(client_open(p->addr.sun_path, &ops, p, &p->c, &p->diag), 0);
	p->fd = accept(p->listener, NULL, NULL);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct peer *p = *state;

	client_close(p->c);
	if (p->fd >= 0)
		close(p->fd);
	close(p->listener);
	unlink(p->addr.sun_path);
	free(p);
	return 0;
}

static void put(const struct peer *p, const char *text)
{
	assert_int_equal(write(p->fd, text, strlen(text)), strlen(text));
}

static int say(struct peer *p, const char *text)
{
	put(p, text);
	return client_step(p->c, &p->diag);
}

static void a_hello_may_come_byte_by_byte(void **state)
{
	struct peer *p = *state;

	for (const char *s = HELLO; *s; s++) {
		char one[2] = { *s, '\0' };

		assert_false(client_ready(p->c));
		assert_int_equal(say(p, one), 0);
	}
	assert_true(client_ready(p->c));
	assert_int_equal(p->hellos, 1);
}

static void answers_come_back_by_id_in_any_order(void **state)
{
	struct peer *p = *state;
	char line[300];
	ssize_t n;

	assert_int_equal(say(p, HELLO), 0);
	assert_int_equal(client_send(p->c, "zone.list", NULL), 1);
	assert_int_equal(client_send(p->c, "zone.show", "{\"id\":\"P1\"}"), 2);
	assert_true(client_wants_write(p->c));
	assert_int_equal(client_step(p->c, &p->diag), 0);
	assert_false(client_wants_write(p->c));
	n = read(p->fd, line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zone.list\"}\n"
				  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"zone.show\","
				  "\"params\":{\"id\":\"P1\"}}\n");
	say(p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"x\":\"two\"}}\n");
	assert_int_equal(p->last_id, 2);
	assert_string_equal(p->last, "two");
	say(p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32004,\"message\":\"no "
	       "P1\",\"data\":{\"err\":\"NOTFOUND\"}}}\n");
	assert_int_equal(p->last_id, 1);
	assert_int_equal(p->last_err, -LMS_ENOTFOUND);
	assert_string_equal(p->last, "no P1");
}

static void several_lines_in_one_read_are_all_handed_out(void **state)
{
	struct peer *p = *state;

	assert_int_equal(say(p, HELLO
			     "{\"method\":\"watch\",\"params\":{\"x\":\"a\"}}\r\n\n"
			     "{\"method\":\"watch\",\"params\":{\"x\":\"b\"}}\n{\"method\":\"wat"),
			 0);
	assert_int_equal(p->notes, 2);
	assert_string_equal(p->last, "watch b");
	assert_int_equal(say(p, "ch\",\"params\":{\"x\":\"c\"}}\n"), 0);
	assert_string_equal(p->last, "watch c");
}

static void a_blocking_call_keeps_what_comes_behind_its_answer(void **state)
{
	struct peer *p = *state;
	const struct json *result;

	say(p, HELLO);
	/* The request has id 1; its answer may lie ready before it is asked for. */
	put(p, "{\"method\":\"watch\",\"params\":{\"x\":\"before\"}}\n");
	put(p, "{\"id\":1,\"result\":{\"x\":\"answer\"}}\n{\"method\":\"watch\",\"params\":{\"x\":"
	       "\"behind\"}}\n");
	assert_int_equal(client_call(p->c, "a.b", NULL, &result, &p->diag), 0);
	assert_string_equal(json_str(json_get(result, "x"), ""), "answer");
	assert_string_equal(p->last, "watch before");
	assert_int_equal(client_wait(p->c, 0, &p->diag), 1);
	assert_string_equal(p->last, "watch behind");
	assert_int_equal(client_wait(p->c, 0, &p->diag), 0);
}

static void what_was_said_before_the_end_is_heard(void **state)
{
	struct peer *p = *state;

	put(p, HELLO "{\"method\":\"watch\",\"params\":{\"x\":\"last\"}}\n");
	close(p->fd);
	p->fd = -1;
	client_send(p->c, "a.b", NULL);
	assert_int_equal(client_step(p->c, &p->diag), 0);
	assert_int_equal(client_step(p->c, &p->diag), -LMS_ENODAEMON);
	assert_string_equal(p->last, "watch last");
}

struct end_case {
	const char *text;
	int err;
};

static void strangers_are_refused(void **state)
{
	static const struct end_case cases[] = {
		{ "220 mail.example\r\n", -LMS_EPROTOCOL },
		{ "[]\n", -LMS_EPROTOCOL },
		{ "{\"method\":\"hello\",\"params\":{\"protocol\":2}}\n", -LMS_EPROTOCOL },
		{ "{\"method\":\"hello\",\"params\":{\"protocol\":\"1\"}}\n", -LMS_EPROTOCOL },
		{ "{\"method\":\"hello\"}\n", -LMS_EPROTOCOL },
		{ "{\"id\":null,\"error\":{\"code\":-32077,\"message\":\"no role\"}}\n",
		  -LMS_EROLE },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer *p;

		setup(state);
		p = *state;
		assert_int_equal(say(p, cases[i].text), cases[i].err);
		assert_int_equal(p->diag.err, cases[i].err);
		teardown(state);
	}
}

static void a_socket_that_is_not_there_says_so(void **state)
{
	struct client *c;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(client_open("/nowhere/lmsd.sock", NULL, NULL, &c, &diag), -LMS_ENODAEMON);
	assert_non_null(strstr(diag.text, "/nowhere/lmsd.sock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hello_may_come_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_come_back_by_id_in_any_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(several_lines_in_one_read_are_all_handed_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_blocking_call_keeps_what_comes_behind_its_answer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_said_before_the_end_is_heard, setup,
						teardown),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(a_socket_that_is_not_there_says_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
