/* hall/control/ctl_replay.c - zone replay: a past decision, made again by the engine from what was recorded.
 *
 * Works on files and on a balance of its own, so it runs in the background. Two passes over the blocks:
 * the first counts the turns until the moment asked for, the second runs them; what came after the last
 * of them is not given to the engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "hall/background.h"
#include "balance/record/journal.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "hall/split.h"
#include "store/ring.h"

struct replay_job {
	struct job job;
	struct app *app;
	uint64_t token;
	struct ring *ring;
	uint64_t block;		/* in which all is that happened until now */
	char directory[BOOT_TEXT_MAX];
	char zone[ID_MAX + 1];
	wall_t at;

	/* the answer */
	struct replay replay;
	wall_t from, ran, differs_at;
	struct buf out;
	struct diag diag;
};

/* ---- in the background ------------------------------------------------------------------------------ */

/* Nothing is known of a moment in a hole. */
static int refuse_hole(struct replay_job *j, wall_t from, wall_t to)
{
	char a[RFC3339_MAX], b[RFC3339_MAX];

	rfc3339_format(from / US_PER_S * US_PER_S, a);
	rfc3339_format(to / US_PER_S * US_PER_S, b);
	return diag_set(&j->diag, -LMS_ENOTFOUND, "at: nothing is recorded from %s to %s: lmsd did not run, or could "
			"not write", a, b);
}

/* Turns at or before the moment, and the blocks that hold them. */
static int count_turns(struct replay_job *j, struct ring_reader *r, size_t *blocks)
{
	struct ring_block b;
	wall_t told = WALL_NONE;
	bool gap, beyond = false;

	for (*blocks = 0; !beyond && !job_cancelled(&j->job) && ring_reader_next(r, &b, &gap) > 0; ++*blocks) {
		int64_t n;

		if (gap) {
			wall_t begins = ring_mark_wall(&b.mark, b.mark.first);

			return j->at > told ? refuse_hole(j, told, begins) : 0;
		}
		n = replay_count(b.data, b.len, ring_mark_mono(&b.mark, j->at), &beyond, &j->diag);
		if (n < 0)
			return (int)n;
		j->replay.stop_after += (uint64_t)n;
		told = b.mark.wall;
	}
	return 0;
}

static int run_turns(struct replay_job *j, struct ring_reader *r, size_t blocks)
{
	struct ring_block b;
	bool gap;
	int ret = 0;

	for (size_t i = 0; i < blocks && ret == 0 && !job_cancelled(&j->job); i++) {
		bool differed = j->replay.differ > 0;

		if (ring_reader_next(r, &b, &gap) <= 0)
			return diag_set(&j->diag, -LMS_ENOTFOUND, "at: what was recorded then is being deleted");
		ret = replay_chunk(&j->replay, b.data, b.len, &j->diag);
		if (i == 0)
			j->from = ring_mark_wall(&b.mark, b.mark.snapshot);
		if (j->replay.ran != MONO_NEVER)
			j->ran = ring_mark_wall(&b.mark, j->replay.ran);
		if (!differed && j->replay.differ > 0)
			j->differs_at = ring_mark_wall(&b.mark, j->replay.differs_at);
	}
	return ret;
}

static int replay(struct replay_job *j, struct ring_reader *r)
{
	size_t blocks;
	wall_t oldest;
	int ret = ring_reader_seek(r, j->at, &oldest, &j->diag);

	if (ret == 0)
		ret = count_turns(j, r, &blocks);
	if (ret == 0)
		ret = ring_reader_seek(r, j->at, &oldest, &j->diag);
	return ret == 0 ? run_turns(j, r, blocks) : ret;
}

static void write_answer(struct replay_job *j, int zone)
{
	struct json_writer w;

	jw_init(&w, &j->out);
	jw_object(&w);
	jw_kstr(&w, "id", j->zone);
	split_time(&w, "at", j->at);
	split_time(&w, "decided", j->ran);
	split_time(&w, "from", j->from);
	jw_kint(&w, "turns", (int64_t)j->replay.turns);
	jw_kint(&w, "orders", (int64_t)j->replay.orders);
	jw_kbool(&w, "same", j->replay.differ == 0);
	split_time(&w, "differs_at", j->differs_at);
	split_zone(&w, j->replay.b, zone);
	jw_object_end(&w);
}

static void run(struct job *job)
{
	struct replay_job *j = (struct replay_job *)job;
	struct ring_reader *r;
	int zone;

	ring_wait(j->ring, j->block);
	r = ring_reader_new(j->directory);
	if (replay(j, r) == 0 && j->replay.b == NULL)
		diag_set(&j->diag, -LMS_EDATA, "the recording is damaged there");
	ring_reader_free(r);
	if (diag_failed(&j->diag))
		return;
	zone = balance_zone_find(j->replay.b, j->zone);
	if (zone < 0)
		diag_set(&j->diag, -LMS_ENOTFOUND, "zone '%s' did not exist then", j->zone);
	else
		write_answer(j, zone);
}

/* ---- on the loop ---------------------------------------------------------------------------------------- */

static void drop(struct job *job)
{
	struct replay_job *j = (struct replay_job *)job;

	balance_free(j->replay.b);
	buf_fini(&j->out);
	free(j);
}

static void done(struct job *job)
{
	struct replay_job *j = (struct replay_job *)job;

	j->app->turn_open = true;
	if (diag_failed(&j->diag))
		fx_reply_error(&j->app->fx, j->token, j->diag.err, j->diag.text);
	else
		fx_reply(&j->app->fx, FX_NOW, j->token, buf_cstr(&j->out), j->out.len);
	drop(job);
}

int ctl_zone_replay(struct ctl_call *c, const struct ctl_zone_replay_args *a)
{
	struct app *app = (struct app *)((char *)(uintptr_t)c->hall - offsetof(struct app, hall));
	struct replay_job *j;

	if (app->ring == NULL)
		return diag_set(&c->diag, -LMS_ECONFLICT, "nothing is recorded: recording.size is 0 in lmsd.conf");
	if (a->at > c->wall)
		return diag_set(&c->diag, -LMS_ERANGE, "at: is in the future (lmsctl zone simulate)");
	j = xcalloc(1, sizeof(*j));
	j->job = (struct job){ .run = run, .done = done, .drop = drop };
	j->app = app;
	j->token = c->token;
	j->ring = app->ring;
	j->block = record_flush(app, c->now, c->wall);
	j->at = a->at;
	j->from = j->ran = j->differs_at = WALL_NONE;
	snprintf(j->directory, sizeof(j->directory), "%s", app->boot.state_directory);
	snprintf(j->zone, sizeof(j->zone), "%s", a->id);
	buf_init(&j->out);
	diag_init(&j->diag);
	if (background_take(app->background, &j->job))
		return CTL_LATER;
	drop(&j->job);
	return diag_set(&c->diag, -LMS_ECONFLICT, "too many replays and simulations wait already (try again later)");
}
