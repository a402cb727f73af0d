/* ocpp/inbound/inbound_tx.c - Authorize, StartTransaction, StopTransaction, MeterValues.
 *
 * The site decides and records; here the station's habits are levelled (ocpp.md "Transactions"):
 * replays after an outage, strange ids, and ownership: a station cannot touch the transaction of another.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/habits.h"
#include "ocpp/inbound/meter_values.h"
#include "ocpp/limit/proof.h"
#include "ocpp/limit/unit.h"
#include "site/reserve/reservation.h"

#define VOLTAGE_NOMINAL 230
#define REPLAY_US (120 * US_PER_S)
#define ADOPT_US (10 * US_PER_S)	/* after the last replayed message */
#define INTERVAL_US (10 * US_PER_S)	/* between samples, as setup.c asks for */
#define INTERVAL_MAX_S 300
#define DRAW_SAMPLES 3
#define DREW_MA 500

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

void inbound_authorize(struct inbound *in)
{
	char plain[ID_MAX + 1];
	const char *tag = tag_of(in, plain);
	struct auth auth = invalid;

	if (session_known(in->s, in->st) && strlen(tag) <= ID_MAX)
		auth = site_authorize(in->s->o->site, in->st, tag, false, in->t->wall);
	if (auth.status == AUTH_ACCEPTED && site_reserved_whole(in->s->o->site, in->st, tag))
		auth.status = AUTH_BLOCKED;
	log_station(INFO, in->s->id, "authorize", "tag=%s answer=%s", log_text(tag), auth_status_text(auth.status));
	if (auth.status == AUTH_ACCEPTED)
		status_authorized(in->s, in->st, 0, auth.vip, in->t);
	jw_object(&in->w);
	write_id_tag_info(&in->w, &auth);
	jw_object_end(&in->w);
}

