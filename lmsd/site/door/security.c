/* site/door/security.c - the rule of who comes in, and the memory that it needs. */
#include "site/door/security.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "site/site.h"

/* ---- the rule ---- */

static int most(int64_t a, int64_t b)
{
	return (int)(a > b ? a : b);
}

/* What the configuration alone asks for; index -1: of a stranger. */
static int64_t least(const struct site_conf *c, int index)
{
	int64_t own = index >= 0 ? c->stations[index].k.security : NUM_NONE;

	own = own != NUM_NONE ? own : c->site.security_min;
	return own != NUM_NONE ? own : 0;
}

int security_needs(const struct site *s, const struct station *st)
{
	if (!st || st->conf < 0)
		return (int)least(s->conf, -1);
	return most(most(least(s->conf, st->conf), st->security.had), st->security.key_shown);
}

int security_check_change(const struct site *s, const struct site_conf *candidate,
			  struct diag *diag)
{
	for (const struct station *st = s->stations; st; st = st->hh.next) {
		int index = st->link && st->conf >= 0 ? site_conf_station(candidate, st->id) : -1;
		int64_t asks = index >= 0 ? least(candidate, index) : 0;

		if (asks > st->security.profile && asks > least(s->conf, st->conf))
			return diag_set(
			    diag, -LMS_ECONFLICT,
			    "station %s: security: it is connected with profile %d and would not "
			    "come in again with less than %d (first: lmsctl station security "
			    "upgrade %s %d; or as it is: "
			    "station set %s security=%d)",
			    st->id, st->security.profile, (int)asks, st->id, (int)asks, st->id,
			    st->security.profile);
	}
	return 0;
}

static int shown(const struct evidence *e)
{
	if (!e->tls)
		return e->key >= 0 ? 1 : 0;
	return e->cert == CERT_NAMED ? 3 : e->key >= 0 ? 2 : 0;
}

static void refuse(struct verdict *v, const char *why, const char *remedy)
{
	v->status = 401;
	snprintf(v->why, sizeof(v->why), "%s", why);
	snprintf(v->remedy, sizeof(v->remedy), "%s", remedy);
}

/* It has a key at all, and this is none that opens. */
static void refuse_key(const struct station *st, const struct evidence *e, struct verdict *v)
{
	char remedy[240];

	if (!e->user_is_identity) {
		refuse(v, "its user name is not its identity", "set it so in the station");
		return;
	}
	snprintf(remedy, sizeof(remedy),
		 "type in the key that it has here, or give it another: lmsctl station key set %s",
		 st->id);
	refuse(v, "wrong key", remedy);
}

/* It shows less than it must. */
static void refuse_profile(const struct station *st, const struct evidence *e, int needs,
			   struct verdict *v)
{
	static const char *const show[] = {"", "its key", "its key over TLS (wss)",
					   "a client certificate over TLS (wss)"};
	char why[160], remedy[240];

	if (needs == 3 && e->cert == CERT_BAD)
		snprintf(why, sizeof(why), "its certificate is not good: %s",
			 e->cert_why ? e->cert_why : "");
	else
		snprintf(why, sizeof(why), "shows profile %d, must show %d: %s", v->profile, needs,
			 show[needs]);
	if (st && st->security.key_count == 0 && needs < 3)
		snprintf(remedy, sizeof(remedy),
			 "give it a key: lmsctl station key set %s; or less is enough: "
			 "lmsctl station set %s security=%d",
			 st->id, st->id, v->profile);
	else if (st && st->security.key_shown && v->profile < 1)
		snprintf(remedy, sizeof(remedy), "type in its key and connect with %s://",
			 needs > 1 ? "wss" : "ws");
	else
		snprintf(
		    remedy, sizeof(remedy),
		    "correct the station, or less is enough: lmsctl station set %s security=%d",
		    st ? st->id : "ID", v->profile);
	refuse(v, why, remedy);
}

void security_judge(const struct site *s, const struct station *st, const struct evidence *e,
		    struct verdict *v)
{
	const struct station *known = st && st->conf >= 0 ? st : NULL;
	int needs = security_needs(s, known);

	*v = (struct verdict){.known = known != NULL, .profile = known ? shown(e) : 0};
	if (!known) {
		/* A stranger has no key that could be right, and may not wait where profile 0 may
		 * not come in. */
		if (s->registration == REG_CLOSED || needs > 0)
			refuse(v,
			       s->registration == REG_CLOSED
				   ? "is not registered, and registration is closed"
				   : "is not registered",
			       "lmsctl station add, then lmsctl station key set");
		return;
	}
	if (e->cert == CERT_OTHER) {
		char why[160];

		snprintf(why, sizeof(why), "shows the certificate of '%.60s'",
			 e->cert_name ? e->cert_name : "");
		refuse(v, why,
		       "give it a certificate with its identity as common or alternative name");
	} else if (e->user_given && e->key < 0 && known->security.key_shown && v->profile < 3) {
		refuse_key(known, e, v);
	} else if (v->profile < needs) {
		refuse_profile(known, e, needs, v);
	}
}

/* ---- what is remembered ---- */

static void store(const struct station *st, struct effects *fx)
{
	const struct security *m = &st->security;
	char text[2 * SEALED_HASH + 1];
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "had", m->had);
	jw_kbool(&w, "key_shown", m->key_shown);
	jw_key(&w, "keys");
	jw_array(&w);
	for (size_t i = 0; i < m->key_count; i++) {
		jw_object(&w);
		hex_encode(m->keys[i].salt, SEALED_SALT, text);
		jw_kstr(&w, "salt", text);
		hex_encode(m->keys[i].hash, SEALED_HASH, text);
		jw_kstr(&w, "hash", text);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	fx_put(fx, STORE_SECURITY, st->id, b.data, b.len);
	buf_fini(&b);
}

