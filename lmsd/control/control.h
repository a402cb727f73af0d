/* control/control.h - the control protocol on top of the listener: hello, requests, roles, answers, watches.
 *
 * JSON-RPC 2.0, one object per line (lmsd-control(7)). The role comes from the kernel: root and the
 * user that runs lmsd are administrators, everyone else by Unix group. A request becomes a struct
 * ctl_call for the handler that its verb names; its answer goes back by token, at once or when the
 * hall carries out FX_REPLY.
 */
#pragma once

#include "control/listener.h"
#include "hall.h"

struct control;

struct control_ops {
	/* A call is about to run or has run: the hall lends its turn. */
	void (*prepare)(void *ctx, struct ctl_call *call);
	/* Answers. true: something was stored since prepare(), and the answer waits for the commit. */
	bool (*finish)(void *ctx, struct ctl_call *call, int ret);
	bool (*dashboard_public)(void *ctx);	/* site key dashboard=public */
};

int control_new(struct loop *loop, const char *path, const struct control_ops *ops, void *ctx,
		struct control **out, struct diag *diag);
void control_free(struct control *c);

/* Carries out one FX_REPLY. Unknown tokens (the client has gone) are dropped. */
void control_reply(struct control *c, uint64_t token, bool error, const char *json, size_t len);
/* Pushes what changed to watchers whose interval has passed; next_due tells when again. */
void control_push(struct control *c, mono_t now);
mono_t control_next_due(const struct control *c);

/* watch.c: one subscription of one peer. */
struct control_peer;
struct watch;
struct watch *watch_new(struct control *c, struct control_peer *peer, int64_t number,
			const struct ctl_verb_desc *verb, const char *args_json, int64_t every_us);
void watch_free(struct watch *w);
/* Runs the verb and sends what changed since the last time; false: the verb failed, drop the watch. */
bool watch_push(struct watch *w, mono_t now);
mono_t watch_next_due(const struct watch *w);
int64_t watch_number(const struct watch *w);

/* Runs a verb on behalf of a peer; the result text is in call->out. For requests and watches. */
int control_run(struct control *c, struct control_peer *peer, const struct ctl_verb_desc *verb,
		const struct json *params, struct ctl_call *call);
void control_peer_line(struct control_peer *peer, const char *line, size_t len);
bool control_peer_congested(const struct control_peer *peer);
