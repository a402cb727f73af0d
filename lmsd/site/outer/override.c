/* site/outer/override.c - overrides of zones: checked, stored, ended. */
#include "site/outer/override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define WRITE_US (60 * US_PER_S)

const struct zone_override *site_override(const struct site *s, const char *zone)
{
	const struct zone_override *o = s->overrides;

	while (o && strcmp(o->zone, zone) != 0)
		o = o->next;
	return o;
}

static struct zone_override *override_get(struct site *s, const char *zone)
{
	struct zone_override *o = s->overrides;

	while (o && strcmp(o->zone, zone) != 0)
		o = o->next;
	if (o)
		return o;
	o = xcalloc(1, sizeof(*o));
	snprintf(o->zone, sizeof(o->zone), "%s", zone);
	o->next = s->overrides;
	s->overrides = o;
	return o;
}

static void override_store(struct zone_override *o, mono_t now, wall_t wall, struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "limit_ma");
	jw_array(&w);
	for (int k = 0; k < PHASES; k++)
		jw_int(&w, o->limit.l[k]);
	jw_array_end(&w);
	jw_kint(&w, "left_ms", (o->until - now) / US_PER_MS);
	jw_kint(&w, "written", wall);
	jw_object_end(&w);
	fx_put(fx, STORE_OVERRIDE, o->zone, b.data, b.len);
	buf_fini(&b);
	o->written = now;
}

/* ---- setting ---- */

static int check_limit(const struct zone_conf *z, struct phase_ma *p, struct diag *diag)
{
	for (int k = 0; k < PHASES; k++) {
		if (p->l[k] != NUM_NONE && (p->l[k] < 0 || p->l[k] > LIMIT_MAX_MA))
			return diag_set(diag, -LMS_ERANGE, "limit: is out of range (0 to 6300 A)");
		if (k < z->phases && p->l[k] == NUM_NONE)
			return diag_set(diag, -LMS_EDATA,
					"limit: L%d is missing (write one current for all phases, or "
					"L1,L2,L3)", k + 1);
		if (k >= z->phases && p->l[k] != NUM_NONE && p->l[k] != p->l[0])
			return diag_set(diag, -LMS_EDATA,
					"limit: names L%d, but zone %s has one phase (write one current)",
					k + 1, z->k.id);
		if (k >= z->phases)	/* it may get three while this holds */
			p->l[k] = p->l[0];
	}
	return 0;
}

int site_override_set(struct site *s, const char *zone, const struct phase_ma *limit, int64_t for_ms,
		      mono_t now, wall_t wall, struct effects *fx, struct diag *diag)
{
	int index = site_conf_zone(s->conf, zone), ret;
	struct phase_ma wanted = *limit;
	struct zone_override *o;

	if (index < 0)
		return diag_set(diag, -LMS_ENOTFOUND, "zone '%.60s' does not exist (lmsctl zone list)", zone);
	ret = check_limit(&s->conf->zones[index], &wanted, diag);
	if (ret)
		return ret;
	if (for_ms <= 0 || for_ms > OVERRIDE_MAX_US / US_PER_MS)
		return diag_set(diag, -LMS_ERANGE, "for: is out of range (write a time of at most 30 "
				"days such as 90m, 2h, 3d; for longer, set static of the zone)");
	o = override_get(s, zone);
	o->limit = wanted;
	o->until = now + for_ms * US_PER_MS;
	override_store(o, now, wall, fx);
	log_zone(NOTICE, zone, "override", "mA=%lld,%lld,%lld s=%lld", (long long)wanted.l[0],
		 (long long)wanted.l[1], (long long)wanted.l[2], (long long)(for_ms / 1000));
	return 0;
}

/* ---- ending ---- */

bool site_override_end(struct site *s, const char *zone, struct effects *fx)
{
	for (struct zone_override **at = &s->overrides; *at; at = &(*at)->next) {
		struct zone_override *o = *at;

		if (strcmp(o->zone, zone) != 0)
			continue;
		*at = o->next;
		log_zone(NOTICE, o->zone, "override", "ended");
		fx_del(fx, STORE_OVERRIDE, o->zone);
		free(o);
		return true;
	}
	return false;
}

void site_override_free(struct site *s)
{
	struct zone_override *o;

	while ((o = s->overrides)) {
		s->overrides = o->next;
		free(o);
	}
}

bool site_override_time(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	struct zone_override *o, *next;
	bool ended = false;

	for (o = s->overrides; o; o = next) {
		next = o->next;
		if (o->until <= now || site_conf_zone(s->conf, o->zone) < 0)
			ended |= site_override_end(s, o->zone, fx);
		else if (now - o->written >= WRITE_US)
			override_store(o, now, wall, fx);
	}
	return ended;
}

mono_t site_override_due(const struct site *s)
{
	mono_t due = MONO_NEVER;

	for (const struct zone_override *o = s->overrides; o; o = o->next) {
		if (o->until < due)
			due = o->until;
		if (o->written + WRITE_US < due)
			due = o->written + WRITE_US;
	}
	return due;
}

/* ---- after a restart ---- */

int site_override_load(struct site *s, const char *zone, const char *json, size_t len, mono_t now,
		       wall_t wall, struct diag *diag)
{
	const int64_t longest = OVERRIDE_MAX_US / US_PER_MS;
	int64_t left = longest, written = 0;
	struct zone_override *o;
	const struct json *rec;
	struct phase_ma limit;
	struct arena arena;
	int ret = 0;

	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	for (int k = 0; k < PHASES; k++)
		if (json_int(json_at(json_get(rec, "limit_ma"), (size_t)k), &limit.l[k]))
			ret = -LMS_EDATA;
	if (ret || strlen(zone) > ID_MAX) {
		ret = diag_set(diag, -LMS_EDATA, "is no override");
		goto out;
	}
	/* A time that makes no sense is the longest one: too early would be worse. */
	if (json_int(json_get(rec, "left_ms"), &left) || left < 0 || left > longest)
		left = longest;
	if (json_int(json_get(rec, "written"), &written) || written < 0)
		written = 0;
	o = override_get(s, zone);
	o->limit = limit;
	o->until = now + signal_left_us(left * US_PER_MS, written, wall, OVERRIDE_MAX_US);
	o->written = now;
out:
	arena_fini(&arena);
	return ret;
}
