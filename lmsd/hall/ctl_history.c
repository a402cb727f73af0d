/* hall/ctl_history.c - what meters, zones and connectors measured over time (ctl/history.def says how it is told). */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "history/variable.h"
#include "site/ctl_site_util.h"

#define SPAN_US  (24 * 3600 * US_PER_S)
#define MINUTE_MS 60000
#define DAY_MS   (24 * 60 * MINUTE_MS)

/* The same arguments in each of these verbs. */
struct history_args {
	enum history_kind kind;
	const char *id, *variables, *stat, *cursor;
	wall_t from, until;
	int64_t step_ms;
};

static int check(struct ctl_call *c, struct history_args *a, struct history_vars *vars)
{
	int ret = history_vars_parse(a->variables, a->kind, vars, &c->diag);

	if (ret < 0)
		return ret;
	if (a->until == WALL_NONE)
		a->until = c->wall;
	if (a->from == WALL_NONE)
		a->from = a->until - SPAN_US;
	if (a->from >= a->until)
		return diag_set(&c->diag, -LMS_ERANGE, "from: is not before until (name a span of time)");
	if (a->step_ms == NUM_NONE)
		a->step_ms = 0;
	if (a->step_ms < 0 || a->step_ms > DAY_MS || a->step_ms % MINUTE_MS != 0)
		return diag_set(&c->diag, -LMS_ERANGE, "step: whole minutes up to a day (1m, 15m, 24h), or 0 for what is stored");
	return 0;
}

static void put_column(const struct history_var_info *info, const char *stat, struct json_writer *w)
{
	jw_object(w);
	jw_kstr(w, "variable", info->name);
	jw_kstr(w, "unit", info->dim->unit);
	jw_kint(w, "decimals", info->dim->decimals);
	jw_kstr(w, "stat", stat);
	jw_object_end(w);
}

static void put_columns(const struct history_args *a, const struct history_vars *vars, struct json_writer *w)
{
	static const char *const stats[] = { "mean", "min", "max" };

	jw_array(w);
	for (unsigned i = 0; i < vars->count; i++) {
		struct history_var_info info = history_var_info(vars->var[i]);

		if (a->step_ms == 0)
			put_column(&info, "value", w);
		else if (info.is_register)
			put_column(&info, "last", w);
		for (size_t k = 0; a->step_ms != 0 && !info.is_register && k < ARRAY_LEN(stats); k++)
			if (strcmp(a->stat ? a->stat : "mean", "all") == 0 || strcmp(a->stat ? a->stat : "mean", stats[k]) == 0)
				put_column(&info, stats[k], w);
	}
	jw_array_end(w);
}

static int history(struct ctl_call *c, struct history_args *a)
{
	struct history_vars vars;
	struct ctl_history rec;
	struct json_writer w;
	struct buf columns;
	int ret = check(c, a, &vars);

	if (ret < 0)
		return ret;
	buf_init(&columns);
	jw_init(&w, &columns);
	put_columns(a, &vars, &w);
	ctl_record_clear(&ctl_nouns[CTL_NOUN_history], &rec);
	rec.id = a->id;
	rec.from = a->from;
	rec.until = a->until;
	rec.step_ms = a->step_ms;
	rec.columns = buf_cstr(&columns);
	rec.rows = "[]";
	ret = ctl_answer_record(c, &rec);
	buf_fini(&columns);
	return ret;
}

#define HISTORY_ARGS(k, a)                                                                                      \
	{                                                                                                       \
		.kind = (k), .id = (a)->id, .variables = (a)->variables, .stat = (a)->stat, .cursor = (a)->cursor, \
		.from = (a)->from, .until = (a)->until, .step_ms = (a)->step_ms                                 \
	}

int ctl_meter_history(struct ctl_call *c, const struct ctl_meter_history_args *a)
{
	struct history_args h = HISTORY_ARGS(HISTORY_METER, a);

	return history(c, &h);
}

int ctl_zone_history(struct ctl_call *c, const struct ctl_zone_history_args *a)
{
	struct history_args h = HISTORY_ARGS(HISTORY_ZONE, a);

	return history(c, &h);
}

int ctl_connector_history(struct ctl_call *c, const struct ctl_connector_history_args *a)
{
	struct history_args h = HISTORY_ARGS(HISTORY_CONNECTOR, a);

	return history(c, &h);
}

int ctl_pv_history(struct ctl_call *c, const struct ctl_pv_history_args *a)
{
	struct history_args h = HISTORY_ARGS(HISTORY_ZONE, a);

	if (!h.variables || !*h.variables)
		h.variables = "pv_production,pv_surplus,pv_budget";
	return history(c, &h);
}
