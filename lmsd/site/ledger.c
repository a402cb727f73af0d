/* site/ledger.c - which transactions run, which ended lately, and which one this is again. */
#include "site/ledger.h"

#include <stdlib.h>
#include <string.h>

struct ledger *ledger_new(void)
{
	return xcalloc(1, sizeof(struct ledger));
}

void ledger_free(struct ledger *l)
{
	HASH_CLEAR(by_start, l->starts);
	for (size_t i = 0; i < l->ended_count; i++)
		free(l->ended[i]);
	free(l);
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

void ledger_end(struct site *s, struct tx *take_tx)
{
	struct ledger *l = s->ledger;
	size_t lowest = 0;

	if (l->ended_count < ENDED_KEPT) {
		l->ended[l->ended_count++] = take_tx;
		return;
	}
	for (size_t i = 1; i < ENDED_KEPT; i++)
		if (l->ended[i]->id < l->ended[lowest]->id)
			lowest = i;
	/* While loading, from new to old, the one that comes may itself be the oldest. */
	if (l->ended[lowest]->id > take_tx->id) {
		free(take_tx);
		return;
	}
	free(l->ended[lowest]);
	l->ended[lowest] = take_tx;
}

struct tx *ledger_ended(struct site *s, int32_t id)
{
	for (size_t i = 0; i < s->ledger->ended_count; i++)
		if (s->ledger->ended[i]->id == id)
			return s->ledger->ended[i];
	return NULL;
}

struct tx *ledger_same(struct site *s, uint64_t key)
{
	struct tx *tx;

	HASH_FIND(by_start, s->ledger->starts, &key, sizeof(key), tx);
	for (size_t i = 0; i < s->ledger->ended_count && !tx; i++)
		if (s->ledger->ended[i]->start_key == key)
			tx = s->ledger->ended[i];
	return tx;
}
