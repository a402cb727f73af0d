/* net/stream.h - the bytes of one connection, plain or TLS, non-blocking. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/tls.h"

struct stream {
	int fd;
	SSL *ssl;		/* NULL = plain; owned */
	bool read_wants_write;	/* TLS must send before it can go on reading */
	bool broken;		/* TLS failed: no shutdown alert any more */
};

enum { STREAM_AGAIN = 0, STREAM_EOF = -1, STREAM_ERROR = -2 };

/* Bytes, or one of STREAM_…; for STREAM_ERROR errno or OpenSSL's queue says why. */
ssize_t stream_read(struct stream *s, void *data, size_t len);
ssize_t stream_write(struct stream *s, const void *data, size_t len);
/* 1 = done, STREAM_AGAIN, STREAM_ERROR. */
int stream_handshake(struct stream *s);
bool stream_has_pending(const struct stream *s); /* decrypted bytes that poll does not show */
void stream_shutdown_write(struct stream *s);	/* close_notify and FIN */
void stream_close(struct stream *s);
