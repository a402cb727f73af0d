/* site/control/ctl_zone.c - control handlers: zones. */
#include "site/control/ctl_site_util.h"
#include "site/outer/override.h"
#include "site/outer/source.h"

/* Stations below each zone, by zone index. */
static int64_t *count_stations(const struct site_conf *conf, struct arena *arena)
{
	int64_t *counts = arena_array(arena, conf->zone_count + 1, sizeof(*counts));

	for (size_t i = 0; i < conf->station_count; i++)
		for (int z = conf->stations[i].zone; z >= 0; z = conf->zones[z].parent)
			counts[z]++;
	return counts;
}

static void fill(const struct ctl_call *c, const struct site_conf *conf, int index,
		 const int64_t *counts, struct ctl_zone *out)
{
	const struct site *s = c->hall->site;
	const struct zone_override *o = site_override(s, conf->zones[index].k.id);
	const struct zone_view *v;
	struct zone_limit tariff;
	int live = site_conf_zone(s->conf, conf->zones[index].k.id);

	ctl_record_clear(&ctl_nouns[CTL_NOUN_zone], out);
	out->keys = conf->zones[index].k;
	out->stations = counts[index];
	out->cap_ma = conf->zones[index].cap;
	if (o) {
		for (int k = 0; k < conf->zones[index].phases; k++)
			out->override_ma.l[k] = o->limit.l[k];
		out->override_until = (c->wall + (o->until - c->now) + US_PER_S / 2) / US_PER_S * US_PER_S;
	}
	site_tariff_limit(s, &conf->zones[index], c->wall, &tariff);
	out->tariff_ma = tariff.current;
	if (conf->zones[index].source >= 0)
		out->source_state = site_source_state(s, &conf->sources[conf->zones[index].source]);
	/* What the balance said of another configuration is not true of this one. */
	if (live < 0 || !s->zone_views || conf != s->conf)
		return;
	v = &s->zone_views[live];
	out->cap_ma = v->cap;
	out->cap_why = *v->cap_why ? v->cap_why : NULL;
	out->load_ma = v->load;
	out->load_ok = v->load_ok;
	out->sum_ma = v->sum;
	out->building_ma = v->building;
	out->competing = v->competing;
	out->admitted = v->admitted;
	out->sessions = v->sessions ? v->sessions : NUM_NONE;
	out->seconds_over = v->seconds_over;
	out->fault = *v->trouble ? v->trouble : NULL;
}

static int answer(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = ctl_find_zone(c, conf, id);
	struct ctl_zone rec;

	if (index < 0)
		return index;
	fill(c, conf, index, count_stations(conf, c->arena), &rec);
	return ctl_answer_record(c, &rec);
}

int ctl_zone_list(struct ctl_call *c, const struct ctl_zone_list_args *a)
{
	const struct site *s = c->hall->site;
	const int64_t *counts = count_stations(s->conf, c->arena);
	size_t limit = ctl_page_limit(a->limit), i = 0;
	struct ctl_zone rec;

	if (a->cursor) {
		int at = site_conf_zone(s->conf, a->cursor);

		if (at < 0)
			return diag_set(&c->diag, -LMS_ECONFLICT,
					"cursor: zone '%.60s' is gone (begin the list anew)",
					a->cursor);
		i = (size_t)at + 1;
	}
	ctl_answer_list(c);
	for (; i < s->conf->zone_count && limit > 0; i++, limit--) {
		fill(c, s->conf, (int)i, counts, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < s->conf->zone_count ? s->conf->zones[i - 1].k.id : NULL);
}

int ctl_zone_show(struct ctl_call *c, const struct ctl_zone_show_args *a)
{
	return answer(c, c->hall->site->conf, a->id);
}

static int edit(struct ctl_call *c, const struct ctl_zone_keys *k, enum edit_mode mode,
		int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_zone(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_zone_create(struct ctl_call *c, const struct ctl_zone_create_args *a)
{
	return edit(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_zone_set(struct ctl_call *c, const struct ctl_zone_set_args *a)
{
	return edit(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_zone_delete(struct ctl_call *c, const struct ctl_zone_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_zone(e, a->id);
	return ctl_commit_done(c, e, a->dry_run);
}
