/* site/ctl_station_conf.c - control handlers: which stations there are and what is set for them. */
#include <stdlib.h>
#include <string.h>

#include "site/ctl_site_util.h"

static const char *state_text(enum station_state state)
{
	switch (state) {
	case STATION_NEVER_SEEN:
		return "never_seen";
	case STATION_OFFLINE:
		return "offline";
	case STATION_PENDING:
		return "pending";
	case STATION_ONLINE:
		return "online";
	}
	return "never_seen";
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* What the station says of itself, else what the balance has found out. */
static const char *fault_text(const struct station *st, struct arena *arena)
{
	if (*st->fault)
		return st->fault;
	for (size_t i = 0; i < st->connector_count; i++) {
		const struct connector *c = st->connectors[i];

		if (*c->view.trouble)
			return arena_printf(arena, "connector %d %s", c->number, c->view.trouble);
	}
	return NULL;
}

/* What has been shown, and what is going on. */
static const char *test_text(const struct station *st, struct arena *arena)
{
	if (strcmp(st->test, "running") != 0)
		return or_null(st->test_text);
	return arena_printf(arena, "%s%s%s", st->test_text, *st->test_text ? "; now: " : "", st->test_doing);
}

void ctl_station_record(const struct site_conf *conf, int index, const struct station *st,
			struct arena *arena, struct ctl_station *out)
{
	ctl_record_clear(&ctl_nouns[CTL_NOUN_station], out);
	if (index >= 0)
		out->keys = conf->stations[index].k;
	out->state = "never_seen";
	if (!st)
		return;
	if (index < 0) {
		out->keys.id = st->id;
		if (st->connector_count)
			out->keys.connectors = (int64_t)st->connector_count;
	}
	out->state = state_text(st->state);
	out->vendor = or_null(st->vendor);
	out->model = or_null(st->model);
	out->serial = or_null(st->serial);
	out->box_serial = or_null(st->box_serial);
	out->firmware = or_null(st->firmware);
	out->iccid = or_null(st->iccid);
	out->imsi = or_null(st->imsi);
	out->meter_type = or_null(st->meter_type);
	out->meter_serial = or_null(st->meter_serial);
	out->address = or_null(st->address);
	out->tls = st->link ? st->tls : NUM_NONE;
	out->last_seen = st->last_seen;
	out->booted = st->booted;
	out->fault = fault_text(st, arena);
	out->test = or_null(st->test);
	out->test_text = test_text(st, arena);
	out->charging = 0;
	for (size_t i = 0; i < st->connector_count; i++)
		out->charging += st->connectors[i]->tx != NULL;
}

static int answer(struct ctl_call *c, const struct site_conf *conf, const char *id)
{
	int index = ctl_find_station(c, conf, id);
	struct ctl_station rec;

	if (index < 0)
		return index;
	ctl_station_record(conf, index, site_station(c->hall->site, id), c->arena, &rec);
	return ctl_answer_record(c, &rec);
}

static size_t first_after(const struct site_conf *conf, const char *cursor)
{
	size_t low = 0, high = conf->station_count;

	while (cursor && low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(conf->stations[mid].k.id, cursor) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int ctl_station_list(struct ctl_call *c, const struct ctl_station_list_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	size_t limit = ctl_page_limit(a->limit);
	int zone = a->zone ? ctl_find_zone(c, conf, a->zone) : -1;
	const char *last = NULL;
	struct ctl_station rec;
	size_t i;

	if (a->zone && zone < 0)
		return zone;
	ctl_answer_list(c);
	for (i = first_after(conf, a->cursor); i < conf->station_count; i++) {
		if (zone >= 0 && !site_conf_zone_below(conf, conf->stations[i].zone, zone))
			continue;
		if (limit-- == 0)
			break;
		last = conf->stations[i].k.id;
		ctl_station_record(conf, (int)i, site_station(c->hall->site, last), c->arena, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, i < conf->station_count ? last : NULL);
}

int ctl_station_show(struct ctl_call *c, const struct ctl_station_show_args *a)
{
	const struct site *s = c->hall->site;
	const struct station *st = site_station(c->hall->site, a->id);
	struct ctl_station rec;

	/* One that waits to be accepted can be looked at, too. */
	if (site_conf_station(s->conf, a->id) >= 0 || !st || !st->link)
		return answer(c, s->conf, a->id);
	ctl_station_record(s->conf, -1, st, c->arena, &rec);
	return ctl_answer_record(c, &rec);
}

static int station_cmp(const void *a, const void *b)
{
	const struct station *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

int ctl_station_pending(struct ctl_call *c, const struct ctl_station_pending_args *a)
{
	const struct site *s = c->hall->site;
	const struct station **list =
	    arena_array(c->arena, HASH_COUNT(s->stations) + 1, sizeof(*list));
	struct ctl_station rec;
	size_t count = 0;

	(void)a;
	for (const struct station *st = s->stations; st; st = st->hh.next)
		if (st->conf < 0 && (st->state == STATION_PENDING || st->state == STATION_ONLINE))
			list[count++] = st;
	qsort(list, count, sizeof(*list), station_cmp);
	ctl_answer_list(c);
	for (size_t i = 0; i < count; i++) {
		ctl_station_record(s->conf, -1, list[i], c->arena, &rec);
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, NULL);
}

static int edit(struct ctl_call *c, const struct ctl_station_keys *k, enum edit_mode mode,
		int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_station(e, k, mode);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_station_add(struct ctl_call *c, const struct ctl_station_add_args *a)
{
	return edit(c, &a->keys, SITE_CREATE, a->dry_run);
}

int ctl_station_accept(struct ctl_call *c, const struct ctl_station_accept_args *a)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	struct station *st = site_station(c->hall->site, a->keys.id);
	struct ctl_station_keys k = a->keys;
	int ret;

	if (site_conf_station(site_conf_newest(c->hall->site), k.id) >= 0)
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"station '%s' is registered already (lmsctl station set %s …)",
				k.id, k.id);
	if (!st || !st->link)
		return diag_set(&c->diag, -LMS_ENOTFOUND,
				"station '%.60s' does not wait to be accepted (lmsctl station "
				"pending; to register it beforehand: lmsctl station add)",
				k.id);
	if (k.connectors == NUM_NONE) {
		const struct field *f = field_find(n->keys, n->key_count, "connectors", NULL);

		k.connectors = st->connector_count ? (int64_t)st->connector_count : 1;
		k.given |= UINT64_C(1) << (f - n->keys);
	}
	ret = edit(c, &k, SITE_CREATE, a->dry_run);
	if (!ret && a->test == 1 && a->dry_run != 1)
		st->test_asked = true;
	return ret;
}

int ctl_station_set(struct ctl_call *c, const struct ctl_station_set_args *a)
{
	return edit(c, &a->keys, SITE_CHANGE, a->dry_run);
}

int ctl_station_delete(struct ctl_call *c, const struct ctl_station_delete_args *a)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_delete_station(e, a->id);
	ret = ctl_commit(c, e, a->dry_run, &changed);
	if (!ret && a->dry_run != 1)
		ctl_close_orphaned(c, site_edit_result(e));
	site_edit_free(e);
	return ret ? ret : ctl_answer_done(c, changed);
}
