/* net/ws_server.c - the listening socket, the connections as a set, and what one turn may cost.
 *
 * TLS handshakes and connections with more work wait in queues that the next turns work off, so that
 * those who are open already are served in between.
 */
#include "net/ws_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <uthash.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

#define ACCEPTS_PER_TURN 64
#define HANDSHAKES_PER_TURN 8	/* some 4 ms of EC P-256, 10 ms of RSA-2048 */
/* A storm waits in the kernel's backlog rather than half-open here, where the cap per address would
 * turn stations away that only wait for our processor. */
#define TLS_WAITING_MAX 64
#define TLS_WAITING_LOW 16
#define READY_PER_TURN 64
#define ACCEPT_PAUSE_US (200 * US_PER_MS)
#define SWEEP_MAX_US US_PER_S
#define SWEEP_MIN_US (10 * US_PER_MS)

struct addr_count {
	char addr[NET_ADDR_MAX];
	int count;
	UT_hash_handle hh;
};

size_t ws_server_count(const struct ws_server *s)
{
	return s->open_count;
}

int ws_server_port(const struct ws_server *s)
{
	return s->port;
}

/* False when the address has too many half-open connections already. */
static bool half_open_begin(struct ws_conn *c)
{
	struct ws_server *s = c->server;
	struct addr_count *a;

	HASH_FIND_STR(s->addrs, c->addr, a);
	if (!a) {
		a = xcalloc(1, sizeof(*a));
		memcpy(a->addr, c->addr, sizeof(a->addr));
		HASH_ADD_STR(s->addrs, addr, a);
	}
	if (a->count >= s->conf.max_half_open_per_addr)
		return false;
	a->count++;
	c->half_open = a;
	return true;
}

void ws_half_open_end(struct ws_conn *c)
{
	struct ws_server *s = c->server;
	struct addr_count *a = c->half_open;

	c->half_open = NULL;
	if (a && --a->count == 0) {
		HASH_DEL(s->addrs, a);
		free(a);
	}
}

void ws_conn_wait(struct ws_conn *c, enum ws_queue queue)
{
	struct ws_server *s = c->server;

	if (c->queue != WS_QUEUE_NONE)
		return;
	c->queue = queue;
	s->tls_waiting += queue == WS_QUEUE_TLS;
	TAILQ_INSERT_TAIL(queue == WS_QUEUE_TLS ? &s->tls_queue : &s->ready, c, ready);
	ws_conn_watch(c);
	loop_timer_at(s->ready_timer, loop_now(s->loop));
}

static void leave_queue(struct ws_conn *c)
{
	struct ws_server *s = c->server;

	s->tls_waiting -= c->queue == WS_QUEUE_TLS;
	if (c->queue != WS_QUEUE_NONE)
		TAILQ_REMOVE(c->queue == WS_QUEUE_TLS ? &s->tls_queue : &s->ready, c, ready);
	c->queue = WS_QUEUE_NONE;
}

void ws_conn_dirty(struct ws_conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	TAILQ_INSERT_TAIL(&c->server->dirty, c, dirty);
}

void ws_conn_reap(struct ws_conn *c)
{
	if (c->is_reaped)
		return;
	c->is_reaped = true;
	TAILQ_INSERT_TAIL(&c->server->reap, c, reap);
	loop_timer_at(c->server->reap_timer, loop_now(c->server->loop));
}

static void conn_free(struct ws_conn *c)
{
	struct ws_server *s = c->server;

	ws_half_open_end(c);
	leave_queue(c);
	if (c->is_dirty)
		TAILQ_REMOVE(&s->dirty, c, dirty);
	if (c->is_reaped)
		TAILQ_REMOVE(&s->reap, c, reap);
	TAILQ_REMOVE(&s->all, c, all);
	loop_io_free(c->io);
	stream_close(&c->stream);
	ws_rx_fini(&c->rx, &s->pool);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c->pong);
	free(c->close_why);
	free(c);
}

static void on_reap(void *ctx)
{
	struct ws_server *s = ctx;
	struct ws_conn *c;

	while ((c = TAILQ_FIRST(&s->reap))) {
		TAILQ_REMOVE(&s->reap, c, reap);
		c->is_reaped = false;
		ws_rx_fini(&c->rx, &s->pool);
		if (c->notify) {
			c->notify = false;
			s->ops.closed(c->user, c->close_code, c->close_why);
		}
		if (c->state == WS_DEAD)
			conn_free(c);
	}
}

