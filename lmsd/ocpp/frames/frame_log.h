/* ocpp/frames/frame_log.h - the latest OCPP frames of all stations, in one ring of bytes.
 *
 * Pure. Bounded as a whole: the oldest frames make room, whoever they are of, and a long one is kept by
 * its beginning. Adding copies and no more; nothing is parsed or masked until somebody looks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/types.h"

#define FRAME_LOG_SIZE ((size_t)32 << 20)
#define FRAME_KEPT_MAX 4000	/* bytes of one frame */

struct frame_log;

struct frame_seen {
	uint64_t seq;		/* 1 up, over all stations */
	wall_t time;
	const char *station;	/* both not NUL-terminated; good until the next frame_log_add() */
	size_t station_len;
	const char *text;
	size_t kept, len;	/* of the text, of the frame */
	bool in;		/* from the station */
};

/* `size` is all that it will ever hold, its index included; touched only as frames come. */
struct frame_log *frame_log_new(size_t size);
void frame_log_free(struct frame_log *l);
void frame_log_add(struct frame_log *l, wall_t time, const char *station, size_t station_len, bool in,
		   const char *text, size_t len);
/* The numbers that are held: first to last; first is last + 1 when there are none. */
uint64_t frame_log_first(const struct frame_log *l);
uint64_t frame_log_last(const struct frame_log *l);
/* False: not held. */
bool frame_log_get(const struct frame_log *l, uint64_t seq, struct frame_seen *out);

/* Of which station it may be, without touching the frame itself: equal for equal names. 0: not held. */
uint32_t frame_log_station(const struct frame_log *l, uint64_t seq);
uint32_t frame_log_hash(const char *station, size_t len);
/* The first frame that is not older, as far as the clock was not set meanwhile. */
uint64_t frame_log_since(const struct frame_log *l, wall_t since);

/* Appends the text with the values of secrets as "***": of configuration keys that name a key, password or
 * secret, and passwords and long runs of digits in URLs. Works on what is cut off, too; in doubt it masks. */
void frame_mask(struct buf *out, const char *text, size_t len);
/* Does a configuration key of this name hold one? */
bool frame_names_secret(const char *key, size_t len);
