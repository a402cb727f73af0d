/* site/tags/where.h - private to the site room: where a tag may charge, and lists of names.
 *
 * Three rules, each of which narrows: stations (its own list and those of its groups together), zones (and
 * all below them), connectors. One that is not set admits everywhere.
 */
#pragma once

#include "site/site.h"

#define NAME_SIZE (ID_MAX + 8)	/* with STATION/NUMBER */

/* The next name of "A, B": 1, 0 at the end, -1 where one is too long; *at moves on. */
int names_next(const char **at, char out[NAME_SIZE]);
bool names_have(const char *list, const char *name);	/* NULL: it has none */

/* connector 0: any of the station's. station: index, -1 = not registered. */
bool where_allows(const struct ctl_tag_keys *k, const struct site_conf *c, int station, int connector);
/* Is it bound to any place? */
bool where_is_bound(const struct ctl_tag_keys *k);
/* Its schedule and its places can be understood, and what they name exists; `before`: what it named
 * before (NULL = nothing) may be gone since. 0, or -LMS_EDATA with diag. */
int where_check(const struct ctl_tag_keys *k, const struct ctl_tag_keys *before, const struct site_conf *c,
		struct diag *diag);
/* The groups that a station names exist. */
int where_check_groups(const struct site_conf *c, const struct station_conf *st, struct diag *diag);
