/* hall/background.c - a queue and its thread, which is nicer than the loop: on one core it must not be felt. */
#include "hall/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/loop.h"

#define WAITING_MAX 8
#define NICE        10

struct background {
	struct loop_wake *wake;
	pthread_t thread;
	bool closing;			/* atomic: the thread looks without the lock */
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t work;
	struct job *asked, **asked_end;
	struct job *answered, **answered_end;
	int waiting;			/* asked and not delivered */
};

static bool is_closing(const struct background *bg)
{
	return __atomic_load_n(&bg->closing, __ATOMIC_RELAXED);
}

bool job_cancelled(const struct job *job)
{
	return is_closing(job->by);
}

static void *work_main(void *arg)
{
	struct background *bg = arg;

	setpriority(PRIO_PROCESS, 0, NICE);	/* of this thread alone, on Linux */
	pthread_mutex_lock(&bg->lock);
	for (;;) {
		struct job *job;

		while (bg->asked == NULL && !is_closing(bg))
			pthread_cond_wait(&bg->work, &bg->lock);
		if (is_closing(bg))
			break;
		job = bg->asked;
		bg->asked = job->next;
		if (bg->asked == NULL)
			bg->asked_end = &bg->asked;
		job->next = NULL;
		pthread_mutex_unlock(&bg->lock);
		job->run(job);
		pthread_mutex_lock(&bg->lock);
		*bg->answered_end = job;
		bg->answered_end = &job->next;
		loop_wake_send(bg->wake);
	}
	pthread_mutex_unlock(&bg->lock);
	return NULL;
}

static struct job *take_answered(struct background *bg)
{
	struct job *job;

	pthread_mutex_lock(&bg->lock);
	job = bg->answered;
	bg->answered = NULL;
	bg->answered_end = &bg->answered;
	for (const struct job *j = job; j != NULL; j = j->next)
		bg->waiting--;
	pthread_mutex_unlock(&bg->lock);
	return job;
}

static void deliver(void *ctx)
{
	struct job *next;

	for (struct job *job = take_answered(ctx); job != NULL; job = next) {
		next = job->next;
		job->done(job);
	}
}

struct background *background_new(struct loop *loop)
{
	struct background *bg = xcalloc(1, sizeof(*bg));
	sigset_t all, before;
	int rc;

	bg->asked_end = &bg->asked;
	bg->answered_end = &bg->answered;
	bg->wake = loop_wake_new(loop, deliver, bg);
	pthread_mutex_init(&bg->lock, NULL);
	pthread_cond_init(&bg->work, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&bg->thread, NULL, work_main, bg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lms_assert(rc == 0);
	pthread_setname_np(bg->thread, "lmsd-background");
	return bg;
}

static void drop_all(struct job *job)
{
	struct job *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->drop(job);
	}
}

void background_free(struct background *bg)
{
	if (bg == NULL)
		return;
	pthread_mutex_lock(&bg->lock);
	__atomic_store_n(&bg->closing, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&bg->work);
	pthread_mutex_unlock(&bg->lock);
	pthread_join(bg->thread, NULL);
	drop_all(bg->answered);
	drop_all(bg->asked);
	loop_wake_free(bg->wake);
	pthread_cond_destroy(&bg->work);
	pthread_mutex_destroy(&bg->lock);
	free(bg);
}

bool background_take(struct background *bg, struct job *take_job)
{
	bool room;

	take_job->next = NULL;
	take_job->by = bg;
	pthread_mutex_lock(&bg->lock);
	room = bg->waiting < WAITING_MAX;
	if (room) {
		bg->waiting++;
		*bg->asked_end = take_job;
		bg->asked_end = &take_job->next;
		pthread_cond_signal(&bg->work);
	}
	pthread_mutex_unlock(&bg->lock);
	return room;
}
