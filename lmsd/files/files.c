/* files/files.c - the thread of the file server, and the two queues between it and the loop. */
#include "files/files.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hex.h"
#include "files/http.h"
#include "net/loop.h"
#include "net/sock.h"
#include "net/tls.h"

#define UPLOADS_MAX 4
#define UPLOAD_IDLE_US (60 * US_PER_S)
#define ASKED_MAX 64		/* of administrators */
#define PEM_MAX ((size_t)1 << 20)

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

/* ---- queues ---- */

static struct msg *msg_new(enum msg_kind kind)
{
	struct msg *m = xcalloc(1, sizeof(*m));

	m->kind = kind;
	diag_init(&m->diag);
	buf_init(&m->data);
	return m;
}

static void msg_free(struct msg *m)
{
	buf_fini(&m->data);
	if (m->key)
		OPENSSL_cleanse(m->key, strlen(m->key));
	free(m->key);
	free(m->certificate);
	free(m);
}

static void queue_add(struct msg_queue *q, struct msg *m)
{
	m->next = NULL;
	*q->last = m;
	q->last = &m->next;
}

static struct msg *queue_take(struct msg_queue *q)
{
	struct msg *m = q->first;

	q->first = NULL;
	q->last = &q->first;
	return m;
}

static void msgs_free(struct msg *m)
{
	struct msg *next;

	for (; m; m = next) {
		next = m->next;
		msg_free(m);
	}
}

static void kick(struct files *f)
{
	uint64_t one = 1;

	while (write(f->kick, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void ask(struct files *f, struct msg *m)
{
	pthread_mutex_lock(&f->lock);
	queue_add(&f->to_thread, m);
	pthread_mutex_unlock(&f->lock);
	kick(f);
}

static void report(struct files *f, struct msg *m)
{
	pthread_mutex_lock(&f->lock);
	queue_add(&f->to_loop, m);
	pthread_mutex_unlock(&f->lock);
	loop_wake_send(f->wake);
}

/* ---- in the thread ---- */

static mono_t now_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void on_gone(void *ctx, const char *id)
{
	struct msg *m = msg_new(MSG_GONE);

	snprintf(m->file.id, sizeof(m->file.id), "%s", id);
	report(ctx, m);
}

static void on_kept(void *ctx, const struct file_info *file)
{
	struct msg *m = msg_new(MSG_KEPT);

	m->file = *file;
	report(ctx, m);
}

static void on_told(void *ctx, const char *event, const char *text)
{
	struct msg *m = msg_new(MSG_TOLD);

	snprintf(m->event, sizeof(m->event), "%s", event);
	diag_set(&m->diag, -LMS_EFAILED, "%s", text);
	report(ctx, m);
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
		report(f, m);
	else
		msg_free(m);
}

/* false: it is over. */
static bool work_all(struct files *f)
{
	struct msg *m, *next;
	bool closing;

	pthread_mutex_lock(&f->lock);
	closing = f->closing;
	m = queue_take(&f->to_thread);
	pthread_mutex_unlock(&f->lock);
	for (; m; m = next) {
		next = m->next;
		work(f, m);
	}
	return !closing;
}

static void *thread_main(void *arg)
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

/* ---- on the loop ---- */

static void list_put(struct files *f, const struct file_info *file)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].id, file->id) == 0)
			return;
	}
	f->list = xrealloc(f->list, (f->count + 1) * sizeof(*f->list));
	f->list[f->count++] = *file;
}

static void list_drop(struct files *f, const char *id)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].id, id) != 0)
			continue;
		memmove(&f->list[i], &f->list[i + 1], (f->count - i - 1) * sizeof(*f->list));
		f->count--;
		return;
	}
}

static void answer(struct files *f, struct msg *m)
{
	struct files_answer a = {
		.err = m->diag.err, .text = m->diag.text, .file = m->file, .upload = m->upload, .offset = m->offset,
		.whole = m->whole, .data = m->data.data, .len = m->data.len,
	};

	f->asked--;
	m->done(m->ctx, &a);
}

