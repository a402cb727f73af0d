/* balance/pv_bind.c - what the sun leaves, as the allocator sees it.
 *
 * Cars that charge do not stop for a passing cloud: while the sun has been too little for less than
 * the stop delay, or within their minimum-on time, they keep their minimum whatever it leaves. Who
 * starts finds only what has been there for the whole start delay.
 */
#include "balance/model.h"
#include "balance/pv.h"

int pv_zone(const struct balance *b, int zone)
{
	while (zone >= 0 && !pv_binds(&b->zones[zone]))
		zone = b->zones[zone].conf.parent;
	return zone;
}

static int64_t to_ma(const struct zone *z, int64_t w)
{
	return w > 0 ? w * 1000000 / z->pv.volt_mv : 0;
}

static int64_t minimum(const struct zone *z, const struct conn *c)
{
	return c->min_ma * model_weight(z, model_phases(c), PHASES);
}

/* It charged before our start, and nothing is measured yet. */
static bool charged_before(const struct zone *z, const struct conn *c)
{
	return z->pv.state == BAL_PV_WAITS && c->session && gate_was_given(c);
}

static void count(struct balance *b, struct alloc_conn *list)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct pv *p = &b->zones[i].pv;

		p->held_ma = p->want_ma = 0;
		p->following = p->charging = 0;
		p->hungry = false;
	}
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		int at = pv_zone(b, c->conf.zone);
		struct zone *z = at >= 0 ? &b->zones[at] : NULL;

		list[i].sun_exempt = !z || c->pv_exempt || !(list[i].competes || list[i].asks);
		if (list[i].sun_exempt || !list[i].competes)
			continue;
		z->pv.following++;
		if (c->admitted || charged_before(z, c)) {
			z->pv.charging++;
			z->pv.held_ma += minimum(z, c);
		} else if (wake_use(c) != BAL_FULL && (!z->pv.want_ma || minimum(z, c) < z->pv.want_ma)) {
			z->pv.want_ma = minimum(z, c);
		}
	}
}

static void look(struct balance *b, struct zone *z, struct alloc_zone *out, mono_t now)
{
	struct pv *p = &z->pv;
	int64_t level = to_ma(z, p->level_w), start = to_ma(z, p->start.v);

	*out = (struct alloc_zone){ .sun = true, .sun_ma = level > start ? level : start, .sun_start_ma = start };
	p->holds = p->held_ma > out->sun_ma;
	if (!p->holds)
		p->withdrawn = false;
	/* When the sun is back, what cars share follows later: that is no time of too little. */
	if (p->held_ma <= out->sun_ma || p->held_ma <= to_ma(z, p->now_w)) {
		p->short_since = MONO_NEVER;
		return;
	}
	if (p->short_since == MONO_NEVER)
		p->short_since = now;
	if (now < p->short_since + z->conf.pv.stop_us)
		model_due(b, p->short_since + z->conf.pv.stop_us);
	else
		p->holds = false;
}

static bool is_held(struct balance *b, const struct zone *z, const struct conn *c, mono_t now)
{
	const struct pv *p = &z->pv;
	mono_t on_end = c->on_since + b->zones[c->conf.zone].conf.timers.min_on_us;

	if (z->conf.pv.strategy == BAL_PV_MIN_SURPLUS || charged_before(z, c))
		return true;
	if (!c->admitted || p->withdrawn)
		return false;
	if (now < on_end) {
		model_due(b, on_end);
		return true;
	}
	return p->holds;
}

void pv_bind(struct balance *b, struct alloc_zone *zones, struct alloc_conn *conns, mono_t now)
{
	if (!b->has_pv)
		return;
	count(b, conns);
	for (size_t i = 0; i < b->zone_count; i++) {
		struct alloc_zone sun = { 0 };

		if (!pv_binds(&b->zones[i]))
			continue;
		look(b, &b->zones[i], &sun, now);
		zones[i].sun = true;
		zones[i].sun_ma = sun.sun_ma;
		zones[i].sun_start_ma = sun.sun_start_ma;
	}
	for (size_t i = 0; i < b->conn_count; i++) {
		int at = pv_zone(b, b->conns[i].conf.zone);

		if (!conns[i].sun_exempt && at >= 0)
			conns[i].sun_held = is_held(b, &b->zones[at], &b->conns[i], now);
	}
}
