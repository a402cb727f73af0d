/* archive/archive.c - the archive as the loop sees it, and its two threads: one writes, one reads pages.
 *
 * The threads share with the loop what `lock` guards; they log nothing. `open` is held by who opens or closes the
 * vault and by who reads a page. Rows stay with the loop until they are committed, so that answers have them.
 */
#include "archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "archive/pull.h"
#include "archive/writer.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"

#define NICE		10
#define READS_MAX	16
#define FLYING_BYTES_MAX ((size_t)64 << 20)
#define LEAST_FILE	((int64_t)1 << 20)	/* that it may have on a disk that is nearly full */
/* Of the size that is allowed: LMDB needs room for what it changes while old pages are still read. */
#define USABLE(bytes) ((bytes) - (bytes) / 8)

struct archive {
	struct archive_conf conf;
	struct state_dir dir;
	struct loop_wake *wake;
	pthread_t write_thread, read_thread;

	/* the writing thread's own */
	struct writer writer;
	int64_t retry_at_s;
	int64_t pinched;		/* what the tables may have since the disk is nearly full; 0 = it is not */

	pthread_mutex_t open;		/* the vault is not opened or closed meanwhile */
	bool is_open;			/* guarded by `open` */

	/* the loop's own */
	struct batch *gathering, *flying;
	size_t flying_bytes;
	int64_t dropped;		/* rows that no batch took */
	bool told_on, told_off;

	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t to_write, to_read;
	struct batch *queue, **queue_end;
	struct pull *asked, **asked_end;
	struct pull *answered, **answered_end;
	int reading;			/* asked and not delivered */
	bool closing, aside;
	struct archive_figures figures;
};

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

/* ---- the writing thread: opening and closing ---- */

static bool is_closing(void *ctx)
{
	return __atomic_load_n(&((struct archive *)ctx)->closing, __ATOMIC_RELAXED);
}

