/* site/mail/mail.c - the queue; see mail.h. */
#include "site/mail/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "site/mail/mail_parts.h"

#define KEY_MAX 20

/* ---- the queue ---- */

struct mails *mails_of(struct site *s)
{
	if (!s->mails)
		s->mails = xcalloc(1, sizeof(*s->mails));
	return s->mails;
}

static void key_of(const struct mail *m, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "%016llx", (unsigned long long)m->id);
}

static void store(const struct mail *m, struct effects *fx)
{
	struct json_writer w;
	char key[KEY_MAX];
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "id", (int64_t)m->id);
	jw_kstr(&w, "to", m->to);
	jw_kstr(&w, "subject", m->subject);
	jw_kstr(&w, "body", m->body);
	jw_kint(&w, "created", m->created);
	jw_kint(&w, "tries", m->tries);
	jw_kbool(&w, "refused", m->refused);
	if (*m->why)
		jw_kstr(&w, "why", m->why);
	jw_object_end(&w);
	key_of(m, key);
	fx_put(fx, STORE_MAIL, key, b.data, b.len);
	buf_fini(&b);
}

static void insert(struct mails *q, struct mail *m)
{
	struct mail **at = &q->first;

	while (*at && (*at)->id < m->id)
		at = &(*at)->next;
	m->next = *at;
	*at = m;
	q->count++;
	if (m->id > q->last)
		q->last = m->id;
}

static void discard(struct mails *q, struct mail *m)
{
	struct mail **at = &q->first;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	q->count--;
	free(m->body);
	free(m);
}

/* Room for a new one: what the server will never take goes first. */
static bool make_room(struct site *s, struct effects *fx)
{
	struct mails *q = mails_of(s);

	for (struct mail *m = q->first; m && q->count >= MAIL_QUEUE_MAX; m = m->next) {
		if (!m->refused)
			continue;
		mail_delete(s, m, fx);
		return true;
	}
	return q->count < MAIL_QUEUE_MAX;
}

struct mail *mail_new(struct site *s, const char *to, const char *subject, char *body, mono_t now, wall_t wall,
		      struct effects *fx)
{
	struct mails *q = mails_of(s);
	struct mail *m;

	if (!make_room(s, fx)) {
		log_lmsd(WARNING, "mail_lost", "to=%s: %d mails wait already (lmsctl mail list)", log_text(to), MAIL_QUEUE_MAX);
		free(body);
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->id = q->last + 1;
	snprintf(m->to, sizeof(m->to), "%s", to);
	snprintf(m->subject, sizeof(m->subject), "%s", subject);
	m->body = body;
	m->created = wall;
	m->due = now;
	insert(q, m);
	store(m, fx);
	return m;
}

struct mail *mail_find(const struct site *s, uint64_t id)
{
	struct mail *m = s->mails ? s->mails->first : NULL;

	while (m && m->id != id)
		m = m->next;
	return m;
}

const struct mail *mail_next(const struct site *s, uint64_t after)
{
	const struct mail *m = s->mails ? s->mails->first : NULL;

	while (m && m->id <= after)
		m = m->next;
	return m;
}

uint64_t mail_last(const struct site *s)
{
	return s->mails ? s->mails->last : 0;
}

struct mail *mail_to_send(const struct site *s, mono_t now)
{
	struct mail *m = s->mails ? s->mails->first : NULL;

	while (m && (m->refused || m->sending || m->due > now))
		m = m->next;
	return m;
}

mono_t mail_due(const struct site *s)
{
	mono_t due = MONO_NEVER;

	for (const struct mail *m = s->mails ? s->mails->first : NULL; m; m = m->next)
		if (!m->refused && !m->sending && m->due < due)
			due = m->due;
	return due;
}

void mail_delete(struct site *s, struct mail *m, struct effects *fx)
{
	char key[KEY_MAX];

	key_of(m, key);
	fx_del(fx, STORE_MAIL, key);
	discard(s->mails, m);
}

static mono_t retry_after(int tries)
{
	mono_t wait = MAIL_RETRY_US;

	while (--tries > 0 && wait < MAIL_RETRY_MAX_US)
		wait *= 2;
	return wait < MAIL_RETRY_MAX_US ? wait : MAIL_RETRY_MAX_US;
}

void mail_done(struct site *s, struct mail *m, enum mail_end end, const char *why, mono_t now, wall_t wall,
	       struct effects *fx)
{
	m->sending = false;
	if (end == MAIL_SENT) {
		log_lmsd(INFO, "mail_sent", "mail=%llu to=%s", (unsigned long long)m->id, log_text(m->to));
		mail_delete(s, m, fx);
		return;
	}
	m->tries++;
	snprintf(m->why, sizeof(m->why), "%s", why);
	m->due = now + retry_after(m->tries);
	m->refused = end == MAIL_REFUSED || wall - m->created > MAIL_KEEP_US;
	if (m->refused || m->tries == 1)
		log_event(LOG_LEVEL_WARNING, "lmsd", "", m->refused ? "mail_refused" : "mail_waits",
			  "mail=%llu to=%s why=%s", (unsigned long long)m->id, log_text(m->to), log_text(why));
	store(m, fx);
}

int mail_load(struct site *s, const char *json, size_t len, mono_t now, struct diag *diag)
{
	const struct json *obj;
	struct arena arena;
	int64_t id = 0, tries = 0;
	struct mail *m;
	int ret = 0;

	arena_init(&arena);
	obj = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	if (json_int(json_get(obj, "id"), &id) || id <= 0 || mail_addresses_check(json_str(json_get(obj, "to"), "-"), NULL)) {
		ret = diag_set(diag, -LMS_EDATA, "is no mail");
		goto out;
	}
	m = xcalloc(1, sizeof(*m));
	m->id = (uint64_t)id;
	snprintf(m->to, sizeof(m->to), "%s", json_str(json_get(obj, "to"), ""));
	snprintf(m->subject, sizeof(m->subject), "%s", json_str(json_get(obj, "subject"), ""));
	snprintf(m->why, sizeof(m->why), "%s", json_str(json_get(obj, "why"), ""));
	m->body = xstrdup(json_str(json_get(obj, "body"), ""));
	if (json_int(json_get(obj, "created"), &m->created))
		m->created = 0;
	json_int(json_get(obj, "tries"), &tries);
	m->tries = tries > 0 && tries < 10000 ? (int)tries : 0;
	m->refused = json_bool(json_get(obj, "refused"), false);
	m->due = now;
	insert(mails_of(s), m);
out:
	arena_fini(&arena);
	return ret;
}

void mail_free(struct site *s)
{
	if (!s->mails)
		return;
	while (s->mails->first)
		discard(s->mails, s->mails->first);
	free(s->mails);
	s->mails = NULL;
}
