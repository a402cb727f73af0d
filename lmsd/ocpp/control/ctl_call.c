/* ocpp/control/ctl_call.c - queues calls for administrators and answers them by the station's answer.
 *
 * What sets or releases a limit passes the gate of the balance first, for each connector that it
 * reaches; each token that the gate gave is answered once (balance.md, "No way around").
 */
#include "ocpp/control/ctl_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "ocpp/control/ctl_cert.h"
#include "ocpp/control/ctl_key.h"
#include "ocpp/control/told.h"
#include "ocpp/control/touch.h"
#include "ocpp/limit/held.h"
#include "ocpp/frames/frame_log.h"
#include "site/transfer.h"

int ctl_session(struct ctl_call *c, const char *station, struct ocpp_session **out)
{
	struct station *st = site_station(c->hall->site, station);
	char seen[RFC3339_MAX];

	if (!st)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "station %s: does not exist (station list shows all)",
				station);
	*out = session_by_station(c->hall->ocpp, station);
	if (*out && (*out)->link)
		return 0;
	if (st->last_seen == WALL_NONE || st->last_seen == 0)
		return diag_set(&c->diag, -LMS_EOFFLINE, "station %s is offline (never seen)", station);
	return diag_set(&c->diag, -LMS_EOFFLINE, "station %s is offline (last seen %s)", station,
			rfc3339_format(st->last_seen / US_PER_S * US_PER_S, seen));
}

static void answer_reserved(const struct ocpp_session *s, const struct call *call, enum order_answer answer,
			    struct effects *fx)
{
	struct station *st = session_station(s);

	for (size_t i = 0; i < call->reserved_count; i++) {
		const struct reserved *r = &call->reserved[i];
		const struct connector *conn = st ? site_connector(st, r->connector) : NULL;

		/* A new configuration may have moved it in the model meanwhile. */
		fx_answer(fx, conn && conn->slot != UINT32_MAX ? conn->slot : r->slot, r->token, answer);
	}
}

static int admit_one(struct ctl_call *c, struct connector *conn, const struct touch *touch, struct call *call)
{
	const struct ocpp *o = c->hall->ocpp;
	struct reserved *r = &call->reserved[call->reserved_count];
	char why[200] = "nothing balances it";

	/* Nobody sums what is not in the model: benches and pending stations. */
	if (conn->slot == UINT32_MAX)
		return 0;
	if (!o->admit || !o->admit(o->admit_ctx, conn, touch->idle, touch->limit_ma, &r->token, why, sizeof(why)))
		return diag_set(&c->diag, -LMS_ECONFLICT, "connector %s/%d: this may release a limit: %s (lmsctl connector explain "
				"%s/%d tells what it may have)", conn->station->id, conn->number, why, conn->station->id, conn->number);
	r->connector = conn->number;
	r->slot = conn->slot;
	call->reserved_count++;
	return 0;
}

/* The station obeys the profile of the highest stack level. Above ours one would hold when we lower the limit
 * next, and the station would say Accepted. */
static int check_level(struct ctl_call *c, const struct ocpp_session *s, const struct station *st, const struct touch *touch)
{
	int ours = order_stack_level(s, st);

	if (touch->stack_level == NUM_NONE || touch->stack_level <= ours || st->conf < 0)
		return 0;
	return diag_set(&c->diag, -LMS_ECONFLICT, "station %s: stackLevel: %lld would hide the limits of lmsd, which are at "
			"%d (use %d or less)", s->id, (long long)touch->stack_level, ours, ours);
}

/* Reserves what the message would release, or refuses. What was reserved before a refusal is given back. */
static int admit(struct ctl_call *c, const struct ocpp_session *s, struct call *call)
{
	struct station *st = session_station(s);
	struct touch touch;
	struct json *payload;
	int ret = 0;

	payload = json_parse(c->arena, call->payload, call->len, &JSON_CAPS_DEFAULT, &c->diag);
	if (!payload)
		return c->diag.err;
	/* A key that lmsd does not know would shut the station out. */
	if (strcasecmp(call->action, "ChangeConfiguration") == 0 && strcasecmp(json_str(json_get(payload, "key"), ""), "AuthorizationKey") == 0)
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s: AuthorizationKey: lmsd must know it too (lmsctl "
				"station key rotate %s sends a new one)", s->id, s->id);
	if (!touch_find(call->action, payload, c->hall->ocpp->habits, site_station_conf(c->hall->site, st),
			c->hall->site->conf->voltage_min, &touch))
		return 0;
	ret = check_level(c, s, st, &touch);
	if (ret)
		return ret;
	call->when = FX_AFTER_COMMIT;
	call->reserved = xcalloc(st->connector_count ? st->connector_count : 1, sizeof(*call->reserved));
	for (size_t i = 0; i < st->connector_count && ret == 0; i++) {
		if (touch.connector == 0 || touch.connector == st->connectors[i]->number)
			ret = admit_one(c, st->connectors[i], &touch, call);
	}
	if (ret)
		answer_reserved(s, call, ORDER_DROPPED, c->fx);
	return ret;
}

