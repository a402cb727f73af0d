/* ocpp/control/ctl_station_local_list.c - station local-list version, show, send. */
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/locallist/locallist.h"

int ctl_station_local_list_version(struct ctl_call *c, const struct ctl_station_local_list_version_args *a)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_call_begin(c, a->id, &s, &b, &w);

	return ret ? ret : ctl_call_end(c, s, "GetLocalListVersion", &b, &w, STYLE_PAYLOAD);
}

int ctl_station_local_list_show(struct ctl_call *c, const struct ctl_station_local_list_show_args *a)
{
	const struct station *st = site_station(c->hall->site, a->id);
	const struct ocpp_session none = { .o = c->hall->ocpp }, *s;

	if (!st)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "station %s: does not exist (station list shows all)", a->id);
	s = session_by_station(c->hall->ocpp, a->id);
	jw_object(&c->w);
	locallist_write(s ? s : &none, st, &c->w);
	jw_object_end(&c->w);
	return 0;
}

static int send_raw(struct ctl_call *c, struct ocpp_session *s, const struct ctl_station_local_list_send_args *a, bool full)
{
	const struct json *list = json_parse(c->arena, a->list, strlen(a->list), &JSON_CAPS_DEFAULT, &c->diag);
	const struct turn t = { c->now, c->wall, c->fx };

	if (!list || list->type != JSON_ARRAY)
		return diag_set(&c->diag, -LMS_EDATA, "list: must be a JSON array, as localAuthorizationList is");
	if (locallist_wanted(s, session_station(s)))
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s: its list is kept as the tags are (station set %s "
				"local_list=no ends that)", s->id, s->id);
	locallist_send_raw(s, full ? "Full" : "Differential", a->version, list, c->token, &t);
	return 0;
}

int ctl_station_local_list_send(struct ctl_call *c, const struct ctl_station_local_list_send_args *a)
{
	bool full = !a->update || strcmp(a->update, "Full") == 0;
	const struct turn t = { c->now, c->wall, c->fx };
	struct ocpp_session *s;
	int ret;

	if (a->version != NUM_NONE && (a->version < 1 || a->version > INT32_MAX))
		return diag_set(&c->diag, -LMS_ERANGE, "version: must be 1 or more");
	ret = ctl_session(c, a->id, &s);
	if (ret == 0 && queue_full(s))
		ret = diag_set(&c->diag, -LMS_ECONFLICT, "station %s: %d calls wait already (try again)", s->id, QUEUE_MAX);
	if (ret)
		return ret;
	ret = a->list ? send_raw(c, s, a, full) : locallist_send(s, full, a->version, c->token, &t, &c->diag);
	return ret ? ret : CTL_LATER;
}
