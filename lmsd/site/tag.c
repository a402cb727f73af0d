/* site/tag.c - tags: who may charge. A table of its own, changed in place and stored record by
 * record. */
#include "site/tag.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/tags/credit.h"

int tag_normalize(const char *uid, char *out)
{
	size_t len = 0;

	for (const char *s = uid; *s; s++) {
		char c = *s;

		if (c == ':')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (len == ID_MAX)
			return -LMS_EDATA;
		out[len++] = c;
	}
	out[len] = '\0';
	return id_check(out, "a tag", NULL);
}

struct tag *site_tag(struct site *s, const char *uid)
{
	char key[ID_MAX + 1];
	struct tag *t;

	if (!uid || tag_normalize(uid, key))
		return NULL;
	HASH_FIND(hh, s->tags, key, strlen(key), t);
	return t;
}

static int running_with(const struct site *s, const char *uid)
{
	int count = 0;

	for (const struct tx *tx = s->running; tx; tx = tx->hh.next)
		count += strcmp(tx->tag, uid) == 0;
	return count;
}

struct tag *tag_put(struct site *s, const struct ctl_tag_keys *k)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct arena arena;
	struct tag *t = site_tag(s, k->uid);
	char uid[ID_MAX + 1];

	lms_assert(tag_normalize(k->uid, uid) == 0);
	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->created = t->last_use = WALL_NONE;
		t->recharge_day = NUM_NONE;
		t->running = running_with(s, uid);
		t->pending_wh = credit_pending(s, uid);
		arena_init_small(&t->arena);
	} else {
		HASH_DELETE(hh, s->tags, t);
	}
	arena = t->arena;
	arena_init_small(&t->arena);
	ctl_keys_clear(n, &t->k);
	fields_copy(n->keys, n->key_count, &t->k, k, &t->arena);
	t->k.uid = arena_strdup(&t->arena, uid);
	arena_fini(&arena); /* only now: k may point into it */
	HASH_ADD_KEYPTR(hh, s->tags, t->k.uid, strlen(t->k.uid), t);
	return t;
}

void tag_remove(struct site *s, struct tag *t)
{
	HASH_DELETE(hh, s->tags, t);
	arena_fini(&t->arena);
	free(t);
}

void tag_store(const struct tag *t, struct effects *fx)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	fields_write(n->keys, n->key_count, &t->k, false, &w);
	jw_kint(&w, "created", t->created);
	jw_kint(&w, "last_use", t->last_use);
	jw_kint(&w, "transactions", t->transactions);
	if (t->recharge_day != NUM_NONE)
		jw_kint(&w, "recharge_day", t->recharge_day);
	jw_object_end(&w);
	fx_put(fx, STORE_TAG, t->k.uid, b.data, b.len);
	buf_fini(&b);
}

static int64_t load_int(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? dflt : v;
}

int site_tag_load(struct site *s, const char *json, size_t len, struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct ctl_tag_keys k;
	const struct json *obj;
	struct arena arena;
	char uid[ID_MAX + 1];
	struct tag *t;
	int ret;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	ret = obj ? fields_read(n->keys, n->key_count, obj, false, &arena, &k, NULL, diag)
		  : -LMS_EPARSE;
	if (ret)
		goto out;
	if (!k.uid || tag_normalize(k.uid, uid)) {
		ret = diag_set(diag, -LMS_EDATA, "stored tag without a uid");
		goto out;
	}
	t = tag_put(s, &k);
	t->created = load_int(obj, "created", WALL_NONE);
	t->last_use = load_int(obj, "last_use", WALL_NONE);
	t->transactions = load_int(obj, "transactions", 0);
	t->recharge_day = load_int(obj, "recharge_day", NUM_NONE);
	t->credit_out = t->k.credit_wh != NUM_NONE && t->k.credit_wh < 0;
	s->credit_out = s->credit_out || t->credit_out;
out:
	arena_fini(&arena);
	return ret;
}
