/* base/hex.h - bytes as hexadecimal digits. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Digits in either case, two per byte. The number of bytes, or -1 when it is no such text or does not
 * fit into `most` bytes. */
long hex_decode(const char *text, size_t len, uint8_t *out, size_t most);
/* Writes 2 * len digits in lower case and a NUL. */
void hex_encode(const uint8_t *bytes, size_t len, char *out);
