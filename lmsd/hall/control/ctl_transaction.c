/* hall/control/ctl_transaction.c - transactions, the newest first: running ones from the site, closed ones in
 * pages from the store's reader thread, merged by id. A cursor is the id of the last one answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX 1000
#define CLOCK_SLACK_US (INT64_C(2) * 86400 * US_PER_S)	/* a station's clock may be that fast */
#define READS_MAX 50	/* pages of the store for one answer: a filter that finds nothing still ends */

struct tx_query {
	struct app *app;
	uint64_t token;
	struct arena arena;
	struct buf out;
	struct json_writer w;
	wall_t wall;
	char station[ID_MAX + 1], tag[ID_MAX + 1], group[ID_MAX + 1], state[12], type[8];
	char zone[ID_MAX + 1];
	wall_t from, until;		/* of the start; WALL_NONE = any */
	bool running, ended;		/* which are wanted */
	int32_t *run_ids;		/* descending */
	size_t run_count, run_next;
	int64_t last;			/* id answered last, or the cursor */
	size_t left;			/* rows still wanted */
	int reads;
	bool one;			/* transaction.show */
};

static const struct ctl_noun_desc *tx_noun(void)
{
	return &ctl_nouns[CTL_NOUN_transaction];
}

/* The zone of then is looked up in the configuration of now: one that is gone is itself alone. */
static bool in_zone(const struct tx_query *q, const char *zone)
{
	const struct site_conf *conf = q->app->hall.site->conf;
	int z;

	if (q->zone[0] == '\0')
		return true;
	if (!zone)
		return false;
	if (strcmp(zone, q->zone) == 0)
		return true;
	for (z = site_conf_zone(conf, zone); z >= 0; z = conf->zones[z].parent)
		if (strcmp(conf->zones[z].k.id, q->zone) == 0)
			return true;
	return false;
}

static bool query_wants(const struct tx_query *q, const struct ctl_transaction *r)
{
	bool runs = strcmp(q->state, "running") == 0;	/* zombies do, too */

	if (q->state[0] != '\0' && !runs && (!r->state || strcmp(r->state, q->state) != 0))
		return false;
	if ((q->from != WALL_NONE && r->start < q->from) || (q->until != WALL_NONE && r->start >= q->until) ||
	    !in_zone(q, r->zone) || (q->type[0] != '\0' && (!r->type || strcmp(r->type, q->type) != 0)) ||
	    (q->group[0] != '\0' && (!r->group || strcmp(r->group, q->group) != 0)))
		return false;
	return (q->station[0] == '\0' || (r->station && strcmp(r->station, q->station) == 0)) &&
	       (q->tag[0] == '\0' || (r->tag && strcmp(r->tag, q->tag) == 0));
}

static void query_row(struct tx_query *q, const struct ctl_transaction *r)
{
	q->last = r->id;
	if (!query_wants(q, r))
		return;
	ctl_record_write(tx_noun(), r, &q->w);
	q->left--;
}

/* Running ones with ids above `above`, the largest first. */
static void query_running(struct tx_query *q, int64_t above)
{
	struct ctl_transaction r;
	struct tx *tx;

	for (; q->left > 0 && q->run_next < q->run_count; q->run_next++) {
		if (q->run_ids[q->run_next] < above)
			return;
		tx = site_tx(q->app->hall.site, q->run_ids[q->run_next]);
		if (tx == NULL)		/* ended since: it is in the store by now, later pages have it */
			continue;
		site_tx_to_record(q->app->hall.site, tx, q->wall, &q->arena, &r);
		query_row(q, &r);
	}
}

static void query_free(struct tx_query *q)
{
	arena_fini(&q->arena);
	buf_fini(&q->out);
	free(q->run_ids);
	free(q);
}

/* The answer leaves by the turn's effects, like every other. */
static void query_done(struct tx_query *q, bool more)
{
	char next[24];

	jw_array_end(&q->w);
	snprintf(next, sizeof(next), "%lld", (long long)q->last);
	jw_kstr(&q->w, "next", more ? next : NULL);
	jw_object_end(&q->w);
	fx_reply(&q->app->fx, FX_NOW, q->token, buf_cstr(&q->out), q->out.len);
	q->app->turn_open = true;
	query_free(q);
}

static void query_read(struct tx_query *q);

/* Ids rise with our own clock, and a start is hardly later than its message: what is older still began earlier still. */
static bool is_before(const struct tx_query *q, const struct ctl_transaction *r)
{
	return q->from != WALL_NONE && r->received != WALL_NONE && r->received < q->from - CLOCK_SLACK_US;
}

static void on_page(void *ctx, const struct store_page *page)
{
	struct tx_query *q = ctx;
	bool page_more = page->more;
	struct ctl_transaction r;
	struct diag diag;

	if (page->err < 0) {
		fx_reply_error(&q->app->fx, q->token, page->err, "the store cannot be read");
		q->app->turn_open = true;
		query_free(q);
		return;
	}
	for (size_t i = 0; i < page->count && q->left > 0; i++) {
		diag_init(&diag);
		q->last = strtoll(page->keys[i], NULL, 10);
		if (site_tx_record(q->app->hall.site, page->values[i], page->lens[i], &q->arena, &r, &diag) < 0)
			continue;	/* a strange old record never breaks a list */
		if (is_before(q, &r)) {
			page_more = false;
			break;
		}
		query_running(q, r.id + 1);
		if (q->left > 0)
			query_row(q, &r);
	}
	if (q->left > 0 && page_more && ++q->reads < READS_MAX) {
		query_read(q);
		return;
	}
	if (!page_more)
		query_running(q, INT64_MIN);
	query_done(q, q->left == 0 || page_more);
}

