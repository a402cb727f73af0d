/* outlet/mqtt_inside.h - the inside of the MQTT connection: for mqtt.c (on the loop), mqtt_thread.c (one connection after
 * the other) and mqtt_client.c (what the library is told, and calls) only.
 */
#pragma once

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/loop.h"
#include "outlet/mqtt.h"

#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define CONNECT_US     (10 * US_PER_S)	/* to reach the host; the same again to be welcomed by it */

struct mosquitto;

struct out {			/* waits to be published */
	UT_hash_handle hh;	/* by topic, in the order of their coming */
	char *topic, *text;
	size_t len;
	bool retain;
};

struct topic {			/* that we listen to */
	UT_hash_handle hh;	/* by name */
	char *name;
	bool wanted;
	bool asked;		/* the broker was told so on this connection */
	int mid;
	bool refused;		/* the broker says no: to be told */
	int burst;		/* messages of the running second */
	bool flooded;		/* too many: to be told */
	mono_t banned;		/* until then */
	bool fresh;		/* what follows is to be handed over */
	char *text;
	size_t len;
	bool retained, too_long;
};

struct mqtt {
	struct mqtt_ops ops;
	void *ctx;
	struct loop_wake *wake;
	char *host, *ca, *certificate, *key, *user, *password, *client_id, *online;
	int port, qos;
	bool tls;
	pthread_t thread;
	int kick, stop;			/* eventfds: the thread has something to do; it is to end */
	unsigned seen_ups, seen_downs;	/* the loop's: what it has told */

	/* the thread's own */
	bool old;			/* the broker wants 3.1.1 */
	bool welcome, gone;		/* of this connection */
	bool hears;			/* messages wait to be handed over */
	char log[200];			/* what the library said last */
	int in_flight, budget;
	int busy;			/* ticks in a row in which there was more to read than is read */
	mono_t second, ban_due;		/* bursts are counted from; a topic may be listened to again */
	bool floods;			/* this connection is full of what nobody wants */

	pthread_mutex_t lock;		/* guards all below */
	bool closing, up;
	unsigned ups, downs;
	char why[200];
	bool topics_changed;
	struct topic *topics;
	struct out *outs;
	size_t out_bytes;
	struct mqtt_counts counts;
};

/* Under the lock. */
void mqtt_out_free(struct mqtt *m, struct out *o);
void mqtt_topic_free(struct mqtt *m, struct topic *t);

/* ---- mqtt_thread.c: until mqtt_free() --------------------------------------------------------------- */

void *mqtt_thread(void *mqtt);
/* What lies in the buffers of a connection that is flooded is old by the time it is read, and would be taken for new:
 * so the connection is given up, and without that topic the next one is quiet. Under the lock. */
void mqtt_ban(struct mqtt *m, struct topic *t);

/* ---- mqtt_client.c: NULL or false, and why in m->log -------------------------------------------------- */

struct mosquitto *mqtt_client_new(struct mqtt *m);
bool mqtt_client_connect(struct mqtt *m, struct mosquitto *mosq);
/* What the library's code says, in words. */
void mqtt_note_end(struct mqtt *m, int rc, int err);
