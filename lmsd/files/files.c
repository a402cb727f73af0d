/* files/files.c - the file server as the loop knows it: a list of what is kept, and questions to the thread. */
#include "files/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "files/grants.h"
#include "files/inner.h"
#include "net/sock.h"
#include "net/tls.h"

#define ASKED_MAX 64		/* of administrators */
#define PEM_MAX ((size_t)1 << 20)

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
	m = files_queue_take(&f->to_loop);
	pthread_mutex_unlock(&f->lock);
	for (; m; m = next) {
		next = m->next;
		deliver_one(f, m);
		files_msg_free(m);
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
	struct http_conf h = { .depot = f->depot, .patience_us = conf->patience_us, .kept = files_on_kept, .told = files_on_told,
			       .ctx = f };
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
	rc = pthread_create(&f->thread, NULL, files_work, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lms_assert(rc == 0);
	pthread_setname_np(f->thread, "lmsd-files");
	f->running = true;
}

int files_new(struct loop *loop, const struct files_conf *conf, const struct files_ops *ops, void *ctx,
	      struct files **out, struct diag *diag)
{
	struct depot_conf depot = { conf->directory, conf->file_max, conf->store_max, conf->keep_free, files_on_gone, NULL };
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
		files_kick(f);
		pthread_join(f->thread, NULL);
	}
	http_free(f->http);
	depot_close(f->depot);
	files_msgs_free(f->to_thread.first);
	files_msgs_free(f->to_loop.first);
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
	m = files_msg_new(MSG_RELOAD);
	ret = load_tls(f, &m->certificate, &m->key, diag);
	if (ret == 0)
		files_ask(f, m);
	else
		files_msg_free(m);
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
	grants_digest(secret, FILES_SECRET_MAX, digest);
	return 0;
}

void files_allow(struct files *f, const struct files_grant *grant)
{
	struct msg *m = files_msg_new(MSG_ALLOW);

	m->grant = *grant;
	files_ask(f, m);
}

void files_revoke(struct files *f, const char *digest)
{
	struct msg *m = files_msg_new(MSG_REVOKE);

	snprintf(m->grant.digest, sizeof(m->grant.digest), "%s", digest);
	files_ask(f, m);
}

/* Hands it over, or refuses it at once. */
static void ask_done(struct files *f, struct msg *m, files_done_fn *done, void *ctx)
{
	static const struct files_answer busy = { .err = -LMS_ECONFLICT, .text = "too much is asked of the file server "
		"already (try again)" };

	if (f->asked >= ASKED_MAX) {
		files_msg_free(m);
		done(ctx, &busy);
		return;
	}
	f->asked++;
	m->done = done;
	m->ctx = ctx;
	files_ask(f, m);
}

void files_add(struct files *f, const struct files_piece *piece, files_done_fn *done, void *ctx)
{
	struct msg *m = files_msg_new(MSG_ADD);

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
	struct msg *m = files_msg_new(kind);

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
