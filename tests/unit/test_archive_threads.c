/* The archive as the loop sees it: it answers pages, and what happens to its disk costs rows and nothing else.
 *
 * timeout: 60
 */
#include "archive_rig.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "net/loop.h"

#define START_S INT64_C(1764115200)
#define DEADLINE_US (20 * US_PER_S)

struct house {
	char dir[128];
	struct loop *loop;
	struct archive *archive;
	struct archive_conf conf;
	int64_t t_s;
	int answers, err;
	char text[200], json[4000];
	bool late;
};

static void house_init(struct house *h, const char *below)
{
	const char *tmp = getenv("TMPDIR");

	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "%s/lms-archive.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(h->dir));
	strcat(h->dir, below);
	h->conf = (struct archive_conf){ .state_directory = h->dir, .max_bytes = 64 << 20,
					 .keep_s = { 9999 * 86400, 9999 * 86400, 9999 * 86400 } };
	h->t_s = START_S;
	h->loop = loop_new();
}

static void house_open(struct house *h)
{
	h->archive = archive_open(h->loop, &h->conf);
}

static void house_fini(struct house *h, const char *below)
{
	archive_close(h->archive);
	loop_free(h->loop);
	h->dir[strlen(h->dir) - strlen(below)] = '\0';
	rig_remove(h->dir);
}

static void too_late(void *ctx)
{
	struct house *h = ctx;

	h->late = true;
	loop_stop(h->loop);
}

static void look_again(void *ctx)
{
	loop_stop(((struct house *)ctx)->loop);
}

/* Runs the loop until it is so. */
static void wait_for(struct house *h, bool (*so)(struct house *h))
{
	struct loop_timer *deadline = loop_timer_new(h->loop, too_late, h), *again = loop_timer_new(h->loop, look_again, h);

	loop_now_update(h->loop);
	loop_timer_at(deadline, loop_now(h->loop) + DEADLINE_US);
	while (!so(h)) {
		assert_false(h->late);
		loop_timer_at(again, loop_now(h->loop) + 2 * US_PER_MS);
		loop_run(h->loop);
	}
	loop_timer_free(deadline);
	loop_timer_free(again);
}

static struct archive_figures figures(struct house *h)
{
	struct archive_figures f;

	archive_figures(h->archive, &f);
	return f;
}

static bool committed(struct house *h)
{
	return figures(h).last_s == h->t_s;
}

static bool is_off(struct house *h)
{
	return figures(h).why[0] != '\0';
}

static bool is_on(struct house *h)
{
	return figures(h).on;
}

static bool answered(struct house *h)
{
	return h->answers > 0;
}

static void put(struct house *h, int rows)
{
	struct history_sample s = { .v = 7, .var = METER_power_total, .quality = HISTORY_GOOD };

	for (int i = 0; i < rows; i++)
		archive_put(h->archive, HISTORY_METER, "main", h->t_s += 10, 10, &s, 1);
}

static void on_page(void *ctx, struct archive_page *page)
{
	struct house *h = ctx;

	h->answers++;
	h->err = page->err;
	snprintf(h->text, sizeof(h->text), "%s", page->text);
	snprintf(h->json, sizeof(h->json), "%s", page->err ? "" : buf_cstr(&page->json));
}

static void ask(struct house *h)
{
	struct archive_query q = rig_query("main", "power_total", START_S, h->t_s + 1, 0);

	h->answers = 0;
	archive_read(h->archive, &q, on_page, h);
}

static size_t rows_told(const struct house *h)
{
	size_t n = 0;

	for (const char *at = h->json; (at = strstr(at, "000,7]")) != NULL; at++)
		n++;
	return n;
}

/* ---- what works ---- */

static void an_answer_has_what_is_not_committed_yet(void **state)
{
	struct house h;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	wait_for(&h, is_on);
	put(&h, 3);
	archive_commit(h.archive);
	wait_for(&h, committed);
	put(&h, 2);
	ask(&h);
	wait_for(&h, answered);
	assert_int_equal(h.err, 0);
	assert_int_equal(rows_told(&h), 5);
	house_fini(&h, "");
}

static void closing_commits_and_answers_what_was_asked(void **state)
{
	struct house h;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	put(&h, 3);
	ask(&h);
	archive_close(h.archive);
	assert_int_equal(h.answers, 1);
	house_open(&h);
	wait_for(&h, committed);
	ask(&h);
	wait_for(&h, answered);
	assert_int_equal(rows_told(&h), 3);
	house_fini(&h, "");
}

static void no_more_pages_wait_than_can_be_read_soon(void **state)
{
	struct house h;
	int refused = 0;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	wait_for(&h, is_on);
	for (int i = 0; i < 100; i++) {
		ask(&h);
		refused += h.answers;	/* from inside */
	}
	assert_int_equal(refused, 84);
	assert_int_equal(h.err, -LMS_ECONFLICT);
	house_fini(&h, "");
}

/* ---- what does not ---- */

