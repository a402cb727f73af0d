/* modbus/lowfd.c - keeps low descriptor numbers occupied by /dev/null until a bus needs one. */
#include "modbus/lowfd.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

struct lowfd {
	pthread_mutex_t lock;
	int null_fd;
	int count;
	struct {
		int fd;
		bool used;
	} slots[];
};

struct lowfd *lowfd_new(int count)
{
	struct lowfd *p = xcalloc(1, sizeof(*p) + (size_t)count * sizeof(p->slots[0]));

	pthread_mutex_init(&p->lock, NULL);
	p->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < count && p->null_fd >= 0; i++) {
		int fd = fcntl(p->null_fd, F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			break;
		if (fd >= FD_SETSIZE) {
			close(fd);
			break;
		}
		p->slots[p->count++].fd = fd;
	}
	return p;
}

void lowfd_free(struct lowfd *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->count; i++)
		close(p->slots[i].fd);
	if (p->null_fd >= 0)
		close(p->null_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int lowfd_move(struct lowfd *p, int fd)
{
	int low = -LMS_EIO;

	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < p->count; i++) {
		if (p->slots[i].used)
			continue;
		if (dup3(fd, p->slots[i].fd, O_CLOEXEC) >= 0) {
			p->slots[i].used = true;
			low = p->slots[i].fd;
		}
		break;
	}
	pthread_mutex_unlock(&p->lock);
	close(fd);
	return low;
}

void lowfd_give_back(struct lowfd *p, int low)
{
	if (low < 0)
		return;
	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < p->count; i++) {
		if (p->slots[i].fd != low)
			continue;
		/* Replaced, never closed: nobody else can get the number in between. */
		dup3(p->null_fd, low, O_CLOEXEC);
		p->slots[i].used = false;
	}
	pthread_mutex_unlock(&p->lock);
}
