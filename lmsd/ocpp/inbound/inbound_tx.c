/* ocpp/inbound/inbound_tx.c - Authorize, StartTransaction, StopTransaction.
 *
 * The site decides and records; here the station's habits are levelled (ocpp.md "Transactions"):
 * replays after an outage, strange ids, and ownership: a station cannot touch the transaction of another.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/habits.h"
#include "site/reserve/reservation.h"
#include "site/tags/pending.h"

#define ADOPT_US (10 * US_PER_S)	/* after the last replayed message */

static void write_id_tag_info(struct json_writer *w, const struct auth *auth)
{
	char text[RFC3339_MAX];

	jw_key(w, "idTagInfo");
	jw_object(w);
	if (auth->status == AUTH_ACCEPTED && auth->expires != WALL_NONE)
		jw_kstr(w, "expiryDate", rfc3339_format(auth->expires, text));
	if (auth->group && strlen(auth->group) <= 20)
		jw_kstr(w, "parentIdTag", auth->group);
	jw_kstr(w, "status", auth_status_text(auth->status));
	jw_object_end(w);
}

/* A tag as it is known here: some stations add the serial of the charger where it was shown. */
static const char *tag_of(const struct inbound *in, char plain[ID_MAX + 1])
{
	const char *said = ocpp_read_text(json_get(in->p, "idTag"));

	if (!said || site_tag(in->s->o->site, said) || !habits_plain_tag(habits_of(in->s->o->habits, in->st), said, plain,
									 ID_MAX + 1))
		return said;
	return plain;
}

static const struct auth invalid = { .status = AUTH_INVALID, .expires = WALL_NONE };

/* Unknown ones wait to be accepted. True: somebody learns tags here, and nothing starts. */
static bool show_tag(const struct inbound *in, const char *tag, int connector)
{
	return tag_shown(in->s->o->site, tag, in->st->id, connector, in->t->now, in->t->wall, in->t->fx);
}

void inbound_authorize(struct inbound *in)
{
	char plain[ID_MAX + 1];
	const char *tag = tag_of(in, plain);
	struct auth auth = invalid;

	if (session_known(in->s, in->st) && strlen(tag) <= ID_MAX) {
		auth = site_authorize(in->s->o->site, in->st, tag, 0, false, in->t->wall);
		if (show_tag(in, tag, 0) &&
		    !site_may_stop_at(in->s->o->site, in->st, tag, in->t->wall)) {
			auth.status = AUTH_INVALID;
			auth.why = "tags are being learned";
		}
	}
	if (auth.status == AUTH_ACCEPTED && site_reserved_whole(in->s->o->site, in->st, tag)) {
		auth.status = AUTH_BLOCKED;
		auth.why = "the station is reserved for another";
	}
	log_station(INFO, in->s->id, "authorize", "tag=%s answer=%s%s%s", log_text(tag), auth_status_text(auth.status),
		    auth.why ? " why=" : "", auth.why ? auth.why : "");
	if (auth.status == AUTH_ACCEPTED)
		status_authorized(in->s, in->st, 0, auth.vip, in->t);
	jw_object(&in->w);
	write_id_tag_info(&in->w, &auth);
	jw_object_end(&in->w);
}

/* What makes two StartTransactions the same: connector, time, register and tag, as they were sent. */
static uint64_t start_hash(const struct json *p)
{
	static const char *const parts[] = { "connectorId", "timestamp", "meterStart", "idTag" };
	uint64_t hash = RPC_HASH_START;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *text = ocpp_read_text(json_get(p, parts[i]));

		hash = rpc_hash(hash, text ? text : "", text ? strlen(text) + 1 : 1);
	}
	return hash;
}

static void write_start(struct inbound *in, int32_t id, const struct auth *auth)
{
	jw_object(&in->w);
	write_id_tag_info(&in->w, auth);
	jw_kint(&in->w, "transactionId", id);
	jw_object_end(&in->w);
}

/* A start that is not live waits for the end of the replay; where the car charges now it is adopted. */
static void after_start(struct inbound *in, struct connector *conn, const struct auth *auth, bool replay)
{
	in->s->auth = false;
	in->s->timer[TIMER_AUTH] = MONO_NEVER;
	if (replay)
		session_timer(in->s, TIMER_ADOPT, in->t->now + ADOPT_US);
	else
		conn->tag_vip = auth->status == AUTH_ACCEPTED && auth->vip;
	site_touch(in->s->o->site, conn);
	status_refresh_all(in->s, in->st, in->t);
}

/* 0: it names none. */
static int64_t reservation_of(const struct inbound *in)
{
	int64_t id = 0;

	return ocpp_read_int(json_get(in->p, "reservationId"), &id) == 0 && id > 0 ? id : 0;
}

