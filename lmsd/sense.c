/* sense.c - meters: what the configuration names is polled, decoded, judged, and told to the balance.
 *
 * The buses' threads hand over raw registers; decoding and judgement are the pure meter room's.
 * A zone learns every sample of its meter, bad ones too: silence and doubt have their own answers.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "meter/address.h"
#include "modbus/bus.h"
#include "sense_alert.h"
#include "sense_meters.h"
#include "site/outer/sun.h"

#define POLL_US	       US_PER_S
#define STALE_US       (5 * US_PER_S)
#define LOOK_US	       US_PER_S
#define REPORT_MEAN_US (15 * US_PER_S)

static void on_sample(void *ctx, const struct bus_sample *sample)
{
	struct app *app = ctx;
	struct event ev = { .kind = EV_METER_SAMPLE, .now = loop_now(app->loop), .wall = loop_wall() };

	ev.u.meter.sample = sample;
	app_event(app, &ev);
}

static void on_look(void *ctx);

static const struct bus_ops bus_ops = { .sample = on_sample };

int sense_new(struct app *app, struct diag *diag)
{
	struct sense *s = xcalloc(1, sizeof(*s));

	(void)diag;
	app->sense = s;
	app->hall.profiles = &app->profiles;
	profiles_load(app);
	s->buses = bus_set_new(app->loop, &bus_ops, app);
	s->look = loop_timer_new(app->loop, on_look, app);
	loop_timer_at(s->look, loop_now(app->loop) + LOOK_US);
	return 0;
}

static void sensed_free(struct sensed *meters, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		meter_free(meters[i].state);
		free(meters[i].values_json);
		free(meters[i].keys);
	}
	free(meters);
}

void sense_free(struct sense *s)
{
	if (s == NULL)
		return;
	bus_set_free(s->buses);
	meter_scan_free(s->scan);
	loop_timer_free(s->look);
	bus_alerts_fini(&s->bus_alerts);
	sensed_free(s->meters, s->count);
	free(s);
}

/* ---- from keys to meters ---------------------------------------------------------------------- */

int64_t sense_fuse_ma(const struct site_conf *conf, int meter)
{
	int64_t fuse = NUM_NONE;

	for (size_t i = 0; i < conf->zone_count; i++)
		if (conf->zones[i].meter == meter && conf->zones[i].k.fuse_ma > fuse)
			fuse = conf->zones[i].k.fuse_ma;
	return fuse;
}

int sense_setup(const struct app *app, const struct ctl_meter_keys *k, int64_t fuse_ma, struct meter_setup *setup,
		struct diag *d)
{
	const struct meter_profile *p = profile_set_find(&app->profiles, k->profile ? k->profile : "");
	const char *near;
	struct pushed_address pushed;
	struct meter_address address;
	int ret;

	if (p == NULL) {
		near = profile_set_nearest(&app->profiles, k->profile ? k->profile : "");
		return diag_set(d, -LMS_EDATA, "profile: no device model '%s'%s%s%s (lmsctl meter profiles)",
				log_text(k->profile), near ? "; did you mean '" : "", near ? near : "",
				near ? "'?" : "");
	}
	meter_setup_init(setup, k->id, p);
	if (!p->pushed && pushed_is_address(k->address))
		return diag_set(d, -LMS_EDATA, "address: '%.60s' needs profile=" PUSHED_MODEL ": nobody reads such a meter",
				k->address);
	ret = p->pushed ? pushed_address_parse(k->address, &pushed, d) : address_parse(k->address, &address, d);
	if (ret == 0)
		ret = meter_setup_phases(setup, k->phases, d);
	if (ret == 0)
		ret = meter_setup_invert(setup, k->invert, d);
	if (ret == 0)
		ret = meter_setup_ct(setup, k->ct, fuse_ma, d);
	setup->breaker_ma = fuse_ma;
	setup->poll_us = k->poll_ms == NUM_NONE ? POLL_US : k->poll_ms * US_PER_MS;
	setup->any_model = k->identity && strcmp(k->identity, "any") == 0;
	if (k->stale_after_ms != NUM_NONE)
		setup->stale_us = k->stale_after_ms * US_PER_MS;
	return ret;
}

