/* site/tags/ctl_group.c - control handlers: groups of stations, and groups of tags. */
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/tags/where.h"

/* ---- groups of stations ---- */

static const char *stations_of(struct ctl_call *c, const struct site_conf *conf, const char *group)
{
	struct buf b;
	const char *text = NULL;

	buf_init(&b);
	for (size_t i = 0; i < conf->station_count; i++)
		if (names_have(conf->stations[i].k.groups, group))
			buf_printf(&b, "%s%s", b.len ? ", " : "", conf->stations[i].k.id);
	if (b.len)
		text = arena_strdup(c->arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static void fill_group(struct ctl_call *c, const struct site_conf *conf, size_t i, struct ctl_group *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_group], out);
	out->keys = conf->groups[i];
	out->stations = stations_of(c, conf, conf->groups[i].id);
}

static int answer_group(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_group(conf, id);
	const char **names;
	struct ctl_group rec;

	if (index >= 0) {
		fill_group(c, conf, (size_t)index, &rec);
		return ctl_answer_record(c, &rec);
	}
	names = arena_array(c->arena, conf->group_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->group_count; i++)
		names[i] = conf->groups[i].id;
	return ctl_not_found(c, "group", id, names, conf->group_count);
}

int ctl_group_list(struct ctl_call *c, const struct ctl_group_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit), i = 0;
	struct ctl_group rec;

	while (a->cursor && i < conf->group_count && strcmp(conf->groups[i].id, a->cursor) <= 0)
		i++;
	ctl_answer_list(c);
	for (; i < conf->group_count && limit > 0; i++, limit--) {
		fill_group(c, conf, i, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < conf->group_count ? conf->groups[i - 1].id : NULL);
}

int ctl_group_show(struct ctl_call *c, const struct ctl_group_show_args *a)
{
	return answer_group(c, c->hall->site->conf, a->id);
}

static int edit_group(struct ctl_call *c, const struct ctl_group_keys *k, enum edit_mode mode, int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_group(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer_group(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_group_create(struct ctl_call *c, const struct ctl_group_create_args *a)
{
	return edit_group(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_group_set(struct ctl_call *c, const struct ctl_group_set_args *a)
{
	return edit_group(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_group_delete(struct ctl_call *c, const struct ctl_group_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_group(e, a->id);
	return ctl_commit_done(c, e, a->dry_run);
}

/* ---- groups of tags ---- */

static void fill_tag_group(const struct ctl_call *c, const struct site_conf *conf, size_t i,
			   struct ctl_tag_group *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_tag_group], out);
	out->keys = conf->tag_groups[i];
	out->tags = 0;
	for (const struct tag *t = c->hall->site->tags; t; t = t->hh.next)
		out->tags += t->k.group && strcmp(t->k.group, out->keys.id) == 0;
}

static int answer_tag_group(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_tag_group(conf, id);
	struct ctl_tag_group rec;
	const char **names;

	if (index >= 0) {
		fill_tag_group(c, conf, (size_t)index, &rec);
		return ctl_answer_record(c, &rec);
	}
	names = arena_array(c->arena, conf->tag_group_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->tag_group_count; i++)
		names[i] = conf->tag_groups[i].id;
	return ctl_not_found(c, "tag-group", id, names, conf->tag_group_count);
}

int ctl_tag_group_list(struct ctl_call *c, const struct ctl_tag_group_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit), i = 0;
	struct ctl_tag_group rec;

	while (a->cursor && i < conf->tag_group_count && strcmp(conf->tag_groups[i].id, a->cursor) <= 0)
		i++;
	ctl_answer_list(c);
	for (; i < conf->tag_group_count && limit > 0; i++, limit--) {
		fill_tag_group(c, conf, i, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < conf->tag_group_count ? conf->tag_groups[i - 1].id : NULL);
}

int ctl_tag_group_show(struct ctl_call *c, const struct ctl_tag_group_show_args *a)
{
	return answer_tag_group(c, c->hall->site->conf, a->id);
}

static int edit_tag_group(struct ctl_call *c, const struct ctl_tag_group_keys *k, enum edit_mode mode, int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_tag_group(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer_tag_group(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_tag_group_create(struct ctl_call *c, const struct ctl_tag_group_create_args *a)
{
	return edit_tag_group(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_tag_group_set(struct ctl_call *c, const struct ctl_tag_group_set_args *a)
{
	return edit_tag_group(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_tag_group_delete(struct ctl_call *c, const struct ctl_tag_group_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_tag_group(e, a->id);
	return ctl_commit_done(c, e, a->dry_run);
}
