/* ocpp/control/ctl_cert.h - certificates on their way to a station. */
#pragma once

#include "ocpp/control/ctl_call.h"

/* CertificateSigned for the station's request, by somebody who waits for the answer. CTL_LATER, or an error. */
int ctl_cert_send(struct ctl_call *c, struct ocpp_session *s, const char *chain);
/* The same by lmsd itself; nothing happens while the station cannot be told. */
bool cert_send(struct ocpp *o, const char *station, const char *chain, mono_t now, wall_t wall, struct effects *fx);
/* The station has answered: with Accepted, its request is done. */
void cert_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);
