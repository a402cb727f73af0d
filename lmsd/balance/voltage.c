/* balance/voltage.c - the voltage at which a limit of power becomes one of current.
 *
 * That of the zone's meter, or of the nearest one above it, while it is fresh: the highest of its
 * phases, since a current there carries most power. Else the highest that the site may have. Whole
 * volts, upwards, and down only by more than one, so that a voltage that wobbles moves no limits.
 */
#include "balance/voltage.h"

#include "balance/model.h"

#define MV_PER_V INT64_C(1000)

static int64_t whole_volts(const struct balance *b, int64_t mv)
{
	int64_t v = (mv + MV_PER_V - 1) / MV_PER_V;

	return v < b->voltage_min ? b->voltage_min : v > b->voltage_max ? b->voltage_max : v;
}

void voltage_sample(struct balance *b, struct zone *z, const struct bal_sample *s)
{
	int64_t top = NUM_NONE;

	for (int k = 0; k < PHASES; k++)
		if (s->voltage_mv.l[k] > top)
			top = s->voltage_mv.l[k];
	if (!s->good || top <= 0)
		return;
	/* The same once a second is no reason for a turn; after a gap it is. */
	if (!z->volts.known || whole_volts(b, top) != whole_volts(b, z->volts.mv) || s->at - z->volts.at > US_PER_S * 2)
		b->metered = true;
	z->volts.mv = top;
	z->volts.at = s->at;
	z->volts.known = true;
}

/* The nearest fresh one; 0 = none. */
static int64_t measured(struct balance *b, const struct zone *z, mono_t now)
{
	for (int i = (int)(z - b->zones); i >= 0; i = b->zones[i].conf.parent) {
		const struct zone *from = &b->zones[i];
		mono_t until = from->volts.at + from->conf.timers.meter_stale_us;

		if (!from->volts.known || now >= until)
			continue;
		if (until < b->meter_due)
			b->meter_due = until;
		return whole_volts(b, from->volts.mv);
	}
	return 0;
}

void voltage_run(struct balance *b, mono_t now)
{
	for (size_t i = 0; i < b->zone_count; i++) {
		struct zone *z = &b->zones[i];
		int64_t v;

		if (z->conf.cap_w == NUM_NONE)
			continue;
		v = measured(b, z, now);
		if (!v)
			v = b->voltage_max;
		if (v == z->volts.used || (v < z->volts.used && v >= z->volts.used - 1))
			continue;
		b->dirty = true;
		b->urgent |= v > z->volts.used;	/* less current for the same power */
		z->volts.used = v;
	}
}

int64_t voltage_of(const struct balance *b, const struct zone *z)
{
	return z->volts.used ? z->volts.used : b->voltage_max;
}
