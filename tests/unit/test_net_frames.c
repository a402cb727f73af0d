/* Frames and messages: what comes in, byte by byte, and what it must become (RFC 6455).
 *
 * Each case runs with its bytes cut at every offset: the outcome may not depend on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/types.h"
#include "helper_net_echo.h"
#include "net/ws/ws_frame.h"

#define MAX_MESSAGE ((size_t)1 << 20)
#define FIN 0x80

struct feed {
	const uint8_t *data;
	size_t len, off, chunk;
	size_t first;	/* size of the first chunk; 0 = as the others */
};

static size_t pull(void *ctx, uint8_t *data, size_t len)
{
	struct feed *f = ctx;
	size_t n = f->first ? f->first : f->chunk;

	f->first = 0;
	n = n < len ? n : len;
	n = n < f->len - f->off ? n : f->len - f->off;
	memcpy(data, f->data + f->off, n);
	f->off += n;
	return n;
}

static void show(struct buf *out, const struct ws_rx_event *ev)
{
	static const char letters[] = "-MIOCB";

	buf_printf(out, "%s%c", out->len ? " " : "", letters[ev->kind]);
	if (ev->kind == WS_RX_CLOSE || ev->kind == WS_RX_BAD)
		buf_printf(out, "%d", ev->code);
	if (ev->kind == WS_RX_BAD || ev->len == 0)
		return;
	if (ev->len <= 16)
		buf_printf(out, ":%s", ev->data);
	else
		buf_printf(out, "#%zu", ev->len);
}

/* Runs all bytes through a fresh connection; the events as text, malloc'ed by `out`. */
static void run(struct ws_pool *p, struct feed f, struct buf *out)
{
	struct ws_rx rx = { 0 };
	struct ws_rx_event ev;

	buf_init(out);
	do {
		ws_rx_next(&rx, p, pull, &f, &ev);
		if (ev.kind == WS_RX_MORE) {
			if (f.off == f.len)
				break;
			continue;
		}
		show(out, &ev);
		if (ev.kind == WS_RX_MESSAGE) {
			assert_int_equal(ev.data[ev.len], '\0');
			ws_rx_done(&rx, p);
		}
	} while (ev.kind != WS_RX_CLOSE && ev.kind != WS_RX_BAD);
	if (ev.kind == WS_RX_MORE && ws_rx_is_partial(&rx))
		buf_puts(out, out->len ? " …" : "…");
	ws_rx_fini(&rx, p);
	assert_int_equal(p->in_flight, 0);
}

static void expect(const char *name, const uint8_t *data, size_t len, const char *want)
{
	struct ws_pool p;
	struct buf got;

	ws_pool_init(&p, true, MAX_MESSAGE, MAX_MESSAGE * 2);
	for (size_t cut = 0; cut <= len && cut < 400; cut++) {
		struct feed f = { .data = data, .len = len, .chunk = cut ? len : 1, .first = cut };

		if (!cut && len > 100000)
			f.chunk = 4096;
		run(&p, f, &got);
		if (strcmp(buf_cstr(&got), want) != 0)
			fail_msg("%s, cut at %zu: got \"%s\", want \"%s\"", name, cut, got.data,
					want);
		buf_fini(&got);
	}
	assert_true(p.idle_count <= 1);
	ws_pool_fini(&p);
}

struct piece {
	unsigned b0;		/* 0 ends the list (0 itself is 0x100: continuation without FIN) */
	const char *payload;
	size_t len;		/* 0: strlen */
};
#define MORE_TEXT 0x01
#define MORE_CONT 0x100

