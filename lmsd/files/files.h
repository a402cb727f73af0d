/* files/files.h - lmsd's file server: by HTTP(S) stations fetch firmware from it and send diagnostics and logs to it.
 *
 * One thread owns the directory, the server and what it serves; the loop and it share nothing but two queues.
 * Everything here is for the loop thread, and callbacks come on it.
 *
 * A path is good for one job: /f/SECRET/NAME fetches one file, any number of times and in any parts, since stations
 * go on after a break; /d/SECRET takes one file by PUT or POST, whatever name the station adds. The secret is
 * 160 random bits; all that is not such a path, or whose time is over, is 404. Names of files are ours.
 */
#pragma once

#include <stddef.h>

#include "base/diag.h"
#include "base/types.h"

struct loop;
struct files;

#define FILES_ID_MAX 16		/* hexadecimal digits */
#define FILES_NAME_MAX 64	/* [A-Za-z0-9._+-], not beginning with a dot */
#define FILES_SECRET_MAX 40	/* hexadecimal digits */
#define FILES_SHA256_MAX 64
#define FILES_PIECE_MAX ((size_t)128 << 10)	/* bytes handed over at a time */

struct files_conf {
	const char *directory;		/* made (0700) if it is not there; its parent must be */
	const char *address;
	int port;			/* 0 = any free one */
	const char *certificate, *key;	/* files of PEM; NULL = without TLS */
	int64_t file_max, store_max;	/* bytes of one file, of all */
	int64_t keep_free;		/* of the disk: nothing is taken when less would be left */
	int64_t patience_us;		/* for a request to become one that we serve; 0 = the usual */
};

struct file_info {
	char id[FILES_ID_MAX + 1];
	char what[12];			/* firmware, diagnostics, log */
	char name[FILES_NAME_MAX + 1];	/* for people, and in the path of what is fetched */
	char station[ID_MAX + 1];	/* that sent it; "" */
	int64_t job;			/* of its (site/transfer.h); 0 */
	int64_t size;			/* bytes */
	char sha256[FILES_SHA256_MAX + 1];
	wall_t created;
};

struct files_ops {
	/* What a station sent is whole and on the disk. */
	void (*kept)(void *ctx, const struct file_info *file);
	/* A line for the log: something that went wrong in the thread. */
	void (*told)(void *ctx, const char *event, const char *text);
};

/* Reads the directory (what lay half written in it is removed), opens the port, starts the thread. */
int files_new(struct loop *loop, const struct files_conf *conf, const struct files_ops *ops, void *ctx,
	      struct files **out, struct diag *diag);
/* Ends transfers; who waits for an answer gets none. NULL is fine. */
void files_free(struct files *f);
int files_port(const struct files *f);
/* The certificate and key that are in the files now serve from when no transfer runs. 0 or diag. */
int files_reload_tls(struct files *f, struct diag *diag);

/* What is kept, the oldest first; good until the loop goes on. */
const struct file_info *files_list(const struct files *f, size_t *count);
const struct file_info *files_find(const struct files *f, const char *id_or_name);	/* of a name the newest; NULL */

/* ---- paths ---- */

/* A new secret and what is kept of it: its SHA-256 as hexadecimal digits. 0 or -LMS_EINTERNAL. */
int files_secret(char secret[FILES_SECRET_MAX + 1], char digest[FILES_SHA256_MAX + 1]);

struct files_grant {
	char digest[FILES_SHA256_MAX + 1];
	char what[12];
	char station[ID_MAX + 1];
	int64_t job;
	char file[FILES_ID_MAX + 1];	/* that is fetched; "" = one is sent */
	mono_t until;
};
void files_allow(struct files *f, const struct files_grant *grant);
void files_revoke(struct files *f, const char *digest);

/* ---- by administrators; done() comes later, once ---- */

struct files_answer {
	int err;			/* 0, or negative with text */
	const char *text;
	struct file_info file;
	uint64_t upload;		/* files_add: to be given with the next piece … */
	int64_t offset;			/* … which begins here */
	bool whole;			/* files_add: this was the last, `file` is kept */
	const void *data;		/* files_read */
	size_t len;
};
typedef void files_done_fn(void *ctx, const struct files_answer *answer);

struct files_piece {
	uint64_t upload;		/* 0 begins one */
	const char *name;		/* when it begins: checked by files_name_good() */
	int64_t size, offset;		/* of the whole; of this piece */
	const void *data;		/* up to FILES_PIECE_MAX, copied */
	size_t len;
};
void files_add(struct files *f, const struct files_piece *piece, files_done_fn *done, void *ctx);
/* Up to FILES_PIECE_MAX bytes from the offset. */
void files_read(struct files *f, const char *id, int64_t offset, files_done_fn *done, void *ctx);
void files_delete(struct files *f, const char *id, files_done_fn *done, void *ctx);
bool files_name_good(const char *name);
