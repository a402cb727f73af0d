#include "helper_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->b = balance_new();
	r->now = 1000 * US_PER_S;
	r->answer_us = 100 * US_PER_MS;
}

void rig_fini(struct rig *r)
{
	balance_free(r->b);
}

int rig_zone(struct rig *r, const char *id, int parent, int64_t cap_ma)
{
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };

	r->zones[r->zone_count] = (struct bal_zone_conf){
		.id = id, .parent = parent, .phases = 3, .cap = { { cap_ma, cap_ma, cap_ma } },
		.cap_w = NUM_NONE, .dynamic = none, .meter_lost = none,
		.min_ma = NUM_NONE,
	};
	return (int)r->zone_count++;
}

uint32_t rig_conn(struct rig *r, const char *id, const char *station, int zone)
{
	r->conns[r->conn_count] = (struct bal_conn_conf){
		.id = id, .station = station, .zone = zone, .wiring = BAL_RST, .min_ma = 6000,
		.max_ma = 32000, .step_ma = 100, .settle_us = 5 * US_PER_S, .manageable = true,
		.proven = true,
	};
	return (uint32_t)r->conn_count++;
}

void rig_park(struct rig *r, int64_t cap_ma, uint32_t cars)
{
	rig_zone(r, "P1", -1, cap_ma);
	for (uint32_t i = 0; i < cars; i++) {
		snprintf(r->stations[i], sizeof(r->stations[i]), "CP%u", i + 1);
		snprintf(r->ids[i], sizeof(r->ids[i]), "CP%u/1", i + 1);
		rig_conn(r, r->ids[i], r->stations[i], 0);
	}
}

static void deliver(struct rig *r)
{
	for (size_t i = r->answered_to; i < r->sent_count; i++) {
		const struct rig_sent *s = &r->sent[i];
		enum rig_answers how = r->answers[s->order.conn];

		if (r->answered[i] || how == RIG_MUTE || s->at + r->answer_us > r->now)
			continue;
		r->answered[i] = true;
		balance_answer(r->b, s->order.conn, s->order.token,
			       how == RIG_ACCEPTS ? BAL_ACCEPTED :
			       how == RIG_REFUSES ? BAL_REFUSED : BAL_TIMEOUT, r->now);
	}
	while (r->answered_to < r->sent_count && r->answered[r->answered_to])
		r->answered_to++;
}

static void note_over(struct rig *r)
{
	for (int z = 0; z < (int)r->zone_count; z++) {
		struct bal_zone_view v;

		balance_zone_view(r->b, z, &v);
		for (int k = 0; k < PHASES; k++)
			if (v.cap.l[k] != NUM_NONE && v.sum_w.l[k] > v.cap.l[k])
				r->over = true;
	}
}

static void turn(struct rig *r)
{
	struct bal_turn out;
	struct arena arena;

	arena_init(&arena);
	balance_turn(r->b, r->now, &arena, &out);
	for (size_t i = 0; i < out.store_count; i++) {
		r->stored[out.stores[i].conn] = out.stores[i];
		r->has_stored[out.stores[i].conn] = true;
	}
	for (size_t i = 0; i < out.order_count; i++) {
		lms_assert(r->sent_count < RIG_LOG);
		r->sent[r->sent_count++] = (struct rig_sent){ .at = r->now, .order = out.orders[i] };
	}
	for (size_t i = 0; i < out.alert_count; i++) {
		lms_assert(r->alert_count < RIG_LOG);
		r->alerts[r->alert_count++] = out.alerts[i];
	}
	arena_fini(&arena);
	note_over(r);
}

static phase_mask_t car_phases(const struct rig *r, uint32_t conn)
{
	return r->car_phases[conn] ? r->car_phases[conn] : PHASE_ALL;
}

static int64_t car_draw(const struct rig *r, uint32_t conn)
{
	int64_t limit = rig_limit(r, conn);

	if (r->ignores[conn])
		return r->car_ma[conn];
	if (limit == NUM_NONE || limit < 6000)
		return 0;
	return limit < r->car_ma[conn] ? limit : r->car_ma[conn];
}

static bool below(const struct rig *r, int z, int zone)
{
	while (z >= 0 && z != zone)
		z = r->zones[z].parent;
	return z == zone;
}

int64_t rig_total(const struct rig *r, int zone, int phase)
{
	int64_t sum = 0;

	for (int z = 0; z < (int)r->zone_count; z++)
		if (below(r, z, zone))
			sum += r->building_ma[z][phase];
	for (uint32_t i = 0; i < r->conn_count; i++)
		if (below(r, r->conns[i].zone, zone) && (car_phases(r, i) >> phase & 1))
			sum += car_draw(r, i);
	return sum;
}

static void tell_draws(struct rig *r)
{
	if (r->now < r->told + 10 * US_PER_S)
		return;
	r->told = r->now;
	for (uint32_t i = 0; i < r->conn_count; i++)
		if (r->car_ma[i])
			rig_draw(r, i, car_phases(r, i), r->tells_ma[i] ? r->tells_ma[i] : car_draw(r, i));
}

