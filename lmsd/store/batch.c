/* store/batch.c - what one turn wants stored. The order of the operations is kept, so a later one
 * on the same key wins when the batch is written.
 */
#include "store/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct store_batch *store_batch_new(void)
{
	struct store_batch *b = xcalloc(1, sizeof(*b));

	arena_init(&b->arena);
	return b;
}

static struct store_op *batch_add(struct store_batch *b, enum store_table table, const char *key)
{
	size_t len = strlen(key);
	struct store_op *op;

	lms_assert(table < STORE_TABLE_COUNT);
	lms_assert(len > 0 && len <= STORE_KEY_MAX);
	if (b->count == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 8;
		b->ops = xrealloc(b->ops, b->cap * sizeof(b->ops[0]));
	}
	op = &b->ops[b->count++];
	*op = (struct store_op){ .table = table, .key = arena_strndup(&b->arena, key, len) };
	return op;
}

void store_batch_put(struct store_batch *b, enum store_table table, const char *key,
		     const char *json, size_t len)
{
	struct store_op *op = batch_add(b, table, key);

	lms_assert(len > 0);
	op->value = arena_copy(&b->arena, json, len);
	op->len = len;
}

void store_batch_del(struct store_batch *b, enum store_table table, const char *key)
{
	batch_add(b, table, key);
}

size_t store_batch_count(const struct store_batch *b)
{
	return b->count;
}

const struct store_op *store_batch_op(const struct store_batch *b, size_t index)
{
	lms_assert(index < b->count);
	return &b->ops[index];
}

void store_batch_free(struct store_batch *b)
{
	if (!b)
		return;
	arena_fini(&b->arena);
	free(b->ops);
	free(b);
}
