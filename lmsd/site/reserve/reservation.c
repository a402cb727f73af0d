/* site/reserve/reservation.c - see reservation.h. */
#include "site/reserve/reservation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define UID_MAX 20	/* OCPP 1.6, 7.28: IdToken */
#define LONGEST_US (INT64_C(30) * 86400 * US_PER_S)

static const char state_names[] = "asked|held|cancelling";
static const char *const state_words[] = { "asked", "held", "cancelling" };

struct reservation *site_reservation(const struct site *s, int64_t id)
{
	struct reservation *r = s->reservations;

	while (r && r->id != id)
		r = r->next;
	return r;
}

struct reservation *site_reservation_next(const struct site *s, const struct reservation *after, const char *station)
{
	struct reservation *r = after ? after->next : s->reservations;

	while (r && strcmp(r->station, station) != 0)
		r = r->next;
	return r;
}

/* ---- records ---- */

static void key_of(const struct reservation *r, char key[16])
{
	snprintf(key, 16, "%010d", r->id);
}

static void reservation_store(const struct reservation *r, struct effects *fx)
{
	struct json_writer w;
	struct buf b;
	char key[16];

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "id", r->id);
	jw_kstr(&w, "station", r->station);
	jw_kint(&w, "connector", r->connector);
	jw_kstr(&w, "tag", r->tag);
	if (*r->group)
		jw_kstr(&w, "group", r->group);
	jw_kint(&w, "expires", r->expires);
	jw_kint(&w, "created", r->created);
	jw_kstr(&w, "state", state_words[r->state]);
	jw_object_end(&w);
	key_of(r, key);
	fx_put(fx, STORE_RESERVATION, key, b.data, b.len);
	buf_fini(&b);
}

static void insert(struct site *s, struct reservation *r)
{
	struct reservation **at = &s->reservations;

	while (*at && (*at)->id < r->id)
		at = &(*at)->next;
	r->next = *at;
	*at = r;
}

static int32_t next_id(struct site *s, struct effects *fx)
{
	char json[48];
	int len;

	lms_assert(s->next_reservation > 0 && s->next_reservation < INT32_MAX);
	len = snprintf(json, sizeof(json), "{\"next_id\":%d}", s->next_reservation + 1);
	fx_put(fx, STORE_META, "reservation", json, (size_t)len);
	return s->next_reservation++;
}

int site_reservation_new(struct site *s, const struct station *st, int connector, const struct tag *tag, wall_t expires,
			 wall_t wall, struct reservation **out, struct effects *fx, struct diag *diag)
{
	struct reservation *r;
	size_t count = 0;

	if (strlen(tag->k.uid) > UID_MAX)
		return diag_set(diag, -LMS_ERANGE, "tag %s: is longer than the %d characters that can be told to a station",
				tag->k.uid, UID_MAX);
	if (expires <= wall || expires - wall > LONGEST_US)
		return diag_set(diag, -LMS_ERANGE, "for: is out of range (write a time of at most 30 days such as 30m, 2h)");
	for (r = NULL; (r = site_reservation_next(s, r, st->id)) != NULL; count++)
		if (connector && r->connector == connector && r->state == RESERVATION_HELD)
			return diag_set(diag, -LMS_ECONFLICT, "connector %s/%d: is reserved already, for tag %s (reservation "
					"cancel %d ends that)", st->id, connector, r->tag, r->id);
	if (count >= RESERVATIONS_MAX)
		return diag_set(diag, -LMS_ECONFLICT, "station %s: has %d reservations already (reservation list "
				"station=%s)", st->id, RESERVATIONS_MAX, st->id);
	r = xcalloc(1, sizeof(*r));
	r->id = next_id(s, fx);
	snprintf(r->station, sizeof(r->station), "%s", st->id);
	r->connector = connector;
	snprintf(r->tag, sizeof(r->tag), "%s", tag->k.uid);
	snprintf(r->group, sizeof(r->group), "%s", tag->k.group ? tag->k.group : "");
	r->expires = expires / US_PER_S * US_PER_S;
	r->created = wall;
	insert(s, r);
	reservation_store(r, fx);
	*out = r;
	return 0;
}

void site_reservation_state(struct reservation *r, enum reservation_state state, struct effects *fx)
{
	if (r->state == state)
		return;
	r->state = state;
	reservation_store(r, fx);
}

void site_reservation_end(struct site *s, struct reservation *r, const char *why, struct effects *fx)
{
	struct reservation **at = &s->reservations;
	char key[16];

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	log_station(INFO, r->station, "reservation_ended", "reservation=%d connector=%d tag=%s why=%s", r->id, r->connector,
		    log_text(r->tag), why);
	key_of(r, key);
	fx_del(fx, STORE_RESERVATION, key);
	free(r);
}

