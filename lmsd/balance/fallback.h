/* balance/fallback.h - what limits come down to when nothing is heard of us any more (dead-man's switch).
 *
 * Under a zone that is steered from moment to moment, by a meter or by the grid signal, a limit is true only as long as somebody watches.
 * There an order for a transaction carries a second current that the station takes by its own clock
 * FALLBACK_US later, and is said again every FALLBACK_RENEW_US. The fallbacks of a zone fit its
 * meter_lost current, and what the loss of its grid signal means, together, in any mixture of old and new ones: one rises only into what the others
 * surely leave. They are never credited to W. A station that takes none keeps its limit: what it has
 * is left out of what the others share, and if it comes to have more, theirs are lowered soon.
 */
#pragma once

#include "balance/balance.h"

#define FALLBACK_US       (300 * US_PER_S)
#define FALLBACK_RENEW_US (150 * US_PER_S)

struct balance;
struct conn;
struct zone;

/* Must limits below this zone not outlive us? */
bool model_needs_deadman(const struct zone *z);
/* Is there such a zone at all? */
bool fallback_needed(const struct balance *b);
/* Is the connector below one? */
bool fallback_concerns(const struct balance *b, const struct conn *c);
/* What an order of this limit for its transaction falls to; the limit itself: it stays. */
int64_t fallback_for(struct balance *b, struct conn *c, int64_t limit_ma);
/* When its limit must be said again; MONO_NEVER = no need. */
mono_t fallback_renew_at(struct balance *b, struct conn *c);
/* Around a change of what a connector may fall to: the sums follow. */
void fallback_leave(struct balance *b, const struct conn *c);
void fallback_enter(struct balance *b, const struct conn *c);
