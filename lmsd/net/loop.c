/* net/loop.c - libev behind the loop's contract; the only file that includes ev.h.
 *
 * The monotonic time of a turn is our own reading: ev_now() is wall time and jumps with the clock.
 */
#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <ev.h>

#include "base/arena.h"
#include "base/err.h"

/* A turn ends after so many descriptors at the latest, though the poll named more: what was read of a connection is
 * still in the processor's cache when its answer is written, and nobody waits for a thousand others. */
#define TURN_IO_MAX 32

#define LONGEST_WINDOW_US (10 * US_PER_S)

struct turn_hook {
	struct turn_hook *next;
	void (*cb)(void *ctx);
	void *ctx;
};

struct signal_hook {
	ev_signal w;
	struct signal_hook *next;
	void (*cb)(void *ctx, int signo);
	void *ctx;
};

struct loop {
	struct ev_loop *ev;
	ev_check after_poll;
	ev_prepare before_poll;
	mono_t now;
	mono_t polled;		/* when the latest poll returned */
	mono_t window;		/* `longest` is of the time since then, `longest_before` of the window before */
	int64_t longest, longest_before;
	int handled;		/* descriptors in this turn */
	struct turn_hook *on_turn_end, *on_flush;
	struct signal_hook *signals;
};

struct loop_io {
	ev_io w;
	struct loop *loop;
	void (*cb)(void *ctx, bool readable, bool writable);
	void *ctx;
};

struct loop_timer {
	ev_timer w;
	struct loop *loop;
	mono_t due;
	void (*cb)(void *ctx);
	void *ctx;
};

struct loop_wake {
	ev_async w;
	struct loop *loop;
	void (*cb)(void *ctx);
	void *ctx;
};

static mono_t clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

wall_t loop_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static void on_after_poll(struct ev_loop *ev, ev_check *w, int revents)
{
	struct loop *l = w->data;

	(void)ev, (void)revents;
	l->now = l->polled = clock_mono();
}

static void note_length(struct loop *l)
{
	mono_t now = clock_mono();
	int64_t us = now - l->polled;

	if (now - l->window >= LONGEST_WINDOW_US) {
		l->longest_before = now - l->window < 2 * LONGEST_WINDOW_US ? l->longest : 0;
		l->longest = 0;
		l->window = now;
	}
	if (us > l->longest)
		l->longest = us;
}

int64_t loop_longest_us(const struct loop *l)
{
	return l->longest > l->longest_before ? l->longest : l->longest_before;
}

static void turn_end(struct loop *l)
{
	l->handled = 0;
	for (struct turn_hook *h = l->on_turn_end; h; h = h->next)
		h->cb(h->ctx);
	for (struct turn_hook *h = l->on_flush; h; h = h->next)
		h->cb(h->ctx);
}

static void on_before_poll(struct ev_loop *ev, ev_prepare *w, int revents)
{
	(void)ev, (void)revents;
	turn_end(w->data);
	note_length(w->data);
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	signal(SIGPIPE, SIG_IGN);
	l->ev = ev_loop_new(EVFLAG_AUTO);
	lms_assert(l->ev);
	l->now = l->polled = l->window = clock_mono();

	/* Highest priority: the turn's time is there before any other callback of the turn. */
	ev_check_init(&l->after_poll, on_after_poll);
	ev_set_priority(&l->after_poll, EV_MAXPRI);
	l->after_poll.data = l;
	ev_check_start(l->ev, &l->after_poll);

	ev_prepare_init(&l->before_poll, on_before_poll);
	ev_set_priority(&l->before_poll, EV_MINPRI);
	l->before_poll.data = l;
	ev_prepare_start(l->ev, &l->before_poll);
	return l;
}

static void hooks_free(struct turn_hook *h)
{
	while (h) {
		struct turn_hook *next = h->next;

		free(h);
		h = next;
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->signals) {
		struct signal_hook *h = l->signals;

		l->signals = h->next;
		ev_signal_stop(l->ev, &h->w);
		free(h);
	}
	hooks_free(l->on_turn_end);
	hooks_free(l->on_flush);
	ev_check_stop(l->ev, &l->after_poll);
	ev_prepare_stop(l->ev, &l->before_poll);
	ev_loop_destroy(l->ev);
	free(l);
}

void loop_run(struct loop *l)
{
	ev_now_update(l->ev);
	l->now = l->polled = clock_mono();
	ev_run(l->ev, 0);
}

void loop_stop(struct loop *l)
{
	ev_break(l->ev, EVBREAK_ALL);
}

mono_t loop_now(const struct loop *l)
{
	return l->now;
}

void loop_now_update(struct loop *l)
{
	ev_now_update(l->ev);
	l->now = clock_mono();
}

