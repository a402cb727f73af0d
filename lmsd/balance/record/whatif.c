/* balance/record/whatif.c - changes the model, plugs in the cars, and plays station, car and meter until the end.
 *
 * What was on its way to a station when the clone was taken is accepted soon, as new orders are; only
 * a station that is lost does not answer any more.
 */
#include "balance/record/whatif.h"

#include <string.h>

#include "balance/model.h"
#include "base/err.h"

#define ANSWER_US  (500 * US_PER_MS)
#define DRAW_US    (10 * US_PER_S)
#define SAMPLE_US  US_PER_S
#define LEAST_MA   INT64_C(6000)
#define UNUSED_MA  INT64_C(2000)	/* a car that draws so much less than it may does not want more */
#define VOLT       INT64_C(230)
#define MADE_UP_MA INT64_C(32000)
#define SESSION    (INT64_MAX / 2)	/* no station gives such numbers */

struct sent {
	uint32_t conn;
	uint64_t token;
	mono_t at;
};

struct car {
	int64_t takes_ma;	/* at most */
	phase_mask_t phases;
};

struct play {
	struct balance *b;
	const struct whatif *w;
	struct arena *arena;	/* of the result */
	struct diag *d;
	mono_t now;
	struct car *cars;	/* per connector */
	struct phase_ma *building;	/* per zone */
	bool *meters;		/* per zone: tells values */
	int64_t *grid_w, *sun_w;/* per zone: at its grid meter without the cars, produced */
	struct sent *sent;	size_t sent_count, sent_room;
	uint32_t *new_cars;
	struct whatif_result *out;
};

static bool present(const struct phase_ma *p)
{
	return p->l[0] != NUM_NONE || p->l[1] != NUM_NONE || p->l[2] != NUM_NONE;
}

static bool is_lost(const struct play *p, uint32_t station)
{
	return p->w->offline != NULL && strcmp(p->b->stations[station].id, p->w->offline) == 0;
}

/* ---- the model ---------------------------------------------------------------------------------------- */

static bool is_free(const struct play *p, uint32_t i)
{
	const struct conn *c = &p->b->conns[i];

	return c->use == BAL_NONE && c->conf.manageable && p->b->stations[c->station].online &&
	       !gate_uncontrollable(c) && !is_lost(p, c->station) && balance_conn_below(p->b, i, p->w->zone);
}

static void take_free(struct play *p)
{
	p->new_cars = arena_array(p->arena, (size_t)p->w->cars + 1, sizeof(*p->new_cars));
	p->out->cars = p->new_cars;
	for (uint32_t i = 0; i < p->b->conn_count && p->out->car_count < (size_t)p->w->cars; i++)
		if (is_free(p, i))
			p->new_cars[p->out->car_count++] = i;
}

/* Connectors in the zone itself, one per station, that take what most do. */
static void make_up(struct play *p, struct bal_conn_conf *conns, size_t *count)
{
	size_t missing = (size_t)p->w->cars - p->out->car_count;
	bool one_phase = p->b->zones[p->w->zone].conf.phases == 1;

	for (size_t i = 1; i <= missing; i++) {
		const char *station = arena_printf(p->arena, "new-%zu", i);

		conns[*count] = (struct bal_conn_conf){
			.id = arena_printf(p->arena, "%s/1", station), .station = station, .zone = p->w->zone,
			.wiring = one_phase ? BAL_L1 : BAL_RST, .min_ma = LEAST_MA, .max_ma = MADE_UP_MA,
			.step_ma = ALLOC_STEP_FINE, .manageable = true, .proven = true,
		};
		p->new_cars[p->out->car_count++] = (uint32_t)(*count)++;
	}
}

