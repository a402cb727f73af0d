#include "helper_population.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct phase_ma pop_same(int64_t ma)
{
	return (struct phase_ma){ { ma, ma, ma } };
}

static void random_zone(struct rng *r, struct pop_site *s, size_t i)
{
	struct bal_zone_conf *z = &s->zones[i];
	bool dynamic = s->kind == POP_DYNAMIC && (i == 0 || !rng_below(r, 3));

	snprintf(s->zone_ids[i], sizeof(s->zone_ids[i]), "Z%zu", i);
	*z = (struct bal_zone_conf){
		.parent = i ? (int)rng_below(r, (uint32_t)i) : -1, .phases = rng_below(r, 8) ? 3 : 1,
		.cap = pop_same(rng_below(r, 5) ? rng_range(r, 60, 900) * 100 : NUM_NONE),
		.cap_w = rng_below(r, 6) ? NUM_NONE : rng_range(r, 5000, 60000),
		.dynamic = pop_same(NUM_NONE), .meter_lost = pop_same(NUM_NONE),
		.min_ma = rng_below(r, 6) ? NUM_NONE : 8000, .policy = (enum bal_policy)rng_below(r, 5),
	};
	if (z->cap.l[0] != NUM_NONE && rng_below(r, 2))
		z->cap.l[rng_below(r, 3)] += 5000;
	if (dynamic) {
		z->dynamic = pop_same(rng_range(r, 400, 1000) * 100);
		z->meter_lost = pop_same(rng_range(r, 0, 20) * 1000);
	}
	if (rng_below(r, 2))
		z->timers = (struct bal_timers){ .min_on_us = 30 * US_PER_S, .min_off_us = 20 * US_PER_S,
						 .rotate_us = 60 * US_PER_S };
}

static void random_conn(struct pop_site *s, size_t i, size_t stations)
{
	uint64_t uid = s->seed * 1000 + i;
	struct rng r = rng_seed(uid);
	size_t station = s->kind == POP_DYNAMIC ? i / 2 : rng_below(&r, (uint32_t)stations);
	struct bal_conn_conf *c = &s->conns[i];

	s->uid[i] = uid;
	s->power[i] = uid % 4 == 1;
	s->station_uid[i] = s->seed * 1000 + 500 + station;
	snprintf(s->station_ids[i], sizeof(s->station_ids[i]), "S%zu", station);
	snprintf(s->conn_ids[i], sizeof(s->conn_ids[i]), "S%zu/%zu", station, i);
	*c = (struct bal_conn_conf){
		.zone = (int)rng_below(&r, (uint32_t)s->zone_count),
		.wiring = (enum bal_wiring)rng_below(&r, BAL_L3 + 1), .min_ma = 6000,
		.max_ma = rng_range(&r, 10, 32) * 1000, .step_ma = rng_below(&r, 3) ? 100 : 1000,
		
		.settle_us = rng_range(&r, 1, 5) * US_PER_S, .vip = !rng_below(&r, 5),
		.priority = (int)rng_below(&r, 3), .manageable = true, .proven = true,
		.on_off = !rng_below(&r, 10),
	};
	c->one_limit = uid % 5 == 3;
	c->dc = s->power[i] && !c->on_off && rng_below(&r, 3) == 0;
	if (c->dc)
		c->min_ma = 2000;
	if (s->kind == POP_ANY) {
		c->proven = rng_below(&r, 2);
		c->manageable = rng_below(&r, 8);
	}
	if (s->kind != POP_DYNAMIC && !rng_below(&r, 4))
		c->idle_ma = 6000;
}

static bool accepted(struct pop_site *s)
{
	struct balance *b = balance_new();
	struct bal_conf conf = { .zones = s->zones, .zone_count = s->zone_count, .conns = s->conns, .conn_count = s->conn_count };
	int ret = balance_configure(b, &conf, 0, NULL);

	balance_free(b);
	return ret == 0;
}

void pop_name_all(struct pop_site *s)
{
	for (size_t i = 0; i < s->zone_count; i++)
		s->zones[i].id = s->zone_ids[i];
	for (size_t i = 0; i < s->conn_count; i++) {
		s->conns[i].id = s->conn_ids[i];
		s->conns[i].station = s->station_ids[i];
	}
}

void pop_random(uint64_t seed, enum pop_kind kind, struct pop_site *s)
{
	struct rng r = rng_seed(seed);
	size_t stations;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->kind = kind;
	s->zone_count = 1 + rng_below(&r, POP_ZONES);
	s->conn_count = 1 + rng_below(&r, POP_CONNS);
	stations = 1 + rng_below(&r, (uint32_t)s->conn_count);
	for (size_t i = 0; i < s->zone_count; i++)
		random_zone(&r, s, i);
	for (size_t i = 0; i < s->conn_count; i++)
		random_conn(s, i, stations);
	pop_name_all(s);
	while (s->conn_count && !accepted(s))
		s->conn_count--;	/* fallbacks that do not fit are refused */
}

void pop_drop_conn(struct pop_site *s, size_t at)
{
	size_t rest = s->conn_count - at - 1;

	memmove(&s->conns[at], &s->conns[at + 1], rest * sizeof(s->conns[0]));
	memmove(&s->conn_ids[at], &s->conn_ids[at + 1], rest * sizeof(s->conn_ids[0]));
	memmove(&s->station_ids[at], &s->station_ids[at + 1], rest * sizeof(s->station_ids[0]));
	memmove(&s->power[at], &s->power[at + 1], rest * sizeof(s->power[0]));
	memmove(&s->uid[at], &s->uid[at + 1], rest * sizeof(s->uid[0]));
	memmove(&s->station_uid[at], &s->station_uid[at + 1], rest * sizeof(s->station_uid[0]));
	s->conn_count--;
	pop_name_all(s);
}

void pop_print(const struct pop_site *s)
{
	for (size_t i = 0; i < s->zone_count; i++) {
		const struct bal_zone_conf *z = &s->zones[i];

		print_message("# %s in %d, %d phases, cap %lld %lld %lld, %lld W, dynamic %lld, lost %lld, "
			      "policy %d, min %lld\n", z->id, z->parent, z->phases,
			      (long long)z->cap.l[0], (long long)z->cap.l[1], (long long)z->cap.l[2],
			      (long long)z->cap_w, (long long)z->dynamic.l[0],
			      (long long)z->meter_lost.l[0], (int)z->policy, (long long)z->min_ma);
	}
	for (size_t i = 0; i < s->conn_count; i++) {
		const struct bal_conn_conf *c = &s->conns[i];

		print_message("# %s in Z%d, wiring %d, max %lld, step %lld, idle %lld, settle %lld s%s%s%s%s%s%s\n",
			      c->id, c->zone, (int)c->wiring, (long long)c->max_ma, (long long)c->step_ma,
			      (long long)c->idle_ma, (long long)(c->settle_us / US_PER_S),
			      c->proven ? "" : ", unproven", c->manageable ? "" : ", not manageable",
			      c->on_off ? ", on/off" : "", s->power[i] ? ", W" : "", c->dc ? ", DC" : "",
			      c->one_limit ? ", one limit" : "");
	}
}
