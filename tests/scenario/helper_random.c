#include "helper_random.h"

#include <stdlib.h>

/* splitmix64 */
uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct rng rng_seed(uint64_t seed)
{
	struct rng r = { seed };

	r.state = rng_next(&r);
	return r;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(rng_next(r) % n);
}

int64_t rng_range(struct rng *r, int64_t from, int64_t to)
{
	return from + (int64_t)(rng_next(r) % (uint64_t)(to - from + 1));
}

uint64_t random_first_seed(void)
{
	const char *s = getenv("SEED");

	return s ? strtoull(s, NULL, 10) : 1;
}

uint64_t random_site_count(uint64_t usual)
{
	const char *s = getenv("SITES");

	if (s) {
		usual = (uint64_t)((double)usual * strtod(s, NULL) / SITES_USUAL);
		return usual ? usual : 1;
	}
	return getenv("SEED") ? 1 : usual;
}
