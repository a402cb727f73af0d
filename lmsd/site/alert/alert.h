/* site/alert/alert.h - what somebody should look after: conditions, from when they are an alert until they are over.
 *
 * Pure. The hall goes over the site every few seconds (hall/alerts.c) and says alert_holds() of all that is
 * wrong; what it does not say again is over. So no end can be missed, and no alert outlives its cause. A
 * condition becomes an alert when it has held for the delay of its rule, and is over when it has been away
 * for ALERT_SETTLE_US: what comes and goes is one alert. Open ones are kept over restarts, with who has
 * acknowledged them; those that are over stay as history, the latest ALERT_ROWS of them.
 */
#pragma once

#include "site/site.h"

#define ALERT_SETTLE_US (20 * US_PER_S)
/* After the start, stations and meters come back one by one: until then nothing that was open is over. */
#define ALERT_GRACE_US	(120 * US_PER_S)
#define ALERT_ROWS	1000
#define ALERT_OBJECT_MAX (ID_MAX + 8)

enum alert_kind {
#define ALERT(id, name, subject, severity, delay_s, text) ALERT_##id,
#include "site/alert/alert.def"
	ALERT_KINDS
};

struct alert_kind_info {
	const char *name, *subject;
	int level;		/* enum log_level */
	int64_t delay_us;
	const char *text;
};
extern const struct alert_kind_info alert_kinds[ALERT_KINDS];
/* The kind of that name, or -1. */
int alert_kind_find(const char *name);

struct alert {
	uint64_t id;			/* goes up by one; 0: not yet, its delay runs */
	enum alert_kind kind;
	int level;
	char object[ALERT_OBJECT_MAX];	/* "" = there is one such thing only */
	char text[240];			/* what is wrong, as it was said last */
	wall_t since, until;		/* it holds since; WALL_NONE = it is not over */
	wall_t acked;			/* WALL_NONE = nobody has it in hand */
	char acked_by[40], note[160];
	bool mail_due;			/* its begin, or its end, is to be told by mail */
	bool mailed;			/* its begin was */
	/* while it holds */
	mono_t held_since, held_last, told_last;
	uint64_t sweep;			/* private: the latest that found it */
	char key[ALERT_OBJECT_MAX + 8];	/* private, as hh: */
	UT_hash_handle hh;
};

/* One going over of the site, from begin to end. */
void alert_sweep_begin(struct site *s);
void alert_holds(struct site *s, enum alert_kind kind, const char *object, mono_t now, wall_t wall, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
void alert_sweep_end(struct site *s, mono_t now, wall_t wall, struct effects *fx);

/* How many are open and not acknowledged. */
size_t alert_open_count(const struct site *s);
/* The first with id > after: of those that are not over, or of all. NULL. */
const struct alert *alert_next(const struct site *s, uint64_t after, bool all);
/* All of them, in no order: after NULL the first, and so on; NULL. alert_count() is at least their number. */
const struct alert *alert_each(const struct site *s, const struct alert *after);
size_t alert_count(const struct site *s);
const struct alert *alert_find(const struct site *s, uint64_t id);	/* NULL */
/* Somebody has it in hand. -LMS_ENOTFOUND, or -LMS_ECONFLICT when it is over, with diag. */
int alert_ack(struct site *s, uint64_t id, const char *by, const char *note, wall_t wall, struct effects *fx,
	      struct diag *diag);

bool alert_mail_is_due(const struct site *s);
/* All that was due has become mails. */
void alert_mailed(struct site *s, struct effects *fx);

/* ---- rules: one per kind, where it differs from alert.def --------------------------------- */

struct alert_rule {			/* in force */
	bool off, mail;			/* mail: somebody is told by mail */
	int level;
	int64_t delay_us, repeat_us;	/* repeat 0 = told once */
};
void alert_rule(const struct site *s, enum alert_kind kind, struct alert_rule *out);
/* Its keys as set; absent ones are those of alert.def. */
const struct ctl_alert_rule_keys *alert_rule_keys(const struct site *s, enum alert_kind kind);
/* Takes the given keys over. 0, or -LMS_ERANGE with diag. */
int alert_rule_set(struct site *s, enum alert_kind kind, const struct ctl_alert_rule_keys *given, struct effects *fx,
		   struct diag *diag);

int alert_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, struct diag *diag);
int alert_rule_load(struct site *s, const char *key, const char *json, size_t len, struct diag *diag);
void alert_free(struct site *s);
