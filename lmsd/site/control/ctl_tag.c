/* site/control/ctl_tag.c - control handlers: tags. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "site/control/ctl_site_util.h"
#include "site/control/ctl_tag.h"
#include "site/generation/edit_parts.h"

#define TAG_LAST_MAX 1000

/* t: the tag as it is, NULL = a dry run has none. */
static void fill(const struct ctl_call *c, const struct ctl_tag_keys *k, const struct tag *t, struct ctl_tag *rec)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_tag], rec);
	rec->keys = *k;
	rec->transactions = t ? t->transactions : 0;
	if (!t)
		return;
	rec->created = t->created;
	rec->last_use = t->last_use;
	if (k == &t->k)
		rec->keys.credit_wh = site_tag_credit(c->hall->site, t, c->wall);
}

static int answer(struct ctl_call *c, const struct ctl_tag_keys *k, const struct tag *t)
{
	struct ctl_tag rec;

	fill(c, k, t, &rec);
	return ctl_answer_record(c, &rec);
}

int ctl_tag_answer(struct ctl_call *c, const struct tag *t)
{
	return answer(c, &t->k, t);
}

static int tag_cmp(const void *a, const void *b)
{
	const struct tag *const *x = a, *const *y = b;

	return strcmp((*x)->k.uid, (*y)->k.uid);
}

static int tag_use_cmp(const void *a, const void *b)
{
	const struct tag *const *x = a, *const *y = b;

	if ((*x)->last_use != (*y)->last_use)
		return (*x)->last_use > (*y)->last_use ? -1 : 1;
	return tag_cmp(a, b);
}

int ctl_tag_list(struct ctl_call *c, const struct ctl_tag_list_args *a)
{
	const struct site *s = c->hall->site;
	const struct tag **list = arena_array(c->arena, HASH_COUNT(s->tags) + 1, sizeof(*list));
	size_t limit = ctl_page_limit(a->limit), count = 0, i;
	bool used_last = a->last != NUM_NONE;

	if (used_last && (a->last < 1 || a->last > TAG_LAST_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "last: from 1 to %d", TAG_LAST_MAX);
	if (used_last && a->cursor)
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: last=%lld has one page only (leave one of them out)",
				(long long)a->last);
	if (used_last)
		limit = (size_t)a->last;
	for (const struct tag *t = s->tags; t; t = t->hh.next)
		if (!a->cursor || strcmp(t->k.uid, a->cursor) > 0)
			list[count++] = t;
	qsort(list, count, sizeof(*list), used_last ? tag_use_cmp : tag_cmp);
	ctl_answer_list(c);
	for (i = 0; i < count && i < limit; i++) {
		struct ctl_tag rec;

		fill(c, &list[i]->k, list[i], &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < count && !used_last ? list[i - 1]->k.uid : NULL);
}

int ctl_tag_not_found(struct ctl_call *c, const char *uid)
{
	const struct site *s = c->hall->site;
	const char **names = arena_array(c->arena, HASH_COUNT(s->tags) + 1, sizeof(*names));
	size_t count = 0;

	for (const struct tag *t = s->tags; t; t = t->hh.next)
		names[count++] = t->k.uid;
	return ctl_not_found(c, "tag", uid, names, count);
}

int ctl_tag_show(struct ctl_call *c, const struct ctl_tag_show_args *a)
{
	const struct tag *t = site_tag(c->hall->site, a->uid);

	return t ? answer(c, &t->k, t) : ctl_tag_not_found(c, a->uid);
}

int ctl_tag_edit(struct ctl_call *c, const struct ctl_tag_keys *k, enum edit_mode mode, int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_tag(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	/* The row of the edit, as a dry run has no tag to show. */
	if (!ret)
		ret = answer(c, &e->tags->k, site_tag(c->hall->site, e->tags->k.uid));
	site_edit_free(e);
	return ret;
}

int ctl_tag_add(struct ctl_call *c, const struct ctl_tag_add_args *a)
{
	return ctl_tag_edit(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_tag_set(struct ctl_call *c, const struct ctl_tag_set_args *a)
{
	return ctl_tag_edit(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_tag_delete(struct ctl_call *c, const struct ctl_tag_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_tag(e, a->uid);
	return ctl_commit_done(c, e, a->dry_run);
}
