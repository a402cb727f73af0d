/* net/ws/ws_hub.c - connections as a set, what one turn may do for them, and their end.
 *
 * TLS handshakes and connections with more work wait in queues that the next turns work off, so
 * that those who are open already are served in between. In other queues wait those that are not to
 * be read for a while.
 */
#include "net/ws/ws_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>

#include "base/arena.h"

#define HANDSHAKES_PER_TURN 8	/* some 4 ms of EC P-256, 10 ms of RSA-2048 */
#define READY_PER_TURN 64
#define BEGIN_LOOKS 64		/* at those that wait to begin */
#define SWEEP_MAX_US US_PER_S
#define SLOW_LOOK_US (20 * US_PER_MS)
#define SWEEP_MIN_US (10 * US_PER_MS)

struct addr_count {
	char addr[NET_ADDR_MAX];
	int count, begun;
	UT_hash_handle hh;
};

bool ws_half_open_begin(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;
	struct addr_count *a;

	HASH_FIND_STR(h->addrs, c->addr, a);
	if (!a) {
		a = xcalloc(1, sizeof(*a));
		memcpy(a->addr, c->addr, sizeof(a->addr));
		HASH_ADD_STR(h->addrs, addr, a);
	}
	if (a->count >= h->conf.max_half_open_per_addr)
		return false;
	a->count++;
	c->half_open = a;
	return true;
}

void ws_half_open_end(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;
	struct addr_count *a = c->half_open;

	c->half_open = NULL;
	if (c->begun) {
		a->begun--;
		if (!TAILQ_EMPTY(&h->waiting[WS_QUEUE_BEGIN]))
			loop_timer_at(h->ready_timer, loop_now(h->loop));
	}
	c->begun = false;
	if (a && --a->count == 0) {
		HASH_DEL(h->addrs, a);
		free(a);
	}
}

bool ws_handshake_may_begin(struct ws_conn *c)
{
	struct addr_count *a = c->half_open;

	if (!a || c->begun)
		return true;
	if (a->begun >= c->hub->conf.max_handshakes_per_addr)
		return false;
	a->begun++;
	c->begun = true;
	return true;
}

void ws_conn_wait(struct ws_conn *c, enum ws_queue queue)
{
	struct ws_hub *h = c->hub;

	if (c->queue != WS_QUEUE_NONE)
		return;
	c->queue = queue;
	h->tls_waiting += queue == WS_QUEUE_TLS;
	TAILQ_INSERT_TAIL(&h->waiting[queue], c, waiting);
	ws_conn_watch(c);
	if (queue == WS_QUEUE_SLOW)
		loop_timer_at(h->slow_timer, loop_now(h->loop) + SLOW_LOOK_US);
	else if (queue != WS_QUEUE_ASKED && queue != WS_QUEUE_BEGIN)
		loop_timer_at(h->ready_timer, loop_now(h->loop));
}

static void leave_queue(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;

	h->tls_waiting -= c->queue == WS_QUEUE_TLS;
	if (c->queue != WS_QUEUE_NONE)
		TAILQ_REMOVE(&h->waiting[c->queue], c, waiting);
	c->queue = WS_QUEUE_NONE;
}

void ws_conn_wake(struct ws_conn *c)
{
	if (c->queue != WS_QUEUE_SLOW && c->queue != WS_QUEUE_ASKED)
		return;
	leave_queue(c);
	ws_conn_wait(c, WS_QUEUE_READY);
}

/* Lets begin whose address has room now; the others go behind those that were not looked at. */
static void begin_more(struct ws_hub *h)
{
	struct ws_conn *c;
	int looks = BEGIN_LOOKS;

	while (looks-- > 0 && (c = TAILQ_FIRST(&h->waiting[WS_QUEUE_BEGIN]))) {
		leave_queue(c);
		ws_conn_wait(c, ws_handshake_may_begin(c) ? WS_QUEUE_TLS : WS_QUEUE_BEGIN);
	}
}

