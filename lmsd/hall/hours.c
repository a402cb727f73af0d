/* hall/hours.c - the balance counts up; an hour is the difference since it began, and what was before a restart. */
#include "hall/hours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define WRITE_US    (300 * US_PER_S)
#define KEEP_US     (400 * 24 * HOUR_US)
#define MAMS_PER_WH (INT64_C(3600000000) / 230)
#define PRUNE_ROWS  500

struct hour_zone {
	UT_hash_handle hh;
	char id[ID_MAX + 1];
	struct bal_shortage begin;		/* the balance's count when the hour began */
	int64_t carried_ms, carried_wh;		/* of this hour, before lmsd began again */
	int64_t written_ms;
};

struct hours {
	struct hour_zone *zones;		/* hash by id */
	wall_t hour;
	mono_t due;
	bool pruning;
};

/* ---- one zone ------------------------------------------------------------------------------------------ */

void hours_key(wall_t hour, const char *zone, char out[HOUR_KEY_MAX])
{
	struct civil c;

	civil_from_wall(hour, 0, &c);
	snprintf(out, HOUR_KEY_MAX, "%04d-%02d-%02dT%02d%s%s", c.year, c.month, c.day, c.hour, zone ? "/" : "",
		 zone ? zone : "");
}

static struct hour_zone *zone_of(struct hours *h, const char *id)
{
	struct hour_zone *z;

	HASH_FIND_STR(h->zones, id, z);
	if (z != NULL)
		return z;
	z = xcalloc(1, sizeof(*z));
	snprintf(z->id, sizeof(z->id), "%s", id);
	HASH_ADD_STR(h->zones, id, z);
	return z;
}

/* What the balance has counted of a zone; one that it does not know yet has nothing. */
static struct bal_shortage counted(const struct app *app, size_t zone, mono_t now)
{
	struct bal_shortage s = { 0 };

	if (app->balanced)
		balance_shortage(app->hall.balance, (int)zone, now, &s);
	return s;
}

bool hours_running(struct app *app, size_t zone, mono_t now, struct ctl_report *out)
{
	const struct site_conf *conf = app->hall.site->conf;
	struct bal_shortage s;
	struct hour_zone *z;

	if (zone >= conf->zone_count)
		return false;
	s = counted(app, zone, now);
	z = zone_of(app->hours, conf->zones[zone].k.id);
	if (s.held_ms < z->begin.held_ms || s.missing_mams < z->begin.missing_mams)
		z->begin = (struct bal_shortage){ 0 };	/* a zone of that name was deleted meanwhile */
	*out = (struct ctl_report){
		.hour = app->hours->hour, .zone = conf->zones[zone].k.id,
		.held_ms = z->carried_ms + s.held_ms - z->begin.held_ms,
		.missing_wh = z->carried_wh + (s.missing_mams - z->begin.missing_mams) / MAMS_PER_WH,
	};
	return true;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

typedef void (*put_fn)(void *ctx, const char *key, const char *json, size_t len);

static void write_zone(const struct ctl_report *r, put_fn put, void *ctx)
{
	char key[HOUR_KEY_MAX];
	struct json_writer w;
	struct buf b;

	hours_key(r->hour, r->zone, key);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "hour", r->hour);
	jw_kstr(&w, "zone", r->zone);
	jw_kint(&w, "held_ms", r->held_ms);
	jw_kint(&w, "missing_wh", r->missing_wh);
	jw_object_end(&w);
	put(ctx, key, b.data, b.len);
	buf_fini(&b);
}

static void write_all(struct app *app, mono_t now, put_fn put, void *ctx)
{
	struct ctl_report r;

	for (size_t i = 0; hours_running(app, i, now, &r); i++) {
		struct hour_zone *z = zone_of(app->hours, r.zone);

		if (r.held_ms < HOUR_LEAST_MS || r.held_ms <= z->written_ms)
			continue;
		write_zone(&r, put, ctx);
		z->written_ms = r.held_ms;
	}
}

static void put_effect(void *ctx, const char *key, const char *json, size_t len)
{
	fx_put(&((struct app *)ctx)->fx, STORE_BOTTLENECK, key, json, len);
}

