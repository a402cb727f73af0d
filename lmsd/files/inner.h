/* files/inner.h - what the loop's side of the file server (files.c) and its thread (worker.c) share: two queues, and nothing else.
 *
 * A message has one owner at a time. What of `struct files` belongs to whom is said there.
 */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "files/http.h"
#include "net/loop.h"

#define UPLOADS_MAX 4

enum msg_kind {
	MSG_ALLOW, MSG_REVOKE, MSG_RELOAD, MSG_ADD, MSG_READ, MSG_DELETE,	/* to the thread; the last three come back */
	MSG_KEPT, MSG_GONE, MSG_TOLD						/* from it */
};

struct msg {
	struct msg *next;
	enum msg_kind kind;
	struct files_grant grant;
	struct file_info file;		/* or only its id; of an answer */
	uint64_t upload;
	int64_t size, offset;
	struct buf data;
	char *certificate, *key;	/* PEM */
	bool whole;
	char event[40];
	struct diag diag;		/* what went wrong; text of MSG_TOLD */
	files_done_fn *done;
	void *ctx;
};

struct msg_queue { struct msg *first, **last; };

/* What an administrator is handing over, piece by piece. */
struct upload {
	uint64_t number;		/* 0 = free */
	struct part *part;
	mono_t touched;
};

struct files {
	struct files_ops ops;
	void *ctx;
	struct loop_wake *wake;
	int port;
	char certificate[256], key[256];	/* files; "" = without TLS */
	struct file_info *list;			/* the loop's copy */
	size_t count;
	size_t asked;
	pthread_t thread;
	bool running;
	int kick;				/* eventfd: the thread has something to do */

	/* the thread's own */
	struct depot *depot;
	struct http *http;
	struct upload uploads[UPLOADS_MAX];
	uint64_t last_upload;

	pthread_mutex_t lock;			/* guards all below */
	bool closing;
	struct msg_queue to_thread, to_loop;
};

/* ---- queue.c: from either side ---- */

struct msg *files_msg_new(enum msg_kind kind);
void files_msg_free(struct msg *m);
void files_msgs_free(struct msg *first);
/* All of a queue, in their order. Under the lock. */
struct msg *files_queue_take(struct msg_queue *q);
/* The thread looks at its queue. */
void files_kick(struct files *f);
/* To the thread, to the loop. */
void files_ask(struct files *f, struct msg *m);
void files_report(struct files *f, struct msg *m);

/* ---- worker.c ---- */

/* The thread: `struct files` is its argument. */
void *files_work(void *arg);
/* Of the depot and of the server; ctx is a struct files. */
void files_on_gone(void *ctx, const char *id);
void files_on_kept(void *ctx, const struct file_info *file);
void files_on_told(void *ctx, const char *event, const char *text);
