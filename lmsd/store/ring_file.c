/* store/ring_file.c - "0000000000000001.rec": 16 hexadecimal digits, so that names sort as numbers. */
#include "store/ring_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/record.h"

#define MAGIC UINT32_C(0x524d534c)	/* "LMSR" */

static uint32_t head_crc(const struct ring_head *h)
{
	size_t from = offsetof(struct ring_head, data_crc);

	return record_crc32c(0, (const char *)h + from, sizeof(*h) - from);
}

void ring_head_make(struct ring_head *h, uint64_t number, const struct ring_mark *mark, const void *data,
		    size_t len)
{
	memset(h, 0, sizeof(*h));
	h->magic = MAGIC;
	h->number = number;
	h->mark = *mark;
	h->len = (uint32_t)len;
	h->data_crc = record_crc32c(0, data, len);
	h->head_crc = head_crc(h);
}

bool ring_head_good(const struct ring_head *h)
{
	return h->magic == MAGIC && h->len <= RING_BLOCK_MAX && h->head_crc == head_crc(h);
}

const char *ring_file_name(uint64_t first, char out[RING_NAME_MAX])
{
	snprintf(out, RING_NAME_MAX, "%016" PRIx64 ".rec", first);
	return out;
}

static bool parse_name(const char *name, uint64_t *first)
{
	char again[RING_NAME_MAX];

	*first = strtoull(name, NULL, 16);
	return strcmp(name, ring_file_name(*first, again)) == 0;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int ring_files_list(int dir_fd, struct ring_files *out)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char name[RING_NAME_MAX];
	struct dirent *e;
	uint64_t first;

	*out = (struct ring_files){ 0 };
	if (dir == NULL)
		return errno;
	while ((e = readdir(dir)) != NULL) {
		if (!parse_name(e->d_name, &first))
			continue;
		out->first = xrealloc(out->first, (out->count + 1) * sizeof(*out->first));
		out->first[out->count++] = first;
	}
	closedir(dir);
	out->sizes = xcalloc(out->count + 1, sizeof(*out->sizes));
	if (out->count > 0)
		qsort(out->first, out->count, sizeof(*out->first), ascending);
	for (size_t i = 0; i < out->count; i++) {
		struct stat st;

		if (fstatat(dir_fd, ring_file_name(out->first[i], name), &st, AT_SYMLINK_NOFOLLOW) == 0)
			out->sizes[i] = st.st_size;
	}
	return 0;
}

void ring_files_free(struct ring_files *f)
{
	free(f->first);
	free(f->sizes);
}
