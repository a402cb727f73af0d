/* store/env.c - opening, proving and writing an LMDB environment. */
#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

#define LEDGER "ledger"
#define LEDGER_NEW "ledger.new"
#define SCHEMA_KEY "schema"

/* Address space, not memory: the file grows as it fills. */
#define MAP_SIZE ((size_t)1 << (sizeof(void *) > 4 ? 36 : 30))

bool env_key_text(const MDB_val *key, char *out)
{
	if (key->mv_size == 0 || key->mv_size > STORE_KEY_MAX ||
	    memchr(key->mv_data, '\0', key->mv_size))
		return false;
	memcpy(out, key->mv_data, key->mv_size);
	out[key->mv_size] = '\0';
	return true;
}

static MDB_val key_val(const char *key)
{
	union { const char *in; void *out; } u = { .in = key };	/* LMDB does not write to it */

	return (MDB_val){ .mv_size = strlen(key), .mv_data = u.out };
}

static int env_put(MDB_txn *txn, MDB_dbi dbi, const char *key, const void *json, size_t len)
{
	MDB_val k = key_val(key);
	MDB_val v = { .mv_size = RECORD_HEADER_SIZE + len };
	int rc = mdb_put(txn, dbi, &k, &v, MDB_RESERVE);

	if (rc == 0)
		record_pack(v.mv_data, key, json, len);
	return rc;
}

static int env_del(MDB_txn *txn, MDB_dbi dbi, const char *key)
{
	MDB_val k = key_val(key);
	int rc = mdb_del(txn, dbi, &k, NULL);

	return rc == MDB_NOTFOUND ? 0 : rc;
}

int env_commit(struct env *e, const struct store_batch *first, const struct store_batch *last)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(e->mdb, NULL, 0, &txn);

	for (const struct store_batch *b = first; rc == 0; b = b->next) {
		for (size_t i = 0; i < b->count && rc == 0; i++) {
			const struct store_op *op = &b->ops[i];

			if (op->value)
				rc = env_put(txn, e->dbi[op->table], op->key, op->value, op->len);
			else
				rc = env_del(txn, e->dbi[op->table], op->key);
		}
		if (rc)
			mdb_txn_abort(txn);
		else if (b == last)
			return mdb_txn_commit(txn);
	}
	return rc;
}

/* ---- opening ---------------------------------------------------------------------------- */

static int env_map(struct env *e, const char *path, unsigned flags)
{
	char file[300];
	struct stat st;
	size_t size = MAP_SIZE;
	int rc = mdb_env_create(&e->mdb);

	if (rc)
		return rc;
	snprintf(file, sizeof(file), "%s/data.mdb", path);
	while (stat(file, &st) == 0 && (size_t)st.st_size > size / 2)
		size *= 2;
	if ((rc = mdb_env_set_mapsize(e->mdb, size)) == 0 &&
	    (rc = mdb_env_set_maxdbs(e->mdb, STORE_TABLE_COUNT)) == 0 &&
	    (rc = mdb_env_open(e->mdb, path, flags | MDB_NOTLS, 0600)) == 0)
		rc = mdb_reader_check(e->mdb, NULL);
	return rc;
}

static void env_unmap(struct env *e)
{
	if (e->mdb)
		mdb_env_close(e->mdb);
	e->mdb = NULL;
}

static int open_tables(struct env *e, MDB_txn *txn, unsigned flags)
{
	for (enum store_table t = 0; t < STORE_TABLE_COUNT; t++) {
		int rc = mdb_dbi_open(txn, store_table_name(t), flags, &e->dbi[t]);

		e->there[t] = rc == 0;
		if (rc && (rc != MDB_NOTFOUND || (flags & MDB_CREATE)))
			return rc;
	}
	return 0;
}

/* version = 0 and starts = 0 where there is no such record, or it is damaged. */
static int read_schema(struct env *e, MDB_txn *txn, int64_t *version, int64_t *starts)
{
	MDB_val k = key_val(SCHEMA_KEY), v;
	struct arena arena;
	struct diag ignored;
	const char *json;
	size_t len;
	int rc;

	*version = *starts = 0;
	rc = e->there[STORE_META] ? mdb_get(txn, e->dbi[STORE_META], &k, &v) : MDB_NOTFOUND;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	if (record_unpack(SCHEMA_KEY, v.mv_data, v.mv_size, &json, &len) == -LMS_EDATA)
		return 0;
	arena_init(&arena);
	diag_init(&ignored);
	const struct json *root = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, &ignored);

	if (json_int(json_get(root, "version"), version) < 0)
		*version = 0;
	if (json_int(json_get(root, "starts"), starts) < 0)
		*starts = 0;
	arena_fini(&arena);
	return 0;
}

static int write_schema(struct env *e, MDB_txn *txn, int64_t starts)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "{\"version\":%d,\"starts\":%lld}", ENV_SCHEMA,
			   (long long)starts);

	return env_put(txn, e->dbi[STORE_META], SCHEMA_KEY, text, (size_t)len);
}

