/* ocpp/limit/verdict.c - see verdict.h. */
#include "ocpp/limit/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "site/edit.h"

#define SETTLE_MS     5000		/* what is assumed of every station */

void proof_say(struct station *st, const char *text)
{
	size_t len = strlen(st->test_text);

	snprintf(st->test_text + len, sizeof(st->test_text) - len, "%s%s", len ? "; " : "", text);
}

void proof_set_cap(struct ocpp_session *s, struct station *st, int64_t ma)
{
	struct connector *conn = site_connector(st, s->proof->connector);

	if (!conn || conn->proof_ma == ma)
		return;
	conn->proof_ma = ma;
	conn->proof_changed = true;
	site_touch(s->o->site, conn);
}

static void give_key(struct ctl_station_keys *k, const char *name)
{
	const struct ctl_noun_desc *n = &ctl_nouns[CTL_NOUN_station];
	const struct field *f = field_find(n->keys, n->key_count, name, NULL);

	k->given |= UINT64_C(1) << (f - n->keys);
}

/* The ordinary way into the configuration, with all of its checks. */
static int write_down(struct ocpp_session *s, bool proven, int64_t settle_ms, const struct turn *t, struct diag *d)
{
	struct site_edit *e = site_edit_new(s->o->site);
	struct ctl_station_keys k = { .id = s->id, .proven = proven };
	int ret;

	give_key(&k, "id");
	give_key(&k, "proven");
	if (settle_ms > SETTLE_MS) {
		k.settle_ms = settle_ms;
		give_key(&k, "settle_ms");
	}
	site_edit_station(e, &k, SITE_CHANGE);
	site_edit_at(e, t->wall, NULL);
	ret = site_edit_commit(e, t->fx, false, NULL, NULL, t->fx->arena, d);
	site_edit_free(e);
	return ret;
}

static void reply_status(uint64_t token, const char *status, const char *text, const struct turn *t)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "status", status);
	jw_kstr(&w, "test", text);
	jw_object_end(&w);
	fx_reply(t->fx, FX_AFTER_COMMIT, token, b.data, b.len);
	buf_fini(&b);
}

void proof_reply_end(const struct ocpp_session *s, const struct station *st, uint64_t token, const struct turn *t)
{
	char text[sizeof(st->test_text) + 100];

	if (strcmp(st->test, "passed") == 0) {
		reply_status(token, "Accepted", st->test_text, t);
		return;
	}
	snprintf(text, sizeof(text), "station %s did not pass: %s", s->id, st->test_text);
	fx_reply_error(t->fx, token, -LMS_EREFUSED, text);
}

void proof_reply_so_far(struct ocpp_session *s, const struct station *st, const struct turn *t)
{
	char text[sizeof(st->test_text) + sizeof(st->test_doing) + 20];

	if (!s->proof->token || t->now < s->proof->reply_by)
		return;
	snprintf(text, sizeof(text), "%s%s%s", st->test_text, *st->test_text ? "; now: " : "", st->test_doing);
	reply_status(s->proof->token, "Running", text, t);
	s->proof->token = 0;
}

enum proof_state proof_finish(struct ocpp_session *s, struct station *st, bool passed, const char *text,
			      const struct turn *t)
{
	struct diag d;

	diag_init(&d);
	proof_say(st, text);
	if (passed && write_down(s, true, s->proof->settle_ms, t, &d)) {
		proof_say(st, d.text);
		passed = false;
	}
	proof_set_cap(s, st, 0);
	s->timer[TIMER_PROOF] = MONO_NEVER;
	snprintf(st->test, sizeof(st->test), "%s", passed ? "passed" : "failed");
	log_station(NOTICE, s->id, passed ? "test_passed" : "test_failed", "why=%s", log_text(st->test_text));
	if (s->proof->token)
		proof_reply_end(s, st, s->proof->token, t);
	s->proof->token = 0;
	return passed ? PROOF_PASSED : PROOF_FAILED;
}

void proof_expire(struct ocpp_session *s, const struct station *st, const char *why, const struct turn *t)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	struct diag d;

	diag_init(&d);
	if (!sc || !sc->proven)
		return;
	if (write_down(s, false, NUM_NONE, t, &d))
		log_station(ERROR, s->id, "proof_stays", "why=\"%s\" error=\"%s\" remedy=\"lmsctl station set %s proven=no\"",
			    log_text(why), log_text(d.text), s->id);
	else
		log_station(WARNING, s->id, "proof_expired", "why=\"%s\" remedy=\"lmsctl station test %s\"", log_text(why), s->id);
}
