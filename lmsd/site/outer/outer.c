/* site/outer/outer.c - what two limits allow together. */
#include "site/outer/outer.h"

#include "site/outer/tariff.h"

const struct zone_limit zone_limit_none = { .current = { { NUM_NONE, NUM_NONE, NUM_NONE } } };

void zone_limit_least(struct zone_limit *l, const struct zone_limit *other)
{
	for (int k = 0; k < PHASES; k++) {
		int64_t ma = other->current.l[k];

		if (ma != NUM_NONE && (l->current.l[k] == NUM_NONE || ma < l->current.l[k]))
			l->current.l[k] = ma;
	}
	if (other->sessions && (!l->sessions || other->sessions < l->sessions))
		l->sessions = other->sessions;
	l->lost = l->lost || other->lost;
}

int64_t zone_normal_ma(const struct zone_conf *z, int phase)
{
	int64_t ma = z->cap.l[phase], dynamic = z->k.dynamic_ma.l[phase];

	return dynamic != NUM_NONE && (ma == NUM_NONE || dynamic < ma) ? dynamic : ma;
}

void site_tariff_limit(const struct site *s, const struct zone_conf *z, wall_t wall, struct zone_limit *out)
{
	*out = zone_limit_none;
	if (!z->tariff)
		return;
	if (wall >= CLOCK_OK_FROM)
		tariff_limit(z->tariff, &s->tz, wall, &out->current);
	else
		tariff_least(z->tariff, &out->current);
}

wall_t site_tariff_next(const struct site *s, const struct zone_conf *z, wall_t wall)
{
	if (!z->tariff)
		return INT64_MAX;
	return wall >= CLOCK_OK_FROM ? tariff_next(z->tariff, &s->tz, wall) : CLOCK_OK_FROM;
}
