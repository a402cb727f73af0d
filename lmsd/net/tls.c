/* net/tls.c - OpenSSL contexts and certificates. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"

#define TEN_YEARS_S (3653L * 24 * 3600)
#define DAY_S (24L * 3600)

const char *tls_error_text(char *out, size_t out_size)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_reason_error_string(e);

	if (e && reason)
		snprintf(out, out_size, "%s", reason);
	else if (e)
		ERR_error_string_n(e, out, out_size);
	else
		snprintf(out, out_size, "no detail");
	ERR_clear_error();
	return out;
}

static void set_modes(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets carry the sessions: a cache would hold memory per station. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	/* Without one, resumption fails as soon as client certificates are asked for. */
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"lms", 3);
	SSL_CTX_set_read_ahead(ctx, 0);
}

static int file_readable(const char *what, const char *path, struct diag *diag)
{
	if (path && *path && access(path, R_OK) == 0)
		return 0;
	return diag_set(diag, -LMS_ECONFIG,
			"TLS %s file '%s' cannot be read (%s): create it or correct its path and "
			"owner", what, path ? path : "",
			path && *path ? strerror(errno) : "no path given");
}

/* Our certificate and its key. */
static int load_own(SSL_CTX *ctx, const char *cert, const char *key, struct diag *diag)
{
	char text[160];

	if (file_readable("certificate", cert, diag) || file_readable("key", key, diag))
		return -LMS_ECONFIG;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return diag_set(diag, -LMS_ECONFIG, "%s: not a certificate in PEM form (%s)", cert,
				tls_error_text(text, sizeof(text)));
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return diag_set(diag, -LMS_ECONFIG,
				"%s: not the unencrypted PEM key of the certificate %s (%s)", key,
				cert, tls_error_text(text, sizeof(text)));
	return 0;
}

static int load_ca(SSL_CTX *ctx, const char *ca, struct diag *diag)
{
	char text[160];

	if (file_readable("CA", ca, diag))
		return -LMS_ECONFIG;
	ERR_clear_error();
	if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return diag_set(diag, -LMS_ECONFIG, "%s: not CA certificates in PEM form (%s)", ca,
				tls_error_text(text, sizeof(text)));
	return 0;
}

static SSL_CTX *ctx_new(const SSL_METHOD *method, struct diag *diag)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx)
		set_modes(ctx);
	else
		diag_set(diag, -LMS_ENOMEM, "out of memory for TLS");
	return ctx;
}

/* Stops at the first error and goes on all the same, with the error kept as the result. */
static int verify_and_note(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_verify_cert(store);
	return 1;
}

static int ask_clients(SSL_CTX *ctx, const struct tls_files *f, struct diag *diag)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *lookup;
	char text[160];

	if (load_ca(ctx, f->ca_file, diag) || (f->crl_file && file_readable("CRL", f->crl_file, diag)))
		return -LMS_ECONFIG;
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(f->ca_file));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_and_note, NULL);
	if (!f->crl_file)
		return 0;
	ERR_clear_error();
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (!lookup || X509_load_crl_file(lookup, f->crl_file, X509_FILETYPE_PEM) < 1)
		return diag_set(diag, -LMS_ECONFIG, "%s: not certificate revocation lists in PEM form (%s)",
				f->crl_file, tls_error_text(text, sizeof(text)));
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	return 0;
}

SSL_CTX *tls_server_ctx(const struct tls_files *files, struct diag *diag)
{
	SSL_CTX *ctx = ctx_new(TLS_server_method(), diag);

	if (ctx && (load_own(ctx, files->cert_file, files->key_file, diag) ||
		    (files->ca_file && ask_clients(ctx, files, diag)))) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int64_t time_s(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t tls_ctx_ends(const SSL_CTX *ctx, const char **what)
{
	const X509 *own = SSL_CTX_get0_certificate(ctx);
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
	int64_t ends = own ? time_s(X509_get0_notAfter(own)) : 0;

	*what = "certificate";
	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
		int64_t next = crl ? time_s(X509_CRL_get0_nextUpdate(crl)) : 0;

		if (next && next < ends) {
			ends = next;
			*what = "CRL";
		}
	}
	return ends;
}

bool tls_ctx_revokes(const SSL_CTX *ctx, SSL *peer)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
	X509 *cert = SSL_get0_peer_certificate(peer);

	for (int i = 0; cert && i < sk_X509_OBJECT_num(all); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
		X509_REVOKED *row;

		/* 2 is "removed from the list". */
		if (crl && X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) == 0 &&
		    X509_CRL_get0_by_cert(crl, &row, cert) == 1)
			return true;
	}
	return false;
}

