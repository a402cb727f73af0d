/* io/client.h - the control protocol's client: one connection to lmsd, for lmsctl and lmstop.
 *
 * Two manners over one core. By file descriptor: client_open, then client_step whenever client_fd
 * is readable (or writable while client_wants_write), and the callbacks tell what came. Blocking:
 * client_call and client_wait do the polling. Callbacks come from within step, wait and call only
 * and may send, but not close. JSON that they are given is good until the next step, wait or call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/json.h"

#define CLIENT_SOCKET_DEFAULT "/run/lms/lmsd.sock"
#define CLIENT_LINE_MAX ((size_t)64 << 20)
#define CLIENT_HELLO_MS 10000
#define CLIENT_CALL_MS 180000	/* above the longest time that lmsd waits for a station */

struct client;

struct client_ops {	/* each may be NULL */
	/* lmsd said hello, in a version that we speak: {"protocol", "version", "roles"}. */
	void (*ready)(void *ctx, const struct json *hello);
	/* Answers to client_send. error is NULL, or its err is negative and result NULL. */
	void (*reply)(void *ctx, int64_t id, const struct json *result, const struct diag *error);
	void (*notify)(void *ctx, const char *method, const struct json *params);
};

/* Which socket is meant: `path`, else $LMS_SOCKET, else the default. */
const char *client_socket_path(const char *path);
/* Connects to the socket at `path` (as given). 0, or -LMS_ENODAEMON, -LMS_EUSAGE (path too long).
 */
int client_open(const char *path, const struct client_ops *ops, void *ctx, struct client **out,
		struct diag *diag);
void client_close(struct client *c);	/* NULL is fine */
int client_fd(const struct client *c);
bool client_wants_write(const struct client *c);
bool client_ready(const struct client *c);	/* the hello has come */
/* Queues a request; params is JSON text of an object, or NULL. Returns its id. */
int64_t client_send(struct client *c, const char *method, const char *params);
/* Writes and reads what is possible now. 0, or the connection's end: -LMS_ENODAEMON when lmsd
 * closed it, -LMS_EPROTOCOL for another version or garbage, -LMS_EROLE … when lmsd said why. Then
 * only close. */
int client_step(struct client *c, struct diag *diag);

/* Blocks until something came and was handed to the callbacks, at most timeout_ms (-1 = for ever).
 * 1 = something came, 0 = time is up or a signal, negative as client_step. */
int client_wait(struct client *c, int timeout_ms, struct diag *diag);
/* A JSON-RPC error object as a diag: the error that its data names, else its code; and its message. */
void client_read_error(const struct json *error, struct diag *out);
/* Blocks until the hello. */
int client_wait_ready(struct client *c, struct diag *diag);
/* Sends and blocks until the answer; 0 with *result, or the error that lmsd answered, or as
 * client_step. Notifications that come before go to the callback. */
int client_call(struct client *c, const char *method, const char *params,
		const struct json **result, struct diag *diag);
