/* ocpp/limit/lapse.h - can the limits of a station fall by themselves when we fall silent?
 *
 * It needs a clock that agrees with ours, and a profile of two periods that begins at a given time.
 * The first a station tells with its time stamps, the second it is trusted with until it refuses.
 */
#pragma once

#include "ocpp/session.h"

/* NULL if they can, else what stands against it. */
const char *lapse_obstacle(const struct ocpp_session *s, const struct station *st);
/* Writes down for the balance what is known now; while the clock is not known anew the old word holds. */
void lapse_refresh(struct ocpp_session *s, struct station *st);
/* An order leaves with or without a fallback: that is the word now. */
void lapse_tell(struct ocpp_session *s, struct station *st, const char *obstacle);
