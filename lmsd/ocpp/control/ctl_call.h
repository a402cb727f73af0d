/* ocpp/control/ctl_call.h - control commands that ask a station something and answer later. */
#pragma once

#include "hall.h"
#include "ocpp/session.h"

/* The station's session, connected; else diag: unknown station, or offline. */
int ctl_session(struct ctl_call *c, const char *station, struct ocpp_session **out);
/* Begins a payload for a connected station: an object is open in `w`. On an error nothing is to be freed. */
int ctl_call_begin(struct ctl_call *c, const char *station, struct ocpp_session **s, struct buf *b, struct json_writer *w);
/* Ends that object and sends it. CTL_LATER, or an error. */
int ctl_call_end(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b, struct json_writer *w,
		 enum call_style style);
/* A connector's number between `least` and what a station can have; unset ones pass. */
int ctl_check_connector(struct ctl_call *c, int64_t number, int64_t least);
/* Sends the payload that `w` wrote into `b` (taken). CTL_LATER, or an error. */
int ctl_call_send(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b, enum call_style style);
/* The same for a message that begins a job of the station's (site/transfer.h), which its answer moves on. */
int ctl_call_send_job(struct ctl_call *c, struct ocpp_session *s, const char *action, struct buf *b,
		      enum call_style style, int64_t job);
