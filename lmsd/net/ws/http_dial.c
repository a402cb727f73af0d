/* net/ws/http_dial.c - the HTTP upgrade as a client asks for it. */
#include "net/ws/http_dial.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/arena.h"

void http_path_add(struct buf *out, const char *segment)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:@";

	buf_putc(out, '/');
	for (; *segment; segment++) {
		if (strchr(plain, *segment))
			buf_putc(out, *segment);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*segment);
	}
}

bool http_dial_key(char key[WS_KEY_LEN + 1])
{
	unsigned char raw[16];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)key, raw, sizeof(raw));
	return true;
}

static void add_basic_auth(struct buf *out, const struct http_dial *d)
{
	size_t user_len = strlen(d->user), len = user_len + 1 + d->password_len;
	unsigned char *raw = xmalloc(len), *text = xmalloc(len * 4 / 3 + 8);

	memcpy(raw, d->user, user_len);
	raw[user_len] = ':';
	if (d->password_len)
		memcpy(raw + user_len + 1, d->password, d->password_len);
	EVP_EncodeBlock(text, raw, (int)len);
	buf_printf(out, "Authorization: Basic %s\r\n", (const char *)text);
	OPENSSL_cleanse(raw, len);
	OPENSSL_cleanse(text, len * 4 / 3 + 8);
	free(raw);
	free(text);
}

void http_dial_request(struct buf *out, const struct http_dial *d)
{
	bool bracket = strchr(d->host, ':') != NULL;

	buf_printf(out, "GET %s HTTP/1.1\r\nHost: %s%s%s", d->path, bracket ? "[" : "", d->host,
		   bracket ? "]" : "");
	if (d->port != (d->tls ? 443 : 80))
		buf_printf(out, ":%d", d->port);
	buf_printf(out, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
			"Sec-WebSocket-Version: 13\r\n", d->key);
	if (d->subprotocol)
		buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", d->subprotocol);
	if (d->user)
		add_basic_auth(out, d);
	buf_puts(out, "\r\n");
}

/* "HTTP/1.1 101 Switching Protocols"; -1 when it is not of that form. */
static int status_of(struct slice line)
{
	if (line.len < 12 || memcmp(line.p, "HTTP/1.1 ", 9) != 0)
		return -1;
	for (int i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return -1;
	}
	return (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0');
}

static const char *refusal(int status)
{
	switch (status) {
	case 401:
	case 403:
		return "the other side refuses our credentials";
	case 404:
		return "the other side knows no such address or identity";
	case 503:
		return "the other side asks to come later";
	default:
		return "the other side refuses the WebSocket";
	}
}

int http_dial_judge(char *data, size_t len, const struct http_dial *d, const char **why)
{
	struct slice text = { data, len }, line = { data, 0 }, name, value, token;
	bool upgrade = false, accepted = false;
	char want[HTTP_ACCEPT_MAX];
	int status;

	http_next_line(&text, &line);
	status = status_of(line);
	*why = "the other side does not speak HTTP/1.1";
	if (status < 0)
		return -1;
	*why = refusal(status);
	if (status != 101)
		return status;
	http_accept_key(d->key, want);
	while (http_next_line(&text, &line)) {
		if (!line.len || !http_split_line(line, &name, &value))
			continue;
		if (slice_is(name, "Upgrade")) {
			while (http_next_token(&value, &token))
				upgrade |= slice_is(token, "websocket");
		} else if (slice_is(name, "Sec-WebSocket-Accept")) {
			accepted = value.len == strlen(want) &&
				   memcmp(value.p, want, value.len) == 0;
		} else if (slice_is(name, "Sec-WebSocket-Extensions") && value.len) {
			*why = "the other side uses an extension that was not offered";
			return -1;
		} else if (slice_is(name, "Sec-WebSocket-Protocol") &&
			   !(d->subprotocol && slice_is(value, d->subprotocol))) {
			*why = "the other side chose a subprotocol that was not offered";
			return -1;
		}
	}
	*why = upgrade ? "the other side's Sec-WebSocket-Accept is wrong" :
			 "the other side does not upgrade to WebSocket";
	return upgrade && accepted ? 0 : -1;
}
