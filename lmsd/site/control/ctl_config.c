/* site/control/ctl_config.c - control handlers: the whole configuration as one document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/control/ctl_site_util.h"

int ctl_config_show(struct ctl_call *c, const struct ctl_config_show_args *a)
{
	const struct site *s = c->hall->site;

	(void)a;
	/* Tags name people: for staff only, as tag.list is. */
	site_conf_write(c->roles & CTL_STAFF ? s : NULL, s->conf, c->wall, &c->w);
	return 0;
}

/* ---- a document ---- */

union any_keys {
	uint64_t given; /* the first member of all of them */
	struct ctl_site_keys site;
	struct ctl_zone_keys zone;
	struct ctl_meter_keys meter;
	struct ctl_source_keys source;
	struct ctl_group_keys group;
	struct ctl_tag_group_keys tag_group;
	struct ctl_station_keys station;
	struct ctl_connector_keys connector;
	struct ctl_tag_keys tag;
};

static void take_zone(struct site_edit *e, const union any_keys *k)
{
	site_edit_zone(e, &k->zone, SITE_REPLACE);
}

static void take_meter(struct site_edit *e, const union any_keys *k)
{
	site_edit_meter(e, &k->meter, SITE_REPLACE);
}

static void take_source(struct site_edit *e, const union any_keys *k)
{
	site_edit_source(e, &k->source, SITE_REPLACE);
}

static void take_group(struct site_edit *e, const union any_keys *k)
{
	site_edit_group(e, &k->group, SITE_REPLACE);
}

static void take_tag_group(struct site_edit *e, const union any_keys *k)
{
	site_edit_tag_group(e, &k->tag_group, SITE_REPLACE);
}

static void take_station(struct site_edit *e, const union any_keys *k)
{
	site_edit_station(e, &k->station, SITE_REPLACE);
}

static void take_connector(struct site_edit *e, const union any_keys *k)
{
	site_edit_connector(e, &k->connector, SITE_REPLACE);
}

static void take_tag(struct site_edit *e, const union any_keys *k)
{
	site_edit_tag(e, &k->tag, SITE_REPLACE);
}

/* In the order in which they must be taken: connectors need their stations. */
static const struct section {
	const char *name;
	enum ctl_noun_id noun;
	void (*take)(struct site_edit *e, const union any_keys *k);
} sections[] = {
	{"zones", CTL_NOUN_zone, take_zone},
	{"meters", CTL_NOUN_meter, take_meter},
	{"sources", CTL_NOUN_source, take_source},
	{"groups", CTL_NOUN_group, take_group},
	{"tag_groups", CTL_NOUN_tag_group, take_tag_group},
	{"stations", CTL_NOUN_station, take_station},
	{"connectors", CTL_NOUN_connector, take_connector},
	{"tags", CTL_NOUN_tag, take_tag},
};

struct apply {
	struct ctl_call *c;
	struct site_edit *e;
};

static void complain_at(struct apply *a, const char *path, const struct diag *said)
{
	diag_set(&a->c->diag, said->err, "%s%s", path, said->text);
}

static void take_item(struct apply *a, const struct section *sec, size_t index,
		      const struct json *obj)
{
	const struct ctl_noun_desc *n = &ctl_nouns[sec->noun];
	union any_keys k;
	struct diag said;
	char path[48];

	diag_init(&said);
	snprintf(path, sizeof(path), "%s[%zu].", sec->name, index);
	if (fields_read(n->keys, n->key_count, obj, true, a->c->arena, &k, &k.given, &said)) {
		complain_at(a, path, &said);
		return;
	}
	sec->take(a->e, &k);
	snprintf(path, sizeof(path), "%s[%zu]: ", sec->name, index);
	if (diag_failed(site_edit_diag(a->e)))
		complain_at(a, path, site_edit_diag(a->e));
}

static void take_section(struct apply *a, const struct section *sec, const struct json *list)
{
	size_t index = 0;

	if (!list)
		return;
	if (list->type != JSON_ARRAY) {
		diag_set(&a->c->diag, -LMS_EDATA, "%s: is not a list (write \"%s\": [{…}])",
			 sec->name, sec->name);
		return;
	}
	for (const struct json *j = list->first; j && !diag_failed(&a->c->diag);
	     j = j->next, index++) {
		if (j->type == JSON_OBJECT)
			take_item(a, sec, index, j);
		else
			diag_set(&a->c->diag, -LMS_EDATA,
				 "%s[%zu]: is not an object (write {\"%s\": …})", sec->name, index,
				 ctl_nouns[sec->noun].keys[0].name);
	}
}

