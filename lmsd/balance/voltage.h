/* balance/voltage.h - the voltage at which a zone's limit of power becomes one of current. */
#pragma once

#include "balance/balance.h"

struct balance;
struct zone;

struct volts {
	bool known;
	int64_t mv;		/* the highest phase of the last good sample of the zone's meter */
	mono_t at;
	int64_t used;		/* V that its limit of power is divided by; 0 = not looked at yet */
};

void voltage_sample(struct balance *b, struct zone *z, const struct bal_sample *s);
/* Brings all zones up to now; after budget_run(), which begins the list of what is due. */
void voltage_run(struct balance *b, mono_t now);
int64_t voltage_of(const struct balance *b, const struct zone *z);
