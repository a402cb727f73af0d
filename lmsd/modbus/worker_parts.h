/* modbus/worker_parts.h - the inside of a worker, for its own files: worker.c (the thread and what it is handed),
 * turns.c (who is asked next, and what of it), line.c (one exchange), poll.c (one poll), models.c (where a SunSpec device
 * has its models) and errand.c (what is asked once). All but worker.c run on the thread alone.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "modbus/link.h"
#include "modbus/worker.h"

#define BACK_OFF_ALONE_US (10 * US_PER_S)	/* also the longest pause of a bus that does not open */

struct slot {
	struct bus_task task;
	mono_t due;
	int fails;		/* polls in a row without an answer */
	mono_t answered_at;	/* the last time that it did; 0 = never */
	struct plan_block asked;	/* latest request, answered or not: its answer may still come */
	int slow_next;
	int identity;		/* as in bus_sample */
	bool identified;	/* the question has been asked since it came back */
	char identity_text[80];

	/* of a profile with models */
	struct sunspec_walk walk;
	struct sunspec_layout layout;
	mono_t walked_at;
	uint64_t models_read;	/* bit i: block i of the layout was answered since */
};

struct worker {
	char bus[ADDRESS_TEXT_MAX];
	void (*deliver)(void *ctx, struct bus_result *r);
	void *ctx;
	pthread_t thread;
	int wake_fd;		/* eventfd: new tasks */
	int stop_fd;		/* eventfd, never drained: the end */

	pthread_mutex_t lock;
	struct bus_task *tasks;	/* handed over, NULL = nothing new */
	size_t task_count;
	bool fresh_tasks, stop;
	struct errand *errands;	/* handed over, in their order; the first one is under way */
	void (*errand_ended)(struct errand *e);
	atomic_bool ended;

	/* of the thread alone */
	struct link *link;
	struct meter_address addr;
	mono_t errand_at;	/* its latest question */
	int errand_slave;	/* was asked last of those that nobody polls */
	struct plan_block errand_asked;
	struct slot *slots;
	size_t slot_count;
	int link_fails;
	bool probed;		/* a silent slave was tried since the last answer of another */
	bool missed;		/* the latest poll was not answered */
	mono_t quiet_since;	/* end of the last exchange */
	int last_slave;
};

/* ---- worker.c ---- */

mono_t worker_now(void);
bool worker_stopping(struct worker *w);
/* False when the end came first. With `tasks` it also returns as soon as there are new ones. */
bool worker_sleep_until(struct worker *w, mono_t until, bool tasks);

/* ---- turns.c ---- */

/* The slot to serve next; NULL and *due when none is due. Living slaves go before silent ones. */
struct slot *turns_next(struct worker *w, mono_t now, mono_t *due);
int64_t turns_back_off(const struct slot *s, int fails, int64_t max);
void turns_answered(struct slot *s, mono_t now);
void turns_missed(struct worker *w, struct slot *s, mono_t now);
/* The next block of this poll, by its number in the plan; -1 when all wanted ones are read. */
int turns_block(const struct slot *s, const bool *wanted, const bool *done);

/* ---- line.c ---- */

/* Answers to them differ in nothing but what they say. */
bool line_same_shape(const struct plan_block *a, const struct plan_block *b);
/* Keeps the bus silent for as long as the device wants; false when called off. */
bool line_keep_silence(struct worker *w, const struct slot *s, const struct plan_block *b);
/* One request after that silence, as link_read(); -LMS_EFAILED when called off. */
int line_exchange(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words, int *exception, char *text);
int line_ensure_open(struct worker *w, const struct slot *s, char *text);
/* After a failure a late answer may come: it must find nobody who asked something else. */
void line_clear(struct worker *w, const struct slot *s, int err);
/* Whether the failure says little about the slave, so that it is asked once more at once. */
bool line_worth_another(struct worker *w, const struct slot *s, int err, bool was_open);

/* A gateway says so when the slave behind it is silent. */
bool line_is_silence(int exception);

/* ---- models.c ---- */

#define MODELS_GO_ON 1	/* beside 0 and errors: the others first, then ask on */

/* What is read of it now. */
const struct meter_plan *models_plan(const struct slot *s);
/* Looks for the models of the profile, if it has some and they are not known; a few questions at a time. */
int models_find(struct worker *w, struct slot *s, char *text);
/* As line_exchange(), a block of models_plan(). */
int models_exchange(struct worker *w, struct slot *s, const struct plan_block *b, uint16_t *words, int *exception,
		    char *text);

/* ---- poll.c, errand.c ---- */

void poll_slot(struct worker *w, struct slot *s);
struct errand *errand_first(struct worker *w);	/* NULL = none */
void errand_step(struct worker *w, struct errand *e);	/* one question, or its end */
void errand_end(struct worker *w, bool cut);	/* of the first one */
