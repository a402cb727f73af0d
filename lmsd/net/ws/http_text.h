/* net/ws/http_text.h - the pieces of HTTP that both directions of an upgrade need. No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WS_KEY_LEN 24
#define HTTP_ACCEPT_MAX 29	/* base64 of a SHA-1, with the NUL */

struct slice {
	char *p;
	size_t len;
};

/* Where the header block (its empty line included) ends in data, 0 when it has not come yet. */
size_t http_header_end(const char *data, size_t len);
struct slice http_trim(char *p, size_t len);			/* blanks and tabs off both ends */
bool slice_is(struct slice s, const char *word);		/* in any case */
bool http_next_token(struct slice *list, struct slice *token);	/* off a comma-separated list */
/* Takes the next line, without its end, off text. False at the end. */
bool http_next_line(struct slice *text, struct slice *line);
/* Splits "Name: value". False when it is not of that form, or when different readers would read it
 * differently (a blank before the colon, a folded line). */
bool http_split_line(struct slice line, struct slice *name, struct slice *value);

/* The Sec-WebSocket-Accept for a key of WS_KEY_LEN characters (RFC 6455, 4.2.2). */
void http_accept_key(const char *key, char out[HTTP_ACCEPT_MAX]);
