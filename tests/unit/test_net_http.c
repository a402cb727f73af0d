/* The HTTP upgrade: what real stations send, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/ws/http_upgrade.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define REST "Host: lms\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY \
	"Sec-WebSocket-Version: 13\r\n"
#define OCPP "Sec-WebSocket-Protocol: ocpp1.6\r\n"

static const struct upgrade_case {
	const char *name, *request;
	int status;
	const char *identity, *subprotocol;
} cases[] = {
	{ "plain", "GET /ocpp/CP1 HTTP/1.1\r\n" REST OCPP "\r\n", 101, "CP1", "ocpp1.6" },
	{ "no subprotocol", "GET /CP1 HTTP/1.1\r\n" REST "\r\n", 101, "CP1", "" },
	{ "several subprotocols", "GET /CP1 HTTP/1.1\r\n" REST
	  "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6 ,ocpp1.5\r\n\r\n", 101, "CP1", "ocpp1.6" },
	{ "several subprotocol headers", "GET /CP1 HTTP/1.1\r\n" REST
	  "Sec-WebSocket-Protocol: ocpp2.0\r\n" OCPP "\r\n", 101, "CP1", "ocpp1.6" },
	{ "subprotocol in capitals is echoed as spelt", "GET /CP1 HTTP/1.1\r\n" REST
	  "Sec-WebSocket-Protocol: OCPP1.6\r\n\r\n", 101, "CP1", "OCPP1.6" },
	{ "only unknown subprotocols", "GET /CP1 HTTP/1.1\r\n" REST
	  "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.66\r\n\r\n", 400, NULL, NULL },
	{ "no Connection header", "GET /CP1 HTTP/1.1\r\nUpgrade: WebSocket\r\n" KEY
	  "Sec-WebSocket-Version: 13\r\n\r\n", 101, "CP1", "" },
	{ "header names in any case", "GET /CP1 HTTP/1.1\r\nUPGRADE:websocket\r\n"
	  "sec-websocket-key:  dGhlIHNhbXBsZSBub25jZQ==  \r\nSEC-WEBSOCKET-VERSION:13\r\n\r\n",
	  101, "CP1", "" },
	{ "bare newlines", "GET /CP1 HTTP/1.1\nUpgrade: websocket\n"
	  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n", 101, "CP1",
	  "" },
	{ "absolute target", "GET ws://10.0.0.1:9000/ocpp/CP1 HTTP/1.1\r\n" REST "\r\n", 101, "CP1",
	  "" },
	{ "absolute target without path", "GET ws://10.0.0.1:9000 HTTP/1.1\r\n" REST "\r\n", 404,
	  NULL, NULL },
	{ "two slashes", "GET //CP1 HTTP/1.1\r\n" REST "\r\n", 101, "CP1", "" },
	{ "slash at the end", "GET /ocpp/CP1/ HTTP/1.1\r\n" REST "\r\n", 101, "CP1", "" },
	{ "long path", "GET /a/b/c/CP1// HTTP/1.1\r\n" REST "\r\n", 101, "CP1", "" },
	{ "query", "GET /ocpp/CP1?x=/y HTTP/1.1\r\n" REST "\r\n", 101, "CP1", "" },
	{ "percent-encoded blank and bar", "GET /CP%201%7cA HTTP/1.1\r\n" REST "\r\n", 101,
	  "CP 1|A", "" },
	{ "raw blank and bar", "GET /ocpp/CP 1|A HTTP/1.1\r\n" REST "\r\n", 101, "CP 1|A", "" },
	{ "plus stays plus", "GET /CP+1 HTTP/1.1\r\n" REST "\r\n", 101, "CP+1", "" },
	{ "decoded once", "GET /CP%2531 HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "48 characters", "GET /123456789012345678901234567890123456789012345678 HTTP/1.1\r\n" REST
	  "\r\n", 101, "123456789012345678901234567890123456789012345678", "" },
	{ "49 characters",
	  "GET /1234567890123456789012345678901234567890123456789 HTTP/1.1\r\n" REST
	  "\r\n", 400, NULL, NULL },
	{ "encoded slash", "GET /a%2Fb HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "encoded NUL", "GET /a%00 HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "encoded newline", "GET /a%0ab HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "control character", "GET /a\033b HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "percent without digits", "GET /a%zz HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "percent at the end", "GET /a%2 HTTP/1.1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "dot dot is only a name of dots", "GET /../CP1 HTTP/1.1\r\n" REST "\r\n", 101, "CP1",
	  "" },
	{ "no identity", "GET / HTTP/1.1\r\n" REST "\r\n", 404, NULL, NULL },
	{ "a browser", "GET /CP1 HTTP/1.1\r\nHost: lms\r\n\r\n", 426, NULL, NULL },
	{ "another upgrade", "GET /CP1 HTTP/1.1\r\nUpgrade: h2c\r\n" KEY
	  "Sec-WebSocket-Version: 13\r\n\r\n", 426, NULL, NULL },
	{ "old version", "GET /CP1 HTTP/1.1\r\nUpgrade: websocket\r\n" KEY
	  "Sec-WebSocket-Version: 8\r\n\r\n", 426, NULL, NULL },
	{ "no version", "GET /CP1 HTTP/1.1\r\nUpgrade: websocket\r\n" KEY "\r\n", 426, NULL, NULL },
	{ "no key", "GET /CP1 HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
	  400, NULL, NULL },
	{ "two keys", "GET /CP1 HTTP/1.1\r\n" REST KEY "\r\n", 400, NULL, NULL },
	{ "short key", "GET /CP1 HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n"
	  "Sec-WebSocket-Version: 13\r\n\r\n", 400, NULL, NULL },
	{ "POST", "POST /CP1 HTTP/1.1\r\n" REST "\r\n", 405, NULL, NULL },
	{ "HTTP/1.0", "GET /CP1 HTTP/1.0\r\n" REST "\r\n", 505, NULL, NULL },
	{ "no version at all", "GET /CP1\r\n" REST "\r\n", 400, NULL, NULL },
	{ "not HTTP", "hello world again\r\n\r\n", 400, NULL, NULL },
	{ "empty", "\r\n\r\n", 400, NULL, NULL },
	{ "body", "GET /CP1 HTTP/1.1\r\n" REST "Content-Length: 5\r\n\r\n", 400, NULL, NULL },
	{ "empty body", "GET /CP1 HTTP/1.1\r\n" REST "Content-Length: 0\r\n\r\n", 101, "CP1", "" },
	{ "chunked body", "GET /CP1 HTTP/1.1\r\n" REST "Transfer-Encoding: chunked\r\n\r\n", 400,
	  NULL, NULL },
	{ "folded line", "GET /CP1 HTTP/1.1\r\n" REST "X: a\r\n b\r\n\r\n", 400, NULL, NULL },
	{ "blank before the colon", "GET /CP1 HTTP/1.1\r\n" REST "X : a\r\n\r\n", 400, NULL, NULL },
	{ "line without colon", "GET /CP1 HTTP/1.1\r\n" REST "nonsense\r\n\r\n", 400, NULL, NULL },
	{ "compression is not negotiated", "GET /CP1 HTTP/1.1\r\n" REST
	  "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, "CP1", "" },
};

static void requests_are_taken_or_refused_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct upgrade_case *c = &cases[i];
		char data[2048];
		struct http_upgrade u;
		struct buf answer;
		size_t len = strlen(c->request);

		assert_int_equal(http_header_end(c->request, len), len);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(http_header_end(c->request, cut), 0);
		memcpy(data, c->request, len);
		http_upgrade_parse(data, len, &u);
		if (u.status != c->status)
			fail_msg("%s: %d instead of %d (%s)", c->name, u.status, c->status,
				 u.remedy ? u.remedy : "");
		buf_init(&answer);
		if (u.status != 101) {
			assert_non_null(u.remedy);
			http_upgrade_refuse(&answer, u.status, u.remedy);
			assert_non_null(strstr(answer.data, u.remedy));
		} else {
			assert_string_equal(u.identity, c->identity);
			assert_string_equal(u.subprotocol, c->subprotocol);
			assert_string_equal(u.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
			http_upgrade_accept(&answer, &u);
			assert_null(strstr(answer.data, "Extensions"));
			assert_int_equal(strstr(answer.data, "Protocol:") != NULL,
					*c->subprotocol != 0);
		}
		buf_fini(&answer);
	}
}

static void a_nul_in_the_header_is_refused(void **state)
{
	char data[] = "GET /CP1 HTTP/1.1\r\n" REST "X: a\0b\r\n\r\n";
	struct http_upgrade u;

	(void)state;
	http_upgrade_parse(data, sizeof(data) - 1, &u);
	assert_int_equal(u.status, 400);
}

static const struct auth_case {
	const char *name, *header;
	const char *user;	/* NULL = none */
	const char *password;
	size_t len;
} auths[] = {
	{ "text", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame", 11 },
	{ "any case, more blanks", "bAsIc   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame",
	  11 },
	{ "no padding", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin", "open sesame", 11 },
	{ "NUL and high bytes", "Basic Q1AxOgD/AIA6", "CP1", "\0\xff\0\x80:", 5 },
	{ "empty password", "Basic Q1AxOg==", "CP1", "", 0 },
	{ "empty user", "Basic OnB3", "", "pw", 2 },
	{ "no colon", "Basic Q1Ax", NULL, NULL, 0 },
	{ "not base64", "Basic !!!!", NULL, NULL, 0 },
	{ "one character over", "Basic Q1AxO", NULL, NULL, 0 },
	{ "blank inside", "Basic Q1Ax OnB3", NULL, NULL, 0 },
	{ "another scheme", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL, NULL, 0 },
	{ "nothing", "Basic", NULL, NULL, 0 },
	{ "scheme glued", "BasicQ1AxOg==", NULL, NULL, 0 },
};

static void basic_passwords_are_raw_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(auths); i++) {
		const struct auth_case *c = &auths[i];
		struct http_upgrade u;
		char data[1024];

		snprintf(data, sizeof(data),
				"GET /CP1 HTTP/1.1\r\n" REST "Authorization: %s\r\n\r\n",
			 c->header);
		http_upgrade_parse(data, strlen(data), &u);
		assert_int_equal(u.status, 101);
		if (!c->user != !u.user)
			fail_msg("%s", c->name);
		if (!c->user)
			continue;
		assert_string_equal(u.user, c->user);
		assert_int_equal(u.user_len, strlen(c->user));
		assert_int_equal(u.password_len, c->len);
		assert_memory_equal(u.password, c->password, c->len);
	}
}

static void every_status_has_an_answer_with_a_length_that_is_right(void **state)
{
	static const int statuses[] = { 400, 401, 403, 404, 405, 408, 426, 431, 503, 505, 999 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct buf b;
		const char *body;
		long len;

		buf_init(&b);
		http_upgrade_refuse(&b, statuses[i], NULL);
		body = strstr(b.data, "\r\n\r\n") + 4;
		len = atol(strstr(b.data, "Content-Length: ") + 16);
		assert_int_equal(strlen(body), len);
		if (statuses[i] == 401)
			assert_non_null(strstr(b.data, "WWW-Authenticate: Basic"));
		if (statuses[i] == 503)
			assert_non_null(strstr(b.data, "Retry-After"));
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_taken_or_refused_by_the_table),
		cmocka_unit_test(a_nul_in_the_header_is_refused),
		cmocka_unit_test(basic_passwords_are_raw_bytes),
		cmocka_unit_test(every_status_has_an_answer_with_a_length_that_is_right),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
