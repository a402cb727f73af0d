/* site/outer/sun.h - what the PV keys of a zone mean: strategies, and who is exempt. */
#pragma once

#include "site/site.h"

/* Cars below share the surplus of the sun, and nothing else or nothing more. */
bool sun_shares(const struct zone_conf *z);
/* What is produced raises the zone's own limit. */
bool sun_boosts(const struct zone_conf *z);

/* The dynamic limit too: its meter sees loads alone, so what is produced comes on top. */
bool sun_boosts_dynamic(const struct site_conf *c, const struct zone_conf *z);

enum exempt_kind { EXEMPT_STATION, EXEMPT_TAG, EXEMPT_HOLDER };

struct exempt {
	enum exempt_kind kind;
	char name[100];		/* a tag's uid is normalized */
};

/* Reads the next entry of "station:ID, tag:UID, holder:NAME" and moves *at behind it: 1, 0 at the end,
 * or -LMS_EDATA with what is wrong with it. */
int exempt_next(const char **at, struct exempt *out, struct diag *d);
/* Is one of them in the list? NULLs are in none; what cannot be read is passed over. */
bool exempt_has(const char *list, const char *station, const char *tag, const char *holder);