/* A phase whose current is missing must not look like one that carries nothing. */
static int scope_check(const struct ctl_meter_keys *k, const struct meter_setup *setup, struct diag *d)
{
	bool source = k->scope != NULL && (strcmp(k->scope, "pv") == 0 || strcmp(k->scope, "storage") == 0);

	if (source || !setup->profile->power_suffices)
		return 0;
	return diag_set(d, -LMS_EDATA, "scope: %s need not tell its currents, so no zone can be kept by it (set scope=pv or "
			"scope=storage)", setup->profile->model);
}

int sense_check(void *ctx, const struct ctl_meter_keys *k, int64_t fuse_ma, struct diag *d)
{
	const struct app *app = ctx;
	struct meter_setup setup;
	int ret = sense_setup(app, k, fuse_ma, &setup, d);

	if (ret == 0 && !setup.profile->pushed && setup.poll_us >= setup.stale_us)
		return diag_set(d, -LMS_ERANGE,
				"poll: %lld ms is not before values are stale, after %lld ms (raise stale_after, or poll more often)",
				(long long)(setup.poll_us / US_PER_MS), (long long)(setup.stale_us / US_PER_MS));
	return ret < 0 ? ret : scope_check(k, &setup, d);
}

static char *keys_text(const struct ctl_meter_keys *k, int64_t fuse_ma, const struct meter_profile *p)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_meter];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	fields_write(n->keys, n->key_count, k, false, &w);
	jw_kint(&w, "fuse", fuse_ma);
	jw_kint(&w, "edition", p ? (int64_t)p->edition : 0);
	jw_object_end(&w);
	return buf_take(&b, NULL);
}

/* Takes over the state of a meter whose keys are the same as before. */
static bool sensed_keep(struct sensed *to, struct sensed *old, size_t old_count)
{
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].state == NULL || strcmp(old[i].keys, to->keys) != 0)
			continue;
		to->state = old[i].state;
		to->alert = old[i].alert;
		to->answered_at = old[i].answered_at;
		to->told_due = old[i].told_due;
		to->refused_at = old[i].refused_at;
		old[i].state = NULL;
		return true;
	}
	return false;
}

void sense_configure(struct app *app)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct sense *s = app->sense;
	struct sensed *old = s->meters;
	size_t old_count = s->count;
	struct bus_meter *list = xcalloc(conf->meter_count + WAYS_MAX(conf), sizeof(*list));
	struct diag d;
	const char **buses = xcalloc(conf->meter_count + 1, sizeof(*buses));
	size_t n = 0, points;

	s->meters = xcalloc(conf->meter_count + 1, sizeof(*s->meters));
	s->count = conf->meter_count;
	for (size_t i = 0; i < conf->meter_count; i++) {
		const struct ctl_meter_keys *k = &conf->meters[i].k;
		int64_t fuse_ma = sense_fuse_ma(conf, (int)i);
		struct meter_address address;
		struct meter_setup setup;

		s->meters[i].keys = keys_text(k, fuse_ma, profile_set_find(&app->profiles, k->profile ? k->profile : ""));
		s->meters[i].answered_at = INT64_MIN;
		diag_init(&d);
		if (sense_setup(app, k, fuse_ma, &setup, &d) < 0 || scope_check(k, &setup, &d) < 0) {
			snprintf(s->meters[i].complaint, sizeof(s->meters[i].complaint), "%s", d.text);
			log_meter(ERROR, k->id, "not_read", "%s", d.text);
			continue;
		}
		if (!sensed_keep(&s->meters[i], old, old_count)) {
			s->meters[i].state = meter_new(&setup);
			s->meters[i].told_due = setup.profile->pushed ? loop_now(app->loop) + setup.stale_us : MONO_NEVER;
		}
		if (setup.profile->pushed) {
			pushed_address_parse(k->address, &s->meters[i].told_by, &d);
			continue;
		}
		if (address_parse(k->address, &address, &d) == 0)
			buses[n] = address_bus(&address, s->meters[i].bus);
		list[n].id = k->id;
		list[n].address = k->address;
		list[n].profile = setup.profile;
		list[n].poll_us = k->poll_ms == NUM_NONE ? POLL_US : k->poll_ms * US_PER_MS;
		n++;
	}
	points = ways_points(app, list + n);
	n += points;
	diag_init(&d);
	if (bus_set_configure(s->buses, list, n, &d) < 0)
		log_lmsd(ERROR, "meters", "%s", d.text);
	bus_alerts_keep(&s->bus_alerts, buses, n - points);
	free(buses);
	sensed_free(old, old_count);
	ways_points_done(list + n - points, points);
	free(list);
}