static void conn_work(struct ws_conn *c)
{
	switch (c->state) {
	case WS_TLS:
		ws_tls_step(c);
		break;
	case WS_HTTP:
		ws_http_step(c);
		break;
	case WS_OPEN:
		ws_conn_read(c);
		break;
	case WS_LINGER:
		ws_conn_drain(c);
		break;
	case WS_DEAD:
		break;
	}
}

/* Only those that wait now: who queues again has its turn in the next one. */
static void work_off(struct ws_conn_list *list, int most)
{
	struct ws_conn *last = TAILQ_LAST(list, ws_conn_list), *c;

	while (most-- > 0 && (c = TAILQ_FIRST(list))) {
		bool was_last = c == last;

		leave_queue(c);
		ws_conn_watch(c);
		conn_work(c);
		if (was_last)
			break;
	}
}

static void on_ready(void *ctx)
{
	struct ws_server *s = ctx;

	work_off(&s->ready, READY_PER_TURN);
	work_off(&s->tls_queue, HANDSHAKES_PER_TURN);
	if (s->accept_paused && s->tls_waiting <= TLS_WAITING_LOW) {
		s->accept_paused = false;
		loop_io_set(s->accept_io, true, false);
	}
	if (!TAILQ_EMPTY(&s->ready) || !TAILQ_EMPTY(&s->tls_queue))
		loop_timer_at(s->ready_timer, loop_now(s->loop));
}

static void on_conn_io(void *ctx, bool readable, bool writable)
{
	struct ws_conn *c = ctx;

	if (writable && c->want_write)
		ws_conn_flush(c);
	if (!readable && !(writable && c->stream.read_wants_write))
		return;
	if (c->state == WS_TLS)
		ws_conn_wait(c, WS_QUEUE_TLS);
	else
		conn_work(c);
}

