/* hall/bms/bms.c - life of the server for a building management system.
 *
 * While somebody is connected it gets an image of the site each second; a write is told to the site as any way of the
 * grid signal, and answered when an image with its effect is there.
 */
#include "hall/bms/bms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "site/outer/grid.h"

#define IMAGE_US US_PER_S

static bool tells_grid(const struct bms *b)
{
	const struct state_way *way = b->app->hall.site->conf->grid_way;

	return way != NULL && way->from.kind == FROM_BMS && b->app->boot.bms_write == BOOT_BMS_WRITE_YES;
}

static void publish(struct bms *b)
{
	struct bms_image *img = xmalloc(sizeof(*img));
	mono_t now = loop_now(b->app->loop);

	feed_views(b->app, now);
	bms_image_init(img, now);
	b->heartbeat = (b->heartbeat + 1) % 0xffff;
	bms_gather(b, img, tells_grid(b), now, loop_wall());
	modbus_server_publish(b->server, img);
	b->due = now + IMAGE_US;
}

/* ---- what the server says ----------------------------------------------------------------------------- */

static void on_wanted(void *ctx)
{
	publish(ctx);
}

/* The grid signal is all that can be written (map.def). */
static void on_write(void *ctx, uint64_t token, const char *peer, uint16_t addr, uint16_t value)
{
	struct bms *b = ctx;
	struct app *app = b->app;
	char by[64];
	const struct heard heard = { .number = value, .by = by };

	(void)addr;
	if (!tells_grid(b)) {	/* nobody asked for it: the register is not there to be written */
		modbus_server_written(b->server, token, 2);
		return;
	}
	app->turn_open = true;
	snprintf(by, sizeof(by), "bms %.50s", peer);
	if (site_grid_heard(app->hall.site, &heard, loop_now(app->loop), loop_wall(), &app->fx))
		feed_grid(app, loop_wall());
	publish(b);
	modbus_server_written(b->server, token, 0);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	(void)ctx;
	log_event(LOG_LEVEL_WARNING, "bms", "", event, "%s", text);
}

static const struct modbus_server_ops ops = { .wanted = on_wanted, .write = on_write, .told = on_told };

/* ---- life --------------------------------------------------------------------------------------------- */

int bms_open(struct app *app, struct diag *diag)
{
	const struct boot_addr *a = &app->boot.bms_listen;
	struct modbus_server_conf conf = {
		.address = a->host, .port = a->port, .clients = (int)app->boot.bms_clients,
		.writes = app->boot.bms_write == BOOT_BMS_WRITE_YES,
	};
	struct bms *b = xcalloc(1, sizeof(*b));
	int ret;

	b->app = app;
	b->numbers = bms_numbers_new();
	b->due = MONO_NEVER;
	app->bms = b;
	if (!a->on)
		return 0;
	ret = nets_parse(app->boot.bms_allow, &conf.allow, diag);
	if (ret == 0)
		ret = modbus_server_new(app->loop, &conf, &ops, b, &b->server, diag);
	if (ret == 0)
		snprintf(b->listen, sizeof(b->listen), strchr(a->host, ':') ? "[%s]:%d" : "%s:%d", a->host,
			 modbus_server_port(b->server));
	return ret;
}

void bms_close(struct bms *b)
{
	if (b == NULL)
		return;
	modbus_server_free(b->server);
	bms_numbers_free(b->numbers);
	free(b);
}

int bms_port(const struct bms *b)
{
	return b->server != NULL ? modbus_server_port(b->server) : 0;
}

int bms_load(struct bms *b, const char *key, const char *json, size_t len, struct diag *diag)
{
	return bms_numbers_load(b->numbers, key, json, len, diag);
}

static void give(struct bms *b, enum bms_kind kind, const char *id)
{
	struct site *site = b->app->hall.site;

	if (bms_number_give(b->numbers, kind, id, bms_is_there, site, &b->app->fx) == 0)
		b->unmapped++;
}

static void give_all(struct bms *b)
{
	const struct site_conf *conf = b->app->hall.site->conf;
	int before = b->unmapped;

	b->unmapped = 0;
	for (size_t i = 0; i < conf->zone_count; i++)
		give(b, BMS_zone, conf->zones[conf->zone_order[i]].k.id);
	for (size_t i = 0; i < conf->meter_count; i++)
		give(b, BMS_meter, conf->meters[i].k.id);
	for (size_t i = 0; i < conf->station_count; i++) {
		const struct station_conf *st = &conf->stations[i];

		give(b, BMS_station, st->k.id);
		for (size_t j = 0; j < st->connector_count; j++) {
			char id[ID_MAX + 16];

			snprintf(id, sizeof(id), "%s/%d", st->k.id, st->connectors[j].number);
			give(b, BMS_connector, id);
		}
	}
	if (b->unmapped > 0 && before == 0)
		log_event(LOG_LEVEL_WARNING, "bms", "", "bms_map_full", "objects=%d the map has no room for them (lmsctl bms "
			  "show)", b->unmapped);
}

void bms_configure(struct bms *b)
{
	struct app *app = b->app;
	const struct state_way *way = app->hall.site->conf->grid_way;
	const struct heard off = { .err = -LMS_ECONFIG, .text = b->server == NULL
					? "bms.listen is off in lmsd.conf" : "bms.write is no in lmsd.conf" };

	if (b->server != NULL) {
		app->turn_open = true;
		b->due = loop_now(app->loop);
		give_all(b);
	}
	if (way != NULL && way->from.kind == FROM_BMS && (b->server == NULL || !tells_grid(b)))
		site_grid_heard(app->hall.site, &off, loop_now(app->loop), loop_wall(), &app->fx);
}

void bms_turn(struct bms *b, mono_t now)
{
	struct modbus_server_counts counts;

	if (now < b->due)
		return;
	b->due = MONO_NEVER;
	modbus_server_counts(b->server, &counts);
	if (counts.clients > 0)
		publish(b);
}

mono_t bms_due(const struct bms *b)
{
	return b->due;
}
