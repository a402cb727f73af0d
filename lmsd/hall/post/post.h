/* hall/post/post.h - sends the mails of the site, one after the other, in a thread. */
#pragma once

#include "base/types.h"

struct app;
struct post;

struct post *post_new(struct app *app);	/* NULL: no mail.host */
void post_free(struct post *p);
/* At the end of a turn, after the going over of alerts. */
void post_turn(struct app *app, mono_t now, wall_t wall);
mono_t post_due(const struct app *app);
