/* balance/watts.c - stations whose limit is a power (watts.h). */
#include "balance/watts.h"

#include "balance/record/journal.h"
#include "balance/model.h"

static int count(phase_mask_t phases)
{
	return (phases & 1) + (phases >> 1 & 1) + (phases >> 2 & 1);
}

/* A rectifier takes the same from all phases that it is wired to; a car on one phase of a station that
 * divides by all of them gets a third of the power. */
static bool is_even(const struct conn *c)
{
	return c->conf.dc || c->conf.even_watts || count(model_wired(c)) == 1;
}

int watts_spread(const struct conn *c, bool known)
{
	phase_mask_t wired = model_wired(c), used = c->demand.known;

	if (is_even(c))
		return count(wired);
	return known && used && !(used & ~wired) ? count(used) : 1;
}

bool watts_known(const struct conn *c)
{
	return is_even(c) || c->demand.known;
}

int64_t watts_full(const struct conn *c)
{
	return c->watts ? c->conf.max_ma * count(model_wired(c)) : c->conf.max_ma;
}

int64_t watts_given(const struct conn *c, bool known, int64_t ma)
{
	if (!c->watts || ma == NUM_NONE)
		return ma;
	/* At its maximum nothing is left that a car could put on one phase. */
	return ma == c->conf.max_ma ? watts_full(c) : ma * watts_spread(c, known);
}

int64_t watts_over(const struct conn *c, int spread, int64_t given_ma)
{
	int64_t ma;

	if (!c->watts || given_ma == NUM_NONE)
		return given_ma;
	ma = (given_ma + spread - 1) / spread;
	return ma < c->conf.max_ma ? ma : c->conf.max_ma;
}

int64_t watts_phase(const struct conn *c, bool known, int64_t given_ma)
{
	return watts_over(c, watts_spread(c, known), given_ma);
}

/* The least cap above it that its current must fit below. */
static int64_t least_cap(const struct balance *b, const struct conn *c)
{
	int64_t least = c->cap_ma != NUM_NONE ? c->cap_ma : ALLOC_NO_CAP;

	for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
		for (int k = 0; k < ALLOC_CAPS; k++) {
			int weight = model_weight(&b->zones[z], model_phases(c), k);
			int64_t cap = b->zones[z].cap[k];

			if (weight && cap != ALLOC_NO_CAP && cap / weight < least)
				least = cap / weight;
		}
	return least;
}

/* The station makes a current of the power by the voltage that it has, which may be the highest: below
 * `min_ma` by that, a car would pause. Until its phases are known it needs that on all of them, where the
 * zones above can ever give as much; where they cannot, a car on one phase charges. */
int64_t watts_min(const struct balance *b, const struct conn *c, int64_t min_ma)
{
	int64_t one, all, cap;

	if (!c->watts || c->conf.dc || min_ma >= c->conf.max_ma)
		return min_ma;
	one = (min_ma * b->voltage_max + b->voltage_min - 1) / b->voltage_min;
	all = watts_known(c) ? one : one * count(model_wired(c));
	cap = least_cap(b, c);
	if (all > cap)
		all = cap > one ? cap : one;
	return all < c->conf.max_ma ? all : c->conf.max_ma;
}

/* ---- a unit or a voltage that changes --------------------------------------------------------------- */

static int64_t scaled(int64_t ma, int64_t num, int64_t den)
{
	return ma == NUM_NONE ? ma : (ma * num + den - 1) / den;
}

static void scale_claim(struct claim *cl, int64_t num, int64_t den)
{
	cl->now_ma = scaled(cl->now_ma, num, den);
	cl->hold_ma = scaled(cl->hold_ma, num, den);
	for (int i = 0; i < cl->fall_count; i++)
		cl->falls[i].ma = scaled(cl->falls[i].ma, num, den);
}

static void scale(struct conn *c, int64_t num, int64_t den)
{
	for (int k = 0; k < GATE_KINDS; k++)
		scale_claim(&c->gate.claims[k], num, den);
	c->gate.fall_ma = scaled(c->gate.fall_ma, num, den);
	for (int i = 0; i < c->gate.pending_count; i++) {
		struct pending *p = &c->gate.pending[i];

		p->given_ma = scaled(p->given_ma, num, den);
		p->fall_ma = scaled(p->fall_ma, num, den);
	}
}

void watts_rescale(struct conn *c, int64_t old_v, int64_t new_v)
{
	if (c->watts && new_v < old_v)
		scale(c, old_v, new_v);
}

/* What was given in the other unit is at most the same current on every phase. */
void balance_watts(struct balance *b, uint32_t conn, bool watts)
{
	struct conn *c = &b->conns[conn];

	if (c->watts == watts)
		return;
	journal_watts(b, conn, watts);
	c->watts = watts;
	if (watts)
		scale(c, count(model_wired(c)), 1);
	for (int k = 0; k < GATE_KINDS; k++)
		c->gate.claims[k].sure = false;
	b->dirty = b->urgent = true;
}
