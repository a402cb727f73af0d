/* lmstop/link.h - the connection to lmsd in libev's loop: keeps the model in step, comes back by
 * itself.
 */
#pragma once

#include <ev.h>

#include "io/client.h"
#include "lmstop/ui.h"

#define LINK_REQUESTS 8

struct link_watch {		/* one list */
	int64_t request, number;	/* 0 = none */
	bool failed;
};

struct link_page {		/* the first page of a list about one thing, asked for time and again */
	int64_t request;		/* 0 = none */
	mono_t asked_at;
	char of[ITEM_ID_MAX];
};

struct link_graph {		/* what is being fetched */
	struct graph_what what;
	int64_t request;		/* 0 = none */
	mono_t asked_at;
	wall_t from, until;
	struct series series;
};

struct link {
	struct ev_loop *loop;
	const char *path;		/* borrowed */
	struct ui *ui;			/* borrowed: told about the connection, roles, answers */
	struct model *model;		/* borrowed: written */
	struct client *client;
	ev_io io;
	ev_timer retry;
	int64_t delay_s;
	int error; /* why there is nothing to see: negative LMS_E…, text in ui->link_text */
	struct link_watch watches[MODEL_LISTS];
	int64_t explain;		/* request; 0 = none */
	mono_t explain_at;
	char explained[ITEM_ID_MAX];
	char meter[ITEM_ID_MAX];	/* that MODEL_METER is about */
	char station[ITEM_ID_MAX];	/* and MODEL_MESSAGES */
	char tags[ITEM_ID_MAX], pending[ITEM_ID_MAX]; /* "*" while MODEL_TAGS and MODEL_TAGS_PENDING are watched */
	char tag[ITEM_ID_MAX];		/* that MODEL_TAG is about */
	struct link_page credit, tag_transactions;
	struct link_graph graph;
	struct { int64_t id; char label[160]; bool of_station; } requests[LINK_REQUESTS];
};

void link_init(struct link *l, struct ev_loop *loop, const char *path, struct ui *ui,
	       struct model *model);
void link_fini(struct link *l);
void link_connect(struct link *l);
/* Sends what the user asked for, and watches the meter or station that he looks at. Call when something
 * happened. */
void link_follow(struct link *l);
/* Every list has come. */
bool link_complete(const struct link *l);

/* link_graph.c */
void link_graph_follow(struct link *l);
bool link_graph_reply(struct link *l, int64_t id, const struct json *result, const struct diag *error);	/* false: not ours */
bool link_graph_complete(const struct link *l);
void link_graph_lose(struct link *l);

mono_t link_now(void);
wall_t link_wall(void);
