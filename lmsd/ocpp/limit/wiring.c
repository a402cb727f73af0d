/* ocpp/limit/wiring.c - see wiring.h. Buildings move, too: only what is plain is said. */
#include "ocpp/limit/wiring.h"

#include <stdio.h>
#include <string.h>

#define PLAIN_MA 2000		/* a fall that shows beside what a building does in some seconds */

struct phase_ma wiring_feeder(const struct site *site, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(site, st);

	for (int z = sc ? sc->zone : -1; z >= 0 && site->meter_views; z = site->conf->zones[z].parent) {
		int meter = site->conf->zones[z].meter;

		if (meter >= 0 && strcmp(site->meter_views[meter].state, "ok") == 0)
			return site->meter_views[meter].current;
	}
	return (struct phase_ma){{ NUM_NONE, NUM_NONE, NUM_NONE }};
}

struct phase_ma wiring_fall(const struct phase_ma *before, const struct phase_ma *now)
{
	struct phase_ma fall;

	for (int k = 0; k < PHASES; k++)
		fall.l[k] = before->l[k] == NUM_NONE || now->l[k] == NUM_NONE ? NUM_NONE : before->l[k] - now->l[k];
	return fall;
}

/* A phase fell by about what the car did, at least by half. */
static bool fell(int64_t by, int64_t car)
{
	return by >= PLAIN_MA && by >= car / 2 && by <= car * 2;
}

static void names(phase_mask_t phases, char out[12])
{
	size_t len = 0;

	out[0] = '\0';
	for (int k = 0; k < PHASES; k++)
		if (phases >> k & 1)
			len += (size_t)snprintf(out + len, 12 - len, "%sL%d", len ? "+" : "", k + 1);
}

static int how_many(phase_mask_t set)
{
	return (set & 1) + (set >> 1 & 1) + (set >> 2 & 1);
}

enum wiring_verdict wiring_judge(const struct phase_ma *car, const struct phase_ma *meter, char *text, size_t size)
{
	phase_mask_t set = 0, seen = 0;
	int64_t most = 0;
	char a[12], b[12];

	*text = '\0';
	for (int k = 0; k < PHASES; k++) {
		if (meter->l[k] == NUM_NONE)
			return WIRING_UNCLEAR;
		if (car->l[k] != NUM_NONE && car->l[k] >= PLAIN_MA)
			set |= (phase_mask_t)(1 << k);
		if (car->l[k] != NUM_NONE && car->l[k] > most)
			most = car->l[k];
	}
	for (int k = 0; k < PHASES; k++) {
		if (fell(meter->l[k], most))
			seen |= (phase_mask_t)(1 << k);
		else if (meter->l[k] >= PLAIN_MA || meter->l[k] <= -PLAIN_MA)
			return WIRING_UNCLEAR;
	}
	if (set == 0 || how_many(seen) != how_many(set))
		return WIRING_UNCLEAR;
	names(set, a);
	names(seen, b);
	if (set == 7) {
		snprintf(text, size, "wiring: the meter saw all three phases fall; their order shows with a single-phase car only");
		return WIRING_TOGETHER;
	}
	if (set == seen) {
		snprintf(text, size, "wiring: the meter saw the fall on %s, as it is set", b);
		return WIRING_AS_SET;
	}
	snprintf(text, size, "wiring: the meter saw the fall on %s, but as it is set it was on %s", b, a);
	return WIRING_OTHERWISE;
}
