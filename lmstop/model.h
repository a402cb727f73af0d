/* lmstop/model.h - what lmsd told us: one list of records per watch, kept in step by its pushes.
 *
 * Pure: the time of arrival is an argument. Each record owns its memory, so a list may live for
 * months. Lists are ordered by identity as people count (CP2 before CP10), zones as lmsd sends
 * them.
 */
#pragma once

#include "ctl/ctl.h"

enum model_list_id {
	MODEL_SYSTEM, MODEL_ZONES, MODEL_STATIONS, MODEL_PENDING, MODEL_CONNECTORS, MODEL_METERS,
	MODEL_TRANSACTIONS, MODEL_ALERTS, MODEL_EVENTS,
	MODEL_METER,		/* the one meter that is looked at, with all its values */
	MODEL_MESSAGES,		/* the latest OCPP frames of the one station that is looked at */
	MODEL_TAGS,		/* those used last, while screen 5 is looked at */
	MODEL_TAGS_PENDING,	/* unknown ones that were shown */
	MODEL_TAG,		/* the one tag that is looked at */
	MODEL_TAG_CREDIT,	/* the latest changes of its credit */
	MODEL_TAG_TRANSACTIONS,	/* and its latest transactions */
	MODEL_LISTS
};

#define MODEL_EVENTS_MAX 500
#define MODEL_MESSAGES_MAX 50
#define MODEL_TAGS_MAX 500

struct model_row {
	const char *id;
	void *rec;		/* struct ctl_NOUN */
	mono_t received;
	struct arena arena;
};

struct model_list {
	const struct ctl_noun_desc *noun;
	struct model_row **rows;
	size_t count, cap;
	bool arrived;		/* the snapshot has come */
};

struct model {
	struct model_list lists[MODEL_LISTS];
};

void model_init(struct model *m);
void model_fini(struct model *m);
/* The parameters of one "watch" notification. False: nothing changed, or it was not understood. */
bool model_apply(struct model *m, enum model_list_id list, const struct json *params, mono_t now);
/* One page of a list that was asked for instead of watched: it replaces what is known. */
void model_take(struct model *m, enum model_list_id list, const struct json *items, mono_t now);
void model_clear(struct model *m, enum model_list_id list);
/* to := a copy that shares nothing with from. */
void model_copy(struct model *to, const struct model *from);

size_t model_count(const struct model *m, enum model_list_id list);
const struct model_row *model_find(const struct model *m, enum model_list_id list, const char *id);
/* Compares as people count: digits in text by their value. */
int model_id_compare(const char *a, const char *b);

/* NULL before the first snapshot. */
const struct ctl_system *model_system(const struct model *m, mono_t *received);
const struct ctl_zone *model_zone(const struct model *m, size_t i);
const struct ctl_station *model_station(const struct model *m, size_t i);
const struct ctl_station *model_pending(const struct model *m, size_t i);
const struct ctl_connector *model_connector(const struct model *m, size_t i);
const struct ctl_meter *model_meter(const struct model *m, size_t i, mono_t *received);
const struct ctl_transaction *model_transaction(const struct model *m, size_t i, mono_t *received);
const struct ctl_alert *model_alert(const struct model *m, size_t i);
const struct ctl_event *model_event(const struct model *m, size_t i);
const struct ctl_message *model_message(const struct model *m, size_t i);
const struct ctl_tag *model_tag(const struct model *m, size_t i);
const struct ctl_pending_tag *model_pending_tag(const struct model *m, size_t i);
const struct ctl_credit_change *model_credit_change(const struct model *m, size_t i);
const struct ctl_transaction *model_tag_transaction(const struct model *m, size_t i, mono_t *received);

/* The zones as a tree is read: order[i] is an index, depth[i] how deep it lies. Both have
 * model_count entries. A zone whose parent is not there counts as a root. */
void model_zone_tree(const struct model *m, size_t *order, int *depth);
