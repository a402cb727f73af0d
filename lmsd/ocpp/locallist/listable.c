/* ocpp/locallist/listable.c - see listable.h. */
#include "ocpp/locallist/listable.h"

#include <stdlib.h>
#include <string.h>

#include "site/tag_log.h"

static int tag_cmp(const void *a, const void *b)
{
	const struct tag *const *x = a, *const *y = b;

	return strcmp((*x)->k.uid, (*y)->k.uid);
}

/* A tag that is in it cannot go or change its name without a new number. */
const struct listable *listable_of(struct ocpp *o)
{
	struct listable *l = &o->listable;

	if (l->tags && l->seq == o->site->tag_seq)
		return l;
	free(l->tags);
	l->tags = xcalloc(HASH_COUNT(o->site->tags) + 1, sizeof(*l->tags));
	l->count = 0;
	l->seq = o->site->tag_seq;
	for (const struct tag *tag = o->site->tags; tag; tag = tag->hh.next)
		if (site_tag_listable(o->site, &tag->k))
			l->tags[l->count++] = tag;
	qsort(l->tags, l->count, sizeof(*l->tags), tag_cmp);
	return l;
}

size_t listable_after(const struct listable *l, const char *uid)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(l->tags[mid]->k.uid, uid) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint64_t listable_cut(const struct site *s, const struct listable *all, size_t count)
{
	uint64_t hash = RPC_HASH_START;

	for (size_t i = 0; i < count; i++) {
		const struct ctl_tag_keys *k = &all->tags[i]->k;
		wall_t expires = site_tag_expires(s, k);

		hash = rpc_hash(hash, k->uid, strlen(k->uid) + 1);
		hash = rpc_hash(hash, k->group ? k->group : "", k->group ? strlen(k->group) + 1 : 1);
		hash = rpc_hash(hash, &expires, sizeof(expires));
	}
	return hash;
}

/* One AuthorizationData. Without a tag it takes the uid off the list (OCPP 1.6, 7.3). One that has expired says so:
 * a station that has booted offline may think that it is 1970.
 */
void listable_write(const struct site *s, struct json_writer *w, const char *uid, const struct tag *tag, wall_t wall)
{
	wall_t expires = tag ? site_tag_expires(s, &tag->k) : WALL_NONE;
	char text[RFC3339_MAX];

	jw_object(w);
	jw_kstr(w, "idTag", uid);
	if (tag) {
		jw_key(w, "idTagInfo");
		jw_object(w);
		if (expires != WALL_NONE)
			jw_kstr(w, "expiryDate", rfc3339_format(expires, text));
		if (tag->k.group && strlen(tag->k.group) <= TAG_LIST_UID_MAX)
			jw_kstr(w, "parentIdTag", tag->k.group);
		jw_kstr(w, "status", expires != WALL_NONE && expires < wall ? "Expired" : "Accepted");
		jw_object_end(w);
	}
	jw_object_end(w);
}
