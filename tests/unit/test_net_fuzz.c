/* HTTP upgrade and frames under random damage. SEED=N repeats a run; a failure prints its round.
 *
 * Inputs lie on the heap in exactly their size, so the sanitizers see any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "helper_net_echo.h"
#include "net/ws/http_upgrade.h"
#include "net/ws/ws_frame.h"

#define INPUT_MAX 2048
#define MAX_MESSAGE 600

static uint64_t seed, random_state;
static int rounds_done;

static uint32_t random_below(uint32_t n)
{
	/* xorshift64*: the same numbers on every machine. */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static int restart(void **state)
{
	(void)state;
	random_state = seed;
	rounds_done = 0;
	return 0;
}

static int show_round(void **state)
{
	(void)state;
	printf("# %d rounds, SEED=%llu\n", rounds_done, (unsigned long long)seed);
	return 0;
}

static size_t damage(uint8_t *data, size_t len)
{
	for (uint32_t n = random_below(5); n > 0 && len > 0; n--) {
		size_t at = random_below((uint32_t)len);

		switch (random_below(5)) {
		case 0:
			data[at] = (uint8_t)random_below(256);
			break;
		case 1:
			data[at] ^= (uint8_t)(1 << random_below(8));
			break;
		case 2:
			memmove(data + at, data + at + 1, len - at - 1);
			len--;
			break;
		case 3:
			if (len < INPUT_MAX) {
				memmove(data + at + 1, data + at, len - at);
				len++;
			}
			break;
		default:
			len = at;
			break;
		}
	}
	return len;
}

static const char *const requests[] = {
	RAW_UPGRADE_TEXT,
	"GET ws://10.0.0.1:9000/a/CP%201%7c HTTP/1.1\nUpgrade: x, websocket\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n"
	"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n\n",
	"GET //CP 1?q#f HTTP/1.1\r\nUpgrade:websocket\r\nSec-WebSocket-Version:13\r\n"
	"Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: basic Q1AxOgD/AIA6\r\n"
	"Sec-WebSocket-Protocol: ocpp2.0.1,ocpp1.6\r\nContent-Length: 0\r\n\r\n",
};

static bool inside(const void *p, size_t len, const char *data, size_t data_len)
{
	return (const char *)p >= data && (const char *)p + len <= data + data_len;
}

static void a_damaged_upgrade_is_judged_without_reading_beyond_it(void **state)
{
	(void)state;
	for (; rounds_done < 40000; rounds_done++) {
		uint8_t work[INPUT_MAX + 8];
		const char *from = requests[random_below(ARRAY_LEN(requests))];
		size_t len = strlen(from);
		struct http_upgrade u;
		struct buf answer;
		char *data;

		memcpy(work, from, len);
		len = damage(work, len);
		data = malloc(len ? len : 1);
		memcpy(data, work, len);
		assert_true(http_header_end(data, len) <= len);
		http_upgrade_parse(data, len, &u);
		buf_init(&answer);
		if (u.status == 101) {
			assert_int_equal(id_check(u.identity, "station", NULL), 0);
			assert_true(!u.user || inside(u.user, u.user_len, data, len));
			assert_true(!u.user || inside(u.password, u.password_len, data, len));
			assert_true(!u.subprotocol[0] || u.subprotocol_offered);
			http_upgrade_accept(&answer, &u);
		} else {
			assert_non_null(u.remedy);
			http_upgrade_refuse(&answer, u.status, u.remedy);
		}
		assert_false(answer.failed);
		buf_fini(&answer);
		free(data);
	}
}

struct feed {
	const uint8_t *data;
	size_t len, off, chunk;
};

static size_t pull(void *ctx, uint8_t *data, size_t len)
{
	struct feed *f = ctx;
	size_t n = f->chunk < len ? f->chunk : len;

	n = n < f->len - f->off ? n : f->len - f->off;
	memcpy(data, f->data + f->off, n);
	f->off += n;
	return n;
}

