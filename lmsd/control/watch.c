/* control/watch.c - one subscription: a list now, and later what changed in it.
 *
 * State is coalesced, never queued: a watch remembers a hash per record and compares when its
 * interval has passed. A reader that is behind gets nothing until it has caught up, and then what
 * is true at that moment, so a slow one costs neither memory nor order. What happened (events, OCPP
 * frames) is not state: of it only what is younger than the last one sent is pushed, so much at a
 * time, and "lagged" says that some of it was overwritten before it could be sent.
 */
#include "control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/err.h"

#define PAGE_ITEMS 1000
#define LOG_PUSH_MAX ((size_t)1 << 20)	/* bytes of a log in one push; the rest follows in the next */

struct seen {
	UT_hash_handle hh;
	uint64_t hash;
	uint64_t round;
	char id[];
};

struct watch {
	struct control *control;
	struct control_peer *peer;
	int64_t number;
	const struct ctl_verb_desc *verb;
	char *args;
	int64_t every_us;
	mono_t due;
	uint64_t seq, round;
	struct seen *seen;
	bool append_only;		/* a log: a cursor instead of a comparison */
	bool lagged;
	char cursor[80];
	struct diag why;		/* it ended: what its verb answered at last */
};

struct watch *watch_new(struct control *c, struct control_peer *peer, int64_t number,
			const struct ctl_verb_desc *verb, const char *args_json, int64_t every_us)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->control = c;
	w->peer = peer;
	w->number = number;
	w->verb = verb;
	w->args = xstrdup(args_json);
	w->every_us = every_us;
	w->due = INT64_MIN;		/* the snapshot leaves with the next push */
	w->append_only = ctl_noun_is_log(verb->records);
	return w;
}

void watch_free(struct watch *w)
{
	struct seen *s, *tmp;

	HASH_ITER(hh, w->seen, s, tmp) {
		HASH_DEL(w->seen, s);
		free(s);
	}
	free(w->args);
	free(w);
}

mono_t watch_next_due(const struct watch *w)
{
	return w->due;
}

int64_t watch_number(const struct watch *w)
{
	return w->number;
}

static uint64_t hash_bytes(const char *p, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	return h;
}

/* The watched arguments with the page's cursor and size. */
static const char *watch_params(const struct watch *w, const char *cursor, struct arena *arena)
{
	struct json *args = json_parse(arena, w->args, strlen(w->args), &JSON_CAPS_DEFAULT, NULL);
	struct json_writer jw;
	const char *text;
	struct buf b;

	buf_init(&b);
	jw_init(&jw, &b);
	jw_object(&jw);
	for (const struct json *m = args ? args->first : NULL; m != NULL; m = m->next) {
		if (strcmp(m->key, "cursor") == 0 || strcmp(m->key, "limit") == 0)
			continue;
		jw_key(&jw, m->key);
		jw_copy(&jw, m);
	}
	if (w->verb->result == CTL_LIST) {
		for (size_t i = 0; i < w->verb->arg_count; i++)
			if (strcmp(w->verb->args[i].name, "limit") == 0)
				jw_kint(&jw, "limit", PAGE_ITEMS);
		if (cursor != NULL)
			jw_kstr(&jw, "cursor", cursor);
	}
	jw_object_end(&jw);
	text = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* Runs the verb once; the result's tree lives in `arena`, its text too. */
static const struct json *watch_run(struct watch *w, const char *cursor, struct arena *arena)
{
	const char *params = watch_params(w, cursor, arena);
	const struct json_caps caps = { .max_bytes = (size_t)64 << 20, .max_depth = 32 };
	struct json *p = json_parse(arena, params, strlen(params), &JSON_CAPS_DEFAULT, NULL);
	struct json *result = NULL;
	struct ctl_call call = { 0 };
	struct buf out;
	int ret;

	buf_init(&out);
	call.out = &out;
	ret = control_run(w->control, w->peer, w->verb, p, &call);
	if (ret == 0)
		result = json_parse(arena, arena_strndup(arena, out.data, out.len), out.len, &caps, &w->why);
	else if (ret == CTL_LATER)
		diag_set(&w->why, -LMS_EUSAGE, "%s: cannot be watched with these arguments", w->verb->method);
	else
		diag_set(&w->why, ret, "%s", call.diag.text);
	buf_fini(&out);
	return result;
}

/* A record's identity is its first member, as text. True when the record is new or differs. */
static bool watch_note(struct watch *w, const struct json *rec)
{
	const char *id = rec->first && rec->first->text ? rec->first->text : "";
	uint64_t hash = hash_bytes(rec->raw, rec->raw_len);
	size_t len = strlen(id);
	struct seen *s;
	bool differs;

	if (w->append_only)
		return true;
	HASH_FIND(hh, w->seen, id, len, s);
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s) + len + 1);
		memcpy(s->id, id, len);
		HASH_ADD_KEYPTR(hh, w->seen, s->id, len, s);
		s->hash = ~hash;
	}
	differs = s->hash != hash;
	s->hash = hash;
	s->round = w->round;
	return differs;
}

