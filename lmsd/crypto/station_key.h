/* crypto/station_key.h - keys of stations (OCPP basic auth): made, sealed for the store, and tried.
 *
 * A key is 16 to 40 bytes, 20 random ones if we make it. Kept is HMAC-SHA256 under a random salt: it
 * cannot be read back, and costs 2 us per try. Slow functions are for passwords that people choose;
 * here they would turn a storm of reconnecting stations into minutes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "site/door/security.h"

#define STATION_KEY_MADE 20	/* bytes */

/* False without randomness. */
bool station_key_make(uint8_t out[STATION_KEY_MADE]);
bool station_key_seal(const uint8_t *key, size_t len, struct sealed_key *out);
/* Which of the keys is this password (raw, or as hexadecimal digits)? Its index or -1. How long that takes
 * does not tell a right one from a wrong one, nor one key from none. */
int station_key_try(const struct sealed_key *keys, size_t count, const uint8_t *password, size_t len);
