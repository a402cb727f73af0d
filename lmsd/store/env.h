/* store/env.h - one LMDB environment with the tables of records.def. Errors are LMDB's or errno's
 * positive numbers (mdb_strerror); the caller makes the message.
 *
 * Durable by construction: no NOSYNC, no WRITEMAP (which is SIGBUS on a full disk), data before
 * meta page, a new environment is there whole or not at all.
 */
#pragma once

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/batch.h"
#include "store/dir.h"
#include "store/record.h"

#define ENV_SCHEMA 1		/* layout of the environment; a higher one was made by a newer lmsd */

struct env {
	MDB_env *mdb;
	MDB_dbi dbi[STORE_TABLE_COUNT];
	bool there[STORE_TABLE_COUNT];	/* a read-only environment may lack tables */
	bool failed;			/* opened for reading only */
	char why[200];			/* why it failed */
};

/* Opens DIR/ledger, creating it, and proves by a commit that it can be written; if that fails,
 * opens it for reading with failed and why set. 0, -LMS_EIO or -LMS_EPROTOCOL with diag. */
int env_open(struct env *e, const struct state_dir *dir, struct diag *diag);
void env_close(struct env *e);

/* Writes a chain of batches (by ->next, up to and with `last`) in one transaction, durably.
 * After an error the environment must not be written any more. */
int env_commit(struct env *e, const struct store_batch *first, const struct store_batch *last);

/* For keys as C strings: out has STORE_KEY_MAX + 1 bytes; false if it is not one of ours. */
bool env_key_text(const MDB_val *key, char *out);
