/* balance/watts.h - stations whose limit is a power: what it may be as a current per phase.
 *
 * A limit of P watts may land on one phase. Until the phases that a car uses are known it counts with
 * P / voltage_min on every wired phase, but not above the connector's maximum, which no car exceeds;
 * then with P / (n x voltage_min). So what such a station was given is kept as a sum over phases, in mA at
 * the lowest voltage, and becomes a current per phase with what is known of the car at the moment:
 * one that falls back to fewer phases counts with all of its power there at once.
 *
 * So a car on three phases needs 22 A of each for its 6 A, to become known: below a cap that never gives as
 * much it pauses, for the same power would be above the cap if it met a car on one phase. A station that
 * divides by all of its phases, whatever the car uses, is said to do so (even_watts).
 *
 * For a station whose limit is a current, what it was given is that current per phase.
 */
#pragma once

#include "balance/balance.h"

struct conn;

/* Phases over which a power spreads; for a car of another session, or none: `known` is false. */
int watts_spread(const struct conn *c, bool known);
bool watts_known(const struct conn *c);
/* What is to be given so that no phase gets more than `ma`. */
int64_t watts_given(const struct conn *c, bool known, int64_t ma);
/* What a phase may get of it; NUM_NONE stays. */
int64_t watts_phase(const struct conn *c, bool known, int64_t given_ma);
/* The same of what is spread over so many phases. */
int64_t watts_over(const struct conn *c, int spread, int64_t given_ma);
/* Everything that it can draw. */
int64_t watts_full(const struct conn *c);
/* Its least current in this turn so that a car charges, whatever phases it uses, where that is possible. */
int64_t watts_min(const struct balance *b, const struct conn *c, int64_t min_ma);
/* The lowest voltage has changed: what was given is another sum now. */
void watts_rescale(struct conn *c, int64_t old_v, int64_t new_v);
