/* hall/control/ctl_transaction_curve.c - the curve of a transaction, and its signed meter values.
 *
 * Of one that runs the curve is in memory; of one that ended, record and curve are read one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"

#define SIGNED_ROWS 16

struct values_query {
	struct app *app;
	uint64_t token;
	int64_t id;
	char *tx_json;			/* owned: the record, while the curve is read */
	size_t tx_len;
};

static struct values_query *query_new(const struct ctl_call *c, int64_t id)
{
	struct values_query *q = xcalloc(1, sizeof(*q));

	q->app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	q->token = c->token;
	q->id = id;
	return q;
}

static void query_free(struct values_query *q)
{
	free(q->tx_json);
	free(q);
}

static void query_fail(struct values_query *q, int err)
{
	char text[120];

	if (err == 0)
		snprintf(text, sizeof(text), "transaction %lld does not exist (lmsctl transaction list)", (long long)q->id);
	else
		snprintf(text, sizeof(text), "the store cannot be read");
	fx_reply_error(&q->app->fx, q->token, err ? err : -LMS_ENOTFOUND, text);
	q->app->turn_open = true;
	query_free(q);
}

static void query_reply(struct values_query *q, struct buf *out)
{
	fx_reply(&q->app->fx, FX_NOW, q->token, buf_cstr(out), out->len);
	q->app->turn_open = true;
	buf_fini(out);
	query_free(q);
}

/* The page behind the one before it begins with it. */
static void read_record(struct values_query *q, enum store_table table, void (*done)(void *, const struct store_page *))
{
	char key[24];

	snprintf(key, sizeof(key), "%010lld", (long long)(q->id - 1));
	store_read_page(q->app->store, table, key, false, 1, done, q);
}

static bool is_record(const struct values_query *q, const struct store_page *page)
{
	return page->count == 1 && strtoll(page->keys[0], NULL, 10) == q->id;
}

/* ---- the curve ---- */

struct curve_out {
	struct json_writer *w;
	const struct tx *tx;
	int64_t register_wh, energy_wh;
};

static void put_point(struct curve_out *o, int64_t t_us, const struct curve_point *p)
{
	struct ctl_curve_point rec;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_curve_point], &rec);
	rec.time = o->tx->start == WALL_NONE ? WALL_NONE : o->tx->start + t_us;
	rec.elapsed_ms = t_us / US_PER_MS;
	if (p->register_wh != NUM_NONE) {
		/* A register that began anew counts from there. */
		o->energy_wh += p->register_wh > o->register_wh ? p->register_wh - o->register_wh : 0;
		o->register_wh = p->register_wh;
	}
	rec.energy_wh = o->energy_wh;
	rec.register_wh = p->register_wh;
	for (int k = 0; k < PHASES; k++)
		rec.current_ma.l[k] = p->ma[k] == CURVE_NONE ? NUM_NONE : p->ma[k];
	rec.power_w = p->w == CURVE_NONE ? NUM_NONE : p->w;
	ctl_record_write(&ctl_nouns[CTL_NOUN_curve_point], &rec, o->w);
}

static void put_curve(const struct tx *tx, struct json_writer *w)
{
	struct curve_out o = { .w = w, .tx = tx, .register_wh = tx->meter_start_wh };
	struct curve_point edge = { .register_wh = tx->meter_start_wh, .w = CURVE_NONE,
				    .ma = { CURVE_NONE, CURVE_NONE, CURVE_NONE } };
	const struct curve *c = &tx->curve;

	jw_object(w);
	jw_key(w, "items");
	jw_array(w);
	if (tx->start != WALL_NONE && (c->count == 0 || c->points[0].t_s > 0))
		put_point(&o, 0, &edge);
	for (size_t i = 0; i < c->count; i++)
		put_point(&o, c->points[i].t_s * US_PER_S, &c->points[i]);
	if (tx->stop != WALL_NONE && tx->start != WALL_NONE &&
	    (c->count == 0 || tx->stop - tx->start > c->points[c->count - 1].t_s * US_PER_S)) {
		edge.register_wh = tx->meter_stop_wh;
		put_point(&o, tx->stop - tx->start, &edge);
	}
	jw_array_end(w);
	jw_kstr(w, "next", NULL);
	jw_object_end(w);
}

