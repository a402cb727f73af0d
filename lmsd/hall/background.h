/* hall/background.h - one thread for answers that take long: it works on copies, in the order of asking.
 *
 * A job's run() sees nothing that the loop may change; done() is called on the loop with what it made.
 */
#pragma once

#include <stdbool.h>

struct loop;
struct background;

struct job {
	struct job *next;		/* private, as is: */
	const struct background *by;
	void (*run)(struct job *job);	/* in the thread; asks job_cancelled() where it takes long */
	void (*done)(struct job *job);	/* on the loop; frees the job */
	void (*drop)(struct job *job);	/* on the loop, when lmsd ends first; frees the job */
};

struct background *background_new(struct loop *loop);
/* Waits for the job that runs, which is told to stop; drops all. */
void background_free(struct background *bg);
/* false: too many wait already; nothing was taken. */
bool background_take(struct background *bg, struct job *take_job);
bool job_cancelled(const struct job *job);
