/* archive/vault_open.c - opening, making and putting aside the environment of the archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/vault.h"

#define HISTORY "history"
#define DAMAGED "history.damaged"
#define VERSION 1
#define LEAST_MAP ((int64_t)16 << 20)
#define MODE	0600

static const char *const table_names[VAULT_TABLES] = {
	[VAULT_HOT] = "hot", [VAULT_RAW] = "raw", [VAULT_MINUTE] = "minute", [VAULT_QUARTER] = "quarter",
	[VAULT_TODO] = "todo", [VAULT_SERIES] = "series", [VAULT_VARIABLE] = "variable", [VAULT_META] = "meta",
};

/* ---- variables ---- */

static int number_variable(struct vault *v, MDB_txn *txn, unsigned var, unsigned *next)
{
	const char *name = history_var_info(var).name;
	char key[64];
	uint8_t number;
	MDB_val k = { .mv_data = key }, value;
	int rc;

	k.mv_size = (size_t)snprintf(key, sizeof(key), "%s", name);
	rc = mdb_get(txn, v->dbi[VAULT_VARIABLE], &k, &value);
	if (rc == 0) {
		number = *(const uint8_t *)value.mv_data;
	} else if (rc == MDB_NOTFOUND && *next < VAULT_VARS) {
		number = (uint8_t)(*next)++;
		value = (MDB_val){ .mv_size = 1, .mv_data = &number };
		rc = mdb_put(txn, v->dbi[VAULT_VARIABLE], &k, &value, 0);
	}
	if (rc)
		return rc;
	v->stored[var] = number;
	v->known[number] = (uint8_t)var;
	return 0;
}

/* Names keep their numbers; new names get new ones. */
static int number_variables(struct vault *v, MDB_txn *txn)
{
	unsigned next = 0;
	MDB_cursor *cursor;
	MDB_val k, value;
	int rc = mdb_cursor_open(txn, v->dbi[VAULT_VARIABLE], &cursor);

	if (rc)
		return rc;
	memset(v->known, HISTORY_VAR_COUNT, sizeof(v->known));
	while ((rc = mdb_cursor_get(cursor, &k, &value, MDB_NEXT)) == 0) {
		if (value.mv_size != 1)
			rc = MDB_CORRUPTED;
		else if (*(const uint8_t *)value.mv_data >= next)
			next = *(const uint8_t *)value.mv_data + 1U;
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	rc = rc == MDB_NOTFOUND ? 0 : rc;
	for (unsigned i = 0; rc == 0 && i < HISTORY_VAR_COUNT; i++)
		rc = number_variable(v, txn, i, &next);
	return rc;
}

/* ---- opening ---- */

static int open_tables(struct vault *v, MDB_txn *txn)
{
	int64_t version;
	int rc = 0;

	for (int t = 0; rc == 0 && t < VAULT_TABLES; t++)
		rc = mdb_dbi_open(txn, table_names[t], MDB_CREATE, &v->dbi[t]);
	if (rc == 0)
		rc = vault_count_get(txn, v, "version", &version);
	if (rc == 0 && version > VERSION)
		return MDB_VERSION_MISMATCH;
	if (rc == 0 && version < VERSION)
		rc = vault_count_put(txn, v, "version", VERSION);
	return rc ? rc : number_variables(v, txn);
}

/* Of a file that is shorter than its own last page, reading would be SIGBUS. */
static int check_length(const struct vault *v, const struct state_dir *dir)
{
	MDB_envinfo info;
	struct stat st;
	MDB_stat ms;

	if (fstatat(dir->fd, HISTORY "/data.mdb", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	mdb_env_info(v->mdb, &info);
	mdb_env_stat(v->mdb, &ms);
	return (uint64_t)st.st_size < (uint64_t)(info.me_last_pgno + 1) * ms.ms_psize ? MDB_CORRUPTED : 0;
}

static int open_env(struct vault *v, const struct state_dir *dir, const char *path, int64_t max_bytes)
{
	size_t map = (size_t)(max_bytes < LEAST_MAP ? LEAST_MAP : max_bytes);
	MDB_txn *txn = NULL;
	struct stat st;
	int rc;

	/* One that was allowed more has to be read before it can be made smaller. */
	if (fstatat(dir->fd, HISTORY "/data.mdb", &st, AT_SYMLINK_NOFOLLOW) == 0 && (size_t)st.st_size > map)
		map = (size_t)st.st_size + (size_t)LEAST_MAP;
	if ((rc = mdb_env_create(&v->mdb)) || (rc = mdb_env_set_mapsize(v->mdb, map / 4096 * 4096)) ||
	    (rc = mdb_env_set_maxdbs(v->mdb, VAULT_TABLES)) || (rc = mdb_env_open(v->mdb, path, MDB_NOTLS, MODE)) ||
	    (rc = mdb_reader_check(v->mdb, NULL)) || (rc = check_length(v, dir)) ||
	    (rc = mdb_txn_begin(v->mdb, NULL, 0, &txn)))
		goto out;
	rc = open_tables(v, txn);
	if (rc == 0) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
out:
	if (txn)
		mdb_txn_abort(txn);
	if (rc)
		vault_close(v);
	return rc;
}

void vault_close(struct vault *v)
{
	if (v->mdb)
		mdb_env_close(v->mdb);
	v->mdb = NULL;
}

static bool is_damage(int rc)
{
	return rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_PANIC ||
	       rc == MDB_BAD_DBI || rc == MDB_INCOMPATIBLE;
}

static void delete_dir(const struct state_dir *dir, const char *name)
{
	static const char *const files[] = { "data.mdb", "lock.mdb" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		unlinkat(dir->fd, path, 0);
	}
	unlinkat(dir->fd, name, AT_REMOVEDIR);
}

int vault_open(struct vault *v, const struct state_dir *dir, int64_t max_bytes, bool *aside)
{
	char path[sizeof(dir->path) + sizeof(HISTORY) + 1];
	int rc;

	*aside = false;
	memset(v, 0, sizeof(*v));
	snprintf(path, sizeof(path), "%s/" HISTORY, dir->path);
	if (mkdirat(dir->fd, HISTORY, 0700) < 0 && errno != EEXIST)
		return errno;
	rc = open_env(v, dir, path, max_bytes);
	if (!is_damage(rc))
		return dir_explain(dir, rc);
	delete_dir(dir, DAMAGED);
	if (renameat(dir->fd, HISTORY, dir->fd, DAMAGED) < 0 || mkdirat(dir->fd, HISTORY, 0700) < 0)
		return errno;
	*aside = true;
	return dir_explain(dir, open_env(v, dir, path, max_bytes));
}