static void watch_write_gone(struct watch *w, struct json_writer *jw)
{
	struct seen *s, *tmp;

	jw_key(jw, "gone");
	jw_array(jw);
	if (!w->append_only) {
		HASH_ITER(hh, w->seen, s, tmp) {
			if (s->round == w->round)
				continue;
			jw_str(jw, s->id);
			HASH_DEL(w->seen, s);
			free(s);
		}
	}
	jw_array_end(jw);
}

/* Collects one round of records; false: the verb failed. */
static bool watch_collect(struct watch *w, struct arena *arena, struct json_writer *jw, size_t *count)
{
	const char *cursor = w->append_only && w->cursor[0] ? w->cursor : NULL;
	const struct json *result, *items;

	do {
		result = watch_run(w, cursor, arena);
		if (result == NULL)
			return false;
		items = json_get(result, "items");
		for (const struct json *r = items ? items->first : result; r != NULL;
		     r = items ? r->next : NULL) {
			if (!watch_note(w, r))
				continue;
			jw_raw(jw, r->raw, r->raw_len);
			(*count)++;
			if (w->append_only)
				snprintf(w->cursor, sizeof(w->cursor), "%s",
					 r->first && r->first->text ? r->first->text : "");
		}
		cursor = items ? json_str(json_get(result, "next"), NULL) : NULL;
		w->lagged |= json_bool(json_get(result, "lagged"), false);
		/* Frames of others may have been passed over. */
		if (w->append_only && json_str(json_get(result, "seen"), NULL) != NULL)
			snprintf(w->cursor, sizeof(w->cursor), "%s", json_str(json_get(result, "seen"), ""));
	} while (cursor != NULL && !(w->append_only && jw->buf->len > LOG_PUSH_MAX));
	return true;
}

/* The last word on a watch whose verb fails now: the object is gone, or the role. */
static void watch_end(struct watch *w)
{
	struct json_writer jw;
	struct buf b;

	buf_init(&b);
	jw_init(&jw, &b);
	jw_object(&jw);
	jw_kstr(&jw, "jsonrpc", "2.0");
	jw_kstr(&jw, "method", "watch");
	jw_key(&jw, "params");
	jw_object(&jw);
	jw_kint(&jw, "watch", w->number);
	jw_kint(&jw, "seq", (int64_t)w->seq);
	jw_key(&jw, "ended");
	jw_object(&jw);
	jw_kint(&jw, "code", lms_err_rpc_code(w->why.err));
	jw_kstr(&jw, "message", w->why.text[0] ? w->why.text : lms_err_text(w->why.err));
	jw_key(&jw, "data");
	jw_object(&jw);
	jw_kstr(&jw, "err", lms_err_name(w->why.err));
	jw_object_end(&jw);
	jw_object_end(&jw);
	jw_object_end(&jw);
	jw_object_end(&jw);
	control_peer_line(w->peer, b.data, b.len);
	buf_fini(&b);
}

bool watch_push(struct watch *w, mono_t now)
{
	struct arena arena;
	struct json_writer jw;
	struct buf b;
	size_t count = 0, before;
	bool ok;

	w->due = now + w->every_us;
	if (control_peer_congested(w->peer))
		return true;
	w->round++;
	arena_init(&arena);
	buf_init(&b);
	jw_init(&jw, &b);
	jw_object(&jw);
	jw_kstr(&jw, "jsonrpc", "2.0");
	jw_kstr(&jw, "method", "watch");
	jw_key(&jw, "params");
	jw_object(&jw);
	jw_kint(&jw, "watch", w->number);
	jw_kint(&jw, "seq", (int64_t)w->seq);
	jw_key(&jw, w->seq == 0 ? "snapshot" : "changed");
	jw_array(&jw);
	ok = watch_collect(w, &arena, &jw, &count);
	jw_array_end(&jw);
	before = b.len;
	watch_write_gone(w, &jw);
	if (b.len > before + strlen(",\"gone\":[]"))
		count++;
	if (w->lagged)
		jw_kbool(&jw, "lagged", true);
	jw_object_end(&jw);
	jw_object_end(&jw);
	if (ok && w->lagged)
		count++;
	w->lagged = false;
	if (ok && (count > 0 || w->seq == 0)) {
		control_peer_line(w->peer, b.data, b.len);
		w->seq++;
	}
	if (!ok)
		watch_end(w);
	buf_fini(&b);
	arena_fini(&arena);
	return ok;
}
