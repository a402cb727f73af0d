/* net/ws/ws_frame.c - frames and messages above wslay's frame interface. */
#include "net/ws/ws_frame.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <wslay/wslay.h>

#include "base/err.h"

#define SPARE_MAX ((size_t)64 << 10)	/* a larger message buffer is given back at once */
#define IDLE_LENSES_MAX 32

struct ws_lens {
	struct ws_lens *next;		/* in the pool's free list */
	wslay_frame_context_ptr ctx;
	ws_pull_fn pull;
	void *pull_ctx;
	uint64_t fed, used;		/* bytes pulled; bytes of finished frames */
	uint64_t frame_got;		/* payload of the current frame */
	bool in_frame;
	uint8_t control_len;
	char control[WS_CONTROL_MAX + 1];
};

static ssize_t lens_recv(uint8_t *data, size_t len, int flags, void *user)
{
	struct ws_lens *lens = user;
	size_t n = lens->pull(lens->pull_ctx, data, len);

	(void)flags;
	lens->fed += n;
	return n ? (ssize_t)n : -1;
}

static ssize_t tx_send(const uint8_t *data, size_t len, int flags, void *user)
{
	struct ws_pool *p = user;

	(void)flags;
	buf_add(p->tx_out, data, len);
	return (ssize_t)len;
}

/* The mask keeps a hostile page from writing bytes of its choice through a proxy: unpredictable. */
static int tx_mask(uint8_t *mask, size_t len, void *user)
{
	(void)user;
	return RAND_bytes(mask, (int)len) == 1 ? 0 : -1;
}

void ws_pool_init(struct ws_pool *p, bool from_client, size_t max_message, size_t max_in_flight)
{
	struct wslay_frame_callbacks cb = { .send_callback = tx_send, .genmask_callback = tx_mask };

	memset(p, 0, sizeof(*p));
	p->from_client = from_client;
	p->max_message = max_message;
	p->max_in_flight = max_in_flight;
	buf_init_max(&p->spare, p->max_message);
	lms_assert(wslay_frame_context_init(&p->tx, &cb, p) == 0);
}

void ws_pool_fini(struct ws_pool *p)
{
	while (p->idle) {
		struct ws_lens *lens = p->idle;

		p->idle = lens->next;
		wslay_frame_context_free(lens->ctx);
		free(lens);
	}
	buf_fini(&p->spare);
	wslay_frame_context_free(p->tx);
}

/* NULL when out of memory. */
static struct ws_lens *lens_take(struct ws_pool *p)
{
	struct wslay_frame_callbacks cb = { .recv_callback = lens_recv };
	struct ws_lens *lens = p->idle;

	if (lens) {
		p->idle = lens->next;
		p->idle_count--;
		return lens;
	}
	lens = calloc(1, sizeof(*lens));
	if (lens && wslay_frame_context_init(&lens->ctx, &cb, lens) != 0) {
		free(lens);
		lens = NULL;
	}
	return lens;
}

/* A clean lens may serve another connection: wslay is at a frame's start and has no byte left. */
static void lens_give(struct ws_pool *p, struct ws_lens *lens, bool clean)
{
	if (!clean || p->idle_count >= IDLE_LENSES_MAX) {
		wslay_frame_context_free(lens->ctx);
		free(lens);
		return;
	}
	lens->fed = lens->used = 0;
	lens->next = p->idle;
	p->idle = lens;
	p->idle_count++;
}

bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p++) {
		/* Most text is ASCII: eight characters at a time. */
		for (uint64_t eight; !u->need && end - p >= 8; p += 8) {
			memcpy(&eight, p, sizeof(eight));
			if (eight & UINT64_C(0x8080808080808080))
				break;
		}
		if (p == end)
			break;
		if (u->need) {
			if (*p < u->low || *p > u->high)
				return false;
			u->need--;
			u->low = 0x80;
			u->high = 0xbf;
		} else if (*p >= 0x80) {
			/* Overlong forms, surrogates and what lies above U+10FFFF show in the
			 * second byte. */
			if (*p < 0xc2 || *p > 0xf4)
				return false;
			u->need = *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
			u->low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : 0x80;
			u->high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : 0xbf;
		}
	}
	return true;
}

static void bad(struct ws_rx_event *ev, int code, const char *why)
{
	ev->kind = WS_RX_BAD;
	ev->code = code;
	ev->data = why;
	ev->len = strlen(why);
}

