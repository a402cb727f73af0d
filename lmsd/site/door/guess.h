/* site/door/guess.h - slows down who tries keys, without shutting out who has the right one.
 *
 * Pure, bounded. A key is not looked at (and so not right) while too many wrong ones have come
 *  - for this identity from this address: GUESS_PAIR_BURST, then one per GUESS_PAIR_US. Other
 *    identities behind the same router are not touched by it;
 *  - for this identity from anywhere: GUESS_ALL_BURST, then one per GUESS_ALL_US.
 * Neither binds at the address where the identity was last let in: a neighbour who guesses cannot lock
 * a station out. Who sits there may go on guessing at 128 bits or more; he shows in the events.
 * Unknown identities have no key that could be guessed, and take no room here.
 */
#pragma once

#include "base/types.h"

struct station;
struct guesses;

#define GUESS_PAIR_BURST 10
#define GUESS_PAIR_US (10 * US_PER_S)
#define GUESS_ALL_BURST 60
#define GUESS_ALL_US US_PER_S
#define GUESS_PAIRS 4096	/* remembered at a time; the oldest of its set makes room */

struct guesses *guesses_new(uint64_t seed);
void guesses_free(struct guesses *g);
bool guesses_may(const struct guesses *g, const struct station *st, const char *address, mono_t now);
void guesses_wrong(struct guesses *g, struct station *st, const char *address, mono_t now);
void guesses_right(struct guesses *g, struct station *st, const char *address);
