/* ocpp/control/ctl_cert.c - CertificateSigned (security whitepaper, A03). */
#include "ocpp/control/ctl_cert.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "site/door/cert_request.h"

static void write(struct call *call, const char *chain)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "certificateChain", chain);
	jw_object_end(&w);
	call_payload(call, &b);
}

int ctl_cert_send(struct ctl_call *c, struct ocpp_session *s, const char *chain)
{
	const struct turn t = {c->now, c->wall, c->fx};
	struct call *call;

	if (queue_full(s))
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"station %s: %d calls wait already (try again)", s->id, QUEUE_MAX);
	call = call_new(CALL_CONTROL, RANK_ORDER, "CertificateSigned");
	call->token = c->token;
	call->style = STYLE_STATION;
	write(call, chain);
	queue_push(s, call, &t);
	return CTL_LATER;
}

bool cert_send(struct ocpp *o, const char *station, const char *chain, mono_t now, wall_t wall,
	       struct effects *fx)
{
	const struct turn t = {now, wall, fx};
	struct ocpp_session *s = session_by_station(o, station);
	struct call *call;

	if (!s || !s->link || queue_full(s))
		return false;
	call = call_new(CALL_CERT, RANK_BACKGROUND, "CertificateSigned");
	/* Behind the answer to its request, which waits until that is on disk. */
	call->when = FX_AFTER_COMMIT;
	write(call, chain);
	queue_push(s, call, &t);
	return true;
}

void cert_done(struct ocpp_session *s, struct call *c, const struct call_result *r,
	       const struct turn *t)
{
	const char *status = json_str(json_get(r->payload, "status"), "");
	struct station *st = session_station(s);

	(void)c;
	if (!st)
		return;
	if (r->how == CALL_ANSWERED && strcmp(status, "Accepted") == 0) {
		log_station(NOTICE, s->id, "certificate_accepted",
			    "it connects with it from now on");
		cert_request_drop(st, t->fx);
		return;
	}
	if (r->how == CALL_ANSWERED || r->how == CALL_ERROR)
		cert_request_note(st, "the station refused the certificate", true);
	else
		cert_request_note(st, "the station did not answer", false);
	log_station(WARNING, s->id, "certificate_not_taken", "%s",
		    st->cert_request ? st->cert_request->note : "");
}
