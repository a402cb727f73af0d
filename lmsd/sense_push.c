/* sense_push.c - meters whose values are told: by command, or by whoever hears their topic.
 *
 * What is told is a reading like any other. Nobody notices by itself that nobody tells any more: so each such meter
 * has a moment at which it falls silent, unless it is told before.
 */
#include "sense_meters.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "site/ctl_site_util.h"

static bool is_pushed(const struct sensed *m)
{
	return m->state != NULL && meter_setup(m->state)->profile->pushed;
}

static int push(struct app *app, int meter, const struct meter_push *p, mono_t now, wall_t wall, struct diag *d)
{
	struct sensed *m = &app->sense->meters[meter];
	const struct ctl_meter_keys *k = &app->hall.site->conf->meters[meter].k;
	const struct meter_setup *setup = meter_setup(m->state);
	struct push_room room;
	struct meter_reading r;
	int ret = push_check(p, setup, k->scope != NULL && strcmp(k->scope, "pv") == 0, d);

	if (ret < 0)
		return ret;
	push_reading(p, now, wall, &room, &r);
	m->told_due = now - p->age_us + setup->stale_us + 1;
	app->viewed = MONO_NEVER;
	sense_reading(app, meter, &r, now);
	return 0;
}

/* ---- time -------------------------------------------------------------------------------------- */

mono_t sense_due(const struct app *app)
{
	const struct sense *s = app->sense;
	mono_t due = MONO_NEVER;

	for (size_t i = 0; i < s->count; i++)
		if (s->meters[i].told_due < due)
			due = s->meters[i].told_due;
	return due;
}

void sense_time(struct app *app, mono_t now, wall_t wall)
{
	struct sense *s = app->sense;

	for (size_t i = 0; i < s->count; i++) {
		struct sensed *m = &s->meters[i];
		struct meter_reading r = { .err = -LMS_EOFFLINE, .at = now, .wall = wall, .latency_us = NUM_NONE };
		char text[80];

		if (m->told_due > now)
			continue;
		m->told_due = MONO_NEVER;
		if (!is_pushed(m))
			continue;
		snprintf(text, sizeof(text), "nobody has told a value for %lld s",
			 (long long)(meter_setup(m->state)->stale_us / US_PER_S));
		r.text = text;
		app->viewed = MONO_NEVER;
		sense_reading(app, (int)i, &r, now);
	}
}

/* ---- by command --------------------------------------------------------------------------------- */

static struct app *app_of(struct ctl_call *c)
{
	return (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
}

/* The meter, if it is told by commands. */
static int find(struct ctl_call *c, const char *id)
{
	struct app *app = app_of(c);
	int i = ctl_find_meter(c, c->hall->site->conf, id);
	struct pushed_address address;

	if (i < 0)
		return i;
	if ((size_t)i >= app->sense->count || !is_pushed(&app->sense->meters[i]))
		return diag_set(&c->diag, -LMS_ECONFLICT, "meter %s: is read, not told (only one with profile=" PUSHED_MODEL
				" address=command can be)", id);
	if (pushed_address_parse(c->hall->site->conf->meters[i].k.address, &address, &c->diag) < 0)
		return -LMS_EDATA;
	if (address.by != PUSHED_COMMAND)
		return diag_set(&c->diag, -LMS_ECONFLICT, "meter %s: is told by MQTT topic %s (lmsctl meter set %s "
				"address=command, to tell it by command)", id, address.topic, id);
	return i;
}

static int tell(struct ctl_call *c, const char *id, const struct meter_push *p)
{
	int meter = find(c, id), ret;

	if (meter < 0)
		return meter;
	ret = push(app_of(c), meter, p, c->now, c->wall, &c->diag);
	return ret < 0 ? ret : ctl_answer_done(c, true);
}

int ctl_meter_push(struct ctl_call *c, const struct ctl_meter_push_args *a)
{
	const struct { enum meter_var var; int64_t v; } given[] = {
		{ METER_power_total, a->power_total_w }, { METER_power_l1, a->power_l1_w },
		{ METER_power_l2, a->power_l2_w }, { METER_power_l3, a->power_l3_w },
		{ METER_energy_import_total, a->energy_import_total_wh },
		{ METER_energy_export_total, a->energy_export_total_wh },
	};
	const struct pushed_address any = { .by = PUSHED_COMMAND };
	struct meter_push p = { 0 };
	int ret = 0;

	if (a->values != NULL && a->values[0] != '{')
		return diag_set(&c->diag, -LMS_EDATA, "values: is no JSON object (write values='{\"voltage_l1n\": 230.1}')");
	if (a->values != NULL)
		ret = push_parse(&any, a->values, strlen(a->values), true, c->wall, &p, &c->diag);
	for (size_t i = 0; i < ARRAY_LEN(given) && ret == 0; i++)
		if (given[i].v != NUM_NONE)
			ret = push_set(&p, given[i].var, given[i].v, &c->diag);
	return ret < 0 ? ret : tell(c, a->id, &p);
}

int ctl_pv_set(struct ctl_call *c, const struct ctl_pv_set_args *a)
{
	const struct site_conf *conf = c->hall->site->conf;
	int zone = site_conf_zone(conf, a->id);
	const char *meter = a->id;
	struct meter_push p = { 0 };
	int ret;

	if (site_conf_meter(conf, a->id) < 0 && zone < 0)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "'%.60s' is neither a meter nor a zone (lmsctl meter list; "
				"lmsctl zone list)", a->id);
	if (site_conf_meter(conf, a->id) < 0 && conf->zones[zone].pv_sun < 0)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "zone %s: no meter sees what is produced (lmsctl zone set %s "
				"pv_meter=…)", a->id, a->id);
	if (site_conf_meter(conf, a->id) < 0)
		meter = conf->meters[conf->zones[zone].pv_sun].k.id;
	ret = push_set(&p, METER_power_total, a->power_w, &c->diag);
	return ret < 0 ? ret : tell(c, meter, &p);
}
