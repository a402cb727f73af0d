/* ocpp/reserve/reserve.h - ReserveNow and CancelReservation: asked for, told again, taken back. */
#pragma once

#include "ocpp/session.h"
#include "site/reserve/reservation.h"

/* ReserveNow of one that was stored in this turn; whoever asked (token, 0 = nobody) hears the answer. */
void reserve_ask(struct ocpp_session *s, struct reservation *r, uint64_t token, const struct turn *t);
/* CancelReservation; it ends when the station has answered. */
void reserve_cancel(struct ocpp_session *s, struct reservation *r, uint64_t token, const struct turn *t);
void reserve_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);

/* The station has come: what was cancelled while it was away is told now. */
void reserve_ready(struct ocpp_session *s, const struct turn *t);
/* It has booted: what it kept may be forgotten, its connectors will tell. */
void reserve_booted(struct ocpp_session *s, const struct turn *t);
/* A connector has told its status. */
void reserve_status(struct ocpp_session *s, const struct connector *conn, const struct turn *t);
/* By when the next one is over, at the latest a look at the clock that people set. */
mono_t reserve_due(const struct ocpp *o, mono_t now, wall_t wall);
