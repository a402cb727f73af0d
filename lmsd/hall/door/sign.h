/* hall/door/sign.h - signs what stations ask for (SignCertificate) by the site's own CA, where there is one.
 *
 * A name alone gets no certificate: only a station whose connection shows its key or certificate over TLS
 * (profile 2 and up) is signed for without a person, and each at most once a minute.
 */
#pragma once

#include "base/types.h"

struct app;

/* At the end of a turn in which some station asked. */
void sign_turn(struct app *app, mono_t now, wall_t wall);
