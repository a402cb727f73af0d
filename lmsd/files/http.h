/* files/http.h - the HTTP(S) side of the file server, by libmicrohttpd. For its thread only, which drives it:
 * http_turn() when http_fd() is readable or http_timeout_ms() has passed.
 */
#pragma once

#include "files/depot.h"

struct http;

struct http_conf {
	struct depot *depot;
	int listen_fd;			/* taken */
	const char *certificate, *key;	/* PEM text; NULL = without TLS */
	int64_t patience_us;
	void (*kept)(void *ctx, const struct file_info *file);
	void (*told)(void *ctx, const char *event, const char *text);
	void *ctx;
};

int http_new(const struct http_conf *conf, struct http **out, struct diag *diag);
void http_free(struct http *h);
int http_fd(const struct http *h);
int http_timeout_ms(struct http *h);
void http_turn(struct http *h, mono_t now, wall_t wall);

/* An older one for the same station and direction gives way. */
void http_allow(struct http *h, const struct files_grant *grant);
void http_revoke(struct http *h, const char *digest);
/* Takes effect when nobody is connected. */
void http_reload(struct http *h, const char *certificate, const char *key);
