/* modbus/worker.c - one bus, one thread: what it is handed, and the loop over it. */
#include "modbus/worker_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

#define ERRAND_WAIT_US US_PER_S	/* longer, polls do not keep an errand from its next question */

mono_t worker_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

bool worker_stopping(struct worker *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

bool worker_sleep_until(struct worker *w, mono_t until, bool tasks)
{
	struct pollfd p[2] = { { .fd = w->stop_fd, .events = POLLIN },
			       { .fd = tasks ? w->wake_fd : -1, .events = POLLIN } };

	for (;;) {
		int64_t left = until - worker_now();

		if (left <= 0)
			return true;
		if (left > 60 * US_PER_S)
			left = 60 * US_PER_S;
		if (poll(p, 2, (int)((left + US_PER_MS - 1) / US_PER_MS)) > 0)
			return !p[0].revents;
	}
}

/* ---- tasks --------------------------------------------------------------------------------- */

static const struct slot *find_slot(const struct worker *w, uint64_t serial)
{
	for (size_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].task.serial == serial)
			return &w->slots[i];
	return NULL;
}

static void take_tasks(struct worker *w)
{
	struct bus_task *tasks = NULL;
	struct slot *slots;
	size_t count = 0;
	uint64_t drained;
	bool fresh;

	if (read(w->wake_fd, &drained, sizeof(drained)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&w->lock);
	fresh = w->fresh_tasks;
	if (fresh) {
		tasks = w->tasks;
		count = w->task_count;
		w->tasks = NULL;
		w->fresh_tasks = false;
	}
	pthread_mutex_unlock(&w->lock);
	if (!fresh)
		return;
	slots = xcalloc(count + 1, sizeof(*slots));
	for (size_t i = 0; i < count; i++) {
		const struct slot *old = find_slot(w, tasks[i].serial);

		if (old) {
			slots[i] = *old;
		} else {
			slots[i].task = tasks[i];
			slots[i].due = worker_now();
		}
	}
	free(w->slots);
	free(tasks);
	w->slots = slots;
	w->slot_count = count;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct errand *e;

	for (;;) {
		struct slot *s;
		mono_t due;

		take_tasks(w);
		if (worker_stopping(w))
			break;
		s = turns_next(w, worker_now(), &due);
		e = errand_first(w);
		if (e && (!s || worker_now() - w->errand_at > ERRAND_WAIT_US))
			errand_step(w, e);
		else if (s)
			poll_slot(w, s);
		else
			worker_sleep_until(w, due, true);
	}
	link_close(w->link);
	while (errand_first(w))
		errand_end(w, true);
	atomic_store(&w->ended, true);
	return NULL;
}

/* ---- from the loop's thread ---------------------------------------------------------------- */

static void wake(int fd)
{
	uint64_t one = 1;

	/* A counter that is full wakes as well. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void worker_destroy(struct worker *w)
{
	link_free(w->link);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	pthread_mutex_destroy(&w->lock);
	free(w->tasks);
	free(w->slots);
	free(w);
}

struct worker *worker_new(const struct meter_address *addr, struct lowfd *low,
			  void (*deliver)(void *ctx, struct bus_result *r), void *ctx)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	address_bus(addr, w->bus);
	w->addr = *addr;
	w->deliver = deliver;
	w->ctx = ctx;
	w->last_slave = -1;
	pthread_mutex_init(&w->lock, NULL);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->link = link_new(addr, low, w->stop_fd);
	if (w->wake_fd < 0 || w->stop_fd < 0 || pthread_create(&w->thread, NULL, run, w) != 0) {
		worker_destroy(w);
		return NULL;
	}
	return w;
}

void worker_set_tasks(struct worker *w, const struct bus_task *tasks, size_t count)
{
	struct bus_task *copy = xcalloc(count + 1, sizeof(*copy));

	memcpy(copy, tasks, count * sizeof(*copy));
	pthread_mutex_lock(&w->lock);
	free(w->tasks);
	w->tasks = copy;
	w->task_count = count;
	w->fresh_tasks = true;
	pthread_mutex_unlock(&w->lock);
	wake(w->wake_fd);
}

void worker_take_errand(struct worker *w, struct errand *take_e, void (*ended)(struct errand *e))
{
	struct errand **at = &w->errands;

	take_e->next = NULL;
	pthread_mutex_lock(&w->lock);
	w->errand_ended = ended;
	while (*at)
		at = &(*at)->next;
	*at = take_e;
	pthread_mutex_unlock(&w->lock);
	wake(w->wake_fd);
}

const char *worker_bus(const struct worker *w)
{
	return w->bus;
}

void worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	wake(w->stop_fd);
	link_break(w->link);
}

bool worker_ended(const struct worker *w)
{
	return atomic_load(&w->ended);
}

void worker_free(struct worker *w)
{
	worker_stop(w);
	pthread_join(w->thread, NULL);
	worker_destroy(w);
}
