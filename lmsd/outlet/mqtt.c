/* outlet/mqtt.c - the thread that speaks MQTT, and the two stores between it and the loop.
 *
 * The library's own loop would not do: it waits by select(), which ends at descriptor 1023, and hands over whatever
 * comes. Each attempt to connect makes its client anew, so nothing of a connection survives it.
 */
#include "outlet/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/connect.h"
#include "net/loop.h"

#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define KEEPALIVE_S    10	/* a broker that does not answer is given up after up to twice as long */
#define CONNECT_US     (10 * US_PER_S)	/* to reach the host; the same again to be welcomed by it */
#define BACK_OFF_US    US_PER_S		/* after a failure; doubled after each further one, up to: */
#define BACK_OFF_MAX_US (60 * US_PER_S)
#define STEADY_US      (10 * US_PER_S)	/* a connection that lasted so long was none in vain */
#define GOODBYE_US     US_PER_S
#define TICK_US        (20 * US_PER_MS)
#define TICK_MESSAGES  50		/* read in one tick, that is 2,500 a second … */
#define BUSY_TICKS     50		/* … for so long: then somebody floods; or if there come … */
#define FLOOD_MESSAGES 500		/* … of one topic in … */
#define FLOOD_US       US_PER_S
#define BAN_US	       (60 * US_PER_S)	/* nobody listens to it then */
#define IN_FLIGHT_MAX  64		/* handed to the library and not away */
#define OUT_TOPICS_MAX 20000
#define OUT_BYTES_MAX  ((size_t)8 << 20)
#define TURN_MAX       64		/* messages handed over in one turn of the loop */
#define PACKET_MAX     (MQTT_TEXT_MAX + 1024)
#define PASSWORD_MAX   1024

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

static mono_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static bool is_closing(struct mqtt *m)
{
	bool closing;

	pthread_mutex_lock(&m->lock);
	closing = m->closing;
	pthread_mutex_unlock(&m->lock);
	return closing;
}

static void out_free(struct mqtt *m, struct out *o)
{
	HASH_DEL(m->outs, o);
	m->out_bytes -= o->len;
	free(o->topic);
	free(o->text);
	free(o);
}

static void note_link(struct mqtt *m, bool up, const char *why)
{
	struct out *o, *tmp;

	pthread_mutex_lock(&m->lock);
	m->up = up;
	snprintf(m->why, sizeof(m->why), "%s", why);
	if (up)
		m->ups++;
	else
		m->downs++;
	HASH_ITER(hh, m->outs, o, tmp)
		out_free(m, o);
	pthread_mutex_unlock(&m->lock);
	loop_wake_send(m->wake);
}

/* ---- what the library calls, in the thread ------------------------------------------------------ */

static void on_connect(struct mosquitto *mosq, void *arg, int code, int flags, const mosquitto_property *props)
{
	struct mqtt *m = arg;

	(void)flags, (void)props;
	if (code != 0) {
		m->gone = true;
		if (code == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION && !m->old) {
			m->old = true;
			snprintf(m->log, sizeof(m->log), "the broker speaks MQTT 3.1.1 only");
			return;
		}
		snprintf(m->log, sizeof(m->log), "the broker refuses: %s",
			 m->old ? mosquitto_connack_string(code) : mosquitto_reason_string(code));
		return;
	}
	m->welcome = true;
	m->log[0] = '\0';
	if (m->online)
		mosquitto_publish(mosq, NULL, m->online, 4, "true", 1, true);
	m->in_flight++;
}

static void on_disconnect(struct mosquitto *mosq, void *arg, int code, const mosquitto_property *props)
{
	struct mqtt *m = arg;

	(void)mosq, (void)props;
	m->gone = true;
	if (code >= 128)
		snprintf(m->log, sizeof(m->log), "the broker ended it: %s", mosquitto_reason_string(code));
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct mqtt *m = arg;

	(void)mosq, (void)mid;
	m->in_flight -= m->in_flight > 0;
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int count, const int *granted)
{
	struct mqtt *m = arg;

	(void)mosq;
	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL && count > 0; t = t->hh.next)
		if (t->asked && t->mid == mid && granted[0] >= 128)
			t->refused = m->hears = true;
	pthread_mutex_unlock(&m->lock);
}

/* What lies in the buffers of a connection that is flooded is old by the time it is read, and would be taken for new:
 * so the connection is given up, and without that topic the next one is quiet. Under the lock. */
