/* site/control/ctl_site_util.c - pages, commits and missing objects, for the handlers of this room. */
#include "site/control/ctl_site_util.h"

#include <stdlib.h>

#include "base/text.h"

size_t ctl_page_limit(int64_t wish)
{
	if (wish == NUM_NONE)
		return PAGE_DEFAULT;
	return wish < 1 ? 1 : wish > PAGE_MAX ? PAGE_MAX : (size_t)wish;
}

int ctl_commit(struct ctl_call *c, struct site_edit *e, int64_t dry_run, bool *changed)
{
	const struct site_change *changes;
	size_t count;
	int ret;

	site_edit_at(e, c->wall, arena_printf(c->arena, "uid %u", c->uid));
	ret = site_edit_commit(e, c->fx, dry_run == 1, &changes, &count, c->arena, &c->diag);
	*changed = count > 0;
	return ret;
}

int ctl_commit_done(struct ctl_call *c, struct site_edit *e, int64_t dry_run)
{
	bool changed;
	int ret = ctl_commit(c, e, dry_run, &changed);

	site_edit_free(e);
	return ret ? ret : ctl_answer_done(c, changed);
}

void ctl_close_orphaned(struct ctl_call *c, const struct site_conf *conf)
{
	struct site *s = c->hall->site;
	struct tx *tx, *next;

	for (tx = s->running; tx; tx = next) {
		next = tx->hh.next;
		if (site_conf_station(conf, tx->station) < 0 &&
		    site_conf_station(s->conf, tx->station) >= 0)
			site_tx_close(s, tx, "Other", "the station was deleted", c->wall, c->fx);
	}
}

int ctl_not_found(struct ctl_call *c, const char *word, const char *id, const char *const *names,
		  size_t n)
{
	const char *near = n ? text_nearest(id, names, n) : NULL;

	if (near)
		return diag_set(&c->diag, -LMS_ENOTFOUND,
				"%s '%.60s' does not exist (did you mean '%s'?; lmsctl %s list)",
				word, id, near, word);
	return diag_set(&c->diag, -LMS_ENOTFOUND, "%s '%.60s' does not exist (lmsctl %s list)",
			word, id, word);
}

int ctl_find_zone(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_zone(conf, id);
	const char **names;

	if (index >= 0)
		return index;
	names = arena_array(c->arena, conf->zone_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->zone_count; i++)
		names[i] = conf->zones[i].k.id;
	return ctl_not_found(c, "zone", id, names, conf->zone_count);
}

int ctl_find_meter(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_meter(conf, id);
	const char **names;

	if (index >= 0)
		return index;
	names = arena_array(c->arena, conf->meter_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->meter_count; i++)
		names[i] = conf->meters[i].k.id;
	return ctl_not_found(c, "meter", id, names, conf->meter_count);
}

int ctl_find_source(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_source(conf, id);
	const char **names;

	if (index >= 0)
		return index;
	names = arena_array(c->arena, conf->source_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->source_count; i++)
		names[i] = conf->sources[i].k.id;
	return ctl_not_found(c, "source", id, names, conf->source_count);
}

int ctl_find_station(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = site_conf_station(conf, id);
	const char **names;

	if (index >= 0)
		return index;
	names = arena_array(c->arena, conf->station_count + 1, sizeof(*names));
	for (size_t i = 0; i < conf->station_count; i++)
		names[i] = conf->stations[i].k.id;
	return ctl_not_found(c, "station", id, names, conf->station_count);
}
