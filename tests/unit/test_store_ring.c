/* The ring: bounded files, blocks by time, torn and missing ones, a disk that does not take any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "net/loop.h"
#include "store/ring.h"
#include "store/ring_file.h"

#define WALL INT64_C(1700000000000000)	/* of the block with mono 0 */
#define KIB  ((int64_t)1 << 10)

struct bed {
	char dir[64];
	struct loop *loop;
	struct ring *ring;
	struct ring_conf conf;
};

static int setup(void **state)
{
	struct bed *t = calloc(1, sizeof(*t));

	strcpy(t->dir, "/tmp/lms-ring-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->loop = loop_new();
	t->conf = (struct ring_conf){ .state_directory = t->dir, .size = 64 * KIB, .segment = 8 * KIB };
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct bed *t = *state;

	ring_close(t->ring);
	ring_remove(t->dir);
	rmdir(t->dir);
	loop_free(t->loop);
	free(t);
	return 0;
}

/* Block n tells of second n; every tenth holds a snapshot. */
static void put(struct bed *t, int n, size_t len)
{
	struct ring_mark m = { .wall = WALL + n * US_PER_S, .mono = n * US_PER_S, .first = n * US_PER_S,
			       .last = n * US_PER_S, .snapshot = n % 10 ? MONO_NEVER : n * US_PER_S };
	char *data = malloc(len);

	memset(data, n, len);
	ring_wait(t->ring, ring_put(t->ring, &m, data, len));
	free(data);
}

static void open_ring(struct bed *t)
{
	ring_close(t->ring);
	t->ring = ring_open(t->loop, &t->conf);
}

static int64_t bytes_on_disk(const struct bed *t, size_t *files)
{
	char path[200];
	struct ring_files f;
	int64_t sum = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/" RING_DIRECTORY, t->dir);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(ring_files_list(fd, &f), 0);
	for (size_t i = 0; i < f.count; i++)
		sum += f.sizes[i];
	*files = f.count;
	ring_files_free(&f);
	close(fd);
	return sum;
}

/* The second of the snapshot that a seek finds, -1 = none; *blocks and *gaps follow it. */
static int seek(const struct bed *t, int second, int *blocks, int *gaps)
{
	struct ring_reader *r = ring_reader_new(t->dir);
	struct ring_block b;
	struct diag d;
	wall_t oldest;
	bool gap;
	int found = -1;

	diag_init(&d);
	*blocks = *gaps = 0;
	if (ring_reader_seek(r, WALL + second * US_PER_S, &oldest, &d) == 0)
		while (ring_reader_next(r, &b, &gap) > 0) {
			const unsigned char *data = b.data;

			if (found < 0)
				found = (int)(b.mark.snapshot / US_PER_S);
			assert_true(b.len == 0 || data[b.len - 1] == (unsigned char)(b.mark.mono / US_PER_S));
			*gaps += gap;
			++*blocks;
		}
	ring_reader_free(r);
	return found;
}

static char *last_file(const struct bed *t, char *path, size_t size)
{
	char name[RING_NAME_MAX], dir[100];
	struct ring_files f;
	int fd;

	snprintf(dir, sizeof(dir), "%s/" RING_DIRECTORY, t->dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(ring_files_list(fd, &f), 0);
	snprintf(path, size, "%s/%s", dir, ring_file_name(f.first[f.count - 1], name));
	ring_files_free(&f);
	close(fd);
	return path;
}

static void the_files_stay_within_their_size(void **state)
{
	struct bed *t = *state;
	int blocks, gaps;
	size_t files;

	open_ring(t);
	for (int n = 0; n < 200; n++) {
		put(t, n, 1000);
		assert_in_range(bytes_on_disk(t, &files), 1, 64 * KIB);
	}
	assert_in_range(files, 7, 8);
	assert_int_equal(seek(t, 5, &blocks, &gaps), -1);
	assert_int_equal(seek(t, 199, &blocks, &gaps), 190);
	assert_int_equal(blocks, 10);
	assert_int_equal(seek(t, 163, &blocks, &gaps), 160);
	assert_int_equal(blocks, 40);
	assert_int_equal(gaps, 0);
}

static void a_block_larger_than_a_file_has_one_of_its_own(void **state)
{
	struct bed *t = *state;
	int blocks, gaps;
	size_t files;

	open_ring(t);
	put(t, 0, 100);
	put(t, 10, 20000);
	put(t, 20, 100);
	bytes_on_disk(t, &files);
	assert_int_equal(files, 3);
	assert_int_equal(seek(t, 15, &blocks, &gaps), 10);
	assert_int_equal(blocks, 2);
}

static void a_start_goes_on_behind_what_was_cut_short(void **state)
{
	struct bed *t = *state;
	int blocks, gaps;
	struct stat st;
	char path[200];

	open_ring(t);
	for (int n = 0; n < 14; n++)
		put(t, n, 300);
	ring_close(t->ring);
	t->ring = NULL;
	assert_int_equal(stat(last_file(t, path, sizeof(path)), &st), 0);
	for (int cut = 1; cut < 700; cut += 13) {
		assert_int_equal(truncate(path, st.st_size - cut), 0);
		assert_int_equal(seek(t, 13, &blocks, &gaps), 10);
		assert_in_range(blocks, 2, 3);
	}
	open_ring(t);
	for (int n = 20; n < 25; n++)
		put(t, n, 300);
	assert_int_equal(seek(t, 19, &blocks, &gaps), 10);
	assert_int_equal(gaps, 1);
	assert_int_equal(seek(t, 24, &blocks, &gaps), 20);
	assert_int_equal(blocks, 5);
	assert_int_equal(gaps, 0);
}

static void a_snapshot_that_is_not_all_there_is_passed_over(void **state)
{
	struct bed *t = *state;
	int blocks, gaps;
	struct stat st;
	char path[200];

	open_ring(t);
	for (int n = 0; n <= 20; n++)
		put(t, n, 300);
	assert_int_equal(stat(last_file(t, path, sizeof(path)), &st), 0);
	assert_int_equal(truncate(path, st.st_size - 10), 0);
	assert_int_equal(seek(t, 25, &blocks, &gaps), 10);
	assert_int_equal(blocks, 10);
}

static void a_damaged_block_ends_its_file(void **state)
{
	struct bed *t = *state;
	int blocks, gaps, fd;
	char path[200];

	open_ring(t);
	for (int n = 0; n <= 15; n++)
		put(t, n, 100);
	fd = open(last_file(t, path, sizeof(path)), O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 12 * ((off_t)sizeof(struct ring_head) + 100) + 90), 1);
	close(fd);
	assert_int_equal(seek(t, 15, &blocks, &gaps), 10);
	assert_int_equal(blocks, 2);
}

static void a_disk_that_takes_nothing_costs_blocks_and_nothing_else(void **state)
{
	struct bed *t = *state;
	int blocks, gaps, fd;
	char path[200];

	snprintf(path, sizeof(path), "%s/" RING_DIRECTORY, t->dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);	/* in the way */
	close(fd);
	open_ring(t);
	assert_false(ring_lost(t->ring));
	put(t, 0, 100);
	put(t, 1, 100);
	assert_false(ring_lost(t->ring));	/* not while it fails */
	unlink(path);
	put(t, 2, 100);		/* tried again at once: retry_s is 0 */
	assert_true(ring_lost(t->ring));
	assert_false(ring_lost(t->ring));
	put(t, 10, 100);
	put(t, 11, 100);
	assert_int_equal(seek(t, 11, &blocks, &gaps), 10);
	assert_int_equal(blocks, 2);
}

static void what_the_ledger_may_need_is_left_alone(void **state)
{
	struct bed *t = *state;
	int blocks, gaps;
	size_t files;

	t->conf.keep_free = INT64_MAX / 2;
	open_ring(t);
	put(t, 0, 100);
	put(t, 10, 100);
	assert_int_equal(bytes_on_disk(t, &files), 0);
	assert_int_equal(seek(t, 11, &blocks, &gaps), -1);
}

static void what_comes_too_fast_is_dropped_and_leaves_a_hole(void **state)
{
	struct bed *t = *state;
	struct ring_mark m = { .wall = WALL, .mono = 0, .first = 0, .last = 0, .snapshot = 0 };
	size_t len = (size_t)9 << 20;
	char *data = calloc(1, len);
	uint64_t last = 0;

	t->conf.size = 1024 * KIB * KIB;
	open_ring(t);
	for (int i = 0; i < 12; i++)
		last = ring_put(t->ring, &m, data, len);
	ring_wait(t->ring, last);
	assert_int_equal(last, 12);
	assert_true(ring_lost(t->ring));
	free(data);
}

static void a_recording_can_be_removed(void **state)
{
	struct bed *t = *state;
	char path[200];

	open_ring(t);
	put(t, 0, 100);
	ring_close(t->ring);
	t->ring = NULL;
	ring_remove(t->dir);
	snprintf(path, sizeof(path), "%s/" RING_DIRECTORY, t->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	ring_remove(t->dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_files_stay_within_their_size, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_larger_than_a_file_has_one_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_start_goes_on_behind_what_was_cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_that_is_not_all_there_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_block_ends_its_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_takes_nothing_costs_blocks_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_ledger_may_need_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_comes_too_fast_is_dropped_and_leaves_a_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_recording_can_be_removed, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
