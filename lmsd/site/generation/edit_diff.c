/* site/generation/edit_diff.c - what an edit changes, for people and for the store. */
#include <stdio.h>
#include <string.h>

#include "site/generation/edit_parts.h"
#include "site/transfer.h"

static struct site_change *change_add(struct change_list *list, const char *kind, const char *id,
				      const char *key)
{
	struct site_change *c;

	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct site_change *items = arena_array(list->arena, room, sizeof(*items));

		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	c = &list->items[list->count++];
	c->kind = kind;
	c->id = arena_strdup(list->arena, id);
	c->key = key;
	c->from = c->to = "";
	return c;
}

static const char *value_text(struct arena *arena, const struct field *f, const void *keys)
{
	struct buf b;
	const char *text;

	if (!keys || !field_present(f, keys))
		return "";
	buf_init(&b);
	field_format(f, keys, false, NULL, &b);
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* before NULL: created, after NULL: deleted. The first key stands for the object as such. */
void edit_diff_keys(struct change_list *list, const struct ctl_noun_desc *n, const char *id,
		    const void *before, const void *after)
{
	for (size_t i = 0; i < n->key_count; i++) {
		const struct field *f = &n->keys[i];
		struct site_change *c;

		if (before && after ? field_equal(f, before, after)
				    : !field_present(f, before ? before : after))
			continue;
		c = change_add(list, n->name, id, f->name);
		c->from = value_text(list->arena, f, before);
		c->to = value_text(list->arena, f, after);
		if (!after)
			return;
	}
}

static bool item_changed(enum item_kind kind, const struct item *it)
{
	const struct ctl_noun_desc *n = item_noun(kind);

	if (!it->before)
		return !it->gone;
	if (it->gone)
		return true;
	/* Of zones and their limits the build may have changed the writing; of others nothing. */
	if (!it->named && kind != ITEM_ZONE)
		return false;
	for (size_t i = 0; i < n->key_count; i++)
		if (!field_equal(&n->keys[i], it->before, &it->k))
			return true;
	return false;
}

static bool site_changed(const struct site_edit *e)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_site];
	const struct site_conf *base = site_conf_newest(e->site);

	for (size_t i = 0; i < n->key_count; i++)
		if (!field_equal(&n->keys[i], &base->site, &e->draft->site))
			return true;
	return false;
}

void edit_diff(struct site_edit *e, struct change_list *list)
{
	if (!e->draft)
		return;
	if (site_changed(e))
		edit_diff_keys(list, &ctl_nouns[CTL_NOUN_site], "site",
			       &site_conf_newest(e->site)->site, &e->draft->site);
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		for (struct item *it = e->draft->items[kind]; it; it = it->hh.next)
			if (item_changed((enum item_kind)kind, it))
				edit_diff_keys(list, item_noun((enum item_kind)kind), it->id,
					       it->before, it->gone ? NULL : &it->k);
}

/* ---- storing ---- */

static void put_keys(struct effects *fx, enum store_table table, const struct ctl_noun_desc *n,
		     const char *key, const void *keys)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	fields_write(n->keys, n->key_count, keys, false, &w);
	jw_object_end(&w);
	fx_put(fx, table, key, b.data, b.len);
	buf_fini(&b);
}

/* A station that comes back later must not inherit what an older one of its name may have obeyed.
 */
static void forget_limits(const struct site_edit *e, const char *station, size_t from,
			  struct effects *fx)
{
	const struct site_conf *base = site_conf_newest(e->site);
	int index = site_conf_station(base, station);
	char key[ID_MAX + 8];

	if (index < 0)
		return;
	for (size_t i = from; i < base->stations[index].connector_count; i++) {
		snprintf(key, sizeof(key), "%s/%zu", station, i + 1);
		fx_del(fx, STORE_LIMIT, key);
	}
}

static void store_item(const struct site_edit *e, enum item_kind kind, const struct item *it,
		       struct effects *fx)
{
	if (it->gone)
		fx_del(fx, item_types[kind].table, it->id);
	else
		put_keys(fx, item_types[kind].table, item_noun(kind), it->id, &it->k);
	if (kind != ITEM_STATION || !it->before)
		return;
	if (it->gone) {
		fx_del(fx, STORE_BOOT, it->id);
		transfer_forget(it->id, fx);
		fx_del(fx, STORE_SECURITY, it->id);
		fx_del(fx, STORE_LOCAL_LIST, it->id);
		fx_del(fx, STORE_CERT_REQUEST, it->id);
		forget_limits(e, it->id, 0, fx);
	} else {
		int index = site_conf_station(e->candidate, it->id);

		forget_limits(e, it->id, e->candidate->stations[index].connector_count, fx);
	}
}

void edit_store(struct site_edit *e, struct effects *fx)
{
	char json[64];
	int len = snprintf(json, sizeof(json), "{\"generation\":%llu}",
			   (unsigned long long)e->candidate->generation);

	if (site_changed(e))
		put_keys(fx, STORE_SITE, &ctl_nouns[CTL_NOUN_site], "site", &e->draft->site);
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		for (struct item *it = e->draft->items[kind]; it; it = it->hh.next)
			if (item_changed((enum item_kind)kind, it))
				store_item(e, (enum item_kind)kind, it, fx);
	fx_put(fx, STORE_META, "site", json, (size_t)len);
}
