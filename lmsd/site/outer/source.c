/* site/outer/source.c - states of sources, and what they mean in zones. */
#include "site/outer/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

struct source_live {
	struct source_live *next;
	char id[ID_MAX + 1];
	struct signal hand;		/* told by command */
	struct signal way;		/* told by the way that is configured */
	struct hearing heard;
};

/* ---- text ---------------------------------------------------------------------------------------- */

static size_t name_len(const char *at)
{
	return strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

static int bad_name(const char *at, struct diag *diag)
{
	return diag_set(diag, -LMS_EDATA, "at '%.20s': is not a state (write small letters, digits, - and _, at most "
			"%d: grid,island)", *at ? at : "the end", SIGNAL_STATE_MAX - 1);
}

int source_states_check(const char *states, struct diag *diag)
{
	int count = 0;

	for (const char *at = states;; at++) {
		size_t len;

		at += strspn(at, " ");
		len = name_len(at);
		if (len == 0 || len >= SIGNAL_STATE_MAX)
			return bad_name(at, diag);
		if (len == strlen(SOURCE_LOST) && memcmp(at, SOURCE_LOST, len) == 0)
			return diag_set(diag, -LMS_EDATA, "lost is a state of every source (leave it out)");
		if (++count > SOURCE_CAPS_MAX - 1)
			return diag_set(diag, -LMS_EDATA, "are too many (at most %d)", SOURCE_CAPS_MAX - 1);
		at += len;
		at += strspn(at, " ");
		if (!*at)
			return 0;
		if (*at != ',')
			return bad_name(at, diag);
	}
}

bool source_has_state(const char *states, const char *state)
{
	size_t want = strlen(state);

	if (strcmp(state, SOURCE_LOST) == 0)
		return true;
	for (const char *at = states; at && *at;) {
		size_t len;

		at += strspn(at, " ,");
		len = name_len(at);
		if (len == want && memcmp(at, state, len) == 0)
			return true;
		at += len ? len : strlen(at);
	}
	return false;
}

static int take_cap(const char *text, size_t len, struct source_caps *out, struct diag *diag)
{
	size_t name = name_len(text);
	const char *equals = memchr(text, '=', len);
	struct diag said;
	char word[64];

	if (out->count == SOURCE_CAPS_MAX)
		return diag_set(diag, -LMS_EDATA, "are too many (at most %d)", SOURCE_CAPS_MAX);
	if (name == 0 || name >= SIGNAL_STATE_MAX || !equals || text + name + strspn(text + name, " ") != equals)
		return diag_set(diag, -LMS_EDATA, "at '%.20s': is not a state and its current (write island=16; lost=10)",
				text);
	len -= (size_t)(equals + 1 - text);
	if (len >= sizeof(word))
		return diag_set(diag, -LMS_EDATA, "at '%.20s': is not a current (write island=16)", equals + 1);
	memcpy(word, equals + 1, len);
	word[len] = '\0';
	for (size_t i = 0; i < out->count; i++)
		if (strlen(out->items[i].state) == name && memcmp(out->items[i].state, text, name) == 0)
			return diag_set(diag, -LMS_EDATA, "names %s twice", out->items[i].state);
	diag_init(&said);
	if (parse_phase_ma(word, &out->items[out->count].limit, &said))
		return diag_set(diag, -LMS_EDATA, "%.*s: %s", (int)name, text, said.text);
	memcpy(out->items[out->count].state, text, name);
	out->items[out->count++].state[name] = '\0';
	return 0;
}

int source_caps_parse(const char *text, struct source_caps *out, struct diag *diag)
{
	*out = (struct source_caps){ 0 };
	for (const char *at = text;;) {
		size_t len;
		int ret;

		at += strspn(at, " ");
		len = strcspn(at, ";");
		if (len == 0 && !*at && out->count)
			return 0;
		ret = take_cap(at, len, out, diag);
		if (ret)
			return ret;
		at += len;
		if (!*at++)
			return 0;
	}
}

/* ---- live states ----------------------------------------------------------------------------------- */

/* A way that nobody set a time for. */
#define WAY_STALE_US (60 * US_PER_S)

static int64_t stale_us(const struct source_conf *source)
{
	if (source->k.stale_after_ms == NUM_NONE)
		return source->way ? WAY_STALE_US : 0;
	return source->k.stale_after_ms * US_PER_MS;
}

/* It is for who tells the state; what staff tells beside a way holds until it is taken back. */
static int64_t hand_stale_us(const struct source_conf *source)
{
	return source->way ? 0 : stale_us(source);
}

static const struct source_conf *conf_of(const struct site *s, const char *id)
{
	int i = site_conf_source(s->conf, id);

	return i < 0 ? NULL : &s->conf->sources[i];
}

static struct source_live *live_of(const struct site *s, const char *id)
{
	struct source_live *l = s->sources;

	while (l && strcmp(l->id, id) != 0)
		l = l->next;
	return l;
}

static struct source_live *live_get(struct site *s, const char *id, mono_t now)
{
	struct source_live *l = live_of(s, id);

	if (l)
		return l;
	l = xcalloc(1, sizeof(*l));
	snprintf(l->id, sizeof(l->id), "%s", id);
	signal_init(&l->hand, now);
	signal_init(&l->way, now);
	l->next = s->sources;
	s->sources = l;
	return l;
}

static void store(const char *kind, const char *id, struct signal *g, mono_t now, wall_t wall, struct effects *fx)
{
	char key[ID_MAX + 8];

	snprintf(key, sizeof(key), "%s %s", kind, id);
	signal_store(g, key, now, wall, fx);
}

static void store_hand(struct source_live *l, mono_t now, wall_t wall, struct effects *fx)
{
	store("source", l->id, &l->hand, now, wall, fx);
}

static void store_way(struct source_live *l, mono_t now, wall_t wall, struct effects *fx)
{
	store("way", l->id, &l->way, now, wall, fx);
}

const struct signal *site_source_signal(const struct site *s, const struct source_conf *source)
{
	const struct source_live *l = live_of(s, source->k.id);

	if (!l)
		return NULL;
	return source->way ? &l->way : &l->hand;
}

const struct hearing *site_source_hearing(const struct site *s, const struct source_conf *source)
{
	const struct source_live *l = live_of(s, source->k.id);

	return l && source->way ? &l->heard : NULL;
}

const char *site_source_beside(const struct site *s, const struct source_conf *source)
{
	const struct source_live *l = live_of(s, source->k.id);

	return l && source->way && l->hand.state[0] ? l->hand.state : NULL;
}

const char *site_source_state(const struct site *s, const struct source_conf *source)
{
	const struct signal *g = site_source_signal(s, source);

	if (!g || g->lost || !g->state[0] || !source_has_state(source->k.states, g->state))
		return SOURCE_LOST;
	return g->state;
}

bool site_source_is_sure(const struct site *s, const struct source_conf *source)
{
	const struct signal *g = site_source_signal(s, source);

	return !g || signal_is_sure(g, stale_us(source));
}

int site_source_tell(struct site *s, const struct site_conf *conf, const char *id, const char *state,
		     const char *by, int64_t for_ms, mono_t now, wall_t wall, struct effects *fx,
		     struct diag *diag)
{
	int index = site_conf_source(conf, id);
	const struct source_conf *source;
	struct source_live *l;
	bool other, was_sure, timed;

	if (index < 0)
		return diag_set(diag, -LMS_ENOTFOUND, "source '%.60s' does not exist (lmsctl source list)", id);
	source = &conf->sources[index];
	if (!source_has_state(source->k.states, state))
		return diag_set(diag, -LMS_EDATA, "state: '%.60s' is not a state of source %s (it has %s, and lost)",
				state, id, source->k.states);
	if (for_ms != NUM_NONE && (for_ms <= 0 || for_ms > SIGNAL_FOR_MAX_US / US_PER_MS))
		return diag_set(diag, -LMS_ERANGE, "for: is out of range (write a time of at most 30 days such as "
				"15m, 2h; leave it out for a state that holds until another)");
	l = live_get(s, id, now);
	was_sure = signal_is_sure(&l->hand, hand_stale_us(source));
	timed = l->hand.until != MONO_NEVER || for_ms != NUM_NONE;
	other = signal_tell(&l->hand, state, by, for_ms, now, wall);
	if (other || timed || !was_sure)
		store_hand(l, now, wall, fx);
	if (other)
		log_event(LOG_LEVEL_NOTICE, "source", id, "source_state", "state=%s by=%s", state, log_text(by));
	s->outer_changed |= other || !was_sure;
	return other || !was_sure;
}

bool site_source_clear(struct site *s, const char *id, mono_t now, wall_t wall, struct effects *fx)
{
	struct source_live *l = live_of(s, id);

	if (!l || !signal_forget(&l->hand, now, wall))
		return false;
	store_hand(l, now, wall, fx);
	log_event(LOG_LEVEL_NOTICE, "source", id, "source_clear", "%s", "what was told by command counts no more");
	s->outer_changed = true;
	return true;
}

/* Another way tells the state from now on: it has the time of stale_after to begin. What was told before holds
 * until then, and what `lost` means beside it. */
static bool follow(struct source_live *l, const struct source_conf *source, mono_t now, wall_t wall,
		   struct effects *fx)
{
	if (!hearing_follow(&l->heard, source->way))
		return false;
	l->hand.told_at = l->way.told_at = now;
	l->hand.sure = l->way.sure = false;
	if (!source->way && l->way.state[0]) {
		signal_init(&l->way, now);
		store_way(l, now, wall, fx);
	}
	return true;
}

void site_source_heard(struct site *s, const char *id, const struct heard *heard, mono_t now, wall_t wall,
		       struct effects *fx)
{
	const struct source_conf *source = conf_of(s, id);
	struct source_live *l;
	bool other, was_sure;
	const char *state, *by;

	if (!source || !source->way)
		return;
	l = live_get(s, id, now);
	follow(l, source, now, wall, fx);
	state = hearing_take(&l->heard, source->way, heard, "source", id, wall);
	if (!state)
		return;
	was_sure = site_source_is_sure(s, source);
	by = heard->by ? heard->by : source->way->text;
	other = heard->old ? signal_hint(&l->way, state, by, wall) : signal_tell(&l->way, state, by, NUM_NONE, now, wall);
	if (other || !was_sure)
		store_way(l, now, wall, fx);
	if (other)
		log_event(LOG_LEVEL_NOTICE, "source", id, "source_state", "state=%s by=%s", state, log_text(l->way.by));
	s->outer_changed |= other || was_sure != site_source_is_sure(s, source);
}

static void drop(struct source_live *l, mono_t now, wall_t wall, struct effects *fx)
{
	signal_forget(&l->hand, now, wall);
	signal_forget(&l->way, now, wall);
	store_hand(l, now, wall, fx);
	store_way(l, now, wall, fx);
	free(l);
}

static bool pass(struct site *s, struct source_live *l, const struct source_conf *source, mono_t now, wall_t wall,
		 struct effects *fx)
{
	bool followed = follow(l, source, now, wall, fx);
	bool hand = signal_time(&l->hand, hand_stale_us(source), now, wall);
	bool way = source->way && signal_time(&l->way, stale_us(source), now, wall);

	if (hand || way)
		log_event(LOG_LEVEL_NOTICE, "source", l->id, "source_state", "state=%s", site_source_state(s, source));
	if (hand || signal_wants_writing(&l->hand, now))
		store_hand(l, now, wall, fx);
	if (way)
		store_way(l, now, wall, fx);
	return followed || hand || way;
}

bool site_source_time(struct site *s, mono_t now, wall_t wall, struct effects *fx)
{
	bool changed = false;

	for (size_t i = 0; i < s->conf->source_count; i++)
		if (s->conf->sources[i].way)
			live_get(s, s->conf->sources[i].k.id, now);
	for (struct source_live **at = &s->sources, *l; (l = *at);) {
		const struct source_conf *source = conf_of(s, l->id);

		if (!source && (!s->staged || site_conf_source(s->staged, l->id) < 0)) {
			*at = l->next;
			drop(l, now, wall, fx);
			changed = true;
			continue;
		}
		at = &l->next;
		changed |= source && pass(s, l, source, now, wall, fx);
	}
	return changed;
}

mono_t site_source_due(const struct site *s)
{
	mono_t due = MONO_NEVER;

	for (const struct source_live *l = s->sources; l; l = l->next) {
		const struct source_conf *source = conf_of(s, l->id);
		mono_t hand = source ? signal_due(&l->hand, hand_stale_us(source)) : MONO_NEVER;
		mono_t way = source && source->way ? signal_due(&l->way, stale_us(source)) : MONO_NEVER;

		due = hand < due ? hand : due;
		due = way < due ? way : due;
	}
	return due;
}

int site_source_load(struct site *s, const char *key, const char *json, size_t len, mono_t now, wall_t wall,
		     struct diag *diag)
{
	const char *id = strchr(key, ' ');
	bool way = strncmp(key, "way ", 4) == 0;
	struct signal g;
	int ret;

	if (!id || (!way && strncmp(key, "source ", 7) != 0) || strlen(++id) > ID_MAX)
		return diag_set(diag, -LMS_EDATA, "is no source");
	ret = signal_load(&g, json, len, now, wall, diag);
	if (!ret)
		*(way ? &live_get(s, id, now)->way : &live_get(s, id, now)->hand) = g;
	return ret;
}

void site_source_free(struct site *s)
{
	struct source_live *l;

	while ((l = s->sources)) {
		s->sources = l->next;
		free(l);
	}
}

/* ---- what it means in a zone ------------------------------------------------------------------------ */

static void limit_of(const struct source_caps *caps, const char *state, struct zone_limit *out)
{
	*out = zone_limit_none;
	for (size_t i = 0; i < caps->count; i++)
		if (strcmp(caps->items[i].state, state) == 0) {
			out->current = caps->items[i].limit;
			return;
		}
	for (size_t i = 0; i < caps->count && strcmp(state, SOURCE_LOST) == 0; i++)
		zone_limit_least(out, &(struct zone_limit){ .current = caps->items[i].limit });
}

void site_source_limit(const struct site *s, const struct zone_conf *z, struct zone_limit *out)
{
	const struct source_conf *source;
	struct zone_limit unsure, other;
	const char *state, *beside;

	*out = zone_limit_none;
	if (z->source < 0 || !z->caps)
		return;
	source = &s->conf->sources[z->source];
	state = site_source_state(s, source);
	limit_of(z->caps, state, out);
	out->lost = strcmp(state, SOURCE_LOST) == 0;
	beside = site_source_beside(s, source);
	if (beside) {
		limit_of(z->caps, beside, &other);
		zone_limit_least(out, &other);
	}
	if (site_source_is_sure(s, source))
		return;
	limit_of(z->caps, SOURCE_LOST, &unsure);
	zone_limit_least(out, &unsure);
	limit_of(z->caps, site_source_signal(s, source)->before, &other);
	zone_limit_least(out, &other);
}
