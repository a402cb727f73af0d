/* balance/split/share.c - the remainder of a cell in whole steps, as near to its division as they allow.
 *
 * Why not one group after the other: were all steps given to one group, the other phases of the rest
 * would be left to whoever is there, and steps would pile up on him, as they would on the member that
 * counts once where those that count three times just do not fit.
 */
#include "balance/split/share.h"

#include <stdbool.h>

static int phases_of(unsigned mask)
{
	return (int)((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1));
}

/* By how much the members get less or more than their parts on any phase, beyond one step; in steps x all.
 * What they leave on their other phases somebody else gets, on top of what is his. */
static int64_t share_skew(const struct share *s, int64_t steps, int64_t all)
{
	int64_t skew = 0;

	for (int k = 0; k < PHASES; k++) {
		int64_t sum = 0;

		for (unsigned m = 1; m <= PHASE_ALL; m++)
			if (m >> k & 1)
				sum += s->taken[m] * all - s->members[m] * steps;
		sum = sum < 0 ? -sum : sum;
		skew += sum > all ? sum - all : 0;
	}
	return skew;
}

/* Each group gets what its members would have together if steps could be divided, up or down to a whole
 * step. Up go those that leave the least over, which would be a second step for somebody; then those
 * that skew no phase; then those on fewer phases, since the same step costs the site less.
 */
void share_steps(struct share *s, int64_t steps)
{
	int64_t all = 0, best_left = INT64_MAX, best_skew = 0;
	int best_cost = 0;
	struct share floor, best;

	for (unsigned m = 1; m <= PHASE_ALL; m++)
		all += s->weight[m] * s->members[m];
	if (steps <= 0 || !all)
		return;
	steps = steps < all ? steps : all;
	for (unsigned m = 1; m <= PHASE_ALL; m++)
		s->taken[m] = s->members[m] * steps / all;
	floor = best = *s;
	for (unsigned set = 0; set < 1u << PHASE_ALL; set++) {
		int64_t left = steps, skew;
		bool fits = true;
		int cost = 0;

		*s = floor;
		for (unsigned m = 1; m <= PHASE_ALL; m++) {
			unsigned up = set >> (m - 1) & 1;

			fits = fits && s->taken[m] + up <= s->members[m];
			s->taken[m] += up;
			left -= s->taken[m] * s->weight[m];
			cost += up ? phases_of(m) : 0;
		}
		if (!fits || left < 0 || left > best_left)
			continue;
		skew = share_skew(s, steps, all);
		if (left == best_left && (skew > best_skew || (skew == best_skew && cost >= best_cost)))
			continue;
		best_left = left;
		best_skew = skew;
		best_cost = cost;
		best = *s;
	}
	*s = best;
}