static void conn_new(struct ws_server *s, int fd)
{
	struct ws_conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	fd = net_fd_high(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->server = s;
	c->stream.fd = fd;
	c->state = s->tls ? WS_TLS : WS_HTTP;
	c->since = c->last_heard = loop_now(s->loop);
	c->partial_since = MONO_NEVER;
	c->rx.from_client = true;
	buf_init_max(&c->in, HTTP_HEADER_MAX * 2);
	buf_init_max(&c->out, s->conf.max_queued + HTTP_HEADER_MAX * 2);
	net_peer_addr(fd, c->addr);
	TAILQ_INSERT_TAIL(&s->all, c, all);
	c->io = loop_io_new(s->loop, fd, true, false, on_conn_io, c);
	if (!half_open_begin(c)) {
		log_event(LOG_LEVEL_WARNING, "net", c->addr, "half-open.limit", "limit=%d",
			  s->conf.max_half_open_per_addr);
		conn_free(c);
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
	loop_timer_at(s->accept_again, loop_now(s->loop) + ACCEPT_PAUSE_US);
}

static void on_accept(void *ctx, bool readable, bool writable)
{
	struct ws_server *s = ctx;

	(void)readable, (void)writable;
	if (s->tls_waiting >= TLS_WAITING_MAX) {
		s->accept_paused = true;
		loop_io_set(s->accept_io, false, false);
		return;
	}
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			conn_new(s, fd);
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

static void on_flush(void *ctx)
{
	struct ws_server *s = ctx;
	struct ws_conn *c;

	while ((c = TAILQ_FIRST(&s->dirty))) {
		TAILQ_REMOVE(&s->dirty, c, dirty);
		c->is_dirty = false;
		ws_conn_flush(c);
	}
}

static mono_t sweep_period(const struct ws_server_conf *conf)
{
	int64_t p = SWEEP_MAX_US;

	if (conf->handshake_us / 4 < p)
		p = conf->handshake_us / 4;
	if (conf->message_us / 4 < p)
		p = conf->message_us / 4;
	if (conf->idle_ping_us > 0 && conf->idle_ping_us / 4 < p)
		p = conf->idle_ping_us / 4;
	return p < SWEEP_MIN_US ? SWEEP_MIN_US : p;
}

static void on_sweep(void *ctx)
{
	struct ws_server *s = ctx;
	mono_t now = loop_now(s->loop);
	struct ws_conn *c;

	TAILQ_FOREACH(c, &s->all, all)
		ws_conn_sweep(c, now);
	loop_timer_at(s->sweep, now + sweep_period(&s->conf));
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void conf_take(struct ws_server_conf *to, const struct ws_server_conf *from)
{
	*to = *from;
	to->address = dup_or_null(from->address);
	to->cert_file = dup_or_null(from->cert_file);
	to->key_file = dup_or_null(from->key_file);
	to->ca_file = dup_or_null(from->ca_file);
	if (!to->max_message)
		to->max_message = (size_t)1 << 20;
	if (!to->max_queued)
		to->max_queued = (size_t)4 << 20;
	if (!to->max_in_flight)
		to->max_in_flight = (size_t)64 << 20;
	if (!to->max_half_open_per_addr)
		to->max_half_open_per_addr = 2048;
	if (!to->handshake_us)
		to->handshake_us = 10 * US_PER_S;
	if (!to->message_us)
		to->message_us = 60 * US_PER_S;
	if (!to->idle_ping_us)
		to->idle_ping_us = 60 * US_PER_S;
}

static void conf_fini(struct ws_server_conf *c)
{
	free((void *)(uintptr_t)c->address);
	free((void *)(uintptr_t)c->cert_file);
	free((void *)(uintptr_t)c->key_file);
	free((void *)(uintptr_t)c->ca_file);
}

int ws_server_reload_tls(struct ws_server *s, struct diag *diag)
{
	SSL_CTX *fresh;

	if (!s->conf.tls)
		return 0;
	fresh = tls_server_ctx(s->conf.cert_file, s->conf.key_file, s->conf.ca_file, diag);
	if (!fresh)
		return diag && diag->err ? diag->err : -LMS_ECONFIG;
	SSL_CTX_free(s->tls);	/* open connections hold their own reference */
	s->tls = fresh;
	return 0;
}

int ws_server_new(struct loop *loop, const struct ws_server_conf *conf,
		  const struct ws_server_ops *ops, void *ctx, struct ws_server **out,
		  struct diag *diag)
{
	struct ws_server *s = xcalloc(1, sizeof(*s));
	int ret;

	s->loop = loop;
	s->ops = *ops;
	s->ctx = ctx;
	s->fd = s->spare_fd = -1;
	conf_take(&s->conf, conf);
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->tls_queue);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->dirty);
	TAILQ_INIT(&s->reap);
	ws_pool_init(&s->pool, s->conf.max_message, s->conf.max_in_flight);
	ret = ws_server_reload_tls(s, diag);
	if (ret == 0)
		ret = net_listen(s->conf.address, s->conf.port, &s->fd, &s->port, diag);
	if (ret != 0) {
		ws_server_free(s);
		return ret;
	}
	s->fd = net_fd_high(s->fd);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->accept_io = loop_io_new(loop, s->fd, true, false, on_accept, s);
	s->accept_again = loop_timer_new(loop, on_accept_again, s);
	s->sweep = loop_timer_new(loop, on_sweep, s);
	s->ready_timer = loop_timer_new(loop, on_ready, s);
	s->reap_timer = loop_timer_new(loop, on_reap, s);
	loop_timer_at(s->sweep, loop_now(loop) + sweep_period(&s->conf));
	loop_on_flush(loop, on_flush, s);
	*out = s;
	return 0;
}

void ws_server_free(struct ws_server *s)
{
	struct ws_conn *c;

	if (!s)
		return;
	loop_off_turn(s->loop, s);
	while ((c = TAILQ_FIRST(&s->all)))
		conn_free(c);
	loop_io_free(s->accept_io);
	loop_timer_free(s->accept_again);
	loop_timer_free(s->sweep);
	loop_timer_free(s->ready_timer);
	loop_timer_free(s->reap_timer);
	if (s->fd >= 0)
		close(s->fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	SSL_CTX_free(s->tls);
	ws_pool_fini(&s->pool);
	conf_fini(&s->conf);
	free(s);
}
