/* tests/bench/load_cert.c - a certificate for each station, made when it comes: signing one takes less than showing it. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/load.h"

struct authority {
	X509 *cert;
	EVP_PKEY *key, *station;	/* all stations have the same key */
	long serial;
};

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f) {
		fprintf(stderr, "lms-load: %s cannot be read\n", path);
		exit(1);
	}
	return f;
}

struct authority *authority_new(const char *cert_file, const char *key_file)
{
	struct authority *a = calloc(1, sizeof(*a));
	FILE *cert = open_file(cert_file), *key = open_file(key_file);

	if (!a)
		abort();
	a->cert = PEM_read_X509(cert, NULL, NULL, NULL);
	a->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	a->station = EVP_EC_gen("P-256");
	fclose(cert);
	fclose(key);
	if (!a->cert || !a->key || !a->station) {
		fprintf(stderr, "lms-load: %s, %s: not a certificate and its key\n", cert_file, key_file);
		exit(1);
	}
	return a;
}

void authority_sign(struct authority *a, SSL *ssl, const char *name)
{
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++a->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(a->cert));
	X509_set_pubkey(cert, a->station);
	X509_sign(cert, a->key, EVP_sha256());
	SSL_use_certificate(ssl, cert);
	SSL_use_PrivateKey(ssl, a->station);
	X509_free(cert);
}
