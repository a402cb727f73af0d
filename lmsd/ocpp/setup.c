/* ocpp/setup.c - after a boot: what the station can do, and the configuration that balancing needs.
 *
 * Small portions, one call at a time, behind everything else. Nothing is set that GetConfiguration
 * shows to be so already. A station that refuses is used as it is.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "ocpp/inbound/inbound.h"
#include "ocpp/limit/lapse.h"

enum setup_step {
	SETUP_ASK_ABILITIES, SETUP_ASK_METERING,
	SETUP_SET_SAMPLED, SETUP_SET_LESS, SETUP_SET_LEAST,	/* some stations take fewer measurands */
	SETUP_SET_INTERVAL,
	SETUP_END
};

#define INTERVAL_S 10

struct setup_row {
	const char *key;	/* ChangeConfiguration; NULL: GetConfiguration of `keys` */
	const char *value;	/* or the keys, with commas */
	enum setup_step next, refused;
};

static const struct setup_row rows[SETUP_END] = {
	[SETUP_ASK_ABILITIES] = { NULL, "NumberOfConnectors,ChargingScheduleAllowedChargingRateUnit,"
		"ChargeProfileMaxStackLevel,ChargingScheduleMaxPeriods,SupportedFeatureProfiles,ConnectorPhaseRotation",
		SETUP_ASK_METERING, SETUP_ASK_METERING },
	[SETUP_ASK_METERING] = { NULL, "MeterValuesSampledData,MeterValueSampleInterval",
		SETUP_SET_SAMPLED, SETUP_SET_SAMPLED },
	[SETUP_SET_SAMPLED] = { "MeterValuesSampledData",
		"Energy.Active.Import.Register,Power.Active.Import,Current.Import",
		SETUP_SET_INTERVAL, SETUP_SET_LESS },
	[SETUP_SET_LESS] = { "MeterValuesSampledData", "Energy.Active.Import.Register,Current.Import",
		SETUP_SET_INTERVAL, SETUP_SET_LEAST },
	[SETUP_SET_LEAST] = { "MeterValuesSampledData", "Energy.Active.Import.Register",
		SETUP_SET_INTERVAL, SETUP_SET_INTERVAL },
	[SETUP_SET_INTERVAL] = { "MeterValueSampleInterval", "10", SETUP_END, SETUP_END },
};

/* Is the word one of the comma-separated list? */
static bool lists(const char *list, const char *word, size_t len)
{
	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static bool lists_all(const char *list, const char *words)
{
	for (const char *p = words; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (!lists(list, p, n))
			return false;
		p += n;
	}
	return true;
}

static bool is_so(const struct ocpp_session *s, enum setup_step step)
{
	if (step == SETUP_SET_INTERVAL)
		return s->interval_s == INTERVAL_S;
	return step >= SETUP_SET_SAMPLED && step <= SETUP_SET_LEAST && lists_all(s->sampled, rows[step].value);
}

/* ---- what the station said ---- */

static void learn_unit(struct ocpp_session *s, struct station *st, const char *units)
{
	bool amperes = lists(units, "Current", 7) || lists(units, "A", 1) || lists(units, "Amperes", 7);
	bool watts = lists(units, "Power", 5) || lists(units, "W", 1) || lists(units, "Watts", 5);

	s->watts = watts && !amperes;
	s->unit_said = true;
	site_station_news(s->o->site, st, STATION_NEWS_ONLINE);
}

static void learn(struct ocpp_session *s, struct station *st, const struct json *entry)
{
	const char *key = json_str(json_get(entry, "key"), "");
	const struct json *value = json_get(entry, "value");
	const char *text = ocpp_read_text(value);
	int64_t number;

	if (!text)
		return;
	if (strcasecmp(key, "MeterValuesSampledData") == 0)
		inbound_copy(s->sampled, sizeof(s->sampled), text);
	else if (strcasecmp(key, "ChargingScheduleAllowedChargingRateUnit") == 0)
		learn_unit(s, st, text);
	else if (strcasecmp(key, "SupportedFeatureProfiles") == 0 && !lists(text, "SmartCharging", 13))
		log_station(WARNING, s->id, "no_smart_charging", "profiles=%s", log_text(text));
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

/* ---- one step after the other ---- */

static void send_step(struct ocpp_session *s, enum setup_step step, const struct turn *t)
{
	const struct setup_row *row = &rows[step];
	struct call *c = call_new(CALL_SETUP, RANK_BACKGROUND, row->key ? "ChangeConfiguration" : "GetConfiguration");
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "key");
	if (row->key) {
		jw_str(&w, row->key);
		jw_kstr(&w, "value", row->value);
	} else {
		jw_array(&w);
		for (const char *p = row->value; *p; p += strspn(p, ",")) {
			jw_strn(&w, p, strcspn(p, ","));
			p += strcspn(p, ",");
		}
		jw_array_end(&w);
	}
	jw_object_end(&w);
	c->step = (int)step;
	call_payload(c, &b);
	queue_push(s, c, t);
}

static void go_on(struct ocpp_session *s, enum setup_step step, const struct turn *t)
{
	const struct station *st = session_station(s);

	/* A pending station is looked at, not changed. */
	if (!st || (step > SETUP_ASK_ABILITIES && st->conf < 0))
		step = SETUP_END;
	if (step == SETUP_SET_SAMPLED && s->sampled_step)
		step = (enum setup_step)s->sampled_step;
	while (step < SETUP_END && is_so(s, step))
		step = rows[step].next;
	if (step == SETUP_END)
		s->set_up = true;
	else
		send_step(s, step, t);
}

void setup_begin(struct ocpp_session *s, const struct turn *t)
{
	if (s->link && !s->set_up && (s->state == SESSION_READY || s->state == SESSION_PENDING))
		go_on(s, SETUP_ASK_ABILITIES, t);
}

static bool refused(const struct call_result *r)
{
	const char *status = json_str(json_get(r->payload, "status"), "");

	return r->how == CALL_ERROR || strcmp(status, "Rejected") == 0 || strcmp(status, "NotSupported") == 0;
}

void setup_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	const struct setup_row *row = &rows[c->step];
	struct station *st = session_station(s);
	const struct json *keys;

	/* The connection is gone, or the station is too slow for more: at its next boot again. */
	if (!st || (r->how != CALL_ANSWERED && r->how != CALL_ERROR))
		return;
	keys = row->key ? NULL : json_get(r->payload, "configurationKey");
	for (const struct json *k = keys ? keys->first : NULL; k; k = k->next)
		learn(s, st, k);
	lapse_refresh(s, st);
	if (row->key && refused(r))
		log_station(NOTICE, s->id, "setting_refused", "key=%s value=%s", row->key, row->value);
	else if (row->key && c->step == SETUP_SET_INTERVAL)
		s->interval_s = INTERVAL_S;
	else if (row->key)
		s->sampled_step = c->step;
	go_on(s, refused(r) ? row->refused : row->next, t);
}
