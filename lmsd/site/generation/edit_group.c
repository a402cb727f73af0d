/* site/generation/edit_group.c - changes of groups of stations and of groups of tags. */
#include <string.h>

#include "site/generation/edit_parts.h"
#include "site/tags/where.h"

void site_edit_group(struct site_edit *e, const struct ctl_group_keys *k, enum edit_mode mode)
{
	if (edit_id(e, k->id, "a group's id"))
		edit_overlay(e, ITEM_GROUP, edit_item(e, ITEM_GROUP, k->id, mode), k);
}

void site_edit_tag_group(struct site_edit *e, const struct ctl_tag_group_keys *k, enum edit_mode mode)
{
	if (edit_id(e, k->id, "a tag-group's id"))
		edit_overlay(e, ITEM_TAG_GROUP, edit_item(e, ITEM_TAG_GROUP, k->id, mode), k);
}

/* The keys of a tag as this edit leaves it; NULL = it goes. */
static const struct ctl_tag_keys *tag_after(const struct site_edit *e, const struct tag *live)
{
	const struct tag_edit *t;

	HASH_FIND(hh, e->tags, live->k.uid, strlen(live->k.uid), t);
	if (!t)
		return &live->k;
	return t->gone ? NULL : &t->k;
}

static void note_tags(struct site_edit *e, enum item_kind kind, const char *id, struct edit_users *users)
{
	for (const struct tag *live = e->site->tags; live; live = live->hh.next) {
		const struct ctl_tag_keys *k = tag_after(e, live);

		if (k && (kind == ITEM_GROUP ? names_have(k->station_groups, id) : k->group && strcmp(k->group, id) == 0))
			edit_note_user(users, "tag", k->uid);
	}
}

void site_edit_delete_group(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_GROUP, id);
	struct edit_users users = { .count = 0 };

	if (!it)
		return;
	for (struct item *st = e->draft->items[ITEM_STATION]; st; st = st->hh.next)
		if (!st->gone && names_have(st->k.station.groups, id))
			edit_note_user(&users, "station", st->id);
	note_tags(e, ITEM_GROUP, id, &users);
	edit_gone_unless_used(e, it, "group", &users);
}

void site_edit_delete_tag_group(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_TAG_GROUP, id);
	struct edit_users users = { .count = 0 };

	if (!it)
		return;
	/* Tags would be admitted that the group keeps out. */
	note_tags(e, ITEM_TAG_GROUP, id, &users);
	edit_gone_unless_used(e, it, "tag-group", &users);
}
