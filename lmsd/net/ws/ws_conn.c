/* net/ws/ws_conn.c - an open WebSocket connection: reading, writing, closing, silence.
 *
 * Nothing here calls closed(): a connection that ends is marked and queued for the reaper.
 */
#include "net/ws/ws_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

#define BYTES_PER_TURN ((size_t)64 << 10)
#define MESSAGES_PER_TURN 32
/* Below this backlog every ping is answered, above it only the latest: a peer that pings and does
 * not read holds no more than this. */
#define PONG_BACKLOG ((size_t)4096)
#define LINGER_US (5 * US_PER_S)
#define PACE_BYTES 1024		/* so many count as one message more */
#define PACE_BURST_US (10 * US_PER_S)
#define SLOW_LEAST_US (100 * US_PER_MS)
#define SLOW_TOLD_US (60 * US_PER_S)

const char *ws_stream_why(struct ws_conn *c, ssize_t result)
{
	static _Thread_local char text[160];

	if (result == STREAM_EOF)
		return "the peer closed the connection";
	if (c->stream.ssl && errno == 0)
		return tls_error_text(text, sizeof(text));
	return errno ? strerror(errno) : "connection broken";
}

size_t ws_conn_queued(const struct ws_conn *c)
{
	return c->out.len - c->out_off;
}

mono_t ws_conn_last_heard(const struct ws_conn *c)
{
	return c->last_heard;
}

const char *ws_conn_peer_addr(const struct ws_conn *c)
{
	return c->addr;
}

void ws_conn_watch(struct ws_conn *c)
{
	bool rd = c->queue == WS_QUEUE_NONE && !c->eof;

	if (c->state == WS_DEAD)
		loop_io_set(c->io, false, false);
	else
		loop_io_set(c->io, rd, c->want_write || c->stream.read_wants_write);
}

static void set_notice(struct ws_conn *c, int code, const char *why)
{
	/* A client's owner knows of it from the start. */
	if (c->state != WS_OPEN && !(c->is_client && c->state < WS_OPEN))
		return;
	c->notify = true;
	c->close_code = code;
	free(c->close_why);
	c->close_why = xstrdup(why ? why : "");
}

static void enter(struct ws_conn *c, enum ws_state state)
{
	if (c->state == WS_OPEN)
		c->hub->open_count--;
	ws_half_open_end(c);
	c->state = state;
	c->since = loop_now(c->hub->loop);
	ws_conn_watch(c);
	ws_conn_reap(c);
}

void ws_conn_lost(struct ws_conn *c, int code, const char *why)
{
	if (c->state == WS_DEAD)
		return;
	set_notice(c, code, why);
	enter(c, WS_DEAD);
}

void ws_conn_end(struct ws_conn *c)
{
	if (c->state >= WS_LINGER)
		return;
	enter(c, WS_LINGER);
	ws_conn_dirty(c);
}

static void close_with(struct ws_conn *c, int send_code, const char *send_why, int code,
		       const char *why)
{
	if (c->state != WS_OPEN)
		return;
	ws_tx_close(&c->hub->pool, &c->out, send_code, send_why);
	set_notice(c, code, why);
	ws_conn_end(c);
}

void ws_conn_close(struct ws_conn *c, int code, const char *why)
{
	if (c->state < WS_OPEN)
		ws_conn_lost(c, code, why);	/* a client's that was given up */
	else
		close_with(c, code, why, code, why);
}

/* Memory only: how much it may hold stays the connection's. */
static void out_take(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;
	struct buf *spare;

	if (c->out.data || !h->out_spares)
		return;
	spare = &h->out_spare[--h->out_spares];
	c->out.data = spare->data;
	c->out.cap = spare->cap;
}

static void out_give(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;

	c->out_off = 0;
	if (!c->out.data || c->out.failed || c->out.cap > WS_OUT_SPARE_MAX || h->out_spares == WS_OUT_SPARES) {
		buf_fini(&c->out);
		return;
	}
	h->out_spare[h->out_spares++] = (struct buf){ .data = c->out.data, .cap = c->out.cap };
	c->out.data = NULL;
	c->out.len = c->out.cap = 0;
}

int ws_conn_send(struct ws_conn *c, const char *text, size_t len)
{
	if (c->state != WS_OPEN)
		return -LMS_EOFFLINE;
	if (ws_conn_queued(c) + len > c->hub->conf.max_queued) {
		ws_conn_lost(c, 1006, "the peer does not read");
		return -LMS_ERANGE;
	}
	out_take(c);
	ws_tx_frame(&c->hub->pool, &c->out, WS_TEXT, text, len);
	ws_conn_dirty(c);
	return 0;
}

