/* files/request.h - one request while it is worked on: shared by http.c, which answers and gives, and receive.c, which takes. */
#pragma once

#include <sys/queue.h>

#include <microhttpd.h>

#include "files/grants.h"
#include "files/http.h"
#include "net/sock.h"

#define HEADER_BYTES ((size_t)32 << 10)

/* A connection. It is closed by shutdown(): libmicrohttpd owns the descriptor. */
struct peer {
	LIST_ENTRY(peer) all;
	int fd;
	mono_t since;			/* it began to be what it is */
	bool busy;			/* a path that we know is being served on it */
};

struct http {
	struct http_conf conf;
	struct MHD_Daemon *daemon;
	char *certificate, *key;	/* PEM; NULL */
	bool reload;
	struct grants grants;
	LIST_HEAD(, peer) peers;
	mono_t now;
	wall_t wall;
	unsigned strangers;		/* requests with a path that is none of ours, not told yet */
	char stranger[NET_ADDR_MAX];
	mono_t told;
};

/* One request while it is worked on. */
struct request {
	struct http *h;
	struct peer *peer;
	char digest[FILES_SHA256_MAX + 1];	/* of what it sends to; "" */
	struct part *part;
	struct MHD_PostProcessor *form;		/* NULL: the body is the file */
	bool form_file, form_over;		/* the file in the form has begun, has ended */
	unsigned status;			/* refused with that */
	int64_t swallowed;
};

/* ---- http.c ---- */

enum MHD_Result http_answer_text(struct MHD_Connection *c, unsigned status);
/* Not found; who it was is told once in a while. */
enum MHD_Result http_answer_stranger(struct http *h, struct MHD_Connection *c);
const char *http_header(struct MHD_Connection *c, const char *name);	/* NULL */
/* It has shown a path that we know: it may take its time. */
void http_mark_busy(struct request *r);

/* ---- receive.c ---- */

/* Before the body comes: what is refused now need not be sent. */
enum MHD_Result receive_begin(struct request *r, struct MHD_Connection *c, const char *url);
enum MHD_Result receive_more(struct request *r, const char *data, size_t *size);
enum MHD_Result receive_end(struct request *r, struct MHD_Connection *c);
