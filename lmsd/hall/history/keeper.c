/* hall/history/keeper.c - each meter and zone every history.step, each connector every minute; a commit a minute.
 *
 * Moments are whole multiples of the step since 1970, so that those of all meters are the same. They follow the wall
 * clock wherever it goes; the archive keeps both of what is told twice.
 */
#include "hall/history/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "meter/meter.h"
#include "site/outer/sun.h"

#define COMMIT_US (60 * US_PER_S)
#define DAY_S	  INT64_C(86400)
#define MIB	  ((int64_t)1 << 20)
#define KEEP_FREE (128 * MIB)	/* what the ledger may still need */
#define RETRY_S	  60
#define ROW_MAX	  64

_Static_assert(HISTORY_VAR_COUNT <= ROW_MAX, "a row holds each variable");

/* When the readings were taken that have been handed on. */
struct kept {
	UT_hash_handle hh;
	char name[ID_MAX + 12];
	uint64_t generation;		/* of the configuration that named it last */
	mono_t at[METER_VAR_COUNT], drew_at;
};

struct keeper {
	struct archive *archive;
	struct kept *kept;		/* hash by name */
	int64_t step_s, moment_s, minute_s;
	uint64_t generation;
	mono_t due, commit_due;
};

struct row {
	struct history_sample s[ROW_MAX];
	size_t n;
};

static void add(struct row *row, unsigned var, int64_t v, enum history_quality quality)
{
	if (v == NUM_NONE && quality == HISTORY_GOOD)
		return;
	row->s[row->n++] = (struct history_sample){ .v = v, .var = (uint8_t)var, .quality = (uint8_t)quality };
}

static struct kept *kept_of(struct keeper *k, char kind, const char *id)
{
	char name[sizeof(((struct kept *)0)->name)];
	struct kept *e;

	snprintf(name, sizeof(name), "%c/%s", kind, id);
	HASH_FIND_STR(k->kept, name, e);
	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		strcpy(e->name, name);
		for (int i = 0; i < METER_VAR_COUNT; i++)
			e->at[i] = INT64_MIN;
		e->drew_at = INT64_MIN;
		HASH_ADD_STR(k->kept, name, e);
	}
	e->generation = k->generation;
	return e;
}

static void forget(struct keeper *k, bool all)
{
	struct kept *e, *tmp;

	HASH_ITER(hh, k->kept, e, tmp) {
		if (!all && e->generation == k->generation)
			continue;
		HASH_DEL(k->kept, e);
		free(e);
	}
}

/* ---- meters ---- */

/* Currents and powers of a meter that contradicts itself are readings all the same, and marked. */
static bool doubted(const struct meter_state *m, enum meter_var var)
{
	enum meter_dim dim = meter_var_info(var)->dim;

	return (dim == METER_DIM_CURRENT || dim == METER_DIM_POWER) && (meter_faults(m) & METER_FAULTS_OF_CURRENT);
}

static void add_reading(struct row *row, const struct meter_state *m, enum meter_var var)
{
	const struct meter_value *v = meter_value(m, var);

	switch (v->quality) {
	case METER_Q_GOOD:
		add(row, var, v->v, doubted(m, var) ? HISTORY_DOUBTFUL : HISTORY_GOOD);
		break;
	case METER_Q_SUSPECT:
		add(row, var, v->v, HISTORY_DOUBTFUL);
		break;
	case METER_Q_RANGE:
	case METER_Q_INVALID:
	case METER_Q_NAN:
		add(row, var, NUM_NONE, HISTORY_REFUSED);
		break;
	case METER_Q_ERROR:
	case METER_Q_STALE:
		add(row, var, NUM_NONE, HISTORY_SILENT);
		break;
	case METER_Q_NONE:
		break;
	}
}

static void keep_meter(struct app *app, size_t i, mono_t now)
{
	const struct meter_state *m = sense_state(app, i);
	const char *id = app->hall.site->conf->meters[i].k.id;
	struct keeper *k = app->keeper;
	struct kept *e = kept_of(k, 'm', id);
	struct row row = { .n = 0 };

	for (int var = 0; m != NULL && var < METER_VAR_COUNT; var++) {
		const struct meter_value *v = meter_value(m, (enum meter_var)var);

		if (v->quality == METER_Q_NONE)
			continue;
		if (v->at > e->at[var]) {
			e->at[var] = v->at;
			add_reading(&row, m, (enum meter_var)var);
		} else if (meter_quality(m, (enum meter_var)var, now) != METER_Q_GOOD) {
			add(&row, (unsigned)var, NUM_NONE, HISTORY_SILENT);
		}
	}
	archive_put(k->archive, HISTORY_METER, id, k->moment_s, (unsigned)k->step_s, row.s, row.n);
}

/* ---- zones ---- */

/* Of the cars below a zone; a sum that lacks one car is none. */
struct cars {
	struct phase_ma current;
	int64_t power_w;
	bool any, current_lacks, power_lacks;
};

