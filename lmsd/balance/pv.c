/* balance/pv.c - from samples of meters to what cars may share.
 *
 * surplus = what the cars draw less what comes from the grid, summed over phases; where production
 * is measured too, never more than that (a battery that keeps the grid at zero is no sun).
 * Stations tell their draws later than the meter sees them, so a sample counts only when no limit
 * has changed that its car has not answered for; a mean of 10 s is looked at, not a sample.
 *
 * An inverter that never exports hides what it could give: grid and surplus are about zero, whatever
 * the sun does. Where `probe` says that it is one, a minute of that is a reason to try: one car at
 * its minimum, later 1 A per phase more at a time. Half a minute of import says no: what was tried
 * is withdrawn at once, without the usual delays, and tried again after 15 min, then twice as long,
 * up to 2 h.
 */
#include "balance/pv.h"

#include "balance/model.h"

#define BLOCK_US       (10 * US_PER_S)
#define LEVEL_US       (30 * US_PER_S)
#define DEAD_W         INT64_C(100)	/* smaller changes are noise */
#define UNSETTLED_US   (30 * US_PER_S)	/* so long a station may take to tell its draw */
#define SKIP_US        (60 * US_PER_S)	/* by then a sample counts in any case */
#define LOST_US        (60 * US_PER_S)
#define GOOD_ROW       3
#define START_US       (60 * US_PER_S)
#define STOP_US        (180 * US_PER_S)
#define BOOST_US       (60 * US_PER_S)
#define BOOST_STEP_MA  INT64_C(1000)
#define BOOST_STEP_W   INT64_C(100)
#define VOLT_MV        INT64_C(230000)

#define QUIET_W        INT64_C(200)	/* a grid at zero, as inverters keep it */
#define QUIET_BLOCKS   6
#define IMPORT_BLOCKS  3
#define PROBE_STEP_MA  INT64_C(1000)
#define PROBE_US       (300 * US_PER_S)	/* a car that has not begun by then will not */
#define PROBE_WAIT_US  (900 * US_PER_S)
#define PROBE_MOST_US  (7200 * US_PER_S)

static bool shares(const struct zone *z)
{
	return z->conf.pv.strategy == BAL_PV_SURPLUS || z->conf.pv.strategy == BAL_PV_MIN_SURPLUS;
}

int64_t pv_watts(const struct zone *z, int64_t ma)
{
	return ma * z->pv.volt_mv / 1000000;
}

bool pv_boosts(const struct zone *z)
{
	return z->conf.pv.strategy == BAL_PV_BOOST;
}

bool pv_binds(const struct zone *z)
{
	return shares(z) && z->pv.state != BAL_PV_LOST;
}

static void steady_set(struct pv_steady *s, int64_t v, mono_t at)
{
	*s = (struct pv_steady){ .v = v, .since = at };
	for (int i = 0; i <= PV_PARTS; i++)
		s->low[i] = v;
}

/* True if it has changed. */
static bool steady_take(struct pv_steady *s, int64_t v, int64_t window_us, mono_t at)
{
	int64_t part = window_us / PV_PARTS, was = s->v;

	for (int i = 0; i <= PV_PARTS && at - s->since >= part; i++) {
		s->running = (s->running + 1) % (PV_PARTS + 1);
		s->low[s->running] = INT64_MAX;
		s->since += part;
	}
	if (at - s->since >= part)
		s->since = at;
	if (v < s->low[s->running])
		s->low[s->running] = v;
	s->v = v;
	for (int i = 0; i <= PV_PARTS; i++)
		s->v = s->low[i] < s->v ? s->low[i] : s->v;
	return s->v != was;
}

void pv_init(struct zone *z, mono_t now)
{
	struct pv *p = &z->pv;

	*p = (struct pv){ .state = z->conf.pv.strategy ? BAL_PV_WAITS : BAL_PV_NONE, .volt_mv = VOLT_MV,
			  .surplus_w = NUM_NONE, .draw_w = NUM_NONE, .short_since = MONO_NEVER,
			  .block_at = now, .used_at = now, .probe_wait_us = PROBE_WAIT_US };
	steady_set(&p->level, 0, now);
	p->start = p->boost_w = p->level;
	for (int k = 0; k < PHASES; k++)
		p->boost[k] = p->level;
	for (int i = 0; i < 2; i++)
		p->source[i] = (struct pv_source){ .power_w = NUM_NONE, .good_at = now };
	if (!z->conf.pv.start_us)
		z->conf.pv.start_us = START_US;
	if (!z->conf.pv.stop_us)
		z->conf.pv.stop_us = STOP_US;
}

