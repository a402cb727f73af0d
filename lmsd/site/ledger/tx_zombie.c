/* site/ledger/tx_zombie.c - transactions that run in the ledger, though hardly at their station.
 *
 * They are shown, and nothing is done about them: a station keeps the stop that it could not send, be
 * it for days. Whoever knows better closes them by hand.
 */
#include <string.h>

#include "site/ledger/ledger.h"

#define GONE_US (INT64_C(86400) * US_PER_S) /* its station is away for so long */
#define OVER_US (600 * US_PER_S)            /* from a status that ends a transaction to its stop */

static const struct {
	const char *status, *why;
} over[] = {
	{ "Available", "its connector has been Available for more than 10 min" },
	{ "Finishing", "its connector has been Finishing for more than 10 min" },
	{ "Reserved", "its connector has been Reserved for more than 10 min" },
	{ "Unavailable", "its connector has been Unavailable for more than 10 min" },
};

static bool is_gone(const struct tx *tx, const struct station *st, wall_t wall)
{
	wall_t seen = tx->start_received;

	if (st->last_seen != WALL_NONE && st->last_seen > seen)
		seen = st->last_seen;
	return seen != WALL_NONE && wall - seen > GONE_US;
}

static const char *is_over(const struct connector *c, wall_t wall)
{
	/* A status from before its start says nothing of it, and what drew since then is alive. */
	if (c->status_old || c->drew_at != 0 || c->status_time == WALL_NONE ||
	    wall - c->status_time <= OVER_US)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(over); i++)
		if (strcmp(c->status, over[i].status) == 0)
			return over[i].why;
	return NULL;
}

const char *site_tx_zombie(const struct site *s, const struct tx *tx, wall_t wall)
{
	const struct connector *c;
	struct station *st;

	HASH_FIND(hh, s->stations, tx->station, strlen(tx->station), st);
	if (!st)
		return "its station is not known any more";
	if (st->state != STATION_ONLINE)
		return is_gone(tx, st, wall) ? "its station has been away for more than a day" : NULL;
	c = site_connector(st, tx->connector);
	if (c && c->tx == tx)
		return is_over(c, wall);
	if (c && c->tx)
		return "another transaction runs on its connector";
	return wall - tx->start_received > OVER_US
		       ? "its start was sent after an outage, and nothing charges there"
		       : NULL;
}

struct tx *site_tx_waiting(const struct site *s, const struct connector *c)
{
	for (struct tx *tx = s->ledger->replays ? s->running : NULL; tx; tx = tx->hh.next)
		if (tx->replay && tx->connector == c->number &&
		    strcmp(tx->station, c->station->id) == 0)
			return tx;
	return NULL;
}