void site_reservation_expire(struct site *s, wall_t wall, struct effects *fx)
{
	struct reservation *next;

	for (struct reservation *r = s->reservations; r; r = next) {
		next = r->next;
		if (r->expires <= wall)
			site_reservation_end(s, r, "expired", fx);
		/* A bench serves whoever comes. */
		else if (site_conf_station(s->conf, r->station) < 0 &&
			 (s->registration != REG_ACCEPT || !site_station(s, r->station)))
			site_reservation_end(s, r, "the station is not registered any more", fx);
	}
}

wall_t site_reservation_due(const struct site *s)
{
	wall_t due = WALL_NONE;

	for (const struct reservation *r = s->reservations; r; r = r->next)
		if (due == WALL_NONE || r->expires < due)
			due = r->expires;
	return due;
}

/* ---- whose it is ---- */

bool site_reservation_admits(struct site *s, const struct reservation *r, const char *uid)
{
	char key[ID_MAX + 1];
	const struct tag *t;

	if (!uid || strlen(uid) > ID_MAX || tag_normalize(uid, key) != 0)
		return false;
	if (strcmp(key, r->tag) == 0)
		return true;
	t = site_tag(s, key);
	return t && t->k.group && *r->group && strcmp(t->k.group, r->group) == 0;
}

/* Of those for this connector (0: for any): how many there are, and the first one that admits the tag. */
static struct reservation *find_admitting(struct site *s, const struct station *st, int connector, const char *uid,
					  size_t *count)
{
	struct reservation *r = NULL, *found = NULL;

	*count = 0;
	while ((r = site_reservation_next(s, r, st->id)) != NULL) {
		if (r->state == RESERVATION_CANCELLING || r->connector != connector)
			continue;
		++*count;
		if (!found && site_reservation_admits(s, r, uid))
			found = r;
	}
	return found;
}

bool site_reserved_for_other(struct site *s, const struct connector *c, const char *uid)
{
	size_t count;

	if (strcmp(c->status, "Reserved") != 0 || find_admitting(s, c->station, c->number, uid, &count))
		return false;
	/* Who reserved any connector has none in this one, which is kept for somebody else. */
	if (count > 0)
		return true;
	return !find_admitting(s, c->station, 0, uid, &count) && count > 0;
}

bool site_reserved_whole(struct site *s, const struct station *st, const char *uid)
{
	for (size_t i = 0; i < st->connector_count; i++)
		if (st->connectors[i]->tx || !site_reserved_for_other(s, st->connectors[i], uid))
			return false;
	return st->connector_count > 0;
}

void site_reservation_used(struct site *s, const struct connector *c, const char *uid, int64_t id, struct effects *fx)
{
	struct reservation *r = id > 0 ? site_reservation(s, id) : NULL;
	size_t count;

	if (r && strcmp(r->station, c->station->id) != 0)
		r = NULL;
	/* Not every station says which one; where it is for this connector, and this tag, it is this one. */
	if (!r && id <= 0)
		r = find_admitting(s, c->station, c->number, uid, &count);
	if (!r && id <= 0)
		r = find_admitting(s, c->station, 0, uid, &count);
	if (r)
		site_reservation_end(s, r, "used", fx);
}

/* ---- at start ---- */

static int64_t read_int(const struct json *obj, const char *key)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? NUM_NONE : v;
}

int site_reservation_load(struct site *s, const char *json, size_t len, struct diag *diag)
{
	struct arena arena;
	const struct json *obj;
	struct reservation *r;
	int64_t id, connector;
	int ret = 0, state;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	id = read_int(obj, "id");
	connector = read_int(obj, "connector");
	state = enum_index(state_names, json_str(json_get(obj, "state"), ""));
	if (!obj || id <= 0 || id >= INT32_MAX || connector < 0 || connector > INT32_MAX || state < 0 ||
	    read_int(obj, "expires") == NUM_NONE || site_reservation(s, id)) {
		ret = diag_set(diag, -LMS_EDATA, "stored reservation that is none");
		goto out;
	}
	r = xcalloc(1, sizeof(*r));
	r->id = (int32_t)id;
	r->connector = (int)connector;
	snprintf(r->station, sizeof(r->station), "%s", json_str(json_get(obj, "station"), ""));
	snprintf(r->tag, sizeof(r->tag), "%s", json_str(json_get(obj, "tag"), ""));
	snprintf(r->group, sizeof(r->group), "%s", json_str(json_get(obj, "group"), ""));
	r->expires = read_int(obj, "expires");
	r->created = read_int(obj, "created");
	/* Whoever asked for it has not heard an answer, and the station may hold it. */
	r->state = state == RESERVATION_ASKED ? RESERVATION_CANCELLING : (enum reservation_state)state;
	insert(s, r);
	if (r->id >= s->next_reservation)
		s->next_reservation = r->id + 1;
out:
	arena_fini(&arena);
	return ret;
}

void site_reservation_free(struct site *s)
{
	struct reservation *r;

	while ((r = s->reservations) != NULL) {
		s->reservations = r->next;
		free(r);
	}
}
