/* site/control/ctl_station_conf.c - control handlers: which stations there are and what is set for them. */
#include <stdlib.h>
#include <string.h>

#include "site/control/ctl_site_util.h"
#include "site/transfer.h"

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
	if (*st->security.refused && !st->link)
		return arena_printf(arena, "turned away from %s", st->security.refused);
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

static const char *transfer_status(const struct station *st, enum transfer_kind kind)
{
	return st->transfer[kind] ? or_null(st->transfer[kind]->status) : NULL;
}

/* "connectors=2 limit_unit=W": as lmsctl would be told. */
static const char *proposal_text(const struct station *st, struct arena *arena)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	const char *text = "";
	struct buf value;

	for (size_t i = 1; st->proposal && i < n->key_count; i++) {
		if (!(st->proposal->given >> i & 1))
			continue;
		buf_init(&value);
		field_format(&n->keys[i], st->proposal, true, NULL, &value);
		text = arena_printf(arena, "%s%s%.*s=%s", text, *text ? " " : "", (int)field_base_len(&n->keys[i]),
				    n->keys[i].name, buf_cstr(&value));
		buf_fini(&value);
	}
	return or_null(text);
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
	out->profiles = or_null(st->profiles);
	out->phase_rotation = or_null(st->phase_rotation);
	out->proposal = index < 0 ? proposal_text(st, arena) : NULL;
	out->advice = st->advice;
	out->restart_due = st->reboot_due ? 1 : NUM_NONE;
	out->tls = st->link ? st->tls : NUM_NONE;
	out->security_now = st->link ? st->security.profile : NUM_NONE;
	if (index >= 0) {
		out->security_had = st->security.had;
		out->key = security_key_state(st);
		out->refused = or_null(st->security.refused);
	}
	out->last_seen = st->last_seen;
	out->booted = st->booted;
	out->fault = fault_text(st, arena);
	out->firmware_status = transfer_status(st, TRANSFER_FIRMWARE);
	out->upload_status = transfer_status(st, TRANSFER_UPLOAD);
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

/* Connectors whose phases are turned otherwise than the station's own. */
static void edit_rotations(struct ctl_call *c, struct site_edit *e, const struct ctl_station_keys *k, const struct station *st)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_connector];
	const struct field *wiring = field_find(n->keys, n->key_count, "wiring", NULL);

	for (int64_t i = 1; i <= k->connectors; i++) {
		const char *said = station_said_wiring(st, (int)i);
		struct ctl_connector_keys ck;

		if (!said || strcmp(said, k->wiring) == 0)
			continue;
		ctl_keys_clear(n, &ck);
		ck.id = arena_printf(c->arena, "%s/%lld", k->id, (long long)i);
		ck.wiring = said;
		ck.given = UINT64_C(1) | UINT64_C(1) << (wiring - n->keys);
		site_edit_connector(e, &ck, SITE_CHANGE);
	}
}

static int edit(struct ctl_call *c, const struct ctl_station_keys *k, enum edit_mode mode,
		const struct station *turned /* NULL */, int64_t dry_run)
{
	struct site_edit *e = site_edit_new(c->hall->site);
	bool changed;
	int ret;

	site_edit_station(e, k, mode);
	if (turned)
		edit_rotations(c, e, k, turned);
	ret = ctl_commit(c, e, dry_run, &changed);
	if (!ret)
		ret = answer(c, site_edit_result(e), k->id);
	site_edit_free(e);
	return ret;
}

int ctl_station_add(struct ctl_call *c, const struct ctl_station_add_args *a)
{
	return edit(c, &a->keys, SITE_CREATE, NULL, a->dry_run);
}

static void give(struct ctl_station_keys *k, const char *key)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	const struct field *f = field_find(n->keys, n->key_count, key, NULL);

	k->given |= UINT64_C(1) << (f - n->keys);
}

/* What is proposed, and over it what the administrator said. */
static int fill_in(struct ctl_call *c, const struct ctl_station_accept_args *a, const struct station *st,
		   struct ctl_station_keys *k)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];

	*k = a->keys;
	if (st->proposal) {
		*k = *st->proposal;
		ctl_keys_overlay(n, k, &a->keys, c->arena);
		k->given |= a->keys.given;
	}
	if (k->connectors == NUM_NONE) {
		k->connectors = st->connector_count ? (int64_t)st->connector_count : 1;
		give(k, "connectors");
	}
	if (a->rotation != 1)
		return 0;
	if (a->keys.wiring)
		return diag_set(&c->diag, -LMS_EUSAGE, "rotation: is for stations whose wiring is not given (leave one out)");
	k->wiring = station_said_wiring(st, 1);
	give(k, "wiring");
	return k->wiring ? 0 : diag_set(&c->diag, -LMS_ECONFLICT, "rotation: station %s tells none%s%s (give wiring=)", k->id,
					*st->phase_rotation ? ": " : "", st->phase_rotation);
}

int ctl_station_accept(struct ctl_call *c, const struct ctl_station_accept_args *a)
{
	struct station *st = site_station(c->hall->site, a->keys.id);
	struct ctl_station_keys k;
	int ret;

	if (site_conf_station(site_conf_newest(c->hall->site), a->keys.id) >= 0)
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"station '%s' is registered already (lmsctl station set %s …)",
				a->keys.id, a->keys.id);
	if (!st || !st->link)
		return diag_set(&c->diag, -LMS_ENOTFOUND,
				"station '%.60s' does not wait to be accepted (lmsctl station "
				"pending; to register it beforehand: lmsctl station add)",
				a->keys.id);
	ret = fill_in(c, a, st, &k);
	if (!ret)
		ret = edit(c, &k, SITE_CREATE, a->rotation == 1 ? st : NULL, a->dry_run);
	if (!ret && a->dry_run != 1) {
		st->test_asked = a->test == 1;
		st->restart_asked = a->restart == 1;
	}
	return ret;
}

int ctl_station_set(struct ctl_call *c, const struct ctl_station_set_args *a)
{
	struct station *st = site_station(c->hall->site, a->keys.id);
	int ret;

	if (a->restart == 1 && st && !st->link)
		return diag_set(&c->diag, -LMS_EOFFLINE, "restart: station %s is offline (without restart the change is "
				"stored, and it is told when it returns)", a->keys.id);
	ret = edit(c, &a->keys, SITE_CHANGE, NULL, a->dry_run);
	if (!ret && st && a->restart == 1 && a->dry_run != 1)
		st->restart_asked = true;
	/* Said by a person, of this station, now: it may show so little again. */
	if (!ret && a->dry_run != 1 && st)
		security_lower(st, a->keys.security, c->fx);
	return ret;
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
