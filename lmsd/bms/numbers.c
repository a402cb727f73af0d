/* bms/numbers.c - numbers of objects, by kind and id. */
#include "bms/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* The pure rooms may not reach exit(): memory that is short ends the process in xmalloc. */
#define uthash_fatal(msg) lms_assert_failed(msg, __FILE__, __LINE__)
#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

#define OBJECT_ID_MAX (ID_MAX + 8)	/* "STATION/64" */
#define KEY_MAX	      (OBJECT_ID_MAX + 12)

struct given {
	UT_hash_handle hh;
	char key[KEY_MAX];		/* "connector A/1" */
	enum bms_kind kind;
	int number;
};

struct bms_numbers {
	struct given *all;		/* by key */
	struct given **by_number[BMS_KINDS];	/* [number - 1]; NULL = nobody's */
	int top[BMS_KINDS];
};

struct bms_numbers *bms_numbers_new(void)
{
	struct bms_numbers *n = xcalloc(1, sizeof(*n));

	for (int kind = 0; kind < BMS_KINDS; kind++)
		n->by_number[kind] = xcalloc(bms_blocks[kind].count, sizeof(struct given *));
	return n;
}

void bms_numbers_free(struct bms_numbers *n)
{
	struct given *g, *next;

	if (!n)
		return;
	HASH_ITER(hh, n->all, g, next) {
		HASH_DEL(n->all, g);
		free(g);
	}
	for (int kind = 0; kind < BMS_KINDS; kind++)
		free(n->by_number[kind]);
	free(n);
}

static const char *make_key(enum bms_kind kind, const char *id, char *key)
{
	snprintf(key, KEY_MAX, "%s %s", bms_blocks[kind].name, id);
	return key;
}

static const char *id_of(const struct given *g)
{
	return strchr(g->key, ' ') + 1;
}

static struct given *find(const struct bms_numbers *n, const char *key)
{
	struct given *g;

	HASH_FIND_STR(n->all, key, g);
	return g;
}

static struct given *add(struct bms_numbers *n, enum bms_kind kind, const char *key, int number)
{
	struct given *g = xcalloc(1, sizeof(*g));

	snprintf(g->key, sizeof(g->key), "%s", key);
	g->kind = kind;
	g->number = number;
	HASH_ADD_STR(n->all, key, g);
	n->by_number[kind][number - 1] = g;
	if (number > n->top[kind])
		n->top[kind] = number;
	return g;
}

static void drop(struct bms_numbers *n, struct given *g)
{
	n->by_number[g->kind][g->number - 1] = NULL;
	HASH_DEL(n->all, g);
	free(g);
}

int bms_number(const struct bms_numbers *n, enum bms_kind kind, const char *id)
{
	char key[KEY_MAX];
	const struct given *g = find(n, make_key(kind, id, key));

	return g ? g->number : 0;
}

const char *bms_number_id(const struct bms_numbers *n, enum bms_kind kind, int number)
{
	const struct given *g = n->by_number[kind][number - 1];

	return g ? id_of(g) : NULL;
}

int bms_number_top(const struct bms_numbers *n, enum bms_kind kind)
{
	return n->top[kind];
}

/* A number for a new object; what had it is forgotten. 0 = there is none. */
static int free_number(struct bms_numbers *n, enum bms_kind kind,
		       bool (*is_there)(void *ctx, enum bms_kind kind, const char *id), void *ctx, struct effects *fx)
{
	if (n->top[kind] < bms_blocks[kind].count)
		return n->top[kind] + 1;
	for (int i = 0; i < bms_blocks[kind].count; i++) {
		struct given *g = n->by_number[kind][i];

		if (g && is_there(ctx, kind, id_of(g)))
			continue;
		if (g) {
			fx_del(fx, STORE_BMS, g->key);
			drop(n, g);
		}
		return i + 1;
	}
	return 0;
}

int bms_number_give(struct bms_numbers *n, enum bms_kind kind, const char *id,
		    bool (*is_there)(void *ctx, enum bms_kind kind, const char *id), void *ctx, struct effects *fx)
{
	struct json_writer w;
	char key[KEY_MAX];
	const struct given *g = find(n, make_key(kind, id, key));
	struct buf b;
	int number;

	if (g)
		return g->number;
	number = free_number(n, kind, is_there, ctx, fx);
	if (!number)
		return 0;
	add(n, kind, key, number);
	buf_init(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kint(&w, "number", number);
	jw_object_end(&w);
	fx_put(fx, STORE_BMS, key, b.data, b.len);
	buf_fini(&b);
	return number;
}

int bms_numbers_load(struct bms_numbers *n, const char *key, const char *json, size_t len, struct diag *diag)
{
	size_t name = strcspn(key, " ");
	int64_t number = 0;
	struct arena arena;
	int kind = 0, ret;

	while (kind < BMS_KINDS && (strlen(bms_blocks[kind].name) != name || memcmp(bms_blocks[kind].name, key, name) != 0))
		kind++;
	if (kind == BMS_KINDS || key[name] != ' ' || strlen(key) >= KEY_MAX)
		return diag_set(diag, -LMS_EDATA, "is no object of the map");
	arena_init(&arena);
	ret = json_int(json_get(json_parse(&arena, json, len, &JSON_CAPS_DEFAULT, NULL), "number"), &number);
	arena_fini(&arena);
	if (ret || number < 1 || number > bms_blocks[kind].count || find(n, key) || n->by_number[kind][number - 1])
		return diag_set(diag, -LMS_EDATA, "is no number of a %s, or is given already", bms_blocks[kind].name);
	add(n, (enum bms_kind)kind, key, (int)number);
	return 0;
}
