/* lms-bench - speed, a building that steps, and a network that loses messages, in virtual time.
 *
 * BENCH_HOURS sets the simulated hours (1000), SEED the random numbers (1).
 */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

static int hours(void)
{
	const char *s = getenv("BENCH_HOURS");
	int n = s ? atoi(s) : 1000;

	return n > 0 ? n : 1000;
}

int main(void)
{
	uint64_t seed = random_first_seed();

	printf("seed %llu, %d simulated hours\n", (unsigned long long)seed, hours());
	bench_speed(seed);
	bench_turn(seed);
	bench_steps(seed, hours());
	for (int percent = 0; percent <= 10; percent += percent ? 8 : 2)
		bench_transient(seed, hours(), percent);
	return 0;
}
