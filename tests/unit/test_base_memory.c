/* Arenas, buffers, errors, diagnostics and the log: what they promise at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

static void arena_memory_is_zeroed_aligned_and_stays(void **state)
{
	unsigned char *all[500];
	struct arena a;
	(void)state;

	arena_init(&a);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			all[i] = arena_alloc(&a, i);
			assert_int_equal((uintptr_t)all[i] % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < i; k++)
				assert_int_equal(all[i][k], 0);
			memset(all[i], (int)(i % 251), i);
		}
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			for (size_t k = 0; k < i; k++)
				assert_int_equal(all[i][k], i % 251);
		}
		/* The second round meets the block that was kept, still full of the first one's bytes. */
		arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	arena_fini(&a);
	assert_null(a.head);
	assert_non_null(arena_alloc(&a, 1));
	arena_fini(&a);
}

static void a_budget_is_kept_and_comes_back_with_reset(void **state)
{
	struct arena a;
	(void)state;

	arena_init_budget(&a, 1024);
	for (int round = 0; round < 3; round++) {
		assert_non_null(arena_alloc(&a, 1000));
		assert_null(arena_alloc(&a, 100));
		assert_non_null(arena_alloc(&a, 16));
		assert_null(arena_alloc(&a, 1));
		assert_null(arena_strdup(&a, "x"));
		assert_null(arena_printf(&a, "%d", 5));
		assert_null(arena_copy(&a, "abc", 3));
		assert_true(a.used <= a.budget);
		if (round == 0)
			arena_reset(&a);
		else
			arena_fini(&a);
	}
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 7));
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_null(arena_array(&a, 3, SIZE_MAX / 2));
	arena_fini(&a);
}

static void a_large_block_is_not_kept_for_reuse(void **state)
{
	struct arena a;
	(void)state;

	arena_init(&a);
	assert_non_null(arena_alloc(&a, 1000));
	arena_reset(&a);
	assert_non_null(a.head);
	assert_non_null(arena_alloc(&a, 1000000));
	arena_reset(&a);
	assert_null(a.head);
	arena_fini(&a);
}

static int exit_status_of(void (*run)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void ask_too_much(void)
{
	struct arena a;

	arena_init(&a);
	arena_alloc(&a, SIZE_MAX);
}

static void ask_too_many(void)
{
	struct arena a;

	arena_init(&a);
	arena_array(&a, SIZE_MAX / 2, 3);
}

static void ask_within_reason(void)
{
	struct arena a;

	arena_init(&a);
	arena_alloc(&a, 1);
	arena_fini(&a);
}

static void an_arena_without_a_budget_ends_the_process_with_70(void **state)
{
	(void)state;
	assert_int_equal(exit_status_of(ask_too_much), 70);
	assert_int_equal(exit_status_of(ask_too_many), 70);
	assert_int_equal(exit_status_of(ask_within_reason), 0);
}

static void arena_texts_are_copies(void **state)
{
	char long_text[5000];
	struct arena a;
	(void)state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	arena_init(&a);
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strdup(&a, long_text), long_text);
	assert_null(arena_strdup(&a, NULL));
	assert_null(arena_strndup(&a, NULL, 5));
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, "ab", 3), "ab");
	assert_string_equal(arena_printf(&a, "%s-%d", "n", 5), "n-5");
	assert_int_equal(strlen(arena_printf(&a, "%s%s", long_text, long_text)), 2 * strlen(long_text));
	assert_memory_equal(arena_copy(&a, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_copy(&a, NULL, 0));
	arena_fini(&a);
}