/* Is it the transaction that a RemoteStartTransaction of ours asked for? */
static bool was_asked(struct ocpp_session *s, int64_t number, const char *tag, mono_t now)
{
	char then[ID_MAX + 1], shown[ID_MAX + 1];
	bool asked = s->remote_connector == (int)number && now < s->remote_until && tag && !tag_normalize(s->remote_tag, then) &&
		     !tag_normalize(tag, shown) && strcmp(then, shown) == 0;

	if (s->remote_connector == (int)number)
		s->remote_connector = 0;
	return asked;
}

void inbound_start(struct inbound *in)
{
	char plain[ID_MAX + 1];
	const char *tag = tag_of(in, plain);
	struct tx_start start = { .tag = tag, .hash = start_hash(in->p), .time = WALL_NONE,
				  .time_sent = ocpp_read_text(json_get(in->p, "timestamp")) };
	struct auth auth = invalid;
	int64_t number = -1;
	struct tx *tx;
	int32_t id = 0;

	ocpp_read_int(json_get(in->p, "connectorId"), &number);
	ocpp_read_int(json_get(in->p, "meterStart"), &start.meter_wh);
	start.conn = inbound_connector(in, number);
	if (!start.conn)
		return;
	start.time = inbound_time(in, json_get(in->p, "timestamp"));
	start.replay = inbound_is_replay(in, start.time);
	if (!start.replay)
		inbound_learn_clock(in, start.time);
	if (session_known(in->s, in->st) && !start.replay)
		start.learning = show_tag(in, tag, start.conn->number);
	start.remote = !start.replay && was_asked(in->s, number, tag, in->t->now);
	tx = site_tx_start(in->s->o->site, &start, in->t->now, in->t->wall, &id, &auth, in->t->fx);
	if (!session_known(in->s, in->st)) {
		/* Where charging is free the site says yes; to a station that nobody accepted it is no. */
		auth = invalid;
		if (tx)
			site_tx_close(in->s->o->site, tx, "DeAuthorized", "the station was not registered",
				      in->t->wall, in->t->fx);
	}
	in->when = FX_AFTER_COMMIT;
	in->tx = id;
	log_station(INFO, in->s->id, "transaction_start", "transaction=%d connector=%d tag=%s answer=%s%s", id,
		    start.conn->number, log_text(tag), auth_status_text(auth.status), start.replay ? " replay" : "");
	if (auth.status == AUTH_ACCEPTED)
		site_reservation_used(in->s->o->site, start.conn, tag, reservation_of(in), in->t->fx);
	after_start(in, start.conn, &auth, start.replay);
	write_start(in, id, &auth);
}

/* What the station gathered during the transaction; before the stop, as that weighs the registers. */
static void keep_data(struct inbound *in, int32_t id)
{
	struct tx *tx = id > 0 ? site_tx(in->s->o->site, id) : NULL;

	if (!tx && id > 0)
		tx = site_tx_ended(in->s->o->site, id);
	if (tx && strcmp(tx->station, in->s->id) == 0 && (tx->stop == WALL_NONE || tx->assumed))
		inbound_keep_data(in, tx, json_get(in->p, "transactionData"));
}

void inbound_stop(struct inbound *in)
{
	char plain[ID_MAX + 1];
	const char *tag = tag_of(in, plain);
	struct tx_stop stop = {
		.station = in->st, .tag = tag,
		.reason = ocpp_read_text(json_get(in->p, "reason")),
		.time = inbound_time(in, json_get(in->p, "timestamp")),
		.time_sent = ocpp_read_text(json_get(in->p, "timestamp")),
	};
	struct auth auth = invalid;
	int64_t id = -1;
	int ret;

	ocpp_read_int(json_get(in->p, "transactionId"), &id);
	ocpp_read_int(json_get(in->p, "meterStop"), &stop.meter_wh);
	stop.id = id > 0 && id <= INT32_MAX ? (int32_t)id : -1;
	if (!stop.reason)
		stop.reason = "Local";	/* OCPP 1.6, 6.49: the default */
	keep_data(in, stop.id);
	ret = site_tx_stop(in->s->o->site, &stop, in->t->wall, &auth, in->t->fx);
	if (ret) {
		auth = invalid;
		log_station(WARNING, in->s->id, "transaction_foreign", "transaction=%d", stop.id);
	}
	in->when = FX_AFTER_COMMIT;
	log_station(INFO, in->s->id, "transaction_stop", "transaction=%d reason=%s", stop.id, log_text(stop.reason));
	if (in->s->timer[TIMER_ADOPT] != MONO_NEVER)
		session_timer(in->s, TIMER_ADOPT, in->t->now + ADOPT_US);
	status_refresh_all(in->s, in->st, in->t);
	jw_object(&in->w);
	if (tag || ret)
		write_id_tag_info(&in->w, &auth);
	jw_object_end(&in->w);
}
