/* files/receive.c - what stations send: into a part of the depot, as it comes. */
#include "files/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define SWALLOW_MAX ((int64_t)16 << 20)	/* of the refused body of a station, so that it reads why */

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
	const char *text = http_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t size;

	return text && parse_int(text, 0, INT64_MAX, &size, NULL) == 0 ? size : -1;
}

/* A station that waits for our word, or has much to send, is told at once. One that is sending already would lose the
 * answer when we close on it. */
static enum MHD_Result refuse_send(struct request *r, struct MHD_Connection *c, unsigned status)
{
	if (http_header(c, MHD_HTTP_HEADER_EXPECT) || announced(c) > SWALLOW_MAX)
		return http_answer_text(c, status);
	r->status = status;
	http_mark_busy(r);
	return MHD_YES;
}

enum MHD_Result receive_begin(struct request *r, struct MHD_Connection *c, const char *url)
{
	struct http *h = r->h;
	struct grant *g = grants_of(&h->grants, url, 'd', h->now);
	const char *type = http_header(c, MHD_HTTP_HEADER_CONTENT_TYPE);
	bool form = type && strncasecmp(type, "multipart/form-data", 19) == 0;
	struct file_info about = { .created = h->wall };
	struct diag diag;
	int ret;

	if (!g || g->g.file[0])
		return http_answer_stranger(h, c);
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
	http_mark_busy(r);
	return MHD_YES;
}

static void refuse_body(struct request *r, unsigned status, const struct diag *diag)
{
	const struct grant *g = grants_find(&r->h->grants, r->digest, r->h->now);

	r->status = status;
	part_drop(r->part);
	r->part = NULL;
	if (g)
		tell(r->h, g->g.station, "upload_refused", diag);
}

enum MHD_Result receive_more(struct request *r, const char *data, size_t *size)
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
	if (!grants_find(&r->h->grants, r->digest, r->h->now)) {
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

enum MHD_Result receive_end(struct request *r, struct MHD_Connection *c)
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
		return http_answer_text(c, r->status);
	ret = part_finish(r->part, &file, &diag);
	r->part = NULL;
	if (ret) {
		refuse_body(r, status_of(ret), &diag);
		return http_answer_text(c, status_of(ret));
	}
	grants_revoke(&h->grants, r->digest);
	h->conf.kept(h->conf.ctx, &file);
	return http_answer_text(c, MHD_HTTP_CREATED);
}
