/* export/out_file.c - see out_file.h. */
#include "lmsctl/export/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "lmsctl/lmsctl.h"

int out_file_begin(struct out_file *f, const char *path, struct diag *d)
{
	struct stat st;
	int fd;

	f->path = path;
	if (snprintf(f->part, sizeof(f->part), "%s.part", path) >= (int)sizeof(f->part))
		return diag_set(d, -LMS_ECANTCREAT, "%.100s…: the name is too long", path);
	/* Found out after an hour of work otherwise. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return diag_set(d, -LMS_ECANTCREAT, "%s: is there and is not a file (name another)", path);
	snprintf(interrupt_unlink, sizeof(interrupt_unlink), "%s", f->part);
	fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		interrupt_unlink[0] = '\0';
		return diag_set(d, -LMS_ECANTCREAT, "%s: %s", f->part, strerror(errno));
	}
	close(fd);
	return 0;
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

int out_file_end(struct out_file *f, bool keep, struct diag *d)
{
	int ret = 0;

	if (keep && sync_file(f->part) < 0)
		ret = diag_set(d, -LMS_EIO, "%s: %s", f->part, strerror(errno));
	else if (keep && rename(f->part, f->path) < 0)
		ret = diag_set(d, -LMS_ECANTCREAT, "%s: %s", f->path, strerror(errno));
	if (!keep || ret)
		unlink(f->part);
	interrupt_unlink[0] = '\0';
	return ret;
}
