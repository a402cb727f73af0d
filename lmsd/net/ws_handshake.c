/* net/ws_handshake.c - from an accepted socket to an open WebSocket: TLS, then the HTTP upgrade.
 *
 * The deadline for both together runs in the sweep (ws_conn_sweep). Credentials are wiped from the
 * header before its memory goes.
 */
#include "net/ws_internal.h"

#include <errno.h>
#include <string.h>

#include <openssl/ssl.h>

#include "base/log.h"

#define READ_CHUNK 2048
#define TLS_RECORD_HANDSHAKE 0x16

static bool tls_begin(struct ws_conn *c)
{
	c->stream.ssl = SSL_new(c->server->tls);
	return c->stream.ssl && SSL_set_fd(c->stream.ssl, c->stream.fd) == 1;
}

void ws_tls_step(struct ws_conn *c)
{
	char text[160];
	int r;

	/* Only now: a peer that connects and is silent costs no TLS memory. */
	if (!c->stream.ssl && !tls_begin(c)) {
		ws_conn_lost(c, 1006, "");
		return;
	}
	errno = 0;
	r = stream_handshake(&c->stream);
	if (r == STREAM_AGAIN) {
		ws_conn_watch(c);
	} else if (r < 0) {
		log_event(LOG_LEVEL_NOTICE, "net", c->addr, "tls.failed", "why=\"%s\"",
			  errno ? strerror(errno) : tls_error_text(text, sizeof(text)));
		ws_conn_lost(c, 1006, "");
	} else {
		c->state = WS_HTTP;
		ws_http_step(c);
	}
}

static void refuse(struct ws_conn *c, int status, const char *remedy)
{
	log_event(LOG_LEVEL_NOTICE, "net", c->addr, "upgrade.refused", "status=%d", status);
	http_upgrade_refuse(&c->out, status, remedy);
	ws_conn_end(c);
}

static void open_conn(struct ws_conn *c, const struct http_upgrade *h, const struct ws_upgrade *u)
{
	struct ws_server *s = c->server;

	http_upgrade_accept(&c->out, h);
	ws_half_open_end(c);
	c->state = WS_OPEN;
	c->since = c->last_heard = c->last_ping = loop_now(s->loop);
	s->open_count++;
	ws_conn_dirty(c);
	c->user = s->ops.opened(s->ctx, c, u);
}

static void decide(struct ws_conn *c, const struct http_upgrade *h)
{
	struct ws_server *s = c->server;
	char cn[ID_MAX + 1];
	struct ws_upgrade u = {
		.identity = h->identity,
		.peer_addr = c->addr,
		.tls = c->stream.ssl != NULL,
		.user = h->user,
		.user_len = h->user_len,
		.password = h->password,
		.password_len = h->password_len,
		.subprotocol_offered = h->subprotocol_offered,
	};
	int status;

	if (c->stream.ssl && tls_peer_cn(c->stream.ssl, cn, sizeof(cn)))
		u.client_cn = cn;
	if (s->conf.max_connections && s->open_count >= s->conf.max_connections)
		status = 503;
	else
		status = s->ops.upgrade ? s->ops.upgrade(s->ctx, &u) : 0;
	if (status)
		refuse(c, status, NULL);
	else
		open_conn(c, h, &u);
}

static void header_done(struct ws_conn *c, size_t end)
{
	struct http_upgrade h;

	http_upgrade_parse(c->in.data, end, &h);
	if (h.status != 101)
		refuse(c, h.status, h.remedy);
	else
		decide(c, &h);
	explicit_bzero(c->in.data, end);
	if (c->state != WS_OPEN || c->in.len == end)
		buf_fini(&c->in);
	else
		buf_drop_front(&c->in, end);
	/* Frames may be glued to the header or lie decrypted in TLS. */
	if (c->state == WS_OPEN)
		ws_conn_wait(c, WS_QUEUE_READY);
}

void ws_http_step(struct ws_conn *c)
{
	char chunk[READ_CHUNK];

	while (c->in.len <= HTTP_HEADER_MAX) {
		ssize_t n = stream_read(&c->stream, chunk, sizeof(chunk));
		size_t from = c->in.len < 3 ? 0 : c->in.len - 3, end;

		if (n == STREAM_AGAIN) {
			ws_conn_watch(c);
			return;
		}
		if (n < 0) {
			ws_conn_lost(c, 1006, "");
			return;
		}
		if (!c->in.len && chunk[0] == TLS_RECORD_HANDSHAKE) {
			log_event(LOG_LEVEL_NOTICE, "net", c->addr, "tls.unexpected",
				  "remedy=\"the peer speaks TLS to a port without: use ws://\"");
			ws_conn_lost(c, 1006, "");
			return;
		}
		buf_add(&c->in, chunk, (size_t)n);
		if (c->in.failed) {
			ws_conn_lost(c, 1006, "");
			return;
		}
		end = http_header_end(c->in.data + from, c->in.len - from);
		if (end && from + end <= HTTP_HEADER_MAX) {
			header_done(c, from + end);
			return;
		}
	}
	refuse(c, 431, NULL);
}
