/* ocpp/inbound/inbound_meter.c - MeterValues: what a connector draws, and what its transaction takes.
 *
 * A station that says little says it in the right order at least: what is newest is of now. Late values,
 * those of another transaction and of another station change nothing that runs.
 */
#include <string.h>

#include "base/log.h"
#include "ocpp/habits.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/inbound/meter_values.h"
#include "ocpp/limit/proof.h"
#include "ocpp/limit/unit.h"

#define VOLTAGE_NOMINAL 230
#define INTERVAL_US (10 * US_PER_S)	/* between samples, as the set-up asks for */
#define INTERVAL_MAX_S 300
#define DRAW_SAMPLES 3
#define DREW_MA 500
#define SIGNED_MAX 16			/* of one message */

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

static bool is_any(const struct phase_ma *p)
{
	return p->l[0] != NUM_NONE || p->l[1] != NUM_NONE || p->l[2] != NUM_NONE;
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

/* What the station said, on grid phases and as AC input. */
static struct meter_reading on_grid(struct inbound *in, const struct connector *conn, const struct meter_reading *told)
{
	const struct connector_conf *cc = site_connector_conf(in->s->o->site, conn);
	const struct station_conf *sc = site_station_conf(in->s->o->site, in->st);
	struct meter_reading r = *told;

	if (cc && cc->dc)
		dc_input(in, sc, cc, &r);
	else if (!(sc && sc->k.meter_labels && strcmp(sc->k.meter_labels, "grid") == 0) && is_any(&told->current))
		meter_values_to_grid(&told->current, cc ? cc->wiring : NULL, &r.current);
	return r;
}

static void keep_draw(struct inbound *in, struct connector *conn, const struct meter_reading *told)
{
	const struct connector_conf *cc = site_connector_conf(in->s->o->site, conn);
	struct meter_reading r = on_grid(in, conn, told);
	bool any = is_any(&r.current);

	if (cc && cc->meter >= 0)
		return;		/* a meter of its own says what it draws */
	if (any || (cc && cc->dc))
		conn->draw = r.current;
	if (r.power_w != NUM_NONE)
		conn->power_w = r.power_w;
	if (!any && r.power_w == NUM_NONE && !r.nonsense)
		return;
	conn->draw_nonsense = r.nonsense;
	if (r.nonsense)
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

/* ---- for the ledger ---- */

/* Signed values are what a bill is proved with: they are on disk before the station hears of it. */
static void keep_signed(struct inbound *in, struct tx *tx, const struct json *mv, int *left)
{
	const struct json *samples = json_get(mv, "sampledValue");
	const char *time = ocpp_read_text(json_get(mv, "timestamp"));

	for (const struct json *v = samples && samples->type == JSON_ARRAY ? samples->first : NULL; v; v = v->next) {
		bool edge = strncmp(json_str(json_get(v, "context"), ""), "Transaction.", 12) == 0;

		if (!meter_value_is_signed(v) || --*left < 0)
			continue;
		if (site_tx_signed(in->s->o->site, tx, v->raw, v->raw_len, time, edge, in->t->wall, in->t->fx))
			in->when = FX_AFTER_COMMIT;
	}
}

static void keep_sample(struct inbound *in, struct tx *tx, const struct connector *conn, const struct json *mv,
			const struct meter_reading *told, bool late)
{
	struct meter_reading r = on_grid(in, conn, told);
	const struct tx_sample sample = { .time = inbound_time(in, json_get(mv, "timestamp")), .register_wh = r.register_wh,
					  .power_w = r.power_w, .current = r.current, .late = late };

	site_tx_sample(in->s->o->site, tx, &sample, in->t->wall, in->t->fx);
}

/* `one`: the reading of the list, where that has one moment, as nearly always. */
static void keep_values(struct inbound *in, struct tx *tx, const struct json *list, const struct meter_reading *one,
			bool late)
{
	const struct connector *conn = site_connector(in->st, tx->connector);
	int left = SIGNED_MAX;

	for (const struct json *mv = list && list->type == JSON_ARRAY && conn ? list->first : NULL; mv; mv = mv->next) {
		struct meter_reading told;

		if (!one)
			meter_value_read(mv, &told);
		keep_sample(in, tx, conn, mv, one ? one : &told, late);
		keep_signed(in, tx, mv, &left);
	}
}

void inbound_keep_data(struct inbound *in, struct tx *tx, const struct json *list)
{
	keep_values(in, tx, list, NULL, true);
}

/* ---- MeterValues ---- */

/* What comes of one that has ended counts for nobody; what was signed of it is kept. */
static bool keep_after(struct inbound *in, struct tx *tx)
{
	const struct json *list = json_get(in->p, "meterValue");
	int left = SIGNED_MAX;

	if (!tx || strcmp(tx->station, in->s->id) != 0)
		return tx != NULL;
	for (const struct json *mv = list && list->type == JSON_ARRAY ? list->first : NULL; mv; mv = mv->next)
		keep_signed(in, tx, mv, &left);
	return true;
}

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
		tx = conn && conn->tx && conn->tx->id == id ? conn->tx : site_tx(site, (int32_t)id);
		if (!tx && keep_after(in, site_tx_ended(site, (int32_t)id)))
			return true;
	}
	if (tx && strcmp(tx->station, in->s->id) != 0) {
		log_station(WARNING, in->s->id, "transaction_foreign", "transaction=%d", tx->id);
		return false;
	}
	*out = tx ? tx : conn ? conn->tx : NULL;
	/* While an outage is being replayed, the stop of that one may still be on its way. */
	if (!*out && named && conn && in->s->timer[TIMER_ADOPT] == MONO_NEVER)
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

/* Names a transaction, though none runs there: its last values came after its stop. */
static bool is_late(const struct inbound *in, const struct tx *tx)
{
	int64_t id = 0;

	return !tx && ocpp_read_int(json_get(in->p, "transactionId"), &id) == 0 && id > 0;
}

void inbound_meter(struct inbound *in)
{
	const struct json *list = json_get(in->p, "meterValue");
	struct connector *conn = NULL;
	struct meter_reading r;
	struct tx *tx = NULL;
	int64_t number = 0;

	ocpp_read_int(json_get(in->p, "connectorId"), &number);
	if (number != 0)
		conn = inbound_connector(in, number);
	if (in->code)
		return;
	meter_values_read(list, &r);
	inbound_learn_clock(in, inbound_time(in, json_get(json_at(list, 0), "timestamp")));
	if (session_known(in->s, in->st) && find_tx(in, conn, &tx)) {
		/* Connector 0 is the main meter of the station, unless a transaction says otherwise. */
		if (!conn && tx)
			conn = site_connector(in->st, tx->connector);
		if (tx)
			keep_values(in, tx, list, list->count == 1 ? &r : NULL, false);
		if (conn && !inbound_is_replay(in, r.time)) {
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
