/* site/access.h - private to the site room: the access rule of a station. */
#pragma once

#include "site/site.h"

/* Does everybody charge here? *free_tag: what charging without a tag is booked on, NULL = nothing.
 */
bool access_is_free(const struct site *s, const struct station *st, const char **free_tag);
