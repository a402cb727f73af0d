/* hall/control/ctl_simulate.c - zone simulate: the engine on a clone of what is, in another situation.
 *
 * Two clones leave the loop: one stays as it is, to compare; the other is played with, in the background.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "hall/background.h"
#include "balance/record/snapshot.h"
#include "balance/record/whatif.h"
#include "base/err.h"
#include "hall/split.h"

#define FOR_DEFAULT_US (300 * US_PER_S)
#define FOR_MAX_US     (7200 * US_PER_S)

struct simulation {
	struct job job;
	struct app *app;
	uint64_t token;
	mono_t now;
	struct balance *before, *after;
	struct whatif what;
	struct whatif_result result;
	char offline[ID_MAX + 1];

	struct arena arena;
	struct buf out;
	struct diag diag;
};

/* ---- in the background ------------------------------------------------------------------------------ */

static bool cancelled(const void *ctx)
{
	return job_cancelled(ctx);
}

static const char *car_of(const struct simulation *s, uint32_t conn)
{
	for (size_t i = 0; i < s->result.car_count; i++)
		if (s->result.cars[i] == conn)
			return conn < s->result.made_up ? "new" : "new, on a connector that is not there";
	return NULL;
}

static void put_connector(struct json_writer *w, const struct simulation *s, uint32_t conn)
{
	struct bal_conn_view v;
	char reason[200];

	jw_object(w);
	jw_kstr(w, "id", balance_conn_id(s->after, conn));
	jw_kstr(w, "car", car_of(s, conn));
	if (conn < s->result.made_up) {
		balance_conn_view(s->before, conn, &v);
		balance_reason_text(s->before, &v.reason, reason, sizeof(reason));
		jw_kint(w, "before_ma", v.limit_ma);
		jw_kstr(w, "before_reason", reason);
	} else {
		jw_kint(w, "before_ma", NUM_NONE);
		jw_kstr(w, "before_reason", NULL);
	}
	balance_conn_view(s->after, conn, &v);
	balance_reason_text(s->after, &v.reason, reason, sizeof(reason));
	jw_kint(w, "after_ma", v.limit_ma);
	jw_kstr(w, "after_reason_code", v.reason.name);
	jw_kstr(w, "after_reason", reason);
	jw_object_end(w);
}

static void put_zone(struct json_writer *w, const struct simulation *s, int zone)
{
	struct bal_zone_view a, b;

	balance_zone_view(s->before, zone, &a);
	balance_zone_view(s->after, zone, &b);
	jw_object(w);
	jw_kstr(w, "zone", balance_zone_id(s->after, zone));
	split_phases(w, "cap_before_ma", &a.cap);
	split_phases(w, "cap_after_ma", &b.cap);
	jw_kstr(w, "cap_why_before", a.cap_why);
	jw_kstr(w, "cap_why_after", b.cap_why);
	split_phases(w, "sum_before_ma", &a.sum_w);
	split_phases(w, "sum_after_ma", &b.sum_w);
	split_phases(w, "load_before_ma", &a.load);
	split_phases(w, "load_after_ma", &b.load);
	jw_kint(w, "competing_before", a.competing);
	jw_kint(w, "competing_after", b.competing);
	jw_kint(w, "charging_before", a.admitted);
	jw_kint(w, "charging_after", b.admitted);
	jw_object_end(w);
}

static void write_answer(struct simulation *s)
{
	struct json_writer w;
	mono_t settled = s->result.last_order == MONO_NEVER ? 0 : s->result.last_order - s->now;

	jw_init(&w, &s->out);
	jw_object(&w);
	jw_kstr(&w, "id", balance_zone_id(s->after, s->what.zone));
	jw_kint(&w, "for_ms", s->what.for_us / US_PER_MS);
	jw_kint(&w, "orders", (int64_t)s->result.orders);
	jw_kint(&w, "last_order_ms", settled / US_PER_MS);
	jw_kint(&w, "cars", (int64_t)s->result.car_count);
	jw_kint(&w, "made_up", (int64_t)(balance_conn_count(s->after) - s->result.made_up));
	jw_key(&w, "zones");
	jw_array(&w);
	for (int z = s->what.zone; z >= 0; z = balance_zone_parent(s->after, z))
		put_zone(&w, s, z);
	jw_array_end(&w);
	jw_key(&w, "connectors");
	jw_array(&w);
	for (uint32_t i = 0; i < balance_conn_count(s->after); i++)
		if (balance_conn_below(s->after, i, s->what.zone))
			put_connector(&w, s, i);
	jw_array_end(&w);
	jw_object_end(&w);
}

static void run(struct job *job)
{
	struct simulation *s = (struct simulation *)job;

	s->what.cancelled = cancelled;
	s->what.ctx = job;
	if (whatif_run(s->after, &s->what, s->now, &s->arena, &s->result, &s->diag) == 0)
		write_answer(s);
}

/* ---- on the loop ---------------------------------------------------------------------------------------- */

static void drop(struct job *job)
{
	struct simulation *s = (struct simulation *)job;

	balance_free(s->before);
	balance_free(s->after);
	arena_fini(&s->arena);
	buf_fini(&s->out);
	free(s);
}

static void done(struct job *job)
{
	struct simulation *s = (struct simulation *)job;

	s->app->turn_open = true;
	if (diag_failed(&s->diag))
		fx_reply_error(&s->app->fx, s->token, s->diag.err, s->diag.text);
	else
		fx_reply(&s->app->fx, FX_NOW, s->token, buf_cstr(&s->out), s->out.len);
	drop(job);
}

static int read_args(struct ctl_call *c, const struct ctl_zone_simulate_args *a, struct whatif *w)
{
	*w = (struct whatif){
		.zone = balance_zone_find(c->hall->balance, a->id), .cars = a->cars == NUM_NONE ? 0 : (int)a->cars,
		.cap = a->cap_ma, .building = a->building_ma, .meter_lost = a->meter_lost == 1,
		.for_us = a->for_ms == NUM_NONE ? FOR_DEFAULT_US : a->for_ms * US_PER_MS,
	};
	if (w->zone < 0)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "zone '%.60s' does not exist (lmsctl zone list)", a->id);
	if (a->cars != NUM_NONE && (a->cars < 0 || a->cars > WHATIF_CARS_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "cars: from 0 to %d", WHATIF_CARS_MAX);
	if (w->for_us < US_PER_S || w->for_us > FOR_MAX_US)
		return diag_set(&c->diag, -LMS_ERANGE, "for: from 1s to 2h");
	return 0;
}

int ctl_zone_simulate(struct ctl_call *c, const struct ctl_zone_simulate_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	struct whatif what;
	struct simulation *s;
	int ret = read_args(c, a, &what);

	if (ret < 0)
		return ret;
	s = xcalloc(1, sizeof(*s));
	s->job = (struct job){ .run = run, .done = done, .drop = drop };
	s->app = app;
	s->token = c->token;
	s->now = c->now;
	s->what = what;
	if (a->offline != NULL) {
		snprintf(s->offline, sizeof(s->offline), "%s", a->offline);
		s->what.offline = s->offline;
	}
	s->before = balance_clone(c->hall->balance);
	s->after = balance_clone(c->hall->balance);
	arena_init(&s->arena);
	buf_init(&s->out);
	diag_init(&s->diag);
	if (background_take(app->background, &s->job))
		return CTL_LATER;
	drop(&s->job);
	return diag_set(&c->diag, -LMS_ECONFLICT, "too many replays and simulations wait already (try again later)");
}
