/* balance/view.c - what people see: limits, sums, and the causes in words.
 *
 * A reason is kept as codes and indices and becomes words here, with the figures of the moment.
 */
#include "balance/model.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static const struct {
	const char *name, *sentence;
} reasons[] = {
#define REASON(code, name, sentence) { name, sentence },
#include "balance/reason.def"
#undef REASON
};

static const enum bal_reason_code outer_reasons[BAL_OUTER_KINDS] = {
	[BAL_OUTER_OVERRIDE] = BAL_WHY_OVERRIDE,
	[BAL_OUTER_GRID] = BAL_WHY_GRID,
	[BAL_OUTER_TARIFF] = BAL_WHY_TARIFF,
	[BAL_OUTER_SOURCE] = BAL_WHY_SOURCE,
};

const char *balance_outer_name(enum bal_outer kind)
{
	return reasons[outer_reasons[kind]].name;
}

struct bal_reason reason_make(enum bal_reason_code code)
{
	return (struct bal_reason){ .code = (int)code, .name = reasons[code].name, .zone = -1,
				    .phase = -1, .other = -1, .value = NUM_NONE };
}

/* ---- words ---------------------------------------------------------------------------------- */

struct words {
	char *out;
	size_t size, len;
};

static void put(struct words *w, const char *s)
{
	for (; *s && w->len + 1 < w->size; s++)
		w->out[w->len++] = *s;
	w->out[w->len] = '\0';
}

static void put_ma(struct words *w, int64_t ma)
{
	char text[40];

	if (ma == NUM_NONE || ma == ALLOC_NO_CAP)
		return put(w, "-");
	snprintf(text, sizeof(text), ma % 1000 ? "%lld.%lld A" : "%lld A", (long long)(ma / 1000),
		 (long long)(ma % 1000 / 100));
	put(w, text);
}

static void put_w(struct words *w, int64_t watts)
{
	struct buf b;

	buf_init(&b);
	fmt_w(&b, watts);
	put(w, buf_cstr(&b));
	buf_fini(&b);
}

static void put_ordinal(struct words *w, int64_t n)
{
	static const char *const words[] = { "first", "second", "third" };
	char text[40];

	if (n >= 1 && n <= 3)
		return put(w, words[n - 1]);
	snprintf(text, sizeof(text), "%lld%s", (long long)n,
		 n % 100 / 10 == 1 ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" :
		 n % 10 == 3 ? "rd" : "th");
	put(w, text);
}

static void put_span(struct words *w, int64_t us)
{
	int64_t s = us > 0 ? (us + US_PER_S - 1) / US_PER_S : 0;
	char text[60];

	if (s < 120)
		snprintf(text, sizeof(text), "%lld s", (long long)s);
	else
		snprintf(text, sizeof(text), "%lld min", (long long)((s + 59) / 60));
	put(w, text);
}

static void put_phase(struct words *w, const struct balance *b, const struct bal_reason *r)
{
	static const char *const names[] = { "L1", "L2", "L3", "the total" };

	if (r->phase == 0 && r->zone >= 0 && b->zones[r->zone].conf.phases == 1)
		put(w, "its phase");
	else
		put(w, r->phase >= 0 && r->phase < ALLOC_CAPS ? names[r->phase] : "all phases");
}

static int count_sharing(const struct balance *b, const struct bal_reason *r)
{
	const struct zone *z = r->zone >= 0 ? &b->zones[r->zone] : NULL;

	if (z != NULL && r->code == BAL_WHY_PV_SURPLUS)
		return z->pv.charging;
	return z != NULL && r->phase >= 0 && r->phase < ALLOC_CAPS ? z->sharing[r->phase] : 0;
}

static int64_t cap_of(const struct balance *b, const struct bal_reason *r)
{
	if (r->zone < 0)
		return NUM_NONE;
	return b->zones[r->zone].cap[r->phase >= 0 && r->phase < ALLOC_CAPS ? r->phase : 0];
}

/* "4 cars" that may charge in the zone. */
static void put_sessions(struct words *w, int sessions)
{
	char text[40];

	snprintf(text, sizeof(text), sessions == 1 ? "%d car" : "%d cars", sessions);
	put(w, text);
}

