/* sense_meters.h - the inside of sense: for sense.c (what is read), sense_push.c (what is told) and
 * hall/commission (what is tried) only; hall/alerts.c looks at it. */
#pragma once

#include "app.h"
#include "hall/commission/scan.h"
#include "meter/address.h"
#include "meter/pushed.h"
#include "sense_alert.h"

struct sensed {				/* one meter of the configuration in force */
	char *keys;			/* as JSON: what stays as it is goes on undisturbed */
	struct meter_state *state;	/* NULL: its keys do not make a meter */
	char bus[ADDRESS_TEXT_MAX];	/* "" = it is told */
	mono_t answered_at;
	struct meter_alert alert;
	mono_t told_due;		/* of a pushed one: then nobody has told it for too long; MONO_NEVER */
	struct pushed_address told_by;	/* of a pushed one */
	mono_t refused_at;		/* what came then was refused, the latest; 0 = never */
	bool old;			/* only what the broker had kept has come since it fell silent */
	char complaint[DIAG_TEXT_MAX];
	char *values_json;		/* for the handlers, made when somebody looks */
};

struct sense {
	struct bus_set *buses;
	struct bus_alerts bus_alerts;
	struct meter_scan *scan;	/* the one that runs, or the last; NULL = none yet */
	struct loop_timer *look;	/* at the age of values */
	struct sensed *meters;		/* by index of the configuration */
	size_t count;
};

/* Takes a reading in, by the index of its meter, which has a state; balance and people learn of it. */
void sense_reading(struct app *app, int meter, struct meter_reading *r, mono_t now);
/* What these keys make: the same rules at `apply`, at start and for a check. 0, or negative with diag. */
int sense_setup(const struct app *app, const struct ctl_meter_keys *k, int64_t fuse_ma, struct meter_setup *setup,
		struct diag *d);
/* The largest fuse that a zone measured by this meter stands behind; NUM_NONE = none known. */
int64_t sense_fuse_ma(const struct site_conf *conf, int meter);
