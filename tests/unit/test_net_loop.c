/* The event loop's contract: time, order of one turn, watchers that go in their own callback. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"

struct rig {
	struct loop *loop;
	struct loop_timer *limit;
	bool timed_out;
	char log[64];
};

static void on_limit(void *ctx)
{
	struct rig *r = ctx;

	r->timed_out = true;
	loop_stop(r->loop);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->loop = loop_new();
	r->limit = loop_timer_new(r->loop, on_limit, r);
	loop_timer_at(r->limit, loop_now(r->loop) + 5 * US_PER_S);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	bool timed_out = r->timed_out;

	loop_timer_free(r->limit);
	loop_free(r->loop);
	free(r);
	return timed_out;
}

static void note(struct rig *r, const char *what)
{
	strncat(r->log, what, sizeof(r->log) - strlen(r->log) - 1);
}

static void on_long_work(void *ctx)
{
	struct timespec nap = { 0, 30000000 };

	(void)ctx;
	nanosleep(&nap, NULL);
}

static void on_done(void *ctx)
{
	struct rig *r = ctx;

	loop_stop(r->loop);
}

static void the_longest_turn_is_known(void **state)
{
	struct rig *r = *state;
	struct loop_timer *work = loop_timer_new(r->loop, on_long_work, r);
	struct loop_timer *done = loop_timer_new(r->loop, on_done, r);

	assert_int_equal(loop_longest_us(r->loop), 0);
	loop_timer_at(work, loop_now(r->loop));
	loop_timer_at(done, loop_now(r->loop) + US_PER_S);
	loop_run(r->loop);
	assert_true(loop_longest_us(r->loop) >= 30 * US_PER_MS);
	assert_true(loop_longest_us(r->loop) < 800 * US_PER_MS);	/* waiting is no work */
	loop_timer_free(work);
	loop_timer_free(done);
}

#define TIMERS 500

struct early {
	struct rig *r;
	struct loop_timer *timer;
	mono_t due;
	int *early, *left;
};

static void on_early(void *ctx)
{
	struct early *e = ctx;

	*e->early += loop_now(e->r->loop) < e->due;
	if (--*e->left == 0)
		loop_stop(e->r->loop);
}

static void a_timer_is_never_early(void **state)
{
	struct rig *r = *state;
	static struct early e[TIMERS];
	int early = 0, left = TIMERS;

	for (int i = 0; i < TIMERS; i++) {
		e[i] = (struct early){ .r = r, .early = &early, .left = &left };
		e[i].timer = loop_timer_new(r->loop, on_early, &e[i]);
		e[i].due = loop_now(r->loop) + i * 137 + 13;
		loop_timer_at(e[i].timer, e[i].due);
	}
	loop_run(r->loop);
	assert_int_equal(early, 0);
	assert_int_equal(left, 0);
	for (int i = 0; i < TIMERS; i++)
		loop_timer_free(e[i].timer);
}

static void on_stop(void *ctx)
{
	struct rig *r = ctx;

	note(r, "t");
	loop_stop(r->loop);
}

static void on_never(void *ctx)
{
	note(ctx, "never");
}

static void a_due_in_the_past_fires_and_never_does_not(void **state)
{
	struct rig *r = *state;
	struct loop_timer *past = loop_timer_new(r->loop, on_stop, r);
	struct loop_timer *never = loop_timer_new(r->loop, on_never, r);

	loop_timer_at(never, loop_now(r->loop));
	loop_timer_at(never, MONO_NEVER);
	loop_timer_at(past, loop_now(r->loop) - US_PER_S);
	loop_run(r->loop);
	assert_string_equal(r->log, "t");
	loop_timer_free(past);
	loop_timer_free(never);
}

static void on_end_a(void *ctx)
{
	note(ctx, "a");
}

static void on_end_b(void *ctx)
{
	note(ctx, "b");
}

static void on_flush(void *ctx)
{
	note(ctx, "f");
}

