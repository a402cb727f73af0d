/* helper_files.h - a file server in a directory of its own, a loop, and a client with raw sockets. */
#pragma once

#include "files/files.h"
#include "net/loop.h"

#define SIZE_MAX_TEST 20000
#define STORE_MAX_TEST 60000

struct files_bench {
	struct loop *loop;
	struct files *files;
	char dir[40], depot[60];
	struct loop_timer *deadline;
	int64_t keep_free;		/* for the next start */

	/* what the server told the loop */
	struct file_info kept;
	int kept_count, told_count;
	char told[200];
	struct {
		bool done;
		struct files_answer a;
		char text[400];
		char data[FILES_PIECE_MAX];
	} answer;

	char secret[FILES_SECRET_MAX + 1];	/* of the latest job */
	char firmware[10000];
	char reply[100000];			/* the latest that came by HTTP */
	size_t reply_len;
	bool kept_open;				/* the other side has not closed in all that time */
};
extern struct files_bench fb;

int fb_set_up(void **state);
int fb_tear_down(void **state);
/* Another server, after the one before was freed. */
void fb_start(int64_t patience_us, const char *cert, const char *key);
/* Until one of the callbacks comes. */
void fb_turn(void);
void fb_on_answer(void *ctx, const struct files_answer *a);
void fb_wait_answer(void);	/* of what was asked before */
void fb_wait_kept(int count);

int fb_dial(void);
void fb_put(int fd, const char *text, size_t len);
/* All that comes until it closes; the status, 0 if there is none. */
int fb_hear(int fd);
const char *fb_body(void);
size_t fb_body_len(void);
int fb_request_raw(const char *text, size_t len);
/* METHOD PATH with more header lines and a body. */
int fb_request(const char *method, const char *path, const char *headers, const char *data, size_t len);

/* Opens a path, for a file to be fetched or (NULL) one to be sent. */
void fb_allow(const char *station, const char *file, int64_t for_us);
const char *fb_path(const char *letter, const char *rest);
/* A firmware as an administrator hands it over, in two pieces; its id. */
const char *fb_add_firmware(const char *name);
/* In the directory, with this in their names or (NULL) all. */
int fb_count_files(const char *suffix);
