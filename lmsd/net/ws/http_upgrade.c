/* net/ws/http_upgrade.c - the HTTP request that asks for a WebSocket. */
#include "net/ws/http_upgrade.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/text.h"
#include "net/ws/http_text.h"

#define OCPP16 "ocpp1.6"

/* What the header lines said. */
struct request {
	struct slice key, auth;
	bool upgrade_websocket, version_13;
	int upgrades, keys, versions;
};

static void refuse(struct http_upgrade *out, int status, const char *remedy)
{
	if (out->status == 101) {
		out->status = status;
		out->remedy = remedy;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The part of a target that holds the path: no scheme and host, no query, no fragment. */
static struct slice target_path(const char *target, size_t len)
{
	const char *start = target, *end = target + len;

	for (const char *p = start; p < end; p++) {
		if (*p == '?' || *p == '#') {
			end = p;
			break;
		}
	}
	if (*start != '/') {	/* absolute form: ws://host:port/path */
		const char *scheme = memmem(start, (size_t)(end - start), "://", 3);

		start = scheme ? memchr(scheme + 3, '/', (size_t)(end - scheme - 3)) : NULL;
		if (!start)
			start = end;
	}
	while (end > start && end[-1] == '/')
		end--;
	for (const char *p = end; p > start; p--) {
		if (p[-1] == '/') {
			start = p;
			break;
		}
	}
	return (struct slice){ (char *)(uintptr_t)start, (size_t)(end - start) };
}

int http_identity(const char *target, size_t len, char out[ID_MAX + 1], const char **remedy)
{
	struct slice seg = len ? target_path(target, len) : (struct slice){ NULL, 0 };
	size_t n = 0;

	if (!seg.len) {
		*remedy = "The URL must end with the station's identity, as in /ocpp/STATION1.";
		return 404;
	}
	for (size_t i = 0; i < seg.len; i++) {
		char c = seg.p[i];

		if (c == '%') {
			int hi = i + 2 < seg.len ? hex_digit(seg.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(seg.p[i + 2]) : -1;

			if (lo < 0) {
				*remedy = "The URL holds a '%' that two hexadecimal digits do not "
					  "follow.";
				return 400;
			}
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		if (n == ID_MAX || c == '\0') {
			*remedy = "The identity at the end of the URL is longer than 48 "
				  "characters or holds a NUL.";
			return 400;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	if (id_check(out, "station", NULL) != 0) {
		*remedy = "The identity at the end of the URL may hold letters, digits, blanks "
			  "inside and . _ : @ | * + = - only.";
		return 400;
	}
	return 0;
}

long http_base64_decode(char *data, size_t len)
{
	unsigned acc = 0;
	int bits = 0;
	size_t n = 0;

	for (int pad = 0; pad < 2 && len && data[len - 1] == '='; pad++)
		len--;
	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int v = base64_digit(data[i]);

		if (v < 0)
			return -1;
		acc = (acc << 6 | (unsigned)v) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			data[n++] = (char)(unsigned char)(acc >> bits);
		}
	}
	return (long)n;
}

/* Credentials that cannot be read count as none: who decides about authentication answers 401. */
static void parse_basic(struct slice auth, struct http_upgrade *out)
{
	struct slice rest;
	char *colon;
	long n;

	if (auth.len < 6 || strncasecmp(auth.p, "Basic", 5) != 0 || auth.p[5] != ' ')
		return;
	rest = http_trim(auth.p + 6, auth.len - 6);
	n = http_base64_decode(rest.p, rest.len);
	if (n <= 0 || !(colon = memchr(rest.p, ':', (size_t)n)))
		return;
	*colon = '\0';
	out->user = rest.p;
	out->user_len = (size_t)(colon - rest.p);
	out->password = (const uint8_t *)colon + 1;
	out->password_len = (size_t)n - out->user_len - 1;
}

static void parse_subprotocols(struct slice list, struct http_upgrade *out)
{
	struct slice token;

	while (http_next_token(&list, &token)) {
		out->subprotocol_offered = true;
		if (!out->subprotocol[0] && slice_is(token, OCPP16))
			memcpy(out->subprotocol, token.p, token.len);
	}
}

static void parse_header(struct request *req, struct slice name, struct slice value,
			 struct http_upgrade *out)
{
	struct slice token;

	if (slice_is(name, "Upgrade")) {
		req->upgrades++;
		while (http_next_token(&value, &token))
			req->upgrade_websocket |= slice_is(token, "websocket");
	} else if (slice_is(name, "Sec-WebSocket-Key")) {
		req->keys++;
		req->key = value;
	} else if (slice_is(name, "Sec-WebSocket-Version")) {
		req->versions++;
		req->version_13 = slice_is(value, "13");
	} else if (slice_is(name, "Sec-WebSocket-Protocol")) {
		parse_subprotocols(value, out);
	} else if (slice_is(name, "Authorization")) {
		req->auth = value;
	} else if (slice_is(name, "Transfer-Encoding") ||
		   (slice_is(name, "Content-Length") && !slice_is(value, "0"))) {
		/* Its bytes would be taken for frames. */
		refuse(out, 400, "A WebSocket request has no body.");
	}
}

/* "GET target HTTP/1.1": the target is all between the first and the last blank, because some
 * stations send blanks of their identity as they are. */
static void parse_request_line(struct slice line, struct http_upgrade *out)
{
	char *first = memchr(line.p, ' ', line.len), *last = memrchr(line.p, ' ', line.len);
	const char *remedy = NULL;
	struct slice version;
	int status;

	if (!first || first == last) {
		refuse(out, 400, "This is not an HTTP request: connect with ws:// or wss://.");
		return;
	}
	version = (struct slice){ last + 1, line.len - (size_t)(last + 1 - line.p) };
	if (version.len < 5 || memcmp(version.p, "HTTP/", 5) != 0)
		refuse(out, 400, "This is not an HTTP request: connect with ws:// or wss://.");
	else if (!slice_is((struct slice){ line.p, (size_t)(first - line.p) }, "GET"))
		refuse(out, 405, "A WebSocket request uses the method GET.");
	else if (!slice_is(version, "HTTP/1.1"))
		refuse(out, 505, "A WebSocket request uses HTTP/1.1.");
	status = http_identity(first + 1, (size_t)(last - first - 1), out->identity, &remedy);
	if (status)
		refuse(out, status, remedy);
}

static void check_request(const struct request *req, struct http_upgrade *out)
{
	if (!req->upgrade_websocket)
		refuse(out, 426,
		       "This is the WebSocket of an OCPP 1.6 central system: connect with "
		       "ws:// or wss://.");
	if (req->versions != 1 || !req->version_13)
		refuse(out, 426, "Sec-WebSocket-Version must be 13.");
	if (req->keys != 1 || req->key.len != WS_KEY_LEN)
		refuse(out, 400, "Sec-WebSocket-Key must be there once, with 24 characters.");
	if (out->subprotocol_offered && !out->subprotocol[0])
		refuse(out, 400, "None of the offered subprotocols is spoken here: offer ocpp1.6.");
}

void http_upgrade_parse(char *data, size_t len, struct http_upgrade *out)
{
	struct request req = { 0 };
	struct slice text = { data, len }, line, name, value;

	memset(out, 0, sizeof(*out));
	out->status = 101;
	if (memchr(data, '\0', len))
		refuse(out, 400, "The request holds a NUL.");
	if (http_next_line(&text, &line))
		parse_request_line(line, out);
	while (http_next_line(&text, &line)) {
		if (!line.len)
			continue;
		if (http_split_line(line, &name, &value))
			parse_header(&req, name, value, out);
		else
			refuse(out, 400, "A header line is not of the form 'Name: value'.");
	}
	check_request(&req, out);
	if (out->status != 101)
		return;
	parse_basic(req.auth, out);
	http_accept_key(req.key.p, out->accept);
}

void http_upgrade_accept(struct buf *out, const struct http_upgrade *u)
{
	buf_printf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", u->accept);
	if (u->subprotocol[0])
		buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", u->subprotocol);
	buf_puts(out, "\r\n");
}

static const struct {
	int status;
	const char *reason, *header, *remedy;
} answers[] = {
	{ 400, "Bad Request", "", "The request is not valid." },
	{ 401, "Unauthorized", "WWW-Authenticate: Basic realm=\"OCPP\"\r\n",
	  "Unknown identity or wrong key." },
	{ 403, "Forbidden", "", "This station may not connect here." },
	{ 404, "Not Found", "", "No such station." },
	{ 405, "Method Not Allowed", "Allow: GET\r\n", "Use GET." },
	{ 409, "Conflict", "Retry-After: 30\r\n",
	  "This station is connected already, and that connection is alive." },
	{ 408, "Request Timeout", "", "The request did not come in time." },
	{ 426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
	  "Connect with a WebSocket." },
	{ 431, "Request Header Fields Too Large", "", "The request header is longer than 8 KiB." },
	{ 503, "Service Unavailable", "Retry-After: 30\r\n", "Try again later." },
	{ 505, "HTTP Version Not Supported", "", "Use HTTP/1.1." },
};

void http_upgrade_refuse(struct buf *out, int status, const char *remedy)
{
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(answers); k++) {
		if (answers[k].status == status)
			i = k;
	}
	if (!remedy)
		remedy = answers[i].remedy;
	buf_printf(out, "HTTP/1.1 %d %s\r\n%sConnection: %sclose\r\nContent-Type: text/plain\r\n"
			"Content-Length: %zu\r\n\r\n%s\n", answers[i].status, answers[i].reason,
		   answers[i].header, answers[i].status == 426 ? "Upgrade, " : "",
		   strlen(remedy) + 1, remedy);
}
