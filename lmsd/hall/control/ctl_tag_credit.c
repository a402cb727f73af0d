/* hall/control/ctl_tag_credit.c - the ledger of a tag's credit, the latest row first, in pages from the store's reader
 * thread. A cursor is the number of the last row answered. Rows of a deleted tag are still there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/text.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX     1000

struct credit_query {
	struct app *app;
	uint64_t token;
	char prefix[ID_MAX + 2];	/* "UID/" */
	size_t limit;
};

static bool write_row(const char *json, size_t len, struct arena *arena, struct json_writer *w, int64_t *seq)
{
	struct ctl_credit_change rec;
	const struct json *obj = json_parse(arena, arena_strndup(arena, json, len), len, &JSON_CAPS_DEFAULT, NULL);
	const struct { const char *key; int64_t *out; } numbers[] = {
		{ "seq", &rec.seq }, { "time", &rec.time }, { "change_wh", &rec.change_wh },
		{ "credit_wh", &rec.credit_wh }, { "transaction", &rec.transaction },
	};

	ctl_record_clear(&ctl_nouns[CTL_NOUN_credit_change], &rec);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (json_int(json_get(obj, numbers[i].key), numbers[i].out))
			*numbers[i].out = NUM_NONE;
	rec.cause = json_str(json_get(obj, "cause"), NULL);
	rec.by = json_str(json_get(obj, "by"), NULL);
	rec.text = json_str(json_get(obj, "text"), NULL);
	if (!obj || rec.seq == NUM_NONE)
		return false;	/* a strange old record never breaks a list */
	*seq = rec.seq;
	ctl_record_write(&ctl_nouns[CTL_NOUN_credit_change], &rec, w);
	return true;
}

static void on_page(void *ctx, const struct store_page *page)
{
	struct credit_query *q = ctx;
	size_t rows = 0, i = 0;
	struct json_writer w;
	struct arena arena;
	int64_t seq = 0;
	struct buf out;

	q->app->turn_open = true;
	if (page->err < 0) {
		fx_reply_error(&q->app->fx, q->token, page->err, "the store cannot be read");
		free(q);
		return;
	}
	arena_init(&arena);
	buf_init(&out);
	jw_init(&w, &out);
	jw_object(&w);
	jw_key(&w, "items");
	jw_array(&w);
	for (; i < page->count && rows < q->limit && strncmp(page->keys[i], q->prefix, strlen(q->prefix)) == 0; i++)
		rows += write_row(page->values[i], page->lens[i], &arena, &w, &seq);
	jw_array_end(&w);
	jw_kstr(&w, "next", rows == q->limit && i == page->count && page->more ? arena_printf(&arena, "%lld", (long long)seq) : NULL);
	jw_object_end(&w);
	fx_reply(&q->app->fx, FX_NOW, q->token, buf_cstr(&out), out.len);
	arena_fini(&arena);
	buf_fini(&out);
	free(q);
}

int ctl_tag_credit_show(struct ctl_call *c, const struct ctl_tag_credit_show_args *a)
{
	char uid[ID_MAX + 1], key[ID_MAX + 20];
	int64_t before = INT64_C(1000000000000), limit = a->limit == NUM_NONE ? PAGE_DEFAULT : a->limit;
	struct credit_query *q;

	if (tag_normalize(a->uid, uid))
		return diag_set(&c->diag, -LMS_EUSAGE, "uid: '%.60s' is not a uid", a->uid);
	if (limit < 1 || limit > PAGE_MAX)
		return diag_set(&c->diag, -LMS_ERANGE, "limit: from 1 to %d", PAGE_MAX);
	if (a->cursor && parse_int(a->cursor, 1, before - 1, &before, NULL))
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: not of this list");
	q = xcalloc(1, sizeof(*q));
	q->app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	q->token = c->token;
	q->limit = (size_t)limit;
	snprintf(q->prefix, sizeof(q->prefix), "%s/", uid);
	/* '9999…' is behind all of them, and before the next uid. */
	if (a->cursor)
		snprintf(key, sizeof(key), "%s/%012lld", uid, (long long)before);
	else
		snprintf(key, sizeof(key), "%s/999999999999", uid);
	store_read_page(q->app->store, STORE_CREDIT, key, true, q->limit, on_page, q);
	return CTL_LATER;
}
