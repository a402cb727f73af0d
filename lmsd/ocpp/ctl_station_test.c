/* ocpp/ctl_station_test.c - station test: waits for the end of the guided charge. */
#include "base/err.h"
#include "ocpp/ctl_call.h"
#include "ocpp/proof.h"

int ctl_station_test(struct ctl_call *c, const struct ctl_station_test_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct station *st = site_station(c->hall->site, a->id);
	struct ocpp_session *s;
	int ret = ctl_session(c, a->id, &s);

	if (ret)
		return ret;
	if (st->conf < 0)
		return diag_set(&c->diag, -LMS_ECONFLICT, "station %s is not registered (station accept %s zone=… test=yes)",
				a->id, a->id);
	ret = proof_begin(s, st, c->token, &t, &c->diag);
	return ret ? ret : CTL_LATER;
}
