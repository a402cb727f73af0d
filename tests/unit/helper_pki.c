/* helper_pki.c - certificates and revocation lists for tests. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "helper_pki.h"

#define DAY_S (24L * 3600)

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	assert_non_null(cert);
	return cert;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	fclose(f);
	assert_non_null(key);
	return key;
}

static void extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

void pki_issue(const struct pki_cert *c, const char *cert_path, const char *key_path, const char *ca_cert,
	       const char *ca_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = ca_key ? read_key(ca_key) : key;
	X509 *issuer = ca_cert ? read_cert(ca_cert) : NULL, *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	bool dated = c->from_day || c->to_day;
	FILE *f;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), c->serial ? c->serial : 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), (dated ? c->from_day : -1) * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), (dated ? c->to_day : 30) * DAY_S);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Site", -1, -1, 0);
	if (c->cn)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)c->cn, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(cert, key);
	extend(cert, NID_basic_constraints, c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (c->san)
		extend(cert, NID_subject_alt_name, c->san);
	assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
	f = fopen(cert_path, "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = fopen(key_path, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	if (signer != key)
		EVP_PKEY_free(signer);
	EVP_PKEY_free(key);
	X509_free(issuer);
	X509_free(cert);
}

void pki_revoke(const char *crl_path, const char *ca_cert, const char *ca_key, long serial, int to_day)
{
	X509 *issuer = read_cert(ca_cert);
	EVP_PKEY *key = read_key(ca_key);
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -DAY_S);
	FILE *f = fopen(crl_path, "w");

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	X509_CRL_set1_lastUpdate(crl, t);
	if (serial) {
		X509_REVOKED *revoked = X509_REVOKED_new();
		ASN1_INTEGER *number = ASN1_INTEGER_new();

		ASN1_INTEGER_set(number, serial);
		X509_REVOKED_set_serialNumber(revoked, number);
		X509_REVOKED_set_revocationDate(revoked, t);
		X509_CRL_add0_revoked(crl, revoked);
		ASN1_INTEGER_free(number);
	}
	X509_gmtime_adj(t, to_day * DAY_S);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	PEM_write_X509_CRL(f, crl);
	fclose(f);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	EVP_PKEY_free(key);
	X509_free(issuer);
}
