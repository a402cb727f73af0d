/* ocpp/setup/abilities.c - units, stack levels, connectors and phases as the station's configuration tells them.
 *
 * What it says of its wiring is shown and compared, never used by itself: most stations say RST because
 * nobody has set the key, and a car counted on the wrong phase may trip the breaker of another.
 */
#include "ocpp/setup/abilities.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "ocpp/habits.h"
#include "ocpp/inbound/inbound.h"

bool lists_word(const char *list, const char *word, size_t len)
{
	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static void learn_unit(struct ocpp_session *s, struct station *st, const char *units)
{
	bool amperes = lists_word(units, "Current", 7) || lists_word(units, "A", 1) || lists_word(units, "Amperes", 7);
	bool watts = lists_word(units, "Power", 5) || lists_word(units, "W", 1) || lists_word(units, "Watts", 5);

	s->watts = watts && !amperes;
	s->unit_said = true;
	site_station_news(s->o->site, st, STATION_NEWS_ONLINE);
}

static void learn_profiles(struct ocpp_session *s, struct station *st, const char *profiles)
{
	inbound_copy(st->profiles, sizeof(st->profiles), profiles);
	if (!lists_word(profiles, "SmartCharging", 13))
		log_station(WARNING, s->id, "no_smart_charging", "profiles=%s", log_text(profiles));
}

static void learn_rotation(struct ocpp_session *s, struct station *st, const char *rotation)
{
	const struct station_conf *conf = site_station_conf(s->o->site, st);
	char before[sizeof(st->phase_rotation)];

	memcpy(before, st->phase_rotation, sizeof(before));
	inbound_copy(st->phase_rotation, sizeof(st->phase_rotation), rotation);
	if (!conf || strcmp(before, st->phase_rotation) == 0)
		return;
	for (size_t i = 0; i < conf->connector_count; i++) {
		const char *said = station_said_wiring(st, (int)i + 1), *is = conf->connectors[i].wiring;

		if (said && strcmp(said, is) != 0 && strcmp(is, "unknown") != 0)
			log_station(WARNING, s->id, "wiring_differs", "connector=%zu set=%s station=%s", i + 1, is, said);
	}
}

void abilities_learn(struct ocpp_session *s, struct station *st, const struct json *entry)
{
	const char *key = json_str(json_get(entry, "key"), "");
	const struct json *value = json_get(entry, "value");
	const char *text = ocpp_read_text(value);
	int64_t number;

	if (!text)
		return;
	if (strcasecmp(key, "ChargingScheduleAllowedChargingRateUnit") == 0)
		learn_unit(s, st, text);
	else if (strcasecmp(key, "SupportedFeatureProfiles") == 0)
		learn_profiles(s, st, text);
	else if (strcasecmp(key, "ConnectorPhaseRotation") == 0)
		learn_rotation(s, st, text);
	else if (strcasecmp(key, "ReserveConnectorZeroSupported") == 0)
		s->no_reserve_zero = strcasecmp(text, "false") == 0;
	else if (json_fixed(value, 1, &number) != 0 || number < 0)
		return;
	else if (strcasecmp(key, "NumberOfConnectors") == 0 && number >= 1 && number <= CONNECTORS_MAX &&
		 (size_t)number > st->connector_count)
		site_station_grow(s->o->site, st, (size_t)number);
	else if (strcasecmp(key, "MeterValueSampleInterval") == 0)
		s->interval_s = number;
	else if (strcasecmp(key, "ChargeProfileMaxStackLevel") == 0 && number <= INT32_MAX)
		s->max_stack = (int)number;
	else if (strcasecmp(key, "ChargingScheduleMaxPeriods") == 0 && number >= 1 && number <= INT32_MAX)
		s->max_periods = (int)number;
}

/* A key that is proposed counts as given. */
static void propose(struct ctl_station_keys *k, const char *key)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	const struct field *f = field_find(n->keys, n->key_count, key, NULL);

	k->given |= UINT64_C(1) << (f - n->keys);
}

void abilities_propose(struct ocpp_session *s, struct station *st)
{
	const struct ocpp_habits *h = habits_of(s->o->habits, st);
	struct ctl_station_keys *k;

	st->advice = *h->note ? h->note : NULL;
	if (st->conf >= 0) {
		free(st->proposal);
		st->proposal = NULL;
		return;
	}
	if (!st->proposal)
		st->proposal = xmalloc(sizeof(*st->proposal));
	k = st->proposal;
	ctl_keys_clear(&ctl_nouns[CTL_NOUN_station], k);
	if (h->proposes.given)
		*k = h->proposes;
	if (st->connector_count && k->connectors == NUM_NONE) {
		k->connectors = (int64_t)st->connector_count;
		propose(k, "connectors");
	}
	if (s->unit_said && s->watts && !h->unit_said && !k->limit_unit) {
		k->limit_unit = "W";
		propose(k, "limit_unit");
	}
	/* Without profiles a key has to do; one for two connectors limits neither. */
	if (*st->profiles && !lists_word(st->profiles, "SmartCharging", 13) && !k->shedding) {
		bool key = *h->shedding.name && (st->connector_count <= 1 || strchr(h->shedding.name, '#'));

		k->shedding = key ? h->shedding.way : "none";
		propose(k, "shedding");
	}
}
