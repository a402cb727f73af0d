/* site/mail/mail.h - mails that wait to be sent, and what alerts put into them.
 *
 * Pure. A mail is stored before it is sent and deleted when the server has taken it: a crash in between sends it
 * twice at worst. What cannot be sent is tried again, later and later, for MAIL_KEEP_US; what the server refuses for
 * good stays to be looked at. Alerts are gathered: the first is told after MAIL_GATHER_US, those of the next
 * MAIL_GAP_US together, so that a power cut is one mail and not a thousand.
 */
#pragma once

#include "base/mail_address.h"
#include "site/site.h"

#define MAIL_QUEUE_MAX	 200
#define MAIL_BODY_MAX	 ((size_t)32 << 10)
#define MAIL_LINES_MAX	 100		/* alerts in one mail; the others are counted */
#define MAIL_GATHER_US	 (10 * US_PER_S)
#define MAIL_GAP_US	 (300 * US_PER_S)
#define MAIL_RETRY_US	 (60 * US_PER_S)	/* doubled after each vain try, up to: */
#define MAIL_RETRY_MAX_US (3600 * US_PER_S)
#define MAIL_KEEP_US	 (INT64_C(3) * 86400 * US_PER_S)

struct mail {
	struct mail *next;		/* by id */
	uint64_t id;			/* goes up by one */
	char to[MAIL_ADDRESS_MAX + 1];
	char subject[160];
	char *body;			/* UTF-8, lines end with \n; owned */
	wall_t created;
	int tries;
	mono_t due;			/* not before then */
	bool sending, refused;		/* refused: it is not tried again */
	char why[200];			/* of the last vain try */
};

/* Into the queue; NULL: it is full. The body is taken. */
struct mail *mail_new(struct site *s, const char *to, const char *subject, char *body, mono_t now, wall_t wall,
		      struct effects *fx);
struct mail *mail_find(const struct site *s, uint64_t id);		/* NULL */
const struct mail *mail_next(const struct site *s, uint64_t after);	/* the first with id > after */
uint64_t mail_last(const struct site *s);	/* id of the newest that ever was, 0 = none */
/* The one that is to be sent now, or NULL; and when one will be. */
struct mail *mail_to_send(const struct site *s, mono_t now);
mono_t mail_due(const struct site *s);
/* What became of one that was being sent. `m` is freed unless it stays in the queue. */
enum mail_end { MAIL_SENT, MAIL_LATER, MAIL_REFUSED };
void mail_done(struct site *s, struct mail *m, enum mail_end end, const char *why, mono_t now, wall_t wall,
	       struct effects *fx);
void mail_delete(struct site *s, struct mail *m, struct effects *fx);
int mail_load(struct site *s, const char *json, size_t len, mono_t now, struct diag *diag);
void mail_free(struct site *s);

/* Writes what alerts have to tell, when it is time. To be called after each going over of the site. */
void mail_alerts(struct site *s, mono_t now, wall_t wall, struct effects *fx);
