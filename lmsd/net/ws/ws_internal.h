/* net/ws/ws_internal.h - what the files ws_*.c share. Not for other rooms.
 *
 * A hub is a set of connections with the same callbacks and limits; the server and the client each
 * have one. A connection moves one way: WS_CONNECT -> WS_TLS -> WS_HTTP -> WS_OPEN -> WS_LINGER ->
 * WS_DEAD, leaving out what does not apply. It is freed by the reaper only, which runs from a
 * timer, so no function here frees a connection under its caller.
 */
#pragma once

#include <sys/queue.h>

#include "net/ws/http_upgrade.h"
#include "net/sock.h"
#include "net/stream.h"
#include "net/ws/ws_frame.h"
#include "net/ws/ws_server.h"

enum ws_state {
	WS_CONNECT,	/* TCP, of a client */
	WS_TLS,		/* TLS handshake */
	WS_HTTP,	/* upgrade */
	WS_OPEN,
	WS_LINGER,	/* our last bytes are on the way; what comes in is thrown away */
	WS_DEAD		/* to be freed */
};

/* Work that one turn must not do for all: the connection waits here, unwatched. */
enum ws_queue {
	WS_QUEUE_NONE,
	WS_QUEUE_TLS,	/* a step of its handshake */
	WS_QUEUE_BEGIN,	/* until fewer handshakes of its address are under way */
	WS_QUEUE_READY,	/* bytes are there */
	WS_QUEUE_SLOW,	/* until its pace allows more */
	WS_QUEUE_ASKED,	/* until ws_server_resume() */
	WS_QUEUE_COUNT
};

struct addr_count;
struct ws_hub;
struct http_upgrade;
struct ws_dial;		/* what a client asks for, until it is open; NULL in a server */

struct ws_conn {
	/* What every message needs lies together. */
	struct ws_hub *hub;
	struct stream stream;
	struct loop_io *io;
	enum ws_state state;
	enum ws_queue queue;
	bool is_client;
	bool is_dirty, is_reaped, is_shut, eof, drained;
	bool notify;			/* closed() is due */
	bool want_write;
	mono_t last_heard;
	mono_t partial_since;		/* an unfinished frame or message; MONO_NEVER = none */
	mono_t paid;			/* what it has sent, at its pace, would have taken until then */
	void *user;
	struct ws_rx rx;
	struct buf out;
	size_t out_off;
	TAILQ_ENTRY(ws_conn) dirty, all, waiting, reap;
	struct ws_dial *dial;
	struct addr_count *half_open;	/* its address, counted; NULL once open */
	bool begun;			/* its handshake counts there as well */
	mono_t since;			/* start of the state */
	mono_t last_ping;
	struct http_upgrade *asked;	/* its request, while upgrade() has not answered; NULL */
	mono_t slow_until, slow_told;
	struct buf in;			/* header; then what came glued to it */
	size_t in_off;
	char *pong;			/* the latest unanswered ping's payload */
	size_t pong_len;
	int close_code;
	char *close_why;
	char addr[NET_ADDR_MAX];
};

TAILQ_HEAD(ws_conn_list, ws_conn);

#define WS_OUT_SPARES 64
#define WS_OUT_SPARE_MAX ((size_t)1024)	/* bytes of one */
#define WS_BEGIN_PATIENCE 6	/* so many handshake_us a connection waits for others of its address */
#define WS_TLS_WAITING_LOW 16	/* tls_drained() is called at or below */

struct ws_hub {
	struct loop *loop;
	struct ws_server_conf conf;	/* defaults filled in */
	struct ws_hub_ops {
		/* Bytes may be there for the WS_HTTP state. */
		void (*http_step)(struct ws_conn *c);
		/* TLS is to begin: makes c->stream.ssl. False when it cannot. */
		bool (*tls_begin)(struct ws_conn *c);
		void (*tls_drained)(struct ws_hub *h);	/* the queue is short again; may be NULL */
		void (*message)(void *user, const char *text, size_t len);
		void (*closed)(void *user, int code, const char *why);
		void (*pong)(void *user);
		void (*slowed)(void *user);
	} ops;
	struct loop_timer *sweep, *ready_timer, *slow_timer, *reap_timer;
	struct ws_conn_list all, waiting[WS_QUEUE_COUNT], dirty, reap;
	struct addr_count *addrs;
	struct ws_pool pool;
	/* Memory of answers that have left, for the next ones: a turn needs more at a time than malloc keeps at
	 * hand. */
	struct buf out_spare[WS_OUT_SPARES];
	int out_spares;
	size_t open_count;
	int tls_waiting;		/* that wait in WS_QUEUE_TLS */
	size_t pull_left;		/* bytes that the current connection may read this turn */
};

/* ws_hub.c */
void ws_hub_init(struct ws_hub *h, struct loop *loop, const struct ws_server_conf *conf,
		 const struct ws_hub_ops *ops, bool is_client);
void ws_hub_fini(struct ws_hub *h);	/* says 1001 and drops all, without callbacks */
/* Takes fd. NULL when out of memory: fd is closed then. */
struct ws_conn *ws_conn_new(struct ws_hub *h, int fd, enum ws_state state);
void ws_conn_opened(struct ws_conn *c);
bool ws_half_open_begin(struct ws_conn *c);	/* false: its address has too many */
void ws_half_open_end(struct ws_conn *c);
bool ws_handshake_may_begin(struct ws_conn *c);	/* counts it; false: it has to wait for others of its address */
void ws_conn_wait(struct ws_conn *c, enum ws_queue queue);
void ws_conn_wake(struct ws_conn *c);	/* out of SLOW or ASKED: goes on in the next turn */
void ws_conn_dirty(struct ws_conn *c); /* to be flushed at the end of the turn */
void ws_conn_reap(struct ws_conn *c);

/* ws_handshake.c */
void ws_tls_step(struct ws_conn *c);
/* Reads more of a header into c->in. Its length once it is whole; 0 = not yet, or the connection
 * was ended; negative = longer than allowed. */
long ws_header_read(struct ws_conn *c);
void ws_header_drop(struct ws_conn *c, size_t len);	/* done with it: what follows are frames */

/* ws_client.c */
void ws_dial_step(struct ws_conn *c);	/* WS_CONNECT: the socket says something */
void ws_dial_free(struct ws_dial *d);

/* ws_conn.c */
void ws_conn_watch(struct ws_conn *c);	/* watches what its state needs */
void ws_conn_read(struct ws_conn *c);
void ws_conn_flush(struct ws_conn *c);
void ws_conn_drain(struct ws_conn *c);	/* WS_LINGER: throws away what comes */
/* The connection is gone: no more bytes either way. closed(code, why) follows if it is owed. */
void ws_conn_lost(struct ws_conn *c, int code, const char *why);
/* Sends what is queued, then ends: for refusals, where no close frame applies. */
void ws_conn_end(struct ws_conn *c);
void ws_conn_sweep(struct ws_conn *c, mono_t now);
const char *ws_stream_why(struct ws_conn *c, ssize_t result);
