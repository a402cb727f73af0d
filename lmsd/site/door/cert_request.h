/* site/door/cert_request.h - requests of stations for a certificate (SignCertificate): the latest of each.
 *
 * Pure. Kept until the station has accepted a certificate for it; over restarts.
 */
#pragma once

#include "site/site.h"

struct cert_request {
	char *csr;		/* PEM as the station sent it; owned */
	wall_t asked;
	bool is_new;		/* the hall has not looked at it yet */
	bool settled;		/* it must not be signed, or the station refused what was: not again by itself */
	char note[200];		/* what became of the latest answer to it; "" */
};

void cert_request_set(struct site *s, struct station *st, const char *csr, wall_t wall, struct effects *fx);
void cert_request_note(struct station *st, const char *note, bool settled);
/* The station is back: what was lost on the way of its answer is done again. */
void cert_request_again(struct site *s, struct station *st);
/* It has its certificate, or is forgotten. NULL fx: without a word to the store. */
void cert_request_drop(struct station *st, struct effects *fx);
int cert_request_load(struct site *s, const char *id, const char *json, size_t len, struct diag *diag);
