/* ocpp/setup/setup.h - a pass over a station's configuration: after a boot, or for an administrator. */
#pragma once

#include "ocpp/session.h"

/* `diff` looks only; else what differs is set, and what was refused before is tried again. The token is
 * answered once, with a row for each key. 0, or -LMS_ECONFLICT while another pass runs. */
int setup_ask(struct ocpp_session *s, uint64_t token, bool diff, const struct turn *t, struct diag *d);
/* The session ends: whoever waits is told. */
void setup_drop(struct ocpp_session *s, struct effects *fx);
