/* ocpp/session.c - connections come and go, sessions stay; what state a station is in; timers.
 *
 * The state machine is the table `steps`; what has no row is refused and counted. Calls of ours
 * leave in READY and PENDING only: a station that boots shall hear its BootNotification.conf first,
 * one that only reconnects is waited for HOLD_US.
 */
#include "ocpp/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/habits.h"

#define HOLD_US (2 * US_PER_S)
#define NUDGE_US (5 * US_PER_S)
#define SETUP_US US_PER_S		/* the first limits go ahead of it */
/* The tree of a frame takes some 100 bytes for each of its values; 1 MiB of "[]," stays below. */
#define SCRATCH_MAX ((size_t)48 << 20)

struct ocpp *ocpp_new(struct site *site)
{
	struct ocpp *o = xcalloc(1, sizeof(*o));

	o->site = site;
	o->due = MONO_NEVER;
	arena_init_budget(&o->scratch, SCRATCH_MAX);
	buf_init(&o->out);
	return o;
}

static void session_free(struct ocpp_session *s)
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
	if (s->link)
		HASH_DELETE(hh_link, o->by_link, s);
	HASH_DELETE(hh, o->by_id, s);
	free(s);
}

void ocpp_free(struct ocpp *o)
{
	struct ocpp_session *s, *next;

	if (!o)
		return;
	HASH_ITER(hh, o->by_id, s, next)
		session_free(s);
	habits_free(o->habits);
	arena_fini(&o->scratch);
	buf_fini(&o->out);
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

struct station *session_station(const struct ocpp_session *s)
{
	return site_station(s->o->site, s->id);
}

struct ocpp_session *session_by_station(struct ocpp *o, const char *id)
{
	struct ocpp_session *s;

	HASH_FIND_STR(o->by_id, id, s);
	return s;
}

static struct ocpp_session *session_by_link(struct ocpp *o, uint64_t link)
{
	struct ocpp_session *s;

	HASH_FIND(hh_link, o->by_link, &link, sizeof(link), s);
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
	s->max_stack = INT32_MAX;
	for (int i = 0; i < TIMER_COUNT; i++)
		s->timer[i] = MONO_NEVER;
	HASH_ADD_STR(o->by_id, id, s);
	return s;
}

bool session_known(const struct ocpp_session *s, const struct station *st)
{
	return st->conf >= 0 || s->o->site->registration == REG_ACCEPT;
}

/* ---- the state machine ---- */

static void no_action(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	(void)s;
	(void)st;
	(void)t;
}

static void come_online(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	bool known = session_known(s, st);

	(void)t;
	s->registered = st->conf >= 0;
	st->state = known ? STATION_ONLINE : STATION_PENDING;
	if (s->registered)
		st->online_changed = true;
}

static void on_opened(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	come_online(s, st, t);
	session_timer(s, TIMER_HOLD, t->now + HOLD_US);
	session_timer(s, TIMER_NUDGE, t->now + NUDGE_US);
}

static void go_offline(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	(void)t;
	st->state = STATION_OFFLINE;
	st->link = 0;
	st->session = NULL;
	if (s->registered)
		st->online_changed = true;
}

static void on_ready(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	(void)st;
	if (!s->set_up)
		session_timer(s, TIMER_SETUP, t->now + SETUP_US);
}

static void on_booted(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	s->booted = true;
	s->set_up = false;
	s->zeroed = 0;
	s->heard = 0;
	if (s->registered)
		st->booted_changed = true;
	/* A boot ends what a station said about its connectors before; it will say it again. */
	for (size_t i = 0; i < st->connector_count; i++)
		st->connectors[i]->status_time = WALL_NONE;
	session_timer(s, TIMER_SETUP, t->now + SETUP_US);
	session_timer(s, TIMER_NUDGE, t->now + NUDGE_US);
}

static void on_pending(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	st->state = STATION_PENDING;
	/* A pending station says BootNotification again and again. */
	if (s->booted)
		return;
	s->set_up = false;
	s->booted = true;
	log_station(NOTICE, s->id, "station_pending", "vendor=%s model=%s address=%s", log_text(st->vendor),
		    log_text(st->model), log_text(st->address));
	/* It may charge from its memory: no current until it is accepted. */
	s->zeroed = 0;
	order_zero(s, 0, t);
	session_timer(s, TIMER_SETUP, t->now + SETUP_US);
	session_timer(s, TIMER_NUDGE, t->now + NUDGE_US);
}

static void on_registered(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	come_online(s, st, t);
	s->set_up = false;
	session_trigger(s, "BootNotification", -1, t);
	session_timer(s, TIMER_SETUP, t->now + SETUP_US);
}

static void on_deleted(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	s->registered = false;
	st->state = STATION_PENDING;
	s->zeroed = 0;
	order_zero(s, 0, t);
	session_trigger(s, "BootNotification", -1, t);
}

struct step {
	enum session_state state;
	enum session_event event;
	enum session_state next;
	void (*action)(struct ocpp_session *s, struct station *st, const struct turn *t);
};

static const struct step steps[] = {
	/* state	  event				next		action		*/
	{ SESSION_CLOSED,  SESSION_EV_OPENED,		SESSION_OPEN,	 on_opened },
	{ SESSION_OPEN,	   SESSION_EV_BOOT_KNOWN,	SESSION_READY,	 on_booted },
	{ SESSION_OPEN,	   SESSION_EV_BOOT_UNKNOWN,	SESSION_PENDING, on_pending },
	/* A station may keep its boot over a reconnect: accept its traffic at once. */
	{ SESSION_OPEN,	   SESSION_EV_SPOKE_KNOWN,	SESSION_READY,	 on_ready },
	{ SESSION_OPEN,	   SESSION_EV_SPOKE_UNKNOWN,	SESSION_PENDING, no_action },
	{ SESSION_OPEN,	   SESSION_EV_REGISTERED,	SESSION_OPEN,	 come_online },
	{ SESSION_OPEN,	   SESSION_EV_DELETED,		SESSION_OPEN,	 come_online },
	{ SESSION_OPEN,	   SESSION_EV_CLOSED,		SESSION_CLOSED,	 go_offline },
	{ SESSION_PENDING, SESSION_EV_BOOT_KNOWN,	SESSION_READY,	 on_booted },
	{ SESSION_PENDING, SESSION_EV_BOOT_UNKNOWN,	SESSION_PENDING, on_pending },
	{ SESSION_PENDING, SESSION_EV_SPOKE_UNKNOWN,	SESSION_PENDING, no_action },
	{ SESSION_PENDING, SESSION_EV_REGISTERED,	SESSION_READY,	 on_registered },
	{ SESSION_PENDING, SESSION_EV_CLOSED,		SESSION_CLOSED,	 go_offline },
	{ SESSION_READY,   SESSION_EV_BOOT_KNOWN,	SESSION_READY,	 on_booted },
	{ SESSION_READY,   SESSION_EV_SPOKE_KNOWN,	SESSION_READY,	 no_action },
	/* At a bench (registration=accept) a station is served before it is registered. */
	{ SESSION_READY,   SESSION_EV_REGISTERED,	SESSION_READY,	 on_registered },
	{ SESSION_READY,   SESSION_EV_DELETED,		SESSION_PENDING, on_deleted },
	{ SESSION_READY,   SESSION_EV_CLOSED,		SESSION_CLOSED,	 go_offline },
};

static const struct step *find_step(enum session_state state, enum session_event ev)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].state == state && steps[i].event == ev)
			return &steps[i];
	}
	return NULL;
}

