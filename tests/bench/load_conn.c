/* tests/bench/load_conn.c - a station's connection: TCP, TLS, upgrade, frames. No more of RFC 6455 than the
 * servers under test send.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/load.h"

static void watch(struct load *l, struct station *s, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | (s->want_write ? EPOLLOUT : 0u), .data.ptr = s };

	epoll_ctl(l->epoll, op, s->fd, &ev);
}

static void want_write(struct load *l, struct station *s, bool on)
{
	if (s->want_write == on)
		return;
	s->want_write = on;
	watch(l, s, EPOLL_CTL_MOD);
}

void station_drop(struct load *l, struct station *s)
{
	struct linger now = { .l_onoff = 1 };

	if (s->state == ST_IDLE)
		return;
	l->open -= s->state == ST_OPEN;
	l->scripted -= s->ready;
	if (s->ssl) {
		if (l->resume && s->state == ST_OPEN) {
			SSL_SESSION_free(s->session);
			s->session = SSL_get1_session(s->ssl);
			/* Else it would count as broken and not be resumed. */
			SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		}
		SSL_free(s->ssl);
		s->ssl = NULL;
	}
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s->fd);
	s->state = ST_IDLE;
	s->calling = s->want_write = s->ready = false;
	s->in_len = s->out_len = 0;
}

static void lost(struct load *l, struct station *s)
{
	l->lost++;
	station_drop(l, s);
}

bool station_dial(struct load *l, struct station *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
	int on = 1;

	inet_pton(AF_INET, l->host, &sin.sin_addr);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(s->fd, (const struct sockaddr *)&sin, sizeof(sin)) != 0 && errno != EINPROGRESS) {
		close(s->fd);
		return false;
	}
	s->state = ST_CONNECT;
	s->want_write = true;
	watch(l, s, EPOLL_CTL_ADD);
	return true;
}

/* ---- out ---- */

static ssize_t put(struct station *s, const char *data, size_t len)
{
	int n;

	if (!s->ssl)
		return send(s->fd, data, len, MSG_NOSIGNAL);
	ERR_clear_error();
	n = SSL_write(s->ssl, data, (int)len);
	if (n <= 0)
		errno = SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_WRITE || SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ
				? EAGAIN : EIO;
	return n;
}

static void flush(struct load *l, struct station *s)
{
	ssize_t n = s->out_len ? put(s, s->out, s->out_len) : 0;

	if (n < 0 && errno != EAGAIN) {
		lost(l, s);
		return;
	}
	if (n > 0) {
		memmove(s->out, s->out + n, s->out_len - (size_t)n);
		s->out_len -= (size_t)n;
	}
	want_write(l, s, s->out_len > 0);
}

static char *room(char **buf, size_t *cap, size_t len)
{
	if (len > *cap) {
		*cap = len * 2;
		*buf = realloc(*buf, *cap);
		if (!*buf)
			abort();
	}
	return *buf;
}

void station_send(struct load *l, struct station *s, const char *text, size_t len)
{
	static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	unsigned char *p;

	room(&s->out, &s->out_cap, s->out_len + len + 8);
	p = (unsigned char *)s->out + s->out_len;
	*p++ = 0x81;
	if (len < 126) {
		*p++ = (unsigned char)(0x80 | len);
	} else {
		*p++ = 0x80 | 126;
		*p++ = (unsigned char)(len >> 8);
		*p++ = (unsigned char)len;
	}
	memcpy(p, mask, 4);
	p += 4;
	for (size_t i = 0; i < len; i++)
		*p++ = (unsigned char)text[i] ^ mask[i & 3];
	s->out_len = (size_t)((char *)p - s->out);
	flush(l, s);
}

/* ---- in ---- */

static void upgrade(struct load *l, struct station *s)
{
	char text[400];
	int n = snprintf(text, sizeof(text),
			 "GET /%s%05d HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n", l->prefix, s->index, l->host, l->port);

	s->state = ST_UPGRADE;
	room(&s->out, &s->out_cap, (size_t)n);
	memcpy(s->out, text, (size_t)n);
	s->out_len = (size_t)n;
	flush(l, s);
}

