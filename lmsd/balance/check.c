/* balance/check.c - may this configuration be?
 *
 * One whose fallbacks do not fit is refused: default limits and what cannot be controlled must fit under every
 * static cap and under every meter_lost current, since nothing else is left when stations or meters do not answer.
 */
#include "balance/model.h"

#include <stdlib.h>

#include "base/err.h"

#define LEAST_CHARGE_MA INT64_C(6000)	/* IEC 61851 */

static bool bad_current(int64_t ma)
{
	return ma != NUM_NONE && (ma < 0 || ma > LIMIT_MAX_MA);
}

static int check_zone(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_zone_conf *z = &conf->zones[i];

	if (z->parent < -1 || z->parent >= (int)i)
		return diag_set(d, -LMS_EDATA, "zone %s: parent: must come before its children", z->id);
	if (z->phases != 1 && z->phases != PHASES)
		return diag_set(d, -LMS_EDATA, "zone %s: phases: must be 1 or 3", z->id);
	for (int k = 0; k < z->phases; k++) {
		if (bad_current(z->cap.l[k]) || bad_current(z->dynamic.l[k]) ||
		    bad_current(z->meter_lost.l[k]))
			return diag_set(d, -LMS_EDATA, "zone %s: a limit on L%d is not within 0 to 6300 A",
					z->id, k + 1);
		if (z->dynamic.l[k] != NUM_NONE && z->meter_lost.l[k] == NUM_NONE)
			return diag_set(d, -LMS_EDATA, "zone %s: meter_lost: a dynamic zone needs the "
					"current that holds while its meter is silent", z->id);
	}
	if (z->cap_w != NUM_NONE && z->cap_w < 0)
		return diag_set(d, -LMS_EDATA, "zone %s: power: must not be negative", z->id);
	return 0;
}

static int check_conn(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_conn_conf *c = &conf->conns[i];

	if (c->zone < 0 || (size_t)c->zone >= conf->zone_count)
		return diag_set(d, -LMS_EDATA, "connector %s: zone: does not exist", c->id);
	if (c->max_ma <= 0 || c->max_ma > LIMIT_MAX_MA)
		return diag_set(d, -LMS_EDATA, "connector %s: max: must be above 0 and at most 6300 A",
				c->id);
	if (c->step_ma != ALLOC_STEP_FINE && c->step_ma != ALLOC_STEP_COARSE)
		return diag_set(d, -LMS_EDATA, "connector %s: step: must be 0.1 A or 1 A", c->id);
	if (c->idle_ma < 0 || c->idle_ma > c->max_ma ||
	    (c->idle_ma > 0 && c->idle_ma < LEAST_CHARGE_MA))
		return diag_set(d, -LMS_EDATA, "connector %s: idle: must be 0, or from 6 A to its max",
				c->id);
	return 0;
}

/* The fallbacks below each zone, per phase. */
static int check_fallbacks(const struct bal_conf *conf, struct diag *d)
{
	int64_t (*sum)[PHASES] = xcalloc(conf->zone_count + 1, sizeof(*sum));
	int ret = 0;

	for (size_t i = 0; i < conf->conn_count; i++) {
		const struct bal_conn_conf *c = &conf->conns[i];
		phase_mask_t phases = model_wiring_phases(c->wiring);
		int64_t ma = c->manageable ? c->idle_ma : c->max_ma;

		for (int z = c->zone; z >= 0; z = conf->zones[z].parent)
			for (int k = 0; k < conf->zones[z].phases; k++)
				if (conf->zones[z].phases == 1 || (phases >> k & 1))
					sum[z][k] += ma;
	}
	for (size_t i = 0; i < conf->zone_count && !ret; i++) {
		const struct bal_zone_conf *z = &conf->zones[i];

		for (int k = 0; k < z->phases && !ret; k++) {
			if (z->cap.l[k] != NUM_NONE && sum[i][k] > z->cap.l[k])
				ret = diag_set(d, -LMS_EDATA, "zone %s: default limits and reservations "
					       "of its connectors exceed its limit on L%d", z->id, k + 1);
			else if (z->dynamic.l[k] != NUM_NONE && sum[i][k] > z->meter_lost.l[k])
				ret = diag_set(d, -LMS_EDATA, "zone %s: default limits and reservations "
					       "of its connectors exceed its meter_lost on L%d", z->id,
					       k + 1);
		}
	}
	free(sum);
	return ret;
}

static bool follows_sun(const struct bal_zone_conf *z)
{
	return z->pv.strategy == BAL_PV_SURPLUS || z->pv.strategy == BAL_PV_MIN_SURPLUS;
}

static int check_pv(const struct bal_conf *conf, size_t i, struct diag *d)
{
	const struct bal_zone_conf *z = &conf->zones[i];

	if (z->pv.strategy && !(z->pv.production || (z->pv.grid && follows_sun(z))))
		return diag_set(d, -LMS_EDATA, "zone %s: pv: nothing measures its sun", z->id);
	for (int p = z->parent; follows_sun(z) && p >= 0; p = conf->zones[p].parent)
		if (follows_sun(&conf->zones[p]))
			return diag_set(d, -LMS_EDATA, "zone %s: pv: zone %s above shares the surplus already "
					"(set it in one of them)", z->id, conf->zones[p].id);
	return 0;
}

int balance_check(const struct bal_conf *conf, struct diag *d)
{
	int ret = 0;

	for (size_t i = 0; i < conf->zone_count && !ret; i++)
		ret = check_zone(conf, i, d);
	for (size_t i = 0; i < conf->zone_count && !ret; i++)
		ret = check_pv(conf, i, d);
	for (size_t i = 0; i < conf->conn_count && !ret; i++)
		ret = check_conn(conf, i, d);
	return ret ? ret : check_fallbacks(conf, d);
}