static void ban(struct mqtt *m, struct topic *t)
{
	t->flooded = m->floods = m->gone = true;
	t->fresh = false;
	t->banned = clock_mono() + BAN_US;
	m->ban_due = t->banned < m->ban_due ? t->banned : m->ban_due;
	snprintf(m->log, sizeof(m->log), "topic %.100s floods", t->name);
}

/* All topics together are too many. */
static void ban_loudest(struct mqtt *m)
{
	struct topic *loudest = NULL;

	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL; t = t->hh.next)
		if (loudest == NULL || t->burst > loudest->burst)
			loudest = t;
	if (loudest != NULL)
		ban(m, loudest);
	pthread_mutex_unlock(&m->lock);
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *msg)
{
	size_t len = msg->payloadlen > 0 ? (size_t)msg->payloadlen : 0;
	struct mqtt *m = arg;
	struct topic *t;

	(void)mosq;
	m->budget--;
	pthread_mutex_lock(&m->lock);
	m->counts.received++;
	HASH_FIND_STR(m->topics, msg->topic, t);
	if (t != NULL && ++t->burst > FLOOD_MESSAGES && !m->floods)
		ban(m, t);
	/* One that the broker kept is older than one that has come meanwhile. */
	if (t != NULL && t->wanted && !m->floods && !(msg->retain && t->fresh)) {
		m->counts.skipped += t->fresh;
		t->too_long = len > MQTT_TEXT_MAX;
		t->len = t->too_long ? 64 : len;
		t->text = xrealloc(t->text, t->len + 1);
		memcpy(t->text, msg->payload ? msg->payload : "", t->len);
		t->text[t->len] = '\0';
		t->retained = msg->retain;
		t->fresh = m->hears = true;
	}
	pthread_mutex_unlock(&m->lock);
}

static void on_log(struct mosquitto *mosq, void *arg, int level, const char *text)
{
	struct mqtt *m = arg;
	const char *last = strrchr(text, ':');

	(void)mosq;
	if (level != MOSQ_LOG_ERR)
		return;
	/* "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed" */
	if (strncmp(text, "OpenSSL Error", 13) == 0 && last != NULL)
		snprintf(m->log, sizeof(m->log), "TLS: %s", last + 1);
	else
		snprintf(m->log, sizeof(m->log), "%s", text);
}

/* ---- one connection ----------------------------------------------------------------------------- */

