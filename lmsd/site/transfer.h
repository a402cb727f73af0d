/* site/transfer.h - what a station fetches or sends: its firmware; its diagnostics and logs. The latest of each.
 *
 * Pure. A job begins when an administrator asks; what the station says of it moves it on, until it is done or
 * has failed. A station that begins by itself has job 0. Kept over restarts.
 */
#pragma once

#include "site/site.h"

enum transfer_state { TRANSFER_RUNNING, TRANSFER_DONE, TRANSFER_FAILED };

#define TRANSFER_FILE_MAX 16	/* name of a file that lmsd keeps, without the NUL */
#define TRANSFER_DIGEST 64	/* of what opens lmsd's file server to it, in hexadecimal digits */

struct transfer {
	int64_t job;			/* goes up; the requestId of messages that have one */
	char what[12];			/* firmware, diagnostics, log */
	char status[32];		/* the station's word for it, or ours: Asked, NotAsked, NoAnswer; "" */
	enum transfer_state state;
	wall_t begun, at;		/* the status is from then */
	char before[64];		/* firmware: the version that it had */
	char file[TRANSFER_FILE_MAX + 1];	/* that it fetches, or that was received; "" */
	char digest[TRANSFER_DIGEST + 1];	/* "": lmsd's file server has no part in it */
	wall_t until;			/* so long a path to lmsd's file server is open; if it has not begun by then, it will not */
};

/* A new job takes the place of the one before. `what` is firmware, diagnostics or log. */
struct transfer *transfer_begin(struct station *st, const char *what, wall_t wall);
void transfer_store(const struct station *st, const struct transfer *t, struct effects *fx);

/* The station's word on it. `request` is that of the message, NUM_NONE if it has none: one of another job is
 * told in the log only. Idle says nothing of a job. */
void transfer_said(struct station *st, enum transfer_kind kind, int64_t request, const char *status, wall_t wall,
		   struct effects *fx);
/* How it took the request; the job may have been replaced meanwhile. */
void transfer_answered(struct station *st, int64_t job, const char *status, wall_t wall, struct effects *fx);
/* lmsd has received what it sent. */
void transfer_received(struct station *st, int64_t job, const char *file, wall_t wall, struct effects *fx);
/* It has booted with another version than `before`: that ends an update which it never called Installed. */
void transfer_booted(struct station *st, const char *before, wall_t wall, struct effects *fx);

/* "CP001/firmware" and "CP001/upload": keys of the stored form, ids of the control records. */
#define TRANSFER_ID_MAX (ID_MAX + 12)
const char *transfer_id(const struct station *st, enum transfer_kind kind, char out[TRANSFER_ID_MAX]);
/* NULL: no such station, or nothing of that kind is known. */
struct transfer *transfer_by_id(struct site *s, const char *id);
int site_transfer_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag);
/* A station that is deleted takes its transfers with it. */
void transfer_forget(const char *station, struct effects *fx);
const char *transfer_state_text(const struct transfer *t);
/* The station has said nothing of it in its time. */
bool transfer_lapsed(const struct transfer *t, wall_t wall);