static int change_model(struct play *p)
{
	struct balance *b = p->b;
	struct bal_zone_conf *zones = arena_array(p->arena, b->zone_count + 1, sizeof(*zones));
	struct bal_conn_conf *conns = arena_array(p->arena, b->conn_count + (size_t)p->w->cars + 1, sizeof(*conns));
	struct bal_conf conf = { .zones = zones, .zone_count = b->zone_count,
				 .conns = conns, .conn_count = b->conn_count,
				 .voltage_min = b->voltage_min, .voltage_max = b->voltage_max };
	int ret;

	for (size_t i = 0; i < b->zone_count; i++)
		zones[i] = b->zones[i].conf;
	for (size_t i = 0; i < b->conn_count; i++)
		conns[i] = b->conns[i].conf;
	p->out->made_up = (uint32_t)b->conn_count;
	make_up(p, conns, &conf.conn_count);
	if (present(&p->w->cap))
		zones[p->w->zone].cap = p->w->cap;
	else if (conf.conn_count == b->conn_count)
		return 0;
	ret = balance_configure(b, &conf, p->now, p->d);
	for (uint32_t i = p->out->made_up; i < conf.conn_count && ret == 0; i++) {
		/* As a station that has been there for long: its default limit is known. */
		balance_restore(b, i, 0, true);
		balance_online(b, b->conns[i].conf.station, true, p->now);
	}
	return ret;
}

/* ---- cars ------------------------------------------------------------------------------------------------ */

static struct car present_car(const struct conn *c)
{
	struct car car = { .takes_ma = c->conf.max_ma, .phases = model_phases(c) };
	int64_t draw = demand_top(&c->demand), limit = gate_limit(c);
	phase_mask_t live = 0;

	if (c->use == BAL_FULL)
		car.takes_ma = draw == NUM_NONE || draw < 0 ? 0 : draw;
	if (draw == NUM_NONE || draw <= 0)
		return car;
	for (int k = 0; k < PHASES; k++)
		if (c->demand.draw.l[k] >= UNUSED_MA)
			live |= (phase_mask_t)(1 << k);
	car.phases = live ? live : car.phases;
	if (limit != NUM_NONE && draw < limit - UNUSED_MA)
		car.takes_ma = draw;
	return car;
}

static int64_t car_draw(const struct play *p, uint32_t i)
{
	const struct conn *c = &p->b->conns[i];
	int64_t limit = gate_limit(c), least = c->conf.dc ? 1 : LEAST_MA;

	if (!c->session || limit == NUM_NONE || (limit < least && c->conf.manageable))
		return 0;
	return limit < p->cars[i].takes_ma ? limit : p->cars[i].takes_ma;
}

static void plug_in(struct play *p)
{
	for (size_t i = 0; i < p->out->car_count; i++)
		balance_use(p->b, p->new_cars[i], BAL_CHARGING, SESSION + (int64_t)i, false, p->now);
	p->cars = arena_array(p->arena, p->b->conn_count + 1, sizeof(*p->cars));
	for (size_t i = 0; i < p->b->conn_count; i++)
		p->cars[i] = present_car(&p->b->conns[i]);
}

static void tell_draws(struct play *p)
{
	for (uint32_t i = 0; i < p->b->conn_count; i++) {
		const struct conn *c = &p->b->conns[i];
		struct phase_ma draw = { { 0 } };
		int64_t ma = car_draw(p, i), power_w = 0;

		if (!c->session || !p->b->stations[c->station].online)
			continue;
		for (int k = 0; k < PHASES; k++)
			if (p->cars[i].phases >> k & 1) {
				draw.l[k] = ma;
				power_w += ma * VOLT / 1000;
			}
		balance_draw(p->b, i, &draw, power_w, p->now);
	}
}

/* ---- meters ------------------------------------------------------------------------------------------------ */

static struct phase_ma draws_below(const struct play *p, int zone)
{
	struct phase_ma sum = { { 0 } };

	for (uint32_t i = 0; i < p->b->conn_count; i++) {
		int64_t w[PHASES] = { 0 }, ma;

		if (!balance_conn_below(p->b, i, zone))
			continue;
		ma = car_draw(p, i);
		for (int k = 0; k < PHASES; k++)
			w[k] = p->cars[i].phases >> k & 1 ? ma : 0;
		for (int k = 0; k < PHASES; k++)
			sum.l[k] += model_load(&p->b->zones[zone], w, k);
	}
	return sum;
}

