/* ocpp/inbound/inbound_security.c - SecurityEventNotification and SignCertificate (security
 * whitepaper). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ocpp/inbound/inbound.h"
#include "site/door/cert_request.h"
#include "site/door/security_log.h"

/* Always acknowledged, whatever is in it: a station that is not heard repeats it for ever. */
void inbound_security_event(struct inbound *in)
{
	struct security_event e = {.received = in->t->wall};

	inbound_copy_field(e.type, sizeof(e.type), in->p, "type");
	inbound_copy_field(e.tech, sizeof(e.tech), in->p, "techInfo");
	e.time = inbound_time(in, json_get(in->p, "timestamp"));
	if (e.time == WALL_NONE)
		e.time = in->t->wall;
	snprintf(e.station, sizeof(e.station), "%s", in->s->id);
	/* Strangers could push out what matters. */
	if (in->st->conf >= 0) {
		security_log_add(in->s->o->site, &e, in->t->fx);
		in->when = FX_AFTER_COMMIT;
	} else {
		log_station(NOTICE, in->s->id, "security_event",
			    "type=%s info=\"%s\" of a station that is not registered",
			    log_text(e.type), log_text(e.tech));
	}
	jw_object(&in->w);
	jw_object_end(&in->w);
}

static bool looks_like_request(const char *csr)
{
	return csr && (strstr(csr, "-----BEGIN CERTIFICATE REQUEST-----") ||
		       strstr(csr, "-----BEGIN NEW CERTIFICATE REQUEST-----"));
}

/* Accepted means that it will be looked at; the certificate comes later by CertificateSigned. */
void inbound_sign_certificate(struct inbound *in)
{
	const char *csr = json_str(json_get(in->p, "csr"), NULL);
	bool taken = in->st->conf >= 0 && looks_like_request(csr);

	if (taken) {
		cert_request_set(in->s->o->site, in->st, csr, in->t->wall, in->t->fx);
		in->when = FX_AFTER_COMMIT;
		log_station(NOTICE, in->s->id, "certificate_requested",
			    "remedy=\"lmsctl station cert requests, then lmsctl "
			    "station cert sign %s @CHAIN\"",
			    in->s->id);
	} else {
		log_station(NOTICE, in->s->id, "certificate_request_refused", "why=%s",
			    in->st->conf < 0 ? "the station is not registered"
					     : "it is no PEM certificate request");
	}
	jw_object(&in->w);
	jw_kstr(&in->w, "status", taken ? "Accepted" : "Rejected");
	jw_object_end(&in->w);
}
