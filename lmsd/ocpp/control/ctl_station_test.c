/* ocpp/control/ctl_station_test.c - station test: waits for the end of the guided charge. */
#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/limit/proof.h"

int ctl_station_test(struct ctl_call *c, const struct ctl_station_test_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct station *st = site_station(c->hall->site, a->id);
	mono_t reply_by = a->wait_ms == NUM_NONE ? MONO_NEVER : c->now + a->wait_ms * US_PER_MS;
	struct ocpp_session *s;
	int ret = ctl_session(c, a->id, &s);

	/* In the middle of a test it is offline for a while, and that is part of it. */
	if (ret && (a->follow != 1 || !st || !(s = session_by_station(c->hall->ocpp, a->id))))
		return ret;
	if (a->wait_ms != NUM_NONE && (a->wait_ms < 0 || a->wait_ms > INT64_C(3600000)))
		return diag_set(&c->diag, -LMS_ERANGE, "wait: must be at most an hour");
	if (st->conf < 0)
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s is not registered (station accept %s zone=… test=yes)",
				a->id, a->id);
	diag_init(&c->diag);
	if (a->follow == 1)
		ret = proof_follow(s, st, c->token, reply_by, &t, &c->diag);
	else
		ret = proof_begin(s, st, c->token, reply_by, &t, &c->diag);
	return ret ? ret : CTL_LATER;
}
