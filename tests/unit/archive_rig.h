/* archive_rig.h - the vault of an archive without threads, in a directory that is removed again, for its tests. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/pull.h"
#include "archive/writer.h"
#include "base/err.h"
#include "base/json.h"
#include "ctl/ctl.h"

#define ROWS_MAX 60000

struct archive_rig {
	struct state_dir dir;
	struct writer w;
	bool stopping;

	/* what read_all() found */
	struct arena arena;
	const struct json *row[ROWS_MAX];
	size_t rows, pages;
	int64_t step_ms[64];		/* of each page */
	char columns[2000];		/* of the last */
	int err;
};

static inline bool rig_stop(void *ctx)
{
	return ((struct archive_rig *)ctx)->stopping;
}

static inline void rig_open_max(struct archive_rig *r, int64_t max)
{
	bool aside;

	memset(&r->w, 0, sizeof(r->w));
	r->w.stop = rig_stop;
	r->w.stop_ctx = r;
	assert_int_equal(vault_open(&r->w.vault, &r->dir, max, &aside), 0);
	/* No power fails here: hours of history do not wait for a disk. */
	mdb_env_set_flags(r->w.vault.mdb, MDB_NOSYNC, 1);
}

static inline void rig_init(struct archive_rig *r)
{
	const char *tmp = getenv("TMPDIR");

	memset(r, 0, sizeof(*r));
	snprintf(r->dir.path, sizeof(r->dir.path), "%s/lms-archive.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(r->dir.path));
	r->dir.fd = open(r->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->dir.lock_fd = -1;
	arena_init(&r->arena);
	rig_open_max(r, INT64_C(1) << 30);
}

static inline void rig_close(struct archive_rig *r)
{
	writer_forget(&r->w);
	vault_close(&r->w.vault);
}

static inline void rig_remove(const char *dir)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	assert_int_equal(system(cmd), 0);
}

static inline void rig_fini(struct archive_rig *r)
{
	rig_close(r);
	arena_fini(&r->arena);
	close(r->dir.fd);
	rig_remove(r->dir.path);
}

/* Commits and does all that is due. */
static inline void rig_store(struct archive_rig *r, struct batch *take_b)
{
	assert_int_equal(writer_rows(&r->w, take_b), 0);
	assert_int_equal(writer_seal(&r->w), 0);
	assert_int_equal(writer_roll(&r->w), 0);
	batch_free(take_b);
}

static inline struct archive_query rig_query(const char *id, const char *variables, int64_t from_s, int64_t until_s,
					     int64_t step_s)
{
	struct archive_query q = { .kind = HISTORY_METER, .from = from_s * US_PER_S, .at = from_s * US_PER_S,
				   .until = until_s * US_PER_S, .step_ms = step_s * 1000, .stats = HISTORY_MEAN,
				   .stored_step_ms = 10000 };
	struct diag d;

	diag_init(&d);
	snprintf(q.id, sizeof(q.id), "%s", id);
	assert_int_equal(history_vars_parse(variables, HISTORY_METER, &q.vars, &d), 0);
	return q;
}

/* All pages of an answer. `pending` (may be NULL) is what is not committed yet. */
static inline void rig_read(struct archive_rig *r, struct archive_query q, const struct batch *pending)
{
	static const struct json_caps caps = { (size_t)64 << 20, 16 };
	bool more = true;

	arena_reset(&r->arena);
	r->rows = r->pages = 0;
	r->err = 0;
	while (more) {
		struct pull *job = pull_new(&q);
		const struct json *rec, *rows;
		const char *cursor;
		char *text;

		if (pending) {
			buf_add(&job->pending.rows, pending->rows.data, pending->rows.len);
			job->pending.count = pending->count;
		}
		pull_page(&r->w.vault, job);
		assert_int_equal(job->bad, 0);
		if ((r->err = job->page.err) != 0) {
			pull_free(job);
			return;
		}
		text = arena_strndup(&r->arena, job->page.json.data, job->page.json.len);
		rec = json_parse(&r->arena, text, strlen(text), &caps, NULL);
		pull_free(job);
		assert_non_null(rec);
		rows = json_get(rec, "rows");
		for (const struct json *row = rows->first; row != NULL; row = row->next) {
			assert_true(r->rows < ROWS_MAX);
			r->row[r->rows++] = row;
		}
		if (r->pages < ARRAY_LEN(r->step_ms))
			assert_int_equal(json_int(json_get(rec, "step_ms"), &r->step_ms[r->pages]), 0);
		r->pages++;
		assert_true(r->pages < 10000);
		cursor = json_str(json_get(rec, "cursor"), NULL);
		more = cursor != NULL;
		if (more)
			assert_int_equal(archive_cursor_parse(cursor, &q.at, &q.until), 0);
	}
}

/* NUM_NONE for null. */
static inline int64_t rig_cell(const struct archive_rig *r, size_t row, size_t column)
{
	int64_t v = NUM_NONE;

	json_int(json_at(r->row[row], column), &v);
	return v;
}