int session_next_state(enum session_state state, enum session_event ev)
{
	const struct step *step = find_step(state, ev);

	return step ? (int)step->next : -1;
}

void session_step(struct ocpp_session *s, enum session_event ev, const struct turn *t)
{
	const struct step *step = find_step(s->state, ev);
	struct station *st = session_station(s);

	if (!step || !st) {
		s->o->refused_steps++;
		return;
	}
	s->state = step->next;
	step->action(s, st, t);
	queue_pump(s, t);
}

/* ---- timers ---- */

void session_timer(struct ocpp_session *s, enum session_timer which, mono_t at)
{
	s->timer[which] = at;
	if (at < s->o->due)
		s->o->due = at;
}

void session_trigger(struct ocpp_session *s, const char *message, int connector, const struct turn *t)
{
	struct call *c = call_new(CALL_TRIGGER, RANK_BACKGROUND, "TriggerMessage");
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "requestedMessage", message);
	if (connector >= 0)
		jw_kint(&w, "connectorId", connector);
	jw_object_end(&w);
	call_payload(c, &b);
	queue_push(s, c, t);
}

static void on_hold_over(struct ocpp_session *s, const struct turn *t)
{
	const struct station *st = session_station(s);

	if (st && s->state == SESSION_OPEN)
		session_step(s, session_known(s, st) ? SESSION_EV_SPOKE_KNOWN : SESSION_EV_SPOKE_UNKNOWN, t);
}

