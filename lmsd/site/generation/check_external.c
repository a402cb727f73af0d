/* site/generation/check_external.c - a connector's own meter measures that connector and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"

static int missing(const struct site_conf *c, const struct connector_conf *conn, struct diag *diag)
{
	const char **names = xcalloc(c->meter_count + 1, sizeof(*names)), *near;

	for (size_t i = 0; i < c->meter_count; i++)
		names[i] = c->meters[i].k.id;
	near = text_nearest(conn->k.external_meter, names, c->meter_count);
	free(names);
	return diag_set(diag, -LMS_EDATA, "connector %s: external_meter: '%s' does not exist (%s%s%slmsctl meter list)",
			conn->k.id, conn->k.external_meter, near ? "did you mean '" : "", near ? near : "",
			near ? "'?; " : "");
}

static int check_one(const struct site_conf *c, const struct connector_conf *conn, const char **used,
		     struct diag *diag)
{
	const struct ctl_meter_keys *m;

	if (conn->meter < 0)
		return missing(c, conn, diag);
	m = &c->meters[conn->meter].k;
	if (m->scope && strcmp(m->scope, "sub") != 0)
		return diag_set(diag, -LMS_EDATA,
				"connector %s: external_meter: '%s' measures scope=%s, not one connector (use a meter "
				"with scope=sub)", conn->k.id, m->id, m->scope);
	if (used[conn->meter])
		return diag_set(diag, -LMS_EDATA,
				"connector %s: external_meter: '%s' is that of connector %s already (each needs its "
				"own)", conn->k.id, m->id, used[conn->meter]);
	for (size_t z = 0; z < c->zone_count; z++)
		if (c->zones[z].meter == conn->meter)
			return diag_set(diag, -LMS_EDATA,
					"connector %s: external_meter: '%s' is the meter of zone %s, which has more in "
					"it (use another meter)", conn->k.id, m->id, c->zones[z].k.id);
	used[conn->meter] = conn->k.id;
	return 0;
}

int check_external(const struct site_conf *c, struct diag *diag)
{
	const char **used = xcalloc(c->meter_count + 1, sizeof(*used));
	int ret = 0;

	for (size_t i = 0; i < c->station_count && !ret; i++)
		for (size_t k = 0; k < c->stations[i].connector_count && !ret; k++)
			if (c->stations[i].connectors[k].k.external_meter)
				ret = check_one(c, &c->stations[i].connectors[k], used, diag);
	free(used);
	return ret;
}
