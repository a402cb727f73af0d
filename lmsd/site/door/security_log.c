/* site/door/security_log.c - two rings in memory, and the same two stored. */
#include "site/door/security_log.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

struct security_log {
	uint64_t last;      /* seq of the newest, 0 = none yet */
	size_t next[2];     /* slot that each ring overwrites next */
	uint64_t newest[2]; /* seq of each ring's newest */
	struct security_event rows[2][SECURITY_LOG_ROWS];
};

static const struct kind {
	const char *type, *text;
	bool critical;
	enum log_level level;
} kinds[] = {
#define SECURITY_EVENT(type, critical, level, text) {#type, text, critical, LOG_LEVEL_##level},
#include "site/door/security_event.def"
#undef SECURITY_EVENT
};

static const struct kind *kind_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

const char *security_event_text(const char *type)
{
	const struct kind *k = kind_of(type);

	return k ? k->text : NULL;
}

static struct security_log *log_of(struct site *s)
{
	if (!s->security_log)
		s->security_log = xcalloc(1, sizeof(*s->security_log));
	return s->security_log;
}

static void store(const struct security_event *e, size_t slot, struct effects *fx)
{
	struct json_writer w;
	struct buf b;
	char key[24];

	snprintf(key, sizeof(key), "%c%03zu", e->critical ? 'c' : 'n', slot);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "seq", (int64_t)e->seq);
	jw_kint(&w, "time", e->time);
	jw_kint(&w, "received", e->received);
	jw_kstr(&w, "station", e->station);
	jw_kstr(&w, "type", e->type);
	if (*e->tech)
		jw_kstr(&w, "tech", e->tech);
	jw_kbool(&w, "critical", e->critical);
	jw_object_end(&w);
	fx_put(fx, STORE_SECURITY_EVENT, key, b.data, b.len);
	buf_fini(&b);
}

void security_log_add(struct site *s, struct security_event *e, struct effects *fx)
{
	struct security_log *l = log_of(s);
	const struct kind *k = kind_of(e->type);
	size_t slot;

	e->critical = k && k->critical;
	e->seq = ++l->last;
	slot = l->next[e->critical];
	l->next[e->critical] = (slot + 1) % SECURITY_LOG_ROWS;
	l->rows[e->critical][slot] = *e;
	store(e, slot, fx);
	log_event(k ? k->level : LOG_LEVEL_NOTICE, "station", e->station, "security_event",
		  "type=%s critical=%s info=\"%s\" %s", log_text(e->type),
		  e->critical ? "yes" : "no", log_text(e->tech),
		  k ? k->text : "of its vendor's own");
}

const struct security_event *security_log_next(const struct site *s, uint64_t after)
{
	const struct security_event *found = NULL;

	for (int ring = 0; s->security_log && ring < 2; ring++) {
		for (size_t i = 0; i < SECURITY_LOG_ROWS; i++) {
			const struct security_event *e = &s->security_log->rows[ring][i];

			if (e->seq > after && (!found || e->seq < found->seq))
				found = e;
		}
	}
	return found;
}

static void take(char *out, size_t size, const struct json *obj, const char *key)
{
	snprintf(out, size, "%s", json_str(json_get(obj, key), ""));
}

int security_log_load(struct site *s, const char *key, const char *json, size_t len,
		      struct diag *diag)
{
	struct security_log *l = log_of(s);
	struct security_event e = {0};
	const struct json *obj;
	struct arena arena;
	int64_t seq = 0, slot;
	int ret = 0;

	if (parse_int(*key ? key + 1 : key, 0, SECURITY_LOG_ROWS - 1, &slot, diag))
		return diag_set(diag, -LMS_EDATA, "%.10s: is no row of the log", key);

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	if (!obj || json_int(json_get(obj, "seq"), &seq) || seq < 1) {
		ret = obj ? diag_set(diag, -LMS_EDATA, "seq: is missing") : -LMS_EPARSE;
		goto out;
	}
	e.seq = (uint64_t)seq;
	e.time = e.received = WALL_NONE;
	json_int(json_get(obj, "time"), &e.time);
	json_int(json_get(obj, "received"), &e.received);
	take(e.station, sizeof(e.station), obj, "station");
	take(e.type, sizeof(e.type), obj, "type");
	take(e.tech, sizeof(e.tech), obj, "tech");
	e.critical = json_bool(json_get(obj, "critical"), false);
	l->rows[e.critical][slot] = e;
	/* Keys are in the order of slots: the ring goes on behind its newest row. */
	if (e.seq > l->newest[e.critical]) {
		l->newest[e.critical] = e.seq;
		l->next[e.critical] = (size_t)(slot + 1) % SECURITY_LOG_ROWS;
	}
	if (e.seq > l->last)
		l->last = e.seq;
out:
	arena_fini(&arena);
	return ret;
}
