/* The store on a real loop: order of acknowledgements, what is found again, what is refused. */
#include "store_rig.h"

#include "store/dir.h"
#include "store/env.h"
#include "store/record.h"

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	rig_init(r);
	assert_int_equal(rig_open(r), 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* ---- batches ----------------------------------------------------------------------------- */

static void what_was_acknowledged_is_loaded_again_in_the_order_of_keys(void **state)
{
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	char text[400];

	rig_put(b, STORE_ZONE, "P1", "{\"id\":\"P1\"}");
	rig_put(b, STORE_ZONE, "MAIN", "{\"id\":\"MAIN\"}");
	rig_put(b, STORE_TX_RUN, "0000000010", "{\"a\":10}");
	rig_put(b, STORE_TX_RUN, "0000000009", "{\"a\":9}");
	rig_put(b, STORE_STATION, "a station", "{\"id\":\"a station\",\"later\":[1,{}]}");
	assert_int_equal(store_batch_count(b), 5);
	assert_true(rig_wait(r, store_submit(r->store, b)));

	b = store_batch_new();
	store_batch_del(b, STORE_TX_RUN, "0000000009");
	store_batch_del(b, STORE_TX_RUN, "0000000001");
	rig_put(b, STORE_TX, "0000000009", "{\"a\":9}");
	assert_true(rig_wait(r, store_submit(r->store, b)));

	rig_reopen(r);
	assert_string_equal(rig_dump(r, STORE_ZONE, text, sizeof(text)),
			    "MAIN={\"id\":\"MAIN\"};P1={\"id\":\"P1\"};");
	assert_string_equal(rig_dump(r, STORE_TX_RUN, text, sizeof(text)), "0000000010={\"a\":10};");
	assert_string_equal(rig_dump(r, STORE_TX, text, sizeof(text)), "0000000009={\"a\":9};");
	assert_string_equal(rig_dump(r, STORE_STATION, text, sizeof(text)),
			    "a station={\"id\":\"a station\",\"later\":[1,{}]};");
	assert_string_equal(rig_dump(r, STORE_METER, text, sizeof(text)), "");
}

static void the_later_operation_on_a_key_wins(void **state)
{
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	char text[200];

	rig_put(b, STORE_TAG, "A", "{\"v\":1}");
	rig_put(b, STORE_TAG, "A", "{\"v\":2}");
	rig_put(b, STORE_TAG, "B", "{\"v\":1}");
	store_batch_del(b, STORE_TAG, "B");
	store_batch_del(b, STORE_TAG, "C");
	rig_put(b, STORE_TAG, "C", "{\"v\":3}");
	assert_true(rig_wait(r, store_submit(r->store, b)));
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={\"v\":2};C={\"v\":3};");
}

static void a_batch_owns_copies_of_what_it_was_given(void **state)
{
	struct store_batch *b = store_batch_new();
	char key[] = "KEY", json[] = "{\"a\":1}";

	(void)state;
	store_batch_put(b, STORE_TAG, key, json, strlen(json));
	memset(key, 'x', sizeof(key) - 1);
	memset(json, 'x', sizeof(json) - 1);
	assert_string_equal(store_batch_op(b, 0)->key, "KEY");
	assert_memory_equal(store_batch_op(b, 0)->value, "{\"a\":1}", 7);
	store_batch_free(b);
}

static void thousands_of_batches_are_acknowledged_in_order_and_in_groups(void **state)
{
	enum { COUNT = 3000 };
	struct rig *r = *state;
	struct store_stat st;
	char key[32];

	for (int i = 1; i <= COUNT; i++) {
		struct store_batch *b = store_batch_new();

		snprintf(key, sizeof(key), "%010d", i);
		rig_put(b, STORE_TX, key, "{}");
		assert_int_equal(store_submit(r->store, b), i);
	}
	assert_true(rig_wait(r, COUNT));
	assert_false(r->disorder);
	assert_int_equal(r->told, COUNT);
	assert_true(r->committed_calls < COUNT / 2);
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_int_equal(st.table[STORE_TX].records, COUNT);
	assert_int_equal(st.submitted, COUNT);
	assert_int_equal(st.durable, COUNT);
}

static void nothing_is_acknowledged_before_the_loop_runs(void **state)
{
	struct rig *r = *state;
	struct timespec wait = { .tv_nsec = 1000000 };
	struct store_stat st = { .submitted = 0 };
	struct store_batch *b = store_batch_new();

	rig_put(b, STORE_TAG, "A", "{}");
	store_submit(r->store, b);
	for (int ms = 0; ms < 20000 && st.table[STORE_TAG].records == 0; ms++) {
		nanosleep(&wait, NULL);
		assert_int_equal(store_stat(r->store, &st), 0);
	}
	assert_int_equal(st.table[STORE_TAG].records, 1);
	assert_int_equal(r->told, 0);
	assert_true(rig_wait(r, 1));
}

static void empty_batches_are_acknowledged_in_their_turn(void **state)
{
	struct rig *r = *state;
	struct store_batch *b = store_batch_new();
	char text[100];

	store_submit(r->store, store_batch_new());
	rig_put(b, STORE_TAG, "A", "{}");
	store_submit(r->store, b);
	assert_int_equal(store_submit(r->store, store_batch_new()), 3);
	assert_true(rig_wait(r, 3));
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
}

static void closing_commits_and_acknowledges_what_is_queued(void **state)
{
	struct rig *r = *state;
	struct store_stat st;
	char key[32];

	for (int i = 1; i <= 500; i++) {
		struct store_batch *b = store_batch_new();

		snprintf(key, sizeof(key), "%010d", i);
		rig_put(b, STORE_TX, key, "{}");
		store_submit(r->store, b);
	}
	rig_close(r);
	assert_int_equal(r->told, 500);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_int_equal(st.table[STORE_TX].records, 500);
}

static void submit_more(void *ctx, uint64_t seq)
{
	struct rig *r = ctx;

	rig_committed(ctx, seq);
	if (seq < 50)
		store_submit(r->store, store_batch_new());
}

static void an_acknowledgement_may_submit_the_next_batch(void **state)
{
	static const struct store_ops ops = { submit_more, rig_failed };
	struct rig *r = *state;

	rig_close(r);
	r->told = 0;
	r->loop = loop_new();
	assert_int_equal(store_open(r->loop, r->dir, &ops, r, &r->store, &r->diag), 0);
	store_submit(r->store, store_batch_new());
	assert_true(rig_wait(r, 50));
	assert_false(r->disorder);
}

/* ---- the directory ----------------------------------------------------------------------- */

static void only_the_owner_can_read_the_files(void **state)
{
	static const struct { const char *name; mode_t mode; } files[] = {
		{ "ledger", 0700 }, { "ledger/data.mdb", 0600 }, { "ledger/lock.mdb", 0600 },
		{ "lock", 0600 }, { "ballast", 0600 },
	};
	struct rig *r = *state;
	char path[256];
	struct stat st;
	mode_t old = umask(0);

	rig_close(r);
	rig_remove(r->dir);
	assert_int_equal(rig_open(r), 0);
	umask(old);
	assert_int_equal(stat(r->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->dir, files[i].name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, files[i].mode);
	}
	assert_int_equal(st.st_size, DIR_BALLAST_SIZE);
}

static void a_second_lmsd_is_refused_and_told_who_is_first(void **state)
{
	struct rig *r = *state;
	struct rig second = { .told = 0 };
	char want[256];

	snprintf(second.dir, sizeof(second.dir), "%s", r->dir);
	assert_int_equal(rig_open(&second), -LMS_ECONFLICT);
	snprintf(want, sizeof(want), "another lmsd (pid %ld) uses %s (", (long)getpid(), r->dir);
	assert_non_null(strstr(second.diag.text, want));
	rig_store(r, STORE_TAG, "A", "{}");
	rig_close(r);
	assert_int_equal(rig_open(&second), 0);
	rig_close(&second);
	assert_int_equal(rig_open(r), 0);
}

static void a_directory_that_cannot_be_ours_is_refused(void **state)
{
	struct rig *r = *state;
	struct rig other = { .told = 0 };

	snprintf(other.dir, sizeof(other.dir), "%.100s/no/such", r->dir);
	assert_int_equal(rig_open(&other), -LMS_ECANTCREAT);
	assert_non_null(strstr(other.diag.text, "create its parent first"));

	snprintf(other.dir, sizeof(other.dir), "%.100s/lock", r->dir);
	assert_int_equal(rig_open(&other), -LMS_EIO);
	assert_non_null(strstr(other.diag.text, "Not a directory"));

	snprintf(other.dir, sizeof(other.dir), "%.100s/open", r->dir);
	assert_int_equal(mkdir(other.dir, 0700), 0);
	assert_int_equal(chmod(other.dir, 0777), 0);
	assert_int_equal(rig_open(&other), -LMS_ECONFLICT);
	assert_non_null(strstr(other.diag.text, "others may write to it"));
}

static void a_ledger_that_was_left_half_made_is_made_anew(void **state)
{
	struct rig *r = *state;
	char path[256], text[100];
	FILE *f;

	rig_close(r);
	rig_remove(r->dir);
	assert_int_equal(mkdir(r->dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/ledger.new", r->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/ledger.new/data.mdb", r->dir);
	f = fopen(path, "w");
	for (int i = 0; i < 5000; i++)
		fputc('x', f);
	fclose(f);
	assert_int_equal(rig_open(r), 0);
	assert_false(store_is_failed(r->store));
	rig_store(r, STORE_TAG, "A", "{}");
	assert_string_equal(rig_dump(r, STORE_TAG, text, sizeof(text)), "A={};");
}

static void a_file_that_is_not_a_ledger_is_refused(void **state)
{
	struct rig *r = *state;
	char path[256];
	FILE *f;

	rig_close(r);
	snprintf(path, sizeof(path), "%s/ledger/data.mdb", r->dir);
	f = fopen(path, "w");
	for (int i = 0; i < 20000; i++)
		fputc('x', f);
	fclose(f);
	assert_int_equal(rig_open(r), -LMS_EIO);
	assert_non_null(strstr(r->diag.text, "/ledger: "));
	assert_non_null(strstr(r->diag.text, "restore a backup"));
}

/* ---- records from elsewhere -------------------------------------------------------------- */

static size_t pack(unsigned char *out, const char *key, const char *json)
{
	record_pack(out, key, json, strlen(json));
	return RECORD_HEADER_SIZE + strlen(json);
}

static void put_version(unsigned char *out, unsigned char version, const char *key, size_t size)
{
	uint32_t crc;

	out[0] = version;
	crc = record_crc32c(0, out, 1);
	crc = record_crc32c(crc, key, strlen(key) + 1);
	crc = record_crc32c(crc, out + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE);
	for (int i = 0; i < 4; i++)
		out[1 + i] = (unsigned char)(crc >> (8 * i));
}

static void a_bad_record_is_counted_and_skipped_and_the_others_are_there(void **state)
{
	struct rig *r = *state;
	unsigned char v[256];
	struct store_stat st;
	char text[400];
	size_t n;

	rig_store(r, STORE_ZONE, "A", "{\"id\":\"A\"}");
	rig_store(r, STORE_ZONE, "Z", "{\"id\":\"Z\"}");
	rig_close(r);
	n = pack(v, "B", "{\"id\":\"B\"}");
	v[n - 3] ^= 1;
	rig_write_raw(r, "zone", "B", v, n);		/* a flipped bit */
	n = pack(v, "A", "{\"id\":\"A\"}");
	rig_write_raw(r, "zone", "C", v, n);		/* another key's value */
	rig_write_raw(r, "zone", "D", "", 0);		/* nothing */
	rig_write_raw(r, "zone", "E", "\1\0\0\0\0", 5);	/* a header alone */
	n = pack(v, "F", "{\"id\":\"F\"}");
	put_version(v, RECORD_VERSION + 1, "F", n);
	rig_write_raw(r, "zone", "F", v, n);		/* a newer lmsd's */
	n = pack(v, "G", "{\"id\":7}");
	rig_write_raw(r, "zone", "G", v, n);		/* one odd field: reported */
	n = pack(v, "H", "{\"id\":");
	rig_write_raw(r, "zone", "H", v, n);		/* not JSON */
	n = pack(v, "I", "[]");
	rig_write_raw(r, "zone", "I", v, n);		/* not an object */

	assert_int_equal(rig_open(r), 0);
	assert_string_equal(rig_dump(r, STORE_ZONE, text, sizeof(text)),
			    "A={\"id\":\"A\"};G={\"id\":7};Z={\"id\":\"Z\"};");
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_int_equal(st.bad_records, 8);
	assert_int_equal(st.table[STORE_ZONE].records, 10);
}

static int note_row(void *ctx, const char *key, const char *json, size_t len)
{
	char *text = ctx;
	size_t used = strlen(text);

	assert_int_equal(json ? strlen(json) : 0, len);
	snprintf(text + used, 100 - used, "%s=%s;", key, json ? json : "?");
	return 0;
}

/* A station whose keys cannot be read must not be taken for one that never had any. */
static void a_strict_load_tells_of_records_that_cannot_be_read(void **state)
{
	struct rig *r = *state;
	unsigned char v[256];
	char text[100] = "";
	struct diag d;
	size_t n;

	rig_store(r, STORE_SECURITY, "A", "{\"had\":1}");
	rig_close(r);
	n = pack(v, "B", "{\"had\":2}");
	v[n - 3] ^= 1;
	rig_write_raw(r, "security", "B", v, n);
	n = pack(v, "C", "{");
	rig_write_raw(r, "security", "C", v, n);
	assert_int_equal(rig_open(r), 0);
	diag_init(&d);
	assert_int_equal(store_load_strict(r->store, STORE_SECURITY, note_row, text, &d), 0);
	assert_string_equal(text, "A={\"had\":1};B=?;C=?;");
}

static void a_ledger_of_a_newer_lmsd_is_refused(void **state)
{
	static const char json[] = "{\"version\":99,\"starts\":1}";
	struct rig *r = *state;
	unsigned char v[256];

	rig_close(r);
	rig_write_raw(r, "meta", "schema", v, pack(v, "schema", json));
	assert_int_equal(rig_open(r), -LMS_EPROTOCOL);
	assert_non_null(strstr(r->diag.text, "a newer lmsd wrote it"));
	rig_write_raw(r, "meta", "schema", v, pack(v, "schema", "{\"version\":1,\"starts\":41}"));
	assert_int_equal(rig_open(r), 0);
}

static void every_start_is_counted(void **state)
{
	struct rig *r = *state;
	char before[200], after[200];

	rig_dump(r, STORE_META, before, sizeof(before));
	rig_reopen(r);
	rig_dump(r, STORE_META, after, sizeof(after));
	assert_string_not_equal(before, after);
	assert_non_null(strstr(after, "\"version\":1"));
}

static int stop_at_b(void *ctx, const char *key, const char *json, size_t len)
{
	int *calls = ctx;

	(void)json;
	(void)len;
	(*calls)++;
	return strcmp(key, "B") == 0 ? -LMS_EDATA : 0;
}

static void loading_stops_when_the_caller_says_so(void **state)
{
	struct rig *r = *state;
	int calls = 0;

	rig_store(r, STORE_TAG, "A", "{}");
	rig_store(r, STORE_TAG, "B", "{}");
	rig_store(r, STORE_TAG, "C", "{}");
	assert_int_equal(store_load(r->store, STORE_TAG, stop_at_b, &calls, &r->diag), -LMS_EDATA);
	assert_int_equal(calls, 2);
	rig_store(r, STORE_TAG, "D", "{}");
	calls = 0;
	assert_int_equal(store_load_backwards(r->store, STORE_TAG, stop_at_b, &calls, &r->diag),
			 -LMS_EDATA);
	assert_int_equal(calls, 3);
	calls = 0;
	assert_int_equal(store_load_backwards(r->store, STORE_AUDIT, stop_at_b, &calls, &r->diag), 0);
	assert_int_equal(calls, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_acknowledged_is_loaded_again_in_the_order_of_keys),
		T(the_later_operation_on_a_key_wins),
		T(a_batch_owns_copies_of_what_it_was_given),
		T(thousands_of_batches_are_acknowledged_in_order_and_in_groups),
		T(nothing_is_acknowledged_before_the_loop_runs),
		T(empty_batches_are_acknowledged_in_their_turn),
		T(closing_commits_and_acknowledges_what_is_queued),
		T(an_acknowledgement_may_submit_the_next_batch),
		T(only_the_owner_can_read_the_files),
		T(a_second_lmsd_is_refused_and_told_who_is_first),
		T(a_directory_that_cannot_be_ours_is_refused),
		T(a_ledger_that_was_left_half_made_is_made_anew),
		T(a_file_that_is_not_a_ledger_is_refused),
		T(a_bad_record_is_counted_and_skipped_and_the_others_are_there),
		T(a_strict_load_tells_of_records_that_cannot_be_read),
		T(a_ledger_of_a_newer_lmsd_is_refused),
		T(every_start_is_counted),
		T(loading_stops_when_the_caller_says_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