static void a_buffer_grows_and_is_always_terminated(void **state)
{
	struct buf b;
	char *text;
	size_t len;
	(void)state;

	buf_init(&b);
	assert_string_equal(buf_cstr(&b), "");
	for (int i = 0; i < 1000; i++) {
		buf_printf(&b, "%04d", i);
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(b.len, 4000);
	assert_memory_equal(b.data + 3996, "0999", 5);
	buf_printf(&b, "%0300d", 7);
	assert_int_equal(b.len, 4300);
	buf_drop_front(&b, 4298);
	assert_string_equal(buf_cstr(&b), "07");
	buf_putc(&b, '\0');
	assert_int_equal(b.len, 3);
	buf_drop_front(&b, 99);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_add(&b, NULL, 0);
	buf_puts(&b, "taken");
	text = buf_take(&b, &len);
	assert_string_equal(text, "taken");
	assert_int_equal(len, 5);
	free(text);
	assert_int_equal(b.len, 0);
	text = buf_take(&b, NULL);
	assert_string_equal(text, "");
	free(text);
	buf_fini(&b);
}

static void a_full_buffer_fails_and_stays_failed(void **state)
{
	struct buf b;
	(void)state;

	buf_init_max(&b, 5);
	buf_puts(&b, "abc");
	buf_puts(&b, "def");
	assert_true(b.failed);
	assert_string_equal(buf_cstr(&b), "abc");
	buf_puts(&b, "d");
	assert_string_equal(buf_cstr(&b), "abc");
	buf_clear(&b);
	assert_false(b.failed);
	buf_puts(&b, "abcde");
	assert_false(b.failed);
	buf_putc(&b, 'f');
	assert_true(b.failed);
	buf_clear(&b);
	buf_printf(&b, "%0400d", 5);
	assert_true(b.failed);
	assert_string_equal(buf_cstr(&b), "");
	buf_fini(&b);
}

static void error_codes_are_known_by_either_sign(void **state)
{
	(void)state;
	assert_string_equal(lms_err_name(-LMS_ENOTFOUND), "NOTFOUND");
	assert_string_equal(lms_err_name(LMS_ENOTFOUND), "NOTFOUND");
	assert_string_equal(lms_err_text(-LMS_ENOTFOUND), "no such object");
	assert_int_equal(lms_err_exit_status(-LMS_ENOTFOUND), 4);
	assert_int_equal(lms_err_exit_status(LMS_OK), 0);
	assert_int_equal(lms_err_rpc_code(-LMS_EPARSE), -32700);
	for (int err = 1; err < LMS_ERR_COUNT; err++)
		assert_int_equal(lms_err_from_rpc_code(lms_err_rpc_code(err)), -err);
	assert_int_equal(lms_err_from_rpc_code(12345), -LMS_EINTERNAL);
	assert_string_equal(lms_err_name(LMS_ERR_COUNT), "INTERNAL");
	assert_string_equal(lms_err_name(INT32_MIN), "INTERNAL");
	assert_string_equal(lms_err_name(INT32_MAX), "INTERNAL");
}

static void the_first_error_of_a_diag_stays(void **state)
{
	struct diag d;
	char out[100];
	(void)state;

	diag_init(&d);
	assert_false(diag_failed(&d));
	assert_int_equal(diag_set_at(&d, -LMS_EDATA, "site.json", 3, 7, "zone %s", "P1"), -LMS_EDATA);
	assert_int_equal(diag_set(&d, -LMS_ERANGE, "later"), -LMS_EDATA);
	assert_int_equal(diag_set_at(&d, -LMS_ERANGE, "x", 1, 1, "later"), -LMS_EDATA);
	assert_true(diag_failed(&d));
	assert_string_equal(diag_render(&d, out, sizeof(out)), "site.json:3:7: zone P1");
	assert_string_equal(diag_render(&d, out, 10), "site.json");
	assert_int_equal(diag_set(NULL, -LMS_EDATA, "nobody reads this"), -LMS_EDATA);
}

static void a_place_is_rendered_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *file;
		int line, column;
		const char *text;
	} cases[] = {
		{ "f", 3, 7, "f:3:7: t" }, { "f", 3, 0, "f:3: t" }, { "f", 0, 0, "f: t" },
		{ NULL, 3, 7, "3:7: t" },  { NULL, 0, 0, "t" },	    { "f", 0, 7, "f: t" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d;
		char out[600];

		diag_init(&d);
		diag_set_at(&d, -LMS_EDATA, cases[i].file, cases[i].line, cases[i].column, "t");
		assert_string_equal(diag_render(&d, out, sizeof(out)), cases[i].text);
	}
}

