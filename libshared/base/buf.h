/* base/buf.h - a growing byte buffer with a sticky error, for everything that is written. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;	/* NUL-terminated whenever len > 0 or buf_cstr() was called */
	size_t len;
	size_t cap;
	size_t max;	/* 0 = unbounded; writing beyond sets failed */
	bool failed;
};

void buf_init(struct buf *b);
void buf_init_max(struct buf *b, size_t max);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);		/* len = 0, failed = false, memory kept */
void buf_add(struct buf *b, const void *p, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t len);
const char *buf_cstr(struct buf *b);
char *buf_take(struct buf *b, size_t *len);	/* the caller frees; the buffer is empty after */
