/* files/depot.h - the directory of the file server. For its thread only.
 *
 * A file is one file of ours: a head of DEPOT_HEAD bytes that says what it is (a line of JSON), then its bytes. It is
 * written under another name and gets its own when it is whole and on the disk, so there is never half a file,
 * nor one of which nobody knows what it is. All together stay below a bound: what stations sent makes room, the
 * oldest first; firmware stays until it is deleted.
 */
#pragma once

#include "files/files.h"

#define DEPOT_HEAD 1024

struct depot;
struct part;		/* a file on its way in */

struct depot_conf {
	const char *directory;
	int64_t file_max, store_max, keep_free;
	void (*gone)(void *ctx, const char *id);	/* to make room */
	void *ctx;
};

int depot_open(const struct depot_conf *conf, struct depot **out, struct diag *diag);
void depot_close(struct depot *d);
const struct file_info *depot_list(const struct depot *d, size_t *count);	/* the oldest first */
const struct file_info *depot_find(const struct depot *d, const char *id);	/* NULL */

/* `about` has what, name, station, job and created; size -1 = it will show. -LMS_ERANGE: larger than one may be;
 * -LMS_ECANTCREAT: no room; -LMS_EIO. */
int depot_begin(struct depot *d, const struct file_info *about, int64_t size, struct part **out, struct diag *diag);
int part_add(struct part *p, const void *data, size_t len, struct diag *diag);
int64_t part_size(const struct part *p);	/* so far */
/* Makes it durable; it is part of the list then. A firmware that is there already under that name is not kept
 * twice. The part is freed in any case. */
int part_finish(struct part *p, struct file_info *out, struct diag *diag);
void part_drop(struct part *p);			/* NULL is fine */

/* A descriptor of the whole file, for the caller to close; -1. */
int depot_fd(const struct depot *d, const struct file_info *file);
/* Bytes read, or negative. */
int64_t depot_read(const struct depot *d, const char *id, int64_t offset, void *out, size_t len, struct diag *diag);
int depot_delete(struct depot *d, const char *id, struct diag *diag);
