/* site/generation/build.c - from keys to a generation: references become indices, defaults come into force.
 *
 * Invariant: whatever the keys say, the result can be walked: indices are valid or -1, parents
 * precede children, and there is no loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/draft.h"
#include "site/outer/grid.h"
#include "site/outer/source.h"
#include "site/outer/tariff.h"

#define ZONE_DEPTH_MAX    64
#define MAX_MA_DEFAULT    INT64_C(32000)
#define MIN_MA_DEFAULT    INT64_C(6000)  /* IEC 61851: the pilot knows no less */
#define STEP_MA_DEFAULT   INT64_C(100)

struct build {
	struct site_conf *c;
	struct draft *d;
	struct diag *diag;
};

static int64_t or_default(int64_t v, int64_t dflt)
{
	return v == NUM_NONE ? dflt : v;
}

phase_mask_t wiring_phases(const char *wiring)
{
	if (wiring && wiring[0] == 'L' && wiring[1] >= '1' && wiring[1] <= '3' && !wiring[2])
		return (phase_mask_t)(1 << (wiring[1] - '1'));
	return PHASE_ALL;
}

static int item_cmp(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

/* The items of a kind that are there, by id; *count of them. */
static struct item **items_sorted(struct draft *d, enum item_kind kind, size_t *count)
{
	struct item **list = xcalloc(HASH_COUNT(d->items[kind]) + 1, sizeof(*list));

	*count = 0;
	for (struct item *it = d->items[kind]; it; it = it->hh.next)
		if (!it->gone)
			list[(*count)++] = it;
	qsort(list, *count, sizeof(struct item *), item_cmp);
	return list;
}

/* ---- zones ---- */

/* "P1 > P2 > P1" */
static void loop_text(const struct item *it, char *out, size_t size)
{
	const struct item *at = it;
	size_t used = 0;

	do {
		used += (size_t)snprintf(out + used, size - used, "%s > ", at->id);
		at = at->parent;
	} while (at != it && used + ID_MAX + 8 < size);
	snprintf(out + used, size - used, "%s", at->id);
}

/* Cuts a loop that runs through this zone. */
static void zone_cut_loop(struct build *b, struct item *it)
{
	const struct item *up = it->parent;
	char text[300];

	for (int depth = 1; up && up != it && depth < ZONE_DEPTH_MAX; depth++)
		up = up->parent;
	if (up != it)
		return;
	loop_text(it, text, sizeof(text));
	diag_set(b->diag, -LMS_EDATA,
		 "zone %s: parent: the zones would feed each other: %s (give one of them another "
		 "parent)",
		 it->id, text);
	it->parent = NULL;
}

static void zone_cut_depth(struct build *b, struct item *it)
{
	const struct item *up = it->parent;
	int depth = 1;

	for (; up && depth < ZONE_DEPTH_MAX; depth++)
		up = up->parent;
	if (!up)
		return;
	diag_set(b->diag, -LMS_ERANGE,
		 "zone %s: more than %d zones lie above it (use fewer levels)", it->id,
		 ZONE_DEPTH_MAX - 1);
	it->parent = NULL;
}

static void zone_find_parent(struct build *b, struct item *it)
{
	const char *parent = it->k.zone.parent;
	struct diag said;

	it->parent = it->child = it->sibling = NULL;
	if (!parent)
		return;
	it->parent = draft_find(b->d, ITEM_ZONE, parent);
	if (it->parent)
		return;
	diag_init(&said);
	draft_missing(b->d, ITEM_ZONE, parent, &said);
	diag_set(b->diag, -LMS_EDATA, "zone %s: parent: %s", it->id, said.text);
}

/* A zone with one phase: "60" and "60,-,-" are the same to people, so they are stored the same. */
static void one_phase(struct phase_ma *p)
{
	if (p->l[0] == NUM_NONE)
		return;
	for (int k = 1; k < PHASES; k++)
		if (p->l[k] == p->l[0])
			p->l[k] = NUM_NONE;
}

static struct phase_ma zone_cap(const struct ctl_zone_keys *k, int phases)
{
	struct phase_ma cap = {{NUM_NONE, NUM_NONE, NUM_NONE}};
	int64_t fuse = k->fuse_ma;

	if (fuse > 0 && fuse <= LIMIT_MAX_MA && k->derate_permille > 0 && k->derate_permille < 1000)
		fuse = fuse * (1000 - k->derate_permille) / 1000;
	for (int i = 0; i < phases; i++) {
		cap.l[i] = fuse;
		if (k->static_ma.l[i] != NUM_NONE && (fuse == NUM_NONE || k->static_ma.l[i] < fuse))
			cap.l[i] = k->static_ma.l[i];
	}
	return cap;
}

static bool is_grid(const struct meter_conf *m)
{
	return m->k.scope && strcmp(m->k.scope, "grid") == 0;
}

/* A current for all phases that the zone has. */
static void zone_phases(const struct zone_conf *z, struct phase_ma *p)
{
	if (z->phases == 1)
		one_phase(p);
}

/* Texts that say what limits the zone from outside; one that cannot be read limits nothing. */
static void zone_outer(struct build *b, struct zone_conf *z)
{
	struct source_caps *caps = z->k.source_caps ? arena_alloc(&b->c->arena, sizeof(*caps)) : NULL;
	struct tariff *tariff = z->k.tariff ? arena_alloc(&b->c->arena, sizeof(*tariff)) : NULL;
	struct diag said;

	diag_init(&said);
	if (tariff && tariff_parse(z->k.tariff, tariff, &said))
		diag_set(b->diag, -LMS_EDATA, "zone %s: tariff: %s", z->k.id, said.text);
	else
		z->tariff = tariff;
	diag_init(&said);
	if (caps && source_caps_parse(z->k.source_caps, caps, &said))
		diag_set(b->diag, -LMS_EDATA, "zone %s: source_caps: %s", z->k.id, said.text);
	else
		z->caps = caps;
	for (size_t i = 0; z->tariff && i < tariff->count; i++)
		zone_phases(z, &tariff->windows[i].limit);
	for (size_t i = 0; z->caps && i < caps->count; i++)
		zone_phases(z, &caps->items[i].limit);
}

static void zone_emit(struct build *b, struct item *it, int parent)
{
	struct zone_conf *z = &b->c->zones[b->c->zone_count];
	int index = (int)b->c->zone_count++;
	const struct ctl_noun_desc *n = item_noun(ITEM_ZONE);

	it->index = index;
	z->parent = parent;
	z->phases = (int)or_default(it->k.zone.phases, parent < 0 ? 3 : b->c->zones[parent].phases);
	if (z->phases != 1)
		z->phases = 3; /* anything else is refused by the check */
	if (z->phases == 1) {
		one_phase(&it->k.zone.static_ma);
		one_phase(&it->k.zone.dynamic_ma);
		one_phase(&it->k.zone.meter_lost_ma);
		one_phase(&it->k.zone.grid_reduced_ma);
	}
	fields_copy(n->keys, n->key_count, &z->k, &it->k.zone, &b->c->arena);
	z->meter = z->k.meter ? site_conf_meter(b->c, z->k.meter) : -1;
	z->pv_grid = z->meter >= 0 && is_grid(&b->c->meters[z->meter]) ? z->meter
		     : parent >= 0 ? b->c->zones[parent].pv_grid : -1;
	z->pv_sun = z->k.pv_meter ? site_conf_meter(b->c, z->k.pv_meter) : -1;
	z->source = z->k.source ? site_conf_source(b->c, z->k.source) : -1;
	zone_outer(b, z);
	z->cap = zone_cap(&z->k, z->phases);
	for (struct item *child = it->child; child; child = child->sibling)
		zone_emit(b, child, index);
}

static void build_zones(struct build *b)
{
	size_t count;
	struct item **list = items_sorted(b->d, ITEM_ZONE, &count);

	b->c->zones = arena_array(&b->c->arena, count + 1, sizeof(*b->c->zones));
	b->c->zone_order = arena_array(&b->c->arena, count + 1, sizeof(*b->c->zone_order));
	for (size_t i = 0; i < count; i++)
		zone_find_parent(b, list[i]);
	for (size_t i = 0; i < count; i++)
		zone_cut_loop(b, list[i]);
	for (size_t i = 0; i < count; i++)
		zone_cut_depth(b, list[i]);
	/* From the back, so that children end up in the order of their ids. */
	for (size_t i = count; i-- > 0;) {
		struct item *it = list[i];

		if (it->parent) {
			it->sibling = it->parent->child;
			it->parent->child = it;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (!list[i]->parent)
			zone_emit(b, list[i], -1);
	for (size_t i = 0; i < count; i++)
		b->c->zone_order[i] = list[i]->index;
	free(list);
}

/* ---- meters, stations, connectors ---- */

static void build_meters(struct build *b)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_METER);
	size_t count;
	struct item **list = items_sorted(b->d, ITEM_METER, &count);

	b->c->meters = arena_array(&b->c->arena, count + 1, sizeof(*b->c->meters));
	for (size_t i = 0; i < count; i++)
		fields_copy(n->keys, n->key_count, &b->c->meters[i].k, &list[i]->k.meter,
			    &b->c->arena);
	b->c->meter_count = count;
	free(list);
}

/* Where a state comes from; a way that cannot be read tells nothing. */
static const struct state_way *build_way(struct build *b, const char *place, const char *key, const char *from,
					 const char *values, const char *states, bool numbers)
{
	struct state_way *way;
	struct diag said;
	int ret;

	if (!from && !values)
		return NULL;
	diag_init(&said);
	way = arena_alloc(&b->c->arena, sizeof(*way));
	ret = state_way_parse(key, from, values, states, numbers, way, &said);
	if (ret < 0)
		diag_set(b->diag, -LMS_EDATA, "%s: %s", place, said.text);
	return ret == 0 ? way : NULL;
}

static void build_source_way(struct build *b, struct source_conf *source)
{
	char place[ID_MAX + 16];

	snprintf(place, sizeof(place), "source %s", source->k.id);
	if (source->k.states)	/* else that is what the check complains about */
		source->way = build_way(b, place, "from", source->k.from, source->k.values, source->k.states, false);
}

static void build_sources(struct build *b)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_SOURCE);
	size_t count;
	struct item **list = items_sorted(b->d, ITEM_SOURCE, &count);

	b->c->sources = arena_array(&b->c->arena, count + 1, sizeof(*b->c->sources));
	for (size_t i = 0; i < count; i++) {
		fields_copy(n->keys, n->key_count, &b->c->sources[i].k, &list[i]->k.source, &b->c->arena);
		build_source_way(b, &b->c->sources[i]);
	}
	b->c->source_count = count;
	free(list);
}

