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

static bool hash_of(const struct sealed_key *k, const uint8_t *key, size_t len,
		    uint8_t out[SEALED_HASH])
{
	unsigned n = SEALED_HASH;

	return HMAC(EVP_sha256(), k->salt, sizeof(k->salt), key, len, out, &n) != NULL &&
	       n == SEALED_HASH;
}

bool station_key_seal(const uint8_t *key, size_t len, struct sealed_key *out)
{
	return RAND_bytes(out->salt, sizeof(out->salt)) == 1 && hash_of(out, key, len, out->hash);
}

static bool opens(const struct sealed_key *k, const uint8_t *key, size_t len)
{
	uint8_t hash[SEALED_HASH];

	return hash_of(k, key, len, hash) && CRYPTO_memcmp(hash, k->hash, sizeof(hash)) == 0;
}

int station_key_try(const struct sealed_key *keys, size_t count, const uint8_t *password,
		    size_t len)
{
	static const struct sealed_key nobody;
	uint8_t bytes[STATION_KEY_MAX];
	long decoded = hex_decode((const char *)password, len, bytes, sizeof(bytes));
	int found = -1;

	/* Where there is no key, one that nobody has is tried in the same way. */
	for (size_t i = 0; i < (count ? count : 1); i++) {
		const struct sealed_key *k = count ? &keys[i] : &nobody;
		bool raw = opens(k, password, len),
		     digits = decoded > 0 && opens(k, bytes, (size_t)decoded);

		if ((raw || digits) && count)
			found = (int)i;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return found;
}
