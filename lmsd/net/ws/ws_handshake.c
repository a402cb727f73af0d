/* net/ws/ws_handshake.c - the steps before a WebSocket is open that both sides share: TLS, the header.
 *
 * The deadline for both together runs in the sweep (ws_conn_sweep). Credentials are wiped from the
 * header before its memory goes.
 */
#include "net/ws/ws_internal.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define READ_CHUNK 2048
#define TLS_RECORD_HANDSHAKE 0x16

void ws_tls_step(struct ws_conn *c)
{
	char text[160];
	int r;

	/* Only now: a peer that connects and is silent costs no TLS memory. */
	if (!c->stream.ssl) {
		if (!ws_handshake_may_begin(c)) {
			ws_conn_wait(c, WS_QUEUE_BEGIN);
			return;
		}
		/* Whom we kept waiting is not late. */
		c->since = loop_now(c->hub->loop);
		if (!c->hub->ops.tls_begin(c)) {
			ws_conn_lost(c, 1006, "TLS cannot begin");
			return;
		}
	}
	errno = 0;
	r = stream_handshake(&c->stream);
	if (r == STREAM_AGAIN) {
		ws_conn_watch(c);
	} else if (r < 0) {
		const char *why = errno ? strerror(errno) : tls_error_text(text, sizeof(text));

		log_event(LOG_LEVEL_NOTICE, "net", c->addr, "tls.failed", "why=\"%s\"", why);
		ws_conn_lost(c, 1006, why);
	} else {
		c->state = WS_HTTP;
		c->hub->ops.http_step(c);
	}
}

void ws_header_drop(struct ws_conn *c, size_t len)
{
	explicit_bzero(c->in.data, len);
	if (c->state != WS_OPEN || c->in.len == len)
		buf_fini(&c->in);
	else
		buf_drop_front(&c->in, len);
	/* Frames may be glued to the header or lie decrypted in TLS. */
	if (c->state == WS_OPEN)
		ws_conn_wait(c, WS_QUEUE_READY);
}

static bool looks_like_tls(const struct ws_conn *c, const char *chunk)
{
	if (c->in.len || chunk[0] != TLS_RECORD_HANDSHAKE)
		return false;
	log_event(LOG_LEVEL_NOTICE, "net", c->addr, "tls.unexpected",
		  "remedy=\"the peer speaks TLS to a port without: use ws://\"");
	return true;
}

long ws_header_read(struct ws_conn *c)
{
	char chunk[READ_CHUNK];

	while (c->in.len <= HTTP_HEADER_MAX) {
		ssize_t n;
		size_t from = c->in.len < 3 ? 0 : c->in.len - 3, end;

		errno = 0;
		n = stream_read(&c->stream, chunk, sizeof(chunk));
		if (n == STREAM_AGAIN) {
			ws_conn_watch(c);
			return 0;
		}
		if (n < 0 || looks_like_tls(c, chunk)) {
			ws_conn_lost(c, 1006, n < 0 ? ws_stream_why(c, n) : "the peer speaks TLS");
			return 0;
		}
		buf_add(&c->in, chunk, (size_t)n);
		if (c->in.failed) {
			ws_conn_lost(c, 1006, "out of memory for this peer");
			return 0;
		}
		end = http_header_end(c->in.data + from, c->in.len - from);
		if (end && from + end <= HTTP_HEADER_MAX)
			return (long)(from + end);
	}
	return -1;
}
