/* net/loop.h - the event loop: sockets, timers, wake-ups from other threads, signals.
 *
 * The only room that knows the event library. One loop per process (the loop owns its signals);
 * everything here but loop_wake_send() belongs to the thread that runs the loop. Callbacks may free
 * the watcher that called them. Out of memory does not return (exit 70).
 * loop_new() ignores SIGPIPE for the process: TLS writes cannot ask for MSG_NOSIGNAL.
 */
#pragma once

#include <stdbool.h>

#include "base/types.h"

struct loop;
struct loop_io;
struct loop_timer;
struct loop_wake;

struct loop *loop_new(void);
void loop_free(struct loop *l);		/* after its watchers */
void loop_run(struct loop *l);		/* until loop_stop() */
void loop_stop(struct loop *l);

mono_t loop_now(const struct loop *l);	/* taken once per turn, after the poll */
void loop_now_update(struct loop *l);	/* after long work */
wall_t loop_wall(void);

/* The longest time, of the last 10 to 20 s, for which the loop was away from its poll: for so long a descriptor or a
 * timer may have waited. What the system took from the process counts too. */
int64_t loop_longest_us(const struct loop *l);

/* Level-triggered. An error or hang-up of the descriptor reports as what is waited for. */
struct loop_io *loop_io_new(struct loop *l, int fd, bool rd, bool wr,
			    void (*cb)(void *ctx, bool readable, bool writable), void *ctx);
void loop_io_set(struct loop_io *io, bool rd, bool wr);
void loop_io_free(struct loop_io *io);	/* NULL is fine; the descriptor stays open */

/* One shot; never early: loop_now() >= due when it calls. A due in the past fires next turn. */
struct loop_timer *loop_timer_new(struct loop *l, void (*cb)(void *ctx), void *ctx);
void loop_timer_at(struct loop_timer *t, mono_t due);	/* MONO_NEVER stops */
void loop_timer_free(struct loop_timer *t);

/* Several sends before the loop turns are one callback. */
struct loop_wake *loop_wake_new(struct loop *l, void (*cb)(void *ctx), void *ctx);
void loop_wake_send(struct loop_wake *w);	/* from any thread */
void loop_wake_free(struct loop_wake *w);

/* After all callbacks of one turn, in the order of registration. A turn ends before the loop blocks, and after a
 * few dozen descriptors at the latest. */
void loop_on_turn_end(struct loop *l, void (*cb)(void *ctx), void *ctx);
/* After every turn-end callback: the transports write here what the turn has queued. */
void loop_on_flush(struct loop *l, void (*cb)(void *ctx), void *ctx);
/* Forgets the turn-end and flush callbacks of ctx: before its owner goes. Not from within one. */
void loop_off_turn(struct loop *l, void *ctx);

void loop_on_signal(struct loop *l, int signo, void (*cb)(void *ctx, int signo), void *ctx);
