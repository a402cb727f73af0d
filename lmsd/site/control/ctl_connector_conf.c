/* site/control/ctl_connector_conf.c - control handlers: connectors as they are set and as they are now. */
#include <stdio.h>
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/generation/draft.h"

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* "L1,L3" */
static const char *phases_text(phase_mask_t mask)
{
	static const char *const texts[] = {NULL, "L1",    "L2",    "L1,L2",
					    "L3", "L1,L3", "L2,L3", "L1,L2,L3"};

	return texts[mask & PHASE_ALL];
}

static void fill_live(const struct connector *live, struct ctl_connector *out)
{
	out->online = live->station->state == STATION_ONLINE;
	out->status = or_null(live->status);
	out->error_code = or_null(live->error_code);
	out->info = or_null(live->info);
	out->vendor_error = or_null(live->vendor_error);
	/* What cannot be believed is shown nowhere: its fault tells it. */
	if (!live->view.draw_strange) {
		out->current_ma = live->draw;
		out->power_w = live->power_w;
	}
	out->limit_ma = live->view.limit_ma;
	out->target_ma = live->view.target_ma;
	out->w_ma = live->view.w_ma;
	out->fallback_ma = live->view.fallback_ma;
	out->phases = phases_text(live->view.phases);
	out->reason = or_null(live->view.reason);
	out->fault = or_null(live->view.trouble);
	out->reason_code = or_null(live->view.reason_code);
	if (!live->tx)
		return;
	out->transaction = live->tx->id;
	out->tag = or_null(live->tx->tag);
	out->since = live->tx->start;
	out->energy_wh = live->tx->energy_wh;
}

static void fill(struct site *s, const struct station_conf *st, const struct connector_conf *conn,
		 struct ctl_connector *out)
{
	struct station *live = site_station(s, st->k.id);
	const struct connector *c = live ? site_connector(live, conn->number) : NULL;

	ctl_record_clear(&ctl_nouns[CTL_NOUN_connector], out);
	out->keys = conn->k;
	out->station = st->k.id;
	out->number = conn->number;
	out->zone = st->k.zone;
	out->online = 0;
	if (c)
		fill_live(c, out);
}

/* Station and connector of conf, or an error. */
static int find(struct ctl_call *c, const struct site_conf *conf, const char *id,
		const struct station_conf **st, const struct connector_conf **conn)
{
	char station[ID_MAX + 1];
	int number, index;

	if (!connector_id_split(id, station, &number))
		return diag_set(&c->diag, -LMS_ENOTFOUND,
				"connector '%.60s' does not exist (write STATION/NUMBER; lmsctl "
				"connector list)",
				id);
	index = ctl_find_station(c, conf, station);
	if (index < 0)
		return index;
	*st = &conf->stations[index];
	if ((size_t)number > (*st)->connector_count)
		return diag_set(
		    &c->diag, -LMS_ENOTFOUND,
		    "connector '%s' does not exist: station %s has %zu (lmsctl connector list)", id,
		    station, (*st)->connector_count);
	*conn = &(*st)->connectors[number - 1];
	return 0;
}

static int answer(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	const struct station_conf *st = NULL;
	const struct connector_conf *conn = NULL;
	struct ctl_connector rec;
	int ret = find(c, conf, id, &st, &conn);

	if (ret)
		return ret;
	fill(c->hall->site, st, conn, &rec);
	return ctl_answer_record(c, &rec);
}

struct walk {
	int zone, station;      /* only these, -1 = all */
	char after[ID_MAX + 1]; /* cursor: station and number */
	int after_number;
};

static bool wanted(const struct site_conf *conf, const struct walk *w, size_t i)
{
	if (w->station >= 0 && (int)i != w->station)
		return false;
	if (w->zone >= 0 && !site_conf_zone_below(conf, conf->stations[i].zone, w->zone))
		return false;
	return strcmp(conf->stations[i].k.id, w->after) >= 0;
}

static int walk_init(struct ctl_call *c, const struct ctl_connector_list_args *a, struct walk *w)
{
	const struct site_conf *conf = c->hall->site->conf;

	memset(w, 0, sizeof(*w));
	w->zone = w->station = -1;
	if (a->zone) {
		w->zone = ctl_find_zone(c, conf, a->zone);
		if (w->zone < 0)
			return w->zone;
	}
	if (a->station) {
		w->station = ctl_find_station(c, conf, a->station);
		if (w->station < 0)
			return w->station;
	}
	if (a->cursor && !connector_id_split(a->cursor, w->after, &w->after_number))
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before",
				a->cursor);
	return 0;
}

int ctl_connector_list(struct ctl_call *c, const struct ctl_connector_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit);
	const char *last = NULL, *next = NULL;
	struct walk w;
	int ret = walk_init(c, a, &w);

	if (ret)
		return ret;
	ctl_answer_list(c);
	for (size_t i = 0; i < conf->station_count && !next; i++) {
		const struct station_conf *st = &conf->stations[i];
		size_t j = 0;

		if (!wanted(conf, &w, i))
			continue;
		if (strcmp(st->k.id, w.after) == 0)
			j = (size_t)w.after_number;
		for (; j < st->connector_count && !next; j++) {
			struct ctl_connector rec;

			if (limit == 0) {
				next = last;
				break;
			}
			limit--;
			fill(c->hall->site, st, &st->connectors[j], &rec);
			last = rec.keys.id;
			ctl_answer_item(c, &rec);
		}
	}
	return ctl_answer_list_end(c, next);
}

int ctl_connector_show(struct ctl_call *c, const struct ctl_connector_show_args *a)
{
	return answer(c, c->hall->site->conf, a->id);
}

int ctl_connector_set(struct ctl_call *c, const struct ctl_connector_set_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_connector(e, &a->keys, SITE_CHANGE);
	ret = ctl_commit(c, e, a->dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), a->keys.id);
	site_edit_free(e);
	return ret;
}
