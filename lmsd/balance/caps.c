/* balance/caps.c - what each zone may have, and the sums of what its connectors may, at this moment. */
#include "balance/record/journal.h"
#include "balance/model.h"

#include <string.h>

const struct bal_outer_limit model_no_outer = { .limit = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

/* ---- phases ---- */

phase_mask_t model_wiring_phases(enum bal_wiring w)
{
	switch (w) {
	case BAL_L1:
		return 1;
	case BAL_L2:
		return 2;
	case BAL_L3:
		return 4;
	case BAL_WIRING_UNKNOWN:
	case BAL_RST:
	case BAL_STR:
	case BAL_TRS:
	case BAL_RTS:
	case BAL_SRT:
	case BAL_TSR:
		break;
	}
	return PHASE_ALL;
}

phase_mask_t model_wired(const struct conn *c)
{
	return model_wiring_phases(c->conf.wiring);
}

phase_mask_t model_phases(const struct conn *c)
{
	phase_mask_t wired = model_wired(c);

	/* Current where nothing is wired is a wrong configuration, not a phase to count on. */
	return c->demand.learned && !(c->demand.learned & ~wired) ? c->demand.learned : wired;
}

int model_weight(const struct zone *z, phase_mask_t phases, int cap)
{
	bool total = cap == PHASES;

	if (z->conf.phases == 1)
		return phases && (cap == 0 || total);
	if (!total)
		return phases >> cap & 1;
	return (phases & 1) + (phases >> 1 & 1) + (phases >> 2 & 1);
}

/* ---- caps and sums ---- */

static void cap_least(struct zone *z, int k, int64_t ma, enum cap_why why)
{
	if (ma == NUM_NONE || ma >= z->cap[k])
		return;
	z->cap[k] = ma;
	z->why[k] = why;
}

static void sessions_least(struct zone *z, int sessions, enum bal_outer by)
{
	if (sessions <= 0 || (z->sessions > 0 && z->sessions <= sessions))
		return;
	z->sessions = sessions;
	z->sessions_by = by;
}

void model_caps(struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];

		for (int k = 0; k < ALLOC_CAPS; k++) {
			z->cap[k] = ALLOC_NO_CAP;
			z->why[k] = CAP_NONE;
		}
		z->sessions = 0;
		for (int kind = 0; kind < BAL_OUTER_KINDS; kind++)
			sessions_least(z, z->outer[kind].sessions, (enum bal_outer)kind);
		for (int k = 0; k < z->conf.phases; k++) {
			cap_least(z, k, pv_boosted(z, k, z->conf.cap.l[k]), CAP_STATIC);
			for (int kind = 0; kind < BAL_OUTER_KINDS; kind++)
				cap_least(z, k, z->outer[kind].limit.l[k],
					  (enum cap_why)(CAP_OUTER + kind));
			if (z->budget.state == METER_LOST)
				cap_least(z, k, z->conf.meter_lost.l[k], CAP_METER_LOST);
			else
				cap_least(z, k, z->budget.held.l[k], CAP_DYNAMIC);
		}
		if (z->conf.cap_w != NUM_NONE)
			cap_least(z, PHASES, pv_boosted_w(z, z->conf.cap_w) * 1000 / voltage_of(b, z), CAP_STATIC);
	}
}

void balance_zone_outer(struct balance *b, int zone, enum bal_outer kind, const struct bal_outer_limit *limit)
{
	struct bal_outer_limit *now = &b->zones[zone].outer[kind];

	if (limit == NULL)
		limit = &model_no_outer;
	if (now->sessions == limit->sessions && now->lost == limit->lost &&
	    !memcmp(&now->limit, &limit->limit, sizeof(now->limit)))
		return;
	journal_zone_outer(b, zone, kind, limit);	/* what changes nothing need not be told again */
	*now = *limit;
	model_caps(b);
	b->dirty = b->urgent = true;
}

int64_t model_load(const struct zone *z, const int64_t w[PHASES], int cap)
{
	int64_t top = w[0] > w[1] ? w[0] : w[1];

	if (z->conf.phases == 1)
		return cap == 0 || cap == PHASES ? (top > w[2] ? top : w[2]) : 0;
	return cap == PHASES ? w[0] + w[1] + w[2] : w[cap];
}

void model_sums(struct balance *b)
{
	for (size_t i = 0; i < b->zone_count; i++)
		memset(b->zones[i].sum_w, 0, sizeof(b->zones[i].sum_w));
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		int64_t w[PHASES];

		gate_phases_w(c, b->stations[c->station].online, w);
		for (int z = c->conf.zone; z >= 0; z = b->zones[z].conf.parent)
			for (int k = 0; k < ALLOC_CAPS; k++)
				b->zones[z].sum_w[k] += model_load(&b->zones[z], w, k);
	}
}

/* A dynamic budget moves with the building: orders follow it and limits need their settle time, so
 * there only the measured load says whether the limit was exceeded. */
bool model_load_over(const struct zone *z, int k)
{
	int64_t load = z->budget.load.l[k];

	return load != NUM_NONE && load > pv_dynamic(z, k);
}

bool model_cap_over(const struct zone *z, int k)
{
	if (z->why[k] != CAP_DYNAMIC)
		return z->cap[k] != ALLOC_NO_CAP && z->sum_w[k] > z->cap[k];
	return model_load_over(z, k) ||
	       (z->conf.cap.l[k] != NUM_NONE && z->sum_w[k] > pv_boosted(z, k, z->conf.cap.l[k]));
}