static void build_groups(struct build *b)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_GROUP), *tn = item_noun(ITEM_TAG_GROUP);
	size_t count;
	struct item **list = items_sorted(b->d, ITEM_GROUP, &count);

	b->c->groups = arena_array(&b->c->arena, count + 1, sizeof(*b->c->groups));
	for (size_t i = 0; i < count; i++)
		fields_copy(n->keys, n->key_count, &b->c->groups[i], &list[i]->k.group, &b->c->arena);
	b->c->group_count = count;
	free(list);
	list = items_sorted(b->d, ITEM_TAG_GROUP, &count);
	b->c->tag_groups = arena_array(&b->c->arena, count + 1, sizeof(*b->c->tag_groups));
	for (size_t i = 0; i < count; i++)
		fields_copy(tn->keys, tn->key_count, &b->c->tag_groups[i], &list[i]->k.tag_group, &b->c->arena);
	b->c->tag_group_count = count;
	free(list);
}

static bool zone_is_single_phase_site(const struct site_conf *c, int zone)
{
	while (zone >= 0 && c->zones[zone].parent >= 0)
		zone = c->zones[zone].parent;
	return zone >= 0 && c->zones[zone].phases == 1;
}

static int64_t div_up(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

/* AC input per phase of a power as the station counts it: of its output, 92 % arrive. */
static int64_t power_ma(const struct site_conf *c, const struct station_conf *st, const char *wiring, int64_t w)
{
	int64_t phases = wiring_phases(wiring) == PHASE_ALL ? PHASES : 1;

	if (st->k.power_at && strcmp(st->k.power_at, "output") == 0)
		w = div_up(w * 100, 92);
	return div_up(w * 1000, phases * c->voltage_min);
}

static void powers_in_force(const struct site_conf *c, const struct station_conf *st, struct connector_conf *conn)
{
	int64_t least = or_default(conn->k.min_power_w, st->k.min_power_w);
	bool own_max = conn->k.max_ma != NUM_NONE || st->k.max_ma != NUM_NONE;

	conn->power_w = or_default(conn->k.max_power_w, st->k.max_power_w);
	if (conn->power_w != NUM_NONE) {
		int64_t ma = power_ma(c, st, conn->wiring, conn->power_w);

		conn->max_ma = own_max && conn->max_ma < ma ? conn->max_ma : ma;
	}
	if (least != NUM_NONE)
		conn->min_ma = power_ma(c, st, conn->wiring, least > 0 ? least : 1);
}

/* "Limit#" is "Limit2" at connector 2. */
static const char *key_of(struct arena *arena, const char *pattern, int number)
{
	const char *hash = strchr(pattern, '#');

	if (!hash)
		return arena_strdup(arena, pattern);
	return arena_printf(arena, "%.*s%d%s", (int)(hash - pattern), pattern, number, hash + 1);
}

/* Under another id and level a profile takes the place of none that the station has. 0 = as it is without keys. */
static uint32_t method_of(const char *key, bool one_limit, const struct ctl_station_keys *k)
{
	uint32_t h = UINT32_C(2166136261);

	for (; key && *key; key++)
		h = (h ^ (unsigned char)*key) * UINT32_C(16777619);
	if (!one_limit && k->profile_id == NUM_NONE && k->profile_stack == NUM_NONE)
		return 0;
	h = (h ^ (uint32_t)(k->profile_id + 1)) * UINT32_C(16777619);
	h = (h ^ (uint32_t)(k->profile_stack + 1)) * UINT32_C(16777619);
	return h | 1;
}

static void shedding_in_force(struct site_conf *c, const struct station_conf *st, struct connector_conf *conn)
{
	const char *how = conn->k.shedding ? conn->k.shedding : st->k.shedding ? st->k.shedding : "profile";
	const char *purpose = conn->k.profile_purpose ? conn->k.profile_purpose : st->k.profile_purpose;

	conn->shedding_key = strncmp(how, "config:", 7) == 0 ? key_of(&c->arena, how + 7, conn->number) : NULL;
	conn->one_limit = conn->shedding_key || (purpose && strcmp(purpose, "TxDefaultProfile") == 0);
	conn->method = method_of(conn->shedding_key, conn->one_limit, &st->k);
	if (strcmp(how, "none") == 0)
		conn->manageable = false;
}

static void connector_in_force(struct site_conf *c, const struct station_conf *st,
			       struct connector_conf *conn)
{
	const struct ctl_connector_keys *k = &conn->k;

	conn->type = k->type ? k->type : st->k.type ? st->k.type : "T2";
	conn->wiring = k->wiring ? k->wiring : st->k.wiring ? st->k.wiring : "unknown";
	/* Unknown counts on all phases that there are: here, one. */
	if (strcmp(conn->wiring, "unknown") == 0 && zone_is_single_phase_site(c, st->zone))
		conn->wiring = "L1";
	conn->max_ma = or_default(k->max_ma, or_default(st->k.max_ma, MAX_MA_DEFAULT));
	/* The station's is meant for its other connectors. */
	if (k->max_ma == NUM_NONE && strcmp(conn->type, "TE") == 0 && conn->max_ma > TYPE_MAX_MA_TE)
		conn->max_ma = TYPE_MAX_MA_TE;
	conn->min_ma = or_default(k->min_ma, or_default(st->k.min_ma, MIN_MA_DEFAULT));
	conn->dc = strcmp(conn->type, "CCS") == 0 || strcmp(conn->type, "CHAdeMO") == 0;
	conn->meter = k->external_meter ? site_conf_meter(c, k->external_meter) : -1;
	conn->power_w = NUM_NONE;
	if (conn->dc)
		powers_in_force(c, st, conn);
	conn->vip = or_default(k->vip, or_default(st->k.vip, 0)) != 0;
	conn->manageable = or_default(k->manageable, or_default(st->k.manageable, 1)) != 0;
	conn->priority = (int)or_default(k->priority, 0);
	shedding_in_force(c, st, conn);
}

static void station_build(struct build *b, struct station_conf *st, const struct item *it)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_STATION);
	const struct ctl_noun_desc *cn = item_noun(ITEM_CONNECTOR);
	int64_t count = or_default(it->k.station.connectors, 1);

	fields_copy(n->keys, n->key_count, &st->k, &it->k.station, &b->c->arena);
	st->zone = st->k.zone ? site_conf_zone(b->c, st->k.zone) : -1;
	st->step_ma = or_default(st->k.step_ma, STEP_MA_DEFAULT);
	st->idle_ma = or_default(st->k.idle_ma, 0);
	st->proven = or_default(st->k.proven, 0) != 0;
	st->local_list = or_default(st->k.local_list, or_default(b->d->site.local_list, 0)) != 0;
	st->local_first = or_default(st->k.local_first, or_default(b->d->site.local_first, 0)) != 0;
	st->auth_cache = or_default(st->k.auth_cache, or_default(b->d->site.auth_cache, 0)) != 0;
	st->connector_count = count < 1 ? 1 : count > 64 ? 64 : (size_t)count;
	st->connectors = arena_array(&b->c->arena, st->connector_count, sizeof(*st->connectors));
	for (size_t i = 0; i < st->connector_count; i++) {
		struct connector_conf *conn = &st->connectors[i];

		ctl_keys_clear(cn, &conn->k);
		conn->k.id = arena_printf(&b->c->arena, "%s/%d", st->k.id, (int)i + 1);
		conn->number = (int)i + 1;
	}
}

