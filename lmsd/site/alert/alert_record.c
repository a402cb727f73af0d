/* site/alert/alert_record.c - alerts and rules as they are stored. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mail_address.h"
#include "base/text.h"
#include "site/alert/alert_parts.h"


#define KEY_MAX 24
#define DELAY_MAX_MS (INT64_C(7) * 86400 * 1000)
#define REPEAT_MIN_MS INT64_C(60000)

static void open_key(uint64_t id, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "o%016llx", (unsigned long long)id);
}

static void put(const struct alert *a, const char *key, struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "id", (int64_t)a->id);
	jw_kstr(&w, "alert", alert_kinds[a->kind].name);
	jw_kint(&w, "level", a->level);
	jw_kstr(&w, "object", a->object);
	jw_kstr(&w, "text", a->text);
	jw_kint(&w, "since", a->since);
	if (a->until != WALL_NONE)
		jw_kint(&w, "until", a->until);
	if (a->acked != WALL_NONE) {
		jw_kint(&w, "acked", a->acked);
		jw_kstr(&w, "acked_by", a->acked_by);
		jw_kstr(&w, "note", a->note);
	}
	jw_kbool(&w, "mail_due", a->mail_due);
	jw_kbool(&w, "mailed", a->mailed);
	jw_object_end(&w);
	fx_put(fx, STORE_ALERT, key, b.data, b.len);
	buf_fini(&b);
}

void alert_store_open(const struct alert *a, struct effects *fx)
{
	char key[KEY_MAX];

	open_key(a->id, key);
	put(a, key, fx);
}

void alert_store_row(const struct alert *ended, struct effects *fx)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "h%03u", (unsigned)(ended->id % ALERT_ROWS));
	put(ended, key, fx);
}

void alert_store_ended(struct site *s, const struct alert *a, struct effects *fx)
{
	struct alert *row = &s->alerts->ended[a->id % ALERT_ROWS];
	char key[KEY_MAX];

	open_key(a->id, key);
	fx_del(fx, STORE_ALERT, key);
	/* One that was open for a thousand others does not push out a newer one. */
	if (row->id > a->id)
		return;
	*row = *a;
	alert_store_row(row, fx);
}

static wall_t read_time(const struct json *obj, const char *key)
{
	int64_t v;

	return json_int(json_get(obj, key), &v) ? WALL_NONE : v;
}

static void read_alert(const struct json *obj, struct alert *a)
{
	snprintf(a->text, sizeof(a->text), "%s", json_str(json_get(obj, "text"), ""));
	a->since = read_time(obj, "since");
	a->until = read_time(obj, "until");
	a->acked = read_time(obj, "acked");
	snprintf(a->acked_by, sizeof(a->acked_by), "%s", json_str(json_get(obj, "acked_by"), ""));
	snprintf(a->note, sizeof(a->note), "%s", json_str(json_get(obj, "note"), ""));
	a->mail_due = json_bool(json_get(obj, "mail_due"), false);
	a->mailed = json_bool(json_get(obj, "mailed"), false);
}

int alert_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, struct diag *diag)
{
	struct site_alerts *l = alerts_of(s);
	struct arena arena;
	struct alert *a;
	const struct json *obj;
	int64_t id = 0, level = LOG_LEVEL_WARNING;
	int kind, ret = 0;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	kind = alert_kind_find(json_str(json_get(obj, "alert"), ""));
	if (json_int(json_get(obj, "id"), &id) || id <= 0 || kind < 0) {
		ret = diag_set(diag, -LMS_EDATA, "is no alert");
		goto out;
	}
	json_int(json_get(obj, "level"), &level);
	if (key[0] == 'o') {
		a = alert_open_new(l, (enum alert_kind)kind, json_str(json_get(obj, "object"), ""));
		a->held_since = a->held_last = a->told_last = now;
	} else {
		a = &l->ended[id % ALERT_ROWS];
		a->kind = (enum alert_kind)kind;
		snprintf(a->object, sizeof(a->object), "%s", json_str(json_get(obj, "object"), ""));
	}
	a->id = (uint64_t)id;
	a->level = (int)level;
	read_alert(obj, a);
	l->mail_due = l->mail_due || a->mail_due;
	if (a->id > l->last)
		l->last = a->id;
out:
	arena_fini(&arena);
	return ret;
}

/* ---- rules ---- */

void alert_rule(const struct site *s, enum alert_kind kind, struct alert_rule *out)
{
	const struct ctl_alert_rule_keys *k = alert_rule_keys(s, kind);

	*out = (struct alert_rule){ .level = alert_kinds[kind].level, .delay_us = alert_kinds[kind].delay_us };
	if (!k)
		return;
	out->off = k->on == 0;
	out->mail = k->mail && *k->mail;
	if (k->delay_ms != NUM_NONE)
		out->delay_us = k->delay_ms * US_PER_MS;
	if (k->repeat_ms != NUM_NONE)
		out->repeat_us = k->repeat_ms * US_PER_MS;
	for (int level = LOG_LEVEL_DEBUG; k->severity && level <= LOG_LEVEL_ERROR; level++)
		if (strcmp(log_level_name(level), k->severity) == 0)
			out->level = level;
}

const struct ctl_alert_rule_keys *alert_rule_keys(const struct site *s, enum alert_kind kind)
{
	return s->alerts ? &s->alerts->rules[kind] : NULL;
}

static int check_rule(const struct ctl_alert_rule_keys *k, struct diag *diag)
{
	if (k->delay_ms != NUM_NONE && (k->delay_ms < 0 || k->delay_ms > DELAY_MAX_MS))
		return diag_set(diag, -LMS_ERANGE, "delay: is out of range (0s to 7d)");
	if (k->repeat_ms != NUM_NONE && k->repeat_ms != 0 && (k->repeat_ms < REPEAT_MIN_MS || k->repeat_ms > DELAY_MAX_MS))
		return diag_set(diag, -LMS_ERANGE, "repeat: is out of range (1m to 7d; 0 is once)");
	return k->mail ? mail_addresses_check(k->mail, diag) : 0;
}

int alert_rule_set(struct site *s, enum alert_kind kind, const struct ctl_alert_rule_keys *given, struct effects *fx,
		   struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_alert_rule];
	struct site_alerts *l = alerts_of(s);
	struct ctl_alert_rule_keys *k = &l->rules[kind];
	struct json_writer w;
	struct buf b;
	int ret = check_rule(given, diag);

	if (ret)
		return ret;
	ctl_keys_overlay(n, k, given, &l->arena);
	k->alert = alert_kinds[kind].name;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	fields_write(n->keys, n->key_count, k, false, &w);
	jw_object_end(&w);
	fx_put(fx, STORE_ALERT_RULE, k->alert, b.data, b.len);
	buf_fini(&b);
	return 0;
}

int alert_rule_load(struct site *s, const char *key, const char *json, size_t len, struct diag *diag)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_alert_rule];
	struct site_alerts *l = alerts_of(s);
	int kind = alert_kind_find(key), ret;
	struct ctl_alert_rule_keys k;
	const struct json *obj;
	struct arena arena;

	if (kind < 0)
		return diag_set(diag, -LMS_EDATA, "is a rule of no alert");
	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	ret = obj ? fields_read(n->keys, n->key_count, obj, false, &arena, &k, NULL, diag) : -LMS_EPARSE;
	if (ret == 0)
		ret = check_rule(&k, diag);
	if (ret == 0)
		fields_copy(n->keys, n->key_count, &l->rules[kind], &k, &l->arena);
	arena_fini(&arena);
	return ret;
}
