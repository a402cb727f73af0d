/* log_sink.c - holds back what floods.
 *
 * A peer chooses ids and how often it makes trouble, so the memory is a fixed table: one row per key at
 * its hash. A key that needs another's row takes it over, and the other one's count is told first.
 */
#include "log_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define ROWS 512

struct row {
	/* Longer ones share a row with what begins alike. */
	char subject[16], id[ID_MAX + 8], event[40];
	mono_t since;		/* of the window; used only if told > 0 */
	unsigned told, held;
	enum log_level worst;	/* of what is held back */
};

struct log_sink {
	log_out_fn out;
	void *ctx;
	mono_t due;		/* no window with something held back ends earlier */
	struct row rows[ROWS];
};

struct log_sink *log_sink_new(log_out_fn out, void *ctx)
{
	struct log_sink *s = xcalloc(1, sizeof(*s));

	s->out = out;
	s->ctx = ctx;
	s->due = MONO_NEVER;
	return s;
}

/* The count of what was held back, under the name of what it was. */
static void row_tell(struct log_sink *s, struct row *r)
{
	char tail[40];

	if (r->held == 0)
		return;
	snprintf(tail, sizeof(tail), "suppressed=%u", r->held);
	r->held = 0;
	s->out(s->ctx, r->worst, r->subject, r->id, r->event, tail);
}

void log_sink_free(struct log_sink *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < ROWS; i++)
		row_tell(s, &s->rows[i]);
	free(s);
}

static uint32_t mix(uint32_t hash, const char *text, size_t most)
{
	for (size_t i = 0; i + 1 < most && text[i] != '\0'; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return (hash ^ 0xff) * 16777619u;
}

static bool same(const char *kept, const char *text, size_t size)
{
	return strncmp(kept, text, size - 1) == 0;
}

/* The key's row in a window that runs now. */
static struct row *row_of(struct log_sink *s, mono_t now, const char *subject, const char *id, const char *event)
{
	struct row *r;
	uint32_t hash = mix(mix(mix(2166136261u, subject, sizeof(r->subject)), id, sizeof(r->id)), event,
			    sizeof(r->event));

	r = &s->rows[hash % ROWS];
	if (r->told > 0 && now - r->since < LOG_SINK_WINDOW_US && same(r->subject, subject, sizeof(r->subject)) &&
	    same(r->id, id, sizeof(r->id)) && same(r->event, event, sizeof(r->event)))
		return r;
	row_tell(s, r);
	*r = (struct row){ .since = now, .worst = LOG_LEVEL_DEBUG };
	snprintf(r->subject, sizeof(r->subject), "%s", subject);
	snprintf(r->id, sizeof(r->id), "%s", id);
	snprintf(r->event, sizeof(r->event), "%s", event);
	return r;
}

/* Floods that ended are told by whatever is said next. */
static void tell_ended(struct log_sink *s, mono_t now)
{
	s->due = MONO_NEVER;
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &s->rows[i];

		if (r->held > 0 && now - r->since >= LOG_SINK_WINDOW_US)
			row_tell(s, r);
		else if (r->held > 0 && r->since + LOG_SINK_WINDOW_US < s->due)
			s->due = r->since + LOG_SINK_WINDOW_US;
	}
}

void log_sink_add(struct log_sink *s, mono_t now, enum log_level level, const char *subject, const char *id,
		  const char *event, const char *tail)
{
	struct row *r;

	if (now >= s->due)
		tell_ended(s, now);
	if (strcmp(subject, "control") == 0) {
		s->out(s->ctx, level, subject, id, event, tail);
		return;
	}
	r = row_of(s, now, subject, id, event);
	if (r->told < LOG_SINK_BURST) {
		r->told++;
		s->out(s->ctx, level, subject, id, event, tail);
		return;
	}
	r->held++;
	if (level > r->worst)
		r->worst = level;
	if (r->since + LOG_SINK_WINDOW_US < s->due)
		s->due = r->since + LOG_SINK_WINDOW_US;
}
