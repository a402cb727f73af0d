/* store_rig.h - a store on a real loop, in a directory that is removed again, for its tests. */
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "base/err.h"
#include "base/types.h"
#include "net/loop.h"
#include "store/store.h"

#define RIG_DEADLINE_US (20 * US_PER_S)

struct rig {
	char dir[128];
	struct loop *loop;
	struct store *store;
	struct diag diag;
	uint64_t told;			/* by committed() */
	int committed_calls, failed_calls;
	uint64_t failed_seq;
	char why[200];
	bool disorder;			/* committed() went back */
	bool timed_out;
	bool page_done;
};

static inline void rig_committed(void *ctx, uint64_t seq)
{
	struct rig *r = ctx;

	r->disorder |= seq <= r->told || r->failed_calls > 0;
	r->told = seq;
	r->committed_calls++;
	loop_stop(r->loop);
}

static inline void rig_failed(void *ctx, uint64_t seq, const char *why)
{
	struct rig *r = ctx;

	r->failed_calls++;
	r->failed_seq = seq;
	snprintf(r->why, sizeof(r->why), "%s", why);
	loop_stop(r->loop);
}

static const struct store_ops rig_ops = { rig_committed, rig_failed };

static inline void rig_init(struct rig *r)
{
	const char *tmp = getenv("TMPDIR");

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "%s/lms-store.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(r->dir));
}

/* Opens; the answer of store_open(). Everything that was told before is forgotten. */
static inline int rig_open(struct rig *r)
{
	int ret;

	r->told = r->failed_seq = 0;
	r->committed_calls = r->failed_calls = 0;
	r->disorder = r->timed_out = false;
	r->store = NULL;
	diag_init(&r->diag);
	r->loop = loop_new();
	ret = store_open(r->loop, r->dir, &rig_ops, r, &r->store, &r->diag);
	if (ret < 0)
		loop_free(r->loop);
	return ret;
}

static inline void rig_close(struct rig *r)
{
	store_close(r->store);
	loop_free(r->loop);
	r->store = NULL;
	r->loop = NULL;
}

static inline void rig_reopen(struct rig *r)
{
	rig_close(r);
	assert_int_equal(rig_open(r), 0);
}

static inline void rig_too_late(void *ctx)
{
	struct rig *r = ctx;

	r->timed_out = true;
	loop_stop(r->loop);
}

/* Runs the loop until batch seq is told durable, or the store failed. */
static inline bool rig_wait(struct rig *r, uint64_t seq)
{
	struct loop_timer *t = loop_timer_new(r->loop, rig_too_late, r);

	loop_now_update(r->loop);
	loop_timer_at(t, loop_now(r->loop) + RIG_DEADLINE_US);
	while (r->told < seq && !r->failed_calls && !r->timed_out)
		loop_run(r->loop);
	loop_timer_free(t);
	return r->told >= seq;
}

static inline void rig_put(struct store_batch *b, enum store_table table, const char *key,
			   const char *json)
{
	store_batch_put(b, table, key, json, strlen(json));
}

/* One record in one batch, waited for. */
static inline void rig_store(struct rig *r, enum store_table table, const char *key,
			     const char *json)
{
	struct store_batch *b = store_batch_new();

	rig_put(b, table, key, json);
	assert_true(rig_wait(r, store_submit(r->store, b)));
}

/* "key=json;key=json;" of a whole table, in `out`. */
struct rig_text {
	char *out;
	size_t size, at;
};

static inline int rig_row(void *ctx, const char *key, const char *json, size_t len)
{
	struct rig_text *t = ctx;

	t->at += (size_t)snprintf(t->out + t->at, t->size - t->at, "%s=%.*s;", key, (int)len, json);
	return t->at < t->size ? 0 : -LMS_ERANGE;
}

static inline const char *rig_dump(struct rig *r, enum store_table table, char *out, size_t size)
{
	struct rig_text t = { out, size, 0 };

	out[0] = '\0';
	assert_int_equal(store_load(r->store, table, rig_row, &t, &r->diag), 0);
	return out;
}

/* Writes a value past the store, which is closed, as damage or another version would. */
static inline void rig_write_raw(struct rig *r, const char *table, const char *key,
				 const void *value, size_t len)
{
	char path[256], copy[512];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val k, v;

	snprintf(path, sizeof(path), "%s/ledger", r->dir);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, STORE_TABLE_COUNT), 0);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	memcpy(copy, value, len);
	v = (MDB_val){ .mv_size = len, .mv_data = copy };
	k = (MDB_val){ .mv_size = strlen(key), .mv_data = strcpy(copy + 256, key) };
	assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/* Everything below the directory fd, which is closed. */
static inline void rig_empty(int fd)
{
	struct dirent *e;
	DIR *d = fdopendir(fd);

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    unlinkat(fd, e->d_name, 0) == 0)
			continue;
		rig_empty(openat(fd, e->d_name, O_RDONLY | O_DIRECTORY));
		unlinkat(fd, e->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

static inline void rig_remove(const char *dir)
{
	rig_empty(open(dir, O_RDONLY | O_DIRECTORY));
	rmdir(dir);
}

static inline void rig_fini(struct rig *r)
{
	if (r->store)
		rig_close(r);
	rig_remove(r->dir);
}
