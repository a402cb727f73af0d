/* ocpp/limit/proof.c - see proof.h. The steps are the table `rows`; a state that takes longer than its time fails. */
#include "ocpp/limit/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/limit/verdict.h"
#include "ocpp/limit/wiring.h"

#define TOLERANCE_MA  500
#define LESS_MA       1500		/* a limit that is so much lower than the draw shows */
#define TICK_US       US_PER_S
#define HOLD_S        20

static const struct {
	int most_s;
	const char *doing, *late;
} states[PROOF_STATE_COUNT] = {
	[PROOF_WAITS] = { 900, "plug in a car and start a charge: it must draw 2 A more than the least current",
			  "no car drew enough within 15 min" },
	[PROOF_LOWERS] = { 60, "lowers the limit", "a: it did not accept a lower limit within 60 s" },
	[PROOF_SETTLES] = { 30, "waits until the car obeys", NULL },
	[PROOF_AWAY] = { 300, "closed the connection, waits for its return", "b: it did not come back within 5 min" },
	[PROOF_BACK] = { HOLD_S, "waits for its first meter values", "b: it sent no meter values within 20 s of its return" },
	[PROOF_RESETS] = { 60, "asks it to restart", "c: it did not answer the reset" },
	[PROOF_RESTARTS] = { 300, "waits for its restart", "c: it did not restart within 5 min" },
	[PROOF_ASKS] = { HOLD_S, "asks what it allows", "c: it did not tell what it allows within 20 s" },
	[PROOF_LOOKS] = { HOLD_S, "looks at what the car draws", "c: it sent no meter values within 20 s of its restart" },
	[PROOF_PASSED] = { 0, NULL, NULL },
	[PROOF_FAILED] = { 0, NULL, NULL },
};

static bool runs(const struct ocpp_session *s)
{
	return s->proof && s->proof->state < PROOF_PASSED;
}

bool proof_holds(const struct ocpp_session *s)
{
	return runs(s) && (s->proof->state == PROOF_BACK || s->proof->state == PROOF_ASKS ||
			   s->proof->state == PROOF_LOOKS);
}

/* ---- what people see ---- */

/* "6 A", "16.5 A" */
static const char *amperes(int64_t ma, char out[32])
{
	snprintf(out, 32, ma % 1000 ? "%lld.%lld A" : "%lld A", (long long)(ma / 1000), (long long)(ma % 1000 / 100));
	return out;
}

static void enter(struct ocpp_session *s, struct station *st, enum proof_state state, const struct turn *t)
{
	s->proof->state = state;
	s->proof->since = t->now;
	snprintf(st->test_doing, sizeof(st->test_doing), "%s", states[state].doing ? states[state].doing : "");
	session_timer(s, TIMER_PROOF, t->now + TICK_US);
}

/* ---- steps ---- */

static void push(struct ocpp_session *s, const char *action, struct buf *b, const struct turn *t)
{
	struct call *c = call_new(CALL_PROOF, RANK_DECREASE, action);

	call_payload(c, b);
	queue_push(s, c, t);
}

static void ask_draw(struct ocpp_session *s, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	if (s->proof->asked || !s->link)
		return;
	s->proof->asked = true;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "requestedMessage", "MeterValues");
	jw_kint(&w, "connectorId", s->proof->connector);
	jw_object_end(&w);
	push(s, "TriggerMessage", &b, t);
}

static int64_t least_current(const struct ocpp_session *s, const struct connector *conn)
{
	const struct connector_conf *cc = conn ? site_connector_conf(s->o->site, conn) : NULL;

	return cc && cc->min_ma != NUM_NONE && cc->min_ma > 6000 ? cc->min_ma : 6000;
}

struct step {
	struct ocpp_session *s;
	struct station *st;
	int connector;
	int64_t number;
	const struct turn *t;
};

typedef enum proof_state step_fn(const struct step *x);

