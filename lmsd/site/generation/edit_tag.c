/* site/generation/edit_tag.c - changes of tags, as part of an edit or alone. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/generation/edit_parts.h"
#include "site/outer/sun.h"
#include "site/tag.h"
#include "site/tag_log.h"
#include "site/tags/credit.h"
#include "site/tags/pending.h"
#include "site/tags/where.h"

static int missing_tag(struct site_edit *e, const char *uid)
{
	const char **names = xcalloc(HASH_COUNT(e->site->tags) + 1, sizeof(*names));
	const char *near;
	size_t count = 0;

	for (const struct tag *t = e->site->tags; t; t = t->hh.next)
		names[count++] = t->k.uid;
	near = text_nearest(uid, names, count);
	if (near)
		diag_set(&e->diag, -LMS_ENOTFOUND,
			 "tag '%.60s' does not exist (did you mean '%s'?; lmsctl tag list)", uid,
			 near);
	else
		diag_set(&e->diag, -LMS_ENOTFOUND, "tag '%.60s' does not exist (lmsctl tag list)",
			 uid);
	free(names);
	return -LMS_ENOTFOUND;
}

/* The tag as this edit has it so far, or a new row for the live one; uid is normalized. */
static struct tag_edit *tag_edit_get(struct site_edit *e, const char *uid)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct tag_edit *t;

	HASH_FIND(hh, e->tags, uid, strlen(uid), t);
	if (t)
		return t;
	t = arena_alloc(&e->arena, sizeof(*t));
	t->live = site_tag(e->site, uid);
	t->gone = !t->live;
	ctl_keys_clear(n, &t->k);
	if (t->live)
		fields_copy(n->keys, n->key_count, &t->k, &t->live->k, &e->arena);
	if (t->live)
		t->k.credit_wh = credit_now(e->site, t->live, WALL_NONE);
	t->k.uid = arena_strdup(&e->arena, uid);
	HASH_ADD_KEYPTR(hh, e->tags, t->k.uid, strlen(t->k.uid), t);
	return t;
}

static bool edit_uid(struct site_edit *e, const char *uid, char *out)
{
	if (diag_failed(&e->diag))
		return false;
	if (!uid)
		diag_set(&e->diag, -LMS_EUSAGE, "a tag's uid is missing");
	else if (tag_normalize(uid, out))
		diag_set(
		    &e->diag, -LMS_EDATA,
		    "tag '%.60s': is not a uid (letters, digits and ._@|*+=- only, at most %d)",
		    uid, ID_MAX);
	return !diag_failed(&e->diag);
}

static bool credit_is_given(const struct ctl_tag_keys *k)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];

	for (size_t i = 0; i < n->key_count; i++)
		if (n->keys[i].offset == offsetof(struct ctl_tag_keys, credit_wh))
			return k->given >> i & 1;
	return false;
}

void site_edit_tag(struct site_edit *e, const struct ctl_tag_keys *k, enum edit_mode mode)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	char uid[ID_MAX + 1];
	const char *own;
	struct tag_edit *t;

	if (!edit_uid(e, k->uid, uid))
		return;
	t = tag_edit_get(e, uid);
	if (mode == SITE_CREATE && !t->gone) {
		diag_set(&e->diag, -LMS_ECONFLICT, "tag '%s' exists already (lmsctl tag set %s …)",
			 uid, uid);
		return;
	}
	if (mode == SITE_CHANGE && t->gone) {
		missing_tag(e, uid);
		return;
	}
	own = t->k.uid;
	if (t->gone || mode == SITE_REPLACE)
		ctl_keys_clear(n, &t->k);
	t->gone = false;
	ctl_keys_overlay(n, &t->k, k, &e->arena);
	t->credit_said = t->credit_said || mode != SITE_CHANGE || credit_is_given(k);
	t->k.uid = own; /* as normalized, and as hashed */
	check_ranges(n, &t->k, &e->diag);
}

void site_edit_delete_tag(struct site_edit *e, const char *uid)
{
	char key[ID_MAX + 1];
	struct tag_edit *t;

	if (!edit_uid(e, uid, key))
		return;
	t = tag_edit_get(e, key);
	if (t->gone)
		missing_tag(e, key);
	t->gone = true;
}

void edit_prune_tags(struct site_edit *e)
{
	for (const struct tag *live = e->site->tags; live; live = live->hh.next) {
		struct tag_edit *t;

		HASH_FIND(hh, e->tags, live->k.uid, strlen(live->k.uid), t);
		if (!t)
			tag_edit_get(e, live->k.uid)->gone = true;
	}
}

int edit_check_tags(struct site_edit *e)
{
	const struct site_conf *conf = e->candidate ? e->candidate : site_conf_newest(e->site);

	for (const struct tag_edit *t = e->tags; t && !diag_failed(&e->diag); t = t->hh.next)
		if (!t->gone && !credit_check(&t->k, &e->diag))
			where_check(&t->k, t->live ? &t->live->k : NULL, conf, &e->diag);
	return e->diag.err;
}

