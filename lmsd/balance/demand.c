/* balance/demand.c - learns from what the cars draw.
 *
 * Reclaim looks at the highest draw of a whole window after the last raise: one low sample proves
 * nothing. Phases narrow only where current on the other phases and power both say so, because
 * some stations report zeros, or L1 only, for three-phase cars; they widen at once.
 */
#include "balance/model.h"

#include <string.h>

#define RECLAIM_GAP_MA  INT64_C(2000)
#define PROBE_NEAR_MA   INT64_C(1000)
#define PROBE_STEP_MA   INT64_C(4000)
#define PROBE_WAIT_US   (10 * US_PER_S)

#define LEARN_US        (60 * US_PER_S)
#define LEARN_SOON_US   (30 * US_PER_S)	/* of a car that takes all that it is offered: its start is over */
#define LEARN_SOON_MA   INT64_C(1000)
enum { LEARN_SAMPLES = 4 };
#define LEARN_MA        INT64_C(6000)
#define LEARN_ALL_MA    INT64_C(2000)
#define LEARN_OTHER_MA  INT64_C(500)
#define LEARN_VOLT      INT64_C(230)
#define LEARN_PERCENT   20

void demand_reset(struct demand *d, mono_t now)
{
	*d = (struct demand){
		.told = { { NUM_NONE, NUM_NONE, NUM_NONE } },
		.draw = { { NUM_NONE, NUM_NONE, NUM_NONE } },
		.before = { { NUM_NONE, NUM_NONE, NUM_NONE } }, .draw_at = MONO_NEVER,
		.since = now,
		.raised_at = now, .lowered_at = now, .max_ma = NUM_NONE, .step_ma = PROBE_STEP_MA,
		.window_at = now, .peak_ma = NUM_NONE,
	};
}

static int64_t highest(const struct phase_ma *draw)
{
	int64_t top = NUM_NONE;

	for (int k = 0; k < PHASES; k++)
		if (draw->l[k] != NUM_NONE && draw->l[k] > top)
			top = draw->l[k];
	return top;
}

bool demand_told_twice(const struct demand *d)
{
	return highest(&d->before) != NUM_NONE;
}

int64_t demand_top(const struct demand *d)
{
	return highest(&d->draw);
}

void demand_limit(struct demand *d, int64_t old_ma, int64_t new_ma, mono_t now)
{
	if (new_ma == old_ma)
		return;
	if (old_ma != NUM_NONE && new_ma < old_ma) {
		d->lowered_at = now;
		return;
	}
	d->raised_at = now;
	/* A car that left its old limit unused is not held back by it: its window goes on. */
	if (old_ma > 0 && d->peak_ma != NUM_NONE && d->peak_ma < old_ma - RECLAIM_GAP_MA)
		return;
	d->window_at = now;
	d->peak_ma = NUM_NONE;
}

static bool one_phase_power(const struct phase_ma *draw, phase_mask_t used, int64_t power_w)
{
	int64_t expect = 0, gap;

	for (int k = 0; k < PHASES; k++)
		if (used >> k & 1)
			expect += draw->l[k] * LEARN_VOLT / 1000;
	gap = power_w > expect ? power_w - expect : expect - power_w;
	return gap * 100 <= expect * LEARN_PERCENT;
}

/* 0 = nothing can be said of the phases from this sample. */
static phase_mask_t used_phases(const struct phase_ma *draw, int64_t power_w)
{
	phase_mask_t used = 0;

	if (power_w == NUM_NONE)
		return 0;
	/* Three that are alike prove themselves at less current than one alone. */
	if (draw->l[0] >= LEARN_ALL_MA && draw->l[1] >= LEARN_ALL_MA && draw->l[2] >= LEARN_ALL_MA)
		return one_phase_power(draw, PHASE_ALL, power_w) ? PHASE_ALL : 0;
	for (int k = 0; k < PHASES; k++) {
		if (draw->l[k] == NUM_NONE)
			return 0;
		if (draw->l[k] >= LEARN_MA)
			used |= (phase_mask_t)(1 << k);
		else if (draw->l[k] >= LEARN_OTHER_MA)
			return 0;
	}
	return used && one_phase_power(draw, used, power_w) ? used : 0;
}

static phase_mask_t live_phases(const struct phase_ma *draw)
{
	phase_mask_t live = 0;

	for (int k = 0; k < PHASES; k++)
		if (draw->l[k] != NUM_NONE && draw->l[k] >= LEARN_OTHER_MA)
			live |= (phase_mask_t)(1 << k);
	return live;
}

/* It draws on other phases than it did: what was learned is over. */
static bool forget_phases(struct demand *d, phase_mask_t live)
{
	bool wider = d->learned && (live & ~d->learned), other = d->known && live && live != d->known;

	if (wider)
		d->learned = d->seen = 0;
	if (wider || other)
		d->known = 0;
	return wider || other;
}