/* ---- surplus -------------------------------------------------------------------------------- */

static bool is_below(const struct balance *b, int z, const struct zone *zone)
{
	while (z >= 0 && &b->zones[z] != zone)
		z = b->zones[z].conf.parent;
	return z >= 0;
}

/* One that never tells what it draws is taken to draw what it may. */
static int64_t conn_draw(const struct conn *c)
{
	int64_t limit = gate_limit(c), sum = 0;
	phase_mask_t phases = model_phases(c);

	for (int k = 0; k < PHASES; k++) {
		int64_t draw = c->demand.draw.l[k];

		if (c->demand.draw_at == MONO_NEVER && c->use == BAL_CHARGING && limit != NUM_NONE)
			draw = phases >> k & 1 ? limit : 0;
		sum += draw != NUM_NONE && draw > 0 ? draw : 0;
	}
	return sum;
}

/* Its limit has changed, and it has not told its draw since. */
static bool conn_unsettled(const struct conn *c, mono_t at)
{
	const struct demand *d = &c->demand;
	mono_t changed = d->raised_at > d->lowered_at ? d->raised_at : d->lowered_at;

	if (!c->session || at - changed >= UNSETTLED_US)
		return false;
	return d->draw_at == MONO_NEVER || d->draw_at < changed + c->conf.settle_us;
}

/* Sums what the cars below draw; false if it does not belong to the present limits. */
static bool sum_draws(const struct balance *b, struct zone *z, mono_t at)
{
	bool settled = true;
	int64_t sum = 0;

	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];

		if (!c->session || !is_below(b, c->conf.zone, z))
			continue;
		sum += conn_draw(c);
		settled &= !conn_unsettled(c, at);
	}
	z->pv.draw_w = pv_watts(z, sum);
	return settled;
}

static int64_t measured_surplus(const struct zone *z)
{
	const struct pv_source *grid = &z->pv.source[BAL_PV_GRID], *sun = &z->pv.source[BAL_PV_PRODUCTION];
	int64_t produced = sun->power_w > 0 ? sun->power_w : 0, left;

	if (!z->conf.pv.grid)
		return produced;
	left = z->pv.draw_w - grid->power_w;
	return z->conf.pv.production && produced < left ? produced : left;
}

/* Limits do not follow every noise; what is over is over at once. */
static bool level_take(struct pv *p, int64_t w, mono_t at)
{
	int64_t was = p->level_w, gap;

	steady_take(&p->level, w, LEVEL_US, at);
	gap = p->level.v - was;
	if (gap > DEAD_W || gap < -DEAD_W || !p->level.v)
		p->level_w = p->level.v;
	return p->level_w != was;
}

/* ---- an inverter that never exports ----------------------------------------------------------- */

static void probe_ends(struct pv *p, mono_t at, bool failed)
{
	p->withdrawn = failed && p->probe_starts;
	p->probe_w = 0;
	p->quiet = p->imports = 0;
	p->probe_after = failed ? at + p->probe_wait_us : at;
	p->probe_wait_us = !failed ? PROBE_WAIT_US
				   : p->probe_wait_us * 2 < PROBE_MOST_US ? p->probe_wait_us * 2 : PROBE_MOST_US;
}

static void probe_begins(struct zone *z, int64_t surplus_w, mono_t at)
{
	struct pv *p = &z->pv;
	int64_t now_w = p->level_w > surplus_w ? p->level_w : surplus_w;

	p->probe_starts = !p->charging;
	p->probe_w = p->charging ? now_w + pv_watts(z, PHASES * PROBE_STEP_MA) : pv_watts(z, p->want_ma) + 1;
	if (p->probe_w < z->conf.pv.min_w)
		p->probe_w = z->conf.pv.min_w;
	p->probe_at = at;
}

