/* balance/budget.c - the dynamic budget of measured zones.
 *
 * Why an interval: meter and stations are sampled at different moments. Subtracting an old draw
 * from a new total would turn every change of a car into a change of the building.
 * Why cuts look at upper draws: cutting limits by the excess while cars draw less than their limits
 * does nothing.
 */
#include "balance/model.h"

#include <string.h>

#define CUT_EXTRA_MA   INT64_C(2000)
#define CUT_EFFECT_US  (6 * US_PER_S)
#define SLACK_MA       INT64_C(1000)
#define FRESH_US       (20 * US_PER_S)	/* twice the interval that stations are told */
#define BEGIN_US       (25 * US_PER_S)	/* two intervals, and some */
#define RECOVER_ROW    3

static const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

void budget_init(struct zone *z, mono_t now)
{
	struct budget *g = &z->budget;

	g->good_at = now;
	g->load = g->non_ev = g->held = g->over_upper = none;
	g->began_at = g->cut_at = g->raised_at = g->over_at = INT64_MIN / 2;
}

bool budget_blocks(const struct zone *z)
{
	return z->budget.state == METER_WAITS || z->budget.state == METER_STALE ||
	       (z->budget.state == METER_OK && z->budget.begins);
}

void budget_sample(struct balance *b, struct zone *z, const struct bal_sample *s)
{
	struct budget *g = &z->budget;
	bool good = s->good;

	voltage_sample(b, z, s);
	for (int k = 0; k < z->conf.phases; k++)
		if (s->current.l[k] == NUM_NONE && z->conf.dynamic.l[k] != NUM_NONE)
			good = false;
	if (g->state == METER_NONE)
		return;
	if (!good || (s->at <= g->good_at && g->good_row)) {
		g->good_row = 0;	/* time that stands still is a dead meter */
		return;
	}
	g->load = s->current;	/* what cannot be believed is shown nowhere, and never counted */
	g->good_at = s->at;
	g->good_row++;
	g->fresh = b->metered = true;
}

/* What the cars below may draw, per phase, at least and at most. */
struct draws {
	int64_t upper[PHASES], lower[PHASES];
	int64_t ordered[PHASES];	/* when all that was ordered is obeyed, and nothing beyond what was told */
	bool unknown;		/* somebody has a transaction and has not told */
};

/* How much less than it says a car may draw: meters of stations round, and current told as power was
 * divided by a voltage that may be 6 % off. A fixed ampere for each of many small cars would be a large
 * part of the site. */
static int64_t inexact(int64_t draw_ma)
{
	int64_t ma = draw_ma / 16 + 200;

	return ma < SLACK_MA ? ma : SLACK_MA;
}

static bool obeys(const struct balance *b, const struct conn *c)
{
	return b->stations[c->station].online && c->conf.manageable && !gate_uncontrollable(c);
}

static void conn_draws(const struct balance *b, const struct conn *c, mono_t now, struct draws *out)
{
	const struct demand *d = &c->demand;
	int64_t least = c->target_ma > c->idle_ma ? c->target_ma : c->idle_ma;
	bool fresh = d->draw_at != MONO_NEVER && now - d->draw_at <= FRESH_US;
	bool doubt = c->trust.strange || c->trust.strange_now || trust_doubted(c);

	gate_phases_w(c, b->stations[c->station].online, out->upper);
	out->unknown = c->session && (!fresh || !demand_told_twice(d));
	for (int k = 0; k < PHASES; k++) {
		int64_t draw = d->draw.l[k], before = d->before.l[k], w = out->upper[k];

		out->lower[k] = 0;
		out->ordered[k] = w;
		if (!doubt && obeys(b, c)) {
			int64_t told = (draw > 0 ? draw : 0) + SLACK_MA;

			out->ordered[k] = least < w ? least : w;
			if (told < out->ordered[k])
				out->ordered[k] = told;
		}
		if (!fresh || doubt || draw == NUM_NONE)
			continue;
		/* The meter may have looked before this draw: both it and the one before may be true. */
		if (before < draw)
			draw = before;
		draw -= inexact(draw);
		if (draw > 0 && d->draw_at >= d->lowered_at)
			out->lower[k] = draw < w ? draw : w;
		draw = d->draw.l[k] > before ? d->draw.l[k] : before;
		/* What it draws beyond W counts as building until it is reserved (trust.h): so the
		 * others have room for it from the first sample of the meter on. */
		if (draw + SLACK_MA < w && d->draw_at >= d->raised_at)
			out->upper[k] = draw > 0 ? draw + SLACK_MA : SLACK_MA;
		if (out->ordered[k] > out->upper[k])
			out->ordered[k] = out->upper[k];
	}
}

