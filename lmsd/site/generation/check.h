/* site/generation/check.h - private to the site room: the parts of conf_check(). */
#pragma once

#include "site/site.h"

/* Values of single keys that no configuration can have (check_range.c). */
int check_ranges(const struct ctl_noun_desc *n, const void *keys, struct diag *diag);
/* The times of a zone that a meter steers (check_clock.c). */
int check_clock(const struct site_conf *c, const struct zone_conf *z, struct diag *diag);
/* What follows the sun must be able to see it (check_pv.c). */
int check_pv(const struct site_conf *c, const struct zone_conf *z, struct diag *diag);
/* "zone P1: pv_meter: 'M9' does not exist (did you mean 'M1'?; lmsctl meter list)" */
int check_no_meter(const struct site_conf *c, const struct zone_conf *z, const char *key, const char *id,
		   struct diag *diag);
/* Could the connector ever get its least current? (check_least.c) */
int check_least(const struct site_conf *c, const struct station_conf *st, const struct connector_conf *conn,
		struct diag *diag);
/* A limit says something about each phase that the zone has, and nothing about others (check.c). */
int check_phases(const struct zone_conf *z, const char *key, const struct phase_ma *p, struct diag *diag);
/* Of a zone or of the site; NULL is fine (check.c). */
int check_price(const char *noun, const char *id, const char *text, struct diag *diag);
/* What limits the zone from outside (check_outer.c). */
int check_outer(const struct site_conf *c, const struct zone_conf *z, struct diag *diag);
int check_source_keys(const struct source_conf *source, struct diag *diag);
/* `what` of the zone may not be above the limits of the zone or of those above it. */
int check_below_normal(const struct site_conf *c, const struct zone_conf *z, const char *what,
		       const struct phase_ma *p, struct diag *diag);
/* How its connectors are told their limits (check_shedding.c). */
int check_shedding(const struct station_conf *st, struct diag *diag);
/* Meters of single connectors (check_external.c). */
int check_external(const struct site_conf *c, struct diag *diag);
/* A maximum that the type of a connector cannot take; powers where there is a rectifier, and only there (check_least.c). */
int check_types(const struct station_conf *st, struct diag *diag);
int check_powers(const struct station_conf *st, struct diag *diag);
/* What connectors may draw while nobody charges must fit everywhere (check_sum.c). */
int check_sums(const struct site_conf *c, struct diag *diag);