static void handshake(struct load *l, struct station *s)
{
	int n, err;

	ERR_clear_error();
	n = SSL_do_handshake(s->ssl);
	err = n == 1 ? 0 : SSL_get_error(s->ssl, n);
	if (n == 1) {
		l->resumed += SSL_session_reused(s->ssl) == 1;
		upgrade(l, s);
	} else if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
		want_write(l, s, err == SSL_ERROR_WANT_WRITE);
	} else {
		lost(l, s);
	}
}

static void connected(struct load *l, struct station *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		lost(l, s);
		return;
	}
	if (!l->tls) {
		upgrade(l, s);
		return;
	}
	s->ssl = SSL_new(l->tls);
	SSL_set_fd(s->ssl, s->fd);
	SSL_set_connect_state(s->ssl);
	if (l->authority) {
		char name[64];

		snprintf(name, sizeof(name), "%s%05d", l->prefix, s->index);
		authority_sign(l->authority, s->ssl, name);
	}
	if (s->session)
		SSL_set_session(s->ssl, s->session);
	s->state = ST_TLS;
	handshake(l, s);
}

/* Bytes of the first whole frame, 0 = not yet. */
static size_t take_frame(struct load *l, struct station *s, const char *p, size_t len)
{
	size_t head = 2, n;

	if (len < 2)
		return 0;
	n = (unsigned char)p[1] & 0x7f;
	if (n == 126) {
		head = 4;
		n = len >= 4 ? (size_t)((unsigned char)p[2] << 8 | (unsigned char)p[3]) : 0;
	}
	if (len < head + n)
		return 0;
	if ((unsigned char)p[0] == 0x81)
		station_text(l, s, p + head, n);
	else if ((unsigned char)p[0] == 0x88)
		lost(l, s);
	return head + n;
}

static void take(struct load *l, struct station *s)
{
	size_t done = 0, n;

	if (s->state == ST_UPGRADE) {
		const char *end = memmem(s->in, s->in_len, "\r\n\r\n", 4);

		if (!end)
			return;
		if (s->in_len < 12 || memcmp(s->in + 9, "101", 3) != 0) {
			lost(l, s);
			return;
		}
		done = (size_t)(end + 4 - s->in);
		s->state = ST_OPEN;
		l->open++;
		station_opened(l, s);
	}
	while (s->state == ST_OPEN && (n = take_frame(l, s, s->in + done, s->in_len - done)) > 0)
		done += n;
	if (s->state == ST_IDLE)
		return;
	memmove(s->in, s->in + done, s->in_len - done);
	s->in_len -= done;
}

static void receive(struct load *l, struct station *s)
{
	for (;;) {
		ssize_t n;

		room(&s->in, &s->in_cap, s->in_len + 4096);
		if (s->ssl) {
			int err;

			ERR_clear_error();
			n = SSL_read(s->ssl, s->in + s->in_len, 4096);
			err = n > 0 ? 0 : SSL_get_error(s->ssl, (int)n);
			if (err == SSL_ERROR_WANT_READ)
				return;
		} else {
			n = recv(s->fd, s->in + s->in_len, 4096, 0);
			if (n < 0 && errno == EAGAIN)
				return;
		}
		if (n <= 0) {
			lost(l, s);
			return;
		}
		s->in_len += (size_t)n;
		take(l, s);
		if (s->state == ST_IDLE || (!s->ssl && n < 4096))
			return;
	}
}

void station_io(struct load *l, struct station *s, bool readable, bool writable)
{
	switch (s->state) {
	case ST_IDLE:
		break;
	case ST_CONNECT:
		want_write(l, s, false);
		connected(l, s);
		break;
	case ST_TLS:
		handshake(l, s);
		break;
	case ST_UPGRADE:
	case ST_OPEN:
		if (writable)
			flush(l, s);
		if (readable && s->state != ST_IDLE)
			receive(l, s);
		break;
	}
}
