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
#include "site/control/ctl_site_util.h"

#define REFUSED_AGAIN_US (60 * US_PER_S)

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
	int64_t last_age_us = m->answered_at == INT64_MIN ? NUM_NONE : now - m->answered_at;
	int ret = push_check(p, setup, k->scope != NULL && strcmp(k->scope, "pv") == 0, last_age_us, d);

	if (ret < 0)
		return ret;
	push_reading(p, now, wall, &room, &r);
	m->told_due = now - p->age_us + setup->stale_us + 1;
	m->old = false;
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
		char text[120];

		if (m->told_due > now)
			continue;
		m->told_due = MONO_NEVER;
		if (!is_pushed(m))
			continue;
		snprintf(text, sizeof(text), "nobody has told a value for %lld s%s",
			 (long long)(meter_setup(m->state)->stale_us / US_PER_S),
			 m->old ? " (what the broker keeps may be old)" : "");
		r.text = text;
		app->viewed = MONO_NEVER;
		sense_reading(app, (int)i, &r, now);
	}
}

/* ---- by topic ------------------------------------------------------------------------------------- */

size_t sense_topics(const struct app *app, const char **out, size_t max)
{
	const struct sense *s = app->sense;
	size_t n = 0;

	for (size_t i = 0; i < s->count && n < max; i++) {
		const char *topic = s->meters[i].told_by.topic;
		bool is_new = is_pushed(&s->meters[i]) && topic[0];

		for (size_t k = 0; k < n && is_new; k++)
			is_new = strcmp(out[k], topic) != 0;
		if (is_new)
			out[n++] = topic;
	}
	return n;
}

static int take(struct app *app, int meter, const struct sense_told *told, mono_t now, wall_t wall, struct diag *d)
{
	const struct sensed *m = &app->sense->meters[meter];
	struct meter_push p;
	int ret;

	if (told->too_long)
		return diag_set(d, -LMS_EDATA, "the payload is larger than %d bytes", PUSHED_TEXT_MAX);
	ret = push_parse(&m->told_by, told->text, told->len, false, wall, &p, d);
	return ret < 0 ? ret : push(app, meter, &p, now, wall, d);
}

void sense_told(struct app *app, const struct sense_told *told, mono_t now, wall_t wall)
{
	struct sense *s = app->sense;

	for (size_t i = 0; i < s->count; i++) {
		struct sensed *m = &s->meters[i];
		struct diag d;

		if (!is_pushed(m) || strcmp(m->told_by.topic, told->topic) != 0)
			continue;
		/* A value is of the moment in which it comes: one that was kept is of none. */
		if (told->old) {
			m->old = true;
			continue;
		}
		diag_init(&d);
		if (take(app, (int)i, told, now, wall, &d) == 0)
			continue;
		/* Nonsense in turns with sense is one event, too. */
		if (m->refused_at == 0 || now - m->refused_at > REFUSED_AGAIN_US)
			log_meter(WARNING, app->hall.site->conf->meters[i].k.id, "push_refused", "topic=%s %s", log_text(told->topic),
				  log_text(d.text));
		m->refused_at = now;
	}
}

/* ---- for whoever listens ------------------------------------------------------------------------ */

void sense_put_values(const struct app *app, size_t meter, mono_t now, struct json_writer *w)
{
	const struct sensed *m = &app->sense->meters[meter];
	char text[200] = "", time[RFC3339_MAX];

	jw_kstr(w, "id", app->hall.site->conf->meters[meter].k.id);
	jw_kstr(w, "state", m->state ? meter_status_name(meter_status(m->state, now)) : "unknown");
	if (m->state != NULL)
		meter_fault_text(m->state, text, sizeof(text));
	jw_kstr(w, "error", text[0] ? text : m->complaint[0] ? m->complaint : NULL);
	jw_key(w, "values");
	jw_object(w);
	for (int v = 0; v < METER_VAR_COUNT && m->state != NULL; v++) {
		const struct meter_value *value = meter_value(m->state, (enum meter_var)v);
		const struct meter_var_info *info = meter_var_info((enum meter_var)v);
		const struct meter_dim_info *dim = meter_dim_info(info->dim);
		enum meter_quality q = meter_quality_told(m->state, (enum meter_var)v, now);
		int64_t scale = 1;

		if (q == METER_Q_NONE)
			continue;
		for (int k = 0; k < dim->decimals; k++)
			scale *= 10;
		jw_key(w, info->name);
		jw_object(w);
		jw_key(w, "value");
		if (q == METER_Q_GOOD)
			jw_fixed(w, value->v, scale);
		else
			jw_null(w);
		jw_kstr(w, "unit", dim->unit);
		jw_kstr(w, "time", value->wall == WALL_NONE ? NULL : rfc3339_format(value->wall, time));
		jw_kstr(w, "quality", meter_quality_name(q));
		jw_object_end(w);
	}
	jw_object_end(w);
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
	const struct sensed *m;

	if (i < 0)
		return i;
	if ((size_t)i >= app->sense->count || !is_pushed(&app->sense->meters[i]))
		return diag_set(&c->diag, -LMS_ECONFLICT, "meter %s: is read, not told (only one with profile=" PUSHED_MODEL
				" address=command can be)", id);
	m = &app->sense->meters[i];
	if (m->told_by.by != PUSHED_COMMAND)
		return diag_set(&c->diag, -LMS_ECONFLICT, "meter %s: is told by MQTT topic %s (lmsctl meter set %s "
				"address=command, to tell it by command)", id, m->told_by.topic, id);
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
