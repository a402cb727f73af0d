/* site/control/ctl_site_util.h - private to the site room: what its control handlers have in common. */
#pragma once

#include "hall.h"
#include "site/edit.h"
#include "site/site.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX     1000

/* Items per page: the caller's wish within bounds. */
size_t ctl_page_limit(int64_t wish);
/* Commits, or tries to: 0 with *changed, or the error in c->diag. The edit stays the caller's. */
int ctl_commit(struct ctl_call *c, struct site_edit *e, int64_t dry_run, bool *changed);
/* Ends running transactions of stations that conf no longer has: nobody could end them any more. */
void ctl_close_orphaned(struct ctl_call *c, const struct site_conf *conf);
/* Frees the edit and answers "changed" for DONE verbs. */
int ctl_commit_done(struct ctl_call *c, struct site_edit *e, int64_t dry_run);
/* "zone 'P9' does not exist (did you mean 'P1'?; lmsctl zone list)" in c->diag; n names. */
int ctl_not_found(struct ctl_call *c, const char *word, const char *id, const char *const *names,
		  size_t n);

/* Index in conf, or the error. */
int ctl_find_zone(struct ctl_call *c, const struct site_conf *conf, const char *id);
int ctl_find_meter(struct ctl_call *c, const struct site_conf *conf, const char *id);
int ctl_find_source(struct ctl_call *c, const struct site_conf *conf, const char *id);
int ctl_find_station(struct ctl_call *c, const struct site_conf *conf, const char *id);

/* One station's record: keys from conf (index -1: not registered), the rest live; st may be NULL.
 */
void ctl_station_record(const struct site_conf *conf, int index, const struct station *st,
			struct arena *arena, struct ctl_station *out);
