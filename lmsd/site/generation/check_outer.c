/* site/generation/check_outer.c - what limits a zone from outside must be meant and must be less than normal.
 *
 * A reduced mode above the zone's own limits reduces nothing: whoever wrote it meant something else. And
 * what nobody can take back, default limits and reservations, must not be left when the signal says stop.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/outer.h"

static void amperes(int64_t ma, char *out, size_t size)
{
	struct buf b;

	buf_init(&b);
	fmt_ma(&b, ma);
	snprintf(out, size, "%s", buf_cstr(&b));
	buf_fini(&b);
}

/* Which of the zone's own limits is the least on a phase. */
static const char *limit_name(const struct zone_conf *z, int k)
{
	int64_t normal = zone_normal_ma(z, k);

	if (z->k.dynamic_ma.l[k] == normal)
		return "dynamic";
	return z->k.static_ma.l[k] == normal ? "static" : "fuse";
}

/* The phase of a zone above that a current on phase k of this zone loads; a zone of one phase may hang
 * on any of three: the one with the largest limit. */
static int phase_above(const struct zone_conf *z, int k, const struct zone_conf *up)
{
	int best = 0;

	if (z->phases == up->phases || up->phases == 1)
		return up->phases == 1 ? 0 : k;
	for (int i = 1; i < up->phases; i++)
		if (zone_normal_ma(up, i) > zone_normal_ma(up, best))
			best = i;
	return best;
}

int check_below_normal(const struct site_conf *c, const struct zone_conf *z, const char *what,
		       const struct phase_ma *p, struct diag *diag)
{
	for (const struct zone_conf *up = z; up; up = up->parent < 0 ? NULL : &c->zones[up->parent])
		for (int k = 0; k < z->phases; k++) {
			int at = phase_above(z, k, up);
			int64_t normal = zone_normal_ma(up, at);
			char has[40], may[40];

			if (normal == NUM_NONE || p->l[k] == NUM_NONE || p->l[k] <= normal)
				continue;
			amperes(p->l[k], has, sizeof(has));
			amperes(normal, may, sizeof(may));
			return diag_set(diag, -LMS_EDATA,
					"zone %s: %s: %s on L%d is above normal, %s of zone %s is %s (lower "
					"it)", z->k.id, what, has, k + 1, limit_name(up, at), up->k.id, may);
		}
	return 0;
}

/* ---- the grid signal ---- */

static const char *reduced_key(const struct ctl_zone_keys *k)
{
	if (k->grid_reduced_ma.l[0] != NUM_NONE)
		return "grid_reduced";
	if (k->grid_reduced_factor_permille != NUM_NONE)
		return "grid_reduced_factor";
	return k->grid_reduced_sessions != NUM_NONE ? "grid_reduced_sessions" : NULL;
}

static int check_grid_keys(const struct zone_conf *z, struct diag *diag)
{
	const char *key = reduced_key(&z->k);

	if (z->k.grid != 1 && (key || z->k.grid_lost))
		return diag_set(diag, -LMS_EDATA,
				"zone %s: %s: says what the grid signal means, but the zone does not "
				"follow it (write grid=yes, or clear %s)",
				z->k.id, key ? key : "grid_lost", key ? key : "grid_lost");
	if (z->k.grid_reduced_ma.l[0] != NUM_NONE && z->k.grid_reduced_factor_permille != NUM_NONE)
		return diag_set(diag, -LMS_EDATA,
				"zone %s: grid_reduced and grid_reduced_factor: are two limits for one "
				"signal (clear one of them)", z->k.id);
	if (z->k.grid_lost && strcmp(z->k.grid_lost, "reduced") == 0 && !key)
		return diag_set(diag, -LMS_EDATA,
				"zone %s: grid_lost: is reduced, but nothing says what reduced means (write "
				"grid_reduced, grid_reduced_factor or grid_reduced_sessions; or grid_lost=stop)",
				z->k.id);
	if (z->k.grid_reduced_factor_permille != NUM_NONE && zone_normal_ma(z, 0) == NUM_NONE)
		return diag_set(diag, -LMS_EDATA,
				"zone %s: grid_reduced_factor: is a part of a limit that the zone does not "
				"have (write fuse, static or dynamic; or grid_reduced)", z->k.id);
	return 0;
}

int check_outer(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	int ret = check_grid_keys(z, diag);

	if (!ret)
		ret = check_phases(z, "grid_reduced", &z->k.grid_reduced_ma, diag);
	return ret ? ret : check_below_normal(c, z, "grid_reduced", &z->k.grid_reduced_ma, diag);
}
