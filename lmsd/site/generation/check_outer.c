/* site/generation/check_outer.c - what limits a zone from outside must be meant and must be less than normal.
 *
 * A reduced mode above the zone's own limits reduces nothing: whoever wrote it meant something else. And
 * what nobody can take back, default limits and reservations, must not be left when the signal says stop.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/outer/source.h"
#include "site/outer/tariff.h"

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

/* ---- tariff and source ---- */

static int check_window(const struct site_conf *c, const struct zone_conf *z, const char *key,
			const struct phase_ma *limit, struct diag *diag)
{
	int ret = check_phases(z, key, limit, diag);

	return ret ? ret : check_below_normal(c, z, key, limit, diag);
}

static int check_tariff(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	int ret = 0;

	for (size_t i = 0; z->tariff && i < z->tariff->count && !ret; i++)
		ret = check_window(c, z, "tariff", &z->tariff->windows[i].limit, diag);
	return ret;
}

static int missing_source(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const char *near, *names[64];
	size_t count = 0;

	for (size_t i = 0; i < c->source_count && count < ARRAY_LEN(names); i++)
		names[count++] = c->sources[i].k.id;
	near = text_nearest(z->k.source, names, count);
	return diag_set(diag, -LMS_EDATA, "zone %s: source: '%s' does not exist (%s%s%slmsctl source list)", z->k.id,
			z->k.source, near ? "did you mean '" : "", near ? near : "", near ? "'?; " : "");
}

static int check_caps(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	const struct source_conf *source;
	int ret = 0;

	if (z->k.source && z->source < 0)
		return missing_source(c, z, diag);
	if (z->k.source && !z->k.source_caps)
		return diag_set(diag, -LMS_EDATA, "zone %s: source: selects nothing without source_caps (write "
				"source_caps=\"STATE=16; lost=10\")", z->k.id);
	if (z->k.source_caps && !z->k.source)
		return diag_set(diag, -LMS_EDATA, "zone %s: source_caps: needs a source whose state selects (add "
				"source=…; lmsctl source list)", z->k.id);
	if (!z->caps)
		return 0;
	source = &c->sources[z->source];
	for (size_t i = 0; i < z->caps->count && !ret; i++) {
		if (!source_has_state(source->k.states, z->caps->items[i].state))
			return diag_set(diag, -LMS_EDATA, "zone %s: source_caps: '%s' is not a state of source %s (it "
					"has %s, and lost)", z->k.id, z->caps->items[i].state, source->k.id,
					source->k.states);
		ret = check_window(c, z, "source_caps", &z->caps->items[i].limit, diag);
	}
	return ret;
}

int check_source_keys(const struct source_conf *source, struct diag *diag)
{
	struct diag said;
	int ret = id_check(source->k.id, "a source's id", diag);

	if (ret)
		return ret;
	diag_init(&said);
	if (!source->k.kind)
		return diag_set(diag, -LMS_EDATA, "source %s: kind: is missing (write generator, storage or tariff)",
				source->k.id);
	if (!source->k.states)
		return diag_set(diag, -LMS_EDATA, "source %s: states: is missing (write states=grid,island)",
				source->k.id);
	if (source_states_check(source->k.states, &said))
		return diag_set(diag, -LMS_EDATA, "source %s: states: %s", source->k.id, said.text);
	if (source->way && source->way->from.kind == FROM_BMS)
		return diag_set(diag, -LMS_EDATA, "source %s: from: a building management system tells the grid signal only "
				"(write mqtt:TOPIC or modbus:…)", source->k.id);
	return check_ranges(&ctl_nouns[CTL_NOUN_source], &source->k, diag);
}

int check_outer(const struct site_conf *c, const struct zone_conf *z, struct diag *diag)
{
	int ret = check_grid_keys(z, diag);

	if (!ret)
		ret = check_price("zone", z->k.id, z->k.price, diag);

	if (!ret)
		ret = check_window(c, z, "grid_reduced", &z->k.grid_reduced_ma, diag);
	if (!ret)
		ret = check_tariff(c, z, diag);
	return ret ? ret : check_caps(c, z, diag);
}
