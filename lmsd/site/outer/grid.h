/* site/outer/grid.h - the grid operator's signal: one for the site, and what it means in the zones that follow it.
 *
 * It comes from staff (site_grid_set()), or from the way that grid_from of the site names (site_grid_heard()).
 * It ranks above tariffs and comfort: `stop` is 0 A at once. A signal that the watchdog (grid_watchdog of the
 * site) gives up is `lost`, which is what each zone's grid_lost says: reduced where that is configured, else
 * stop. A zone that follows the signal and has no reduced mode stops at `reduced`, too.
 *
 * Where a way tells the signal, staff may tell one beside it: the lesser limit of both holds in each zone, so
 * that nobody takes back what the operator of the grid has said.
 */
#pragma once

#include "site/outer/outer.h"
#include "site/outer/signal.h"
#include "site/site.h"

/* States that somebody can tell, in the order of their numbers. */
#define GRID_TOLD "normal,reduced,stop"

enum grid_state { GRID_NORMAL, GRID_REDUCED, GRID_STOP, GRID_LOST, GRID_STATES };

const char *grid_state_name(enum grid_state state);

/* 1 if that changes what is in force anywhere, 0 if not, or an error with diag. `for_ms` NUM_NONE: until
 * another is told, or lost. */
int site_grid_set(struct site *s, const char *state, const char *by, int64_t for_ms, mono_t now, wall_t wall,
		  struct effects *fx, struct diag *diag);
/* Nobody has told a signal: normal, until the watchdog runs out. False if that was so before. */
bool site_grid_clear(struct site *s, mono_t now, wall_t wall, struct effects *fx);
/* What the configured way has brought, its failure included. True if what is in force has changed. Of a way that is
 * not configured any more: nothing. */
bool site_grid_heard(struct site *s, const struct heard *heard, mono_t now, wall_t wall, struct effects *fx);
/* To be called at site_grid_due() and after a new configuration. True if what is in force has changed. */
bool site_grid_time(struct site *s, mono_t now, wall_t wall, struct effects *fx);
mono_t site_grid_due(const struct site *s);
enum grid_state site_grid_state(const struct site *s);
/* The signal that state is of: what staff or what the way has told. */
const struct signal *site_grid_signal(const struct site *s);
/* Not so after a restart, as long as a watchdog waits: then what `lost` means holds beside the state. */
bool site_grid_is_sure(const struct site *s);

/* What a state means in a zone, as configured. */
void grid_meaning(const struct zone_conf *z, enum grid_state state, struct zone_limit *out);
/* What is in force on the zone now. */
void site_grid_limit(const struct site *s, const struct zone_conf *z, struct zone_limit *out);

/* ---- what it has done: the last changes, one row per zone that follows -------------------------- */

/* A year of a signal that changes 25 times a day, in five zones. */
#define GRID_LOG_ROWS 50000

struct grid_change {
	uint64_t seq;
	wall_t time;
	char state[SIGNAL_STATE_MAX], by[64];
	char zone[ID_MAX + 1];		/* "" where no zone follows */
	struct phase_ma before, after;	/* the zone's limit in force */
	int sessions_before, sessions_after;
};

/* Takes down what the signal that is in force now has changed (seq, time, state and by are filled in). */
void site_grid_note(struct site *s, struct grid_change *change, wall_t wall, struct effects *fx);
/* The first with seq > after, or NULL. */
const struct grid_change *site_grid_next_change(const struct site *s, uint64_t after);
int site_grid_load_change(struct site *s, const char *key, const char *json, size_t len, struct diag *diag);
/* Before what was stored is loaded: the watchdog counts from now. */
void site_grid_begin(struct site *s, mono_t now);
/* A stored state: `key` is "grid" or "grid way". */
int site_grid_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, wall_t wall,
		   struct diag *diag);
void site_grid_free(struct site *s);
