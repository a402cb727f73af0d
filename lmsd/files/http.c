/* files/http.c - who may fetch or send what, and how they do.
 *
 * A path is known by the SHA-256 of its secret: how long a look-up takes tells nothing about the secret itself.
 * Whoever has shown none is given little time and few connections, so that strangers cannot keep stations out.
 */
#include "files/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/text.h"
#include "files/range.h"
#include "net/sock.h"

#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define PEERS_MAX 192u
#define PEERS_PER_ADDRESS 96u	/* many stations may come from behind one router */
#define SILENCE_S 60u		/* without a byte */
#define PATIENCE_US (20 * US_PER_S)
#define TRANSFER_US (INT64_C(4) * 3600 * US_PER_S)	/* 256 MiB at 20 kB/s */
#define HEADER_BYTES ((size_t)32 << 10)
#define SWALLOW_MAX ((int64_t)16 << 20)	/* of the refused body of a station, so that it reads why */
#define TELL_US (10 * US_PER_S)

struct grant {
	struct files_grant g;
	bool busy;			/* somebody is sending */
	char place[ID_MAX + 3];		/* "f CP1", "d CP1" */
	UT_hash_handle hh;		/* by g.digest */
	UT_hash_handle by_place;
};

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
	struct grant *grants, *places;	/* the same, by digest and by station and direction */
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

/* ---- grants ---- */

void http_digest(const char *secret, size_t len, char digest[FILES_SHA256_MAX + 1])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)secret, len, sum);
	hex_encode(sum, sizeof(sum), digest);
}

static struct grant *grant_find(const struct http *h, const char *digest)
{
	struct grant *g;

	HASH_FIND_STR(h->grants, digest, g);
	if (g && h->now >= g->g.until)
		return NULL;
	return g;
}

static void grant_drop(struct http *h, struct grant *g)
{
	if (!g)
		return;
	HASH_DELETE(hh, h->grants, g);
	HASH_DELETE(by_place, h->places, g);
	free(g);
}

void http_revoke(struct http *h, const char *digest)
{
	struct grant *g;

	HASH_FIND_STR(h->grants, digest, g);
	grant_drop(h, g);
}

/* One per station and direction: so their number is bounded, and the latest job is the one that counts. */
void http_allow(struct http *h, const struct files_grant *grant)
{
	struct grant *g = xcalloc(1, sizeof(*g)), *old;

	g->g = *grant;
	snprintf(g->place, sizeof(g->place), "%c %s", grant->file[0] ? 'f' : 'd', grant->station);
	HASH_FIND(by_place, h->places, g->place, strlen(g->place), old);
	grant_drop(h, old);
	http_revoke(h, grant->digest);
	HASH_ADD_STR(h->grants, g.digest, g);
	HASH_ADD(by_place, h->places, place, strlen(g->place), g);
}

/* "/f/SECRET…" of the letter asked for; what follows the secret is the station's affair. */
static struct grant *grant_of(const struct http *h, const char *url, char letter)
{
	char digest[FILES_SHA256_MAX + 1];

