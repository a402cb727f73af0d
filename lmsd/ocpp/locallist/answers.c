/* ocpp/locallist/answers.c - what a station answers to its list, and what follows. */
#include "ocpp/locallist/sync.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "ocpp/control/ctl_call.h"

#define AGAIN_US (60 * US_PER_S)

static void learn_keys(struct list_sync *l, const struct json *keys, bool *disabled)
{
	for (const struct json *k = keys ? keys->first : NULL; k; k = k->next) {
		const char *key = json_str(json_get(k, "key"), "");
		const struct json *value = json_get(k, "value");
		int64_t n = 0;

		if (strcasecmp(key, "LocalAuthListEnabled") == 0)
			*disabled = strcasecmp(json_str(value, ""), "false") == 0 && !json_bool(json_get(k, "readonly"), false);
		else if (json_fixed(value, 1, &n) != 0 || n < 1)
			continue;
		else if (strcasecmp(key, "LocalAuthListMaxLength") == 0)
			l->max = n;
		else if (strcasecmp(key, "SendLocalListMaxLength") == 0)
			l->portion = n;
	}
}

static void take_version(struct ocpp_session *s, struct station *st, const struct call_result *r, const struct turn *t)
{
	struct list_sync *l = s->list;
	int64_t version = -1;

	if (r->how != CALL_ANSWERED || ocpp_read_int(json_get(r->payload, "listVersion"), &version) != 0 || version < 0) {
		l->none = true;
		log_station(NOTICE, s->id, "local_list_none", "answer=%s", r->how == CALL_ERROR ? log_text(r->code) : "-1");
		return;
	}
	l->asked = true;
	if (version != st->list.version)
		st->list.whole = false;
	l->version = version > st->list.version ? version : st->list.version;
	list_decide(s, st, t);
}

static void reply_word(struct list_sync *l, uint64_t token, const char *word, const char *description, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	if (token == 0)
		return;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "status", word);
	if (description)
		jw_kstr(&w, "description", description);
	jw_object_end(&w);
	fx_reply(t->fx, FX_AFTER_COMMIT, token, b.data, b.len);
	buf_fini(&b);
	if (l)
		l->token = 0;
}

static const char *word_of(const struct call_result *r)
{
	return r->how == CALL_ERROR ? r->code : json_str(json_get(r->payload, "status"), "(no status)");
}

/* A station whose version is another than we think is asked; one that fails is sent everything, a few times. */
static void portion_refused(struct ocpp_session *s, const struct call_result *r, const struct turn *t)
{
	struct station *st = session_station(s);
	struct list_sync *l = s->list;
	const char *word = word_of(r);
	bool by_hand = l->token != 0, full = l->full;

	log_station(NOTICE, s->id, "local_list_refused", "version=%lld update=%s answer=%s", (long long)l->version + 1,
		    full ? "Full" : "Differential", log_text(word));
	list_forget_todo(l);
	if (st->list.whole) {
		st->list.whole = false;
		site_list_store(st, t->fx);
	}
	reply_word(l, l->token, word, r->how == CALL_ERROR ? r->text : NULL, t);
	l->none = strcmp(word, "NotSupported") == 0 || strcmp(word, "NotImplemented") == 0;
	if (by_hand || l->none || ++l->tries >= TRIES)
		return;
	if (strcmp(word, "VersionMismatch") == 0)
		list_ask_version(s, t);
	else if (!full)
		list_decide(s, st, t);
	else
		session_timer(s, TIMER_LIST, t->now + AGAIN_US);
}

static void portion_accepted(struct ocpp_session *s, struct station *st, const struct call *c, const struct turn *t)
{
	struct list_sync *l = s->list;

	l->version = c->version;
	l->messages++;
	if (!l->more) {
		l->tries = 0;
		list_in_step(s, st, t);
		return;
	}
	/* Part of a full list is no list; part of the changes is one that goes as far as before. */
	st->list.version = c->version;
	st->list.whole = !l->full && st->list.whole;
	site_list_store(st, t->fx);
	list_send_portion(s, t);
}

static void empty_done(struct ocpp_session *s, struct station *st, const struct call *c, const struct call_result *r,
		       const struct turn *t)
{
	if (r->how == CALL_ANSWERED && strcmp(word_of(r), "Accepted") == 0) {
		memset(&st->list, 0, sizeof(st->list));
		st->list.version = s->list->version = c->version;
		site_list_store(st, t->fx);
		log_station(INFO, s->id, "local_list_emptied", "version=%lld", (long long)c->version);
		/* It may be wanted again by now. */
		locallist_wake(s, t);
		return;
	}
	log_station(WARNING, s->id, "local_list_stays", "answer=%s remedy=\"whoever is in it may charge while the station is "
		    "offline: lmsctl station config set %s LocalAuthListEnabled false\"", log_text(word_of(r)), s->id);
	if (++s->list->tries < TRIES)
		session_timer(s, TIMER_LIST, t->now + AGAIN_US);
}

static void raw_done(struct ocpp_session *s, struct station *st, const struct call *c, const struct call_result *r,
		     const struct turn *t)
{
	if (r->how == CALL_ANSWERED && st && strcmp(word_of(r), "Accepted") == 0) {
		st->list.version = c->version;
		st->list.whole = st->list.kept = false;
		site_list_store(st, t->fx);
	}
	if (r->how == CALL_ANSWERED || r->how == CALL_ERROR)
		reply_word(NULL, c->token, word_of(r), r->how == CALL_ERROR ? r->text : NULL, t);
	else
		control_reply_failure(s, c, r, t);
}

void locallist_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t)
{
	struct station *st = session_station(s);
	struct list_sync *l = s->list;
	bool disabled = false;

	if (c->step == STEP_RAW) {
		raw_done(s, st, c, r, t);
		return;
	}
	l->busy = false;
	if (!st || (r->how != CALL_ANSWERED && r->how != CALL_ERROR)) {
		if (l->token)
			control_reply_failure(s, c, r, t);
		l->token = 0;
		l->asked = false;
		if (s->link)
			session_timer(s, TIMER_LIST, t->now + AGAIN_US);
		return;
	}
	switch (c->step) {
	case STEP_KEYS:
		learn_keys(l, json_get(r->payload, "configurationKey"), &disabled);
		if (disabled)
			list_enable(s, t);
		else
			list_ask_version(s, t);
		break;
	case STEP_ENABLE:
		if (!ctl_status_is_yes(word_of(r)))
			log_station(NOTICE, s->id, "setting_refused", "key=LocalAuthListEnabled value=true");
		list_ask_version(s, t);
		break;
	case STEP_VERSION:
		take_version(s, st, r, t);
		break;
	case STEP_EMPTY:
		empty_done(s, st, c, r, t);
		break;
	default:
		if (r->how == CALL_ANSWERED && strcmp(word_of(r), "Accepted") == 0)
			portion_accepted(s, st, c, t);
		else
			portion_refused(s, r, t);
		break;
	}
}
