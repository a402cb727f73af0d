/* site/generation/draft.c - the keys of a configuration, found by id while they are being changed. */
#include "site/generation/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const struct item_type item_types[ITEM_KINDS] = {
	[ITEM_ZONE] = {CTL_NOUN_zone, STORE_ZONE, "zone"},
	[ITEM_METER] = {CTL_NOUN_meter, STORE_METER, "meter"},
	[ITEM_SOURCE] = {CTL_NOUN_source, STORE_SOURCE, "source"},
	[ITEM_GROUP] = {CTL_NOUN_group, STORE_GROUP, "group"},
	[ITEM_TAG_GROUP] = {CTL_NOUN_tag_group, STORE_TAG_GROUP, "tag-group"},
	[ITEM_STATION] = {CTL_NOUN_station, STORE_STATION, "station"},
	[ITEM_CONNECTOR] = {CTL_NOUN_connector, STORE_CONNECTOR, "connector"},
};

const struct ctl_noun_desc *item_noun(enum item_kind kind)
{
	return &ctl_nouns[item_types[kind].noun];
}

static struct item *item_take(struct draft *d, enum item_kind kind, struct item *it, const char *id)
{
	it->id = id;
	HASH_ADD_KEYPTR(hh, d->items[kind], it->id, strlen(it->id), it);
	return it;
}

bool connector_is_set(const struct ctl_connector_keys *k)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_CONNECTOR);

	for (size_t i = 1; i < n->key_count; i++)
		if (field_present(&n->keys[i], k))
			return true;
	return false;
}

static void draft_take_station(struct draft *d, struct item *it, const struct station_conf *st)
{
	it->k.station = st->k;
	it->before = &st->k;
	item_take(d, ITEM_STATION, it, st->k.id);
	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector_conf *c = &st->connectors[i];

		if (!connector_is_set(&c->k))
			continue;
		it = arena_alloc(&d->arena, sizeof(*it));
		it->k.connector = c->k;
		it->before = &c->k;
		item_take(d, ITEM_CONNECTOR, it, c->k.id);
	}
}

struct draft *draft_new(const struct site_conf *base)
{
	struct draft *d = xcalloc(1, sizeof(*d));
	struct item *it;

	arena_init(&d->arena);
	ctl_keys_clear(&ctl_nouns[CTL_NOUN_site], &d->site);
	if (!base)
		return d;
	d->site = base->site;
	it = arena_array(&d->arena, base->zone_count + base->meter_count + base->source_count + base->group_count +
			 base->tag_group_count + base->station_count, sizeof(*it));
	for (size_t i = 0; i < base->zone_count; i++, it++) {
		it->k.zone = base->zones[i].k;
		it->before = &base->zones[i].k;
		item_take(d, ITEM_ZONE, it, base->zones[i].k.id);
	}
	for (size_t i = 0; i < base->meter_count; i++, it++) {
		it->k.meter = base->meters[i].k;
		it->before = &base->meters[i].k;
		item_take(d, ITEM_METER, it, base->meters[i].k.id);
	}
	for (size_t i = 0; i < base->source_count; i++, it++) {
		it->k.source = base->sources[i].k;
		it->before = &base->sources[i].k;
		item_take(d, ITEM_SOURCE, it, base->sources[i].k.id);
	}
	for (size_t i = 0; i < base->group_count; i++, it++) {
		it->k.group = base->groups[i];
		it->before = &base->groups[i];
		item_take(d, ITEM_GROUP, it, base->groups[i].id);
	}
	for (size_t i = 0; i < base->tag_group_count; i++, it++) {
		it->k.tag_group = base->tag_groups[i];
		it->before = &base->tag_groups[i];
		item_take(d, ITEM_TAG_GROUP, it, base->tag_groups[i].id);
	}
	for (size_t i = 0; i < base->station_count; i++, it++)
		draft_take_station(d, it, &base->stations[i]);
	return d;
}

void draft_free(struct draft *d)
{
	if (!d)
		return;
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		HASH_CLEAR(hh, d->items[kind]);
	arena_fini(&d->arena);
	free(d);
}

static struct item *draft_find_any(struct draft *d, enum item_kind kind, const char *id)
{
	struct item *it;

	HASH_FIND(hh, d->items[kind], id, strlen(id), it);
	return it;
}

struct item *draft_find(struct draft *d, enum item_kind kind, const char *id)
{
	struct item *it = draft_find_any(d, kind, id);

	return it && !it->gone ? it : NULL;
}

struct item *draft_add(struct draft *d, enum item_kind kind, const char *id)
{
	struct item *it = draft_find_any(d, kind, id);

	if (!it) {
		it = arena_alloc(&d->arena, sizeof(*it));
		item_take(d, kind, it, arena_strdup(&d->arena, id));
	}
	it->gone = false;
	ctl_keys_clear(item_noun(kind), &it->k);
	switch (kind) {
	case ITEM_ZONE:
		it->k.zone.id = it->id;
		break;
	case ITEM_METER:
		it->k.meter.id = it->id;
		break;
	case ITEM_SOURCE:
		it->k.source.id = it->id;
		break;
	case ITEM_GROUP:
		it->k.group.id = it->id;
		break;
	case ITEM_TAG_GROUP:
		it->k.tag_group.id = it->id;
		break;
	case ITEM_STATION:
		it->k.station.id = it->id;
		break;
	case ITEM_CONNECTOR:
		it->k.connector.id = it->id;
		break;
	case ITEM_KINDS:
		break;
	}
	return it;
}

int draft_missing(struct draft *d, enum item_kind kind, const char *id, struct diag *diag)
{
	const char *word = item_types[kind].word, *near = NULL;
	const char **names = xcalloc(HASH_COUNT(d->items[kind]) + 1, sizeof(*names));
	size_t count = 0;

	for (struct item *it = d->items[kind]; it; it = it->hh.next)
		if (!it->gone)
			names[count++] = it->id;
	near = text_nearest(id, names, count);
	if (near)
		diag_set(diag, -LMS_ENOTFOUND,
			 "%s '%.60s' does not exist (did you mean '%s'?; lmsctl %s list)", word, id,
			 near, word);
	else
		diag_set(diag, -LMS_ENOTFOUND, "%s '%.60s' does not exist (lmsctl %s list)", word,
			 id, word);
	free(names);
	return -LMS_ENOTFOUND;
}

bool connector_id_split(const char *id, char *station, int *number)
{
	const char *slash = strrchr(id, '/');
	size_t len = slash ? (size_t)(slash - id) : 0;
	int64_t n;

	if (len == 0 || len > ID_MAX || strlen(slash + 1) > 3 ||
	    parse_int(slash + 1, 1, 64, &n, NULL))
		return false;
	memcpy(station, id, len);
	station[len] = '\0';
	*number = (int)n;
	return true;
}
