/* site/reserve/reservation.h - connectors that are kept for a tag for a while.
 *
 * The station keeps it; here it is remembered, so that it can be told again, taken back and refused to
 * others. An id is given once, for ever. It ends by the wall clock, as the station's own does: nothing
 * that is safe or billed hangs on it.
 */
#pragma once

#include "site/site.h"

#define RESERVATIONS_MAX 64	/* of one station */

enum reservation_state {
	RESERVATION_ASKED,	/* the station has not answered yet */
	RESERVATION_HELD,	/* it has accepted */
	RESERVATION_CANCELLING	/* it may hold it, and shall be told not to */
};

struct reservation {
	struct reservation *next;
	int32_t id;
	char station[ID_MAX + 1];
	int connector;			/* 0 = any of the station's */
	char tag[ID_MAX + 1], group[ID_MAX + 1];
	wall_t expires, created;
	enum reservation_state state;
	/* not stored: since the station's last boot, as far as we were there */
	bool seen;			/* its connector said Reserved */
	bool again;			/* the station has booted and may have forgotten it */
};

struct reservation *site_reservation(const struct site *s, int64_t id);		/* NULL */
/* The next one after `after` (NULL = the first) at this station, by id. */
struct reservation *site_reservation_next(const struct site *s, const struct reservation *after, const char *station);
/* Checks and stores one that is to be asked for. 0 or an error with diag. */
int site_reservation_new(struct site *s, const struct station *st, int connector, const struct tag *tag, wall_t expires,
			 wall_t wall, struct reservation **out, struct effects *fx, struct diag *diag);
void site_reservation_state(struct reservation *r, enum reservation_state state, struct effects *fx);
void site_reservation_end(struct site *s, struct reservation *r, const char *why, struct effects *fx);
/* Those whose time is over, or whose station is not registered any more. */
void site_reservation_expire(struct site *s, wall_t wall, struct effects *fx);
wall_t site_reservation_due(const struct site *s);	/* WALL_NONE = there is none */

/* Does the reservation admit this tag: the same one, or one of its group? */
bool site_reservation_admits(struct site *s, const struct reservation *r, const char *uid);
/* The connector says Reserved, what it is reserved for is known, and it is not for this tag. */
bool site_reserved_for_other(struct site *s, const struct connector *c, const char *uid);
/* The same of every connector: whatever this tag was shown for, it can start nothing here. A station
 * where something runs may have asked because of a stop. */
bool site_reserved_whole(struct site *s, const struct station *st, const char *uid);
/* A transaction has begun: what it was reserved by is used up. `id`: as the station says, 0 = it says none. */
void site_reservation_used(struct site *s, const struct connector *c, const char *uid, int64_t id, struct effects *fx);

int site_reservation_load(struct site *s, const char *json, size_t len, struct diag *diag);
void site_reservation_free(struct site *s);
