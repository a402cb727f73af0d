/* ocpp/ocpp.c - all sessions: connections come and go, frames find theirs, registration changes.
 *
 * A session is found by identity always, by link while it is open. One link at a time: the newest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/control/told.h"
#include "ocpp/habits.h"
#include "ocpp/limit/proof.h"
#include "ocpp/limit/held.h"
#include "ocpp/locallist/locallist.h"
#include "ocpp/setup/setup.h"

/* The tree of a frame takes some 100 bytes for each of its values; 1 MiB of "[]," stays below. */
#define SCRATCH_MAX ((size_t)48 << 20)

struct ocpp *ocpp_new(struct site *site)
{
	struct ocpp *o = xcalloc(1, sizeof(*o));

	o->site = site;
	o->due = 0;	/* a look at what was stored */
	arena_init_budget(&o->scratch, SCRATCH_MAX);
	buf_init(&o->out);
	return o;
}

static void unlink_session(struct ocpp_session *s)
{
	struct ocpp_session **latest = &s->o->latest[s->link % LINKS_LATEST];

	if (*latest == s)
		*latest = NULL;
	HASH_DELETE(hh_link, s->o->by_link, s);
	s->link = 0;
}

static void session_free(struct ocpp_session *s, struct effects *fx)
{
	struct ocpp *o = s->o;

	/* Calls are ended by queue_drop; at the end of the process nobody hears their answers. */
	while (s->queue) {
		struct call *c = s->queue;

		s->queue = c->next;
		free(c->payload);
		free(c->reserved);
		free(c);
	}
	if (s->flight) {
		free(s->flight->payload);
		free(s->flight->reserved);
		free(s->flight);
	}
	for (size_t i = 0; i < ANSWERED_MAX; i++)
		free(s->answered[i].payload);
	proof_drop(s, fx);
	locallist_free(s);
	held_free(s);
	setup_drop(s, fx);
	if (s->link)
		unlink_session(s);
	HASH_DELETE(hh, o->by_id, s);
	free(s);
}

void ocpp_free(struct ocpp *o)
{
	struct ocpp_session *s, *next;

	if (!o)
		return;
	HASH_ITER(hh, o->by_id, s, next)
		session_free(s, NULL);
	habits_free(o->habits);
	arena_fini(&o->scratch);
	buf_fini(&o->out);
	free(o->listable.tags);
	free(o);
}

void ocpp_set_gate(struct ocpp *o, ocpp_admit_fn *admit, void *ctx)
{
	o->admit = admit;
	o->admit_ctx = ctx;
}

int ocpp_add_habits(struct ocpp *o, const char *file, const char *text, size_t len, struct diag *diag)
{
	return habits_add(&o->habits, file, text, len, diag);
}

void ocpp_due_by(struct ocpp *o, mono_t at)
{
	if (at < o->due)
		o->due = at;
}

struct station *session_station(const struct ocpp_session *s)
{
	if (s->found && s->dropped == s->o->site->stations_dropped)
		return s->found;
	return site_station(s->o->site, s->id);
}

/* The same, and remembers it for the next frame. */
static struct station *find_station(struct ocpp_session *s)
{
	s->found = session_station(s);
	s->dropped = s->o->site->stations_dropped;
	return s->found;
}

struct ocpp_session *session_by_station(struct ocpp *o, const char *id)
{
	struct ocpp_session *s;

	HASH_FIND_STR(o->by_id, id, s);
	return s;
}

static struct ocpp_session *session_by_link(struct ocpp *o, uint64_t link)
{
	struct ocpp_session *s = o->latest[link % LINKS_LATEST];

	if (s && s->link == link)
		return s;
	HASH_FIND_BYHASHVALUE(hh_link, o->by_link, &link, sizeof(link), (unsigned)link, s);
	return s;
}

static struct ocpp_session *session_get(struct ocpp *o, const char *id)
{
	struct ocpp_session *s = session_by_station(o, id);

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->o = o;
	snprintf(s->id, sizeof(s->id), "%s", id);
	s->interval_s = s->skew_us = NUM_NONE;
	s->max_stack = s->max_periods = INT32_MAX;
	for (int i = 0; i < TIMER_COUNT; i++)
		s->timer[i] = MONO_NEVER;
	HASH_ADD_STR(o->by_id, id, s);
	return s;
}

/* ---- connections ---- */

static size_t count_unknown(const struct site *site)
{
	const struct station *st;
	size_t n = 0;

	for (st = site->stations; st; st = st->hh.next)
		n += st->conf < 0;
	return n;
}

/* Room for one more identity that nobody registered? Those that left make room. */
static bool admit_unknown(struct ocpp *o, const struct turn *t)
{
	const struct station *st;

	if (o->site->registration == REG_CLOSED)
		return false;
	if (count_unknown(o->site) < UNKNOWN_MAX)
		return true;
	for (st = o->site->stations; st; st = st->hh.next) {
		if (st->conf < 0 && !st->link)
			fx_del(t->fx, STORE_BOOT, st->id);
	}
	site_attach(o->site, o->site->owned);
	return count_unknown(o->site) < UNKNOWN_MAX;
}

