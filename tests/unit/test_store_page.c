/* Pages of long tables: both directions, every edge, and what damage does to them. */
#include "store_rig.h"

#include "store/env.h"
#include "store/page.h"

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct store_batch *b = store_batch_new();
	char key[16], json[32];

	rig_init(r);
	assert_int_equal(rig_open(r), 0);
	for (int i = 10; i <= 90; i += 10) {	/* 10, 20 … 90 */
		snprintf(key, sizeof(key), "%010d", i);
		snprintf(json, sizeof(json), "{\"n\":%d}", i);
		rig_put(b, STORE_TX, key, json);
	}
	assert_true(rig_wait(r, store_submit(r->store, b)));
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* What done() saw, as "10 20 30+" (+ = more). */
struct seen {
	struct rig *rig;
	char text[400];
	size_t count;
	int calls, err;
	bool more;
};

static void page_done(void *ctx, const struct store_page *page)
{
	struct seen *seen = ctx;
	size_t at = 0;

	seen->text[0] = '\0';
	seen->calls++;
	seen->err = page->err;
	seen->count = page->count;
	seen->more = page->more;
	for (size_t i = 0; i < page->count && at < sizeof(seen->text) - 20; i++) {
		char want[32];

		at += (size_t)snprintf(seen->text + at, sizeof(seen->text) - at, "%s%d",
				       i ? " " : "", atoi(page->keys[i]));
		snprintf(want, sizeof(want), "{\"n\":%d}", atoi(page->keys[i]));
		if (page->lens[i] < 100)
			assert_string_equal(page->values[i], want);
		assert_int_equal(page->lens[i], strlen(page->values[i]));
	}
	if (page->more)
		snprintf(seen->text + at, sizeof(seen->text) - at, "+");
	loop_stop(seen->rig->loop);
}

static void wait_page(struct seen *seen)
{
	struct rig *r = seen->rig;
	struct loop_timer *t = loop_timer_new(r->loop, rig_too_late, r);

	loop_now_update(r->loop);
	loop_timer_at(t, loop_now(r->loop) + RIG_DEADLINE_US);
	while (!seen->calls && !r->timed_out)
		loop_run(r->loop);
	loop_timer_free(t);
	assert_int_equal(seen->calls, 1);
}

static void read_page(struct rig *r, const char *after, bool backwards, size_t limit,
		      struct seen *seen)
{
	*seen = (struct seen){ .rig = r };
	store_read_page(r->store, STORE_TX, after, backwards, limit, page_done, seen);
	assert_int_equal(seen->calls, 0);
	wait_page(seen);
}

static void pages_go_both_ways_from_any_key(void **state)
{
	static const struct { const char *after; bool back; size_t limit; const char *want; } cases[] = {
		{ NULL, false, 3, "10 20 30+" },
		{ "0000000030", false, 3, "40 50 60+" },
		{ "0000000060", false, 3, "70 80 90" },
		{ "0000000090", false, 3, "" },
		{ "0000000045", false, 2, "50 60+" },
		{ "0000000000", false, 1, "10+" },
		{ "zzz", false, 3, "" },
		{ NULL, false, 100, "10 20 30 40 50 60 70 80 90" },
		{ NULL, true, 3, "90 80 70+" },
		{ "0000000070", true, 3, "60 50 40+" },
		{ "0000000040", true, 3, "30 20 10" },
		{ "0000000010", true, 3, "" },
		{ "0000000045", true, 2, "40 30+" },
		{ "0000000000", true, 2, "" },
		{ "zzz", true, 2, "90 80+" },
		{ NULL, true, 100, "90 80 70 60 50 40 30 20 10" },
		{ "", false, 2, "10 20+" },
		{ "00000000300", false, 1, "40+" },
		{ NULL, false, 0, "+" },
	};
	struct rig *r = *state;
	struct seen seen;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		read_page(r, cases[i].after, cases[i].back, cases[i].limit, &seen);
		assert_int_equal(seen.err, 0);
		if (strcmp(seen.text, cases[i].want) != 0)
			fail_msg("after %s%s: '%s', not '%s'", cases[i].after ? cases[i].after : "-",
				 cases[i].back ? " backwards" : "", seen.text, cases[i].want);
	}
}

static void a_page_after_a_key_that_was_deleted_goes_on_at_its_place(void **state)
{
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	struct seen seen;

	store_batch_del(b, STORE_TX, "0000000030");
	assert_true(rig_wait(r, store_submit(r->store, b)));
	read_page(r, "0000000030", false, 2, &seen);
	assert_string_equal(seen.text, "40 50+");
	read_page(r, "0000000030", true, 2, &seen);
	assert_string_equal(seen.text, "20 10");
}

