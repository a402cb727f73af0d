/* control/jobs.h - commands to many stations, carried out by lmsd: noun job.
 *
 * A job gives one verb to each of its stations, so many at a time, and keeps what they answered. It runs
 * with the roles of whoever began it and goes on when that connection is gone. Jobs live in memory: a
 * restart ends them, and which stations have answered by then is in the log.
 */
#pragma once

#include "control/control.h"

struct jobs;

struct jobs *jobs_new(struct control *c);
void jobs_free(struct jobs *js);
/* The answer to a call of ours, by the number of its token. */
void jobs_reply(struct jobs *js, uint32_t number, bool error, const char *json, size_t len);
/* Asks the next stations, and answers those who wait for results. */
void jobs_turn(struct jobs *js, mono_t now);
mono_t jobs_next_due(const struct jobs *js);

/* control.c: runs a verb for a job; its answer comes by jobs_reply(number), in this turn or later. */
void control_run_job(struct control *c, const struct ctl_verb_desc *verb, const struct json *params, unsigned roles,
		     unsigned uid, uint32_t number);
struct jobs *control_jobs(struct control *c);
