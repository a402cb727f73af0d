/* test_files_signed.c - signed firmware: what is right passes, and what an installer mixes up is told. And base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/hex.h"
#include "files/signed.h"

#define WALL (INT64_C(1795240800) * US_PER_S)	/* 2026-11-21 */
#define DAY_S INT64_C(86400)

static const char firmware[] = "the firmware";

static char *pem_of(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

/* In force from `from` to `to`, in days from now; signed by itself or by an issuer. */
static char *certify(EVP_PKEY *key, int from, int to, const char *name, EVP_PKEY *issuer, const char *issuer_name)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert), *by = X509_NAME_new();
	char *pem;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(WALL / US_PER_S + from * DAY_S));
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(WALL / US_PER_S + to * DAY_S));
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(by, "CN", MBSTRING_ASC, (const unsigned char *)(issuer ? issuer_name : name), -1, -1, 0);
	X509_set_issuer_name(cert, by);
	X509_set_pubkey(cert, key);
	if (!issuer) {
		X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

		X509_add_ext(cert, ca, -1);
		X509_EXTENSION_free(ca);
	}
	assert_true(X509_sign(cert, issuer ? issuer : key, EVP_sha256()) > 0);
	pem = pem_of(cert);
	X509_NAME_free(by);
	X509_free(cert);
	return pem;
}

static const char *sign(EVP_PKEY *key, int padding, const char *data, char *out, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	unsigned char sig[600];
	size_t len = sizeof(sig);
	struct buf b;

	assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
	if (padding)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, padding), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)data, strlen(data)), 1);
	EVP_MD_CTX_free(ctx);
	buf_init(&b);
	base64_write(&b, sig, len);
	snprintf(out, size, "%s", buf_cstr(&b));
	buf_fini(&b);
	return out;
}

static const char *sum(const char *data)
{
	static char text[65];
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len;

	EVP_Digest(data, strlen(data), md, &len, EVP_sha256(), NULL);
	hex_encode(md, len, text);
	return text;
}

static struct diag d;

static int check(const char *cert, const char *signature, const char *sha256, const char *signers)
{
	diag_init(&d);
	return signed_check(cert, signature, sha256, signers, WALL, &d);
}

static void a_signature_of_any_usual_kind_is_good(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	char *rsa_cert = certify(rsa, -1, 1, "rsa", NULL, NULL), *ec_cert = certify(ec, -1, 1, "ec", NULL, NULL);
	char text[900];

	(void)state;
	assert_int_equal(check(rsa_cert, sign(rsa, RSA_PKCS1_PSS_PADDING, firmware, text, sizeof(text)), sum(firmware), NULL), 0);
	assert_int_equal(check(rsa_cert, sign(rsa, RSA_PKCS1_PADDING, firmware, text, sizeof(text)), sum(firmware), NULL), 0);
	assert_int_equal(check(ec_cert, sign(ec, 0, firmware, text, sizeof(text)), sum(firmware), NULL), 0);
	/* Another file, another key, another certificate. */
	assert_int_equal(check(ec_cert, text, sum("another file"), NULL), -LMS_EDATA);
	assert_non_null(strstr(d.text, "signature: is not one of this file"));
	assert_int_equal(check(rsa_cert, text, sum(firmware), NULL), -LMS_EDATA);
	assert_int_equal(check(ec_cert, sign(other, 0, firmware, text, sizeof(text)), sum(firmware), NULL), -LMS_EDATA);
	/* Of a file that is elsewhere only the form is known. */
	assert_int_equal(check(ec_cert, text, NULL, NULL), 0);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other);
	free(rsa_cert);
	free(ec_cert);
}

static void what_is_no_certificate_or_signature_is_told(void **state)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char *good = certify(ec, -1, 1, "ec", NULL, NULL), *old = certify(ec, -9, -1, "ec", NULL, NULL),
	     *young = certify(ec, 1, 9, "ec", NULL, NULL);
	char text[900];

	(void)state;
	sign(ec, 0, firmware, text, sizeof(text));
	assert_int_equal(check("", text, sum(firmware), NULL), -LMS_EDATA);
	assert_non_null(strstr(d.text, "certificate: is no PEM"));
	assert_int_equal(check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", text, NULL, NULL), -LMS_EDATA);
	assert_int_equal(check(old, text, NULL, NULL), -LMS_EDATA);
	assert_non_null(strstr(d.text, "expired"));
	assert_int_equal(check(young, text, NULL, NULL), -LMS_EDATA);
	assert_non_null(strstr(d.text, "not valid yet"));
	assert_int_equal(check(good, "", NULL, NULL), -LMS_EDATA);
	assert_int_equal(check(good, "no base64!", NULL, NULL), -LMS_EDATA);
	assert_non_null(strstr(d.text, "signature: is not base64"));
	assert_int_equal(check(good, "AAAA", sum(firmware), NULL), -LMS_EDATA);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
	free(good);
	free(old);
	free(young);
}

static void who_may_sign_can_be_said(void **state)
{
	EVP_PKEY *maker = EVP_EC_gen("P-256"), *ec = EVP_EC_gen("P-256");
	char *root = certify(maker, -1, 1, "maker", NULL, NULL), *cert = certify(ec, -1, 1, "fw", maker, "maker"),
	     *own = certify(ec, -1, 1, "fw", NULL, NULL);
	char text[900], path[] = "/tmp/lms-signers-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, root, strlen(root)), (ssize_t)strlen(root));
	close(fd);
	sign(ec, 0, firmware, text, sizeof(text));
	assert_int_equal(check(cert, text, sum(firmware), path), 0);
	assert_int_equal(check(own, text, sum(firmware), path), -LMS_EDATA);
	assert_non_null(strstr(d.text, "is from none of files.signers"));
	assert_int_equal(truncate(path, 5), 0);
	assert_int_equal(check(cert, text, sum(firmware), path), -LMS_ECONFIG);
	unlink(path);
	EVP_PKEY_free(maker);
	EVP_PKEY_free(ec);
	free(root);
	free(cert);
	free(own);
}

/* RFC 4648, 10. */
static void base64_is_that_of_the_standard(void **state)
{
	static const struct { const char *plain, *text; } cases[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const wrong[] = { "Z", "Zg", "Zg=", "Zg===", "Zm9v=", "=Zg=", "Zg==Zg==", "Zm 9v!", "Zm9\x80" };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_init(&b);
		base64_write(&b, cases[i].plain, strlen(cases[i].plain));
		assert_string_equal(buf_cstr(&b), cases[i].text);
		buf_clear(&b);
		assert_int_equal(base64_read(&b, cases[i].text, strlen(cases[i].text)), 0);
		assert_string_equal(buf_cstr(&b), cases[i].plain);
		buf_fini(&b);
	}
	buf_init(&b);
	assert_int_equal(base64_read(&b, " Zm9v\r\nYmFy\n", 12), 0);
	assert_string_equal(buf_cstr(&b), "foobar");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		buf_clear(&b);
		if (base64_read(&b, wrong[i], strlen(wrong[i])) != -LMS_EDATA)
			fail_msg("%s was taken", wrong[i]);
	}
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_of_any_usual_kind_is_good),
		cmocka_unit_test(what_is_no_certificate_or_signature_is_told),
		cmocka_unit_test(who_may_sign_can_be_said),
		cmocka_unit_test(base64_is_that_of_the_standard),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