/* Some seconds after the car obeyed: the meter has seen it by now. An unknown wiring has nothing to compare. */
static void say_wiring(const struct step *x)
{
	const struct connector *conn = site_connector(x->st, x->s->proof->connector);
	const struct connector_conf *cc = conn ? site_connector_conf(x->s->o->site, conn) : NULL;
	struct phase_ma now = wiring_feeder(x->s->o->site, x->st), fall = wiring_fall(&x->s->proof->meter, &now);
	char text[120];

	if (!cc || strcmp(cc->wiring, "unknown") == 0)
		return;
	if (wiring_judge(&x->s->proof->car, &fall, text, sizeof(text)) == WIRING_OTHERWISE)
		log_station(WARNING, x->s->id, "wiring_differs", "connector=%d set=%s meter=%s", conn->number, cc->wiring,
			    log_text(text));
	if (*text)
		proof_say(x->st, text);
}

static enum proof_state lower(const struct step *x)
{
	struct proof *p = x->s->proof;
	int64_t least = least_current(x->s, site_connector(x->st, x->connector));

	if (x->number < least + 2000)
		return PROOF_WAITS;
	p->connector = x->connector;
	p->drew_ma = x->number;
	p->car = site_connector(x->st, x->connector)->draw;
	p->meter = wiring_feeder(x->s->o->site, x->st);
	proof_set_cap(x->s, x->st, least);
	return PROOF_LOWERS;
}

static enum proof_state lowered(const struct step *x)
{
	struct proof *p = x->s->proof;

	if (x->number > p->drew_ma - LESS_MA)
		return PROOF_LOWERS;
	p->limit_ma = x->number;
	p->accepted_at = x->t->now;
	ask_draw(x->s, x->t);
	return PROOF_SETTLES;
}

static enum proof_state lowered_more(const struct step *x)
{
	x->s->proof->limit_ma = x->number;
	return PROOF_SETTLES;
}

static enum proof_state settle(const struct step *x)
{
	struct proof *p = x->s->proof;
	int64_t ms = (x->t->now - p->accepted_at) / US_PER_MS;
	char limit[32], text[120];

	p->drew_ma = x->number;
	if (x->number > p->limit_ma + TOLERANCE_MA)
		return PROOF_SETTLES;
	snprintf(text, sizeof(text), "a: obeyed %s after %lld.%lld s", amperes(p->limit_ma, limit), (long long)(ms / 1000),
		 (long long)(ms % 1000 / 100));
	proof_say(x->st, text);
	/* In whole seconds, and one more: it was looked at once a second. */
	p->settle_ms = (ms + 1999) / 1000 * 1000;
	p->car = wiring_fall(&p->car, &site_connector(x->st, p->connector)->draw);
	fx_close(x->t->fx, FX_NOW, x->s->link, 1001, "test");
	return PROOF_AWAY;
}

static enum proof_state never_settled(const struct step *x)
{
	const struct proof *p = x->s->proof;
	char draws[32], limit[32], text[160];

	snprintf(text, sizeof(text), "a: accepted a limit of %s and drew %s 30 s later", amperes(p->limit_ma, limit),
		 amperes(p->drew_ma, draws));
	return proof_finish(x->s, x->st, false, text, x->t);
}

static enum proof_state came_back(const struct step *x)
{
	if (x->s->proof->state == PROOF_AWAY)
		say_wiring(x);
	x->s->proof->asked = false;
	ask_draw(x->s, x->t);
	return PROOF_BACK;
}

static enum proof_state obeyed_alone(const struct step *x)
{
	const struct proof *p = x->s->proof;
	char draws[32], limit[32], text[160];
	struct json_writer w;
	struct buf b;

