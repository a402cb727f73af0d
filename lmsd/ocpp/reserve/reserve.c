/* ocpp/reserve/reserve.c - see reserve.h.
 *
 * A ReserveNow whose answer is not known may be held all the same: it is cancelled, now or when the
 * station has returned. Calls name the reservation by its id, which may be over when they are answered.
 */
#include "ocpp/reserve/reserve.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/control/ctl_call.h"

#define CLOCK_US (60 * US_PER_S)	/* the wall clock may be set meanwhile */

static void push(struct ocpp_session *s, const char *action, const struct reservation *r, uint64_t token, struct buf *b,
		 const struct turn *t)
{
	struct call *c = call_new(CALL_RESERVE, RANK_ORDER, action);

	/* A call that names what was just created follows its record. */
	c->when = FX_AFTER_COMMIT;
	c->token = token;
	c->reservation = r->id;
	call_payload(c, b);
	queue_push(s, c, t);
}

void reserve_ask(struct ocpp_session *s, struct reservation *r, uint64_t token, const struct turn *t)
{
	char text[RFC3339_MAX];
	struct json_writer w;
	struct buf b;

	r->again = false;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "connectorId", r->connector);
	jw_kstr(&w, "expiryDate", rfc3339_format(r->expires, text));
	jw_kstr(&w, "idTag", r->tag);
	if (*r->group && strlen(r->group) <= 20)
		jw_kstr(&w, "parentIdTag", r->group);
	jw_kint(&w, "reservationId", r->id);
	jw_object_end(&w);
	push(s, "ReserveNow", r, token, &b, t);
}

void reserve_cancel(struct ocpp_session *s, struct reservation *r, uint64_t token, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "reservationId", r->id);
	jw_object_end(&w);
	push(s, "CancelReservation", r, token, &b, t);
}

/* ---- answers ---- */

static void reply(const struct call *c, int32_t id, const struct call_result *r, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	if (c->token == 0)
		return;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	if (r->how == CALL_ERROR) {
		jw_kstr(&w, "status", r->code);
		jw_kstr(&w, "description", r->text);
	} else {
		jw_kstr(&w, "status", json_str(json_get(r->payload, "status"), "(no status)"));
		if (id > 0)
			jw_kint(&w, "reservation", id);
	}
	jw_object_end(&w);
	fx_reply(t->fx, FX_AFTER_COMMIT, c->token, b.data, b.len);
	buf_fini(&b);
}

static void asked(struct ocpp_session *s, const struct call *c, struct reservation *r, const struct call_result *res,
		  const struct turn *t)
{
	bool yes = res->how == CALL_ANSWERED && strcmp(json_str(json_get(res->payload, "status"), ""), "Accepted") == 0;

	if (r && yes && r->state == RESERVATION_ASKED)
		site_reservation_state(r, RESERVATION_HELD, t->fx);
	else if (r && !yes)
		site_reservation_end(s->o->site, r, c->token ? "refused by the station" : "not taken again", t->fx);
	reply(c, yes ? c->reservation : 0, res, t);
}

/* Whatever it says, it does not hold it any more; an error says nothing of that. */
static void cancelled(struct ocpp_session *s, const struct call *c, struct reservation *r, const struct call_result *res,
		      const struct turn *t)
{
	if (r && res->how == CALL_ANSWERED)
		site_reservation_end(s->o->site, r, "cancelled", t->fx);
	reply(c, 0, res, t);
}

void reserve_done(struct ocpp_session *s, struct call *c, const struct call_result *res, const struct turn *t)
{
	struct reservation *r = site_reservation(s->o->site, c->reservation);
	bool ask = strcmp(c->action, "ReserveNow") == 0;

	if (res->how == CALL_ANSWERED || res->how == CALL_ERROR) {
		(ask ? asked : cancelled)(s, c, r, res, t);
		return;
	}
	if (c->token)
		control_reply_failure(s, c, res, t);
	if (!r)
		return;
	if (ask && res->how == CALL_UNSENT && r->state == RESERVATION_ASKED)
		site_reservation_end(s->o->site, r, "never sent", t->fx);
	else if (ask && r->state == RESERVATION_HELD)
		r->again = true;
	else
		site_reservation_state(r, RESERVATION_CANCELLING, t->fx);
	/* It answers late, or not at all: once more on this connection, behind everything else. */
	if (ask && res->how == CALL_TIMED_OUT && r->state == RESERVATION_CANCELLING)
		reserve_cancel(s, r, 0, t);
}

/* ---- the station ---- */

void reserve_ready(struct ocpp_session *s, const struct turn *t)
{
	struct reservation *r = NULL, *next;

	for (r = site_reservation_next(s->o->site, NULL, s->id); r; r = next) {
		next = site_reservation_next(s->o->site, r, s->id);
		if (r->state == RESERVATION_CANCELLING)
			reserve_cancel(s, r, 0, t);
	}
}

void reserve_booted(struct ocpp_session *s, const struct turn *t)
{
	struct reservation *r = NULL;

	while ((r = site_reservation_next(s->o->site, r, s->id)) != NULL) {
		r->seen = false;
		r->again = r->state == RESERVATION_HELD;
	}
	reserve_ready(s, t);
}

/* Available: after a boot, it has forgotten; without one, the station ended what it had shown as Reserved. */
static void available(struct ocpp_session *s, const struct connector *conn, const struct turn *t)
{
	struct reservation *next;

	for (struct reservation *r = site_reservation_next(s->o->site, NULL, s->id); r; r = next) {
		next = site_reservation_next(s->o->site, r, s->id);
		if (r->state != RESERVATION_HELD || (r->connector != 0 && r->connector != conn->number))
			continue;
		if (r->again && r->expires > t->wall)
			reserve_ask(s, r, 0, t);
		else if (r->seen && r->connector != 0)
			site_reservation_end(s->o->site, r, "the connector is Available again", t->fx);
	}
}

void reserve_status(struct ocpp_session *s, const struct connector *conn, const struct turn *t)
{
	struct reservation *r = NULL;

	if (strcmp(conn->status, "Available") == 0)
		available(s, conn, t);
	if (strcmp(conn->status, "Reserved") != 0)
		return;
	while ((r = site_reservation_next(s->o->site, r, s->id)) != NULL) {
		if (r->connector == conn->number) {
			r->seen = true;
			r->again = false;
		}
	}
}

mono_t reserve_due(const struct ocpp *o, mono_t now, wall_t wall)
{
	wall_t due = site_reservation_due(o->site);
	int64_t left;

	if (due == WALL_NONE)
		return MONO_NEVER;
	left = due - wall;
	return now + (left < 0 ? 0 : left > CLOCK_US ? CLOCK_US : left);
}