static void count_over(struct rig *r, bool over)
{
	r->over_run_us = over ? r->over_run_us + US_PER_S : 0;
	r->over_us += over ? US_PER_S : 0;
	if (r->over_run_us > r->over_longest_us)
		r->over_longest_us = r->over_run_us;
}

static void sample(struct rig *r)
{
	bool over = false;

	if (!r->meters || r->now < r->sampled + US_PER_S)
		return;
	r->sampled = r->now;
	tell_draws(r);
	for (int z = 0; z < (int)r->zone_count; z++) {
		struct bal_sample s = { .at = r->now, .good = true,
					.voltage_mv = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

		if (r->zones[z].dynamic.l[0] == NUM_NONE)
			continue;
		for (int k = 0; k < PHASES; k++) {
			s.current.l[k] = rig_total(r, z, k);
			over |= s.current.l[k] > r->zones[z].dynamic.l[k];
		}
		balance_meter(r->b, z, &s);
	}
	count_over(r, over);
}

static mono_t next(const struct rig *r, mono_t end)
{
	mono_t at = balance_next_due(r->b);

	for (size_t i = r->answered_to; i < r->sent_count; i++)
		if (!r->answered[i] && r->answers[r->sent[i].order.conn] != RIG_MUTE &&
		    r->sent[i].at + r->answer_us < at)
			at = r->sent[i].at + r->answer_us;
	if (r->meters && r->sampled + US_PER_S < at)
		at = r->sampled + US_PER_S;
	return at < r->now ? r->now : at < end ? at : end;
}

void rig_run(struct rig *r, int64_t for_us)
{
	mono_t end = r->now + for_us;

	for (;;) {
		sample(r);
		deliver(r);
		turn(r);
		if (r->now >= end)
			return;
		r->now = next(r, end);
	}
}

void rig_start(struct rig *r)
{
	struct bal_conf conf = { .zones = r->zones, .zone_count = r->zone_count,
				 .conns = r->conns, .conn_count = r->conn_count };
	struct diag d;

	diag_init(&d);
	lms_assert(balance_configure(r->b, &conf, r->now, &d) == 0);
	for (uint32_t i = 0; i < r->conn_count; i++) {
		balance_online(r->b, r->conns[i].station, true, r->now);
		balance_use(r->b, i, BAL_NONE, 0, false, r->now);
	}
	rig_run(r, 30 * US_PER_S);
	r->over = false;
}

void rig_charge(struct rig *r, uint32_t conn, int64_t session)
{
	balance_use(r->b, conn, BAL_CHARGING, session, false, r->now);
}

void rig_forget(struct rig *r)
{
	r->sent_count = r->answered_to = 0;
	memset(r->answered, 0, sizeof(r->answered));
}

int rig_told(const struct rig *r, const char *event)
{
	int n = 0;

	for (size_t i = 0; i < r->alert_count; i++) {
		const struct bal_alert_info *info = balance_alert_info(r->alerts[i].code);

		n += !strcmp(event, r->alerts[i].begins ? info->begins : info->ends);
	}
	return n;
}

void rig_quiet(struct rig *r)
{
	r->alert_count = 0;
}

int64_t rig_limit(const struct rig *r, uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(r->b, conn, &v);
	return v.limit_ma;
}

int64_t rig_w(const struct rig *r, uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(r->b, conn, &v);
	return v.w_ma;
}

const struct bal_order *rig_sent(const struct rig *r, uint32_t conn, mono_t from)
{
	for (size_t i = r->sent_count; i-- > 0;)
		if (r->sent[i].order.conn == conn && r->sent[i].at >= from)
			return &r->sent[i].order;
	return NULL;
}

const char *rig_why(const struct rig *r, uint32_t conn)
{
	struct bal_conn_view v;

	balance_conn_view(r->b, conn, &v);
	return v.reason.name;
}

void rig_draw(struct rig *r, uint32_t conn, phase_mask_t phases, int64_t ma)
{
	struct phase_ma draw = { { 0 } };
	int64_t power_w = 0;

	for (int k = 0; k < PHASES; k++)
		if (phases >> k & 1) {
			draw.l[k] = ma;
			power_w += ma * 230 / 1000;
		}
	balance_draw(r->b, conn, &draw, power_w, r->now);
}

void rig_charge_all(struct rig *r, uint32_t cars)
{
	rig_start(r);
	for (uint32_t i = 0; i < cars; i++) {
		rig_charge(r, i, 100 + i);
		rig_run(r, US_PER_S);
	}
	rig_run(r, 15 * US_PER_S);
}

int rig_charging(const struct rig *r, uint32_t cars)
{
	int n = 0;

	for (uint32_t i = 0; i < cars; i++)
		n += rig_limit(r, i) >= 6000;
	return n;
}
