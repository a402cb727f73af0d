/* net/ws/ws_server.c - the listening socket, the upgrade of those who come, and their certificates. */
#include "net/ws/ws_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "net/ws/ws_internal.h"

#define ACCEPTS_PER_TURN 64
/* A storm waits in the kernel's backlog rather than half-open here, where the cap per address would
 * turn stations away that only wait for our processor. */
#define TLS_WAITING_MAX 64
#define ACCEPT_PAUSE_US (200 * US_PER_MS)

struct ws_server {
	struct ws_hub hub;		/* first: a connection's hub is its server's */
	struct ws_server_ops ops;
	void *ctx;
	char *address, *cert_file, *key_file, *ca_file, *crl_file;
	bool tls;
	SSL_CTX *tls_ctx;
	int fd, port, spare_fd;
	struct loop_io *accept_io;
	struct loop_timer *accept_again;
	bool accept_paused;		/* until fewer handshakes wait */
};

static struct ws_server *server_of(struct ws_conn *c)
{
	return (struct ws_server *)c->hub;
}

size_t ws_server_count(const struct ws_server *s)
{
	return s->hub.open_count;
}

int ws_server_port(const struct ws_server *s)
{
	return s->port;
}

static bool tls_begin(struct ws_conn *c)
{
	c->stream.ssl = SSL_new(server_of(c)->tls_ctx);
	if (!c->stream.ssl || SSL_set_fd(c->stream.ssl, c->stream.fd) != 1)
		return false;
	SSL_set_accept_state(c->stream.ssl);
	return true;
}

static void refuse(struct ws_conn *c, int status, const char *remedy)
{
	log_event(LOG_LEVEL_NOTICE, "net", c->addr, "upgrade.refused", "status=%d", status);
	http_upgrade_refuse(&c->out, status, remedy);
	ws_conn_end(c);
}

/* False: it is to be asked again. */
static bool decide(struct ws_conn *c, const struct http_upgrade *h)
{
	struct ws_server *s = server_of(c);
	struct tls_peer cert;
	struct ws_upgrade u = {
		.identity = h->identity,
		.peer_addr = c->addr,
		.tls = c->stream.ssl != NULL,
		.user = h->user,
		.user_len = h->user_len,
		.password = h->password,
		.password_len = h->password_len,
		.subprotocol_offered = h->subprotocol_offered,
		.conn = c,
	};
	int status;

	if (c->stream.ssl) {
		tls_peer_look(c->stream.ssl, h->identity, &cert);
		u.cert = &cert;
	}
	if (s->hub.conf.max_connections && s->hub.open_count >= s->hub.conf.max_connections)
		status = 503;
	else
		status = s->ops.upgrade ? s->ops.upgrade(s->ctx, &u) : 0;
	if (status == WS_UPGRADE_WAIT) {
		if (!c->asked)
			c->asked = xmalloc(sizeof(*c->asked));
		*c->asked = *h;
		ws_conn_wait(c, WS_QUEUE_ASKED);
		return false;
	}
	if (status) {
		refuse(c, status, NULL);
		return true;
	}
	http_upgrade_accept(&c->out, h);
	ws_conn_opened(c);
	ws_conn_dirty(c);
	c->user = s->ops.opened(s->ctx, c, &u);
	return true;
}

/* The request still lies in c->in, where what was parsed points to. */
static void ask_again(struct ws_conn *c)
{
	const struct http_upgrade h = *c->asked;

	if (!decide(c, &h))
		return;
	free(c->asked);
	c->asked = NULL;
	ws_header_drop(c, h.header_len);
}

static void http_step(struct ws_conn *c)
{
	struct http_upgrade h;
	long len;

	if (c->asked) {
		ask_again(c);
		return;
	}
	len = ws_header_read(c);
	if (len < 0)
		refuse(c, 431, NULL);
	if (len <= 0)
		return;
	http_upgrade_parse(c->in.data, (size_t)len, &h);
	if (h.status != 101)
		refuse(c, h.status, h.remedy);
	else if (!decide(c, &h))
		c->asked->header_len = (size_t)len;
	if (!c->asked)
		ws_header_drop(c, (size_t)len);
}

void ws_server_resume(struct ws_conn *c)
{
	ws_conn_wake(c);
}

