/* site/generation/draft.h - private to the site room: a configuration as bare keys, before it is built and
 * checked.
 *
 * A draft starts as the keys of a generation, is edited by id, and becomes the next generation by
 * conf_build(). Its items borrow the strings of the generation that they came from.
 */
#pragma once

#include "site/edit.h"
#include "site/site.h"

enum item_kind { ITEM_ZONE, ITEM_METER, ITEM_SOURCE, ITEM_GROUP, ITEM_TAG_GROUP, ITEM_STATION, ITEM_CONNECTOR, ITEM_KINDS };

/* 230 V less and plus 10 %; what a site may say instead. */
#define VOLTAGE_MIN_DEFAULT INT64_C(207)
#define TYPE_MAX_MA_TE INT64_C(16000)	/* a household socket (CEE 7/5) */
#define TYPE_MAX_MA_T2 INT64_C(80000)	/* IEC 61851-1, table A.8: the pilot tells no more */
#define VOLTAGE_MAX_DEFAULT INT64_C(253)
#define VOLTAGE_LEAST       INT64_C(90)
#define VOLTAGE_MOST        INT64_C(400)

struct item {
	UT_hash_handle hh; /* by id, one hash per kind */
	const char *id;
	union {
		struct ctl_zone_keys zone;
		struct ctl_meter_keys meter;
		struct ctl_source_keys source;
		struct ctl_group_keys group;
		struct ctl_tag_group_keys tag_group;
		struct ctl_station_keys station;
		struct ctl_connector_keys connector;
	} k;
	const void *before; /* its keys in the base generation, NULL = new */
	bool named;         /* by this edit */
	bool gone;
	/* zones, while the tree is built */
	struct item *parent, *child, *sibling;
	int index;
};

struct draft {
	struct arena arena;
	struct ctl_site_keys site;
	struct item *items[ITEM_KINDS];
};

/* What the room must know per kind: its noun, its table, its word. */
struct item_type {
	enum ctl_noun_id noun;
	enum store_table table;
	const char *word;
};
extern const struct item_type item_types[ITEM_KINDS];
const struct ctl_noun_desc *item_noun(enum item_kind kind);

struct draft *draft_new(const struct site_conf *base); /* NULL = empty */
void draft_free(struct draft *d);
struct item *draft_find(struct draft *d, enum item_kind kind, const char *id); /* gone ones: NULL */
/* A new item, or one that was gone, with all keys absent but the id. */
struct item *draft_add(struct draft *d, enum item_kind kind, const char *id);
/* "zone 'P9' does not exist (did you mean 'P1'?; lmsctl zone list)" with LMS_ENOTFOUND. */
int draft_missing(struct draft *d, enum item_kind kind, const char *id, struct diag *diag);
/* Has it settings of its own? Those that have none are not stored. */
bool connector_is_set(const struct ctl_connector_keys *k);
/* "STATION/NUMBER" -> both; station has ID_MAX + 1. False if it is not one. */
bool connector_id_split(const char *id, char *station, int *number);

/* Builds c (arena initialised, otherwise empty) from the draft. Goes on after the first complaint,
 * so that a site whose stored configuration is odd still runs: what is missing is -1, a loop is
 * cut. Keys that mean the same are written the same way, also in the draft. */
void conf_build(struct site_conf *c, struct draft *d, struct diag *diag);
struct site_conf *conf_new(void);
extern const struct site_conf conf_empty; /* generation 0: before anything was configured */

/* Everything that a configuration must fulfil beyond what conf_build() finds. */
int conf_check(const struct site_conf *c, const struct site_outside *outside, struct diag *diag);
