/* local/graph.c - `transaction graph`: the curve of a transaction as charts, or as rows. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lmsctl/local/draw.h"
#include "lmsctl/local/local.h"

static void show_rows(struct lmsctl *l, const struct series *s, const struct time_zone *tz)
{
	struct data d = { .l = l, .tz = tz, .columns = s->columns, .count = s->column_count };
	struct history_row row = { .quality = NULL };

	data_begin(&d);
	for (size_t i = 0; i < s->count; i++) {
		row.time = s->times[i];
		for (size_t k = 0; k < s->column_count; k++)
			row.values[k] = s->values[k][i];
		if (!data_row(&d, &row))
			break;
	}
	data_end(&d);
}

/* A curve of one point has no length; it gets a minute. */
static void show_charts(struct lmsctl *l, const struct series *s, const struct time_zone *tz, int64_t id)
{
	wall_t from = s->times[0], until = s->times[s->count - 1] + US_PER_S;

	if (until - from < 60 * US_PER_S)
		until = from + 60 * US_PER_S;
	draw_charts(l, s, from, until, tz, arena_printf(&l->arena, "transaction %lld  (%s)", (long long)id, tz ? tz->name : "UTC"));
}

int graph_show(struct lmsctl *l, int64_t id)
{
	const struct time_zone *tz = NULL;
	const struct json *answer;
	struct series *s;
	int ret = data_check_options(l);

	if (ret == 0)
		ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = local_site_zone(l, &tz);
	if (ret == 0)
		ret = client_call(l->client, "transaction.curve", arena_printf(&l->arena, "{\"id\":%lld}", (long long)id), &answer,
				  &l->diag);
	if (ret)
		return ret;
	s = arena_alloc(&l->arena, sizeof(*s));
	series_init(s);
	ret = series_add_curve(s, json_get(answer, "items"), &l->diag);
	if (ret == 0 && !data_is_chart(l))
		show_rows(l, s, tz);
	else if (ret == 0 && s->count)
		show_charts(l, s, tz, id);
	else if (ret == 0 && !l->opt.quiet)
		fprintf(stderr, "no values: the station told none\n");
	series_fini(s);
	return ret;
}
