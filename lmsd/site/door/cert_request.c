/* site/door/cert_request.c - requests for certificates, in memory and stored. */
#include "site/door/cert_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(struct station *st, const char *csr, wall_t asked, bool is_new)
{
	struct cert_request *r = xcalloc(1, sizeof(*r));

	cert_request_drop(st, NULL);
	r->csr = xstrdup(csr);
	r->asked = asked;
	r->is_new = is_new;
	st->cert_request = r;
}

void cert_request_set(struct site *s, struct station *st, const char *csr, wall_t wall,
		      struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	keep(st, csr, wall, true);
	s->cert_asked = true;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "csr", csr);
	jw_kint(&w, "asked", wall);
	jw_object_end(&w);
	fx_put(fx, STORE_CERT_REQUEST, st->id, b.data, b.len);
	buf_fini(&b);
}

void cert_request_note(struct station *st, const char *note, bool settled)
{
	if (!st->cert_request)
		return;
	snprintf(st->cert_request->note, sizeof(st->cert_request->note), "%s", note);
	st->cert_request->settled = settled;
}

void cert_request_again(struct site *s, struct station *st)
{
	if (st->cert_request && !st->cert_request->settled)
		st->cert_request->is_new = s->cert_asked = true;
}

void cert_request_drop(struct station *st, struct effects *fx)
{
	if (!st->cert_request)
		return;
	free(st->cert_request->csr);
	free(st->cert_request);
	st->cert_request = NULL;
	if (fx)
		fx_del(fx, STORE_CERT_REQUEST, st->id);
}

int cert_request_load(struct site *s, const char *id, const char *json, size_t len,
		      struct diag *diag)
{
	struct station *st = site_station(s, id);
	const struct json *obj;
	struct arena arena;
	wall_t asked = WALL_NONE;
	const char *csr;
	int ret = 0;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	csr = json_str(json_get(obj, "csr"), NULL);
	json_int(json_get(obj, "asked"), &asked);
	if (!obj)
		ret = -LMS_EPARSE;
	else if (!csr)
		ret = diag_set(diag, -LMS_EDATA, "csr: is missing");
	else if (st && st->conf >= 0)
		keep(st, csr, asked, false);
	arena_fini(&arena);
	return ret;
}
