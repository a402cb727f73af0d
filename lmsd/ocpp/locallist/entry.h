/* ocpp/locallist/entry.h - one tag in the local authorization list of a station. */
#pragma once

#include "site/site.h"

#define LIST_UID_MAX 20	/* OCPP 1.6, 7.28: IdToken */

/* May stations decide on it alone? Only what no counter, no schedule and no state here could refuse. */
bool list_entry_fits(const struct tag *t);
/* One AuthorizationData. Without a tag (NULL) it takes the uid off the list (OCPP 1.6, 7.3). */
void list_entry_write(struct json_writer *w, const char *uid, const struct tag *t);
/* Changes whenever what list_entry_write() writes does; 0: it does not fit. */
uint64_t list_entry_hash(const struct tag *t);