void ws_conn_ping(struct ws_conn *c)
{
	if (c->state != WS_OPEN)
		return;
	c->last_ping = loop_now(c->hub->loop);
	/* Behind a backlog it would prove nothing and pile up. */
	if (ws_conn_queued(c) > PONG_BACKLOG)
		return;
	ws_tx_frame(&c->hub->pool, &c->out, WS_PING, NULL, 0);
	ws_conn_dirty(c);
}

static void answer_ping(struct ws_conn *c, const char *data, size_t len)
{
	if (ws_conn_queued(c) <= PONG_BACKLOG) {
		ws_tx_frame(&c->hub->pool, &c->out, WS_PONG, data, len);
	} else {
		if (!c->pong)
			c->pong = xmalloc(WS_CONTROL_MAX);
		memcpy(c->pong, data, len);
		c->pong_len = len;
	}
	ws_conn_dirty(c);
}

static void answer_kept_ping(struct ws_conn *c)
{
	if (!c->pong || c->state != WS_OPEN || ws_conn_queued(c) > PONG_BACKLOG)
		return;
	ws_tx_frame(&c->hub->pool, &c->out, WS_PONG, c->pong, c->pong_len);
	free(c->pong);
	c->pong = NULL;
}

void ws_conn_flush(struct ws_conn *c)
{
	if (c->state == WS_DEAD)
		return;
	answer_kept_ping(c);
	if (c->out.failed) {
		ws_conn_lost(c, 1006, "out of memory for this peer");
		return;
	}
	while (c->out_off < c->out.len) {
		size_t len = c->out.len - c->out_off;
		ssize_t n = stream_write(&c->stream, c->out.data + c->out_off, len);

		if (n < 0) {
			ws_conn_lost(c, 1006, ws_stream_why(c, n));
			return;
		}
		c->out_off += (size_t)n;
		/* A short write means a full socket; TLS writes one record at a time. */
		if (n == 0 || (!c->stream.ssl && (size_t)n < len))
			break;
	}
	c->want_write = c->out_off < c->out.len;
	if (!c->want_write) {
		out_give(c);
		if (c->pong)
			ws_conn_dirty(c);
		if (c->state == WS_LINGER && !c->is_shut) {
			c->is_shut = true;
			stream_shutdown_write(&c->stream);
		}
	} else if (c->out_off >= c->out.len / 2) {
		buf_drop_front(&c->out, c->out_off);
		c->out_off = 0;
	}
	ws_conn_watch(c);
}

/* Bytes glued to the upgrade first, then the socket. */
static size_t pull(void *ctx, uint8_t *data, size_t len)
{
	struct ws_conn *c = ctx;
	struct ws_hub *h = c->hub;
	ssize_t n;

	if (c->in.len) {
		size_t k = c->in.len - c->in_off < len ? c->in.len - c->in_off : len;

		memcpy(data, c->in.data + c->in_off, k);
		c->in_off += k;
		if (c->in_off == c->in.len)
			buf_fini(&c->in);
		return k;
	}
	if (len > h->pull_left)
		len = h->pull_left;
	if (!len || c->drained || c->eof)
		return 0;
	errno = 0;
	n = stream_read(&c->stream, data, len);
	if (n < 0) {
		c->eof = true;
		c->close_why = xstrdup(ws_stream_why(c, n));
		return 0;
	}
	/* No second read after a short one: poll tells when there is more. */
	c->drained = (size_t)n < len;
	h->pull_left -= (size_t)n;
	if (n)
		c->last_heard = loop_now(h->loop);
	return (size_t)n;
}

/* False when reading must stop. */
static bool take_event(struct ws_conn *c, const struct ws_rx_event *ev)
{
	struct ws_hub *h = c->hub;

	switch (ev->kind) {
	case WS_RX_MORE:
		return false;
	case WS_RX_MESSAGE:
		h->ops.message(c->user, ev->data, ev->len);
		ws_rx_done(&c->rx, &h->pool);
		break;
	case WS_RX_PING:
		answer_ping(c, ev->data, ev->len);
		break;
	case WS_RX_PONG:
		if (h->ops.pong)
			h->ops.pong(c->user);
		break;
	case WS_RX_CLOSE:
		close_with(c, ev->code, NULL, ev->code, ev->data);
		break;
	case WS_RX_BAD:
		log_event(LOG_LEVEL_NOTICE, "net", c->addr, "websocket.violation",
			  "code=%d why=\"%s\"", ev->code, ev->data);
		close_with(c, ev->code, ev->data, ev->code, ev->data);
		break;
	}
	return c->state == WS_OPEN;
}

