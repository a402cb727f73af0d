/* tests/sim/slow_sync.c - a disk that stalls: preloaded into lmsd by tests. fdatasync() waits as long
 * as the file that $SLOW_SYNC names exists, 60 s at most.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fdatasync(int fd)
{
	static int (*real)(int);
	const struct timespec beat = { .tv_nsec = 20000000 };
	const char *file = getenv("SLOW_SYNC");

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	for (int i = 0; file != NULL && i < 3000 && access(file, F_OK) == 0; i++)
		nanosleep(&beat, NULL);
	return real(fd);
}
