/* site/generation/conf.c - a configuration generation: look things up in it, load it, write it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/generation/draft.h"

/* ---- looking up ---- */

typedef const char *(*id_at_fn)(const struct site_conf *c, size_t at);

static const char *zone_id_at(const struct site_conf *c, size_t at)
{
	return c->zones[c->zone_order[at]].k.id;
}

static const char *meter_id_at(const struct site_conf *c, size_t at)
{
	return c->meters[at].k.id;
}

static const char *source_id_at(const struct site_conf *c, size_t at)
{
	return c->sources[at].k.id;
}

static const char *group_id_at(const struct site_conf *c, size_t at)
{
	return c->groups[at].id;
}

static const char *tag_group_id_at(const struct site_conf *c, size_t at)
{
	return c->tag_groups[at].id;
}

static const char *station_id_at(const struct site_conf *c, size_t at)
{
	return c->stations[at].k.id;
}

/* The place of an id in a list that is in the order of ids, or -1. */
static int find_id(const struct site_conf *c, size_t count, id_at_fn id_at, const char *id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int cmp = strcmp(id_at(c, mid), id);

		if (cmp == 0)
			return (int)mid;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

int site_conf_zone(const struct site_conf *c, const char *id)
{
	int at = find_id(c, c->zone_count, zone_id_at, id);

	return at < 0 ? -1 : c->zone_order[at];
}

int site_conf_meter(const struct site_conf *c, const char *id)
{
	return find_id(c, c->meter_count, meter_id_at, id);
}

int site_conf_station(const struct site_conf *c, const char *id)
{
	return find_id(c, c->station_count, station_id_at, id);
}

int site_conf_source(const struct site_conf *c, const char *id)
{
	return find_id(c, c->source_count, source_id_at, id);
}

int site_conf_group(const struct site_conf *c, const char *id)
{
	return find_id(c, c->group_count, group_id_at, id);
}

int site_conf_tag_group(const struct site_conf *c, const char *id)
{
	return find_id(c, c->tag_group_count, tag_group_id_at, id);
}

bool site_conf_zone_below(const struct site_conf *c, int zone, int above)
{
	while (zone >= 0 && zone != above)
		zone = c->zones[zone].parent;
	return zone >= 0 && zone == above;
}

const struct site_conf *site_conf_newest(const struct site *s)
{
	return s->staged ? s->staged : s->conf;
}

/* ---- life ---- */

/* Nothing is set: that is NULL for texts. */
const struct site_conf conf_empty = { .voltage_min = VOLTAGE_MIN_DEFAULT, .voltage_max = VOLTAGE_MAX_DEFAULT, .site = { .grid_watchdog_ms = NUM_NONE, .local_list = NUM_NONE, .local_first = NUM_NONE, .auth_cache = NUM_NONE, .security_min = NUM_NONE, .voltage_min = NUM_NONE, .voltage_max = NUM_NONE } };

struct site_conf *conf_new(void)
{
	struct site_conf *c = xcalloc(1, sizeof(*c));

	arena_init(&c->arena);
	ctl_keys_clear(&ctl_nouns[CTL_NOUN_site], &c->site);
	return c;
}

void site_conf_free(struct site_conf *c)
{
	if (!c || c == &conf_empty)
		return;
	draft_free(c->draft);
	arena_fini(&c->arena);
	free(c);
}

/* ---- loading ---- */

struct site_conf *site_conf_load_begin(void)
{
	struct site_conf *c = conf_new();

	c->draft = draft_new(NULL);
	return c;
}

/* Field by field: one that no longer reads is left out, and the rest of its record stays. */
static void load_keys(const struct ctl_noun_desc *n, const char *key, const struct json *obj,
		      struct arena *arena, void *keys, struct diag *diag)
{
	for (size_t i = 0; i < n->key_count; i++) {
		struct diag said;

		diag_init(&said);
		if (fields_read(&n->keys[i], 1, obj, false, arena, keys, NULL, &said))
			diag_set(diag, -LMS_EDATA, "%s %s: %s (stored value left out)", n->name,
				 key, said.text);
	}
}

static void load_generation(struct site_conf *c, const char *key, const struct json *obj)
{
	int64_t generation;

	if (strcmp(key, "site") == 0 && json_int(json_get(obj, "generation"), &generation) == 0 &&
	    generation > 0)
		c->generation = (uint64_t)generation;
}

static void load_item(struct site_conf *c, enum store_table table, const char *key,
		      const struct json *obj, struct diag *diag)
{
	for (int kind = 0; kind < ITEM_KINDS; kind++) {
		struct item *it;

		if (item_types[kind].table != table)
			continue;
		it = draft_add(c->draft, (enum item_kind)kind, key);
		load_keys(item_noun((enum item_kind)kind), key, obj, &c->draft->arena, &it->k,
			  diag);
		/* The record's key is the identity, whatever the record says. */
		*(const char **)((char *)&it->k + item_noun((enum item_kind)kind)->keys[0].offset) =
		    it->id;
		return;
	}
}

int site_conf_load_row(struct site_conf *c, enum store_table table, const char *key,
		       const char *json, size_t len, struct diag *diag)
{
	struct arena scratch;
	const struct json *obj;
	struct diag said;

	arena_init(&scratch);
	diag_init(&said);
	obj = json_parse(&scratch, json, len, &JSON_CAPS_DEFAULT, &said);
	if (!obj)
		diag_set(diag, -LMS_EDATA, "stored record %s: %s (left out)", key, said.text);
	else if (table == STORE_META)
		load_generation(c, key, obj);
	else if (table == STORE_SITE)
		load_keys(&ctl_nouns[CTL_NOUN_site], "", obj, &c->draft->arena, &c->draft->site,
			  diag);
	else
		load_item(c, table, key, obj, diag);
	arena_fini(&scratch);
	return obj ? 0 : -LMS_EDATA;
}

int site_conf_load_end(struct site_conf *c, struct diag *diag)
{
	struct diag own;

	if (!diag) {
		diag_init(&own);
		diag = &own;
	}
	conf_build(c, c->draft, diag);
	draft_free(c->draft);
	c->draft = NULL;
	if (!diag_failed(diag))
		conf_check(c, NULL, diag);
	return diag->err;
}

int site_conf_check(const struct site *s, struct diag *diag)
{
	return conf_check(site_conf_newest(s), &s->outside, diag);
}

/* ---- writing ---- */

static void write_keys(const struct ctl_noun_desc *n, const void *keys, struct json_writer *w)
{
	jw_object(w);
	fields_write(n->keys, n->key_count, keys, false, w);
	jw_object_end(w);
}

static void write_connectors(const struct site_conf *c, struct json_writer *w)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_connector];

	jw_key(w, "connectors");
	jw_array(w);
	for (size_t i = 0; i < c->station_count; i++) {
		const struct station_conf *st = &c->stations[i];

		for (size_t j = 0; j < st->connector_count; j++)
			if (connector_is_set(&st->connectors[j].k))
				write_keys(n, &st->connectors[j].k, w);
	}
	jw_array_end(w);
}

