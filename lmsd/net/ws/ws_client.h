/* net/ws/ws_client.h - outbound WebSocket connections, for the relay to a CPO.
 *
 * The connections are those of ws_server.h (ws_conn_send, ws_conn_close, …), with the same bounds
 * and the same rule: callbacks come from the loop only. Names are resolved elsewhere: getaddrinfo
 * blocks.
 */
#pragma once

#include "net/ws/ws_server.h"

struct ws_client;

struct ws_client_ops {
	void (*opened)(void *user, struct ws_conn *c);
	void (*message)(void *user, const char *text, size_t len);
	/* Once, and last, also for a connection that never opened: why says what was wrong. */
	void (*closed)(void *user, int code, const char *why);
	void (*pong)(void *user);	/* may be NULL */
};

/* Of conf are used: ca_file (NULL = the system's), cert_file and key_file (ours, NULL = none), and
 * the limits and times. 0, or a negative LMS_E… with diag naming the file and the remedy. */
int ws_client_new(struct loop *loop, const struct ws_server_conf *conf,
		  const struct ws_client_ops *ops, struct ws_client **out, struct diag *diag);
/* As ws_server_free(). */
void ws_client_free(struct ws_client *c);

struct ws_target {
	const char *address;	/* numeric */
	int port;
	const char *host;	/* as in the URL: Host header, SNI, name in the certificate */
	bool tls;
	const char *path;	/* encoded: see http_path_add() */
	const char *subprotocol;
	const char *user;	/* basic auth; NULL = none */
	const uint8_t *password;
	size_t password_len;
};

/* Everything is copied. The connection may be closed at once; sending has to wait for opened().
 * NULL with diag when it cannot even begin: no closed() follows then. */
struct ws_conn *ws_client_connect(struct ws_client *c, const struct ws_target *t, void *user,
				  struct diag *diag);
