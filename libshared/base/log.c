/* base/log.c - hands each fact to the program's sink; formats nothing that nobody will see. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define TAIL_MAX   1024
#define TEXT_MAX   200
#define TEXT_SLOTS 8

static log_sink_fn sink;
static void *sink_ctx;
static enum log_level least_level = LOG_LEVEL_DEBUG;

const char *log_level_name(int level)
{
	static const char *const names[] = { "debug", "info", "notice", "warning", "error" };

	return names[level >= 0 && (size_t)level < ARRAY_LEN(names) ? level : LOG_LEVEL_WARNING];
}

void log_set_sink(log_sink_fn fn, void *ctx)
{
	sink = fn;
	sink_ctx = ctx;
}

void log_set_level(enum log_level least)
{
	least_level = least;
}

void log_event(enum log_level level, const char *subject, const char *id, const char *event,
	       const char *fmt, ...)
{
	char tail[TAIL_MAX];
	va_list ap;

	if (!sink || level < least_level)
		return;
	va_start(ap, fmt);
	vsnprintf(tail, sizeof(tail), fmt, ap);
	va_end(ap);
	sink(sink_ctx, level, subject, id, event, tail);
}

const char *log_text(const char *s)
{
	static _Thread_local char slots[TEXT_SLOTS][TEXT_MAX];
	static _Thread_local unsigned turn;
	char *out = slots[turn++ % TEXT_SLOTS];
	struct buf b;
	size_t len;

	if (!s)
		return "-";
	buf_init(&b);
	/* A longer text is cut below anyway, so the escaping need not see all of it. */
	text_escape(&b, s, strnlen(s, TEXT_MAX + 4));
	len = b.len;
	if (len >= TEXT_MAX) {
		len = TEXT_MAX - 4;
		while (len > 0 && ((unsigned char)b.data[len] & 0xc0) == 0x80)
			len--;
	}
	if (len)
		memcpy(out, b.data, len);
	strcpy(out + len, len < b.len ? "..." : "");
	buf_fini(&b);
	return out;
}