static void on_slow(void *ctx)
{
	struct ws_hub *h = ctx;
	mono_t now = loop_now(h->loop);
	struct ws_conn *c, *next;

	for (c = TAILQ_FIRST(&h->waiting[WS_QUEUE_SLOW]); c; c = next) {
		next = TAILQ_NEXT(c, waiting);
		if (c->slow_until <= now)
			ws_conn_wake(c);
	}
	if (!TAILQ_EMPTY(&h->waiting[WS_QUEUE_SLOW]))
		loop_timer_at(h->slow_timer, now + SLOW_LOOK_US);
}

void ws_conn_dirty(struct ws_conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	TAILQ_INSERT_TAIL(&c->hub->dirty, c, dirty);
}

void ws_conn_reap(struct ws_conn *c)
{
	if (c->is_reaped)
		return;
	c->is_reaped = true;
	TAILQ_INSERT_TAIL(&c->hub->reap, c, reap);
	loop_timer_at(c->hub->reap_timer, loop_now(c->hub->loop));
}

static void conn_free(struct ws_conn *c)
{
	struct ws_hub *h = c->hub;

	ws_half_open_end(c);
	leave_queue(c);
	if (c->is_dirty)
		TAILQ_REMOVE(&h->dirty, c, dirty);
	if (c->is_reaped)
		TAILQ_REMOVE(&h->reap, c, reap);
	TAILQ_REMOVE(&h->all, c, all);
	loop_io_free(c->io);
	stream_close(&c->stream);
	ws_rx_fini(&c->rx, &h->pool);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c->pong);
	free(c->asked);
	ws_dial_free(c->dial);
	free(c->close_why);
	free(c);
}

