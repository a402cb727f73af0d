/* files/http.c - the server: who is connected, what is given, and for how long.
 *
 * Whoever has shown no path that we know is given little time and few connections, so that strangers cannot keep
 * stations out.
 */
#include "files/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "files/range.h"
#include "files/request.h"

#define PEERS_MAX 192u
#define PEERS_PER_ADDRESS 96u	/* many stations may come from behind one router */
#define SILENCE_S 60u		/* without a byte */
#define PATIENCE_US (20 * US_PER_S)
#define TRANSFER_US (INT64_C(4) * 3600 * US_PER_S)	/* 256 MiB at 20 kB/s */
#define TELL_US (10 * US_PER_S)

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

enum MHD_Result http_answer_text(struct MHD_Connection *c, unsigned status)
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

enum MHD_Result http_answer_stranger(struct http *h, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	h->strangers++;
	if (info)
		net_peer_addr(info->connect_fd, h->stranger);
	return http_answer_text(c, MHD_HTTP_NOT_FOUND);
}

const char *http_header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

void http_mark_busy(struct request *r)
{
	r->peer->busy = true;
	r->peer->since = r->h->now;
}

/* ---- what is fetched ---- */

static enum MHD_Result fetch(struct request *r, struct MHD_Connection *c, const char *url)
{
	struct http *h = r->h;
	const struct grant *g = grants_of(&h->grants, url, 'f', h->now);
	const struct file_info *f = g && g->g.file[0] ? depot_find(h->conf.depot, g->g.file) : NULL;
	char tag[FILES_SHA256_MAX + 3], span[80];
	int64_t from = 0, len;
	struct MHD_Response *res;
	const char *if_range;
	enum range range;
	int fd;

	if (!f)
		return http_answer_stranger(h, c);
	len = f->size;
	snprintf(tag, sizeof(tag), "\"%s\"", f->sha256);
	if_range = http_header(c, MHD_HTTP_HEADER_IF_RANGE);
	range = if_range && strcmp(if_range, tag) != 0 ? RANGE_NONE :
		range_read(http_header(c, MHD_HTTP_HEADER_RANGE), f->size, &from, &len);
	if (range == RANGE_BAD) {
		res = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		snprintf(span, sizeof(span), "bytes */%lld", (long long)f->size);
		if (res)
			MHD_add_response_header(res, MHD_HTTP_HEADER_CONTENT_RANGE, span);
		return answer(c, MHD_HTTP_RANGE_NOT_SATISFIABLE, res);
	}
	fd = depot_fd(h->conf.depot, f);
	if (fd < 0)
		return http_answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR);
	http_mark_busy(r);
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
		return is_send(method) ? receive_begin(r, c, url) : MHD_YES;
	}
	if (is_send(method))
		return *size > 0 ? receive_more(r, data, size) : receive_end(r, c);
	/* Nothing that we answer to has a body. */
	if (*size > 0)
		return MHD_NO;
	return is_fetch(method) ? fetch(r, c, url) : http_answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED);
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct request *r = *state;

	(void)ctx, (void)c, (void)why;
	if (!r)
		return;
	grants_release(&r->h->grants, r->digest);
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
	if (!h)
		return;
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	grants_fini(&h->grants);
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

void http_allow(struct http *h, const struct files_grant *grant)
{
	grants_allow(&h->grants, grant);
}

void http_revoke(struct http *h, const char *digest)
{
	grants_revoke(&h->grants, digest);
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
