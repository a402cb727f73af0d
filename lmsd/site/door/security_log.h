/* site/door/security_log.h - security events of stations, kept over restarts: the latest of each of two rings.
 *
 * Pure. Critical ones have a ring of their own: the others can be provoked from outside, and shall not push
 * them out.
 */
#pragma once

#include "site/site.h"

#define SECURITY_LOG_ROWS 256	/* of each ring */

struct security_event {
	uint64_t seq;		/* goes up by one over both; 0 = empty */
	wall_t time;		/* as the station says; received, where that is impossible */
	wall_t received;
	char station[ID_MAX + 1];
	char type[51], tech[256];
	bool critical;
};

/* Fills in seq and critical, keeps and tells it. */
void security_log_add(struct site *s, struct security_event *e, struct effects *fx);
/* The first one after this seq, or NULL. */
const struct security_event *security_log_next(const struct site *s, uint64_t after);
/* What the type means; NULL: it is none of the whitepaper's. */
const char *security_event_text(const char *type);
int security_log_load(struct site *s, const char *key, const char *json, size_t len, struct diag *diag);
