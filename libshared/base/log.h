/* base/log.h - one line per fact: level, subject, event id, key=value tail.
 *
 * The sink is set by the program (stderr, journal, a test); the pure rooms only append to it,
 * so logging does no I/O by itself. Rate-limiting per subject and id is the sink's.
 * Arguments that come from a peer must pass text_escape first: use log_text().
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_NOTICE, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* "debug" … "error"; of a number that is none: "warning". */
const char *log_level_name(int level);

typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *subject, const char *id,
			    const char *event, const char *tail);
void log_set_sink(log_sink_fn fn, void *ctx);	/* NULL: drop */
void log_set_level(enum log_level least);

void log_event(enum log_level level, const char *subject, const char *id, const char *event,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define log_station(level, id, event, ...) log_event(LOG_LEVEL_##level, "station", (id), (event), __VA_ARGS__)
#define log_meter(level, id, event, ...)   log_event(LOG_LEVEL_##level, "meter", (id), (event), __VA_ARGS__)
#define log_zone(level, id, event, ...)    log_event(LOG_LEVEL_##level, "zone", (id), (event), __VA_ARGS__)
#define log_ctl(level, id, event, ...)     log_event(LOG_LEVEL_##level, "control", (id), (event), __VA_ARGS__)
#define log_lmsd(level, event, ...)        log_event(LOG_LEVEL_##level, "lmsd", "", (event), __VA_ARGS__)

/* Peer text made safe, in one of eight rotating static-thread buffers of 200 bytes. */
const char *log_text(const char *s);
