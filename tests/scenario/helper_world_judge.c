/* What must hold in every turn. */
#include "helper_world.h"

#include <string.h>

static bool fits(const struct world *w, int zone, phase_mask_t phases)
{
	struct bal_zone_view v;

	balance_zone_view(w->b, zone, &v);
	if (!strcmp(v.cap_why, "parent"))
		return true;	/* looked at there */
	if (w->site->zones[zone].phases == 1)
		phases = 1;
	for (int k = 0; k < PHASES; k++)
		if ((phases >> k & 1) && v.cap.l[k] != NUM_NONE && v.sum_w.l[k] > v.cap.l[k])
			return false;
	return true;
}

void world_check_raise(struct world *w, const struct bal_order *o)
{
	struct bal_conn_view v;

	if (!o->raises)
		return;
	balance_conn_view(w->b, o->conn, &v);
	for (int z = w->site->conns[o->conn].zone; z >= 0; z = w->site->zones[z].parent)
		if (!fits(w, z, v.phases))
			world_complain(w, "1: raised where the sum does not fit", o->conn);
}

static void check_soundness(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		const struct bal_conn_conf *c = &w->site->conns[i];
		struct bal_conn_view v;

		balance_conn_view(w->b, (uint32_t)i, &v);
		if (c->manageable && world_obeys(w, &w->sockets[i]) > v.w_ma)
			world_trace(w, i, "obeys, W", world_obeys(w, &w->sockets[i]), v.w_ma);
		if (c->manageable && world_obeys(w, &w->sockets[i]) > v.w_ma)
			world_complain(w, "1: a station may obey more than W", i);
		if (v.target_ma && (v.target_ma < c->min_ma || v.target_ma > c->max_ma ||
				    v.target_ma % c->step_ma))
			world_complain(w, "2: a target is no whole step from min to max", i);
	}
}

/* Where all stations are proven and no cap changes, the promise holds at every instant. */
static void check_promise(struct world *w)
{
	const struct pop_site *s = w->site;

	if (s->kind != POP_STATIC || w->now < QUIET_US)
		return;
	for (int z = 0; z < (int)s->zone_count; z++) {
		if (!w->learned_lost && !fits(w, z, PHASE_ALL))
			world_complain(w, "1: the sum of W exceeds a cap", SIZE_MAX);
		for (int k = 0; k < s->zones[z].phases; k++) {
			int64_t sum = 0;

			for (size_t i = 0; i < s->conn_count; i++)
				if (world_below(s, s->conns[i].zone, z) &&
				    (s->zones[z].phases == 1 || (world_phases(w, i) >> k & 1)))
					sum += world_obeys(w, &w->sockets[i]);
			if (s->zones[z].cap.l[k] != NUM_NONE && sum > s->zones[z].cap.l[k])
				world_complain(w, "1: what stations obey exceeds a cap", SIZE_MAX);
		}
	}
}

static void check_changes(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct socket *s = &w->sockets[i];
		struct bal_conn_view v;
		bool on;

		balance_conn_view(w->b, (uint32_t)i, &v);
		on = s->told_session && v.target_ma > 0;
		if (on != s->was_on)
			s->changes++;
		s->was_on = on;
		/* The shortest minimum-off time is 20 s: one change in 10 s on average, and the first. */
		if (s->changes > 2 + (w->now / (10 * US_PER_S)))
			world_complain(w, "9: switched on and off more often than the timers allow", i);
	}
}

static void check_meter_lost(struct world *w)
{
	if (w->site->kind != POP_DYNAMIC || w->now < w->meter_silent_at + 15 * US_PER_S ||
	    w->now >= w->meter_back_at)
		return;
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, z, &v);
		for (int k = 0; k < w->site->zones[z].phases; k++)
			if (w->site->zones[z].dynamic.l[k] != NUM_NONE &&
			    v.sum_w.l[k] > w->site->zones[z].meter_lost.l[k])
				world_complain(w, "10: meter_lost is not in force after 15 s", SIZE_MAX);
	}
}

void world_check_sessions(struct world *w)
{
	for (int z = 0; z < (int)w->site->zone_count; z++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, z, &v);
		if (v.sessions && v.admitted > v.sessions)
			world_complain(w, "more sessions are admitted than may be", SIZE_MAX);
	}
}

void world_judge(struct world *w)
{
	check_soundness(w);
	check_promise(w);
	check_changes(w);
	check_meter_lost(w);
}
