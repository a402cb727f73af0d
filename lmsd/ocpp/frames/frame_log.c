/* ocpp/frames/frame_log.c - records one behind the other in a ring, and where each begins.
 *
 * Invariants: first..next-1 are held, in the order of the ring from the oldest on; the oldest lies
 * behind the head, so making room only ever drops from the front. A record never wraps.
 */
#include "ocpp/frames/frame_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct record {
	wall_t time;
	uint32_t len;		/* of the frame */
	uint16_t kept;
	uint8_t station_len;
	bool in;
	char bytes[];		/* station, text */
};

/* Whoever looks for the frames of one station reads this alone, not the megabytes of the others. */
struct slot { uint32_t at, station; };

struct frame_log {
	char *ring;
	struct slot *slot;	/* of record `seq`: slot[seq % slots] */
	size_t size, slots, head;
	uint64_t first, next;
};

/* Index entries per bytes of the ring: frames shorter than this on average are fewer than would fit. */
#define BYTES_PER_SLOT 96

struct frame_log *frame_log_new(size_t size)
{
	struct frame_log *l = xcalloc(1, sizeof(*l));

	l->slots = size / (BYTES_PER_SLOT + sizeof(*l->slot));
	l->size = (size - l->slots * sizeof(*l->slot)) / 8 * 8;
	l->ring = xmalloc(l->size);
	l->slot = xmalloc(l->slots * sizeof(*l->slot));
	l->first = l->next = 1;
	return l;
}

void frame_log_free(struct frame_log *l)
{
	if (!l)
		return;
	free(l->ring);
	free(l->slot);
	free(l);
}

uint64_t frame_log_first(const struct frame_log *l)
{
	return l->first;
}

uint64_t frame_log_last(const struct frame_log *l)
{
	return l->next - 1;
}

static size_t oldest_at(const struct frame_log *l)
{
	return l->slot[l->first % l->slots].at;
}

/* Where `need` bytes are free after this. */
static size_t make_room(struct frame_log *l, size_t need)
{
	if (l->head + need > l->size) {
		/* What lies between head and end is the oldest. */
		while (l->first < l->next && oldest_at(l) >= l->head)
			l->first++;
		l->head = 0;
	}
	while (l->first < l->next && (l->next - l->first >= l->slots ||
				      (oldest_at(l) >= l->head && oldest_at(l) < l->head + need)))
		l->first++;
	return l->head;
}

void frame_log_add(struct frame_log *l, wall_t time, const char *station, size_t station_len, bool in,
		   const char *text, size_t len)
{
	size_t kept = len, need;
	struct record *r;

	if (kept > FRAME_KEPT_MAX) {
		kept = FRAME_KEPT_MAX;
		while (kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
			kept--;		/* not inside a character */
	}
	need = (sizeof(*r) + station_len + kept + 7) / 8 * 8;
	r = (struct record *)(void *)(l->ring + make_room(l, need));
	*r = (struct record){ .time = time, .len = (uint32_t)len, .kept = (uint16_t)kept,
			      .station_len = (uint8_t)station_len, .in = in };
	memcpy(r->bytes, station, station_len);
	memcpy(r->bytes + station_len, text, kept);
	l->slot[l->next++ % l->slots] = (struct slot){ (uint32_t)l->head, frame_log_hash(station, station_len) };
	l->head += need;
}

bool frame_log_get(const struct frame_log *l, uint64_t seq, struct frame_seen *out)
{
	const struct record *r;

	if (seq < l->first || seq >= l->next)
		return false;
	r = (const struct record *)(const void *)(l->ring + l->slot[seq % l->slots].at);
	*out = (struct frame_seen){ .seq = seq, .time = r->time, .station = r->bytes, .station_len = r->station_len,
				    .text = r->bytes + r->station_len, .kept = r->kept, .len = r->len, .in = r->in };
	return true;
}

uint32_t frame_log_station(const struct frame_log *l, uint64_t seq)
{
	return seq < l->first || seq >= l->next ? 0 : l->slot[seq % l->slots].station;
}

uint32_t frame_log_hash(const char *station, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)station[i]) * 16777619u;
	return h ? h : 1;
}

uint64_t frame_log_since(const struct frame_log *l, wall_t since)
{
	uint64_t from = l->first, to = l->next;
	struct frame_seen f;

	while (from < to) {
		uint64_t mid = from + (to - from) / 2;

		if (frame_log_get(l, mid, &f) && f.time < since)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}
