/* bench.h - the parts of lms-bench; each prints its figures beside the targets. */
#pragma once

#include "balance/balance.h"
#include "tests/scenario/helper_random.h"

/* 10,000 connectors in 5,000 zones: a full split beside a plain pass over the same data. */
void bench_speed(uint64_t seed);
/* The same number in a balance that is told of one change. */
void bench_turn(uint64_t seed);
/* A building that changes 40 times an hour under a measured limit; cars that ramp. */
void bench_steps(uint64_t seed, int hours);
/* 30 stations at 100 A whose messages are lost, late or refused, and their answers reordered. */
void bench_transient(uint64_t seed, int hours, int percent);