static void add_car(struct cars *cars, const struct connector *c, mono_t now)
{
	bool fresh = c->draw_at != 0 && now < c->draw_until;

	cars->any = true;
	if (c->tx == NULL && !fresh)
		return;
	for (int p = 0; p < PHASES; p++)
		if (fresh && c->draw.l[p] != NUM_NONE)
			cars->current.l[p] += c->draw.l[p];
	cars->current_lacks = cars->current_lacks || !fresh ||
			      (c->draw.l[0] == NUM_NONE && c->draw.l[1] == NUM_NONE && c->draw.l[2] == NUM_NONE);
	if (fresh && c->power_w != NUM_NONE)
		cars->power_w += c->power_w;
	else
		cars->power_lacks = true;
}

static void count_cars(const struct app *app, struct cars *zones, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;

	for (size_t i = 0; i < app->slot_count; i++) {
		const struct station_conf *st = site_station_conf(app->hall.site, app->slots[i]->station);

		for (int z = st ? st->zone : -1; z >= 0; z = conf->zones[z].parent)
			add_car(&zones[z], app->slots[i], now);
	}
}

/* Of all phases: those are read with every poll, a total often is not. */
static int64_t sum_of_phases(const struct meter_state *m)
{
	const struct meter_value *total = meter_value(m, METER_power_total);
	int64_t sum = 0;

	for (unsigned p = 0; p < PHASES; p++) {
		const struct meter_value *v = meter_value(m, (enum meter_var)(METER_power_l1 + p));

		if (meter_value(m, (enum meter_var)(METER_current_l1 + p))->quality == METER_Q_NONE)
			continue;
		if (v->quality != METER_Q_GOOD)
			return total->quality == METER_Q_GOOD ? total->v : NUM_NONE;
		sum += v->v;
	}
	return sum;
}

/* What the meter of a zone says of its currents; of what the balance does not believe, that it is not believed. */
static void add_measured(struct row *row, struct kept *e, const struct meter_state *m, mono_t now)
{
	bool good = false;

	for (unsigned p = 0; p < PHASES; p++) {
		enum meter_var var = (enum meter_var)(METER_current_l1 + p);
		const struct meter_value *v = meter_value(m, var);

		if (v->quality == METER_Q_NONE)
			continue;
		if (v->at <= e->at[var]) {
			if (meter_quality(m, var, now) != METER_Q_GOOD)
				add(row, var, NUM_NONE, HISTORY_SILENT);
			continue;
		}
		e->at[var] = v->at;
		good = v->quality == METER_Q_GOOD && !doubted(m, var);
		add(row, var, good ? v->v : NUM_NONE, good ? HISTORY_GOOD : HISTORY_REFUSED);
	}
	if (good)
		add(row, METER_power_total, sum_of_phases(m), HISTORY_GOOD);
}

static void add_cars(struct row *row, const struct cars *cars, bool is_load)
{
	for (int p = 0; p < PHASES && cars->any && !cars->current_lacks; p++) {
		add(row, HISTORY_ev_current_l1 + (unsigned)p, cars->current.l[p], HISTORY_GOOD);
		if (is_load)
			add(row, METER_current_l1 + (unsigned)p, cars->current.l[p], HISTORY_GOOD);
	}
	if (!cars->any || cars->power_lacks)
		return;
	add(row, HISTORY_ev_power, cars->power_w, HISTORY_GOOD);
	if (is_load)
		add(row, METER_power_total, cars->power_w, HISTORY_GOOD);
}

static void add_sun(struct row *row, const struct app *app, size_t zone)
{
	struct bal_pv_view v;

	balance_pv_view(app->hall.balance, (int)zone, &v);
	if (v.state != BAL_PV_OK && v.state != BAL_PV_PROBES)
		return;
	add(row, HISTORY_pv_production, v.production_w, HISTORY_GOOD);
	add(row, HISTORY_pv_surplus, v.surplus_w, HISTORY_GOOD);
	add(row, HISTORY_pv_budget, v.budget_w, HISTORY_GOOD);
}

static void keep_zones(struct app *app, mono_t now)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct keeper *k = app->keeper;
	struct bal_zone_view *views;
	struct arena arena;
	struct cars *cars;

	if (!app->balanced || conf->zone_count == 0)
		return;
	arena_init(&arena);
	views = arena_array(&arena, balance_zone_count(app->hall.balance) + 1, sizeof(*views));
	cars = arena_array(&arena, conf->zone_count, sizeof(*cars));
	memset(cars, 0, conf->zone_count * sizeof(*cars));
	balance_zone_views(app->hall.balance, &arena, views);
	count_cars(app, cars, now);
	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct zone_conf *z = &conf->zones[i];
		const struct meter_state *m = z->meter >= 0 ? sense_state(app, (size_t)z->meter) : NULL;
		struct kept *e = kept_of(k, 'z', z->k.id);
		struct row row = { .n = 0 };

		if (m != NULL)
			add_measured(&row, e, m, now);
		add_cars(&row, &cars[i], z->meter < 0);
		for (int p = 0; p < PHASES; p++)
			add(&row, HISTORY_limit_l1 + (unsigned)p, views[i].cap.l[p], HISTORY_GOOD);
		if (sun_shares(z) || sun_boosts(z))
			add_sun(&row, app, i);
		archive_put(k->archive, HISTORY_ZONE, z->k.id, k->moment_s, (unsigned)k->step_s, row.s, row.n);
	}
	arena_fini(&arena);
}

