/* files/grants.h - who may fetch or send what.
 *
 * A path is known by the SHA-256 of its secret: how long a look-up takes tells nothing about the secret itself.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "files/files.h"

#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

struct grant {
	struct files_grant g;
	bool busy;			/* somebody is sending */
	char place[ID_MAX + 3];		/* "f CP1", "d CP1" */
	UT_hash_handle hh;		/* by g.digest */
	UT_hash_handle by_place;
};

struct grants { struct grant *by_digest, *by_place; };	/* the same ones */

/* SHA-256 of a secret as it stands in a path, as hexadecimal digits. */
void grants_digest(const char *secret, size_t len, char digest[FILES_SHA256_MAX + 1]);
/* One per station and direction: so their number is bounded, and the latest job is the one that counts. */
void grants_allow(struct grants *gs, const struct files_grant *grant);
void grants_revoke(struct grants *gs, const char *digest);
void grants_fini(struct grants *gs);
/* NULL where there is none, or its time is over. */
struct grant *grants_find(const struct grants *gs, const char *digest, mono_t now);
/* "/f/SECRET…" of the letter asked for; what follows the secret is the station's affair. */
struct grant *grants_of(const struct grants *gs, const char *url, char letter, mono_t now);
/* Nobody sends any more; also when its time is over. */
void grants_release(struct grants *gs, const char *digest);
