/* site/generation/check_sum.c - the currents that nobody can take back must fit below every limit.
 *
 * A connector that is idle obeys its station's default limit, one that cannot be managed may always
 * draw its maximum. Neither can be lowered, so their sum must fit below each zone's cap, and in a
 * dynamic zone below what is left while the meter is silent (balance.md "When things fail").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "site/generation/check.h"
#include "site/generation/draft.h"
#include "site/outer/source.h"
#include "site/outer/tariff.h"


struct sums {
	int64_t floor_ma[PHASES];    /* idle limits and reservations */
	int64_t reserved_ma[PHASES]; /* of these, reservations */
};

static void add(const struct site_conf *c, struct sums *sums, const struct station_conf *st,
		const struct connector_conf *conn)
{
	int64_t ma = conn->manageable ? st->idle_ma : conn->max_ma;
	phase_mask_t mask = wiring_phases(conn->wiring);

	for (int z = st->zone; z >= 0; z = c->zones[z].parent) {
		bool three = c->zones[z].phases == 3;

		for (int k = 0; k < PHASES; k++) {
			if (three ? !(mask >> k & 1) : k != 0)
				continue;
			sums[z].floor_ma[k] += ma;
			if (!conn->manageable)
				sums[z].reserved_ma[k] += ma;
		}
	}
}

/* The same below a station's own limit. */
static void add_own(struct sums *sums, const struct station_conf *st, const struct connector_conf *conn)
{
	int64_t ma = conn->manageable ? st->idle_ma : conn->max_ma;

	for (int k = 0; k < PHASES; k++) {
		if (!(wiring_phases(conn->wiring) >> k & 1))
			continue;
		sums->floor_ma[k] += ma;
		if (!conn->manageable)
			sums->reserved_ma[k] += ma;
	}
}

static void amperes(int64_t ma, char *out, size_t size)
{
	struct buf b;

	buf_init(&b);
	fmt_ma(&b, ma);
	snprintf(out, size, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static int too_much(const char *noun, const char *id, int phases, int phase, const struct sums *s, int64_t limit_ma,
		    const char *limit, struct diag *diag)
{
	char sum_text[40], limit_text[40], phase_text[16] = "";

	amperes(s->floor_ma[phase], sum_text, sizeof(sum_text));
	amperes(limit_ma, limit_text, sizeof(limit_text));
	if (phases == 3)
		snprintf(phase_text, sizeof(phase_text), "L%d: ", phase + 1);
	if (s->reserved_ma[phase] > limit_ma)
		return diag_set(
		    diag, -LMS_EDATA,
		    "%s %s: %sstations that cannot be managed reserve %s, above its %s of %s "
		    "(make them manageable, lower their max, or raise the limit)",
		    noun, id, phase_text, sum_text, limit, limit_text);
	return diag_set(diag, -LMS_EDATA,
			"%s %s: %sidle currents and reservations below it add up to %s, above "
			"its %s of %s (lower idle of the stations, or raise the limit)",
			noun, id, phase_text, sum_text, limit, limit_text);
}

/* At stop nothing may be left that cannot be taken back. */
static int never_stops(const struct zone_conf *z, int phase, const struct sums *s, struct diag *diag)
{
	char sum_text[40];

	amperes(s->floor_ma[phase], sum_text, sizeof(sum_text));
	return diag_set(diag, -LMS_EDATA,
			"zone %s: grid: stop is 0 A, but idle currents and reservations of stations below "
			"it add up to %s (write idle=0, make them manageable, or put them in a zone that "
			"does not follow the grid signal)", z->k.id, sum_text);
}

/* The least limit that a tariff or a source may select. */
static int check_outside(const struct zone_conf *z, int phase, const struct sums *s, struct diag *diag,
			 const char *key)
{
	bool tariff = strcmp(key, "tariff") == 0;

	for (size_t i = 0; i < (tariff ? z->tariff->count : z->caps->count); i++) {
		int64_t ma = tariff ? z->tariff->windows[i].limit.l[phase] : z->caps->items[i].limit.l[phase];

		if (ma != NUM_NONE && s->floor_ma[phase] > ma)
			return too_much("zone", z->k.id, z->phases, phase, s, ma, key, diag);
	}
	return 0;
}

static int check_power(const struct site_conf *c, const struct zone_conf *z, const struct sums *s, struct diag *diag)
{
	int64_t sum_w = (s->floor_ma[0] + s->floor_ma[1] + s->floor_ma[2]) * c->voltage_max / 1000;

	if (z->k.power_w == NUM_NONE || sum_w <= z->k.power_w)
		return 0;
	return diag_set(diag, -LMS_EDATA,
			"zone %s: idle currents and reservations below it may take %lld W, above "
			"its power of %lld W (lower idle of the stations, or raise the limit)",
			z->k.id, (long long)sum_w, (long long)z->k.power_w);
}

static int check_zone(const struct site_conf *c, const struct zone_conf *z, const struct sums *s, struct diag *diag)
{
	for (int k = 0; k < z->phases; k++) {
		if (z->k.grid == 1 && s->floor_ma[k] > 0)
			return never_stops(z, k, s, diag);
		if (z->cap.l[k] != NUM_NONE && s->floor_ma[k] > z->cap.l[k])
			return too_much("zone", z->k.id, z->phases, k, s, z->cap.l[k], "cap", diag);
		if (z->tariff && check_outside(z, k, s, diag, "tariff"))
			return diag->err;
		if (z->caps && check_outside(z, k, s, diag, "source_caps"))
			return diag->err;
		if (z->k.dynamic_ma.l[0] != NUM_NONE && z->k.meter_lost_ma.l[k] != NUM_NONE &&
		    s->floor_ma[k] > z->k.meter_lost_ma.l[k])
			return too_much("zone", z->k.id, z->phases, k, s, z->k.meter_lost_ma.l[k], "meter_lost", diag);
	}
	return check_power(c, z, s, diag);
}

static int check_station(const struct station_conf *st, struct diag *diag)
{
	struct sums sums = { { 0 }, { 0 } };

	if (st->k.limit_ma == NUM_NONE)
		return 0;
	for (size_t j = 0; j < st->connector_count; j++)
		add_own(&sums, st, &st->connectors[j]);
	for (int k = 0; k < PHASES; k++)
		if (sums.floor_ma[k] > st->k.limit_ma)
			return too_much("station", st->k.id, PHASES, k, &sums, st->k.limit_ma, "limit", diag);
	return 0;
}

int check_sums(const struct site_conf *c, struct diag *diag)
{
	struct sums *sums = xcalloc(c->zone_count + 1, sizeof(*sums));
	int ret = 0;

	for (size_t i = 0; i < c->station_count; i++) {
		const struct station_conf *st = &c->stations[i];

		for (size_t j = 0; j < st->connector_count; j++)
			add(c, sums, st, &st->connectors[j]);
	}
	for (size_t i = 0; i < c->station_count && !ret; i++)
		ret = check_station(&c->stations[i], diag);
	for (size_t z = 0; z < c->zone_count && !ret; z++)
		ret = check_zone(c, &c->zones[z], &sums[z], diag);
	free(sums);
	return ret;
}
