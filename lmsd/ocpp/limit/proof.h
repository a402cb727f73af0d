/* ocpp/limit/proof.h - does a station keep its limits? A short guided charge that shows it.
 *
 * Somebody plugs in a car and starts a charge. Then (a) the limit is lowered and the time measured until
 * the car obeys, (b) the connection is closed and the first draw after the return must be within the limit
 * still, (c) the station is restarted, and what it allows before anybody tells it anew must be within its
 * default. What it passes is written into the configuration: proven, and settle where it is slow.
 *
 * Lowering goes by way of the balance, which counts the station as before. Where the first word of the
 * station matters, its orders wait (at most HOLD_S seconds), so that nothing is restored before it is looked at.
 */
#pragma once

#include "ocpp/session.h"

enum proof_state {
	PROOF_WAITS,		/* for a transaction that draws */
	PROOF_LOWERS,		/* a lower limit is on its way */
	PROOF_SETTLES,		/* it was accepted */
	PROOF_AWAY,		/* the connection was closed */
	PROOF_BACK,		/* its first draw is waited for */
	PROOF_RESETS,		/* it was asked to restart */
	PROOF_RESTARTS,		/* its BootNotification is waited for */
	PROOF_ASKS,		/* what does it allow now? */
	PROOF_LOOKS,		/* it cannot tell: what does the car draw? */
	PROOF_PASSED,
	PROOF_FAILED,
	PROOF_STATE_COUNT
};

enum proof_event {
	PROOF_EV_DRAW,		/* number: mA on the highest phase */
	PROOF_EV_LIMIT,		/* it accepted a limit of its transaction; number: mA */
	PROOF_EV_TX_ENDED,
	PROOF_EV_OPENED,
	PROOF_EV_RESET_TAKEN,
	PROOF_EV_RESET_REFUSED,
	PROOF_EV_BOOTED,
	PROOF_EV_ALLOWS,	/* composite schedule; number: mA, the most */
	PROOF_EV_CANNOT_TELL,
	PROOF_EV_LATE,		/* the state took too long */
	PROOF_EVENT_COUNT
};

/* Is there a row for it in the table? */
bool proof_expects(enum proof_state state, enum proof_event ev);

/* Begins, or attaches to one that runs: fx_reply(token) follows at its end, or at reply_by with what has been
 * shown so far; token 0 = nobody waits. 0, or an error with diag. */
int proof_begin(struct ocpp_session *s, struct station *st, uint64_t token, mono_t reply_by, const struct turn *t,
		struct diag *d);
/* The same, but begins none: where none runs the reply tells at once how the last one ended. */
int proof_follow(struct ocpp_session *s, struct station *st, uint64_t token, mono_t reply_by, const struct turn *t,
		 struct diag *d);
/* What happens to the session. Nothing where no test runs. */
void proof_event(struct ocpp_session *s, enum proof_event ev, int connector, int64_t number, const struct turn *t);
void proof_tick(struct ocpp_session *s, const struct turn *t);
void proof_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);
/* Must calls other than the test's own wait? */
bool proof_holds(const struct ocpp_session *s);
/* It is not what was tested any more: unproven, until it is tested again. Nothing where it was not proven. */
void proof_expire(struct ocpp_session *s, const struct station *st, const char *why, const struct turn *t);
/* The session goes away: whoever waits is told so. fx NULL at the end of the process. */
void proof_drop(struct ocpp_session *s, struct effects *fx);