	if (x->number > p->limit_ma + TOLERANCE_MA) {
		snprintf(text, sizeof(text), "b: drew %s when it was back, its limit was %s", amperes(x->number, draws),
			 amperes(p->limit_ma, limit));
		return proof_finish(x->s, x->st, false, text, x->t);
	}
	proof_say(x->st, "b: kept the limit while it was offline");
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "type", "Soft");
	jw_object_end(&w);
	push(x->s, "Reset", &b, x->t);
	return PROOF_RESETS;
}

static enum proof_state reset_taken(const struct step *x)
{
	(void)x;
	return PROOF_RESTARTS;
}

static enum proof_state reset_refused(const struct step *x)
{
	return proof_finish(x->s, x->st, false, "c: it refused a soft reset", x->t);
}

static enum proof_state booted(const struct step *x)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "connectorId", x->s->proof->connector);
	jw_kint(&w, "duration", 300);
	jw_kstr(&w, "chargingRateUnit", x->s->watts ? "W" : "A");
	jw_object_end(&w);
	push(x->s, "GetCompositeSchedule", &b, x->t);
	return PROOF_ASKS;
}

/* Its default; what belongs to a transaction that went on over the reset is as good. */
static int64_t may_allow(const struct step *x)
{
	const struct station_conf *sc = site_station_conf(x->s->o->site, x->st);
	const struct connector *conn = site_connector(x->st, x->s->proof->connector);
	int64_t idle = sc ? sc->idle_ma : 0;

	return conn && conn->tx && x->s->proof->limit_ma > idle ? x->s->proof->limit_ma : idle;
}

static enum proof_state judge(const struct step *x, const char *verb)
{
	int64_t may = may_allow(x);
	char number[32], limit[32], text[160];

	if (x->number <= may + TOLERANCE_MA)
		return proof_finish(x->s, x->st, true, "c: kept its default over a restart", x->t);
	snprintf(text, sizeof(text), "c: %s %s after its restart, its default is %s", verb, amperes(x->number, number),
		 amperes(may, limit));
	return proof_finish(x->s, x->st, false, text, x->t);
}

static enum proof_state judge_schedule(const struct step *x)
{
	return judge(x, "allows");
}

static enum proof_state judge_draw(const struct step *x)
{
	return judge(x, "draws");
}

static enum proof_state look(const struct step *x)
{
	const struct connector *conn = site_connector(x->st, x->s->proof->connector);

	if (!conn || !conn->tx)
		return proof_finish(x->s, x->st, false, "c: it neither tells its composite schedule nor charges on after a restart",
			      x->t);
	x->s->proof->asked = false;
	ask_draw(x->s, x->t);
	return PROOF_LOOKS;
}

static enum proof_state tx_ended(const struct step *x)
{
	return proof_finish(x->s, x->st, false, "its transaction ended before the test did", x->t);
}

static enum proof_state late(const struct step *x)
{
	return proof_finish(x->s, x->st, false, states[x->s->proof->state].late, x->t);
}