static void build_stations(struct build *b)
{
	size_t count;
	struct item **list = items_sorted(b->d, ITEM_STATION, &count);

	b->c->stations = arena_array(&b->c->arena, count + 1, sizeof(*b->c->stations));
	b->c->station_count = count;
	for (size_t i = 0; i < count; i++)
		station_build(b, &b->c->stations[i], list[i]);
	free(list);
}

/* Settings of connectors whose station is gone, or has fewer now, go with them; so do empty ones.
 */
static void build_connectors(struct build *b)
{
	const struct ctl_noun_desc *n = item_noun(ITEM_CONNECTOR);

	for (struct item *it = b->d->items[ITEM_CONNECTOR]; it; it = it->hh.next) {
		char station[ID_MAX + 1];
		struct connector_conf *conn;
		int number, index;

		if (it->gone)
			continue;
		index = connector_id_split(it->id, station, &number)
			    ? site_conf_station(b->c, station)
			    : -1;
		if (index < 0 || (size_t)number > b->c->stations[index].connector_count ||
		    !connector_is_set(&it->k.connector)) {
			it->gone = true;
			continue;
		}
		conn = &b->c->stations[index].connectors[number - 1];
		fields_copy(n->keys, n->key_count, &conn->k, &it->k.connector, &b->c->arena);
	}
	for (size_t i = 0; i < b->c->station_count; i++) {
		struct station_conf *st = &b->c->stations[i];

		for (size_t j = 0; j < st->connector_count; j++)
			connector_in_force(b->c, st, &st->connectors[j]);
	}
}

/* What the check refuses is nothing to divide by. */
static int64_t voltage(int64_t v, int64_t dflt)
{
	return v >= VOLTAGE_LEAST && v <= VOLTAGE_MOST ? v : dflt;
}

void conf_build(struct site_conf *c, struct draft *d, struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_site];
	struct build b = { .c = c, .d = d, .diag = diag};

	fields_copy(n->keys, n->key_count, &c->site, &d->site, &c->arena);
	c->voltage_min = voltage(d->site.voltage_min, VOLTAGE_MIN_DEFAULT);
	c->voltage_max = voltage(d->site.voltage_max, VOLTAGE_MAX_DEFAULT);
	c->grid_way = build_way(&b, "site", "grid_from", c->site.grid_from, c->site.grid_values, GRID_TOLD, true);
	build_meters(&b);
	build_sources(&b);
	build_groups(&b);
	build_zones(&b);
	build_stations(&b);
	build_connectors(&b);
}
