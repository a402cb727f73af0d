/* site/tag_log.h - which tags have changed lately, as far as stations are told of them.
 *
 * Stations that keep a local list are told what has changed since they were told last, after a restart of
 * lmsd too: the latest changes are remembered by number, in memory and stored. Who is further behind is
 * told everything.
 */
#pragma once

#include "site/site.h"

#define TAG_LOG_ROWS 1000
#define TAG_LIST_UID_MAX 20	/* OCPP 1.6, 7.28: IdToken */

/* May stations decide on it alone? Only what no credit, no schedule and no place could refuse, and that
 * they can name. */
bool site_tag_listable(const struct site *s, const struct ctl_tag_keys *k);
/* It was changed from `before` to `after` (NULL = it was not, it is no more): noted where stations would see it. */
void site_tag_note(struct site *s, const char *uid, const struct ctl_tag_keys *before, const struct ctl_tag_keys *after,
		   struct effects *fx);
/* The settings of groups of tags differ between two generations: their tags are noted. To be called when the
 * change is stored, and when it is in force, as what stations are told goes by what is in force. */
void site_tag_groups_note(struct site *s, const struct site_conf *before, const struct site_conf *after,
			  struct effects *fx);
/* Are all changes after this one known? */
bool site_tag_log_reaches(const struct site *s, int64_t after);
/* The tag of a change that is known: after < seq <= s->tag_seq. */
const char *site_tag_log_at(const struct site *s, int64_t seq);
int site_tag_log_load(struct site *s, const char *json, size_t len, struct diag *diag);

/* What a station has accepted last. */
void site_list_store(const struct station *st, struct effects *fx);
int site_list_load(struct site *s, const char *station, const char *json, size_t len, struct diag *diag);