static void conn_take(struct ws_server *s, int fd)
{
	struct ws_conn *c;
	int on = 1;

	fd = net_fd_high(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c = ws_conn_new(&s->hub, fd, s->tls ? WS_TLS : WS_HTTP);
	if (c && !ws_half_open_begin(c)) {
		log_event(LOG_LEVEL_WARNING, "net", c->addr, "half-open.limit", "limit=%d",
			  s->hub.conf.max_half_open_per_addr);
		ws_conn_lost(c, 1006, "");
	}
}

/* No descriptor left: the peer would wait in the backlog and wake us for ever. Give up the spare
 * one to take it and drop it, then look away for a while. */
static void accept_exhausted(struct ws_server *s)
{
	int fd;

	log_event(LOG_LEVEL_ERROR, "net", "", "accept.exhausted",
		  "why=\"%s\" remedy=\"raise LimitNOFILE\"", strerror(errno));
	if (s->spare_fd >= 0) {
		close(s->spare_fd);
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	loop_io_set(s->accept_io, false, false);
	loop_timer_at(s->accept_again, loop_now(s->hub.loop) + ACCEPT_PAUSE_US);
}

static void on_accept(void *ctx, bool readable, bool writable)
{
	struct ws_server *s = ctx;

	(void)readable, (void)writable;
	if (s->hub.tls_waiting >= TLS_WAITING_MAX) {
		s->accept_paused = true;
		loop_io_set(s->accept_io, false, false);
		return;
	}
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			conn_take(s, fd);
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accept_exhausted(s);
		return;
	}
}

static void on_accept_again(void *ctx)
{
	struct ws_server *s = ctx;

	if (s->spare_fd < 0)
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_io_set(s->accept_io, !s->accept_paused, false);
}

static void on_tls_drained(struct ws_hub *h)
{
	struct ws_server *s = (struct ws_server *)h;

	if (s->accept_paused) {
		s->accept_paused = false;
		loop_io_set(s->accept_io, true, false);
	}
}

/* Who came in with a certificate that is on the list now would stay for as long as the connection holds. */
static void cut_revoked(struct ws_server *s)
{
	struct ws_conn *c;

	if (!s->crl_file)
		return;
	TAILQ_FOREACH(c, &s->hub.all, all) {
		if (c->state != WS_OPEN || !c->stream.ssl || !tls_ctx_revokes(s->tls_ctx, c->stream.ssl))
			continue;
		log_event(LOG_LEVEL_WARNING, "net", c->addr, "certificate.revoked", "its connection is closed");
		ws_conn_close(c, 1008, "certificate revoked");
	}
}

int ws_server_reload_tls(struct ws_server *s, struct diag *diag)
{
	const struct tls_files files = { s->cert_file, s->key_file, s->ca_file, s->crl_file };
	SSL_CTX *fresh;

	if (!s->tls)
		return 0;
	fresh = tls_server_ctx(&files, diag);
	if (!fresh)
		return diag && diag->err ? diag->err : -LMS_ECONFIG;
	SSL_CTX_free(s->tls_ctx);	/* open connections hold their own reference */
	s->tls_ctx = fresh;
	cut_revoked(s);
	return 0;
}

int64_t ws_server_tls_ends(const struct ws_server *s, const char **what)
{
	*what = NULL;
	return s->tls_ctx ? tls_ctx_ends(s->tls_ctx, what) : 0;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static int start(struct ws_server *s, int port, struct diag *diag)
{
	int ret = ws_server_reload_tls(s, diag);

	if (ret == 0)
		ret = net_listen(s->address, port, &s->fd, &s->port, diag);
	if (ret != 0)
		return ret;
	s->fd = net_fd_high(s->fd);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->accept_io = loop_io_new(s->hub.loop, s->fd, true, false, on_accept, s);
	s->accept_again = loop_timer_new(s->hub.loop, on_accept_again, s);
	return 0;
}

int ws_server_new(struct loop *loop, const struct ws_server_conf *conf,
		  const struct ws_server_ops *ops, void *ctx, struct ws_server **out,
		  struct diag *diag)
{
	struct ws_server *s = xcalloc(1, sizeof(*s));
	const struct ws_hub_ops hub_ops = {
		.http_step = http_step,
		.tls_begin = tls_begin,
		.tls_drained = on_tls_drained,
		.message = ops->message,
		.closed = ops->closed,
		.pong = ops->pong,
		.slowed = ops->slowed,
	};
	int ret;

	ws_hub_init(&s->hub, loop, conf, &hub_ops, false);
	s->ops = *ops;
	s->ctx = ctx;
	s->tls = conf->tls;
	s->address = dup_or_null(conf->address);
	s->cert_file = dup_or_null(conf->cert_file);
	s->key_file = dup_or_null(conf->key_file);
	s->ca_file = dup_or_null(conf->ca_file);
	s->crl_file = dup_or_null(conf->crl_file);
	s->fd = s->spare_fd = -1;
	ret = start(s, conf->port, diag);
	if (ret != 0) {
		ws_server_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void ws_server_free(struct ws_server *s)
{
	if (!s)
		return;
	ws_hub_fini(&s->hub);
	loop_io_free(s->accept_io);
	loop_timer_free(s->accept_again);
	if (s->fd >= 0)
		close(s->fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	SSL_CTX_free(s->tls_ctx);
	free(s->address);
	free(s->cert_file);
	free(s->key_file);
	free(s->ca_file);
	free(s->crl_file);
	free(s);
}
