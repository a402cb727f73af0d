/* ocpp/locallist/locallist.h - the local authorization list of a station, kept as the tags of the site are.
 *
 * Where it is enabled (key local_list of the station, else of the site): on connecting the station is asked
 * for the version that it has. If that is what it accepted last, it is told what has changed since, else
 * everything, in messages as long as it takes. Versions only rise.
 */
#pragma once

#include "ocpp/session.h"

/* Its list is kept by us. */
bool locallist_wanted(const struct ocpp_session *s, const struct station *st);
/* Looks after it soon: the station has come, its configuration or the tags have changed. */
void locallist_wake(struct ocpp_session *s, const struct turn *t);
void locallist_timer(struct ocpp_session *s, const struct turn *t);
/* The connection is gone: what was learned on it is asked anew. */
void locallist_closed(struct ocpp_session *s);
void locallist_free(struct ocpp_session *s);
void locallist_done(struct ocpp_session *s, struct call *c, const struct call_result *r, const struct turn *t);

/* For an administrator, who is answered by the token: everything, or what has changed. `version` of the (first)
 * message, NUM_NONE = the next one. 0, or an error with diag. */
int locallist_send(struct ocpp_session *s, bool full, int64_t version, uint64_t token, const struct turn *t,
		   struct diag *d);
/* A message as it is; `list` NULL = none in it. */
void locallist_send_raw(struct ocpp_session *s, const char *update, int64_t version, const struct json *list, uint64_t token,
			const struct turn *t);
/* What is known of it, as members of an open object. */
void locallist_write(const struct ocpp_session *s, const struct station *st, struct json_writer *w);