static void on_reap(void *ctx)
{
	struct ws_hub *h = ctx;
	struct ws_conn *c;

	while ((c = TAILQ_FIRST(&h->reap))) {
		TAILQ_REMOVE(&h->reap, c, reap);
		c->is_reaped = false;
		ws_rx_fini(&c->rx, &h->pool);
		if (c->notify) {
			c->notify = false;
			h->ops.closed(c->user, c->close_code, c->close_why);
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
	case WS_CONNECT:
		ws_dial_step(c);
		break;
	case WS_HTTP:
		c->hub->ops.http_step(c);
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
	struct ws_hub *h = ctx;

	begin_more(h);
	work_off(&h->waiting[WS_QUEUE_READY], READY_PER_TURN);
	work_off(&h->waiting[WS_QUEUE_TLS], HANDSHAKES_PER_TURN);
	if (h->ops.tls_drained && h->tls_waiting <= WS_TLS_WAITING_LOW)
		h->ops.tls_drained(h);
	if (!TAILQ_EMPTY(&h->waiting[WS_QUEUE_READY]) || !TAILQ_EMPTY(&h->waiting[WS_QUEUE_TLS]))
		loop_timer_at(h->ready_timer, loop_now(h->loop));
}

static void on_conn_io(void *ctx, bool readable, bool writable)
{
	struct ws_conn *c = ctx;

	if (c->state == WS_CONNECT) {
		ws_dial_step(c);
		return;
	}
	if (writable && c->want_write)
		ws_conn_flush(c);
	if (!readable && !(writable && c->stream.read_wants_write))
		return;
	if (c->state == WS_TLS)
		ws_conn_wait(c, WS_QUEUE_TLS);
	else
		conn_work(c);
}

static void on_flush(void *ctx)
{
	struct ws_hub *h = ctx;
	struct ws_conn *c;

	while ((c = TAILQ_FIRST(&h->dirty))) {
		TAILQ_REMOVE(&h->dirty, c, dirty);
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
	struct ws_hub *h = ctx;
	mono_t now = loop_now(h->loop);
	struct ws_conn *c;

	TAILQ_FOREACH(c, &h->all, all)
		ws_conn_sweep(c, now);
	loop_timer_at(h->sweep, now + sweep_period(&h->conf));
}

struct ws_conn *ws_conn_new(struct ws_hub *h, int fd, enum ws_state state)
{
	struct ws_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->hub = h;
	c->stream.fd = fd;
	c->state = state;
	c->is_client = !h->pool.from_client;
	c->since = c->last_heard = loop_now(h->loop);
	c->partial_since = MONO_NEVER;
	c->paid = c->slow_told = INT64_MIN / 2;
	buf_init_max(&c->in, HTTP_HEADER_MAX * 2);
	buf_init_max(&c->out, h->conf.max_queued + HTTP_HEADER_MAX * 2);
	net_peer_addr(fd, c->addr);
	TAILQ_INSERT_TAIL(&h->all, c, all);
	c->io = loop_io_new(h->loop, fd, state != WS_CONNECT, state == WS_CONNECT, on_conn_io, c);
	return c;
}

void ws_conn_opened(struct ws_conn *c)
{
	ws_half_open_end(c);
	c->state = WS_OPEN;
	c->since = c->last_heard = c->last_ping = loop_now(c->hub->loop);
	c->hub->open_count++;
}

static void conf_defaults(struct ws_server_conf *c)
{
	if (!c->max_message)
		c->max_message = (size_t)1 << 20;
	if (!c->max_queued)
		c->max_queued = (size_t)4 << 20;
	if (!c->max_in_flight)
		c->max_in_flight = (size_t)64 << 20;
	if (!c->max_half_open_per_addr)
		c->max_half_open_per_addr = 8192;
	if (!c->max_handshakes_per_addr)
		c->max_handshakes_per_addr = 256;
	if (!c->handshake_us)
		c->handshake_us = 10 * US_PER_S;
	if (!c->message_us)
		c->message_us = 60 * US_PER_S;
	if (!c->idle_ping_us)
		c->idle_ping_us = 60 * US_PER_S;
	if (!c->pace)
		c->pace = 2000;
}

void ws_hub_init(struct ws_hub *h, struct loop *loop, const struct ws_server_conf *conf,
		 const struct ws_hub_ops *ops, bool is_client)
{
	memset(h, 0, sizeof(*h));
	h->loop = loop;
	h->conf = *conf;
	h->ops = *ops;
	conf_defaults(&h->conf);
	TAILQ_INIT(&h->all);
	for (int i = 0; i < WS_QUEUE_COUNT; i++)
		TAILQ_INIT(&h->waiting[i]);
	TAILQ_INIT(&h->dirty);
	TAILQ_INIT(&h->reap);
	ws_pool_init(&h->pool, !is_client, h->conf.max_message, h->conf.max_in_flight);
	h->sweep = loop_timer_new(loop, on_sweep, h);
	h->ready_timer = loop_timer_new(loop, on_ready, h);
	h->slow_timer = loop_timer_new(loop, on_slow, h);
	h->reap_timer = loop_timer_new(loop, on_reap, h);
	loop_timer_at(h->sweep, loop_now(loop) + sweep_period(&h->conf));
	loop_on_flush(loop, on_flush, h);
}

void ws_hub_fini(struct ws_hub *h)
{
	struct ws_conn *c;

	loop_off_turn(h->loop, h);
	/* Who is told comes back at once; who only loses the connection may take minutes to see it. */
	TAILQ_FOREACH(c, &h->all, all) {
		if (c->state == WS_OPEN) {
			ws_tx_close(&h->pool, &c->out, 1001, "going away");
			ws_conn_flush(c);
		}
	}
	while ((c = TAILQ_FIRST(&h->all)))
		conn_free(c);
	loop_timer_free(h->sweep);
	loop_timer_free(h->ready_timer);
	loop_timer_free(h->slow_timer);
	loop_timer_free(h->reap_timer);
	while (h->out_spares)
		buf_fini(&h->out_spare[--h->out_spares]);
	ws_pool_fini(&h->pool);
}