static const struct row {
	enum proof_state state;
	enum proof_event event;
	step_fn *fn;
} rows[] = {
	{ PROOF_WAITS,	  PROOF_EV_DRAW,	  lower },
	{ PROOF_WAITS,	  PROOF_EV_LATE,	  late },
	{ PROOF_LOWERS,	  PROOF_EV_LIMIT,	  lowered },
	{ PROOF_LOWERS,	  PROOF_EV_TX_ENDED,	  tx_ended },
	{ PROOF_LOWERS,	  PROOF_EV_LATE,	  late },
	{ PROOF_SETTLES,  PROOF_EV_DRAW,	  settle },
	{ PROOF_SETTLES,  PROOF_EV_LIMIT,	  lowered_more },
	{ PROOF_SETTLES,  PROOF_EV_TX_ENDED,	  tx_ended },
	{ PROOF_SETTLES,  PROOF_EV_LATE,	  never_settled },
	{ PROOF_AWAY,	  PROOF_EV_OPENED,	  came_back },
	{ PROOF_AWAY,	  PROOF_EV_TX_ENDED,	  tx_ended },
	{ PROOF_AWAY,	  PROOF_EV_LATE,	  late },
	{ PROOF_BACK,	  PROOF_EV_DRAW,	  obeyed_alone },
	/* It was away once more: nobody has told it anything meanwhile. */
	{ PROOF_BACK,	  PROOF_EV_OPENED,	  came_back },
	{ PROOF_BACK,	  PROOF_EV_TX_ENDED,	  tx_ended },
	{ PROOF_BACK,	  PROOF_EV_LATE,	  late },
	{ PROOF_RESETS,	  PROOF_EV_RESET_TAKEN,	  reset_taken },
	{ PROOF_RESETS,	  PROOF_EV_RESET_REFUSED, reset_refused },
	{ PROOF_RESETS,	  PROOF_EV_LATE,	  late },
	{ PROOF_RESTARTS, PROOF_EV_BOOTED,	  booted },
	{ PROOF_RESTARTS, PROOF_EV_LATE,	  late },
	{ PROOF_ASKS,	  PROOF_EV_ALLOWS,	  judge_schedule },
	{ PROOF_ASKS,	  PROOF_EV_CANNOT_TELL,	  look },
	{ PROOF_ASKS,	  PROOF_EV_LATE,	  late },
	{ PROOF_LOOKS,	  PROOF_EV_DRAW,	  judge_draw },
	{ PROOF_LOOKS,	  PROOF_EV_LATE,	  late },
};

static const struct row *find_row(enum proof_state state, enum proof_event ev)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].state == state && rows[i].event == ev)
			return &rows[i];
	}
	return NULL;
}

bool proof_expects(enum proof_state state, enum proof_event ev)
{
	return find_row(state, ev) != NULL;
}

void proof_event(struct ocpp_session *s, enum proof_event ev, int connector, int64_t number, const struct turn *t)
{
	struct step x = { s, session_station(s), connector, number, t };
	const struct row *row = runs(s) ? find_row(s->proof->state, ev) : NULL;
	enum proof_state next;

	if (!row || !x.st || (connector && s->proof->connector && connector != s->proof->connector))
		return;
	next = row->fn(&x);
	if (next >= PROOF_PASSED || next != s->proof->state || ev == PROOF_EV_OPENED)
		enter(s, x.st, next, t);
	if (next >= PROOF_PASSED)
		s->timer[TIMER_PROOF] = MONO_NEVER;
	queue_pump(s, t);
}

/* Where a meter of its own says what a connector draws, the station's words do not come by. */
static void look_at_meters(struct ocpp_session *s, const struct station *st, const struct turn *t)
{
	for (size_t i = 0; i < st->connector_count && runs(s); i++) {
		const struct connector *conn = st->connectors[i];
		const struct connector_conf *cc = site_connector_conf(s->o->site, conn);
		int64_t top = NUM_NONE;

		if (!cc || cc->meter < 0 || !conn->tx || conn->draw_at <= s->proof->since)
			continue;
		for (int k = 0; k < PHASES; k++)
			if (conn->draw.l[k] > top)
				top = conn->draw.l[k];
		if (top != NUM_NONE)
			proof_event(s, PROOF_EV_DRAW, conn->number, top, t);
	}
}

void proof_tick(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);
	const struct connector *conn;

	if (!runs(s) || !st)
		return;
	conn = s->proof->connector ? site_connector(st, s->proof->connector) : NULL;
	session_timer(s, TIMER_PROOF, t->now + TICK_US);
	if (conn && !conn->tx)
		proof_event(s, PROOF_EV_TX_ENDED, 0, 0, t);
	if (runs(s) && t->now >= s->proof->since + states[s->proof->state].most_s * US_PER_S)
		proof_event(s, PROOF_EV_LATE, 0, 0, t);
	if (runs(s) && (s->proof->state == PROOF_SETTLES || s->proof->state == PROOF_BACK || s->proof->state == PROOF_LOOKS))
		ask_draw(s, t);
	if (s->link)
		look_at_meters(s, st, t);
	if (runs(s))
		proof_reply_so_far(s, st, t);
}

