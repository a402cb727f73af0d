/* local/ledger.c - see ledger.h. */
#include "lmsctl/local/ledger.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define PAGE_ROWS 1000

static wall_t now(void)
{
	return (wall_t)time(NULL) * US_PER_S;
}

int ledger_init(struct ledger *q, struct lmsctl *l, const struct ledger_args *a, const char *period)
{
	*q = (struct ledger){ .l = l, .a = a };
	if (period_parse(period, NULL, now(), &q->period, &l->diag))
		return l->diag.err = -LMS_EUSAGE;
	return 0;
}

int ledger_begin(struct ledger *q, const char *period)
{
	int ret = call_connect(q->l, NULL, NULL);

	if (ret == 0)
		ret = local_site_zone(q->l, &q->tz);
	return ret ? ret : period_parse(period, q->tz, now(), &q->period, &q->l->diag);
}

static void put_filter(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		jw_kstr(w, key, value);
}

static const char *params_of(const struct ledger *q, const char *cursor, struct buf *out)
{
	char from[RFC3339_MAX], until[RFC3339_MAX];
	struct json_writer w;

	buf_clear(out);
	jw_init(&w, out);
	jw_object(&w);
	jw_kstr(&w, "from", rfc3339_format(q->period.from, from));
	jw_kstr(&w, "until", rfc3339_format(q->period.until, until));
	put_filter(&w, "station", q->a->station);
	put_filter(&w, "tag", q->a->tag);
	put_filter(&w, "zone", q->a->zone);
	put_filter(&w, "group", q->a->group);
	put_filter(&w, "type", q->a->type);
	jw_kint(&w, "limit", PAGE_ROWS);
	put_filter(&w, "cursor", *cursor ? cursor : NULL);
	jw_object_end(&w);
	return buf_cstr(out);
}

static bool is_refused(const struct ctl_transaction *t)
{
	return t->state && strcmp(t->state, "refused") == 0;
}

static int take_page(struct ledger *q, const struct json *items, int (*each)(void *ctx, const struct ctl_transaction *t),
		     void *ctx)
{
	struct arena arena;
	int ret = 0;

	arena_init(&arena);
	for (const struct json *j = items ? items->first : NULL; j && ret == 0; j = j->next) {
		void *rec;

		ret = ctl_record_read(&ctl_nouns[CTL_NOUN_transaction], j, &arena, &rec, &q->l->diag);
		if (ret || is_refused(rec))
			continue;
		q->count++;
		ret = each(ctx, rec);
	}
	arena_fini(&arena);
	return ret;
}

int ledger_each(struct ledger *q, int (*each)(void *ctx, const struct ctl_transaction *t), void *ctx)
{
	bool shows = !q->l->opt.quiet && isatty(STDERR_FILENO);
	char cursor[64] = "";
	struct buf params;
	int ret;

	buf_init(&params);
	do {
		const struct json *answer;

		ret = client_call(q->l->client, "transaction.list", params_of(q, cursor, &params), &answer, &q->l->diag);
		if (ret)
			break;
		snprintf(cursor, sizeof(cursor), "%s", json_str(json_get(answer, "next"), ""));
		ret = take_page(q, json_get(answer, "items"), each, ctx);
		if (shows)
			fprintf(stderr, "\r%zu transactions", q->count);
	} while (ret == 0 && cursor[0]);
	if (shows)
		fputs("\r\033[K", stderr);
	buf_fini(&params);
	return ret;
}

int64_t ledger_decimal(const char *s, int decimals)
{
	int64_t v = 0;
	int seen = -1;

	if (!s)
		return NUM_NONE;
	for (; *s; s++) {
		if (*s == '.')
			seen = 0;
		else if (*s < '0' || *s > '9' || v > INT64_MAX / 100)
			return NUM_NONE;
		else if (seen < decimals) {
			v = v * 10 + (*s - '0');
			seen += seen >= 0;
		}
	}
	for (seen = seen < 0 ? 0 : seen; seen < decimals; seen++)
		v *= 10;
	return v;
}
