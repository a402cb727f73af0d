/* hall/record.c - from the balance's journal into the ring: once a second, or when much has gathered.
 *
 * A snapshot every ten minutes bounds how much a replay must run again. After blocks were lost a
 * snapshot comes at once, so that the recording goes on behind the hole.
 */
#include "app.h"
#include "balance/record/journal.h"
#include "store/ring.h"

#define MIB            ((int64_t)1 << 20)
#define FLUSH_US       US_PER_S
#define FLUSH_BYTES    ((size_t)64 << 10)
#define SNAPSHOT_US    (600 * US_PER_S)
#define RETRY_S        60
#define KEEP_FREE      (128 * MIB)	/* what the ledger may still need */

void record_open(struct app *app)
{
	struct ring_conf conf = {
		.state_directory = app->boot.state_directory, .size = app->boot.recording_size * MIB,
		.segment = app->boot.recording_segment * MIB, .keep_free = KEEP_FREE,
		.retry_s = RETRY_S,
	};

	app->flush_due = MONO_NEVER;
	if (conf.size == 0) {
		ring_remove(conf.state_directory);
		return;
	}
	app->ring = ring_open(app->loop, &conf);
	app->snapshot_due = loop_now(app->loop) + SNAPSHOT_US;
	balance_journal_start(app->hall.balance, loop_now(app->loop));
}

/* The number of the last block, in which all is that happened so far. */
uint64_t record_flush(struct app *app, mono_t now, wall_t wall)
{
	struct journal_chunk c;
	struct ring_mark mark;

	balance_journal_peek(app->hall.balance, &c);
	app->flush_due = MONO_NEVER;
	if (app->ring == NULL || c.len == 0)
		return app->block;
	mark = (struct ring_mark){ .wall = wall, .mono = now, .first = c.first, .last = c.last,
				   .snapshot = c.snapshot };
	app->block = ring_put(app->ring, &mark, c.rows, c.len);
	balance_journal_drop(app->hall.balance);
	return app->block;
}

void record_turn(struct app *app, mono_t now, wall_t wall)
{
	size_t gathered = balance_journal_size(app->hall.balance);

	if (app->ring == NULL || gathered == 0)
		return;
	if (app->flush_due == MONO_NEVER)
		app->flush_due = now + FLUSH_US;
	if (now < app->flush_due && gathered < FLUSH_BYTES)
		return;
	if (now >= app->snapshot_due || ring_lost(app->ring)) {
		balance_journal_snapshot(app->hall.balance, now);
		app->snapshot_due = now + SNAPSHOT_US;
	}
	record_flush(app, now, wall);
}

void record_close(struct app *app)
{
	record_flush(app, loop_now(app->loop), loop_wall());
	ring_close(app->ring);
}
