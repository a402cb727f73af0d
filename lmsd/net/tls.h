/* net/tls.h - OpenSSL contexts: settings, certificates, and a self-signed one to start with.
 *
 * TLS 1.2 and later, no renegotiation, no compression, no session cache (tickets carry sessions),
 * buffers released while idle. A failed reload leaves the old context in place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

/* A new server context, or NULL with diag naming the file and the remedy. ca_file may be NULL;
 * else clients must show a certificate that it signed. The caller frees with SSL_CTX_free(). */
SSL_CTX *tls_server_ctx(const char *cert_file, const char *key_file, const char *ca_file,
			struct diag *diag);

/* A new client context that verifies the other side: by ca_file, or by the system's CAs when NULL.
 * cert_file and key_file (ours) may both be NULL. */
SSL_CTX *tls_client_ctx(const char *cert_file, const char *key_file, const char *ca_file,
			struct diag *diag);

/* Writes an EC P-256 key (mode 0600) and a certificate for host (name or address) good for ten
 * years. Existing files are replaced. 0, or -LMS_ECANTCREAT with diag. */
int tls_self_signed(const char *cert_path, const char *key_path, const char *host,
		    struct diag *diag);

/* The common name of the verified peer certificate into out; false when there is none, or when it
 * holds a NUL or does not fit. */
bool tls_peer_cn(SSL *ssl, char *out, size_t out_size);

/* The oldest error of OpenSSL's queue as text, which is emptied; "no detail" when it is empty. */
const char *tls_error_text(char *out, size_t out_size);
