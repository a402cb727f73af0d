/* helper_recording.h - keeps what a balance recorded, and runs it again beside the original. */
#pragma once

#include "balance/record/journal.h"

struct recording {
	struct buf *chunks;
	size_t count;
	struct buf problem;	/* "" = none */
};

void recording_init(struct recording *r);
void recording_fini(struct recording *r);
/* Takes what has gathered; a chunk that begins with a snapshot makes those before it needless. */
void recording_drain(struct recording *r, struct balance *b);
/* Right after a turn: a replay must have given the same orders and be in the same state. */
bool recording_same(struct recording *r, const struct balance *b);
