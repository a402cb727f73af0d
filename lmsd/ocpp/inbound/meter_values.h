/* ocpp/inbound/meter_values.h - MeterValues as real stations send them, to currents on grid phases.
 *
 * Lenient in everything: what cannot be understood is skipped, never refused (ocpp.md "Meter values").
 */
#pragma once

#include "base/json.h"
#include "base/types.h"

struct meter_reading {
	struct phase_ma current;	/* by the station's own labels L1..L3; NUM_NONE = not said */
	int64_t power_w, register_wh;	/* totals; NUM_NONE */
	bool nonsense;			/* a current in it is no number ("NaN") */
	wall_t time;			/* of the latest value, as the station says; WALL_NONE */
};

/* `list` is meterValue or transactionData. Later values replace earlier ones. */
void meter_values_read(const struct json *list, struct meter_reading *out);
/* One of that list alone. */
void meter_value_read(const struct json *mv, struct meter_reading *out);
/* A sampledValue with format SignedData: what it says is for those who can check it. */
bool meter_value_is_signed(const struct json *sample);

/* The station's labels as grid phases: by the wiring of the connector ("RST", "L2", "unknown", NULL). */
void meter_values_to_grid(const struct phase_ma *labelled, const char *wiring, struct phase_ma *grid);