/* As people see it: what it has is less what it charges just now. */
static struct ctl_tag_keys keys_before(const struct site_edit *e, const struct tag_edit *t)
{
	struct ctl_tag_keys k = t->live->k;

	k.credit_wh = credit_now(e->site, t->live, e->wall);
	return k;
}

static struct ctl_tag_keys keys_after(const struct site_edit *e, const struct tag_edit *t)
{
	struct ctl_tag_keys k = t->k;

	if (t->live && !t->credit_said)
		k.credit_wh = credit_now(e->site, t->live, e->wall);
	return k;
}

void edit_diff_tags(struct site_edit *e, struct change_list *list)
{
	for (const struct tag_edit *t = e->tags; t; t = t->hh.next) {
		struct ctl_tag_keys before, after;

		if (!t->live && t->gone)
			continue;
		if (t->live)
			before = keys_before(e, t);
		after = keys_after(e, t);
		edit_diff_keys(list, &ctl_nouns[CTL_NOUN_tag], t->k.uid, t->live ? &before : NULL, t->gone ? NULL : &after);
	}
}

static bool tag_changed(const struct site_edit *e, const struct tag_edit *t)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_tag];
	struct ctl_tag_keys before = keys_before(e, t), after = keys_after(e, t);

	for (size_t i = 0; i < n->key_count; i++)
		if (!field_equal(&n->keys[i], &before, &after))
			return true;
	return false;
}

void edit_count_tags(const struct site_edit *e, int64_t *added, int64_t *changed, int64_t *unchanged, int64_t *deleted)
{
	for (const struct tag_edit *t = e->tags; t; t = t->hh.next) {
		if (t->gone)
			*deleted += t->live != NULL;
		else if (!t->live)
			*added += 1;
		else
			*(tag_changed(e, t) ? changed : unchanged) += 1;
	}
}

static bool same_period(const struct ctl_tag_keys *a, const struct ctl_tag_keys *b)
{
	return a->every && b->every && strcmp(a->every, b->every) == 0 && a->credit_wh != NUM_NONE;
}

static void apply_tag(struct site_edit *e, struct tag_edit *t, struct effects *fx)
{
	int64_t wanted_wh = t->k.credit_wh;
	bool fresh = !t->live, same = !fresh && same_period(&t->live->k, &t->k);

	if (!fresh)
		credit_settle(e->site, t->live, e->wall, fx);
	/* What is booked changes by a row of the ledger alone. */
	t->k.credit_wh = fresh ? NUM_NONE : t->live->k.credit_wh;
	t->live = tag_put(e->site, &t->k);
	if (fresh) {
		t->live->created = e->wall;
		pending_forget(e->site, t->k.uid, fx);
	}
	if (t->credit_said)
		credit_put(e->site, t->live, wanted_wh, "set", e->by, NULL, e->wall, fx);
	if (!same)
		credit_begin_recharge(e->site, t->live, t->live->k.every ? e->wall : WALL_NONE);
	tag_store(t->live, fx);
	t->k.credit_wh = credit_now(e->site, t->live, e->wall);
}

void edit_apply_tags(struct site_edit *e, struct effects *fx)
{
	for (struct tag_edit *t = e->tags; t; t = t->hh.next) {
		if (t->gone) {
			if (t->live) {
				site_tag_note(e->site, t->k.uid, &t->live->k, NULL, fx);
				fx_del(fx, STORE_TAG, t->live->k.uid);
				tag_remove(e->site, t->live);
			}
			t->live = NULL;
			continue;
		}
		if (t->live && !tag_changed(e, t))
			continue;
		site_tag_note(e->site, t->k.uid, t->live ? &t->live->k : NULL, &t->k, fx);
		apply_tag(e, t, fx);
	}
}

/* ---- tags that zones name ---- */

static bool tag_will_be(struct site_edit *e, const char *uid)
{
	const struct tag_edit *t;

	HASH_FIND(hh, e->tags, uid, strlen(uid), t);
	return t ? !t->gone : site_tag(e->site, uid) != NULL;
}

void edit_check_exempt(struct site_edit *e)
{
	for (struct item *it = e->draft->items[ITEM_ZONE]; it && !diag_failed(&e->diag); it = it->hh.next) {
		const char *list = it->k.zone.pv_exempt, *before = NULL;
		struct exempt x;
		struct diag said;

		if (it->before)
			before = ((const struct ctl_zone_keys *)it->before)->pv_exempt;
		if (it->gone || !list)
			continue;
		diag_init(&said);
		while (exempt_next(&list, &x, &said) > 0) {
			if (x.kind != EXEMPT_TAG || exempt_has(before, NULL, x.name, NULL) || tag_will_be(e, x.name))
				continue;
			diag_set(&e->diag, -LMS_EDATA, "zone %s: pv_exempt: tag '%s' does not exist (lmsctl tag list)",
				 it->id, x.name);
			return;
		}
	}
}
