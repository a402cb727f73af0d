/* net/ws/ws_client.c - outbound WebSocket connections: TCP, TLS with the name checked, HTTP. */
#include "net/ws/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "net/ws/http_dial.h"
#include "net/ws/ws_internal.h"

struct ws_client {
	struct ws_hub hub;	/* first: a connection's hub is its client's */
	struct ws_client_ops ops;
	SSL_CTX *tls_ctx;
};

/* Owns the strings of http; gone once the connection is open. */
struct ws_dial {
	struct http_dial http;
};

void ws_dial_free(struct ws_dial *d)
{
	if (!d)
		return;
	if (d->http.password)
		OPENSSL_cleanse((void *)(uintptr_t)d->http.password, d->http.password_len);
	free((void *)(uintptr_t)d->http.password);
	free((void *)(uintptr_t)d->http.host);
	free((void *)(uintptr_t)d->http.path);
	free((void *)(uintptr_t)d->http.subprotocol);
	free((void *)(uintptr_t)d->http.user);
	free(d);
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static struct ws_dial *dial_new(const struct ws_target *t)
{
	struct ws_dial *d = xcalloc(1, sizeof(*d));
	uint8_t *password = NULL;

	if (t->password_len) {
		password = xmalloc(t->password_len);
		memcpy(password, t->password, t->password_len);
	}
	d->http = (struct http_dial){
		.host = xstrdup(t->host),
		.port = t->port,
		.tls = t->tls,
		.path = xstrdup(t->path),
		.subprotocol = dup_or_null(t->subprotocol),
		.user = dup_or_null(t->user),
		.password = password,
		.password_len = t->password_len,
	};
	return d;
}

static bool is_address(const char *host)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

static bool tls_begin(struct ws_conn *c)
{
	struct ws_client *client = (struct ws_client *)c->hub;
	const char *host = c->dial->http.host;
	SSL *ssl = SSL_new(client->tls_ctx);

	c->stream.ssl = ssl;
	if (!ssl || SSL_set_fd(ssl, c->stream.fd) != 1)
		return false;
	SSL_set_connect_state(ssl);
	/* An address is no server name (RFC 6066), but stands in certificates. */
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1 && SSL_set1_host(ssl, host) == 1;
}

/* The socket connects, or TLS is done: the request leaves once, before the answer is waited for. */
static void send_request(struct ws_conn *c)
{
	if (!http_dial_key(c->dial->http.key)) {
		ws_conn_lost(c, 1006, "no randomness");
		return;
	}
	http_dial_request(&c->out, &c->dial->http);
	ws_conn_dirty(c);
}

static void http_step(struct ws_conn *c)
{
	struct ws_client *client = (struct ws_client *)c->hub;
	const char *why;
	char text[128];
	long len;
	int status;

	if (!c->dial->http.key[0])
		send_request(c);
	len = c->state == WS_HTTP ? ws_header_read(c) : 0;
	if (len < 0)
		ws_conn_lost(c, 1006, "the other side's answer is longer than 8 KiB");
	if (len <= 0)
		return;
	status = http_dial_judge(c->in.data, (size_t)len, &c->dial->http, &why);
	if (status) {
		snprintf(text, sizeof(text), status > 0 ? "%s (HTTP status %d)" : "%s", why,
			 status);
		ws_conn_lost(c, 1006, text);
		return;
	}
	ws_dial_free(c->dial);
	c->dial = NULL;
	ws_conn_opened(c);
	client->ops.opened(c->user, c);
	ws_header_drop(c, (size_t)len);
}

void ws_dial_step(struct ws_conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		ws_conn_lost(c, 1006, strerror(err));
		return;
	}
	if (c->dial->http.tls) {
		c->state = WS_TLS;
		ws_tls_step(c);
	} else {
		c->state = WS_HTTP;
		http_step(c);
	}
}

static int check_target(const struct ws_target *t, struct diag *diag)
{
	if (t->port < 1 || t->port > 65535)
		return diag_set(diag, -LMS_EDATA, "%s:%d: a port is 1 to 65535", t->host, t->port);
	for (const char *p = t->path; *p; p++) {
		if (*p <= ' ' || *p == 0x7f)
			return diag_set(diag, -LMS_EDATA,
					"%s: the path holds a blank or control character: encode "
					"it", t->host);
	}
	if (t->path[0] != '/' || !*t->host || strpbrk(t->host, " \t\r\n/"))
		return diag_set(diag, -LMS_EDATA, "'%s' and '%s' are no host and path", t->host,
				t->path);
	return 0;
}

/* A connecting socket, or a negative LMS_E…. */
static int dial_socket(const struct ws_target *t, struct diag *diag)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	}, *ai = NULL;
	char service[16];
	int fd, ret = 0, on = 1;

	snprintf(service, sizeof(service), "%d", t->port);
	if (getaddrinfo(t->address, service, &hints, &ai) != 0)
		return diag_set(diag, -LMS_EDATA, "'%s' is not a numeric address", t->address);
	fd = net_fd_high(socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd < 0 || (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS)) {
		ret = diag_set(diag, -LMS_EIO, "%s:%d: cannot connect: %s", t->address, t->port,
			       strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(ai);
	return ret ? ret : fd;
}

struct ws_conn *ws_client_connect(struct ws_client *client, const struct ws_target *t, void *user,
				  struct diag *diag)
{
	struct ws_conn *c;
	int fd;

	if (check_target(t, diag) != 0 || (fd = dial_socket(t, diag)) < 0)
		return NULL;
	c = ws_conn_new(&client->hub, fd, WS_CONNECT);
	if (!c) {
		diag_set(diag, -LMS_ENOMEM, "out of memory for a connection to %s", t->host);
		return NULL;
	}
	snprintf(c->addr, sizeof(c->addr), "%s", t->address);
	c->dial = dial_new(t);
	c->user = user;
	return c;
}

int ws_client_new(struct loop *loop, const struct ws_server_conf *conf,
		  const struct ws_client_ops *ops, struct ws_client **out, struct diag *diag)
{
	const struct ws_hub_ops hub_ops = {
		.http_step = http_step,
		.tls_begin = tls_begin,
		.message = ops->message,
		.closed = ops->closed,
		.pong = ops->pong,
	};
	SSL_CTX *ctx = tls_client_ctx(conf->cert_file, conf->key_file, conf->ca_file, diag);
	struct ws_client *c;

	if (!ctx)
		return diag && diag->err ? diag->err : -LMS_ECONFIG;
	c = xcalloc(1, sizeof(*c));
	ws_hub_init(&c->hub, loop, conf, &hub_ops, true);
	c->ops = *ops;
	c->tls_ctx = ctx;
	*out = c;
	return 0;
}

void ws_client_free(struct ws_client *c)
{
	if (!c)
		return;
	ws_hub_fini(&c->hub);
	SSL_CTX_free(c->tls_ctx);
	free(c);
}
