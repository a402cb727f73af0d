/* site/generation/edit.c - stages changes of keys, checks the whole, and hands out what is to be stored.
 *
 * Errors of the single steps are sticky: the first one is what the commit answers, and then nothing
 * has changed. Each edit builds on the newest generation, stored or not: two edits in one turn
 * must not undo each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/draft.h"
#include "site/generation/edit_parts.h"
#include "site/tag_log.h"

struct site_edit *site_edit_new(struct site *s)
{
	struct site_edit *e = xcalloc(1, sizeof(*e));

	e->site = s;
	e->wall = WALL_NONE;
	diag_init(&e->diag);
	arena_init(&e->arena);
	return e;
}

void site_edit_free(struct site_edit *e)
{
	if (!e)
		return;
	HASH_CLEAR(hh, e->tags);
	draft_free(e->draft);
	site_conf_free(e->candidate);
	arena_fini(&e->arena);
	free(e);
}

void site_edit_at(struct site_edit *e, wall_t wall, const char *by)
{
	e->wall = wall;
	e->by = by;
}

struct diag *site_edit_diag(struct site_edit *e)
{
	return &e->diag;
}

const struct site_conf *site_edit_result(const struct site_edit *e)
{
	return e->result ? e->result : site_conf_newest(e->site);
}

/* Made on first use: an edit of tags alone costs nothing of the configuration's size. */
struct draft *edit_draft(struct site_edit *e)
{
	if (!e->draft)
		e->draft = draft_new(site_conf_newest(e->site));
	return e->draft;
}

void site_edit_site(struct site_edit *e, const struct ctl_site_keys *k)
{
	struct draft *d = edit_draft(e);

	ctl_keys_overlay(&ctl_nouns[CTL_NOUN_site], &d->site, k, &d->arena);
}

/* The item that a step works on, by mode; NULL with the edit's diag set. */
struct item *edit_item(struct site_edit *e, enum item_kind kind, const char *id,
			      enum edit_mode mode)
{
	struct draft *d = edit_draft(e);
	struct item *it;

	if (diag_failed(&e->diag))
		return NULL;
	it = draft_find(d, kind, id);
	if (mode == SITE_CREATE && it) {
		diag_set(&e->diag, -LMS_ECONFLICT, "%s '%s' exists already (lmsctl %s set %s …)",
			 item_types[kind].word, id, item_types[kind].word, id);
		return NULL;
	}
	if (mode == SITE_CHANGE && !it) {
		draft_missing(d, kind, id, &e->diag);
		return NULL;
	}
	if (!it || mode == SITE_REPLACE)
		it = draft_add(d, kind, id);
	it->named = true;
	return it;
}

bool edit_id(struct site_edit *e, const char *id, const char *what)
{
	if (diag_failed(&e->diag))
		return false;
	if (!id)
		diag_set(&e->diag, -LMS_EUSAGE, "%s is missing", what);
	else
		id_check(id, what, &e->diag);
	return !diag_failed(&e->diag);
}

void edit_overlay(struct site_edit *e, enum item_kind kind, struct item *it,
			 const void *keys)
{
	if (!it)
		return;
	ctl_keys_overlay(item_noun(kind), &it->k, keys, &e->draft->arena);
}

void site_edit_zone(struct site_edit *e, const struct ctl_zone_keys *k, enum edit_mode mode)
{
	if (edit_id(e, k->id, "a zone's id"))
		edit_overlay(e, ITEM_ZONE, edit_item(e, ITEM_ZONE, k->id, mode), k);
}

void site_edit_source(struct site_edit *e, const struct ctl_source_keys *k, enum edit_mode mode)
{
	if (edit_id(e, k->id, "a source's id"))
		edit_overlay(e, ITEM_SOURCE, edit_item(e, ITEM_SOURCE, k->id, mode), k);
}

void site_edit_meter(struct site_edit *e, const struct ctl_meter_keys *k, enum edit_mode mode)
{
	if (edit_id(e, k->id, "a meter's id"))
		edit_overlay(e, ITEM_METER, edit_item(e, ITEM_METER, k->id, mode), k);
}

void site_edit_station(struct site_edit *e, const struct ctl_station_keys *k, enum edit_mode mode)
{
	int64_t connectors = NUM_NONE;
	struct item *it;

	if (!edit_id(e, k->id, "a station's id"))
		return;
	it = draft_find(edit_draft(e), ITEM_STATION, k->id);
	if (it)
		connectors = it->k.station.connectors;
	it = edit_item(e, ITEM_STATION, k->id, mode);
	edit_overlay(e, ITEM_STATION, it, k);
	/* How many a station has was learned from it: a document that is silent on that keeps it.
	 */
	if (it && mode == SITE_REPLACE && it->k.station.connectors == NUM_NONE)
		it->k.station.connectors = connectors;
}

void site_edit_connector(struct site_edit *e, const struct ctl_connector_keys *k,
			 enum edit_mode mode)
{
	char station[ID_MAX + 1], id[ID_MAX + 8];
	struct item *st, *it;
	int number;
	int64_t count;

	if (diag_failed(&e->diag))
		return;
	if (!k->id || !connector_id_split(k->id, station, &number)) {
		diag_set(&e->diag, -LMS_EDATA,
			 "connector '%.60s': is not an id (write STATION/NUMBER)",
			 k->id ? k->id : "");
		return;
	}
	st = draft_find(edit_draft(e), ITEM_STATION, station);
	if (!st) {
		draft_missing(e->draft, ITEM_STATION, station, &e->diag);
		return;
	}
	count = st->k.station.connectors == NUM_NONE ? 1 : st->k.station.connectors;
	if (number > count) {
		diag_set(
		    &e->diag, -LMS_ENOTFOUND,
		    "connector '%s' does not exist: station %s has %lld (lmsctl connector list)",
		    k->id, station, (long long)count);
		return;
	}
	snprintf(id, sizeof(id), "%s/%d", station, number);
	/* Every connector of a station is there; an item exists once something is set. */
	it = draft_find(e->draft, ITEM_CONNECTOR, id);
	if (!it || mode == SITE_REPLACE)
		it = draft_add(e->draft, ITEM_CONNECTOR, id);
	it->named = true;
	edit_overlay(e, ITEM_CONNECTOR, it, k);
	it->k.connector.id = it->id;
}

