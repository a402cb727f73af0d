#include "helper_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- the truth ---- */

/* As its station keeps it: a current per phase, or a power as a sum over phases. */
int64_t world_limit_now(const struct socket *s)
{
	return s->session && s->tx_ma != NUM_NONE ? s->tx_ma : s->idle_ma;
}

phase_mask_t world_phases(const struct world *w, size_t i)
{
	enum bal_wiring wiring = w->site->conns[i].wiring;

	if (wiring >= BAL_L1)
		return (phase_mask_t)(1 << (wiring - BAL_L1));
	if (w->site->conns[i].dc)
		return PHASE_ALL;
	return w->sockets[i].session && w->sockets[i].car ? w->sockets[i].car : PHASE_ALL;
}

/* What a phase may get of it: all of a power, where no car says on how many it draws. */
int64_t world_on_a_phase(const struct world *w, size_t i, int64_t limit)
{
	phase_mask_t on = world_phases(w, i);
	int64_t n = (on & 1) + (on >> 1 & 1) + (on >> 2 & 1);

	if (!w->site->power[i])
		return limit;
	if (!w->sockets[i].session && !w->site->conns[i].dc)
		n = 1;
	limit = (limit + n - 1) / n;
	return limit < w->site->conns[i].max_ma ? limit : w->site->conns[i].max_ma;
}

int64_t world_obeys(const struct world *w, const struct socket *s)
{
	int64_t ma = world_limit_now(s);

	for (int i = 0; i < s->lag_count; i++)
		if (w->now < s->lags[i].until && s->lags[i].ma > ma)
			ma = s->lags[i].ma;
	return world_on_a_phase(w, (size_t)(s - w->sockets), ma);
}

static void tell_all(const struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		const struct socket *s = &w->sockets[i];
		struct bal_conn_view v;

		balance_conn_view(w->b, (uint32_t)i, &v);
		print_message("# %s obeys %lld on %d, W %lld on %d, target %lld, %s\n", w->site->conn_ids[i],
			      (long long)world_obeys(w, s), s->car, (long long)v.w_ma, v.phases,
			      (long long)v.target_ma, v.reason.name);
	}
	for (size_t i = 0; i < w->site->zone_count; i++) {
		struct bal_zone_view v;

		balance_zone_view(w->b, (int)i, &v);
		print_message("# Z%zu cap %lld %lld %lld, W %lld %lld %lld, %s\n", i, (long long)v.cap.l[0],
			      (long long)v.cap.l[1], (long long)v.cap.l[2], (long long)v.sum_w.l[0],
			      (long long)v.sum_w.l[1], (long long)v.sum_w.l[2], v.cap_why);
	}
}

void world_complain(struct world *w, const char *what, size_t conn)
{
	if (w->failure->text[0])
		return;
	if (w->trace)
		tell_all(w);
	snprintf(w->failure->text, sizeof(w->failure->text), "%s (%s, after %.1f s)", what,
		 conn < w->site->conn_count ? w->site->conn_ids[conn] : "site", (double)w->now / 1e6);
	w->failure->at_s = (int)(w->now / US_PER_S);
}

/* TRACE=1 tells what happened to the (shrunk) site. */
void world_trace(const struct world *w, size_t conn, const char *what, int64_t a, int64_t b)
{
	if (w->trace)
		print_message("# %8.1f %-6s %-10s %lld %lld\n", (double)w->now / 1e6,
			      w->site->conn_ids[conn], what, (long long)a, (long long)b);
}

/* A lower limit may be obeyed as late as the settle time allows. */
void world_lag(struct world *w, size_t i, int64_t before)
{
	struct socket *s = &w->sockets[i];
	int n = 0;

	for (int k = 0; k < s->lag_count; k++)
		if (w->now < s->lags[k].until)
			s->lags[n++] = s->lags[k];
	s->lag_count = n;
	if (before <= world_limit_now(s) || n == LAGS)
		return;
	s->lags[n].ma = before;
	s->lags[n].until = w->now + rng_range(&s->rng, 0, w->site->conns[i].settle_us);
	s->lag_count++;
}

mono_t world_later(struct world *w, struct rng *r, int64_t from_s, int64_t to_s)
{
	return w->now + rng_range(r, from_s * 10, to_s * 10) * TICK;
}

