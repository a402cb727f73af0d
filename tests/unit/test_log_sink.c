/* The log's sink under a virtual clock: a flood is held back and counted, nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "log_sink.h"

static struct buf told;
static unsigned lines;
static enum log_level last_level;
static struct log_sink *sink;

static void out(void *ctx, enum log_level level, const char *subject, const char *id, const char *event,
		const char *tail)
{
	(void)ctx;
	lines++;
	last_level = level;
	buf_clear(&told);
	buf_printf(&told, "%s %s %s %s", subject, id, event, tail);
}

static int setup(void **state)
{
	(void)state;
	buf_init(&told);
	lines = 0;
	sink = log_sink_new(out, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_sink_free(sink);
	buf_fini(&told);
	return 0;
}

static void say(mono_t now, const char *id, const char *event)
{
	log_sink_add(sink, now, LOG_LEVEL_WARNING, "station", id, event, "x=1");
}

static void what_floods_is_held_back_and_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		say(5 + i, "A", "malformed");
	assert_int_equal(lines, LOG_SINK_BURST);
	say(5 + LOG_SINK_WINDOW_US - 1, "A", "malformed");
	assert_int_equal(lines, LOG_SINK_BURST);
	/* The count first, then the line that ended it. */
	say(5 + LOG_SINK_WINDOW_US, "A", "malformed");
	assert_int_equal(lines, LOG_SINK_BURST + 2);
	assert_string_equal(buf_cstr(&told), "station A malformed x=1");
}

static void a_flood_that_ended_is_told_by_what_comes_next(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_SINK_BURST + 7; i++)
		say(0, "A", "malformed");
	lines = 0;
	say(LOG_SINK_WINDOW_US - 1, "B", "opened");
	assert_int_equal(lines, 1);
	log_sink_add(sink, LOG_SINK_WINDOW_US, LOG_LEVEL_INFO, "control", "zone.set", "command", "");
	assert_int_equal(lines, 3);
	say(LOG_SINK_WINDOW_US, "B", "opened");
	assert_int_equal(lines, 4);	/* once */
}

static void the_count_names_what_it_counts(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_SINK_BURST + 7; i++)
		say(0, "A", "malformed");
	log_sink_free(sink);
	sink = NULL;
	assert_string_equal(buf_cstr(&told), "station A malformed suppressed=7");
	assert_int_equal(last_level, LOG_LEVEL_WARNING);
}

static void one_that_floods_silences_nobody_else(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		say(0, "A", "malformed");
	lines = 0;
	say(0, "B", "malformed");
	say(0, "A", "opened");
	log_sink_add(sink, 0, LOG_LEVEL_INFO, "meter", "A", "malformed", "");
	assert_int_equal(lines, 3);
}

static void as_many_ids_as_a_peer_likes_lose_no_count(void **state)
{
	unsigned long told_count = 0, said = 0;
	char id[20];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "S%d", i);
		for (int k = 0; k < 25; k++, said++)
			say(i, id, "malformed");
	}
	/* Each line is told, or in the count of its own key: 5 of each. */
	told_count = lines;
	log_sink_free(sink);
	sink = NULL;
	assert_int_equal(said, 3000 * 25);
	assert_true(told_count >= 3000 * LOG_SINK_BURST);
	assert_int_equal(lines, 3000 * (LOG_SINK_BURST + 1));
}

static void commands_are_always_told(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		log_sink_add(sink, 0, LOG_LEVEL_NOTICE, "control", "zone.set", "command", "uid=0");
	assert_int_equal(lines, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_floods_is_held_back_and_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_that_ended_is_told_by_what_comes_next, setup, teardown),
		cmocka_unit_test_setup_teardown(the_count_names_what_it_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_floods_silences_nobody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(as_many_ids_as_a_peer_likes_lose_no_count, setup, teardown),
		cmocka_unit_test_setup_teardown(commands_are_always_told, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
