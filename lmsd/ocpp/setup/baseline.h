/* ocpp/setup/baseline.h - how a station's own configuration shall be: ours, and its vendor's from etc/stations. */
#pragma once

#include "ocpp/habits.h"

#define BASELINE_MAX 24
#define BASELINE_PORTION 6	/* keys in one GetConfiguration; stations answer few at a time */

struct station_conf;

struct baseline_row {
	const char *key;
	const char *wanted;		/* the first value, most wanted */
	const char *const *less;	/* others that do, the best first, NULL at the end; NULL = none */
	bool list;			/* values are words with commas: those that are wanted must be there */
	bool needed;			/* set even if the station does not list the key */
};

/* Rows in the order in which they are asked and set; the first two are what metering needs.
 * A key that a connector is told its limits by is the balance's alone. `sc` may be NULL.
 * Strings live as long as the habits. */
size_t baseline_rows(const struct ocpp_habits *h, const struct station_conf *sc, struct baseline_row rows[BASELINE_MAX]);
/* Is the station's value as good as this one? Numbers and booleans are compared as such. */
bool baseline_is(const struct baseline_row *row, const char *wanted, const char *is);
