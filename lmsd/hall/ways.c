/* hall/ways.c - registers, coils and inputs of devices that tell a state: polled beside the meters.
 *
 * A point is read as a device of one register, under a name that no meter can have. What it says is told to the site, which knows what it means.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "hall/broker/broker.h"
#include "modbus/bus.h"
#include "site/outer/grid.h"
#include "site/outer/source.h"

#define POINT_GRID   "/grid"	/* an id has no '/' */
#define POINT_SOURCE "/source "	/* and its index */

/* So often that a single lost answer is not the loss of the signal. */
static int64_t poll_us(int64_t watchdog_ms)
{
	int64_t us = watchdog_ms == NUM_NONE ? US_PER_S : watchdog_ms * US_PER_MS / 4;

	return us < US_PER_S ? us : US_PER_S;
}

static size_t add(struct app *app, const char *id, const struct state_way *way, int64_t watchdog_ms,
		  struct bus_meter *out)
{
	char address[ADDRESS_TEXT_MAX];
	struct meter_profile *device;
	struct meter_reg *reg;

	if (way == NULL || way->from.kind != FROM_MODBUS)
		return 0;
	device = profile_new();
	reg = profile_add_reg(device, METER_current_l1);	/* a bus asks for blocks of registers, whatever is in them */
	reg->fc = way->from.fc;
	reg->addr = way->from.addr;
	reg->type = REG_U16;
	reg->group = METER_FAST;
	*out = (struct bus_meter){
		.id = id,
		.address = arena_printf(&app->arena, "%s", address_text(&way->from.device, address)),
		.profile = device,
		.poll_us = poll_us(watchdog_ms),
	};
	return 1;
}

void ways_points_done(struct bus_meter *points, size_t count)
{
	for (size_t i = 0; i < count; i++)
		profile_free((struct meter_profile *)(uintptr_t)points[i].profile);
}

size_t ways_points(struct app *app, struct bus_meter *out)
{
	const struct site_conf *conf = app->hall.site->conf;
	size_t n = add(app, POINT_GRID, conf->grid_way, conf->site.grid_watchdog_ms, out);

	for (size_t i = 0; i < conf->source_count; i++)
		n += add(app, arena_printf(&app->arena, POINT_SOURCE "%zu", i), conf->sources[i].way,
			 conf->sources[i].k.stale_after_ms, out + n);
	return n;
}

/* A refused register is a failure, too: it says nothing. */
static struct heard heard_of(const struct state_way *way, const struct bus_sample *sample)
{
	const struct meter_block *b = sample->block_count ? &sample->blocks[0] : NULL;
	struct heard h = { .err = sample->err, .text = sample->text };

	if (h.err == 0 && (b == NULL || b->words == NULL))
		h.err = b != NULL && b->err ? b->err : -LMS_EPROTOCOL;
	if (h.err == 0)
		h.number = from_number(&way->from, b->words[0]);
	return h;
}

bool ways_sample(struct app *app, const struct bus_sample *sample, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;
	wall_t wall = loop_wall();
	struct heard h;
	size_t i;

	if (strcmp(sample->meter_id, POINT_GRID) == 0) {
		if (conf->grid_way == NULL)
			return true;
		h = heard_of(conf->grid_way, sample);
		if (site_grid_heard(app->hall.site, &h, now, wall, &app->fx))
			feed_grid(app, wall);
		return true;
	}
	if (strncmp(sample->meter_id, POINT_SOURCE, strlen(POINT_SOURCE)) != 0)
		return false;
	i = strtoul(sample->meter_id + strlen(POINT_SOURCE), NULL, 10);
	if (i >= conf->source_count || conf->sources[i].way == NULL)
		return true;
	h = heard_of(conf->sources[i].way, sample);
	site_source_heard(app->hall.site, conf->sources[i].k.id, &h, now, wall, &app->fx);
	return true;
}

/* ---- what speaks against a way ------------------------------------------------------------------------ */

const char *way_trouble(const struct hall *hall, int kind)
{
	const struct app *app = (const struct app *)((const char *)hall - offsetof(struct app, hall));

	if (kind == FROM_MQTT)
		return broker_deaf(app->broker);
	if (kind == FROM_BMS && !app->boot.bms_listen.on)
		return "bms.listen is off in lmsd.conf";
	if (kind == FROM_BMS && app->boot.bms_write == BOOT_BMS_WRITE_NO)
		return "bms.write is no in lmsd.conf: nobody may write the register";
	return NULL;
}