	if (url[0] != '/' || url[1] != letter || url[2] != '/' ||
	    strspn(url + 3, "0123456789abcdef") < FILES_SECRET_MAX)
		return NULL;
	http_digest(url + 3, FILES_SECRET_MAX, digest);
	return grant_find(h, digest);
}

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status)
{
	static const struct { unsigned status; const char *text; } texts[] = {
		{ MHD_HTTP_CREATED, "received\n" },
		{ MHD_HTTP_NOT_FOUND, "not found\n" },
		{ MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD, PUT and POST only\n" },
		{ MHD_HTTP_CONFLICT, "somebody is sending this already\n" },
		{ MHD_HTTP_CONTENT_TOO_LARGE, "too large\n" },
		{ MHD_HTTP_RANGE_NOT_SATISFIABLE, "not in this file\n" },
		{ MHD_HTTP_BAD_REQUEST, "not understood\n" },
		{ MHD_HTTP_INSUFFICIENT_STORAGE, "no room\n" },
	};
	const char *text = "cannot be done\n";

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].status == status)
			text = texts[i].text;
	}
	return answer(c, status, MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
								 MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_stranger(struct http *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	h->strangers++;
	if (info)
		net_peer_addr(info->connect_fd, h->stranger);
	return answer_text(c, MHD_HTTP_NOT_FOUND);
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* ---- what is fetched ---- */

static void mark_busy(struct request *r)
{
	r->peer->busy = true;
	r->peer->since = r->h->now;
}

static enum MHD_Result fetch(struct request *r, struct MHD_Connection *c, const char *url)
{
	struct http *h = r->h;
	const struct grant *g = grant_of(h, url, 'f');
	const struct file_info *f = g && g->g.file[0] ? depot_find(h->conf.depot, g->g.file) : NULL;
	char tag[FILES_SHA256_MAX + 3], span[80];
	int64_t from = 0, len;
	struct MHD_Response *res;
	const char *if_range;
	enum range range;
	int fd;

	if (!f)
		return answer_stranger(h, c);
	len = f->size;
	snprintf(tag, sizeof(tag), "\"%s\"", f->sha256);
	if_range = header(c, MHD_HTTP_HEADER_IF_RANGE);
	range = if_range && strcmp(if_range, tag) != 0 ? RANGE_NONE :
		range_read(header(c, MHD_HTTP_HEADER_RANGE), f->size, &from, &len);
	if (range == RANGE_BAD) {
		res = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		snprintf(span, sizeof(span), "bytes */%lld", (long long)f->size);
		if (res)
			MHD_add_response_header(res, MHD_HTTP_HEADER_CONTENT_RANGE, span);
		return answer(c, MHD_HTTP_RANGE_NOT_SATISFIABLE, res);
	}
	fd = depot_fd(h->conf.depot, f);
	if (fd < 0)
		return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR);
	mark_busy(r);
	res = MHD_create_response_from_fd_at_offset64((uint64_t)len, fd, (uint64_t)(from + DEPOT_HEAD));
	if (!res) {
		close(fd);
		return MHD_NO;
	}
	MHD_add_response_header(res, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	MHD_add_response_header(res, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	MHD_add_response_header(res, MHD_HTTP_HEADER_ETAG, tag);
	if (range == RANGE_PART) {
		snprintf(span, sizeof(span), "bytes %lld-%lld/%lld", (long long)from, (long long)(from + len - 1),
			 (long long)f->size);
		MHD_add_response_header(res, MHD_HTTP_HEADER_CONTENT_RANGE, span);
	}
	return answer(c, range == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, res);
}

/* ---- what is sent ---- */

static unsigned status_of(int err)
{
	return err == -LMS_ERANGE ? MHD_HTTP_CONTENT_TOO_LARGE : err == -LMS_ECANTCREAT ? MHD_HTTP_INSUFFICIENT_STORAGE :
		err == -LMS_EDATA ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void tell(struct http *h, const char *station, const char *event, const struct diag *diag)
{
	char text[DIAG_TEXT_MAX + 100];

	snprintf(text, sizeof(text), "station=\"%s\" why=\"%s\"", station, diag->text);
	h->conf.told(h->conf.ctx, event, text);
}

/* The last part of the path, as far as its characters are harmless: for people only. */
static void name_of(const char *url, char name[FILES_NAME_MAX + 1])
{
	const char *slash = strrchr(url + 3, '/');
	size_t n = 0;

	for (const char *p = slash ? slash + 1 : ""; *p && n < FILES_NAME_MAX; p++) {
		char one[2] = { *p, '\0' };

		if (*p != '.' || n > 0)
			name[n++] = files_name_good(one) || *p == '.' ? *p : '_';
	}
	name[n] = '\0';
}

/* A field of a form: the first one that is a file is taken. */
static enum MHD_Result on_field(void *ctx, enum MHD_ValueKind kind, const char *key, const char *filename,
				const char *type, const char *encoding, const char *data, uint64_t offset, size_t size)
{
	struct request *r = ctx;
	struct diag diag;
	int ret;

	(void)kind, (void)key, (void)type, (void)encoding;
	if (r->form_file && (offset == 0 || !filename))
		r->form_over = true;
	if (!filename || r->form_over || !r->part)
		return MHD_YES;
	r->form_file = true;
	diag_init(&diag);
	ret = part_add(r->part, data, size, &diag);
	if (ret)
		r->status = status_of(ret);
	return ret ? MHD_NO : MHD_YES;
}

static int64_t announced(struct MHD_Connection *c)
{
	const char *text = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t size;

	return text && parse_int(text, 0, INT64_MAX, &size, NULL) == 0 ? size : -1;
}

/* A station that waits for our word, or has much to send, is told at once. One that is sending already would lose the
 * answer when we close on it. */
static enum MHD_Result refuse_send(struct request *r, struct MHD_Connection *c, unsigned status)
{
	if (header(c, MHD_HTTP_HEADER_EXPECT) || announced(c) > SWALLOW_MAX)
		return answer_text(c, status);
	r->status = status;
	mark_busy(r);
	return MHD_YES;
}

/* Before the body comes: what is refused now need not be sent. */
static enum MHD_Result begin_send(struct request *r, struct MHD_Connection *c, const char *url)
{
	struct http *h = r->h;
	struct grant *g = grant_of(h, url, 'd');
	const char *type = header(c, MHD_HTTP_HEADER_CONTENT_TYPE);
	bool form = type && strncasecmp(type, "multipart/form-data", 19) == 0;
	struct file_info about = { .created = h->wall };
	struct diag diag;
	int ret;

	if (!g || g->g.file[0])
		return answer_stranger(h, c);
	if (g->busy)
		return refuse_send(r, c, MHD_HTTP_CONFLICT);
	snprintf(about.what, sizeof(about.what), "%s", g->g.what);
	snprintf(about.station, sizeof(about.station), "%s", g->g.station);
	about.job = g->g.job;
	name_of(url, about.name);
	diag_init(&diag);
	/* NULL: not one that can be taken apart; as it is it is better than nothing. */
	if (form)
		r->form = MHD_create_post_processor(c, HEADER_BYTES / 2, on_field, r);
	ret = depot_begin(h->conf.depot, &about, r->form ? -1 : announced(c), &r->part, &diag);
	if (ret) {
		tell(h, g->g.station, "upload_refused", &diag);
		return refuse_send(r, c, status_of(ret));
	}
	g->busy = true;
	memcpy(r->digest, g->g.digest, sizeof(r->digest));
	mark_busy(r);
	return MHD_YES;
}

static void refuse_body(struct request *r, unsigned status, const struct diag *diag)
{
	const struct grant *g = grant_find(r->h, r->digest);

	r->status = status;
	part_drop(r->part);
	r->part = NULL;
	if (g)
		tell(r->h, g->g.station, "upload_refused", diag);
}

static enum MHD_Result more_body(struct request *r, const char *data, size_t *size)
{
	size_t len = *size;
	struct diag diag;
	int ret;

	*size = 0;
	diag_init(&diag);
	if (!r->part) {
		r->swallowed += (int64_t)len;
		return r->swallowed > SWALLOW_MAX ? MHD_NO : MHD_YES;
	}
	if (!grant_find(r->h, r->digest)) {
		diag_set(&diag, -LMS_EFAILED, "the job is over");
		refuse_body(r, MHD_HTTP_NOT_FOUND, &diag);
	} else if (r->form) {
		if (MHD_post_process(r->form, data, len) != MHD_YES) {
			diag_set(&diag, -LMS_EDATA, "the form cannot be taken");
			refuse_body(r, r->status ? r->status : MHD_HTTP_BAD_REQUEST, &diag);
		}
	} else if ((ret = part_add(r->part, data, len, &diag)) != 0) {
		refuse_body(r, status_of(ret), &diag);
	}
	return MHD_YES;
}

static enum MHD_Result end_send(struct request *r, struct MHD_Connection *c)
{
	struct http *h = r->h;
	struct file_info file;
	struct diag diag;
	int ret;

	diag_init(&diag);
	if (r->form) {
		/* What it held back comes now. */
		if (MHD_destroy_post_processor(r->form) != MHD_YES || !r->form_file) {
			diag_set(&diag, -LMS_EDATA, "the form has no file in it");
			refuse_body(r, r->status ? r->status : MHD_HTTP_BAD_REQUEST, &diag);
		}
		r->form = NULL;
	}
	if (!r->part)
		return answer_text(c, r->status);
	ret = part_finish(r->part, &file, &diag);
	r->part = NULL;
	if (ret) {
		refuse_body(r, status_of(ret), &diag);
		return answer_text(c, status_of(ret));
	}
	http_revoke(h, r->digest);
	h->conf.kept(h->conf.ctx, &file);
	return answer_text(c, MHD_HTTP_CREATED);
}

/* ---- libmicrohttpd ---- */

static bool is_send(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_PUT) == 0 || strcmp(method, MHD_HTTP_METHOD_POST) == 0;
}

static bool is_fetch(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *size, void **state)
{
	const union MHD_ConnectionInfo *info;
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = *state = xcalloc(1, sizeof(*r));
		r->h = ctx;
		info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		r->peer = info ? info->socket_context : NULL;
		if (!r->peer)
			return MHD_NO;
		return is_send(method) ? begin_send(r, c, url) : MHD_YES;
	}
	if (is_send(method))
		return *size > 0 ? more_body(r, data, size) : end_send(r, c);
	/* Nothing that we answer to has a body. */
	if (*size > 0)
		return MHD_NO;
	return is_fetch(method) ? fetch(r, c, url) : answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED);
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct request *r = *state;
	struct grant *g;

	(void)ctx, (void)c, (void)why;
	if (!r)
		return;
	HASH_FIND_STR(r->h->grants, r->digest, g);
	if (g)
		g->busy = false;
	if (r->form)
		MHD_destroy_post_processor(r->form);
	part_drop(r->part);
	if (r->peer) {
		r->peer->busy = false;
		r->peer->since = r->h->now;
	}
	free(r);
	*state = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http *h = ctx;
	struct peer *p = *state;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		p = *state = xcalloc(1, sizeof(*p));
		p->fd = info ? info->connect_fd : -1;
		p->since = h->now;
		LIST_INSERT_HEAD(&h->peers, p, all);
	} else if (p) {
		LIST_REMOVE(p, all);
		free(p);
		*state = NULL;
	}
}

