/* site/outer/source.h - generators, storages and prices: a state that is told from outside selects a zone's limit.
 *
 * A zone names its source and a limit per state ("island=16; lost=10"); a state that it does not name does
 * not limit it. `lost` holds while nobody has told a state, when stale_after has passed since, and for a
 * state that the source no longer has; where the zone does not name it, it is the least that it names.
 */
#pragma once

#include "site/outer/outer.h"
#include "site/outer/signal.h"
#include "site/site.h"

#define SOURCE_LOST     "lost"
#define SOURCE_CAPS_MAX 16

struct source_caps {
	struct { char state[SIGNAL_STATE_MAX]; struct phase_ma limit; } items[SOURCE_CAPS_MAX];
	size_t count;
};

/* "grid,island": 0, or -LMS_EDATA with diag. */
int source_states_check(const char *states, struct diag *diag);
/* Is `state` one of "grid,island", or lost? */
bool source_has_state(const char *states, const char *state);
/* "island=16; lost=10,10,8": 0, or -LMS_EDATA with diag. */
int source_caps_parse(const char *text, struct source_caps *out, struct diag *diag);

/* Told by command. 1 if that changes what is in force, 0 if not, or an error with diag; `conf` is the newest
 * configuration. Where a way tells the state (source key from), it holds beside that one until site_source_clear():
 * the lesser limit of both counts in each zone. */
int site_source_tell(struct site *s, const struct site_conf *conf, const char *id, const char *state,
		     const char *by, int64_t for_ms, mono_t now, wall_t wall, struct effects *fx,
		     struct diag *diag);
/* What was told by command counts no more. False if nothing was. */
bool site_source_clear(struct site *s, const char *id, mono_t now, wall_t wall, struct effects *fx);
/* What the way of the source has brought, its failure included. Nothing for one that has no way. */
void site_source_heard(struct site *s, const char *id, const struct heard *heard, mono_t now, wall_t wall,
		       struct effects *fx);
/* To be called at site_source_due() and after a new configuration: states whose source is gone go, too.
 * True if what is in force has changed. */
bool site_source_time(struct site *s, mono_t now, wall_t wall, struct effects *fx);
mono_t site_source_due(const struct site *s);
/* What is known of its state, or NULL if nobody has ever told it. */
const struct signal *site_source_signal(const struct site *s, const struct source_conf *source);
/* What its way has brought; NULL where it has none, or that has brought nothing yet. */
const struct hearing *site_source_hearing(const struct site *s, const struct source_conf *source);
/* The state that staff told beside its way; NULL = none. */
const char *site_source_beside(const struct site *s, const struct source_conf *source);
/* In force: one of its states, or lost. */
const char *site_source_state(const struct site *s, const struct source_conf *source);
bool site_source_is_sure(const struct site *s, const struct source_conf *source);
void site_source_limit(const struct site *s, const struct zone_conf *z, struct zone_limit *out);
/* A stored state: `key` is "source ID", by command, or "way ID". */
int site_source_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, wall_t wall,
		     struct diag *diag);
void site_source_free(struct site *s);
