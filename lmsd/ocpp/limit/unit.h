/* ocpp/limit/unit.h - in which unit a station takes limits, and on which side of a rectifier it counts. */
#pragma once

#include "ocpp/session.h"

struct ocpp_habits;

enum unit { UNIT_UNKNOWN = -1, UNIT_AMPERES, UNIT_WATTS };

/* What is set for it goes before what its model does, that before what it said. `s` may be NULL. */
enum unit unit_of(const struct ocpp_session *s, const struct station_conf *sc, const struct connector_conf *cc,
		  const struct ocpp_habits *h);
/* Limits and meter values of a DC station that counts what it gives to the car, as AC power and back. */
bool unit_output(const struct station_conf *sc, const struct ocpp_habits *h);
int64_t unit_ac_w(int64_t output_w);
int64_t unit_output_w(int64_t ac_w);