bool world_below(const struct pop_site *s, int z, int zone)
{
	while (z >= 0 && z != zone)
		z = s->zones[z].parent;
	return z == zone;
}

/* ---- the loop ---- */

static void change_caps(struct world *w)
{
	int z = (int)rng_below(&w->rng, (uint32_t)w->conf.zone_count);
	struct bal_outer_limit limit = { .sessions = rng_below(&w->rng, 3) ? 0 : 1 + (int)rng_below(&w->rng, 4) };

	w->conf_at = world_later(w, &w->rng, 30, 200);
	if (w->site->kind != POP_ANY)
		return;
	limit.limit = pop_same(rng_below(&w->rng, 2) ? rng_range(&w->rng, 0, 300) * 100 : NUM_NONE);
	balance_zone_outer(w->b, z, (enum bal_outer)rng_below(&w->rng, BAL_OUTER_KINDS), &limit);
	world_configure(w);
}

static void world_events(struct world *w)
{
	for (size_t i = 0; i < w->site->conn_count; i++) {
		struct box *x = &w->boxes[i];

		if (w->now >= w->sockets[i].next_event)
			world_car_event(w, i);
		if (w->now % (10 * US_PER_S) == 0)
			world_tell_draw(w, i);
		if (w->box_of[i] != i)
			continue;
		if (!x->online && w->now >= x->back_at)
			world_reconnect(w, i);
		else if (x->online && w->now >= x->next_event && w->site->kind != POP_DYNAMIC)
			world_disconnect(w, i, !rng_below(&x->rng, 3));
	}
	if (w->now >= w->crash_at) {
		world_crash(w);
		w->crash_at = world_later(w, &w->rng, 60, 600);
	}
	if (w->now >= w->conf_at)
		change_caps(w);
}

static void world_init(struct world *w, const struct pop_site *site, struct pop_failure *failure)
{
	memset(w, 0, sizeof(*w));
	w->site = site;
	w->conf = *site;
	pop_name_all(&w->conf);
	w->failure = failure;
	w->b = balance_new();
	recording_init(&w->recording);
	world_record(w);
	w->rng = rng_seed(site->seed + 77);
	w->now = 1;
	w->conf_at = world_later(w, &w->rng, 60, 200);
	w->crash_at = site->kind == POP_DYNAMIC ? MONO_NEVER : world_later(w, &w->rng, 60, 600);
	w->now = 0;
	for (size_t i = 0; i < site->conn_count; i++) {
		struct socket *s = &w->sockets[i];

		s->rng = rng_seed(site->uid[i] + 1000000);
		s->idle_ma = world_most_of(site, i);
		s->tx_ma = NUM_NONE;
		s->next_event = QUIET_US + rng_range(&s->rng, 0, 600) * TICK;
		w->box_of[i] = i;
		for (size_t k = 0; k < i; k++)
			if (site->station_uid[k] == site->station_uid[i]) {
				w->box_of[i] = k;
				break;
			}
		w->boxes[i].rng = rng_seed(site->station_uid[i]);
		w->boxes[i].next_event = QUIET_US + rng_range(&w->boxes[i].rng, 100, 4000) * TICK;
	}
	world_configure(w);
	for (size_t i = 0; i < site->conn_count; i++)
		if (w->box_of[i] == i) {
			w->boxes[i].online = true;
			world_tell_units(w, i);
			balance_online(w->b, site->station_ids[i], true, 0);
		}
	for (size_t i = 0; i < site->conn_count; i++)
		world_tell(w, i);
}

void pop_run(const struct pop_site *site, int seconds, bool traced, struct pop_failure *failure)
{
	struct world w;

	*failure = (struct pop_failure){ 0 };
	if (!site->conn_count)
		return;
	world_init(&w, site, failure);
	w.trace = traced;
	for (w.end = seconds * US_PER_S; w.now < w.end && !failure->text[0]; w.now += TICK) {
		world_commit(&w);
		world_events(&w);
		world_move_messages(&w);
		world_meters(&w);
		world_turn(&w);
		world_judge(&w);
	}
	balance_free(w.b);
	recording_fini(&w.recording);
}
