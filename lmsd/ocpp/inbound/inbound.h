/* ocpp/inbound/inbound.h - a call of a station while it is being answered. */
#pragma once

#include "ocpp/session.h"

struct inbound {
	struct ocpp_session *s;
	struct station *st;
	const struct frame *f;
	const struct json *p;		/* payload, checked */
	const struct turn *t;
	struct json_writer w;		/* the answer's payload: a handler writes one object */
	enum effect_when when;		/* FX_AFTER_COMMIT when the answer promises a record */
	int32_t tx;			/* the transaction whose number it tells; 0 = none */
	const char *code;		/* a handler that cannot answer sets it: CALLERROR */
	const char *why;
};

typedef void inbound_fn(struct inbound *in);
inbound_fn inbound_status;						/* inbound_status.c */
inbound_fn inbound_authorize, inbound_start, inbound_stop;		/* inbound_tx.c */
inbound_fn inbound_meter;						/* inbound_meter.c */
inbound_fn inbound_security_event, inbound_sign_certificate;		/* inbound_security.c */
/* What came with its stop (transactionData), for its energy, its curve, and what is signed. */
void inbound_keep_data(struct inbound *in, struct tx *tx, const struct json *list);

/* Cut to the room, at a character's boundary. NULL copies "". */
void inbound_copy(char *out, size_t size, const char *text);
void inbound_copy_field(char *out, size_t size, const struct json *payload, const char *name);
/* A time stamp of the station; WALL_NONE where it is missing or cannot be (the receive time is better). */
wall_t inbound_time(const struct inbound *in, const struct json *stamp);
/* The newest stamp tells the station's clock: replayed messages only look older. */
void inbound_learn_clock(struct inbound *in, wall_t time);
/* What our clock showed when the station wrote this stamp, as far as its clock is known. */
wall_t inbound_our_time(const struct inbound *in, wall_t time);
/* Written before this connection existed, and not just now. */
bool inbound_is_replay(const struct inbound *in, wall_t time);
/* The connector of this number, made known if it was not; NULL and the CALLERROR set if it cannot be. */
struct connector *inbound_connector(struct inbound *in, int64_t number);
