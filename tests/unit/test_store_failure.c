/* Commits that fail: nothing after the first one is ever acknowledged, and lmsd still starts. */
#include "store_rig.h"

#include <signal.h>
#include <sys/resource.h>

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	signal(SIGXFSZ, SIG_IGN);
	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* No file may grow beyond this: writes fail as on a disk that is full or broken. */
static void limit_files(rlim_t bytes)
{
	struct rlimit lim;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &lim), 0);
	lim.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

static off_t ledger_size(struct rig *r)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ledger/data.mdb", r->dir);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static struct store_batch *big_batch(const char *key, size_t size)
{
	struct store_batch *b = store_batch_new();
	char *json = malloc(size);

	memset(json, ' ', size);
	memcpy(json, "{}", 2);
	store_batch_put(b, STORE_TX, key, json, size);
	free(json);
	return b;
}

static struct store_batch *small_batch(const char *key)
{
	struct store_batch *b = store_batch_new();

	rig_put(b, STORE_TAG, key, "{}");
	return b;
}

static void after_a_failed_commit_nothing_is_acknowledged_any_more(void **state)
{
	struct rig *r = *state;
	struct store_stat st;
	char text[100];

	assert_int_equal(rig_open(r), 0);
	rig_store(r, STORE_TAG, "A", "{}");
	limit_files((rlim_t)ledger_size(r) + 400000);	/* room for small batches */
	store_submit(r->store, big_batch("1", 2000000));
	assert_false(rig_wait(r, 2));
	assert_int_equal(r->failed_calls, 1);
	assert_int_equal(r->failed_seq, 2);
	assert_int_not_equal(r->why[0], '\0');
	assert_true(store_is_failed(r->store));
	assert_string_equal(store_why_failed(r->store), r->why);
	limit_files(RLIM_INFINITY);

	/* The disk is fine again, which must not hide the hole. */
	assert_int_equal(store_submit(r->store, small_batch("B")), 3);
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_true(st.failed);
	rig_close(r);
	assert_int_equal(r->told, 1);
	assert_int_equal(r->failed_calls, 1);

	assert_int_equal(rig_open(r), 0);
	assert_false(store_is_failed(r->store));
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
	assert_string_equal(rig_dump(r, STORE_TX, text, sizeof(text)), "");
}

static void batches_queued_behind_the_failed_one_are_dropped(void **state)
{
	struct rig *r = *state;
	struct store_batch *big;
	char text[100], key[16];

	assert_int_equal(rig_open(r), 0);
	rig_store(r, STORE_TAG, "A", "{}");
	limit_files((rlim_t)ledger_size(r) + 400000);	/* room for small batches */
	big = big_batch("1", 2000000);
	/* So many operations that no other batch shares its transaction. */
	for (int i = 0; i < 20000; i++)
		store_batch_del(big, STORE_TX, "2");
	store_submit(r->store, big);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "B%d", i);
		store_submit(r->store, small_batch(key));
	}
	rig_close(r);
	limit_files(RLIM_INFINITY);
	assert_int_equal(r->told, 1);
	assert_int_equal(r->failed_calls, 1);
	assert_false(r->disorder);
	assert_int_equal(rig_open(r), 0);
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
}

static void a_store_that_cannot_be_written_opens_for_reading(void **state)
{
	struct rig *r = *state;
	char text[100];

	assert_int_equal(rig_open(r), 0);
	rig_store(r, STORE_TAG, "A", "{}");
	rig_close(r);
	limit_files(8192);
	assert_int_equal(rig_open(r), 0);
	assert_true(store_is_failed(r->store));
	assert_non_null(strstr(store_why_failed(r->store), "ledger: "));
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
	assert_int_equal(store_submit(r->store, small_batch("B")), 1);
	rig_close(r);
	limit_files(RLIM_INFINITY);
	assert_int_equal(r->told, 0);
	assert_int_equal(r->failed_calls, 0);

	assert_int_equal(rig_open(r), 0);
	assert_false(store_is_failed(r->store));
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(after_a_failed_commit_nothing_is_acknowledged_any_more),
		T(batches_queued_behind_the_failed_one_are_dropped),
		T(a_store_that_cannot_be_written_opens_for_reading),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