/* Written before this connection existed, and not just now. */
static bool is_replay(const struct inbound *in, wall_t time)
{
	wall_t said = inbound_our_time(in, time);

	return said != WALL_NONE && said < in->s->opened && said < in->t->wall - REPLAY_US;
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
	start.replay = is_replay(in, start.time);
	if (!start.replay)
		inbound_learn_clock(in, start.time);
	tx = site_tx_start(in->s->o->site, &start, in->t->now, in->t->wall, &id, &auth, in->t->fx);
	if (!session_known(in->s, in->st)) {
		/* Where charging is free the site says yes; to a station that nobody accepted it is no. */
		auth = invalid;
		if (tx)
			site_tx_close(in->s->o->site, tx, "DeAuthorized", "the station was not registered",
				      in->t->wall, in->t->fx);
	}
	in->when = FX_AFTER_COMMIT;
	log_station(INFO, in->s->id, "transaction_start", "transaction=%d connector=%d tag=%s answer=%s%s", id,
		    start.conn->number, log_text(tag), auth_status_text(auth.status), start.replay ? " replay" : "");
	if (auth.status == AUTH_ACCEPTED)
		site_reservation_used(in->s->o->site, start.conn, tag, reservation_of(in), in->t->fx);
	after_start(in, start.conn, &auth, start.replay);
	write_start(in, id, &auth);
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

/* ---- meter values ---- */

/* The transaction that the values belong to: the one named, else (unknown id) the one that runs there, or
 * that waits to be taken for running. Those of one that has ended belong to none. false: it is another
 * station's. */
static bool find_tx(struct inbound *in, struct connector *conn, struct tx **out)
{
	int64_t id = 0;
	bool named = ocpp_read_int(json_get(in->p, "transactionId"), &id) == 0;
	struct site *site = in->s->o->site;
	struct tx *tx = NULL;

	*out = NULL;
	if (named && id > 0 && id <= INT32_MAX) {
		tx = site_tx(site, (int32_t)id);
		if (!tx && site_tx_ended(site, (int32_t)id))
			return true;
	}
	if (tx && strcmp(tx->station, in->s->id) != 0) {
		log_station(WARNING, in->s->id, "transaction_foreign", "transaction=%d", tx->id);
		return false;
	}
	*out = tx ? tx : conn ? conn->tx : NULL;
	if (!*out && named && conn)
		*out = site_tx_waiting(site, conn);
	return true;
}

static void adopt(struct inbound *in, const struct connector *conn, struct tx *tx)
{
	if (!tx->replay || conn->tx || tx->connector != conn->number)
		return;
	site_tx_adopt(in->s->o->site, tx);
	log_station(NOTICE, in->s->id, "transaction_adopted", "transaction=%d connector=%d", tx->id, conn->number);
}

/* How long a sample counts: what misses twice is not coming any more. Some stations do not say what
 * their interval is, so the time between two samples counts as well. */
static mono_t draw_until(const struct ocpp_session *s, const struct connector *conn, mono_t now)
{
	bool said = s->interval_s > 0 && s->interval_s <= INTERVAL_MAX_S;
	int64_t every = said ? s->interval_s * US_PER_S : INTERVAL_US, gap = now - conn->draw_at;

	if (conn->draw_at != 0 && gap > every && gap <= INTERVAL_MAX_S * US_PER_S)
		every = gap;
	return now + DRAW_SAMPLES * every;
}

/* What a DC station says of currents is the car's side: its power tells what it takes from each phase. */
static void dc_input(struct inbound *in, const struct station_conf *sc, const struct connector_conf *cc,
		     struct meter_reading *r)
{
	phase_mask_t mask = wiring_phases(cc->wiring);
	int64_t phases = mask == PHASE_ALL ? PHASES : 1;

	r->current = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	if (r->power_w == NUM_NONE)
		return;
	if (unit_output(sc, habits_of(in->s->o->habits, in->st)))
		r->power_w = unit_ac_w(r->power_w);
	for (int k = 0; k < PHASES; k++)
		r->current.l[k] = mask >> k & 1 ? r->power_w * 1000 / (phases * VOLTAGE_NOMINAL) : 0;
}

/* A test of the station looks at what it draws for its transaction. */
static void prove(struct inbound *in, const struct connector *conn)
{
	int64_t top = NUM_NONE;

	for (int k = 0; k < PHASES; k++)
		if (conn->draw.l[k] > top)
			top = conn->draw.l[k];
	if (conn->tx && top != NUM_NONE)
		proof_event(in->s, PROOF_EV_DRAW, conn->number, top, in->t);
}

static void keep_draw(struct inbound *in, struct connector *conn, const struct meter_reading *told)
{
	const struct connector_conf *cc = site_connector_conf(in->s->o->site, conn);
	const struct station_conf *sc = site_station_conf(in->s->o->site, in->st);
	struct meter_reading copy = *told, *r = &copy;
	bool any = false, dc = cc && cc->dc;

	if (cc && cc->meter >= 0)
		return;		/* a meter of its own says what it draws */
	if (dc)
		dc_input(in, sc, cc, r);
	for (int k = 0; k < PHASES; k++)
		any = any || r->current.l[k] != NUM_NONE;
	if (dc)
		conn->draw = r->current;
	else if (any && sc && sc->k.meter_labels && strcmp(sc->k.meter_labels, "grid") == 0)
		conn->draw = r->current;
	else if (any)
		meter_values_to_grid(&r->current, cc ? cc->wiring : NULL, &conn->draw);
	if (r->power_w != NUM_NONE)
		conn->power_w = r->power_w;
	if (!any && r->power_w == NUM_NONE && !r->nonsense)
		return;
	conn->draw_nonsense = r->nonsense;
	if (r->nonsense)
		conn->draw = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	conn->draw_until = draw_until(in->s, conn, in->t->now);
	conn->draw_at = in->t->now;
	conn->drew_at = 0;
	for (int k = 0; k < PHASES; k++)
		if (conn->draw.l[k] != NUM_NONE && conn->draw.l[k] > DREW_MA)
			conn->drew_at = in->t->now;
	if (in->s->timer[TIMER_DRAW] > conn->draw_until)
		session_timer(in->s, TIMER_DRAW, conn->draw_until);
	prove(in, conn);
}

/* Names a transaction, though none runs there: its last values came after its stop. */
static bool is_late(const struct inbound *in, const struct tx *tx)
{
	int64_t id = 0;

	return !tx && ocpp_read_int(json_get(in->p, "transactionId"), &id) == 0 && id > 0;
}

void inbound_meter(struct inbound *in)
{
	struct connector *conn = NULL;
	struct meter_reading r;
	struct tx *tx = NULL;
	int64_t number = 0;

	ocpp_read_int(json_get(in->p, "connectorId"), &number);
	if (number != 0)
		conn = inbound_connector(in, number);
	if (in->code)
		return;
	meter_values_read(json_get(in->p, "meterValue"), &r);
	inbound_learn_clock(in, inbound_time(in, json_get(json_at(json_get(in->p, "meterValue"), 0), "timestamp")));
	if (session_known(in->s, in->st) && find_tx(in, conn, &tx)) {
		/* Connector 0 is the main meter of the station, unless a transaction says otherwise. */
		if (!conn && tx)
			conn = site_connector(in->st, tx->connector);
		if (tx && r.register_wh != NUM_NONE)
			site_tx_register(in->s->o->site, tx, r.register_wh, in->t->wall, in->t->fx);
		if (conn && !is_replay(in, r.time)) {
			if (tx)
				adopt(in, conn, tx);
			if (r.register_wh != NUM_NONE)
				conn->register_wh = r.register_wh;
			if (!is_late(in, tx))
				keep_draw(in, conn, &r);
			site_touch(in->s->o->site, conn);
			status_refresh(in->s, in->st, conn, in->t);
		}
	}
	jw_object(&in->w);
	jw_object_end(&in->w);
}