int ctl_call_send(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b, enum call_style style)
{
	return ctl_call_send_job(c, s, action, b, style, 0);
}

int ctl_call_send_job(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b,
		      enum call_style style, int64_t job)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct call *call;
	int ret;

	if (queue_full(s)) {
		buf_fini(b);
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s: %d calls wait already (try again)", s->id,
				QUEUE_MAX);
	}
	call = call_new(CALL_CONTROL, RANK_ORDER, action);
	call->token = c->token;
	call->style = style;
	call->job = job;
	/* What it names must be known after a crash, too: the station goes on with it. */
	if (job)
		call->when = FX_AFTER_COMMIT;
	call_payload(call, b);
	ret = admit(c, s, call);
	if (ret) {
		free(call->payload);
		free(call->reserved);
		free(call);
		return ret;
	}
	queue_push(s, call, &t);
	return CTL_LATER;
}

int ctl_call_begin(struct ctl_call *c, const char *station, struct ocpp_session **s, struct buf *b, struct json_writer *w)
{
	int ret = ctl_session(c, station, s);

	if (ret)
		return ret;
	buf_init(b);
	jw_init(w, b);
	jw_object(w);
	return 0;
}

int ctl_call_end(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b, struct json_writer *w,
		 enum call_style style)
{
	jw_object_end(w);
	return ctl_call_send(c, s, action, b, style);
}

int ctl_check_connector(struct ctl_call *c, int64_t number, int64_t least)
{
	if (number == NUM_NONE || (number >= least && number <= CONNECTORS_MAX))
		return 0;
	return diag_set(&c->diag, -LMS_ERANGE, "connector: must be a number from %d to %d", (int)least,
			CONNECTORS_MAX);
}

/* ---- the station's answer ---- */

static void write_payload(const struct call *c, const struct json *payload, struct json_writer *w)
{
	const struct ocpp_message *m = ocpp_message_find(c->action);

	if (m && payload && payload->type == JSON_OBJECT)
		ocpp_payload_write(m->conf, payload, w);
	else
		jw_copy(w, payload);
}

/* Every answer of STYLE_STATION has a status (OCPP 1.6, 6): without one, nothing was promised. */
static const char *answer_status(const struct call *c, const struct json *payload)
{
	/* OCPP 1.6, 5.1: a station that has no diagnostics names no file. */
	if (strcmp(c->action, "GetDiagnostics") == 0 && *json_str(json_get(payload, "fileName"), "") == '\0')
		return "NoFile";
	return c->style == STYLE_TAKEN ? "Accepted" : json_str(json_get(payload, "status"), "(no status)");
}

static void write_answer(const struct call *c, const struct json *payload, struct json_writer *w)
{
	if (c->style == STYLE_PAYLOAD) {
		write_payload(c, payload, w);
		return;
	}
	jw_object(w);
	if (c->style == STYLE_RAW) {
		jw_key(w, "answer");
		jw_copy(w, payload);
	} else {
		jw_kstr(w, "status", answer_status(c, payload));
		for (const struct json *j = payload ? payload->first : NULL; j; j = j->next) {
			if (!j->key || strcmp(j->key, "status") == 0)
				continue;
			jw_key(w, j->key);
			jw_copy(w, j);
		}
		if (c->job)
			jw_kint(w, "request", c->job);
	}
	jw_object_end(w);
}

