/* hall/commission/sweep.h - who is there on a bus: every number is asked once, who answers is asked more.
 *
 * One errand of the bus at one speed. What answers, be it by a refusal, is there. Then it is asked for the
 * identities that profiles know; if none fits, for a map of SunSpec models; else for the voltages and the frequency of every profile: where
 * they are those of a grid, the profile may be the right one.
 */
#pragma once

#include "meter/profile.h"
#include "meter/sunspec.h"
#include "modbus/errand.h"

#define SWEEP_SLAVES  256
#define SWEEP_ASK_MAX 160	/* different questions */
#define SWEEP_WORDS   8
#define SWEEP_SIGNS   4		/* values of a profile that tell whether it fits */
#define SWEEP_FITS    6		/* profiles that are named */
#define SWEEP_WALK    200	/* questions of a walk: one that is interrupted begins anew */

enum sweep_how { SWEEP_UNKNOWN, SWEEP_IDENTITY, SWEEP_SUNSPEC, SWEEP_VALUES };

struct sweep_question {
	uint8_t fc;
	uint16_t addr, count;
};

struct sweep_model {		/* what is needed of a profile, copied */
	char name[PROFILE_NAME_MAX];
	int identity;		/* index of its question, -1 = none */
	uint16_t words[SWEEP_WORDS];
	struct sunspec_wish wish;
	int signs;
	struct meter_reg sign[SWEEP_SIGNS];
	int sign_ask[SWEEP_SIGNS];
};

struct sweep_slave {
	int slave;
	bool garbled;		/* something was sent, and no frame */
	int64_t latency_us;
	enum sweep_how how;
	char fits[SWEEP_FITS][PROFILE_NAME_MAX];	/* the best first */
	int fit_count;
};

struct sweep {
	struct errand e;	/* first */
	void *ctx;		/* its maker's */
	/* set by sweep_init() and its caller */
	int order[SWEEP_SLAVES], order_count;	/* numbers in the order in which they are asked */
	bool stop_if_any;	/* a device that answers to the first three answers to all: one is enough */
	int64_t timeout_us, silence_us;
	struct sweep_question asks[SWEEP_ASK_MAX];
	int ask_count, identity_count;		/* identities come first */
	struct sweep_model *models;
	size_t model_count;
	/* as it goes on */
	atomic_int asked, found_now;		/* to be read from the loop */
	int at;			/* of order */
	int step;		/* -1 = is it there, else index of asks */
	int silent;		/* questions in a row */
	bool again;		/* the question was put once, and not answered */
	struct sunspec_walk walk;	/* between identities and values */
	bool walks, walked;
	int walk_asked;		/* questions of it */
	struct { bool good; uint16_t words[SWEEP_WORDS]; } answers[SWEEP_ASK_MAX];
	struct sweep_slave found[SWEEP_SLAVES];
	int found_count;
	bool any;		/* one device answers to every number */
	bool failed;		/* the bus could not be opened: */
	char text[LINK_TEXT_MAX];
};

/* "1..247,255" or "3,7,20..30" to numbers. 0, or -LMS_EDATA. */
int sweep_slaves(const char *text, bool rtu, struct sweep *s, struct diag *d);
void sweep_init(struct sweep *s, const struct profile_set *set);
void sweep_fini(struct sweep *s);
