/* control/listener.h - the control socket's transport: who is there, and lines of text both ways.
 *
 * A client can hold neither the loop (bytes and lines per turn are capped, one that does not read
 * its answers is not read from) nor memory (line length, connections per user).
 * Callbacks come from the loop only, never from within a call of this header; they may call
 * anything here but ctl_listener_free().
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/diag.h"
#include "net/loop.h"

#define CTL_LINE_MAX ((size_t)1 << 20)	/* without the newline; ctl_peer_line_max() allows more */
#define CTL_QUEUE_HIGH ((size_t)256 << 10)	/* above: the peer is not read from */
#define CTL_QUEUE_LOW ((size_t)64 << 10)	/* writable() comes when it has drained to this */
#define CTL_PEERS_PER_UID 8
#define CTL_PEERS_ROOT 64

struct ctl_listener;
struct ctl_peer;

/* From the kernel, as of the peer's connect(). */
struct ctl_peer_cred {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups;		/* supplementary */
	size_t group_count;
};

struct ctl_listener_ops {
	/* What it returns is the `user` of the following. cred is good until closed(). */
	void *(*opened)(void *ctx, struct ctl_peer *p, const struct ctl_peer_cred *cred);
	/* Without the newline (or "\r\n"); line[len] is NUL; good for the call only. */
	void (*line)(void *user, const char *line, size_t len);
	/* A line above the maximum: once per line, the rest of it is skipped. */
	void (*overlong)(void *user);
	/* The queue was above CTL_QUEUE_HIGH and is at or below CTL_QUEUE_LOW now. May be NULL. */
	void (*writable)(void *user);
	/* Once, and last: the peer is not to be used after. */
	void (*closed)(void *user);
};

/* Makes the directory (0755) when it is missing and replaces the socket of a dead lmsd. 0, or a
 * negative LMS_E… with diag: -LMS_ECONFLICT "another lmsd serves PATH". */
int ctl_listener_new(struct loop *loop, const char *path, const struct ctl_listener_ops *ops,
		     void *ctx, struct ctl_listener **out, struct diag *diag);
/* Unlinks its own socket, drops all peers; no callbacks any more. NULL is fine. */
void ctl_listener_free(struct ctl_listener *l);

/* For a peer who may be trusted with that much memory, before its first line: 1 MiB to 64 MiB. */
void ctl_peer_line_max(struct ctl_peer *p, size_t max);
void ctl_peer_send(struct ctl_peer *p, const char *line, size_t len);	/* adds the newline */
size_t ctl_peer_queued(const struct ctl_peer *p);
void ctl_peer_close(struct ctl_peer *p);	/* once the queue is written; closed() follows */
void ctl_peer_kill(struct ctl_peer *p);		/* at once; closed() follows */