static int open_dir(struct archive *a)
{
	if (a->dir.fd >= 0)
		return 0;
	snprintf(a->dir.path, sizeof(a->dir.path), "%s", a->conf.state_directory);
	a->dir.fd = open(a->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return a->dir.fd < 0 ? errno : 0;
}

static int open_vault(struct archive *a)
{
	bool aside = false;
	int rc = open_dir(a);

	pthread_mutex_lock(&a->open);
	if (rc == 0)
		rc = vault_open(&a->writer.vault, &a->dir, a->conf.max_bytes, &aside);
	a->is_open = rc == 0;
	pthread_mutex_unlock(&a->open);
	pthread_mutex_lock(&a->lock);
	a->aside = a->aside || aside;
	pthread_mutex_unlock(&a->lock);
	return rc;
}

static void close_vault(struct archive *a)
{
	pthread_mutex_lock(&a->open);
	writer_forget(&a->writer);
	vault_close(&a->writer.vault);
	a->is_open = false;
	pthread_mutex_unlock(&a->open);
}

static void set_state(struct archive *a, int rc)
{
	pthread_mutex_lock(&a->lock);
	a->figures.on = rc == 0;
	snprintf(a->figures.why, sizeof(a->figures.why), "%s", rc ? mdb_strerror(rc) : "");
	pthread_mutex_unlock(&a->lock);
}

/* ---- the writing thread: room ---- */

/* Bytes that the tables may have. ENOSPC: the disk is so full that nothing may be written. */
static int room(struct archive *a, int64_t *limit)
{
	struct vault_size size;
	struct statvfs vfs;
	int64_t left;
	MDB_txn *txn;
	int rc = mdb_txn_begin(a->writer.vault.mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = vault_size(txn, &a->writer.vault, &size);
	mdb_txn_abort(txn);
	if (rc)
		return rc;
	*limit = USABLE(a->conf.max_bytes);
	if (fstatvfs(a->dir.fd, &vfs) < 0)
		return errno;
	left = (int64_t)(vfs.f_bavail * vfs.f_frsize);
	if (left < a->conf.keep_free / 2)
		return ENOSPC;
	/* As it was found: a share of what the file is by now would grow with it. */
	if (left >= a->conf.keep_free)
		a->pinched = 0;
	else if (a->pinched == 0)
		a->pinched = USABLE(size.file > LEAST_FILE ? size.file : LEAST_FILE);
	if (a->pinched && a->pinched < *limit)
		*limit = a->pinched;
	return 0;
}

/* ---- the writing thread: work ---- */

static void note_figures(struct archive *a, int64_t commit_us, int64_t seal_us)
{
	const struct vault *v = &a->writer.vault;
	struct archive_figures f = { .max_bytes = a->conf.max_bytes, .lost = a->writer.lost };
	struct vault_size size;
	int64_t first;
	MDB_txn *txn;

	if (mdb_txn_begin(v->mdb, NULL, MDB_RDONLY, &txn))
		return;
	if (vault_size(txn, v, &size) == 0) {
		f.file_bytes = size.file;
		f.used_bytes = size.used;
		f.sample_bytes = size.table[VAULT_RAW];
	}
	vault_count_get(txn, v, "samples", &f.samples);
	for (int i = 0; i < ARCHIVE_LEVELS; i++) {
		const struct vault_level *l = vault_level((enum archive_level)i);

		if (vault_edge(txn, v, l->table, MDB_FIRST, &first))
			f.first_s[i] = first * l->span_s;
		if (i == ARCHIVE_RAW && vault_edge(txn, v, l->table, MDB_LAST, &first))
			f.last_s = (first + 1) * l->span_s;
	}
	if (f.first_s[ARCHIVE_RAW] == 0 && vault_edge(txn, v, VAULT_HOT, MDB_FIRST, &first))
		f.first_s[ARCHIVE_RAW] = first;
	if (vault_edge(txn, v, VAULT_HOT, MDB_LAST, &first) && first > f.last_s)
		f.last_s = first;
	mdb_txn_abort(txn);
	pthread_mutex_lock(&a->lock);
	f.on = a->figures.on;
	memcpy(f.why, a->figures.why, sizeof(f.why));
	f.commit_us = commit_us ? commit_us : a->figures.commit_us;
	f.seal_us = seal_us ? seal_us : a->figures.seal_us;
	a->figures = f;
	pthread_mutex_unlock(&a->lock);
}

/* Rows first: what follows may take a while, and may be begun again. */
static int store(struct archive *a, const struct batch *b)
{
	int64_t limit, at = clock_us(), committed = 0, sealed = 0;
	int rc = room(a, &limit);

	if (rc == 0)
		rc = writer_rows(&a->writer, b);
	if (rc == MDB_MAP_FULL && (rc = writer_prune(&a->writer, a->conf.keep_s, limit / 2)) == 0)
		rc = writer_rows(&a->writer, b);
	if (rc)
		return rc;
	committed = clock_us();
	rc = writer_seal(&a->writer);
	if (rc == 0)
		sealed = clock_us();
	if (rc == 0)
		rc = writer_roll(&a->writer);
	if (rc == 0)
		rc = writer_prune(&a->writer, a->conf.keep_s, limit);
	/* What is not sealed now is sealed with the next rows, when something has been dropped. */
	if (rc == MDB_MAP_FULL)
		rc = writer_prune(&a->writer, a->conf.keep_s, limit / 2);
	note_figures(a, committed - at, sealed ? sealed - committed : 0);
	return rc;
}

/* After a failure LMDB wants to be opened anew; what is there can be read at once, and written to later. */
static void work(struct archive *a, const struct batch *b)
{
	int rc;

	if (clock_us() / US_PER_S < a->retry_at_s && !is_closing(a)) {
		a->writer.lost += (int64_t)b->count;
		return;
	}
	rc = a->is_open ? 0 : open_vault(a);
	if (rc == 0)
		rc = store(a, b);
	if (rc) {
		a->writer.lost += (int64_t)b->count;
		rc = dir_explain(&a->dir, rc);
		close_vault(a);
		open_vault(a);
		a->retry_at_s = clock_us() / US_PER_S + a->conf.retry_s;
	}
	set_state(a, rc);
}

static void *write_main(void *arg)
{
	struct archive *a = arg;
	int rc;

	setpriority(PRIO_PROCESS, 0, NICE);	/* of this thread alone, on Linux */
	rc = open_vault(a);
	set_state(a, rc);
	if (rc == 0)
		note_figures(a, 0, 0);
	loop_wake_send(a->wake);
	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (!a->queue && !a->closing)
			pthread_cond_wait(&a->to_write, &a->lock);
		struct batch *b = a->queue;

		if (!b)
			break;
		a->queue = b->next;
		if (!a->queue)
			a->queue_end = &a->queue;
		pthread_mutex_unlock(&a->lock);
		work(a, b);
		pthread_mutex_lock(&a->lock);
		b->done = true;
		a->figures.lost = a->writer.lost;
		loop_wake_send(a->wake);
	}
	pthread_mutex_unlock(&a->lock);
	close_vault(a);
	return NULL;
}

/* ---- the reading thread ---- */

static void read_job(struct archive *a, struct pull *job)
{
	pthread_mutex_lock(&a->open);
	if (a->is_open) {
		pull_page(&a->writer.vault, job);
	} else {
		job->page.err = -LMS_EIO;
		snprintf(job->page.text, sizeof(job->page.text), "the history cannot be read now (lmsctl system history)");
	}
	pthread_mutex_unlock(&a->open);
}

static void *read_main(void *arg)
{
	struct archive *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (!a->asked && !a->closing)
			pthread_cond_wait(&a->to_read, &a->lock);
		struct pull *job = a->asked;

		if (!job)
			break;
		a->asked = job->next;
		if (!a->asked)
			a->asked_end = &a->asked;
		job->next = NULL;
		pthread_mutex_unlock(&a->lock);
		read_job(a, job);
		pthread_mutex_lock(&a->lock);
		*a->answered_end = job;
		a->answered_end = &job->next;
		loop_wake_send(a->wake);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- on the loop ---- */

/* Under the lock. */
static void free_done(struct archive *a)
{
	for (struct batch **at = &a->flying; *at;) {
		struct batch *b = *at;

		if (!b->done) {
			at = &b->next_flying;
			continue;
		}
		*at = b->next_flying;
		a->flying_bytes -= b->rows.len;
		batch_free(b);
	}
}

static void tell_state(struct archive *a, const struct archive_figures *f, bool aside)
{
	if (aside)
		log_lmsd(ERROR, "history_damaged", "dir=%s put aside as history.damaged, a new one is begun",
			 a->conf.state_directory);
	if (!f->on && f->why[0] && !a->told_off)
		log_lmsd(ERROR, "history_off", "why=\"%s\" nothing is kept; tried again every %d s", f->why, a->conf.retry_s);
	if (f->on && a->told_off)
		log_lmsd(NOTICE, "history_on", "dir=%s", a->conf.state_directory);
	a->told_off = !f->on && f->why[0];
}

static void deliver(void *ctx)
{
	struct archive *a = ctx;
	struct archive_figures f;
	struct pull *job;
	bool aside;

	pthread_mutex_lock(&a->lock);
	free_done(a);
	f = a->figures;
	aside = a->aside;
	a->aside = false;
	job = a->answered;
	a->answered = NULL;
	a->answered_end = &a->answered;
	pthread_mutex_unlock(&a->lock);
	tell_state(a, &f, aside);
	while (job) {
		struct pull *next = job->next;

		a->reading--;
		if (job->bad)
			log_lmsd(ERROR, "history_bad_blocks", "count=%lld", (long long)job->bad);
		job->done(job->ctx, &job->page);
		pull_free(job);
		job = next;
	}
}

void archive_put(struct archive *a, enum history_kind kind, const char *id, int64_t time_s, unsigned step_s,
		 const struct history_sample *s, size_t n)
{
	if (n == 0)
		return;
	if (a->gathering == NULL)
		a->gathering = batch_new();
	a->dropped += !batch_add(a->gathering, kind, id, time_s, step_s, s, n);
}

void archive_commit(struct archive *a)
{
	struct batch *b = a->gathering;

	if (b == NULL)
		return;
	a->gathering = NULL;
	if (a->flying_bytes + b->rows.len > FLYING_BYTES_MAX) {
		a->dropped += (int64_t)b->count;
		batch_free(b);
		return;
	}
	b->next_flying = a->flying;
	a->flying = b;
	a->flying_bytes += b->rows.len;
	pthread_mutex_lock(&a->lock);
	*a->queue_end = b;
	a->queue_end = &b->next;
	pthread_cond_signal(&a->to_write);
	pthread_mutex_unlock(&a->lock);
}

/* ---- asking ---- */

static void copy_rows(struct pull *job, const struct batch *b)
{
	const struct history_sample *s;
	const struct batch_row *row;
	size_t offset = 0;

	while (b != NULL && (row = batch_next(b, &offset, &s)) != NULL) {
		if (row->kind != job->q.kind || strcmp(row->id, job->q.id) != 0)
			continue;
		buf_add(&job->pending.rows, row, sizeof(*row) + row->n * sizeof(*s));
		job->pending.count++;
	}
}

void archive_read(struct archive *a, const struct archive_query *q, void (*done)(void *ctx, struct archive_page *page),
		  void *ctx)
{
	struct pull *job = pull_new(q);

	job->done = done;
	job->ctx = ctx;
	if (a->reading >= READS_MAX) {
		job->page.err = -LMS_ECONFLICT;
		snprintf(job->page.text, sizeof(job->page.text), "%d pages of history are read already (try again)",
			 a->reading);
		done(ctx, &job->page);
		pull_free(job);
		return;
	}
	for (const struct batch *b = a->flying; b != NULL; b = b->next_flying)
		copy_rows(job, b);
	copy_rows(job, a->gathering);
	a->reading++;
	pthread_mutex_lock(&a->lock);
	*a->asked_end = job;
	a->asked_end = &job->next;
	pthread_cond_signal(&a->to_read);
	pthread_mutex_unlock(&a->lock);
}

void archive_figures(struct archive *a, struct archive_figures *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->figures;
	pthread_mutex_unlock(&a->lock);
	out->lost += a->dropped;
}

/* ---- life ---- */

struct archive *archive_open(struct loop *loop, const struct archive_conf *conf)
{
	struct archive *a = xcalloc(1, sizeof(*a));
	sigset_t all, before;
	int rc;

	a->conf = *conf;
	a->dir.fd = a->dir.lock_fd = -1;
	a->queue_end = &a->queue;
	a->asked_end = &a->asked;
	a->answered_end = &a->answered;
	a->writer.stop = is_closing;
	a->writer.stop_ctx = a;
	a->figures.max_bytes = conf->max_bytes;
	a->wake = loop_wake_new(loop, deliver, a);
	pthread_mutex_init(&a->open, NULL);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->to_write, NULL);
	pthread_cond_init(&a->to_read, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&a->write_thread, NULL, write_main, a);
	lms_assert(rc == 0);
	rc = pthread_create(&a->read_thread, NULL, read_main, a);
	lms_assert(rc == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setname_np(a->write_thread, "lmsd-history");
	pthread_setname_np(a->read_thread, "lmsd-hist-read");
	return a;
}

void archive_close(struct archive *a)
{
	if (a == NULL)
		return;
	archive_commit(a);
	pthread_mutex_lock(&a->lock);
	__atomic_store_n(&a->closing, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&a->to_write);
	pthread_cond_signal(&a->to_read);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->read_thread, NULL);
	pthread_join(a->write_thread, NULL);
	deliver(a);
	loop_wake_free(a->wake);
	if (a->dir.fd >= 0)
		close(a->dir.fd);
	pthread_cond_destroy(&a->to_write);
	pthread_cond_destroy(&a->to_read);
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->open);
	free(a);
}
