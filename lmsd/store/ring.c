/* store/ring.c - the writer of a ring: a queue, a thread, and what it does about a bad disk.
 *
 * The queue is bounded; what does not fit is dropped, and its number with it. After a failed write
 * nothing is tried for a while, then a new file is begun: what the failure left behind is never
 * written over.
 */
#include "store/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/ring_file.h"

#define QUEUE_BYTES_MAX ((size_t)32 << 20)
#define WAIT_S          5

struct block {
	struct block *next;
	struct ring_head head;
	char data[];
};

struct ring {
	char path[300];
	int64_t size, segment, keep_free;
	int retry_s;
	struct loop_wake *wake;
	pthread_t thread;

	/* the thread's own */
	int dir_fd, fd;
	int64_t written;	/* bytes of the open file */

	pthread_mutex_t lock;	/* guards all below */
	pthread_cond_t work, done;
	struct block *queue, **queue_end;
	size_t queued;		/* bytes */
	uint64_t next, finished;/* numbers: of the next block, of the last that was written or dropped */
	bool lost, failing, closing;
	bool told_failing;	/* the loop's own */
	time_t retry_at;
	char why[200];
};

static time_t clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- files ------------------------------------------------------------------------------------------ */

static int open_dir(struct ring *r)
{
	if (r->dir_fd >= 0)
		return 0;
	if (mkdir(r->path, 0700) < 0 && errno != EEXIST)
		return errno;
	r->dir_fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return r->dir_fd < 0 ? errno : 0;
}

/* The oldest go, so that a whole new file fits. */
static void make_room(struct ring *r)
{
	char name[RING_NAME_MAX];
	struct ring_files f;
	int64_t sum = r->segment;

	if (ring_files_list(r->dir_fd, &f) != 0)
		return;
	for (size_t i = 0; i < f.count; i++)
		sum += f.sizes[i];
	for (size_t i = 0; i < f.count && sum > r->size; i++) {
		if (unlinkat(r->dir_fd, ring_file_name(f.first[i], name), 0) == 0)
			sum -= f.sizes[i];
	}
	ring_files_free(&f);
}

