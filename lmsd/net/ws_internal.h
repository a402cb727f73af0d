/* net/ws_internal.h - what ws_server.c, ws_handshake.c and ws_conn.c share. Not for other rooms.
 *
 * A connection moves one way: WS_TLS -> WS_HTTP -> WS_OPEN -> WS_LINGER -> WS_DEAD, leaving out what
 * does not apply. It is freed by the reaper only, which runs from a timer, so no function here
 * frees a connection under its caller.
 */
#pragma once

#include <sys/queue.h>

#include "net/http_upgrade.h"
#include "net/sock.h"
#include "net/stream.h"
#include "net/ws_frame.h"
#include "net/ws_server.h"

enum ws_state {
	WS_TLS,		/* TLS handshake */
	WS_HTTP,	/* upgrade request */
	WS_OPEN,
	WS_LINGER,	/* our last bytes are on the way; what comes in is thrown away */
	WS_DEAD		/* to be freed */
};

/* Work that one turn must not do for all: the connection waits here, unwatched. */
enum ws_queue { WS_QUEUE_NONE, WS_QUEUE_TLS, WS_QUEUE_READY };

struct addr_count;

struct ws_conn {
	TAILQ_ENTRY(ws_conn) all, ready, dirty, reap;
	struct ws_server *server;
	struct stream stream;
	struct loop_io *io;
	struct addr_count *half_open;	/* its address, counted; NULL once open */
	enum ws_state state;
	enum ws_queue queue;
	bool is_dirty, is_reaped, is_shut, eof, drained;
	bool notify;			/* closed() is due */
	bool want_write;
	mono_t since;			/* start of the state */
	mono_t last_heard, last_ping;
	mono_t partial_since;		/* an unfinished frame or message; MONO_NEVER = none */
	struct buf in;			/* header; then what came glued to it */
	size_t in_off;
	struct ws_rx rx;
	struct buf out;
	size_t out_off;
	char *pong;			/* the latest unanswered ping's payload */
	size_t pong_len;
	void *user;
	int close_code;
	char *close_why;
	char addr[NET_ADDR_MAX];
};

TAILQ_HEAD(ws_conn_list, ws_conn);

struct ws_server {
	struct loop *loop;
	struct ws_server_conf conf;	/* defaults filled in; strings owned */
	struct ws_server_ops ops;
	void *ctx;
	SSL_CTX *tls;
	int fd, port, spare_fd;
	struct loop_io *accept_io;
	struct loop_timer *accept_again, *sweep, *ready_timer, *reap_timer;
	struct ws_conn_list all, tls_queue, ready, dirty, reap;
	struct addr_count *addrs;
	struct ws_pool pool;
	size_t open_count;
	int tls_waiting;		/* length of tls_queue */
	bool accept_paused;		/* until tls_queue is short again */
	size_t pull_left;		/* bytes that the current connection may read this turn */
};

/* ws_server.c */
void ws_half_open_end(struct ws_conn *c);
void ws_conn_wait(struct ws_conn *c, enum ws_queue queue);	/* goes on in the next turn */
void ws_conn_dirty(struct ws_conn *c);				/* to be flushed at the end of the turn */
void ws_conn_reap(struct ws_conn *c);

/* ws_handshake.c: both are called when bytes may be there */
void ws_tls_step(struct ws_conn *c);
void ws_http_step(struct ws_conn *c);

/* ws_conn.c */
void ws_conn_watch(struct ws_conn *c);	/* watches what its state needs */
void ws_conn_read(struct ws_conn *c);
void ws_conn_flush(struct ws_conn *c);
void ws_conn_drain(struct ws_conn *c);	/* WS_LINGER: throws away what comes */
/* The connection is gone: no more bytes either way. closed(code, why) follows if it was open. */
void ws_conn_lost(struct ws_conn *c, int code, const char *why);
/* Sends what is queued, then ends: for refusals, where no close frame applies. */
void ws_conn_end(struct ws_conn *c);
void ws_conn_sweep(struct ws_conn *c, mono_t now);
const char *ws_stream_why(struct ws_conn *c, ssize_t result);
