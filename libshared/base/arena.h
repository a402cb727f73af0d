/* base/arena.h - memory that is freed all at once: per message, per turn, per generation.
 *
 * Allocation failure: arena_alloc returns NULL when the arena has a budget (peer input),
 * else calls the out-of-memory handler, which does not return (exit 70: a restart loses nothing).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used;		/* bytes handed out */
	size_t budget;		/* 0 = unbounded */
	bool small;
};

void arena_init(struct arena *a);
void arena_init_small(struct arena *a);	/* for one of many thousands: begins with a block of 128 bytes */
void arena_init_budget(struct arena *a, size_t budget);
void arena_fini(struct arena *a);	/* frees everything; the arena may be used again */
void arena_reset(struct arena *a);	/* as fini, but keeps one block for reuse */

void *arena_alloc(struct arena *a, size_t size);		/* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t size);	/* overflow-checked */
void *arena_copy(struct arena *a, const void *p, size_t len);
char *arena_strdup(struct arena *a, const char *s);		/* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* malloc family that does not return NULL: prints and exits 70. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