static int start(struct http *h, int listen_fd, struct diag *diag)
{
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, h->key },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, h->certificate },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };

	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | (h->key ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, h,
				     MHD_OPTION_LISTEN_SOCKET, listen_fd,
				     MHD_OPTION_CONNECTION_LIMIT, PEERS_MAX,
				     MHD_OPTION_PER_IP_CONNECTION_LIMIT, PEERS_PER_ADDRESS,
				     MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				     MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
				     MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				     MHD_OPTION_ARRAY, h->key ? tls : none,
				     MHD_OPTION_END);
	if (h->daemon)
		return 0;
	close(listen_fd);
	return diag_set(diag, -LMS_ECONFIG, "the file server does not start%s", h->key ?
			" (are tls.certificate and tls.key good PEM files, the key without a password?)" : "");
}

int http_new(const struct http_conf *conf, struct http **out, struct diag *diag)
{
	struct http *h = xcalloc(1, sizeof(*h));
	int ret;

	h->conf = *conf;
	if (h->conf.patience_us == 0)
		h->conf.patience_us = PATIENCE_US;
	LIST_INIT(&h->peers);
	if (conf->key) {
		h->certificate = xstrdup(conf->certificate);
		h->key = xstrdup(conf->key);
	}
	ret = start(h, conf->listen_fd, diag);
	if (ret)
		http_free(h);
	else
		*out = h;
	return ret;
}

