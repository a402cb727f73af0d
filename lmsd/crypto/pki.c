/* crypto/pki.c - X.509 by OpenSSL. */
#include "crypto/pki.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/log.h"
#include "net/tls.h"

#define DAY_S          (24L * 3600)
#define SIGNED_DAYS    730
#define EC_BITS_LEAST  224
#define RSA_BITS_LEAST 2048

/* ---- reading ---- */

static BIO *text_bio(const char *text)
{
	ERR_clear_error();
	return BIO_new_mem_buf(text, (int)strlen(text));
}

/* The n-th certificate of a text, NULL if it has fewer. */
static X509 *cert_at(const char *pem, int n)
{
	BIO *bio = text_bio(pem);
	X509 *cert = NULL;

	for (int i = 0; i <= n; i++) {
		X509_free(cert);
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (!cert)
			break;
	}
	BIO_free(bio);
	ERR_clear_error();
	return cert;
}

static X509_REQ *read_request(const char *csr)
{
	BIO *bio = text_bio(csr);
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return req;
}

static int in_force(const X509 *cert, wall_t wall, struct diag *diag)
{
	time_t now = (time_t)(wall / US_PER_S);

	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
		return diag_set(diag, -LMS_EDATA, "the certificate is not in force yet");
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		return diag_set(diag, -LMS_EDATA, "the certificate has expired");
	return 0;
}

int pki_check_root(const char *pem, wall_t wall, struct diag *diag)
{
	X509 *cert = cert_at(pem, 0), *second = cert_at(pem, 1);
	int ret = 0;

	if (!cert)
		ret = diag_set(diag, -LMS_EDATA, "certificate: is none in PEM form");
	else if (second)
		ret = diag_set(diag, -LMS_EDATA,
			       "certificate: the file holds several (install one at a time)");
	else if (strlen(pem) > PKI_CERT_MAX)
		ret = diag_set(
		    diag, -LMS_ERANGE,
		    "certificate: is longer than %d characters (OCPP takes no more; leave out "
		    "text around it)",
		    PKI_CERT_MAX);
	else if (X509_check_ca(cert) == 0)
		ret = diag_set(diag, -LMS_EDATA, "certificate: is not that of a CA");
	else
		ret = in_force(cert, wall, diag);
	X509_free(second);
	X509_free(cert);
	return ret;
}

/* ---- hashes ---- */

static bool hash_hex(const EVP_MD *md, const void *p, size_t len, char out[129])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(p, len, hash, &n, md, NULL) != 1 || n > 64)
		return false;
	hex_encode(hash, n, out);
	return true;
}

static bool serial_hex(const X509 *cert, char out[41])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int len = ASN1_STRING_length(serial);

	if (len < 1 || len > 20)
		return false;
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, out);
	return true;
}

int pki_hash_of(const char *pem, const char *algorithm, struct pki_hash *out, struct diag *diag)
{
	X509 *cert = cert_at(pem, 0);
	const EVP_MD *md = EVP_get_digestbyname(algorithm);
	const ASN1_BIT_STRING *key = cert ? X509_get0_pubkey_bitstr(cert) : NULL;
	unsigned char *name = NULL;
	int len, ret = 0;

	snprintf(out->algorithm, sizeof(out->algorithm), "%s", algorithm);
	if (!cert || !md) {
		ret = diag_set(diag, -LMS_EDATA,
			       cert ? "hash: is not known" : "certificate: is none in PEM form");
	} else if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(cert)) != 0) {
		ret = diag_set(
		    diag, -LMS_EDATA,
		    "certificate: is not signed by itself, and the hash of its issuer's key cannot "
		    "be known from it (give the values that station cert list shows)");
	} else {
		len = i2d_X509_NAME(X509_get_issuer_name(cert), &name);
		if (len < 0 || !hash_hex(md, name, (size_t)len, out->issuer_name) ||
		    !hash_hex(md, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key),
			      out->issuer_key) ||
		    !serial_hex(cert, out->serial))
			ret = diag_set(diag, -LMS_EDATA, "certificate: cannot be hashed");
	}
	OPENSSL_free(name);
	X509_free(cert);
	ERR_clear_error();
	return ret;
}

