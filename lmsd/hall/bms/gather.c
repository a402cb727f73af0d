/* hall/bms/gather.c - the site as the map has it. What is not known, or too old to be believed, is absent. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "hall/bms/bms.h"
#include "site/outer/grid.h"

enum quality { GOOD, OLD, DOUBTFUL, NONE };

bool bms_is_there(void *ctx, enum bms_kind kind, const char *id)
{
	const struct site *site = ctx;
	char station[ID_MAX + 16];
	const char *slash;
	int at;

	switch (kind) {
	case BMS_zone:
		return site_conf_zone(site->conf, id) >= 0;
	case BMS_meter:
		return site_conf_meter(site->conf, id) >= 0;
	case BMS_station:
		return site_conf_station(site->conf, id) >= 0;
	case BMS_connector:
		slash = strrchr(id, '/');
		if (slash == NULL || (size_t)(slash - id) > ID_MAX)
			return false;
		snprintf(station, sizeof(station), "%.*s", (int)(slash - id), id);
		at = site_conf_station(site->conf, station);
		return at >= 0 && strtoul(slash + 1, NULL, 10) <= site->conf->stations[at].connector_count;
	case BMS_site:
	case BMS_grid:
	case BMS_KINDS:
		break;
	}
	return true;
}

static int64_t seconds(int64_t us)
{
	return us < 0 ? 0 : us / US_PER_S;
}

static enum quality meter_quality_of(const struct meter_view *v)
{
	if (strcmp(v->state, "ok") == 0)
		return GOOD;
	if (v->good_at == INT64_MIN)
		return NONE;
	return strcmp(v->state, "implausible") == 0 ? DOUBTFUL : OLD;
}

static enum quality draw_quality(const struct connector *c, mono_t now)
{
	if (c->draw_at == 0)
		return NONE;
	if (c->draw_nonsense || c->view.draw_strange)
		return DOUBTFUL;
	return now < c->draw_until ? GOOD : OLD;
}

/* ---- objects --------------------------------------------------------------------------------------------- */

static void put_zone(struct bms *b, struct bms_image *img, size_t i, mono_t now)
{
	const struct site *site = b->app->hall.site;
	const struct zone_conf *z = &site->conf->zones[i];
	const struct zone_view *v = &site->zone_views[i];
	const struct meter_view *m = z->meter >= 0 ? &site->meter_views[z->meter] : NULL;
	enum quality q = m == NULL ? NONE : meter_quality_of(m);
	struct phase_ma load = q == GOOD ? v->load : (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
	const struct bms_zone out = {
		.present = 1,
		.quality = q,
		.age_s = m == NULL || m->good_at == INT64_MIN ? NUM_NONE : seconds(now - m->good_at),
		.competing = v->competing,
		.limit_l1_ma = v->cap.l[0], .limit_l2_ma = v->cap.l[1], .limit_l3_ma = v->cap.l[2],
		.load_l1_ma = load.l[0], .load_l2_ma = load.l[1], .load_l3_ma = load.l[2],
		.cars_l1_ma = v->sum.l[0], .cars_l2_ma = v->sum.l[1], .cars_l3_ma = v->sum.l[2],
		.admitted = v->admitted,
		.over_s = v->seconds_over,
	};
	int number = bms_number(b->numbers, BMS_zone, z->k.id);

	if (number)
		bms_image_put(img, BMS_zone, number, &out);
}

static int64_t kwh(int64_t wh)
{
	return wh == NUM_NONE ? NUM_NONE : wh / 1000;
}

static void put_meter(struct bms *b, struct bms_image *img, size_t i, mono_t now)
{
	const struct site *site = b->app->hall.site;
	const struct meter_view *v = &site->meter_views[i];
	const struct bms_meter out = {
		.present = 1,
		.quality = meter_quality_of(v),
		.age_s = v->good_at == INT64_MIN ? NUM_NONE : seconds(now - v->good_at),
		.current_l1_ma = v->current.l[0], .current_l2_ma = v->current.l[1], .current_l3_ma = v->current.l[2],
		.voltage_l1_mv = v->voltage_mv.l[0], .voltage_l2_mv = v->voltage_mv.l[1],
		.voltage_l3_mv = v->voltage_mv.l[2],
		.power_w = v->power_w,
		.import_kwh = kwh(v->import_wh),
		.export_kwh = kwh(v->export_wh),
	};
	int number = bms_number(b->numbers, BMS_meter, site->conf->meters[i].k.id);

	if (number)
		bms_image_put(img, BMS_meter, number, &out);
}

static int64_t status_code(const char *status)
{
	static const char *const names[] = { "", "Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV",
					     "Finishing", "Reserved", "Unavailable", "Faulted" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], status) == 0)
			return (int64_t)i;
	return 0;
}

