/* site/outer/heard.h - what the way that is configured for a state (from.h) has brought last: for people.
 *
 * A value that means nothing and a way that does not talk tell no state: the watchdog then says what that means.
 */
#pragma once

#include "base/types.h"
#include "site/outer/from.h"

/* One report of a way. Borrowed for the call. */
struct heard {
	int err;		/* 0, or -LMS_E...: nothing was read, and text says why */
	const char *text;
	const char *word;	/* as it was received; NULL: number */
	int64_t number;
	bool old;		/* nobody knows when it was said: signal_hint() */
	const char *by;		/* who told it; NULL: the way as it is configured */
};

struct hearing {
	char from[64];		/* the way that the rest is of */
	wall_t at;		/* of the last report; WALL_NONE = none yet */
	int err;
	char error[160];	/* why nothing is told; "" = nothing is wrong */
	char raw[40];		/* the last value, as it is shown */
	wall_t raw_at;
	bool strange;		/* that value means nothing */
};

/* Another way than before: what was heard is void. True if so. */
bool hearing_follow(struct hearing *h, const struct state_way *way);
/* Takes a report down, and says once what has begun to be wrong, or is well again. The state that it means, or
 * NULL: none. `subject` and `id` name it in the log. */
const char *hearing_take(struct hearing *h, const struct state_way *way, const struct heard *heard,
			 const char *subject, const char *id, wall_t wall);
