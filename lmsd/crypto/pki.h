/* crypto/pki.h - certificates and requests as text: looked at, signed. Milliseconds at most; nothing is kept.
 *
 * Texts are PEM. Errors are -LMS_EDATA (or -LMS_ECONFIG of a file) with diag saying what is wrong and what to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/types.h"

#define PKI_CERT_MAX 5500	/* characters: CiString of InstallCertificate and SignCertificate … */
#define PKI_CHAIN_MAX 10000	/* … and of CertificateSigned */

/* Is this one certificate of a CA, in force? For InstallCertificate. */
int pki_check_root(const char *pem, wall_t wall, struct diag *diag);

/* certificateHashData of a CA's own, self-signed certificate (OCPP: hashes of the issuer's name and key). */
struct pki_hash { char algorithm[8], issuer_name[129], issuer_key[129], serial[41]; };
int pki_hash_of(const char *pem, const char *algorithm, struct pki_hash *out, struct diag *diag);

/* A request of this station for its own name: signature good, common name its identity, key strong enough
 * (EC from 224 bits, RSA from 2048). `about` (may be NULL) gets "CN=…, EC 256 bits" as far as it could be read. */
int pki_check_request(const char *csr, const char *identity, char *about, size_t about_size, struct diag *diag);

/* Does the chain begin with a certificate for this request: the same key, the identity, in force? */
int pki_check_chain(const char *chain, const char *csr, const char *identity, wall_t wall, struct diag *diag);

/* Signs a request that was checked, with the CA in these files, for two years; appends the chain. */
int pki_sign(const char *csr, const char *identity, const char *ca_file, const char *key_file, struct buf *chain,
	     struct diag *diag);
/* Can it sign? */
int pki_check_ca(const char *ca_file, const char *key_file, struct diag *diag);