static void deliver_one(struct files *f, struct msg *m)
{
	switch (m->kind) {
	case MSG_ADD:
		if (m->whole)
			list_put(f, &m->file);
		answer(f, m);
		break;
	case MSG_READ:
	case MSG_DELETE:
		answer(f, m);
		break;
	case MSG_KEPT:
		list_put(f, &m->file);
		f->ops.kept(f->ctx, &m->file);
		break;
	case MSG_GONE:
		list_drop(f, m->file.id);
		break;
	case MSG_TOLD:
		f->ops.told(f->ctx, m->event, m->diag.text);
		break;
	case MSG_ALLOW:
	case MSG_REVOKE:
	case MSG_RELOAD:
		break;
	}
}

static void deliver(void *ctx)
{
	struct files *f = ctx;
	struct msg *m, *next;

	pthread_mutex_lock(&f->lock);
	m = queue_take(&f->to_loop);
	pthread_mutex_unlock(&f->lock);
	for (; m; m = next) {
		next = m->next;
		deliver_one(f, m);
		msg_free(m);
	}
}

/* A whole PEM file as text; NULL. */
static char *read_pem(const char *path, struct diag *diag)
{
	FILE *file = fopen(path, "re");
	char *text = xmalloc(PEM_MAX + 1);
	size_t len = file ? fread(text, 1, PEM_MAX, file) : 0;
	bool good = file && !ferror(file) && len > 0;

	if (!good)
		diag_set(diag, -LMS_ECONFIG, "%s: cannot be read: %s", path, strerror(errno));
	if (file)
		fclose(file);
	text[len] = '\0';
	if (good)
		return text;
	free(text);
	return NULL;
}

/* Checked by OpenSSL, whose messages are good; GnuTLS, which serves it, says little. */
static int load_tls(const struct files *f, char **certificate, char **key, struct diag *diag)
{
	const struct tls_files files = { .cert_file = f->certificate, .key_file = f->key };
	SSL_CTX *ctx = tls_server_ctx(&files, diag);

	if (!ctx)
		return diag->err;
	SSL_CTX_free(ctx);
	*certificate = read_pem(f->certificate, diag);
	*key = *certificate ? read_pem(f->key, diag) : NULL;
	return *key ? 0 : diag->err;
}

static int open_http(struct files *f, const struct files_conf *conf, struct diag *diag)
{
	struct http_conf h = { .depot = f->depot, .patience_us = conf->patience_us, .kept = on_kept, .told = on_told, .ctx = f };
	char *certificate = NULL, *key = NULL;
	int ret = 0;

	if (f->key[0])
		ret = load_tls(f, &certificate, &key, diag);
	if (ret == 0)
		ret = net_listen(conf->address, conf->port, &h.listen_fd, &f->port, diag);
	h.certificate = certificate;
	h.key = key;
	if (ret == 0)
		ret = http_new(&h, &f->http, diag);
	free(certificate);
	if (key)
		OPENSSL_cleanse(key, strlen(key));
	free(key);
	return ret;
}

static void start_thread(struct files *f)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&f->thread, NULL, thread_main, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lms_assert(rc == 0);
	pthread_setname_np(f->thread, "lmsd-files");
	f->running = true;
}

int files_new(struct loop *loop, const struct files_conf *conf, const struct files_ops *ops, void *ctx,
	      struct files **out, struct diag *diag)
{
	struct depot_conf depot = { conf->directory, conf->file_max, conf->store_max, conf->keep_free, on_gone, NULL };
	struct files *f = xcalloc(1, sizeof(*f));
	const struct file_info *list;
	int ret;

	f->ops = *ops;
	f->ctx = ctx;
	f->to_thread.last = &f->to_thread.first;
	f->to_loop.last = &f->to_loop.first;
	pthread_mutex_init(&f->lock, NULL);
	f->wake = loop_wake_new(loop, deliver, f);
	f->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lms_assert(f->kick >= 0);
	snprintf(f->certificate, sizeof(f->certificate), "%s", conf->certificate ? conf->certificate : "");
	snprintf(f->key, sizeof(f->key), "%s", conf->key ? conf->key : "");
	depot.ctx = f;
	ret = depot_open(&depot, &f->depot, diag);
	if (ret == 0)
		ret = open_http(f, conf, diag);
	if (ret < 0) {
		files_free(f);
		return ret;
	}
	list = depot_list(f->depot, &f->count);
	f->list = xcalloc(f->count + 1, sizeof(*f->list));
	if (f->count)
		memcpy(f->list, list, f->count * sizeof(*f->list));
	start_thread(f);
	*out = f;
	return 0;
}

