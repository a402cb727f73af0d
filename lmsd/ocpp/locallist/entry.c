/* ocpp/locallist/entry.c - which tags stations may know, and how they are told.
 *
 * A station that is offline decides by its list alone: what it could not know (that a tag was blocked
 * meanwhile, that it charges elsewhere) is the price of charging offline. Everything that is certain to
 * need a question (blocked, too long for the list) is left out.
 */
#include "ocpp/locallist/entry.h"

#include <string.h>

#include "ocpp/rpc.h"

bool list_entry_fits(const struct tag *t)
{
	return t->k.active != 0 && !(t->k.auth && strcmp(t->k.auth, "deny") == 0) && strlen(t->k.uid) <= LIST_UID_MAX;
}

void list_entry_write(struct json_writer *w, const char *uid, const struct tag *t)
{
	char text[RFC3339_MAX];

	jw_object(w);
	jw_kstr(w, "idTag", uid);
	if (t) {
		jw_key(w, "idTagInfo");
		jw_object(w);
		if (t->k.expires != WALL_NONE)
			jw_kstr(w, "expiryDate", rfc3339_format(t->k.expires, text));
		if (t->k.group && strlen(t->k.group) <= LIST_UID_MAX)
			jw_kstr(w, "parentIdTag", t->k.group);
		jw_kstr(w, "status", "Accepted");
		jw_object_end(w);
	}
	jw_object_end(w);
}

uint64_t list_entry_hash(const struct tag *t)
{
	const char *group = t->k.group ? t->k.group : "";
	uint64_t hash = RPC_HASH_START;

	if (!list_entry_fits(t))
		return 0;
	hash = rpc_hash(hash, t->k.uid, strlen(t->k.uid) + 1);
	hash = rpc_hash(hash, group, strlen(group) + 1);
	return rpc_hash(hash, &t->k.expires, sizeof(t->k.expires));
}
