/* What multicast DNS answers say, and that no packet can say more than it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/mdns.h"

/* "\x05_ocpp\x04_tcp\x05local" as it is in packets */
#define OCPP "\x05_ocpp\x04_tcp\x05local\x00"
#define HTTP "\x05_http\x04_tcp\x05local\x00"
#define HEAD(n) "\0\0\x84\0\0\0\0" n "\0\0\0\0"
#define PTR(len) "\0\x0c\0\x01\0\0\0\x78\0" len
#define A "\0\x01\0\x01\0\0\0\x78\0\x04\x0a\0\0\x07"
#define P(s) (const uint8_t *)(s), sizeof(s) - 1

static void answers_tell_name_and_service(void **state)
{
	struct mdns_said said;

	(void)state;
	assert_true(mdns_read(P(HEAD("\x01") OCPP PTR("\x09") "\x06" "Wall 7" "\xc0\x0c"), &said));
	assert_true(said.ocpp);
	assert_string_equal(said.name, "Wall 7");
	/* The name of a service for OCPP goes before that of a web page, and that before the host's. */
	assert_true(mdns_read(P(HEAD("\x02") "\x04host\x05local\x00" A HTTP PTR("\x0b") "\x03" "Web\xc0\x23\0\0\0\0"), &said));
	assert_false(said.ocpp);
	assert_true(mdns_read(P(HEAD("\x01") "\x04host\x05local\x00" A), &said));
	assert_string_equal(said.name, "host");
	assert_true(mdns_read(P(HEAD("\0")), &said));
	assert_string_equal(said.name, "");
	/* A question is no answer. */
	assert_false(mdns_read(P("\0\0\0\0\0\1\0\0\0\0\0\0" OCPP "\0\x0c\0\x01"), &said));
	/* Our own question is one. */
	uint8_t query[256];
	size_t len = mdns_query(query, sizeof(query));
	assert_true(len > 12);
	assert_false(mdns_read(query, len, &said));
	assert_int_equal(mdns_query(query, 20), 0);
}

static void names_that_turn_in_circles_end(void **state)
{
	struct mdns_said said;

	(void)state;
	assert_true(mdns_read(P(HEAD("\x01") "\xc0\x0c" PTR("\x02") "\xc0\x0c"), &said));
	assert_true(mdns_read(P(HEAD("\x01") "\x01" "a\xc0\x0c" PTR("\x02") "\xc0\x0c"), &said));
	assert_true(mdns_read(P(HEAD("\x01") "\x3f" "short"), &said));
	assert_true(mdns_read(P(HEAD("\x01") OCPP PTR("\xff") "\x01" "a\0"), &said));
	assert_true(mdns_read(P(HEAD("\x01") OCPP PTR("\x04") "\x02" "a\0\0"), &said));
	assert_string_equal(said.name, "");
}

/* Random packets, and good ones with single bytes changed: nothing is read that is not there (sanitizers see it). */
static void no_packet_is_read_beyond_its_end(void **state)
{
	static const char good[] = HEAD("\x02") OCPP PTR("\x09") "\x06" "Wall 7" "\xc0\x0c" "\x04host\x05local\x00" A;
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t len = (size_t)(seed >> 8) % sizeof(good);
		uint8_t *packet = test_malloc(len ? len : 1);
		struct mdns_said said;

		memcpy(packet, good, len);
		for (int k = 0; k < 3 && len; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			packet[(seed >> 16) % len] = (uint8_t)(seed >> 40);
		}
		mdns_read(packet, len, &said);
		assert_true(memchr(said.name, '\0', sizeof(said.name)) != NULL);
		test_free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_tell_name_and_service),
		cmocka_unit_test(names_that_turn_in_circles_end),
		cmocka_unit_test(no_packet_is_read_beyond_its_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
