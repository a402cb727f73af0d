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

/* The station's labels as grid phases: by the wiring of the connector ("RST", "L2", "unknown", NULL). */
void meter_values_to_grid(const struct phase_ma *labelled, const char *wiring, struct phase_ma *grid);
