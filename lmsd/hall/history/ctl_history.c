/* hall/history/ctl_history.c - what meters, zones and connectors measured over time (ctl/history.def says how it is told). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "hall/history/keeper.h"
#include "site/control/ctl_site_util.h"

#define SPAN_US	  (24 * 3600 * US_PER_S)
#define MINUTE_MS 60000
#define DAY_MS	  (24 * 60 * MINUTE_MS)

/* The same arguments in each of these verbs. */
struct history_args {
	enum history_kind kind;
	const char *id, *variables, *stat, *cursor;
	wall_t from, until;
	int64_t step_ms;
};

struct asked {
	struct app *app;
	uint64_t token;
};

static struct app *app_of(const struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

/* ---- what is asked ---- */

static int read_span(struct ctl_call *c, const struct history_args *a, struct archive_query *q)
{
	q->until = a->until == WALL_NONE ? c->wall : a->until;
	q->from = a->from == WALL_NONE ? q->until - SPAN_US : a->from;
	q->at = q->from;
	if (a->cursor && *a->cursor && archive_cursor_parse(a->cursor, &q->at, &q->until) < 0)
		return diag_set(&c->diag, -LMS_EDATA, "cursor: is not one that was answered (leave it out to begin)");
	if (q->from >= q->until)
		return diag_set(&c->diag, -LMS_ERANGE, "from: is not before until (name a span of time)");
	if (q->from < 0)
		q->from = q->at = 0;
	return 0;
}

static int read_step(struct ctl_call *c, const struct history_args *a, struct archive_query *q)
{
	static const char *const stats[] = { "mean", "min", "max", "all" };
	static const unsigned sets[] = { HISTORY_MEAN, HISTORY_MIN, HISTORY_MAX, HISTORY_MEAN | HISTORY_MIN | HISTORY_MAX };

	q->step_ms = a->step_ms == NUM_NONE ? 0 : a->step_ms;
	if (q->step_ms < 0 || q->step_ms > DAY_MS || q->step_ms % MINUTE_MS != 0)
		return diag_set(&c->diag, -LMS_ERANGE, "step: is not whole minutes, up to a day (1m, 15m, 24h), or 0 for what "
				"is stored");
	q->stats = HISTORY_MEAN;
	for (size_t i = 0; a->stat && i < ARRAY_LEN(stats); i++)
		if (strcmp(a->stat, stats[i]) == 0)
			q->stats = sets[i];
	return 0;
}

static bool is_configured(const struct ctl_call *c, enum history_kind kind, const char *id)
{
	struct site *site = c->hall->site;
	struct diag ignored;

	diag_init(&ignored);
	switch (kind) {
	case HISTORY_METER:
		return site_conf_meter(site->conf, id) >= 0;
	case HISTORY_ZONE:
		return site_conf_zone(site->conf, id) >= 0;
	case HISTORY_CONNECTOR:
		return site_connector_by_id(site, id, &ignored) != NULL;
	case HISTORY_KINDS:
		break;
	}
	return false;
}

/* ---- the answer ---- */

static void on_page(void *ctx, struct archive_page *page)
{
	struct asked *asked = ctx;
	struct app *app = asked->app;

	if (page->err < 0)
		fx_reply_error(&app->fx, asked->token, page->err, page->text);
	else
		fx_reply(&app->fx, FX_NOW, asked->token, buf_cstr(&page->json), page->json.len);
	app->turn_open = true;
	free(asked);
}

static int history(struct ctl_call *c, const struct history_args *a)
{
	struct app *app = app_of(c);
	struct archive_query q = { .kind = a->kind };
	struct asked *asked;
	int ret;

	if ((ret = history_vars_parse(a->variables, a->kind, &q.vars, &c->diag)) < 0 || (ret = read_span(c, a, &q)) < 0 ||
	    (ret = read_step(c, a, &q)) < 0)
		return ret;
	if (strlen(a->id) >= sizeof(q.id))
		return diag_set(&c->diag, -LMS_EDATA, "id: is too long");
	strcpy(q.id, a->id);
	q.trim = !a->variables || !*a->variables || strcmp(a->variables, "all") == 0;
	q.configured = is_configured(c, a->kind, a->id);
	q.stored_step_ms = a->kind == HISTORY_CONNECTOR ? KEEPER_CONNECTOR_STEP_S * 1000 : app->boot.history_step * 1000;
	asked = xcalloc(1, sizeof(*asked));
	asked->app = app;
	asked->token = c->token;
	archive_read(keeper_archive(app), &q, on_page, asked);
	return CTL_LATER;
}

#define HISTORY_ARGS(k, a)                                                                                         \
	{                                                                                                          \
		.kind = (k), .id = (a)->id, .variables = (a)->variables, .stat = (a)->stat, .cursor = (a)->cursor, \
		.from = (a)->from, .until = (a)->until, .step_ms = (a)->step_ms                                    \
	}

int ctl_meter_history(struct ctl_call *c, const struct ctl_meter_history_args *a)
{
	const struct history_args h = HISTORY_ARGS(HISTORY_METER, a);

	return history(c, &h);
}

int ctl_zone_history(struct ctl_call *c, const struct ctl_zone_history_args *a)
{
	const struct history_args h = HISTORY_ARGS(HISTORY_ZONE, a);

	return history(c, &h);
}

int ctl_connector_history(struct ctl_call *c, const struct ctl_connector_history_args *a)
{
	const struct history_args h = HISTORY_ARGS(HISTORY_CONNECTOR, a);

	return history(c, &h);
}

int ctl_pv_history(struct ctl_call *c, const struct ctl_pv_history_args *a)
{
	struct history_args h = HISTORY_ARGS(HISTORY_ZONE, a);

	if (!h.variables || !*h.variables)
		h.variables = "pv_production,pv_surplus,pv_budget";
	return history(c, &h);
}

/* ---- how much there is ---- */

static wall_t time_of(int64_t s)
{
	return s ? s * US_PER_S : WALL_NONE;
}

int ctl_system_history(struct ctl_call *c, const struct ctl_system_history_args *a)
{
	const struct app *app = app_of(c);
	struct ctl_history_state r;
	struct archive_figures f;
	char ratio[32];

	(void)a;
	archive_figures(keeper_archive(app), &f);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_history_state], &r);
	r.state = keeper_state(app);
	r.why = f.why[0] ? f.why : NULL;
	r.step_ms = app->boot.history_step * 1000;
	r.first = time_of(f.first_s[ARCHIVE_RAW]);
	r.first_minute = time_of(f.first_s[ARCHIVE_MINUTE]);
	r.first_quarter = time_of(f.first_s[ARCHIVE_QUARTER]);
	r.last = time_of(f.last_s);
	r.file_bytes = f.file_bytes;
	r.used_bytes = f.used_bytes;
	r.max_bytes = f.max_bytes;
	r.samples = f.samples;
	if (f.samples > 0) {
		snprintf(ratio, sizeof(ratio), "%lld.%02lld", (long long)(f.sample_bytes / f.samples),
			 (long long)(f.sample_bytes * 100 / f.samples % 100));
		r.bytes_per_sample = ratio;
	}
	r.lost = f.lost;
	r.commit_us = f.commit_us;
	r.seal_us = f.seal_us;
	return ctl_answer_record(c, &r);
}
