/* site/tag_log.c - see tag_log.h. */
#include "site/tag_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "site/tags/where.h"

struct tag_log {
	struct { int64_t seq; char uid[ID_MAX + 1]; } rows[TAG_LOG_ROWS];	/* by seq modulo their number */
};

static bool group_is_out(const struct site *s, const struct ctl_tag_keys *k)
{
	int index = k->group ? site_conf_tag_group(s->conf, k->group) : -1;

	return index >= 0 && s->conf->tag_groups[index].active == 0;
}

bool site_tag_listable(const struct site *s, const struct ctl_tag_keys *k)
{
	if (where_is_bound(k) || k->credit_wh != NUM_NONE || (k->auth && strcmp(k->auth, "schedule") == 0) || group_is_out(s, k))
		return false;
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

static void note(struct site *s, const char *uid, struct effects *fx)
{
	struct json_writer w;
	char key[8];
	struct buf b;

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

void site_tag_note(struct site *s, const char *uid, const struct ctl_tag_keys *before, const struct ctl_tag_keys *after,
		   struct effects *fx)
{
	bool was = before && site_tag_listable(s, before), is = after && site_tag_listable(s, after);

	if (!was && !is)
		return;
	if (was && is && before->expires == after->expires && same_text(before->group, after->group))
		return;
	note(s, uid, fx);
}

static const struct ctl_tag_group_keys *group_in(const struct site_conf *c, const char *id)
{
	int index = site_conf_tag_group(c, id);

	return index < 0 ? NULL : &c->tag_groups[index];
}

static bool group_changed(const struct site_conf *before, const struct site_conf *after, const char *id)
{
	const struct ctl_tag_group_keys *a = group_in(before, id), *b = group_in(after, id);

	return (a && a->active == 0) != (b && b->active == 0) ||
	       (a ? a->expires : WALL_NONE) != (b ? b->expires : WALL_NONE);
}

void site_tag_groups_note(struct site *s, const struct site_conf *before, const struct site_conf *after,
			  struct effects *fx)
{
	if (before->tag_group_count == 0 && after->tag_group_count == 0)
		return;
	for (const struct tag *t = s->tags; t; t = t->hh.next)
		if (t->k.group && group_changed(before, after, t->k.group))
			note(s, t->k.uid, fx);
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