static void put_batch(void *ctx, const char *key, const char *json, size_t len)
{
	store_batch_put(ctx, STORE_BOTTLENECK, key, json, len);
}

/* ---- old ones ---------------------------------------------------------------------------------------------- */

static void on_oldest(void *ctx, const struct store_page *page)
{
	struct app *app = ctx;
	char limit[HOUR_KEY_MAX];

	if (app->hours == NULL)
		return;
	app->hours->pruning = false;
	hours_key(app->hours->hour - KEEP_US, NULL, limit);
	for (size_t i = 0; i < page->count && strcmp(page->keys[i], limit) < 0; i++) {
		fx_del(&app->fx, STORE_BOTTLENECK, page->keys[i]);
		app->turn_open = true;
	}
}

static void prune(struct app *app)
{
	if (app->hours->pruning)
		return;
	app->hours->pruning = true;
	store_read_page(app->store, STORE_BOTTLENECK, NULL, false, PRUNE_ROWS, on_oldest, app);
}

/* ---- hours ----------------------------------------------------------------------------------------------------- */

static wall_t hour_of(wall_t wall)
{
	return wall - wall % HOUR_US;
}

static void begin_hour(struct app *app, mono_t now, wall_t hour)
{
	const struct site_conf *conf = app->hall.site->conf;

	app->hours->hour = hour;
	for (size_t i = 0; i < conf->zone_count; i++) {
		struct hour_zone *z = zone_of(app->hours, conf->zones[i].k.id);

		z->begin = counted(app, i, now);
		z->carried_ms = z->carried_wh = z->written_ms = 0;
	}
	prune(app);
}

/* A clock that goes back a little does not make an hour begin twice. */
static bool is_over(wall_t hour, wall_t wall)
{
	return wall >= hour + HOUR_US || wall < hour - HOUR_US;
}

void hours_turn(struct app *app, mono_t now, wall_t wall)
{
	struct hours *h = app->hours;
	wall_t left;

	if (now < h->due)
		return;
	write_all(app, now, put_effect, app);
	if (is_over(h->hour, wall))
		begin_hour(app, now, hour_of(wall));
	left = h->hour + HOUR_US - wall;
	h->due = now + (left > 0 && left < WRITE_US ? left : WRITE_US);
}

mono_t hours_due(const struct app *app)
{
	return app->hours->due;
}

static int load_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct hours *h = ((struct app *)ctx)->hours;
	char from[HOUR_KEY_MAX];
	struct hour_zone *z;
	const struct json *rec;
	struct arena arena;

	hours_key(h->hour, NULL, from);
	if (strcmp(key, from) < 0)
		return 1;	/* of an hour before */
	if (strncmp(key, from, strlen(from)) != 0)
		return 0;	/* the clock was wrong then */
	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, NULL);
	z = zone_of(h, json_str(json_get(rec, "zone"), ""));
	if (json_int(json_get(rec, "held_ms"), &z->carried_ms) != 0 || z->carried_ms < 0)
		z->carried_ms = 0;
	if (json_int(json_get(rec, "missing_wh"), &z->carried_wh) != 0 || z->carried_wh < 0)
		z->carried_wh = 0;
	z->written_ms = z->carried_ms;
	arena_fini(&arena);
	return 0;
}

void hours_open(struct app *app, wall_t wall)
{
	app->hours = xcalloc(1, sizeof(*app->hours));
	app->hours->hour = hour_of(wall);
	store_load_backwards(app->store, STORE_BOTTLENECK, load_row, app, NULL);
}

void hours_close(struct app *app, mono_t now)
{
	struct store_batch *batch;
	struct hour_zone *z, *tmp;

	if (app->hours == NULL)
		return;
	batch = store_batch_new();
	write_all(app, now, put_batch, batch);
	store_submit(app->store, batch);
	HASH_ITER(hh, app->hours->zones, z, tmp) {
		HASH_DEL(app->hours->zones, z);
		free(z);
	}
	free(app->hours);
	app->hours = NULL;
}
