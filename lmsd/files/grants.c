/* files/grants.c - see grants.h. */
#include "files/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/hex.h"

void grants_digest(const char *secret, size_t len, char digest[FILES_SHA256_MAX + 1])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)secret, len, sum);
	hex_encode(sum, sizeof(sum), digest);
}

static struct grant *lookup(const struct grants *gs, const char *digest)
{
	struct grant *g;

	HASH_FIND_STR(gs->by_digest, digest, g);
	return g;
}

struct grant *grants_find(const struct grants *gs, const char *digest, mono_t now)
{
	struct grant *g = lookup(gs, digest);

	return g && now < g->g.until ? g : NULL;
}

static void drop(struct grants *gs, struct grant *g)
{
	if (!g)
		return;
	HASH_DELETE(hh, gs->by_digest, g);
	HASH_DELETE(by_place, gs->by_place, g);
	free(g);
}

void grants_revoke(struct grants *gs, const char *digest)
{
	drop(gs, lookup(gs, digest));
}

void grants_allow(struct grants *gs, const struct files_grant *grant)
{
	struct grant *g = xcalloc(1, sizeof(*g)), *old;

	g->g = *grant;
	snprintf(g->place, sizeof(g->place), "%c %s", grant->file[0] ? 'f' : 'd', grant->station);
	HASH_FIND(by_place, gs->by_place, g->place, strlen(g->place), old);
	drop(gs, old);
	grants_revoke(gs, grant->digest);
	HASH_ADD_STR(gs->by_digest, g.digest, g);
	HASH_ADD(by_place, gs->by_place, place, strlen(g->place), g);
}

void grants_fini(struct grants *gs)
{
	struct grant *g, *tmp;

	HASH_ITER(hh, gs->by_digest, g, tmp)
		drop(gs, g);
}

struct grant *grants_of(const struct grants *gs, const char *url, char letter, mono_t now)
{
	char digest[FILES_SHA256_MAX + 1];

	if (url[0] != '/' || url[1] != letter || url[2] != '/' ||
	    strspn(url + 3, "0123456789abcdef") < FILES_SECRET_MAX)
		return NULL;
	grants_digest(url + 3, FILES_SECRET_MAX, digest);
	return grants_find(gs, digest, now);
}

void grants_release(struct grants *gs, const char *digest)
{
	struct grant *g = lookup(gs, digest);

	if (g)
		g->busy = false;
}
