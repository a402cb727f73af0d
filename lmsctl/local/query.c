/* local/query.c - see query.h. */
#include "lmsctl/local/query.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define PERIOD_DEFAULT "24h"

int query_begin(struct query *q, struct lmsctl *l, const char *method, const struct series_args *a)
{
	wall_t now = (wall_t)time(NULL) * US_PER_S;
	const char *period = a->period ? a->period : PERIOD_DEFAULT;
	int ret;

	*q = (struct query){ .l = l, .method = method, .a = a, .step_ms = a->step_ms };
	/* What is no period in any zone needs no daemon to say so. */
	ret = period_parse(period, NULL, now, &q->period, &l->diag);
	if (ret)
		return l->diag.err = -LMS_EUSAGE;
	ret = call_connect(l, NULL, NULL);
	if (ret == 0)
		ret = local_site_zone(l, &q->tz);
	return ret ? ret : period_parse(period, q->tz, now, &q->period, &l->diag);
}

static const char *params_of(const struct query *q, const char *cursor, struct buf *b)
{
	char from[RFC3339_MAX], until[RFC3339_MAX];
	struct json_writer w;

	buf_clear(b);
	jw_init(&w, b);
	jw_object(&w);
	jw_kstr(&w, "id", q->a->id);
	jw_kstr(&w, "from", rfc3339_format(q->period.from, from));
	jw_kstr(&w, "until", rfc3339_format(q->period.until, until));
	if (q->a->variables)
		jw_kstr(&w, "variables", q->a->variables);
	if (q->step_ms != NUM_NONE)
		jw_kint(&w, "step_ms", q->step_ms);
	if (q->a->stat)
		jw_kstr(&w, "stat", q->a->stat);
	if (cursor)
		jw_kstr(&w, "cursor", cursor);
	jw_object_end(&w);
	return buf_cstr(b);
}

int query_pages(struct query *q, int (*page)(void *ctx, struct history_page *p), void *ctx)
{
	struct history_page *p = arena_alloc(&q->l->arena, sizeof(*p));
	char cursor[200] = "";
	struct buf params;
	int ret = 0;

	buf_init(&params);
	do {
		const struct json *answer;

		ret = client_call(q->l->client, q->method, params_of(q, cursor[0] ? cursor : NULL, &params), &answer,
				  &q->l->diag);
		if (ret == 0)
			ret = history_page_read(answer, p, &q->l->diag);
		if (ret)
			break;
		snprintf(cursor, sizeof(cursor), "%s", p->cursor ? p->cursor : "");
		ret = page(ctx, p);
	} while (ret == 0 && cursor[0]);
	buf_fini(&params);
	return ret;
}