static void add_draws(struct balance *b, const struct conn *c, mono_t now, struct draws *sums)
{
	struct draws d;

	conn_draws(b, c, now, &d);
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent) {
		int64_t up = 0, low = 0, ordered = 0;

		sums[z].unknown |= d.unknown;
		for (int k = 0; k < PHASES; k++) {
			up = d.upper[k] > up ? d.upper[k] : up;
			low = d.lower[k] > low ? d.lower[k] : low;
			ordered = d.ordered[k] > ordered ? d.ordered[k] : ordered;
			if (b->zones[z].conf.phases == 1)
				continue;
			sums[z].upper[k] += d.upper[k];
			sums[z].lower[k] += d.lower[k];
			sums[z].ordered[k] += d.ordered[k];
		}
		if (b->zones[z].conf.phases == 1) {
			sums[z].upper[0] += up;
			sums[z].lower[0] += low;
			sums[z].ordered[0] += ordered;
		}
	}
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* What the cars may have when the limit is exceeded; while a cut takes effect, it is counted from
 * what they drew before it. Where that was not enough, neither what is on its way to be obeyed nor limits
 * beyond what a car has told are counted on again: the one would be given its own time each, the other
 * falls without any effect, and the limit would be exceeded all the while.
 */
static int64_t phase_cut(struct budget *g, int k, const struct draws *d, int64_t excess, mono_t now)
{
	bool in_effect = now - g->over_at < CUT_EFFECT_US && g->over_upper.l[k] != NUM_NONE;
	int64_t upper = g->over_still ? d->ordered[k] : d->upper[k];

	if (!in_effect)
		g->over_upper.l[k] = upper;
	else if (g->over_upper.l[k] > upper)
		upper = g->over_upper.l[k];
	return upper - excess - CUT_EXTRA_MA;
}

/* What the phase has left for the cars. */
static int64_t phase_budget(struct zone *z, int k, const struct draws *d, mono_t now, bool *over)
{
	struct budget *g = &z->budget;
	int64_t load = g->load.l[k], limit = pv_dynamic(z, k), upper = d->upper[k];
	int64_t low = load - upper, high = load - d->lower[k];
	int64_t left, cut = INT64_MAX, *non_ev = &g->non_ev.l[k];

	if (load > limit) {
		*over = true;
		g->begins = false;
		cut = phase_cut(g, k, d, load - limit, now);
	}
	/* At the start the building is as large as it may be. Where the limit is exceeded, the estimate
	 * was too low: what is cut now must not be given away again before there is proof. */
	if (cut == INT64_MAX && (*non_ev == NUM_NONE || g->begins))
		*non_ev = high;
	else if (cut != INT64_MAX && *non_ev < limit - z->conf.margin_ma - cut)
		*non_ev = limit - z->conf.margin_ma - cut;	/* NUM_NONE is less than all */
	*non_ev = clamp(*non_ev, low, high);
	left = limit - (*non_ev > 0 ? *non_ev : 0) - z->conf.margin_ma;
	/* Nobody knows yet what the cars draw; with them the limit is kept, so they stay as they are
	 * (budget_blocks: nobody gets more). */
	if (g->begins && left < upper)
		left = upper < limit ? upper : limit;
	left = left < cut ? left : cut;
	return left > 0 ? left : 0;
}

/* Half of the gap, 1 A at least, but not beyond. */
static void raise_held(struct zone *z, const int64_t left[PHASES], mono_t now)
{
	struct budget *g = &z->budget;
	bool reached = true;

	for (int k = 0; k < z->conf.phases; k++) {
		int64_t gap = left[k] - g->held.l[k];

		if (z->conf.dynamic.l[k] == NUM_NONE || gap <= 0)
			continue;
		if (gap >= SLACK_MA) {
			g->held.l[k] += gap / 2 > SLACK_MA ? gap / 2 : SLACK_MA;
			g->raised_at = now;
		}
		if (left[k] - g->held.l[k] >= SLACK_MA)
			reached = false;
	}
	if (reached)
		g->recovers = false;
}

static bool may_raise(const struct zone *z, mono_t now)
{
	const struct budget *g = &z->budget;
	const struct bal_timers *t = &z->conf.timers;

	return g->state == METER_OK && now - g->raised_at >= t->raise_us &&
	       now - g->cut_at >= t->raise_after_cut_us;
}