static void disconnect(struct ocpp_session *s, const struct turn *t)
{
	unlink_session(s);
	for (int i = 0; i < TIMER_COUNT; i++)
		if (i != TIMER_DRAW && i != TIMER_PROOF)
			s->timer[i] = MONO_NEVER;
	queue_drop(s, t);
	told_over(s, t);
	locallist_closed(s);
	session_step(s, SESSION_EV_CLOSED, t);
	s->auth = false;
}

void ocpp_opened(struct ocpp *o, uint64_t link, const char *identity, const char *address, bool tls,
		 mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct station *st = site_station(o->site, identity);
	struct ocpp_session *s;

	if ((!st || st->conf < 0) && !(st && st->link) && !admit_unknown(o, &t)) {
		log_station(WARNING, identity, "station_refused", "address=%s why=%s", log_text(address),
			    o->site->registration == REG_CLOSED ? "registration is closed" :
			    "too many unknown stations");
		fx_close(fx, FX_NOW, link, 1008, "not registered");
		return;
	}
	s = session_get(o, identity);
	if (s->link) {
		log_station(NOTICE, identity, "station_replaced", "address=%s", log_text(address));
		fx_close(fx, FX_NOW, s->link, 1000, "replaced by a new connection");
		disconnect(s, &t);
	}
	/* After admit_unknown and disconnect, which may drop stations. */
	st = site_station_get(o->site, identity);
	s->link = link;
	/* Links are numbered one by one: no hash spreads them better. */
	HASH_ADD_KEYPTR_BYHASHVALUE(hh_link, o->by_link, &s->link, sizeof(s->link), (unsigned)link, s);
	o->latest[link % LINKS_LATEST] = s;
	s->opened = wall;
	s->skew_us = NUM_NONE;
	s->booted = s->nudged = false;
	s->heard = s->zeroed = 0;
	st->session = s;
	st->link = link;
	st->tls = tls;
	st->last_seen = wall;
	snprintf(st->address, sizeof(st->address), "%s", address ? address : "");
	log_station(INFO, identity, "station_opened", "address=%s tls=%s", log_text(address), tls ? "yes" : "no");
	session_step(s, SESSION_EV_OPENED, &t);
}

void ocpp_closed(struct ocpp *o, uint64_t link, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct ocpp_session *s = session_by_link(o, link);
	const struct station *st = s ? session_station(s) : NULL;

	if (!s)
		return;
	log_station(INFO, s->id, "station_closed", "address=%s", log_text(st ? st->address : ""));
	disconnect(s, &t);
	st = session_station(s);
	if (st && st->conf >= 0)
		return;
	for (size_t i = 0; st && i < st->connector_count; i++)
		connector_forget_draw(o->site, st->connectors[i]);
	session_free(s, fx);
}

void ocpp_frame(struct ocpp *o, uint64_t link, const char *text, size_t len, mono_t now, wall_t wall,
		struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct ocpp_session *s = session_by_link(o, link);
	struct station *st = s ? find_station(s) : NULL;
	struct ocpp_violation v;
	struct frame f;

	if (!st)
		return;
	st->last_seen = wall;
	arena_reset(&o->scratch);
	rpc_parse(&o->scratch, text, len, &f, &v);
	switch (f.kind) {
	case FRAME_CALL:
		inbound_call(s, st, &f, &t);
		break;
	case FRAME_RESULT:
	case FRAME_ERROR:
		queue_answered(s, &f, &t);
		break;
	case FRAME_MALFORMED:
		buf_clear(&o->out);
		rpc_write_error(&o->out, f.id, v.code, v.text);
		fx_frame(fx, FX_NOW, link, o->out.data, o->out.len);
		/* fall through */
	case FRAME_IGNORED:
		o->malformed++;
		log_station(NOTICE, s->id, "frame_malformed", "bytes=%zu why=%s", len, log_text(v.text));
		break;
	}
}

/* A station that was just registered is set up first; its set-up ends with the restart. */
static void restart_asked(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	if (st->restart_asked && s->link && s->set_up && st->conf >= 0)
		session_restart(s, t);
	if (s->set_up || !s->link)
		st->restart_asked = false;
}

static bool closes_with(const struct ocpp_session *s, const struct station *st)
{
	return st->conf < 0 && s->o->site->registration == REG_CLOSED;
}

void ocpp_reconfigured(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct ocpp_session *s, *next;

	HASH_ITER(hh, o->by_id, s, next) {
		struct station *st = session_station(s);

		if (!st || (!s->link && st->conf < 0)) {
			if (!s->link)
				session_free(s, fx);
			continue;
		}
		locallist_wake(s, &t);
		if (st->conf >= 0 && st->test_asked) {
			st->test_asked = false;
			proof_begin(s, st, 0, MONO_NEVER, &t, NULL);
		}
		if (!s->link || s->registered == (st->conf >= 0)) {
			restart_asked(s, st, &t);
			continue;
		}
		if (closes_with(s, st))
			fx_close(fx, FX_NOW, s->link, 1008, "not registered any more");
		session_step(s, st->conf >= 0 ? SESSION_EV_REGISTERED : SESSION_EV_DELETED, &t);
	}
}

void ocpp_tags_changed(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };

	for (struct ocpp_session *s = o->by_id; s; s = s->hh.next)
		locallist_wake(s, &t);
}
