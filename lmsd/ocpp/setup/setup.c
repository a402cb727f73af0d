/* ocpp/setup/setup.c - what the station can do, and the configuration that it shall have.
 *
 * Small portions, one call at a time, behind everything else. Nothing is set that GetConfiguration
 * shows to be so already. A station that refuses is used as it is, and is not asked the same again
 * until an administrator wants it (station config restore).
 */
#include "ocpp/setup/setup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/frames/frame_log.h"
#include "ocpp/limit/lapse.h"
#include "ocpp/setup/abilities.h"
#include "ocpp/setup/baseline.h"

#define METERING_ROWS 2		/* the first portion: what the balance needs soonest */
#define AGAIN_US (5 * US_PER_S)
#define VALUE_MAX 1000		/* of a station, kept while it is looked at */

enum { STEP_ABILITIES = -2, STEP_ASK = -1 /* else: sets the row of this number */ };

enum row_state { ROW_UNKNOWN, ROW_SAME, ROW_DIFFERS, ROW_READONLY, ROW_SET, ROW_REBOOT, ROW_REFUSED };
static const char *const state_names[] = { "unknown", "same", "differs", "read-only", "set", "set, after a restart", "refused" };

struct setup {
	bool diff;			/* looks only */
	bool again;			/* what was refused before is tried, too */
	uint64_t token;			/* who waits for the rows; 0 = nobody */
	bool deaf;			/* it does not answer GetConfiguration */
	struct baseline_row rows[BASELINE_MAX];
	struct { enum row_state state; size_t choice; char *is; } at[BASELINE_MAX];
	size_t count, first, end;	/* rows; those of the portion that is being gone through */
};

/* ---- rows ---- */

static const char *choice(const struct baseline_row *row, size_t n)
{
	return n == 0 ? row->wanted : row->less ? row->less[n - 1] : NULL;
}

static bool secret(const struct baseline_row *row)
{
	return frame_names_secret(row->key, strlen(row->key));
}

static void take_value(struct setup *u, size_t i, const struct json *entry)
{
	const char *text = ocpp_read_text(json_get(entry, "value"));

	free(u->at[i].is);
	u->at[i].is = xstrdup(text && strlen(text) <= VALUE_MAX ? text : "");
	u->at[i].state = baseline_is(&u->rows[i], choice(&u->rows[i], u->at[i].choice), u->at[i].is) ? ROW_SAME :
		json_bool(json_get(entry, "readonly"), false) ? ROW_READONLY : ROW_DIFFERS;
}

static void take_values(struct setup *u, const struct json *keys)
{
	for (const struct json *k = keys ? keys->first : NULL; k; k = k->next) {
		for (size_t i = u->first; i < u->end; i++) {
			if (strcasecmp(u->rows[i].key, json_str(json_get(k, "key"), "")) == 0)
				take_value(u, i, k);
		}
	}
}

static bool to_be_set(const struct ocpp_session *s, size_t i)
{
	const struct setup *u = s->setup;

	if (u->diff || (!u->again && s->baseline_refused >> i & 1))
		return false;
	return u->at[i].state == ROW_DIFFERS || (u->at[i].state == ROW_UNKNOWN && u->rows[i].needed);
}

/* What was refused: the next best value, if there is one that it has not already. */
static void row_refused(struct ocpp_session *s, size_t i)
{
	struct setup *u = s->setup;
	const char *next = choice(&u->rows[i], u->at[i].choice + 1);

	log_station(NOTICE, s->id, "setting_refused", "key=%s value=%s", u->rows[i].key,
		    secret(&u->rows[i]) ? "***" : choice(&u->rows[i], u->at[i].choice));
	if (next) {
		u->at[i].choice++;
		u->at[i].state = u->at[i].is && baseline_is(&u->rows[i], next, u->at[i].is) ? ROW_SAME : u->at[i].state;
	} else {
		u->at[i].state = ROW_REFUSED;
		s->baseline_refused |= UINT32_C(1) << i;
	}
}

static void row_set(struct ocpp_session *s, struct station *st, size_t i, bool reboot)
{
	struct setup *u = s->setup;

	u->at[i].state = reboot ? ROW_REBOOT : ROW_SET;
	s->baseline_refused &= ~(UINT32_C(1) << i);
	if (u->rows[i].less)
		s->sampled_choice = (uint8_t)u->at[i].choice;
	if (strcmp(u->rows[i].key, "MeterValueSampleInterval") == 0)
		s->interval_s = strtol(u->rows[i].wanted, NULL, 10);
	if (reboot && !st->reboot_due) {
		st->reboot_due = true;
		log_station(NOTICE, s->id, "reboot_required", "key=%s", u->rows[i].key);
	}
}

/* ---- calls ---- */

static void send_keys(struct ocpp_session *s, int step, const struct turn *t)
{
	struct call *c = call_new(CALL_SETUP, RANK_BACKGROUND, "GetConfiguration");
	const struct setup *u = s->setup;
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "key");
	jw_array(&w);
	if (step == STEP_ASK) {
		for (size_t i = u->first; i < u->end; i++)
			jw_str(&w, u->rows[i].key);
	} else {
		for (const char *p = ABILITY_KEYS; *p; p += strspn(p, ",")) {
			jw_strn(&w, p, strcspn(p, ","));
			p += strcspn(p, ",");
		}
	}
	jw_array_end(&w);
	jw_object_end(&w);
	c->step = step;
	call_payload(c, &b);
	queue_push(s, c, t);
}

static void send_row(struct ocpp_session *s, size_t i, const struct turn *t)
{
	struct call *c = call_new(CALL_SETUP, RANK_BACKGROUND, "ChangeConfiguration");
	const struct setup *u = s->setup;
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "key", u->rows[i].key);
	jw_kstr(&w, "value", choice(&u->rows[i], u->at[i].choice));
	jw_object_end(&w);
	c->step = (int)i;
	call_payload(c, &b);
	queue_push(s, c, t);
}

