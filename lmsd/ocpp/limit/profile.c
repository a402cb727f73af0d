/* ocpp/limit/profile.c - charging profiles of one or two periods, members in the order of the schema.
 *
 * The idle profile is Relative wherever the station takes that: one that boots with its clock at 1970
 * would take an Absolute one for not begun, and charge without a limit; so an Absolute one begins
 * with the epoch. That of a transaction begins in the past by the station's own clock.
 */
#include "ocpp/limit/profile.h"

#include <stdio.h>

#include "base/timefmt.h"
#include "ocpp/limit/unit.h"

#define MA_PER_A 1000
#define CONNECTOR_MAX 64

int profile_id(int connector, bool idle)
{
	return connector * 10 + (idle ? 1 : 2);
}

bool profile_is_ours(int64_t id)
{
	return id >= profile_id(1, true) && id <= profile_id(CONNECTOR_MAX, false) && (id % 10 == 1 || id % 10 == 2);
}

/* The power that cannot be more than was counted, at the lowest voltage. */
static int64_t power_w(const struct profile *p, int64_t given_ma)
{
	int64_t w = given_ma * p->voltage_min / MA_PER_A;

	if (p->output)
		w = unit_output_w(w);
	return p->most_w != NUM_NONE && w > p->most_w ? p->most_w : w;
}

static void write_limit(const struct profile *p, int64_t ma, int64_t given_ma, struct json_writer *w)
{
	char text[32];
	int len;

	if (p->watts) {
		jw_kint(w, "limit", power_w(p, given_ma));
		return;
	}
	if (p->whole) {
		jw_kint(w, "limit", ma / MA_PER_A);
		return;
	}
	len = snprintf(text, sizeof(text), "%lld.%lld", (long long)(ma / MA_PER_A), (long long)(ma % MA_PER_A / 100));
	jw_key(w, "limit");
	jw_raw(w, text, (size_t)len);
}

static void write_period(const struct profile *p, int64_t start_s, int64_t ma, int64_t given_ma,
			 struct json_writer *w)
{
	jw_object(w);
	jw_kint(w, "startPeriod", start_s);
	write_limit(p, ma, given_ma, w);
	if (p->number_phases)
		jw_kint(w, "numberPhases", p->phases > 1 ? 3 : 1);
	jw_object_end(w);
}

static void write_schedule(const struct profile *p, struct json_writer *w)
{
	char text[RFC3339_MAX];

	jw_key(w, "chargingSchedule");
	jw_object(w);
	if (p->absolute)
		jw_kstr(w, "startSchedule", rfc3339_format(p->idle ? 0 : p->start / US_PER_S * US_PER_S, text));
	jw_kstr(w, "chargingRateUnit", p->watts ? "W" : "A");
	jw_key(w, "chargingSchedulePeriod");
	jw_array(w);
	write_period(p, 0, p->limit_ma, p->given_ma, w);
	if (p->fallback_s > 0)
		write_period(p, p->fallback_s, p->fallback_ma, p->fallback_given_ma, w);
	jw_array_end(w);
	jw_object_end(w);
}

void profile_write_alone(const struct profile *p, struct json_writer *w)
{
	jw_object(w);
	jw_kint(w, "chargingProfileId", p->id);
	if (!p->idle && p->tx)
		jw_kint(w, "transactionId", p->tx);
	jw_kint(w, "stackLevel", p->stack_level);
	jw_kstr(w, "chargingProfilePurpose", p->idle ? "TxDefaultProfile" : "TxProfile");
	jw_kstr(w, "chargingProfileKind", p->absolute ? "Absolute" : "Relative");
	write_schedule(p, w);
	jw_object_end(w);
}

void profile_write(const struct profile *p, struct json_writer *w)
{
	jw_object(w);
	jw_kint(w, "connectorId", p->connector);
	jw_key(w, "csChargingProfiles");
	profile_write_alone(p, w);
	jw_object_end(w);
}
