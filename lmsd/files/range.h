/* files/range.h - the Range header of a request (RFC 9110, 14.2): one span of bytes, which stations send to go on. */
#pragma once

#include <stdint.h>

enum range {
	RANGE_NONE,	/* none, or one that need not be understood: the whole */
	RANGE_PART,
	RANGE_BAD	/* not in a file of this size: 416 */
};

enum range range_read(const char *header /* NULL */, int64_t size, int64_t *from, int64_t *len);