static const struct frame_case {
	const char *name;
	struct piece in[8];
	const char *want;
} cases[] = {
	{ "empty text", { { FIN | 1, "", 0 } }, "M" },
	{ "text", { { FIN | 1, "hello", 0 } }, "M:hello" },
	{ "two texts", { { FIN | 1, "a", 0 }, { FIN | 1, "b", 0 } }, "M:a M:b" },
	{ "binary", { { FIN | 2, "hello", 0 } }, "B1003" },
	{ "empty binary", { { FIN | 2, "", 0 } }, "B1003" },

	{ "ping", { { FIN | 9, "x", 0 } }, "I:x" },
	{ "ping without payload", { { FIN | 9, "", 0 } }, "I" },
	{ "ping is not text", { { FIN | 9, "\xff\xfe", 0 } }, "I:\xff\xfe" },
	{ "pong nobody asked for, then a ping", { { FIN | 10, "z", 0 }, { FIN | 9, "y", 0 } },
	  "O:z I:y" },
	{ "fragmented ping", { { 9, "x", 0 } }, "B1002" },
	{ "fragmented pong", { { 10, "x", 0 } }, "B1002" },
	{ "fragmented close", { { 8, "", 0 } }, "B1002" },

	{ "RSV1", { { FIN | 0x40 | 1, "x", 0 } }, "B1002" },
	{ "RSV2", { { FIN | 0x20 | 1, "x", 0 } }, "B1002" },
	{ "RSV3", { { FIN | 0x10 | 1, "x", 0 } }, "B1002" },
	{ "all RSV on a ping", { { FIN | 0x70 | 9, "x", 0 } }, "B1002" },
	{ "RSV on a close", { { FIN | 0x40 | 8, "", 0 } }, "B1002" },
	{ "text, then RSV", { { FIN | 1, "a", 0 }, { FIN | 0x10 | 1, "x", 0 } }, "M:a B1002" },

	{ "opcode 3", { { FIN | 3, "", 0 } }, "B1002" },
	{ "opcode 4", { { FIN | 4, "x", 0 } }, "B1002" },
	{ "opcode 5", { { FIN | 5, "", 0 } }, "B1002" },
	{ "opcode 6", { { FIN | 6, "x", 0 } }, "B1002" },
	{ "opcode 7", { { FIN | 7, "", 0 } }, "B1002" },
	{ "opcode 11", { { FIN | 11, "", 0 } }, "B1002" },
	{ "opcode 12", { { FIN | 12, "x", 0 } }, "B1002" },
	{ "opcode 13", { { FIN | 13, "", 0 } }, "B1002" },
	{ "opcode 14", { { FIN | 14, "x", 0 } }, "B1002" },
	{ "opcode 15", { { FIN | 15, "", 0 } }, "B1002" },

	{ "two fragments", { { MORE_TEXT, "ab", 0 }, { FIN, "cd", 0 } }, "M:abcd" },
	{ "empty fragments", { { MORE_TEXT, "", 0 }, { MORE_CONT, "", 0 }, { FIN, "", 0 } }, "M" },
	{ "ping between fragments", { { MORE_TEXT, "ab", 0 }, { FIN | 9, "p", 0 }, { FIN, "cd",
	  0 } },
	  "I:p M:abcd" },
	{ "close between fragments", { { MORE_TEXT, "ab", 0 }, { FIN | 8, "\x03\xe8", 0 } },
	  "C1000" },
	{ "continuation of nothing", { { FIN, "x", 0 } }, "B1002" },
	{ "continuation of nothing, unfinished", { { MORE_CONT, "x", 0 } }, "B1002" },
	{ "continuation after a whole text", { { FIN | 1, "a", 0 }, { FIN, "x", 0 } },
	  "M:a B1002" },
	{ "text inside a text", { { MORE_TEXT, "a", 0 }, { FIN | 1, "x", 0 } }, "B1002" },
	{ "unfinished text", { { MORE_TEXT, "a", 0 } }, "…" },

	{ "UTF-8", { { FIN | 1, "\xce\xba\xe1\xbd\xb9\xcf\x83", 0 } },
	  "M:\xce\xba\xe1\xbd\xb9\xcf\x83" },
	{ "character split over fragments", { { MORE_TEXT, "\xe2\x82", 0 }, { FIN, "\xac", 0 } },
	  "M:\xe2\x82\xac" },
	{ "character split over three, ping inside", { { MORE_TEXT, "\xf0\x9f", 0 }, { FIN | 9, "",
	  0 },
	  { MORE_CONT, "\x98", 0 }, { FIN, "\x80", 0 } }, "I M:\xf0\x9f\x98\x80" },
	{ "character cut at the end", { { FIN | 1, "a\xe2\x82", 0 } }, "B1007" },
	{ "character cut at the end, fragments", { { MORE_TEXT, "a", 0 }, { FIN, "\xe2\x82", 0 } },
	  "B1007" },
	{ "cut character, then another", { { MORE_TEXT, "\xe2", 0 }, { FIN, "abc", 0 } }, "B1007" },
	{ "lone continuation byte", { { FIN | 1, "\x80", 0 } }, "B1007" },
	{ "overlong slash", { { FIN | 1, "\xc0\xaf", 0 } }, "B1007" },
	{ "overlong slash, three bytes", { { FIN | 1, "\xe0\x80\xaf", 0 } }, "B1007" },
	{ "overlong, four bytes", { { FIN | 1, "\xf0\x8f\xbf\xbf", 0 } }, "B1007" },
	{ "surrogate", { { FIN | 1, "\xed\xa0\x80", 0 } }, "B1007" },
	{ "last before the surrogates", { { FIN | 1, "\xed\x9f\xbf", 0 } }, "M:\xed\x9f\xbf" },
	{ "above U+10FFFF", { { FIN | 1, "\xf4\x90\x80\x80", 0 } }, "B1007" },
	{ "U+10FFFF", { { FIN | 1, "\xf4\x8f\xbf\xbf", 0 } }, "M:\xf4\x8f\xbf\xbf" },
	{ "five-byte form", { { FIN | 1, "\xf8\x88\x80\x80\x80", 0 } }, "B1007" },
	{ "0xff", { { FIN | 1, "\xff", 0 } }, "B1007" },
	{ "bad text is seen before its end", { { MORE_TEXT, "\xc0\xaf", 0 }, { MORE_CONT, "x",
	  0 } }, "B1007" },

	{ "close", { { FIN | 8, "", 0 }, { FIN | 1, "after", 0 } }, "C1005" },
	{ "close with reason", { { FIN | 8, "\x03\xe8" "bye", 0 } }, "C1000:bye" },
	{ "close with one byte", { { FIN | 8, "\x03", 0 } }, "B1002" },
	{ "close reason not UTF-8", { { FIN | 8, "\x03\xe8\xce\xba\xff", 0 } }, "B1007" },
	{ "close reason cut inside a character", { { FIN | 8, "\x03\xe8\xe2\x82", 0 } }, "B1007" },
	{ "text, close", { { FIN | 1, "a", 0 }, { FIN | 8, "\x03\xe9", 0 } }, "M:a C1001" },
};