/* An object of a section by what identifies it. */
struct named {
	char id[ID_MAX + 16];
	size_t index;
	const struct json *obj;
};

static int named_cmp(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int cmp = strcmp(a->id, b->id);

	return cmp ? cmp : (a->index > b->index) - (a->index < b->index);
}

/* Where an object hangs: what two mentions of it may contradict each other in. */
static const char *place_key(enum ctl_noun_id noun)
{
	return noun == CTL_NOUN_zone ? "parent" : noun == CTL_NOUN_station ? "zone" : NULL;
}

static void complain_twice(struct apply *a, const struct section *sec, const struct named *first,
			   const struct named *again)
{
	const char *noun = ctl_nouns[sec->noun].name, *key = place_key(sec->noun);
	const char *from = key ? json_str(json_get(first->obj, key), "") : "";
	const char *to = key ? json_str(json_get(again->obj, key), "") : "";

	if (strcmp(from, to) != 0)
		diag_set(&a->c->diag, -LMS_EDATA,
			 "%s[%zu]: %s %s: has two places: %s %s here, %s %s in %s[%zu] (it is fed from one: "
			 "remove the other)",
			 sec->name, again->index, noun, again->id, key, *to ? to : "none", key,
			 *from ? from : "none", sec->name, first->index);
	else
		diag_set(&a->c->diag, -LMS_EDATA, "%s[%zu]: %s %s: is in the document already, as %s[%zu] (remove one)",
			 sec->name, again->index, noun, again->id, sec->name, first->index);
}

/* The last of two mentions would win and the first be lost without a word. */
static void check_twice(struct apply *a, const struct section *sec, const struct json *list)
{
	struct named *all;
	size_t n = 0;

	if (!list || list->type != JSON_ARRAY)
		return;
	all = arena_array(a->c->arena, list->count + 1, sizeof(*all));
	for (const struct json *j = list->first; j; j = j->next) {
		const char *id = j->type == JSON_OBJECT
				     ? json_str(json_get(j, ctl_nouns[sec->noun].keys[0].name), NULL)
				     : NULL;
		char uid[ID_MAX + 1];

		if (id && sec->noun == CTL_NOUN_tag && tag_normalize(id, uid) == 0)
			id = uid;
		if (id && strlen(id) < sizeof(all[n].id)) {
			snprintf(all[n].id, sizeof(all[n].id), "%s", id);
			all[n].index = n;
			all[n++].obj = j;
		}
	}
	qsort(all, n, sizeof(*all), named_cmp);
	for (size_t i = 1; i < n; i++)
		if (strcmp(all[i - 1].id, all[i].id) == 0) {
			complain_twice(a, sec, &all[i - 1], &all[i]);
			return;
		}
}

static void take_site(struct apply *a, const struct json *obj, bool prune)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_site];
	union any_keys k;
	struct diag said;

	if (!obj)
		return;
	diag_init(&said);
	if (obj->type != JSON_OBJECT) {
		diag_set(&a->c->diag, -LMS_EDATA,
			 "site: is not an object (write \"site\": {\"title\": …})");
		return;
	}
	if (fields_read(n->keys, n->key_count, obj, true, a->c->arena, &k.site, &k.given, &said)) {
		complain_at(a, "site.", &said);
		return;
	}
	/* What the document does not name is cleared, if it speaks of the site at all. */
	if (prune)
		k.given = (UINT64_C(1) << n->key_count) - 1;
	site_edit_site(a->e, &k.site);
}

static void check_members(struct apply *a, const struct json *doc)
{
	const char *names[ARRAY_LEN(sections) + 1] = {"site"};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		names[i + 1] = sections[i].name;
	for (const struct json *j = doc->first; j; j = j->next) {
		bool known = false;
		const char *near;

		for (size_t i = 0; i < ARRAY_LEN(names) && !known; i++)
			known = strcmp(j->key, names[i]) == 0;
		if (known)
			continue;
		near = text_nearest(j->key, names, ARRAY_LEN(names));
		diag_set(&a->c->diag, -LMS_EDATA, "%.60s: is unknown (%s%s%s)", j->key,
			 near ? "did you mean '"
			      : "a document has site, zones, meters, sources, groups, tag_groups, stations, connectors, tags",
			 near ? near : "", near ? "'?" : "");
	}
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	jw_kstr(w, key, *text ? text : NULL);
}

/* What becomes of an object is in the change of its first key; other keys of it do not count again.
 */
