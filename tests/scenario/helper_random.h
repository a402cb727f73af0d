/* helper_random.h - numbers from a seed, the same on every machine; SEED and SITES of property tests. */
#pragma once

#include <stdint.h>

struct rng {
	uint64_t state;
};

struct rng rng_seed(uint64_t seed);
uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);			/* 0..n-1 */
int64_t rng_range(struct rng *r, int64_t from, int64_t to);	/* both included */

/* SITES is how many sites the test of the allocator walks, this many if it is not given. Other tests do
 * more with each and walk fewer: they keep their part of it. */
#define SITES_USUAL 100000

/* SEED, else a fixed one; as many of `usual` as SITES says, else 1 when SEED is given, else `usual`. */
uint64_t random_first_seed(void);
uint64_t random_site_count(uint64_t usual);
