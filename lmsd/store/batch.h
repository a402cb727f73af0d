/* store/batch.h - the inside of a batch, for the store only. */
#pragma once

#include "base/arena.h"
#include "store/store.h"

struct store_batch {
	struct arena arena;
	struct store_op *ops;
	size_t count, cap;
	uint64_t seq;
	struct store_batch *next;	/* in the queue of the commit thread */
};
