/* The WebSocket server against raw sockets: upgrade, echo, close, silence, floods. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "helper_net_echo.h"

static void text_comes_back(void **state)
{
	struct echo e = { 0 };
	static struct raw_frame f;
	uint8_t out[64];
	int fd;

	(void)state;
	echo_start(&e);
	fd = raw_connect(e.port);
	assert_true(raw_upgrade(fd));
	raw_send(fd, out, raw_frame(out, 0x81, true, "hello", 5));
	assert_true(raw_read_frame(fd, &f));
	assert_int_equal(f.b0, 0x81);
	assert_string_equal((char *)f.payload, "hello");
	close(fd);
	assert_true(echo_wait(&e.closed, 1));
	assert_int_equal(e.last_code, 1006);
	echo_stop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
