/* site/outer/grid.c - the grid signal: what is in force, and what it means. */
#include "site/outer/grid.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define KEY "grid"

static const char *const names[GRID_STATES] = { "normal", "reduced", "stop", "lost" };

const char *grid_state_name(enum grid_state state)
{
	return names[state];
}

static int64_t watchdog_us(const struct site *s)
{
	int64_t ms = s->conf->site.grid_watchdog_ms;

	return ms == NUM_NONE ? 0 : ms * US_PER_MS;
}

static int state_index(const char *state)
{
	for (int i = 0; i < GRID_STATES; i++)
		if (strcmp(names[i], state) == 0)
			return i;
	return -1;
}

enum grid_state site_grid_state(const struct site *s)
{
	int i = state_index(s->grid.state);

	if (s->grid.lost)
		return GRID_LOST;
	return i < 0 ? GRID_NORMAL : (enum grid_state)i;
}

bool site_grid_is_sure(const struct site *s)
{
	return signal_is_sure(&s->grid, watchdog_us(s));
}

static void tell(const struct site *s)
{
	const char *state = grid_state_name(site_grid_state(s));

	if (s->grid.lost)
		log_event(LOG_LEVEL_WARNING, "grid", "", "grid_signal", "state=lost last=%s by=%s",
			  s->grid.state[0] ? s->grid.state : "none", log_text(s->grid.by));
	else
		log_event(LOG_LEVEL_NOTICE, "grid", "", "grid_signal", "state=%s by=%s", state,
			  log_text(s->grid.by[0] ? s->grid.by : "nobody"));
}

int site_grid_set(struct site *s, const char *state, const char *by, int64_t for_ms, mono_t now, wall_t wall,
		  struct effects *fx, struct diag *diag)
{
	bool was_sure = site_grid_is_sure(s), other;
	bool was_timed = s->grid.until != MONO_NEVER;

	if (state_index(state) < 0)
		return diag_set(diag, -LMS_EDATA, "state: '%.60s' is not a state of the grid signal "
				"(write normal, reduced, stop or lost)", state);
	if (for_ms != NUM_NONE && (for_ms <= 0 || for_ms > SIGNAL_FOR_MAX_US / US_PER_MS))
		return diag_set(diag, -LMS_ERANGE, "for: is out of range (write a time of at most 30 "
				"days such as 15m, 2h; leave it out for a signal that holds until another)");
	other = signal_tell(&s->grid, state, by, for_ms, now, wall);
	/* Told again and again, as a watchdog wants it, there is nothing new to keep. */
	if (other || was_timed || for_ms != NUM_NONE || !was_sure)
		signal_store(&s->grid, KEY, now, wall, fx);
	if (other)
		tell(s);
	return other || !was_sure;
}

bool site_grid_clear(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	bool was_sure = site_grid_is_sure(s);

	if (!signal_forget(&s->grid, now, wall) && was_sure)
		return false;
	signal_store(&s->grid, KEY, now, wall, fx);
	tell(s);
	return true;
}

bool site_grid_time(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	bool changed = signal_time(&s->grid, watchdog_us(s), now, wall);

	if (changed)
		tell(s);
	if (changed || signal_wants_writing(&s->grid, now))
		signal_store(&s->grid, KEY, now, wall, fx);
	return changed;
}

mono_t site_grid_due(const struct site *s)
{
	return signal_due(&s->grid, watchdog_us(s));
}

/* ---- what it means -------------------------------------------------------------------------- */

static bool has_reduced(const struct ctl_zone_keys *k)
{
	return k->grid_reduced_ma.l[0] != NUM_NONE || k->grid_reduced_factor_permille != NUM_NONE ||
	       k->grid_reduced_sessions != NUM_NONE;
}

static void stop(const struct zone_conf *z, struct zone_limit *out)
{
	for (int k = 0; k < z->phases; k++)
		out->current.l[k] = 0;
}

static void reduce(const struct zone_conf *z, struct zone_limit *out)
{
	if (!has_reduced(&z->k)) {
		stop(z, out);
		return;
	}
	for (int k = 0; k < z->phases; k++) {
		int64_t normal = zone_normal_ma(z, k);

		out->current.l[k] = z->k.grid_reduced_ma.l[k];
		if (z->k.grid_reduced_factor_permille != NUM_NONE && normal != NUM_NONE)
			out->current.l[k] = normal * z->k.grid_reduced_factor_permille / 1000;
	}
	if (z->k.grid_reduced_sessions != NUM_NONE)
		out->sessions = (int)z->k.grid_reduced_sessions;
}

static enum grid_state lost_means(const struct ctl_zone_keys *k)
{
	int i = k->grid_lost ? state_index(k->grid_lost) : -1;

	if (i >= 0 && i != GRID_LOST)
		return (enum grid_state)i;
	return has_reduced(k) ? GRID_REDUCED : GRID_STOP;
}

void grid_meaning(const struct zone_conf *z, enum grid_state state, struct zone_limit *out)
{
	*out = zone_limit_none;
	if (z->k.grid != 1)
		return;
	out->lost = state == GRID_LOST;
	if (state == GRID_LOST)
		state = lost_means(&z->k);
	if (state == GRID_STOP)
		stop(z, out);
	else if (state == GRID_REDUCED)
		reduce(z, out);
}

void site_grid_limit(const struct site *s, const struct zone_conf *z, struct zone_limit *out)
{
	struct zone_limit unsure;

	grid_meaning(z, site_grid_state(s), out);
	if (site_grid_is_sure(s))
		return;
	grid_meaning(z, GRID_LOST, &unsure);
	unsure.lost = false;
	zone_limit_least(out, &unsure);
}