/* Some stations tell their keys and passwords in GetConfiguration.conf: nobody needs to see them. */
static void mask_secrets(struct json *payload)
{
	struct json *value = NULL;
	bool secret = false;

	for (struct json *j = payload ? payload->first : NULL; j; j = j->next) {
		if (j->type == JSON_OBJECT || j->type == JSON_ARRAY)
			mask_secrets(j);
		else if (j->key && strcasecmp(j->key, "key") == 0 && j->type == JSON_STRING)
			secret = frame_names_secret(j->text, j->len);
		else if (j->key && strcasecmp(j->key, "value") == 0)
			value = j;
	}
	if (!secret || !value)
		return;
	value->type = JSON_STRING;
	value->text = "***";
	value->len = 3;
}

static void write_error(const struct call *c, const struct call_result *r, struct json_writer *w)
{
	jw_object(w);
	jw_kstr(w, c->style == STYLE_RAW ? "error" : "status", r->code);
	jw_kstr(w, "description", r->text);
	jw_object_end(w);
}

static enum order_answer reserved_answer(const struct call_result *r)
{
	const char *status = json_str(json_get(r->payload, "status"), "");

	switch (r->how) {
	case CALL_ANSWERED:
		/* A raised or released limit that was accepted after all is what must not be missed. */
		return strcmp(status, "Rejected") == 0 || strcmp(status, "NotSupported") == 0 ||
			strcmp(status, "Unknown") == 0 ? ORDER_REFUSED : ORDER_ACCEPTED;
	case CALL_ERROR:
		return ORDER_REFUSED;
	case CALL_TIMED_OUT:
	case CALL_LOST:
		return ORDER_TIMEOUT;
	case CALL_UNSENT:
		break;
	}
	return ORDER_DROPPED;
}

/* Commands that print the answer as it is have no status to show a refusal in. */
static void reply_refused(const struct ocpp_session *s, const struct call *c, const struct call_result *r,
			  const struct turn *t)
{
	char text[300];

	snprintf(text, sizeof(text), "station %s refused: %.60s%s%.150s", s->id, r->code, *r->text ? ": " : "",
		 r->text);
	fx_reply_error(t->fx, c->token, -LMS_EREFUSED, text);
}

void control_reply_failure(const struct ocpp_session *s, const struct call *c, const struct call_result *r,
			   const struct turn *t)
{
	char text[200];

	snprintf(text, sizeof(text), "station %s %s", s->id,
		 r->how == CALL_TIMED_OUT ? "did not answer in time" :
		 r->how == CALL_LOST ? "disconnected before it answered" :
		 s->link ? "was too busy to be asked (try again)" : "disconnected before it was asked");
	fx_reply_error(t->fx, c->token, -LMS_EOFFLINE, text);
}

/* The job that it was to begin. Without an answer the station may be at it all the same. */
static void answer_job(const struct ocpp_session *s, const struct call *c, const struct call_result *r,
		       const struct turn *t)
{
	struct station *st = c->job ? session_station(s) : NULL;
	const char *status = r->how == CALL_ANSWERED ? answer_status(c, r->payload) :
		r->how == CALL_ERROR ? r->code : r->how == CALL_UNSENT ? "NotAsked" : "NoAnswer";

	if (st)
		transfer_answered(st, c->job, status, t->wall, t->fx);
}

void control_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	answer_reserved(s, c, reserved_answer(r), t->fx);
	if (r->how == CALL_ANSWERED && strcmp(json_str(json_get(r->payload, "status"), ""), "Accepted") == 0)
		held_by_hand(s, c, t);
	answer_job(s, c, r, t);
	if (c->key_id)
		ctl_key_done(s, c, r, t);
	if (strcmp(c->action, "CertificateSigned") == 0)
		cert_done(s, c, r, t);
	if (told_waits(s, c, r, t))
		return;
	if (r->how != CALL_ANSWERED && r->how != CALL_ERROR) {
		control_reply_failure(s, c, r, t);
		return;
	}
	if (r->how == CALL_ERROR && c->style == STYLE_PAYLOAD) {
		reply_refused(s, c, r, t);
		return;
	}
	/* The tree is of this frame alone. */
	mask_secrets((struct json *)(uintptr_t)r->payload);
	buf_init(&b);
	jw_init(&w, &b);
	if (r->how == CALL_ANSWERED)
		write_answer(c, r->payload, &w);
	else
		write_error(c, r, &w);
	fx_reply(t->fx, FX_NOW, c->token, b.data, b.len);
	buf_fini(&b);
}
