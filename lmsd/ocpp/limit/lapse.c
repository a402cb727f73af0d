/* ocpp/limit/lapse.c - see lapse.h. */
#include "ocpp/limit/lapse.h"

#include "ocpp/habits.h"
#include "ocpp/limit/way.h"

#define SKEW_MAX_US (10 * US_PER_S)

const char *lapse_obstacle(const struct ocpp_session *s, const struct station *st)
{
	const struct station_conf *sc = site_station_conf(s->o->site, st);
	const struct ocpp_habits *h = habits_of(s->o->habits, st);

	for (size_t i = 0; sc && i < sc->connector_count; i++)
		if (way_of(&sc->connectors[i]) != WAY_PROFILE)
			return "its limits are told without a profile for the transaction";
	if (h->one_period || s->max_periods < 2)
		return "its profiles have one period";
	if (!way_absolute(s, st))
		return "its profiles begin with the transaction, not at a time";
	if (s->one_period)
		return "it refused a profile of two periods";
	if (s->skew_us == NUM_NONE)
		return "its clock is not known";
	if (s->skew_us > SKEW_MAX_US || s->skew_us < -SKEW_MAX_US)
		return "its clock is more than 10 s wrong";
	return NULL;
}

void lapse_tell(struct ocpp_session *s, struct station *st, const char *obstacle)
{
	st->keeps_why = obstacle;
	if (st->takes_fallback == !obstacle)
		return;
	st->takes_fallback = !obstacle;
	site_station_news(s->o->site, st, STATION_NEWS_FALLBACK);
}

void lapse_refresh(struct ocpp_session *s, struct station *st)
{
	if (s->skew_us != NUM_NONE)
		lapse_tell(s, st, lapse_obstacle(s, st));
}
