/* ocpp/locallist/sync.h - how far a station's list is: shared by locallist.c, which sends, and answers.c, which hears. */
#pragma once

#include "ocpp/locallist/locallist.h"
#include "site/tag_log.h"

#define TRIES 3

enum { STEP_KEYS, STEP_ENABLE, STEP_VERSION, STEP_SEND, STEP_RAW, STEP_EMPTY };

struct list_sync {
	bool busy;			/* a call is on its way, or waits */
	bool asked;			/* keys and version, on this connection */
	bool none;			/* it keeps none */
	bool no_room;			/* that it has no room for all was said */
	unsigned tries;			/* that failed, on this connection */
	int64_t max, portion;		/* entries in all, in a message; 0 = not known */
	int64_t version;		/* that it has, as far as we know */
	/* what is being sent */
	bool full, more;
	int64_t goal;			/* when all is sent, changes up to this one are in it */
	uint64_t cut;
	char (*todo)[TAG_LIST_UID_MAX + 1];	/* differential: tags, those to be taken off first */
	size_t todo_count, at;
	char last[ID_MAX + 1];		/* full: the last tag that was sent */
	size_t sent, messages;
	uint64_t token;			/* who waits for the end; 0 = nobody */
};

/* ---- locallist.c ---- */

void list_forget_todo(struct list_sync *l);
void list_enable(struct ocpp_session *s, const struct turn *t);
void list_ask_version(struct ocpp_session *s, const struct turn *t);
/* What is to be sent, if anything: begins it. */
void list_decide(struct ocpp_session *s, struct station *st, const struct turn *t);
void list_send_portion(struct ocpp_session *s, const struct turn *t);
/* The station has all now; who waits is told. */
void list_in_step(struct ocpp_session *s, struct station *st, const struct turn *t);
