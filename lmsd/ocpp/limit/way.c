/* ocpp/limit/way.c - see way.h. What is set for a station goes before what its model's file says. */
#include "ocpp/limit/way.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ocpp/limit/profile.h"

#define MA_PER_A 1000

enum limit_way way_of(const struct connector_conf *cc)
{
	if (cc && cc->shedding_key)
		return WAY_CONFIG;
	return cc && cc->one_limit ? WAY_DEFAULT : WAY_PROFILE;
}

/* "Limit#" names "Limit2", too. */
static bool same_key(const char *pattern, const char *key)
{
	const char *hash = strchr(pattern, '#');
	size_t before = hash ? (size_t)(hash - pattern) : 0, digits;

	if (!hash)
		return strcasecmp(pattern, key) == 0;
	if (strncasecmp(pattern, key, before) != 0)
		return false;
	digits = strspn(key + before, "0123456789");
	return digits > 0 && strcasecmp(hash + 1, key + before + digits) == 0;
}

struct habits_key way_key(const struct ocpp_habits *h, const struct connector_conf *cc)
{
	struct habits_key k = h->shedding;

	if (!cc || !cc->shedding_key || !same_key(k.name, cc->shedding_key))
		k = habits_key_default;
	return k;
}

bool way_value(const struct habits_key *k, int64_t limit_ma, int64_t given_ma, int64_t voltage_min, char *out,
	       size_t size)
{
	int64_t v = k->unit == HABITS_W ? given_ma * voltage_min / 1000 : k->unit == HABITS_MA ? limit_ma : limit_ma / MA_PER_A;

	if (k->max != NUM_NONE && v > k->max)
		v = k->max;
	/* Below its least value it may do anything: then it pauses. */
	if (limit_ma == 0 || v < k->min) {
		if (k->pause == NUM_NONE)
			return false;
		v = k->pause;
	}
	snprintf(out, size, "%lld", (long long)v);
	return true;
}

bool way_uses_key(const struct station_conf *sc, const char *key)
{
	for (size_t i = 0; sc && i < sc->connector_count; i++)
		if (sc->connectors[i].shedding_key && strcasecmp(sc->connectors[i].shedding_key, key) == 0)
			return true;
	return false;
}

/* ---- profiles ---- */

static int64_t first_id(const struct station_conf *sc)
{
	return sc ? sc->k.profile_id : NUM_NONE;
}

int way_profile_id(const struct station_conf *sc, int connector, bool idle)
{
	if (first_id(sc) == NUM_NONE)
		return profile_id(connector, idle);
	return (int)first_id(sc) + 2 * (connector - 1) + !idle;
}

bool way_profile_is_ours(const struct station_conf *sc, int64_t id)
{
	if (first_id(sc) == NUM_NONE)
		return profile_is_ours(id);
	return id >= first_id(sc) && id < first_id(sc) + 2 * CONNECTORS_MAX;
}

bool way_absolute(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	bool absolute = habits_of(s->o->habits, st)->absolute;

	if (sc && sc->k.profile_kind)
		absolute = strcmp(sc->k.profile_kind, "Absolute") == 0;
	return absolute != s->flipped_kind;
}

bool way_number_phases(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);

	return sc && sc->k.profile_phases != NUM_NONE ? sc->k.profile_phases == 1
						      : habits_of(s->o->habits, st)->number_phases;
}
