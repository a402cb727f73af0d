/* hall/broker/broker.c - the link to the broker, in words; and what it says, to whom it concerns. */
#include "hall/broker/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "site/outer/from.h"
#include "site/outer/grid.h"
#include "site/outer/heard.h"
#include "site/outer/source.h"

#define TOPICS_MAX 1024

struct broker {
	struct app *app;
	struct mqtt *mqtt;
	struct publisher *publisher;
	bool up, told_down;
	wall_t since;			/* it is as it is */
	char why[200];			/* it is not there */
	char trouble[400];
	char name[230];			/* HOST:PORT */
	size_t listens;
};

/* ---- states that come by a topic ------------------------------------------------------------------- */

/* Is it the topic of that way? NULL: any topic. */
static bool is_way(const struct state_way *way, const char *topic)
{
	return way != NULL && way->from.kind == FROM_MQTT && (topic == NULL || strcmp(way->from.topic, topic) == 0);
}

static void tell_states(struct app *app, const char *topic, const struct heard *heard)
{
	struct site *site = app->hall.site;
	mono_t now = loop_now(app->loop);

	if (is_way(site->conf->grid_way, topic) && site_grid_heard(site, heard, now, loop_wall(), &app->fx))
		feed_grid(app, loop_wall());
	for (size_t i = 0; i < site->conf->source_count; i++)
		if (is_way(site->conf->sources[i].way, topic))
			site_source_heard(site, site->conf->sources[i].k.id, heard, now, loop_wall(), &app->fx);
}

static bool is_around(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"';
}

/* The payload is a word or number, perhaps in quotes as JSON wants it. */
static void tell_word(struct app *app, const struct mqtt_message *m)
{
	char word[80];
	const char *at = m->text;
	size_t len = m->len;
	const struct heard heard = { .word = word, .old = m->retained };

	while (len > 0 && is_around(at[0]))
		at++, len--;
	while (len > 0 && is_around(at[len - 1]))
		len--;
	len = len < sizeof(word) ? len : sizeof(word) - 1;
	/* What follows a NUL is part of it: "0", NUL and more is not 0. */
	for (size_t i = 0; i < len; i++)
		word[i] = at[i] ? at[i] : '?';
	word[len] = '\0';
	tell_states(app, m->topic, &heard);
}

/* ---- what the broker says ------------------------------------------------------------------------ */

static void on_link(void *ctx, bool up, const char *why)
{
	struct broker *b = ctx;
	struct app *app = b->app;

	app->turn_open = true;
	if (up || b->up)
		b->since = loop_wall();
	b->up = up;
	snprintf(b->why, sizeof(b->why), "%s", why);
	snprintf(b->trouble, sizeof(b->trouble), "MQTT broker %s is not there (%s)", b->name, why);
	if (up) {
		log_event(LOG_LEVEL_NOTICE, "mqtt", "", "mqtt_connected", "broker=%s", b->name);
		b->told_down = false;
		publisher_restart(b->publisher, loop_now(app->loop));
	} else if (!b->told_down) {
		log_event(LOG_LEVEL_WARNING, "mqtt", "", "mqtt_lost", "broker=%s %s", b->name, log_text(why));
		b->told_down = true;
	}
	if (!up)
		tell_states(app, NULL, &(struct heard){ .err = -LMS_EOFFLINE, .text = b->trouble });
}

static void on_message(void *ctx, const struct mqtt_message *m)
{
	struct broker *b = ctx;
	const struct sense_told told = {
		.topic = m->topic, .text = m->text, .len = m->len, .old = m->retained, .too_long = m->too_long,
	};

	b->app->turn_open = true;
	sense_told(b->app, &told, loop_now(b->app->loop), loop_wall());
	tell_word(b->app, m);
}

static void on_refused(void *ctx, const char *topic, const char *why)
{
	struct broker *b = ctx;

	b->app->turn_open = true;
	log_event(LOG_LEVEL_WARNING, "mqtt", "", "mqtt_topic_refused", "topic=%s %s", log_text(topic), why);
}

static const struct mqtt_ops ops = { .link = on_link, .message = on_message, .refused = on_refused };

/* ---- life --------------------------------------------------------------------------------------- */

