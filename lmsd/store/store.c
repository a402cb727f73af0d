/* store/store.c - the store as the loop sees it, and its two threads: one commits, one reads pages.
 *
 * The threads share with the loop what `lock` guards and nothing else; they log nothing and call
 * nobody. What they did is told by a wake-up, and store_deliver() makes the callbacks of it on the
 * loop. The environment is safe by itself: only the commit thread writes, readers have their own
 * transactions.
 */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/batch.h"
#include "store/dir.h"
#include "store/env.h"
#include "store/page.h"
#include "store/record.h"

/* Batches that wait are committed together, up to this many operations: a commit stays short
 * enough to be acknowledged in time. */
#define GROUP_OPS_MAX 20000

struct store {
	struct state_dir dir;
	struct env env;
	const struct store_ops *ops;
	void *ctx;
	struct loop_wake *wake;
	pthread_t commit_thread, read_thread;

	/* the loop's own */
	uint64_t submitted;
	uint64_t told;			/* committed() was called with this */
	uint64_t bad_records;
	bool told_failed;
	bool closed;			/* the threads are gone */
	char why[200];

	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t to_commit, to_read;
	struct store_batch *queue, **queue_end;
	struct page_job *asked, **asked_end;
	struct page_job *answered, **answered_end;
	uint64_t durable;
	bool failed, ballast_freed, closing;
	char thread_why[200];
};

/* ---- the commit thread ------------------------------------------------------------------- */

/* Cuts the batches of one transaction off the queue; returns the last of them. */
static struct store_batch *queue_cut(struct store *s)
{
	struct store_batch *last = s->queue;
	size_t ops = last->count;

	while (last->next && ops + last->next->count <= GROUP_OPS_MAX) {
		last = last->next;
		ops += last->count;
	}
	s->queue = last->next;
	if (!s->queue)
		s->queue_end = &s->queue;
	last->next = NULL;
	return last;
}

static void free_batches(struct store_batch *b)
{
	while (b) {
		struct store_batch *next = b->next;

		store_batch_free(b);
		b = next;
	}
}

static bool all_empty(const struct store_batch *b)
{
	while (b && b->count == 0)
		b = b->next;
	return !b;
}

static void note_failure(struct store *s, int rc, bool ballast_freed)
{
	s->failed = true;
	s->ballast_freed = ballast_freed;
	snprintf(s->thread_why, sizeof(s->thread_why), "commit: %s", mdb_strerror(rc));
}

