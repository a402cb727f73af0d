/* ocpp/control/told.c - an answer that waits for the notification which it announced. */
#include "ocpp/control/told.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define NOTIFY_US (10 * US_PER_S)

static void reply(struct ocpp_session *s, const struct turn *t)
{
	const struct station *st = session_station(s);
	struct json_writer w;
	struct buf b;

	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "status", "Accepted");
	if (*s->told.said)
		jw_kstr(&w, "firmware_status", s->told.said);
	else
		jw_kstr(&w, "description", "the station has not sent its FirmwareStatusNotification");
	if (st && *st->firmware)
		jw_kstr(&w, "firmware", st->firmware);
	jw_object_end(&w);
	fx_reply(t->fx, FX_NOW, s->told.token, b.data, b.len);
	buf_fini(&b);
	s->told.token = 0;
	s->timer[TIMER_TOLD] = MONO_NEVER;
}

void told_expect(struct ocpp_session *s, uint64_t token)
{
	s->told.token = token;
	s->told.answered = false;
	s->told.said[0] = '\0';
}

bool told_waits(struct ocpp_session *s, const struct call *c, const struct call_result *r, const struct turn *t)
{
	if (s->told.token == 0 || s->told.token != c->token)
		return false;
	if (r->how != CALL_ANSWERED || strcmp(json_str(json_get(r->payload, "status"), ""), "Accepted") != 0) {
		s->told.token = 0;
		return false;
	}
	s->told.answered = true;
	if (*s->told.said)
		reply(s, t);
	else
		session_timer(s, TIMER_TOLD, t->now + NOTIFY_US);
	return true;
}

void told_firmware(struct ocpp_session *s, const char *status, const struct turn *t)
{
	if (s->told.token == 0)
		return;
	snprintf(s->told.said, sizeof(s->told.said), "%s", status);
	if (s->told.answered)
		reply(s, t);
}

void told_over(struct ocpp_session *s, const struct turn *t)
{
	if (s->told.token && s->told.answered)
		reply(s, t);
}