/* ---- samples ---------------------------------------------------------------------------------- */

/* The zones that are fed by the meter, for people. */
static const char *zones_of(const struct site_conf *conf, int meter, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < conf->zone_count && len < size; i++)
		if (conf->zones[i].meter == meter)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "," : "", conf->zones[i].k.id);
	return out;
}

static void tell_people(struct app *app, int meter, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct sensed *m = &app->sense->meters[meter];
	char zones[200];
	const struct meter_place place = {
		.id = conf->meters[meter].k.id,
		.address = conf->meters[meter].k.address,
		.zones = zones_of(conf, meter, zones, sizeof(zones)),
	};

	meter_alert_look(&m->alert, m->state, &place, m->answered_at, now);
}

/* Values age without anything coming. */
static void on_look(void *ctx)
{
	struct app *app = ctx;
	struct sense *s = app->sense;
	mono_t now = loop_now(app->loop);

	for (size_t i = 0; i < s->count && i < app->hall.site->conf->meter_count; i++)
		if (s->meters[i].state)
			tell_people(app, (int)i, now);
	loop_timer_at(s->look, now + LOOK_US);
}

static void tell_balance(struct app *app, int meter, const struct meter_currents *c)
{
	const struct site_conf *conf = app->hall.site->conf;
	const struct bal_sample sample = {
		.current = c->current,
		.voltage_mv = c->voltage_mv,
		.at = c->at,
		.good = c->good,
	};

	for (size_t i = 0; app->balanced && i < conf->zone_count; i++)
		if (conf->zones[i].meter == meter)
			balance_meter(app->hall.balance, (int)i, &sample);
}

static int64_t view_value(const struct meter_state *s, enum meter_var var, mono_t now)
{
	return meter_quality_told(s, var, now) == METER_Q_GOOD ? meter_value(s, var)->v : NUM_NONE;
}

/* Of all phases: those are read with every poll, a total often is not. */
static int64_t power_w(const struct meter_state *s, const struct phase_ma *current, mono_t now)
{
	int64_t sum = 0;

	if (!meter_has_currents(s))
		return view_value(s, METER_power_total, now);
	for (int k = 0; k < PHASES; k++) {
		int64_t w = view_value(s, (enum meter_var)(METER_power_l1 + k), now);

		if (current->l[k] == NUM_NONE)
			continue;
		if (w == NUM_NONE)
			return view_value(s, METER_power_total, now);
		sum += w;
	}
	return sum;
}

static int64_t mean(const struct phase_ma *p)
{
	int64_t sum = 0, n = 0;

	for (int k = 0; k < PHASES; k++)
		if (p->l[k] != NUM_NONE && ++n)
			sum += p->l[k];
	return n ? sum / n : NUM_NONE;
}

