/* site/door/guess.c - wrong keys counted as time: each costs its interval, and debts are paid by
 * waiting. */
#include "site/door/guess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/site.h"

#define WAYS 4

struct pair {
	uint64_t hash; /* of address and identity; 0 = empty */
	mono_t paid;   /* when its debt will be paid */
};

struct guesses {
	uint64_t seed;
	struct pair pairs[GUESS_PAIRS / WAYS][WAYS];
};

struct guesses *guesses_new(uint64_t seed)
{
	struct guesses *g = xcalloc(1, sizeof(*g));

	g->seed = seed;
	return g;
}

void guesses_free(struct guesses *g)
{
	free(g);
}

/* FNV-1a, seeded; both texts with their ends, so that no two pairs read the same. With another key,
 * what was tried before does not count. */
static uint64_t pair_hash(const struct guesses *g, const struct station *st, const char *address)
{
	uint64_t h = (g->seed + st->security.key_ids[0]) ^ UINT64_C(14695981039346656037);

	for (const char *p = st->id;; p++) {
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
		if (!*p)
			break;
	}
	for (const char *p = address; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	h ^= h >> 32;
	return h ? h : 1;
}

static struct pair *set_of(const struct guesses *g, uint64_t hash)
{
	return (struct pair *)(uintptr_t)g->pairs[hash % (GUESS_PAIRS / WAYS)];
}

static const struct pair *find(const struct guesses *g, uint64_t hash)
{
	const struct pair *set = set_of(g, hash);

	for (int i = 0; i < WAYS; i++)
		if (set[i].hash == hash)
			return &set[i];
	return NULL;
}

static bool in_debt(mono_t paid, mono_t now, int burst, int64_t interval_us)
{
	return paid - now > (burst - 1) * interval_us;
}

static mono_t owe(mono_t paid, mono_t now, int burst, int64_t interval_us)
{
	/* Never more than it takes to be in debt: who stops is free again after one interval. */
	if (in_debt(paid, now, burst, interval_us))
		return paid;
	return (paid > now ? paid : now) + interval_us;
}

static bool is_home(const struct station *st, const char *address)
{
	return *st->security.home && strcmp(st->security.home, address) == 0;
}

bool guesses_may(const struct guesses *g, const struct station *st, const char *address, mono_t now)
{
	const struct pair *p = find(g, pair_hash(g, st, address));

	if (is_home(st, address))
		return true;
	return !(p && in_debt(p->paid, now, GUESS_PAIR_BURST, GUESS_PAIR_US)) &&
	       !in_debt(st->security.guesses_paid, now, GUESS_ALL_BURST, GUESS_ALL_US);
}

void guesses_wrong(struct guesses *g, struct station *st, const char *address, mono_t now)
{
	uint64_t hash = pair_hash(g, st, address);
	struct pair *set = set_of(g, hash), *p = &set[0];

	if (is_home(st, address))
		return;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].hash == hash) {
			p = &set[i];
			break;
		}
		if (set[i].paid < p->paid)
			p = &set[i];
	}
	if (p->hash != hash)
		*p = (struct pair){.hash = hash};
	p->paid = owe(p->paid, now, GUESS_PAIR_BURST, GUESS_PAIR_US);
	st->security.guesses_paid =
	    owe(st->security.guesses_paid, now, GUESS_ALL_BURST, GUESS_ALL_US);
}

void guesses_right(struct guesses *g, struct station *st, const char *address)
{
	uint64_t hash = pair_hash(g, st, address);
	struct pair *set = set_of(g, hash);

	for (int i = 0; i < WAYS; i++)
		if (set[i].hash == hash)
			set[i] = (struct pair){0};
	snprintf(st->security.home, sizeof(st->security.home), "%s", address);
}
