/* ocpp/control/ctl_connector_call.c - connector start and stop, transaction stop.
 *
 * A remote start carries a profile only where an administrator names a limit: that of a transaction comes from
 * the balance, and takes its place.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ocpp/control/ctl_call.h"
#include "ocpp/limit/way.h"

#define REMOTE_START_US (120 * US_PER_S)	/* the usual ConnectionTimeOut, and a little */

/* An unknown tag would start nothing, or a transaction that nobody can bill. */
static int check_tag(struct ctl_call *c, const struct connector *conn, const char *tag, bool *vip)
{
	struct auth auth = site_authorize(c->hall->site, conn->station, tag, conn->number, true, c->wall);

	*vip = auth.vip;
	if (auth.status == AUTH_ACCEPTED)
		return 0;
	if (!site_tag(c->hall->site, tag))
		return diag_set(&c->diag, -LMS_ENOTFOUND, "tag %s: is not known (tag add %s creates it)", tag, tag);
	return diag_set(&c->diag, -LMS_ECONFLICT, "tag %s: may not start here: %s: %s (tag show %s tells more)", tag,
			auth_status_text(auth.status), auth.why, tag);
}

int ctl_connector_start(struct ctl_call *c, const struct ctl_connector_start_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct connector *conn = site_connector_by_id(c->hall->site, a->id, &c->diag);
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	bool vip;
	int ret;

	if (!conn)
		return c->diag.err;
	if (a->limit_ma != NUM_NONE && a->limit_ma < 0)
		return diag_set(&c->diag, -LMS_ERANGE, "limit: must be 0 or more");
	if (a->limit_ma != NUM_NONE && way_of(site_connector_conf(c->hall->site, conn)) != WAY_PROFILE)
		return diag_set(&c->diag, -LMS_ECONFLICT, "connector %s: limit: it is not told its limits by the profile of a "
				"transaction (leave it out: lmsd sets them its way)", a->id);
	ret = check_tag(c, conn, a->tag, &vip);
	if (ret == 0)
		ret = ctl_session(c, conn->station->id, &s);
	if (ret)
		return ret;
	if (conn->tx)
		return diag_set(&c->diag, -LMS_ECONFLICT, "connector %s: transaction %d runs already (connector "
				"stop %s ends it)", a->id, conn->tx->id, a->id);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "connectorId", conn->number);
	jw_kstr(&w, "idTag", a->tag);
	if (a->limit_ma != NUM_NONE) {
		jw_key(&w, "chargingProfile");
		order_write_remote(s, conn, a->limit_ma, c->wall, &w);
	}
	jw_object_end(&w);
	ret = ctl_call_send(c, s, "RemoteStartTransaction", &b, STYLE_STATION);
	if (ret == CTL_LATER) {
		status_authorized(s, conn->station, conn->number, vip, &t);
		s->remote_connector = conn->number;
		s->remote_until = c->now + REMOTE_START_US;
		snprintf(s->remote_tag, sizeof(s->remote_tag), "%s", a->tag);
	}
	return ret;
}

static int stop_tx(struct ctl_call *c, const char *station, int32_t id)
{
	struct ocpp_session *s;
	struct json_writer w;
	struct buf b;
	int ret = ctl_session(c, station, &s);

	if (ret)
		return ret;
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "transactionId", id);
	jw_object_end(&w);
	return ctl_call_send(c, s, "RemoteStopTransaction", &b, STYLE_STATION);
}

int ctl_connector_stop(struct ctl_call *c, const struct ctl_connector_stop_args *a)
{
	const struct connector *conn = site_connector_by_id(c->hall->site, a->id, &c->diag);

	if (!conn)
		return c->diag.err;
	if (!conn->tx)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "connector %s: no transaction runs", a->id);
	return stop_tx(c, conn->station->id, conn->tx->id);
}

int ctl_transaction_stop(struct ctl_call *c, const struct ctl_transaction_stop_args *a)
{
	const struct tx *tx = a->id > 0 && a->id <= INT32_MAX ? site_tx(c->hall->site, (int32_t)a->id) : NULL;

	if (!tx)
		return diag_set(&c->diag, -LMS_ENOTFOUND, "transaction %lld: does not run (transaction list "
				"state=running shows those that do)", (long long)a->id);
	return stop_tx(c, tx->station, tx->id);
}
