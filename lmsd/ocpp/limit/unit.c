/* ocpp/limit/unit.c - amperes or watts, AC input or DC output. */
#include "ocpp/limit/unit.h"

#include <string.h>

#include "ocpp/habits.h"
#include "ocpp/limit/way.h"

#define EFFICIENCY_PERCENT 92	/* of a rectifier */

enum unit unit_of(const struct ocpp_session *s, const struct station_conf *sc, const struct connector_conf *cc,
		  const struct ocpp_habits *h)
{
	if (way_of(cc) == WAY_CONFIG)
		return way_key(h, cc).unit == HABITS_W ? UNIT_WATTS : UNIT_AMPERES;
	if (sc && sc->k.limit_unit)
		return strcmp(sc->k.limit_unit, "W") == 0 ? UNIT_WATTS : UNIT_AMPERES;
	if (h->unit_said)
		return h->watts ? UNIT_WATTS : UNIT_AMPERES;
	/* Amperes of a DC station may be those of the car. */
	if (cc && cc->dc)
		return UNIT_WATTS;
	if (!s || !s->unit_said)
		return UNIT_UNKNOWN;
	return s->watts ? UNIT_WATTS : UNIT_AMPERES;
}

bool unit_output(const struct station_conf *sc, const struct ocpp_habits *h)
{
	return sc && sc->k.power_at ? strcmp(sc->k.power_at, "output") == 0 : h->output;
}

int64_t unit_ac_w(int64_t output_w)
{
	return (output_w * 100 + EFFICIENCY_PERCENT - 1) / EFFICIENCY_PERCENT;
}

int64_t unit_output_w(int64_t ac_w)
{
	return ac_w * EFFICIENCY_PERCENT / 100;
}

int ocpp_unit(const struct ocpp *o, const struct connector *conn)
{
	const struct ocpp_session *s;

	HASH_FIND(hh, o->by_id, conn->station->id, strlen(conn->station->id), s);
	return (int)unit_of(s, site_station_conf(o->site, conn->station), site_connector_conf(o->site, conn),
			    habits_of(o->habits, conn->station));
}
