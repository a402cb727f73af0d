/* hall/broker/broker.h - the MQTT broker, as the hall sees it: what is told to it, and what it tells.
 *
 * broker.c keeps the link and takes in what is told; publish.c says which objects have changed, a few in each turn.
 */
#pragma once

#include "app.h"
#include "outlet/mqtt.h"

struct broker;

/* Begins where mqtt.host is set. */
int broker_open(struct app *app, struct diag *diag);
void broker_close(struct broker *b);	/* NULL is fine, to all of these */
/* A configuration came into force: other topics, other objects. */
void broker_configure(struct broker *b);
void broker_turn(struct broker *b, mono_t now, wall_t wall);
mono_t broker_due(const struct broker *b);

/* For status: "off", "connecting", "connected", "lost"; what is wrong with it, or NULL. */
const char *broker_state(const struct broker *b);
const char *broker_trouble(const struct broker *b);
/* Why no topic can be heard, even if none was ever meant to be; NULL: they can. */
const char *broker_deaf(const struct broker *b);

/* ---- publish.c ---------------------------------------------------------------------------------- */

struct publisher;

struct publisher *publisher_new(struct app *app, struct mqtt *mqtt);
void publisher_free(struct publisher *p);
/* All objects are told anew: the broker is new, or they are. */
void publisher_restart(struct publisher *p, mono_t now);
/* Some of the running round; sets when to be called again. */
void publisher_turn(struct publisher *p, mono_t now, wall_t wall);
mono_t publisher_due(const struct publisher *p);
/* PREFIX/KIND/ID, in which what a topic cannot have is written as %2B. */
const char *publisher_topic(const char *prefix, const char *kind, const char *id, char *out, size_t size);
