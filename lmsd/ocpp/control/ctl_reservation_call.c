/* ocpp/control/ctl_reservation_call.c - reservation create, cancel. */
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/reserve/reserve.h"

#define USUAL_US (30 * 60 * US_PER_S)

/* "CP1/2", "CP1/0", or "CP1", which is the same as that. */
static int find_place(struct ctl_call *c, const char *place, struct station **st, int *number)
{
	const char *slash = strrchr(place, '/');
	struct connector *conn;

	if (slash && strcmp(slash, "/0") != 0) {
		conn = site_connector_by_id(c->hall->site, place, &c->diag);
		if (!conn)
			return c->diag.err;
		*st = conn->station;
		*number = conn->number;
		return 0;
	}
	*number = 0;
	*st = site_station(c->hall->site, slash ? arena_strndup(c->arena, place, (size_t)(slash - place)) : place);
	if (!*st)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "connector: '%.60s' is no connector (write STATION/NUMBER; station list "
				"shows all stations)", place);
	return 0;
}

static int check_tag(struct ctl_call *c, const struct station *st, int number, const char *uid, struct tag **tag)
{
	struct auth auth = site_authorize(c->hall->site, st, uid, number, false, c->wall);

	*tag = site_tag(c->hall->site, uid);
	if (!*tag)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "tag %s: is not known (tag add %s creates it)", uid, uid);
	if (auth.status == AUTH_ACCEPTED)
		return 0;
	return diag_set(&c->diag, -LMS_ECONFLICT, "tag %s: may not charge here: %s: %s (tag show %s tells more)", uid,
			auth_status_text(auth.status), auth.why, uid);
}

static int find_end(struct ctl_call *c, const struct ctl_reservation_create_args *a, wall_t *expires)
{
	if (a->for_ms != NUM_NONE && a->expires != WALL_NONE)
		return diag_set(&c->diag, -LMS_EUSAGE, "expires: is said by for already");
	*expires = a->expires != WALL_NONE ? a->expires : c->wall + USUAL_US;
	if (a->for_ms != NUM_NONE) {
		if (a->for_ms <= 0 || a->for_ms > INT64_MAX / US_PER_MS / 2)
			return diag_set(&c->diag, -LMS_ERANGE, "for: is out of range (write a time such as 30m, 2h)");
		*expires = c->wall + a->for_ms * US_PER_MS;
	}
	return 0;
}

int ctl_reservation_create(struct ctl_call *c, const struct ctl_reservation_create_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct ocpp_session *s = NULL;
	struct reservation *r;
	struct station *st;
	struct tag *tag;
	wall_t expires = WALL_NONE;
	int number, ret;

	ret = find_place(c, a->connector, &st, &number);
	if (ret == 0)
		ret = check_tag(c, st, number, a->tag, &tag);
	if (ret == 0)
		ret = find_end(c, a, &expires);
	if (ret == 0)
		ret = ctl_session(c, st->id, &s);
	if (ret == 0 && !session_known(s, st))
		ret = diag_set(&c->diag, -LMS_ECONFLICT, "station %s is not registered (station accept %s zone=…)", st->id, st->id);
	if (ret == 0 && number == 0 && s->no_reserve_zero)
		ret = diag_set(&c->diag, -LMS_ECONFLICT, "station %s: takes no reservation without a connector "
			       "(ReserveConnectorZeroSupported is false; reserve %s/1)", st->id, st->id);
	if (ret == 0 && queue_full(s))
		ret = diag_set(&c->diag, -LMS_ECONFLICT, "station %s: %d calls wait already (try again)", s->id, QUEUE_MAX);
	if (ret == 0)
		ret = site_reservation_new(c->hall->site, st, number, tag, expires, c->wall, &r, c->fx, &c->diag);
	if (ret)
		return ret;
	reserve_ask(s, r, c->token, &t);
	ocpp_due_by(c->hall->ocpp, reserve_due(c->hall->ocpp, c->now, c->wall));
	return CTL_LATER;
}

int ctl_reservation_cancel(struct ctl_call *c, const struct ctl_reservation_cancel_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct reservation *r = site_reservation(c->hall->site, a->id);
	struct ocpp_session *s;
	int ret;

	if (!r)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "reservation %lld: does not exist (reservation list shows all)",
				(long long)a->id);
	ret = ctl_session(c, r->station, &s);
	if (ret == -LMS_EOFFLINE) {
		site_reservation_state(r, RESERVATION_CANCELLING, c->fx);
		diag_init(&c->diag);
		return diag_set(&c->diag, ret, "station %s is offline: reservation %d is cancelled when it returns", r->station,
				r->id);
	}
	if (ret)
		return ret;
	reserve_cancel(s, r, c->token, &t);
	return CTL_LATER;
}
