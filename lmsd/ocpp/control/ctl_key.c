/* ocpp/control/ctl_key.c - AuthorizationKey by ChangeConfiguration (security whitepaper, A02). */
#include "ocpp/control/ctl_key.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"

int ctl_key_send(struct ctl_call *c, struct ocpp_session *s, const char *hex, uint32_t id)
{
	const struct turn t = {c->now, c->wall, c->fx};
	struct json_writer w;
	struct call *call;
	struct buf b;

	if (queue_full(s))
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"station %s: %d calls wait already (try again)", s->id, QUEUE_MAX);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "key", "AuthorizationKey");
	jw_kstr(&w, "value", hex);
	jw_object_end(&w);
	call = call_new(CALL_CONTROL, RANK_ORDER, "ChangeConfiguration");
	call->token = c->token;
	call->style = STYLE_STATION;
	call->when = FX_AFTER_COMMIT;
	call->key_id = id;
	call_payload(call, &b);
	queue_push(s, call, &t);
	return CTL_LATER;
}

static bool surely_not_taken(const struct call_result *r)
{
	const char *status = json_str(json_get(r->payload, "status"), "");

	switch (r->how) {
	case CALL_ANSWERED:
		return strcmp(status, "Rejected") == 0 || strcmp(status, "NotSupported") == 0;
	case CALL_ERROR:
	case CALL_UNSENT:
		return true;
	case CALL_TIMED_OUT:
	case CALL_LOST:
		break;
	}
	return false;
}

void ctl_key_done(const struct ocpp_session *s, const struct call *c, const struct call_result *r,
		  const struct turn *t)
{
	struct station *st = session_station(s);

	if (!st)
		return;
	if (surely_not_taken(r)) {
		security_key_withdraw(st, c->key_id, t->fx);
		log_station(WARNING, s->id, "key_refused", "the key before stays");
	} else if (r->how == CALL_ANSWERED) {
		log_station(NOTICE, s->id, "key_sent",
			    "the key before opens too until the station has come with the new one");
	} else {
		log_station(WARNING, s->id, "key_unanswered",
			    "both keys open until the station has come with one (lmsctl station "
			    "restart %s)",
			    s->id);
	}
}
