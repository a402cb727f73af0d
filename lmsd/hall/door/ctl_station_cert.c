/* hall/door/ctl_station_cert.c - station cert install, list, delete, requests, sign (security
 * whitepaper). */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "crypto/pki.h"
#include "ocpp/control/ctl_cert.h"
#include "site/door/cert_request.h"

static const char *or_root(const char *type)
{
	return type != NULL ? type : "CentralSystemRootCertificate";
}

int ctl_station_cert_install(struct ctl_call *c, const struct ctl_station_cert_install_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = pki_check_root(a->certificate, c->wall, &c->diag);

	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_kstr(&w, "certificateType", or_root(a->type));
	jw_kstr(&w, "certificate", a->certificate);
	jw_object_end(&w);
	return ctl_call_send(c, s, "InstallCertificate", &b, STYLE_STATION);
}

int ctl_station_cert_list(struct ctl_call *c, const struct ctl_station_cert_list_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	if (ret)
		return ret;
	jw_kstr(&w, "certificateType", or_root(a->type));
	jw_object_end(&w);
	return ctl_call_send(c, s, "GetInstalledCertificateIds", &b, STYLE_STATION);
}

static int hash_given(struct ctl_call *c, const struct ctl_station_cert_delete_args *a,
		      struct pki_hash *h)
{
	if (a->certificate != NULL)
		return pki_hash_of(a->certificate, a->hash != NULL ? a->hash : "SHA256", h,
				   &c->diag);
	if (a->issuer_name_hash == NULL || a->issuer_key_hash == NULL || a->serial == NULL)
		return diag_set(
		    &c->diag, -LMS_EUSAGE,
		    "certificate: give it as @FILE, or issuer_name_hash, issuer_key_hash and "
		    "serial as station cert list %s shows them",
		    a->id);
	if (strlen(a->issuer_name_hash) >= sizeof(h->issuer_name) ||
	    strlen(a->issuer_key_hash) >= sizeof(h->issuer_key) ||
	    strlen(a->serial) >= sizeof(h->serial))
		return diag_set(&c->diag, -LMS_ERANGE,
				"serial: at most 40 characters; hashes: at most 128");
	snprintf(h->algorithm, sizeof(h->algorithm), "%s", a->hash != NULL ? a->hash : "SHA256");
	snprintf(h->issuer_name, sizeof(h->issuer_name), "%s", a->issuer_name_hash);
	snprintf(h->issuer_key, sizeof(h->issuer_key), "%s", a->issuer_key_hash);
	snprintf(h->serial, sizeof(h->serial), "%s", a->serial);
	return 0;
}

int ctl_station_cert_delete(struct ctl_call *c, const struct ctl_station_cert_delete_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct pki_hash h;
	struct buf b;
	int ret = hash_given(c, a, &h);

	if (ret == 0)
		ret = ctl_call_begin(c, a->id, &s, &b, &w);
	if (ret)
		return ret;
	jw_key(&w, "certificateHashData");
	jw_object(&w);
	jw_kstr(&w, "hashAlgorithm", h.algorithm);
	jw_kstr(&w, "issuerNameHash", h.issuer_name);
	jw_kstr(&w, "issuerKeyHash", h.issuer_key);
	jw_kstr(&w, "serialNumber", h.serial);
	jw_object_end(&w);
	jw_object_end(&w);
	return ctl_call_send(c, s, "DeleteCertificate", &b, STYLE_STATION);
}

/* ---- requests ---- */

int ctl_station_cert_requests(struct ctl_call *c, const struct ctl_station_cert_requests_args *a)
{
	const struct site *site = c->hall->site;

	ctl_answer_list(c);
	for (size_t i = 0; i < site->conf->station_count; i++) {
		const char *id = site->conf->stations[i].k.id;
		const struct station *st = site_station(c->hall->site, id);
		const struct cert_request *r = st != NULL ? st->cert_request : NULL;
		struct ctl_cert_request rec;
		struct diag diag;
		char about[120];

		if (r == NULL || (a->id != NULL && strcmp(a->id, id) != 0))
			continue;
		diag_init(&diag);
		ctl_record_clear(&ctl_nouns[CTL_NOUN_cert_request], &rec);
		rec.station = id;
		rec.time = r->asked;
		pki_check_request(r->csr, id, about, sizeof(about), &diag);
		rec.subject = about;
		rec.trouble = diag_failed(&diag) ? diag.text : NULL;
		rec.note = *r->note ? r->note : NULL;
		rec.profile = st->link ? st->security.profile : NUM_NONE;
		rec.csr = r->csr;
		ctl_answer_item(c, &rec);
	}
	return ctl_answer_list_end(c, NULL);
}

static int sign_here(struct ctl_call *c, const struct station *st, struct buf *chain)
{
	const struct app *app =
	    (const struct app *)((const char *)c->hall - offsetof(struct app, hall));
	int ret;

	if (!*app->boot.tls_station_ca)
		return diag_set(
		    &c->diag, -LMS_ECONFLICT,
		    "chain: give the signed certificate as @FILE (lmsd signs itself when "
		    "tls.station_ca is set in lmsd.conf)");
	ret = pki_check_request(st->cert_request->csr, st->id, NULL, 0, &c->diag);
	return ret < 0 ? ret
		       : pki_sign(st->cert_request->csr, st->id, app->boot.tls_station_ca,
				  app->boot.tls_station_ca_key, chain, &c->diag);
}

int ctl_station_cert_sign(struct ctl_call *c, const struct ctl_station_cert_sign_args *a)
{
	struct station *st = site_station(c->hall->site, a->id);
	struct ocpp_session *s;
	struct buf chain;
	int ret = ctl_session(c, a->id, &s);

	if (ret)
		return ret;
	if (st->cert_request == NULL)
		return diag_set(
		    &c->diag, -LMS_ENOTFOUND,
		    "station %s: has asked for no certificate (lmsctl station trigger %s "
		    "SignChargePointCertificate makes it ask)",
		    a->id, a->id);
	buf_init(&chain);
	if (a->chain != NULL) {
		ret = pki_check_chain(a->chain, st->cert_request->csr, a->id, c->wall, &c->diag);
		buf_puts(&chain, a->chain);
	} else {
		ret = sign_here(c, st, &chain);
	}
	if (ret == 0)
		ret = ctl_cert_send(c, s, buf_cstr(&chain));
	buf_fini(&chain);
	return ret;
}
