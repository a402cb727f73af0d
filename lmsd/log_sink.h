/* log_sink.h - where lmsd's facts go: a line on standard error, and the latest ones to the site's events.
 *
 * What floods is held back: of one subject, id and event at most LOG_SINK_BURST lines leave in
 * LOG_SINK_WINDOW_US; the first line after that window is preceded by the count of what was not told.
 * The audit of commands (subject "control") is always told in full: its writers are few and known.
 * No clock of its own: the caller hands one in.
 */
#pragma once

#include <stdbool.h>

#include "base/log.h"
#include "base/types.h"

#define LOG_SINK_BURST 20
#define LOG_SINK_WINDOW_US (10 * US_PER_S)

struct log_sink;

/* Carries one line out; all texts are good for the call only. */
typedef void (*log_out_fn)(void *ctx, enum log_level level, const char *subject, const char *id, const char *event,
			   const char *tail);

struct log_sink *log_sink_new(log_out_fn out, void *ctx);
/* Tells what is still held back as a count, then frees. NULL is fine. */
void log_sink_free(struct log_sink *s);
void log_sink_add(struct log_sink *s, mono_t now, enum log_level level, const char *subject, const char *id,
		  const char *event, const char *tail);