static const char *outer_words(enum bal_outer by)
{
	static const char *const words[BAL_OUTER_KINDS] = {
		[BAL_OUTER_OVERRIDE] = "the administrator",
		[BAL_OUTER_GRID] = "the grid signal",
		[BAL_OUTER_TARIFF] = "its tariff",
		[BAL_OUTER_SOURCE] = "the state of its source",
	};

	return words[by];
}

/* What cars share, or what is there for those who wait. */
static int64_t sun_w(const struct pv *p)
{
	return p->charging || p->surplus_w == NUM_NONE ? p->level_w : p->surplus_w;
}

static void put_part(struct words *w, const struct balance *b, const struct bal_reason *r, char what)
{
	char text[20];

	switch (what) {
	case 'z':
		return put(w, r->zone >= 0 ? b->zones[r->zone].conf.id : "-");
	case 'Z':
		if (r->zone >= 0 && !b->zones[r->zone].conf.of_station)
			put(w, "zone ");
		return put(w, r->zone >= 0 ? b->zones[r->zone].conf.id : "a zone");
	case 'p':
		return put_phase(w, b, r);
	case 'c':
		return put_ma(w, cap_of(b, r));
	case 'k':
		snprintf(text, sizeof(text), "%d", count_sharing(b, r));
		return put(w, text);
	case 's':
		return put_sessions(w, r->zone >= 0 ? b->zones[r->zone].sessions : 0);
	case 'l':
		return put(w, r->zone >= 0 ? outer_words(b->zones[r->zone].sessions_by) : "-");
	case 'o':
		return put(w, r->other >= 0 ? b->conns[r->other].conf.id : "another connector");
	case 'd':
		return put_ma(w, r->other >= 0 ? demand_top(&b->conns[r->other].demand) : NUM_NONE);
	case 'm':
		return put_ma(w, r->zone >= 0 ? b->zones[r->zone].conf.meter_lost.l[0] : NUM_NONE);
	case 'a':
		return put_ma(w, r->value);
	case 'u':
		return put_w(w, r->zone >= 0 ? sun_w(&b->zones[r->zone].pv) : 0);
	case 'w':
		return put_w(w, r->value);
	case 'n':
		return put_ordinal(w, r->value);
	case 't':
		return put_span(w, r->value);
	default:
		return put(w, "%");
	}
}

static void put_sentence(const struct balance *b, const char *sentence, const struct bal_reason *r,
			 char *out, size_t size)
{
	struct words w = { .out = out, .size = size };
	char one[2] = "";

	if (!size)
		return;
	out[0] = '\0';
	for (const char *s = sentence; *s; s++) {
		if (*s == '%' && s[1]) {
			put_part(&w, b, r, *++s);
			continue;
		}
		one[0] = *s;
		put(&w, one);
	}
}

void balance_reason_text(const struct balance *b, const struct bal_reason *r, char *out, size_t size)
{
	put_sentence(b, r->code >= 0 && r->code < BAL_WHY_COUNT ? reasons[r->code].sentence : "", r, out,
		     size);
}

void balance_alert_text(const struct balance *b, const struct bal_alert *a, char *out, size_t size)
{
	const struct bal_alert_info *info = balance_alert_info(a->code);

	put_sentence(b, a->begins ? info->text : info->end_text, &a->about, out, size);
}

/* ---- connectors ----------------------------------------------------------------------------- */

/* A wait for room is a wait for somebody, if somebody has been told to give way. */
static struct bal_reason held_reason(const struct balance *b, const struct conn *c)
{
	struct bal_reason r = c->held;

	if (r.code == BAL_WHY_WAITS_ROOM && r.zone >= 0 && r.phase >= 0) {
		uint32_t other = b->zones[r.zone].lowering[r.phase];

		if (other != NO_INDEX && &b->conns[other] != c) {
			r = reason_make(BAL_WHY_WAITS_OTHER);
			r.zone = c->held.zone;
			r.phase = c->held.phase;
			r.other = (int)other;
		}
	}
	return r;
}

static struct bal_reason target_reason(const struct balance *b, const struct conn *c)
{
	struct bal_reason r = c->why;

	if (r.code == BAL_WHY_RECLAIMED || r.code == BAL_WHY_DISOBEYS)
		r.other = (int)(c - b->conns);
	return r;
}