static void a_long_diag_is_cut(void **state)
{
	char long_text[1000], out[2000];
	struct diag d;
	(void)state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	diag_init(&d);
	diag_set_at(&d, -LMS_EDATA, long_text, 1, 1, "%s", long_text);
	assert_int_equal(strlen(d.text), DIAG_TEXT_MAX - 1);
	assert_int_equal(strlen(diag_render(&d, out, sizeof(out))), 199 + strlen(":1:1: ") + 399);
}

static void keep_line(void *ctx, enum log_level level, const char *subject, const char *id,
		      const char *event, const char *tail)
{
	buf_printf(ctx, "%d %s %s %s %s\n", (int)level, subject, id, event, tail);
}

static void log_lines_reach_the_sink_from_their_level_on(void **state)
{
	struct buf lines;
	(void)state;

	buf_init(&lines);
	log_station(ERROR, "P1", "lost", "nobody listens=%d", 1);
	log_set_sink(keep_line, &lines);
	log_set_level(LOG_LEVEL_INFO);
	log_zone(DEBUG, "Z", "unseen", "%s", "");
	log_station(INFO, "P1", "boot", "vendor=%s n=%d", log_text("a\x1b" "b"), 5);
	log_lmsd(ERROR, "end", "status=%d", 70);
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(NULL, NULL);
	log_lmsd(ERROR, "end", "status=%d", 71);
	assert_string_equal(buf_cstr(&lines), "1 station P1 boot vendor=a\\x1bb n=5\n4 lmsd  end status=70\n");
	buf_fini(&lines);
}

static void peer_text_is_cut_and_eight_live_at_once(void **state)
{
	const char *texts[8];
	char in[600];
	(void)state;

	assert_string_equal(log_text(NULL), "-");
	assert_string_equal(log_text(""), "");
	for (size_t len = 180; len < 500; len++) {
		const char *out;

		memset(in, 'x', sizeof(in));
		memcpy(in + len - 2, "\xc3\xa9", 3);
		out = log_text(in);
		assert_true(strlen(out) < 200);
		assert_true(len < 200 || strcmp(out + strlen(out) - 3, "...") == 0);
	}
	memset(in, 1, sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	assert_true(strlen(log_text(in)) < 200);
	for (int i = 0; i < 8; i++) {
		snprintf(in, sizeof(in), "text %d", i);
		texts[i] = log_text(in);
	}
	for (int i = 0; i < 8; i++) {
		snprintf(in, sizeof(in), "text %d", i);
		assert_string_equal(texts[i], in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_stays),
		cmocka_unit_test(a_budget_is_kept_and_comes_back_with_reset),
		cmocka_unit_test(a_large_block_is_not_kept_for_reuse),
		cmocka_unit_test(an_arena_without_a_budget_ends_the_process_with_70),
		cmocka_unit_test(arena_texts_are_copies),
		cmocka_unit_test(a_buffer_grows_and_is_always_terminated),
		cmocka_unit_test(a_full_buffer_fails_and_stays_failed),
		cmocka_unit_test(error_codes_are_known_by_either_sign),
		cmocka_unit_test(the_first_error_of_a_diag_stays),
		cmocka_unit_test(a_place_is_rendered_as_far_as_it_is_known),
		cmocka_unit_test(a_long_diag_is_cut),
		cmocka_unit_test(log_lines_reach_the_sink_from_their_level_on),
		cmocka_unit_test(peer_text_is_cut_and_eight_live_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