static void query_read(struct tx_query *q)
{
	char key[24];

	snprintf(key, sizeof(key), "%010lld", (long long)q->last);
	store_read_page(q->app->store, STORE_TX, q->last == INT64_MAX ? NULL : key, true, PAGE_DEFAULT, on_page, q);
}

static int descending(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void query_collect_running(struct tx_query *q)
{
	size_t n = HASH_COUNT(q->app->hall.site->running);

	q->run_ids = xcalloc(n + 1, sizeof(*q->run_ids));
	for (const struct tx *tx = q->app->hall.site->running; tx != NULL; tx = tx->hh.next)
		if (tx->id < q->last)
			q->run_ids[q->run_count++] = tx->id;
	qsort(q->run_ids, q->run_count, sizeof(*q->run_ids), descending);
}

static struct tx_query *query_new(struct ctl_call *c)
{
	struct tx_query *q = xcalloc(1, sizeof(*q));

	q->app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	q->token = c->token;
	q->wall = c->wall;
	q->last = INT64_MAX;
	arena_init(&q->arena);
	buf_init(&q->out);
	jw_init(&q->w, &q->out);
	return q;
}

static int list_args(struct ctl_call *c, const struct ctl_transaction_list_args *a, struct tx_query *q)
{
	struct diag *d = &c->diag;

	q->left = PAGE_DEFAULT;
	if (a->limit != NUM_NONE) {
		if (a->limit < 1 || a->limit > PAGE_MAX)
			return diag_set(d, -LMS_ERANGE, "limit: from 1 to %d", PAGE_MAX);
		q->left = (size_t)a->limit;
	}
	if (a->cursor != NULL) {
		int64_t id;

		if (parse_int(a->cursor, 1, INT32_MAX, &id, d) < 0)
			return diag_set(d, -LMS_EUSAGE, "cursor: not of this list");
		q->last = id;
	}
	if (a->tag != NULL && tag_normalize(a->tag, q->tag) < 0)
		return diag_set(d, -LMS_EUSAGE, "tag: '%s' is no tag", log_text(a->tag));
	snprintf(q->station, sizeof(q->station), "%s", a->station ? a->station : "");
	snprintf(q->group, sizeof(q->group), "%s", a->group ? a->group : "");
	snprintf(q->zone, sizeof(q->zone), "%s", a->zone ? a->zone : "");
	snprintf(q->type, sizeof(q->type), "%s", a->type ? a->type : "");
	q->from = a->from;
	q->until = a->until;
	snprintf(q->state, sizeof(q->state), "%s", a->state ? a->state : "");
	q->running = a->state == NULL || strcmp(a->state, "running") == 0 || strcmp(a->state, "zombie") == 0;
	q->ended = a->state == NULL || !q->running;
	return 0;
}

int ctl_transaction_list(struct ctl_call *c, const struct ctl_transaction_list_args *a)
{
	struct tx_query *q = query_new(c);
	int ret = list_args(c, a, q);

	if (ret < 0) {
		query_free(q);
		return ret;
	}
	if (q->running)
		query_collect_running(q);
	jw_object(&q->w);
	jw_key(&q->w, "items");
	jw_array(&q->w);
	if (q->ended) {
		query_read(q);
		return CTL_LATER;
	}
	/* Running ones are in memory: the answer is immediate, so that they can be watched. */
	query_running(q, INT64_MIN);
	jw_array_end(&q->w);
	jw_key(&q->w, "next");
	if (q->left == 0 && q->run_next < q->run_count)
		jw_str(&q->w, arena_printf(&q->arena, "%lld", (long long)q->last));
	else
		jw_null(&q->w);
	jw_object_end(&q->w);
	buf_add(c->out, q->out.data, q->out.len);
	query_free(q);
	return 0;
}

static void on_one(void *ctx, const struct store_page *page)
{
	struct tx_query *q = ctx;
	struct ctl_transaction r;
	struct diag diag;
	char text[120];

	diag_init(&diag);
	q->app->turn_open = true;
	if (page->err == 0 && page->count == 1 &&
	    site_tx_record(q->app->hall.site, page->values[0], page->lens[0], &q->arena, &r, &diag) == 0 &&
	    r.id == q->last) {
		ctl_record_write(tx_noun(), &r, &q->w);
		fx_reply(&q->app->fx, FX_NOW, q->token, buf_cstr(&q->out), q->out.len);
	} else {
		snprintf(text, sizeof(text), "transaction %lld does not exist (lmsctl transaction list)",
			 (long long)q->last);
		fx_reply_error(&q->app->fx, q->token, page->err < 0 ? page->err : -LMS_ENOTFOUND, text);
	}
	query_free(q);
}

int ctl_transaction_show(struct ctl_call *c, const struct ctl_transaction_show_args *a)
{
	struct ctl_transaction r;
	struct tx_query *q;
	struct tx *tx;
	char key[24];

	if (a->id < 1 || a->id > INT32_MAX)
		return diag_set(&c->diag, -LMS_EUSAGE, "id: a transaction has a number from 1 up");
	tx = site_tx(c->hall->site, (int32_t)a->id);
	if (tx != NULL) {
		site_tx_to_record(c->hall->site, tx, c->wall, c->arena, &r);
		return ctl_answer_record(c, &r);
	}
	q = query_new(c);
	q->last = a->id;
	/* The page behind the one before it begins with it. */
	snprintf(key, sizeof(key), "%010lld", (long long)(a->id - 1));
	store_read_page(q->app->store, STORE_TX, key, false, 1, on_one, q);
	return CTL_LATER;
}
