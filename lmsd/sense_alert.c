/* sense_alert.c - edges of what is wrong with meters and buses, as events. */
#include "sense_alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"

#define CALM_US (10 * US_PER_S)

static long long seconds(mono_t since, mono_t now)
{
	return (long long)((now - since) / US_PER_S);
}

/* Silent for longer than its values are fresh; one that never answered is missed at once. */
static bool is_lost(const struct meter_state *m, enum meter_status status, mono_t answered_at, mono_t now)
{
	if (status == METER_STALE)
		return true;
	return status == METER_SILENT &&
	       (answered_at == INT64_MIN || now - answered_at > meter_setup(m)->stale_us);
}

static void look_lost(struct meter_alert *a, const struct meter_state *m, bool lost, const struct meter_place *p, const char *text, mono_t now)
{
	if (lost && !a->lost) {
		a->since = now;
		log_meter(WARNING, p->id, "meter_lost",
			  "address=%s zones=%s %s (look at %s; lmsctl meter show %s)", p->address, p->zones,
			  text[0] ? text : "no fresh values",
			  meter_setup(m)->profile->pushed ? "who tells its values" : "its supply, wiring and address", p->id);
	} else if (!lost && a->lost) {
		log_meter(NOTICE, p->id, "meter_back", "address=%s zones=%s away_s=%lld", p->address, p->zones,
			  seconds(a->since, now));
	}
	a->lost = lost;
}

static void look_doubt(struct meter_alert *a, enum meter_status status, const struct meter_place *p, const char *text,
		       mono_t now)
{
	if (status != METER_OK)
		a->fine_since = MONO_NEVER;
	else if (a->fine_since == MONO_NEVER || !a->known)
		a->fine_since = now;
	if (status == METER_OK && !a->known) {
		a->known = true;
		log_meter(INFO, p->id, "meter_ok", "address=%s %s", p->address, "values are good");
	}
	if (status == METER_IMPLAUSIBLE && !a->doubtful) {
		a->doubtful = true;
		log_meter(WARNING, p->id, "meter_implausible",
			  "address=%s zones=%s %s (look at transformers, phases and profile; lmsctl meter show %s)",
			  p->address, p->zones, text, p->id);
	} else if (a->doubtful && a->fine_since != MONO_NEVER && now - a->fine_since >= CALM_US) {
		a->doubtful = false;
		log_meter(NOTICE, p->id, "meter_plausible", "address=%s zones=%s %s", p->address, p->zones,
			  "values are good again");
	}
}

static void look_stranger(struct meter_alert *a, bool stranger, const struct meter_place *p, const char *text)
{
	if (stranger && !a->stranger)
		log_meter(WARNING, p->id, "meter_other_model",
			  "address=%s zones=%s %s (set address or profile: lmsctl meter set %s)", p->address, p->zones, text,
			  p->id);
	else if (!stranger && a->stranger)
		log_meter(NOTICE, p->id, "meter_right_model", "address=%s zones=%s %s", p->address, p->zones,
			  "no other model answers any more");
	a->stranger = stranger;
}

void meter_alert_look(struct meter_alert *a, const struct meter_state *m, const struct meter_place *place,
		      mono_t answered_at, mono_t now)
{
	enum meter_status status = meter_status(m, now);
	char text[300];

	meter_fault_text(m, text, sizeof(text));
	look_lost(a, m, is_lost(m, status, answered_at, now), place, text, now);
	/* Another model is told as what it is. */
	if ((meter_faults(m) & (METER_FAULTS_OF_CURRENT | METER_FAULT_ENERGY)) != METER_FAULT_IDENTITY)
		look_doubt(a, status, place, text, now);
	if (status != METER_SILENT)	/* who does not answer says nothing of what it is */
		look_stranger(a, meter_faults(m) & METER_FAULT_IDENTITY, place, text);
}

/* ---- buses ------------------------------------------------------------------------------------ */

static struct bus_alert *find_bus(const struct bus_alerts *b, const char *bus)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->items[i].bus, bus) == 0)
			return &b->items[i];
	return NULL;
}

void bus_alerts_fini(struct bus_alerts *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->items[i].bus);
	free(b->items);
	*b = (struct bus_alerts){ 0 };
}

void bus_alerts_keep(struct bus_alerts *b, const char *const *buses, size_t count)
{
	struct bus_alerts fresh = { xcalloc(count + 1, sizeof(*fresh.items)), 0 };

	for (size_t i = 0; i < count; i++) {
		const struct bus_alert *old = find_bus(b, buses[i]);

		if (find_bus(&fresh, buses[i]))
			continue;
		if (old)
			fresh.items[fresh.count] = *old;
		fresh.items[fresh.count++].bus = xstrdup(buses[i]);
	}
	bus_alerts_fini(b);
	*b = fresh;
}

void bus_alerts_look(struct bus_alerts *b, const char *bus, const char *why, mono_t now)
{
	struct bus_alert *a = find_bus(b, bus);

	if (!a)
		return;
	snprintf(a->why, sizeof(a->why), "%s", why ? why : "");
	if (a->missing == (why != NULL))
		return;
	a->missing = why != NULL;
	if (why) {
		a->since = now;
		log_event(LOG_LEVEL_WARNING, "bus", bus, "bus_missing", "%s", why);
	} else {
		log_event(LOG_LEVEL_NOTICE, "bus", bus, "bus_back", "away_s=%lld", seconds(a->since, now));
	}
}
