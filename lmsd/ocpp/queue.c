/* ocpp/queue.c - calls to one station: one in flight, decreases of limits first, time-outs.
 *
 * Every call that was pushed ends exactly once in its kind's done function, whatever happens to
 * the connection. Latest wins is order.c's; here an order is a call like any other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ocpp/control/ctl_cert.h"
#include "ocpp/limit/proof.h"
#include "ocpp/locallist/locallist.h"
#include "ocpp/reserve/reserve.h"

#define ANSWER_US (30 * US_PER_S)
#define ANSWER_IN_WAY_US (5 * US_PER_S)	/* when a decrease waits behind it */

typedef void done_fn(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);

/* Whether the station does what it was asked shows in what it sends next. */
static void ignore_done(struct ocpp_session *s, struct call *c, const struct call_result *r,
			const struct turn *t)
{
	(void)t;
	if (r->how == CALL_ERROR)
		log_station(INFO, s->id, "call_refused", "action=%s code=%s", c->action, log_text(r->code));
}

static bool start_accepted(const struct call_result *r)
{
	return r->how == CALL_ANSWERED && strcmp(json_str(json_get(r->payload, "status"), ""), "Accepted") == 0;
}

static done_fn *const done_fns[CALL_KIND_COUNT] = {
	[CALL_ORDER] = order_done,
	[CALL_CONTROL] = control_done,
	[CALL_SETUP] = setup_done,
	[CALL_TRIGGER] = ignore_done,
	[CALL_FREE_START] = ignore_done,
	[CALL_USED_UP] = ignore_done,
	[CALL_ZERO] = ignore_done,
	[CALL_PROOF] = proof_done,
	[CALL_LIST] = locallist_done,
	[CALL_CERT] = cert_done,
	[CALL_RESERVE] = reserve_done,
};

struct call *call_new(enum call_kind kind, enum call_rank rank, const char *action)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->kind = kind;
	c->rank = rank;
	c->when = FX_NOW;
	snprintf(c->action, sizeof(c->action), "%s", action);
	return c;
}

void call_payload(struct call *c, struct buf *b)
{
	c->payload = buf_take(b, &c->len);
}

static void call_free(struct call *c)
{
	free(c->payload);
	free(c->reserved);
	free(c);
}

static void finish(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	done_fns[c->kind](s, c, r, t);
	if (strcmp(c->action, "RemoteStartTransaction") == 0 && !start_accepted(r))
		status_start_refused(s, t);
	call_free(c);
}

bool queue_full(const struct ocpp_session *s)
{
	return s->waiting >= QUEUE_MAX;
}

static void hurry(struct ocpp_session *s, const struct turn *t)
{
	mono_t at = s->sent + ANSWER_IN_WAY_US;

	if (s->flight && s->queue && s->queue->rank == RANK_DECREASE && at < s->timer[TIMER_CALL])
		session_timer(s, TIMER_CALL, at > t->now ? at : t->now);
}

static bool is_waited_for(const struct call *c)
{
	return c->kind == CALL_CONTROL || ((c->kind == CALL_RESERVE || c->kind == CALL_LIST) && c->token);
}

void queue_push(struct ocpp_session *s, struct call *c, const struct turn *t)
{
	struct call **at = &s->queue;

	if (c->kind != CALL_ORDER) {
		if (queue_full(s)) {
			finish(s, c, &(struct call_result){ .how = CALL_UNSENT }, t);
			return;
		}
		s->waiting++;
	}
	while (*at && (*at)->rank <= c->rank)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
	if (is_waited_for(c)) {
		c->expires = t->now + ANSWER_US;
		if (c->expires < s->timer[TIMER_QUEUE])
			session_timer(s, TIMER_QUEUE, c->expires);
	}
	hurry(s, t);
	queue_pump(s, t);
}

