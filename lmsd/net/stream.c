/* net/stream.c - the bytes of one connection, plain or TLS. */
#include "net/stream.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static ssize_t tls_result(struct stream *s, int ret)
{
	int saved = errno;

	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->read_wants_write = true;
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_EOF;
	default:
		s->broken = true;
		errno = saved;
		/* A FIN without close_notify: many stations end like that. */
		return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ?
		       STREAM_EOF : STREAM_ERROR;
	}
}

static ssize_t plain_result(ssize_t n)
{
	if (n > 0)
		return n;
	if (n == 0)
		return STREAM_EOF;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return STREAM_AGAIN;
	return STREAM_ERROR;
}

static int clamp(size_t len)
{
	return len > INT_MAX ? INT_MAX : (int)len;
}

ssize_t stream_read(struct stream *s, void *data, size_t len)
{
	int n;

	if (!s->ssl)
		return plain_result(recv(s->fd, data, len, 0));
	/* The queue is the thread's: an old entry would be taken for this call's. */
	ERR_clear_error();
	s->read_wants_write = false;
	n = SSL_read(s->ssl, data, clamp(len));
	return n > 0 ? n : tls_result(s, n);
}

ssize_t stream_write(struct stream *s, const void *data, size_t len)
{
	int n;

	if (!s->ssl)
		return plain_result(send(s->fd, data, len, MSG_NOSIGNAL));
	ERR_clear_error();
	n = SSL_write(s->ssl, data, clamp(len));
	return n > 0 ? n : tls_result(s, n);
}

int stream_handshake(struct stream *s)
{
	int n;

	ERR_clear_error();
	s->read_wants_write = false;
	n = SSL_do_handshake(s->ssl);
	if (n == 1)
		return 1;
	return tls_result(s, n) == STREAM_AGAIN ? STREAM_AGAIN : STREAM_ERROR;
}

bool stream_has_pending(const struct stream *s)
{
	return s->ssl && SSL_pending(s->ssl) > 0;
}

void stream_shutdown_write(struct stream *s)
{
	if (s->ssl && !s->broken && SSL_is_init_finished(s->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
	}
	shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
