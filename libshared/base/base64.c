/* base/base64.c - four characters for three bytes, with padding. */
#include "base/base64.h"

#include <stdint.h>

#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;
	char four[4];

	for (; len > 0; p += 3, len -= len < 3 ? len : 3) {
		uint32_t n = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) | (len > 2 ? p[2] : 0);

		four[0] = digits[n >> 18];
		four[1] = digits[n >> 12 & 63];
		four[2] = '=';
		four[3] = '=';
		if (len > 1)
			four[2] = digits[n >> 6 & 63];
		if (len > 2)
			four[3] = digits[n & 63];
		buf_add(out, four, sizeof(four));
	}
}

int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_read(struct buf *out, const char *text, size_t len)
{
	size_t count = 0, padding = 0;
	uint32_t bits = 0;
	int waiting = 0;		/* low bits of these that make no byte yet */

	for (size_t i = 0; i < len; i++) {
		int v = base64_digit(text[i]);

		if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
			continue;
		if (text[i] == '=' && ++padding <= 2)
			continue;
		if (v < 0 || padding > 0)
			return -LMS_EDATA;
		count++;
		bits = bits << 6 | (uint32_t)v;
		waiting += 6;
		if (waiting >= 8) {
			waiting -= 8;
			buf_putc(out, (char)(bits >> waiting));
		}
	}
	return (count + padding) % 4 == 0 ? 0 : -LMS_EDATA;
}
