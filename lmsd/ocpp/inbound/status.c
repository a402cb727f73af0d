/* ocpp/inbound/status.c - keeps each connector's use in step with its status, transaction and tag.
 *
 * Also what only time tells: SuspendedEV that stopped drawing, an accepted tag that started nothing,
 * transactions that were replayed after an outage.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/session.h"
#include "ocpp/limit/use.h"

#define DREW_US (60 * US_PER_S)		/* SuspendedEV that drew since then still competes */
#define AUTH_US (120 * US_PER_S)	/* usual ConnectionTimeOut and a little */

static bool drew(const struct connector *conn, mono_t now)
{
	return conn->drew_at != 0 && now - conn->drew_at <= DREW_US;
}

static bool authorized(const struct ocpp_session *s, const struct connector *conn)
{
	return s->auth && (s->auth_connector == 0 || s->auth_connector == conn->number);
}

void status_refresh(struct ocpp_session *s, struct station *st, struct connector *conn, const struct turn *t)
{
	enum use_tx tx = conn->tx ? USE_TX_RUNNING : authorized(s, conn) ? USE_TX_AUTHORIZED : USE_TX_NONE;
	/* "Finishing" for ever, and other words from before its start, say nothing of a transaction. */
	const char *status = conn->tx && conn->status_old ? "" : conn->status;
	enum conn_use use = USE_NONE;

	/* Nobody balances a pending station. */
	if (session_known(s, st))
		use = use_of(status, tx, drew(conn, t->now));
	if (tx == USE_TX_RUNNING && strcmp(status, "SuspendedEV") == 0 && use == USE_CHARGING)
		session_timer(s, TIMER_USE, conn->drew_at + DREW_US + 1);
	if (use == conn->use)
		return;
	conn->use = use;
	site_touch(s->o->site, conn);
}

void status_refresh_all(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	for (size_t i = 0; i < st->connector_count; i++)
		status_refresh(s, st, st->connectors[i], t);
}

void status_on_use(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);

	if (st)
		status_refresh_all(s, st, t);
}

/* An old value is none. */
void status_on_draw(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);
	mono_t due = MONO_NEVER;

	for (size_t i = 0; st && i < st->connector_count; i++) {
		struct connector *conn = st->connectors[i];

		if (conn->draw_until == 0)
			continue;
		if (conn->draw_until <= t->now) {
			conn->draw_until = 0;
			connector_forget_draw(s->o->site, conn);
			status_refresh(s, st, conn, t);
		} else if (conn->draw_until < due) {
			due = conn->draw_until;
		}
	}
	session_timer(s, TIMER_DRAW, due);
}

/* A tag was accepted: the connectors that wait for one compete from now on. */
void status_authorized(struct ocpp_session *s, struct station *st, int connector, bool vip, const struct turn *t)
{
	s->auth = true;
	s->auth_connector = connector;
	s->auth_vip = vip;
	session_timer(s, TIMER_AUTH, t->now + AUTH_US);
	for (size_t i = 0; i < st->connector_count; i++) {
		struct connector *conn = st->connectors[i];

		if (!conn->tx && authorized(s, conn) && conn->tag_vip != vip) {
			conn->tag_vip = vip;
			site_touch(s->o->site, conn);
		}
	}
	status_refresh_all(s, st, t);
}

/* A remote start will not happen: nobody waits for it any more. */
void status_start_refused(struct ocpp_session *s, const struct turn *t)
{
	s->timer[TIMER_AUTH] = MONO_NEVER;
	status_on_auth(s, t);
}

void status_on_auth(struct ocpp_session *s, const struct turn *t)
{
	s->auth = false;
	status_on_use(s, t);
}

static bool charges(const struct connector *conn)
{
	return strcmp(conn->status, "Charging") == 0 || strcmp(conn->status, "SuspendedEV") == 0 ||
		strcmp(conn->status, "SuspendedEVSE") == 0;
}

/* The queue of an outage has drained: a start without its stop, where the car still charges, runs. */
void status_on_adopt(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);
	struct tx *tx;

	for (tx = s->o->site->running; st && tx; tx = tx->hh.next) {
		struct connector *conn;

		if (!tx->replay || strcmp(tx->station, s->id) != 0)
			continue;
		conn = site_connector(st, tx->connector);
		if (!conn || conn->tx || !charges(conn))
			continue;
		site_tx_adopt(s->o->site, tx);
		log_station(NOTICE, s->id, "transaction_adopted", "transaction=%d connector=%d", tx->id, conn->number);
		status_refresh(s, st, conn, t);
	}
}
