/* outlet/mqtt_thread.c - the thread that speaks MQTT: one connection after the other.
 *
 * The library's own loop would not do: it waits by select(), which ends at descriptor 1023, and hands over whatever
 * comes. Each attempt to connect makes its client anew, so nothing of a connection survives it.
 */
#include "outlet/mqtt_inside.h"

#include <errno.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BACK_OFF_US    US_PER_S		/* after a failure; doubled after each further one, up to: */
#define BACK_OFF_MAX_US (60 * US_PER_S)
#define STEADY_US      (10 * US_PER_S)	/* a connection that lasted so long was none in vain */
#define GOODBYE_US     US_PER_S
#define TICK_US        (20 * US_PER_MS)
#define TICK_MESSAGES  50		/* read in one tick, that is 2,500 a second … */
#define BUSY_TICKS     50		/* … for so long: then somebody floods */
#define FLOOD_US       US_PER_S	/* messages of a topic are counted within */
#define BAN_US	       (60 * US_PER_S)	/* nobody listens to it then */
#define IN_FLIGHT_MAX  64		/* handed to the library and not away */

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
		mqtt_out_free(m, o);
	pthread_mutex_unlock(&m->lock);
	loop_wake_send(m->wake);
}

void mqtt_ban(struct mqtt *m, struct topic *t)
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
		mqtt_ban(m, loudest);
	pthread_mutex_unlock(&m->lock);
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
			mqtt_topic_free(m, t);
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
		mqtt_note_end(m, rc, errno);
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
	mosq = mqtt_client_new(m);
	if (mosq != NULL && mqtt_client_connect(m, mosq))
		good = serve(m, mosq);
	if (mosq != NULL)
		mosquitto_destroy(mosq);
	if (!is_closing(m))
		note_link(m, false, m->log);
	return good;
}

void *mqtt_thread(void *arg)
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