/* All events of data, in one line of bytes. */
static void digest(const uint8_t *data, size_t len, size_t chunk, struct buf *out)
{
	struct feed f = { data, len, 0, chunk };
	struct ws_rx rx = { 0 };
	struct ws_rx_event ev;
	struct ws_pool p;

	ws_pool_init(&p, true, MAX_MESSAGE, MAX_MESSAGE * 4);
	do {
		ws_rx_next(&rx, &p, pull, &f, &ev);
		if (ev.kind == WS_RX_MORE)
			continue;
		buf_printf(out, "%d %d %zu ", ev.kind, ev.code, ev.len);
		buf_add(out, ev.data, ev.len);
		if (ev.kind == WS_RX_MESSAGE) {
			assert_true(ev.len <= MAX_MESSAGE);
			assert_true(utf8_valid(ev.data, ev.len));
			ws_rx_done(&rx, &p);
		}
	} while ((ev.kind != WS_RX_MORE || f.off < f.len) && ev.kind < WS_RX_CLOSE);
	ws_rx_fini(&rx, &p);
	assert_int_equal(p.in_flight, 0);
	ws_pool_fini(&p);
}

static size_t random_frames(uint8_t *out)
{
	static const uint8_t first[] = { 0x81, 0x81, 0x01, 0x00, 0x80, 0x80, 0x89, 0x8a, 0x88, 0x82,
			0xc1 };
	static const char *const texts[] = { "", "a", "hello", "\xe2\x82\xac", "\xe2", "\x82\xac",
			"\xc0",
					     "\x03\xe8", "\x03\xe8 why" };
	char large[700];
	size_t n = 0;

	memset(large, 'x', sizeof(large));
	for (uint32_t k = 1 + random_below(6); k > 0 && n < 900; k--) {
		uint8_t b0 = first[random_below(ARRAY_LEN(first))];
		const char *text = texts[random_below(ARRAY_LEN(texts))];

		if (random_below(6) == 0)
			n += raw_frame(out + n, b0, true, large, random_below(sizeof(large)));
		else
			n += raw_frame(out + n, b0, random_below(30) != 0, text, strlen(text));
	}
	return n;
}

static void damaged_frames_mean_the_same_however_they_are_cut(void **state)
{
	(void)state;
	for (; rounds_done < 20000; rounds_done++) {
		uint8_t work[INPUT_MAX + 8];
		size_t len = random_frames(work);
		struct buf whole, cut;
		uint8_t *data;

		if (random_below(2))
			len = damage(work, len);
		data = malloc(len ? len : 1);
		memcpy(data, work, len);
		buf_init(&whole);
		buf_init(&cut);
		digest(data, len, SIZE_MAX, &whole);
		digest(data, len, 1 + random_below(7), &cut);
		assert_int_equal(whole.len, cut.len);
		assert_memory_equal(buf_cstr(&whole), buf_cstr(&cut), whole.len);
		buf_fini(&whole);
		buf_fini(&cut);
		free(data);
	}
}

/* Rubbish of all kinds on many connections; the one that behaves is served all the while. */
static void a_server_under_rubbish_serves_the_others(void **state)
{
	struct echo e = { .conf.handshake_us = 200 * US_PER_MS,
			.conf.message_us = 200 * US_PER_MS };
	int good;

	(void)state;
	echo_start(&e);
	good = raw_connect(e.port);
	assert_true(raw_upgrade(good));
	for (; rounds_done < 150; rounds_done++) {
		static struct raw_frame f;
		uint8_t work[INPUT_MAX + 8];
		int bad = raw_connect(e.port);
		size_t len;

		if (random_below(3) == 0) {
			memcpy(work, RAW_UPGRADE, strlen(RAW_UPGRADE));
			raw_send(bad, work, damage(work, strlen(RAW_UPGRADE)));
		} else {
			raw_send(bad, RAW_UPGRADE, strlen(RAW_UPGRADE));
		}
		len = random_frames(work);
		raw_send(bad, work, random_below(2) ? len : damage(work, len));
		raw_send(good, work, raw_frame(work, 0x81, true, "ok", 2));
		assert_true(raw_read_frame(good, &f));
		assert_string_equal((char *)f.payload, "ok");
		close(bad);
	}
	close(good);
	echo_stop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, restart, show_round)
		T(a_damaged_upgrade_is_judged_without_reading_beyond_it),
		T(damaged_frames_mean_the_same_however_they_are_cut),
		T(a_server_under_rubbish_serves_the_others),
	};
	const char *s = getenv("SEED");

	seed = s && *s ? strtoull(s, NULL, 10) : 20261121;
	if (!seed)
		seed = 1;	/* the generator's one fixed point */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
