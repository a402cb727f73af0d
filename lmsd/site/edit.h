/* site/edit.h - changing the configuration: stage a candidate, check it whole, store it, swap.
 *
 *	struct site_edit *e = site_edit_new(site);     on top of the newest generation, staged ones included
 *	site_edit_zone(e, keys, SITE_CREATE); …        errors are sticky in the edit's diag
 *	ret = site_edit_commit(e, fx, dry_run, &changed, diag);   checks; emits FX_PUT/FX_DEL and FX_CONFIG
 *	site_edit_free(e);
 */
#pragma once

#include "site/site.h"

struct site_edit;

enum edit_mode {
	SITE_CREATE,	/* -LMS_ECONFLICT when it exists */
	SITE_CHANGE,	/* -LMS_ENOTFOUND when it does not; given keys replace, null clears */
	SITE_REPLACE	/* exactly these keys, created when missing: apply */
};

struct site_edit *site_edit_new(struct site *s);
void site_edit_free(struct site_edit *e);
void site_edit_site(struct site_edit *e, const struct ctl_site_keys *k);
void site_edit_zone(struct site_edit *e, const struct ctl_zone_keys *k, enum edit_mode mode);
void site_edit_source(struct site_edit *e, const struct ctl_source_keys *k, enum edit_mode mode);
void site_edit_meter(struct site_edit *e, const struct ctl_meter_keys *k, enum edit_mode mode);
void site_edit_group(struct site_edit *e, const struct ctl_group_keys *k, enum edit_mode mode);
void site_edit_tag_group(struct site_edit *e, const struct ctl_tag_group_keys *k, enum edit_mode mode);
void site_edit_station(struct site_edit *e, const struct ctl_station_keys *k, enum edit_mode mode);
void site_edit_connector(struct site_edit *e, const struct ctl_connector_keys *k, enum edit_mode mode);
void site_edit_delete_zone(struct site_edit *e, const char *id);
void site_edit_delete_source(struct site_edit *e, const char *id);
void site_edit_delete_meter(struct site_edit *e, const char *id);
void site_edit_delete_group(struct site_edit *e, const char *id);
void site_edit_delete_tag_group(struct site_edit *e, const char *id);
void site_edit_delete_station(struct site_edit *e, const char *id);
void site_edit_delete_connector(struct site_edit *e, const char *id);	/* its settings only */
/* Tags are a table of their own: they change at the commit, without a new generation. */
void site_edit_tag(struct site_edit *e, const struct ctl_tag_keys *k, enum edit_mode mode);
void site_edit_delete_tag(struct site_edit *e, const char *uid);
void site_edit_at(struct site_edit *e, wall_t wall, const char *by);	/* when and who, for records of tags; by: a constant or in the arena of the turn */
/* Deletes what no site_edit_… of this edit has named. */
void site_edit_prune(struct site_edit *e, bool tags_too);
/* Sets the edit's error, for callers that find one themselves; the first one wins. */
struct diag *site_edit_diag(struct site_edit *e);

/* One difference, for dry runs, diff and audit: "zone P1 static_ma 60000 -> 50000". */
struct site_change { const char *kind, *id, *key, *from, *to; };

/* Checks the candidate whole (every refusal of the issue: missing parent or loop, idle or fallback
 * sums above a cap, dynamic without meter_lost, limits out of range, …), each with a remedy in diag.
 * changes and change_count may be NULL. Unless dry: emits the records and FX_CONFIG, and the
 * candidate becomes site->staged. */
int site_edit_commit(struct site_edit *e, struct effects *fx, bool dry, const struct site_change **changes,
		     size_t *change_count, struct arena *arena, struct diag *diag);

/* The configuration as it will be: after a successful commit, dry or not; until the edit is freed. */
const struct site_conf *site_edit_result(const struct site_edit *e);
/* The newest generation: staged if there is one, else in force. */
const struct site_conf *site_conf_newest(const struct site *s);

/* Does the newest generation pass the checks of today? 0, or an error with diag. */
int site_conf_check(const struct site *s, struct diag *diag);

/* At start: the whole configuration from stored records, through the same checks. A configuration
 * that no longer passes is taken all the same, with the complaint in diag: a running site must not
 * stop because a rule was added. */
struct site_conf *site_conf_load_begin(void);
int site_conf_load_row(struct site_conf *c, enum store_table table, const char *key, const char *json,
		       size_t len, struct diag *diag);
int site_conf_load_end(struct site_conf *c, struct diag *diag);
void site_conf_free(struct site_conf *c);
/* The configuration as the document that config.apply takes; with the tags unless s is NULL. */
void site_conf_write(const struct site *s, const struct site_conf *c, wall_t wall, struct json_writer *w);
