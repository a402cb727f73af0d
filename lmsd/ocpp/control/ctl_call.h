/* ocpp/control/ctl_call.h - control commands that ask a station something and answer later. */
#pragma once

#include "hall.h"
#include "ocpp/session.h"

/* The station's session, connected; else diag: unknown station, or offline. */
int ctl_session(struct ctl_call *c, const char *station, struct ocpp_session **out);
/* Sends the payload that `w` wrote into `b` (taken). CTL_LATER, or an error. */
int ctl_call_send(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b, enum call_style style);
