/* store/ring_file.h - the files of a ring: their names, and what stands before each block. */
#pragma once

#include "store/ring.h"

#define RING_DIRECTORY "recording"
#define RING_BLOCK_MAX ((size_t)256 << 20)

/* As it lies in the file; a recording is read by the machine that made it. */
struct ring_head {
	uint32_t magic;
	uint32_t head_crc;	/* of all that follows in the head */
	uint32_t data_crc;
	uint32_t len;
	uint64_t number;
	struct ring_mark mark;
};

void ring_head_make(struct ring_head *h, uint64_t number, const struct ring_mark *mark, const void *data,
		    size_t len);
bool ring_head_good(const struct ring_head *h);

struct ring_files {
	uint64_t *first;	/* number of the first block, ascending */
	int64_t *sizes;
	size_t count;
};
/* 0 or an errno. */
int ring_files_list(int dir_fd, struct ring_files *out);
void ring_files_free(struct ring_files *f);
#define RING_NAME_MAX 24
const char *ring_file_name(uint64_t first, char out[RING_NAME_MAX]);
