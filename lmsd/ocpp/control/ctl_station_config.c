/* ocpp/control/ctl_station_config.c - station config diff and restore: a pass over what it shall be. */
#include "ocpp/control/ctl_call.h"
#include "ocpp/setup/setup.h"

static int pass(struct ctl_call *c, const char *id, bool diff)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct ocpp_session *s;
	int ret = ctl_session(c, id, &s);

	if (ret == 0)
		ret = setup_ask(s, c->token, diff, &t, &c->diag);
	return ret ? ret : CTL_LATER;
}

int ctl_station_config_diff(struct ctl_call *c, const struct ctl_station_config_diff_args *a)
{
	return pass(c, a->id, true);
}

int ctl_station_config_restore(struct ctl_call *c, const struct ctl_station_config_restore_args *a)
{
	return pass(c, a->id, false);
}
