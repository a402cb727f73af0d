/* site/outer/signal.c - states told from outside. */
#include "site/outer/signal.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#define WRITE_US (60 * US_PER_S)

void signal_init(struct signal *g, mono_t now)
{
	*g = (struct signal){ .since = WALL_NONE, .told_at = now, .until = MONO_NEVER };
}

bool signal_tell(struct signal *g, const char *state, const char *by, int64_t for_ms, mono_t now, wall_t wall)
{
	bool other = strcmp(g->state, state) != 0 || g->lost;

	if (other)
		g->since = wall;
	snprintf(g->state, sizeof(g->state), "%s", state);
	snprintf(g->by, sizeof(g->by), "%s", by);
	g->told_at = now;
	g->until = for_ms == NUM_NONE ? MONO_NEVER : now + for_ms * US_PER_MS;
	g->lost = false;
	g->sure = true;
	g->before[0] = '\0';
	g->hinted = false;
	return other;
}

bool signal_hint(struct signal *g, const char *state, const char *by, wall_t wall)
{
	if (g->lost || strcmp(g->state, state) == 0)
		return false;
	if (!g->hinted)
		memcpy(g->before, g->state, sizeof(g->before));
	snprintf(g->state, sizeof(g->state), "%s", state);
	snprintf(g->by, sizeof(g->by), "%s", by);
	g->since = wall;
	g->until = MONO_NEVER;
	g->sure = false;
	g->hinted = true;
	return true;
}

bool signal_forget(struct signal *g, mono_t now, wall_t wall)
{
	bool changed = g->state[0] != '\0' || g->lost;

	signal_init(g, now);
	g->sure = true;
	g->since = wall;
	return changed;
}

/* A state with a time of its own needs no watchdog. */
static mono_t lost_at(const struct signal *g, int64_t watchdog_us)
{
	return watchdog_us > 0 && !g->lost && g->until == MONO_NEVER ? g->told_at + watchdog_us : MONO_NEVER;
}

bool signal_time(struct signal *g, int64_t watchdog_us, mono_t now, wall_t wall)
{
	if (g->until <= now) {
		signal_forget(g, now, wall);
		g->lost = watchdog_us > 0;
		return true;
	}
	if (lost_at(g, watchdog_us) <= now) {
		g->lost = true;
		g->since = wall;
		return true;
	}
	if (g->lost && watchdog_us <= 0) {
		g->lost = false;
		g->since = wall;
		return true;
	}
	return false;
}

mono_t signal_due(const struct signal *g, int64_t watchdog_us)
{
	mono_t due = lost_at(g, watchdog_us);

	if (g->until < due)
		due = g->until;
	if (g->until != MONO_NEVER && g->written + WRITE_US < due)
		due = g->written + WRITE_US;
	return due;
}

bool signal_is_sure(const struct signal *g, int64_t watchdog_us)
{
	return g->sure || g->lost || watchdog_us <= 0;
}

/* ---- over restarts ---------------------------------------------------------------------------- */

bool signal_wants_writing(const struct signal *g, mono_t now)
{
	return g->until != MONO_NEVER && now - g->written >= WRITE_US;
}

void signal_store(struct signal *g, const char *key, mono_t now, wall_t wall, struct effects *fx)
{
	struct json_writer w;
	struct buf b;

	g->written = now;
	if (!g->state[0]) {
		fx_del(fx, STORE_SIGNAL, key);
		return;
	}
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "state", g->state);
	if (g->before[0])
		jw_kstr(&w, "before", g->before);
	jw_kstr(&w, "by", g->by);
	jw_kint(&w, "since", g->since);
	if (g->until != MONO_NEVER)
		jw_kint(&w, "left_ms", (g->until - now) / US_PER_MS);
	jw_kint(&w, "written", wall);
	jw_object_end(&w);
	fx_put(fx, STORE_SIGNAL, key, b.data, b.len);
	buf_fini(&b);
}

int64_t signal_left_us(int64_t left_us, wall_t written, wall_t wall, int64_t longest_us)
{
	int64_t down = wall - written;

	if (down < 0 || down > longest_us)
		return left_us;
	return down < left_us ? left_us - down : 0;
}

int signal_load(struct signal *g, const char *json, size_t len, mono_t now, wall_t wall, struct diag *diag)
{
	const int64_t longest = SIGNAL_FOR_MAX_US / US_PER_MS;
	const struct json *rec;
	struct arena arena;
	const char *state;
	int64_t left, written = 0;
	int ret = 0;

	arena_init(&arena);
	rec = json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, diag);
	state = json_str(json_get(rec, "state"), NULL);
	if (!state || !state[0] || strlen(state) >= sizeof(g->state)) {
		ret = diag_set(diag, -LMS_EDATA, "is no state");
		goto out;
	}
	signal_init(g, now);
	snprintf(g->state, sizeof(g->state), "%s", state);
	snprintf(g->by, sizeof(g->by), "%s", json_str(json_get(rec, "by"), ""));
	snprintf(g->before, sizeof(g->before), "%s", json_str(json_get(rec, "before"), ""));
	g->hinted = g->before[0] != '\0';
	json_int(json_get(rec, "since"), &g->since);
	if (json_int(json_get(rec, "written"), &written) || written < 0)
		written = 0;
	if (json_get(rec, "left_ms")) {
		/* A time that makes no sense is the longest one: too early would be worse. */
		if (json_int(json_get(rec, "left_ms"), &left) || left < 0 || left > longest)
			left = longest;
		g->until = now + signal_left_us(left * US_PER_MS, written, wall, SIGNAL_FOR_MAX_US);
	}
	g->written = now;
out:
	arena_fini(&arena);
	return ret;
}