static void drop_keys(struct security *m, size_t from, size_t count)
{
	size_t after = m->key_count - from - count;

	memmove(&m->keys[from], &m->keys[from + count], after * sizeof(m->keys[0]));
	memmove(&m->key_ids[from], &m->key_ids[from + count], after * sizeof(m->key_ids[0]));
	m->key_count -= count;
}

static void add_key(struct security *m, const struct sealed_key *key)
{
	m->keys[m->key_count] = *key;
	m->key_ids[m->key_count++] = ++m->next_key_id;
}

void security_came(struct station *st, const struct evidence *e, const struct verdict *v,
		   struct effects *fx)
{
	struct security *m = &st->security;
	bool changed = v->profile > m->had;

	if (changed)
		m->had = v->profile;
	if (e->key > 0 || (e->key == 0 && !m->key_shown)) {
		drop_keys(m, 0, (size_t)e->key);
		m->key_shown = changed = true;
	}
	m->profile = v->profile;
	m->refused[0] = '\0';
	if (changed)
		store(st, fx);
}

static void cut(const struct station *st, const char *why, struct effects *fx)
{
	if (st->link)
		fx_close(fx, FX_NOW, st->link, 1008, why);
}

void security_key_set(struct station *st, const struct sealed_key *key, struct effects *fx)
{
	struct security *m = &st->security;

	m->key_count = 0;
	m->key_shown = key != NULL;
	if (key)
		add_key(m, key);
	m->guesses_paid = 0;
	m->refused[0] = '\0';
	store(st, fx);
	cut(st, "its key was changed", fx);
}

uint32_t security_key_offer(struct station *st, const struct sealed_key *key, struct effects *fx)
{
	if (st->security.key_count == STATION_KEYS_MAX)
		return 0;
	add_key(&st->security, key);
	store(st, fx);
	return st->security.next_key_id;
}

void security_key_withdraw(struct station *st, uint32_t id, struct effects *fx)
{
	struct security *m = &st->security;

	for (size_t i = 0; i < m->key_count; i++) {
		/* keys[0] of a station that has shown it is the one that it uses. */
		if (m->key_ids[i] != id || (i == 0 && m->key_shown))
			continue;
		drop_keys(m, i, 1);
		store(st, fx);
		return;
	}
}

const char *security_key_state(const struct station *st)
{
	const struct security *m = &st->security;

	return m->key_count == 0 ? "none" : m->key_count == 1 && m->key_shown ? "set" : "changing";
}

void security_lower(struct station *st, int64_t profile, struct effects *fx)
{
	if (profile == NUM_NONE || profile >= st->security.had)
		return;
	st->security.had = (int)profile;
	store(st, fx);
}

void security_enforce(struct site *s, struct effects *fx)
{
	for (const struct station *st = s->stations; st; st = st->hh.next) {
		int has = st->conf >= 0 ? st->security.profile : 0;
		int needs = security_needs(s, st->conf >= 0 ? st : NULL);

		if (!st->link || has >= needs)
			continue;
		log_station(WARNING, st->id, "station_cut",
			    "profile=%d needs=%d remedy=\"lmsctl station set %s security=%d\"", has,
			    needs, st->id, has);
		cut(st, "a higher security profile is needed", fx);
	}
}

void security_forget(struct station *st)
{
	memset(&st->security, 0, sizeof(st->security));
}

/* ---- from the store ---- */

static bool read_bytes(const struct json *obj, const char *name, uint8_t *out, size_t size)
{
	const struct json *j = json_get(obj, name);

	return j && j->type == JSON_STRING && hex_decode(j->text, j->len, out, size) == (long)size;
}

static int load(struct security *m, const struct json *obj, struct diag *diag)
{
	const struct json *keys = json_get(obj, "keys");
	struct sealed_key key;
	int64_t had = 0;

	json_int(json_get(obj, "had"), &had);
	m->had = had < 0 ? 0 : had > 3 ? 3 : (int)had;
	m->key_shown = json_bool(json_get(obj, "key_shown"), false);
	for (const struct json *j = keys ? keys->first : NULL; j; j = j->next) {
		if (m->key_count == STATION_KEYS_MAX ||
		    !read_bytes(j, "salt", key.salt, sizeof(key.salt)) ||
		    !read_bytes(j, "hash", key.hash, sizeof(key.hash)))
			return diag_set(
			    diag, -LMS_EDATA,
			    "keys: one cannot be read (lmsctl station key set gives another)");
		add_key(m, &key);
	}
	return 0;
}

int security_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag)
{
	struct station *st = site_station(s, id);
	const struct json *obj;
	struct arena arena;
	int ret = 0;

	/* Deleted while its record was on the way. */
	if (!st || st->conf < 0)
		return 0;
	arena_init(&arena);
	obj = json ? json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag) : NULL;
	if (obj && obj->type == JSON_OBJECT)
		ret = load(&st->security, obj, diag);
	else
		ret = diag_set(diag, -LMS_EPARSE,
			       "damaged: nobody comes in as %s until it has a key again (lmsctl "
			       "station key set)",
			       id);
	if (ret)
		st->security.key_shown = true;
	arena_fini(&arena);
	return ret;
}