/* What is not cars: as estimated; another one changes what the meters above see, too. */
static void find_buildings(struct play *p)
{
	p->building = arena_array(p->arena, p->b->zone_count + 1, sizeof(*p->building));
	p->meters = arena_array(p->arena, p->b->zone_count + 1, sizeof(*p->meters));
	for (size_t i = 0; i < p->b->zone_count; i++) {
		const struct budget *g = &p->b->zones[i].budget;

		p->meters[i] = g->state == METER_OK;
		for (int k = 0; k < PHASES; k++)
			p->building[i].l[k] = g->non_ev.l[k] != NUM_NONE ? g->non_ev.l[k] : 0;
	}
	if (present(&p->w->building)) {
		struct phase_ma before = p->building[p->w->zone];

		for (int z = p->w->zone; z >= 0; z = p->b->zones[z].conf.parent)
			for (int k = 0; k < PHASES; k++)
				if (p->w->building.l[k] != NUM_NONE)
					p->building[z].l[k] += p->w->building.l[k] - before.l[k];
	}
	if (p->w->meter_lost)
		p->meters[p->w->zone] = false;
}

static void tell_meters(struct play *p)
{
	for (size_t i = 0; i < p->b->zone_count; i++) {
		struct bal_sample s = { .voltage_mv = { { NUM_NONE, NUM_NONE, NUM_NONE } }, .at = p->now, .good = true };

		if (!p->meters[i])
			continue;
		s.current = draws_below(p, (int)i);
		for (int k = 0; k < PHASES; k++)
			s.current.l[k] += p->building[i].l[k];
		balance_meter(p->b, (int)i, &s);
	}
}

static int64_t watts_below(const struct play *p, int zone)
{
	int64_t w = 0;

	for (uint32_t i = 0; i < p->b->conn_count; i++)
		for (int k = 0; k < PHASES && balance_conn_below(p->b, i, zone); k++)
			w += p->cars[i].phases >> k & 1 ? car_draw(p, i) * VOLT / 1000 : 0;
	return w;
}

static bool tells_sun(const struct play *p, size_t zone, enum bal_pv_source source)
{
	return p->b->zones[zone].pv.source[source].good_row > 0;
}

/* The sun shines on as it does; the grid sees what the cars draw beside. */
static void find_sun(struct play *p)
{
	p->grid_w = arena_array(p->arena, p->b->zone_count + 1, sizeof(*p->grid_w));
	p->sun_w = arena_array(p->arena, p->b->zone_count + 1, sizeof(*p->sun_w));
	for (size_t i = 0; i < p->b->zone_count; i++) {
		const struct pv *pv = &p->b->zones[i].pv;

		if (tells_sun(p, i, BAL_PV_GRID))
			p->grid_w[i] = pv->source[BAL_PV_GRID].power_w - watts_below(p, (int)i);
		p->sun_w[i] = pv->source[BAL_PV_PRODUCTION].power_w;
	}
}

static void tell_sun(struct play *p)
{
	for (size_t i = 0; i < p->b->zone_count; i++) {
		struct bal_pv_sample s = { .voltage_mv = NUM_NONE, .at = p->now, .good = true };

		if (tells_sun(p, i, BAL_PV_GRID)) {
			s.power_w = p->grid_w[i] + watts_below(p, (int)i);
			balance_pv(p->b, (int)i, BAL_PV_GRID, &s);
		}
		if (tells_sun(p, i, BAL_PV_PRODUCTION)) {
			s.power_w = p->sun_w[i];
			for (int k = 0; k < PHASES; k++)
				s.current.l[k] = s.power_w * 1000 / VOLT / PHASES;
			balance_pv(p->b, (int)i, BAL_PV_PRODUCTION, &s);
		}
	}
}

/* ---- stations ------------------------------------------------------------------------------------------------ */

