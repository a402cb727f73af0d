/* base/diag.c - errors as data: the first one that is set stays. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void diag_init(struct diag *d)
{
	memset(d, 0, sizeof(*d));
}

bool diag_failed(const struct diag *d)
{
	return d->err != 0;
}

__attribute__((format(printf, 3, 0)))
static int set_va(struct diag *d, int err, const char *fmt, va_list ap)
{
	d->err = err;
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	return err;
}

int diag_set(struct diag *d, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	if (d->err)
		return d->err;
	va_start(ap, fmt);
	set_va(d, err, fmt, ap);
	va_end(ap);
	return err;
}

int diag_set_at(struct diag *d, int err, const char *file, int line, int column,
		const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	if (d->err)
		return d->err;
	snprintf(d->file, sizeof(d->file), "%s", file ? file : "");
	d->line = line;
	d->column = column;
	va_start(ap, fmt);
	set_va(d, err, fmt, ap);
	va_end(ap);
	return err;
}

const char *diag_render(const struct diag *d, char *out, unsigned out_size)
{
	char place[sizeof(d->file) + 32];
	size_t len;

	if (out_size == 0)
		return "";
	len = (size_t)snprintf(place, sizeof(place), "%s", d->file);
	if (d->line > 0)
		len += (size_t)snprintf(place + len, sizeof(place) - len, "%s%d", len ? ":" : "",
					d->line);
	if (d->line > 0 && d->column > 0)
		len += (size_t)snprintf(place + len, sizeof(place) - len, ":%d", d->column);
	snprintf(out, out_size, "%s%s%s", place, len ? ": " : "", d->text);
	return out;
}
