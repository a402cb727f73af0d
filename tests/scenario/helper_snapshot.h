/* helper_snapshot.h - what the allocator is given, made from a seed, and made smaller while it still shows what is wrong. */
#pragma once

#include "balance/split/alloc.h"

#define ZONES 6
#define CONNS 14

struct snapshot {
	struct alloc_zone zones[ZONES];
	struct alloc_conn conns[CONNS];
	uint32_t order[CONNS];
	size_t zone_count, conn_count, order_count;
};

void snapshot_random(uint64_t seed, struct snapshot *s);
/* What each connector gets. */
void snapshot_allocate(const struct snapshot *s, int64_t *x);
/* NULL, or what is broken. */
typedef const char *snapshot_check(const struct snapshot *s);
/* Drops connectors and caps as long as it still fails. */
void snapshot_shrink(struct snapshot *s, snapshot_check *fails);
void snapshot_print(const struct snapshot *s);