/* What is offered beyond the surplus, if anything. */
static int64_t probe_block(struct zone *z, int64_t surplus_w, int64_t grid_w, mono_t at)
{
	struct pv *p = &z->pv;
	bool dark = z->conf.pv.production && p->source[BAL_PV_PRODUCTION].power_w < QUIET_W;
	bool wanted = p->charging ? p->hungry : p->want_ma > 0;

	p->imports = grid_w > QUIET_W ? p->imports + 1 : 0;
	p->quiet = grid_w <= QUIET_W && grid_w >= -QUIET_W && !dark ? p->quiet + 1 : 0;
	if (!p->probe_w) {
		if (p->quiet >= QUIET_BLOCKS && wanted && at >= p->probe_after)
			probe_begins(z, surplus_w, at);
	} else if (p->imports >= IMPORT_BLOCKS || at - p->probe_at >= PROBE_US) {
		probe_ends(p, at, true);
	} else if (surplus_w >= p->probe_w - DEAD_W) {
		probe_ends(p, at, false);
	}
	return p->probe_w;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

bool pv_block(struct zone *z, int64_t surplus_w, int64_t grid_w, mono_t at)
{
	struct pv *p = &z->pv;
	int64_t w = surplus_w > 0 ? surplus_w : 0, probe_w = 0, held_w = pv_watts(z, p->held_ma);
	bool changed, enough = p->now_w >= held_w;

	p->surplus_w = surplus_w;
	if (z->conf.pv.probe && z->conf.pv.grid)
		probe_w = probe_block(z, w, grid_w, at);
	if (w < z->conf.pv.min_w)
		w = 0;
	p->now_w = w;
	if (probe_w > w) {
		changed = p->level_w != probe_w;
		p->level_w = probe_w;
		steady_set(&p->level, probe_w, at);
		if (p->probe_starts)
			steady_set(&p->start, probe_w, at);
		return changed;
	}
	changed = level_take(p, w, at) || enough != (w >= held_w);
	return steady_take(&p->start, w, z->conf.pv.start_us, at) || changed;
}

static void take_surplus(struct balance *b, struct zone *z, mono_t at)
{
	struct pv *p = &z->pv;
	const struct pv_source *grid = &p->source[BAL_PV_GRID], *sun = &p->source[BAL_PV_PRODUCTION];
	bool settled = sum_draws(b, z, at);

	if ((z->conf.pv.grid && grid->power_w == NUM_NONE) || (z->conf.pv.production && sun->power_w == NUM_NONE))
		return;
	if (z->conf.pv.grid && !settled && at - p->used_at < SKIP_US)
		return;
	p->used_at = at;
	p->sum_w += measured_surplus(z);
	p->sum_grid_w += z->conf.pv.grid ? grid->power_w : 0;
	p->samples++;
	if (at - p->block_at < BLOCK_US)
		return;
	if (pv_block(z, p->sum_w / p->samples, p->sum_grid_w / p->samples, at))
		b->dirty = true;
	p->block_at = at;
	p->sum_w = p->sum_grid_w = 0;
	p->samples = 0;
	if (p->state == BAL_PV_WAITS)
		b->dirty = true;
	if (p->state != BAL_PV_LOST)
		p->state = p->probe_w ? BAL_PV_PROBES : BAL_PV_OK;
}

/* ---- boost ------------------------------------------------------------------------------------ */

static int64_t whole_steps(int64_t v, int64_t step)
{
	return v == NUM_NONE || v <= 0 ? 0 : v - v % step;
}

static void boost_take(struct balance *b, struct zone *z, const struct phase_ma *current, int64_t power_w,
		       mono_t at)
{
	struct pv *p = &z->pv;
	int64_t before = p->boost_w.v;
	bool fell = false, changed;

	changed = steady_take(&p->boost_w, whole_steps(power_w, BOOST_STEP_W), BOOST_US, at);
	fell = p->boost_w.v < before;
	for (int k = 0; k < z->conf.phases; k++) {
		before = p->boost[k].v;
		changed |= steady_take(&p->boost[k], whole_steps(current->l[k], BOOST_STEP_MA), BOOST_US, at);
		fell |= p->boost[k].v < before;
	}
	b->dirty |= changed;
	b->urgent |= fell;
}

static void boost_ends(struct balance *b, struct zone *z, mono_t at)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	boost_take(b, z, &none, NUM_NONE, at);
}

