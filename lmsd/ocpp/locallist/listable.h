/* ocpp/locallist/listable.h - the tags that stations may know, and how they are told of one. */
#pragma once

#include "ocpp/session.h"

/* All of them by uid, until the next change of a tag that is told to stations. */
const struct listable *listable_of(struct ocpp *o);
/* The index of the first one behind this uid. */
size_t listable_after(const struct listable *l, const char *uid);
/* What a station has that has room for the first `count` of them only; never 0. */
uint64_t listable_cut(const struct site *s, const struct listable *all, size_t count);
/* One AuthorizationData. Without a tag it takes the uid off the list (OCPP 1.6, 7.3). */
void listable_write(const struct site *s, struct json_writer *w, const char *uid, const struct tag *tag, wall_t wall);
