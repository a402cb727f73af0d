/* site/outer/signal.h - a state that somebody outside tells: kept, given up when it is not told any more, and
 * carried over restarts. The grid signal is one, each source has one.
 *
 * With a watchdog the state must be told again within that time, else it is lost; without one it holds
 * until another is told, or for the time that came with it. After a restart with a watchdog it is not
 * sure until it is told again: whoever uses it lets the worse of the state of then and of `lost` hold.
 * A time that came with a state passes while lmsd is down as that of an override does (override.h).
 */
#pragma once

#include "base/diag.h"
#include "base/types.h"
#include "effect.h"

#define SIGNAL_STATE_MAX 24
#define SIGNAL_FOR_MAX_US (INT64_C(30) * 86400 * US_PER_S)

struct signal {
	char state[SIGNAL_STATE_MAX];	/* as told last; "" = nobody tells one */
	char by[64];			/* who told it */
	wall_t since;			/* what it is now, it has been since then */
	mono_t told_at;			/* or when it began to be waited for */
	mono_t until;			/* it holds so long; MONO_NEVER = until it is told again, or lost */
	bool lost;			/* the watchdog has run out */
	bool sure;			/* told since the start */
	char before[SIGNAL_STATE_MAX];	/* beside a hint: what was told last; "" = nothing, or `state` is no hint */
	bool hinted;			/* `state` is a hint */
	mono_t written;
};

/* Nobody has told anything: a watchdog counts from now. */
void signal_init(struct signal *g, mono_t now);
/* Tells a state; `for_ms` above 0 and at most 30 days, or NUM_NONE. True if it is another one than before. */
bool signal_tell(struct signal *g, const char *state, const char *by, int64_t for_ms, mono_t now, wall_t wall);
/* Tells one of a moment that nobody knows: it is not sure, unless it is the one that was told last. What was told
 * before holds beside it, as nobody knows which of them is the later one. The watchdog goes on, and what is lost stays
 * so. True if it is another one than before. */
bool signal_hint(struct signal *g, const char *state, const char *by, wall_t wall);
/* Nobody tells it from now on, as at the beginning. True if that is a change. */
bool signal_forget(struct signal *g, mono_t now, wall_t wall);
/* What time alone does: its time is over, the watchdog has run out (`watchdog_us`; 0 = there is none).
 * True if there was anything. */
bool signal_time(struct signal *g, int64_t watchdog_us, mono_t now, wall_t wall);
mono_t signal_due(const struct signal *g, int64_t watchdog_us);
bool signal_is_sure(const struct signal *g, int64_t watchdog_us);
/* For how long a state with a time of its own still holds, written down anew once a minute. */
bool signal_wants_writing(const struct signal *g, mono_t now);
void signal_store(struct signal *g, const char *key, mono_t now, wall_t wall, struct effects *fx);
int signal_load(struct signal *g, const char *json, size_t len, mono_t now, wall_t wall, struct diag *diag);
/* Time left of what had `left_us` when that was written: the time down counts where the clock is
 * plausible, that is, says 0 to `longest_us`. */
int64_t signal_left_us(int64_t left_us, wall_t written, wall_t wall, int64_t longest_us);