static void an_empty_table_is_an_empty_page(void **state)
{
	struct seen seen = { .rig = *state };

	store_read_page(seen.rig->store, STORE_AUDIT, NULL, true, 5, page_done, &seen);
	wait_page(&seen);
	assert_string_equal(seen.text, "");
	assert_int_equal(seen.err, 0);
}

static void a_page_is_bounded_in_rows_and_bytes(void **state)
{
	enum { ROWS = 1500 };
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	char key[16], *big = calloc(1, 200001);
	struct seen seen;

	for (int i = 1; i <= ROWS; i++) {
		snprintf(key, sizeof(key), "%010d", 1000 + i);
		rig_put(b, STORE_TX, key, "{\"n\":0, \"pad\":\"............................................"
				"...............................................................\"}");
	}
	assert_true(rig_wait(r, store_submit(r->store, b)));
	read_page(r, "0000001000", false, 1000000, &seen);
	assert_int_equal(seen.count, STORE_PAGE_ROWS_MAX);
	assert_true(seen.more);

	memset(big, ' ', 200000);
	memcpy(big, "{}", 2);
	b = store_batch_new();
	for (int i = 1; i <= 20; i++) {
		snprintf(key, sizeof(key), "%010d", 5000 + i);
		rig_put(b, STORE_TX, key, big);
	}
	assert_true(rig_wait(r, store_submit(r->store, b)));
	read_page(r, "0000005000", false, 20, &seen);
	assert_true(seen.count >= 1 && seen.count < 20);
	assert_true(seen.more);
	free(big);
}

static void a_damaged_record_is_left_out_and_counted(void **state)
{
	struct rig *r = *state;
	struct store_stat st;
	struct seen seen;

	rig_close(r);
	rig_write_raw(r, "tx", "0000000020", "\1abcd{\"n\":20}", 13);
	assert_int_equal(rig_open(r), 0);
	read_page(r, NULL, false, 3, &seen);
	assert_string_equal(seen.text, "10 30 40+");
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_int_equal(st.bad_records, 1);
}

static void pages_that_are_asked_for_are_answered_before_the_store_closes(void **state)
{
	struct rig *r = *state;
	struct seen seen[20];

	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		seen[i] = (struct seen){ .rig = r };
		store_read_page(r->store, STORE_TX, NULL, false, 2, page_done, &seen[i]);
	}
	rig_close(r);
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_string_equal(seen[i].text, "10 20+");
	}
}

static void ask_again(void *ctx, const struct store_page *page)
{
	struct seen *seen = ctx;

	if (seen->calls++ == 0)
		store_read_page(seen->rig->store, STORE_TX, NULL, false, 2, ask_again, seen);
	else
		seen->err = page->err;
}

static void a_page_that_is_asked_for_while_closing_is_refused(void **state)
{
	struct rig *r = *state;
	struct seen seen = { .rig = r };

	store_read_page(r->store, STORE_TX, NULL, false, 2, ask_again, &seen);
	rig_close(r);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.err, -LMS_EIO);
}

static void pages_see_whole_batches_while_others_are_committed(void **state)
{
	struct rig *r = *state;
	struct seen seen;
	char key[16], json[32];

	for (int i = 0; i < 100; i++) {
		struct store_batch *b = store_batch_new();

		for (int n = 2000 + 2 * i; n < 2002 + 2 * i; n++) {
			snprintf(key, sizeof(key), "%010d", n);
			snprintf(json, sizeof(json), "{\"n\":%d}", n);
			rig_put(b, STORE_TX, key, json);
		}
		store_submit(r->store, b);
		read_page(r, "0000001999", false, 1000, &seen);
		assert_int_equal(seen.count % 2, 0);
	}
	assert_true(rig_wait(r, 101));
	read_page(r, "0000001999", false, 1000, &seen);
	assert_int_equal(seen.count, 200);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pages_go_both_ways_from_any_key),
		T(a_page_after_a_key_that_was_deleted_goes_on_at_its_place),
		T(an_empty_table_is_an_empty_page),
		T(a_page_is_bounded_in_rows_and_bytes),
		T(a_damaged_record_is_left_out_and_counted),
		T(pages_that_are_asked_for_are_answered_before_the_store_closes),
		T(a_page_that_is_asked_for_while_closing_is_refused),
		T(pages_see_whole_batches_while_others_are_committed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
