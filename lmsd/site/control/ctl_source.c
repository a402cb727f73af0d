/* site/control/ctl_source.c - control handlers: sources as configured and as told. */
#include <stdio.h>
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/outer/source.h"

static const char *zones_of(struct ctl_call *c, const struct site_conf *conf, int source)
{
	const char *text = NULL;

	for (size_t z = 0; z < conf->zone_count; z++)
		if (conf->zones[z].source == source)
			text = text ? arena_printf(c->arena, "%s, %s", text, conf->zones[z].k.id)
				    : conf->zones[z].k.id;
	return text;
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void fill(struct ctl_call *c, const struct site_conf *conf, int index, struct ctl_source *out)
{
	const struct source_conf *source = &conf->sources[index];
	const struct signal *g = site_source_signal(c->hall->site, source);
	const struct hearing *h = site_source_hearing(c->hall->site, source);

	ctl_record_clear(&ctl_nouns[CTL_NOUN_source], out);
	out->keys = source->k;
	out->zones = zones_of(c, conf, index);
	out->state = site_source_state(c->hall->site, source);
	out->sure = site_source_is_sure(c->hall->site, source);
	if (h) {
		out->heard = h->at;
		out->raw = or_null(h->raw);
		out->error = or_null(h->error);
		out->beside = site_source_beside(c->hall->site, source);
	}
	if (!g)
		return;
	out->by = g->by[0] ? g->by : NULL;
	out->since = g->since;
	if (g->until != MONO_NEVER)
		out->until = (c->wall + (g->until - c->now) + US_PER_S / 2) / US_PER_S * US_PER_S;
}

static int answer(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = ctl_find_source(c, conf, id);
	struct ctl_source rec;

	if (index < 0)
		return index;
	fill(c, conf, index, &rec);
	return ctl_answer_record(c, &rec);
}

int ctl_source_list(struct ctl_call *c, const struct ctl_source_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit), i = 0;
	struct ctl_source rec;

	while (a->cursor && i < conf->source_count && strcmp(conf->sources[i].k.id, a->cursor) <= 0)
		i++;
	ctl_answer_list(c);
	for (; i < conf->source_count && limit > 0; i++, limit--) {
		fill(c, conf, (int)i, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < conf->source_count ? conf->sources[i - 1].k.id : NULL);
}

int ctl_source_show(struct ctl_call *c, const struct ctl_source_show_args *a)
{
	return answer(c, c->hall->site->conf, a->id);
}

static int edit(struct ctl_call *c, const struct ctl_source_keys *k, enum edit_mode mode, int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_source(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_source_add(struct ctl_call *c, const struct ctl_source_add_args *a)
{
	return edit(c, &a->keys, SITE_CREATE, a->dry_run);
}

/* The identity alone is no change of the configuration. */
static bool has_keys(const struct ctl_source_keys *k)
{
	return (k->given & ~UINT64_C(1)) != 0;
}

int ctl_source_set(struct ctl_call *c, const struct ctl_source_set_args *a)
{
	struct site *s = c->hall->site;
	char by[40];
	int ret;

	if (!a->state && a->for_ms != NUM_NONE)
		return diag_set(&c->diag, -LMS_EUSAGE, "for: needs a state (state=… for=2h)");
	if (!a->state)
		return edit(c, &a->keys, SITE_CHANGE, a->dry_run);
	if (has_keys(&a->keys) || a->dry_run == 1)
		return diag_set(&c->diag, -LMS_EUSAGE, "state: is told alone (change keys, or check, by a command of "
				"their own)");
	snprintf(by, sizeof(by), "command of uid %u", c->uid);
	ret = site_source_tell(s, site_conf_newest(s), a->keys.id, a->state, by, a->for_ms, c->now, c->wall, c->fx,
			       &c->diag);
	return ret < 0 ? ret : answer(c, site_conf_newest(s), a->keys.id);
}

int ctl_source_clear(struct ctl_call *c, const struct ctl_source_clear_args *a)
{
	struct site *s = c->hall->site;
	int index = ctl_find_source(c, site_conf_newest(s), a->id);

	return index < 0 ? index : ctl_answer_done(c, site_source_clear(s, a->id, c->now, c->wall, c->fx));
}

int ctl_source_delete(struct ctl_call *c, const struct ctl_source_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_source(e, a->id);
	return ctl_commit_done(c, e, a->dry_run);
}
