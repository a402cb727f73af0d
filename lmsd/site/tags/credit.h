/* site/tags/credit.h - private to the site room: energy that a tag may still charge.
 *
 * What a tag has is what is booked on it (key credit_wh) less what its running transactions have charged so
 * far. A transaction is booked once, when it ends: the tag, the row of the ledger, and the transaction with
 * what was booked (its credit_wh) are stored together, so that a crash can neither lose nor double it. One
 * whose end turns out different later is corrected by the difference. Between start and end nothing of the
 * credit is stored: after a crash it follows from what is.
 *
 * Recharges are due at midnights of the site. They are worked out when somebody looks, and booked before
 * anything else changes the credit: so it does not matter whether lmsd ran at midnight.
 */
#pragma once

#include "site/site.h"

#define CREDIT_MOST_WH INT64_C(1000000000)	/* 1 GWh */

struct credit_row {
	const char *cause;		/* set, add, recharge, transaction, correction */
	int64_t change_wh;		/* NUM_NONE: from or to unlimited */
	int32_t tx;
	const char *by, *text;
};

/* What it has now, recharges that are due included; NUM_NONE = unlimited. */
int64_t credit_now(const struct site *s, const struct tag *t, wall_t wall);
/* Books what is due. */
void credit_settle(struct site *s, struct tag *t, wall_t wall, struct effects *fx);
/* What it has shall be this, NUM_NONE = unlimited; its record is the caller's to store. `cause` set or add. */
void credit_put(struct site *s, struct tag *t, int64_t credit_wh, const char *cause, const char *by, const char *text,
		wall_t wall, struct effects *fx);
/* Recharges count from this day on. */
void credit_begin_recharge(const struct site *s, struct tag *t, wall_t wall);
/* Whatever the keys say about it fits together. 0, or -LMS_EDATA with diag. */
int credit_check(const struct ctl_tag_keys *k, struct diag *diag);

/* ---- for the ledger ---- */
/* It runs, or charges more: what its tag has follows. wall WALL_NONE: at start, from what is stored. */
void credit_follow(struct site *s, struct tx *tx, wall_t wall, struct effects *fx);
/* It has ended, or its end has changed: booked, before the transaction is stored. */
void credit_book(struct site *s, struct tx *tx, wall_t wall, struct effects *fx);
/* What the running ones of a tag that is new have charged. */
int64_t credit_pending(const struct site *s, const char *uid);
