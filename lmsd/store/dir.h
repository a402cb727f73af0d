/* store/dir.h - the state directory: who may use it, and the reserve against a full disk. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"

#define DIR_BALLAST_SIZE ((long long)64 << 20)

struct state_dir {
	char path[256];
	int fd;
	int lock_fd;		/* -1 on a read-only disk that has no lock file */
	bool read_only;
};

/* Creates the directory, and takes its lock, which the kernel drops however this process ends.
 * 0, -LMS_ECONFLICT, -LMS_ECANTCREAT or -LMS_EIO. */
int dir_open(struct state_dir *d, const char *path, struct diag *diag);
void dir_close(struct state_dir *d);

/* 0, or the errno why the directory's entries cannot be made durable. */
int dir_sync(int dir_fd);

/* LMDB says EIO of a write that was cut short: ENOSPC if the disk (or our quota) is full, else err
 * as it is. */
int dir_explain(const struct state_dir *d, int err);

/* Makes the ballast if it is not there and the disk has room for it twice. 0 or an errno. */
int dir_ballast_make(const struct state_dir *d);
/* true if there was one to free. */
bool dir_ballast_free(const struct state_dir *d);
bool dir_ballast_there(const struct state_dir *d);
