/* crypto/station_key.c - random bytes and HMAC-SHA256 by OpenSSL. */
#include "crypto/station_key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/hex.h"

bool station_key_make(uint8_t out[STATION_KEY_MADE])
{
	return RAND_priv_bytes(out, STATION_KEY_MADE) == 1;
}

static bool hash_of(const struct sealed_key *k, const uint8_t *key, size_t len, uint8_t out[SEALED_HASH])
{
	unsigned n = SEALED_HASH;

	return HMAC(EVP_sha256(), k->salt, sizeof(k->salt), key, len, out, &n) != NULL && n == SEALED_HASH;
}

bool station_key_seal(const uint8_t *key, size_t len, struct sealed_key *out)
{
	return RAND_bytes(out->salt, sizeof(out->salt)) == 1 && hash_of(out, key, len, out->hash);
}

int station_key_try(const struct sealed_key *keys, size_t count, const uint8_t *password, size_t len)
{
	static const struct sealed_key nobody;
	uint8_t bytes[STATION_KEY_MAX] = { 0 }, hash[SEALED_HASH];
	long decoded = hex_decode((const char *)password, len, bytes, sizeof(bytes));
	int found = -1;

	for (size_t i = 0; i < STATION_KEYS_MAX; i++) {
		const struct sealed_key *k = i < count ? &keys[i] : &nobody;
		bool same;

		same = hash_of(k, password, len, hash) && CRYPTO_memcmp(hash, k->hash, sizeof(hash)) == 0;
		/* What is no hexadecimal is hashed as well: it must not show in the time. */
		same = (hash_of(k, bytes, decoded > 0 ? (size_t)decoded : sizeof(bytes), hash) &&
			CRYPTO_memcmp(hash, k->hash, sizeof(hash)) == 0 && decoded > 0) || same;
		if (same && i < count)
			found = (int)i;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return found;
}
