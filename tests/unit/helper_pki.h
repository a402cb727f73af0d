/* helper_pki.h - certificates as a CA of a site would make them, good and bad ones. */
#pragma once

#include <stdbool.h>

struct pki_cert {
	const char *cn;			/* NULL = none */
	const char *san;		/* as openssl writes it: "DNS:CP1,URI:urn:x:CP1"; NULL */
	int from_day, to_day;		/* from now; both 0 = -1 to 30 */
	bool ca;
	long serial;			/* 0 = 1 */
};

/* Writes a fresh key and a certificate for it, signed by the CA in these files; by itself without. */
void pki_issue(const struct pki_cert *c, const char *cert_path, const char *key_path, const char *ca_cert,
	       const char *ca_key);
/* A list of the CA that revokes one serial (0 = none), to be renewed in to_day days. */
void pki_revoke(const char *crl_path, const char *ca_cert, const char *ca_key, long serial, int to_day);