/* Once per connection and boot, each: stations that kept their state say nothing by themselves. */
static void on_nudge(struct ocpp_session *s, const struct turn *t)
{
	struct station *st = session_station(s);

	if (!st)
		return;
	if (!s->booted && !s->nudged)
		session_trigger(s, "BootNotification", -1, t);
	s->nudged = true;
	for (size_t i = 0; i < st->connector_count; i++) {
		if (!(s->heard & UINT64_C(1) << i))
			session_trigger(s, "StatusNotification", (int)i + 1, t);
	}
}

static void (*const timer_fns[TIMER_COUNT])(struct ocpp_session *s, const struct turn *t) = {
	[TIMER_CALL] = queue_timed_out,
	[TIMER_QUEUE] = queue_expire,
	[TIMER_HOLD] = on_hold_over,
	[TIMER_NUDGE] = on_nudge,
	[TIMER_SETUP] = setup_begin,
	[TIMER_AUTH] = status_on_auth,
	[TIMER_USE] = status_on_use,
	[TIMER_ADOPT] = status_on_adopt,
};

mono_t ocpp_next_due(const struct ocpp *o)
{
	return o->due;
}

/* `due` is a lower bound while timers move, so a look at all sessions is rare: it is exact after. */
void ocpp_time(struct ocpp *o, mono_t now, wall_t wall, struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct ocpp_session *s, *next;

	if (now < o->due)
		return;
	HASH_ITER(hh, o->by_id, s, next) {
		for (int i = 0; i < TIMER_COUNT; i++) {
			if (s->timer[i] > now)
				continue;
			s->timer[i] = MONO_NEVER;
			timer_fns[i](s, &t);
		}
	}
	o->due = MONO_NEVER;
	for (s = o->by_id; s; s = s->hh.next) {
		for (int i = 0; i < TIMER_COUNT; i++) {
			if (s->timer[i] < o->due)
				o->due = s->timer[i];
		}
	}
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
	HASH_DELETE(hh_link, s->o->by_link, s);
	s->link = 0;
	for (int i = 0; i < TIMER_COUNT; i++)
		s->timer[i] = MONO_NEVER;
	queue_drop(s, t);
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
	HASH_ADD(hh_link, o->by_link, link, sizeof(s->link), s);
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
	if (!st || st->conf < 0)
		session_free(s);
}

void ocpp_frame(struct ocpp *o, uint64_t link, const char *text, size_t len, mono_t now, wall_t wall,
		struct effects *fx)
{
	const struct turn t = { now, wall, fx };
	struct ocpp_session *s = session_by_link(o, link);
	struct station *st = s ? session_station(s) : NULL;
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
				session_free(s);
			continue;
		}
		if (!s->link || s->registered == (st->conf >= 0))
			continue;
		if (closes_with(s, st))
			fx_close(fx, FX_NOW, s->link, 1008, "not registered any more");
		session_step(s, st->conf >= 0 ? SESSION_EV_REGISTERED : SESSION_EV_DELETED, &t);
	}
}
