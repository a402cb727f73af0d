/* balance/queue.h - the order in which connectors are admitted: who keeps its place, who is next.
 *
 * Class, then who is held by its minimum-on time or its turn, then least served, then arrival. `served` is
 * a virtual time: a newcomer starts at the least of those present, so nobody waits until all others have
 * caught up with what he once got.
 */
#pragma once

#include "balance/balance.h"

struct alloc_conn;
struct conn;

/* Who was served least changes with time alone: so often it is looked at while turns are over. */
#define QUEUE_LOOK_US (60 * US_PER_S)

/* Fills b->order and the ranks with those of `list` that compete; returns their number. */
size_t queue_order(struct balance *b, const struct alloc_conn *list, mono_t now);
/* How long the connector keeps a place that others wait for. */
int64_t queue_turn_us(const struct balance *b, const struct conn *c, mono_t now);
