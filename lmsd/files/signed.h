/* files/signed.h - is a signed firmware what its signature says? Asked before stations are, all of which would refuse. */
#pragma once

#include "base/diag.h"
#include "base/types.h"

/* certificate: PEM. signature: base64, RSA-PSS, RSA PKCS #1 or ECDSA over SHA-256 (OCPP 1.6 security whitepaper).
 * sha256: of the file, hexadecimal; NULL = the file is elsewhere and only form and certificate are looked at.
 * signers: PEM file of the certificates that may have issued it; NULL = any may. 0, or -LMS_EDATA with diag. */
int signed_check(const char *certificate, const char *signature, const char *sha256, const char *signers, wall_t wall,
		 struct diag *diag);