static void frames_become_events_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct frame_case *c = &cases[i];
		uint8_t data[512];
		size_t len = 0;

		for (const struct piece *p = c->in; p->b0; p++)
			len += raw_frame(data + len, p->b0 & 0xff, true, p->payload,
					 p->len ? p->len : strlen(p->payload));
		expect(c->name, data, len, c->want);
	}
}

static void close_codes_are_those_of_the_registry(void **state)
{
	(void)state;
	for (int code = 0; code <= 65535; code++) {
		uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };
		bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
			    (code >= 3000 && code <= 4999);
		const char *reason;
		int seen;

		assert_int_equal(ws_close_check(payload, 2, &seen, &reason), good ? 0 : 1002);
		assert_int_equal(seen, code);
	}
}

static void unmasked_frames_of_a_client_are_refused(void **state)
{
	uint8_t data[16];

	(void)state;
	expect("text", data, raw_frame(data, 0x81, false, "hello", 5), "B1002");
	expect("ping", data, raw_frame(data, 0x89, false, "", 0), "B1002");
}

static void lengths_that_are_not_minimal_are_refused(void **state)
{
	static const struct { const char *name; uint8_t data[16]; size_t len; } bad[] = {
		{ "5 in two bytes", { 0x81, 0xfe, 0, 5, 1, 2, 3, 4, 'a' }, 9 },
		{ "125 in two bytes", { 0x81, 0xfe, 0, 125, 1, 2, 3, 4, 'a' }, 9 },
		{ "65535 in eight bytes", { 0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4 },
		  14 },
		{ "5 in eight bytes", { 0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4 }, 14 },
		{ "top bit", { 0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4 }, 14 },
		{ "ping of 126", { 0x89, 0xfe, 0, 126, 1, 2, 3, 4 }, 8 },
		{ "close of 126", { 0x88, 0xfe, 0, 126, 1, 2, 3, 4 }, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect(bad[i].name, bad[i].data, bad[i].len, "B1002");
}

static void messages_of_every_size_class_arrive(void **state)
{
	static const size_t sizes[] = { 16, 17, 124, 125, 126, 127, 128, 4095, 4096, 4097, 65535,
			65536,
					MAX_MESSAGE };
	uint8_t *data = malloc(MAX_MESSAGE + 64);
	char *text = malloc(MAX_MESSAGE);
	char want[32];

	(void)state;
	memset(text, 'x', MAX_MESSAGE);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct ws_pool p;
		struct feed f = { .data = data, .chunk = 1000 };
		struct buf got;

		f.len = raw_frame(data, 0x81, true, text, sizes[i]);
		ws_pool_init(&p, true, MAX_MESSAGE, MAX_MESSAGE * 2);
		run(&p, f, &got);
		if (sizes[i] > 16)
			snprintf(want, sizeof(want), "M#%zu", sizes[i]);
		else
			snprintf(want, sizeof(want), "M:%.16s", text);
		assert_string_equal(got.data, want);
		buf_fini(&got);
		ws_pool_fini(&p);
	}
	free(text);
	free(data);
}

static void a_message_above_the_limit_is_refused_by_its_header(void **state)
{
	/* 1 MiB + 1, 2^62: refused with the first byte of payload, nothing is allocated for it. */
	static const uint8_t one[] = { 0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4, 'a' };
	static const uint8_t huge[] = { 0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 'a' };
	uint8_t *data = malloc(MAX_MESSAGE + 64);
	char *text = malloc(MAX_MESSAGE);
	size_t len;

	(void)state;
	expect("1 MiB + 1", one, sizeof(one), "B1009");
	expect("huge", huge, sizeof(huge), "B1009");
	/* Also in sum over fragments. */
	memset(text, 'x', MAX_MESSAGE);
	len = raw_frame(data, MORE_TEXT, true, text, MAX_MESSAGE);
	len += raw_frame(data + len, FIN, true, "y", 1);
	{
		struct ws_pool p;
		struct feed f = { .data = data, .len = len, .chunk = 4096 };
		struct buf got;

		ws_pool_init(&p, true, MAX_MESSAGE, MAX_MESSAGE * 2);
		run(&p, f, &got);
		assert_string_equal(got.data, "B1009");
		buf_fini(&got);
		ws_pool_fini(&p);
	}
	free(text);
	free(data);
}

/* frames one-byte fragments and the end, if there is one */
static void run_fragments(size_t frames, bool end, size_t payload, const char *want)
{
	uint8_t *data = malloc((frames + 1) * 8);
	struct feed f = { .data = data, .chunk = 4096 };
	struct ws_pool p;
	struct buf got;

	for (size_t i = 0; i < frames; i++)
		f.len += raw_frame(data + f.len, i ? 0 : MORE_TEXT, true, "a", payload);
	if (end)
		f.len += raw_frame(data + f.len, FIN, true, "", 0);
	ws_pool_init(&p, true, MAX_MESSAGE, MAX_MESSAGE * 2);
	run(&p, f, &got);
	assert_string_equal(got.data, want);
	buf_fini(&got);
	ws_pool_fini(&p);
	free(data);
}

static void one_byte_fragments_cost_no_more_than_their_bytes_and_are_counted(void **state)
{
	(void)state;
	run_fragments(60000, true, 1, "M#60000");
	run_fragments(WS_FRAGMENTS_MAX - 1, true, 1, "M#65535");
	run_fragments(WS_FRAGMENTS_MAX, true, 1, "B1008");
	run_fragments(WS_FRAGMENTS_MAX + 1, false, 0, "B1008");
}

static void all_unfinished_messages_share_one_budget(void **state)
{
	struct ws_pool p;
	struct ws_rx a = { 0 }, b = { 0 };
	uint8_t data[1024];
	char text[600];
	struct ws_rx_event ev;
	struct feed f = { .data = data, .chunk = 1024 };

	(void)state;
	memset(text, 'x', sizeof(text));
	f.len = raw_frame(data, MORE_TEXT, true, text, sizeof(text));
	ws_pool_init(&p, true, 1024, 1000);
	ws_rx_next(&a, &p, pull, &f, &ev);
	assert_int_equal(ev.kind, WS_RX_MORE);
	assert_int_equal(p.in_flight, 600);
	f.off = 0;
	ws_rx_next(&b, &p, pull, &f, &ev);
	assert_int_equal(ev.kind, WS_RX_BAD);
	assert_int_equal(ev.code, 1013);
	ws_rx_fini(&b, &p);
	ws_rx_fini(&a, &p);
	assert_int_equal(p.in_flight, 0);
	ws_pool_fini(&p);
}

static void an_idle_connection_holds_no_buffer(void **state)
{
	struct ws_pool p;
	struct ws_rx rx = { 0 };
	uint8_t data[64];
	struct ws_rx_event ev;
	struct feed f = { .data = data, .chunk = 64 };

	(void)state;
	ws_pool_init(&p, true, 1024, 1000);
	f.len = raw_frame(data, 0x81, true, "hello", 5);
	ws_rx_next(&rx, &p, pull, &f, &ev);
	assert_int_equal(ev.kind, WS_RX_MESSAGE);
	ws_rx_done(&rx, &p);
	ws_rx_next(&rx, &p, pull, &f, &ev);
	assert_int_equal(ev.kind, WS_RX_MORE);
	assert_null(rx.lens);
	assert_null(rx.msg.data);
	assert_int_equal(p.idle_count, 1);
	ws_pool_fini(&p);
}

static void frames_sent_have_minimal_lengths_and_no_mask(void **state)
{
	static const struct { size_t len, header; } sizes[] = {
		{ 0, 2 }, { 125, 2 }, { 126, 4 }, { 65535, 4 }, { 65536, 10 },
	};
	char *text = malloc(65536);
	struct ws_pool p;
	struct buf out;

	(void)state;
	memset(text, 'x', 65536);
	ws_pool_init(&p, true, 1024, 1000);
	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		buf_clear(&out);
		ws_tx_frame(&p, &out, WS_TEXT, text, sizes[i].len);
		assert_int_equal(out.len, sizes[i].header + sizes[i].len);
		assert_int_equal((uint8_t)out.data[0], 0x81);
		assert_int_equal((uint8_t)out.data[1] & 0x80, 0);
	}
	/* A reason that is too long is cut between characters. */
	memset(text, 'x', 122);
	strcpy(text + 122, "\xe2\x82\xac");
	buf_clear(&out);
	ws_tx_close(&p, &out, 1008, text);
	assert_int_equal(out.len, 2 + 2 + 122);
	buf_clear(&out);
	ws_tx_close(&p, &out, 1005, "ignored");
	assert_int_equal(out.len, 2);
	buf_fini(&out);
	ws_pool_fini(&p);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_become_events_wherever_they_are_cut),
		cmocka_unit_test(close_codes_are_those_of_the_registry),
		cmocka_unit_test(unmasked_frames_of_a_client_are_refused),
		cmocka_unit_test(lengths_that_are_not_minimal_are_refused),
		cmocka_unit_test(messages_of_every_size_class_arrive),
		cmocka_unit_test(a_message_above_the_limit_is_refused_by_its_header),
		cmocka_unit_test(one_byte_fragments_cost_no_more_than_their_bytes_and_are_counted),
		cmocka_unit_test(all_unfinished_messages_share_one_budget),
		cmocka_unit_test(an_idle_connection_holds_no_buffer),
		cmocka_unit_test(frames_sent_have_minimal_lengths_and_no_mask),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