/* ---- requests ---- */

static int key_strength(EVP_PKEY *key, struct diag *diag)
{
	int bits = EVP_PKEY_get_bits(key), type = EVP_PKEY_get_base_id(key);

	if (type == EVP_PKEY_EC ? bits >= EC_BITS_LEAST
				: type == EVP_PKEY_RSA && bits >= RSA_BITS_LEAST)
		return 0;
	return diag_set(
	    diag, -LMS_EDATA,
	    "its key is too weak or of an unknown kind (EC from %d bits or RSA from %d)",
	    EC_BITS_LEAST, RSA_BITS_LEAST);
}

/* The one common name; false when there is none, several, or one that is no text. */
static bool request_name(const X509_REQ *req, char *out, size_t size)
{
	const X509_NAME *name = X509_REQ_get_subject_name(req);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1), len;
	unsigned char *utf8 = NULL;
	bool ok = false;

	out[0] = '\0';
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return false;
	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (len > 0 && (size_t)len < size && !memchr(utf8, '\0', (size_t)len)) {
		memcpy(out, utf8, (size_t)len);
		out[len] = '\0';
		ok = true;
	}
	OPENSSL_free(utf8);
	return ok;
}

int pki_check_request(const char *csr, const char *identity, char *about, size_t about_size,
		      struct diag *diag)
{
	X509_REQ *req = read_request(csr);
	EVP_PKEY *key = req ? X509_REQ_get0_pubkey(req) : NULL;
	char name[65] = "";
	bool named = req && request_name(req, name, sizeof(name));
	int ret = 0;

	if (about)
		snprintf(about, about_size, "CN=%s, %s %d bits", log_text(name),
			 key && EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "?",
			 key ? EVP_PKEY_get_bits(key) : 0);
	if (!req || !key)
		ret = diag_set(diag, -LMS_EDATA, "it is no certificate request in PEM form");
	else if (X509_REQ_verify(req, key) != 1)
		ret = diag_set(diag, -LMS_EDATA,
			       "its signature is wrong: it was changed on its way, or is not of "
			       "the station's key");
	else if (!named || strcmp(name, identity) != 0)
		ret = diag_set(diag, -LMS_EDATA, "its common name is '%s', not the identity %s",
			       log_text(name), identity);
	else
		ret = key_strength(key, diag);
	X509_REQ_free(req);
	ERR_clear_error();
	return ret;
}

int pki_check_chain(const char *chain, const char *csr, const char *identity, wall_t wall,
		    struct diag *diag)
{
	X509 *cert = cert_at(chain, 0);
	X509_REQ *req = read_request(csr);
	int ret = 0;

	if (!cert)
		ret = diag_set(diag, -LMS_EDATA, "chain: is no certificate in PEM form");
	else if (strlen(chain) > PKI_CHAIN_MAX)
		ret = diag_set(diag, -LMS_ERANGE,
			       "chain: is longer than %d characters (OCPP takes no more)",
			       PKI_CHAIN_MAX);
	else if (!req || !X509_REQ_get0_pubkey(req) ||
		 EVP_PKEY_eq(X509_get0_pubkey(cert), X509_REQ_get0_pubkey(req)) != 1)
		ret = diag_set(
		    diag, -LMS_EDATA,
		    "chain: its first certificate is not for the key that the station asked for "
		    "(station cert requests shows the request)");
	else if (!tls_cert_names(cert, identity))
		ret = diag_set(
		    diag, -LMS_EDATA,
		    "chain: its first certificate does not name %s (as common or alternative name)",
		    identity);
	else
		ret = in_force(cert, wall, diag);
	X509_REQ_free(req);
	X509_free(cert);
	ERR_clear_error();
	return ret;
}

/* ---- signing ---- */

static int load_ca(const char *ca_file, const char *key_file, X509 **ca, EVP_PKEY **key,
		   struct diag *diag)
{
	FILE *f = fopen(ca_file, "re");
	char text[160];

