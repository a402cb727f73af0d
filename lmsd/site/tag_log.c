/* site/tag_log.c - see tag_log.h. */
#include "site/tag_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct tag_log {
	struct { int64_t seq; char uid[ID_MAX + 1]; } rows[TAG_LOG_ROWS];	/* by seq modulo their number */
};

bool site_tag_listable(const struct ctl_tag_keys *k)
{
	return k->active != 0 && !(k->auth && strcmp(k->auth, "deny") == 0) && strlen(k->uid) <= TAG_LIST_UID_MAX;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void put(struct site *s, int64_t seq, const char *uid)
{
	if (!s->tag_log)
		s->tag_log = xcalloc(1, sizeof(*s->tag_log));
	s->tag_log->rows[seq % TAG_LOG_ROWS].seq = seq;
	snprintf(s->tag_log->rows[seq % TAG_LOG_ROWS].uid, ID_MAX + 1, "%s", uid);
	if (seq > s->tag_seq)
		s->tag_seq = seq;
}

void site_tag_note(struct site *s, const char *uid, const struct ctl_tag_keys *before, const struct ctl_tag_keys *after,
		   struct effects *fx)
{
	bool was = before && site_tag_listable(before), is = after && site_tag_listable(after);
	struct json_writer w;
	char key[8];
	struct buf b;

	if (!was && !is)
		return;
	if (was && is && before->expires == after->expires && same_text(before->group, after->group))
		return;
	put(s, s->tag_seq + 1, uid);
	s->tags_changed = true;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "seq", s->tag_seq);
	jw_kstr(&w, "uid", uid);
	jw_object_end(&w);
	snprintf(key, sizeof(key), "%03d", (int)(s->tag_seq % TAG_LOG_ROWS));
	fx_put(fx, STORE_TAG_LOG, key, b.data, b.len);
	buf_fini(&b);
}

bool site_tag_log_reaches(const struct site *s, int64_t after)
{
	if (after > s->tag_seq || s->tag_seq - after > TAG_LOG_ROWS)
		return false;
	for (int64_t seq = after + 1; seq <= s->tag_seq; seq++)
		if (!s->tag_log || s->tag_log->rows[seq % TAG_LOG_ROWS].seq != seq)
			return false;
	return true;
}

const char *site_tag_log_at(const struct site *s, int64_t seq)
{
	return s->tag_log->rows[seq % TAG_LOG_ROWS].uid;
}

/* ---- records ---- */

static int64_t read_int(const struct json *obj, const char *key, int64_t dflt)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? dflt : v;
}

int site_tag_log_load(struct site *s, const char *json, size_t len, struct diag *diag)
{
	const char *uid;
	struct arena arena;
	struct json *obj;
	int64_t seq;
	int ret = 0;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	seq = read_int(obj, "seq", 0);
	uid = json_str(json_get(obj, "uid"), "");
	if (seq > 0 && *uid)
		put(s, seq, uid);
	else
		ret = diag_set(diag, -LMS_EDATA, "stored change of a tag that is none");
	arena_fini(&arena);
	return ret;
}

void site_list_store(const struct station *st, struct effects *fx)
{
	struct json_writer w;
	char hash[20];
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "version", st->list.version);
	jw_kbool(&w, "whole", st->list.whole);
	jw_kint(&w, "seq", st->list.seq);
	jw_kbool(&w, "kept", st->list.kept);
	if (st->list.cut) {
		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)st->list.cut);
		jw_kstr(&w, "cut", hash);
	}
	jw_object_end(&w);
	fx_put(fx, STORE_LOCAL_LIST, st->id, b.data, b.len);
	buf_fini(&b);
}

int site_list_load(struct site *s, const char *station, const char *json, size_t len, struct diag *diag)
{
	struct station *st = site_station(s, station);
	struct arena arena;
	struct json *obj;

	if (!st)
		return 0;
	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	st->list.version = read_int(obj, "version", 0);
	st->list.whole = json_bool(json_get(obj, "whole"), false);
	st->list.seq = read_int(obj, "seq", 0);
	st->list.kept = json_bool(json_get(obj, "kept"), false);
	st->list.cut = strtoull(json_str(json_get(obj, "cut"), "0"), NULL, 16);
	arena_fini(&arena);
	return obj ? 0 : -LMS_EPARSE;
}