static int tag_cmp(const void *a, const void *b)
{
	const struct tag *const *x = a, *const *y = b;

	return strcmp((*x)->k.uid, (*y)->k.uid);
}

static void write_tags(const struct site *s, wall_t wall, struct json_writer *w)
{
	size_t count = HASH_COUNT(s->tags), i = 0;
	const struct tag **list = xcalloc(count + 1, sizeof(*list));

	for (const struct tag *t = s->tags; t; t = t->hh.next)
		list[i++] = t;
	qsort(list, count, sizeof(*list), tag_cmp);
	jw_key(w, "tags");
	jw_array(w);
	for (i = 0; i < count; i++) {
		struct ctl_tag_keys k = list[i]->k;

		k.credit_wh = site_tag_credit(s, list[i], wall);
		write_keys(&ctl_nouns[CTL_NOUN_tag], &k, w);
	}
	jw_array_end(w);
	free(list);
}

void site_conf_write(const struct site *s, const struct site_conf *c, wall_t wall, struct json_writer *w)
{
	jw_object(w);
	jw_key(w, "site");
	write_keys(&ctl_nouns[CTL_NOUN_site], &c->site, w);
	jw_key(w, "zones");
	jw_array(w);
	for (size_t i = 0; i < c->zone_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_zone], &c->zones[i].k, w);
	jw_array_end(w);
	jw_key(w, "meters");
	jw_array(w);
	for (size_t i = 0; i < c->meter_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_meter], &c->meters[i].k, w);
	jw_array_end(w);
	jw_key(w, "sources");
	jw_array(w);
	for (size_t i = 0; i < c->source_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_source], &c->sources[i].k, w);
	jw_array_end(w);
	jw_key(w, "groups");
	jw_array(w);
	for (size_t i = 0; i < c->group_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_group], &c->groups[i], w);
	jw_array_end(w);
	jw_key(w, "tag_groups");
	jw_array(w);
	for (size_t i = 0; i < c->tag_group_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_tag_group], &c->tag_groups[i], w);
	jw_array_end(w);
	jw_key(w, "stations");
	jw_array(w);
	for (size_t i = 0; i < c->station_count; i++)
		write_keys(&ctl_nouns[CTL_NOUN_station], &c->stations[i].k, w);
	jw_array_end(w);
	write_connectors(c, w);
	if (s)
		write_tags(s, wall, w);
	jw_object_end(w);
}
