/* files/signed.c - signatures of firmware, by OpenSSL. The sum of the file is known, so all of it is quick. */
#include "files/signed.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/hex.h"

#define SUM_BYTES 32

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

static int check_time(const X509 *cert, time_t now, struct diag *diag)
{
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		return diag_set(diag, -LMS_EDATA, "certificate: has expired (stations with a clock refuse it)");
	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
		return diag_set(diag, -LMS_EDATA, "certificate: is not valid yet (is the clock right?)");
	return 0;
}

static int check_signer(X509 *cert, const char *signers, time_t now, struct diag *diag)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int ret = 0;

	if (!store || !ctx || X509_STORE_load_file(store, signers) != 1 || X509_STORE_CTX_init(ctx, store, cert, NULL) != 1) {
		ret = diag_set(diag, -LMS_ECONFIG, "files.signers: %s holds no certificates (a PEM file of those of the makers)",
			       signers);
	} else {
		X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
		/* Makers' roots are often intermediate ones; what is in the file is trusted as it is. */
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
		if (X509_verify_cert(ctx) != 1)
			ret = diag_set(diag, -LMS_EDATA, "certificate: is from none of files.signers: %s",
				       X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ret;
}

static bool verify(EVP_PKEY *key, int padding, const struct buf *signature, const unsigned char sum[SUM_BYTES])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
		    (padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_verify(ctx, (const unsigned char *)signature->data, signature->len, sum, SUM_BYTES) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static int check_signature(X509 *cert, const struct buf *signature, const char *sha256, struct diag *diag)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	unsigned char sum[SUM_BYTES];
	int type = key ? EVP_PKEY_get_base_id(key) : 0;
	bool good = false;

	if (hex_decode(sha256, strlen(sha256), sum, sizeof(sum)) != SUM_BYTES)
		return diag_set(diag, -LMS_EINTERNAL, "the sum of the file is none");
	if (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS)
		good = verify(key, RSA_PKCS1_PSS_PADDING, signature, sum) ||
		       (type == EVP_PKEY_RSA && verify(key, RSA_PKCS1_PADDING, signature, sum));
	else if (type == EVP_PKEY_EC)
		good = verify(key, 0, signature, sum);
	else
		return diag_set(diag, -LMS_EDATA, "certificate: its key is neither RSA nor EC");
	if (good)
		return 0;
	return diag_set(diag, -LMS_EDATA, "signature: is not one of this file by this certificate (RSA or ECDSA over its "
			"SHA-256; anything else: lmsctl station call ID SignedUpdateFirmware JSON)");
}

int signed_check(const char *certificate, const char *signature, const char *sha256, const char *signers, wall_t wall,
		 struct diag *diag)
{
	X509 *cert = read_certificate(certificate);
	time_t now = (time_t)(wall / US_PER_S);
	struct buf sig;
	int ret = 0;

	buf_init(&sig);
	if (!cert)
		ret = diag_set(diag, -LMS_EDATA, "certificate: is no PEM certificate (-----BEGIN CERTIFICATE-----)");
	else if (base64_read(&sig, signature, strlen(signature)) < 0 || sig.len == 0)
		ret = diag_set(diag, -LMS_EDATA, "signature: is not base64");
	if (ret == 0)
		ret = check_time(cert, now, diag);
	if (ret == 0 && signers)
		ret = check_signer(cert, signers, now, diag);
	if (ret == 0 && sha256)
		ret = check_signature(cert, &sig, sha256, diag);
	buf_fini(&sig);
	X509_free(cert);
	ERR_clear_error();
	return ret;
}