static void forget_tls(struct http *h)
{
	if (h->key)
		OPENSSL_cleanse(h->key, strlen(h->key));
	free(h->key);
	free(h->certificate);
	h->key = h->certificate = NULL;
}

void http_free(struct http *h)
{
	struct grant *g, *tmp;

	if (!h)
		return;
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	HASH_ITER(hh, h->grants, g, tmp)
		grant_drop(h, g);
	forget_tls(h);
	free(h);
}

int http_fd(const struct http *h)
{
	const union MHD_DaemonInfo *info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;

	return info ? info->epoll_fd : -1;
}

int http_timeout_ms(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int own = LIST_EMPTY(&h->peers) && !h->strangers ? -1 : 1000;

	if (!h->daemon || MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return own;
	return own < 0 || ms < (unsigned)own ? (int)(ms > 60000 ? 60000 : ms) : own;
}

void http_reload(struct http *h, const char *certificate, const char *key)
{
	forget_tls(h);
	h->certificate = xstrdup(certificate);
	h->key = xstrdup(key);
	h->reload = true;
}

/* The port stays open meanwhile. */
static void restart(struct http *h)
{
	int fd = MHD_quiesce_daemon(h->daemon);
	struct diag diag;

	h->reload = false;
	MHD_stop_daemon(h->daemon);
	h->daemon = NULL;
	diag_init(&diag);
	if (start(h, fd, &diag) < 0)
		h->conf.told(h->conf.ctx, "files_closed", diag.text);
}

static void close_idle(struct http *h)
{
	struct peer *p;

	LIST_FOREACH(p, &h->peers, all) {
		if (h->now - p->since > (p->busy ? TRANSFER_US : h->conf.patience_us))
			shutdown(p->fd, SHUT_RDWR);
	}
}

void http_turn(struct http *h, mono_t now, wall_t wall)
{
	char text[160];

	h->now = now;
	h->wall = wall;
	if (h->daemon)
		MHD_run(h->daemon);
	close_idle(h);
	if (h->reload && LIST_EMPTY(&h->peers) && h->daemon)
		restart(h);
	if (h->strangers && now - h->told >= TELL_US) {
		snprintf(text, sizeof(text), "count=%u address=%s", h->strangers, h->stranger);
		h->conf.told(h->conf.ctx, "files_refused", text);
		h->strangers = 0;
		h->told = now;
	}
}
