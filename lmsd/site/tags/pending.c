/* site/tags/pending.c - tags that were shown: unknown ones wait to be accepted, and learners see each. */
#include "site/tags/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/access.h"

#define STORE_EVERY_US (60 * US_PER_S)

struct shown {
	struct pending_tag *pending;	/* hash */
	struct shown_tag ring[SHOWN_KEPT];	/* seq at seq modulo their number */
	int64_t last;
	struct { char station[ID_MAX + 1]; mono_t until; } learners[LEARNERS_MAX];
};

static struct shown *shown_of(struct site *s)
{
	if (!s->shown)
		s->shown = xcalloc(1, sizeof(*s->shown));
	return s->shown;
}

/* ---- unknown ones ---- */

static void drop(struct site *s, struct pending_tag *p, struct effects *fx)
{
	HASH_DELETE(hh, s->shown->pending, p);
	if (fx)
		fx_del(fx, STORE_PENDING_TAG, p->uid);
	free(p);
}

static void drop_oldest(struct site *s, struct effects *fx)
{
	struct pending_tag *oldest = s->shown->pending;

	for (struct pending_tag *p = oldest; p; p = p->hh.next)
		if (p->last < oldest->last)
			oldest = p;
	drop(s, oldest, fx);
}

static void store(const struct pending_tag *p, struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "count", p->count);
	jw_kstr(&w, "station", p->station);
	jw_kint(&w, "connector", p->connector);
	jw_kint(&w, "first", p->first);
	jw_kint(&w, "last", p->last);
	jw_object_end(&w);
	fx_put(fx, STORE_PENDING_TAG, p->uid, b.data, b.len);
	buf_fini(&b);
}

static struct pending_tag *pending_get(struct site *s, const char *uid, struct effects *fx)
{
	struct pending_tag *p = (struct pending_tag *)(uintptr_t)pending_find(s, uid);

	if (p)
		return p;
	if (HASH_COUNT(shown_of(s)->pending) >= PENDING_TAGS_MAX)
		drop_oldest(s, fx);
	p = xcalloc(1, sizeof(*p));
	snprintf(p->uid, sizeof(p->uid), "%s", uid);
	p->first = p->last = p->stored = WALL_NONE;
	HASH_ADD_KEYPTR(hh, s->shown->pending, p->uid, strlen(p->uid), p);
	return p;
}

static void collect_unknown(struct site *s, const char *uid, const char *station, int connector, wall_t wall,
			    struct effects *fx)
{
	struct pending_tag *p = pending_get(s, uid, fx);

	p->count++;
	if (p->first == WALL_NONE)
		p->first = wall;
	p->last = wall;
	snprintf(p->station, sizeof(p->station), "%s", station ? station : "");
	p->connector = connector;
	if (p->stored != WALL_NONE && wall >= p->stored && wall - p->stored < STORE_EVERY_US)
		return;
	p->stored = wall;
	store(p, fx);
}

const struct pending_tag *pending_find(const struct site *s, const char *uid)
{
	struct pending_tag *p = NULL;

	if (s->shown)
		HASH_FIND(hh, s->shown->pending, uid, strlen(uid), p);
	return p;
}

void pending_forget(struct site *s, const char *uid, struct effects *fx)
{
	struct pending_tag *p = (struct pending_tag *)(uintptr_t)pending_find(s, uid);

	if (p)
		drop(s, p, fx);
}

const struct pending_tag *pending_first(const struct site *s)
{
	return s->shown ? s->shown->pending : NULL;
}

static int64_t read_int(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? dflt : v;
}

int pending_load(struct site *s, const char *uid, const char *json, size_t len, struct diag *diag)
{
	struct pending_tag *p;
	struct arena arena;
	const struct json *obj;

	if (strlen(uid) > ID_MAX || HASH_COUNT(shown_of(s)->pending) >= PENDING_TAGS_MAX || site_tag(s, uid))
		return 0;
	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	if (obj) {
		p = pending_get(s, uid, NULL);
		p->count = read_int(obj, "count", 1);
		p->connector = (int)(read_int(obj, "connector", 0) & 0xff);
		p->first = read_int(obj, "first", WALL_NONE);
		p->last = p->stored = read_int(obj, "last", WALL_NONE);
		snprintf(p->station, sizeof(p->station), "%s", json_str(json_get(obj, "station"), ""));
	}
	arena_fini(&arena);
	return obj ? 0 : -LMS_EPARSE;
}

void pending_free(struct site *s)
{
	while (s->shown && s->shown->pending)
		drop(s, s->shown->pending, NULL);
	free(s->shown);
	s->shown = NULL;
}

/* ---- learning ---- */

static bool somebody_learns(const struct site *s, const char *station, mono_t now)
{
	for (size_t i = 0; s->shown && i < LEARNERS_MAX; i++)
		if (now < s->shown->learners[i].until &&
		    (!*s->shown->learners[i].station || (station && strcmp(s->shown->learners[i].station, station) == 0)))
			return true;
	return false;
}

int tag_learn(struct site *s, const char *station, mono_t now)
{
	struct shown *sh = shown_of(s);
	size_t slot = LEARNERS_MAX;

	for (size_t i = 0; i < LEARNERS_MAX; i++) {
		if (strcmp(sh->learners[i].station, station) == 0 && sh->learners[i].until != 0) {
			slot = i;
			break;
		}
		if (slot == LEARNERS_MAX && now >= sh->learners[i].until)
			slot = i;
	}
	if (slot == LEARNERS_MAX)
		return -LMS_ECONFLICT;
	snprintf(sh->learners[slot].station, sizeof(sh->learners[slot].station), "%s", station);
	sh->learners[slot].until = now + LEARN_US;
	return 0;
}

static void keep_shown(struct site *s, const struct tag *t, const char *uid, const char *station, int connector, wall_t wall)
{
	struct shown *sh = shown_of(s);
	struct shown_tag *e = &sh->ring[++sh->last % SHOWN_KEPT];

	*e = (struct shown_tag){ .seq = sh->last, .time = wall, .connector = connector, .known = t != NULL };
	snprintf(e->uid, sizeof(e->uid), "%s", uid);
	snprintf(e->station, sizeof(e->station), "%s", station ? station : "");
	snprintf(e->holder, sizeof(e->holder), "%s", t && t->k.holder ? t->k.holder : "");
}

int64_t tag_shown_last(const struct site *s)
{
	return s->shown ? s->shown->last : 0;
}

const struct shown_tag *tag_shown_next(const struct site *s, int64_t after)
{
	int64_t last = tag_shown_last(s), oldest = last > SHOWN_KEPT ? last - SHOWN_KEPT + 1 : 1;
	int64_t seq = after < oldest ? oldest : after + 1;

	return seq > last ? NULL : &s->shown->ring[seq % SHOWN_KEPT];
}

static bool is_free(struct site *s, const char *station)
{
	const struct station *st = station ? site_station(s, station) : NULL;
	const char *free_tag;

	return st && access_is_free(s, st, &free_tag);
}

bool tag_shown(struct site *s, const char *uid, const char *station, int connector, mono_t now, wall_t wall,
	       struct effects *fx)
{
	bool learning = somebody_learns(s, station, now);
	char plain[ID_MAX + 1];
	const struct tag *t;

	if (!uid || tag_normalize(uid, plain))
		return false;
	t = site_tag(s, plain);
	if (!t && (learning || !is_free(s, station)))
		collect_unknown(s, plain, station, connector, wall, fx);
	if (learning)
		keep_shown(s, t, plain, station, connector, wall);
	return learning;
}