/* Maps it, and commits that it was started once more. MDB_VERSION_MISMATCH: a newer lmsd's. */
static int env_open_rw(struct env *e, const char *path)
{
	int64_t version, starts;
	MDB_txn *txn = NULL;
	int rc;

	if ((rc = env_map(e, path, 0)) || (rc = mdb_txn_begin(e->mdb, NULL, 0, &txn)) ||
	    (rc = open_tables(e, txn, MDB_CREATE)) ||
	    (rc = read_schema(e, txn, &version, &starts)))
		goto out;
	rc = version > ENV_SCHEMA ? MDB_VERSION_MISMATCH : write_schema(e, txn, starts + 1);
	if (rc == 0) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
out:
	if (txn)
		mdb_txn_abort(txn);
	if (rc)
		env_unmap(e);
	return rc;
}

static int env_open_ro(struct env *e, const char *path, unsigned flags)
{
	int64_t version = 0, starts;
	MDB_txn *txn = NULL;
	int rc;

	if ((rc = env_map(e, path, MDB_RDONLY | flags)) ||
	    (rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn)) ||
	    (rc = open_tables(e, txn, 0)) || (rc = read_schema(e, txn, &version, &starts)))
		goto out;
	if (version > ENV_SCHEMA) {
		rc = MDB_VERSION_MISMATCH;
		goto out;
	}
	rc = mdb_txn_commit(txn);	/* an abort would drop the handles of the tables */
	txn = NULL;
out:
	if (txn)
		mdb_txn_abort(txn);
	if (rc)
		env_unmap(e);
	return rc;
}

/* A power cut may leave a new environment's first pages half written, and nothing could ever open
 * it then: it gets its name only after its first commit. */
static int env_create(struct env *e, const struct state_dir *dir, const char *new_path)
{
	int rc, fd;

	unlinkat(dir->fd, LEDGER_NEW "/data.mdb", 0);
	unlinkat(dir->fd, LEDGER_NEW "/lock.mdb", 0);
	if (mkdirat(dir->fd, LEDGER_NEW, 0700) < 0 && errno != EEXIST)
		return errno;
	rc = env_open_rw(e, new_path);
	if (rc)
		return rc;
	env_unmap(e);
	fd = openat(dir->fd, LEDGER_NEW, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno;
	rc = dir_sync(fd);
	close(fd);
	if (rc)
		return rc;
	if (renameat(dir->fd, LEDGER_NEW, dir->fd, LEDGER) < 0)
		return errno;
	return dir_sync(dir->fd);
}

static int env_prove(struct env *e, const struct state_dir *dir, const char *path)
{
	char new_path[sizeof(dir->path) + sizeof(LEDGER_NEW) + 1];
	int rc = 0;

	snprintf(new_path, sizeof(new_path), "%s/" LEDGER_NEW, dir->path);
	if (dir->read_only)
		return EROFS;
	if (faccessat(dir->fd, LEDGER, F_OK, 0) < 0)
		rc = errno == ENOENT ? env_create(e, dir, new_path) : errno;
	return rc ? rc : env_open_rw(e, path);
}

static int env_refuse(const char *path, int rc, struct diag *diag)
{
	if (rc == MDB_VERSION_MISMATCH)
		return diag_set(diag, -LMS_EPROTOCOL,
				"%s: a newer lmsd wrote it (install that version again, or restore "
				"a backup)", path);
	return diag_set(diag, -LMS_EIO, "%s: %s (%s)", path, mdb_strerror(rc),
			rc == EACCES || rc == EPERM ? "it belongs to the user that runs lmsd"
						    : "see the disk, or restore a backup");
}

int env_open(struct env *e, const struct state_dir *dir, struct diag *diag)
{
	char path[sizeof(dir->path) + sizeof(LEDGER) + 1];
	int rc, ro;

	memset(e, 0, sizeof(*e));
	snprintf(path, sizeof(path), "%s/" LEDGER, dir->path);
	rc = dir_explain(dir, env_prove(e, dir, path));
	if (rc == ENOSPC && dir_ballast_free(dir)) {
		log_lmsd(WARNING, "store_ballast_freed", "dir=%s", dir->path);
		rc = env_prove(e, dir, path);
	}
	if (rc == 0)
		return 0;
	if (rc == MDB_VERSION_MISMATCH || rc == EACCES || rc == EPERM)
		return env_refuse(path, rc, diag);
	ro = env_open_ro(e, path, dir->read_only ? MDB_NOLOCK : 0);
	if (ro)
		return env_refuse(path, ro == ENOENT ? rc : ro, diag);
	e->failed = true;
	snprintf(e->why, sizeof(e->why), "ledger: %s", mdb_strerror(rc));
	return 0;
}

void env_close(struct env *e)
{
	env_unmap(e);
}
