/* store/dir.c - the state directory. Everything goes by its descriptor, so that renaming a parent
 * does not move us elsewhere; LMDB alone wants a path.
 */
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"

#define BALLAST "ballast"
#define FULL_BELOW (1ULL << 20)

int dir_sync(int dir_fd)
{
	return fsync(dir_fd) < 0 ? errno : 0;
}

static void sync_parent(const char *path)
{
	char parent[256];
	char *slash;
	int fd;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash)
		strcpy(parent, ".");
	else
		slash[slash == parent] = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	dir_sync(fd);
	close(fd);
}

static int dir_make(struct state_dir *d, struct diag *diag)
{
	struct stat st;

	if (mkdir(d->path, 0700) == 0)
		sync_parent(d->path);
	else if (errno != EEXIST)
		return diag_set(diag, -LMS_ECANTCREAT, "state directory %s: cannot create: %s (%s)",
				d->path, strerror(errno),
				errno == ENOENT ? "create its parent first"
						: "choose another one with -d");
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return diag_set(diag, -LMS_EIO, "state directory %s: %s (lmsd needs one of its own)",
				d->path, strerror(errno));
	/* Whoever may write here may put his own ledger in our place. */
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return diag_set(diag, -LMS_ECONFLICT,
				"state directory %s: others may write to it (chmod 0700, or choose "
				"another one with -d)", d->path);
	return 0;
}

static int refuse_second(struct state_dir *d, struct diag *diag)
{
	char text[24] = "";
	ssize_t n = pread(d->lock_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		n = 0;
	text[n] = '\0';
	return diag_set(diag, -LMS_ECONFLICT,
			"another lmsd (pid %ld) uses %s (stop it, or choose another directory with -d)",
			strtol(text, NULL, 10), d->path);
}

static int dir_lock(struct state_dir *d, struct diag *diag)
{
	d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0 && errno == EROFS) {
		d->read_only = true;
		d->lock_fd = openat(d->fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (d->lock_fd < 0)
			return 0;
	}
	if (d->lock_fd < 0)
		return diag_set(diag, -LMS_EIO, "state directory %s: lock: %s (it belongs to the "
				"user that runs lmsd)", d->path, strerror(errno));
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return refuse_second(d, diag);
	/* The pid is for the message only: a full disk must not keep us from starting. */
	if (!d->read_only && ftruncate(d->lock_fd, 0) == 0)
		dprintf(d->lock_fd, "%ld\n", (long)getpid());
	return 0;
}

int dir_open(struct state_dir *d, const char *path, struct diag *diag)
{
	int ret;

	*d = (struct state_dir){ .fd = -1, .lock_fd = -1 };
	if (strlen(path) >= sizeof(d->path) - sizeof("/ledger.new/lock.mdb"))
		return diag_set(diag, -LMS_ECANTCREAT, "state directory: the path is too long");
	strcpy(d->path, path);
	ret = dir_make(d, diag);
	if (ret == 0)
		ret = dir_lock(d, diag);
	if (ret < 0)
		dir_close(d);
	return ret;
}

void dir_close(struct state_dir *d)
{
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = d->lock_fd = -1;
}

int dir_explain(const struct state_dir *d, int err)
{
	struct statvfs vfs;

	if (err == EDQUOT)
		return ENOSPC;
	if (err == EIO && fstatvfs(d->fd, &vfs) == 0 &&
	    (unsigned long long)vfs.f_bavail * vfs.f_frsize < FULL_BELOW)
		return ENOSPC;
	return err;
}

int dir_ballast_make(const struct state_dir *d)
{
	struct statvfs vfs;
	int fd, err;

	if (d->read_only)
		return EROFS;
	if (dir_ballast_there(d))
		return 0;
	if (fstatvfs(d->fd, &vfs) < 0)
		return errno;
	if ((unsigned long long)vfs.f_bavail * vfs.f_frsize < 2 * DIR_BALLAST_SIZE)
		return ENOSPC;
	fd = openat(d->fd, BALLAST, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	err = posix_fallocate(fd, 0, DIR_BALLAST_SIZE);
	close(fd);
	if (err)
		unlinkat(d->fd, BALLAST, 0);
	return err;
}

bool dir_ballast_free(const struct state_dir *d)
{
	return unlinkat(d->fd, BALLAST, 0) == 0;
}

bool dir_ballast_there(const struct state_dir *d)
{
	struct stat st;

	return fstatat(d->fd, BALLAST, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size == DIR_BALLAST_SIZE;
}
