/* A site with a store in memory: calls handlers as lmsd does, commits their effects, restarts. */
#pragma once

#include "hall.h"
#include "site/edit.h"
#include "site/site.h"

#define DESK_WALL (INT64_C(1777622400) * US_PER_S) /* 2026-05-01T08:00:00Z, a Friday */

/* Europe/Paris in 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC. */
extern const struct time_zone desk_paris;
/* "2026-05-01T08:00:00Z" */
wall_t desk_time(const char *text);

struct desk_record;

struct desk {
	struct site *site;
	struct hall hall;
	struct arena arena;
	struct effects fx;
	mono_t now;
	wall_t wall;
	unsigned roles;
	struct desk_record *stored;
	struct buf answer;	/* JSON of the last call */
	struct diag diag;	/* its error */
	size_t put_count;	/* records stored since desk_new() */
};

void desk_init(struct desk *r);
void desk_fini(struct desk *r);
/* Calls "zone.create" with params as JSON (quotes may be written as '), and settles. 0 or the error. */
int desk_call(struct desk *r, const char *method, const char *params);
/* The same without settling: what is staged stays staged. */
int desk_call_only(struct desk *r, const char *method, const char *params);
/* Fails the test unless it succeeds. */
void desk_must(struct desk *r, const char *method, const char *params);
/* Carries out what was appended: stores, swaps. */
void desk_settle(struct desk *r);
/* Forgets everything but what is stored. */
void desk_restart(struct desk *r);
/* JSON of one stored record, or NULL. */
const char *desk_stored(const struct desk *r, enum store_table table, const char *key);
size_t desk_stored_count(const struct desk *r, enum store_table table);
/* The last answer, parsed; fails the test when it is no JSON. */
const struct json *desk_answer(struct desk *r);
/* config.show as text in the rig's arena. */
const char *desk_document(struct desk *r);
/* A register of the running transaction, of now. */
void desk_sample(struct site *s, struct tx *tx, int64_t register_wh, wall_t wall, struct effects *fx);
/* Makes a station connect, with so many connectors. */
struct station *desk_connect(struct desk *r, const char *id, size_t connectors);
