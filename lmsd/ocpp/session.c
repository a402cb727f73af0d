/* ocpp/session.c - what state a station is in, and the timers of its session.
 *
 * The state machine is the table `steps`; what has no row is refused and counted. Calls of ours
 * leave in READY and PENDING only: a station that boots shall hear its BootNotification.conf first,
 * one that only reconnects is waited for HOLD_US.
 */
#include "ocpp/control/told.h"
#include "ocpp/limit/proof.h"
#include "ocpp/locallist/locallist.h"
#include "ocpp/reserve/reserve.h"

#include "base/err.h"
#include "base/log.h"

#define HOLD_US (2 * US_PER_S)
#define NUDGE_US (5 * US_PER_S)
#define SETUP_US US_PER_S		/* the first limits go ahead of it */

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
		site_station_news(s->o->site, st, STATION_NEWS_ONLINE);
}

static void on_opened(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	come_online(s, st, t);
	/* After a restart of ours only its transactions are known: its cars charge until it says otherwise. */
	status_refresh_all(s, st, t);
	proof_event(s, PROOF_EV_OPENED, 0, 0, t);
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
		site_station_news(s->o->site, st, STATION_NEWS_ONLINE);
}

static void on_ready(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	(void)st;
	if (!s->set_up)
		session_timer(s, TIMER_SETUP, t->now + SETUP_US);
	reserve_ready(s, t);
	locallist_wake(s, t);
}

static void on_booted(struct ocpp_session *s, struct station *st, const struct turn *t)
{
	s->booted = true;
	s->set_up = false;
	s->one_period = false;
	s->zeroed = 0;
	s->heard = 0;
	if (s->registered)
		site_station_news(s->o->site, st, STATION_NEWS_BOOTED);
	st->reboot_due = false;
	/* A boot ends what a station said about its connectors before; it will say it again. */
	for (size_t i = 0; i < st->connector_count; i++)
		st->connectors[i]->status_time = WALL_NONE;
	proof_event(s, PROOF_EV_BOOTED, 0, 0, t);
	reserve_booted(s, t);
	locallist_closed(s);
	locallist_wake(s, t);
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

void session_restart(struct ocpp_session *s, const struct turn *t)
{
	struct call *c = call_new(CALL_TRIGGER, RANK_BACKGROUND, "Reset");
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "type", "Soft");
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
	[TIMER_DRAW] = status_on_draw,
	[TIMER_ADOPT] = status_on_adopt,
	[TIMER_PROOF] = proof_tick,
	[TIMER_LIST] = locallist_timer,
	[TIMER_TOLD] = told_over,
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
	site_reservation_expire(o->site, wall, fx);
	o->due = reserve_due(o, now, wall);
	for (s = o->by_id; s; s = s->hh.next) {
		for (int i = 0; i < TIMER_COUNT; i++) {
			if (s->timer[i] < o->due)
				o->due = s->timer[i];
		}
	}
}