/* Why a zone has the cap that it has, where that is not just its configuration. */
static bool zone_cause(const struct balance *b, int zone, int cap, struct bal_reason *r)
{
	const struct zone *z = &b->zones[zone];
	enum cap_why why = cap >= 0 && cap < ALLOC_CAPS ? z->why[cap] : CAP_NONE;

	if (why >= CAP_OUTER) {
		*r = reason_make(outer_reasons[why - CAP_OUTER]);
		r->value = z->cap[cap];
		r->zone = zone;
		r->phase = cap;
		return true;
	}
	switch (why) {
	case CAP_METER_LOST:
		*r = reason_make(BAL_WHY_METER_LOST);
		break;
	case CAP_DYNAMIC:
		*r = reason_make(z->budget.recovers ? BAL_WHY_METER_RECOVERS : BAL_WHY_DYNAMIC);
		r->value = cap < PHASES ? z->budget.non_ev.l[cap] : NUM_NONE;
		break;
	case CAP_STATIC:
		if (cap >= PHASES || !z->pv.boost[cap].v)
			return false;
		*r = reason_make(BAL_WHY_PV_BOOST);
		r->value = z->cap[cap] - z->conf.cap.l[cap];
		break;
	case CAP_NONE:
	case CAP_OUTER:
		return false;
	}
	r->zone = zone;
	r->phase = cap;
	return true;
}

/* What its transaction's limit falls to by itself; NUM_NONE = it stays. */
static int64_t fallback_of(const struct conn *c)
{
	const struct claim *tx = &c->gate.claims[BAL_LIMIT_TX];

	if (!c->session || tx->now_ma == NUM_NONE || c->gate.fall_ma >= tx->now_ma)
		return NUM_NONE;
	return watts_phase(c, true, c->gate.fall_ma);
}

void balance_conn_view(const struct balance *b, uint32_t conn, struct bal_conn_view *out)
{
	const struct conn *c = &b->conns[conn];
	struct bal_reason cause;
	bool competes = c->use != BAL_NONE && c->use != BAL_STOPPED;

	*out = (struct bal_conn_view){
		.target_ma = c->target_ma, .limit_ma = gate_limit(c), .pending_ma = NUM_NONE,
		.w_ma = gate_w(c, b->stations[c->station].online), .phases = model_phases(c),
		.uncontrollable = gate_uncontrollable(c), .draw_strange = c->trust.strange_now,
		.min_ma = competes ? c->min_ma : NUM_NONE, .max_ma = competes ? c->max_ma : NUM_NONE,
		.vip = c->conf.vip || c->tag_vip, .admitted = competes && c->admitted,
	};
	for (int i = 0; i < c->gate.pending_count; i++)
		out->pending_ma = gate_pending_ma(c, &c->gate.pending[i]);
	out->fallback_ma = fallback_of(c);
	out->reason = c->held.code != BAL_WHY_NONE ? held_reason(b, c) : target_reason(b, c);
	/* Where one line must do, a silent meter or a limit from outside says more than that the zone is full. */
	if (c->held.code == BAL_WHY_NONE && c->why.zone >= 0 &&
	    zone_cause(b, c->why.zone, c->why.phase, &cause) &&
	    (cause.code == BAL_WHY_METER_LOST ||
	     b->zones[c->why.zone].why[c->why.phase] >= CAP_OUTER))
		out->reason = cause;
}

static bool sun_lost(const struct balance *b, const struct conn *c, struct bal_reason *r)
{
	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent) {
		if (b->zones[z].pv.state != BAL_PV_LOST || (c->pv_exempt && !pv_boosts(&b->zones[z])))
			continue;
		*r = reason_make(BAL_WHY_PV_LOST);
		r->zone = z;
		return true;
	}
	return false;
}

size_t balance_explain(const struct balance *b, uint32_t conn, struct bal_cause *out, size_t max, mono_t now)
{
	const struct conn *c = &b->conns[conn];
	struct bal_reason chain[6];
	size_t n = 0;

	if (c->held.code != BAL_WHY_NONE)
		chain[n++] = held_reason(b, c);
	chain[n++] = target_reason(b, c);
	if (c->why.zone >= 0 && zone_cause(b, c->why.zone, c->why.phase, &chain[n]))
		n++;
	if (sun_lost(b, c, &chain[n]))
		n++;
	if (c->session && c->wake.woken_at != MONO_NEVER) {
		chain[n] = reason_make(BAL_WHY_WOKEN);
		chain[n++].value = now - c->wake.woken_at;
	}
	if (c->session && fallback_concerns(b, c)) {
		chain[n] = reason_make(fallback_of(c) == NUM_NONE ? BAL_WHY_KEEPS : BAL_WHY_FALLS);
		chain[n++].value = fallback_of(c);
	}
	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++) {
		out[i].reason = chain[i];
		balance_reason_text(b, &chain[i], out[i].text, sizeof(out[i].text));
	}
	return n;
}