int64_t pv_boosted(const struct zone *z, int phase, int64_t cap_ma)
{
	int64_t rating = z->conf.pv.rating.l[phase], to = cap_ma + z->pv.boost[phase].v;

	if (cap_ma == NUM_NONE)
		return cap_ma;
	if (rating > 0 && to > rating)
		to = rating;
	return to > cap_ma ? to : cap_ma;
}

int64_t pv_dynamic(const struct zone *z, int phase)
{
	return z->conf.pv.dynamic ? pv_boosted(z, phase, z->conf.dynamic.l[phase]) : z->conf.dynamic.l[phase];
}

int64_t pv_boosted_w(const struct zone *z, int64_t cap_w)
{
	return cap_w == NUM_NONE ? cap_w : cap_w + z->pv.boost_w.v;
}

/* ---- samples and time --------------------------------------------------------------------------- */

/* The sample that a strategy acts on: the grid's where there is one. */
static bool sets_the_pace(const struct zone *z, enum bal_pv_source source)
{
	if (pv_boosts(z))
		return source == BAL_PV_PRODUCTION;
	return z->conf.pv.grid ? source == BAL_PV_GRID : source == BAL_PV_PRODUCTION;
}

void pv_sample(struct balance *b, struct zone *z, enum bal_pv_source source, const struct bal_pv_sample *s)
{
	struct pv_source *from = &z->pv.source[source];
	bool good = s->good && s->power_w != NUM_NONE && (s->at > from->good_at || !from->good_row);

	if (z->pv.state == BAL_PV_NONE || !(source == BAL_PV_GRID ? z->conf.pv.grid : z->conf.pv.production))
		return;
	b->pv_due = INT64_MIN;	/* a turn looks at the states */
	if (!good) {
		from->good_row = 0;
		if (pv_boosts(z))
			boost_ends(b, z, s->at);
		return;
	}
	from->good_at = s->at;
	from->good_row++;
	from->power_w = s->power_w;
	if (s->voltage_mv != NUM_NONE && s->voltage_mv > 0)
		z->pv.volt_mv = s->voltage_mv;
	if (!sets_the_pace(z, source) || (z->pv.state == BAL_PV_LOST && from->good_row < GOOD_ROW))
		return;
	if (pv_boosts(z))
		boost_take(b, z, &s->current, s->power_w, s->at);
	else
		take_surplus(b, z, s->at);
}

/* The sample that is oldest of those that the strategy needs; whether all have come back. */
static mono_t oldest(const struct zone *z, bool *back)
{
	mono_t at = MONO_NEVER;

	*back = true;
	for (int i = 0; i < 2; i++) {
		if (!(i == BAL_PV_GRID ? z->conf.pv.grid && shares(z) : z->conf.pv.production))
			continue;
		if (z->pv.source[i].good_at < at)
			at = z->pv.source[i].good_at;
		*back &= z->pv.source[i].good_row >= GOOD_ROW;
	}
	return at;
}

static bool run_zone(struct balance *b, struct zone *z, mono_t now)
{
	struct pv *p = &z->pv;
	enum bal_pv_state before = p->state;
	bool back, boosts = pv_boosts(z);
	mono_t lost = oldest(z, &back) + (boosts ? z->conf.timers.meter_stale_us : LOST_US);

	if (now >= lost) {
		p->state = BAL_PV_LOST;
		if (before != BAL_PV_LOST)
			b->dirty = b->urgent = true;
		if (boosts)
			boost_ends(b, z, now);
		return before != BAL_PV_LOST;
	}
	if (lost < b->pv_due)
		b->pv_due = lost;
	if (p->state == BAL_PV_LOST && back) {
		struct pv was = *p;

		/* What was measured before is past; cars that charge have their stop delay. */
		pv_init(z, now);
		for (int i = 0; i < 2; i++)
			p->source[i] = was.source[i];
		b->dirty = true;
	}
	if (boosts && p->state == BAL_PV_WAITS && back)
		p->state = BAL_PV_OK;
	return p->state != before;
}

bool pv_run(struct balance *b, mono_t now)
{
	bool changed = false;

	b->pv_due = MONO_NEVER;
	for (size_t i = 0; i < b->zone_count; i++)
		if (b->zones[i].pv.state != BAL_PV_NONE)
			changed |= run_zone(b, &b->zones[i], now);
	return changed;
}
