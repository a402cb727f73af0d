/* site/tag.h - private to the site room: the table of tags. */
#pragma once

#include "site/site.h"

/* Creates the tag, or gives it these keys (copied); uid is normalized. */
struct tag *tag_put(struct site *s, const struct ctl_tag_keys *k);
void tag_remove(struct site *s, struct tag *t);
void tag_store(const struct tag *t, struct effects *fx);
