/* balance/shortage.c - a limit below what its car could take is booked on the zone that holds it down.
 *
 * What a car could take is its maximum as far as it is known: until it has shown that it takes less,
 * all that its connector gives. So this is what could have been sold, not what is sure to have been.
 */
#include "balance/model.h"

/* The zone whose being full keeps the connector down, or -1. */
static int bottleneck(const struct conn *c)
{
	static const enum bal_reason_code full[] = {
		BAL_WHY_ZONE_FULL, BAL_WHY_VIP_AHEAD, BAL_WHY_BELOW_MIN, BAL_WHY_QUEUE, BAL_WHY_SESSIONS,
	};

	for (size_t i = 0; i < ARRAY_LEN(full); i++)
		if (c->why.code == (int)full[i])
			return c->why.zone;
	return c->held.code == BAL_WHY_WAITS_ROOM ? c->held.zone : -1;
}

static int64_t missing(const struct conn *c)
{
	int64_t have = c->session ? gate_limit(c) : 0, want = c->max_ma;

	if (c->use != BAL_CHARGING && c->use != BAL_WAITS)
		return 0;
	if (have == NUM_NONE)
		have = 0;
	return want > have ? want - have : 0;
}

void shortage_count(struct balance *b, mono_t now)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct shortage *s = &b->zones[i].shortage;

		if (s->short_ma > 0) {
			s->held_us += now - b->short_at;
			s->missing_mams += s->short_ma * ((now - b->short_at) / US_PER_MS);
		}
		s->short_ma = 0;
	}
	b->short_at = now;
	for (size_t i = 0; i < b->conn_count; i++) {
		const struct conn *c = &b->conns[i];
		int zone = bottleneck(c);

		if (zone >= 0)
			b->zones[zone].shortage.short_ma +=
				missing(c) * model_weight(&b->zones[zone], model_phases(c), PHASES);
	}
}

void balance_shortage(const struct balance *b, int zone, mono_t now, struct bal_shortage *out)
{
	const struct shortage *s = &b->zones[zone].shortage;
	int64_t since = s->short_ma > 0 && now > b->short_at ? now - b->short_at : 0;

	out->held_ms = (s->held_us + since) / US_PER_MS;
	out->missing_mams = s->missing_mams + s->short_ma * (since / US_PER_MS);
}