static int io_events(bool rd, bool wr)
{
	return (rd ? EV_READ : 0) | (wr ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop_io *io = w->data;
	struct loop *l = io->loop;

	(void)ev;
	io->cb(io->ctx, revents & EV_READ, revents & EV_WRITE);
	if (++l->handled < TURN_IO_MAX)
		return;
	turn_end(l);
	l->now = clock_mono();
}

struct loop_io *loop_io_new(struct loop *l, int fd, bool rd, bool wr,
			    void (*cb)(void *ctx, bool readable, bool writable), void *ctx)
{
	struct loop_io *io = xcalloc(1, sizeof(*io));

	io->loop = l;
	io->cb = cb;
	io->ctx = ctx;
	ev_io_init(&io->w, on_io, fd, io_events(rd, wr));
	io->w.data = io;
	if (rd || wr)
		ev_io_start(l->ev, &io->w);
	return io;
}

void loop_io_set(struct loop_io *io, bool rd, bool wr)
{
	int events = io_events(rd, wr);
	bool active = ev_is_active(&io->w);

	if (active == (rd || wr) && (io->w.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(io->loop->ev, &io->w);
	ev_io_set(&io->w, io->w.fd, events);
	if (rd || wr)
		ev_io_start(io->loop->ev, &io->w);
}

void loop_io_free(struct loop_io *io)
{
	if (!io)
		return;
	ev_io_stop(io->loop->ev, &io->w);
	free(io);
}

static void timer_arm(struct loop_timer *t)
{
	mono_t wait = t->due > t->loop->now ? t->due - t->loop->now : 0;

	ev_timer_set(&t->w, (ev_tstamp)wait / (ev_tstamp)US_PER_S, 0.);
	ev_timer_start(t->loop->ev, &t->w);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct loop_timer *t = w->data;

	(void)revents;
	/* The library compares its own clock reading, as a double: it may be some us early. */
	if (t->loop->now < t->due) {
		ev_now_update(ev);
		t->loop->now = clock_mono();
		if (t->loop->now < t->due) {
			timer_arm(t);
			return;
		}
	}
	t->cb(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	t->loop = l;
	t->cb = cb;
	t->ctx = ctx;
	ev_timer_init(&t->w, on_timer, 0., 0.);
	t->w.data = t;
	return t;
}

void loop_timer_at(struct loop_timer *t, mono_t due)
{
	ev_timer_stop(t->loop->ev, &t->w);
	t->due = due;
	if (due != MONO_NEVER)
		timer_arm(t);
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	ev_timer_stop(t->loop->ev, &t->w);
	free(t);
}

static void on_wake(struct ev_loop *ev, ev_async *w, int revents)
{
	struct loop_wake *wake = w->data;

	(void)ev, (void)revents;
	wake->cb(wake->ctx);
}

struct loop_wake *loop_wake_new(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	struct loop_wake *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->cb = cb;
	w->ctx = ctx;
	ev_async_init(&w->w, on_wake);
	w->w.data = w;
	ev_async_start(l->ev, &w->w);
	return w;
}

void loop_wake_send(struct loop_wake *w)
{
	ev_async_send(w->loop->ev, &w->w);
}

void loop_wake_free(struct loop_wake *w)
{
	if (!w)
		return;
	ev_async_stop(w->loop->ev, &w->w);
	free(w);
}

static void hook_append(struct turn_hook **list, void (*cb)(void *ctx), void *ctx)
{
	struct turn_hook *h = xcalloc(1, sizeof(*h));

	h->cb = cb;
	h->ctx = ctx;
	while (*list)
		list = &(*list)->next;
	*list = h;
}

static void hook_remove(struct turn_hook **list, const void *ctx)
{
	while (*list) {
		struct turn_hook *h = *list;

		if (h->ctx == ctx) {
			*list = h->next;
			free(h);
		} else {
			list = &h->next;
		}
	}
}

void loop_on_turn_end(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	hook_append(&l->on_turn_end, cb, ctx);
}

void loop_on_flush(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	hook_append(&l->on_flush, cb, ctx);
}

void loop_off_turn(struct loop *l, void *ctx)
{
	hook_remove(&l->on_turn_end, ctx);
	hook_remove(&l->on_flush, ctx);
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct signal_hook *h = w->data;

	(void)ev, (void)revents;
	h->cb(h->ctx, w->signum);
}

void loop_on_signal(struct loop *l, int signo, void (*cb)(void *ctx, int signo), void *ctx)
{
	struct signal_hook *h = xcalloc(1, sizeof(*h));

	h->cb = cb;
	h->ctx = ctx;
	ev_signal_init(&h->w, on_signal, signo);
	h->w.data = h;
	h->next = l->signals;
	l->signals = h;
	ev_signal_start(l->ev, &h->w);
}
