/* archive/archive.h - the history on disk: what meters, zones and connectors measured, for years.
 *
 * An LMDB environment of its own, STATE/history, written by a thread of its own. Rows gather in memory and are
 * committed by archive_commit(): the last ones before a crash are missing, and nothing is torn. Full hours become
 * blocks, and days roll-ups of 15 min. The oldest goes when it is too old, or when all together becomes too
 * large; of readings that go, roll-ups of 1 min stay.
 *
 * Nothing else depends on it: a disk that is full or broken is told once as an event, costs rows, and is tried
 * again; balancing and ledger never notice. All functions are for the loop thread and never block, except that
 * archive_close() waits for the commit that runs.
 *
 * A row is of the step that ends at its time, so the hour of a row at 12:00:00 is the one from 11:00 (hour keys
 * below are of (time_s - 1) / 3600). A clock that is set back makes rows whose time is there already: both stay.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/types.h"
#include "history/block.h"
#include "history/rows.h"
#include "history/variable.h"

struct loop;
struct archive;

struct archive_conf {
	const char *state_directory;
	int64_t max_bytes;		/* of the environment; kept well below it */
	int64_t keep_s[3];		/* readings, minutes, quarters of an hour */
	int64_t keep_free;		/* of the disk, in bytes: below, old makes room for new, and the file no longer grows */
	int retry_s;			/* after a failure */
};

struct archive *archive_open(struct loop *loop, const struct archive_conf *conf);	/* never fails */
void archive_close(struct archive *a);		/* commits what is there; NULL is fine */

/* ---- writing ---- */

/* What was read of one series in the step that ends at time_s. Copied. */
void archive_put(struct archive *a, enum history_kind kind, const char *id, int64_t time_s, unsigned step_s,
		 const struct history_sample *s, size_t n);
/* Hands what has gathered to the thread. */
void archive_commit(struct archive *a);

/* ---- reading ---- */

#define ARCHIVE_ID_MAX (ID_MAX + 8)

struct archive_query {
	enum history_kind kind;
	char id[ARCHIVE_ID_MAX];
	bool configured;		/* it is there, even if nothing is kept of it */
	struct history_vars vars;
	bool trim;			/* leave out variables that were never kept of it, unless that is all */
	wall_t from, until;
	wall_t at;			/* where this page begins: `from`, or what a cursor says */
	int64_t step_ms;		/* 0 = as stored */
	int64_t stored_step_ms;		/* of readings now: told where there are none */
	unsigned stats;			/* set of enum history_stat, for aggregates */
};

/* One page as the JSON of a `history` record (ctl/history.def), or an error. */
struct archive_page {
	int err;			/* 0, -LMS_ENOTFOUND, -LMS_EIO */
	char text[200];			/* of the error */
	struct buf json;
};

/* done() comes once, on the loop; from inside this call where too many wait, or the archive is off. */
void archive_read(struct archive *a, const struct archive_query *q, void (*done)(void *ctx, struct archive_page *page),
		  void *ctx);
/* What a cursor says: 0, or -LMS_EDATA. */
int archive_cursor_parse(const char *text, wall_t *at, wall_t *until);

/* ---- figures ---- */

enum archive_level { ARCHIVE_RAW, ARCHIVE_MINUTE, ARCHIVE_QUARTER, ARCHIVE_LEVELS };

struct archive_figures {
	bool on;			/* false: it cannot be written */
	char why[200];			/* of that; "" */
	int64_t file_bytes, used_bytes, max_bytes;
	int64_t samples, sample_bytes;	/* numbers in blocks, and the pages that these take */
	int64_t first_s[ARCHIVE_LEVELS], last_s;	/* seconds since 1970, 0 = nothing */
	int64_t lost;			/* rows that could not be kept, since start */
	int64_t commit_us, seal_us;	/* the latest of each */
};

void archive_figures(struct archive *a, struct archive_figures *out);
