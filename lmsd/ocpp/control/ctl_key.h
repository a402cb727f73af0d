/* ocpp/control/ctl_key.h - a new key on its way to a station. */
#pragma once

#include "ocpp/control/ctl_call.h"

/* Tells a connected station its new key (hexadecimal), which it has been offered under this id
 * (site/door/security.h), once that is on disk. CTL_LATER, or an error: nothing was sent then. */
int ctl_key_send(struct ctl_call *c, struct ocpp_session *s, const char *hex, uint32_t id);
/* How it ended: one that the station surely does not have is withdrawn. */
void ctl_key_done(const struct ocpp_session *s, const struct call *c, const struct call_result *r, const struct turn *t);
