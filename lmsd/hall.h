/* hall.h - what a control handler may reach: the pure rooms by name, and one call.
 *
 * Handlers live in the room that owns the noun, in ctl_NOUN.c, and are declared by expanding
 * ctl/nouns.def: a missing one does not link. They read the site, append effects, and write a result.
 */
#pragma once

#include "ctl/ctl.h"
#include "effect.h"

struct site;
struct balance;
struct ocpp;
struct frame_log;
struct profile_set;
struct control;
struct station;
struct transfer;

/* lmsd's file server, as far as the handlers of stations need it. Where there is none, grant and find are NULL. */
struct hall_files {
	void *ctx;
	/* A URL that nobody can guess, for this job alone, good until t->until: of the file t->file that the station
	 * fetches, or where it sends one to. Notes in the job what opens it. 0, or diag. */
	int (*grant)(void *ctx, const struct station *st, struct transfer *t, char *url, size_t size, struct diag *diag);
	/* Does lmsd keep this file? Its id into `id`. 0, or diag. */
	int (*find)(void *ctx, const char *name, char id[], struct diag *diag);
	/* Are certificate (PEM) and signature (base64) well-formed and those of the file (NULL: of another server's)? */
	int (*check_signed)(void *ctx, const char *file, const char *certificate, const char *signature, wall_t wall,
			    struct diag *diag);
};

struct hall {
	struct site *site;
	struct balance *balance;
	struct ocpp *ocpp;
	struct frame_log *frames;
	const struct profile_set *profiles;	/* the hall's, for meter.profiles */
	struct control *control;	/* for system.watch only */
	mono_t started;
	const struct hall_files *files;
	const char *files_url;		/* of lmsd's file server; NULL = none */
	/* Why nobody can be heard by such a way (enum from_kind); NULL: nothing speaks against it. May be a NULL function. */
	const char *(*way_trouble)(const struct hall *hall, int kind);
	bool store_failed;
	const char *listen_ws, *listen_wss;
};

struct ctl_call {
	const struct hall *hall;
	const struct ctl_verb_desc *verb;
	uint64_t token;			/* for an answer that comes later (CTL_LATER) */
	unsigned roles, uid;
	mono_t now;
	wall_t wall;
	struct arena *arena;		/* of the turn */
	struct effects *fx;
	struct diag diag;		/* the error to answer: set it and return its code */
	struct buf *out;		/* the result's JSON text */
	struct json_writer w;		/* writes into out */
};

/* What a handler returns: 0 (result written), a negative error (diag set), or */
#define CTL_LATER 1			/* fx_reply(token) will follow; at the latest by its time-out */

/* Writes one record of the verb's noun as the result. */
int ctl_answer_record(struct ctl_call *c, const void *rec);
/* Lists: begin, item…, end. next NULL = no further page. Items are records of the verb's noun. */
void ctl_answer_list(struct ctl_call *c);
void ctl_answer_item(struct ctl_call *c, const void *rec);
int ctl_answer_list_end(struct ctl_call *c, const char *next);
/* Of a log: `seen` is the number up to which it was looked through, and the cursor if there is more; lagged:
 * some of what follows the cursor that was given is not held any more. */
int ctl_answer_log_end(struct ctl_call *c, const char *seen, bool more, bool lagged);
/* {"changed": …} */
int ctl_answer_done(struct ctl_call *c, bool changed);

#define CTL_VERB(n, v, role, result, help) \
	struct ctl_##n##_##v##_args; \
	int ctl_##n##_##v(struct ctl_call *c, const struct ctl_##n##_##v##_args *a);
#include "ctl/nouns.def"
#include "ctl/undef.h"