/* ---- connectors ---- */

static void keep_connector(struct app *app, const struct connector *c, mono_t now)
{
	struct keeper *k = app->keeper;
	struct bal_conn_view v;
	struct row row = { .n = 0 };
	char id[ARCHIVE_ID_MAX];
	struct kept *e;

	snprintf(id, sizeof(id), "%s/%d", c->station->id, c->number);
	e = kept_of(k, 'c', id);
	if (c->draw_at != 0 && c->draw_at > e->drew_at && now < c->draw_until) {
		e->drew_at = c->draw_at;
		for (int p = 0; p < PHASES; p++)
			add(&row, METER_current_l1 + (unsigned)p, c->draw.l[p],
			    c->draw.l[p] == NUM_NONE && c->draw_nonsense ? HISTORY_REFUSED : HISTORY_GOOD);
		add(&row, METER_power_total, c->power_w, HISTORY_GOOD);
	}
	balance_conn_view(app->hall.balance, c->slot, &v);
	add(&row, HISTORY_limit, v.limit_ma, HISTORY_GOOD);
	archive_put(k->archive, HISTORY_CONNECTOR, id, k->minute_s, KEEPER_CONNECTOR_STEP_S, row.s, row.n);
}

static void keep_connectors(struct app *app, mono_t now)
{
	for (size_t i = 0; app->balanced && i < app->slot_count; i++)
		keep_connector(app, app->slots[i], now);
}

/* ---- moments ---- */

static int64_t moment_of(wall_t wall, int64_t step_s)
{
	return wall / US_PER_S / step_s * step_s;
}

static void keep(struct app *app, mono_t now, wall_t wall)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct keeper *k = app->keeper;
	int64_t moment_s = moment_of(wall, k->step_s), minute_s = moment_of(wall, KEEPER_CONNECTOR_STEP_S);

	if (moment_s == k->moment_s)
		return;		/* the clock was set back a little, or its second is a little longer than ours */
	k->moment_s = moment_s;
	k->generation = conf->generation;
	for (size_t i = 0; i < conf->meter_count; i++)
		keep_meter(app, i, now);
	keep_zones(app, now);
	if (minute_s == k->minute_s)
		return;
	k->minute_s = minute_s;
	keep_connectors(app, now);
	forget(k, false);
}

void keeper_turn(struct app *app, mono_t now, wall_t wall)
{
	struct keeper *k = app->keeper;

	if (k->step_s > 0 && now >= k->due) {
		keep(app, now, wall);
		k->due = now + k->step_s * US_PER_S - wall % (k->step_s * US_PER_S);
	}
	if (now >= k->commit_due) {
		archive_commit(k->archive);
		k->commit_due = now + COMMIT_US;
	}
}

mono_t keeper_due(const struct app *app)
{
	const struct keeper *k = app->keeper;

	return k->due < k->commit_due ? k->due : k->commit_due;
}

struct archive *keeper_archive(const struct app *app)
{
	return app->keeper->archive;
}

const char *keeper_state(const struct app *app)
{
	struct archive_figures f;

	archive_figures(app->keeper->archive, &f);
	return f.why[0] ? "failed" : app->keeper->step_s == 0 ? "off" : "ok";
}

/* ---- life ---- */

void keeper_open(struct app *app, mono_t now, wall_t wall)
{
	const struct boot_conf *b = &app->boot;
	const struct archive_conf conf = {
		.state_directory = b->state_directory, .max_bytes = b->history_max * MIB,
		.keep_s = { b->history_raw * DAY_S, b->history_minute * DAY_S, b->history_quarter * DAY_S },
		.keep_free = KEEP_FREE, .retry_s = RETRY_S,
	};
	struct keeper *k = xcalloc(1, sizeof(*k));

	app->keeper = k;
	k->archive = archive_open(app->loop, &conf);
	k->step_s = b->history_step;
	k->commit_due = now + COMMIT_US;
	k->due = MONO_NEVER;
	if (k->step_s == 0)
		return;
	/* What is read in the rest of this step is of its end. */
	k->moment_s = moment_of(wall, k->step_s);
	k->minute_s = moment_of(wall, KEEPER_CONNECTOR_STEP_S);
	k->due = now + k->step_s * US_PER_S - wall % (k->step_s * US_PER_S);
}

void keeper_close(struct app *app)
{
	struct keeper *k = app->keeper;

	if (k == NULL)
		return;
	archive_close(k->archive);
	forget(k, true);
	free(k);
	app->keeper = NULL;
}
