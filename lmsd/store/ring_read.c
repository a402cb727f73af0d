/* store/ring_read.c - finds a moment in the files of a ring, and reads on from there.
 *
 * Needs nothing of the writer: files only grow, and one that is deleted meanwhile reads as its end.
 * A head or a block whose CRC is wrong ends its file: that is where a crash cut it short.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "store/record.h"
#include "store/ring_file.h"

struct ring_reader {
	char path[300];
	int dir_fd, fd;
	struct ring_files files;
	size_t file;		/* that is open, or next to be */
	int64_t at;		/* in it */
	uint64_t expect;	/* number of the next block; 0 = any */
	char *data;
};

struct ring_reader *ring_reader_new(const char *state_directory)
{
	struct ring_reader *r = xcalloc(1, sizeof(*r));

	snprintf(r->path, sizeof(r->path), "%s/%s", state_directory, RING_DIRECTORY);
	r->fd = -1;
	r->dir_fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r->dir_fd >= 0 && ring_files_list(r->dir_fd, &r->files) != 0)
		r->files.count = 0;
	return r;
}

void ring_reader_free(struct ring_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	ring_files_free(&r->files);
	free(r->data);
	free(r);
}

wall_t ring_mark_wall(const struct ring_mark *m, mono_t at)
{
	return m->wall + (at - m->mono);
}

mono_t ring_mark_mono(const struct ring_mark *m, wall_t at)
{
	return m->mono + (at - m->wall);
}

static bool read_all(int fd, void *p, size_t len, int64_t at)
{
	ssize_t n;

	do
		n = pread(fd, p, len, at);
	while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == len;
}

static void open_file(struct ring_reader *r, size_t file)
{
	char name[RING_NAME_MAX];

	if (r->fd >= 0)
		close(r->fd);
	r->file = file;
	r->at = 0;
	r->fd = file < r->files.count ? openat(r->dir_fd, ring_file_name(r->files.first[file], name),
					       O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
				      : -1;
}

static bool head_here(const struct ring_reader *r, struct ring_head *h)
{
	return r->fd >= 0 && read_all(r->fd, h, sizeof(*h), r->at) && ring_head_good(h);
}

/* Reads the block behind this head into r->data; false: it is not all there, or not as it was written. */
static bool data_here(struct ring_reader *r, const struct ring_head *h)
{
	r->data = xrealloc(r->data, h->len + 1);
	return read_all(r->fd, r->data, h->len, r->at + (int64_t)sizeof(*h)) &&
	       record_crc32c(0, r->data, h->len) == h->data_crc;
}

/* The place of the last block in the open file whose snapshot is not after `at`, or -1. */
static int64_t find_in_file(struct ring_reader *r, wall_t at, wall_t *oldest)
{
	struct ring_head h;
	int64_t found = -1;

	for (; head_here(r, &h); r->at += (int64_t)sizeof(h) + h.len) {
		wall_t t = h.mark.snapshot == MONO_NEVER ? WALL_NONE : ring_mark_wall(&h.mark, h.mark.snapshot);

		if (t == WALL_NONE)
			continue;
		if (!data_here(r, &h))
			break;
		if (t <= at)
			found = r->at;
		if (*oldest == WALL_NONE || t < *oldest)
			*oldest = t;
	}
	return found;
}

int ring_reader_seek(struct ring_reader *r, wall_t at, wall_t *oldest, struct diag *d)
{
	char text[RFC3339_MAX];

	*oldest = WALL_NONE;
	r->expect = 0;
	for (size_t i = r->files.count; i-- > 0;) {
		int64_t found;

		open_file(r, i);
		found = find_in_file(r, at, oldest);
		if (found < 0)
			continue;
		r->at = found;
		return 0;
	}
	if (*oldest == WALL_NONE)
		return diag_set(d, -LMS_ENOTFOUND, "nothing is recorded (recording.size of lmsd.conf)");
	return diag_set(d, -LMS_ENOTFOUND, "at: is before the recording, which begins at %s",
			rfc3339_format(*oldest / US_PER_S * US_PER_S, text));
}

int ring_reader_next(struct ring_reader *r, struct ring_block *out, bool *gap)
{
	struct ring_head h;

	for (;;) {
		if (head_here(r, &h) && data_here(r, &h))
			break;
		if (r->file + 1 >= r->files.count)
			return 0;
		open_file(r, r->file + 1);
	}
	*out = (struct ring_block){ .mark = h.mark, .number = h.number, .data = r->data, .len = h.len };
	*gap = r->expect != 0 && h.number != r->expect;
	r->expect = h.number + 1;
	r->at += (int64_t)sizeof(h) + h.len;
	return 1;
}
