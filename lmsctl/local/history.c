/* local/history.c - `meter history` and its kin: a chart for people, rows for programs. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "lmsctl/local/draw.h"
#include "lmsctl/local/query.h"

#define POINTS_PER_COLUMN 2

/* ---- rows ---- */

struct rows_out {
	struct query *q;
	struct data d;
	struct history_column columns[HISTORY_COLUMNS_MAX];
	bool began, enough;
};

static int put_page(void *ctx, struct history_page *p)
{
	struct rows_out *o = ctx;
	struct history_row row;
	int ret = 0;

	if (!o->began) {
		memcpy(o->columns, p->columns, sizeof(o->columns));
		o->d = (struct data){ .l = o->q->l, .tz = o->q->tz, .columns = o->columns, .count = p->count, .with_quality = true };
		data_begin(&o->d);
		o->began = true;
	}
	while (!o->enough && (ret = history_page_next(p, &row, &o->q->l->diag)) > 0)
		o->enough = !data_row(&o->d, &row);
	/* What is told already is complete as it is. */
	return ret < 0 ? ret : o->enough ? 1 : 0;
}

static int show_rows(struct query *q)
{
	struct rows_out *o = arena_alloc(&q->l->arena, sizeof(*o));
	int ret;

	memset(o, 0, sizeof(*o));
	o->q = q;
	ret = query_pages(q, put_page, o);
	/* What broke off must not look whole. */
	if (o->began && ret >= 0)
		data_end(&o->d);
	return ret > 0 ? 0 : ret;
}

/* ---- chart ---- */

struct drawing {
	struct query *q;
	struct series s;
};

static int take_page(void *ctx, struct history_page *p)
{
	struct drawing *g = ctx;

	return series_add(&g->s, p, &g->q->l->diag);
}

static void put_moment(struct buf *b, const struct time_zone *tz, wall_t t)
{
	struct civil c;

	civil_from_wall(t, tz_offset_s(tz, t), &c);
	buf_printf(b, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
}

static const char *head_of(const struct query *q, const struct series *s)
{
	struct buf b;
	const char *text;

	buf_init(&b);
	text_escape(&b, q->a->id, strlen(q->a->id));
	buf_puts(&b, "  ");
	put_moment(&b, q->tz, q->period.from);
	buf_puts(&b, " to ");
	put_moment(&b, q->tz, q->period.until);
	buf_printf(&b, " (%s)", q->tz ? q->tz->name : "UTC");
	if (s->step_ms >= 60000) {
		buf_printf(&b, ", %s of ", !q->a->stat ? "mean" : strcmp(q->a->stat, "all") == 0 ? "mean, min and max" : q->a->stat);
		fmt_span(&b, s->step_ms * US_PER_MS);
	}
	text = arena_strdup(&q->l->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static int show_chart(struct query *q)
{
	struct drawing *g = arena_alloc(&q->l->arena, sizeof(*g));
	int width = draw_width(q->l), ret;

	g->q = q;
	series_init(&g->s);
	if (q->step_ms == NUM_NONE)
		q->step_ms = series_step_ms(q->period.until - q->period.from, width * POINTS_PER_COLUMN);
	ret = query_pages(q, take_page, g);
	if (ret == 0)
		draw_charts(q->l, &g->s, q->period.from, q->period.until, q->tz, head_of(q, &g->s));
	series_fini(&g->s);
	return ret;
}

int history_show(struct lmsctl *l, const char *method, const struct series_args *a)
{
	struct query q;
	int ret = data_check_options(l);

	if (ret == 0)
		ret = query_begin(&q, l, method, a);
	if (ret)
		return ret;
	return data_is_chart(l) ? show_chart(&q) : show_rows(&q);
}
