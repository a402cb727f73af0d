/* outlet/mqtt.c - the two stores between the loop and the thread that speaks MQTT, on the side of the loop. */
#include "outlet/mqtt_inside.h"

#include <errno.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define OUT_TOPICS_MAX 20000
#define OUT_BYTES_MAX  ((size_t)8 << 20)
#define TURN_MAX       64		/* messages handed over in one turn of the loop */

void mqtt_out_free(struct mqtt *m, struct out *o)
{
	HASH_DEL(m->outs, o);
	m->out_bytes -= o->len;
	free(o->topic);
	free(o->text);
	free(o);
}

void mqtt_topic_free(struct mqtt *m, struct topic *t)
{
	HASH_DEL(m->topics, t);
	free(t->name);
	free(t->text);
	free(t);
}

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
		mqtt_out_free(m, o);
	HASH_ITER(hh, m->topics, t, t_tmp)
		mqtt_topic_free(m, t);
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
		rc = pthread_create(&m->thread, NULL, mqtt_thread, m);
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
