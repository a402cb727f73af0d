/* net/ws/http_dial.h - the HTTP upgrade as a client asks for it, and how the answer is judged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/ws/http_text.h"

struct http_dial {
	const char *host;		/* as in the URL, for the Host header */
	int port;
	bool tls;			/* only for the port that is left out */
	const char *path;		/* "/ocpp/CP%201", encoded */
	const char *subprotocol;	/* NULL = none */
	const char *user;		/* basic auth; NULL = none */
	const uint8_t *password;
	size_t password_len;
	char key[WS_KEY_LEN + 1];
};

/* Appends one path segment, percent-encoded. */
void http_path_add(struct buf *out, const char *segment);

bool http_dial_key(char key[WS_KEY_LEN + 1]);	/* a fresh one; false without randomness */
void http_dial_request(struct buf *out, const struct http_dial *d);

/* Judges the header block of the answer: 0, the HTTP status of a refusal, or -1 for an answer that
 * is none; *why then says what is wrong (static text). */
int http_dial_judge(char *data, size_t len, const struct http_dial *d, const char **why);
