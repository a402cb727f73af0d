/* Keys of stations: sealed, tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypto/station_key.h"

static const uint8_t key[20] = { 0, 1, 2, 0, 4, 5, 0xff, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0 };

static int tries(const struct sealed_key *keys, size_t count, const void *password, size_t len)
{
	return station_key_try(keys, count, password, len);
}

static void a_key_opens_as_bytes_and_as_digits(void **state)
{
	struct sealed_key sealed[3];
	char hex[41], upper[41];

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t one[20];

		memcpy(one, key, sizeof(one));
		one[19] = (uint8_t)i;
		assert_true(station_key_seal(one, sizeof(one), &sealed[i]));
	}
	hex_encode(key, sizeof(key), hex);
	for (int i = 0; i < 41; i++)
		upper[i] = hex[i] >= 'a' && hex[i] <= 'f' ? (char)(hex[i] - 32) : hex[i];
	assert_int_equal(tries(sealed, 3, key, 20), 0);
	assert_int_equal(tries(sealed, 3, hex, 40), 0);
	assert_int_equal(tries(sealed, 3, upper, 40), 0);
	hex[39] = '2';
	assert_int_equal(tries(sealed, 3, hex, 40), 2);
	hex[39] = '3';
	assert_int_equal(tries(sealed, 3, hex, 40), -1);
	assert_int_equal(tries(sealed, 0, key, 20), -1);
	assert_int_equal(tries(NULL, 0, key, 20), -1);
	assert_int_equal(tries(NULL, 0, "", 0), -1);
	/* Neither a part of it, nor with more behind. */
	assert_int_equal(tries(sealed, 3, key, 19), -1);
	assert_int_equal(tries(sealed, 3, key, 1), -1);
	assert_int_equal(tries(sealed, 3, "", 0), -1);
	assert_int_equal(tries(sealed, 3, hex, 38), -1);
	/* The digits of the digits are not the key. */
	hex[39] = '0';
	char twice[81];
	hex_encode((const uint8_t *)hex, 40, twice);
	assert_int_equal(tries(sealed, 3, twice, 80), -1);
}

static void the_same_key_is_sealed_differently_each_time(void **state)
{
	struct sealed_key a, b;
	uint8_t x[STATION_KEY_MADE], y[STATION_KEY_MADE];

	(void)state;
	assert_true(station_key_seal(key, sizeof(key), &a) && station_key_seal(key, sizeof(key), &b));
	assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
	assert_memory_not_equal(a.hash, b.hash, sizeof(a.hash));
	assert_true(station_key_make(x) && station_key_make(y));
	assert_memory_not_equal(x, y, sizeof(x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_opens_as_bytes_and_as_digits),
		cmocka_unit_test(the_same_key_is_sealed_differently_each_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
