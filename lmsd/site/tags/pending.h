/* site/tags/pending.h - tags that were shown: unknown ones wait to be accepted, and learners see each.
 *
 * Unknown tags are kept with how often and where, PENDING_TAGS_MAX of them: the one that was shown longest ago
 * goes first. They are stored when they are new and then once a minute at most, so that a reader that is
 * played with costs little. While somebody learns at a station, a tag that is shown there starts nothing. Who
 * learns must go on asking: LEARN_US after the last time it is over, whether he said so or died.
 */
#pragma once

#include "site/site.h"

#define PENDING_TAGS_MAX 256
#define SHOWN_KEPT       64
#define LEARNERS_MAX     8
#define LEARN_US         (3 * US_PER_S)

struct pending_tag {
	UT_hash_handle hh;		/* by uid */
	char uid[ID_MAX + 1], station[ID_MAX + 1];	/* where it was shown last; "" = at none */
	int connector;			/* 0 = not known */
	int64_t count;
	wall_t first, last;
	wall_t stored;
};

struct shown_tag {
	int64_t seq;			/* from 1 up; 0 = none */
	wall_t time;
	char uid[ID_MAX + 1], station[ID_MAX + 1], holder[100];
	int connector;
	bool known;
};

/* A tag was shown at a station (NULL: at a reader of ours); unknown ones are collected, unless charging is
 * free there. True: somebody learns there. */
bool tag_shown(struct site *s, const char *uid, const char *station, int connector, mono_t now, wall_t wall,
	       struct effects *fx);
/* Somebody learns at this station ("" = at any) from now on, or still. -LMS_ECONFLICT: too many do. */
int tag_learn(struct site *s, const char *station, mono_t now);
int64_t tag_shown_last(const struct site *s);
/* The first that was shown after this one and is still known; NULL. */
const struct shown_tag *tag_shown_next(const struct site *s, int64_t after);
const struct pending_tag *pending_find(const struct site *s, const char *uid);	/* as normalized */
const struct pending_tag *pending_first(const struct site *s);	/* of a list by hh.next, in no order */
void pending_forget(struct site *s, const char *uid, struct effects *fx);
int pending_load(struct site *s, const char *uid, const char *json, size_t len, struct diag *diag);
void pending_free(struct site *s);
