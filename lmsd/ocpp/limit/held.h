/* ocpp/limit/held.h - the charging profiles that a station has accepted, as far as we know.
 *
 * OCPP 1.6 has no question for them. Ours are one default limit for each connector and one for its
 * transaction; those by hand are remembered since lmsd started, the latest of them.
 */
#pragma once

#include "ocpp/session.h"

/* An order of the balance was accepted. */
void held_order(struct ocpp_session *s, const struct call *c, const struct turn *t);
/* A call by hand was: SetChargingProfile, ClearChargingProfile, or another that changes nothing here. */
void held_by_hand(struct ocpp_session *s, const struct call *c, const struct turn *t);
/* One object for each profile, into an open array. */
void held_write(const struct ocpp_session *s, const struct station *st, struct json_writer *w);
void held_free(struct ocpp_session *s);