/* Long enough on the same phases. A car that takes all it may has begun to charge in full: what has drawn
 * nothing beside that for half the time is not going to. */
static bool seen_enough(const struct conn *c, const struct phase_ma *draw, mono_t at)
{
	const struct demand *d = &c->demand;
	int64_t limit = gate_limit(c);

	if (at - d->seen_at >= LEARN_US)
		return true;
	return at - d->seen_at >= LEARN_SOON_US && d->seen_count >= LEARN_SAMPLES && !c->watts &&
	       limit != NUM_NONE && highest(draw) >= limit - LEARN_SOON_MA;
}

static bool learn_phases(struct conn *c, const struct phase_ma *draw, int64_t power_w, mono_t at)
{
	struct demand *d = &c->demand;
	phase_mask_t used = used_phases(draw, power_w);

	if (forget_phases(d, live_phases(draw)))
		return true;
	if (c->conf.dc || ((c->conf.fixed_phases || c->conf.one_limit) && used != model_wired(c)))
		return false;
	if (!used || used != d->seen) {
		d->seen = used;
		d->seen_at = at;
		d->seen_count = 1;
		return false;
	}
	d->seen_count++;
	if (used == d->known || !seen_enough(c, draw, at))
		return false;
	d->known = used;
	d->narrowed = used != model_wired(c) && !d->was_narrowed;
	d->was_narrowed |= d->narrowed;
	if (c->watts)	/* what it drew until now was less than it will be given */
		d->peak_ma = NUM_NONE;
	if (used != PHASE_ALL)
		d->learned = used;
	return true;
}

/* A draw as the limit in amperes that it would use up: a power gives the least current at the highest
 * voltage. NUM_NONE: it says nothing while the phases of a car that is told a power are not known. */
static int64_t as_limit(const struct balance *b, const struct conn *c, int64_t draw_ma)
{
	if (!c->watts || draw_ma == NUM_NONE)
		return draw_ma;
	return watts_known(c) ? draw_ma * b->voltage_max / b->voltage_min : NUM_NONE;
}

static bool reclaim(struct conn *c, int64_t limit, int64_t span_us, mono_t at)
{
	struct demand *d = &c->demand;
	int64_t least = c->min_ma > 0 ? c->min_ma : c->conf.min_ma, to;

	if (at - d->window_at < span_us || d->peak_ma == NUM_NONE)
		return false;
	to = d->peak_ma + RECLAIM_GAP_MA;
	d->window_at = at;
	if (d->peak_ma >= limit - RECLAIM_GAP_MA) {
		d->peak_ma = NUM_NONE;
		return false;
	}
	d->peak_ma = NUM_NONE;
	if (to < least)
		to = least;
	to += ALLOC_STEP_FINE - 1;
	to -= to % ALLOC_STEP_FINE;
	if (d->max_ma != NUM_NONE && to >= d->max_ma)
		return false;
	d->max_ma = to;
	d->step_ma = PROBE_STEP_MA;
	return true;
}

static bool probe(struct conn *c, int64_t limit, int64_t draw, mono_t at)
{
	struct demand *d = &c->demand;

	if (d->max_ma == NUM_NONE || draw < d->max_ma - PROBE_NEAR_MA ||
	    limit < d->max_ma - ALLOC_STEP_COARSE || at - d->raised_at < PROBE_WAIT_US)
		return false;
	d->max_ma += d->step_ma;
	d->step_ma *= 2;
	if (d->max_ma >= c->conf.max_ma)
		d->max_ma = NUM_NONE;
	return true;
}

void demand_draw(struct balance *b, struct conn *c, const struct phase_ma *told, int64_t power_w,
		 bool nonsense, mono_t at)
{
	struct demand *d = &c->demand;
	struct phase_ma draw = *told;
	int64_t top, limit = gate_limit(c);
	const struct bal_timers *t = &b->zones[c->conf.zone].conf.timers;
	bool changed, plain;

	/* Told again because something else changed: not another look at the car. */
	if (at == d->draw_at && memcmp(told, &d->told, sizeof(*told)) == 0)
		return;
	plain = trust_sample(b, c, &draw, nonsense, at);
	top = highest(&draw);
	d->told = *told;
	d->before = d->draw;
	d->draw = draw;
	d->draw_at = at;
	wake_draw(b, c, plain ? top : NUM_NONE, at);
	if (top == NUM_NONE || !c->session || !plain || trust_doubted(c))
		return;
	changed = learn_phases(c, &draw, power_w, at);
	top = as_limit(b, c, top);
	if (d->peak_ma == NUM_NONE || top > d->peak_ma)
		d->peak_ma = top;
	if (top != NUM_NONE && limit != NUM_NONE && limit > 0 && !c->conf.on_off) {
		changed |= probe(c, limit, top, at);
		changed |= reclaim(c, limit, t->reclaim_us, at);
	}
	if (changed)
		b->dirty = true;
}
