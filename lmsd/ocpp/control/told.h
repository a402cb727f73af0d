/* ocpp/control/told.h - station firmware status: the answer to the trigger only says that the notification will come,
 * and what was asked for is the notification. Some stations send it first.
 */
#pragma once

#include "ocpp/session.h"

/* When the trigger was queued for the administrator's call. */
void told_expect(struct ocpp_session *s, uint64_t token);
/* The trigger was answered. true: the administrator's answer waits for the notification. */
bool told_waits(struct ocpp_session *s, const struct call *c, const struct call_result *r, const struct turn *t);
/* The notification. */
void told_firmware(struct ocpp_session *s, const char *status, const struct turn *t);
/* It did not come: time is up, or the connection is gone. */
void told_over(struct ocpp_session *s, const struct turn *t);
