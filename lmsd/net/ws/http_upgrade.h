/* net/ws/http_upgrade.h - the HTTP request that asks for a WebSocket: parsed, checked, answered.
 *
 * No I/O. Lenient where real stations are odd (ocpp.md "Handshake"), strict where two readings of
 * one request would be possible. Every refusal carries a status and a line that names the remedy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/types.h"
#include "net/ws/http_text.h"

#define HTTP_HEADER_MAX 8192

struct http_upgrade {
	int status;			/* 101, or the status to refuse with */
	const char *remedy;		/* for a refusal: a static line of text */
	char identity[ID_MAX + 1];
	char accept[HTTP_ACCEPT_MAX];	/* the value of Sec-WebSocket-Accept */
	char subprotocol[16];		/* to echo, as the peer spelt it; "" = none */
	bool subprotocol_offered;
	/* Basic credentials, pointing into the header; NULL when none can be read. */
	const char *user;
	size_t user_len;
	const uint8_t *password;
	size_t password_len;
	size_t header_len;		/* for those who keep it */
};

/* Parses the header block data[0..len), which it overwrites and which must stay while `out` is
 * used. Always fills *out. */
void http_upgrade_parse(char *data, size_t len, struct http_upgrade *out);

/* The answer for a connection that is accepted. */
void http_upgrade_accept(struct buf *out, const struct http_upgrade *u);
/* A refusal with a short plain text; remedy NULL: a default for the status. */
void http_upgrade_refuse(struct buf *out, int status, const char *remedy);

/* Last non-empty path segment of a request target, percent-decoded once, checked. 0, or the HTTP
 * status of the refusal with *remedy set. */
int http_identity(const char *target, size_t len, char out[ID_MAX + 1], const char **remedy);

/* In place; white space is refused, missing padding accepted. Returns the decoded length, or
 * negative when it is not base64. */
long http_base64_decode(char *data, size_t len);
