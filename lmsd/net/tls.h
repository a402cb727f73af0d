/* net/tls.h - OpenSSL contexts: settings, certificates, and a self-signed one to start with.
 *
 * TLS 1.2 and later, no renegotiation, no compression, no session cache (tickets carry sessions),
 * buffers released while idle. A failed reload leaves the old context in place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
typedef struct x509_st X509;

struct tls_files {
	const char *cert_file, *key_file;
	const char *ca_file;	/* NULL: clients are not asked for a certificate */
	const char *crl_file;	/* NULL: none is known to be revoked; PEM, of every CA that signs clients */
};

/* A new server context, or NULL with diag naming the file and the remedy. A client without a
 * certificate, or with one that is not good, comes through: tls_peer_look() tells, and whoever knows
 * the client's name decides. The caller frees with SSL_CTX_free(). */
SSL_CTX *tls_server_ctx(const struct tls_files *files, struct diag *diag);
/* When what the context shows or checks by ends: the earliest of its certificate and its CRLs, in
 * seconds since 1970; *what says which. 0 when it cannot be told. */
int64_t tls_ctx_ends(const SSL_CTX *ctx, const char **what);

/* A new client context that verifies the other side: by ca_file, or by the system's CAs when NULL.
 * cert_file and key_file (ours) may both be NULL. */
SSL_CTX *tls_client_ctx(const char *cert_file, const char *key_file, const char *ca_file,
			struct diag *diag);

/* Writes an EC P-256 key (mode 0600) and a certificate for host (name or address) good for ten
 * years. Existing files are replaced. 0, or -LMS_ECANTCREAT with diag. */
int tls_self_signed(const char *cert_path, const char *key_path, const char *host,
		    struct diag *diag);

/* Is the certificate that this client has shown on a list of the context? Microseconds: signatures are not looked
 * at again. */
bool tls_ctx_revokes(const SSL_CTX *ctx, SSL *peer);

enum tls_peer_state {
	TLS_PEER_NONE,		/* showed no certificate */
	TLS_PEER_BAD,		/* not signed by the CA, not in force, or revoked: `why` */
	TLS_PEER_OTHER,		/* good, and for somebody else: `name` */
	TLS_PEER_NAMED		/* good, and names who it says it is */
};

struct tls_peer {
	enum tls_peer_state state;
	char name[65];		/* its common name; "" = none that could be shown */
	const char *why;	/* static text; of TLS_PEER_BAD */
};

/* What the client's certificate says of a client that calls itself `identity`. Names are its common
 * name and of its alternative names dNSName, otherName (as text) and the end of a URI, as they are,
 * letter by letter. (tls_peer.c) */
void tls_peer_look(SSL *ssl, const char *identity, struct tls_peer *out);
/* Does any of those names of the certificate say this identity? */
bool tls_cert_names(const X509 *cert, const char *identity);

/* The oldest error of OpenSSL's queue as text, which is emptied; "no detail" when it is empty. */
const char *tls_error_text(char *out, size_t out_size);