/* Takes a fresh sample into the budget. True if something was lowered. */
static bool take_sample(struct zone *z, const struct draws *d, mono_t now)
{
	struct budget *g = &z->budget;
	int64_t left[PHASES] = { 0 };
	bool over = false, lowered = false, first = false;

	g->fresh = false;
	g->begins = g->begins && d->unknown && now - g->began_at < BEGIN_US;
	for (int k = 0; k < z->conf.phases; k++) {
		if (z->conf.dynamic.l[k] == NUM_NONE)
			continue;
		left[k] = phase_budget(z, k, d, now, &over);
		if (g->held.l[k] == NUM_NONE || (!z->competing && !g->recovers)) {
			first = true;
			lowered |= g->held.l[k] != left[k];
			g->held.l[k] = left[k];
		} else if (left[k] < g->held.l[k]) {
			if (over || g->held.l[k] - left[k] >= SLACK_MA)
				g->cut_at = now;
			g->held.l[k] = left[k];
			lowered = true;
		}
	}
	if (over && now - g->over_at >= CUT_EFFECT_US)
		g->over_at = now;
	g->over_still = over;
	if (first)
		g->raised_at = now;
	else if (may_raise(z, now))
		raise_held(z, left, now);
	return lowered;
}

static void enter(struct balance *b, struct zone *z, enum meter_state state)
{
	if (z->budget.state == state)
		return;
	z->budget.state = state;
	b->dirty = b->urgent = true;
}

/* After a loss the budget starts again from the current that held meanwhile. */
static void recover(struct balance *b, struct zone *z, mono_t now)
{
	struct budget *g = &z->budget;

	g->held = z->conf.meter_lost;
	g->non_ev = none;
	g->begins = true;
	g->began_at = g->raised_at = now;
	g->recovers = true;
	enter(b, z, METER_OK);
}

static void meter_due(struct balance *b, mono_t at)
{
	if (at < b->meter_due)
		b->meter_due = at;
}

static void run_state(struct balance *b, struct zone *z, mono_t now)
{
	struct budget *g = &z->budget;
	const struct bal_timers *t = &z->conf.timers;
	mono_t age = now - g->good_at;

	if (age >= t->meter_lost_us) {
		g->good_row = 0;
		enter(b, z, METER_LOST);
		return;
	}
	if (g->state == METER_LOST) {
		if (g->good_row >= RECOVER_ROW)
			recover(b, z, now);
		return;
	}
	meter_due(b, g->good_at + t->meter_lost_us);
	if (g->state == METER_WAITS && !g->good_row)
		return;
	if (g->state == METER_WAITS) {
		g->begins = true;
		g->began_at = now;
	}
	if (age >= t->meter_stale_us) {
		enter(b, z, METER_STALE);
		return;
	}
	enter(b, z, METER_OK);
	meter_due(b, g->good_at + t->meter_stale_us);
}

void budget_run(struct balance *b, mono_t now)
{
	struct draws *sums = NULL;

	b->metered = false;
	b->meter_due = MONO_NEVER;
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];
		struct phase_ma held = z->budget.held;

		if (z->budget.state == METER_NONE)
			continue;
		run_state(b, z, now);
		if (!z->budget.fresh)
			continue;
		if (!sums) {
			sums = arena_array(&b->scratch, b->zone_count, sizeof(*sums));
			for (size_t c = 0; c < b->conn_count; c++)
				add_draws(b, &b->conns[c], now, sums);
		}
		if (take_sample(z, &sums[i], now))
			b->urgent = true;
		if (z->competing && memcmp(&held, &z->budget.held, sizeof(held)) != 0)
			b->dirty = true;	/* else whoever comes next looks at it */
	}
}

static bool is_below(const struct balance *b, int z, int zone)
{
	while (z >= 0 && z != zone)
		z = b->zones[z].conf.parent;
	return z == zone;
}

int64_t balance_drawn_since(const struct balance *b, int zone, mono_t since)
{
	int64_t sum[PHASES] = { 0 }, most = 0;

	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		const struct demand *d = &c->demand;

		if (d->draw_at == MONO_NEVER || d->draw_at < since || c->trust.strange || c->trust.strange_now ||
		    trust_doubted(c) || !is_below(b, c->conf.zone, zone))
			continue;
		for (int k = 0; k < PHASES; k++)
			sum[k] += d->draw.l[k] != NUM_NONE ? d->draw.l[k] : 0;
	}
	for (int k = 0; k < PHASES; k++)
		most = sum[k] > most ? sum[k] : most;
	return most;
}
