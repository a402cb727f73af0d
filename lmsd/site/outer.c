/* site/outer.c - what two limits allow together. */
#include "site/outer.h"

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
