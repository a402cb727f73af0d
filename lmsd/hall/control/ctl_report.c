/* hall/control/ctl_report.c - report bottleneck: the stored hours, page by page, and the running one from memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/text.h"
#include "hall/hours.h"

#define ROWS_DEFAULT 1000
#define ROWS_MAX     1000

struct query {
	struct app *app;
	uint64_t token;
	char zone[ID_MAX + 1];		/* "" = all */
	char from[HOUR_KEY_MAX], to[HOUR_KEY_MAX];	/* both included */
	char after[HOUR_KEY_MAX];	/* the last row that was looked at */
	size_t left;
	struct buf out;
	struct json_writer w;
};

/* ---- the time asked for ------------------------------------------------------------------------------ */

static wall_t midnight(const struct time_zone *tz, wall_t wall, int day, int month)
{
	int32_t offset_s = tz_offset_s(tz, wall);
	struct civil c;
	wall_t t;

	civil_from_wall(wall, offset_s, &c);
	c.hour = c.minute = c.second = 0;
	c.day = day > 0 ? day : c.day;
	c.month = month > 0 ? month : c.month;
	t = wall_from_civil(&c, offset_s);
	return wall_from_civil(&c, tz_offset_s(tz, t));
}

static void find_period(const struct time_zone *tz, const char *period, wall_t now, wall_t *from, wall_t *to)
{
	wall_t today = midnight(tz, now, 0, 0);

	*to = now;
	if (strcmp(period, "all") == 0)
		*from = 0;
	else if (strcmp(period, "today") == 0)
		*from = today;
	else if (strcmp(period, "month") == 0)
		*from = midnight(tz, now, 1, 0);
	else if (strcmp(period, "year") == 0)
		*from = midnight(tz, now, 1, 1);
	else if (strcmp(period, "yesterday") == 0)
		*from = midnight(tz, today - 12 * HOUR_US, 0, 0);
	else
		*from = midnight(tz, today - 6 * 24 * HOUR_US + 12 * HOUR_US, 0, 0);
	if (strcmp(period, "yesterday") == 0)
		*to = today - 1;
}

/* ---- the answer ----------------------------------------------------------------------------------------- */

static void query_free(struct query *q)
{
	buf_fini(&q->out);
	free(q);
}

static void put_row(struct query *q, const struct ctl_report *r)
{
	if (q->left == 0 || r->held_ms < HOUR_LEAST_MS || (q->zone[0] && strcmp(q->zone, r->zone) != 0))
		return;
	ctl_record_write(&ctl_nouns[CTL_NOUN_report], r, &q->w);
	q->left--;
}

/* The same order as the stored ones have: by zone. */
static int by_zone(const void *a, const void *b)
{
	return strcmp(((const struct ctl_report *)a)->zone, ((const struct ctl_report *)b)->zone);
}

static void put_running(struct query *q)
{
	size_t n = q->app->hall.site->conf->zone_count;
	struct ctl_report *rows = xcalloc(n + 1, sizeof(*rows));
	char key[HOUR_KEY_MAX];

	for (size_t i = 0; i < n; i++)
		hours_running(q->app, i, loop_now(q->app->loop), &rows[i]);
	qsort(rows, n, sizeof(*rows), by_zone);
	for (size_t i = 0; i < n && q->left > 0; i++) {
		hours_key(rows[i].hour, rows[i].zone, key);
		if (strcmp(key, q->from) < 0 || strcmp(key, q->to) > 0 || strcmp(key, q->after) <= 0)
			continue;
		put_row(q, &rows[i]);
		memcpy(q->after, key, sizeof(key));
	}
	free(rows);
}

static void finish(struct query *q, const char *next)
{
	jw_array_end(&q->w);
	jw_kstr(&q->w, "next", next);
	jw_object_end(&q->w);
	q->app->turn_open = true;
	fx_reply(&q->app->fx, FX_NOW, q->token, buf_cstr(&q->out), q->out.len);
	query_free(q);
}

