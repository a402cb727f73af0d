/* hall/door/rival.h - one identity connecting twice.
 *
 * Whoever proved who he is takes the place of his older connection at once. Where nobody proves anything
 * (profile 0) the older one is pinged first, while the newer waits for its upgrade: if nothing is heard from
 * it, it is dead and replaced; if it is alive the newer is refused with an event, since it may be somebody
 * else who calls himself the same.
 */
#pragma once

#include "net/ws/ws_server.h"

struct app;
struct wire;
struct rivals;

struct rivals *rivals_new(struct app *app);
void rivals_free(struct rivals *r);
/* For ws_server_ops.upgrade, last of all: 0, 409, or WS_UPGRADE_WAIT. */
int rival_ask(struct rivals *r, const struct ws_upgrade *u, bool proven);
/* It was refused for another reason, which may have come up while it waited. */
void rival_refused(struct rivals *r, const struct ws_upgrade *u);
/* Something was heard of an open connection; it is gone. */
void rival_heard(struct rivals *r, const struct wire *old);
void rival_gone(struct rivals *r, const struct wire *old);
