/* outlet/mqtt_client.c - what the library is told of a connection, and what it calls; in the thread. */
#include "outlet/mqtt_inside.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/connect.h"
#include "outlet/secret_line.h"

#define KEEPALIVE_S    10	/* a broker that does not answer is given up after up to twice as long */
#define FLOOD_MESSAGES 500		/* of one topic within FLOOD_US (mqtt_thread.c): it floods */
#define PACKET_MAX     (MQTT_TEXT_MAX + 1024)
#define PASSWORD_MAX   1024

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
		mqtt_ban(m, t);
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

static int set_user(struct mqtt *m, struct mosquitto *mosq)
{
	char password[PASSWORD_MAX] = "";
	int rc;

	if (m->user == NULL)
		return MOSQ_ERR_SUCCESS;
	if (m->password != NULL && !secret_line(m->password, password, sizeof(password))) {
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

struct mosquitto *mqtt_client_new(struct mqtt *m)
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

void mqtt_note_end(struct mqtt *m, int rc, int err)
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

bool mqtt_client_connect(struct mqtt *m, struct mosquitto *mosq)
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
		mqtt_note_end(m, rc, err);
	return rc == MOSQ_ERR_SUCCESS;
}
