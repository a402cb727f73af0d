/* store/ring.h - the last hours of a recording, as blocks in a ring of files, written by a thread of its own.
 *
 * For what is good to have and never needed: nothing here is synced, nothing blocks the loop, and a
 * disk that is full or broken costs blocks, which show as a hole in their numbers. Files are named by
 * the number of their first block; a start begins a new one, so what a crash cut short stays last in
 * its file and is passed over. The oldest file is deleted when all together become too large.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/types.h"

struct loop;
struct ring;

/* What a block is, for those that look for one. */
struct ring_mark {
	wall_t wall;		/* when it was handed over, */
	mono_t mono;		/* and the same moment as its times are told */
	mono_t first, last;	/* of the times in it; MONO_NEVER = none */
	mono_t snapshot;	/* of the first snapshot in it; MONO_NEVER = none */
};

struct ring_conf {
	const char *state_directory;
	int64_t size, segment;	/* bytes: of all files, of one */
	int64_t keep_free;	/* of the disk: nothing is written when less is left */
	int retry_s;		/* after a failure */
};

/* ---- writing, on the loop ------------------------------------------------------------------------- */

/* Never fails: a directory that cannot be used is told as an event, and tried again. */
struct ring *ring_open(struct loop *loop, const struct ring_conf *conf);
/* Writes what is queued, as far as the disk takes it. NULL is fine. */
void ring_close(struct ring *r);
/* Copies the block; never blocks. Its number, 1 up. */
uint64_t ring_put(struct ring *r, const struct ring_mark *mark, const void *data, size_t len);
/* Blocks were lost and the writer works again: the next one should stand for itself. Told once. */
bool ring_lost(struct ring *r);
/* Deletes what an earlier recording left. */
void ring_remove(const char *state_directory);

/* ---- reading, on any other thread ------------------------------------------------------------------ */

/* Waits until the block is written or dropped, a few seconds at most. */
void ring_wait(struct ring *r, uint64_t number);

struct ring_block {
	struct ring_mark mark;
	uint64_t number;
	const void *data;
	size_t len;
};

struct ring_reader;

struct ring_reader *ring_reader_new(const char *state_directory);
void ring_reader_free(struct ring_reader *r);
/* Goes to the last block whose snapshot is not after `at`. 0; -LMS_ENOTFOUND with diag: there is none,
 * and *oldest is the time of the first snapshot there is, or WALL_NONE. */
int ring_reader_seek(struct ring_reader *r, wall_t at, wall_t *oldest, struct diag *d);
/* The block there, and on to the next; data is valid until the next call. 1; 0 = the end; *gap: blocks
 * are missing before this one. */
int ring_reader_next(struct ring_reader *r, struct ring_block *out, bool *gap);
wall_t ring_mark_wall(const struct ring_mark *m, mono_t at);
mono_t ring_mark_mono(const struct ring_mark *m, wall_t at);
