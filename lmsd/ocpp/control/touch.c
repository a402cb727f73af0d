/* ocpp/control/touch.c - finds what sets or releases a limit. In doubt it does. */
#include "ocpp/control/touch.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "ocpp/habits.h"
#include "ocpp/message.h"
#include "ocpp/limit/way.h"

#define LEAST_MA 6000

static int connector_of(const struct json *payload)
{
	int64_t number = 0;

	if (ocpp_read_int(json_get(payload, "connectorId"), &number) != 0 || number < 0 || number > 64)
		return 0;
	return (int)number;
}

/* The most that any period allows, per phase; a limit in watts may land on one. */
static int64_t highest_limit(const struct json *schedule, int64_t voltage_min)
{
	bool watts = strcmp(json_str(json_get(schedule, "chargingRateUnit"), "A"), "W") == 0;
	const struct json *periods = json_get(schedule, "chargingSchedulePeriod");
	int64_t max = NUM_NONE;

	if (!periods || !periods->first)
		return NUM_NONE;
	for (const struct json *p = periods->first; p; p = p->next) {
		int64_t limit;

		if (json_fixed(json_get(p, "limit"), 1000, &limit) != 0 || limit < 0 || limit > INT64_MAX / 1000)
			return NUM_NONE;
		if (watts)
			limit = (limit + voltage_min - 1) / voltage_min;
		if (limit > max)
			max = limit;
	}
	/* 0 < x < 6 A is unsafe: a car may take it for 6 A. */
	return max > 0 && max < LEAST_MA ? LEAST_MA : max;
}

static bool is_max_profile(const char *purpose)
{
	return strcmp(purpose, "ChargePointMaxProfile") == 0;
}

/* Outside its validity, before its first period or after its duration, a profile limits nothing. */
static bool ends(const struct json *profile, const struct json *schedule)
{
	const struct json *first = json_at(json_get(schedule, "chargingSchedulePeriod"), 0);
	int64_t begin = 0;

	return json_get(profile, "validTo") || json_get(profile, "validFrom") || json_get(schedule, "duration") ||
		json_get(schedule, "startSchedule") ||
		ocpp_read_int(json_get(first, "startPeriod"), &begin) != 0 || begin != 0;
}

/* A profile takes the place of one with the same id, whatever that was for. Ours are known by number. */
static bool replaces_another(const struct json *profile, const struct station_conf *sc, int connector, const char *purpose)
{
	int64_t id = 0;

	if (ocpp_read_int(json_get(profile, "chargingProfileId"), &id) != 0 || !way_profile_is_ours(sc, id))
		return false;
	if (connector > 0 && id == way_profile_id(sc, connector, false))
		return strcmp(purpose, "TxProfile") != 0;
	return connector == 0 || id != way_profile_id(sc, connector, true) || strcmp(purpose, "TxDefaultProfile") != 0;
}

static bool touch_profile(const struct json *profile, const struct station_conf *sc, int64_t voltage_min, struct touch *out)
{
	const char *purpose = json_str(json_get(profile, "chargingProfilePurpose"), "");
	const struct json *schedule = json_get(profile, "chargingSchedule");
	int64_t level = 0;

	if (replaces_another(profile, sc, out->connector, purpose)) {
		out->connector = 0;
		return true;
	}
	/* It bounds the sum of the others from above: it can only lower. */
	if (is_max_profile(purpose))
		return false;
	ocpp_read_int(json_get(profile, "stackLevel"), &level);
	out->stack_level = level;
	out->idle = strcmp(purpose, "TxProfile") != 0;
	/* A default that ends releases; where a transaction's profile ends, the default is below it. */
	out->limit_ma = out->idle && ends(profile, schedule) ? NUM_NONE : highest_limit(schedule, voltage_min);
	return true;
}

static bool touch_clear(const struct json *payload, struct touch *out)
{
	const char *purpose = json_str(json_get(payload, "chargingProfilePurpose"), "");

	/* With an id, the purpose does not matter to the station. */
	if (is_max_profile(purpose) && !json_get(payload, "id"))
		return false;
	out->idle = strcmp(purpose, "TxProfile") != 0 || json_get(payload, "id");
	if (json_get(payload, "id"))
		out->connector = 0;
	return true;
}

bool touch_find(const char *action, const struct json *payload, const struct ocpp_habits *habits,
		const struct station_conf *sc, int64_t voltage_min, struct touch *out)
{
	*out = (struct touch){ .connector = connector_of(payload), .idle = true, .limit_ma = NUM_NONE,
			       .stack_level = NUM_NONE };
	/* A station may be less particular about capitals than the standard. */
	if (strcasecmp(action, "SetChargingProfile") == 0)
		return touch_profile(json_get(payload, "csChargingProfiles"), sc, voltage_min, out);
	if (strcasecmp(action, "RemoteStartTransaction") == 0)
		return json_get(payload, "chargingProfile") &&
			touch_profile(json_get(payload, "chargingProfile"), sc, voltage_min, out);
	if (strcasecmp(action, "ClearChargingProfile") == 0)
		return touch_clear(payload, out);
	if (strcasecmp(action, "ChangeConfiguration") == 0)
		return habits_limit_key(habits, json_str(json_get(payload, "key"), "")) ||
			way_uses_key(sc, json_str(json_get(payload, "key"), ""));
	if (strcasecmp(action, "DataTransfer") == 0)
		return habits_limit_transfer(habits, json_str(json_get(payload, "vendorId"), ""),
					     json_str(json_get(payload, "messageId"), ""));
	/* What is no action of OCPP 1.6 may do anything. */
	return !ocpp_message_find(action);
}