static int begin_file(struct ring *r, uint64_t number)
{
	char name[RING_NAME_MAX];
	int err = open_dir(r);

	if (err)
		return err;
	make_room(r);
	r->fd = openat(r->dir_fd, ring_file_name(number, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	r->written = 0;
	return r->fd < 0 ? errno : 0;
}

static void end_file(struct ring *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static int enough_left(const struct ring *r, size_t len)
{
	struct statvfs vfs;

	if (fstatvfs(r->dir_fd, &vfs) < 0)
		return errno;
	return (int64_t)(vfs.f_bavail * vfs.f_frsize) - (int64_t)len < r->keep_free ? ENOSPC : 0;
}

static int write_whole(struct ring *r, const struct block *b)
{
	struct iovec parts[2] = {
		{ (void *)(uintptr_t)&b->head, sizeof(b->head) }, { (void *)(uintptr_t)b->data, b->head.len },
	};
	size_t len = sizeof(b->head) + b->head.len;
	ssize_t n;

	do
		n = writev(r->fd, parts, 2);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	r->written += n;
	return (size_t)n == len ? 0 : ENOSPC;
}

/* 0 or an errno. */
static int write_block(struct ring *r, struct block *b)
{
	struct ring_mark mark = b->head.mark;
	size_t len = sizeof(b->head) + b->head.len;
	int err = 0;

	/* Here, since a check sum of much takes time. */
	ring_head_make(&b->head, b->head.number, &mark, b->data, b->head.len);
	if (r->fd >= 0 && r->written + (int64_t)len > r->segment)
		end_file(r);
	if (r->fd < 0)
		err = begin_file(r, b->head.number);
	if (err == 0)
		err = enough_left(r, len);
	if (err == 0)
		err = write_whole(r, b);
	if (err)
		end_file(r);
	return err;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

static struct block *take(struct ring *r)
{
	struct block *b = r->queue;

	r->queue = b->next;
	if (r->queue == NULL)
		r->queue_end = &r->queue;
	r->queued -= sizeof(*b) + b->head.len;
	return b;
}

static void note_result(struct ring *r, int err)
{
	if (err == 0 && !r->failing)
		return;
	r->lost |= err != 0;
	r->failing = err != 0;
	if (err)
		snprintf(r->why, sizeof(r->why), "%s",
			 err == ENOSPC ? "too little room is left on the disk" : strerror(err));
	r->retry_at = clock_s() + r->retry_s;
	loop_wake_send(r->wake);
}

static void *write_main(void *arg)
{
	struct ring *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct block *b;
		bool skip;
		int err = 0;

		while (r->queue == NULL && !r->closing)
			pthread_cond_wait(&r->work, &r->lock);
		if (r->queue == NULL)
			break;
		b = take(r);
		skip = r->failing && clock_s() < r->retry_at;
		pthread_mutex_unlock(&r->lock);
		if (!skip)
			err = write_block(r, b);
		pthread_mutex_lock(&r->lock);
		if (!skip)
			note_result(r, err);
		r->finished = b->head.number;
		pthread_cond_broadcast(&r->done);
		free(b);
	}
	pthread_mutex_unlock(&r->lock);
	end_file(r);
	return NULL;
}

/* ---- on the loop --------------------------------------------------------------------------------------- */

static void tell(void *ctx)
{
	struct ring *r = ctx;
	char why[200];
	bool failing;

	pthread_mutex_lock(&r->lock);
	failing = r->failing;
	memcpy(why, r->why, sizeof(why));
	pthread_mutex_unlock(&r->lock);
	if (failing == r->told_failing)
		return;
	r->told_failing = failing;
	if (failing)
		log_lmsd(WARNING, "recording_failed", "path=%s why=\"%s\" (balancing goes on; tried again after %d s)",
			 r->path, why, r->retry_s);
	else
		log_lmsd(NOTICE, "recording_resumed", "path=%s", r->path);
}

/* Numbers go on where the last run ended: after the last file's first block, and as many as fit in it. */
static uint64_t first_number(struct ring *r)
{
	struct ring_files f;
	uint64_t next = 1;

	if (open_dir(r) != 0 || ring_files_list(r->dir_fd, &f) != 0)
		return next;
	if (f.count > 0)
		next = f.first[f.count - 1] + (uint64_t)f.sizes[f.count - 1] / sizeof(struct ring_head) + 2;
	ring_files_free(&f);
	return next;
}

struct ring *ring_open(struct loop *loop, const struct ring_conf *conf)
{
	struct ring *r = xcalloc(1, sizeof(*r));
	sigset_t all, before;
	int rc;

	snprintf(r->path, sizeof(r->path), "%s/%s", conf->state_directory, RING_DIRECTORY);
	r->size = conf->size;
	r->segment = conf->segment;
	r->keep_free = conf->keep_free;
	r->retry_s = conf->retry_s;
	r->dir_fd = r->fd = -1;
	r->queue_end = &r->queue;
	r->next = first_number(r);
	r->wake = loop_wake_new(loop, tell, r);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->work, NULL);
	pthread_cond_init(&r->done, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&r->thread, NULL, write_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lms_assert(rc == 0);
	pthread_setname_np(r->thread, "lmsd-recorder");
	return r;
}

void ring_close(struct ring *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	loop_wake_free(r->wake);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	pthread_cond_destroy(&r->work);
	pthread_cond_destroy(&r->done);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

uint64_t ring_put(struct ring *r, const struct ring_mark *mark, const void *data, size_t len)
{
	struct block *b;
	uint64_t number;

	pthread_mutex_lock(&r->lock);
	number = r->next++;
	if (r->queued + sizeof(*b) + len > QUEUE_BYTES_MAX || len > RING_BLOCK_MAX) {
		r->lost = true;
		pthread_mutex_unlock(&r->lock);
		return number;
	}
	pthread_mutex_unlock(&r->lock);
	b = xmalloc(sizeof(*b) + len);
	b->next = NULL;
	memcpy(b->data, data, len);
	b->head = (struct ring_head){ .number = number, .mark = *mark, .len = (uint32_t)len };
	pthread_mutex_lock(&r->lock);
	*r->queue_end = b;
	r->queue_end = &b->next;
	r->queued += sizeof(*b) + len;
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
	return number;
}

bool ring_lost(struct ring *r)
{
	bool lost;

	pthread_mutex_lock(&r->lock);
	/* While it fails, one block after the other is lost: a large one would be, too. */
	lost = r->lost && !r->failing && r->queued < QUEUE_BYTES_MAX / 2;
	if (lost)
		r->lost = false;
	pthread_mutex_unlock(&r->lock);
	return lost;
}

void ring_wait(struct ring *r, uint64_t number)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_S;
	pthread_mutex_lock(&r->lock);
	while (r->finished < number)
		if (pthread_cond_timedwait(&r->done, &r->lock, &end) != 0)
			break;
	pthread_mutex_unlock(&r->lock);
}

void ring_remove(const char *state_directory)
{
	char path[300], name[RING_NAME_MAX];
	struct ring_files f;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", state_directory, RING_DIRECTORY);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (ring_files_list(fd, &f) == 0) {
		for (size_t i = 0; i < f.count; i++)
			unlinkat(fd, ring_file_name(f.first[i], name), 0);
		ring_files_free(&f);
	}
	close(fd);
	rmdir(path);
}