static void a_turn_ends_in_order_and_flushes_last(void **state)
{
	struct rig *r = *state;
	struct loop_timer *t = loop_timer_new(r->loop, on_stop, r);
	char other;

	loop_on_flush(r->loop, on_flush, r);
	loop_on_turn_end(r->loop, on_end_a, r);
	loop_on_turn_end(r->loop, on_end_b, r);
	loop_on_turn_end(r->loop, on_never, &other);
	loop_off_turn(r->loop, &other);
	loop_timer_at(t, loop_now(r->loop));
	loop_run(r->loop);
	/* Before the first poll, then the timer that stops the loop. */
	assert_string_equal(r->log, "abft");
	loop_timer_free(t);
}

struct reader {
	struct rig *r;
	struct loop_io *io;
	int fd;
};

static void on_readable(void *ctx, bool readable, bool writable)
{
	struct reader *rd = ctx;
	struct rig *r = rd->r;
	char c;

	assert_true(readable);
	assert_false(writable);
	assert_int_equal(read(rd->fd, &c, 1), 1);
	note(r, "r");
	if (c == '2') {
		loop_io_free(rd->io);	/* in its own callback */
		loop_stop(r->loop);
	}
}

static void a_watcher_may_go_in_its_own_callback(void **state)
{
	struct rig *r = *state;
	struct reader rd = { .r = r };
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	rd.fd = fds[0];
	rd.io = loop_io_new(r->loop, fds[0], false, false, on_readable, &rd);
	assert_int_equal(write(fds[1], "12", 2), 2);
	loop_io_set(rd.io, true, false);
	loop_run(r->loop);
	assert_string_equal(r->log, "rr");
	close(fds[0]);
	close(fds[1]);
}

static void on_wake(void *ctx)
{
	struct rig *r = ctx;

	note(r, "w");
	loop_stop(r->loop);
}

static void *send_wake(void *arg)
{
	struct timespec ms = { 0, 2000000 };

	nanosleep(&ms, NULL);
	loop_wake_send(arg);
	return NULL;
}

static void another_thread_wakes_it(void **state)
{
	struct rig *r = *state;
	struct loop_wake *w = loop_wake_new(r->loop, on_wake, r);
	pthread_t t;
	mono_t before;

	loop_wake_send(w);
	loop_wake_send(w);	/* one callback for both */
	loop_run(r->loop);
	assert_string_equal(r->log, "w");

	before = loop_now(r->loop);
	assert_int_equal(pthread_create(&t, NULL, send_wake, w), 0);
	loop_run(r->loop);
	pthread_join(t, NULL);
	assert_string_equal(r->log, "ww");
	assert_true(loop_now(r->loop) >= before + 2 * US_PER_MS);	/* the turn's own time */
	loop_wake_free(w);
}

static void on_signal(void *ctx, int signo)
{
	struct rig *r = ctx;

	note(r, signo == SIGUSR1 ? "s" : "?");
	loop_stop(r->loop);
}

static void a_signal_arrives_in_the_loop(void **state)
{
	struct rig *r = *state;

	loop_on_signal(r->loop, SIGUSR1, on_signal, r);
	raise(SIGUSR1);
	loop_run(r->loop);
	assert_string_equal(r->log, "s");
}

static void time_stands_still_within_a_turn(void **state)
{
	struct rig *r = *state;
	mono_t before = loop_now(r->loop);
	struct timespec ms = { 0, 2000000 };

	nanosleep(&ms, NULL);
	assert_int_equal(loop_now(r->loop), before);
	loop_now_update(r->loop);
	assert_true(loop_now(r->loop) >= before + 2 * US_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(the_longest_turn_is_known),
		T(a_timer_is_never_early),
		T(a_due_in_the_past_fires_and_never_does_not),
		T(a_turn_ends_in_order_and_flushes_last),
		T(a_watcher_may_go_in_its_own_callback),
		T(another_thread_wakes_it),
		T(a_signal_arrives_in_the_loop),
		T(time_stands_still_within_a_turn),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