void files_free(struct files *f)
{
	if (!f)
		return;
	if (f->running) {
		pthread_mutex_lock(&f->lock);
		f->closing = true;
		pthread_mutex_unlock(&f->lock);
		kick(f);
		pthread_join(f->thread, NULL);
	}
	http_free(f->http);
	depot_close(f->depot);
	msgs_free(f->to_thread.first);
	msgs_free(f->to_loop.first);
	loop_wake_free(f->wake);
	pthread_mutex_destroy(&f->lock);
	close(f->kick);
	free(f->list);
	free(f);
}

int files_port(const struct files *f)
{
	return f->port;
}

int files_reload_tls(struct files *f, struct diag *diag)
{
	struct msg *m;
	int ret;

	if (!f->key[0])
		return 0;
	m = msg_new(MSG_RELOAD);
	ret = load_tls(f, &m->certificate, &m->key, diag);
	if (ret == 0)
		ask(f, m);
	else
		msg_free(m);
	return ret;
}

const struct file_info *files_list(const struct files *f, size_t *count)
{
	*count = f->count;
	return f->list;
}

const struct file_info *files_find(const struct files *f, const char *id_or_name)
{
	const struct file_info *found = NULL;

	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].id, id_or_name) == 0)
			return &f->list[i];
		if (*id_or_name && strcmp(f->list[i].name, id_or_name) == 0)
			found = &f->list[i];
	}
	return found;
}

int files_secret(char secret[FILES_SECRET_MAX + 1], char digest[FILES_SHA256_MAX + 1])
{
	unsigned char raw[FILES_SECRET_MAX / 2];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return -LMS_EINTERNAL;
	hex_encode(raw, sizeof(raw), secret);
	http_digest(secret, FILES_SECRET_MAX, digest);
	return 0;
}

void files_allow(struct files *f, const struct files_grant *grant)
{
	struct msg *m = msg_new(MSG_ALLOW);

	m->grant = *grant;
	ask(f, m);
}

void files_revoke(struct files *f, const char *digest)
{
	struct msg *m = msg_new(MSG_REVOKE);

	snprintf(m->grant.digest, sizeof(m->grant.digest), "%s", digest);
	ask(f, m);
}

/* Hands it over, or refuses it at once. */
static void ask_done(struct files *f, struct msg *m, files_done_fn *done, void *ctx)
{
	static const struct files_answer busy = { .err = -LMS_ECONFLICT, .text = "too much is asked of the file server "
		"already (try again)" };

	if (f->asked >= ASKED_MAX) {
		msg_free(m);
		done(ctx, &busy);
		return;
	}
	f->asked++;
	m->done = done;
	m->ctx = ctx;
	ask(f, m);
}

void files_add(struct files *f, const struct files_piece *piece, files_done_fn *done, void *ctx)
{
	struct msg *m = msg_new(MSG_ADD);

	lms_assert(piece->len <= FILES_PIECE_MAX);
	m->upload = piece->upload;
	m->size = piece->size;
	m->offset = piece->offset;
	snprintf(m->file.name, sizeof(m->file.name), "%s", piece->name ? piece->name : "");
	snprintf(m->file.what, sizeof(m->file.what), "firmware");
	buf_add(&m->data, piece->data, piece->len);
	ask_done(f, m, done, ctx);
}

static struct msg *msg_about(enum msg_kind kind, const char *id)
{
	struct msg *m = msg_new(kind);

	snprintf(m->file.id, sizeof(m->file.id), "%s", id);
	return m;
}

void files_read(struct files *f, const char *id, int64_t offset, files_done_fn *done, void *ctx)
{
	struct msg *m = msg_about(MSG_READ, id);

	m->offset = offset;
	ask_done(f, m, done, ctx);
}

void files_delete(struct files *f, const char *id, files_done_fn *done, void *ctx)
{
	ask_done(f, msg_about(MSG_DELETE, id), done, ctx);
}

bool files_name_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= FILES_NAME_MAX && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") == len;
}