/* An administrator's call that did not get its turn: whoever asked has been told by now. */
void queue_expire(struct ocpp_session *s, const struct turn *t)
{
	mono_t next = MONO_NEVER;

	for (struct call **at = &s->queue; *at;) {
		struct call *c = *at;

		if (!is_waited_for(c) || c->expires > t->now) {
			if (is_waited_for(c) && c->expires < next)
				next = c->expires;
			at = &c->next;
			continue;
		}
		*at = c->next;
		s->waiting--;
		finish(s, c, &(struct call_result){ .how = CALL_UNSENT }, t);
	}
	session_timer(s, TIMER_QUEUE, next);
}

/* NULL: nothing may leave now. */
static struct call *pop(struct ocpp_session *s, bool only_proof)
{
	struct call **at = &s->queue, *c;

	while (*at && only_proof && (*at)->kind != CALL_PROOF)
		at = &(*at)->next;
	c = *at;
	if (!c)
		return NULL;
	*at = c->next;
	c->next = NULL;
	if (c->kind != CALL_ORDER)
		s->waiting--;
	return c;
}

/* False: there is nothing to send any more (the transaction of an order has ended). */
static bool write_call(struct ocpp_session *s, struct call *c, const struct turn *t)
{
	struct buf payload;
	struct json_writer w;
	bool ok = true;

	buf_clear(&s->o->out);
	if (c->kind != CALL_ORDER) {
		rpc_write_call(&s->o->out, s->flight_id, c->action, c->payload, c->len);
		return true;
	}
	buf_init(&payload);
	jw_init(&w, &payload);
	ok = order_write(s, c, t, &w);
	if (ok)
		rpc_write_call(&s->o->out, s->flight_id, c->action, payload.data, payload.len);
	buf_fini(&payload);
	return ok;
}

void queue_pump(struct ocpp_session *s, const struct turn *t)
{
	while (s->link && !s->flight && s->queue && !s->corked &&
	       (s->state == SESSION_READY || s->state == SESSION_PENDING)) {
		struct call *c = pop(s, proof_holds(s));

		if (!c)
			return;
		/* Unique over restarts of ours too: a station may answer a call of the run before. */
		snprintf(s->flight_id, sizeof(s->flight_id), "%llx-%x",
			 (unsigned long long)(t->wall / US_PER_MS), ++s->o->next_call);
		if (!write_call(s, c, t)) {
			finish(s, c, &(struct call_result){ .how = CALL_UNSENT }, t);
			continue;
		}
		s->flight = c;
		s->sent = t->now;
		session_timer(s, TIMER_CALL, t->now + ANSWER_US);
		hurry(s, t);
		fx_frame_of_tx(t->fx, c->when, s->link, s->o->out.data, s->o->out.len, c->as_default ? 0 : c->tx);
	}
}

static void land(struct ocpp_session *s, const struct call_result *r, const struct turn *t)
{
	struct call *c = s->flight;

	s->flight = NULL;
	s->timer[TIMER_CALL] = MONO_NEVER;
	finish(s, c, r, t);
	queue_pump(s, t);
}

void queue_answered(struct ocpp_session *s, const struct frame *f, const struct turn *t)
{
	struct call_result r = {
		.how = f->kind == FRAME_RESULT ? CALL_ANSWERED : CALL_ERROR,
		.payload = f->payload, .code = f->code, .text = f->description,
	};

	if (!s->flight || strcmp(s->flight_id, f->id) != 0) {
		s->o->unmatched++;
		log_station(DEBUG, s->id, "answer_unmatched", "id=%s", log_text(f->id));
		return;
	}
	land(s, &r, t);
}

void queue_timed_out(struct ocpp_session *s, const struct turn *t)
{
	if (!s->flight)
		return;
	log_station(NOTICE, s->id, "call_timeout", "action=%s", s->flight->action);
	land(s, &(struct call_result){ .how = CALL_TIMED_OUT }, t);
}

/* The connection is gone. What a done function queues meanwhile must not be sent anywhere. */
void queue_drop(struct ocpp_session *s, const struct turn *t)
{
	struct call *c = s->flight;

	s->flight = NULL;
	s->timer[TIMER_CALL] = MONO_NEVER;
	if (c)
		finish(s, c, &(struct call_result){ .how = CALL_LOST }, t);
	while (s->queue)
		finish(s, pop(s, false), &(struct call_result){ .how = CALL_UNSENT }, t);
}
