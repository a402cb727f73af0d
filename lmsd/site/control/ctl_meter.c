/* site/control/ctl_meter.c - control handlers: meters. `meter profiles` is the meter room's. */
#include <stdio.h>
#include <string.h>

#include "site/control/ctl_site_util.h"

/* "230.1/229.8/231.0", absent phases "-". */
static const char *volts(const struct phase_ma *mv, struct arena *arena)
{
	char text[96];
	size_t used = 0;
	bool any = false;

	for (int k = 0; k < PHASES; k++) {
		const char *sep = k ? "/" : "";

		if (mv->l[k] == NUM_NONE) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s-", sep);
			continue;
		}
		any = true;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%lld.%lld", sep,
					 (long long)(mv->l[k] / 1000),
					 (long long)(mv->l[k] % 1000 / 100));
	}
	return any ? arena_strdup(arena, text) : NULL;
}

/* "P1,roof(pv)": zones that are kept by it, and those that follow the sun by it. */
static const char *users(const struct site_conf *conf, int meter, struct arena *arena)
{
	struct buf b;
	const char *text;

	buf_init(&b);
	for (size_t i = 0; i < conf->zone_count; i++) {
		if (conf->zones[i].meter == meter)
			buf_printf(&b, "%s%s", b.len ? "," : "", conf->zones[i].k.id);
		if (conf->zones[i].pv_sun == meter)
			buf_printf(&b, "%s%s(pv)", b.len ? "," : "", conf->zones[i].k.id);
	}
	text = b.len ? arena_strdup(arena, buf_cstr(&b)) : NULL;
	buf_fini(&b);
	return text;
}

static void fill(const struct ctl_call *c, const struct site_conf *conf, int index, bool values,
		 struct ctl_meter *out)
{
	const struct site *s = c->hall->site;
	int live = site_conf_meter(s->conf, conf->meters[index].k.id);
	const struct meter_view *v;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_meter], out);
	out->keys = conf->meters[index].k;
	out->zones = users(conf, index, c->arena);
	out->state = "unknown";
	if (live < 0 || !s->meter_views)
		return;
	v = &s->meter_views[live];
	if (*v->state)
		out->state = v->state;
	out->error = *v->error ? v->error : NULL;
	/* Zeroed memory of a view that nobody has filled yet must not look like measurements. */
	if (!*v->state)
		return;
	if (v->good_wall != WALL_NONE && v->good_wall != 0) {
		out->time = v->good_wall;
		out->age_ms = (c->now - v->good_at) / US_PER_MS;
	}
	out->latency_ms = v->latency_ms;
	out->current_ma = v->current;
	out->voltage_v = volts(&v->voltage_mv, c->arena);
	out->power_w = v->power_w;
	out->energy_import_wh = v->import_wh;
	out->energy_export_wh = v->export_wh;
	out->soc_permille = v->soc_permille;
	out->values = values ? v->values_json : NULL;
}

static int answer(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = ctl_find_meter(c, conf, id);
	struct ctl_meter rec;

	if (index < 0)
		return index;
	fill(c, conf, index, true, &rec);
	return ctl_answer_record(c, &rec);
}

/* The first index whose id is behind the cursor. */
static size_t first_after(const struct site_conf *conf, const char *cursor)
{
	size_t i = 0;

	while (cursor && i < conf->meter_count && strcmp(conf->meters[i].k.id, cursor) <= 0)
		i++;
	return i;
}

int ctl_meter_list(struct ctl_call *c, const struct ctl_meter_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit), i = first_after(conf, a->cursor);
	struct ctl_meter rec;

	ctl_answer_list(c);
	for (; i < conf->meter_count && limit > 0; i++, limit--) {
		fill(c, conf, (int)i, false, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < conf->meter_count ? conf->meters[i - 1].k.id : NULL);
}

int ctl_meter_show(struct ctl_call *c, const struct ctl_meter_show_args *a)
{
	return answer(c, c->hall->site->conf, a->id);
}

static int edit(struct ctl_call *c, const struct ctl_meter_keys *k, enum edit_mode mode,
		int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_meter(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_meter_add(struct ctl_call *c, const struct ctl_meter_add_args *a)
{
	return edit(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_meter_set(struct ctl_call *c, const struct ctl_meter_set_args *a)
{
	return edit(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_meter_delete(struct ctl_call *c, const struct ctl_meter_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);

	site_edit_delete_meter(e, a->id);
	return ctl_commit_done(c, e, a->dry_run);
}
