/* net/ws/ws_server.h - WebSocket server for stations: TCP or TLS, HTTP upgrade, messages in and out.
 *
 * What every peer controls is bounded: header size, time to the upgrade, half-open connections per
 * address, message size, fragments, bytes and messages per turn and per second, what it leaves unread.
 * An idle plain connection holds no buffers. Compression is never negotiated.
 *
 * Callbacks come from the loop only, never from within a call of this header. They may call
 * anything here but ws_server_free().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/types.h"
#include "net/loop.h"
#include "net/tls.h"

struct ws_server;
struct ws_conn;

/* What a peer asked for. All pointers are good for the call only. */
struct ws_upgrade {
	const char *identity;		/* last non-empty path segment, decoded once, id_check'ed */
	const char *peer_addr;		/* "10.0.0.7", "fe80::1" */
	bool tls;
	const char *user; /* basic auth: raw bytes, NUL-terminated as well; NULL = none */
	size_t user_len;
	const uint8_t *password;	/* raw bytes, may hold NUL; NULL = none */
	size_t password_len;
	const struct tls_peer *cert;	/* the client's certificate; NULL without TLS */
	bool subprotocol_offered;	/* false: accepted as OCPP 1.6, nothing echoed */
	struct ws_conn *conn;		/* for ws_server_resume() */
};

/* What upgrade() may answer, too: the peer waits, unread, until ws_server_resume(); never for longer than a
 * peer waits for its answer, and at the latest when the server is freed. */
#define WS_UPGRADE_WAIT (-1)

struct ws_server_ops {
	/* 0 accepts; else the HTTP status to answer: 401, 403, 404, 409, 503; or WS_UPGRADE_WAIT. NULL
	 * accepts all. */
	int (*upgrade)(void *ctx, const struct ws_upgrade *u);
	/* The connection is open; what it returns is the `user` of the following. */
	void *(*opened)(void *ctx, struct ws_conn *c, const struct ws_upgrade *u);
	/* One whole text message: valid UTF-8, text[len] is NUL, good for the call only. */
	void (*message)(void *user, const char *text, size_t len);
	/* Once, and last: `c` is not to be used after. code is the WebSocket close code, 1006 when
	 * the connection broke or went silent. */
	void (*closed)(void *user, int code, const char *why);
	void (*pong)(void *user);	/* may be NULL */
	/* More comes than conf.pace allows, so it is read more slowly; told at most once a minute. May be
	 * NULL. */
	void (*slowed)(void *user);
};

/* Zero means the default that is named, except where noted. */
struct ws_server_conf {
	const char *address;		/* numeric; NULL, "" or "*" = all, IPv6 and IPv4 */
	int port;			/* 0 = any free one */
	bool tls;
	const char *cert_file, *key_file;
	const char *ca_file;		/* not NULL: clients are asked for a certificate of this CA */
	const char *crl_file;		/* what the CA has revoked; NULL = nothing */
	size_t max_message;		/* 1 MiB */
	size_t max_queued;		/* 4 MiB unread by the peer: it is dropped */
	size_t max_in_flight;		/* 64 MiB in unfinished messages of all connections */
	size_t max_connections;		/* open ones; above: 503. 0 = as many as descriptors */
	int max_half_open_per_addr;	/* 8192: a whole site may come through one router */
	/* 256 TLS handshakes of one address under way at a time, which hold most memory; others of it wait. */
	int max_handshakes_per_addr;
	int64_t handshake_us;		/* 10 s for TLS and HTTP together */
	int64_t message_us;		/* 60 s from a message's first byte to its last */
	int64_t idle_ping_us;		/* 60 s; negative = no pings and no silence limit */
	/* 2000 per second and connection, ten seconds' worth at once: messages, pings and every KiB count.
	 * Beyond, the connection is not read for a while; nothing is lost. Negative = any. */
	int64_t pace;
};

/* 0, or a negative LMS_E… with diag naming address:port or file, and the remedy. */
int ws_server_new(struct loop *loop, const struct ws_server_conf *conf,
		  const struct ws_server_ops *ops, void *ctx, struct ws_server **out,
		  struct diag *diag);
/* Asks upgrade() again, in the next turn, for a connection that waits for it. */
void ws_server_resume(struct ws_conn *c);
int ws_server_port(const struct ws_server *s);
/* Reads certificate, key, CA and CRL again. On error the old ones stay. Open connections stay, but for
 * those of clients whose certificate is revoked now. */
int ws_server_reload_tls(struct ws_server *s, struct diag *diag);
/* tls_ctx_ends() of what it serves with; 0 without TLS. */
int64_t ws_server_tls_ends(const struct ws_server *s, const char **what);
/* Stops listening, sends what is queued and 1001 "going away" as far as the sockets take it, drops
 * all connections; no callbacks any more. NULL is fine. */
void ws_server_free(struct ws_server *s);
size_t ws_server_count(const struct ws_server *s);	/* open connections */

/* Queues; all that one turn queues leaves in one write at its end. 0; -LMS_EOFFLINE when the
 * connection is closing; -LMS_ERANGE when the peer does not read (it is dropped then). */
int ws_conn_send(struct ws_conn *c, const char *text, size_t len);
void ws_conn_ping(struct ws_conn *c);
mono_t ws_conn_last_heard(const struct ws_conn *c);	/* any inbound byte is life */
size_t ws_conn_queued(const struct ws_conn *c);		/* bytes not yet written */
const char *ws_conn_peer_addr(const struct ws_conn *c);
/* What is queued leaves first, then the close frame. No message() follows; closed() does, in the
 * next turn. A client's connection that is not open yet is just given up. */
void ws_conn_close(struct ws_conn *c, int code, const char *why);