static void put_connector(struct bms *b, struct bms_image *img, const struct connector *c, mono_t now)
{
	enum quality q = draw_quality(c, now);
	bool good = q == GOOD;
	const struct bms_connector out = {
		.present = 1,
		.status = status_code(c->status),
		.online = c->station->state == STATION_ONLINE,
		.quality = q,
		.age_s = c->draw_at == 0 ? NUM_NONE : seconds(now - c->draw_at),
		.charging = c->tx != NULL,
		.limit_ma = c->slot == UINT32_MAX ? NUM_NONE : c->view.limit_ma,
		.current_l1_ma = good ? c->draw.l[0] : NUM_NONE,
		.current_l2_ma = good ? c->draw.l[1] : NUM_NONE,
		.current_l3_ma = good ? c->draw.l[2] : NUM_NONE,
		.power_w = good ? c->power_w : NUM_NONE,
		.energy_wh = c->tx != NULL ? c->tx->energy_wh : NUM_NONE,
	};
	char id[ID_MAX + 16];
	int number;

	snprintf(id, sizeof(id), "%s/%d", c->station->id, c->number);
	number = bms_number(b->numbers, BMS_connector, id);
	if (number)
		bms_image_put(img, BMS_connector, number, &out);
}

static void put_station(struct bms *b, struct bms_image *img, const struct station *st, wall_t wall)
{
	struct bms_station out = {
		.present = 1,
		.state = st->state,
		.age_s = st->last_seen == WALL_NONE || st->last_seen == 0 ? NUM_NONE : seconds(wall - st->last_seen),
	};
	int number = bms_number(b->numbers, BMS_station, st->id);

	for (size_t i = 0; i < st->connector_count; i++)
		out.faults += strcmp(st->connectors[i]->status, "Faulted") == 0;
	if (number)
		bms_image_put(img, BMS_station, number, &out);
}

/* ---- the site -------------------------------------------------------------------------------------------- */

static void put_stations(struct bms *b, struct bms_image *img, struct bms_site *out, mono_t now, wall_t wall)
{
	const struct site *site = b->app->hall.site;

	out->stations_online = out->connectors = out->charging = out->power_w = 0;
	for (const struct station *st = site->stations; st != NULL; st = st->hh.next) {
		if (st->conf < 0)
			continue;
		out->stations_online += st->state == STATION_ONLINE;
		put_station(b, img, st, wall);
		for (size_t i = 0; i < st->connector_count; i++) {
			const struct connector *c = st->connectors[i];

			out->connectors++;
			out->charging += c->tx != NULL;
			if (draw_quality(c, now) == GOOD && c->power_w != NUM_NONE)
				out->power_w += c->power_w;
			put_connector(b, img, c, now);
		}
	}
}

static void put_site(struct bms *b, struct bms_image *img, struct bms_site *out, mono_t now)
{
	const struct site *site = b->app->hall.site;
	const struct signal *g = site_grid_signal(site);

	out->map_version = 1;
	out->heartbeat = b->heartbeat;
	out->store_failed = b->app->hall.store_failed;
	out->grid_state = site_grid_state(site);
	out->grid_quality = g->lost ? 2 : !site_grid_is_sure(site);
	out->grid_age_s = seconds(now - g->told_at);
	out->uptime_s = seconds(now - b->app->hall.started);
	out->stations = (int64_t)site->conf->station_count;
	out->meters = (int64_t)site->conf->meter_count;
	for (size_t i = 0; i < site->conf->meter_count; i++)
		out->meters_ok += strcmp(site->meter_views[i].state, "ok") == 0;
	out->energy_week_wh = site->totals.energy_week_wh;
	out->energy_month_wh = site->totals.energy_month_wh;
	out->sessions_week = site->totals.sessions_week;
	out->sessions_month = site->totals.sessions_month;
	bms_image_put(img, BMS_site, 1, out);
}

static void put_grid(struct bms *b, struct bms_image *img, bool writable, mono_t now)
{
	const struct site *site = b->app->hall.site;
	const struct signal *g = &site->grid_way;
	struct bms_grid out = { NUM_NONE, NUM_NONE };

	if (writable && !g->lost && g->sure)
		for (int state = GRID_NORMAL; state <= GRID_STOP; state++)
			if (strcmp(g->state, grid_state_name((enum grid_state)state)) == 0)
				out.signal = state;
	if (out.signal != NUM_NONE)
		out.left_s = seconds(site_grid_due(site) - now);
	bms_image_put(img, BMS_grid, 1, &out);
}

void bms_gather(struct bms *b, struct bms_image *img, bool writable, mono_t now, wall_t wall)
{
	const struct site_conf *conf = b->app->hall.site->conf;
	struct bms_site site = { 0 };

	for (int kind = BMS_zone; kind < BMS_KINDS; kind++)
		bms_image_reach(img, (enum bms_kind)kind, bms_number_top(b->numbers, (enum bms_kind)kind));
	for (size_t i = 0; i < conf->zone_count; i++)
		put_zone(b, img, i, now);
	for (size_t i = 0; i < conf->meter_count; i++)
		put_meter(b, img, i, now);
	put_stations(b, img, &site, now, wall);
	put_site(b, img, &site, now);
	put_grid(b, img, writable, now);
}
