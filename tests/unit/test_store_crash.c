/* The promise of the store: what was acknowledged is there, whole, after kill -9 at any moment.
 *
 * A child submits numbered batches, and writes a number to a pipe once it is acknowledged. It is
 * killed at a moment that the seed chooses; then we look. Batch n puts tx_run n, moves n - 5 to tx
 * and counts in meta, so a batch that is there in part shows. SEED= and ROUNDS= replay and extend.
 *
 * timeout: 120
 */
#include "store_rig.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define RUNNING 5

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
	struct store_batch *b = store_batch_new();
	char key[32], json[64];

	snprintf(key, sizeof(key), "%010llu", (unsigned long long)n);
	snprintf(json, sizeof(json), "{\"n\":%llu}", (unsigned long long)n);
	rig_put(b, STORE_TX_RUN, key, json);
	rig_put(b, STORE_META, "last", json);
	if (n > RUNNING) {
		snprintf(key, sizeof(key), "%010llu", (unsigned long long)(n - RUNNING));
		snprintf(json, sizeof(json), "{\"n\":%llu}", (unsigned long long)(n - RUNNING));
		store_batch_del(b, STORE_TX_RUN, key);
		rig_put(b, STORE_TX, key, json);
	}
	lms_assert(store_submit(c->rig.store, b) == n - c->base);
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

static int child_last(void *ctx, const char *key, const char *json, size_t len)
{
	struct child *c = ctx;

	(void)len;
	if (strcmp(key, "last") == 0)
		c->base = strtoull(json + strlen("{\"n\":"), NULL, 10);
	return 0;
}

static _Noreturn void child_run(const char *dir, int fd, uint32_t in_flight)
{
	static const struct store_ops ops = { child_committed, child_failed };
	struct child c = { .pipe = fd, .in_flight = in_flight };

	diag_init(&c.rig.diag);
	c.rig.loop = loop_new();
	if (store_open(c.rig.loop, dir, &ops, &c, &c.rig.store, &c.rig.diag) < 0 ||
	    store_load(c.rig.store, STORE_META, child_last, &c, &c.rig.diag) < 0)
		_exit(2);
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

struct found {
	uint64_t run, ended, meta;
	uint64_t run_first, ended_last;
	bool gap;
};

static uint64_t number(const char *json)
{
	return strtoull(json + strlen("{\"n\":"), NULL, 10);
}

static int found_run(void *ctx, const char *key, const char *json, size_t len)
{
	struct found *f = ctx;

	(void)len;
	f->gap |= strtoull(key, NULL, 10) != number(json);
	if (f->run)
		f->gap |= number(json) != f->run + 1;
	else
		f->run_first = number(json);
	f->run = number(json);
	return 0;
}

static int found_ended(void *ctx, const char *key, const char *json, size_t len)
{
	struct found *f = ctx;

	(void)len;
	f->gap |= strtoull(key, NULL, 10) != number(json) || number(json) != f->ended_last + 1;
	f->ended_last = number(json);
	return 0;
}

static int found_meta(void *ctx, const char *key, const char *json, size_t len)
{
	(void)len;
	if (strcmp(key, "last") == 0)
		((struct found *)ctx)->meta = number(json);
	return 0;
}

/* All batches up to some number not below `acked`, each whole. Returns that number. */
static uint64_t look(struct rig *r, uint64_t acked)
{
	struct found f = { 0 };
	struct store_stat st;
	struct diag *d = &r->diag;

	assert_int_equal(rig_open(r), 0);
	assert_false(store_is_failed(r->store));
	assert_int_equal(store_load(r->store, STORE_TX_RUN, found_run, &f, d), 0);
	assert_int_equal(store_load(r->store, STORE_TX, found_ended, &f, d), 0);
	assert_int_equal(store_load(r->store, STORE_META, found_meta, &f, d), 0);
	assert_int_equal(store_stat(r->store, &st), 0);
	assert_int_equal(st.bad_records, 0);
	rig_close(r);

	if (f.meta < acked)
		fail_msg("acknowledged up to %llu, found up to %llu", (unsigned long long)acked,
			 (unsigned long long)f.meta);
	assert_false(f.gap);
	assert_int_equal(f.run, f.meta);
	if (f.meta > 0) {
		assert_int_equal(f.ended_last, f.meta > RUNNING ? f.meta - RUNNING : 0);
		assert_int_equal(f.run_first, f.ended_last + 1);
	}
	return f.meta;
}

static void whatever_was_acknowledged_survives_kill_9(void **state)
{
	const char *rounds_text = getenv("ROUNDS"), *seed_text = getenv("SEED");
	int rounds = rounds_text ? atoi(rounds_text) : 30, with_news = 0;
	struct rig r;
	uint64_t acked = 0;

	(void)state;
	seed = seed_text ? strtoull(seed_text, NULL, 10) : 20261121;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	rig_init(&r);
	for (int i = 0; i < rounds; i++) {
		uint64_t now = run_and_kill(r.dir, acked);

		with_news += now > acked;
		acked = look(&r, now);
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