/* ---- answers ---- */

static int64_t allowed(const struct json *answer)
{
	const struct json *schedule = json_get(answer, "chargingSchedule");
	const struct json *list = json_get(schedule, "chargingSchedulePeriod");
	bool watts = strcmp(json_str(json_get(schedule, "chargingRateUnit"), "A"), "W") == 0;
	int64_t most = NUM_NONE;

	if (strcmp(json_str(json_get(answer, "status"), ""), "Accepted") != 0)
		return NUM_NONE;
	for (const struct json *p = list ? list->first : NULL; p; p = p->next) {
		int64_t limit;

		if (json_fixed(json_get(p, "limit"), 1000, &limit) != 0 || limit < 0)
			return NUM_NONE;
		if (watts)
			limit /= 3 * 230;
		if (limit > most)
			most = limit;
	}
	return most;
}

void proof_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	const char *status = json_str(json_get(r->payload, "status"), "");
	int64_t most;

	if (!runs(s))
		return;
	if (strcmp(c->action, "TriggerMessage") == 0) {
		s->proof->asked = false;
		return;
	}
	if (strcmp(c->action, "Reset") == 0) {
		/* Some are gone before they have answered. */
		bool taken = r->how == CALL_LOST || (r->how == CALL_ANSWERED && strcmp(status, "Accepted") == 0);

		proof_event(s, taken ? PROOF_EV_RESET_TAKEN : PROOF_EV_RESET_REFUSED, 0, 0, t);
		return;
	}
	if (r->how != CALL_ANSWERED && r->how != CALL_ERROR)
		return;
	most = r->how == CALL_ANSWERED ? allowed(r->payload) : NUM_NONE;
	proof_event(s, most == NUM_NONE ? PROOF_EV_CANNOT_TELL : PROOF_EV_ALLOWS, 0, most, t);
}

/* ---- beginning and end ---- */

int proof_begin(struct ocpp_session *s, struct station *st, uint64_t token, mono_t reply_by, const struct turn *t,
		struct diag *d)
{
	if (runs(s) && s->proof->token && token)
		return diag_set(d, -LMS_ECONFLICT, "station %s is being tested already (station show %s tells how far it is)",
				s->id, s->id);
	if (!runs(s)) {
		free(s->proof);
		s->proof = xcalloc(1, sizeof(*s->proof));
		st->test_text[0] = '\0';
		snprintf(st->test, sizeof(st->test), "running");
		log_station(NOTICE, s->id, "test_begins", "proven=%s",
			    site_station_conf(s->o->site, st)->proven ? "yes" : "no");
		enter(s, st, PROOF_WAITS, t);
	}
	if (token) {
		s->proof->token = token;
		s->proof->reply_by = reply_by;
	}
	return 0;
}

int proof_follow(struct ocpp_session *s, struct station *st, uint64_t token, mono_t reply_by, const struct turn *t,
		 struct diag *d)
{
	if (runs(s))
		return proof_begin(s, st, token, reply_by, t, d);
	if (!st->test[0])
		return diag_set(d, -LMS_ENOTFOUND, "station %s has not been tested since lmsd started", s->id);
	proof_reply_end(s, st, token, t);
	return 0;
}

void proof_drop(struct ocpp_session *s, struct effects *fx)
{
	struct station *st = runs(s) ? session_station(s) : NULL;

	if (fx && st) {
		proof_set_cap(s, st, 0);
		proof_say(st, "the station was deleted");
		snprintf(st->test, sizeof(st->test), "failed");
	}
	if (fx && runs(s) && s->proof->token)
		fx_reply_error(fx, s->proof->token, -LMS_EOFFLINE, "the station was deleted");
	free(s->proof);
	s->proof = NULL;
}
