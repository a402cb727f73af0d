/* base/arena.c - bump allocation in a chain of blocks, newest first.
 *
 * Invariant: only the head block has room; memory that was handed out never moves. An arena with
 * a budget serves peer input, so it reports what it cannot give; one without ends the process.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define BLOCK_SMALL ((size_t)128)
#define BLOCK_MIN ((size_t)2048)
#define BLOCK_MAX ((size_t)65536)

struct arena_block {
	struct arena_block *next;
	size_t size; /* of mem */
	size_t used;
	alignas(max_align_t) unsigned char mem[];
};

static _Noreturn void out_of_memory(void)
{
	fputs("lms: out of memory\n", stderr);
	_Exit(lms_err_exit_status(LMS_ENOMEM));
}

void arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
}

void arena_init_small(struct arena *a)
{
	arena_init(a);
	a->small = true;
}

void arena_init_budget(struct arena *a, size_t budget)
{
	arena_init(a);
	a->budget = budget;
}

static void free_blocks(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_fini(struct arena *a)
{
	free_blocks(a->head);
	a->head = NULL;
	a->used = 0;
}

/* A block that one large document forced is not kept: arenas live as long as their connection. */
void arena_reset(struct arena *a)
{
	if (a->head && a->head->size > BLOCK_MAX) {
		arena_fini(a);
	} else if (a->head) {
		free_blocks(a->head->next);
		a->head->next = NULL;
		a->head->used = 0;
	}
	a->used = 0;
}

/* Blocks double, so a large document costs few mallocs and a small one little memory. */
static struct arena_block *add_block(struct arena *a, size_t need)
{
	size_t size = a->head ? a->head->size * 2 : a->small ? BLOCK_SMALL : BLOCK_MIN;
	struct arena_block *block;

	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < need)
		size = need;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	block->used = 0;
	block->next = a->head;
	a->head = block;
	return block;
}

static void *refuse(const struct arena *a)
{
	if (a->budget == 0)
		out_of_memory();
	return NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block = a->head;
	void *p;

	if (size > PTRDIFF_MAX - sizeof(*block) - align)
		return refuse(a);
	size = (size + align - 1) / align * align;
	if (size == 0)
		size = align;
	if (a->budget && (size > a->budget || a->used > a->budget - size))
		return NULL;
	if (!block || block->size - block->used < size) {
		block = add_block(a, size);
		if (!block)
			return refuse(a);
	}
	p = block->mem + block->used;
	block->used += size;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return refuse(a);
	return arena_alloc(a, count * size);
}

void *arena_copy(struct arena *a, const void *p, size_t len)
{
	void *copy = arena_alloc(a, len);

	if (copy && len)
		memcpy(copy, p, len);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy;

	if (!s)
		return NULL;
	len = strnlen(s, len);
	copy = arena_alloc(a, len + 1);
	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	lms_assert(len >= 0);
	text = arena_alloc(a, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}
