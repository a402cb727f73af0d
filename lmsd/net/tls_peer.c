/* net/tls_peer.c - whose certificate a client has shown.
 *
 * A name counts only as it is written: no wildcard, no other case, no NUL inside. The CA signs for
 * stations of this site; which field it writes the identity into differs between CAs.
 */
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/tls.h"

static bool is_name(const unsigned char *p, int len, const char *identity)
{
	return len > 0 && (size_t)len == strlen(identity) && memcmp(p, identity, (size_t)len) == 0;
}

/* The common name as text; false when there is none, or when it holds a NUL or does not fit. */
static bool common_name(const X509 *cert, char *out, size_t out_size)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), len;
	unsigned char *utf8 = NULL;
	bool ok = false;

	out[0] = '\0';
	/* Of several, none can be said to be the name. */
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	len =
	    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	/* "lms\0evil" must not read as "lms". */
	if (len > 0 && (size_t)len < out_size && !memchr(utf8, '\0', (size_t)len)) {
		memcpy(out, utf8, (size_t)len);
		out[len] = '\0';
		ok = true;
	}
	OPENSSL_free(utf8);
	return ok;
}

/* "ocpp:ID", "urn:…:ID", "https://…/ID". */
static bool uri_names(const ASN1_IA5STRING *uri, const char *identity)
{
	const unsigned char *p = ASN1_STRING_get0_data(uri);
	int len = ASN1_STRING_length(uri), own = (int)strlen(identity);

	if (len <= own)
		return is_name(p, len, identity);
	return (p[len - own - 1] == '/' || p[len - own - 1] == ':') &&
	       is_name(p + len - own, own, identity);
}

static bool alternative_is(const GENERAL_NAME *name, const char *identity)
{
	const ASN1_TYPE *value;

	switch (name->type) {
	case GEN_DNS:
		return is_name(ASN1_STRING_get0_data(name->d.dNSName),
			       ASN1_STRING_length(name->d.dNSName), identity);
	case GEN_URI:
		return uri_names(name->d.uniformResourceIdentifier, identity);
	case GEN_OTHERNAME:
		value = name->d.otherName->value;
		return (value->type == V_ASN1_UTF8STRING || value->type == V_ASN1_IA5STRING) &&
		       is_name(ASN1_STRING_get0_data(value->value.asn1_string),
			       ASN1_STRING_length(value->value.asn1_string), identity);
	default:
		return false;
	}
}

static bool alternatives_name(const X509 *cert, const char *identity)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = alternative_is(sk_GENERAL_NAME_value(names, i), identity);
	GENERAL_NAMES_free(names);
	return found;
}

bool tls_cert_names(const X509 *cert, const char *identity)
{
	char name[65];

	return (common_name(cert, name, sizeof(name)) && strcmp(name, identity) == 0) ||
	       alternatives_name(cert, identity);
}

void tls_peer_look(SSL *ssl, const char *identity, struct tls_peer *out)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	long result = SSL_get_verify_result(ssl);

	*out = (struct tls_peer){.state = TLS_PEER_NONE};
	if (!cert)
		return;
	common_name(cert, out->name, sizeof(out->name));
	/* A resumed session was verified when it began. */
	if (result == X509_V_OK && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		result = X509_V_ERR_CERT_HAS_EXPIRED;
	if (result != X509_V_OK) {
		out->state = TLS_PEER_BAD;
		out->why = X509_verify_cert_error_string(result);
	} else if (tls_cert_names(cert, identity)) {
		out->state = TLS_PEER_NAMED;
	} else {
		out->state = TLS_PEER_OTHER;
	}
}