static bool is_control(unsigned opcode)
{
	return opcode & 8;
}

static void message_begin(struct ws_rx *rx, struct ws_pool *p)
{
	rx->in_message = true;
	rx->fragments = 0;
	memset(&rx->utf8, 0, sizeof(rx->utf8));
	rx->msg = p->spare;
	buf_init_max(&p->spare, p->max_message);
}

void ws_rx_done(struct ws_rx *rx, struct ws_pool *p)
{
	if (!rx->in_message)
		return;
	p->in_flight -= rx->msg.len;
	rx->in_message = false;
	if (rx->msg.cap && rx->msg.cap <= SPARE_MAX && !p->spare.cap) {
		buf_clear(&rx->msg);
		p->spare = rx->msg;
		buf_init(&rx->msg);
	} else {
		buf_fini(&rx->msg);
		buf_init(&rx->msg);
	}
}

void ws_rx_fini(struct ws_rx *rx, struct ws_pool *p)
{
	ws_rx_done(rx, p);
	if (rx->lens)
		lens_give(p, rx->lens, false);
	rx->lens = NULL;
}

bool ws_rx_is_partial(const struct ws_rx *rx)
{
	return rx->in_message || rx->lens;
}

/* The first that is known of a frame. False when the connection must fail. */
static bool frame_begin(struct ws_rx *rx, struct ws_pool *p, const struct wslay_frame_iocb *f,
			struct ws_rx_event *ev)
{
	if (f->rsv)
		return bad(ev, 1002, "reserved bits are set"), false;
	if ((f->mask != 0) != p->from_client)
		return bad(ev, 1002, p->from_client ? "frame is not masked" : "frame is masked"),
		       false;
	switch (f->opcode) {
	case WS_CLOSE: case WS_PING: case WS_PONG:
		rx->lens->control_len = 0;
		return true;
	case WS_BINARY:
		return bad(ev, 1003, "binary messages are not OCPP"), false;
	case WS_TEXT:
		if (rx->in_message)
			return bad(ev, 1002, "new message inside an unfinished one"), false;
		message_begin(rx, p);
		break;
	case WS_CONT:
		if (!rx->in_message)
			return bad(ev, 1002, "continuation of nothing"), false;
		break;
	default:
		return bad(ev, 1002, "unknown opcode"), false;
	}
	if (f->payload_length > p->max_message - rx->msg.len)
		return bad(ev, 1009, "message too big"), false;
	if (++rx->fragments > WS_FRAGMENTS_MAX)
		return bad(ev, 1008, "too many fragments"), false;
	return true;
}

static bool data_chunk(struct ws_rx *rx, struct ws_pool *p, const struct wslay_frame_iocb *f,
		       struct ws_rx_event *ev)
{
	if (!ws_utf8_feed(&rx->utf8, f->data, f->data_length))
		return bad(ev, 1007, "text is not UTF-8"), false;
	if (f->data_length > p->max_in_flight - p->in_flight)
		return bad(ev, 1013, "too much in flight, try again later"), false;
	buf_add(&rx->msg, f->data, f->data_length);
	if (rx->msg.failed)
		return bad(ev, 1013, "out of memory, try again later"), false;
	p->in_flight += f->data_length;
	return true;
}

static bool chunk(struct ws_rx *rx, struct ws_pool *p, const struct wslay_frame_iocb *f,
		  struct ws_rx_event *ev)
{
	struct ws_lens *lens = rx->lens;

	if (!is_control(f->opcode))
		return data_chunk(rx, p, f, ev);
	if (f->data_length > (size_t)(WS_CONTROL_MAX - lens->control_len))
		return bad(ev, 1002, "control frame too long"), false;
	if (f->data_length)
		memcpy(lens->control + lens->control_len, f->data, f->data_length);
	lens->control_len = (uint8_t)(lens->control_len + f->data_length);
	lens->control[lens->control_len] = '\0';
	return true;
}

static void control_end(const struct ws_lens *lens, unsigned opcode, struct ws_rx_event *ev)
{
	int fail;

	ev->data = lens->control;
	ev->len = lens->control_len;
	if (opcode != WS_CLOSE) {
		ev->kind = opcode == WS_PING ? WS_RX_PING : WS_RX_PONG;
		return;
	}
	fail = ws_close_check((const uint8_t *)lens->control, lens->control_len, &ev->code,
			      &ev->data);
	if (fail) {
		bad(ev, fail, "close frame is not valid");
		return;
	}
	ev->kind = WS_RX_CLOSE;
	ev->len = strlen(ev->data);
}

