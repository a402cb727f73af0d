/* site/control/ctl_tag.h - private to the site room: what the handlers of tags have in common. */
#pragma once

#include "hall.h"
#include "site/edit.h"
#include "site/tag_log.h"

int ctl_tag_answer(struct ctl_call *c, const struct tag *t);
int ctl_tag_edit(struct ctl_call *c, const struct ctl_tag_keys *k, enum edit_mode mode, int64_t dry_run);
int ctl_tag_not_found(struct ctl_call *c, const char *uid);