	ERR_clear_error();
	*ca = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	*key = NULL;
	if (f)
		fclose(f);
	if (!*ca)
		return diag_set(diag, -LMS_ECONFIG, "%s: no certificate can be read (%s)", ca_file,
				f ? tls_error_text(text, sizeof(text)) : strerror(errno));
	f = fopen(key_file, "re");
	*key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (f)
		fclose(f);
	if (!*key)
		return diag_set(diag, -LMS_ECONFIG, "%s: no unencrypted key can be read (%s)",
				key_file, f ? tls_error_text(text, sizeof(text)) : strerror(errno));
	if (X509_check_private_key(*ca, *key) != 1)
		return diag_set(diag, -LMS_ECONFIG, "%s: is not the key of %s", key_file, ca_file);
	if (X509_check_ca(*ca) == 0)
		return diag_set(diag, -LMS_ECONFIG, "%s: is not the certificate of a CA", ca_file);
	return 0;
}

int pki_check_ca(const char *ca_file, const char *key_file, struct diag *diag)
{
	EVP_PKEY *key;
	X509 *ca;
	int ret = load_ca(ca_file, key_file, &ca, &key, diag);

	EVP_PKEY_free(key);
	X509_free(ca);
	ERR_clear_error();
	return ret;
}

static bool extend(X509 *cert, X509 *ca, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, ca, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* The organisation is the station's to say (its CpoName); all else is ours. */
static bool copy_organisation(X509_NAME *to, const X509_NAME *from)
{
	int at = X509_NAME_get_index_by_NID(from, NID_organizationName, -1);

	return at < 0 || X509_NAME_add_entry(to, X509_NAME_get_entry(from, at), -1, 0) == 1;
}

static bool fill_in(X509 *cert, X509_REQ *req, X509 *ca, const char *identity)
{
	X509_NAME *name = X509_get_subject_name(cert);
	unsigned char serial[16];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] &= 0x7f;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok && X509_set_version(cert, 2) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), SIGNED_DAYS * DAY_S) &&
	       copy_organisation(name, X509_REQ_get_subject_name(req)) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)identity, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, X509_get_subject_name(ca)) == 1 &&
	       X509_set_pubkey(cert, X509_REQ_get0_pubkey(req)) == 1 &&
	       extend(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	       extend(cert, ca, NID_key_usage, "critical,digitalSignature") &&
	       extend(cert, ca, NID_ext_key_usage, "clientAuth");
}

static bool add_pem(struct buf *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && PEM_write_bio_X509(bio, cert) == 1;
	char *text;
	long len = ok ? BIO_get_mem_data(bio, &text) : 0;

	if (ok)
		buf_add(out, text, (size_t)len);
	BIO_free(bio);
	return ok;
}

int pki_sign(const char *csr, const char *identity, const char *ca_file, const char *key_file,
	     struct buf *chain, struct diag *diag)
{
	X509_REQ *req = read_request(csr);
	X509 *cert = X509_new(), *ca;
	EVP_PKEY *key;
	int ret = load_ca(ca_file, key_file, &ca, &key, diag);
	/* Keys of the Edwards curves bring their own. */
	const EVP_MD *md =
	    key && EVP_PKEY_get_default_digest_nid(key, &(int){0}) == 2 ? NULL : EVP_sha256();

	if (ret == 0 &&
	    (!req || !cert || !fill_in(cert, req, ca, identity) || X509_sign(cert, key, md) <= 0))
		ret = diag_set(diag, -LMS_EINTERNAL, "the certificate could not be made");
	/* A root is installed at the station otherwise; what stands between must come along. */
	if (ret == 0 && (!add_pem(chain, cert) ||
			 (X509_NAME_cmp(X509_get_issuer_name(ca), X509_get_subject_name(ca)) != 0 &&
			  !add_pem(chain, ca))))
		ret = diag_set(diag, -LMS_EINTERNAL, "the certificate could not be written");
	X509_free(ca);
	EVP_PKEY_free(key);
	X509_free(cert);
	X509_REQ_free(req);
	ERR_clear_error();
	return ret;
}