static void send(struct play *p, uint32_t conn, uint64_t token)
{
	if (p->sent_count == p->sent_room) {
		size_t room = p->sent_room ? 2 * p->sent_room : 64;
		struct sent *more = arena_array(p->arena, room, sizeof(*more));

		if (p->sent_count)
			memcpy(more, p->sent, p->sent_count * sizeof(*more));
		p->sent = more;
		p->sent_room = room;
	}
	p->sent[p->sent_count++] = (struct sent){ .conn = conn, .token = token, .at = p->now + ANSWER_US };
}

static void deliver(struct play *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->sent_count; i++) {
		struct sent s = p->sent[i];

		if (s.at > p->now) {
			p->sent[kept++] = s;
			continue;
		}
		balance_answer(p->b, s.conn, s.token,
			       p->b->stations[p->b->conns[s.conn].station].online ? BAL_ACCEPTED : BAL_TIMEOUT, p->now);
	}
	p->sent_count = kept;
}

static void turn(struct play *p)
{
	struct bal_turn out;
	struct arena arena;

	arena_init(&arena);
	balance_turn(p->b, p->now, &arena, &out);
	for (size_t i = 0; i < out.order_count; i++) {
		const struct bal_order *o = &out.orders[i];

		send(p, o->conn, o->token);
		if (o->limit_ma == gate_limit(&p->b->conns[o->conn]))
			continue;	/* said again, so that it does not run out */
		p->out->orders++;
		p->out->last_order = p->now;
	}
	arena_fini(&arena);
}

/* ---- the play --------------------------------------------------------------------------------------------------- */

static int check(const struct play *p)
{
	const struct zone *z = &p->b->zones[p->w->zone];
	bool dynamic = z->budget.state != METER_NONE;

	if (p->w->meter_lost && !dynamic)
		return diag_set(p->d, -LMS_ECONFLICT, "meter_lost: zone %s has no meter that it depends on (dynamic=)",
				z->conf.id);
	if (present(&p->w->building) && !dynamic)
		return diag_set(p->d, -LMS_ECONFLICT, "building: zone %s is not dynamic: what is not cars does not change "
				"its limit (cap=)", z->conf.id);
	if (p->w->offline != NULL && model_find_station(p->b, p->w->offline) == NULL)
		return diag_set(p->d, -LMS_ENOTFOUND, "offline: station '%.60s' does not exist (lmsctl station list)",
				p->w->offline);
	return 0;
}

static void begin(struct play *p)
{
	for (uint32_t i = 0; i < p->b->conn_count; i++)
		for (int k = 0; k < p->b->conns[i].gate.pending_count; k++)
			send(p, i, p->b->conns[i].gate.pending[k].token);
	if (p->w->offline != NULL)
		balance_online(p->b, p->w->offline, false, p->now);
}

static mono_t least(mono_t a, mono_t b)
{
	return a < b ? a : b;
}

int whatif_run(struct balance *b, const struct whatif *w, mono_t now, struct arena *arena,
	       struct whatif_result *out, struct diag *d)
{
	struct play p = { .b = b, .w = w, .arena = arena, .d = d, .now = now, .out = out };
	mono_t end = now + w->for_us, draw_at = now, sample_at = now;
	int ret = check(&p);

	*out = (struct whatif_result){ .last_order = MONO_NEVER };
	if (ret)
		return ret;
	take_free(&p);
	ret = change_model(&p);
	if (ret)
		return ret;
	plug_in(&p);
	find_buildings(&p);
	find_sun(&p);
	begin(&p);
	while (!(w->cancelled && w->cancelled(w->ctx))) {
		mono_t next;

		deliver(&p);
		if (p.now >= draw_at) {
			tell_draws(&p);
			draw_at = p.now + DRAW_US;
		}
		if (p.now >= sample_at) {
			tell_meters(&p);
			tell_sun(&p);
			sample_at = p.now + SAMPLE_US;
		}
		turn(&p);
		if (p.now >= end)
			break;
		next = least(least(draw_at, sample_at), balance_next_due(b));
		for (size_t i = 0; i < p.sent_count; i++)
			next = least(next, p.sent[i].at);
		next = least(next, end);
		p.now = next > p.now ? next : p.now + US_PER_MS;
	}
	return 0;
}
