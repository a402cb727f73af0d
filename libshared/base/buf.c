/* base/buf.c - a growing byte buffer.
 *
 * Invariant: when data is set, data[len] is NUL and cap > len. A write that fails adds nothing,
 * and neither does any later one: what is in the buffer is always a prefix of what was meant.
 */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

#define CAP_MIN ((size_t)64)

void buf_init(struct buf *b)
{
	memset(b, 0, sizeof(*b));
}

void buf_init_max(struct buf *b, size_t max)
{
	buf_init(b);
	b->max = max;
}

void buf_fini(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. */
static bool reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap < CAP_MIN ? CAP_MIN : b->cap;
	char *data;

	if (b->failed)
		return false;
	if (more > PTRDIFF_MAX / 2 - b->len ||
	    (b->max && (b->len > b->max || more > b->max - b->len)))
		goto fail;
	if (b->len + more < b->cap)
		return true;
	while (cap <= b->len + more)
		cap *= 2;
	if (b->max) {
		data = realloc(b->data, cap);
		if (!data)
			goto fail;
	} else {
		data = xrealloc(b->data, cap);
	}
	b->data = data;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
	if (len == 0 || !reserve(b, len))
		return;
	memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int len;

	if (b->failed)
		return;
	va_start(ap, fmt);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	lms_assert(len >= 0);
	if ((size_t)len < sizeof(small)) {
		buf_add(b, small, (size_t)len);
		return;
	}
	if (!reserve(b, (size_t)len))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void buf_drop_front(struct buf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
	} else if (len > 0) {
		memmove(b->data, b->data + len, b->len - len);
		b->len -= len;
	}
	if (b->data)
		b->data[b->len] = '\0';
}

const char *buf_cstr(struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b, size_t *len)
{
	char *data = b->data ? b->data : xcalloc(1, 1);

	if (len)
		*len = b->len;
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
	return data;
}
