/* base/base64.h - bytes as text (RFC 4648, 4), for JSON. Pure. */
#pragma once

#include "base/buf.h"

void base64_write(struct buf *out, const void *data, size_t len);
/* 0 to 63, -1 of what is none. */
int base64_digit(char c);
/* Appends the bytes; line breaks and blanks are skipped. 0, or -LMS_EDATA if the text is no base64. */
int base64_read(struct buf *out, const char *text, size_t len);
