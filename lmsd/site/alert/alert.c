/* site/alert/alert.c - see alert.h. Open alerts are records by their number, ended ones a stored ring. */
#include "site/alert/alert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "site/alert/alert_parts.h"

const struct alert_kind_info alert_kinds[ALERT_KINDS] = {
#define ALERT(id, name, subject, severity, delay_s, text) \
	[ALERT_##id] = { name, subject, LOG_LEVEL_##severity, (delay_s) * US_PER_S, text },
#include "site/alert/alert.def"
};

int alert_kind_find(const char *name)
{
	for (int i = 0; i < ALERT_KINDS; i++)
		if (strcmp(alert_kinds[i].name, name) == 0)
			return i;
	return -1;
}

struct site_alerts *alerts_of(struct site *s)
{
	if (!s->alerts) {
		s->alerts = xcalloc(1, sizeof(*s->alerts));
		s->alerts->began = MONO_NEVER;
		arena_init(&s->alerts->arena);
		for (int i = 0; i < ALERT_KINDS; i++)
			ctl_keys_clear(&ctl_nouns[CTL_NOUN_alert_rule], &s->alerts->rules[i]);
	}
	return s->alerts;
}

/* ---- telling ---- */

static void tell(struct alert *a, const char *event, mono_t now)
{
	const struct alert_kind_info *k = &alert_kinds[a->kind];

	a->told_last = now;
	log_event((enum log_level)a->level, k->subject, a->object, event, "alert=%s id=%llu %s", k->name,
		  (unsigned long long)a->id, a->text);
}

static void is_over(struct site *s, struct alert *a, wall_t wall, struct effects *fx)
{
	const struct alert_kind_info *k = &alert_kinds[a->kind];

	HASH_DEL(s->alerts->open, a);
	if (a->id) {
		a->until = wall > a->since ? wall : a->since;
		a->mail_due = a->mail_due || a->mailed;
		s->alerts->mail_due = s->alerts->mail_due || a->mail_due;
		alert_store_ended(s, a, fx);
		log_event(LOG_LEVEL_NOTICE, k->subject, a->object, "alert_over", "alert=%s id=%llu", k->name,
			  (unsigned long long)a->id);
	}
	free(a);
}

/* ---- going over the site ---- */

void alert_sweep_begin(struct site *s)
{
	alerts_of(s)->sweep++;
}

static struct alert *find_open(struct site_alerts *l, enum alert_kind kind, const char *object)
{
	char key[ALERT_OBJECT_MAX + 8];
	struct alert *a;

	snprintf(key, sizeof(key), "%d %s", (int)kind, object);
	HASH_FIND_STR(l->open, key, a);
	return a;
}

struct alert *alert_open_new(struct site_alerts *l, enum alert_kind kind, const char *object)
{
	struct alert *a = xcalloc(1, sizeof(*a));

	a->kind = kind;
	a->until = a->acked = WALL_NONE;
	snprintf(a->object, sizeof(a->object), "%s", object);
	snprintf(a->key, sizeof(a->key), "%d %s", (int)kind, a->object);
	HASH_ADD_STR(l->open, key, a);
	return a;
}

void alert_holds(struct site *s, enum alert_kind kind, const char *object, mono_t now, wall_t wall, const char *fmt, ...)
{
	struct site_alerts *l = alerts_of(s);
	struct alert *a = find_open(l, kind, object);
	va_list args;

	if (!a) {
		a = alert_open_new(l, kind, object);
		a->held_since = now;
		a->since = wall;
	}
	va_start(args, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, args);
	va_end(args);
	a->held_last = now;
	a->sweep = l->sweep;
}

/* What is found for the first time may have to wait, what is away may come back. */
static void look_at(struct site *s, struct alert *a, mono_t now, wall_t wall, struct effects *fx)
{
	struct site_alerts *l = s->alerts;
	struct alert_rule rule;

	alert_rule(s, a->kind, &rule);
	if (rule.off) {
		is_over(s, a, wall, fx);
		return;
	}
	if (a->sweep != l->sweep) {
		if (!a->id || (now - a->held_last >= ALERT_SETTLE_US && now - l->began >= ALERT_GRACE_US))
			is_over(s, a, wall, fx);
		return;
	}
	if (!a->id && now - a->held_since >= rule.delay_us) {
		a->id = ++l->last;
		a->level = rule.level;
		a->mail_due = rule.mail;
		l->mail_due = l->mail_due || rule.mail;
		alert_store_open(a, fx);
		tell(a, "alert", now);
	} else if (a->id && a->acked == WALL_NONE && rule.repeat_us && now - a->told_last >= rule.repeat_us) {
		tell(a, "alert_repeated", now);
		a->mail_due = a->mail_due || rule.mail;
		l->mail_due = l->mail_due || rule.mail;
	}
}

void alert_sweep_end(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	struct site_alerts *l = alerts_of(s);
	struct alert *a, *tmp;

	if (l->began == MONO_NEVER)
		l->began = now;
	HASH_ITER(hh, l->open, a, tmp)
		look_at(s, a, now, wall, fx);
}

/* ---- looking and acknowledging ---- */

size_t alert_open_count(const struct site *s)
{
	size_t count = 0;

	for (const struct alert *a = s->alerts ? s->alerts->open : NULL; a; a = a->hh.next)
		count += a->id && a->acked == WALL_NONE;
	return count;
}

const struct alert *alert_next(const struct site *s, uint64_t after, bool all)
{
	const struct site_alerts *l = s->alerts;
	const struct alert *found = NULL;

	if (!l)
		return NULL;
	for (const struct alert *a = l->open; a; a = a->hh.next)
		if (a->id > after && (!found || a->id < found->id))
			found = a;
	for (size_t i = 0; all && i < ALERT_ROWS; i++)
		if (l->ended[i].id > after && (!found || l->ended[i].id < found->id))
			found = &l->ended[i];
	return found;
}

size_t alert_count(const struct site *s)
{
	return s->alerts ? HASH_COUNT(s->alerts->open) + ALERT_ROWS : 0;
}

const struct alert *alert_each(const struct site *s, const struct alert *after)
{
	const struct site_alerts *l = s->alerts;
	const struct alert *a;

	if (!l)
		return NULL;
	if (after >= l->ended && after < l->ended + ALERT_ROWS)
		a = after + 1;
	else if (after ? after->hh.next : l->open)
		return after ? after->hh.next : l->open;
	else
		a = l->ended;
	while (a < l->ended + ALERT_ROWS && a->id == 0)
		a++;
	return a < l->ended + ALERT_ROWS ? a : NULL;
}

bool alert_mail_is_due(const struct site *s)
{
	return s->alerts && s->alerts->mail_due;
}

void alert_mailed(struct site *s, struct effects *fx)
{
	struct site_alerts *l = s->alerts;

	for (struct alert *a = l->open; a; a = a->hh.next) {
		if (!a->mail_due)
			continue;
		a->mail_due = false;
		a->mailed = true;
		alert_store_open(a, fx);
	}
	for (size_t i = 0; i < ALERT_ROWS; i++) {
		if (!l->ended[i].mail_due)
			continue;
		l->ended[i].mail_due = false;
		alert_store_row(&l->ended[i], fx);
	}
	l->mail_due = false;
}

const struct alert *alert_find(const struct site *s, uint64_t id)
{
	const struct alert *a = id ? alert_next(s, id - 1, true) : NULL;

	return a && a->id == id ? a : NULL;
}

int alert_ack(struct site *s, uint64_t id, const char *by, const char *note, wall_t wall, struct effects *fx,
	      struct diag *diag)
{
	const struct alert *found = alert_find(s, id);
	struct alert *a;

	if (!found)
		return diag_set(diag, -LMS_ENOTFOUND, "alert %llu: does not exist (lmsctl alert list)", (unsigned long long)id);
	if (found->until != WALL_NONE)
		return diag_set(diag, -LMS_ECONFLICT, "alert %llu: is over (lmsctl alert list shows those that are not)",
				(unsigned long long)id);
	a = find_open(s->alerts, found->kind, found->object);
	a->acked = wall;
	snprintf(a->acked_by, sizeof(a->acked_by), "%s", by);
	snprintf(a->note, sizeof(a->note), "%s", note ? note : "");
	alert_store_open(a, fx);
	return 0;
}

void alert_free(struct site *s)
{
	struct alert *a, *tmp;

	if (!s->alerts)
		return;
	HASH_ITER(hh, s->alerts->open, a, tmp) {
		HASH_DEL(s->alerts->open, a);
		free(a);
	}
	arena_fini(&s->alerts->arena);
	free(s->alerts);
	s->alerts = NULL;
}