static void write_result(struct ctl_call *c, const struct apply *a,
			 const struct site_change *changes, size_t count, bool dry)
{
	struct json_writer *w = &c->w;
	int64_t added = 0, deleted = 0, changed = 0;
	const char *last_kind = "", *last_id = "";

	jw_object(w);
	jw_kbool(w, "changed", count > 0);
	jw_kbool(w, "dry_run", dry);
	jw_kint(w, "generation", (int64_t)site_edit_result(a->e)->generation);
	jw_key(w, "changes");
	jw_array(w);
	for (size_t i = 0; i < count; i++) {
		const struct site_change *ch = &changes[i];
		bool same = strcmp(ch->kind, last_kind) == 0 && strcmp(ch->id, last_id) == 0;

		if (!same && strcmp(ch->key, "id") != 0 && strcmp(ch->key, "uid") != 0)
			changed++;
		else if (!same)
			*(*ch->to ? &added : &deleted) += 1;
		last_kind = ch->kind;
		last_id = ch->id;
		jw_object(w);
		jw_kstr(w, "kind", ch->kind);
		jw_kstr(w, "id", ch->id);
		jw_kstr(w, "key", ch->key);
		write_text(w, "from", ch->from);
		write_text(w, "to", ch->to);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_kint(w, "objects_added", added);
	jw_kint(w, "objects_changed", changed);
	jw_kint(w, "objects_deleted", deleted);
	jw_object_end(w);
}

/* Makes the edit of a document; commits it, if it is not only to be checked. */
static int apply_document(struct apply *a, const struct json *doc, bool prune, bool dry)
{
	struct ctl_call *c = a->c;
	const struct site_change *changes;
	size_t count;
	int ret;

	check_members(a, doc);
	if (!diag_failed(&c->diag))
		take_site(a, json_get(doc, "site"), prune);
	for (size_t i = 0; i < ARRAY_LEN(sections) && !diag_failed(&c->diag); i++)
		check_twice(a, &sections[i], json_get(doc, sections[i].name));
	for (size_t i = 0; i < ARRAY_LEN(sections) && !diag_failed(&c->diag); i++)
		take_section(a, &sections[i], json_get(doc, sections[i].name));
	if (diag_failed(&c->diag))
		return c->diag.err;
	if (prune)
		site_edit_prune(a->e, json_get(doc, "tags") != NULL);
	site_edit_at(a->e, c->wall, arena_printf(c->arena, "uid %u", c->uid));
	ret = site_edit_commit(a->e, c->fx, dry, &changes, &count, c->arena, &c->diag);
	if (ret)
		return ret;
	if (!dry && prune)
		ctl_close_orphaned(c, site_edit_result(a->e));
	write_result(c, a, changes, count, dry);
	return 0;
}

static int take_document(struct ctl_call *c, const char *document, bool prune, bool dry)
{
	struct apply apply = { .c = c};
	const struct json *doc;
	int ret;

	doc = json_parse(c->arena, document, strlen(document), &JSON_CAPS_DOCUMENT, &c->diag);
	if (!doc)
		return c->diag.err;
	if (doc->type != JSON_OBJECT)
		return diag_set(&c->diag, -LMS_EDATA,
				"document: is not an object (write {\"zones\": […], …})");
	apply.e = site_edit_new(c->hall->site);
	ret = apply_document(&apply, doc, prune, dry);
	site_edit_free(apply.e);
	return ret;
}

int ctl_config_apply(struct ctl_call *c, const struct ctl_config_apply_args *a)
{
	uint64_t generation = site_conf_newest(c->hall->site)->generation;

	if (a->if_generation != NUM_NONE && (uint64_t)a->if_generation != generation)
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"if_generation: the configuration has changed, it is generation "
				"%llu now (look at the difference again: lmsctl diff)",
				(unsigned long long)generation);
	return take_document(c, a->document, a->prune == 1, a->dry_run == 1);
}

int ctl_config_check(struct ctl_call *c, const struct ctl_config_check_args *a)
{
	int ret;

	if (a->document)
		return take_document(c, a->document, a->prune == 1, true);
	ret = site_conf_check(c->hall->site, &c->diag);
	if (ret)
		return ret;
	jw_object(&c->w);
	jw_kbool(&c->w, "changed", false);
	jw_kbool(&c->w, "dry_run", true);
	jw_kint(&c->w, "generation", (int64_t)site_conf_newest(c->hall->site)->generation);
	jw_object_end(&c->w);
	return 0;
}
