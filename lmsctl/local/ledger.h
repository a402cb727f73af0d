/* local/ledger.h - the transactions of a period, page by page, the newest first. Refused ones are left out: nobody
 * charged.
 */
#pragma once

#include "base/period.h"
#include "lmsctl/local/local.h"

struct ledger {
	struct lmsctl *l;
	const struct ledger_args *a;
	struct period period;
	const struct time_zone *tz;	/* NULL = UTC */
	size_t count;			/* so far */
};

/* Reads PERIOD, which needs no daemon to be found wrong. */
int ledger_init(struct ledger *q, struct lmsctl *l, const struct ledger_args *a, const char *period);
/* Connects, and reads PERIOD in the zone of the site. */
int ledger_begin(struct ledger *q, const char *period);
/* All of them; a callback's answer other than 0 ends it: negative = an error. Tells its progress. */
int ledger_each(struct ledger *q, int (*each)(void *ctx, const struct ctl_transaction *t), void *ctx);
/* "8.09" with so many decimals as an integer; NUM_NONE. */
int64_t ledger_decimal(const char *s, int decimals);
