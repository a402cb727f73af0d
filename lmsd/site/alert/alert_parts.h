/* site/alert/alert_parts.h - private to the alerts: their state, and what is stored of it. */
#pragma once

#include "site/alert/alert.h"

struct site_alerts {
	uint64_t last;			/* id of the newest, 0 = none yet */
	uint64_t sweep;
	bool mail_due;			/* of any of them */
	mono_t began;			/* the first sweep; MONO_NEVER */
	struct alert *open;		/* hash by key: all that hold, those whose delay runs included */
	struct alert ended[ALERT_ROWS];	/* id at id % ALERT_ROWS, or of a later round; 0 = empty */
	struct ctl_alert_rule_keys rules[ALERT_KINDS];
	struct arena arena;		/* of the rules */
};

struct site_alerts *alerts_of(struct site *s);
struct alert *alert_open_new(struct site_alerts *l, enum alert_kind kind, const char *object);
void alert_store_open(const struct alert *a, struct effects *fx);
void alert_store_row(const struct alert *ended, struct effects *fx);
/* Moves its record, and the alert, to those that are over. */
void alert_store_ended(struct site *s, const struct alert *a, struct effects *fx);