static void a_place_that_is_not_there_is_tried_again(void **state)
{
	struct house h;

	(void)state;
	house_init(&h, "/later");
	house_open(&h);
	wait_for(&h, is_off);
	assert_string_equal(figures(&h).why, "No such file or directory");
	ask(&h);
	wait_for(&h, answered);
	assert_int_equal(h.err, -LMS_EIO);
	put(&h, 2);
	archive_commit(h.archive);
	assert_int_equal(mkdir(h.dir, 0700), 0);
	h.t_s = START_S;
	put(&h, 2);
	archive_commit(h.archive);
	wait_for(&h, is_on);
	wait_for(&h, committed);
	ask(&h);
	wait_for(&h, answered);
	assert_true(rows_told(&h) >= 2);
	house_fini(&h, "/later");
}

static int64_t disk_left(const struct house *h)
{
	struct statvfs vfs;

	assert_int_equal(statvfs(h->dir, &vfs), 0);
	return (int64_t)(vfs.f_bavail * vfs.f_frsize);
}

static void a_disk_that_is_full_is_left_to_the_ledger(void **state)
{
	struct house h;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	put(&h, 2);
	archive_commit(h.archive);
	wait_for(&h, committed);
	archive_close(h.archive);
	/* Less than half of what has to stay free is left. */
	h.conf.keep_free = INT64_MAX / 2;
	house_open(&h);
	put(&h, 2);
	archive_commit(h.archive);
	wait_for(&h, is_off);
	assert_string_equal(figures(&h).why, "No space left on device");
	assert_true(figures(&h).lost >= 2);
	/* What is there can be read. */
	h.t_s = START_S + 20;
	ask(&h);
	wait_for(&h, answered);
	assert_int_equal(h.err, 0);
	assert_true(rows_told(&h) >= 2);
	house_fini(&h, "");
}

static void on_a_disk_that_is_nearly_full_old_makes_room_for_new(void **state)
{
	struct house h;
	struct history_sample s[HISTORY_VAR_COUNT];
	uint64_t noise = 1;

	(void)state;
	house_init(&h, "");
	h.conf.keep_free = disk_left(&h) / 2 * 3;
	house_open(&h);
	for (int hour = 0; hour < 100; hour++) {
		for (int i = 0; i < 360; i++) {
			h.t_s += 10;
			for (unsigned var = 0; var < 20; var++) {
				noise = noise * 6364136223846793005u + 1442695040888963407u;
				s[var] = (struct history_sample){ .v = (int64_t)(noise >> 40), .var = (uint8_t)var,
								  .quality = HISTORY_GOOD };
			}
			archive_put(h.archive, HISTORY_METER, "main", h.t_s, 10, s, 20);
		}
		archive_commit(h.archive);
		wait_for(&h, committed);
	}
	assert_true(figures(&h).used_bytes < 1 << 20);
	assert_true(figures(&h).file_bytes < 3 << 20);
	assert_true(figures(&h).first_s[ARCHIVE_QUARTER] == START_S);
	assert_int_equal(figures(&h).lost, 0);
	house_fini(&h, "");
}

static void a_commit_that_fails_costs_its_rows_only(void **state)
{
	struct rlimit before, none;
	struct house h;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	put(&h, 2);
	archive_commit(h.archive);
	wait_for(&h, committed);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	put(&h, 2000);
	archive_commit(h.archive);
	wait_for(&h, is_off);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	put(&h, 2);
	archive_commit(h.archive);
	wait_for(&h, committed);
	assert_true(is_on(&h));
	assert_int_equal(figures(&h).lost, 2000);
	ask(&h);
	wait_for(&h, answered);
	assert_int_equal(rows_told(&h), 4);
	house_fini(&h, "");
}

static void what_is_no_row_is_counted_as_lost(void **state)
{
	struct history_sample s = { .v = 7, .var = METER_power_total, .quality = HISTORY_GOOD };
	struct house h;

	(void)state;
	house_init(&h, "");
	house_open(&h);
	archive_put(h.archive, HISTORY_METER, "main", 0, 10, &s, 1);		/* 1970: no clock */
	archive_put(h.archive, HISTORY_METER, "main", INT64_C(1) << 33, 10, &s, 1);
	archive_put(h.archive, HISTORY_METER, "main", START_S, 0, &s, 1);
	assert_int_equal(figures(&h).lost, 3);
	house_fini(&h, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_what_is_not_committed_yet),
		cmocka_unit_test(closing_commits_and_answers_what_was_asked),
		cmocka_unit_test(no_more_pages_wait_than_can_be_read_soon),
		cmocka_unit_test(a_place_that_is_not_there_is_tried_again),
		cmocka_unit_test(a_disk_that_is_full_is_left_to_the_ledger),
		cmocka_unit_test(on_a_disk_that_is_nearly_full_old_makes_room_for_new),
		cmocka_unit_test(a_commit_that_fails_costs_its_rows_only),
		cmocka_unit_test(what_is_no_row_is_counted_as_lost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
