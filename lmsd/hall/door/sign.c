/* hall/door/sign.c - one request, one signature: a millisecond on the loop, so bounded by the minute. */
#include "hall/door/sign.h"

#include <stdio.h>

#include "app.h"
#include "base/err.h"
#include "base/log.h"
#include "crypto/pki.h"
#include "ocpp/control/ctl_cert.h"
#include "site/door/cert_request.h"

#define PROFILE_LEAST 2
#define AGAIN_US      (60 * US_PER_S)

static int sign(struct app *app, struct station *st, mono_t now, wall_t wall, struct diag *diag)
{
	struct buf chain;
	int ret;

	if (st->security.profile < PROFILE_LEAST)
		return diag_set(
		    diag, -LMS_EROLE,
		    "not signed without a person: the station does not show who it is over TLS "
		    "(profile %d)",
		    st->security.profile);
	if (st->security.signed_at != 0 && now - st->security.signed_at < AGAIN_US)
		return diag_set(diag, -LMS_ECONFLICT,
				"not signed: it asked less than a minute ago");
	ret = pki_check_request(st->cert_request->csr, st->id, NULL, 0, diag);
	if (ret < 0)
		return ret;
	st->security.signed_at = now;
	buf_init(&chain);
	ret = pki_sign(st->cert_request->csr, st->id, app->boot.tls_station_ca,
		       app->boot.tls_station_ca_key, &chain, diag);
	if (ret == 0 && !cert_send(app->hall.ocpp, st->id, buf_cstr(&chain), now, wall, &app->fx))
		ret = diag_set(diag, -LMS_EOFFLINE, "signed, but the station is gone");
	buf_fini(&chain);
	return ret;
}

void sign_turn(struct app *app, mono_t now, wall_t wall)
{
	struct site *site = app->hall.site;

	site->cert_asked = false;
	for (struct station *st = site->stations; st != NULL; st = st->hh.next) {
		struct diag diag;

		if (st->cert_request == NULL || !st->cert_request->is_new)
			continue;
		st->cert_request->is_new = false;
		if (!*app->boot.tls_station_ca)
			continue;
		diag_init(&diag);
		if (sign(app, st, now, wall, &diag) == 0) {
			log_station(NOTICE, st->id, "certificate_signed", "by=%s",
				    app->boot.tls_station_ca);
			continue;
		}
		cert_request_note(st, diag.text, diag.err == -LMS_EDATA);
		log_station(WARNING, st->id, "certificate_not_signed", "why=\"%s\"", diag.text);
	}
}
