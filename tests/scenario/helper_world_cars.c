/* Cars come and go, and draw; what meters see of it. */
#include "helper_world.h"

void world_tell(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	if (!w->boxes[w->box_of[i]].online)
		return;
	if (s->told_session && s->session != s->told_session)
		balance_use(w->b, (uint32_t)i, BAL_STOPPED, 0, false, w->now);
	balance_use(w->b, (uint32_t)i, s->use, s->session, false, w->now);
	world_trace(w, i, "use", (int64_t)s->use, s->session);
	if (s->session != s->told_session) {
		s->changes = 0;
		s->was_on = false;
	}
	s->told_use = s->use;
	s->told_session = s->session;
}

static void begin_session(struct world *w, struct socket *s)
{
	static const phase_mask_t masks[] = { 7, 7, 1, 2, 4, 3, 6 };

	s->session = ++w->last_session;
	s->tx_ma = NUM_NONE;
	s->car = masks[rng_below(&s->rng, 7)];
}

static void end_session(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	/* The car is gone, or obeys the default limit: no lag without a current. */
	(void)w;
	s->session = 0;
	s->tx_ma = NUM_NONE;
	s->lag_count = 0;
}

void world_car_event(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];

	switch (s->use) {
	case BAL_NONE:
	case BAL_STOPPED:
		s->use = rng_below(&s->rng, 2) ? BAL_WELCOME : BAL_WAITS;
		s->next_event = world_later(w, &s->rng, 0, 5);
		break;
	case BAL_WELCOME:
		s->use = BAL_WAITS;
		s->next_event = world_later(w, &s->rng, 0, 5);
		break;
	case BAL_WAITS:
		s->use = BAL_CHARGING;
		begin_session(w, s);
		s->next_event = world_later(w, &s->rng, 5, 400);
		break;
	case BAL_CHARGING:
		if (rng_below(&s->rng, 3)) {
			s->use = rng_below(&s->rng, 2) ? BAL_STOPPED : BAL_NONE;
			end_session(w, i);
		} else {
			s->use = BAL_FULL;
		}
		s->next_event = world_later(w, &s->rng, 1, 60);
		break;
	case BAL_FULL:
		s->use = rng_below(&s->rng, 2) ? BAL_CHARGING : BAL_NONE;
		if (s->use == BAL_NONE)
			end_session(w, i);
		s->next_event = world_later(w, &s->rng, 1, 100);
		break;
	}
	world_tell(w, i);
}

void world_tell_draw(struct world *w, size_t i)
{
	struct socket *s = &w->sockets[i];
	struct phase_ma draw = { { 0 } };
	int64_t ma = world_on_a_phase(w, i, world_limit_now(s)), power_w = 0;

	if (!s->session || !w->boxes[w->box_of[i]].online)
		return;
	if (ma < 6000 && !w->site->conns[i].dc)
		ma = 0;
	if (ma > 14000 && w->site->uid[i] % 3 == 0)
		ma = 14000;
	for (int k = 0; k < PHASES; k++)
		if (world_phases(w, i) >> k & 1) {
			draw.l[k] = ma;
			power_w += ma * 230 / 1000;
		}
	balance_draw(w->b, (uint32_t)i, &draw, power_w, w->now);
}

void world_meters(struct world *w)
{
	if (w->site->kind != POP_DYNAMIC || w->now % US_PER_S)
		return;
	if (w->now >= w->meter_back_at) {
		w->meter_silent_at = world_later(w, &w->rng, 20, 120);
		w->meter_back_at = w->meter_silent_at + rng_range(&w->rng, 5, 60) * US_PER_S;
	}
	if (w->now > w->meter_silent_at)
		return;
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_sample s = { .at = w->now, .good = true };

		for (int k = 0; k < PHASES; k++) {
			s.current.l[k] = 5000 + (int64_t)(w->now / (60 * US_PER_S) % 7) * 5000;
			for (size_t i = 0; i < w->site->conn_count; i++)
				if (world_below(w->site, w->site->conns[i].zone, z) && w->sockets[i].session &&
				    (world_phases(w, i) >> k & 1))
					s.current.l[k] += world_on_a_phase(w, i, world_limit_now(&w->sockets[i]));
		}
		balance_meter(w->b, z, &s);
	}
}
