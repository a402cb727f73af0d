/* helper_population.h - a random site with its stations, cars, network and crashes of lmsd, in
 * virtual time from one seed.
 *
 * Keeps the truth (what each station really obeys) beside what the balance believes, and after every
 * turn compares both. Every connector and station has its own random numbers, so that a connector
 * that is dropped while shrinking changes nothing for the others.
 */
#pragma once

#include "balance/balance.h"
#include "helper_random.h"

#define POP_ZONES 5
#define POP_CONNS 8

enum pop_kind {
	POP_STATIC,	/* all proven, static caps: no sum may ever be above its cap */
	POP_ANY,	/* unproven and unmanageable stations, caps that change */
	POP_DYNAMIC	/* measured zones, no faults but a meter that falls silent */
};

struct pop_site {
	uint64_t seed;
	enum pop_kind kind;
	struct bal_zone_conf zones[POP_ZONES];
	struct bal_conn_conf conns[POP_CONNS];
	char zone_ids[POP_ZONES][24], conn_ids[POP_CONNS][48], station_ids[POP_CONNS][24];
	bool power[POP_CONNS];		/* its station is told powers */
	uint64_t uid[POP_CONNS];	/* of the connector, for its random numbers */
	uint64_t station_uid[POP_CONNS];
	size_t zone_count, conn_count;
	bool recorded;			/* and replayed now and then, which must give the same */
};

struct pop_failure {
	char text[200];			/* "" = none */
	int at_s;
};

void pop_random(uint64_t seed, enum pop_kind kind, struct pop_site *site);
void pop_drop_conn(struct pop_site *site, size_t at);
/* Simulates for a time; the first broken invariant ends it. */
void pop_run(const struct pop_site *site, int seconds, bool traced, struct pop_failure *failure);
void pop_print(const struct pop_site *site);
/* For the world that it lives in: the ids of a copy point into the copy. */
void pop_name_all(struct pop_site *s);
struct phase_ma pop_same(int64_t ma);