static void note_partial(struct ws_conn *c)
{
	if (!ws_rx_is_partial(&c->rx))
		c->partial_since = MONO_NEVER;
	else if (c->partial_since == MONO_NEVER)
		c->partial_since = loop_now(c->hub->loop);
}

/* Whoever sends more than its pace is not read until it has paid. True: it is slowed. */
static bool pay(struct ws_conn *c, int64_t cost)
{
	int64_t pace = c->hub->conf.pace;
	mono_t now = loop_now(c->hub->loop);

	if (pace < 0)
		return false;
	if (c->paid < now - PACE_BURST_US)
		c->paid = now - PACE_BURST_US;
	c->paid += cost * US_PER_S / pace;
	if (c->paid <= now)
		return false;
	c->slow_until = c->paid + SLOW_LEAST_US;
	if (c->hub->ops.slowed && now - c->slow_told > SLOW_TOLD_US) {
		c->slow_told = now;
		c->hub->ops.slowed(c->user);
	}
	return true;
}

void ws_conn_read(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;
	struct ws_rx_event ev;
	int messages = 0, events = 0;

	h->pull_left = BYTES_PER_TURN;
	c->drained = false;
	do {
		ws_rx_next(&c->rx, &h->pool, pull, c, &ev);
		events += ev.kind != WS_RX_MORE;
		if (ev.kind == WS_RX_MESSAGE) {
			messages++;
			c->partial_since = MONO_NEVER;
		}
	} while (take_event(c, &ev) && messages < MESSAGES_PER_TURN);
	if (c->state != WS_OPEN)
		return;
	note_partial(c);
	if (ev.kind == WS_RX_MORE && c->eof) {
		char *why = c->close_why;

		c->close_why = NULL;
		ws_conn_lost(c, 1006, why);
		free(why);
	} else if (pay(c, events + (int64_t)((BYTES_PER_TURN - h->pull_left) / PACE_BYTES))) {
		ws_conn_wait(c, WS_QUEUE_SLOW);
	} else if (ev.kind != WS_RX_MORE || !c->drained) {
		ws_conn_wait(c, WS_QUEUE_READY);	/* bytes may be in the lens or in TLS */
	} else {
		ws_conn_watch(c);
	}
}

void ws_conn_drain(struct ws_conn *c)
{
	char waste[4096];

	for (int i = 0; i < 16; i++) {
		ssize_t n = stream_read(&c->stream, waste, sizeof(waste));

		if (n == STREAM_AGAIN)
			return;
		if (n < 0) {
			/* The peer has all it will ever have. */
			ws_conn_lost(c, 1006, "");
			return;
		}
	}
	if (stream_has_pending(&c->stream))
		ws_conn_wait(c, WS_QUEUE_READY);
}

static void sweep_open(struct ws_conn *c, mono_t now)
{
	const struct ws_server_conf *conf = &c->hub->conf;
	int64_t silent = now - c->last_heard;

	if (c->partial_since != MONO_NEVER && now - c->partial_since > conf->message_us) {
		close_with(c, 1008, "message not finished in time", 1008,
			   "message not finished in time");
		return;
	}
	if (conf->idle_ping_us < 0)
		return;
	if (silent > conf->idle_ping_us * 5 / 2)
		ws_conn_lost(c, 1006, "silent for too long");
	else if (silent >= conf->idle_ping_us && now - c->last_ping >= conf->idle_ping_us)
		ws_conn_ping(c);
}

void ws_conn_sweep(struct ws_conn *c, mono_t now)
{
	switch (c->state) {
	case WS_CONNECT:
	case WS_TLS:
		if (now - c->since > c->hub->conf.handshake_us * (c->queue == WS_QUEUE_BEGIN ? WS_BEGIN_PATIENCE : 1))
			ws_conn_lost(c, 1006, "no answer in time");
		break;
	case WS_HTTP:
		/* Whom we keep waiting is not late. */
		if (c->asked || now - c->since <= c->hub->conf.handshake_us)
			break;
		if (c->is_client) {
			ws_conn_lost(c, 1006, "no answer in time");
		} else {
			http_upgrade_refuse(&c->out, 408, NULL);
			ws_conn_end(c);
		}
		break;
	case WS_OPEN:
		sweep_open(c, now);
		break;
	case WS_LINGER:
		if (now - c->since > LINGER_US)
			ws_conn_lost(c, 1006, "");
		break;
	case WS_DEAD:
		break;
	}
}
