/* site/outer/grid.c - the grid signal: what is in force, and what it means. */
#include "site/outer/grid.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define KEY	"grid"
#define KEY_WAY "grid way"

/* A way that nobody set a time for: what polls and repeats does so more often. */
#define WAY_WATCHDOG_US (60 * US_PER_S)

static const char *const names[GRID_STATES] = { "normal", "reduced", "stop", "lost" };
/* Which of two states counts: what is lost is at most as little as a stop. */
static const int rank[GRID_STATES] = { 0, 1, 3, 2 };

const char *grid_state_name(enum grid_state state)
{
	return names[state];
}

static int64_t watchdog_us(const struct site *s)
{
	int64_t ms = s->conf->site.grid_watchdog_ms;

	if (ms == NUM_NONE)
		return s->conf->grid_way ? WAY_WATCHDOG_US : 0;
	return ms * US_PER_MS;
}

/* It is for who tells the signal; what staff tells beside a way holds until it is taken back. */
static int64_t hand_watchdog_us(const struct site *s)
{
	return s->conf->grid_way ? 0 : watchdog_us(s);
}

static int state_index(const char *state)
{
	for (int i = 0; i < GRID_STATES; i++)
		if (strcmp(names[i], state) == 0)
			return i;
	return -1;
}

static enum grid_state state_named(const char *state)
{
	int i = state_index(state);

	return i < 0 ? GRID_NORMAL : (enum grid_state)i;
}

static enum grid_state state_of(const struct signal *g)
{
	return g->lost ? GRID_LOST : state_named(g->state);
}

const struct signal *site_grid_signal(const struct site *s)
{
	if (s->conf->grid_way && rank[state_of(&s->grid_way)] >= rank[state_of(&s->grid)])
		return &s->grid_way;
	return &s->grid;
}

enum grid_state site_grid_state(const struct site *s)
{
	return state_of(site_grid_signal(s));
}

bool site_grid_is_sure(const struct site *s)
{
	return s->conf->grid_way ? signal_is_sure(&s->grid_way, watchdog_us(s))
				 : signal_is_sure(&s->grid, hand_watchdog_us(s));
}

static void tell(const struct site *s)
{
	const struct signal *g = site_grid_signal(s);
	const char *state = grid_state_name(state_of(g));

	if (g->lost)
		log_event(LOG_LEVEL_WARNING, "grid", "", "grid_signal", "state=lost last=%s by=%s",
			  g->state[0] ? g->state : "none", log_text(g->by));
	else
		log_event(LOG_LEVEL_NOTICE, "grid", "", "grid_signal", "state=%s by=%s", state,
			  log_text(g->by[0] ? g->by : "nobody"));
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

/* Another way tells the signal from now on: it has the watchdog's time to begin. What was said before holds until
 * then, and what `lost` means beside it. */
static bool follow(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	if (!hearing_follow(&s->grid_heard, s->conf->grid_way))
		return false;
	s->grid.told_at = s->grid_way.told_at = now;
	s->grid.sure = s->grid_way.sure = false;
	if (!s->conf->grid_way && s->grid_way.state[0]) {
		signal_init(&s->grid_way, now);
		signal_store(&s->grid_way, KEY_WAY, now, wall, fx);
	}
	return true;
}

bool site_grid_heard(struct site *s, const struct heard *heard, mono_t now, wall_t wall, struct effects *fx)
{
	const struct state_way *way = s->conf->grid_way;
	bool was_sure, other;
	const char *state, *by;

	if (!way)
		return false;
	follow(s, now, wall, fx);
	state = hearing_take(&s->grid_heard, way, heard, "grid", "", wall);
	if (!state)
		return false;
	was_sure = site_grid_is_sure(s);
	by = heard->by ? heard->by : way->text;
	other = heard->old ? signal_hint(&s->grid_way, state, by, wall)
			   : signal_tell(&s->grid_way, state, by, NUM_NONE, now, wall);
	other |= was_sure != site_grid_is_sure(s);
	if (other)
		signal_store(&s->grid_way, KEY_WAY, now, wall, fx);
	if (other)
		tell(s);
	return other;
}

bool site_grid_time(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	bool followed = follow(s, now, wall, fx);
	bool hand = signal_time(&s->grid, hand_watchdog_us(s), now, wall);
	bool way = s->conf->grid_way && signal_time(&s->grid_way, watchdog_us(s), now, wall);

	if (hand || way)
		tell(s);
	if (hand || signal_wants_writing(&s->grid, now))
		signal_store(&s->grid, KEY, now, wall, fx);
	if (way)
		signal_store(&s->grid_way, KEY_WAY, now, wall, fx);
	return followed || hand || way;
}

mono_t site_grid_due(const struct site *s)
{
	mono_t hand = signal_due(&s->grid, hand_watchdog_us(s));
	mono_t way = s->conf->grid_way ? signal_due(&s->grid_way, watchdog_us(s)) : MONO_NEVER;

	return hand < way ? hand : way;
}

void site_grid_begin(struct site *s, mono_t now)
{
	signal_init(&s->grid, now);
	signal_init(&s->grid_way, now);
}

int site_grid_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, wall_t wall,
		   struct diag *diag)
{
	struct signal g;
	int ret = signal_load(&g, json, len, now, wall, diag);

	if (!ret)
		*(strcmp(key, KEY_WAY) == 0 ? &s->grid_way : &s->grid) = g;
	return ret;
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
	struct zone_limit unsure, way;

	grid_meaning(z, state_of(&s->grid), out);
	if (s->conf->grid_way) {
		grid_meaning(z, state_of(&s->grid_way), &way);
		zone_limit_least(out, &way);
	}
	if (site_grid_is_sure(s))
		return;
	grid_meaning(z, GRID_LOST, &unsure);
	unsure.lost = false;
	zone_limit_least(out, &unsure);
	if (!s->conf->grid_way)
		return;
	grid_meaning(z, state_named(s->grid_way.before), &way);
	way.lost = false;
	zone_limit_least(out, &way);
}
