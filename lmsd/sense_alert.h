/* sense_alert.h - what people are told of meters and buses: once when it begins, once when it ends.
 *
 * Events of the subjects meter and bus. A missed poll is no event: a meter is lost when its values are no longer
 * fresh, and what comes and goes has ended when it stayed away for a while.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "meter/meter.h"

struct meter_alert {		/* zeroed: nothing is wrong */
	bool lost, doubtful, stranger;
	bool known;		/* it has been good once */
	mono_t since;		/* lost */
	mono_t fine_since;	/* good without a break, MONO_NEVER = not good now */
};

/* The place of what happens: for one call. */
struct meter_place {
	const char *id, *address;
	const char *zones;	/* "P1, P2"; "" = none */
};

/* After every sample and from time to time. `answered_at` is the time of the latest answer, INT64_MIN = never. */
void meter_alert_look(struct meter_alert *a, const struct meter_state *m, const struct meter_place *place,
		      mono_t answered_at, mono_t now);

struct bus_alerts {		/* zeroed: no bus */
	struct bus_alert {
		char *bus;
		bool missing;
		mono_t since;
		char why[200];		/* while it is missing */
	} *items;
	size_t count;
};

void bus_alerts_fini(struct bus_alerts *b);
/* The buses in force; the others are forgotten. Names are copied. */
void bus_alerts_keep(struct bus_alerts *b, const char *const *buses, size_t count);
/* `why` says what is missing and what to do; NULL: the bus is there. */
void bus_alerts_look(struct bus_alerts *b, const char *bus, const char *why, mono_t now);