static void read_row(struct query *q, const char *json, size_t len)
{
	struct ctl_report r = { .held_ms = 0 };
	const struct json *rec;
	struct arena arena;

	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, NULL);
	r.zone = json_str(json_get(rec, "zone"), NULL);
	if (r.zone != NULL && json_int(json_get(rec, "hour"), &r.hour) == 0 &&
	    json_int(json_get(rec, "held_ms"), &r.held_ms) == 0 &&
	    json_int(json_get(rec, "missing_wh"), &r.missing_wh) == 0)
		put_row(q, &r);
	arena_fini(&arena);
}

static void on_page(void *ctx, const struct store_page *page)
{
	struct query *q = ctx;
	char running[HOUR_KEY_MAX];
	struct ctl_report now;
	bool last = false;

	if (q->app->hours == NULL)	/* lmsd ends */
		return query_free(q);
	if (page->err < 0) {
		q->app->turn_open = true;
		fx_reply_error(&q->app->fx, q->token, page->err, "the store cannot be read");
		return query_free(q);
	}
	hours_key(hours_running(q->app, 0, 0, &now) ? now.hour : 0, NULL, running);
	for (size_t i = 0; i < page->count && q->left > 0; i++) {
		if (strcmp(page->keys[i], q->to) > 0)
			return finish(q, NULL);
		if (strcmp(page->keys[i], running) >= 0) {
			last = true;	/* what is stored of the running hour is older than what is in memory */
			break;
		}
		read_row(q, page->values[i], page->lens[i]);
		snprintf(q->after, sizeof(q->after), "%s", page->keys[i]);
	}
	if (q->left == 0)
		return finish(q, q->after);
	if (page->more && !last)
		return store_read_page(q->app->store, STORE_BOTTLENECK, q->after, false, STORE_PAGE_ROWS_MAX, on_page, q);
	put_running(q);
	finish(q, q->left == 0 ? q->after : NULL);
}

static int read_args(struct ctl_call *c, const struct ctl_report_bottleneck_args *a, struct query *q)
{
	wall_t from, to;

	find_period(&c->hall->site->tz, a->period ? a->period : "week", c->wall, &from, &to);
	if (a->from != WALL_NONE)
		from = a->from - a->from % HOUR_US;
	if (a->to != WALL_NONE)
		to = a->to;
	if (a->period != NULL && a->from != WALL_NONE)
		return diag_set(&c->diag, -LMS_EUSAGE, "from: not with period (leave one of them out)");
	if (a->limit != NUM_NONE && (a->limit < 1 || a->limit > ROWS_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "limit: from 1 to %d", ROWS_MAX);
	if (a->zone != NULL && site_conf_zone(c->hall->site->conf, a->zone) < 0)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "zone '%.60s' does not exist (lmsctl zone list)", a->zone);
	if (a->cursor != NULL && strlen(a->cursor) > STORE_KEY_MAX)
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: not of this list");
	q->left = a->limit == NUM_NONE ? ROWS_DEFAULT : (size_t)a->limit;
	snprintf(q->zone, sizeof(q->zone), "%s", a->zone ? a->zone : "");
	hours_key(from > 0 ? from : 0, NULL, q->from);
	hours_key(to > 0 ? to : 0, "~", q->to);	/* behind all zones of that hour */
	snprintf(q->after, sizeof(q->after), "%s", a->cursor != NULL ? a->cursor : q->from);
	return 0;
}

int ctl_report_bottleneck(struct ctl_call *c, const struct ctl_report_bottleneck_args *a)
{
	struct query *q = xcalloc(1, sizeof(*q));
	int ret = read_args(c, a, q);

	if (ret < 0) {
		free(q);
		return ret;
	}
	q->app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	q->token = c->token;
	buf_init(&q->out);
	jw_init(&q->w, &q->out);
	jw_object(&q->w);
	jw_key(&q->w, "items");
	jw_array(&q->w);
	store_read_page(q->app->store, STORE_BOTTLENECK, q->after, false, STORE_PAGE_ROWS_MAX, on_page, q);
	return CTL_LATER;
}