static void frame_end(struct ws_rx *rx, const struct wslay_frame_iocb *f, struct ws_rx_event *ev)
{
	size_t ext = f->payload_length > 65535 ? 8 : f->payload_length > 125 ? 2 : 0;

	rx->lens->in_frame = false;
	rx->lens->frame_got = 0;
	rx->lens->used += 2 + ext + (f->mask ? 4 : 0) + f->payload_length;
	if (is_control(f->opcode)) {
		control_end(rx->lens, f->opcode, ev);
	} else if (f->fin) {
		if (rx->utf8.need) {
			bad(ev, 1007, "text ends inside a character");
			return;
		}
		ev->kind = WS_RX_MESSAGE;
		ev->data = buf_cstr(&rx->msg);
		ev->len = rx->msg.len;
	}
}

void ws_rx_next(struct ws_rx *rx, struct ws_pool *p, ws_pull_fn pull, void *pull_ctx,
		struct ws_rx_event *ev)
{
	struct ws_lens *lens;

	memset(ev, 0, sizeof(*ev));
	if (!rx->lens && !(rx->lens = lens_take(p))) {
		bad(ev, 1013, "out of memory, try again later");
		return;
	}
	lens = rx->lens;
	lens->pull = pull;
	lens->pull_ctx = pull_ctx;
	while (ev->kind == WS_RX_MORE) {
		struct wslay_frame_iocb f;
		ssize_t n = wslay_frame_recv(lens->ctx, &f);

		if (n == WSLAY_ERR_WANT_READ)
			break;
		if (n < 0)
			return bad(ev, 1002, "frame header is not valid");
		if (!lens->in_frame && !frame_begin(rx, p, &f, ev))
			return;
		lens->in_frame = true;
		lens->frame_got += f.data_length;
		if (!chunk(rx, p, &f, ev))
			return;
		if (lens->frame_got == f.payload_length)
			frame_end(rx, &f, ev);
	}
	if (ev->kind == WS_RX_MORE && !lens->in_frame && lens->fed == lens->used) {
		rx->lens = NULL;
		lens_give(p, lens, true);
	}
}

void ws_tx_frame(struct ws_pool *p, struct buf *out, enum ws_opcode op, const void *data,
		 size_t len)
{
	struct wslay_frame_iocb f = {
		.fin = 1,
		.opcode = (uint8_t)op,
		.mask = !p->from_client,
		.payload_length = len,
		.data = data,
		.data_length = len,
	};

	p->tx_out = out;
	/* The buffer takes all, so it never ends half-way; without randomness nothing is sent. */
	if (wslay_frame_send(p->tx, &f) < 0)
		out->failed = true;
	p->tx_out = NULL;
}

void ws_tx_close(struct ws_pool *p, struct buf *out, int code, const char *reason)
{
	char payload[WS_CONTROL_MAX];
	size_t len = reason ? strlen(reason) : 0;

	if (code == 1005) {
		ws_tx_frame(p, out, WS_CLOSE, NULL, 0);
		return;
	}
	if (len > sizeof(payload) - 2) {
		len = sizeof(payload) - 2;
		while (len && ((unsigned char)reason[len] & 0xc0) == 0x80)
			len--;
	}
	payload[0] = (char)(code >> 8);
	payload[1] = (char)(code & 0xff);
	if (len)
		memcpy(payload + 2, reason, len);
	ws_tx_frame(p, out, WS_CLOSE, payload, len + 2);
}

int ws_close_check(const uint8_t *payload, size_t len, int *code, const char **reason)
{
	struct ws_utf8 u = { 0 };

	*code = 1005;
	*reason = "";
	if (len == 0)
		return 0;
	if (len == 1)
		return 1002;
	*code = payload[0] << 8 | payload[1];
	/* 1012 to 1014 came after the RFC, by IANA's registry. */
	if (!((*code >= 1000 && *code <= 1003) || (*code >= 1007 && *code <= 1014) ||
	      (*code >= 3000 && *code <= 4999)))
		return 1002;
	if (!ws_utf8_feed(&u, payload + 2, len - 2) || u.need)
		return 1007;
	*reason = (const char *)payload + 2;
	return 0;
}