int broker_open(struct app *app, struct diag *diag)
{
	const struct boot_conf *boot = &app->boot;
	char online[BOOT_TEXT_MAX + 16];
	struct mqtt_conf conf = {
		.host = boot->mqtt_host, .port = (int)boot->mqtt_port, .tls = boot->mqtt_tls == BOOT_MQTT_TLS_ON,
		.ca = boot->mqtt_ca, .certificate = boot->mqtt_certificate, .key = boot->mqtt_key, .user = boot->mqtt_user,
		.password = boot->mqtt_password, .client_id = boot->mqtt_client_id, .online = online, .qos = (int)boot->mqtt_qos,
	};
	struct broker *b;
	int ret;

	if (!boot->mqtt_host[0])
		return 0;
	snprintf(online, sizeof(online), "%s/online", boot->mqtt_prefix);
	b = xcalloc(1, sizeof(*b));
	b->app = app;
	b->since = loop_wall();
	snprintf(b->name, sizeof(b->name), strchr(boot->mqtt_host, ':') ? "[%s]:%d" : "%s:%d", boot->mqtt_host, conf.port);
	ret = mqtt_new(app->loop, &conf, &ops, b, &b->mqtt, diag);
	if (ret < 0) {
		free(b);
		return ret;
	}
	b->publisher = publisher_new(app, b->mqtt);
	app->broker = b;
	return 0;
}

void broker_close(struct broker *b)
{
	if (b == NULL)
		return;
	mqtt_free(b->mqtt);
	publisher_free(b->publisher);
	free(b);
}

static void add_topic(const struct state_way *way, const char **topics, size_t *count)
{
	for (size_t i = 0; i < *count && is_way(way, NULL); i++)
		if (strcmp(topics[i], way->from.topic) == 0)
			return;
	if (is_way(way, NULL) && *count < TOPICS_MAX)
		topics[(*count)++] = way->from.topic;
}

void broker_configure(struct broker *b)
{
	const char *topics[TOPICS_MAX];
	const struct site_conf *conf;

	if (b == NULL)
		return;
	conf = b->app->hall.site->conf;
	b->listens = sense_topics(b->app, topics, TOPICS_MAX);
	add_topic(conf->grid_way, topics, &b->listens);
	for (size_t i = 0; i < conf->source_count; i++)
		add_topic(conf->sources[i].way, topics, &b->listens);
	mqtt_listen(b->mqtt, topics, b->listens);
	if (b->up)
		publisher_restart(b->publisher, loop_now(b->app->loop));
}

void broker_turn(struct broker *b, mono_t now, wall_t wall)
{
	if (b != NULL && b->up)
		publisher_turn(b->publisher, now, wall);
}

mono_t broker_due(const struct broker *b)
{
	return b != NULL && b->up ? publisher_due(b->publisher) : MONO_NEVER;
}

const char *broker_state(const struct broker *b)
{
	return b == NULL ? "off" : b->up ? "connected" : b->why[0] ? "lost" : "connecting";
}

const char *broker_deaf(const struct broker *b)
{
	if (b == NULL)
		return "mqtt.host is not set in lmsd.conf (lmsd-mqtt(7))";
	return b->up ? NULL : b->why[0] ? b->trouble : "the broker has not answered yet";
}

const char *broker_trouble(const struct broker *b)
{
	return b != NULL && !b->up && b->why[0] ? b->trouble : NULL;
}

/* ---- for people --------------------------------------------------------------------------------- */

static const struct app *app_of(const struct ctl_call *c)
{
	return (const struct app *)((const char *)c->hall - offsetof(struct app, hall));
}

int ctl_mqtt_show(struct ctl_call *c, const struct ctl_mqtt_show_args *a)
{
	const struct app *app = app_of(c);
	const struct broker *b = app->broker;
	struct mqtt_counts n;
	struct ctl_mqtt r;

	(void)a;
	ctl_record_clear(&ctl_nouns[CTL_NOUN_mqtt], &r);
	r.state = broker_state(b);
	if (b == NULL)
		return ctl_answer_record(c, &r);
	mqtt_counts(b->mqtt, &n);
	r.broker = b->name;
	r.since = b->since;
	r.error = b->up || !b->why[0] ? NULL : b->why;
	r.tls = app->boot.mqtt_tls == BOOT_MQTT_TLS_ON;
	r.prefix = app->boot.mqtt_prefix;
	r.topics = (int64_t)b->listens;
	r.published = (int64_t)n.published;
	r.received = (int64_t)n.received;
	r.replaced = (int64_t)n.replaced;
	r.dropped = (int64_t)n.dropped;
	r.skipped = (int64_t)n.skipped;
	return ctl_answer_record(c, &r);
}
