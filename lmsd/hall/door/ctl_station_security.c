/* hall/door/ctl_station_security.c - station security upgrade (whitepaper A05), station security events.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/text.h"
#include "ocpp/control/ctl_call.h"
#include "site/door/security_log.h"

#define PAGE_DEFAULT 200
#define PAGE_MAX     1000

/* What the station would not find when it comes with the profile, it must have before. */
static int check_upgrade(struct ctl_call *c, const struct station *st, int64_t profile)
{
	const struct app *app =
	    (const struct app *)((const char *)c->hall - offsetof(struct app, hall));

	if (profile < 1 || profile > 3)
		return diag_set(&c->diag, -LMS_ERANGE, "profile: must be 1, 2 or 3");
	if (profile <= st->security.profile)
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s: shows profile %d already",
				st->id, st->security.profile);
	if (profile < 3 && st->security.key_count == 0)
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"station %s: has no key (lmsctl station key rotate %s first)",
				st->id, st->id);
	if (profile > 1 && app->wss == NULL)
		return diag_set(&c->diag, -LMS_ECONFLICT,
				"profile: %d needs TLS, and listen.wss is off (lmsd.conf)",
				(int)profile);
	if (profile == 3 && !*app->boot.tls_client_ca)
		return diag_set(
		    &c->diag, -LMS_ECONFLICT,
		    "profile: 3 needs a CA that signs for stations (tls.client_ca in lmsd.conf)");
	return 0;
}

int ctl_station_security_upgrade(struct ctl_call *c,
				 const struct ctl_station_security_upgrade_args *a)
{
	const struct station *st = site_station(c->hall->site, a->id);
	struct ocpp_session *s;
	struct json_writer w;
	char digit[2] = "";
	struct buf b;
	int ret = ctl_session(c, a->id, &s);

	if (ret == 0)
		ret = check_upgrade(c, st, a->profile);
	if (ret)
		return ret;
	digit[0] = (char)('0' + a->profile);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "key", "SecurityProfile");
	jw_kstr(&w, "value", digit);
	jw_object_end(&w);
	return ctl_call_send(c, s, "ChangeConfiguration", &b, STYLE_STATION);
}

int ctl_station_security_events(struct ctl_call *c,
				const struct ctl_station_security_events_args *a)
{
	int64_t limit = a->limit == NUM_NONE  ? PAGE_DEFAULT
			: a->limit < 1        ? 1
			: a->limit > PAGE_MAX ? PAGE_MAX
					      : a->limit;
	const struct security_event *e;
	int64_t after = 0;
	char next[24] = "";

	if (a->cursor != NULL && parse_int(a->cursor, 0, INT64_MAX, &after, NULL))
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before",
				a->cursor);
	ctl_answer_list(c);
	while ((e = security_log_next(c->hall->site, (uint64_t)after)) != NULL) {
		struct ctl_security_event rec;

		if (limit == 0)
			break;
		after = (int64_t)e->seq;
		if ((a->id != NULL && strcmp(a->id, e->station) != 0) ||
		    (a->critical == 1 && !e->critical))
			continue;
		rec = (struct ctl_security_event){.seq = after,
						  .time = e->time,
						  .station = e->station,
						  .type = e->type,
						  .critical = e->critical,
						  .info = *e->tech ? e->tech : NULL,
						  .meaning = security_event_text(e->type),
						  .received = e->received};
		ctl_answer_item(c, &rec);
		limit--;
	}
	if (e != NULL)
		snprintf(next, sizeof(next), "%lld", (long long)after);
	return ctl_answer_list_end(c, *next ? next : NULL);
}
