/* kill -9 at any moment: what was committed is there, once and whole; only what was not is missing.
 *
 * A child puts numbered rows, minute after minute of made-up time, and tells through a pipe up to which they are
 * committed. Hours are sealed, days rolled up and the oldest dropped meanwhile. SEED= and ROUNDS= repeat and extend.
 *
 * timeout: 120
 */
#include "archive_rig.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "net/loop.h"
#include "tests/scenario/helper_random.h"

#define START_S INT64_C(1764115200)
#define METERS	3

static int64_t value_of(int64_t t_s, int meter)
{
	return (t_s - START_S) / 10 * 7 % 1000 + meter * 1000;
}

/* ---- the child ---- */

static void put_minute(struct archive *a, int64_t t_s)
{
	for (int i = 0; i < 6; i++, t_s += 10)
		for (int meter = 0; meter < METERS; meter++) {
			struct history_sample s = { .v = value_of(t_s, meter), .var = METER_power_total,
						    .quality = HISTORY_GOOD };
			char id[16];

			snprintf(id, sizeof(id), "m%d", meter);
			archive_put(a, HISTORY_METER, id, t_s, 10, &s, 1);
		}
}

static _Noreturn void child_run(const char *dir, int64_t t_s, int pipe)
{
	const struct archive_conf conf = { .state_directory = dir, .max_bytes = 1 << 30, .retry_s = 1,
					   .keep_s = { 100 * 86400, 100 * 86400, 100 * 86400 } };
	struct archive *a = archive_open(loop_new(), &conf);
	struct archive_figures f;

	for (;; t_s += 60) {
		put_minute(a, t_s);
		archive_commit(a);
		do {
			archive_figures(a, &f);
			if (f.why[0])
				_exit(2);
			sched_yield();
		} while (f.last_s < t_s + 50);
		if (write(pipe, &t_s, sizeof(t_s)) != sizeof(t_s))
			_exit(3);
	}
}

/* ---- the parent ---- */

/* The last minute that is known to be committed, after the child was killed at some moment. */
static int64_t run_and_kill(const char *dir, int64_t t_s, int after_ms)
{
	int64_t last = t_s - 60, n;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fds[0]);
		child_run(dir, t_s, fds[1]);
	}
	close(fds[1]);
	poll(NULL, 0, after_ms);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	close(fds[0]);
	return last;
}

/* All rows from the start to `committed` are there, once; of what came behind, at most whole minutes. The end. */
static int64_t look(struct archive_rig *rig, int64_t committed)
{
	int64_t end = 0;

	for (int meter = 0; meter < METERS; meter++) {
		char id[16];

		snprintf(id, sizeof(id), "m%d", meter);
		rig_read(rig, rig_query(id, "power_total", START_S, START_S + 400 * 86400, 0), NULL);
		assert_int_equal(rig->err, 0);
		for (size_t i = 0; i < rig->rows; i++) {
			int64_t t = START_S + 10 + (int64_t)i * 10;

			if (rig_cell(rig, i, 0) != t * 1000 || rig_cell(rig, i, 1) != value_of(t, meter))
				fail_msg("row %zu of m%d", i, meter);
		}
		assert_int_equal(rig->rows % 6, 0);
		assert_true(meter == 0 || end == START_S + 10 + (int64_t)rig->rows * 10);
		end = START_S + 10 + (int64_t)rig->rows * 10;
	}
	if (end < committed + 60)
		fail_msg("%lld s are missing", (long long)(committed + 60 - end));
	return end;
}

static void what_was_committed_is_there_after_kill_9(void **state)
{
	const char *rounds_text = getenv("ROUNDS");
	int rounds = rounds_text && atoi(rounds_text) > 0 ? atoi(rounds_text) : 15;
	struct archive_rig *rig = xcalloc(1, sizeof(*rig));
	struct rng r = rng_seed(random_first_seed());
	int64_t t = START_S + 10;

	(void)state;
	rig_init(rig);
	for (int i = 0; i < rounds; i++) {
		int64_t committed, samples;
		MDB_txn *txn;

		rig_close(rig);
		committed = run_and_kill(rig->dir.path, t, (int)rng_below(&r, 400) + 20);
		rig_open_max(rig, 1 << 30);
		t = look(rig, committed);
		assert_int_equal(mdb_txn_begin(rig->w.vault.mdb, NULL, MDB_RDONLY, &txn), 0);
		assert_int_equal(vault_count_get(txn, &rig->w.vault, "samples", &samples), 0);
		mdb_txn_abort(txn);
		/* The count of readings goes with them: all hours that are over. */
		assert_true(samples % (360 * METERS) == 0 && samples <= (t - START_S) / 10 * METERS);
	}
	rig_fini(rig);
	free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_committed_is_there_after_kill_9),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
