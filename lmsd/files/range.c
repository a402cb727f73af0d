/* files/range.c - "bytes=100-199", "bytes=100-", "bytes=-100". */
#include "files/range.h"

#include <string.h>
#include <strings.h>

/* Digits at *p, moved on; -1 if there are none. What is too large for a file is very large. */
static int64_t digits(const char **p)
{
	int64_t n = -1;

	for (; **p >= '0' && **p <= '9'; ++*p) {
		n = n < 0 ? 0 : n;
		n = n > INT64_MAX / 16 ? INT64_MAX / 16 : n * 10 + (**p - '0');
	}
	return n;
}

enum range range_read(const char *header, int64_t size, int64_t *from, int64_t *len)
{
	int64_t first, last;
	const char *p;

	if (!header || strncasecmp(header, "bytes=", 6) != 0)
		return RANGE_NONE;
	p = header + 6;
	first = digits(&p);
	if (*p++ != '-')
		return RANGE_NONE;
	last = digits(&p);
	if (*p != '\0' || (first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
		return RANGE_NONE;
	if (first < 0) {
		first = last < size ? size - last : 0;
		last = last > 0 ? size - 1 : -1;
	} else if (last < 0 || last >= size) {
		last = size - 1;
	}
	if (first >= size || last < first)
		return RANGE_BAD;
	*from = first;
	*len = last - first + 1;
	return RANGE_PART;
}
