/* The promise of the store: what was acknowledged is there, whole, after kill -9 at any moment.
 *
 * A child submits numbered batches, and writes a number to a pipe once it is acknowledged. It is
 * killed at a moment that the seed chooses; then we look. SEED= and ROUNDS= replay and extend.
 *
 * timeout: 120
 */
#include "store_numbered.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- the child ----------------------------------------------------------------------------- */

struct child {
	struct rig rig;
	int pipe;
	uint64_t base;		/* number of the last batch of the run before */
	uint64_t next;		/* number of the next batch */
	uint32_t in_flight;
};

static void child_submit(struct child *c)
{
	uint64_t n = c->next++;

	lms_assert(store_submit(c->rig.store, numbered_batch(n)) == n - c->base);
}

static void child_committed(void *ctx, uint64_t seq)
{
	struct child *c = ctx;
	uint64_t n = c->base + seq;

	if (write(c->pipe, &n, sizeof(n)) != sizeof(n))
		_exit(3);
	while (c->next <= n + c->in_flight)
		child_submit(c);
}

static void child_failed(void *ctx, uint64_t seq, const char *why)
{
	(void)ctx;
	(void)seq;
	(void)why;
	_exit(4);
}

static _Noreturn void child_run(const char *dir, int fd, uint32_t in_flight)
{
	static const struct store_ops ops = { child_committed, child_failed };
	struct child c = { .pipe = fd, .in_flight = in_flight };

	diag_init(&c.rig.diag);
	c.rig.loop = loop_new();
	if (store_open(c.rig.loop, dir, &ops, &c, &c.rig.store, &c.rig.diag) < 0)
		_exit(2);
	c.base = numbered_last(c.rig.store, &c.rig.diag);
	c.next = c.base + 1;
	while (c.next <= c.base + in_flight)
		child_submit(&c);
	loop_run(c.rig.loop);
	_exit(5);
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* Follows what the child acknowledges, for as long as it lives; the last number. */
static uint64_t follow(int fd, uint64_t acked)
{
	uint64_t n;

	while (read(fd, &n, sizeof(n)) == sizeof(n)) {
		assert_true(n > acked);
		acked = n;
	}
	return acked;
}

/* Runs a child, kills it, and returns what it acknowledged last (or `acked` as it was). */
static uint64_t run_and_kill(const char *dir, uint64_t acked)
{
	uint32_t in_flight = 1 + draw(40), delay_us = draw(4) ? draw(40000) : draw(2000);
	bool started = draw(5) != 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		child_run(dir, fds[1], in_flight);
	}
	close(fds[1]);
	if (started) {
		struct pollfd p = { .fd = fds[0], .events = POLLIN };

		assert_int_equal(poll(&p, 1, 20000), 1);
	}
	usleep(delay_us);
	kill(pid, SIGKILL);
	acked = follow(fds[0], acked);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return acked;
}

static void whatever_was_acknowledged_survives_kill_9(void **state)
{
	const char *rounds_text = getenv("ROUNDS"), *seed_text = getenv("SEED");
	int rounds = rounds_text ? atoi(rounds_text) : 30, with_news = 0;
	struct rig r;
	uint64_t acked = 0;
	const char *wrong;

	(void)state;
	seed = seed_text ? strtoull(seed_text, NULL, 10) : 20261121;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	rig_init(&r);
	for (int i = 0; i < rounds; i++) {
		uint64_t now = run_and_kill(r.dir, acked);

		with_news += now > acked;
		wrong = numbered_look(&r, now, &acked);
		if (wrong)
			fail_msg("%s: acknowledged up to %llu, found up to %llu", wrong,
				 (unsigned long long)now, (unsigned long long)acked);
	}
	print_message("# %d rounds, %d with acknowledgements, %llu batches\n", rounds, with_news,
		      (unsigned long long)acked);
	assert_true(with_news >= rounds / 2);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_was_acknowledged_survives_kill_9),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
