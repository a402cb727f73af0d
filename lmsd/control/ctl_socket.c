/* control/ctl_socket.c - the control socket as a file. */
#include "control/ctl_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

#define LISTEN_BACKLOG 64

/* Is somebody answering at the socket that is there? */
static int check_stale(const char *path, const struct sockaddr_un *sa, struct diag *diag)
{
	struct stat st;
	int fd, err;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 :
		       diag_set(diag, -LMS_EIO, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return diag_set(diag, -LMS_ECONFIG,
				"%s exists and is not a socket: remove it or choose another path",
				path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return diag_set(diag, -LMS_EIO, "%s: %s", path, strerror(errno));
	err = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ? 0 : errno;
	close(fd);
	if (err == 0 || err == EAGAIN)
		return diag_set(diag, -LMS_ECONFLICT,
				"another lmsd serves %s: stop it or choose another socket", path);
	if (err != ECONNREFUSED || unlink(path) != 0)
		return diag_set(diag, -LMS_EIO, "%s: cannot replace the old socket: %s", path,
				strerror(err != ECONNREFUSED ? err : errno));
	return 0;
}

static int make_directory(const char *path, struct diag *diag)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	int ret = 0;

	if (slash && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 0755) == 0)
			(void)chmod(dir, 0755);	/* whatever the umask: clients must get through */
		else if (errno != EEXIST)
			ret = diag_set(diag, -LMS_ECANTCREAT, "%s: cannot create the directory: %s",
				       dir, strerror(errno));
	}
	free(dir);
	return ret;
}

int ctl_socket_bind(const char *path, int *out_fd, struct diag *diag)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err, ret;

	if (!*path || strlen(path) >= sizeof(sa.sun_path))
		return diag_set(diag, -LMS_ECONFIG,
				"'%s' is no path for a socket: 1 to %zu characters", path,
				sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path));
	if ((ret = make_directory(path, diag)) || (ret = check_stale(path, &sa, diag)))
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Everybody may connect: what one may do is decided by the kernel's word on who it is. */
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    chmod(path, 0666) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
		*out_fd = fd;
		return 0;
	}
	err = errno;
	if (fd >= 0)
		close(fd);
	return diag_set(diag, -LMS_ECANTCREAT, "%s: cannot create the socket: %s", path,
			strerror(err));
}