/* Zones that follow the sun by this meter. */
static void tell_sun(struct app *app, int meter, const struct meter_currents *c, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;
	const struct bal_pv_sample sample = {
		.power_w = power_w(app->sense->meters[meter].state, &c->current, now),
		.current = c->current,
		.voltage_mv = mean(&c->voltage_mv),
		.at = c->at,
		.good = c->good,
	};

	for (size_t i = 0; app->balanced && i < conf->zone_count; i++) {
		const struct zone_conf *z = &conf->zones[i];

		if (sun_shares(z) && z->pv_grid == meter)
			balance_pv(app->hall.balance, (int)i, BAL_PV_GRID, &sample);
		if ((sun_shares(z) || sun_boosts(z)) && z->pv_sun == meter)
			balance_pv(app->hall.balance, (int)i, BAL_PV_PRODUCTION, &sample);
	}
}

/* The connector that has this meter for itself. What is late or doubtful is no draw: the balance then
 * counts with all that it may have. */
static void tell_connector(struct app *app, int meter, const struct meter_currents *c, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;
	const struct ctl_meter_keys *k = &conf->meters[meter].k;
	int64_t stale_us = k->stale_after_ms == NUM_NONE ? STALE_US : k->stale_after_ms * US_PER_MS;

	for (size_t i = 0; i < app->slot_count; i++) {
		struct connector *conn = app->slots[i];
		const struct connector_conf *cc = site_connector_conf(app->hall.site, conn);

		if (cc == NULL || cc->meter != meter)
			continue;
		if (c->good)
			connector_keep_draw(app->hall.site, conn, &c->current,
					    power_w(app->sense->meters[meter].state, &c->current, now), now,
					    now + stale_us);
		else if (now >= conn->draw_until)
			connector_forget_draw(app->hall.site, conn);
		return;
	}
}

/* What cars behind a meter whose currents are all zero say that they draw. Stations report means of
 * 10 s, and a car that has just ended is no contradiction. */
static int64_t cars_behind(const struct app *app, int meter, const struct meter_state *state)
{
	const struct site_conf *conf = app->hall.site->conf;
	int64_t most = 0;

	if (meter_zero_since(state) == MONO_NEVER || !app->balanced)
		return 0;
	for (size_t i = 0; i < conf->zone_count; i++) {
		int64_t ma;

		if (conf->zones[i].meter != meter)
			continue;
		ma = balance_drawn_since(app->hall.balance, (int)i, meter_zero_since(state) + REPORT_MEAN_US);
		most = ma > most ? ma : most;
	}
	return most;
}

/* Without phase currents its total power is all that the sun is followed by. */
static void tell_power(struct app *app, int meter, mono_t now)
{
	const struct meter_state *m = app->sense->meters[meter].state;
	const struct phase_ma none = { { NUM_NONE, NUM_NONE, NUM_NONE } };
	const struct meter_currents c = {
		.current = none, .voltage_mv = none, .at = meter_value(m, METER_power_total)->at,
		.good = meter_quality(m, METER_power_total, now) == METER_Q_GOOD,
	};

	tell_sun(app, meter, &c, now);
}

void sense_reading(struct app *app, int meter, struct meter_reading *r, mono_t now)
{
	struct sensed *m = &app->sense->meters[meter];
	struct meter_currents currents;

	r->cars_ma = cars_behind(app, meter, m->state);
	if (meter_take(m->state, r)) {
		meter_sample_currents(m->state, now, &currents);
		tell_balance(app, meter, &currents);
		tell_sun(app, meter, &currents, now);
	} else if (r->err == 0 && !meter_has_currents(m->state)) {
		tell_power(app, meter, now);
	}
	meter_sample_currents(m->state, now, &currents);
	tell_connector(app, meter, &currents, now);
	if (r->err == 0)
		m->answered_at = r->at;
	tell_people(app, meter, now);
}

