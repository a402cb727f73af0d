/* ocpp/control/ctl_transaction_close.c - transaction close: somebody says that it is over.
 *
 * What its station still charges keeps its limit there, so one that charges cannot be closed: it is
 * stopped. Of a station that is away nobody knows better than who closes it.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "ocpp/control/ctl_call.h"

#define REASON_MAX 150

static int not_running(struct ctl_call *c, int64_t id)
{
	if (id > 0 && id < c->hall->site->next_tx)
		return diag_set(&c->diag, -LMS_ECONFLICT, "transaction %lld: does not run any more (transaction show "
				"%lld tells how it ended)", (long long)id, (long long)id);
	return diag_set(&c->diag, -LMS_ENOTFOUND, "transaction %lld does not exist (transaction list)", (long long)id);
}

static int check_dead(struct ctl_call *c, const struct tx *tx)
{
	struct station *st = site_station(c->hall->site, tx->station);
	const struct connector *conn = st ? site_connector(st, tx->connector) : NULL;

	if (!st || st->state != STATION_ONLINE || site_tx_zombie(c->hall->site, tx, c->wall))
		return 0;
	return diag_set(&c->diag, -LMS_ECONFLICT, "transaction %d: is alive: its station is connected, and connector %s/%d "
			"is %s (transaction stop %d ends it)", tx->id, tx->station, tx->connector,
			conn && *conn->status ? conn->status : "not known", tx->id);
}

static int check_reason(struct ctl_call *c, const char *reason)
{
	size_t len = strlen(reason);

	if (len > 0 && len <= REASON_MAX && utf8_valid(reason, len))
		return 0;
	return diag_set(&c->diag, -LMS_EDATA, "reason: must have 1 to %d bytes of text", REASON_MAX);
}

int ctl_transaction_close(struct ctl_call *c, const struct ctl_transaction_close_args *a)
{
	const struct turn t = { c->now, c->wall, c->fx };
	struct tx *tx = a->id > 0 && a->id <= INT32_MAX ? site_tx(c->hall->site, (int32_t)a->id) : NULL;
	struct ctl_transaction rec;
	struct ocpp_session *s;
	struct station *st;
	char by[40];
	int ret;

	if (!tx)
		return not_running(c, a->id);
	ret = check_reason(c, a->reason);
	if (ret == 0)
		ret = check_dead(c, tx);
	if (ret)
		return ret;
	snprintf(by, sizeof(by), "uid %u", c->uid);
	st = site_station(c->hall->site, tx->station);
	s = st ? session_by_station(c->hall->ocpp, st->id) : NULL;
	ret = site_tx_close_by_hand(c->hall->site, tx, a->reason, by, a->meter_stop_wh, c->wall, c->fx, &c->diag);
	if (ret)
		return ret;
	log_station(NOTICE, tx->station, "transaction_closed", "transaction=%d by=%s why=%s", tx->id, by,
		    log_text(a->reason));
	if (s)
		status_refresh_all(s, st, &t);
	site_tx_to_record(c->hall->site, tx, c->wall, c->arena, &rec);
	return ctl_answer_record(c, &rec);
}
