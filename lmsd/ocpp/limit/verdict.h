/* ocpp/limit/verdict.h - how the test of a station (proof.h) ends: what people are told, and what is written down. */
#pragma once

#include "ocpp/limit/proof.h"

struct proof {
	enum proof_state state;
	mono_t since;
	int connector;			/* 0 = not known yet */
	int64_t drew_ma, limit_ma;	/* when it began; that it shall obey */
	mono_t accepted_at;
	int64_t settle_ms;
	struct phase_ma car, meter;	/* before it was lowered, on grid phases; then the car's fall */
	bool asked;			/* MeterValues are on their way */
	uint64_t token;			/* of who waits; 0 = nobody */
	mono_t reply_by;		/* tell him by then how far it is */
};

/* One more thing that was shown. */
void proof_say(struct station *st, const char *text);
/* The most that the balance may give to the connector under test; 0 = as usual. */
void proof_set_cap(struct ocpp_session *s, struct station *st, int64_t ma);
/* Tells, writes down what it passed, and answers who waits. PROOF_PASSED or PROOF_FAILED. */
enum proof_state proof_finish(struct ocpp_session *s, struct station *st, bool passed, const char *text, const struct turn *t);
void proof_reply_end(const struct ocpp_session *s, const struct station *st, uint64_t token, const struct turn *t);
/* Who waits is told how far it is, and asks again. */
void proof_reply_so_far(struct ocpp_session *s, const struct station *st, const struct turn *t);