/* ---- deleting ---- */

struct item *edit_delete(struct site_edit *e, enum item_kind kind, const char *id)
{
	struct item *it;

	if (diag_failed(&e->diag))
		return NULL;
	it = draft_find(edit_draft(e), kind, id);
	if (!it)
		draft_missing(e->draft, kind, id, &e->diag);
	return it;
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void edit_note_user(struct edit_users *users, const char *word, const char *id)
{
	size_t used = strlen(users->text);

	if (users->count++ < 3)
		snprintf(users->text + used, sizeof(users->text) - used, "%s%s %s", used ? ", " : "", word, id);
}

void edit_gone_unless_used(struct site_edit *e, struct item *it, const char *word, const struct edit_users *users)
{
	char more[32] = "";

	it->gone = users->count == 0;
	if (it->gone)
		return;
	if (users->count > 3)
		snprintf(more, sizeof(more), " and %zu more", users->count - 3);
	diag_set(&e->diag, -LMS_ECONFLICT, "%s %s: is used by %s%s (move or delete them first)", word, it->id,
		 users->text, more);
}

void site_edit_delete_zone(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_ZONE, id);
	struct edit_users users = { .count = 0 };

	if (!it)
		return;
	for (struct item *z = e->draft->items[ITEM_ZONE]; z; z = z->hh.next)
		if (!z->gone && is_same(z->k.zone.parent, id))
			edit_note_user(&users, "zone", z->id);
	for (struct item *st = e->draft->items[ITEM_STATION]; st; st = st->hh.next)
		if (!st->gone && is_same(st->k.station.zone, id))
			edit_note_user(&users, "station", st->id);
	edit_gone_unless_used(e, it, "zone", &users);
}

void site_edit_delete_meter(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_METER, id);
	struct edit_users users = { .count = 0 };

	if (!it)
		return;
	for (struct item *z = e->draft->items[ITEM_ZONE]; z; z = z->hh.next)
		if (!z->gone && (is_same(z->k.zone.meter, id) || is_same(z->k.zone.pv_meter, id)))
			edit_note_user(&users, "zone", z->id);
	edit_gone_unless_used(e, it, "meter", &users);
}

void site_edit_delete_source(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_SOURCE, id);
	struct edit_users users = { .count = 0 };

	if (!it)
		return;
	for (struct item *z = e->draft->items[ITEM_ZONE]; z; z = z->hh.next)
		if (!z->gone && is_same(z->k.zone.source, id))
			edit_note_user(&users, "zone", z->id);
	edit_gone_unless_used(e, it, "source", &users);
}

void site_edit_delete_station(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_STATION, id);

	if (it)
		it->gone = true;
}

void site_edit_delete_connector(struct site_edit *e, const char *id)
{
	struct item *it = edit_delete(e, ITEM_CONNECTOR, id);

	if (it)
		it->gone = true;
}

void site_edit_prune(struct site_edit *e, bool tags_too)
{
	struct draft *d = edit_draft(e);

	for (int kind = 0; kind < ITEM_KINDS; kind++)
		for (struct item *it = d->items[kind]; it; it = it->hh.next)
			it->gone = it->gone || !it->named;
	if (tags_too)
		edit_prune_tags(e);
}

/* ---- committing ---- */

static const struct site_conf *edit_base(const struct site_edit *e)
{
	return site_conf_newest(e->site);
}

/* Builds and checks; no candidate when the keys are the same as before. */
static int edit_build(struct site_edit *e)
{
	if (!e->draft)
		return 0;
	e->candidate = conf_new();
	e->candidate->generation = edit_base(e)->generation + 1;
	conf_build(e->candidate, e->draft, &e->diag);
	if (!diag_failed(&e->diag))
		conf_check(e->candidate, &e->site->outside, &e->diag);
	if (!diag_failed(&e->diag))
		edit_check_exempt(e);
	return e->diag.err;
}

int site_edit_commit(struct site_edit *e, struct effects *fx, bool dry,
		     const struct site_change **changes, size_t *change_count, struct arena *arena,
		     struct diag *diag)
{
	struct change_list list = { .arena = arena};
	size_t conf_changes;

	if (changes)
		*changes = NULL;
	if (change_count)
		*change_count = 0;
	if (diag_failed(&e->diag) || edit_build(e) || edit_check_tags(e)) {
		*diag = e->diag;
		return e->diag.err;
	}
	edit_diff(e, &list);
	conf_changes = list.count;
	edit_diff_tags(e, &list);
	if (changes)
		*changes = list.items;
	if (change_count)
		*change_count = list.count;
	if (conf_changes == 0) {
		site_conf_free(e->candidate);
		e->candidate = NULL;
	}
	e->result = e->candidate;
	if (e->candidate && security_check_change(e->site, e->candidate, diag))
		return diag->err;
	if (dry)
		return 0;
	edit_apply_tags(e, fx);
	if (!e->candidate)
		return 0;
	edit_store(e, fx);
	site_tag_groups_note(e->site, edit_base(e), e->candidate, fx);
	fx_config(fx, e->candidate);
	e->site->staged = e->candidate;
	e->candidate = NULL; /* the effect's now */
	return 0;
}
