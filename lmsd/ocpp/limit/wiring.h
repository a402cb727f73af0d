/* ocpp/limit/wiring.h - are the phases wired as they are set? The feeder's meter has seen a car's current fall. */
#pragma once

#include <stddef.h>

#include "site/site.h"

enum wiring_verdict {
	WIRING_AS_SET,
	WIRING_OTHERWISE,	/* the fall was on other phases than the wiring says */
	WIRING_TOGETHER,	/* all three fell alike: their order shows with a single-phase car only */
	WIRING_UNCLEAR		/* other loads moved, or a value is missing */
};

/* What the nearest meter above the station reads, on grid phases; all NUM_NONE where none reads well. */
struct phase_ma wiring_feeder(const struct site *site, const struct station *st);
struct phase_ma wiring_fall(const struct phase_ma *before, const struct phase_ma *now);

/* What the car's current fell by per grid phase, as its wiring tells, and what the meter's did (mA; NUM_NONE = not
 * measured). Where it is not unclear, `text` says what was seen, for people. */
enum wiring_verdict wiring_judge(const struct phase_ma *car, const struct phase_ma *meter, char *text, size_t size);