static void *commit_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->queue && !s->closing)
			pthread_cond_wait(&s->to_commit, &s->lock);
		if (!s->queue)
			break;
		struct store_batch *first = s->queue, *last = queue_cut(s);
		uint64_t seq = last->seq;
		bool skip = s->failed, freed = false;
		int rc = 0;

		pthread_mutex_unlock(&s->lock);
		if (!skip && !all_empty(first))
			rc = dir_explain(&s->dir, env_commit(&s->env, first, last));
		/* Not to try again here, but so that the next start finds room. */
		if (rc == ENOSPC)
			freed = dir_ballast_free(&s->dir);
		free_batches(first);
		pthread_mutex_lock(&s->lock);
		if (rc)
			note_failure(s, rc, freed);
		else if (!skip)
			s->durable = seq;
		loop_wake_send(s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- the reader thread ------------------------------------------------------------------- */

static void *read_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->asked && !s->closing)
			pthread_cond_wait(&s->to_read, &s->lock);
		struct page_job *job = s->asked;

		if (!job)
			break;
		s->asked = job->next;
		if (!s->asked)
			s->asked_end = &s->asked;
		job->next = NULL;
		pthread_mutex_unlock(&s->lock);
		page_read(&s->env, job);
		pthread_mutex_lock(&s->lock);
		*s->answered_end = job;
		s->answered_end = &job->next;
		loop_wake_send(s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- on the loop ------------------------------------------------------------------------- */

static void deliver_failure(struct store *s, bool ballast_freed)
{
	s->told_failed = true;
	if (ballast_freed)
		log_lmsd(WARNING, "store_ballast_freed", "dir=%s", s->dir.path);
	log_lmsd(ERROR, "store_failed", "batch=%llu why=\"%s\"",
		 (unsigned long long)(s->told + 1), s->why);
	s->ops->failed(s->ctx, s->told + 1, s->why);
}

static void store_deliver(void *arg)
{
	struct store *s = arg;
	struct page_job *job;
	uint64_t durable;
	bool failed, freed;

	pthread_mutex_lock(&s->lock);
	durable = s->durable;
	freed = s->ballast_freed;
	failed = s->failed && !s->told_failed;
	if (failed)
		memcpy(s->why, s->thread_why, sizeof(s->why));
	job = s->answered;
	s->answered = NULL;
	s->answered_end = &s->answered;
	pthread_mutex_unlock(&s->lock);

	if (durable > s->told) {
		s->told = durable;
		s->ops->committed(s->ctx, durable);
	}
	if (failed)
		deliver_failure(s, freed);
	while (job) {
		struct page_job *next = job->next;

		s->bad_records += job->bad_records;
		if (job->bad_records)
			log_lmsd(ERROR, "store_bad_records", "table=%s count=%llu",
				 store_table_name(job->table), (unsigned long long)job->bad_records);
		job->done(job->ctx, &job->page);
		page_job_free(job);
		job = next;
	}
}

uint64_t store_submit(struct store *s, struct store_batch *take_batch)
{
	take_batch->seq = ++s->submitted;
	take_batch->next = NULL;
	if (s->told_failed || s->closed) {
		store_batch_free(take_batch);
		return s->submitted;
	}
	pthread_mutex_lock(&s->lock);
	*s->queue_end = take_batch;
	s->queue_end = &take_batch->next;
	pthread_cond_signal(&s->to_commit);
	pthread_mutex_unlock(&s->lock);
	return s->submitted;
}

void store_read_page(struct store *s, enum store_table table, const char *after_key, bool backwards,
		     size_t limit, void (*done)(void *ctx, const struct store_page *page), void *ctx)
{
	struct page_job *job = page_job_new(table, after_key, backwards, limit);

	job->done = done;
	job->ctx = ctx;
	if (s->closed) {
		job->page.err = -LMS_EIO;
		done(ctx, &job->page);
		page_job_free(job);
		return;
	}
	pthread_mutex_lock(&s->lock);
	*s->asked_end = job;
	s->asked_end = &job->next;
	pthread_cond_signal(&s->to_read);
	pthread_mutex_unlock(&s->lock);
}

bool store_is_failed(const struct store *s)
{
	return s->told_failed;
}

const char *store_why_failed(const struct store *s)
{
	return s->why;
}

/* ---- loading ----------------------------------------------------------------------------- */

static void log_bad_record(struct store *s, enum store_table table, const char *key,
			   const char *what)
{
	s->bad_records++;
	log_lmsd(ERROR, "store_bad_record", "table=%s key=\"%s\" what=\"%s\"",
		 store_table_name(table), log_text(key), what);
}

/* true if the record may be handed out; else it was logged. */
static bool load_check(struct store *s, enum store_table table, const MDB_val *k, const MDB_val *v,
		       struct arena *arena, char *key, const char **json, size_t *len)
{
	struct diag diag;
	int ret;

	if (!env_key_text(k, key)) {
		*key = '\0';
		log_bad_record(s, table, "", "not a key");
		return false;
	}
	ret = record_unpack(key, v->mv_data, v->mv_size, json, len);
	if (ret < 0) {
		log_bad_record(s, table, key, ret == -LMS_EPROTOCOL ? "written by another version"
								    : "damaged");
		return false;
	}
	diag_init(&diag);
	arena_reset(arena);
	ret = record_check(table, *json, *len, arena, &diag);
	if (ret < 0)
		log_bad_record(s, table, key, diag.text);
	/* One odd field does not cost the record: a station that we forgot would go unlimited. */
	return ret != -LMS_EPARSE;
}

static int load(struct store *s, enum store_table table, MDB_cursor_op step, bool strict, store_row_fn row,
		void *ctx, struct diag *diag)
{
	char key[STORE_KEY_MAX + 1];
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	struct arena arena;
	const char *json;
	size_t len;
	MDB_val k, v;
	int rc, ret = 0;

	lms_assert(table < STORE_TABLE_COUNT);
	if (!s->env.there[table])
		return 0;
	arena_init(&arena);
	rc = mdb_txn_begin(s->env.mdb, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_cursor_open(txn, s->env.dbi[table], &cursor);
	while (rc == 0 && ret == 0 && (rc = mdb_cursor_get(cursor, &k, &v, step)) == 0) {
		if (load_check(s, table, &k, &v, &arena, key, &json, &len))
			ret = row(ctx, key, json, len);
		else if (strict && *key)
			ret = row(ctx, key, NULL, 0);
	}
	if (cursor)
		mdb_cursor_close(cursor);
	if (txn)
		mdb_txn_abort(txn);
	arena_fini(&arena);
	if (rc && rc != MDB_NOTFOUND)
		return diag_set(diag, -LMS_EIO, "%s/ledger: table %s: %s", s->dir.path,
				store_table_name(table), mdb_strerror(rc));
	return ret;
}

int store_load(struct store *s, enum store_table table, store_row_fn row, void *ctx,
	       struct diag *diag)
{
	return load(s, table, MDB_NEXT, false, row, ctx, diag);
}

int store_load_strict(struct store *s, enum store_table table, store_row_fn row, void *ctx, struct diag *diag)
{
	return load(s, table, MDB_NEXT, true, row, ctx, diag);
}

int store_load_backwards(struct store *s, enum store_table table, store_row_fn row, void *ctx,
			 struct diag *diag)
{
	return load(s, table, MDB_PREV, false, row, ctx, diag);
}

/* ---- figures ----------------------------------------------------------------------------- */

static int stat_env(struct env *e, struct store_stat *out)
{
	MDB_envinfo info;
	MDB_stat st;
	MDB_txn *txn;
	int rc;

	mdb_env_info(e->mdb, &info);
	mdb_env_stat(e->mdb, &st);
	out->bytes_map = info.me_mapsize;
	out->bytes_used = (info.me_last_pgno + 1) * st.ms_psize;
	rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
	if (rc)
		return -LMS_EIO;
	for (size_t t = 0; t < STORE_TABLE_COUNT && rc == 0; t++) {
		if (!e->there[t] || (rc = mdb_stat(txn, e->dbi[t], &st)))
			continue;
		out->table[t].records = st.ms_entries;
		out->table[t].bytes = (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) *
				      st.ms_psize;
	}
	mdb_txn_abort(txn);
	return rc ? -LMS_EIO : 0;
}

int store_stat(struct store *s, struct store_stat *out)
{
	struct statvfs vfs;

	memset(out, 0, sizeof(*out));
	out->bad_records = s->bad_records;
	out->submitted = s->submitted;
	out->durable = s->told;
	out->failed = s->told_failed;
	out->ballast = dir_ballast_there(&s->dir);
	if (fstatvfs(s->dir.fd, &vfs) == 0) {
		out->disk_free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
		out->disk_size = (uint64_t)vfs.f_blocks * vfs.f_frsize;
	}
	return stat_env(&s->env, out);
}

/* ---- opening and closing ----------------------------------------------------------------- */

/* Signals are the loop's: the threads block them all. */
static int start_threads(struct store *s, struct diag *diag)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->commit_thread, NULL, commit_main, s);
	if (rc == 0) {
		rc = pthread_create(&s->read_thread, NULL, read_main, s);
		if (rc) {
			pthread_mutex_lock(&s->lock);
			s->closing = true;
			pthread_cond_signal(&s->to_commit);
			pthread_mutex_unlock(&s->lock);
			pthread_join(s->commit_thread, NULL);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return diag_set(diag, -LMS_EIO, "store: cannot start a thread: %s", strerror(rc));
	pthread_setname_np(s->commit_thread, "lmsd-store");
	pthread_setname_np(s->read_thread, "lmsd-reader");
	return 0;
}

static void store_free(struct store *s)
{
	env_close(&s->env);
	dir_close(&s->dir);
	if (s->wake)
		loop_wake_free(s->wake);
	pthread_cond_destroy(&s->to_commit);
	pthread_cond_destroy(&s->to_read);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct store *store_new(const struct store_ops *ops, void *ctx)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->ops = ops;
	s->ctx = ctx;
	s->dir.fd = s->dir.lock_fd = -1;
	s->queue_end = &s->queue;
	s->asked_end = &s->asked;
	s->answered_end = &s->answered;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->to_commit, NULL);
	pthread_cond_init(&s->to_read, NULL);
	return s;
}

static void adopt_open_failure(struct store *s)
{
	s->failed = s->told_failed = true;
	snprintf(s->why, sizeof(s->why), "%s", s->env.why);
	log_lmsd(ERROR, "store_failed", "why=\"%s\"", s->why);
}

int store_open(struct loop *loop, const char *state_dir, const struct store_ops *ops, void *ctx,
	       struct store **out, struct diag *diag)
{
	struct store *s = store_new(ops, ctx);
	int ret, err;

	if ((ret = dir_open(&s->dir, state_dir, diag)) < 0 ||
	    (ret = env_open(&s->env, &s->dir, diag)) < 0)
		goto out;
	if (s->env.failed)
		adopt_open_failure(s);
	err = s->env.failed ? 0 : dir_ballast_make(&s->dir);
	if (err)
		log_lmsd(WARNING, "store_no_ballast", "dir=%s why=\"%s\"", state_dir, strerror(err));
	s->wake = loop_wake_new(loop, store_deliver, s);
	ret = start_threads(s, diag);
out:
	if (ret < 0)
		store_free(s);
	else
		*out = s;
	return ret;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->to_commit);
	pthread_cond_signal(&s->to_read);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->commit_thread, NULL);
	pthread_join(s->read_thread, NULL);
	s->closed = true;
	store_deliver(s);
	store_free(s);
}