static void on_curve(void *ctx, const struct store_page *page)
{
	struct values_query *q = ctx;
	struct json_writer w;
	struct diag diag;
	struct buf out;
	struct tx *tx;

	if (page->err < 0)
		return query_fail(q, page->err);
	diag_init(&diag);
	tx = site_tx_read(q->tx_json, q->tx_len, is_record(q, page) ? page->values[0] : NULL,
			  is_record(q, page) ? page->lens[0] : 0, &diag);
	if (!tx)
		return query_fail(q, 0);
	buf_init(&out);
	jw_init(&w, &out);
	put_curve(tx, &w);
	tx_free(tx);
	query_reply(q, &out);
}

static void on_tx(void *ctx, const struct store_page *page)
{
	struct values_query *q = ctx;

	if (page->err < 0 || !is_record(q, page))
		return query_fail(q, page->err);
	q->tx_len = page->lens[0];
	q->tx_json = xmalloc(q->tx_len + 1);
	memcpy(q->tx_json, page->values[0], q->tx_len + 1);
	read_record(q, STORE_CURVE, on_curve);
}

static int check_id(struct ctl_call *c, int64_t id)
{
	if (id < 1 || id > INT32_MAX)
		return diag_set(&c->diag, -LMS_EUSAGE, "id: a transaction has a number from 1 up");
	return 0;
}

int ctl_transaction_curve(struct ctl_call *c, const struct ctl_transaction_curve_args *a)
{
	const struct tx *tx;
	int ret = check_id(c, a->id);

	if (ret)
		return ret;
	tx = site_tx(c->hall->site, (int32_t)a->id);
	if (tx) {
		put_curve(tx, &c->w);
		return 0;
	}
	read_record(query_new(c, a->id), STORE_TX, on_tx);
	return CTL_LATER;
}

/* ---- signed values ---- */

static int by_number(const void *a, const void *b)
{
	const struct ctl_signed_value *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void on_signed(void *ctx, const struct store_page *page)
{
	struct ctl_signed_value rows[SIGNED_ROWS];
	struct values_query *q = ctx;
	struct json_writer w;
	struct arena arena;
	struct buf out;
	size_t n = 0;

	if (page->err < 0)
		return query_fail(q, page->err);
	arena_init(&arena);
	for (size_t i = 0; i < page->count && n < SIGNED_ROWS && strtoll(page->keys[i], NULL, 10) == q->id; i++)
		n += site_tx_signed_record(page->values[i], page->lens[i], &arena, &rows[n], NULL) == 0;
	qsort(rows, n, sizeof(rows[0]), by_number);
	buf_init(&out);
	jw_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "items");
	jw_array(&w);
	for (size_t i = 0; i < n; i++)
		ctl_record_write(&ctl_nouns[CTL_NOUN_signed_value], &rows[i], &w);
	jw_array_end(&w);
	jw_kstr(&w, "next", NULL);
	jw_object_end(&w);
	arena_fini(&arena);
	query_reply(q, &out);
}

int ctl_transaction_signed(struct ctl_call *c, const struct ctl_transaction_signed_args *a)
{
	struct values_query *q;
	char key[24];
	int ret = check_id(c, a->id);

	if (ret)
		return ret;
	if (a->id >= c->hall->site->next_tx)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "transaction %lld does not exist (lmsctl transaction list)",
				(long long)a->id);
	q = query_new(c, a->id);
	snprintf(key, sizeof(key), "%010lld/", (long long)a->id);
	store_read_page(q->app->store, STORE_SIGNED, key, false, SIGNED_ROWS, on_signed, q);
	return CTL_LATER;
}
