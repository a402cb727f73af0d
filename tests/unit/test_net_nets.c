/* Networks that may connect: what is in one and what is not. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/types.h"
#include "net/nets.h"

static bool has(const char *list, const char *peer)
{
	struct sockaddr_storage from = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&from;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&from;
	struct nets n;

	assert_int_equal(nets_parse(list, &n, NULL), 0);
	if (inet_pton(AF_INET, peer, &v4->sin_addr) == 1)
		from.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, peer, &v6->sin6_addr) == 1)
		from.ss_family = AF_INET6;
	return nets_has(&n, &from);
}

static void an_address_is_in_its_network_and_in_no_other(void **state)
{
	static const struct { const char *list, *peer; bool in; } cases[] = {
		{ "192.0.2.7", "192.0.2.7", true },	     { "192.0.2.7", "192.0.2.6", false },
		{ "192.0.2.7", "::ffff:192.0.2.7", true },   { "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },	     { "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },   { "10.0.0.0/9", "10.127.255.255", true },
		{ "10.0.0.0/9", "10.128.0.0", false },	     { "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },	     { "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", true },		     { "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::/32", "2001:db8:8000::1", true }, { "192.0.2.1,2001:db8::1,127.0.0.0/8", "127.3.2.1", true },
		{ "", "127.0.0.1", false },		     { "192.0.2.1", "no address", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (has(cases[i].list, cases[i].peer) != cases[i].in)
			fail_msg("%s in %s", cases[i].peer, cases[i].list);
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = { "192.0.2", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "host.example", ",",
					   "192.0.2.1,,192.0.2.2", "192.0.2.0/-1", "/8" };
	char many[33 * 12];
	struct nets n;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		diag_init(&diag);
		if (nets_parse(bad[i], &n, &diag) != -LMS_EDATA || !strstr(diag.text, "192.0.2.7"))
			fail_msg("%s: %s", bad[i], diag.text);
	}
	many[0] = '\0';
	for (int i = 0; i < 33; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s10.0.0.%d", i ? "," : "", i);
	assert_int_equal(nets_parse(many, &n, NULL), -LMS_EDATA);
}

static void it_is_known_who_names_this_machine_only(void **state)
{
	struct nets n;

	(void)state;
	assert_int_equal(nets_parse("127.0.0.0/8,::1", &n, NULL), 0);
	assert_true(nets_loopback(&n));
	assert_int_equal(nets_parse("127.0.0.1,192.0.2.1", &n, NULL), 0);
	assert_false(nets_loopback(&n));
	assert_int_equal(nets_parse("126.0.0.0/7", &n, NULL), 0);
	assert_false(nets_loopback(&n));
	assert_int_equal(nets_parse("::/0", &n, NULL), 0);
	assert_false(nets_loopback(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_its_network_and_in_no_other),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(it_is_known_who_names_this_machine_only),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