/* ---- zones ---------------------------------------------------------------------------------- */

/* What the connectors below draw, by zone; `only` saves the others, -1 = all. */
static void sum_draws(const struct balance *b, int only, struct phase_ma *sums)
{
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];

		for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
			for (int k = 0; (only < 0 || z == only) && k < PHASES; k++)
				if (c->demand.draw.l[k] != NUM_NONE)
					sums[only < 0 ? z : 0].l[k] += c->demand.draw.l[k];
	}
}

static const char *cap_why(const struct zone *z)
{
	static const char *const names[] = { "parent", "static", "dynamic", "meter_lost" };
	int least = 0;

	for (int k = 1; k < z->conf.phases; k++)
		if (z->cap[k] < z->cap[least])
			least = k;
	if (z->why[least] >= CAP_OUTER)
		return balance_outer_name((enum bal_outer)(z->why[least] - CAP_OUTER));
	return z->why[least] == CAP_NONE && z->conf.parent < 0 ? "none" : names[z->why[least]];
}

static void view_zone(const struct balance *b, int zone, const struct phase_ma *draws, struct bal_zone_view *out)
{
	const struct zone *z = &b->zones[zone];
	bool measured = z->budget.state != METER_NONE && z->budget.good_row > 0;

	*out = (struct bal_zone_view){
		.non_ev = z->budget.non_ev, .budget = z->budget.held,
		.meter_lost = z->budget.state == METER_LOST, .cap_why = cap_why(z),
		.meter_ok = z->budget.state == METER_OK || z->budget.state == METER_NONE,
		.competing = z->competing, .admitted = z->admitted, .sessions = z->sessions,
		.seconds_over = z->over_us / US_PER_S,
	};
	for (int k = 0; k < PHASES; k++) {
		const struct zone *from = z;

		while (from->cap[k] == ALLOC_NO_CAP && from->conf.parent >= 0)
			from = &b->zones[from->conf.parent];
		out->cap.l[k] = k < z->conf.phases && from->cap[k] != ALLOC_NO_CAP ? from->cap[k]
										    : NUM_NONE;
		out->sum_w.l[k] = k < z->conf.phases ? z->sum_w[k] : NUM_NONE;
	}
	out->load = measured ? z->budget.load : *draws;
}

void balance_zone_view(const struct balance *b, int zone, struct bal_zone_view *out)
{
	struct phase_ma draws = { { 0 } };

	sum_draws(b, zone, &draws);
	view_zone(b, zone, &draws, out);
}

void balance_zone_views(const struct balance *b, struct arena *arena, struct bal_zone_view *out)
{
	struct phase_ma *draws = arena_array(arena, b->zone_count + 1, sizeof(*draws));

	sum_draws(b, -1, draws);
	for (size_t i = 0; i < b->zone_count; i++)
		view_zone(b, (int)i, &draws[i], &out[i]);
}

void balance_pv_view(const struct balance *b, int zone, struct bal_pv_view *out)
{
	const struct zone *z = &b->zones[zone];
	const struct pv *p = &z->pv;
	bool known = p->state == BAL_PV_OK || p->state == BAL_PV_PROBES;

	*out = (struct bal_pv_view){
		.state = p->state,
		.grid_w = known ? p->source[BAL_PV_GRID].power_w : NUM_NONE,
		.production_w = known ? p->source[BAL_PV_PRODUCTION].power_w : NUM_NONE,
		.draw_w = NUM_NONE, .surplus_w = NUM_NONE, .budget_w = NUM_NONE, .start_w = NUM_NONE,
		.following = p->following, .charging = p->charging,
	};
	for (int k = 0; k < PHASES; k++)
		out->boost.l[k] = k < z->conf.phases && pv_boosts(z) ? p->boost[k].v : NUM_NONE;
	if (!known || pv_boosts(z))
		return;
	out->draw_w = p->draw_w;
	out->surplus_w = p->surplus_w;
	out->budget_w = p->level_w;
	out->start_w = p->start.v;
}
