/* outlet/mqtt.h - one connection to an MQTT broker, in a thread of its own.
 *
 * The thread shares nothing with the loop but two bounded stores. Outgoing: the newest text of each topic, as long as
 * the broker takes any; while it does not, nothing is kept, since what is old by then is of no use: who publishes
 * begins anew when ops.link says that it is there. Incoming: the newest text of each topic that was asked for, so that
 * one who floods a topic costs its own place and no more; a few are handed over per turn of the loop. What has lain in
 * a full connection would be taken for new when it is not: so one that is flooded is given up, and the topic for a while.
 *
 * The broker is asked (MQTT 5) to send nothing larger than MQTT_TEXT_MAX and some; one that speaks 3.1.1 alone is
 * taken, too. A certificate that is not the host's, or that nobody signed whom we know, is refused.
 */
#pragma once

#include "base/diag.h"
#include "base/types.h"

struct loop;
struct mqtt;

#define MQTT_TEXT_MAX 4096		/* bytes of what is taken from the broker */

struct mqtt_conf {
	const char *host;
	int port;
	bool tls;
	const char *ca;			/* PEM file; NULL = those of the system */
	const char *certificate, *key;	/* PEM files; NULL = none */
	const char *user;		/* NULL = none */
	const char *password;		/* file; NULL = none */
	const char *client_id;		/* NULL = the library invents one */
	const char *online;		/* topic: "true" while we are there, "false" from the broker when we are gone */
	int qos;
};

struct mqtt_message {
	const char *topic, *text;	/* text is not terminated */
	size_t len;
	bool retained;			/* the broker kept it: nobody knows how old it is */
	bool too_long;			/* text is its beginning */
};

struct mqtt_ops {			/* all on the loop */
	/* The broker is there, or is not: `why` then; each vain attempt tells it again. */
	void (*link)(void *ctx, bool up, const char *why);
	void (*message)(void *ctx, const struct mqtt_message *m);
	/* Nobody listens to this topic, and why. */
	void (*refused)(void *ctx, const char *topic, const char *why);
};

struct mqtt_counts {
	uint64_t published, received;
	uint64_t replaced;		/* of those to be published: a newer one came first */
	uint64_t dropped;		/* there was no room */
	uint64_t skipped;		/* of those received: a newer one came first */
};

/* Was lmsd built with it? Where not, mqtt_new() refuses with diag. */
bool mqtt_is_built(void);
int mqtt_new(struct loop *loop, const struct mqtt_conf *conf, const struct mqtt_ops *ops, void *ctx, struct mqtt **out,
	     struct diag *diag);
/* Says that we go and waits a second for it. NULL is fine. */
void mqtt_free(struct mqtt *m);
/* From now on these topics are listened to, and no others. */
void mqtt_listen(struct mqtt *m, const char *const *topics, size_t count);
/* Replaces what is waiting for that topic. false: the broker is not there, or there is no room. */
bool mqtt_publish(struct mqtt *m, const char *topic, const char *text, size_t len, bool retain);
void mqtt_counts(const struct mqtt *m, struct mqtt_counts *out);
