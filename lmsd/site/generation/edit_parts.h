/* site/generation/edit_parts.h - private to the site room: what an edit consists of, and its steps. */
#pragma once

#include "site/generation/draft.h"

/* A tag as it shall become. */
struct tag_edit {
	UT_hash_handle hh;     /* by uid */
	struct ctl_tag_keys k; /* in the edit's arena */
	struct tag *live;      /* NULL = new */
	bool credit_said;      /* else what it has stays */
	bool gone;
};

struct site_edit {
	struct site *site;
	struct arena arena;
	struct diag diag;
	struct draft *draft; /* NULL until a key of the configuration is touched */
	struct tag_edit *tags;
	wall_t wall;
	const char *by;
	struct site_conf *candidate; /* owned, until the commit gives it away */
	const struct site_conf *result;
};

struct change_list {
	struct arena *arena;
	struct site_change *items;
	size_t count, room;
};

struct draft *edit_draft(struct site_edit *e);
/* The item that a step works on, by mode; NULL with the edit's diag set. */
struct item *edit_item(struct site_edit *e, enum item_kind kind, const char *id, enum edit_mode mode);
bool edit_id(struct site_edit *e, const char *id, const char *what);
void edit_overlay(struct site_edit *e, enum item_kind kind, struct item *it, const void *keys);
struct item *edit_delete(struct site_edit *e, enum item_kind kind, const char *id);
/* Who uses what shall go; the first few are named in the refusal. */
struct edit_users { char text[200]; size_t count; };
void edit_note_user(struct edit_users *users, const char *word, const char *id);
void edit_gone_unless_used(struct site_edit *e, struct item *it, const char *word, const struct edit_users *users);
/* edit_diff.c: what differs, by the draft's items; order is kind, then id. */
void edit_diff(struct site_edit *e, struct change_list *list);
void edit_diff_keys(struct change_list *list, const struct ctl_noun_desc *n, const char *id,
		    const void *before, const void *after);
/* The records that changed, and the generation. */
void edit_store(struct site_edit *e, struct effects *fx);
/* edit_tag.c */
void edit_diff_tags(struct site_edit *e, struct change_list *list);
void edit_apply_tags(struct site_edit *e, struct effects *fx);
/* How many come, differ, stay as they are, go. */
void edit_count_tags(const struct site_edit *e, int64_t *added, int64_t *changed, int64_t *unchanged, int64_t *deleted);
void edit_prune_tags(struct site_edit *e);
/* What their keys name, in the configuration as it will be. */
int edit_check_tags(struct site_edit *e);
/* Tags that a zone newly exempts exist, or will after this edit. One that is deleted later harms nobody. */
void edit_check_exempt(struct site_edit *e);