SSL_CTX *tls_client_ctx(const char *cert_file, const char *key_file, const char *ca_file,
			struct diag *diag)
{
	SSL_CTX *ctx = ctx_new(TLS_client_method(), diag);
	int ret;

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	ret = ca_file ? load_ca(ctx, ca_file, diag) : 0;
	if (!ca_file && SSL_CTX_set_default_verify_paths(ctx) != 1)
		ret = diag_set(diag, -LMS_ECONFIG,
			       "the system's CA certificates cannot be read: install "
			       "ca-certificates or name a CA file");
	if (ret == 0 && cert_file)
		ret = load_own(ctx, cert_file, key_file, diag);
	if (ret != 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool host_is_address(const char *host)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

/* A host that could smuggle in another extension value is refused by its characters. */
static bool host_is_sane(const char *host)
{
	return *host && strlen(host) <= 200 &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") ==
	       strlen(host);
}

static bool name_and_sign(X509 *cert, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(cert);
	unsigned char serial[8];
	int cn_len = strlen(host) > 64 ? 64 : (int)strlen(host);	/* ub-common-name */
	char san[260];
	uint64_t n = 0;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(serial); i++)
		n = n << 8 | serial[i];
	snprintf(san, sizeof(san), "%s:%s", host_is_address(host) ? "IP" : "DNS", host);
	return X509_set_version(cert, 2) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), n >> 1) == 1 &&
	       /* A day back: clocks of stations are often behind. */
	       X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), TEN_YEARS_S) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)host,
					  cn_len, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
	       add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(cert, NID_subject_alt_name, san) &&
	       /* Towards a CPO lmsd is the client. */
	       add_extension(cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

/* Into a new file that takes the place of path when it is whole. */
static bool write_pem(const char *path, mode_t mode, X509 *cert, EVP_PKEY *key)
{
	char tmp[4096];
	FILE *f = NULL;
	bool ok = false;
	int fd;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd >= 0 && !(f = fdopen(fd, "w")))
		close(fd);
	if (f) {
		ok = cert ? PEM_write_X509(f, cert) == 1
			  : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
		ok = ok && fflush(f) == 0 && fsync(fd) == 0;
		ok = fclose(f) == 0 && ok;
	}
	ok = ok && rename(tmp, path) == 0;
	if (!ok) {
		int saved = errno;

		unlink(tmp);
		errno = saved;
	}
	return ok;
}

int tls_self_signed(const char *cert_path, const char *key_path, const char *host,
		    struct diag *diag)
{
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int ret = 0;

	if (!host_is_sane(host))
		return diag_set(diag, -LMS_ECONFIG,
				"'%s' is not a host name or address for a certificate", host);
	key = EVP_EC_gen("P-256");
	cert = X509_new();
	if (!key || !cert || !name_and_sign(cert, key, host))
		ret = diag_set(diag, -LMS_ECANTCREAT, "cannot make a certificate for '%s'", host);
	else if (!write_pem(key_path, 0600, NULL, key))
		ret = diag_set(diag, -LMS_ECANTCREAT, "%s: cannot write: %s", key_path,
			       strerror(errno));
	else if (!write_pem(cert_path, 0644, cert, NULL))
		ret = diag_set(diag, -LMS_ECANTCREAT, "%s: cannot write: %s", cert_path,
			       strerror(errno));
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ret;
}
