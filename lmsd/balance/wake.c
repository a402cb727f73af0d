/* balance/wake.c - see wake.h. */
#include "balance/model.h"

#define SILENT_MA  INT64_C(500)
#define GIVE_UP_US (60 * US_PER_S)	/* a pulse that is not accepted and obeyed by then is over */
#define ANSWER_US  (60 * US_PER_S)	/* a car that was woken draws by then */
#define SAMPLE_US  (300 * US_PER_S)	/* an older sample proves nothing */

void wake_reset(struct wake *w)
{
	*w = (struct wake){ .woken_at = MONO_NEVER, .silent_since = MONO_NEVER, .offered_since = MONO_NEVER,
			    .measures = w->measures };
}

/* What wakes a car is its pilot wire: sockets without one and direct current know no such sleep. */
static bool has_pilot(const struct conn *c)
{
	return !c->conf.on_off && !c->conf.dc;
}

static void enter(struct wake *w, enum wake_state state, mono_t now)
{
	w->state = state;
	w->at = now;
}

void wake_draw(struct balance *b, struct conn *c, int64_t top_ma, mono_t at)
{
	struct wake *w = &c->wake;
	bool was_silent = w->silent_since != MONO_NEVER;

	if (top_ma == NUM_NONE || top_ma >= SILENT_MA) {
		w->silent_since = MONO_NEVER;
		if (top_ma == NUM_NONE)
			return;
		w->measures = true;
		if (w->state != WAKE_LOW)
			w->drew = true;	/* what it draws while it is told to stop says nothing */
		w->took |= w->offered_since != MONO_NEVER;
		b->dirty |= w->stopped;
		w->stopped = false;
		b->dirty |= w->full || w->state == WAKE_BACK;
		w->full = false;
		if (w->state == WAKE_BACK)
			enter(w, WAKE_SPENT, at);
		return;
	}
	if (was_silent)
		return;
	w->silent_since = at;
	b->dirty |= c->session != 0;
}

static bool is_given(const struct conn *c)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];

	return tx->sure && tx->now_ma != NUM_NONE && tx->now_ma >= c->min_ma;
}

static bool is_paused(const struct conn *c)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];

	return tx->sure && tx->now_ma == 0;
}

/* Since when it takes nothing of what it is offered, by samples of that time; MONO_NEVER = it does, or nobody
 * knows. */
static mono_t refuses_since(const struct conn *c, mono_t now)
{
	const struct wake *w = &c->wake;
	mono_t since = w->offered_since > w->silent_since ? w->offered_since : w->silent_since;

	if (since == MONO_NEVER || c->demand.draw_at == MONO_NEVER || c->demand.draw_at <= w->offered_since ||
	    now - c->demand.draw_at > SAMPLE_US)
		return MONO_NEVER;
	return since;
}

/* A station that never told of any current may not measure at all. */
static bool is_proven(const struct conn *c)
{
	return c->use == BAL_FULL || (c->use == BAL_CHARGING && c->wake.measures);
}

static void watch(struct balance *b, struct conn *c, mono_t now)
{
	struct wake *w = &c->wake;
	mono_t since = refuses_since(c, now), due;

	if (since == MONO_NEVER || !is_proven(c) || !has_pilot(c))
		return;
	due = since + b->zones[c->conf.zone].conf.timers.wake_us;
	if (due > now) {
		model_due(b, due);
		return;
	}
	if (c->gate.pending_count || c->gate.retry_at > now)
		return;
	enter(w, WAKE_LOW, now);
	w->woken_at = now;
	w->drew = false;
}

/* A draw is watched as long before it is reclaimed. */
static void watch_stop(struct balance *b, struct conn *c, mono_t now)
{
	struct wake *w = &c->wake;
	mono_t since = refuses_since(c, now), due;

	if (since == MONO_NEVER || !w->took || w->stopped)
		return;
	due = since + b->zones[c->conf.zone].conf.timers.reclaim_us;
	w->stopped = due <= now;
	if (!w->stopped)
		model_due(b, due);
}

static void pulse(struct balance *b, struct conn *c, mono_t now)
{
	bool obeyed = is_paused(c) && !gate_was_given(c);

	if (!obeyed && now < c->wake.at + GIVE_UP_US) {
		model_due(b, c->wake.at + GIVE_UP_US);
		return;
	}
	enter(&c->wake, WAKE_BACK, now);
	c->wake.silent_since = MONO_NEVER;	/* what it drew before says nothing of now */
}

static void listen(struct balance *b, struct conn *c, mono_t now)
{
	struct wake *w = &c->wake;

	if (w->offered_since == MONO_NEVER)
		return;		/* others may have taken its room meanwhile: it waits like any other */
	if (now < w->offered_since + ANSWER_US) {
		model_due(b, w->offered_since + ANSWER_US);
		return;
	}
	enter(w, WAKE_SPENT, now);
	w->full = true;
}

void wake_turn(struct balance *b, struct conn *c, mono_t now)
{
	struct wake *w = &c->wake;

	if (!c->session || !b->stations[c->station].online || !c->conf.manageable || gate_uncontrollable(c))
		return;
	if (!is_given(c)) {
		w->offered_since = MONO_NEVER;
		w->took = false;
	} else if (w->offered_since == MONO_NEVER) {
		w->offered_since = now;
	}
	watch_stop(b, c, now);
	switch (w->state) {
	case WAKE_READY:
		watch(b, c, now);
		break;
	case WAKE_LOW:
		pulse(b, c, now);
		break;
	case WAKE_BACK:
		listen(b, c, now);
		break;
	case WAKE_SPENT:
		/* It drew until we paused it, and may fall asleep meanwhile. */
		if (is_paused(c) && w->drew && !w->full)
			enter(w, WAKE_READY, now);
		break;
	}
}

static bool has_stopped(const struct wake *w)
{
	return w->stopped && w->state != WAKE_LOW && w->state != WAKE_BACK;
}

enum bal_use wake_use(const struct conn *c)
{
	const struct wake *w = &c->wake;

	if (c->use == BAL_CHARGING && (w->full || has_stopped(w)))
		return BAL_FULL;
	if (c->use != BAL_FULL || w->full || has_stopped(w) || !c->session || !has_pilot(c))
		return c->use;
	/* Without samples nobody could tell whether it wakes. */
	if (w->state == WAKE_LOW || w->state == WAKE_BACK ||
	    (w->state == WAKE_READY && w->silent_since != MONO_NEVER))
		return BAL_CHARGING;
	return BAL_FULL;
}
