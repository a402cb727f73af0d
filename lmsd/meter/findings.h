/* meter/findings.h - what is wrong with an installed meter, in words that say what to do.
 *
 * Pure, and for people: nothing here decides whether a value is steered by (plausible.c does, and is
 * harder to convince). Looks at one complete reading, at what the meter is told to be, and at what cars
 * behind it report. Phases are named by the grid; where the meter's own input has another name, both.
 */
#pragma once

#include "meter/meter.h"

#define FINDINGS_MAX 32

enum finding_code {
#define FINDING(code, severity, text) FINDING_##code,
#include "meter/findings.def"
	FINDING_COUNT
};

enum finding_severity { FINDING_WRONG, FINDING_ODD, FINDING_NOTE };

struct finding {
	enum finding_code code;
	int phase;		/* of the grid, -1 = all or none */
	char text[260];		/* what was seen, and what to do */
};

struct findings_in {
	const struct meter_state *m;	/* that has taken one complete reading, just now */
	mono_t now;
	const char *scope;		/* grid load sub pv storage */
	bool may_export;		/* something that produces is known behind it */
	int64_t fuse_ma;		/* of the line, NUM_NONE = not known */
	int64_t limit_ma;		/* most that a zone allows by this meter, NUM_NONE */
	struct phase_ma cars;		/* drawn now by cars behind it, by grid phase; NUM_NONE = not known */
	int64_t poll_us, took_us;	/* between polls; what a poll's registers took together */
	const char *other_model;	/* the device's own name for itself, NULL = none */
	const char *identity_text;	/* "" */
	const struct meter_state *running;	/* the same meter as it is polled, NULL = it is not */
	int blocks_apart;		/* refused as a whole, answered one by one */
	int refused;			/* registers that were not answered, currents aside */
	const char *refused_names;
};

struct findings {
	struct finding list[FINDINGS_MAX];	/* by urgency */
	size_t count;
};

void findings_find(const struct findings_in *in, struct findings *out);
enum finding_severity finding_severity(enum finding_code code);
const char *finding_name(enum finding_code code);		/* "ct_reversed" */
const char *finding_severity_name(enum finding_severity s);	/* "wrong" "odd" "note" */
/* The first that is not only good to know; NULL: the meter is good. */
const struct finding *findings_worst(const struct findings *f);