static int read_password(const char *file, char *out, size_t size)
{
	FILE *f = fopen(file, "re");
	bool is = f != NULL && fgets(out, (int)size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (is)
		out[strcspn(out, "\r\n")] = '\0';
	return is ? 0 : -1;
}

static int set_user(struct mqtt *m, struct mosquitto *mosq)
{
	char password[PASSWORD_MAX] = "";
	int rc;

	if (m->user == NULL)
		return MOSQ_ERR_SUCCESS;
	if (m->password != NULL && read_password(m->password, password, sizeof(password)) < 0) {
		snprintf(m->log, sizeof(m->log), "%.150s: cannot be read, or is empty (mqtt.password)", m->password);
		return MOSQ_ERR_ERRNO;
	}
	rc = mosquitto_username_pw_set(mosq, m->user, m->password ? password : NULL);
	OPENSSL_cleanse(password, sizeof(password));
	return rc;
}

static int set_tls(struct mqtt *m, struct mosquitto *mosq)
{
	int rc;

	if (!m->tls)
		return MOSQ_ERR_SUCCESS;
	rc = mosquitto_tls_set(mosq, m->ca, m->ca ? NULL : X509_get_default_cert_dir(), m->certificate, m->key, NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_tls_opts_set(mosq, 1, NULL, NULL);
	return rc;
}

static struct mosquitto *client_new(struct mqtt *m)
{
	struct mosquitto *mosq = mosquitto_new(m->client_id, true, m);
	int rc;

	if (mosq == NULL)
		return NULL;
	mosquitto_connect_v5_callback_set(mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
	mosquitto_publish_callback_set(mosq, on_publish);
	mosquitto_subscribe_callback_set(mosq, on_subscribe);
	mosquitto_message_callback_set(mosq, on_message);
	mosquitto_log_callback_set(mosq, on_log);
	rc = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, m->old ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_will_set(mosq, m->online, 5, "false", 1, true);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_user(m, mosq);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_tls(m, mosq);
	if (rc == MOSQ_ERR_SUCCESS)
		return mosq;
	if (!m->log[0])
		snprintf(m->log, sizeof(m->log), "%s", mosquitto_strerror(rc));
	mosquitto_destroy(mosq);
	return NULL;
}

static void note_end(struct mqtt *m, int rc, int err)
{
	const char *why = rc != MOSQ_ERR_SUCCESS ? mosquitto_strerror(rc) : "the broker closed the connection";

	if (rc == MOSQ_ERR_ERRNO && err == EPROTO && m->tls && !m->welcome)
		why = m->certificate ? "TLS: the broker does not take our certificate (mqtt.certificate)"
				     : "TLS: the broker ended it; it may want a certificate of ours (mqtt.certificate)";
	else if (rc == MOSQ_ERR_ERRNO)
		why = strerror(err);
	else if (rc == MOSQ_ERR_KEEPALIVE)
		why = "the broker does not answer any more";
	else if (rc == MOSQ_ERR_CONN_LOST)
		why = "the broker closed the connection";
	snprintf(m->log, sizeof(m->log), "%s", why);
}

static bool client_connect(struct mqtt *m, struct mosquitto *mosq)
{
	mosquitto_property *props = NULL;
	int rc, fd, err;

	/* The library's connect() has no end but the system's; so it is only asked where somebody is at home. */
	fd = connect_host(m->host, m->port, CONNECT_US, m->stop, m->log, sizeof(m->log));
	if (fd < 0)
		return false;
	close(fd);
	if (!m->old)
		mosquitto_property_add_int32(&props, MQTT_PROP_MAXIMUM_PACKET_SIZE, PACKET_MAX);
	rc = mosquitto_connect_bind_v5(mosq, m->host, m->port, KEEPALIVE_S, NULL, props);
	err = errno;
	mosquitto_property_free_all(&props);
	if (rc != MOSQ_ERR_SUCCESS && !m->log[0])
		note_end(m, rc, err);
	return rc == MOSQ_ERR_SUCCESS;
}

static void topic_free(struct mqtt *m, struct topic *t)
{
	HASH_DEL(m->topics, t);
	free(t->name);
	free(t->text);
	free(t);
}

/* What is to be told to the broker next of topics that came or went: a name to be freed, or NULL. `asked` says which of
 * the two. The library may not be called under the lock: it writes to the socket. */
static char *next_change(struct mqtt *m, bool *asked)
{
	struct topic *t, *tmp;
	mono_t now = clock_mono();
	char *name = NULL;

	pthread_mutex_lock(&m->lock);
	HASH_ITER(hh, m->topics, t, tmp) {
		if (name != NULL)
			break;
		*asked = t->wanted;
		if (!t->wanted) {
			name = t->asked ? xstrdup(t->name) : NULL;
			topic_free(m, t);
		} else if (t->banned > now) {
			m->ban_due = t->banned < m->ban_due ? t->banned : m->ban_due;
		} else if (!t->asked) {
			t->asked = true;
			name = xstrdup(t->name);
		}
	}
	pthread_mutex_unlock(&m->lock);
	return name;
}

static void note_mid(struct mqtt *m, const char *name, int mid)
{
	struct topic *t;

	pthread_mutex_lock(&m->lock);
	HASH_FIND_STR(m->topics, name, t);
	if (t != NULL)
		t->mid = mid;
	pthread_mutex_unlock(&m->lock);
}

static void ask_topics(struct mqtt *m, struct mosquitto *mosq)
{
	bool asked;
	char *name;
	int mid;

	m->ban_due = MONO_NEVER;
	pthread_mutex_lock(&m->lock);
	m->topics_changed = false;
	pthread_mutex_unlock(&m->lock);
	while ((name = next_change(m, &asked)) != NULL) {
		if (!asked)
			mosquitto_unsubscribe(mosq, NULL, name);
		else if (mosquitto_subscribe(mosq, &mid, name, m->qos) == MOSQ_ERR_SUCCESS)
			note_mid(m, name, mid);
		free(name);
	}
}

/* A new connection knows nothing of them. */
static void forget_topics(struct mqtt *m)
{
	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL; t = t->hh.next)
		t->asked = false;
	pthread_mutex_unlock(&m->lock);
}

/* Hands to the library what it can send now. */
static void publish_some(struct mqtt *m, struct mosquitto *mosq)
{
	while (m->in_flight < IN_FLIGHT_MAX && !mosquitto_want_write(mosq)) {
		struct out *o;
		int rc;

		pthread_mutex_lock(&m->lock);
		o = m->outs;
		if (o != NULL) {
			HASH_DEL(m->outs, o);
			m->out_bytes -= o->len;
			m->counts.published++;
		}
		pthread_mutex_unlock(&m->lock);
		if (o == NULL)
			return;
		m->in_flight++;
		rc = mosquitto_publish(mosq, NULL, o->topic, (int)o->len, o->text, m->qos, o->retain);
		if (rc != MOSQ_ERR_SUCCESS)
			m->in_flight--;
		free(o->topic);
		free(o->text);
		free(o);
	}
}

static int milliseconds(mono_t from, mono_t to)
{
	return to <= from ? 0 : (int)((to - from) / US_PER_MS) + 1;
}

static bool tls_pending(struct mosquitto *mosq)
{
	SSL *ssl = mosquitto_ssl_get(mosq);

	return ssl != NULL && SSL_pending(ssl) > 0;
}

static void count_anew(struct mqtt *m, mono_t now)
{
	if (m->busy >= BUSY_TICKS)
		ban_loudest(m);
	if (now < m->second + FLOOD_US)
		return;
	m->second = now;
	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL; t = t->hh.next)
		t->burst = 0;
	pthread_mutex_unlock(&m->lock);
}

/* One wait, and what came of it. 0, or what the library says of the end. */
static int step(struct mqtt *m, struct mosquitto *mosq, mono_t *tick, mono_t until)
{
	int fd = mosquitto_socket(mosq), rc = MOSQ_ERR_SUCCESS;
	mono_t now = clock_mono();
	struct pollfd p[2] = { { .fd = m->kick, .events = POLLIN }, { .fd = fd } };
	mono_t wake = now + US_PER_S;
	uint64_t kicks;

	if (now >= *tick) {
		m->busy = m->budget > 0 ? 0 : m->busy + 1;
		m->budget = TICK_MESSAGES;
		*tick = now + TICK_US;
		if (m->hears)
			loop_wake_send(m->wake);
		m->hears = false;
	}
	if (m->budget > 0)
		p[1].events |= POLLIN;
	if (mosquitto_want_write(mosq))
		p[1].events |= POLLOUT;
	if (m->hears || m->budget <= 0)
		wake = *tick;
	if (m->budget > 0 && tls_pending(mosq))
		wake = now;
	if (until < wake)
		wake = until;
	poll(p, 2, milliseconds(now, wake));
	if (p[0].revents && read(m->kick, &kicks, sizeof(kicks)) < 0 && errno != EAGAIN && errno != EINTR)
		return MOSQ_ERR_ERRNO;
	if (m->budget > 0 && (p[1].revents & (POLLIN | POLLHUP | POLLERR) || tls_pending(mosq)))
		rc = mosquitto_loop_read(mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && !m->gone && (p[1].revents & POLLOUT || mosquitto_want_write(mosq)))
		rc = mosquitto_loop_write(mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && !m->gone)
		rc = mosquitto_loop_misc(mosq);
	return rc;
}

/* The will is for accidents: who goes says so. */
static void goodbye(struct mqtt *m, struct mosquitto *mosq)
{
	mono_t tick = 0, until = clock_mono() + GOODBYE_US;

	if (!m->welcome || m->gone)
		return;
	mosquitto_publish(mosq, NULL, m->online, 5, "false", 0, true);
	while (!m->gone && mosquitto_want_write(mosq) && clock_mono() < until)
		if (step(m, mosq, &tick, until) != MOSQ_ERR_SUCCESS)
			return;
	mosquitto_disconnect(mosq);
}

/* Serves one connection until it ends; true if it was a good one. */
static bool serve(struct mqtt *m, struct mosquitto *mosq)
{
	mono_t begun = clock_mono(), tick = 0;
	bool told = false;
	int rc = MOSQ_ERR_SUCCESS;

	while (!m->gone && rc == MOSQ_ERR_SUCCESS && !is_closing(m)) {
		bool changed;

		if (!m->welcome && clock_mono() > begun + CONNECT_US) {
			snprintf(m->log, sizeof(m->log), "the broker does not answer");
			break;
		}
		if (m->welcome && !told) {
			forget_topics(m);
			ask_topics(m, mosq);
			note_link(m, true, "");
			told = true;
		}
		pthread_mutex_lock(&m->lock);
		changed = m->topics_changed;
		pthread_mutex_unlock(&m->lock);
		count_anew(m, clock_mono());
		if (told && (changed || clock_mono() >= m->ban_due))
			ask_topics(m, mosq);
		if (told)
			publish_some(m, mosq);
		if (mosquitto_socket(mosq) < 0)
			break;
		rc = step(m, mosq, &tick, MONO_NEVER);
	}
	if (is_closing(m)) {
		goodbye(m, mosq);
		return true;
	}
	if (!m->log[0])
		note_end(m, rc, errno);
	/* Some that know 3.1.1 only say nothing at all to what they do not know. */
	if (!m->welcome && rc == MOSQ_ERR_CONN_LOST)
		m->old = !m->old;
	return told && clock_mono() - begun > STEADY_US;
}

/* ---- the thread ---------------------------------------------------------------------------------- */

static bool attempt(struct mqtt *m)
{
	struct mosquitto *mosq;
	bool good = false;

	m->welcome = m->gone = m->hears = m->floods = false;
	m->in_flight = m->busy = 0;
	m->budget = 1;
	m->second = 0;
	m->log[0] = '\0';
	mosq = client_new(m);
	if (mosq != NULL && client_connect(m, mosq))
		good = serve(m, mosq);
	if (mosq != NULL)
		mosquitto_destroy(mosq);
	if (!is_closing(m))
		note_link(m, false, m->log);
	return good;
}

static void *thread_main(void *arg)
{
	struct mqtt *m = arg;
	int64_t pause = BACK_OFF_US;

	setpriority(PRIO_PROCESS, 0, 5);	/* of this thread alone, on Linux */
	while (!is_closing(m)) {
		struct pollfd p = { .fd = m->stop, .events = POLLIN };

		pause = attempt(m) ? BACK_OFF_US : pause;
		for (mono_t until = clock_mono() + pause; !is_closing(m) && clock_mono() < until;)
			poll(&p, 1, milliseconds(clock_mono(), until));
		pause = 2 * pause < BACK_OFF_MAX_US ? 2 * pause : BACK_OFF_MAX_US;
	}
	return NULL;
}

/* ---- on the loop ------------------------------------------------------------------------------- */

static void signal_fd(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void deliver_link(struct mqtt *m)
{
	bool up, told_up, told_down;
	char why[sizeof(m->why)];

	pthread_mutex_lock(&m->lock);
	up = m->up;
	told_down = m->downs != m->seen_downs;
	told_up = up && m->ups != m->seen_ups;
	m->seen_downs = m->downs;
	m->seen_ups = m->ups;
	memcpy(why, m->why, sizeof(why));
	pthread_mutex_unlock(&m->lock);
	if (told_down)
		m->ops.link(m->ctx, false, up ? "the connection was lost" : why);
	if (told_up)
		m->ops.link(m->ctx, true, "");
}

/* The next one that is fresh or refused, as a copy. */
static bool take_one(struct mqtt *m, struct topic *out)
{
	bool found = false;

	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL && !found; t = t->hh.next) {
		if (!t->wanted || (!t->fresh && !t->refused && !t->flooded))
			continue;
		*out = *t;
		out->name = xstrdup(t->name);
		if (t->refused || t->flooded)
			out->text = NULL;
		else
			t->text = NULL;
		t->fresh &= t->refused || t->flooded;
		t->refused = t->flooded = false;
		found = true;
		/* To the end, so that all have their turn. */
		HASH_DEL(m->topics, t);
		HASH_ADD_KEYPTR(hh, m->topics, t->name, strlen(t->name), t);
	}
	pthread_mutex_unlock(&m->lock);
	return found;
}

static void deliver(void *ctx)
{
	struct mqtt *m = ctx;
	struct topic t;
	int n = 0;

	deliver_link(m);
	while (n < TURN_MAX && take_one(m, &t)) {
		const struct mqtt_message msg = {
			.topic = t.name, .text = t.text, .len = t.len, .retained = t.retained, .too_long = t.too_long,
		};

		if (t.refused)
			m->ops.refused(m->ctx, t.name, "the broker sends it to others only");
		else if (t.flooded)
			m->ops.refused(m->ctx, t.name, "it floods: nobody listens to it for a minute");
		else
			m->ops.message(m->ctx, &msg);
		free(t.name);
		free(t.text);
		n++;
	}
	if (n == TURN_MAX)
		loop_wake_send(m->wake);
}

bool mqtt_publish(struct mqtt *m, const char *topic, const char *text, size_t len, bool retain)
{
	struct out *o = NULL;
	bool was_empty;

	pthread_mutex_lock(&m->lock);
	was_empty = m->outs == NULL;
	HASH_FIND_STR(m->outs, topic, o);
	if (!m->up || m->out_bytes + len > OUT_BYTES_MAX || (o == NULL && HASH_COUNT(m->outs) >= OUT_TOPICS_MAX)) {
		m->counts.dropped += m->up;
		pthread_mutex_unlock(&m->lock);
		return false;
	}
	if (o == NULL) {
		o = xcalloc(1, sizeof(*o));
		o->topic = xstrdup(topic);
		HASH_ADD_KEYPTR(hh, m->outs, o->topic, strlen(o->topic), o);
	} else {
		m->counts.replaced++;
		m->out_bytes -= o->len;
		free(o->text);
	}
	o->text = xmalloc(len + 1);
	memcpy(o->text, text, len);
	o->text[len] = '\0';
	o->len = len;
	o->retain = retain;
	m->out_bytes += len;
	pthread_mutex_unlock(&m->lock);
	if (was_empty)
		signal_fd(m->kick);
	return true;
}

void mqtt_listen(struct mqtt *m, const char *const *topics, size_t count)
{
	pthread_mutex_lock(&m->lock);
	for (struct topic *t = m->topics; t != NULL; t = t->hh.next)
		t->wanted = false;
	for (size_t i = 0; i < count; i++) {
		struct topic *t;

		HASH_FIND_STR(m->topics, topics[i], t);
		if (t == NULL) {
			t = xcalloc(1, sizeof(*t));
			t->name = xstrdup(topics[i]);
			HASH_ADD_KEYPTR(hh, m->topics, t->name, strlen(t->name), t);
		}
		t->wanted = true;
	}
	m->topics_changed = true;
	pthread_mutex_unlock(&m->lock);
	signal_fd(m->kick);
}

void mqtt_counts(const struct mqtt *m, struct mqtt_counts *out)
{
	struct mqtt *own = (struct mqtt *)(uintptr_t)m;

	pthread_mutex_lock(&own->lock);
	*out = m->counts;
	pthread_mutex_unlock(&own->lock);
}

bool mqtt_is_built(void)
{
	return true;
}

static char *copy_of(const char *s)
{
	return s != NULL && *s ? xstrdup(s) : NULL;
}

static void conf_copy(struct mqtt *m, const struct mqtt_conf *c)
{
	m->host = copy_of(c->host);
	m->port = c->port;
	m->tls = c->tls;
	m->qos = c->qos;
	m->ca = copy_of(c->ca);
	m->certificate = copy_of(c->certificate);
	m->key = copy_of(c->key);
	m->user = copy_of(c->user);
	m->password = copy_of(c->password);
	m->client_id = copy_of(c->client_id);
	m->online = copy_of(c->online);
}

static void mqtt_destroy(struct mqtt *m)
{
	struct topic *t, *t_tmp;
	struct out *o, *o_tmp;

	HASH_ITER(hh, m->outs, o, o_tmp)
		out_free(m, o);
	HASH_ITER(hh, m->topics, t, t_tmp)
		topic_free(m, t);
	loop_wake_free(m->wake);
	if (m->kick >= 0)
		close(m->kick);
	if (m->stop >= 0)
		close(m->stop);
	pthread_mutex_destroy(&m->lock);
	free(m->host);
	free(m->ca);
	free(m->certificate);
	free(m->key);
	free(m->user);
	free(m->password);
	free(m->client_id);
	free(m->online);
	free(m);
	mosquitto_lib_cleanup();
}

int mqtt_new(struct loop *loop, const struct mqtt_conf *conf, const struct mqtt_ops *ops, void *ctx, struct mqtt **out,
	     struct diag *diag)
{
	struct mqtt *m = xcalloc(1, sizeof(*m));
	sigset_t all, before;
	int rc = -1;

	mosquitto_lib_init();
	conf_copy(m, conf);
	m->ops = *ops;
	m->ctx = ctx;
	pthread_mutex_init(&m->lock, NULL);
	m->wake = loop_wake_new(loop, deliver, m);
	m->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (m->kick >= 0 && m->stop >= 0)
		rc = pthread_create(&m->thread, NULL, thread_main, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		mqtt_destroy(m);
		return diag_set(diag, -LMS_EIO, "mqtt: no thread: %s", strerror(rc > 0 ? rc : errno));
	}
	pthread_setname_np(m->thread, "lmsd-mqtt");
	*out = m;
	return 0;
}

void mqtt_free(struct mqtt *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->closing = true;
	pthread_mutex_unlock(&m->lock);
	signal_fd(m->stop);
	signal_fd(m->kick);
	pthread_join(m->thread, NULL);
	mqtt_destroy(m);
}
