/* files/worker.c - the thread of the file server: it serves, and does what the loop asks for. */
#include "files/inner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

#define UPLOAD_IDLE_US (60 * US_PER_S)

static mono_t now_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

void files_on_gone(void *ctx, const char *id)
{
	struct msg *m = files_msg_new(MSG_GONE);

	snprintf(m->file.id, sizeof(m->file.id), "%s", id);
	files_report(ctx, m);
}

void files_on_kept(void *ctx, const struct file_info *file)
{
	struct msg *m = files_msg_new(MSG_KEPT);

	m->file = *file;
	files_report(ctx, m);
}

void files_on_told(void *ctx, const char *event, const char *text)
{
	struct msg *m = files_msg_new(MSG_TOLD);

	snprintf(m->event, sizeof(m->event), "%s", event);
	diag_set(&m->diag, -LMS_EFAILED, "%s", text);
	files_report(ctx, m);
}

static void upload_end(struct upload *u)
{
	part_drop(u->part);
	*u = (struct upload){ 0 };
}

static struct upload *upload_begin(struct files *f, struct msg *m, mono_t now)
{
	struct upload *u = NULL;
	struct file_info about = m->file;

	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		if (f->uploads[i].number != 0 && now - f->uploads[i].touched > UPLOAD_IDLE_US)
			upload_end(&f->uploads[i]);
		if (f->uploads[i].number == 0)
			u = &f->uploads[i];
	}
	if (!u) {
		diag_set(&m->diag, -LMS_ECONFLICT, "%d files are being handed over already (try again later)", UPLOADS_MAX);
		return NULL;
	}
	about.created = loop_wall();
	if (depot_begin(f->depot, &about, m->size, &u->part, &m->diag) < 0)
		return NULL;
	u->number = ++f->last_upload;
	return u;
}

static struct upload *upload_find(struct files *f, struct msg *m)
{
	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		if (f->uploads[i].number == m->upload)
			return &f->uploads[i];
	}
	diag_set(&m->diag, -LMS_ENOTFOUND, "upload %llu: is over (begin again)", (unsigned long long)m->upload);
	return NULL;
}

static void do_add(struct files *f, struct msg *m)
{
	mono_t now = now_mono();
	struct upload *u = m->upload ? upload_find(f, m) : upload_begin(f, m, now);

	if (!u)
		return;
	u->touched = now;
	m->upload = u->number;
	if (part_size(u->part) != m->offset) {
		diag_set(&m->diag, -LMS_EDATA, "offset: must be %lld, where the piece before ended",
			 (long long)part_size(u->part));
		upload_end(u);
		return;
	}
	if (part_add(u->part, m->data.data, m->data.len, &m->diag) < 0) {
		upload_end(u);
		return;
	}
	m->offset = part_size(u->part);
	if (m->offset < m->size)
		return;
	m->whole = part_finish(u->part, &m->file, &m->diag) == 0;
	u->part = NULL;
	upload_end(u);
}

static void do_read(struct files *f, struct msg *m)
{
	char *piece = xmalloc(FILES_PIECE_MAX);
	const struct file_info *file = depot_find(f->depot, m->file.id);
	int64_t n = depot_read(f->depot, m->file.id, m->offset, piece, FILES_PIECE_MAX, &m->diag);

	if (n >= 0) {
		m->file = *file;
		buf_add(&m->data, piece, (size_t)n);
	}
	free(piece);
}

static void work(struct files *f, struct msg *m)
{
	bool answered = false;

	switch (m->kind) {
	case MSG_ALLOW:
		http_allow(f->http, &m->grant);
		break;
	case MSG_REVOKE:
		http_revoke(f->http, m->grant.digest);
		break;
	case MSG_RELOAD:
		http_reload(f->http, m->certificate, m->key);
		break;
	case MSG_ADD:
		do_add(f, m);
		answered = true;
		break;
	case MSG_READ:
		do_read(f, m);
		answered = true;
		break;
	case MSG_DELETE:
		depot_delete(f->depot, m->file.id, &m->diag);
		answered = true;
		break;
	case MSG_KEPT:
	case MSG_GONE:
	case MSG_TOLD:
		break;
	}
	if (answered)
		files_report(f, m);
	else
		files_msg_free(m);
}

/* false: it is over. */
static bool work_all(struct files *f)
{
	struct msg *m, *next;
	bool closing;

	pthread_mutex_lock(&f->lock);
	closing = f->closing;
	m = files_queue_take(&f->to_thread);
	pthread_mutex_unlock(&f->lock);
	for (; m; m = next) {
		next = m->next;
		work(f, m);
	}
	return !closing;
}

void *files_work(void *arg)
{
	struct files *f = arg;
	uint64_t kicks;

	setpriority(PRIO_PROCESS, 0, 5);	/* of this thread alone, on Linux */
	http_turn(f->http, now_mono(), loop_wall());
	while (work_all(f)) {
		struct pollfd fds[2] = { { .fd = f->kick, .events = POLLIN }, { .fd = http_fd(f->http), .events = POLLIN } };

		poll(fds, 2, http_timeout_ms(f->http));
		if (fds[0].revents && read(f->kick, &kicks, sizeof(kicks)) < 0 && errno != EINTR && errno != EAGAIN)
			break;
		/* A path that was allowed before the request came must be known to it. */
		if (!work_all(f))
			break;
		http_turn(f->http, now_mono(), loop_wall());
	}
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		upload_end(&f->uploads[i]);
	http_free(f->http);
	f->http = NULL;
	return NULL;
}