void sense_sample(struct app *app, const struct bus_sample *sample, mono_t now)
{
	int i = site_conf_meter(app->hall.site->conf, sample->meter_id);
	struct meter_reading r;

	if (ways_sample(app, sample, now))
		return;
	if (i < 0 || (size_t)i >= app->sense->count || app->sense->meters[i].state == NULL)	/* of a configuration that is gone */
		return;
	bus_sample_reading(sample, &r);
	bus_alerts_look(&app->sense->bus_alerts, app->sense->meters[i].bus, sample->bus_down ? sample->text : NULL, now);
	sense_reading(app, i, &r, now);
}

/* ---- what people see ---------------------------------------------------------------------------- */

static void view_values(struct sensed *m, mono_t now)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_array(&w);
	for (int v = 0; v < METER_VAR_COUNT; v++) {
		const struct meter_value *value = meter_value(m->state, (enum meter_var)v);
		const struct meter_var_info *info = meter_var_info((enum meter_var)v);
		const struct meter_dim_info *dim = meter_dim_info(info->dim);
		enum meter_quality q = meter_quality_told(m->state, (enum meter_var)v, now);
		int64_t scale = 1;
		char time[RFC3339_MAX];

		if (q == METER_Q_NONE)
			continue;
		for (int k = 0; k < dim->decimals; k++)
			scale *= 10;
		jw_object(&w);
		jw_kstr(&w, "name", info->name);
		jw_key(&w, "value");
		if (q == METER_Q_GOOD || q == METER_Q_STALE)
			jw_fixed(&w, value->v, scale);
		else
			jw_null(&w);
		jw_kstr(&w, "unit", dim->unit);
		if (q == METER_Q_GOOD && info->dim == METER_DIM_STATE && meter_state_word((enum meter_var)v, value->v))
			jw_kstr(&w, "word", meter_state_word((enum meter_var)v, value->v));
		jw_kstr(&w, "time", value->wall == WALL_NONE ? NULL : rfc3339_format(value->wall, time));
		jw_kstr(&w, "quality", meter_quality_name(q));
		jw_object_end(&w);
	}
	jw_array_end(&w);
	free(m->values_json);
	m->values_json = buf_take(&b, NULL);
}

const struct meter_state *sense_state(const struct app *app, size_t meter)
{
	return meter < app->sense->count ? app->sense->meters[meter].state : NULL;
}

void sense_views(struct app *app, mono_t now)
{
	struct site *site = app->hall.site;

	for (size_t i = 0; i < app->sense->count; i++) {
		struct sensed *m = &app->sense->meters[i];
		struct meter_view *v = &site->meter_views[i];
		struct meter_currents c;

		memset(v, 0, sizeof(*v));
		v->good_at = INT64_MIN;
		v->good_wall = WALL_NONE;
		v->latency_ms = v->power_w = v->import_wh = v->export_wh = v->soc_permille = NUM_NONE;
		v->current = v->voltage_mv = (struct phase_ma){ { NUM_NONE, NUM_NONE, NUM_NONE } };
		if (m->state == NULL) {
			snprintf(v->state, sizeof(v->state), "unknown");
			snprintf(v->error, sizeof(v->error), "%.199s", m->complaint);
			continue;
		}
		snprintf(v->state, sizeof(v->state), "%s", meter_status_name(meter_status(m->state, now)));
		meter_fault_text(m->state, v->error, sizeof(v->error));
		v->good_at = meter_good_at(m->state);
		v->good_wall = meter_good_wall(m->state);
		if (meter_latency_us(m->state) != NUM_NONE)
			v->latency_ms = meter_latency_us(m->state) / US_PER_MS;
		meter_sample_currents(m->state, now, &c);
		if (c.good) {
			v->current = c.current;
			v->voltage_mv = c.voltage_mv;
		}
		v->power_w = view_value(m->state, METER_power_total, now);
		v->import_wh = view_value(m->state, METER_energy_import_total, now);
		v->export_wh = view_value(m->state, METER_energy_export_total, now);
		v->soc_permille = view_value(m->state, METER_soc, now);
		view_values(m, now);
		v->values_json = m->values_json;
	}
}
