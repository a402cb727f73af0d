/* Certificates and requests as stations and installers send them: what is taken, what is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "base/types.h"
#include "crypto/pki.h"
#include "helper_pki.h"

struct files {
	char dir[40], ca[64], ca_key[64], cert[64], key[64];
};

static int setup(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/lms-pki-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->ca, sizeof(f->ca), "%s/ca.crt", f->dir);
	snprintf(f->ca_key, sizeof(f->ca_key), "%s/ca.key", f->dir);
	snprintf(f->cert, sizeof(f->cert), "%s/x.crt", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/x.key", f->dir);
	pki_issue(&(struct pki_cert){ .cn = "Site CA", .ca = true, .serial = 4660 }, f->ca, f->ca_key, NULL, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct files *f = *state;

	unlink(f->ca);
	unlink(f->ca_key);
	unlink(f->cert);
	unlink(f->key);
	rmdir(f->dir);
	free(f);
	return 0;
}

static wall_t now(void)
{
	return (wall_t)time(NULL) * US_PER_S;
}

static char *read_text(const char *path)
{
	static char text[20000];
	FILE *in = fopen(path, "r");
	size_t n = fread(text, 1, sizeof(text) - 1, in);

	fclose(in);
	text[n] = '\0';
	return text;
}

/* A request; `twist` breaks its signature. */
static char *request(EVP_PKEY *key, const char *cn, const char *second_cn, bool twist)
{
	static char text[8000];
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Operator", -1, -1, 0);
	if (cn)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	if (second_cn)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)second_cn, -1, -1, 0);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	if (twist)
		X509_REQ_set_version(req, 1);
	PEM_write_bio_X509_REQ(bio, req);
	n = BIO_read(bio, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	X509_REQ_free(req);
	return text;
}

static void a_request_must_be_whole_strong_and_for_its_own_name(void **state)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(1024);
	struct { const char *csr, *says; } cases[] = {
		{ strdup(request(ec, "CP1", NULL, false)), NULL },
		{ strdup(request(rsa, "CP1", NULL, false)), NULL },
		{ strdup(request(weak, "CP1", NULL, false)), "too weak" },
		{ strdup(request(ec, "CP2", NULL, false)), "common name is 'CP2'" },
		{ strdup(request(ec, "cp1", NULL, false)), "common name is 'cp1'" },
		{ strdup(request(ec, NULL, NULL, false)), "common name is ''" },
		{ strdup(request(ec, "CP1", "CP2", false)), "common name" },
		{ strdup(request(ec, "CP1", NULL, true)), "signature is wrong" },
		{ strdup(""), "no certificate request" },
		{ strdup("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"), "no certificate request" },
	};
	char about[120];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d;
		int ret;

		diag_init(&d);
		ret = pki_check_request(cases[i].csr, "CP1", about, sizeof(about), &d);
		if ((ret == 0) != (cases[i].says == NULL) || (ret && !strstr(d.text, cases[i].says)))
			fail_msg("request %zu: %d %s", i, ret, d.text);
		free((char *)(uintptr_t)cases[i].csr);
	}
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(weak);
}

static void what_is_signed_is_for_the_station_and_nothing_else(void **state)
{
	const struct files *f = *state;
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	char *csr = strdup(request(ec, "CP1", NULL, false)), *csr2 = strdup(request(other, "CP1", NULL, false));
	struct buf chain;
	struct diag d;
	X509 *cert, *ca;
	BIO *bio;

	diag_init(&d);
	buf_init(&chain);
	assert_int_equal(pki_check_ca(f->ca, f->ca_key, &d), 0);
	assert_int_equal(pki_sign(csr, "CP1", f->ca, f->ca_key, &chain, &d), 0);
	assert_int_equal(pki_check_chain(buf_cstr(&chain), csr, "CP1", now(), &d), 0);
	bio = BIO_new_mem_buf(chain.data, (int)chain.len);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_file(f->ca, "r");
	ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_check_ca(cert), 0);
	assert_int_equal(X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT, 0), 1);
	assert_int_equal(X509_check_purpose(cert, X509_PURPOSE_SSL_SERVER, 0), 0);
	/* The request of another key, another name, another time. */
	assert_true(pki_check_chain(buf_cstr(&chain), csr2, "CP1", now(), &d) < 0);
	diag_init(&d);
	assert_true(pki_check_chain(buf_cstr(&chain), csr, "CP2", now(), &d) < 0);
	assert_non_null(strstr(d.text, "does not name CP2"));
	diag_init(&d);
	assert_true(pki_check_chain(buf_cstr(&chain), csr, "CP1", now() + 800 * INT64_C(86400) * US_PER_S, &d) < 0);
	assert_non_null(strstr(d.text, "expired"));
	diag_init(&d);
	assert_true(pki_check_chain("nonsense", csr, "CP1", now(), &d) < 0);
	/* A key that is not the CA's, and a CA that is none. */
	pki_issue(&(struct pki_cert){ .cn = "x" }, f->cert, f->key, f->ca, f->ca_key);
	diag_init(&d);
	assert_true(pki_check_ca(f->ca, f->key, &d) < 0);
	diag_init(&d);
	assert_true(pki_check_ca(f->cert, f->key, &d) < 0);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other);
	buf_fini(&chain);
	free(csr);
	free(csr2);
}

static void only_a_ca_in_force_is_installed(void **state)
{
	const struct files *f = *state;
	struct diag d;

	diag_init(&d);
	assert_int_equal(pki_check_root(read_text(f->ca), now(), &d), 0);
	assert_true(pki_check_root(read_text(f->ca), now() + 90 * INT64_C(86400) * US_PER_S, &d) < 0);
	assert_non_null(strstr(d.text, "expired"));
	pki_issue(&(struct pki_cert){ .cn = "x" }, f->cert, f->key, f->ca, f->ca_key);
	diag_init(&d);
	assert_true(pki_check_root(read_text(f->cert), now(), &d) < 0);
	assert_non_null(strstr(d.text, "not that of a CA"));
	diag_init(&d);
	assert_true(pki_check_root("nonsense", now(), &d) < 0);
}

static void a_root_is_known_by_its_hashes(void **state)
{
	const struct files *f = *state;
	struct pki_hash h;
	struct diag d;

	diag_init(&d);
	assert_int_equal(pki_hash_of(read_text(f->ca), "SHA256", &h, &d), 0);
	assert_int_equal(strlen(h.issuer_name), 64);
	assert_int_equal(strlen(h.issuer_key), 64);
	assert_string_equal(h.serial, "1234");
	assert_int_equal(pki_hash_of(read_text(f->ca), "SHA512", &h, &d), 0);
	assert_int_equal(strlen(h.issuer_key), 128);
	/* The key of who signed it is not in a certificate. */
	pki_issue(&(struct pki_cert){ .cn = "x" }, f->cert, f->key, f->ca, f->ca_key);
	assert_true(pki_hash_of(read_text(f->cert), "SHA256", &h, &d) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_request_must_be_whole_strong_and_for_its_own_name),
		T(what_is_signed_is_for_the_station_and_nothing_else),
		T(only_a_ca_in_force_is_installed),
		T(a_root_is_known_by_its_hashes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
