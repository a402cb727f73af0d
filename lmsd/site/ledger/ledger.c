/* site/ledger/ledger.c - which transactions run, which ended lately, and which one this is again. */
#include "site/ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

struct ledger *ledger_new(void)
{
	return xcalloc(1, sizeof(struct ledger));
}

void ledger_free(struct ledger *l)
{
	HASH_CLEAR(by_start, l->starts);
	HASH_CLEAR(hh, l->ended);
	for (size_t i = 0; i < l->count; i++)
		tx_free(l->ring[(l->first + i) % ENDED_KEPT]);
	free(l);
}

void tx_free(struct tx *tx)
{
	if (tx)
		curve_free(&tx->curve);
	free(tx);
}

/* FNV-1a over the identity, on top of the message's hash. */
uint64_t ledger_key(const char *station, uint64_t hash)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ hash;

	for (const char *s = station; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h;
}

static void tag_count(struct site *s, const struct tx *tx, int change)
{
	struct tag *t = site_tag(s, tx->tag);

	if (t && t->running + change >= 0)
		t->running += change;
}

void ledger_run(struct site *s, struct tx *take_tx)
{
	HASH_ADD(hh, s->running, id, sizeof(take_tx->id), take_tx);
	HASH_ADD(by_start, s->ledger->starts, start_key, sizeof(take_tx->start_key), take_tx);
	s->ledger->replays += take_tx->replay;
	tag_count(s, take_tx, 1);
}

void ledger_unrun(struct site *s, struct tx *tx)
{
	struct station *st = site_station(s, tx->station);
	struct connector *c = st ? site_connector(st, tx->connector) : NULL;

	HASH_DELETE(hh, s->running, tx);
	HASH_DELETE(by_start, s->ledger->starts, tx);
	s->ledger->replays -= tx->replay;
	tx->replay = false;
	tag_count(s, tx, -1);
	if (c && c->tx == tx) {
		c->tx = NULL;
		c->draw_at = c->drew_at = 0;
		connector_forget_draw(s, c);
	}
}

static void remember(struct ledger *l, struct tx *tx)
{
	HASH_ADD(hh, l->ended, id, sizeof(tx->id), tx);
	HASH_ADD(by_start, l->starts, start_key, sizeof(tx->start_key), tx);
	l->count++;
}

static void forget_first(struct ledger *l)
{
	struct tx *tx = l->ring[l->first];

	HASH_DELETE(hh, l->ended, tx);
	HASH_DELETE(by_start, l->starts, tx);
	tx_free(tx);
	l->first = (l->first + 1) % ENDED_KEPT;
	l->count--;
}

void ledger_end(struct site *s, struct tx *take_tx)
{
	struct ledger *l = s->ledger;

	if (l->count == ENDED_KEPT)
		forget_first(l);
	l->ring[(l->first + l->count) % ENDED_KEPT] = take_tx;
	remember(l, take_tx);
}

void ledger_end_before(struct site *s, struct tx *take_tx)
{
	struct ledger *l = s->ledger;

	if (l->count == ENDED_KEPT) {
		tx_free(take_tx);
		return;
	}
	l->first = (l->first + ENDED_KEPT - 1) % ENDED_KEPT;
	l->ring[l->first] = take_tx;
	remember(l, take_tx);
}

struct tx *ledger_ended(struct site *s, int32_t id)
{
	struct tx *tx;

	HASH_FIND(hh, s->ledger->ended, &id, sizeof(id), tx);
	return tx;
}

struct tx *ledger_same(struct site *s, uint64_t key)
{
	struct tx *tx;

	HASH_FIND(by_start, s->ledger->starts, &key, sizeof(key), tx);
	return tx;
}
