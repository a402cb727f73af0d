/* hall/door/door.h - who comes in: looks at what a peer shows, asks the rule, and tells people. */
#pragma once

#include "net/ws/ws_server.h"

struct app;
struct door;

struct door *door_new(struct app *app);
void door_free(struct door *d);
/* For ws_server_ops.upgrade: 0, or the HTTP status to refuse with. */
int door_ask(struct door *d, const struct ws_upgrade *u);
/* Has the peer that was asked about last shown who it is (profile 1 and up)? */
bool door_proven(const struct door *d);
/* The same peer is in: to be called before the rooms hear of it. */
void door_opened(struct door *d, const struct ws_upgrade *u);