static void reply_rows(const struct setup *u, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "rows");
	jw_array(&w);
	for (size_t i = 0; i < u->count; i++) {
		jw_object(&w);
		jw_kstr(&w, "key", u->rows[i].key);
		/* Everybody may look. */
		jw_kstr(&w, "wanted", secret(&u->rows[i]) ? "***" : choice(&u->rows[i], u->at[i].choice));
		jw_kstr(&w, "station", secret(&u->rows[i]) && u->at[i].is ? "***" : u->at[i].is);
		jw_kstr(&w, "state", state_names[u->at[i].state]);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	fx_reply(t->fx, FX_NOW, u->token, b.data, b.len);
	buf_fini(&b);
}

static void setup_free(struct ocpp_session *s)
{
	for (size_t i = 0; i < s->setup->count; i++)
		free(s->setup->at[i].is);
	free(s->setup);
	s->setup = NULL;
}

static void restart_if_asked(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	if (!st->restart_asked || st->conf < 0)
		return;
	st->restart_asked = false;
	session_restart(s, t);
}

static void end(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	bool boot = s->setup->token == 0;

	if (!boot)
		reply_rows(s->setup, t);
	setup_free(s);
	if (boot)
		s->set_up = true;
	restart_if_asked(s, st, t);
}

/* The next call of the pass, or its end. A portion is asked, then what differs is set row by row. */
static void go_on(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	struct setup *u = s->setup;

	for (size_t i = u->first; i < u->end; i++) {
		if (to_be_set(s, i)) {
			send_row(s, i, t);
			return;
		}
	}
	/* A pending station is looked at, not changed. */
	if (u->deaf || st->conf < 0 || u->end == u->count) {
		end(s, st, t);
		return;
	}
	u->first = u->end;
	u->end = u->end == 0 ? METERING_ROWS : u->end + BASELINE_PORTION;
	if (u->end > u->count)
		u->end = u->count;
	send_keys(s, STEP_ASK, t);
}

static struct setup *setup_new(struct ocpp_session *s, const struct station *st)
{
	struct setup *u = xcalloc(1, sizeof(*u));

	u->count = baseline_rows(habits_of(s->o->habits, st), site_station_conf(s->o->site, st), u->rows);
	for (size_t i = 0; i < u->count; i++) {
		if (u->rows[i].less)
			u->at[i].choice = s->sampled_choice;
	}
	s->setup = u;
	return u;
}

void setup_forget(struct ocpp_session *s)
{
	s->baseline_refused = 0;
	s->sampled_choice = 0;
}

void setup_begin(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);

	if (!st || !s->link || s->set_up || (s->state != SESSION_READY && s->state != SESSION_PENDING))
		return;
	if (s->setup) {
		session_timer(s, TIMER_SETUP, t->now + AGAIN_US);
		return;
	}
	setup_new(s, st);
	send_keys(s, STEP_ABILITIES, t);
}

int setup_ask(struct ocpp_session *s, uint64_t token, bool diff, const struct turn *t, struct diag *d)
{
	struct station *st = session_station(s);
	struct setup *u;

	if (!st || st->conf < 0)
		return diag_set(d, -LMS_ECONFLICT, "station %s is not registered (station accept %s zone=…)", s->id, s->id);
	if (s->setup)
		return diag_set(d, -LMS_ECONFLICT, "station %s: its configuration is being gone through already (try again)",
				s->id);
	u = setup_new(s, st);
	u->token = token;
	u->diff = diff;
	u->again = true;
	for (size_t i = 0; i < u->count; i++)
		u->at[i].choice = 0;
	go_on(s, st, t);
	return 0;
}

void setup_drop(struct ocpp_session *s, struct effects *fx)
{
	if (!s->setup)
		return;
	if (fx && s->setup->token)
		fx_reply_error(fx, s->setup->token, -LMS_EOFFLINE, "the station was deleted");
	setup_free(s);
}

/* The connection is gone, or the station is too slow for more: at its next boot again. */
static void give_up(struct ocpp_session *s, const struct call_result *r, const struct turn *t)
{
	if (s->setup->token)
		fx_reply_error(t->fx, s->setup->token, -LMS_EOFFLINE, r->how == CALL_TIMED_OUT
			       ? "the station did not answer in time" : "the station disconnected before it answered");
	setup_free(s);
}

static void answered(struct ocpp_session *s, struct station *st, const struct call *c, const struct call_result *r)
{
	const struct json *keys = json_get(r->payload, "configurationKey");
	const char *status = json_str(json_get(r->payload, "status"), "");

	if (c->step < 0) {
		for (const struct json *k = keys ? keys->first : NULL; k; k = k->next)
			abilities_learn(s, st, k);
		if (c->step == STEP_ASK)
			take_values(s->setup, keys);
		/* One that refuses the short list of abilities may still answer about metering. */
		if (r->how == CALL_ERROR && c->step == STEP_ASK)
			s->setup->deaf = true;
	} else if (r->how == CALL_ERROR || strcmp(status, "Rejected") == 0 || strcmp(status, "NotSupported") == 0) {
		row_refused(s, (size_t)c->step);
	} else {
		row_set(s, st, (size_t)c->step, strcmp(status, "RebootRequired") == 0);
	}
}

void setup_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	struct station *st = session_station(s);

	if (!s->setup)
		return;
	if (!st || (r->how != CALL_ANSWERED && r->how != CALL_ERROR)) {
		give_up(s, r, t);
		return;
	}
	answered(s, st, c, r);
	abilities_propose(s, st);
	lapse_refresh(s, st);
	go_on(s, st, t);
}
